#include "retry.h"

#include "hints.h"

#include <string.h>

static struct expstart__meaning meaning(enum expstart__class class, int error) {
  return (struct expstart__meaning){.class = class, .error = error};
}

static bool is_throttle(const struct expstart__report *report) {
  return report->http_status == 429 ||
         (report->http_status == 503 && report->hints.retry_after_ms != EXPSTART__NO_HINT);
}

static bool is_success(int status) {
  return status >= 200 && status < 300;
}

static struct expstart__meaning classify_start(const struct expstart__report *report) {
  int status = report->http_status;
  if (is_success(status)) {
    if (!report->intact || !report->reply.readable || report->reply.ok < 0)
      return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
    return report->reply.ok ? meaning(EXPSTART__YES, EXPSTART_OK)
                            : meaning(EXPSTART__NO, EXPSTART_EREJECTED);
  }
  if (status == 401 || status == 403)
    return meaning(EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
  if (status == 408 || status == 425)
    return meaning(EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
  if (status == 503)
    return meaning(EXPSTART__NOT_DONE, EXPSTART_ESERVER);
  if (status >= 500)
    return meaning(EXPSTART__MAYBE, EXPSTART_ESERVER);
  return meaning(EXPSTART__NO, EXPSTART_EREJECTED);
}

static struct expstart__meaning classify_look(const struct expstart__report *report,
                                              int64_t experiment_id) {
  int status = report->http_status;
  if (is_success(status)) {
    const struct expstart__reply *reply = &report->reply;
    if (!report->intact || !reply->readable || !reply->state ||
        reply->experiment_id != experiment_id)
      return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
    return strcmp(reply->state, "running") == 0 ? meaning(EXPSTART__YES, EXPSTART_OK)
                                                : meaning(EXPSTART__NOT_RUNNING, EXPSTART_OK);
  }
  if (status >= 500 || status == 408 || status == 425)
    return meaning(EXPSTART__MAYBE, status >= 500 ? EXPSTART_ESERVER : EXPSTART_ETRANSPORT);
  return meaning(EXPSTART__NO,
                 status == 401 || status == 403 ? EXPSTART_EREFUSED : EXPSTART_EREJECTED);
}

struct expstart__meaning expstart__retry_classify(const struct expstart__report *report,
                                                  expstart_attempt_kind kind,
                                                  int64_t experiment_id) {
  int lost = report->timed_out ? EXPSTART_ETIMEDOUT : EXPSTART_ETRANSPORT;
  switch (report->fate) {
  case EXPSTART__UNSENT:
    return meaning(EXPSTART__NOT_DONE, lost);
  case EXPSTART__CERT:
    return meaning(EXPSTART__CERT_REFUSED, EXPSTART_ECERT);
  case EXPSTART__LOST:
    return meaning(EXPSTART__MAYBE, lost);
  case EXPSTART__REPLIED:
    break;
  }
  if (is_throttle(report))
    return meaning(EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
  return kind == EXPSTART_ATTEMPT_START ? classify_start(report)
                                        : classify_look(report, experiment_id);
}

static struct expstart__verdict end(expstart_outcome outcome, int error) {
  return (struct expstart__verdict){.action = EXPSTART__END, .outcome = outcome, .error = error};
}

static struct expstart__verdict go_on(enum expstart__action action) {
  return (struct expstart__verdict){.action = action};
}

static void count(uint8_t *counter) {
  if (*counter < UINT8_MAX)
    (*counter)++;
}

static void count_fault(uint8_t *faults, struct expstart__meaning seen) {
  if (!seen.excused)
    count(faults);
}

struct expstart__verdict expstart__retry_give_up(const struct expstart__request *request,
                                                 int error) {
  /* A refusal that was to be confirmed stands, unless an earlier attempt makes it doubtful:
     "already running" may be what our own lost start has done. */
  if (request->refused && !request->ever_maybe)
    return end(EXPSTART_REJECTED, EXPSTART_EREJECTED);
  if (request->maybe || request->refused)
    return end(EXPSTART_UNKNOWN, error);
  return end(error == EXPSTART_ECANCELED ? EXPSTART_CANCELED : EXPSTART_FAILED, error);
}

static struct expstart__verdict judge_refusal(struct expstart__request *request,
                                              expstart_confirm confirm) {
  bool look = confirm == EXPSTART_CONFIRM_ON_REFUSAL ||
              (confirm == EXPSTART_CONFIRM_AFTER_UNKNOWN && request->ever_maybe);
  if (look) {
    request->refused = true;
    return go_on(EXPSTART__THEN_LOOK);
  }
  return end(request->maybe ? EXPSTART_UNKNOWN : EXPSTART_REJECTED, EXPSTART_EREJECTED);
}

static struct expstart__verdict judge_start(struct expstart__request *request,
                                            struct expstart__meaning seen, expstart_confirm confirm,
                                            uint32_t max_attempts) {
  switch (seen.class) {
  case EXPSTART__YES:
    return end(EXPSTART_STARTED, EXPSTART_OK);
  case EXPSTART__NO:
    return judge_refusal(request, confirm);
  case EXPSTART__KEY_REFUSED:
    return end(request->maybe ? EXPSTART_UNKNOWN : EXPSTART_REJECTED, seen.error);
  case EXPSTART__NOT_DONE:
    count_fault(&request->faults, seen);
    return request->faults >= max_attempts ? expstart__retry_give_up(request, seen.error)
                                           : go_on(EXPSTART__AGAIN);
  case EXPSTART__MAYBE:
    count_fault(&request->faults, seen);
    request->maybe = request->ever_maybe = true;
    if (confirm != EXPSTART_CONFIRM_NEVER)
      return go_on(EXPSTART__THEN_LOOK);
    return request->faults >= max_attempts ? expstart__retry_give_up(request, seen.error)
                                           : go_on(EXPSTART__AGAIN);
  default:
    return expstart__retry_give_up(request, seen.error);
  }
}

static struct expstart__verdict judge_not_running(struct expstart__request *request,
                                                  uint32_t max_attempts) {
  if (request->mode == EXPSTART_LOOK)
    return end(EXPSTART_SEEN, EXPSTART_OK);
  request->maybe = false;
  if (request->refused)
    return end(EXPSTART_REJECTED, EXPSTART_EREJECTED);
  if (request->faults >= max_attempts)
    return end(EXPSTART_FAILED, request->last_error);
  return go_on(EXPSTART__START_AT_ONCE);
}

static struct expstart__verdict judge_look(struct expstart__request *request,
                                           struct expstart__meaning seen, uint32_t max_attempts) {
  switch (seen.class) {
  case EXPSTART__YES:
    return end(EXPSTART_RUNNING, EXPSTART_OK);
  case EXPSTART__NOT_RUNNING:
    return judge_not_running(request, max_attempts);
  case EXPSTART__NO:
    if (request->mode == EXPSTART_LOOK)
      return end(EXPSTART_REJECTED, seen.error);
    return expstart__retry_give_up(request, EXPSTART_EUNCONFIRMED);
  case EXPSTART__CERT_REFUSED:
    return expstart__retry_give_up(request, seen.error);
  default:
    count_fault(&request->look_faults, seen);
    return request->look_faults >= max_attempts ? expstart__retry_give_up(request, seen.error)
                                                : go_on(EXPSTART__AGAIN);
  }
}

struct expstart__verdict expstart__retry_judge(struct expstart__request *request,
                                               struct expstart__meaning seen,
                                               expstart_confirm confirm, uint32_t max_attempts) {
  struct expstart__verdict verdict;
  if (seen.class == EXPSTART__THROTTLED) {
    count(&request->streak);
    verdict = go_on(EXPSTART__AGAIN);
  } else {
    request->streak = 0;
    verdict = request->kind == EXPSTART_ATTEMPT_START
                  ? judge_start(request, seen, confirm, max_attempts)
                  : judge_look(request, seen, max_attempts);
  }
  if (verdict.action == EXPSTART__THEN_LOOK)
    request->look_faults = 0;
  /* Why it is FAILED in the end is what its starts met, not what a look-up did. */
  if (request->kind == EXPSTART_ATTEMPT_START && seen.error != EXPSTART_OK)
    request->last_error = (int8_t)seen.error;
  return verdict;
}

uint64_t expstart__retry_backoff_us(uint32_t failures, uint32_t base_ms, uint32_t cap_ms) {
  uint64_t ms = base_ms;
  for (uint32_t i = 1; i < failures && ms < cap_ms; i++)
    ms *= 2;
  return (ms < cap_ms ? ms : cap_ms) * 1000;
}

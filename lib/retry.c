#include "retry.h"

#include "hints.h"

#include <string.h>

static struct expstart__meaning meaning(enum expstart__class class, int error) {
  return (struct expstart__meaning){.class = class, .error = error};
}

/* A 403 that says when to come back is what some APIs call a secondary limit. */
static bool is_throttle(const struct expstart__report *report) {
  int status = report->http_status;
  return status == 429 ||
         ((status == 503 || status == 403) && report->hints.retry_after_ms != EXPSTART__NO_HINT);
}

static bool is_success(int status) {
  return status >= 200 && status < 300;
}

static bool is_other(const struct expstart__report *report, int64_t experiment_id) {
  return report->reply.experiment_id != 0 && report->reply.experiment_id != experiment_id;
}

static bool is_running(const struct expstart__reply *reply) {
  return strcmp(reply->state, "running") == 0;
}

/* The API's own 403 comes with words about this start, and a firewall's with a page: neither says
   anything of the key. Nor does what was cut off. */
static bool is_key_refused(const struct expstart__report *report) {
  return report->http_status == 401 || (report->http_status == 403 && report->intact &&
                                        !report->reply.readable && !report->reply.page);
}

static struct expstart__meaning refusal(int status) {
  return meaning(EXPSTART__NO, status == 403 ? EXPSTART_EFORBIDDEN : EXPSTART_EREJECTED);
}

static struct expstart__meaning classify_start(const struct expstart__report *report,
                                               int64_t experiment_id) {
  int status = report->http_status;
  const struct expstart__reply *reply = &report->reply;
  if (status == 408 || status == 425 || status == 407)
    return meaning(EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
  if (status == 503)
    return meaning(EXPSTART__NOT_DONE, EXPSTART_ESERVER);
  if (status >= 500)
    return meaning(EXPSTART__MAYBE, EXPSTART_ESERVER);
  if (is_key_refused(report))
    return meaning(EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
  if (is_other(report, experiment_id))
    return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  if (!is_success(status))
    return refusal(status);
  if (!report->intact || !reply->readable || reply->ok < 0)
    return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  if (!reply->ok)
    return refusal(status);
  if (reply->state && !is_running(reply))
    return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  return meaning(EXPSTART__YES, EXPSTART_OK);
}

/* A 403 to a look is never taken for a refused key: keys that may start may not be allowed to look. */
static struct expstart__meaning classify_look(const struct expstart__report *report,
                                              int64_t experiment_id) {
  int status = report->http_status;
  const struct expstart__reply *reply = &report->reply;
  if (status >= 500)
    return meaning(EXPSTART__MAYBE, EXPSTART_ESERVER);
  if (status == 408 || status == 425 || status == 407)
    return meaning(EXPSTART__MAYBE, EXPSTART_ETRANSPORT);
  if (status == 401)
    return meaning(EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
  if (is_other(report, experiment_id))
    return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  if (!is_success(status))
    return refusal(status);
  if (!report->intact || !reply->readable)
    return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  if (reply->ok == 0)
    return refusal(status);
  if (!reply->state || reply->experiment_id == 0)
    return meaning(EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  return is_running(reply) ? meaning(EXPSTART__YES, EXPSTART_OK)
                           : meaning(EXPSTART__NOT_RUNNING, EXPSTART_OK);
}

static struct expstart__meaning classify_sent(const struct expstart__report *report,
                                              expstart_attempt_kind kind, int64_t experiment_id) {
  if (report->fate == EXPSTART__LOST)
    return meaning(EXPSTART__MAYBE, report->timed_out ? EXPSTART_ETIMEDOUT : EXPSTART_ETRANSPORT);
  if (is_throttle(report))
    return meaning(EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
  return kind == EXPSTART_ATTEMPT_START ? classify_start(report, experiment_id)
                                        : classify_look(report, experiment_id);
}

struct expstart__meaning expstart__retry_classify(const struct expstart__report *report,
                                                  expstart_attempt_kind kind,
                                                  int64_t experiment_id) {
  if (report->fate == EXPSTART__CERT)
    return meaning(EXPSTART__CERT_REFUSED, EXPSTART_ECERT);
  if (report->fate == EXPSTART__UNSENT) {
    if (report->ours)
      return meaning(EXPSTART__OURS, EXPSTART_ERESOURCE);
    return meaning(EXPSTART__NOT_DONE,
                   report->timed_out ? EXPSTART_ETIMEDOUT : EXPSTART_ETRANSPORT);
  }
  struct expstart__meaning seen = classify_sent(report, kind, experiment_id);
  seen.stalled = seen.class == EXPSTART__MAYBE && report->timed_out;
  return seen;
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
     "already running" may be what our own lost start has done. That the key is refused is told all the
     same: it concerns what comes after too. */
  if (request->refused && !request->ever_maybe)
    return end(EXPSTART_REJECTED,
               error == EXPSTART_EREFUSED ? EXPSTART_EREFUSED : request->last_error);
  if (request->maybe || request->refused)
    return end(EXPSTART_UNKNOWN, error);
  return end(error == EXPSTART_ECANCELED ? EXPSTART_CANCELED : EXPSTART_FAILED, error);
}

static struct expstart__verdict judge_refusal(struct expstart__request *request,
                                              struct expstart__meaning seen,
                                              expstart_confirm confirm) {
  bool look = confirm == EXPSTART_CONFIRM_ON_REFUSAL ||
              (confirm == EXPSTART_CONFIRM_AFTER_UNKNOWN && request->ever_maybe);
  if (look) {
    request->refused = true;
    return go_on(EXPSTART__THEN_LOOK);
  }
  return end(request->maybe ? EXPSTART_UNKNOWN : EXPSTART_REJECTED, seen.error);
}

static struct expstart__verdict judge_start(struct expstart__request *request,
                                            struct expstart__meaning seen,
                                            const struct expstart__terms *terms) {
  switch (seen.class) {
  case EXPSTART__YES:
    return end(EXPSTART_STARTED, EXPSTART_OK);
  case EXPSTART__NO:
    return judge_refusal(request, seen, terms->confirm);
  case EXPSTART__KEY_REFUSED:
    return end(request->maybe ? EXPSTART_UNKNOWN : EXPSTART_REJECTED, seen.error);
  case EXPSTART__NOT_DONE:
    count_fault(&request->faults, seen);
    return request->faults >= terms->max_attempts ? expstart__retry_give_up(request, seen.error)
                                                  : go_on(EXPSTART__AGAIN);
  case EXPSTART__MAYBE:
    count_fault(&request->faults, seen);
    request->maybe = request->ever_maybe = true;
    request->settled = seen.stalled;
    if (terms->confirm != EXPSTART_CONFIRM_NEVER)
      return go_on(seen.stalled ? EXPSTART__SETTLE : EXPSTART__THEN_LOOK);
    return request->faults >= terms->max_attempts ? expstart__retry_give_up(request, seen.error)
                                                  : go_on(EXPSTART__AGAIN);
  default:
    return expstart__retry_give_up(request, seen.error);
  }
}

static struct expstart__verdict judge_not_running(struct expstart__request *request,
                                                  uint32_t max_attempts) {
  if (request->mode == EXPSTART_LOOK)
    return end(EXPSTART_SEEN, EXPSTART_OK);
  /* The API, or what a gateway gave up on, may be at work on it still. */
  if (request->maybe && !request->settled) {
    request->settled = true;
    return go_on(EXPSTART__SETTLE);
  }
  request->maybe = false;
  if (request->refused)
    return end(EXPSTART_REJECTED, request->last_error);
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
  case EXPSTART__KEY_REFUSED:
    if (request->mode == EXPSTART_LOOK)
      return end(EXPSTART_REJECTED, seen.error);
    return expstart__retry_give_up(request,
                                   seen.class == EXPSTART__NO ? EXPSTART_EUNCONFIRMED : seen.error);
  case EXPSTART__CERT_REFUSED:
    return expstart__retry_give_up(request, seen.error);
  default:
    count_fault(&request->look_faults, seen);
    return request->look_faults >= max_attempts ? expstart__retry_give_up(request, seen.error)
                                                : go_on(EXPSTART__AGAIN);
  }
}

/* What says nothing of the request itself: it goes again, and has had no attempt. */
static bool is_beside_the_point(struct expstart__meaning seen,
                                const struct expstart__terms *terms) {
  return seen.class == EXPSTART__THROTTLED || seen.class == EXPSTART__OURS ||
         (seen.class == EXPSTART__KEY_REFUSED && terms->hold_key_refused);
}

struct expstart__verdict expstart__retry_judge(struct expstart__request *request,
                                               struct expstart__meaning seen,
                                               const struct expstart__terms *terms) {
  struct expstart__verdict verdict;
  if (is_beside_the_point(seen, terms)) {
    if (seen.class == EXPSTART__THROTTLED)
      count(&request->streak);
    return go_on(seen.class == EXPSTART__KEY_REFUSED ? EXPSTART__HOLD : EXPSTART__AGAIN);
  }
  request->streak = 0;
  /* Why it is FAILED in the end is what its starts met, not what a look-up did. */
  if (request->kind == EXPSTART_ATTEMPT_START && seen.error != EXPSTART_OK)
    request->last_error = (int8_t)seen.error;
  verdict = request->kind == EXPSTART_ATTEMPT_START
                ? judge_start(request, seen, terms)
                : judge_look(request, seen, terms->max_attempts);
  if (verdict.action == EXPSTART__THEN_LOOK ||
      (verdict.action == EXPSTART__SETTLE && request->kind == EXPSTART_ATTEMPT_START))
    request->look_faults = 0;
  return verdict;
}

uint64_t expstart__retry_backoff_us(uint32_t failures, uint32_t base_ms, uint32_t cap_ms) {
  uint64_t ms = base_ms;
  for (uint32_t i = 1; i < failures && ms < cap_ms; i++)
    ms *= 2;
  return (ms < cap_ms ? ms : cap_ms) * 1000;
}

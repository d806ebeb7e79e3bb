#include "watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 4096, STEPS_MOST = 100000 };
static const uint64_t PATIENCE_US =
    5000000;                          /* of a probe that is not answered: another may follow */
static const uint64_t LATE_US = 3000; /* a timer's tick and the report of an aborted attempt */

/* The first one tells; what follows from it would only hide it. */
static void expect(struct sim_watch *watch, bool holds, const char *format, ...) {
  va_list values;
  if (holds || watch->failed)
    return;
  watch->failed = true;
  fprintf(stderr, "expstart-sim: seed %" PRIu64 ", at %.6f s: ", watch->seed,
          (double)(watch->network->now_us - watch->began_us) / 1e6);
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fprintf(stderr, "\n  again with: expstart-sim --seed %" PRIu64 "\n", watch->seed);
}

void sim_watch_open(struct sim_watch *watch, uint64_t seed, const struct sim_network *network,
                    const struct expstart_options *options, uint64_t records) {
  *watch = (struct sim_watch){.seed = seed,
                              .began_us = network->now_us,
                              .network = network,
                              .options = options,
                              .records = calloc((size_t)records + 1, sizeof *watch->records),
                              .record_count = records,
                              .sends_us = calloc(RING, sizeof *watch->sends_us)};
  if (!watch->records || !watch->sends_us) {
    perror("expstart-sim");
    exit(3);
  }
  sim_watch_rate(watch, options->rate_per_second, options->burst);
}

void sim_watch_close(struct sim_watch *watch) {
  free(watch->records);
  free(watch->sends_us);
  free(watch->grants);
}

struct sim_record *sim_watch_record(struct sim_watch *watch, int64_t experiment_id) {
  return &watch->records[experiment_id];
}

void sim_watch_submitted(struct sim_watch *watch, const struct expstart_request *request,
                         int status, expstart_ticket ticket) {
  struct sim_record *record = sim_watch_record(watch, request->experiment_id);
  if (status != EXPSTART_OK)
    return;
  *record = (struct sim_record){.ticket = ticket,
                                .submitted_us = watch->network->now_us,
                                .mode = (uint8_t)request->mode,
                                .timeout_ms = request->timeout_ms,
                                .accepted = true,
                                .doubt = request->mode == EXPSTART_LOOK_THEN_START};
  watch->accepted++;
}

/* ---- the configured rate ------------------------------------------------------------------------
 */

void sim_watch_rate(struct sim_watch *watch, double per_second, uint32_t burst) {
  watch->rate_per_s = per_second;
  watch->burst = burst;
  watch->tokens = burst;
  watch->filled_us = watch->network->now_us;
  watch->send_count = 0;
}

static void check_rate(struct sim_watch *watch) {
  uint64_t now_us = watch->network->now_us;
  if (watch->rate_per_s <= 0)
    return;
  if (watch->burst > 0) {
    const double rounding = 1e-3;
    watch->tokens += (double)(now_us - watch->filled_us) / 1e6 * watch->rate_per_s;
    watch->tokens = fmin(watch->tokens, watch->burst);
    watch->filled_us = now_us;
    expect(watch, watch->tokens >= 1 - rounding, "more is sent than %g a second with a burst of %u",
           watch->rate_per_s, watch->burst);
    watch->tokens -= 1;
    return;
  }
  uint64_t most = (uint64_t)ceil(watch->rate_per_s);
  if (most >= RING)
    return;
  if (watch->send_count >= most)
    expect(watch, now_us - watch->sends_us[(watch->send_count - most) % RING] >= 1000000,
           "more than %g are sent in a second", watch->rate_per_s);
  watch->sends_us[watch->send_count++ % RING] = now_us;
}

/* ---- permits -----------------------------------------------------------------------------------
 */

void sim_watch_permit(struct sim_watch *watch, uint64_t n, uint64_t until_us) {
  if (watch->grant_count % 64 == 0) {
    size_t more = (size_t)watch->grant_count + 64;
    watch->grants = realloc(watch->grants, more * sizeof *watch->grants);
    if (!watch->grants) {
      perror("expstart-sim");
      exit(3);
    }
  }
  watch->grants[watch->grant_count++] = (struct sim_grant){n, until_us};
}

static void check_permit(struct sim_watch *watch) {
  struct sim_grant *first = NULL;
  if (!watch->options->on_permits)
    return;
  for (uint64_t i = 0; i < watch->grant_count; i++) {
    struct sim_grant *grant = &watch->grants[i];
    bool valid = grant->count > 0 && grant->until_us > watch->network->now_us;
    if (valid && (!first || grant->until_us < first->until_us))
      first = grant;
  }
  expect(watch, first != NULL, "sent without a permit");
  if (first)
    first->count--;
}

/* ---- sends and reports --------------------------------------------------------------------------
 */

static void check_gate(struct sim_watch *watch) {
  uint64_t now_us = watch->network->now_us;
  expect(watch, now_us >= watch->hint_until_us,
         "sent %" PRIu64 " us before the time the API has asked for",
         watch->hint_until_us - now_us);
  if (watch->gate == EXPSTART_BLOCKED_NOTHING)
    return;
  expect(watch, now_us >= watch->gate_until_us, "sent while the %s is shut",
         expstart_blocked_name(watch->gate));
  bool patient = now_us < watch->probe_us + PATIENCE_US;
  expect(watch, watch->gate != EXPSTART_BLOCKED_THROTTLE_GATE || watch->probes_out == 0 || !patient,
         "a second probe while one is under way");
  watch->probe_us = now_us;
  watch->probes_out++;
}

void sim_watch_sending(struct sim_watch *watch, const struct expstart__send *send) {
  struct sim_record *record = sim_watch_record(watch, send->experiment_id);
  expect(watch, record->accepted && !record->called, "sent although it is not accepted, or ended");
  expect(watch, record->ticket == send->ticket, "sent under another ticket");
  expect(watch, !watch->paused, "sent while paused");
  expect(watch, !watch->aborted, "sent after an ABORT close");
  expect(watch, !watch->key_refused, "sent with a key that was refused");
  expect(watch, !record->in_flight, "two attempts of one request at once");
  expect(watch, watch->in_flight < watch->options->max_in_flight, "more than max_in_flight");
  expect(watch,
         send->kind == EXPSTART_ATTEMPT_LOOK || !record->doubt ||
             watch->options->confirm == EXPSTART_CONFIRM_NEVER,
         "experiment %" PRId64 " is sent again blindly", send->experiment_id);
  expect(watch, send->kind == EXPSTART_ATTEMPT_LOOK || record->mode != EXPSTART_LOOK,
         "a start of what is only to be looked up");
  check_gate(watch);
  check_rate(watch);
  check_permit(watch);
}

static bool may_have_been_done(const struct expstart__report *report) {
  if (report->fate == EXPSTART__LOST)
    return true;
  if (report->fate != EXPSTART__REPLIED)
    return false;
  bool unread = report->http_status == 200 && (!report->intact || report->reply.ok < 0);
  return unread || (report->http_status >= 500 && report->http_status != 503);
}

static void note_hint(struct sim_watch *watch, const struct expstart__report *report) {
  int64_t hint_ms = report->hints.retry_after_ms;
  if (report->http_status != 429 || hint_ms <= 0)
    return;
  if (hint_ms > watch->options->max_retry_after_ms)
    hint_ms = watch->options->max_retry_after_ms;
  uint64_t until_us = watch->network->now_us + (uint64_t)hint_ms * 1000;
  if (until_us > watch->hint_until_us)
    watch->hint_until_us = until_us;
}

void sim_watch_reported(struct sim_watch *watch, const struct expstart__report *report,
                        int64_t experiment_id, expstart_attempt_kind kind) {
  struct sim_record *record = sim_watch_record(watch, experiment_id);
  expect(watch, record->in_flight, "a report of what is not in flight");
  record->in_flight = false;
  watch->in_flight--;
  watch->probes_out = 0; /* enough for what is checked: none but probes is sent while it is shut */
  if (kind == EXPSTART_ATTEMPT_START && may_have_been_done(report))
    record->doubt = true;
  if (kind == EXPSTART_ATTEMPT_LOOK && report->http_status == 200 && report->reply.state)
    record->doubt = false;
  note_hint(watch, report);
}

void sim_watch_noticed(struct sim_watch *watch, const struct expstart__notice *notice) {
  if (notice->kind == EXPSTART__GATE_OPENED) {
    expect(watch, watch->gate != EXPSTART_BLOCKED_NOTHING, "a gate opens that was not shut");
    watch->gate = EXPSTART_BLOCKED_NOTHING;
    return;
  }
  expect(watch, (watch->gate == EXPSTART_BLOCKED_NOTHING) == (notice->kind == EXPSTART__GATE_SHUT),
         "a gate is shut twice, or extended while it is open");
  watch->gate = notice->gate;
  watch->gate_until_us = notice->until_us;
}

/* ---- callbacks ---------------------------------------------------------------------------------
 */

static void check_truth(struct sim_watch *watch, int64_t experiment_id, expstart_outcome outcome) {
  const struct sim_truth *truth = &watch->network->server->truths[experiment_id];
  const char *name = expstart_outcome_name(outcome);
  if (outcome == EXPSTART_STARTED)
    expect(watch, truth->done_for_us > 0, "experiment %" PRId64 " is told as %s and was not",
           experiment_id, name);
  if (outcome == EXPSTART_RUNNING)
    expect(watch, truth->running, "experiment %" PRId64 " is told as %s and is not", experiment_id,
           name);
  if (outcome == EXPSTART_REJECTED || outcome == EXPSTART_FAILED || outcome == EXPSTART_CANCELED)
    expect(watch, truth->done_for_us == 0, "experiment %" PRId64 " is told as %s and was started",
           experiment_id, name);
}

static void check_time(struct sim_watch *watch, const struct sim_record *record) {
  const struct expstart_options *options = watch->options;
  uint64_t now_us = watch->network->now_us;
  if (options->total_timeout_ms)
    expect(watch,
           now_us <= record->submitted_us + options->total_timeout_ms * UINT64_C(1000) + LATE_US,
           "called back after its total timeout");
  if (record->timeout_ms)
    expect(watch, now_us <= record->submitted_us + record->timeout_ms * UINT64_C(1000) + LATE_US,
           "called back after its own timeout");
  if (record->first_us)
    expect(watch, now_us <= record->first_us + options->retry_timeout_ms * UINT64_C(1000) + LATE_US,
           "called back after its retry timeout");
}

void sim_watch_called(struct sim_watch *watch, const expstart_result *result) {
  struct sim_record *record = sim_watch_record(watch, result->experiment_id);
  expect(watch, record->accepted, "called back although it was never accepted");
  expect(watch, !record->called, "called back twice");
  expect(watch, !record->in_flight, "called back while an attempt is under way");
  expect(watch, (result->outcome == EXPSTART_SEEN) <= (record->mode == EXPSTART_LOOK),
         "a start ends as seen");
  record->called = true;
  record->outcome = (uint8_t)result->outcome;
  watch->called++;
  check_truth(watch, result->experiment_id, result->outcome);
  check_time(watch, record);
}

/* ---- after each step ---------------------------------------------------------------------------
 */

static void check_ledger(struct sim_watch *watch, const struct expstart_stats *now) {
  const struct expstart_stats *last = &watch->last;
  uint64_t ended = now->started + now->running + now->rejected + now->failed + now->unknown +
                   now->canceled + now->seen;
  expect(watch, now->accepted == ended + now->queued + now->in_flight + now->waiting,
         "the ledger does not add up");
  expect(watch, now->accepted == watch->accepted, "accepted is %" PRIu64 ", not %" PRIu64,
         now->accepted, watch->accepted);
  expect(watch, now->in_flight == watch->in_flight && now->in_flight == watch->network->under_way,
         "in_flight is %" PRIu64 ", not %" PRIu64, now->in_flight, watch->in_flight);
  expect(watch,
         now->accepted >= last->accepted && now->started >= last->started &&
             now->running >= last->running && now->rejected >= last->rejected &&
             now->failed >= last->failed && now->unknown >= last->unknown &&
             now->canceled >= last->canceled && now->seen >= last->seen &&
             now->attempts >= last->attempts && now->lookups >= last->lookups &&
             now->throttled >= last->throttled && now->faults >= last->faults &&
             now->capped_hints >= last->capped_hints,
         "a counter has shrunk");
}

void sim_watch_stepped(struct sim_watch *watch, const struct expstart__engine *engine,
                       uint64_t wake_us) {
  uint64_t now_us = watch->network->now_us;
  struct expstart_stats stats;
  expstart__engine_stats(engine, now_us, &stats);
  check_ledger(watch, &stats);
  watch->last = stats;
  expect(watch, expstart__engine_live(engine) == watch->accepted - watch->called,
         "%" PRIu64 " are accepted and not called back, not %" PRIu64,
         watch->accepted - watch->called, expstart__engine_live(engine));
  expect(watch,
         expstart__engine_live(engine) == 0 || wake_us != EXPSTART__NEVER || watch->paused ||
             watch->key_refused || watch->options->on_permits || watch->in_flight > 0,
         "nothing will ever happen again, and the run has not ended");
  watch->steps_in_instant = now_us == watch->instant_us ? watch->steps_in_instant + 1 : 0;
  expect(watch, now_us >= watch->instant_us, "time runs backwards");
  expect(watch, watch->steps_in_instant < STEPS_MOST, "time stands still");
  watch->instant_us = now_us;
}

void sim_watch_stuck(struct sim_watch *watch) {
  expect(watch, false, "nothing will ever happen again, and the run has not ended");
}

void sim_watch_ended(struct sim_watch *watch) {
  for (uint64_t id = 1; id <= watch->record_count; id++) {
    const struct sim_record *record = &watch->records[id];
    expect(watch, record->accepted == record->called,
           "experiment %" PRIu64 " was never called back", id);
    /* Also of what was processed since. */
    if (record->called)
      check_truth(watch, (int64_t)id, (expstart_outcome)record->outcome);
    expect(watch,
           watch->network->server->truths[id].done_for_us <= 1 ||
               watch->options->confirm == EXPSTART_CONFIRM_NEVER,
           "experiment %" PRIu64 " was started twice", id);
  }
}

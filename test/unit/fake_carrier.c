#include "fake_carrier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t slot_of(expstart_ticket ticket) {
  uint32_t slot = (uint32_t)ticket;
  assert_true(slot < FAKE_SLOTS);
  return slot;
}

/* What the header says: the API may be at work on a start for so long after its reply was lost. */
static void check_settled(const struct fake *fake, const struct expstart__send *send) {
  const uint64_t most_us = 5000000;
  uint64_t settle_us = fake->options.attempt_timeout_ms * UINT64_C(1000);
  uint32_t slot = slot_of(send->ticket);
  if (fake->doubted[slot].ticket == send->ticket)
    assert_true(fake->now_us - fake->doubted[slot].at_us >=
                (settle_us < most_us ? settle_us : most_us));
}

/* ---- the port ---------------------------------------------------------------------------------
 */

static int on_send(void *self, const struct expstart__send *send, uint32_t *handle) {
  *handle = 0; /* here the ticket is enough */
  struct fake *fake = self;
  assert_true(fake->open_count < fake->options.max_in_flight);
  for (size_t i = 0; i < fake->open_count; i++)
    assert_int_not_equal(fake->open[i].ticket, send->ticket);
  if (send->kind == EXPSTART_ATTEMPT_START && fake->options.confirm != EXPSTART_CONFIRM_NEVER &&
      fake->doubtful[slot_of(send->ticket)] == send->ticket)
    fail_msg("experiment %lld is sent again though it may have been started",
             (long long)send->experiment_id);
  if (send->kind == EXPSTART_ATTEMPT_START && fake->options.confirm != EXPSTART_CONFIRM_NEVER)
    check_settled(fake, send);
  assert_true(send->timeout_ms > 0 && send->timeout_ms <= fake->options.attempt_timeout_ms);
  assert_int_equal(send->body_size, strlen(send->body));
  if (fake->send_status != EXPSTART_OK)
    return fake->send_status;
  assert_true(fake->open_count < FAKE_OPEN_MAX);
  struct fake_attempt *attempt = &fake->open[fake->open_count++];
  *attempt = (struct fake_attempt){.ticket = send->ticket,
                                   .experiment_id = send->experiment_id,
                                   .kind = send->kind,
                                   .at_us = fake->now_us,
                                   .timeout_ms = send->timeout_ms};
  snprintf(attempt->body, sizeof attempt->body, "%.*s", (int)send->body_size, send->body);
  fake->last = *attempt;
  fake->sent++;
  return EXPSTART_OK;
}

static void on_abort(void *self, uint32_t handle, expstart_ticket ticket) {
  (void)handle;
  struct fake *fake = self;
  for (size_t i = 0; i < fake->open_count; i++)
    if (fake->open[i].ticket == ticket) {
      assert_false(fake->open[i].aborted);
      fake->open[i].aborted = true;
      return;
    }
  fail_msg("an attempt was aborted that is not under way");
}

static void on_deliver(void *self, const expstart_result *result, expstart_done_cb done,
                       void *data) {
  assert_ptr_equal(self, data);
  done(NULL, result, data);
}

static void on_attempt(void *self, const expstart_attempt *attempt, expstart_done_cb done,
                       void *data) {
  struct fake *fake = self;
  assert_true(done && data == self);
  fake->hook = *attempt;
  snprintf(fake->hook_message, sizeof fake->hook_message, "%s", attempt->message);
  fake->hooks++;
}

static void on_key_refused(void *self, const char *message) {
  struct fake *fake = self;
  fake->keys_refused++;
  snprintf(fake->key_message, sizeof fake->key_message, "%s", message);
}

static void on_permits(void *self, uint32_t wanted) {
  struct fake *fake = self;
  assert_true(wanted != fake->permits_wanted || wanted > 0);
  fake->permits_wanted = wanted;
  fake->permits_told++;
}

static void on_notice(void *self, const struct expstart__notice *notice) {
  struct fake *fake = self;
  fake->notice = *notice;
  snprintf(fake->notice_message, sizeof fake->notice_message, "%s", notice->message);
}

void fake_on_key_refused(expstart_client *client, const char *message, void *data) {
  (void)client, (void)message, (void)data;
}

void fake_on_permits(expstart_client *client, uint32_t wanted, uint32_t returned, void *data) {
  (void)client, (void)wanted, (void)returned, (void)data;
}

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  struct fake *fake = data;
  (void)client;
  if (fake->result_count == fake->result_capacity) {
    fake->result_capacity = fake->result_capacity ? 2 * fake->result_capacity : 64;
    fake->results = realloc(fake->results, fake->result_capacity * sizeof *fake->results);
    assert_non_null(fake->results);
  }
  struct fake_result *kept = &fake->results[fake->result_count];
  *kept = (struct fake_result){.is = *result, .order = fake->result_count};
  fake->result_count++;
  snprintf(kept->message, sizeof kept->message, "%s", result->message);
  snprintf(kept->state, sizeof kept->state, "%s", result->state ? result->state : "");
  snprintf(kept->name, sizeof kept->name, "%s", result->name ? result->name : "");
  bool good = result->outcome == EXPSTART_STARTED || result->outcome == EXPSTART_RUNNING ||
              result->outcome == EXPSTART_SEEN;
  assert_int_equal(good, result->error == EXPSTART_OK);
  assert_true(result->queued_us <= result->elapsed_us);
  assert_int_equal(result->error_count > 0, result->errors != NULL);
  if (fake->on_done)
    fake->on_done(fake, result);
}

/* ---- its life ----------------------------------------------------------------------------------
 */

struct expstart_options fake_options(void) {
  return (struct expstart_options){.size = sizeof(struct expstart_options),
                                   .max_queued = 1000000,
                                   .max_in_flight = 32,
                                   .connect_timeout_ms = 10000,
                                   .attempt_timeout_ms = 30000,
                                   .retry_timeout_ms = 900000,
                                   .max_attempts = 5,
                                   .backoff_base_ms = 500,
                                   .backoff_cap_ms = 20000,
                                   .max_retry_after_ms = 600000,
                                   .max_reply_bytes = 8u << 20,
                                   .seed = 1};
}

struct fake *fake_open(const struct expstart_options *options) {
  struct fake *fake = calloc(1, sizeof *fake);
  assert_non_null(fake);
  fake->options = options ? *options : fake_options();
  fake->now_us = UINT64_C(1000000000);
  fake->wake_us = EXPSTART__NEVER;
  struct expstart__port port = {.self = fake,
                                .send = on_send,
                                .abort = on_abort,
                                .deliver = on_deliver,
                                .attempt = on_attempt,
                                .notice = on_notice,
                                .key_refused = on_key_refused,
                                .permits = on_permits};
  fake->engine = expstart__engine_create(&fake->options, &port, fake->now_us);
  assert_non_null(fake->engine);
  return fake;
}

void fake_close(struct fake *fake) {
  fake->on_done = NULL;
  expstart__engine_cancel_all(fake->engine);
  fake_step(fake);
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_fate(EXPSTART__LOST));
  fake_deliver(fake);
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(expstart__engine_live(fake->engine), 0);
  assert_int_equal(stats.accepted, fake->result_count);
  expstart__engine_destroy(fake->engine);
  free(fake->results);
  free(fake);
}

int fake_try_submit(struct fake *fake, int64_t id, const char *note, expstart_mode mode,
                    expstart_ticket *ticket) {
  struct expstart_request request = {.size = sizeof request,
                                     .experiment_id = id,
                                     .note = note,
                                     .mode = mode,
                                     .timeout_ms = fake->timeout_ms,
                                     .done = on_done,
                                     .data = fake};
  int status = expstart__engine_submit(fake->engine, fake->now_us, &request, ticket);
  (void)fake_stats(fake);
  return status;
}

expstart_ticket fake_submit_as(struct fake *fake, int64_t id, expstart_mode mode) {
  expstart_ticket ticket = 0;
  assert_int_equal(fake_try_submit(fake, id, NULL, mode, &ticket), EXPSTART_OK);
  assert_int_not_equal(ticket, 0);
  return ticket;
}

expstart_ticket fake_submit(struct fake *fake, int64_t id) {
  return fake_submit_as(fake, id, EXPSTART_START);
}

void fake_submit_range(struct fake *fake, int64_t first, int64_t last) {
  for (int64_t id = first; id <= last; id++)
    (void)fake_submit(fake, id);
}

/* ---- running -----------------------------------------------------------------------------------
 */

struct expstart_stats fake_stats(struct fake *fake) {
  struct expstart_stats stats;
  expstart__engine_stats(fake->engine, fake->now_us, &stats);
  assert_int_equal(stats.accepted, stats.started + stats.running + stats.rejected + stats.failed +
                                       stats.unknown + stats.canceled + stats.seen + stats.queued +
                                       stats.in_flight + stats.waiting);
  assert_int_equal(stats.in_flight, fake->open_count);
  assert_int_equal(stats.attempts + stats.lookups, fake->sent);
  assert_int_equal(stats.accepted, fake->result_count + expstart__engine_live(fake->engine));
  return stats;
}

void fake_step_once(struct fake *fake) {
  fake->wake_us = expstart__engine_step(fake->engine, fake->now_us);
  (void)fake_stats(fake);
}

void fake_step(struct fake *fake) {
  int steps = 0;
  do {
    fake_step_once(fake);
    assert_true(++steps < 1000);
  } while (fake->wake_us <= fake->now_us);
}

void fake_run_to(struct fake *fake, uint64_t at_us) {
  fake_step(fake);
  while (fake->wake_us <= at_us) {
    fake->now_us = fake->wake_us;
    fake_step(fake);
    fake_deliver(fake); /* too many that wait for their callbacks hold up the others */
  }
  fake->now_us = at_us;
  fake_step(fake);
}

void fake_deliver(struct fake *fake) {
  while (expstart__engine_deliver(fake->engine, 7))
    (void)fake->engine;
}

/* ---- answers ----------------------------------------------------------------------------------- */

struct fake_answer answer_fate(enum expstart__fate fate) {
  return (struct fake_answer){.fate = fate, .retry_after_ms = EXPSTART__NO_HINT, .ok = -1};
}

struct fake_answer answer_status(int status) {
  struct fake_answer answer = answer_fate(EXPSTART__REPLIED);
  answer.status = status;
  answer.ok = status >= 400 ? 0 : -1;
  return answer;
}

struct fake_answer answer_started(void) {
  struct fake_answer answer = answer_status(200);
  answer.ok = 1;
  answer.state = "running";
  return answer;
}

struct fake_answer answer_throttled(int64_t retry_after_ms) {
  struct fake_answer answer = answer_status(429);
  answer.retry_after_ms = retry_after_ms;
  return answer;
}

struct fake_answer answer_state(const char *state) {
  struct fake_answer answer = answer_status(200);
  answer.state = state;
  return answer;
}

/* The fake's own idea of what leaves a start in doubt, and of what clears it. */
static void note_doubt(struct fake *fake, const struct fake_attempt *attempt,
                       const struct fake_answer *answer) {
  bool success = answer->fate == EXPSTART__REPLIED && answer->status / 100 == 2 && !answer->broken;
  bool failed = answer->fate == EXPSTART__REPLIED &&
                ((answer->status >= 500 && answer->status != 503) ||
                 (answer->status / 100 == 2 && (answer->broken || answer->ok < 0)));
  expstart_ticket *doubt = &fake->doubtful[slot_of(attempt->ticket)];
  if (attempt->kind == EXPSTART_ATTEMPT_START && (answer->fate == EXPSTART__LOST || failed))
    *doubt = attempt->ticket;
  if (*doubt == attempt->ticket && attempt->kind == EXPSTART_ATTEMPT_START) {
    fake->doubted[slot_of(attempt->ticket)].ticket = attempt->ticket;
    fake->doubted[slot_of(attempt->ticket)].at_us = fake->now_us;
  }
  if (attempt->kind == EXPSTART_ATTEMPT_LOOK && success && answer->state && answer->id == 0)
    *doubt = 0;
}

static struct expstart__hints hints_of(const struct fake_answer *answer) {
  struct expstart__hints hints = EXPSTART__NO_HINTS;
  hints.retry_after_ms = answer->retry_after_ms;
  if (answer->reset_ms > 0) {
    hints.reset_ms = answer->reset_ms;
    hints.remaining = answer->remaining;
  }
  return hints;
}

void fake_answer_at(struct fake *fake, size_t index, struct fake_answer answer) {
  assert_true(index < fake->open_count);
  struct fake_attempt attempt = fake->open[index];
  fake->open_count--;
  memmove(&fake->open[index], &fake->open[index + 1], (fake->open_count - index) * sizeof attempt);
  note_doubt(fake, &attempt, &answer);
  bool replied = answer.fate == EXPSTART__REPLIED;
  struct expstart__report report = {
      .ticket = attempt.ticket,
      .fate = answer.fate,
      .timed_out = answer.timed_out,
      .ours = answer.ours,
      .aborted = attempt.aborted && !replied,
      .intact = replied && !answer.broken,
      .http_status = replied ? answer.status : 0,
      .hints = hints_of(&answer),
      .elapsed_us = fake->now_us - attempt.at_us,
      .bytes_sent = 10,
      .bytes_received = 20,
      .reply = {.readable = replied && !answer.broken,
                .ok = answer.ok,
                .experiment_id = answer.id ? answer.id : attempt.experiment_id}};
  struct expstart__reply words = {.state = answer.state, .message = answer.message};
  if (answer.state || answer.message)
    assert_true(expstart__reply_set_words(&report.reply, &words));
  expstart__engine_report(fake->engine, fake->now_us, &report);
  expstart__reply_clear(&report.reply);
  fake_step(fake);
}

const struct fake_attempt *fake_find_open(const struct fake *fake, int64_t id) {
  for (size_t i = 0; i < fake->open_count; i++)
    if (fake->open[i].experiment_id == id)
      return &fake->open[i];
  return NULL;
}

void fake_answer(struct fake *fake, int64_t id, struct fake_answer answer) {
  const struct fake_attempt *attempt = fake_find_open(fake, id);
  assert_non_null(attempt);
  fake_answer_at(fake, (size_t)(attempt - fake->open), answer);
}

void assert_open(const struct fake *fake, int64_t id, expstart_attempt_kind kind) {
  const struct fake_attempt *attempt = fake_find_open(fake, id);
  assert_non_null(attempt);
  assert_int_equal(attempt->kind, kind);
}

void assert_not_open(const struct fake *fake, int64_t id) {
  assert_null(fake_find_open(fake, id));
}

const struct fake_result *fake_result(struct fake *fake, int64_t id) {
  const struct fake_result *found = NULL;
  fake_deliver(fake);
  for (size_t i = 0; i < fake->result_count; i++)
    if (fake->results[i].is.experiment_id == id) {
      assert_null(found);
      found = &fake->results[i];
    }
  assert_non_null(found);
  return found;
}

void assert_ended(struct fake *fake, int64_t id, expstart_outcome outcome, int error) {
  const struct fake_result *result = fake_result(fake, id);
  assert_string_equal(expstart_outcome_name(result->is.outcome), expstart_outcome_name(outcome));
  assert_string_equal(expstart_err_name(result->is.error), expstart_err_name(error));
}

void assert_not_ended(struct fake *fake, int64_t id) {
  fake_deliver(fake);
  for (size_t i = 0; i < fake->result_count; i++)
    assert_int_not_equal(fake->results[i].is.experiment_id, id);
}

/* What the engine sends, and in what order: slots, queues, rate, pause, room, words, stats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fake_carrier.h"

static void nothing_is_sent_before_the_step(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  assert_int_equal(fake->sent, 0);
  fake_step(fake);
  assert_open(fake, 1, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void a_start_that_is_done_is_started(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  fake->now_us += 250;
  fake_answer(fake, 1, answer_started());
  assert_int_equal(fake->result_count, 0); /* not from within the report */
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  const struct fake_result *result = fake_result(fake, 1);
  assert_int_equal(result->is.ticket, ticket);
  assert_int_equal(result->is.http_status, 200);
  assert_int_equal(result->is.attempts, 1);
  assert_int_equal(result->is.lookups, 0);
  assert_int_equal(result->is.confirmed, 0);
  assert_int_equal(result->is.queued_us, 0);
  assert_int_equal(result->is.elapsed_us, 250);
  assert_string_equal(result->state, "running");
  fake_close(fake);
}

static void no_more_than_max_in_flight_are_under_way(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 3;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 10);
  fake_step(fake);
  assert_int_equal(fake->open_count, 3);
  assert_int_equal(fake_stats(fake).blocked_by, EXPSTART_BLOCKED_SLOTS);
  fake_answer(fake, 2, answer_started());
  assert_int_equal(fake->open_count, 3);
  assert_open(fake, 4, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void first_come_is_first_served(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 1;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 20);
  fake_step(fake);
  for (int64_t id = 1; id <= 20; id++)
    fake_answer(fake, id, answer_started());
  for (int64_t id = 1; id <= 20; id++)
    assert_int_equal(fake_result(fake, id)->order, id - 1);
  fake_close(fake);
}

static void the_body_is_the_notes(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  char note[] = "wave 1";
  assert_int_equal(fake_try_submit(fake, 1, note, EXPSTART_START, NULL), EXPSTART_OK);
  memset(note, 'x', sizeof note - 1);
  fake_step(fake);
  assert_string_equal(fake_find_open(fake, 1)->body, "{\"action\":\"start\",\"note\":\"wave 1\"}");
  fake_close(fake);
}

static void a_due_retry_goes_before_new_work(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 1;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 3);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(503));
  assert_open(fake, 2, EXPSTART_ATTEMPT_START);
  fake->now_us += 500000; /* by now its backoff is over */
  fake_answer(fake, 2, answer_started());
  assert_open(fake, 1, EXPSTART_ATTEMPT_START);
  fake_answer(fake, 1, answer_started());
  assert_open(fake, 3, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void a_retry_that_is_not_due_does_not_hold_new_work_up(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 1;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 2);
  fake_step(fake);
  struct fake_answer answer = answer_fate(EXPSTART__LOST);
  answer.timed_out = true; /* looked up no sooner than in 5 s */
  fake_answer(fake, 1, answer);
  assert_open(fake, 2, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void a_send_that_fails_counts_as_unsent_and_is_tried_again(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_attempts = 3;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  fake->send_status = EXPSTART_ENOMEM;
  fake_step(fake);
  assert_int_equal(fake_stats(fake).waiting, 1);
  fake->send_status = EXPSTART_OK;
  fake_run_to(fake, fake->now_us + 30000000);
  fake_answer(fake, 1, answer_started());
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 1);
  fake_close(fake);
}

static void sends_that_go_on_failing_end_it_as_failed(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 50);
  fake->send_status = EXPSTART_ENOMEM;
  fake_run_to(fake, fake->now_us + 51 * UINT64_C(900000000)); /* one after the other is tried */
  for (int64_t id = 1; id <= 50; id++)
    assert_ended(fake, id, EXPSTART_FAILED, EXPSTART_ERESOURCE);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 0);
  fake_close(fake);
}

/* ---- room, rate, pause ------------------------------------------------------------------------ */

static void a_full_queue_refuses_and_tells_once_when_half_is_free(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_queued = 10;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 10);
  assert_int_equal(fake_try_submit(fake, 11, NULL, EXPSTART_START, NULL), EXPSTART_EFULL);
  assert_false(expstart__engine_take_room(fake->engine, false));
  fake_step(fake);
  for (int64_t id = 1; id <= 4; id++)
    fake_answer(fake, id, answer_started());
  fake_deliver(fake);
  assert_false(expstart__engine_take_room(fake->engine, false));
  fake_answer(fake, 5, answer_started());
  assert_false(expstart__engine_take_room(fake->engine, false)); /* decided, not yet called back */
  fake_deliver(fake);
  assert_true(expstart__engine_take_room(fake->engine, false));
  assert_false(expstart__engine_take_room(fake->engine, false));
  assert_int_equal(fake_stats(fake).accepted, 10);
  fake_close(fake);
}

static void without_a_refusal_there_is_nothing_to_tell_of_room(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  assert_false(expstart__engine_take_room(fake->engine, false));
  fake_close(fake);
}

static void submit_next(struct fake *fake, const expstart_result *result) {
  if (result->experiment_id < 100)
    (void)fake_submit(fake, result->experiment_id + 100);
}

static void a_callback_has_the_room_of_its_own_request(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_queued = 1;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  fake->on_done = submit_next;
  fake_step(fake);
  fake_answer(fake, 1, answer_started());
  fake_deliver(fake);
  fake_step(fake);
  fake_answer(fake, 101, answer_started());
  assert_ended(fake, 101, EXPSTART_STARTED, EXPSTART_OK);
  fake_close(fake);
}

static void the_rate_holds_for_first_tries_retries_and_looks(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.rate_per_second = 10;
  options.burst = 1;
  options.backoff_base_ms = 1;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 40);
  uint64_t before_us = 0;
  fake_step(fake);
  for (size_t sent = 1; sent <= 60; sent++) {
    assert_int_equal(fake->sent, sent);
    assert_true(before_us == 0 || fake->last.at_us - before_us >= 100000);
    before_us = fake->last.at_us;
    fake_answer_at(fake, 0, answer_status(sent % 3 == 1 ? 500 : sent % 3 == 2 ? 503 : 200));
    assert_true(fake->wake_us - fake->now_us <= 100000);
    fake_run_to(fake, fake->wake_us);
  }
  fake_close(fake);
}

static void a_rate_wait_is_named_and_wakes_exactly(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.rate_per_second = 4;
  options.burst = 1;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 2);
  fake_step(fake);
  assert_int_equal(fake->wake_us, fake->now_us + 250000);
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_RATE);
  assert_int_equal(stats.blocked_ms, 250);
  fake->now_us = fake->wake_us - 1;
  fake_step(fake);
  assert_int_equal(fake->sent, 1);
  fake->now_us++;
  fake_step(fake);
  assert_int_equal(fake->sent, 2);
  fake_close(fake);
}

static void a_new_rate_holds_from_then_on(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.rate_per_second = 0.01;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 4);
  fake_step(fake);
  assert_int_equal(fake->sent, 1);
  expstart__engine_set_rate(fake->engine, fake->now_us, 0, 0);
  fake_step(fake);
  assert_int_equal(fake->sent, 4);
  fake_close(fake);
}

static void while_paused_nothing_is_sent_and_what_is_under_way_goes_on(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  expstart__engine_pause(fake->engine, true);
  (void)fake_submit(fake, 2);
  fake_answer(fake, 1, answer_status(503));
  fake_run_to(fake, fake->now_us + 60000000);
  assert_int_equal(fake->sent, 1);
  assert_int_equal(fake_stats(fake).blocked_by, EXPSTART_BLOCKED_PAUSED);
  expstart__engine_pause(fake->engine, false);
  fake_step(fake);
  assert_open(fake, 1, EXPSTART_ATTEMPT_START);
  assert_open(fake, 2, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void pausing_twice_is_once(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart__engine_pause(fake->engine, true);
  expstart__engine_pause(fake->engine, true);
  expstart__engine_pause(fake->engine, false);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  assert_int_equal(fake->sent, 1);
  fake_close(fake);
}

/* ---- stats and hooks --------------------------------------------------------------------------- */

static void an_idle_engine_waits_for_nothing(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_step(fake);
  assert_true(fake->wake_us == EXPSTART__NEVER);
  assert_int_equal(fake_stats(fake).blocked_by, EXPSTART_BLOCKED_NOTHING);
  fake_close(fake);
}

static void a_backoff_is_named_with_its_time(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  struct fake_answer answer = answer_fate(EXPSTART__LOST);
  answer.timed_out = true;
  fake_answer(fake, 1, answer);
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_BACKOFF);
  assert_int_equal(stats.blocked_ms, 5000);
  assert_int_equal(stats.gate_ms_left, 0);
  fake_close(fake);
}

static void bytes_throttles_and_faults_are_counted(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 3);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(1000));
  fake_answer(fake, 2, answer_fate(EXPSTART__UNSENT));
  fake_answer(fake, 3, answer_status(404));
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.throttled, 1);
  assert_int_equal(stats.faults, 1);
  assert_int_equal(stats.rejected, 1);
  assert_int_equal(stats.bytes_sent, 30);
  assert_int_equal(stats.bytes_received, 60);
  fake_close(fake);
}

static void each_attempt_is_told_with_what_comes_next(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  fake->now_us += 70;
  struct fake_answer answer = answer_throttled(2000);
  answer.message = "slow down";
  fake_answer(fake, 1, answer);
  assert_int_equal(fake->hook.ticket, ticket);
  assert_int_equal(fake->hook.number, 1);
  assert_int_equal(fake->hook.http_status, 429);
  assert_int_equal(fake->hook.throttled, 1);
  assert_int_equal(fake->hook.error, EXPSTART_ETHROTTLED);
  assert_int_equal(fake->hook.elapsed_us, 70);
  assert_int_equal(fake->hook.next, EXPSTART_NEXT_START);
  assert_in_range(fake->hook.next_ms, 2000, 2200);
  assert_string_equal(fake->hook_message, "slow down");
  fake_run_to(fake, fake->now_us + 3000000);
  fake_answer(fake, 1, answer_status(500));
  assert_int_equal(fake->hook.number, 2);
  assert_int_equal(fake->hook.next, EXPSTART_NEXT_LOOK);
  fake_run_to(fake, fake->now_us + 3000000);
  fake_answer(fake, 1, answer_state("running"));
  assert_int_equal(fake->hook.kind, EXPSTART_ATTEMPT_LOOK);
  assert_int_equal(fake->hook.number, 1);
  assert_int_equal(fake->hook.next, EXPSTART_NEXT_DONE);
  assert_int_equal(fake->hooks, 3);
  fake_close(fake);
}

static void a_look_is_not_told_with_the_starts_words(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  struct fake_answer answer = answer_status(500);
  answer.message = "boom";
  fake_answer(fake, 1, answer);
  fake_run_to(fake, fake->now_us + 1000000);
  fake_answer(fake, 1, answer_state("ready"));
  assert_int_equal(fake->hook.kind, EXPSTART_ATTEMPT_LOOK);
  assert_string_equal(fake->hook_message, "");
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_sent_before_the_step),
      cmocka_unit_test(a_start_that_is_done_is_started),
      cmocka_unit_test(no_more_than_max_in_flight_are_under_way),
      cmocka_unit_test(first_come_is_first_served),
      cmocka_unit_test(the_body_is_the_notes),
      cmocka_unit_test(a_due_retry_goes_before_new_work),
      cmocka_unit_test(a_retry_that_is_not_due_does_not_hold_new_work_up),
      cmocka_unit_test(a_send_that_fails_counts_as_unsent_and_is_tried_again),
      cmocka_unit_test(sends_that_go_on_failing_end_it_as_failed),
      cmocka_unit_test(a_full_queue_refuses_and_tells_once_when_half_is_free),
      cmocka_unit_test(without_a_refusal_there_is_nothing_to_tell_of_room),
      cmocka_unit_test(a_callback_has_the_room_of_its_own_request),
      cmocka_unit_test(the_rate_holds_for_first_tries_retries_and_looks),
      cmocka_unit_test(a_rate_wait_is_named_and_wakes_exactly),
      cmocka_unit_test(a_new_rate_holds_from_then_on),
      cmocka_unit_test(while_paused_nothing_is_sent_and_what_is_under_way_goes_on),
      cmocka_unit_test(pausing_twice_is_once),
      cmocka_unit_test(an_idle_engine_waits_for_nothing),
      cmocka_unit_test(a_backoff_is_named_with_its_time),
      cmocka_unit_test(bytes_throttles_and_faults_are_counted),
      cmocka_unit_test(each_attempt_is_told_with_what_comes_next),
      cmocka_unit_test(a_look_is_not_told_with_the_starts_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

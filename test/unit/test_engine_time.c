/* The engine's waits and time limits, to the microsecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

static const uint64_t second_us = 1000000;

static struct fake *open_with_limits(uint32_t total_ms, uint32_t retry_ms) {
  struct expstart_options options = fake_options();
  options.total_timeout_ms = total_ms;
  if (retry_ms)
    options.retry_timeout_ms = retry_ms;
  options.max_attempts = 100;
  return fake_open(&options);
}

/* It ends at `at_us`, and one microsecond before that it has not. */
static void assert_ends_at(struct fake *fake, int64_t id, uint64_t at_us, expstart_outcome outcome,
                           int error) {
  fake_run_to(fake, at_us - 1);
  assert_not_ended(fake, id);
  assert_int_equal(fake->wake_us, at_us);
  fake->now_us = at_us;
  fake_step(fake);
  assert_ended(fake, id, outcome, error);
}

/* ---- waits ------------------------------------------------------------------------------------ */

/* Runs until the experiment is being tried again. */
static void run_to_next_try(struct fake *fake, int64_t id) {
  while (!fake_find_open(fake, id))
    fake_run_to(fake, fake->wake_us);
}

static void a_retry_after_is_never_undercut_and_jitter_is_small(void **state) {
  (void)state;
  static const int64_t hints_ms[] = {1, 50, 1000, 4999, 5000, 60000, 600000};
  for (size_t i = 0; i < sizeof hints_ms / sizeof *hints_ms; i++) {
    for (uint64_t seed = 1; seed <= 50; seed++) {
      struct expstart_options options = fake_options();
      options.seed = seed;
      struct fake *fake = fake_open(&options);
      (void)fake_submit(fake, 1);
      fake_step(fake);
      uint64_t hint_us = (uint64_t)hints_ms[i] * 1000;
      uint64_t most_us = hint_us / 20 < second_us / 4 ? hint_us / 20 : second_us / 4;
      uint64_t from_us = fake->now_us;
      fake_answer(fake, 1, answer_throttled(hints_ms[i]));
      assert_in_range(fake->wake_us, from_us + hint_us, from_us + hint_us + most_us);
      fake->now_us = fake->wake_us - 1;
      fake_step(fake);
      assert_not_open(fake, 1);
      fake->now_us++;
      fake_step(fake);
      assert_open(fake, 1, EXPSTART_ATTEMPT_START);
      fake_close(fake);
    }
  }
}

static void the_503_of_a_server_with_a_hint_is_waited_for_too(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  struct fake_answer answer = answer_status(503);
  answer.retry_after_ms = 5000;
  fake_answer(fake, 1, answer);
  assert_in_range(fake->wake_us, fake->now_us + 5 * second_us, fake->now_us + 5250000);
  assert_int_equal(fake_stats(fake).throttled, 1);
  fake_close(fake);
}

static void a_hint_beyond_the_cap_is_cut_and_counted(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_retry_after_ms = 3000;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 3);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(3000));
  assert_int_equal(fake_stats(fake).capped_hints, 0);
  fake_answer(fake, 2, answer_throttled(3001));
  fake_answer(fake, 3, answer_throttled(INT64_MAX / 2));
  assert_int_equal(fake_stats(fake).capped_hints, 2);
  assert_in_range(fake->wake_us, fake->now_us + 3000000, fake->now_us + 3150000);
  fake_run_to(fake, fake->wake_us);
  assert_int_equal(fake->open_count, 1);
  fake_close(fake);
}

static void throttles_cost_no_attempts(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_attempts = 2;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  for (int i = 0; i < 50; i++) {
    fake_answer(fake, 1, answer_throttled(1000));
    run_to_next_try(fake, 1);
  }
  fake_answer(fake, 1, answer_started());
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 51);
  assert_int_equal(fake_result(fake, 1)->is.throttled, 50);
  fake_close(fake);
}

static void a_server_that_says_0_is_not_stormed(void **state) {
  (void)state;
  static const int64_t hints_ms[] = {0, EXPSTART__NO_HINT};
  for (size_t i = 0; i < 2; i++) {
    struct fake *fake = fake_open(NULL);
    (void)fake_submit(fake, 1);
    fake_step(fake);
    uint64_t from_us = fake->now_us;
    for (int k = 0; k < 20; k++) {
      fake_answer(fake, 1, answer_throttled(hints_ms[i]));
      run_to_next_try(fake, 1);
    }
    assert_true(fake->now_us - from_us > 30 * second_us);
    fake_close(fake);
  }
}

static void backoffs_stay_within_their_bounds(void **state) {
  (void)state;
  static const uint64_t most_ms[] = {500, 1000, 2000, 4000};
  uint64_t longest_us[4] = {0};
  struct fake *fake = fake_open(NULL);
  for (int64_t id = 1; id <= 300; id++) {
    (void)fake_submit(fake, id);
    fake_step(fake);
    for (int i = 0; i < 4; i++) {
      uint64_t from_us = fake->now_us;
      fake_answer(fake, id, answer_status(503));
      run_to_next_try(fake, id);
      uint64_t waited_us = fake->now_us - from_us;
      assert_true(waited_us <= most_ms[i] * 1000);
      longest_us[i] = waited_us > longest_us[i] ? waited_us : longest_us[i];
    }
    fake_answer(fake, id, answer_started());
    fake_deliver(fake);
  }
  for (int i = 0; i < 4; i++) /* the whole range is drawn from */
    assert_true(longest_us[i] > most_ms[i] * 900);
  fake_close(fake);
}

static void a_failure_at_the_attempts_limit_ends_it(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  for (int i = 0; i < 4; i++) {
    fake_answer(fake, 1, answer_fate(EXPSTART__UNSENT));
    fake_run_to(fake, fake->now_us + 20 * second_us);
  }
  assert_not_ended(fake, 1);
  fake_answer(fake, 1, answer_fate(EXPSTART__UNSENT));
  assert_ended(fake, 1, EXPSTART_FAILED, EXPSTART_ETRANSPORT);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 5);
  fake_close(fake);
}

static void a_wait_that_does_not_fit_ends_it_now(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(0, 5000);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(5000));
  assert_ended(fake, 1, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_int_equal(fake_result(fake, 1)->is.elapsed_us, 0);
  fake_close(fake);
}

static void a_look_that_does_not_fit_leaves_it_unknown_now(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(1000, 0);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake->now_us += second_us - 1;
  struct fake_answer answer = answer_fate(EXPSTART__LOST);
  answer.timed_out = true;
  fake_answer(fake, 1, answer);
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  fake_close(fake);
}

static void after_a_timeout_the_look_leaves_the_api_time(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  struct fake_answer answer = answer_fate(EXPSTART__LOST);
  answer.timed_out = true;
  fake_answer(fake, 1, answer);
  assert_int_equal(fake->wake_us, fake->now_us + 5 * second_us);
  fake_run_to(fake, fake->wake_us);
  assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
  fake_close(fake);
}

/* ---- limits ------------------------------------------------------------------------------------ */

static void the_total_timeout_holds_in_the_queue(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.total_timeout_ms = 2000;
  options.max_in_flight = 1;
  options.attempt_timeout_ms = 60000;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake->now_us += 5;
  (void)fake_submit(fake, 2);
  uint64_t from_us = fake->now_us;
  fake->now_us = from_us - 5 + 2 * second_us;
  fake_step(fake);
  assert_true(fake->open[0].aborted);
  assert_ends_at(fake, 2, from_us + 2 * second_us, EXPSTART_FAILED, EXPSTART_ETIMEDOUT);
  assert_int_equal(fake_result(fake, 2)->is.attempts, 0);
  assert_int_equal(fake_result(fake, 2)->is.queued_us, 2 * second_us);
  assert_int_equal(fake_result(fake, 2)->is.elapsed_us, 2 * second_us);
  fake_close(fake);
}

static void the_retry_timeout_does_not_run_in_the_queue(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(0, 1000);
  expstart__engine_pause(fake->engine, true);
  (void)fake_submit(fake, 1);
  fake_run_to(fake, fake->now_us + 3600 * second_us);
  assert_not_ended(fake, 1);
  fake_close(fake);
}

static void both_timeouts_hold_in_a_backoff(void **state) {
  (void)state;
  for (int retry = 0; retry < 2; retry++) {
    struct fake *fake = retry ? open_with_limits(0, 7000) : open_with_limits(7000, 0);
    (void)fake_submit(fake, 1);
    fake_step(fake);
    uint64_t from_us = fake->now_us;
    fake_answer(fake, 1, answer_throttled(5000));
    expstart__engine_pause(fake->engine, true); /* or it would be sent when the hint is past */
    assert_ends_at(fake, 1, from_us + 7 * second_us, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
    fake_close(fake);
  }
}

static void both_timeouts_abort_what_is_in_flight(void **state) {
  (void)state;
  for (int retry = 0; retry < 2; retry++) {
    struct fake *fake = retry ? open_with_limits(0, 7000) : open_with_limits(7000, 0);
    (void)fake_submit(fake, 1);
    fake_step(fake);
    uint64_t end_us = fake->now_us + 7 * second_us;
    fake->now_us = end_us - 1;
    fake_step(fake);
    assert_false(fake->open[0].aborted);
    assert_int_equal(fake->wake_us, end_us);
    fake->now_us = end_us;
    fake_step(fake);
    assert_true(fake->open[0].aborted);
    assert_not_ended(fake, 1);
    fake_answer(fake, 1, answer_fate(EXPSTART__LOST));
    assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
    fake_close(fake);
  }
}

static void a_timeout_while_still_unsent_is_a_failure(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(1000, 0);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_run_to(fake, fake->now_us + second_us);
  fake_answer(fake, 1, answer_fate(EXPSTART__UNSENT));
  assert_ended(fake, 1, EXPSTART_FAILED, EXPSTART_ETIMEDOUT);
  fake_close(fake);
}

static void a_reply_that_beats_its_abort_counts(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(1000, 0);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_run_to(fake, fake->now_us + second_us);
  fake_answer(fake, 1, answer_started());
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  fake_close(fake);
}

static void the_timeouts_hold_while_paused(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(3000, 0);
  (void)fake_submit(fake, 1);
  expstart__engine_pause(fake->engine, true);
  assert_ends_at(fake, 1, fake->now_us + 3 * second_us, EXPSTART_FAILED, EXPSTART_ETIMEDOUT);
  fake_close(fake);
}

static void the_last_attempt_has_only_the_time_that_is_left(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(10000, 0);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  assert_in_range(fake->last.timeout_ms, 10000, 10001);
  fake_answer(fake, 1, answer_throttled(9000));
  fake_run_to(fake, fake->wake_us);
  uint64_t left_us = UINT64_C(1010000000) - fake->now_us;
  assert_in_range(fake->last.timeout_ms, left_us / 1000, left_us / 1000 + 1);
  fake_close(fake);
}

static void of_many_each_ends_in_its_own_time(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(1000, 0);
  expstart__engine_pause(fake->engine, true);
  uint64_t from_us = fake->now_us;
  for (int64_t id = 1; id <= 50; id++) {
    (void)fake_submit(fake, id);
    fake->now_us += 3;
  }
  for (int64_t id = 1; id <= 50; id++)
    assert_ends_at(fake, id, from_us + (uint64_t)(id - 1) * 3 + second_us, EXPSTART_FAILED,
                   EXPSTART_ETIMEDOUT);
  fake_close(fake);
}

static void a_hang_after_a_throttle_is_a_timeout(void **state) {
  (void)state;
  struct fake *fake = open_with_limits(5000, 0);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(1000));
  fake_run_to(fake, fake->now_us + 5 * second_us);
  fake_answer(fake, 1, answer_fate(EXPSTART__LOST));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  fake_close(fake);
}

/* Behind a pause all are out of time at once. */
static void many_that_expire_together_take_several_steps_and_none_is_sent(void **state) {
  (void)state;
  enum { MANY = 20000, ENDS_A_STEP = 5000 };
  struct fake *fake = open_with_limits(2000, 0);
  expstart__engine_pause(fake->engine, true);
  fake_submit_range(fake, 1, MANY);
  fake_step(fake);
  fake->now_us = fake->wake_us;
  expstart__engine_pause(fake->engine, false);
  int steps = 0;
  for (uint64_t failed = 0; failed < MANY; steps++) {
    fake_step_once(fake);
    uint64_t now = fake_stats(fake).failed;
    assert_true(now > failed && now - failed < ENDS_A_STEP);
    failed = now;
  }
  assert_true(steps > 1);
  assert_int_equal(fake->sent, 0);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_retry_after_is_never_undercut_and_jitter_is_small),
      cmocka_unit_test(the_503_of_a_server_with_a_hint_is_waited_for_too),
      cmocka_unit_test(a_hint_beyond_the_cap_is_cut_and_counted),
      cmocka_unit_test(throttles_cost_no_attempts),
      cmocka_unit_test(a_server_that_says_0_is_not_stormed),
      cmocka_unit_test(backoffs_stay_within_their_bounds),
      cmocka_unit_test(a_failure_at_the_attempts_limit_ends_it),
      cmocka_unit_test(a_wait_that_does_not_fit_ends_it_now),
      cmocka_unit_test(a_look_that_does_not_fit_leaves_it_unknown_now),
      cmocka_unit_test(after_a_timeout_the_look_leaves_the_api_time),
      cmocka_unit_test(the_total_timeout_holds_in_the_queue),
      cmocka_unit_test(the_retry_timeout_does_not_run_in_the_queue),
      cmocka_unit_test(both_timeouts_hold_in_a_backoff),
      cmocka_unit_test(both_timeouts_abort_what_is_in_flight),
      cmocka_unit_test(a_timeout_while_still_unsent_is_a_failure),
      cmocka_unit_test(a_reply_that_beats_its_abort_counts),
      cmocka_unit_test(the_timeouts_hold_while_paused),
      cmocka_unit_test(the_last_attempt_has_only_the_time_that_is_left),
      cmocka_unit_test(of_many_each_ends_in_its_own_time),
      cmocka_unit_test(a_hang_after_a_throttle_is_a_timeout),
      cmocka_unit_test(many_that_expire_together_take_several_steps_and_none_is_sent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

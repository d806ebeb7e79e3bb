/* The gate, the probes, outages and claims, as the engine lives with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

static const uint64_t second_us = 1000000;

/* `count` requests with ids from 1, the first of them under way. */
static struct fake *open_with(int64_t count) {
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, count);
  fake_step(fake);
  return fake;
}

static void a_429_pauses_first_tries_too(void **state) {
  (void)state;
  struct fake *fake = open_with(100);
  fake_answer(fake, 1, answer_throttled(3000));
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_started());
  size_t sent = fake->sent;
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_THROTTLE_GATE);
  assert_in_range(stats.gate_ms_left, 3000, 3150);
  fake_run_to(fake, fake->now_us + 3 * second_us - 1);
  assert_int_equal(fake->sent, sent);
  fake_close(fake);
}

static void one_probe_opens_the_gate_and_then_it_ramps(void **state) {
  (void)state;
  struct fake *fake = open_with(100000);
  fake_answer(fake, 1, answer_throttled(1000));
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_started());
  fake_run_to(fake, fake->now_us + 2 * second_us);
  assert_int_equal(fake->open_count, 1);
  assert_open(fake, 1, EXPSTART_ATTEMPT_START); /* what was throttled goes first */
  fake_answer(fake, 1, answer_started());
  fake_run_to(fake, fake->now_us + second_us);
  assert_in_range(fake->open_count, 1, 8); /* of 100,000 that wait */
  fake_close(fake);
}

static void a_probe_that_is_throttled_keeps_the_gate_shut(void **state) {
  (void)state;
  struct fake *fake = open_with(10);
  for (int64_t id = 1; id <= 4; id++)
    fake_answer(fake, id, answer_throttled(EXPSTART__NO_HINT));
  uint64_t last_us = 0;
  for (int i = 0; i < 6; i++) {
    uint64_t from_us = fake->now_us;
    fake_run_to(fake, fake->wake_us);
    assert_int_equal(fake->open_count, 1);
    assert_true(fake->now_us - from_us >= last_us); /* longer each time */
    last_us = fake->now_us - from_us;
    fake_answer_at(fake, 0, answer_throttled(EXPSTART__NO_HINT));
  }
  fake_close(fake);
}

static void stragglers_of_the_same_epoch_change_nothing(void **state) {
  (void)state;
  struct fake *fake = open_with(10);
  fake_answer(fake, 1, answer_throttled(2000));
  uint64_t wake_us = fake->wake_us;
  fake_answer(fake, 2, answer_throttled(EXPSTART__NO_HINT));
  fake_answer(fake, 3, answer_throttled(500));
  assert_int_equal(fake->wake_us, wake_us);
  fake_answer(fake, 4, answer_throttled(9000)); /* but none is undercut */
  assert_true(fake->wake_us >= fake->now_us + 9 * second_us);
  fake_close(fake);
}

static void a_probe_that_is_canceled_makes_room_for_another(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_submit_range(fake, 2, 10);
  fake_step(fake);
  for (int64_t id = 1; id <= 4; id++)
    fake_answer(fake, id, answer_throttled(1000));
  fake_run_to(fake, fake->now_us + 2 * second_us);
  assert_open(fake, 1, EXPSTART_ATTEMPT_START);
  assert_int_equal(fake->open_count, 1);
  assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, ticket), EXPSTART_OK);
  fake_answer(fake, 1, answer_fate(EXPSTART__LOST));
  assert_int_equal(fake->open_count, 1);
  fake_close(fake);
}

static void behind_the_gate_what_cannot_wait_ends_now(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.total_timeout_ms = 5000;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 100);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(5000));
  assert_ended(fake, 1, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_ended(fake, 100, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_not_ended(fake, 2); /* it is in flight, and may succeed */
  (void)fake_submit(fake, 101);
  fake_step(fake);
  assert_ended(fake, 101, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  fake_close(fake);
}

static void behind_the_gate_what_can_wait_waits(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.total_timeout_ms = 6000;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 100);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(5000));
  fake_deliver(fake);
  assert_int_equal(fake->result_count, 0);
  fake_close(fake);
}

static void five_failing_requests_in_a_row_are_an_outage(void **state) {
  (void)state;
  struct fake *fake = open_with(1000);
  for (int i = 0; i < 4; i++)
    fake_answer_at(fake, 0, answer_fate(EXPSTART__UNSENT));
  assert_int_equal(fake_stats(fake).gate_ms_left, 0);
  fake_answer_at(fake, 0, answer_fate(EXPSTART__UNSENT));
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_fate(EXPSTART__UNSENT));
  assert_int_equal(fake_stats(fake).blocked_by, EXPSTART_BLOCKED_OUTAGE_GATE);
  fake_close(fake);
}

static void an_answer_between_them_is_no_outage(void **state) {
  (void)state;
  struct fake *fake = open_with(1000);
  for (int i = 0; i < 100; i++)
    fake_answer_at(fake, 0, i % 4 ? answer_fate(EXPSTART__UNSENT) : answer_started());
  assert_int_equal(fake_stats(fake).gate_ms_left, 0);
  fake_close(fake);
}

static void one_request_that_always_fails_slows_no_other(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_attempts = 100;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  for (int i = 0; i < 50; i++) {
    while (!fake_find_open(fake, 1))
      fake_run_to(fake, fake->wake_us);
    fake_answer(fake, 1, answer_fate(EXPSTART__UNSENT));
    assert_int_equal(fake_stats(fake).gate_ms_left, 0);
  }
  fake_close(fake);
}

static void probes_of_an_outage_cost_no_attempts(void **state) {
  (void)state;
  struct fake *fake = open_with(5); /* each fails once before the gate is shut */
  uint64_t from_us = fake->now_us;
  while (fake->now_us < from_us + 600 * second_us) {
    while (fake->open_count > 0)
      fake_answer_at(fake, 0, answer_fate(EXPSTART__UNSENT));
    fake_run_to(fake, fake->wake_us);
  }
  assert_in_range(fake->sent, 60, 99);
  fake_deliver(fake);
  assert_int_equal(fake->result_count, 0);
  while (fake_stats(fake).started < 5) {
    while (fake->open_count > 0)
      fake_answer_at(fake, 0, answer_started());
    fake_run_to(fake, fake->wake_us == EXPSTART__NEVER ? fake->now_us : fake->wake_us);
  }
  fake_close(fake);
}

static void an_experiment_that_is_always_throttled_does_not_keep_the_gate_shut(void **state) {
  (void)state;
  struct fake *fake = open_with(200);
  uint64_t from_us = fake->now_us;
  while (fake_stats(fake).started < 199 && fake->now_us < from_us + 600 * second_us) {
    while (fake->open_count > 0)
      fake_answer_at(fake, 0,
                     fake->open[0].experiment_id == 1 ? answer_throttled(EXPSTART__NO_HINT)
                                                      : answer_started());
    fake_run_to(fake, fake->wake_us);
  }
  assert_int_equal(fake_stats(fake).started, 199);
  assert_true(fake->now_us - from_us < 60 * second_us);
  fake_close(fake);
}

static void the_time_left_is_told(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.rate_per_second = 100;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 1000);
  for (int i = 0; i < 500; i++) {
    fake_step(fake);
    while (fake->open_count > 0)
      fake_answer_at(fake, 0, answer_started());
    fake_deliver(fake);
    fake_run_to(fake, fake->wake_us);
  }
  assert_in_range(fake_stats(fake).eta_ms, 4500, 5500);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_429_pauses_first_tries_too),
      cmocka_unit_test(one_probe_opens_the_gate_and_then_it_ramps),
      cmocka_unit_test(a_probe_that_is_throttled_keeps_the_gate_shut),
      cmocka_unit_test(stragglers_of_the_same_epoch_change_nothing),
      cmocka_unit_test(a_probe_that_is_canceled_makes_room_for_another),
      cmocka_unit_test(behind_the_gate_what_cannot_wait_ends_now),
      cmocka_unit_test(behind_the_gate_what_can_wait_waits),
      cmocka_unit_test(five_failing_requests_in_a_row_are_an_outage),
      cmocka_unit_test(an_answer_between_them_is_no_outage),
      cmocka_unit_test(one_request_that_always_fails_slows_no_other),
      cmocka_unit_test(probes_of_an_outage_cost_no_attempts),
      cmocka_unit_test(an_experiment_that_is_always_throttled_does_not_keep_the_gate_shut),
      cmocka_unit_test(the_time_left_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

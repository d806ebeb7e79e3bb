/* Cancel in each stage, and cancel of all: one callback each, with the right outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

static void cancel(struct fake *fake, expstart_ticket ticket) {
  assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, ticket), EXPSTART_OK);
  fake_step(fake);
}

/* Sends one, cancels it in flight, and lets its report say this. */
static void cancel_in_flight(expstart_mode mode, struct fake_answer answer,
                             expstart_outcome outcome, int error) {
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit_as(fake, 1, mode);
  fake_step(fake);
  cancel(fake, ticket);
  assert_true(fake->open[0].aborted);
  assert_not_ended(fake, 1);
  assert_int_equal(fake_stats(fake).in_flight, 1);
  fake_answer(fake, 1, answer);
  assert_ended(fake, 1, outcome, error);
  fake_close(fake);
}

static void in_the_queue_it_is_canceled_and_never_sent(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  cancel(fake, fake_submit(fake, 1));
  assert_ended(fake, 1, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_int_equal(fake->sent, 0);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 0);
  fake_close(fake);
}

static void in_the_middle_of_the_queue_the_others_keep_their_order(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 1;
  struct fake *fake = fake_open(&options);
  expstart_ticket tickets[6];
  for (int i = 1; i <= 5; i++)
    tickets[i] = fake_submit(fake, i);
  cancel(fake, tickets[3]);
  fake_answer(fake, 1, answer_started());
  fake_answer(fake, 2, answer_started());
  assert_open(fake, 4, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void in_a_backoff_it_is_canceled_at_once(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_throttled(60000));
  cancel(fake, ticket);
  assert_ended(fake, 1, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_true(fake->wake_us == EXPSTART__NEVER);
  fake_close(fake);
}

static void before_a_look_it_is_unknown(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(500));
  cancel(fake, ticket);
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  fake_close(fake);
}

static void after_a_look_that_cleared_it_it_is_canceled(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(500));
  fake_run_to(fake, fake->now_us + 1000000);
  fake_answer(fake, 1, answer_state("ready"));
  fake_run_to(fake, fake->now_us + 5000000);
  fake_answer(fake, 1, answer_state("ready"));
  fake_answer(fake, 1, answer_throttled(60000));
  cancel(fake, ticket);
  assert_ended(fake, 1, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  fake_close(fake);
}

static void in_flight_it_is_what_its_report_says(void **state) {
  (void)state;
  cancel_in_flight(EXPSTART_START, answer_fate(EXPSTART__UNSENT), EXPSTART_CANCELED,
                   EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_START, answer_fate(EXPSTART__LOST), EXPSTART_UNKNOWN,
                   EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_START, answer_started(), EXPSTART_STARTED, EXPSTART_OK);
  cancel_in_flight(EXPSTART_START, answer_status(400), EXPSTART_REJECTED, EXPSTART_EREJECTED);
  cancel_in_flight(EXPSTART_START, answer_status(401), EXPSTART_REJECTED, EXPSTART_EREFUSED);
  cancel_in_flight(EXPSTART_START, answer_status(500), EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_START, answer_status(503), EXPSTART_CANCELED, EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_START, answer_throttled(1000), EXPSTART_CANCELED, EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_START, answer_throttled(0), EXPSTART_CANCELED, EXPSTART_ECANCELED);
}

static void a_look_in_flight_can_start_nothing(void **state) {
  (void)state;
  cancel_in_flight(EXPSTART_LOOK, answer_fate(EXPSTART__LOST), EXPSTART_CANCELED,
                   EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_LOOK, answer_state("ready"), EXPSTART_SEEN, EXPSTART_OK);
  cancel_in_flight(EXPSTART_LOOK, answer_state("running"), EXPSTART_RUNNING, EXPSTART_OK);
}

static void what_a_crash_left_in_doubt_stays_so_until_looked_up(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  cancel(fake, fake_submit_as(fake, 1, EXPSTART_LOOK_THEN_START));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  fake_close(fake);
  cancel_in_flight(EXPSTART_LOOK_THEN_START, answer_fate(EXPSTART__LOST), EXPSTART_UNKNOWN,
                   EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_LOOK_THEN_START, answer_state("ready"), EXPSTART_CANCELED,
                   EXPSTART_ECANCELED);
  cancel_in_flight(EXPSTART_LOOK_THEN_START, answer_state("running"), EXPSTART_RUNNING,
                   EXPSTART_OK);
}

static void twice_is_once(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  cancel(fake, ticket);
  cancel(fake, ticket); /* not aborted twice */
  fake_answer(fake, 1, answer_fate(EXPSTART__LOST));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  fake_close(fake);
}

static void what_is_decided_or_gone_is_not_found(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_started());
  uint64_t now_us = fake->now_us;
  assert_int_equal(expstart__engine_cancel(fake->engine, now_us, ticket), EXPSTART_ENOTFOUND);
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(expstart__engine_cancel(fake->engine, now_us, ticket), EXPSTART_ENOTFOUND);
  (void)fake_submit(fake, 2); /* in the same slot */
  assert_int_equal(expstart__engine_cancel(fake->engine, now_us, ticket), EXPSTART_ENOTFOUND);
  assert_int_equal(expstart__engine_cancel(fake->engine, now_us, 0), EXPSTART_ENOTFOUND);
  assert_int_equal(expstart__engine_cancel(fake->engine, now_us, UINT64_MAX), EXPSTART_ENOTFOUND);
  fake_close(fake);
}

static void a_cancel_is_no_fault(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket ticket = fake_submit(fake, 1);
  fake_step(fake);
  cancel(fake, ticket);
  fake_answer(fake, 1, answer_fate(EXPSTART__LOST));
  assert_int_equal(fake_stats(fake).faults, 0);
  fake_close(fake);
}

/* ---- all ---------------------------------------------------------------------------------------- */

static void cancel_all_ends_every_stage(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 2;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 6);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(503));
  fake_answer(fake, 2, answer_started());
  expstart__engine_cancel_all(fake->engine);
  fake_step(fake);
  assert_ended(fake, 1, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_ended(fake, 2, EXPSTART_STARTED, EXPSTART_OK);
  assert_ended(fake, 5, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_ended(fake, 6, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_not_ended(fake, 3);
  fake_answer(fake, 3, answer_fate(EXPSTART__UNSENT));
  fake_answer(fake, 4, answer_fate(EXPSTART__LOST));
  assert_ended(fake, 3, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_ended(fake, 4, EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  fake_close(fake);
}

static void submit_one_more(struct fake *fake, const expstart_result *result) {
  if (result->experiment_id < 1000)
    (void)fake_submit(fake, result->experiment_id + 1000);
}

static void what_callbacks_submit_survives_cancel_all(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 10);
  fake->on_done = submit_one_more;
  expstart__engine_cancel_all(fake->engine);
  fake_step(fake);
  fake_deliver(fake);
  fake_step(fake);
  for (int64_t id = 1; id <= 10; id++) {
    assert_ended(fake, id, EXPSTART_CANCELED, EXPSTART_ECANCELED);
    fake_answer(fake, id + 1000, answer_started());
    assert_ended(fake, id + 1000, EXPSTART_STARTED, EXPSTART_OK);
  }
  fake_close(fake);
}

static void cancel_next(struct fake *fake, const expstart_result *result) {
  (void)result;
  expstart__engine_cancel_all(fake->engine);
}

static void a_callback_may_cancel_all(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 5);
  fake_step(fake);
  fake->on_done = cancel_next;
  fake_answer(fake, 1, answer_started());
  fake_deliver(fake);
  fake_step(fake);
  for (int64_t id = 2; id <= 5; id++) {
    fake_answer(fake, id, answer_fate(EXPSTART__UNSENT));
    assert_ended(fake, id, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  }
  fake_close(fake);
}

/* Fewer than this a step, so that none holds the loop. */
enum { MANY = 20000, ENDS_A_STEP = 5000 };

static void cancel_all_of_many_takes_several_steps_and_sends_none_of_them(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, MANY);
  expstart__engine_cancel_all(fake->engine);
  fake_submit(fake, MANY + 1);
  int steps = 0;
  for (uint64_t canceled = 0; canceled < MANY; steps++) {
    assert_int_equal(fake->sent, 0);
    fake_step_once(fake);
    uint64_t now = fake_stats(fake).canceled;
    assert_true(now > canceled && now - canceled < ENDS_A_STEP);
    canceled = now;
  }
  assert_true(steps > 1);
  fake_deliver(fake);
  fake_step(fake);
  assert_open(fake, MANY + 1, EXPSTART_ATTEMPT_START);
  fake_answer(fake, MANY + 1, answer_started());
  fake_close(fake);
}

static void cancel_all_once_more_takes_in_what_came_since(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, MANY);
  expstart__engine_cancel_all(fake->engine);
  fake_step_once(fake);
  fake_submit(fake, MANY + 1);
  expstart__engine_cancel_all(fake->engine);
  fake_submit(fake, MANY + 2);
  fake_step(fake);
  fake_deliver(fake);
  fake_step(fake);
  assert_int_equal(fake_stats(fake).canceled, MANY + 1);
  assert_open(fake, MANY + 2, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void one_that_cancel_all_has_not_come_to_yet_may_be_canceled_alone(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, MANY - 1);
  expstart_ticket last = fake_submit(fake, MANY);
  expstart__engine_cancel_all(fake->engine);
  fake_step_once(fake);
  assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, last), EXPSTART_OK);
  fake_submit(fake, MANY + 1);
  fake_step(fake);
  fake_deliver(fake);
  fake_step(fake);
  assert_int_equal(fake_stats(fake).canceled, MANY);
  assert_open(fake, MANY + 1, EXPSTART_ATTEMPT_START);
  fake_close(fake);
}

static void with_nothing_accepted_cancel_all_does_nothing(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart__engine_cancel_all(fake->engine);
  fake_step(fake);
  fake_deliver(fake);
  assert_int_equal(fake->result_count, 0);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(in_the_queue_it_is_canceled_and_never_sent),
      cmocka_unit_test(in_the_middle_of_the_queue_the_others_keep_their_order),
      cmocka_unit_test(in_a_backoff_it_is_canceled_at_once),
      cmocka_unit_test(before_a_look_it_is_unknown),
      cmocka_unit_test(after_a_look_that_cleared_it_it_is_canceled),
      cmocka_unit_test(in_flight_it_is_what_its_report_says),
      cmocka_unit_test(a_look_in_flight_can_start_nothing),
      cmocka_unit_test(what_a_crash_left_in_doubt_stays_so_until_looked_up),
      cmocka_unit_test(twice_is_once),
      cmocka_unit_test(what_is_decided_or_gone_is_not_found),
      cmocka_unit_test(a_cancel_is_no_fault),
      cmocka_unit_test(cancel_all_ends_every_stage),
      cmocka_unit_test(what_callbacks_submit_survives_cancel_all),
      cmocka_unit_test(a_callback_may_cancel_all),
      cmocka_unit_test(cancel_all_of_many_takes_several_steps_and_sends_none_of_them),
      cmocka_unit_test(cancel_all_once_more_takes_in_what_came_since),
      cmocka_unit_test(one_that_cancel_all_has_not_come_to_yet_may_be_canceled_alone),
      cmocka_unit_test(with_nothing_accepted_cancel_all_does_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

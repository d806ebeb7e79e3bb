/* What embedders asked of the engine: permits, requests with a timeout of their own, and another
   max_in_flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

static const uint64_t second_us = 1000000;

static expstart_ticket submit_for(struct fake *fake, int64_t id, uint32_t timeout_ms) {
  fake->timeout_ms = timeout_ms;
  expstart_ticket ticket = fake_submit(fake, id);
  fake->timeout_ms = 0;
  return ticket;
}

/* ---- permits ------------------------------------------------------------------------------------- */

static struct fake *open_with_permits(void) {
  struct expstart_options options = fake_options();
  options.on_permits = fake_on_permits;
  return fake_open(&options);
}

static void without_a_permit_nothing_is_sent(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  fake_submit_range(fake, 1, 100);
  fake_run_to(fake, fake->now_us + second_us);
  assert_int_equal(fake->sent, 0);
  assert_int_equal(fake->permits_wanted, 4); /* as many as may be under way at first */
  assert_int_equal(fake->permits_told, 1);
  assert_int_equal(fake_stats(fake).blocked_by, EXPSTART_BLOCKED_PERMITS);
  expstart__engine_permit(fake->engine, fake->now_us, 3, 0);
  assert_int_equal(fake_stats(fake).permits, 3);
  fake_step(fake);
  assert_int_equal(fake->sent, 3);
  assert_int_equal(fake_stats(fake).permits, 0);
  fake_close(fake);
}

static void looks_and_repeats_spend_a_permit_too(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  (void)fake_submit(fake, 1);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(fake->open_count, 0);
    fake_run_to(fake, fake->now_us + 60 * second_us);
    assert_int_equal(fake->permits_wanted, 1);
    expstart__engine_permit(fake->engine, fake->now_us, 1, 0);
    fake_step(fake);
    assert_int_equal(fake->open_count, 1);
    if (i < 2)
      fake_answer(fake, 1, i == 0 ? answer_throttled(1000) : answer_status(500));
  }
  assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
  fake_answer(fake, 1, answer_state("running"));
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  fake_close(fake);
}

static void permits_lapse_unless_they_are_used(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  expstart__engine_permit(fake->engine, fake->now_us, 5, 1000);
  fake_run_to(fake, fake->now_us + second_us);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  assert_int_equal(fake->sent, 0);
  assert_int_equal(fake->permits_wanted, 1);
  expstart__engine_permit(fake->engine, fake->now_us, 5, 1000);
  fake_step(fake);
  assert_int_equal(fake->sent, 1);
  assert_int_equal(expstart__engine_take_permits(fake->engine, fake->now_us), 4);
  assert_int_equal(fake_stats(fake).permits, 0);
  fake_close(fake);
}

static void with_permits_what_was_learned_of_the_limit_does_not_count(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  fake_submit_range(fake, 1, 2000);
  expstart__engine_permit(fake->engine, fake->now_us, 2000, 0);
  fake_step(fake);
  for (int i = 0; i < 40; i++) { /* an API that takes one in 100 ms */
    if (fake->open_count == 0)
      fake_run_to(fake, fake->now_us + second_us);
    fake_answer_at(fake, 0, i % 2 ? answer_throttled(100) : answer_started());
    fake_deliver(fake);
  }
  fake_run_to(fake, fake->now_us + second_us);
  /* From here on it takes all: as many as may be under way, at once. */
  for (int i = 0; i < 200; i++) {
    fake_answer_at(fake, 0, answer_started());
    fake_deliver(fake);
  }
  assert_int_equal(fake->open_count, 32);
  fake_close(fake);
}

static void while_nothing_can_be_sent_no_permits_are_wanted(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  fake_submit_range(fake, 1, 10);
  fake_step(fake);
  assert_int_equal(fake->permits_wanted, 4);
  expstart__engine_pause(fake->engine, true);
  fake_run_to(fake, fake->now_us + second_us);
  assert_int_equal(fake->permits_wanted, 0);
  expstart__engine_pause(fake->engine, false);
  fake_step(fake);
  assert_int_equal(fake->permits_wanted, 4);
  fake_close(fake);
}

/* It was told that one is wanted, and never that others had come due, until a permit was granted. */
static void permits_are_wanted_for_what_comes_due_too(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  fake_submit_range(fake, 1, 4);
  expstart__engine_permit(fake->engine, fake->now_us, 4, 0);
  fake_step(fake);
  assert_int_equal(fake->open_count, 4);
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_status(500));
  for (uint64_t end_us = fake->now_us + 10 * second_us; fake->wake_us < end_us; fake_step(fake))
    fake->now_us = fake->wake_us;
  assert_int_equal(fake->permits_wanted, 4);
  fake_close(fake);
}

/* It was as many as there are slots, of which the rate lets one go a second. */
static void no_more_permits_are_wanted_than_the_rate_lets_go(void **state) {
  (void)state;
  struct fake *fake = open_with_permits();
  expstart__engine_set_rate(fake->engine, fake->now_us, 1, 0);
  fake_submit_range(fake, 1, 100);
  fake_step(fake);
  assert_int_equal(fake->permits_wanted, 1);
  expstart__engine_permit(fake->engine, fake->now_us, 1, 0);
  fake_run_to(fake, fake->now_us + second_us / 2);
  assert_int_equal(fake->sent, 1);
  assert_int_equal(fake->permits_told, 1);
  expstart__engine_set_rate(fake->engine, fake->now_us, 1, 3);
  fake_run_to(fake, fake->now_us + 10 * second_us);
  assert_int_equal(fake->permits_wanted, 3);
  fake_close(fake);
}

/* ---- timeouts of their own ------------------------------------------------------------------------ */

static void a_request_ends_by_its_own_timeout_whatever_the_order(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart__engine_pause(fake->engine, true);
  (void)submit_for(fake, 1, 30000);
  (void)submit_for(fake, 2, 10000);
  (void)submit_for(fake, 3, 20000);
  for (size_t ended = 0; ended < 3; ended++) {
    fake_deliver(fake);
    assert_int_equal(fake->result_count, ended);
    fake_run_to(fake, fake->now_us + 10 * second_us);
  }
  for (int64_t id = 1; id <= 3; id++)
    assert_ended(fake, id, EXPSTART_FAILED, EXPSTART_ETIMEDOUT);
  fake_close(fake);
}

static void an_attempt_has_no_more_time_than_its_request(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)submit_for(fake, 1, 700);
  fake_step(fake);
  assert_in_range(fake->last.timeout_ms, 700, 701);
  fake_run_to(fake, fake->now_us + second_us);
  assert_true(fake->open[0].aborted);
  fake_close(fake);
}

static void behind_the_gate_what_cannot_wait_by_its_own_timeout_ends_now(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  (void)submit_for(fake, 2, 5000);
  (void)submit_for(fake, 3, 50000);
  expstart__engine_pause(fake->engine, true);
  fake_answer(fake, 1, answer_throttled(10000));
  expstart__engine_pause(fake->engine, false);
  fake_step(fake);
  assert_ended(fake, 2, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_not_ended(fake, 1);
  assert_not_ended(fake, 3);
  fake_close(fake);
}

/* What was under way hid those behind it: they ended when their time was up. */
static void behind_the_gate_what_cannot_wait_ends_now_whatever_is_under_way(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)submit_for(fake, 1, 4000);
  (void)fake_submit(fake, 2);
  fake_step(fake);
  expstart__engine_pause(fake->engine, true);
  (void)submit_for(fake, 3, 5000);
  (void)submit_for(fake, 4, 50000);
  fake_answer(fake, 2, answer_throttled(10000));
  expstart__engine_pause(fake->engine, false);
  fake_step(fake);
  assert_ended(fake, 3, EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_open(fake, 1, EXPSTART_ATTEMPT_START);
  assert_not_ended(fake, 4);
  fake_run_to(fake, fake->now_us + 4 * second_us);
  assert_true(fake->open[0].aborted);
  fake_close(fake);
}

static void deadlines_of_what_has_ended_do_not_pile_up(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  for (int64_t id = 1; id <= 5000; id++) {
    expstart_ticket ticket = submit_for(fake, id, 3600000);
    assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, ticket), EXPSTART_OK);
    fake_deliver(fake);
  }
  fake_step(fake);
  assert_int_equal(fake->wake_us > fake->now_us, 1);
  assert_int_equal(fake->result_count, 5000);
  fake_close(fake);
}

/* ---- another max_in_flight ------------------------------------------------------------------------- */

static void max_in_flight_can_be_changed_both_ways(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake->options.max_in_flight = 2;
  expstart__engine_set_max_in_flight(fake->engine, 2);
  fake_submit_range(fake, 1, 100);
  fake_step(fake);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(fake->open_count, 2);
    fake_answer_at(fake, 0, answer_started());
  }
  fake->options.max_in_flight = 8;
  expstart__engine_set_max_in_flight(fake->engine, 8);
  for (int i = 0; i < 60; i++)
    fake_answer_at(fake, 0, answer_started());
  assert_int_equal(fake->open_count, 8);
  expstart__engine_set_max_in_flight(fake->engine, 1);
  for (int i = 0; i < 7; i++)
    fake_answer_at(fake, 0, answer_started());
  assert_int_equal(fake->open_count, 1);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_permit_nothing_is_sent),
      cmocka_unit_test(looks_and_repeats_spend_a_permit_too),
      cmocka_unit_test(permits_lapse_unless_they_are_used),
      cmocka_unit_test(with_permits_what_was_learned_of_the_limit_does_not_count),
      cmocka_unit_test(while_nothing_can_be_sent_no_permits_are_wanted),
      cmocka_unit_test(permits_are_wanted_for_what_comes_due_too),
      cmocka_unit_test(no_more_permits_are_wanted_than_the_rate_lets_go),
      cmocka_unit_test(a_request_ends_by_its_own_timeout_whatever_the_order),
      cmocka_unit_test(an_attempt_has_no_more_time_than_its_request),
      cmocka_unit_test(behind_the_gate_what_cannot_wait_by_its_own_timeout_ends_now),
      cmocka_unit_test(behind_the_gate_what_cannot_wait_ends_now_whatever_is_under_way),
      cmocka_unit_test(deadlines_of_what_has_ended_do_not_pile_up),
      cmocka_unit_test(max_in_flight_can_be_changed_both_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

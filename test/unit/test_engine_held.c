/* What holds up everything, and is told apart: a refused key, what this machine lacks, callbacks that are
   slow, an API that is out of reach for a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

#include <string.h>

static const uint64_t second_us = 1000000;

static struct fake *open_holding(void) {
  struct expstart_options options = fake_options();
  options.on_key_refused = fake_on_key_refused;
  return fake_open(&options);
}

static struct fake_answer with_words(struct fake_answer answer, const char *message) {
  answer.message = message;
  return answer;
}

/* ---- the key ------------------------------------------------------------------------------------- */

/* 53,116 were once rejected in a second. */
static void a_refused_key_holds_back_what_is_queued(void **state) {
  (void)state;
  struct fake *fake = open_holding();
  fake_submit_range(fake, 1, 1000);
  fake_step(fake);
  size_t under_way = fake->open_count;
  for (size_t i = 0; i < under_way; i++)
    fake_answer_at(fake, 0, with_words(answer_status(401), "expired"));
  fake_run_to(fake, fake->now_us + 1000 * second_us);
  assert_int_equal(fake->sent, under_way);
  assert_int_equal(fake->keys_refused, 1);
  assert_string_equal(fake->key_message, "expired");
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.rejected, 0);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_KEY);
  assert_int_equal(stats.gate_error, EXPSTART_EREFUSED);
  assert_string_equal(stats.gate_message, "expired");
  fake_close(fake);
}

static void a_new_key_lets_them_go_on(void **state) {
  (void)state;
  struct fake *fake = open_holding();
  fake_submit_range(fake, 1, 20);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(401));
  expstart__engine_key_changed(fake->engine);
  /* Those that went with the old one are still to come, and say nothing of the new one. */
  fake_answer(fake, 2, answer_status(401));
  assert_int_equal(fake->keys_refused, 1);
  for (int i = 0; i < 100 && fake_stats(fake).started < 20; i++) {
    while (fake->open_count > 0)
      fake_answer_at(fake, 0, answer_started());
    fake_run_to(fake, fake->now_us + second_us);
  }
  assert_int_equal(fake_stats(fake).started, 20);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 2);
  assert_int_equal(fake_stats(fake).gate_error, EXPSTART_OK);
  fake_close(fake);
}

static void a_key_that_is_refused_to_a_look_is_held_back_too(void **state) {
  (void)state;
  struct fake *fake = open_holding();
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_fate(EXPSTART__LOST));
  fake_run_to(fake, fake->now_us + second_us);
  fake_answer(fake, 1, answer_status(401));
  assert_not_ended(fake, 1);
  assert_int_equal(fake->hook.next, EXPSTART_NEXT_LOOK);
  expstart__engine_key_changed(fake->engine);
  fake_step(fake);
  fake_answer(fake, 1, answer_state("running"));
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  fake_close(fake);
}

static void timeouts_go_on_while_the_key_is_refused(void **state) {
  (void)state;
  struct fake *fake = open_holding();
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(401));
  fake_run_to(fake, fake->now_us + 901 * second_us);
  assert_ended(fake, 1, EXPSTART_FAILED, EXPSTART_EREFUSED);
  fake_close(fake);
}

/* ---- this machine -------------------------------------------------------------------------------- */

static struct fake_answer answer_ours(void) {
  struct fake_answer answer = with_words(answer_fate(EXPSTART__UNSENT), "no descriptor left");
  answer.ours = true;
  return answer;
}

static void what_this_machine_lacks_is_no_outage_and_costs_no_attempt(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  for (int i = 0; i < 30; i++) {
    fake_answer(fake, 1, answer_ours());
    struct expstart_stats stats = fake_stats(fake);
    assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_RESOURCE_GATE);
    assert_int_equal(stats.gate_error, EXPSTART_ERESOURCE);
    assert_string_equal(stats.gate_message, "no descriptor left");
    assert_int_equal(stats.faults, 0);
    assert_int_equal(fake->hook.gate_error, EXPSTART_ERESOURCE);
    fake_run_to(fake, fake->wake_us);
    assert_open(fake, 1, EXPSTART_ATTEMPT_START);
  }
  fake_answer(fake, 1, answer_started());
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(fake_stats(fake).gate_error, EXPSTART_OK);
  assert_string_equal(fake_stats(fake).gate_message, "");
  fake_close(fake);
}

static void what_this_machine_lacks_is_asked_for_seldom(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  uint64_t end_us = fake->now_us + 60 * second_us;
  fake_submit_range(fake, 1, 1000);
  fake_step(fake);
  while (fake->now_us < end_us) {
    while (fake->open_count > 0)
      fake_answer_at(fake, 0, answer_ours());
    fake_run_to(fake, fake->wake_us);
  }
  assert_in_range(fake->sent, 8, 20);
  fake_close(fake);
}

/* ---- callbacks ------------------------------------------------------------------------------------ */

static void outcomes_that_wait_for_slow_callbacks_hold_up_what_is_sent(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 5000);
  fake_step(fake);
  for (int i = 0; i < 5000 && fake->open_count > 0; i++)
    fake_answer_at(fake, 0, answer_started());
  struct expstart_stats stats = fake_stats(fake);
  assert_in_range(stats.started, 256, 256 + 32);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_CALLBACKS);
  fake_deliver(fake);
  fake_step(fake);
  assert_true(fake->open_count > 0);
  fake_close(fake);
}

/* ---- why the gate is shut -------------------------------------------------------------------------- */

static void the_reason_of_an_outage_is_told(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 20);
  fake_step(fake);
  assert_int_equal(fake_stats(fake).gate_error, EXPSTART_OK);
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, with_words(answer_fate(EXPSTART__UNSENT), "Could not resolve host"));
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_OUTAGE_GATE);
  assert_int_equal(stats.gate_error, EXPSTART_ETRANSPORT);
  assert_string_equal(stats.gate_message, "Could not resolve host");
  assert_int_equal(fake->notice.error, EXPSTART_ETRANSPORT);
  assert_string_equal(fake->notice_message, "Could not resolve host");
  fake_close(fake);
}

static void the_reason_of_a_throttle_is_told(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, with_words(answer_throttled(1000), "1000 a minute"));
  assert_int_equal(fake_stats(fake).gate_error, EXPSTART_ETHROTTLED);
  assert_string_equal(fake_stats(fake).gate_message, "1000 a minute");
  assert_int_equal(fake->hook.retry_after_ms, 1000);
  assert_int_equal(fake->hook.remaining, -1);
  fake_close(fake);
}

static void a_407_is_a_proxys_failure_and_so_an_outage(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 20);
  fake_step(fake);
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_status(407));
  assert_int_equal(fake_stats(fake).blocked_by, EXPSTART_BLOCKED_OUTAGE_GATE);
  assert_int_equal(fake_stats(fake).rejected, 0);
  fake_close(fake);
}

/* It was told as EREJECTED: what the last one left met, not why the gate is shut. */
static void a_count_that_a_refusal_uses_up_shuts_the_gate_as_a_throttle(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  struct fake_answer last_one = answer_started(), throttled = answer_throttled(EXPSTART__NO_HINT),
                     refused = with_words(answer_status(404), "no such experiment");
  last_one.reset_ms = throttled.reset_ms = refused.reset_ms = 5000;
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake->now_us += 1000;
  fake_answer(fake, 1, last_one);
  (void)fake_submit(fake, 2);
  fake->now_us += 1000;
  fake_step(fake);
  fake->now_us += 1000;
  fake_answer(fake, 2, throttled);
  fake_run_to(fake, fake->now_us + 6 * second_us);
  fake_answer(fake, 2, refused);
  assert_ended(fake, 2, EXPSTART_REJECTED, EXPSTART_EREJECTED);
  struct expstart_stats stats = fake_stats(fake);
  assert_true(stats.gate_ms_left > 0);
  assert_string_equal(expstart_err_name(stats.gate_error), "ETHROTTLED");
  assert_string_equal(stats.gate_message, "");
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_refused_key_holds_back_what_is_queued),
      cmocka_unit_test(a_new_key_lets_them_go_on),
      cmocka_unit_test(a_key_that_is_refused_to_a_look_is_held_back_too),
      cmocka_unit_test(timeouts_go_on_while_the_key_is_refused),
      cmocka_unit_test(what_this_machine_lacks_is_no_outage_and_costs_no_attempt),
      cmocka_unit_test(what_this_machine_lacks_is_asked_for_seldom),
      cmocka_unit_test(outcomes_that_wait_for_slow_callbacks_hold_up_what_is_sent),
      cmocka_unit_test(the_reason_of_an_outage_is_told),
      cmocka_unit_test(the_reason_of_a_throttle_is_told),
      cmocka_unit_test(a_count_that_a_refusal_uses_up_shuts_the_gate_as_a_throttle),
      cmocka_unit_test(a_407_is_a_proxys_failure_and_so_an_outage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

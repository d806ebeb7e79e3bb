/* The gate by itself: what a reply makes of it, and what is told. Its parts have tests of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacer.h"

static const uint64_t began_us = 1000000000, second_us = 1000000;

static struct expstart__pacer open_pacer(void) {
  struct expstart_options options;
  struct expstart__pacer pacer;
  expstart_options_init(&options);
  options.max_in_flight = 8;
  options.max_retry_after_ms = 600000;
  expstart__pacer_init(&pacer, &options, began_us);
  return pacer;
}

/* One attempt, sent now and heard of a millisecond later. True: *notice was told. */
static bool attempt(struct expstart__pacer *pacer, uint64_t *now_us, enum expstart__heard heard,
                    struct expstart__hints hints, struct expstart__notice *notice) {
  *now_us += 1;
  struct expstart__echo echo = {.heard = heard, .hints = hints, .ticket = 1, .sent_us = *now_us};
  echo.stamp = expstart__pacer_sent(pacer, *now_us, 1);
  *now_us += 1000;
  return expstart__pacer_heard(pacer, *now_us, &echo, notice);
}

static void wait_until_ready(const struct expstart__pacer *pacer, uint64_t *now_us) {
  expstart_blocked blocked;
  uint64_t ready_us = expstart__pacer_ready_at(pacer, *now_us, 0, &blocked);
  *now_us = ready_us > *now_us ? ready_us : *now_us;
}

/* Shows that the claims of this API are true: none left, and then throttled; then on to its next window. */
static void prove_claims(struct expstart__pacer *pacer, uint64_t *now_us) {
  struct expstart__notice notice;
  struct expstart__hints none_left = {EXPSTART__NO_HINT, 0, 5000, EXPSTART__NO_HINT};
  assert_false(attempt(pacer, now_us, EXPSTART__HEARD_ANSWER, none_left, &notice));
  assert_true(attempt(pacer, now_us, EXPSTART__HEARD_THROTTLE, none_left, &notice));
  assert_int_equal(notice.kind, EXPSTART__GATE_SHUT);
  wait_until_ready(pacer, now_us);
}

static void a_throttle_by_its_reset_shuts_the_gate(void **state) {
  (void)state;
  struct expstart__pacer pacer = open_pacer();
  struct expstart__notice notice;
  uint64_t now_us = began_us;
  struct expstart__hints reset = {EXPSTART__NO_HINT, 0, 5000, EXPSTART__NO_HINT};
  assert_true(attempt(&pacer, &now_us, EXPSTART__HEARD_THROTTLE, reset, &notice));
  assert_int_equal(notice.gate, EXPSTART_BLOCKED_THROTTLE_GATE);
  assert_in_range(notice.until_us, now_us + 5 * second_us, now_us + 5 * second_us + 250000);
}

/* Found by the simulator: the gate was shut for 55 years. */
static void a_claim_of_years_is_cut_like_any_hint(void **state) {
  (void)state;
  struct expstart__pacer pacer = open_pacer();
  struct expstart__notice notice;
  uint64_t now_us = began_us;
  struct expstart__hints years = {EXPSTART__NO_HINT, 0, INT64_C(1764000000000), EXPSTART__NO_HINT};
  prove_claims(&pacer, &now_us);
  assert_true(attempt(&pacer, &now_us, EXPSTART__HEARD_ANSWER, years, &notice));
  assert_int_equal(expstart__pacer_shut_until(&pacer), now_us + 600 * second_us);
  assert_int_equal(pacer.capped_hints, 1);
}

/* Found by the simulator: it was told as if the gate had been open. */
static void a_probe_that_takes_the_last_one_leaves_the_gate_shut(void **state) {
  (void)state;
  struct expstart__pacer pacer = open_pacer();
  struct expstart__notice notice;
  uint64_t now_us = began_us;
  struct expstart__hints last_one = {EXPSTART__NO_HINT, 0, 60000, EXPSTART__NO_HINT};
  prove_claims(&pacer, &now_us);
  assert_true(attempt(&pacer, &now_us, EXPSTART__HEARD_ANSWER, last_one, &notice));
  assert_int_equal(notice.kind, EXPSTART__GATE_EXTENDED);
  assert_int_equal(expstart__pacer_shut_until(&pacer), now_us + 60 * second_us);
}

static void a_hint_of_nothing_is_a_pause_of_our_own(void **state) {
  (void)state;
  static const int64_t hints_ms[] = {EXPSTART__NO_HINT, 0};
  for (int i = 0; i < 2; i++) {
    struct expstart__pacer pacer = open_pacer();
    struct expstart__notice notice;
    uint64_t now_us = began_us;
    struct expstart__hints hints = {hints_ms[i], EXPSTART__NO_HINT, EXPSTART__NO_HINT,
                                    EXPSTART__NO_HINT};
    assert_true(attempt(&pacer, &now_us, EXPSTART__HEARD_THROTTLE, hints, &notice));
    assert_in_range(notice.until_us - now_us, 10000, 1000000);
  }
}

static void a_probe_without_an_answer_is_followed_by_another(void **state) {
  (void)state;
  struct expstart__pacer pacer = open_pacer();
  struct expstart__notice notice;
  struct expstart__hints hints = EXPSTART__NO_HINTS;
  uint64_t now_us = began_us;
  assert_true(attempt(&pacer, &now_us, EXPSTART__HEARD_THROTTLE, hints, &notice));
  wait_until_ready(&pacer, &now_us);
  (void)expstart__pacer_sent(&pacer, now_us, 1);
  expstart_blocked blocked;
  uint64_t next_us = expstart__pacer_ready_at(&pacer, now_us, 1, &blocked);
  assert_in_range(next_us, now_us + 2 * second_us, now_us + 10 * second_us);
  assert_int_equal(blocked, EXPSTART_BLOCKED_THROTTLE_GATE);
}

/* Found by the simulator: the probe's answer opened the gate, long before the hint's time. */
static void a_probe_that_was_sent_before_a_longer_hint_does_not_open_the_gate(void **state) {
  (void)state;
  struct expstart__pacer pacer = open_pacer();
  struct expstart__notice notice;
  struct expstart__hints none = EXPSTART__NO_HINTS, hint = EXPSTART__NO_HINTS;
  uint64_t now_us = began_us;
  hint.retry_after_ms = 10000;
  struct expstart__echo straggler = {
      .heard = EXPSTART__HEARD_THROTTLE, .hints = hint, .ticket = 2, .sent_us = now_us};
  straggler.stamp = expstart__pacer_sent(&pacer, now_us, 1);
  assert_true(attempt(&pacer, &now_us, EXPSTART__HEARD_THROTTLE, none, &notice));
  wait_until_ready(&pacer, &now_us);
  struct expstart__echo probe = {
      .heard = EXPSTART__HEARD_ANSWER, .hints = none, .ticket = 3, .sent_us = now_us};
  probe.stamp = expstart__pacer_sent(&pacer, now_us, 2);
  assert_true(expstart__pacer_heard(&pacer, now_us + 1000, &straggler, &notice));
  assert_false(expstart__pacer_heard(&pacer, now_us + 2000, &probe, &notice));
  assert_in_range(expstart__pacer_shut_until(&pacer), now_us + 10 * second_us,
                  now_us + 11 * second_us);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_throttle_by_its_reset_shuts_the_gate),
      cmocka_unit_test(a_claim_of_years_is_cut_like_any_hint),
      cmocka_unit_test(a_probe_that_takes_the_last_one_leaves_the_gate_shut),
      cmocka_unit_test(a_hint_of_nothing_is_a_pause_of_our_own),
      cmocka_unit_test(a_probe_without_an_answer_is_followed_by_another),
      cmocka_unit_test(a_probe_that_was_sent_before_a_longer_hint_does_not_open_the_gate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The sandbox's token bucket: what it lets through, and what it says of waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limiter.h"

static const uint64_t start_us = 1000000;

static void a_full_bucket_admits_its_burst_and_no_more(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 10, 3, start_us);
  for (int taken = 0; taken < 3; taken++) {
    assert_true(limiter_take(&limiter, start_us));
  }
  assert_false(limiter_take(&limiter, start_us));
}

static void a_token_comes_back_after_one_over_the_rate(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 10, 1, start_us);
  assert_true(limiter_take(&limiter, start_us));
  assert_false(limiter_take(&limiter, start_us + 99000));
  assert_true(limiter_take(&limiter, start_us + 100000));
}

static void a_refusal_costs_nothing(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 10, 1, start_us);
  assert_true(limiter_take(&limiter, start_us));
  for (uint64_t waited_us = 0; waited_us < 100000; waited_us += 7) {
    assert_false(limiter_take(&limiter, start_us + waited_us));
  }
  assert_true(limiter_take(&limiter, start_us + 100000));
}

static void an_idle_bucket_holds_no_more_than_its_burst(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 1000, 2, start_us);
  uint64_t later_us = start_us + UINT64_C(86400000000);
  assert_true(limiter_take(&limiter, later_us));
  assert_true(limiter_take(&limiter, later_us));
  assert_false(limiter_take(&limiter, later_us));
}

static void a_rate_of_zero_admits_everything(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 0, 1, start_us);
  for (int taken = 0; taken < 1000; taken++) {
    assert_true(limiter_take(&limiter, start_us));
  }
  assert_int_equal(limiter_next_us(&limiter), 0);
}

static void time_that_runs_backwards_refills_nothing(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 10, 1, start_us);
  assert_true(limiter_take(&limiter, start_us));
  assert_false(limiter_take(&limiter, 0));
  assert_false(limiter_take(&limiter, start_us + 50000));
}

static void the_wait_it_names_is_long_enough_and_not_too_long(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 1000.0 / 60.0, 1, start_us);
  assert_true(limiter_take(&limiter, start_us));
  assert_false(limiter_take(&limiter, start_us));
  uint64_t wait_us = limiter_next_us(&limiter);
  assert_in_range(wait_us, 59990, 60010);
  struct limiter too_early = limiter;
  assert_false(limiter_take(&too_early, start_us + wait_us - 100));
  assert_true(limiter_take(&limiter, start_us + wait_us));
}

static void the_bucket_is_full_when_it_said_it_would_be(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 10, 5, start_us);
  for (int taken = 0; taken < 5; taken++) {
    assert_true(limiter_take(&limiter, start_us));
  }
  assert_int_equal(limiter_remaining(&limiter), 0);
  uint64_t full_us = limiter_full_us(&limiter);
  assert_int_equal(full_us, 500000);
  assert_true(limiter_take(&limiter, start_us + full_us));
  assert_int_equal(limiter_remaining(&limiter), 4);
}

static void a_long_run_at_an_odd_rate_admits_what_the_rate_says(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 3, 1, start_us);
  unsigned admitted = 0;
  for (uint64_t step = 0; step < 100000; step++) { /* 1,000 s in steps of 10 ms */
    admitted += limiter_take(&limiter, start_us + step * 10000);
  }
  assert_in_range(admitted, 2900, 3001);
}

static void a_rate_near_nothing_names_a_wait_that_fits(void **state) {
  (void)state;
  struct limiter limiter;
  limiter_init(&limiter, 1e-300, 1, start_us);
  assert_true(limiter_take(&limiter, start_us));
  assert_in_range(limiter_next_us(&limiter), 1, UINT64_C(366) * 86400 * 1000000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_bucket_admits_its_burst_and_no_more),
      cmocka_unit_test(a_token_comes_back_after_one_over_the_rate),
      cmocka_unit_test(a_refusal_costs_nothing),
      cmocka_unit_test(an_idle_bucket_holds_no_more_than_its_burst),
      cmocka_unit_test(a_rate_of_zero_admits_everything),
      cmocka_unit_test(time_that_runs_backwards_refills_nothing),
      cmocka_unit_test(the_wait_it_names_is_long_enough_and_not_too_long),
      cmocka_unit_test(the_bucket_is_full_when_it_said_it_would_be),
      cmocka_unit_test(a_long_run_at_an_odd_rate_admits_what_the_rate_says),
      cmocka_unit_test(a_rate_near_nothing_names_a_wait_that_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The quantiles of the stats, and the rate of late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "latency.h"
#include "meter.h"

static void nothing_has_no_quantile(void **state) {
  (void)state;
  struct expstart__latency latency = {0};
  assert_int_equal(expstart__latency_quantile(&latency, 0.5), 0);
}

static void one_time_is_every_quantile(void **state) {
  (void)state;
  struct expstart__latency latency = {0};
  expstart__latency_add(&latency, 12345);
  assert_int_equal(expstart__latency_quantile(&latency, 0), 12345);
  assert_int_equal(expstart__latency_quantile(&latency, 0.99), 12345);
  assert_int_equal(latency.max_us, 12345);
}

static void a_quantile_is_never_below_and_at_most_an_eighth_above(void **state) {
  (void)state;
  for (uint64_t time_us = 1; time_us < UINT64_C(4000000000); time_us += time_us / 7 + 1) {
    struct expstart__latency latency = {0};
    expstart__latency_add(&latency, time_us);
    expstart__latency_add(&latency, UINT64_C(4000000000));
    uint64_t half_us = expstart__latency_quantile(&latency, 0);
    assert_in_range(half_us, time_us, time_us + time_us / 8);
  }
}

static void of_a_thousand_the_ranks_are_right(void **state) {
  (void)state;
  struct expstart__latency latency = {0};
  for (uint64_t i = 1; i <= 1000; i++)
    expstart__latency_add(&latency, i * 1000);
  assert_in_range(expstart__latency_quantile(&latency, 0.5), 500000, 565000);
  assert_in_range(expstart__latency_quantile(&latency, 0.9), 900000, 1000000);
  assert_int_equal(expstart__latency_quantile(&latency, 1), 1000000);
}

static void what_takes_days_is_counted_too(void **state) {
  (void)state;
  struct expstart__latency latency = {0};
  expstart__latency_add(&latency, UINT64_MAX);
  assert_true(expstart__latency_quantile(&latency, 0.5) > UINT64_C(4000000000));
}

static void a_steady_rate_is_metered(void **state) {
  (void)state;
  struct expstart__meter meter = {0};
  uint64_t now_us = 5000000;
  assert_true(expstart__meter_rate(&meter, now_us) == 0);
  for (int i = 0; i < 5000; i++)
    expstart__meter_count(&meter, now_us += 2000);
  assert_in_range(expstart__meter_rate(&meter, now_us), 495, 505);
}

static void a_new_rate_comes_through(void **state) {
  (void)state;
  struct expstart__meter meter = {0};
  uint64_t now_us = 5000000;
  for (int i = 0; i < 5000; i++)
    expstart__meter_count(&meter, now_us += 2000);
  for (int i = 0; i < 6000; i++)
    expstart__meter_count(&meter, now_us += 10000);
  assert_in_range(expstart__meter_rate(&meter, now_us), 95, 115);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_has_no_quantile),
      cmocka_unit_test(one_time_is_every_quantile),
      cmocka_unit_test(a_quantile_is_never_below_and_at_most_an_eighth_above),
      cmocka_unit_test(of_a_thousand_the_ranks_are_right),
      cmocka_unit_test(what_takes_days_is_counted_too),
      cmocka_unit_test(a_steady_rate_is_metered),
      cmocka_unit_test(a_new_rate_comes_through),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

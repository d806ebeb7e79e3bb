/* The rate: never more than it in any second, and nearly all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "bucket.h"

static const uint64_t second_us = 1000000;
static const double rates[] = {0.5, 1, 7.3, 100, 250, 500, 999, 5000, 20000};
enum { RATES = sizeof rates / sizeof *rates, MOST = 500000 };

static uint64_t ceiling(double value) {
  uint64_t whole = (uint64_t)value;
  return (double)whole < value ? whole + 1 : whole;
}

/* Sends all that may go until `end_us`, looking at the clock every `tick_us` (0: whenever the next
   may go). Returns how many, their times in `sent`. */
static size_t send_all(struct expstart__bucket *bucket, uint64_t from_us, uint64_t end_us,
                       uint64_t tick_us, uint64_t *sent, size_t count) {
  uint64_t now_us = from_us;
  while (now_us < end_us) {
    while (expstart__bucket_ready_at(bucket) <= now_us) {
      expstart__bucket_spend(bucket, now_us);
      assert_true(count < MOST);
      sent[count++] = now_us;
    }
    uint64_t ready_us = expstart__bucket_ready_at(bucket);
    now_us = tick_us ? now_us + tick_us : ready_us;
  }
  return count;
}

static size_t most_in_a_second(const uint64_t *sent, size_t count) {
  size_t most = 0, first = 0;
  for (size_t last = 0; last < count; last++) {
    while (sent[last] - sent[first] >= second_us)
      first++;
    if (last - first + 1 > most)
      most = last - first + 1;
  }
  return most;
}

static void check_windows(uint64_t from_us, uint64_t tick_us) {
  uint64_t *sent = malloc(MOST * sizeof *sent);
  assert_non_null(sent);
  for (size_t i = 0; i < RATES; i++) {
    struct expstart__bucket bucket = {0};
    expstart__bucket_set_rate(&bucket, 0, rates[i], 0);
    size_t count = send_all(&bucket, from_us, from_us + 10 * second_us, tick_us, sent, 0);
    size_t most = most_in_a_second(sent, count);
    if (most > ceiling(rates[i]))
      fail_msg("%zu in a second at %g a second", most, rates[i]);
  }
  free(sent);
}

static void no_second_holds_more_than_the_rate(void **state) {
  (void)state;
  check_windows(0, 0);
  check_windows(123456789, 0);
}

static void no_second_holds_more_than_the_rate_with_timers_of_a_millisecond(void **state) {
  (void)state;
  check_windows(0, 1000);
  check_windows(1000007, 1000);
  check_windows(77, 4000);
}

static void no_second_holds_more_than_the_rate_after_a_year_of_uptime(void **state) {
  (void)state;
  check_windows(UINT64_C(31536000000003), 0);
}

static void an_irregular_clock_is_no_way_around_the_rate(void **state) {
  (void)state;
  uint64_t *sent = malloc(MOST * sizeof *sent);
  assert_non_null(sent);
  for (size_t i = 0; i < RATES; i++) {
    struct expstart__bucket bucket = {0};
    uint32_t random = 5;
    size_t count = 0;
    expstart__bucket_set_rate(&bucket, 0, rates[i], 0);
    for (uint64_t now_us = 17; now_us < 10 * second_us;) {
      while (expstart__bucket_ready_at(&bucket) <= now_us) {
        expstart__bucket_spend(&bucket, now_us);
        sent[count++] = now_us;
      }
      random = random * 1664525u + 1013904223u;
      now_us += 1 + (random >> 8) % ((random >> 4) % 16 ? 3000 : 700000);
    }
    assert_true(most_in_a_second(sent, count) <= ceiling(rates[i]));
  }
  free(sent);
}

static void timers_of_a_millisecond_reach_99_percent_of_the_rate(void **state) {
  (void)state;
  uint64_t *sent = malloc(MOST * sizeof *sent);
  assert_non_null(sent);
  for (size_t i = 2; i < RATES; i++) {
    struct expstart__bucket bucket = {0};
    expstart__bucket_set_rate(&bucket, 0, rates[i], 0);
    size_t count = send_all(&bucket, second_us, 21 * second_us, 1000, sent, 0);
    if ((double)count < 0.99 * 20 * rates[i])
      fail_msg("%.2f %% of %g a second", (double)count / 0.2 / rates[i], rates[i]);
  }
  free(sent);
}

static void without_a_rate_everything_goes(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 0, 0);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(expstart__bucket_ready_at(&bucket), 0);
    expstart__bucket_spend(&bucket, 0);
  }
}

static void one_a_second_is_one_a_second(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 1, 0);
  assert_int_equal(expstart__bucket_ready_at(&bucket), 0);
  expstart__bucket_spend(&bucket, 5000);
  assert_int_equal(expstart__bucket_ready_at(&bucket), 5000 + second_us);
}

static void being_late_does_not_add_up(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 10, 0);
  expstart__bucket_spend(&bucket, 0);
  expstart__bucket_spend(&bucket, 50 * second_us);
  /* Only what late timers are allowed (a hundredth of a second) comes sooner than the interval. */
  assert_in_range(expstart__bucket_ready_at(&bucket), 50 * second_us + 90000,
                  50 * second_us + 101000);
}

static void a_burst_goes_at_once_and_then_the_rate(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 10, 50);
  for (int i = 0; i < 50; i++) {
    assert_true(expstart__bucket_ready_at(&bucket) <= second_us);
    expstart__bucket_spend(&bucket, second_us);
  }
  for (uint64_t i = 1; i <= 5; i++) {
    assert_int_equal(expstart__bucket_ready_at(&bucket), second_us + i * 100000);
    expstart__bucket_spend(&bucket, second_us + i * 100000);
  }
}

static void a_burst_comes_back_after_a_pause_and_grows_no_further(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 10, 5);
  for (int round = 0; round < 3; round++) {
    uint64_t now_us = (uint64_t)(round + 1) * 100 * second_us;
    for (int i = 0; i < 5; i++) {
      assert_true(expstart__bucket_ready_at(&bucket) <= now_us);
      expstart__bucket_spend(&bucket, now_us);
    }
    assert_true(expstart__bucket_ready_at(&bucket) > now_us);
  }
}

static void a_burst_of_one_is_strict_spacing(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 1000, 1);
  expstart__bucket_spend(&bucket, second_us);
  assert_int_equal(expstart__bucket_ready_at(&bucket), second_us + 1000);
}

/* ---- changes ---------------------------------------------------------------------------------- */

static void a_lower_rate_holds_from_the_change_on(void **state) {
  (void)state;
  uint64_t *sent = malloc(MOST * sizeof *sent);
  assert_non_null(sent);
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 1000, 0);
  (void)send_all(&bucket, 0, 3 * second_us, 0, sent, 0);
  expstart__bucket_set_rate(&bucket, 3 * second_us, 100, 0);
  size_t count = send_all(&bucket, 3 * second_us, 13 * second_us, 0, sent, 0);
  assert_true(most_in_a_second(sent, count) <= 100);
  assert_true(count >= 990);
  free(sent);
}

static void a_higher_rate_holds_from_the_change_on(void **state) {
  (void)state;
  uint64_t *sent = malloc(MOST * sizeof *sent);
  assert_non_null(sent);
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 100, 0);
  (void)send_all(&bucket, 0, 3 * second_us, 0, sent, 0);
  expstart__bucket_set_rate(&bucket, 3 * second_us, 1000, 0);
  size_t count = send_all(&bucket, 3 * second_us, 13 * second_us, 0, sent, 0);
  assert_true(most_in_a_second(sent, count) <= 1000);
  assert_true(count >= 9900);
  free(sent);
}

static void a_higher_rate_does_not_wait_for_the_old_ones_interval(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 0.001, 0);
  expstart__bucket_spend(&bucket, second_us);
  expstart__bucket_set_rate(&bucket, second_us, 1000, 0);
  /* One interval of the new rate, not the 1,000 s of the old. */
  assert_true(expstart__bucket_ready_at(&bucket) <= second_us + 1000);
}

static void giving_up_a_burst_does_not_block_what_follows(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 1, 100);
  for (int i = 0; i < 100; i++)
    expstart__bucket_spend(&bucket, second_us);
  expstart__bucket_set_rate(&bucket, second_us, 1, 1);
  /* The rate is still one a second: not 100 s of silence for a burst that was allowed. */
  assert_true(expstart__bucket_ready_at(&bucket) <= 2 * second_us);
}

static void setting_the_same_rate_again_changes_nothing(void **state) {
  (void)state;
  uint64_t *sent = malloc(MOST * sizeof *sent);
  assert_non_null(sent);
  for (size_t i = 0; i < RATES; i++) {
    struct expstart__bucket bucket = {0};
    size_t count = 0;
    for (uint64_t now_us = 0; now_us < 5 * second_us; now_us += 1000) {
      expstart__bucket_set_rate(&bucket, now_us, rates[i], 0);
      count = send_all(&bucket, now_us, now_us + 1, 0, sent, count);
    }
    assert_true(most_in_a_second(sent, count) <= ceiling(rates[i]));
    assert_true((double)count >= 0.99 * 5 * rates[i] - 1);
  }
  free(sent);
}

static void lifting_the_limit_lifts_it_at_once(void **state) {
  (void)state;
  struct expstart__bucket bucket = {0};
  expstart__bucket_set_rate(&bucket, 0, 0.01, 0);
  expstart__bucket_spend(&bucket, second_us);
  expstart__bucket_set_rate(&bucket, second_us, 0, 0);
  assert_true(expstart__bucket_ready_at(&bucket) <= second_us);
}

static void a_rate_near_nothing_lets_one_go_and_then_none(void **state) {
  (void)state;
  static const double tiny[] = {1e-6, 1e-5, 1e-4};
  for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
    struct expstart__bucket bucket = {0};
    expstart__bucket_set_rate(&bucket, 0, tiny[i], 0);
    assert_int_equal(expstart__bucket_ready_at(&bucket), 0);
    expstart__bucket_spend(&bucket, second_us);
    assert_true(expstart__bucket_ready_at(&bucket) >= 10000 * second_us);
  }
}

static void an_enormous_rate_holds_nothing_up(void **state) {
  (void)state;
  static const double huge[] = {1e6, 1e7, 1e9};
  for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
    struct expstart__bucket bucket = {0};
    expstart__bucket_set_rate(&bucket, 0, huge[i], 0);
    for (uint64_t now_us = second_us; now_us < second_us + 1000; now_us++) {
      assert_true(expstart__bucket_ready_at(&bucket) <= now_us);
      expstart__bucket_spend(&bucket, now_us);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_second_holds_more_than_the_rate),
      cmocka_unit_test(no_second_holds_more_than_the_rate_with_timers_of_a_millisecond),
      cmocka_unit_test(no_second_holds_more_than_the_rate_after_a_year_of_uptime),
      cmocka_unit_test(an_irregular_clock_is_no_way_around_the_rate),
      cmocka_unit_test(timers_of_a_millisecond_reach_99_percent_of_the_rate),
      cmocka_unit_test(without_a_rate_everything_goes),
      cmocka_unit_test(one_a_second_is_one_a_second),
      cmocka_unit_test(being_late_does_not_add_up),
      cmocka_unit_test(a_burst_goes_at_once_and_then_the_rate),
      cmocka_unit_test(a_burst_comes_back_after_a_pause_and_grows_no_further),
      cmocka_unit_test(a_burst_of_one_is_strict_spacing),
      cmocka_unit_test(a_lower_rate_holds_from_the_change_on),
      cmocka_unit_test(a_higher_rate_holds_from_the_change_on),
      cmocka_unit_test(a_higher_rate_does_not_wait_for_the_old_ones_interval),
      cmocka_unit_test(giving_up_a_burst_does_not_block_what_follows),
      cmocka_unit_test(setting_the_same_rate_again_changes_nothing),
      cmocka_unit_test(lifting_the_limit_lifts_it_at_once),
      cmocka_unit_test(a_rate_near_nothing_lets_one_go_and_then_none),
      cmocka_unit_test(an_enormous_rate_holds_nothing_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Retry-After in the forms that servers send, read to milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "hints.h"

#define NOON "Sun, 06 Nov 1994 12:00:00 GMT"
static const int64_t noon_s = 784123200;
static const int64_t saturated_ms = INT64_C(1000000000000000); /* more than any cap */

static int64_t read_hint(const char *value) {
  return expstart__hints_retry_after_ms(value, NULL, noon_s);
}

static void delay_seconds_are_milliseconds_here(void **state) {
  (void)state;
  assert_int_equal(read_hint("1"), 1000);
  assert_int_equal(read_hint("120"), 120000);
  assert_int_equal(read_hint("0007"), 7000);
}

static void a_delay_of_zero_is_a_hint(void **state) {
  (void)state;
  assert_int_equal(read_hint("0"), 0);
}

static void white_space_around_a_delay_is_nothing(void **state) {
  (void)state;
  assert_int_equal(read_hint(" \t5 \r\n"), 5000);
}

static void an_imf_fixdate_is_counted_from_the_wall_clock(void **state) {
  (void)state;
  assert_int_equal(read_hint("Sun, 06 Nov 1994 12:00:30 GMT"), 30000);
}

static void an_rfc_850_date_is_read(void **state) {
  (void)state;
  assert_int_equal(read_hint("Sunday, 06-Nov-94 12:01:00 GMT"), 60000);
}

static void an_asctime_date_is_read(void **state) {
  (void)state;
  assert_int_equal(read_hint("Sun Nov  6 12:00:05 1994"), 5000);
}

static void each_day_of_the_week_begins_a_date(void **state) {
  (void)state;
  static const char *const dates[] = {
      "Mon, 07 Nov 1994 12:00:00 GMT", "Tue, 08 Nov 1994 12:00:00 GMT",
      "Wed, 09 Nov 1994 12:00:00 GMT", "Thu, 10 Nov 1994 12:00:00 GMT",
      "Fri, 11 Nov 1994 12:00:00 GMT", "Sat, 12 Nov 1994 12:00:00 GMT",
      "Sun, 13 Nov 1994 12:00:00 GMT"};
  for (int i = 0; i < 7; i++)
    assert_int_equal(read_hint(dates[i]), (i + 1) * INT64_C(86400000));
}

static void a_date_is_counted_from_the_replys_own_clock(void **state) {
  (void)state;
  /* The server is 90 s behind, then 90 s ahead; it means 30 s both times. */
  assert_int_equal(expstart__hints_retry_after_ms("Sun, 06 Nov 1994 11:59:00 GMT",
                                                  "Sun, 06 Nov 1994 11:58:30 GMT", noon_s),
                   30000);
  assert_int_equal(expstart__hints_retry_after_ms("Sun, 06 Nov 1994 12:02:00 GMT",
                                                  "Sun, 06 Nov 1994 12:01:30 GMT", noon_s),
                   30000);
}

static void a_delay_has_no_use_for_the_replys_clock(void **state) {
  (void)state;
  assert_int_equal(expstart__hints_retry_after_ms("30", "Sun, 06 Nov 1994 11:58:30 GMT", noon_s),
                   30000);
}

static void an_unreadable_clock_gives_way_to_the_wall_clock(void **state) {
  (void)state;
  assert_int_equal(
      expstart__hints_retry_after_ms("Sun, 06 Nov 1994 12:00:30 GMT", "yesterday-ish", noon_s),
      30000);
  assert_int_equal(expstart__hints_retry_after_ms("Sun, 06 Nov 1994 12:00:30 GMT", "", noon_s),
                   30000);
}

static void a_date_that_is_past_is_now(void **state) {
  (void)state;
  assert_int_equal(read_hint("Sun, 06 Nov 1994 11:59:59 GMT"), 0);
  assert_int_equal(read_hint("Thu, 01 Jan 1970 00:00:01 GMT"), 0);
  assert_int_equal(expstart__hints_retry_after_ms(NOON, NOON, 0), 0);
}

static void a_list_of_duplicates_gives_the_longest(void **state) {
  (void)state;
  assert_int_equal(read_hint("81, 120"), 120000);
  assert_int_equal(read_hint("120, 81"), 120000);
  assert_int_equal(read_hint("1,2 , 3,2"), 3000);
}

static void a_fraction_is_read(void **state) {
  (void)state;
  assert_int_equal(read_hint("1.5"), 1500);
  assert_int_equal(read_hint("0.25"), 250);
  assert_int_equal(read_hint("2.0"), 2000);
  assert_int_equal(read_hint("3.125999"), 3125);
}

static void absurd_sizes_saturate(void **state) {
  (void)state;
  static const char *const values[] = {
      "9223372036854775807",     "9223372036854775808",
      "18446744073709551617",    "99999999999999999999999999999999999999999999999999",
      "9223372036854775807.999", "1, 99999999999999999999999999",
      "9223372036854776"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    assert_true(read_hint(values[i]) >= saturated_ms);
}

static void what_is_no_number_and_no_date_is_no_hint(void **state) {
  (void)state;
  static const char *const values[] = {"",          " ",
                                       "\t\r\n",    "-1",
                                       "+5",        "soon",
                                       "5s",        "5 s",
                                       "1e3",       "0x5",
                                       "5;q=1",     "1.",
                                       ".5",        "1.5.2",
                                       "1 2",       "NaN",
                                       "inf",       "null",
                                       "\"5\"",     "M",
                                       "Mon",       "T-5",
                                       "Wednesday", "Sunday, some day",
                                       "tomorrow",  "1994-11-06T12:00:30Z"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    if (read_hint(values[i]) != EXPSTART__NO_HINT)
      fail_msg("\"%s\" was read as %lld ms", values[i], (long long)read_hint(values[i]));
}

static void a_list_with_garbage_in_it_is_no_hint(void **state) {
  (void)state;
  static const char *const values[] = {"81,", ",81", "81,,120", "81, soon", "81, -1", "81; 120"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    assert_int_equal(read_hint(values[i]), EXPSTART__NO_HINT);
}

static void any_bytes_are_survived(void **state) {
  (void)state;
  static const char alphabet[] = "0123456789.,-: MonTueSunGMTJan\t\xff\x01";
  uint32_t random = 12345;
  for (int round = 0; round < 20000; round++) {
    char value[24];
    size_t size = 0;
    for (;;) {
      random = random * 1664525u + 1013904223u;
      if (size == sizeof value - 1 || (random >> 24) % 16 == 0)
        break;
      value[size++] = alphabet[(random >> 8) % (sizeof alphabet - 1)];
    }
    value[size] = '\0';
    int64_t ms = read_hint(value);
    assert_true(ms == EXPSTART__NO_HINT || ms >= 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delay_seconds_are_milliseconds_here),
      cmocka_unit_test(a_delay_of_zero_is_a_hint),
      cmocka_unit_test(white_space_around_a_delay_is_nothing),
      cmocka_unit_test(an_imf_fixdate_is_counted_from_the_wall_clock),
      cmocka_unit_test(an_rfc_850_date_is_read),
      cmocka_unit_test(an_asctime_date_is_read),
      cmocka_unit_test(each_day_of_the_week_begins_a_date),
      cmocka_unit_test(a_date_is_counted_from_the_replys_own_clock),
      cmocka_unit_test(a_delay_has_no_use_for_the_replys_clock),
      cmocka_unit_test(an_unreadable_clock_gives_way_to_the_wall_clock),
      cmocka_unit_test(a_date_that_is_past_is_now),
      cmocka_unit_test(a_list_of_duplicates_gives_the_longest),
      cmocka_unit_test(a_fraction_is_read),
      cmocka_unit_test(absurd_sizes_saturate),
      cmocka_unit_test(what_is_no_number_and_no_date_is_no_hint),
      cmocka_unit_test(a_list_with_garbage_in_it_is_no_hint),
      cmocka_unit_test(any_bytes_are_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

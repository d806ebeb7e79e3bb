/* The command's progress line: what it says and how it fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "progress.h"
#include "text.h"

static struct progress_view half_way(void) {
  return (struct progress_view){.done = 5000,
                                .total = 10000,
                                .rate = 98.3,
                                .in_flight = 32,
                                .throttled = 1234,
                                .blocked_by = EXPSTART_BLOCKED_BACKOFF,
                                .blocked_ms = 12000};
}

static void a_wide_terminal_shows_everything(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = half_way();
  size_t length = progress_format(line, sizeof line, 140, &view);
  assert_int_equal(length, strlen(line));
  assert_string_equal(line, "[####################--------------------]  5,000/10,000  98.3/s  "
                            "32 in flight  1,234 throttled  next try in 12 s  51 s left");
}

static void no_width_is_ever_exceeded(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = half_way();
  for (size_t width = 0; width < 200; width++) {
    size_t length = progress_format(line, sizeof line, width, &view);
    assert_int_equal(length, strlen(line));
    assert_true(length <= width);
  }
}

static void no_buffer_is_ever_exceeded(void **state) {
  (void)state;
  char line[64];
  struct progress_view view = half_way();
  assert_int_equal(progress_format(line, 0, 80, &view), 0);
  for (size_t size = 1; size < sizeof line; size++) {
    memset(line, '!', sizeof line);
    assert_true(progress_format(line, size, 200, &view) < size);
    assert_int_equal(line[size], '!');
    memset(line, '!', sizeof line);
    assert_true(progress_format_line(line, size, &view) < size);
    assert_int_equal(line[size], '!');
  }
}

static void a_narrow_terminal_keeps_the_count_and_the_time_left(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = half_way();
  (void)progress_format(line, sizeof line, 23, &view);
  assert_string_equal(line, "5,000/10,000  51 s left");
  (void)progress_format(line, sizeof line, 22, &view);
  assert_string_equal(line, "5,000/10,000");
}

static void the_bar_is_full_only_at_the_end(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = {.done = 999999, .total = 1000000, .rate = 10};
  (void)progress_format(line, sizeof line, 100, &view);
  assert_non_null(strstr(line, "#-]"));
  view.done = 1000000;
  (void)progress_format(line, sizeof line, 100, &view);
  assert_non_null(strstr(line, "##]"));
  assert_null(strstr(line, "left"));
}

static void it_says_what_is_waited_for(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = half_way();
  view.blocked_by = EXPSTART_BLOCKED_RATE;
  (void)progress_format(line, sizeof line, 140, &view);
  assert_non_null(strstr(line, "waits for the rate"));
  view.blocked_by = EXPSTART_BLOCKED_NOTHING;
  (void)progress_format(line, sizeof line, 140, &view);
  assert_null(strstr(line, "waits"));
  view.is_stopping = true;
  (void)progress_format(line, sizeof line, 140, &view);
  assert_non_null(strstr(line, "stopping"));
  assert_null(strstr(line, "left"));
}

static void no_rate_means_no_time_left(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = half_way();
  view.rate = 0;
  (void)progress_format(line, sizeof line, 140, &view);
  assert_null(strstr(line, "left"));
}

static void the_plain_line_says_it_in_words(void **state) {
  (void)state;
  char line[256];
  struct progress_view view = half_way();
  size_t length = progress_format_line(line, sizeof line, &view);
  assert_int_equal(length, strlen(line));
  assert_string_equal(line, "5,000 of 10,000 done, 98.3/s, 32 in flight, 1,234 throttled, "
                            "next try in 12 s, 51 s left");
}

static void numbers_and_times_are_written_for_people(void **state) {
  (void)state;
  char text[32];
  assert_string_equal(text_count(text, sizeof text, 0), "0");
  assert_string_equal(text_count(text, sizeof text, 999), "999");
  assert_string_equal(text_count(text, sizeof text, 1000), "1,000");
  assert_string_equal(text_count(text, sizeof text, UINT64_MAX), "18,446,744,073,709,551,615");
  assert_string_equal(text_duration(text, sizeof text, 0), "0.0 s");
  assert_string_equal(text_duration(text, sizeof text, 0.012), "12 ms");
  assert_string_equal(text_duration(text, sizeof text, 9.94), "9.9 s");
  assert_string_equal(text_duration(text, sizeof text, 59.7), "1m 00s");
  assert_string_equal(text_duration(text, sizeof text, 65), "1m 05s");
  assert_string_equal(text_duration(text, sizeof text, 7380), "2h 03m");
  assert_string_equal(text_duration(text, sizeof text, 3 * 86400 + 4 * 3600), "3d 04h");
  assert_string_equal(text_rate(text, sizeof text, 0.25), "0.25");
  assert_string_equal(text_rate(text, sizeof text, 1234.4), "1,234");
}

static void text_for_a_terminal_has_no_controls_and_ends_whole(void **state) {
  (void)state;
  char text[32];
  static const char evil[] = "a\x1b]0;x\x07\xC2\x85\xE2\x80\xAE\xC3\xA9\xFF\0z";
  assert_string_equal(text_safe(text, sizeof text, evil, sizeof evil - 1), "a?]0;x???\xC3\xA9??z");
  assert_string_equal(text_safe(text, 8, "1234567", 7), "1234567");
  assert_string_equal(text_safe(text, 8, "12345678", 8), "1234...");
  assert_string_equal(text_safe(text, 8,
                                "123\xE2\x82\xAC"
                                "45",
                                8),
                      "123...");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_wide_terminal_shows_everything),
      cmocka_unit_test(no_width_is_ever_exceeded),
      cmocka_unit_test(no_buffer_is_ever_exceeded),
      cmocka_unit_test(a_narrow_terminal_keeps_the_count_and_the_time_left),
      cmocka_unit_test(the_bar_is_full_only_at_the_end),
      cmocka_unit_test(it_says_what_is_waited_for),
      cmocka_unit_test(no_rate_means_no_time_left),
      cmocka_unit_test(the_plain_line_says_it_in_words),
      cmocka_unit_test(numbers_and_times_are_written_for_people),
      cmocka_unit_test(text_for_a_terminal_has_no_controls_and_ends_whole),
  };
  return cmocka_run_group_tests_name("command: progress", tests, NULL, NULL);
}

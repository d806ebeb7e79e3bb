/* The fields of a reply that hint at a rate limit, in all dialects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hint_fields.h"

#define NOON "Date: Sun, 06 Nov 1994 12:00:00 GMT\r\n"
enum { NONE = -1 };

/* Lines as libcurl hands them over, up to an empty string. */
static struct expstart__hints read_lines(const char *const *lines, int64_t wall_s) {
  struct expstart__hint_fields fields;
  expstart__hint_fields_reset(&fields);
  for (; *lines; lines++)
    expstart__hint_fields_line(&fields, *lines, strlen(*lines));
  return expstart__hint_fields_read(&fields, wall_s);
}

static void assert_hints(const char *const *lines, int64_t retry_after_ms, int64_t remaining,
                         int64_t reset_ms) {
  struct expstart__hints hints = read_lines(lines, 1764000000);
  if (hints.retry_after_ms != retry_after_ms || hints.remaining != remaining ||
      hints.reset_ms != reset_ms)
    fail_msg("%s: %lld %lld %lld", lines[0], (long long)hints.retry_after_ms,
             (long long)hints.remaining, (long long)hints.reset_ms);
}

struct row {
  const char *lines[5];
  int64_t retry_after_ms, remaining, reset_ms;
};

static void assert_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    assert_hints(rows[i].lines, rows[i].retry_after_ms, rows[i].remaining, rows[i].reset_ms);
}

static void each_dialect_is_read(void **state) {
  (void)state;
  static const struct row rows[] = {
      {{"Content-Type: application/json\r\n"}, NONE, NONE, NONE},
      {{"Retry-After: 7\r\n"}, 7000, NONE, NONE},
      {{"retry-after: 7\r\n", "RETRY-AFTER: 9"}, 9000, NONE, NONE},
      {{"RateLimit: \"default\";r=50;t=30\r\n"}, NONE, 50, 30000},
      {{"RateLimit: default;t=30;r=50"}, NONE, 50, 30000},
      {{"RateLimit: \"a\";r=50;t=30, \"b\";r=3;t=2"}, NONE, 3, 2000},
      {{"RateLimit: \"a\";r=3;t=30, \"b\";r=3;t=2"}, NONE, 3, 30000},
      {{"RateLimit: \"a;r=1,\\\"\";r=50;pk=:cHNldWRvCg==:;t=30"}, NONE, 50, 30000},
      {{"RateLimit: \"default\";r=50", "RateLimit-Policy: \"default\";q=100;w=60"},
       NONE,
       50,
       60000},
      {{"RateLimit-Policy: \"burst\";q=100;w=60"}, NONE, NONE, NONE},
      {{"RateLimit: limit=100, remaining=50, reset=30"}, NONE, 50, 30000},
      {{"RateLimit-Limit: 100", "RateLimit-Remaining: 4", "RateLimit-Reset: 5"}, NONE, 4, 5000},
      {{"X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 4", "X-RateLimit-Reset: 5"},
       NONE,
       4,
       5000},
      {{"x-rate-limit-remaining: 4 \r\n", "x-rate-limit-reset:5"}, NONE, 4, 5000},
      {{"X-RateLimit-Reset: 5"}, NONE, NONE, 5000},
      {{"X-RateLimit-Remaining: 0"}, NONE, 0, NONE},
  };
  assert_rows(rows, sizeof rows / sizeof *rows);
}

static void the_limit_is_read_in_each_dialect(void **state) {
  (void)state;
  static const struct {
    const char *lines[4];
    int64_t limit;
  } rows[] = {
      {{"Retry-After: 7"}, NONE},
      {{"RateLimit-Policy: \"burst\";q=100;w=60, \"day\";q=5000;w=86400"}, 100},
      {{"RateLimit: limit=100, remaining=50, reset=30"}, 100},
      {{"RateLimit-Limit: 100", "RateLimit-Remaining: 4"}, 100},
      {{"RateLimit-Limit: 100, 100;w=60", "RateLimit-Remaining: 4"}, 100},
      {{"X-RateLimit-Limit: 1000"}, 1000},
      {{"x-rate-limit-limit: 60", "x-rate-limit-remaining: 4"}, 60},
      {{"X-RateLimit-Limit: many"}, NONE},
      {{"RateLimit-Policy: q"}, NONE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (read_lines(rows[i].lines, 0).limit != rows[i].limit)
      fail_msg("%s: %lld", rows[i].lines[0], (long long)read_lines(rows[i].lines, 0).limit);
}

static void the_first_dialect_counts_and_retry_after_stands_beside_it(void **state) {
  (void)state;
  static const struct row rows[] = {
      {{"X-RateLimit-Remaining: 1", "X-RateLimit-Reset: 1", "RateLimit-Remaining: 2",
        "RateLimit-Reset: 2"},
       NONE,
       2,
       2000},
      {{"RateLimit-Remaining: 2", "RateLimit: \"a\";r=3;t=3", "Retry-After: 4"}, 4000, 3, 3000},
  };
  assert_rows(rows, sizeof rows / sizeof *rows);
}

static void dates_are_counted_from_the_servers_clock(void **state) {
  (void)state;
  static const struct row rows[] = {
      {{"X-RateLimit-Reset: 1764000030"}, NONE, NONE, 30000}, /* no Date: our clock */
      {{"X-RateLimit-Reset: 1764000030500"}, NONE, NONE, 30500},
      {{"Date: Mon, 24 Nov 2025 15:58:30 GMT", "X-RateLimit-Reset: 1764000030"},
       NONE,
       NONE,
       120000},
      {{"X-RateLimit-Reset: 1763999999"}, NONE, NONE, 0}, /* it is past */
      {{"Retry-After: Sun, 06 Nov 1994 12:00:09 GMT", NOON}, 9000, NONE, NONE},
      {{NOON, "Retry-After: Sun, 06 Nov 1994 12:00:09 GMT"}, 9000, NONE, NONE},
  };
  assert_rows(rows, sizeof rows / sizeof *rows);
}

static void what_is_malformed_is_ignored_as_a_whole(void **state) {
  (void)state;
  static const struct row rows[] = {
      {{"RateLimit:"}, NONE, NONE, NONE},
      {{"RateLimit: \"default"}, NONE, NONE, NONE},
      {{"RateLimit: \"a\";r=5;t=3,"}, NONE, NONE, NONE},
      {{"RateLimit: \"a\";r=5;;t=3"}, NONE, NONE, NONE},
      {{"RateLimit: \"a\";r=-5;t=3"}, NONE, NONE, NONE},
      {{"RateLimit: ;r=5"}, NONE, NONE, NONE},
      {{"RateLimit-Remaining: -1", "RateLimit-Reset: soon"}, NONE, NONE, NONE},
      {{"X-RateLimit-Remaining: 1.5", "X-RateLimit-Reset: 3 s"}, NONE, NONE, NONE},
      {{"X-RateLimit-Remaining: 4, 4"}, NONE, NONE, NONE},
      {{"X-RateLimit-Remaining"}, NONE, NONE, NONE},
      {{"X"}, NONE, NONE, NONE},
      {{""}, NONE, NONE, NONE},
      {{"Retry-After: soon"}, NONE, NONE, NONE},
  };
  assert_rows(rows, sizeof rows / sizeof *rows);
}

static void of_duplicates_the_cautious_value_counts(void **state) {
  (void)state;
  static const struct row rows[] = {
      {{"X-RateLimit-Remaining: 9", "X-RateLimit-Remaining: 2", "X-RateLimit-Reset: 3",
        "X-RateLimit-Reset: 1"},
       NONE,
       2,
       3000},
      {{"RateLimit: \"a\";r=9;t=9", "RateLimit: \"b\";r=1;t=1"}, NONE, 1, 1000},
  };
  assert_rows(rows, sizeof rows / sizeof *rows);
}

static void huge_numbers_and_long_lines_do_no_harm(void **state) {
  (void)state;
  static char line[10100];
  strcpy(line, "X-RateLimit-Reset: ");
  memset(line + strlen(line), '9', 10000);
  const char *const lines[] = {line, NULL};
  assert_hints(lines, NONE, NONE, NONE); /* too long for any use */
  line[120] = '\0';
  struct expstart__hints hints = read_lines(lines, 0);
  assert_true(hints.reset_ms > 0);
}

static void random_lines_give_nothing_below_none(void **state) {
  (void)state;
  static const char alphabet[] = "RateLimit:\";=,rtw 0123456789\\-x";
  static const char *const names[] = {
      "RateLimit: ", "RateLimit-Policy: ", "X-RateLimit-Reset: ", ""};
  uint32_t random = 1;
  for (int i = 0; i < 200000; i++) {
    char line[64];
    const char *const lines[] = {line, NULL};
    size_t size = (size_t)(strcpy(line, names[i % 4]), strlen(line));
    for (; size < 40 + (size_t)(i % 20); size++)
      line[size] = alphabet[(random = random * 1664525 + 1013904223) >> 16 & 31];
    line[size] = '\0';
    struct expstart__hints hints = read_lines(lines, 0);
    assert_true(hints.retry_after_ms >= -1 && hints.remaining >= -1 && hints.reset_ms >= -1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_dialect_is_read),
      cmocka_unit_test(the_limit_is_read_in_each_dialect),
      cmocka_unit_test(the_first_dialect_counts_and_retry_after_stands_beside_it),
      cmocka_unit_test(dates_are_counted_from_the_servers_clock),
      cmocka_unit_test(what_is_malformed_is_ignored_as_a_whole),
      cmocka_unit_test(of_duplicates_the_cautious_value_counts),
      cmocka_unit_test(huge_numbers_and_long_lines_do_no_harm),
      cmocka_unit_test(random_lines_give_nothing_below_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Stats as Prometheus' text: its form, its values, what labels are taken, and a buffer of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prometheus.h"

static char text[65536];

static struct expstart_stats some_stats(void) {
  return (struct expstart_stats){.accepted = 100,
                                 .started = 1,
                                 .running = 2,
                                 .rejected = 3,
                                 .failed = 4,
                                 .unknown = 5,
                                 .canceled = 6,
                                 .seen = 7,
                                 .attempts = UINT64_MAX,
                                 .lookups = 8,
                                 .throttled = 9,
                                 .faults = 10,
                                 .capped_hints = 11,
                                 .bytes_sent = 12,
                                 .bytes_received = 13,
                                 .queued = 50,
                                 .in_flight = 20,
                                 .waiting = 2,
                                 .blocked_by = EXPSTART_BLOCKED_THROTTLE_GATE,
                                 .blocked_ms = 1005,
                                 .gate_ms_left = 7,
                                 .learned_rate = 499.75,
                                 .eta_ms = 3600000,
                                 .latency_p50_us = 1,
                                 .latency_p90_us = 1500000,
                                 .latency_p99_us = 60000000,
                                 .errors = {[0] = 3, [-EXPSTART_EREFUSED] = 14},
                                 .permits = 15,
                                 .gate_error = EXPSTART_ETHROTTLED};
}

static void write_text(const struct expstart_stats *stats, const char *labels) {
  int length = expstart__prometheus(stats, labels, text, sizeof text);
  assert_in_range(length, 1, sizeof text - 1);
  assert_int_equal(strlen(text), length);
}

/* A whole line of the text. */
static void expect_line(const char *line) {
  size_t length = strlen(line);
  for (const char *at = text; (at = strstr(at, line)) != NULL; at += length)
    if ((at == text || at[-1] == '\n') && at[length] == '\n')
      return;
  fail_msg("'%s' is no line of\n%s", line, text);
}

static void counters_are_told_as_they_are(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  write_text(&stats, NULL);
  expect_line("# HELP expstart_accepted_total Starts that were accepted.");
  expect_line("# TYPE expstart_accepted_total counter");
  expect_line("expstart_accepted_total 100");
  expect_line("expstart_outcomes_total{outcome=\"started\"} 1");
  expect_line("expstart_outcomes_total{outcome=\"running\"} 2");
  expect_line("expstart_outcomes_total{outcome=\"rejected\"} 3");
  expect_line("expstart_outcomes_total{outcome=\"failed\"} 4");
  expect_line("expstart_outcomes_total{outcome=\"unknown\"} 5");
  expect_line("expstart_outcomes_total{outcome=\"canceled\"} 6");
  expect_line("expstart_outcomes_total{outcome=\"seen\"} 7");
  expect_line("expstart_outcomes_by_error_total{error=\"OK\"} 3");
  expect_line("expstart_outcomes_by_error_total{error=\"EREFUSED\"} 14");
  expect_line("expstart_outcomes_by_error_total{error=\"EFORBIDDEN\"} 0");
  expect_line("expstart_attempts_total 18446744073709551615");
  expect_line("expstart_lookups_total 8");
  expect_line("expstart_throttled_total 9");
  expect_line("expstart_faults_total 10");
  expect_line("expstart_capped_hints_total 11");
  expect_line("expstart_sent_bytes_total 12");
  expect_line("expstart_received_bytes_total 13");
}

static void gauges_are_in_base_units(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  write_text(&stats, NULL);
  expect_line("# TYPE expstart_queued gauge");
  expect_line("expstart_queued 50");
  expect_line("expstart_in_flight 20");
  expect_line("expstart_waiting 2");
  expect_line("expstart_blocked_left_seconds 1.005");
  expect_line("expstart_gate_left_seconds 0.007");
  expect_line("expstart_permits 15");
  expect_line("expstart_learned_attempts_per_second 499.750000");
  expect_line("expstart_eta_seconds 3600.000");
}

static void of_no_attempts_there_is_no_duration(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  write_text(&stats, NULL);
  expect_line("# TYPE expstart_attempt_duration_seconds summary");
  expect_line("expstart_attempt_duration_seconds{quantile=\"0.5\"} 0.000001");
  expect_line("expstart_attempt_duration_seconds{quantile=\"0.9\"} 1.500000");
  expect_line("expstart_attempt_duration_seconds{quantile=\"0.99\"} 60.000000");
  expect_line("expstart_attempt_duration_seconds{quantile=\"1\"} NaN");
}

static void a_rate_that_is_no_number_is_none(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  stats.learned_rate = -1;
  write_text(&stats, NULL);
  expect_line("expstart_learned_attempts_per_second 0.000000");
  stats.learned_rate = 1e300;
  write_text(&stats, NULL);
  expect_line("expstart_learned_attempts_per_second 1000000000000.000000");
}

static void one_reason_is_one_and_all_others_are_there(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  for (unsigned now = 0; *expstart_blocked_name((expstart_blocked)now) != '?'; now++) {
    stats.blocked_by = (expstart_blocked)now;
    write_text(&stats, NULL);
    for (unsigned i = 0; *expstart_blocked_name((expstart_blocked)i) != '?'; i++) {
      char line[100];
      snprintf(line, sizeof line, "expstart_blocked_by{reason=\"%s\"} %d",
               expstart_blocked_name((expstart_blocked)i), i == now);
      expect_line(line);
    }
  }
}

static void the_gate_is_shut_for_one_error_and_all_others_are_there(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  write_text(&stats, NULL);
  expect_line("expstart_gate_error{error=\"OK\"} 0");
  expect_line("expstart_gate_error{error=\"ETHROTTLED\"} 1");
  expect_line("expstart_gate_error{error=\"ESERVER\"} 0");
  assert_null(strstr(text, "EUNKNOWN"));
  stats.gate_error = EXPSTART_OK;
  write_text(&stats, NULL);
  expect_line("expstart_gate_error{error=\"OK\"} 1");
  expect_line("expstart_gate_error{error=\"ETHROTTLED\"} 0");
}

static void labels_are_on_every_series(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  size_t series = 0;
  write_text(&stats, "env=\"prod\",job_2=\"a \\\"b\\\" \\\\ \\n ü\"");
  expect_line("expstart_accepted_total{env=\"prod\",job_2=\"a \\\"b\\\" \\\\ \\n ü\"} 100");
  expect_line("expstart_outcomes_total{env=\"prod\",job_2=\"a \\\"b\\\" \\\\ \\n "
              "ü\",outcome=\"seen\"} 7");
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (*line == '#')
      continue;
    assert_non_null(strstr(line, "{env=\"prod\",job_2="));
    series++;
  }
  assert_true(series > 90);
}

static void no_labels_and_empty_labels_are_the_same(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  static char without[sizeof text];
  write_text(&stats, NULL);
  memcpy(without, text, sizeof text);
  write_text(&stats, "");
  assert_string_equal(text, without);
}

static void labels_that_would_spoil_the_text_are_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "env", "env=", "env=prod", "env=\"prod", "=\"x\"", "1a=\"x\"", "a-b=\"x\"", "ü=\"x\"",
      "a=\"x\"b=\"y\"", "a=\"x\",", ",a=\"x\"", "a=\"x\", b=\"y\"", " a=\"x\"", "a =\"x\"",
      "a=\"x\" ", "a=\"x\",,b=\"y\"", "a=\"x\ny\"", "a=\"\\\"", "a=\"\\x\"", "a=\"x\\", "a=\"x\"}",
      "{a=\"x\"}", "a=\"\xff\"", "__a=\"x\"", "outcome=\"x\"", "error=\"x\"", "reason=\"x\"",
      "quantile=\"x\"", "a=\"x\",a=\"y\"", "a=\"x\",b=\"y\",a=\"x\"",
      /* Of a value that looks like labels no name is read. */
      "a=\",b=\",b=\"x\",b=\"y\""};
  struct expstart_stats stats = some_stats();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    strcpy(text, "as it was");
    if (expstart__prometheus(&stats, wrong[i], text, sizeof text) != EXPSTART_EINVAL)
      fail_msg("'%s' was taken", wrong[i]);
    assert_string_equal(text, "as it was");
  }
  write_text(&stats, "a=\",b=\",b=\"x\",ab=\"\",outcome_=\"\",_a=\"\"");
}

static void labels_have_a_longest_length(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  char labels[EXPSTART_LABELS_MAX + 2];
  memset(labels, 'x', sizeof labels);
  memcpy(labels, "a=\"", 3);
  strcpy(labels + EXPSTART_LABELS_MAX - 1, "\"");
  assert_true(expstart__prometheus(&stats, labels, NULL, 0) > 100000);
  strcpy(labels + EXPSTART_LABELS_MAX - 1, "x\"");
  assert_int_equal(expstart__prometheus(&stats, labels, NULL, 0), EXPSTART_EINVAL);
}

static void a_small_buffer_gets_whole_lines_and_nothing_beyond(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  static char whole[sizeof text];
  write_text(&stats, "env=\"prod\"");
  memcpy(whole, text, sizeof text);
  size_t length = strlen(whole);
  for (size_t size = 0; size <= length + 1; size++) {
    char *buffer = malloc(size ? size : 1); /* so that valgrind and the sanitizers see its end */
    assert_non_null(buffer);
    assert_int_equal(expstart__prometheus(&stats, "env=\"prod\"", size ? buffer : NULL, size),
                     length);
    if (size > 0) {
      size_t kept = strlen(buffer);
      assert_memory_equal(buffer, whole, kept);
      assert_true(kept == 0 || buffer[kept - 1] == '\n');
      /* The next line would not have fitted in. */
      assert_true(kept == length || strchr(whole + kept, '\n') + 1 - whole >= (ptrdiff_t)size);
    }
    free(buffer);
  }
}

static void what_is_missing_is_refused(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  assert_int_equal(expstart__prometheus(NULL, NULL, text, sizeof text), EXPSTART_EINVAL);
  assert_int_equal(expstart__prometheus(&stats, NULL, NULL, 1), EXPSTART_EINVAL);
  assert_int_equal(expstart_stats_prometheus(NULL, NULL, text, sizeof text), EXPSTART_EINVAL);
}

static void promtool_finds_nothing_to_mend(void **state) {
  (void)state;
  struct expstart_stats stats = some_stats();
  if (system("command -v promtool >/dev/null") != 0) {
    print_message("skipped: promtool is not installed\n");
    skip();
  }
  write_text(&stats, "env=\"prod\",job_2=\"a \\\"b\\\" \\\\ \\n ü\"");
  FILE *promtool = popen("promtool check metrics", "w");
  assert_non_null(promtool);
  assert_true(fputs(text, promtool) >= 0);
  assert_int_equal(pclose(promtool), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counters_are_told_as_they_are),
      cmocka_unit_test(gauges_are_in_base_units),
      cmocka_unit_test(of_no_attempts_there_is_no_duration),
      cmocka_unit_test(a_rate_that_is_no_number_is_none),
      cmocka_unit_test(one_reason_is_one_and_all_others_are_there),
      cmocka_unit_test(the_gate_is_shut_for_one_error_and_all_others_are_there),
      cmocka_unit_test(labels_are_on_every_series),
      cmocka_unit_test(no_labels_and_empty_labels_are_the_same),
      cmocka_unit_test(labels_that_would_spoil_the_text_are_refused),
      cmocka_unit_test(labels_have_a_longest_length),
      cmocka_unit_test(a_small_buffer_gets_whole_lines_and_nothing_beyond),
      cmocka_unit_test(what_is_missing_is_refused),
      cmocka_unit_test(promtool_finds_nothing_to_mend),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

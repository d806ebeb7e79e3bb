/* The command's results as NDJSON, and the closing table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "summary.h"

static expstart_result rejected(int64_t id, const char *message) {
  return (expstart_result){.outcome = EXPSTART_REJECTED,
                           .experiment_id = id,
                           .error = EXPSTART_EREJECTED,
                           .http_status = 409,
                           .attempts = 2,
                           .throttled = 1,
                           .message = message,
                           .elapsed_us = 1234567};
}

/* What is written for a result. */
static void write_one(char *text, size_t size, const expstart_result *result, const char *message) {
  char name[] = "expstart-test-XXXXXX";
  struct output output;
  int made = mkstemp(name);
  assert_true(made >= 0);
  assert_int_equal(close(made), 0);
  assert_int_equal(output_open(&output, name), 0);
  assert_int_equal(output_write(&output, result, message), 0);
  assert_int_equal(output_close(&output), 0);
  FILE *file = fopen(name, "r");
  assert_non_null(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  assert_int_equal(fclose(file), 0);
  assert_int_equal(unlink(name), 0);
}

static void a_started_one_has_all_members(void **state) {
  (void)state;
  char text[512];
  expstart_result result = {.outcome = EXPSTART_STARTED,
                            .experiment_id = INT64_MAX,
                            .http_status = 200,
                            .attempts = 1,
                            .state = "running",
                            .started_at = "2024-05-01T10:00:00Z",
                            .message = "",
                            .elapsed_us = 999};
  write_one(text, sizeof text, &result, NULL);
  assert_string_equal(text,
                      "{\"experiment_id\":9223372036854775807,\"outcome\":\"started\","
                      "\"http_status\":200,\"attempts\":1,\"throttled\":0,\"state\":\"running\","
                      "\"started_at\":\"2024-05-01T10:00:00Z\",\"errors\":[],\"message\":\"\","
                      "\"elapsed_ms\":0}\n");
}

static void a_rejected_one_has_the_apis_words(void **state) {
  (void)state;
  char text[512];
  static const char *const errors[] = {"say \"no\"", "and/or"};
  expstart_result result = rejected(5, "say \"no\"");
  result.errors = errors;
  result.error_count = 2;
  write_one(text, sizeof text, &result, NULL);
  assert_string_equal(text, "{\"experiment_id\":5,\"outcome\":\"rejected\",\"http_status\":409,"
                            "\"attempts\":2,\"throttled\":1,\"state\":null,\"started_at\":null,"
                            "\"errors\":[\"say \\\"no\\\"\",\"and/or\"],"
                            "\"message\":\"say \\\"no\\\"\",\"elapsed_ms\":1234}\n");
}

static void canceled_before_any_attempt_is_not_sent(void **state) {
  (void)state;
  char text[512];
  expstart_result result = {.outcome = EXPSTART_CANCELED, .experiment_id = 5, .message = ""};
  assert_int_equal(output_outcome(&result), OUTPUT_NOT_SENT);
  write_one(text, sizeof text, &result, "not sent: why");
  assert_non_null(strstr(text, "\"outcome\":\"not_sent\""));
  assert_non_null(strstr(text, "\"message\":\"not sent: why\""));
  result.attempts = 1;
  assert_int_equal(output_outcome(&result), EXPSTART_CANCELED);
}

static void a_full_disk_is_told_once_and_kept(void **state) {
  (void)state;
  struct output output;
  expstart_result result = rejected(5, "no");
  if (access("/dev/full", W_OK) != 0) {
    skip();
  }
  assert_int_equal(output_open(&output, "/dev/full"), 0);
  assert_int_equal(output_write(&output, &result, NULL), 0); /* in the buffer */
  assert_int_equal(output_flush(&output), ENOSPC);
  assert_int_equal(output_write(&output, &result, NULL), ENOSPC);
  assert_int_equal(output_close(&output), ENOSPC);
}

static void no_output_takes_results_and_keeps_none(void **state) {
  (void)state;
  struct output output;
  expstart_result result = rejected(5, "no");
  assert_int_equal(output_open(&output, NULL), 0);
  assert_int_equal(output_write(&output, &result, NULL), 0);
  assert_int_equal(output_close(&output), 0);
}

static void a_file_that_cannot_be_made_is_told_at_once(void **state) {
  (void)state;
  struct output output;
  assert_int_equal(output_open(&output, "/nonexistent/x"), ENOENT);
  assert_int_equal(output_check("/nonexistent/x"), ENOENT);
  assert_int_equal(output_check("-"), 0);
  assert_int_equal(output_check(NULL), 0);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void count_call(void *data) {
  ++*(int *)data;
}

static void many_alike_are_shown_twenty_times_and_all_counted(void **state) {
  (void)state;
  struct summary *summary = calloc(1, sizeof *summary);
  char *shown = NULL;
  size_t size = 0;
  int calls = 0;
  char message[64];
  FILE *to = open_memstream(&shown, &size);
  assert_non_null(summary);
  assert_non_null(to);
  for (int id = 1; id <= 10000; id++) {
    (void)snprintf(message, sizeof message, "experiment %d is archived", id);
    expstart_result result = rejected(id, message);
    summary_add(summary, &result, to, count_call, &calls);
  }
  assert_int_equal(fclose(to), 0);
  assert_int_equal(calls, 20);
  assert_non_null(strstr(shown, "20: rejected 409: experiment 20 is archived\n"));
  assert_null(strstr(shown, "21: "));
  assert_int_equal(summary->text_count, 1);
  assert_int_equal(summary->texts[0].count, 10000);
  assert_int_equal(summary->outcomes[EXPSTART_REJECTED], 10000);
  free(shown);
  free(summary);
}

static void more_texts_than_fit_are_still_counted(void **state) {
  (void)state;
  struct summary *summary = calloc(1, sizeof *summary);
  char message[64];
  uint64_t counted = 0;
  assert_non_null(summary);
  for (int i = 0; i < 300; i++) {
    (void)snprintf(message, sizeof message, "%c%c", 'a' + i / 26, 'a' + i % 26);
    expstart_result result = rejected(i + 1, message);
    summary_add(summary, &result, NULL, count_call, NULL);
  }
  for (size_t i = 0; i <= SUMMARY_TEXTS; i++) {
    counted += summary->texts[i].count;
  }
  assert_int_equal(counted, 300);
  free(summary);
}

static void the_table_has_outcomes_rate_and_texts(void **state) {
  (void)state;
  struct summary *summary = calloc(1, sizeof *summary);
  struct expstart_stats stats = {.attempts = 1201, .throttled = 7, .lookups = 3};
  char *shown = NULL;
  size_t size = 0;
  FILE *to = open_memstream(&shown, &size);
  assert_non_null(summary);
  assert_non_null(to);
  for (int id = 1; id <= 1199; id++) {
    expstart_result result = {.outcome = EXPSTART_STARTED, .experiment_id = id, .message = ""};
    summary_add(summary, &result, NULL, count_call, NULL);
  }
  assert_true(summary_is_good(summary));
  expstart_result result = rejected(1200, "no");
  summary_add(summary, &result, NULL, count_call, NULL);
  expstart_result canceled = {.outcome = EXPSTART_CANCELED, .message = ""};
  summary_add(summary, &canceled, NULL, count_call, NULL);
  assert_int_equal(summary_bad(summary), 2);
  summary_write(summary, &stats, 12, to);
  assert_int_equal(fclose(to), 0);
  assert_string_equal(shown, "started             1,199\n"
                             "rejected                1\n"
                             "not sent                1\n"
                             "total               1,201   in 12 s, 100/s\n"
                             "attempts            1,201   7 throttled, 3 look-ups\n"
                             "most frequent errors\n"
                             "         1 x  rejected 409: no (experiment 1200)\n");
  free(shown);
  free(summary);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_started_one_has_all_members),
      cmocka_unit_test(a_rejected_one_has_the_apis_words),
      cmocka_unit_test(canceled_before_any_attempt_is_not_sent),
      cmocka_unit_test(a_full_disk_is_told_once_and_kept),
      cmocka_unit_test(no_output_takes_results_and_keeps_none),
      cmocka_unit_test(a_file_that_cannot_be_made_is_told_at_once),
      cmocka_unit_test(many_alike_are_shown_twenty_times_and_all_counted),
      cmocka_unit_test(more_texts_than_fit_are_still_counted),
      cmocka_unit_test(the_table_has_outcomes_rate_and_texts),
  };
  return cmocka_run_group_tests_name("command: output", tests, NULL, NULL);
}

/* The sandbox's replies: an experiment's own values in the right places, in what is otherwise
 * always the same. The texts are looked at as they are sent, so that the tests need no parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "reply.h"

static const int64_t started_at_ms = 1768469400123; /* 2026-01-15T09:30:00.123Z */

static struct experiment running(char *note_json) {
  return (struct experiment){.state = "running",
                             .note_json = note_json,
                             .started_at_ms = started_at_ms,
                             .start_requests = 3,
                             .starts = 1};
}

/* The body as a string; releases the body. */
static char *text_of(struct reply_body *body) {
  char *text = calloc(body->length + 1, 1);
  assert_non_null(text);
  memcpy(text, body->bytes, body->length);
  assert_int_equal(strlen(text), body->length);
  free(body->bytes);
  return text;
}

static char *start_text(enum reply_size size, int64_t id, const struct experiment *experiment) {
  struct reply_template *reply_template = reply_template_create(size);
  assert_non_null(reply_template);
  struct reply_body body = {0};
  assert_int_equal(reply_start(reply_template, id, experiment, &body), 0);
  reply_template_destroy(reply_template);
  return text_of(&body);
}

static char *lookup_text(enum reply_size size, int64_t id, const struct experiment *experiment) {
  struct reply_template *reply_template = reply_template_create(size);
  assert_non_null(reply_template);
  struct reply_body body = {0};
  assert_int_equal(reply_lookup(reply_template, id, experiment, &body), 0);
  reply_template_destroy(reply_template);
  return text_of(&body);
}

static void assert_starts_with(const char *text, const char *start) {
  assert_memory_equal(text, start, strlen(start));
}

static void assert_ends_with(const char *text, const char *end) {
  assert_true(strlen(text) >= strlen(end));
  assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void a_small_start_reply_is_exactly_the_varying_members(void **state) {
  (void)state;
  char note[] = "\"go\"";
  struct experiment experiment = running(note);
  char *text = start_text(REPLY_SMALL, 42, &experiment);
  assert_string_equal(text,
                      "{\"errors\":[],\"experiment\":{\"id\":42,\"name\":\"sandbox_experiment_42\","
                      "\"state\":\"running\",\"start_at\":\"2026-01-15T09:30:00.123Z\"},"
                      "\"experiment_note\":{\"note\":\"go\"},\"ok\":true}");
  free(text);
}

static void a_full_start_reply_is_as_large_as_the_real_one(void **state) {
  (void)state;
  const double real_size = 69712;
  char note[] = "\"go\"";
  struct experiment experiment = running(note);
  char *text = start_text(REPLY_FULL, 42, &experiment);
  assert_in_range(strlen(text), (uintmax_t)(real_size * 0.98), (uintmax_t)(real_size * 1.02));
  free(text);
}

static void errors_come_first_and_ok_last(void **state) {
  (void)state;
  struct experiment experiment = running(NULL);
  char *text = start_text(REPLY_FULL, 42, &experiment);
  assert_starts_with(text, "{\"errors\":[],\"experiment\":{");
  assert_ends_with(text, "},\"ok\":true}");
  free(text);
}

static void a_full_reply_tells_the_experiments_own_values(void **state) {
  (void)state;
  char note[] = "\"a \\\"quoted\\\" note\"";
  struct experiment experiment = running(note);
  char *text = start_text(REPLY_FULL, INT64_MAX, &experiment);
  assert_starts_with(text, "{\"errors\":[],\"experiment\":{\"id\":9223372036854775807,"
                           "\"name\":\"sandbox_experiment_9223372036854775807\",");
  assert_non_null(strstr(text, "\"start_at\":\"2026-01-15T09:30:00.123Z\""));
  assert_non_null(strstr(text, "\"note\":\"a \\\"quoted\\\" note\""));
  free(text);
}

static void no_mark_of_the_template_is_left_in_a_reply(void **state) {
  (void)state;
  struct experiment experiment = running(NULL);
  char *text = start_text(REPLY_FULL, 1, &experiment);
  assert_null(strstr(text, "\"@"));
  free(text);
}

static void a_ready_experiment_has_a_null_start_time(void **state) {
  (void)state;
  struct experiment experiment = {.state = "ready"};
  char *text = lookup_text(REPLY_SMALL, 7, &experiment);
  assert_string_equal(text, "{\"experiment\":{\"id\":7,\"name\":\"sandbox_experiment_7\","
                            "\"state\":\"ready\",\"start_at\":null}}");
  free(text);
}

static void a_lookup_has_no_ok(void **state) {
  (void)state;
  struct experiment experiment = running(NULL);
  char *text = lookup_text(REPLY_FULL, 7, &experiment);
  assert_starts_with(text, "{\"experiment\":{\"id\":7,");
  assert_null(strstr(text, "\"ok\""));
  assert_true(strlen(text) > 20000);
  free(text);
}

static void a_template_serves_many_replies(void **state) {
  (void)state;
  struct reply_template *reply_template = reply_template_create(REPLY_FULL);
  assert_non_null(reply_template);
  struct experiment experiment = running(NULL);
  struct reply_body first = {0}, second = {0}, third = {0};
  assert_int_equal(reply_start(reply_template, 1, &experiment, &first), 0);
  assert_int_equal(reply_start(reply_template, 2, &experiment, &second), 0);
  assert_int_equal(reply_start(reply_template, 1, &experiment, &third), 0);
  assert_int_equal(first.length, third.length);
  assert_memory_equal(first.bytes, third.bytes, first.length);
  assert_memory_not_equal(first.bytes, second.bytes, first.length);
  free(first.bytes);
  free(second.bytes);
  free(third.bytes);
  reply_template_destroy(reply_template);
}

static void what_the_sandbox_tells_of_an_experiment_is_all_it_keeps(void **state) {
  (void)state;
  char note[] = "\"go\"";
  struct experiment experiment = running(note);
  struct reply_body body = {0};
  assert_int_equal(reply_inspect(9, &experiment, &body), 0);
  char *text = text_of(&body);
  assert_string_equal(text, "{\"id\":9,\"state\":\"running\",\"start_requests\":3,\"starts\":1,"
                            "\"note\":\"go\",\"started_at\":\"2026-01-15T09:30:00.123Z\"}");
  free(text);
}

static void the_list_has_a_line_for_each_experiment_that_is_touched(void **state) {
  (void)state;
  struct experiments *experiments = experiments_create(20);
  assert_non_null(experiments);
  assert_false(experiments_count_request(experiments, 2)); /* which came to nothing */
  assert_int_equal(experiments_set_state(experiments, 5, "stopped", 0), EXPERIMENTS_DONE);
  assert_false(experiments_count_request(experiments, 17));
  assert_int_equal(experiments_start(experiments, 17, NULL, started_at_ms), EXPERIMENTS_DONE);
  assert_true(experiments_count_request(experiments, 17));
  struct reply_body body = {0};
  assert_int_equal(reply_list(experiments, &body), 0);
  char *text = text_of(&body);
  assert_string_equal(text,
                      "{\"id\":2,\"state\":\"ready\",\"starts\":0,\"start_requests\":1}\n"
                      "{\"id\":5,\"state\":\"stopped\",\"starts\":0,\"start_requests\":0}\n"
                      "{\"id\":17,\"state\":\"running\",\"starts\":1,\"start_requests\":2}\n");
  free(text);
  experiments_destroy(experiments);
}

static void the_list_is_empty_at_first(void **state) {
  (void)state;
  struct experiments *experiments = experiments_create(20);
  assert_non_null(experiments);
  struct reply_body body = {0};
  assert_int_equal(reply_list(experiments, &body), 0);
  assert_int_equal(body.length, 0);
  free(body.bytes);
  experiments_destroy(experiments);
}

static void an_error_is_wrapped_as_the_api_does_it(void **state) {
  (void)state;
  struct reply_body body = {0};
  assert_int_equal(reply_error(&body, "experiment %d is already running", 3), 0);
  char *text = text_of(&body);
  assert_string_equal(text, "{\"ok\":false,\"errors\":[\"experiment 3 is already running\"]}");
  free(text);
}

static void a_time_is_written_in_utc_with_milliseconds(void **state) {
  (void)state;
  char text[REPLY_TIME_SIZE];
  reply_time(0, text);
  assert_string_equal(text, "1970-01-01T00:00:00.000Z");
  reply_time(started_at_ms, text);
  assert_string_equal(text, "2026-01-15T09:30:00.123Z");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_small_start_reply_is_exactly_the_varying_members),
      cmocka_unit_test(a_full_start_reply_is_as_large_as_the_real_one),
      cmocka_unit_test(errors_come_first_and_ok_last),
      cmocka_unit_test(a_full_reply_tells_the_experiments_own_values),
      cmocka_unit_test(no_mark_of_the_template_is_left_in_a_reply),
      cmocka_unit_test(a_ready_experiment_has_a_null_start_time),
      cmocka_unit_test(a_lookup_has_no_ok),
      cmocka_unit_test(a_template_serves_many_replies),
      cmocka_unit_test(what_the_sandbox_tells_of_an_experiment_is_all_it_keeps),
      cmocka_unit_test(the_list_has_a_line_for_each_experiment_that_is_touched),
      cmocka_unit_test(the_list_is_empty_at_first),
      cmocka_unit_test(an_error_is_wrapped_as_the_api_does_it),
      cmocka_unit_test(a_time_is_written_in_utc_with_milliseconds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

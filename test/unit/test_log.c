/* The lines of the log hook: one for each gate, cut and outage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "log.h"

struct heard {
  int lines;
  expstart_log_level level;
  char line[1024];
};

static void on_line(expstart_log_level level, const char *line, void *data) {
  struct heard *heard = data;
  heard->lines++;
  heard->level = level;
  snprintf(heard->line, sizeof heard->line, "%s", line);
}

static struct heard say(struct expstart__notice notice) {
  struct heard heard = {0};
  struct expstart_options options;
  expstart_options_init(&options);
  options.api_key = "sesame";
  options.log = on_line;
  options.hook_data = &heard;
  expstart__log_notice(&options, &notice, 1000000);
  assert_int_equal(heard.lines, 1);
  assert_null(strchr(heard.line, '\n'));
  assert_null(strstr(heard.line, "sesame"));
  return heard;
}

static void a_throttle_tells_for_how_long(void **state) {
  (void)state;
  struct heard heard = say((struct expstart__notice){
      .kind = EXPSTART__GATE_SHUT, .gate = EXPSTART_BLOCKED_THROTTLE_GATE, .until_us = 3500000});
  assert_non_null(strstr(heard.line, "throttled"));
  assert_non_null(strstr(heard.line, "2500 ms"));
  assert_int_equal(heard.level, EXPSTART_LOG_INFO);
}

static void why_the_gate_is_shut_is_told(void **state) {
  (void)state;
  struct heard heard = say((struct expstart__notice){.kind = EXPSTART__GATE_SHUT,
                                                     .gate = EXPSTART_BLOCKED_OUTAGE_GATE,
                                                     .until_us = 1250000,
                                                     .message = "Could not resolve host: acme"});
  assert_non_null(strstr(heard.line, "(Could not resolve host: acme)"));
  heard = say((struct expstart__notice){.kind = EXPSTART__GATE_SHUT,
                                        .gate = EXPSTART_BLOCKED_RESOURCE_GATE,
                                        .until_us = 1250000,
                                        .message = "no descriptor left"});
  assert_non_null(strstr(heard.line, "this machine"));
  assert_non_null(strstr(heard.line, "(no descriptor left)"));
  assert_int_equal(heard.level, EXPSTART_LOG_WARN);
}

static void lines_below_the_level_are_not_made(void **state) {
  (void)state;
  struct heard heard = {0};
  struct expstart_options options;
  struct expstart__notice throttle = {.kind = EXPSTART__GATE_SHUT,
                                      .gate = EXPSTART_BLOCKED_THROTTLE_GATE};
  expstart_options_init(&options);
  options.log = on_line;
  options.hook_data = &heard;
  options.log_level = EXPSTART_LOG_WARN;
  expstart__log_notice(&options, &throttle, 0);
  assert_int_equal(heard.lines, 0);
  expstart__log_key_refused(&options, "Unauthorized");
  assert_int_equal(heard.lines, 1);
  assert_non_null(strstr(heard.line, "Unauthorized"));
  options.log_level = EXPSTART_LOG_INFO;
  expstart__log_notice(&options, &throttle, 0);
  assert_int_equal(heard.lines, 2);
}

static void an_outage_is_a_warning(void **state) {
  (void)state;
  struct heard heard = say((struct expstart__notice){
      .kind = EXPSTART__GATE_SHUT, .gate = EXPSTART_BLOCKED_OUTAGE_GATE, .until_us = 1250000});
  assert_non_null(strstr(heard.line, "outage"));
  assert_int_equal(heard.level, EXPSTART_LOG_WARN);
}

static void a_cut_tells_the_new_rate(void **state) {
  (void)state;
  struct heard heard = say((struct expstart__notice){.kind = EXPSTART__GATE_OPENED,
                                                     .gate = EXPSTART_BLOCKED_THROTTLE_GATE,
                                                     .shut_us = 50000,
                                                     .rate_per_second = 498.7});
  assert_non_null(strstr(heard.line, "after 50 ms"));
  assert_non_null(strstr(heard.line, "498.7 a second"));
}

static void the_end_of_an_outage_is_told(void **state) {
  (void)state;
  struct heard heard = say((struct expstart__notice){
      .kind = EXPSTART__GATE_OPENED, .gate = EXPSTART_BLOCKED_OUTAGE_GATE, .shut_us = 600000000});
  assert_non_null(strstr(heard.line, "outage over after 600000 ms"));
}

static void without_a_hook_nothing_is_said(void **state) {
  (void)state;
  struct expstart_options options;
  struct expstart__notice notice = {.kind = EXPSTART__GATE_EXTENDED};
  struct expstart_attempt attempt = {.message = ""};
  expstart_options_init(&options);
  expstart__log_notice(&options, &notice, 0);
  expstart__log_attempt(&options, &attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_throttle_tells_for_how_long),
      cmocka_unit_test(why_the_gate_is_shut_is_told),
      cmocka_unit_test(lines_below_the_level_are_not_made),
      cmocka_unit_test(an_outage_is_a_warning),
      cmocka_unit_test(a_cut_tells_the_new_rate),
      cmocka_unit_test(the_end_of_an_outage_is_told),
      cmocka_unit_test(without_a_hook_nothing_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

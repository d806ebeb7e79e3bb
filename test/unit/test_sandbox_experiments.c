/* The sandbox's experiments: what starts, what is refused, and what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "experiments.h"

enum { TOTAL = 5 };
static const int64_t now_ms = 1768469400000;

static int set_up(void **state) {
  *state = experiments_create(TOTAL);
  return *state != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  experiments_destroy(*state);
  return 0;
}

static void every_experiment_is_ready_at_first(void **state) {
  for (int64_t id = 1; id <= TOTAL; id++) {
    const struct experiment *experiment = experiments_find(*state, id);
    assert_non_null(experiment);
    assert_string_equal(experiment->state, "ready");
    assert_null(experiment->note_json);
    assert_int_equal(experiment->started_at_ms, 0);
  }
}

static void ids_outside_one_to_n_are_unknown(void **state) {
  const int64_t outside[] = {INT64_MIN, -1, 0, TOTAL + 1, INT64_MAX};
  for (size_t index = 0; index < sizeof outside / sizeof outside[0]; index++) {
    assert_null(experiments_find(*state, outside[index]));
    assert_false(experiments_count_request(*state, outside[index]));
    assert_int_equal(experiments_start(*state, outside[index], NULL, now_ms), EXPERIMENTS_UNKNOWN);
    assert_int_equal(experiments_set_state(*state, outside[index], "ready", now_ms),
                     EXPERIMENTS_UNKNOWN);
  }
}

static void a_start_makes_it_running_and_keeps_time_and_note(void **state) {
  char note[] = "\"a note\"";
  assert_int_equal(experiments_start(*state, 2, note, now_ms), EXPERIMENTS_DONE);
  note[1] = 'X'; /* it was copied */
  const struct experiment *experiment = experiments_find(*state, 2);
  assert_string_equal(experiment->state, "running");
  assert_string_equal(experiment->note_json, "\"a note\"");
  assert_int_equal(experiment->started_at_ms, now_ms);
  assert_int_equal(experiment->starts, 1);
  assert_string_equal(experiments_find(*state, 1)->state, "ready");
}

static void a_second_start_is_refused_and_changes_nothing(void **state) {
  assert_int_equal(experiments_start(*state, 1, "\"first\"", now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_start(*state, 1, "\"second\"", now_ms + 1),
                   EXPERIMENTS_ALREADY_RUNNING);
  const struct experiment *experiment = experiments_find(*state, 1);
  assert_string_equal(experiment->note_json, "\"first\"");
  assert_int_equal(experiment->started_at_ms, now_ms);
  assert_int_equal(experiment->starts, 1);
}

static void only_what_is_ready_or_created_can_be_started(void **state) {
  assert_int_equal(experiments_set_state(*state, 1, "created", now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_start(*state, 1, NULL, now_ms), EXPERIMENTS_DONE);
  const char *const others[] = {"archived", "stopped", "scheduled", "full_on"};
  for (size_t index = 0; index < 4; index++) {
    assert_int_equal(experiments_set_state(*state, 2, others[index], now_ms), EXPERIMENTS_DONE);
    assert_int_equal(experiments_start(*state, 2, NULL, now_ms), EXPERIMENTS_NOT_STARTABLE);
    assert_string_equal(experiments_find(*state, 2)->state, others[index]);
  }
}

static void a_request_for_a_running_experiment_is_told_apart(void **state) {
  assert_false(experiments_count_request(*state, 1));
  assert_int_equal(experiments_start(*state, 1, NULL, now_ms), EXPERIMENTS_DONE);
  assert_true(experiments_count_request(*state, 1));
  assert_int_equal(experiments_find(*state, 1)->start_requests, 2);
}

static void one_is_touched_by_a_request_or_by_a_state(void **state) {
  assert_false(experiment_is_touched(experiments_find(*state, 1)));
  assert_false(experiments_count_request(*state, 1));
  assert_true(experiment_is_touched(experiments_find(*state, 1)));
  assert_int_equal(experiments_set_state(*state, 2, "created", now_ms), EXPERIMENTS_DONE);
  assert_true(experiment_is_touched(experiments_find(*state, 2)));
  assert_int_equal(experiments_set_state(*state, 2, "ready", now_ms), EXPERIMENTS_DONE);
  assert_false(experiment_is_touched(experiments_find(*state, 2)));
}

static void what_is_not_the_name_of_a_state_is_refused(void **state) {
  const char *const bad[] = {"", "Running", "a b", "\"", "a/b", "abcdefghijklmnopqrstuvwxyzabcdef"};
  for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    assert_int_equal(experiments_set_state(*state, 1, bad[index], now_ms), EXPERIMENTS_BAD_STATE);
    assert_string_equal(experiments_find(*state, 1)->state, "ready");
  }
  assert_int_equal(experiments_set_state(*state, 1, "abcdefghijklmnopqrstuvwxyzabcde", now_ms),
                   EXPERIMENTS_DONE);
}

static void what_is_made_ready_again_has_no_start_time(void **state) {
  assert_int_equal(experiments_start(*state, 1, NULL, now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_set_state(*state, 1, "stopped", now_ms + 1), EXPERIMENTS_DONE);
  assert_int_equal(experiments_find(*state, 1)->started_at_ms, now_ms);
  assert_int_equal(experiments_set_state(*state, 1, "ready", now_ms + 2), EXPERIMENTS_DONE);
  assert_int_equal(experiments_find(*state, 1)->started_at_ms, 0);
}

static void what_is_made_running_by_hand_has_a_start_time_and_no_start(void **state) {
  assert_int_equal(experiments_set_state(*state, 1, "running", now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_find(*state, 1)->started_at_ms, now_ms);
  assert_int_equal(experiments_find(*state, 1)->starts, 0);
  assert_true(experiments_count_request(*state, 1));
}

static void the_summary_adds_up(void **state) {
  assert_int_equal(experiments_start(*state, 1, NULL, now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_start(*state, 2, NULL, now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_start(*state, 2, NULL, now_ms), EXPERIMENTS_ALREADY_RUNNING);
  assert_int_equal(experiments_set_state(*state, 1, "stopped", now_ms), EXPERIMENTS_DONE);
  struct experiments_summary summary = experiments_summarise(*state);
  assert_int_equal(summary.total, TOTAL);
  assert_int_equal(summary.running, 1);
  assert_int_equal(summary.started_once, 2);
  assert_int_equal(summary.started_more_than_once, 0);
  assert_int_equal(summary.never_started, TOTAL - 2);
}

static void a_start_after_a_reset_counts_as_more_than_once(void **state) {
  assert_int_equal(experiments_start(*state, 1, "\"one\"", now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_set_state(*state, 1, "ready", now_ms), EXPERIMENTS_DONE);
  assert_int_equal(experiments_start(*state, 1, NULL, now_ms), EXPERIMENTS_DONE);
  assert_null(experiments_find(*state, 1)->note_json);
  assert_int_equal(experiments_summarise(*state).started_more_than_once, 1);
}

static void there_is_at_least_one_experiment(void **state) {
  (void)state;
  assert_null(experiments_create(0));
  assert_null(experiments_create(-1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_experiment_is_ready_at_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ids_outside_one_to_n_are_unknown, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_start_makes_it_running_and_keeps_time_and_note, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_second_start_is_refused_and_changes_nothing, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(only_what_is_ready_or_created_can_be_started, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_request_for_a_running_experiment_is_told_apart, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(one_is_touched_by_a_request_or_by_a_state, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_not_the_name_of_a_state_is_refused, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(what_is_made_ready_again_has_no_start_time, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(what_is_made_running_by_hand_has_a_start_time_and_no_start,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_summary_adds_up, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_start_after_a_reset_counts_as_more_than_once, set_up,
                                      tear_down),
      cmocka_unit_test(there_is_at_least_one_experiment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

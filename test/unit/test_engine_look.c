/* Look-ups: when they are made, what they lead to, and whose words are told in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

static struct fake *open_confirming(expstart_confirm confirm) {
  struct expstart_options options = fake_options();
  options.confirm = confirm;
  return fake_open(&options);
}

/* Lets the wait for the next attempt pass. */
static void wait_for(struct fake *fake, int64_t id) {
  for (int i = 0; i < 100 && !fake_find_open(fake, id); i++)
    fake_run_to(fake, fake->wake_us);
  assert_non_null(fake_find_open(fake, id));
}

/* The look that is open shows it not running, and so does the one when the settle time has passed. */
static void answer_not_running_twice(struct fake *fake, int64_t id) {
  fake_answer(fake, id, answer_state("ready"));
  wait_for(fake, id);
  assert_open(fake, id, EXPSTART_ATTEMPT_LOOK);
  fake_answer(fake, id, answer_state("ready"));
}

/* One start, answered so; then its look is open. */
static struct fake *open_in_doubt(expstart_confirm confirm, struct fake_answer answer) {
  struct fake *fake = open_confirming(confirm);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer);
  wait_for(fake, 1);
  assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
  return fake;
}

static struct fake_answer with_words(struct fake_answer answer, const char *message) {
  answer.message = message;
  return answer;
}

static void a_lost_start_seen_running_is_running(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_fate(EXPSTART__LOST));
  fake_answer(fake, 1, answer_state("running"));
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  assert_int_equal(fake_result(fake, 1)->is.confirmed, 1);
  assert_int_equal(fake_result(fake, 1)->is.lookups, 1);
  assert_int_equal(fake_result(fake, 1)->is.http_status, 200);
  assert_string_equal(fake_result(fake, 1)->state, "running");
  fake_close(fake);
}

static void a_500_is_looked_up_and_then_sent_again(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
  answer_not_running_twice(fake, 1);
  assert_open(fake, 1, EXPSTART_ATTEMPT_START); /* at once */
  fake_answer(fake, 1, answer_started());
  assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(fake_result(fake, 1)->is.attempts, 2);
  assert_int_equal(fake_result(fake, 1)->is.confirmed, 0);
  fake_close(fake);
}

static void a_start_that_is_processed_seconds_after_a_504_is_not_sent_again(void **state) {
  (void)state;
  for (uint64_t late_s = 1; late_s <= 4; late_s++) {
    struct fake *fake = fake_open(NULL);
    (void)fake_submit(fake, 1);
    fake_step(fake);
    fake_answer(fake, 1, answer_status(504));
    uint64_t done_us = fake->now_us + late_s * 1000000;
    while (fake->result_count == 0) {
      wait_for(fake, 1);
      assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
      fake_answer(fake, 1, answer_state(fake->now_us < done_us ? "ready" : "running"));
      fake_deliver(fake);
    }
    assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
    assert_int_equal(fake_result(fake, 1)->is.attempts, 1);
    fake_close(fake);
  }
}

static void a_look_whose_key_is_refused_tells_that(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_fate(EXPSTART__LOST));
  fake_answer(fake, 1, answer_status(401));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_EREFUSED);
  fake_close(fake);
  fake = open_in_doubt(EXPSTART_CONFIRM_ON_REFUSAL, with_words(answer_status(400), "not ready"));
  fake_answer(fake, 1, answer_status(401));
  assert_ended(fake, 1, EXPSTART_REJECTED, EXPSTART_EREFUSED);
  assert_string_equal(fake_result(fake, 1)->message, "not ready");
  fake_close(fake);
}

static void a_look_that_is_not_allowed_leaves_it_unknown(void **state) {
  (void)state;
  static const int statuses[] = {403, 404, 400, 301};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
    fake_answer(fake, 1, answer_status(statuses[i]));
    assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED);
    assert_int_equal(fake_result(fake, 1)->is.confirmed, 0);
    fake_close(fake);
  }
}

static void failing_looks_are_repeated_up_to_the_limit(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
  for (int i = 0; i < 5; i++) {
    wait_for(fake, 1);
    assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
    fake_answer(fake, 1, answer_status(502));
  }
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ESERVER);
  assert_int_equal(fake_result(fake, 1)->is.lookups, 5);
  fake_close(fake);
}

static void a_throttled_look_costs_no_attempt(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
  for (int i = 0; i < 20; i++) {
    wait_for(fake, 1);
    fake_answer(fake, 1, answer_throttled(1000));
  }
  wait_for(fake, 1);
  fake_answer(fake, 1, answer_state("running"));
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  fake_close(fake);
}

static void a_look_at_another_experiment_is_no_answer(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
  struct fake_answer answer = answer_state("ready");
  answer.id = 2;
  fake_answer(fake, 1, answer);
  wait_for(fake, 1);
  assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
  fake_close(fake);
}

static void the_last_allowed_start_is_looked_up_too(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_attempts = 1;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 2);
  fake_step(fake);
  for (int64_t id = 1; id <= 2; id++) {
    fake_answer(fake, id, answer_status(500));
    wait_for(fake, id);
  }
  fake_answer(fake, 1, answer_state("running"));
  answer_not_running_twice(fake, 2);
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  assert_ended(fake, 2, EXPSTART_FAILED, EXPSTART_ESERVER);
  assert_int_equal(fake_result(fake, 2)->is.confirmed, 1);
  fake_close(fake);
}

static void a_failure_is_told_by_the_starts_error_not_the_looks(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_attempts = 1;
  options.max_in_flight = 1;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_status(500));
  wait_for(fake, 1);
  fake_answer(fake, 1, answer_throttled(1000));
  wait_for(fake, 1);
  answer_not_running_twice(fake, 1);
  assert_ended(fake, 1, EXPSTART_FAILED, EXPSTART_ESERVER);
  fake_close(fake);
}

static void never_confirming_sends_it_again_blindly(void **state) {
  (void)state;
  struct fake *fake = open_confirming(EXPSTART_CONFIRM_NEVER);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  for (int i = 0; i < 5; i++) {
    wait_for(fake, 1);
    assert_open(fake, 1, EXPSTART_ATTEMPT_START);
    fake_answer(fake, 1, answer_status(500));
  }
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ESERVER);
  assert_int_equal(fake_result(fake, 1)->is.lookups, 0);
  fake_close(fake);
}

/* ---- refusals ----------------------------------------------------------------------------------- */

static void a_plain_refusal_is_not_looked_up(void **state) {
  (void)state;
  struct fake *fake = open_confirming(EXPSTART_CONFIRM_AFTER_UNKNOWN);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, with_words(answer_status(409), "not ready"));
  assert_ended(fake, 1, EXPSTART_REJECTED, EXPSTART_EREJECTED);
  assert_string_equal(fake_result(fake, 1)->message, "not ready");
  fake_close(fake);
}

static void a_refusal_stays_as_it_was_if_the_look_sees_it_not_running(void **state) {
  (void)state;
  struct fake *fake =
      open_in_doubt(EXPSTART_CONFIRM_ON_REFUSAL, with_words(answer_status(400), "not ready"));
  fake_answer(fake, 1, with_words(answer_state("created"), "other words"));
  assert_ended(fake, 1, EXPSTART_REJECTED, EXPSTART_EREJECTED);
  const struct fake_result *result = fake_result(fake, 1);
  assert_string_equal(result->message, "not ready");
  assert_int_equal(result->is.http_status, 400);
  assert_string_equal(result->state, "created");
  assert_int_equal(result->is.confirmed, 1);
  fake_close(fake);
}

static void a_refusal_stays_if_it_cannot_be_looked_up(void **state) {
  (void)state;
  struct fake *fake =
      open_in_doubt(EXPSTART_CONFIRM_ON_REFUSAL, with_words(answer_status(400), "not ready"));
  fake_answer(fake, 1, with_words(answer_status(403), "no permission"));
  assert_ended(fake, 1, EXPSTART_REJECTED, EXPSTART_EREJECTED);
  assert_string_equal(fake_result(fake, 1)->message, "not ready");
  fake_close(fake);
}

static void a_refusal_of_what_runs_is_running(void **state) {
  (void)state;
  struct fake *fake =
      open_in_doubt(EXPSTART_CONFIRM_ON_REFUSAL, with_words(answer_status(400), "already running"));
  fake_answer(fake, 1, answer_state("running"));
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  fake_close(fake);
}

static void a_refusal_after_a_doubt_is_looked_up(void **state) {
  (void)state;
  for (int running = 0; running < 2; running++) {
    struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
    answer_not_running_twice(fake, 1);
    fake_answer(fake, 1, with_words(answer_status(400), "already running"));
    assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
    fake_answer(fake, 1, answer_state(running ? "running" : "ready"));
    assert_ended(fake, 1, running ? EXPSTART_RUNNING : EXPSTART_REJECTED,
                 running ? EXPSTART_OK : EXPSTART_EREJECTED);
    fake_close(fake);
  }
}

static void a_refusal_after_a_doubt_that_cannot_be_looked_up_is_unknown(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
  answer_not_running_twice(fake, 1);
  fake_answer(fake, 1, answer_status(400));
  fake_answer(fake, 1, answer_status(404));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED);
  fake_close(fake);
}

/* ---- modes and words ----------------------------------------------------------------------------- */

static void looking_only_starts_nothing(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  for (int64_t id = 1; id <= 3; id++)
    (void)fake_submit_as(fake, id, EXPSTART_LOOK);
  fake_step(fake);
  assert_open(fake, 1, EXPSTART_ATTEMPT_LOOK);
  fake_answer(fake, 1, answer_state("archived"));
  fake_answer(fake, 2, answer_state("running"));
  fake_answer(fake, 3, with_words(answer_status(404), "no such experiment"));
  assert_ended(fake, 1, EXPSTART_SEEN, EXPSTART_OK);
  assert_string_equal(fake_result(fake, 1)->state, "archived");
  assert_int_equal(fake_result(fake, 1)->is.attempts, 0);
  assert_int_equal(fake_result(fake, 1)->is.confirmed, 1);
  assert_ended(fake, 2, EXPSTART_RUNNING, EXPSTART_OK);
  assert_ended(fake, 3, EXPSTART_REJECTED, EXPSTART_EREJECTED);
  assert_string_equal(fake_result(fake, 3)->message, "no such experiment");
  fake_close(fake);
}

static void looking_first_starts_only_what_does_not_run(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  for (int64_t id = 1; id <= 3; id++)
    (void)fake_submit_as(fake, id, EXPSTART_LOOK_THEN_START);
  fake_step(fake);
  fake_answer(fake, 1, answer_state("running"));
  fake_answer(fake, 2, answer_state("ready"));
  fake_answer(fake, 3, answer_status(403));
  assert_ended(fake, 1, EXPSTART_RUNNING, EXPSTART_OK);
  assert_open(fake, 2, EXPSTART_ATTEMPT_START);
  assert_ended(fake, 3, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED);
  fake_close(fake);
}

static void the_starts_words_are_kept_over_a_failing_look(void **state) {
  (void)state;
  struct fake *fake =
      open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, with_words(answer_status(500), "boom"));
  fake_answer(fake, 1, with_words(answer_status(404), "not found"));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED);
  assert_string_equal(fake_result(fake, 1)->message, "boom");
  assert_int_equal(fake_result(fake, 1)->is.http_status, 500);
  fake_close(fake);
}

static void without_a_start_the_last_looks_words_are_told(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit_as(fake, 1, EXPSTART_LOOK_THEN_START);
  fake_step(fake);
  fake_answer(fake, 1, with_words(answer_status(502), "bad gateway"));
  wait_for(fake, 1);
  fake_answer(fake, 1, with_words(answer_status(404), "no such experiment"));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED);
  assert_string_equal(fake_result(fake, 1)->message, "no such experiment");
  assert_int_equal(fake_result(fake, 1)->is.http_status, 404);
  fake_close(fake);
}

static void a_wrong_certificate_ends_a_look_and_a_start(void **state) {
  (void)state;
  struct fake *fake = open_in_doubt(EXPSTART_CONFIRM_AFTER_UNKNOWN, answer_status(500));
  fake_answer(fake, 1, answer_fate(EXPSTART__CERT));
  assert_ended(fake, 1, EXPSTART_UNKNOWN, EXPSTART_ECERT);
  (void)fake_submit(fake, 2);
  fake_step(fake);
  fake_answer(fake, 2, answer_fate(EXPSTART__CERT));
  assert_ended(fake, 2, EXPSTART_FAILED, EXPSTART_ECERT);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lost_start_seen_running_is_running),
      cmocka_unit_test(a_500_is_looked_up_and_then_sent_again),
      cmocka_unit_test(a_start_that_is_processed_seconds_after_a_504_is_not_sent_again),
      cmocka_unit_test(a_look_whose_key_is_refused_tells_that),
      cmocka_unit_test(a_look_that_is_not_allowed_leaves_it_unknown),
      cmocka_unit_test(failing_looks_are_repeated_up_to_the_limit),
      cmocka_unit_test(a_throttled_look_costs_no_attempt),
      cmocka_unit_test(a_look_at_another_experiment_is_no_answer),
      cmocka_unit_test(the_last_allowed_start_is_looked_up_too),
      cmocka_unit_test(a_failure_is_told_by_the_starts_error_not_the_looks),
      cmocka_unit_test(never_confirming_sends_it_again_blindly),
      cmocka_unit_test(a_plain_refusal_is_not_looked_up),
      cmocka_unit_test(a_refusal_stays_as_it_was_if_the_look_sees_it_not_running),
      cmocka_unit_test(a_refusal_stays_if_it_cannot_be_looked_up),
      cmocka_unit_test(a_refusal_of_what_runs_is_running),
      cmocka_unit_test(a_refusal_after_a_doubt_is_looked_up),
      cmocka_unit_test(a_refusal_after_a_doubt_that_cannot_be_looked_up_is_unknown),
      cmocka_unit_test(looking_only_starts_nothing),
      cmocka_unit_test(looking_first_starts_only_what_does_not_run),
      cmocka_unit_test(the_starts_words_are_kept_over_a_failing_look),
      cmocka_unit_test(without_a_start_the_last_looks_words_are_told),
      cmocka_unit_test(a_wrong_certificate_ends_a_look_and_a_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

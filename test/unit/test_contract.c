/* THE CONTRACT of expstart.h, as far as the engine alone can show it: lines 1 to 4, 7 and 8. Lines
   5 and 6 and "on the loop's thread, outside libcurl's stack" need a loop: integration tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fake_carrier.h"

static void line_1_an_accepted_start_is_called_back_once_and_later(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  fake_submit_range(fake, 1, 100);
  assert_int_equal(fake->result_count, 0);
  fake_step(fake);
  assert_int_equal(fake->result_count, 0);
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_started());
  assert_int_equal(fake->result_count, 0); /* only when delivered */
  for (int64_t id = 1; id <= 100; id++)
    assert_ended(fake, id, EXPSTART_STARTED, EXPSTART_OK);
  fake_deliver(fake);
  assert_int_equal(fake->result_count, 100);
  fake_close(fake);
}

static void line_1_a_refused_submit_is_never_called_back(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_queued = 1;
  struct fake *fake = fake_open(&options);
  expstart_ticket ticket = 99;
  (void)fake_submit(fake, 1);
  assert_int_equal(fake_try_submit(fake, 2, "note", EXPSTART_START, &ticket), EXPSTART_EFULL);
  assert_int_equal(ticket, 99);
  fake_step(fake);
  fake_answer(fake, 1, answer_started());
  fake_deliver(fake);
  assert_int_equal(fake->result_count, 1);
  fake_close(fake);
}

static void line_2_what_a_submit_is_given_is_copied(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  char note[] = "wave 1";
  assert_int_equal(fake_try_submit(fake, 1, note, EXPSTART_START, NULL), EXPSTART_OK);
  memset(note, 'x', sizeof note - 1);
  fake_step(fake);
  assert_non_null(strstr(fake_find_open(fake, 1)->body, "wave 1"));
  fake_close(fake);
}

static expstart_ticket other;

static void do_everything(struct fake *fake, const expstart_result *result) {
  if (result->experiment_id != 1)
    return;
  (void)fake_submit(fake, 3);
  assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, other), EXPSTART_OK);
  assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, result->ticket),
                   EXPSTART_ENOTFOUND);
  expstart__engine_pause(fake->engine, true);
  expstart__engine_pause(fake->engine, false);
  expstart__engine_set_rate(fake->engine, fake->now_us, 100, 10);
}

static void line_3_a_callback_may_do_all_but_run_the_loop(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 1;
  struct fake *fake = fake_open(&options);
  (void)fake_submit(fake, 1);
  other = fake_submit(fake, 2);
  fake_step(fake);
  fake->on_done = do_everything;
  expstart__engine_pause(fake->engine, true); /* so that 2 is not sent before the callback */
  fake_answer(fake, 1, answer_started());
  fake_deliver(fake);
  fake_step(fake);
  assert_ended(fake, 2, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  fake_answer(fake, 3, answer_started());
  assert_ended(fake, 3, EXPSTART_STARTED, EXPSTART_OK);
  fake_close(fake);
}

static void line_3_a_callback_may_read_stats_and_finds_its_own_outcome_there(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake_step(fake);
  fake_answer(fake, 1, answer_started());
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.started, 1); /* counted when decided; its callback follows */
  assert_int_equal(fake->result_count, 0);
  fake_close(fake);
}

static void line_4_a_cancel_ends_in_canceled_unknown_or_the_reply(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  expstart_ticket tickets[4];
  for (int i = 1; i <= 3; i++)
    tickets[i] = fake_submit(fake, i);
  fake_step(fake);
  for (int i = 1; i <= 3; i++)
    assert_int_equal(expstart__engine_cancel(fake->engine, fake->now_us, tickets[i]), EXPSTART_OK);
  fake_answer(fake, 1, answer_fate(EXPSTART__UNSENT));
  fake_answer(fake, 2, answer_fate(EXPSTART__LOST));
  fake_answer(fake, 3, answer_started());
  assert_ended(fake, 1, EXPSTART_CANCELED, EXPSTART_ECANCELED);
  assert_ended(fake, 2, EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  assert_ended(fake, 3, EXPSTART_STARTED, EXPSTART_OK);
  fake_close(fake);
}

static void submit_after(struct fake *fake, const expstart_result *result) {
  if (result->experiment_id == 1)
    (void)fake_submit(fake, 2);
}

static void line_4_what_callbacks_submit_survives_cancel_all(void **state) {
  (void)state;
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, 1);
  fake->on_done = submit_after;
  expstart__engine_cancel_all(fake->engine);
  fake_step(fake);
  fake_deliver(fake);
  fake_step(fake);
  fake_answer(fake, 2, answer_started());
  assert_ended(fake, 2, EXPSTART_STARTED, EXPSTART_OK);
  fake_close(fake);
}

static void line_7_a_full_queue_refuses_at_once_and_room_is_told_once(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_queued = 4;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 4);
  assert_int_equal(fake_try_submit(fake, 5, NULL, EXPSTART_START, NULL), EXPSTART_EFULL);
  fake_step(fake);
  while (fake->open_count > 0)
    fake_answer_at(fake, 0, answer_started());
  fake_deliver(fake);
  assert_true(expstart__engine_take_room(fake->engine, false));
  assert_false(expstart__engine_take_room(fake->engine, false));
  (void)fake_submit(fake, 5);
  fake_close(fake);
}

static void line_8_every_accepted_start_is_in_one_place(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 5;
  struct fake *fake = fake_open(&options);
  fake_submit_range(fake, 1, 10);
  fake_step(fake);
  fake_answer(fake, 1, answer_started());
  fake_answer(fake, 2, answer_status(404));
  fake_answer(fake, 4, answer_fate(EXPSTART__CERT));
  fake_answer(fake, 3, answer_throttled(60000));
  struct expstart_stats stats = fake_stats(fake);
  assert_int_equal(stats.accepted, 10);
  assert_int_equal(stats.started, 1);
  assert_int_equal(stats.rejected, 1);
  assert_int_equal(stats.failed, 1);
  assert_int_equal(stats.waiting, 1);
  assert_int_equal(stats.in_flight, 3);
  assert_int_equal(stats.queued, 3);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(line_1_an_accepted_start_is_called_back_once_and_later),
      cmocka_unit_test(line_1_a_refused_submit_is_never_called_back),
      cmocka_unit_test(line_2_what_a_submit_is_given_is_copied),
      cmocka_unit_test(line_3_a_callback_may_do_all_but_run_the_loop),
      cmocka_unit_test(line_3_a_callback_may_read_stats_and_finds_its_own_outcome_there),
      cmocka_unit_test(line_4_a_cancel_ends_in_canceled_unknown_or_the_reply),
      cmocka_unit_test(line_4_what_callbacks_submit_survives_cancel_all),
      cmocka_unit_test(line_7_a_full_queue_refuses_at_once_and_room_is_told_once),
      cmocka_unit_test(line_8_every_accepted_start_is_in_one_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A great many requests, answered at random by seed: what must hold always, held always. The fake
   carrier checks the ledger, the slots and "no start is repeated in doubt" at each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "fake_carrier.h"

struct crowd {
  uint64_t random;
  int64_t count, submitted;
  expstart_ticket *tickets;
  bool cancels;
};

static uint32_t draw(struct crowd *crowd, uint32_t below) {
  crowd->random = crowd->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(crowd->random >> 33) % below;
}

static struct fake_answer answer_of(struct crowd *crowd, expstart_attempt_kind kind) {
  static const int statuses[] = {500, 502, 503, 408, 425, 400, 404, 401, 301, 200};
  struct fake_answer answer;
  uint32_t dice = draw(crowd, 100);
  if (dice < 50)
    return kind == EXPSTART_ATTEMPT_START ? answer_started()
                                          : answer_state(dice % 2 ? "running" : "ready");
  if (dice < 65) {
    answer = answer_throttled(draw(crowd, 4) ? (int64_t)draw(crowd, 3000) : EXPSTART__NO_HINT);
    return answer;
  }
  if (dice < 75)
    return answer_fate(draw(crowd, 20) ? EXPSTART__UNSENT : EXPSTART__CERT);
  if (dice < 85) {
    answer = answer_fate(EXPSTART__LOST);
    answer.timed_out = draw(crowd, 2);
    return answer;
  }
  answer = answer_status(statuses[draw(crowd, sizeof statuses / sizeof *statuses)]);
  answer.broken = draw(crowd, 10) == 0;
  if (draw(crowd, 3) == 0)
    answer.message = "words";
  return answer;
}

static void submit_some(struct fake *fake, struct crowd *crowd) {
  for (uint32_t n = draw(crowd, 50); n > 0 && crowd->submitted < crowd->count; n--) {
    uint32_t dice = draw(crowd, 10);
    expstart_mode mode = dice == 0   ? EXPSTART_LOOK
                         : dice == 1 ? EXPSTART_LOOK_THEN_START
                                     : EXPSTART_START;
    int status = fake_try_submit(fake, crowd->submitted + 1, draw(crowd, 2) ? "note" : NULL, mode,
                                 &crowd->tickets[crowd->submitted]);
    if (status == EXPSTART_EFULL)
      return;
    assert_int_equal(status, EXPSTART_OK);
    crowd->submitted++;
  }
}

static void assert_one_callback_each(const struct fake *fake, int64_t count) {
  bool *seen = calloc((size_t)count + 1, sizeof *seen);
  assert_non_null(seen);
  assert_int_equal(fake->result_count, count);
  for (size_t i = 0; i < fake->result_count; i++) {
    int64_t id = fake->results[i].is.experiment_id;
    assert_in_range(id, 1, count);
    assert_false(seen[id]);
    seen[id] = true;
  }
  free(seen);
}

static void play(struct expstart_options options, uint64_t seed, int64_t count, bool cancels) {
  struct crowd crowd = {.random = seed, .count = count, .cancels = cancels};
  crowd.tickets = calloc((size_t)count, sizeof *crowd.tickets);
  assert_non_null(crowd.tickets);
  options.seed = seed;
  struct fake *fake = fake_open(&options);
  while (crowd.submitted < count || expstart__engine_live(fake->engine) > 0) {
    submit_some(fake, &crowd);
    fake_step(fake);
    for (uint32_t n = draw(&crowd, 40); n > 0 && fake->open_count > 0; n--) {
      size_t pick = draw(&crowd, (uint32_t)fake->open_count);
      fake_answer_at(fake, pick, answer_of(&crowd, fake->open[pick].kind));
    }
    if (crowd.cancels && crowd.submitted > 0 && draw(&crowd, 3) == 0) {
      expstart_ticket ticket = crowd.tickets[draw(&crowd, (uint32_t)crowd.submitted)];
      int status = expstart__engine_cancel(fake->engine, fake->now_us, ticket);
      assert_true(status == EXPSTART_OK || status == EXPSTART_ENOTFOUND);
    }
    if (crowd.cancels && draw(&crowd, 5000) == 0)
      expstart__engine_cancel_all(fake->engine);
    if (draw(&crowd, 4) == 0)
      (void)expstart__engine_deliver(fake->engine, 1 + draw(&crowd, 200));
    /* On to the next event, now and then far beyond it, but not past what is under way. */
    uint64_t most_us = 1 + draw(&crowd, draw(&crowd, 50) ? 20000 : 5000000);
    fake_step(fake);
    fake->now_us = fake->open_count == 0 && fake->wake_us != EXPSTART__NEVER
                       ? fake->wake_us
                       : fake->now_us + most_us;
  }
  assert_one_callback_each(fake, count);
  free(crowd.tickets);
  fake_close(fake);
}

static void a_hundred_thousand_are_called_back_once_each(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.max_in_flight = 100;
  play(options, 1, 100000, false);
}

static void cancels_in_between_change_nothing_of_that(void **state) {
  (void)state;
  for (uint64_t seed = 2; seed < 6; seed++)
    play(fake_options(), seed, 5000, true);
}

static void short_time_limits_change_nothing_of_that(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.total_timeout_ms = 3000;
  options.retry_timeout_ms = 2000;
  options.attempt_timeout_ms = 1000;
  for (uint64_t seed = 10; seed < 14; seed++)
    play(options, seed, 5000, true);
}

static void every_way_of_confirming_keeps_it(void **state) {
  (void)state;
  static const expstart_confirm ways[] = {EXPSTART_CONFIRM_AFTER_UNKNOWN, EXPSTART_CONFIRM_NEVER,
                                          EXPSTART_CONFIRM_ON_REFUSAL};
  for (int i = 0; i < 3; i++) {
    struct expstart_options options = fake_options();
    options.confirm = ways[i];
    options.max_attempts = 2;
    options.max_queued = 200;
    play(options, 20 + (uint64_t)i, 5000, true);
  }
}

static void a_rate_keeps_it_too(void **state) {
  (void)state;
  struct expstart_options options = fake_options();
  options.rate_per_second = 500;
  options.max_in_flight = 5;
  play(options, 30, 3000, true);
}

static void the_same_seed_gives_the_same_waits(void **state) {
  (void)state;
  uint64_t wakes[2][50];
  for (int round = 0; round < 2; round++) {
    struct fake *fake = fake_open(NULL);
    fake_submit_range(fake, 1, 50);
    expstart__engine_step(fake->engine, fake->now_us);
    fake_step(fake);
    for (int i = 0; i < 30; i++) {
      if (fake->open_count == 0)
        fake_run_to(fake, fake->wake_us);
      fake_answer_at(fake, 0, answer_status(503));
      wakes[round][i] = fake->wake_us;
    }
    fake_close(fake);
  }
  assert_memory_equal(wakes[0], wakes[1], 30 * sizeof wakes[0][0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_hundred_thousand_are_called_back_once_each),
      cmocka_unit_test(cancels_in_between_change_nothing_of_that),
      cmocka_unit_test(short_time_limits_change_nothing_of_that),
      cmocka_unit_test(every_way_of_confirming_keeps_it),
      cmocka_unit_test(a_rate_keeps_it_too),
      cmocka_unit_test(the_same_seed_gives_the_same_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

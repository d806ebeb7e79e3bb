/* What is learned of the API's limit, and what the pace is then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit.h"

static const uint64_t began_us = 1000000000;

/* `count` accepted at this interval, from *now_us on. */
static void accept(struct expstart__limit *limit, uint64_t *now_us, int count,
                   uint64_t interval_us) {
  for (int i = 0; i < count; i++) {
    expstart__limit_sent(limit, *now_us);
    *now_us += interval_us;
    expstart__limit_accepted(limit, *now_us);
  }
}

static void throttle(struct expstart__limit *limit, uint64_t *now_us, uint64_t pause_us) {
  expstart__limit_rejected(limit);
  expstart__limit_shut(limit, *now_us);
  *now_us += pause_us;
  expstart__limit_opened(limit, *now_us);
}

static void without_a_throttle_there_is_no_pace(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  accept(&limit, &now_us, 10000, 100);
  assert_true(expstart__limit_pace(&limit, now_us) == 0);
}

static void what_a_cycle_let_through_is_the_pace(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  assert_in_range(expstart__limit_pace(&limit, now_us), 480, 505);
}

static void the_pace_grows_slowly_and_then_faster(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  double pace = expstart__limit_pace(&limit, now_us);
  double soon = expstart__limit_pace(&limit, now_us + 500000);
  double later = expstart__limit_pace(&limit, now_us + 5000000);
  assert_true(soon > pace && soon < pace * 1.1);
  assert_true(later > pace * 2);
}

static void a_throttle_of_few_is_a_cut(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  double pace = expstart__limit_pace(&limit, now_us);
  accept(&limit, &now_us, 3, 2000);
  throttle(&limit, &now_us, 20000);
  assert_true(expstart__limit_pace(&limit, now_us) < 0.8 * pace);
}

/* Found by a random test: the pace was not a number. */
static void a_cycle_without_active_time_gives_a_pace(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  for (int i = 0; i < 5; i++) {
    accept(&limit, &now_us, 20, 0);
    throttle(&limit, &now_us, 1000000);
    double pace = expstart__limit_pace(&limit, now_us);
    assert_true(pace >= 1 && pace <= 1e6);
  }
}

static void a_throttle_before_anything_was_accepted_gives_a_pace(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  expstart__limit_sent(&limit, now_us);
  throttle(&limit, &now_us, 50000);
  double pace = expstart__limit_pace(&limit, now_us);
  assert_true(pace > 0 && pace < 1000);
}

static void after_a_rest_a_cycle_begins_anew(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  accept(&limit, &now_us, 1000, 2000);
  now_us += 3600000000; /* nothing to do for an hour */
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  assert_in_range(expstart__limit_pace(&limit, now_us), 480, 1010);
}

static void an_outage_does_not_count_as_time(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t now_us = began_us;
  accept(&limit, &now_us, 1000, 2000);
  throttle(&limit, &now_us, 20000);
  double pace = expstart__limit_pace(&limit, now_us);
  now_us += 600000000;
  expstart__limit_resumed(&limit, now_us);
  assert_true(expstart__limit_pace(&limit, now_us) == pace);
}

static void pauses_of_our_own_grow(void **state) {
  (void)state;
  struct expstart__limit limit = {0};
  uint64_t pause_us = expstart__limit_first_pause_us(&limit, began_us), paused_us = 0;
  for (int i = 0; i < 20; i++) {
    assert_true(pause_us >= 20000);
    paused_us += pause_us;
    pause_us = expstart__limit_next_pause_us(&limit, paused_us);
  }
  assert_in_range(paused_us, 60000000, 600000000); /* a minute is reached by some 20 probes */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_throttle_there_is_no_pace),
      cmocka_unit_test(what_a_cycle_let_through_is_the_pace),
      cmocka_unit_test(the_pace_grows_slowly_and_then_faster),
      cmocka_unit_test(a_throttle_of_few_is_a_cut),
      cmocka_unit_test(a_cycle_without_active_time_gives_a_pace),
      cmocka_unit_test(a_throttle_before_anything_was_accepted_gives_a_pace),
      cmocka_unit_test(after_a_rest_a_cycle_begins_anew),
      cmocka_unit_test(an_outage_does_not_count_as_time),
      cmocka_unit_test(pauses_of_our_own_grow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

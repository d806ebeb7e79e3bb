/* Permits by themselves: what is spent first, what lapses, and when the caller is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "permits.h"

#include <stdlib.h>

static void those_that_lapse_first_are_spent_first(void **state) {
  (void)state;
  struct expstart__permits permits = {0};
  expstart__permits_grant(&permits, 0, 2, UINT64_MAX);
  expstart__permits_grant(&permits, 0, 1, 100);
  expstart__permits_spend(&permits, 50);
  assert_int_equal(expstart__permits_left(&permits, 100), 2);
  expstart__permits_grant(&permits, 100, 3, 200);
  assert_int_equal(expstart__permits_count(&permits, 199), 5);
  assert_int_equal(expstart__permits_count(&permits, 200), 2);
  assert_int_equal(expstart__permits_next_lapse(&permits), 200);
  assert_int_equal(expstart__permits_left(&permits, 200), 2);
  assert_int_equal(expstart__permits_next_lapse(&permits), UINT64_MAX);
}

static void what_lapses_at_once_is_not_granted(void **state) {
  (void)state;
  struct expstart__permits permits = {0};
  expstart__permits_grant(&permits, 100, 1, 100);
  expstart__permits_grant(&permits, 100, 0, 200);
  assert_int_equal(expstart__permits_left(&permits, 0), 0);
}

/* Beside a list that has no bound: never more valid ones than there. */
static void many_grants_lapse_too_early_rather_than_too_late(void **state) {
  (void)state;
  enum { GRANTS = 2000 };
  static struct expstart__grant all[GRANTS];
  struct expstart__permits permits = {0};
  uint64_t granted = 0, now_us = 0, kept = 0;
  srand(7);
  for (int i = 0; i < GRANTS; i++) {
    now_us += (uint64_t)rand() % 20;
    all[i] =
        (struct expstart__grant){now_us + 1 + (uint64_t)rand() % 2000, 1 + (uint64_t)rand() % 9};
    granted += all[i].count;
    expstart__permits_grant(&permits, now_us, (uint32_t)all[i].count, all[i].until_us);
    uint64_t valid = 0;
    for (int k = 0; k <= i; k++)
      valid += all[k].until_us > now_us ? all[k].count : 0;
    uint64_t left = expstart__permits_left(&permits, now_us);
    assert_true(left <= valid);
    assert_true(left >= all[i].count || permits.grant_count == EXPSTART__GRANTS_MAX);
    kept += left == valid;
  }
  assert_true(granted > 0 && kept > 0);
}

static void wanting_is_told_at_once_when_it_begins_and_seldom_then(void **state) {
  (void)state;
  struct expstart__permits permits = {0};
  uint64_t at_us, now_us = 1000000;
  assert_false(expstart__permits_want(&permits, now_us, 0, &at_us));
  assert_true(expstart__permits_want(&permits, now_us, 4, &at_us));
  unsigned told = 0;
  for (uint32_t i = 0; i < 1000; i++) /* a second in which it changes each millisecond */
    told += expstart__permits_want(&permits, now_us + i * 1000, 1 + i % 7, &at_us);
  assert_in_range(told, 50, 101);
}

static void what_changes_too_soon_is_told_later(void **state) {
  (void)state;
  struct expstart__permits permits = {0};
  uint64_t at_us, now_us = 1000000;
  assert_true(expstart__permits_want(&permits, now_us, 4, &at_us));
  assert_false(expstart__permits_want(&permits, now_us + 1, 3, &at_us));
  assert_int_equal(at_us, now_us + 10000);
  assert_true(expstart__permits_want(&permits, at_us, 3, &at_us));
}

/* A grant that lapsed unused was once taken for one that is still to be used: nobody was asked again. */
static void what_a_lapsed_grant_was_for_is_wanted_again(void **state) {
  (void)state;
  struct expstart__permits permits = {0};
  uint64_t at_us, now_us = 1000000;
  assert_true(expstart__permits_want(&permits, now_us, 4, &at_us));
  expstart__permits_grant(&permits, now_us, 4, now_us + 5000);
  assert_int_equal(expstart__permits_left(&permits, now_us + 5000), 0);
  assert_true(expstart__permits_want(&permits, now_us + 5000, 4, &at_us));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(those_that_lapse_first_are_spent_first),
      cmocka_unit_test(what_lapses_at_once_is_not_granted),
      cmocka_unit_test(many_grants_lapse_too_early_rather_than_too_late),
      cmocka_unit_test(wanting_is_told_at_once_when_it_begins_and_seldom_then),
      cmocka_unit_test(what_changes_too_soon_is_told_later),
      cmocka_unit_test(what_a_lapsed_grant_was_for_is_wanted_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

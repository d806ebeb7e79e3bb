/* Whether what the RateLimit fields claim is held to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quota.h"

static const uint64_t began_us = 1000000000, second_us = 1000000;

/* An attempt sent and accepted a millisecond after the last one. */
static void accept(struct expstart__quota *quota, uint64_t *now_us, int64_t remaining,
                   int64_t reset_ms) {
  struct expstart__hints hints = {EXPSTART__NO_HINT, remaining, reset_ms, EXPSTART__NO_HINT};
  *now_us += 1000;
  expstart__quota_accepted(quota, *now_us, *now_us - 500, &hints);
}

static void count_down(struct expstart__quota *quota, uint64_t *now_us, int64_t from) {
  for (int64_t left = from; left >= 0; left--)
    accept(quota, now_us, left, 60000);
}

static void a_claim_is_not_held_to_before_it_has_proven_true(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  uint64_t now_us = began_us;
  count_down(&quota, &now_us, 10);
  assert_int_equal(expstart__quota_shut_until(&quota, now_us), 0);
  assert_int_equal(expstart__quota_window(&quota, now_us), 1);
  expstart__quota_throttled(&quota, now_us + 1000, now_us + 500);
  assert_in_range(expstart__quota_shut_until(&quota, now_us), now_us + 59 * second_us,
                  now_us + 60 * second_us);
}

static void once_proven_it_holds_in_the_next_window_too(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  uint64_t now_us = began_us;
  count_down(&quota, &now_us, 10);
  expstart__quota_throttled(&quota, now_us + 1000, now_us + 500);
  now_us += 61 * second_us;
  assert_false(expstart__quota_leads(&quota, now_us));
  count_down(&quota, &now_us, 10);
  assert_true(expstart__quota_leads(&quota, now_us));
  assert_true(expstart__quota_shut_until(&quota, now_us) > now_us);
}

static void a_count_that_does_not_go_down_is_believed_no_more(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  uint64_t now_us = began_us;
  accept(&quota, &now_us, 5, 60000);
  accept(&quota, &now_us, 5, 60000);
  assert_int_equal(expstart__quota_window(&quota, now_us), UINT32_MAX);
  count_down(&quota, &now_us, 3);
  expstart__quota_throttled(&quota, now_us + 1000, now_us + 500);
  assert_int_equal(expstart__quota_shut_until(&quota, now_us), 0);
}

static void an_attempt_accepted_when_none_was_left_disproves_it(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  uint64_t now_us = began_us;
  accept(&quota, &now_us, 0, 60000);
  accept(&quota, &now_us, EXPSTART__NO_HINT, EXPSTART__NO_HINT);
  assert_int_equal(quota.trust, EXPSTART__DISPROVEN);
}

static void replies_that_overtake_each_other_are_no_contradiction(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  struct expstart__hints fewer = {EXPSTART__NO_HINT, 7, 60000, EXPSTART__NO_HINT};
  struct expstart__hints more = {EXPSTART__NO_HINT, 9, 60000, EXPSTART__NO_HINT};
  expstart__quota_accepted(&quota, began_us + 2000, began_us, &fewer);
  expstart__quota_accepted(&quota, began_us + 3000, began_us,
                           &more); /* sent before that was heard */
  assert_int_equal(quota.trust, EXPSTART__UNTESTED);
  assert_int_equal(expstart__quota_window(&quota, began_us + 3000), 7);
}

static void a_window_renewed_somewhat_early_is_no_contradiction(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  uint64_t now_us = began_us;
  accept(&quota, &now_us, 5, 1000); /* whole seconds: it may be less */
  now_us += 500000;
  accept(&quota, &now_us, 999, 60000);
  assert_int_equal(quota.trust, EXPSTART__UNTESTED);
  assert_int_equal(expstart__quota_window(&quota, now_us), 999);
}

static void without_claims_nothing_is_held_back(void **state) {
  (void)state;
  struct expstart__quota quota = {0};
  uint64_t now_us = began_us;
  accept(&quota, &now_us, EXPSTART__NO_HINT, EXPSTART__NO_HINT);
  accept(&quota, &now_us, 0, EXPSTART__NO_HINT);
  accept(&quota, &now_us, EXPSTART__NO_HINT, 5000);
  assert_int_equal(expstart__quota_window(&quota, now_us), UINT32_MAX);
  assert_int_equal(expstart__quota_shut_until(&quota, now_us), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_claim_is_not_held_to_before_it_has_proven_true),
      cmocka_unit_test(once_proven_it_holds_in_the_next_window_too),
      cmocka_unit_test(a_count_that_does_not_go_down_is_believed_no_more),
      cmocka_unit_test(an_attempt_accepted_when_none_was_left_disproves_it),
      cmocka_unit_test(replies_that_overtake_each_other_are_no_contradiction),
      cmocka_unit_test(a_window_renewed_somewhat_early_is_no_contradiction),
      cmocka_unit_test(without_claims_nothing_is_held_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

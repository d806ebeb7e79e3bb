/* The sandbox's faults: as often as asked for, the same for the same seed, and true to what each
 * kind promises about having been processed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults.h"

enum { DRAWS = 100000 };

static void no_fault_comes_unasked(void **state) {
  (void)state;
  struct faults faults;
  faults_init(&faults, (double[FAULT_KINDS]){0}, 1);
  for (int draw = 0; draw < DRAWS; draw++) {
    assert_int_equal(faults_draw(&faults).kind, FAULT_NONE);
  }
}

static void a_certain_fault_always_comes(void **state) {
  (void)state;
  for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
    double probability[FAULT_KINDS] = {0};
    probability[kind] = 1;
    struct faults faults;
    faults_init(&faults, probability, 7);
    for (int draw = 0; draw < 1000; draw++) {
      assert_int_equal(faults_draw(&faults).kind, kind);
    }
  }
}

static void each_fault_comes_as_often_as_asked_for(void **state) {
  (void)state;
  double probability[FAULT_KINDS] = {0};
  for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
    probability[kind] = 0.02 * kind; /* 0.56 in all */
  }
  struct faults faults;
  faults_init(&faults, probability, 42);
  unsigned counts[FAULT_KINDS] = {0};
  for (int draw = 0; draw < DRAWS; draw++) {
    counts[faults_draw(&faults).kind]++;
  }
  for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
    unsigned expected = (unsigned)(DRAWS / 50 * kind);
    assert_in_range(counts[kind], expected * 9 / 10, expected * 11 / 10);
  }
}

static void the_same_seed_gives_the_same_faults(void **state) {
  (void)state;
  double probability[FAULT_KINDS] = {[FAULT_5XX] = 0.3, [FAULT_STALL] = 0.3};
  struct faults one, other;
  faults_init(&one, probability, 5);
  faults_init(&other, probability, 5);
  for (int draw = 0; draw < 1000; draw++) {
    struct fault from_one = faults_draw(&one);
    struct fault from_other = faults_draw(&other);
    assert_int_equal(from_one.kind, from_other.kind);
    assert_int_equal(from_one.status, from_other.status);
    assert_int_equal(from_one.processed, from_other.processed);
  }
}

static void another_seed_gives_other_faults(void **state) {
  (void)state;
  double probability[FAULT_KINDS] = {[FAULT_5XX] = 0.5};
  struct faults one, other;
  faults_init(&one, probability, 5);
  faults_init(&other, probability, 6);
  unsigned differing = 0;
  for (int draw = 0; draw < 1000; draw++) {
    differing += faults_draw(&one).kind != faults_draw(&other).kind;
  }
  assert_in_range(differing, 300, 700);
}

static void a_503_is_never_processed_and_half_of_the_other_5xx_are(void **state) {
  (void)state;
  double probability[FAULT_KINDS] = {[FAULT_5XX] = 1};
  struct faults faults;
  faults_init(&faults, probability, 3);
  unsigned of_status[600] = {0};
  unsigned processed[600] = {0};
  for (int draw = 0; draw < DRAWS; draw++) {
    struct fault fault = faults_draw(&faults);
    assert_in_range(fault.status, 500, 504);
    of_status[fault.status]++;
    processed[fault.status] += fault.processed;
  }
  assert_int_equal(of_status[501], 0);
  assert_int_equal(processed[503], 0);
  const unsigned statuses[] = {500, 502, 503, 504};
  for (size_t index = 0; index < 4; index++) {
    assert_in_range(of_status[statuses[index]], DRAWS / 4 - 1000, DRAWS / 4 + 1000);
    if (statuses[index] != 503) {
      assert_in_range(processed[statuses[index]], DRAWS / 8 - 1000, DRAWS / 8 + 1000);
    }
  }
}

static bool is_ever_processed(enum fault_kind kind) {
  double probability[FAULT_KINDS] = {0};
  probability[kind] = 1;
  struct faults faults;
  faults_init(&faults, probability, 11);
  unsigned processed = 0;
  for (int draw = 0; draw < 100; draw++) {
    processed += faults_draw(&faults).processed;
  }
  assert_true(processed == 0 || processed == 100 || kind == FAULT_5XX || kind == FAULT_STALL);
  return processed > 0;
}

static void a_fault_is_processed_or_not_as_its_kind_says(void **state) {
  (void)state;
  assert_false(is_ever_processed(FAULT_RESET_BEFORE));
  assert_false(is_ever_processed(FAULT_REFUSE));
  assert_true(is_ever_processed(FAULT_RESET_AFTER));
  assert_true(is_ever_processed(FAULT_TRUNCATE));
  assert_true(is_ever_processed(FAULT_GARBAGE));
  assert_true(is_ever_processed(FAULT_STALL));
}

static void the_nth_draw_does_not_hang_on_the_kinds_before_it(void **state) {
  (void)state;
  struct faults one, other;
  faults_init(&one, (double[FAULT_KINDS]){[FAULT_5XX] = 0.5}, 9);
  faults_init(&other, (double[FAULT_KINDS]){[FAULT_GARBAGE] = 0.5}, 9);
  for (int draw = 0; draw < 1000; draw++) {
    assert_int_equal(faults_draw(&one).kind == FAULT_NONE, faults_draw(&other).kind == FAULT_NONE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_fault_comes_unasked),
      cmocka_unit_test(a_certain_fault_always_comes),
      cmocka_unit_test(each_fault_comes_as_often_as_asked_for),
      cmocka_unit_test(the_same_seed_gives_the_same_faults),
      cmocka_unit_test(another_seed_gives_other_faults),
      cmocka_unit_test(a_503_is_never_processed_and_half_of_the_other_5xx_are),
      cmocka_unit_test(a_fault_is_processed_or_not_as_its_kind_says),
      cmocka_unit_test(the_nth_draw_does_not_hang_on_the_kinds_before_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

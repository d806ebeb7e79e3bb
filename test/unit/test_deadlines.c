/* The heap of deadlines by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deadlines.h"

#include <stdlib.h>

enum { MANY = 1000 };

static bool is_odd(const void *owner, expstart_ticket ticket) {
  (void)owner;
  return ticket % 2 == 1;
}

static void assert_in_order(struct expstart__deadlines *deadlines, unsigned count) {
  uint64_t last_us = 0;
  for (unsigned i = 0; i < count; i++) {
    uint64_t at_us = expstart__deadlines_next(deadlines);
    assert_true(at_us >= last_us && at_us < UINT64_MAX);
    last_us = at_us;
    assert_int_equal(expstart__deadlines_take(deadlines, 0) % MANY, at_us % MANY);
  }
  assert_int_equal(expstart__deadlines_next(deadlines), UINT64_MAX);
}

static void fill(struct expstart__deadlines *deadlines) {
  srand(1);
  for (unsigned i = 0; i < MANY; i++) {
    uint64_t number = (uint64_t)rand() % 1000000;
    assert_true(expstart__deadlines_add(deadlines, number, number));
  }
}

static void the_earliest_comes_first(void **state) {
  (void)state;
  struct expstart__deadlines deadlines = {0};
  assert_int_equal(expstart__deadlines_next(&deadlines), UINT64_MAX);
  fill(&deadlines);
  assert_in_order(&deadlines, MANY);
  expstart__deadlines_clear(&deadlines);
}

static bool has_odd_ticket(const void *owner, const struct expstart__deadline *deadline) {
  return is_odd(owner, deadline->ticket);
}

static void those_that_are_asked_for_are_found_and_taken_from_any_place(void **state) {
  (void)state;
  struct expstart__deadlines deadlines = {0};
  const uint64_t until_us = 500000;
  uint32_t at, wanted = 0, taken = 0;
  fill(&deadlines);
  for (uint32_t i = 0; i < deadlines.count; i++)
    wanted += deadlines.heap[i].ticket % 2 == 1 && deadlines.heap[i].at_us <= until_us;
  while ((at = expstart__deadlines_find(&deadlines, until_us, has_odd_ticket, NULL)) !=
         EXPSTART__DEADLINE_NONE) {
    expstart_ticket ticket = expstart__deadlines_take(&deadlines, at);
    assert_true(ticket % 2 == 1 && ticket <= until_us);
    taken++;
  }
  assert_true(wanted > 0);
  assert_int_equal(taken, wanted);
  assert_in_order(&deadlines, MANY - taken);
  expstart__deadlines_clear(&deadlines);
}

static void what_has_ended_is_tidied_away_in_time(void **state) {
  (void)state;
  struct expstart__deadlines deadlines = {0};
  fill(&deadlines);
  uint32_t odd = 0, ended = 0;
  for (uint32_t i = 0; i < deadlines.count; i++)
    odd += deadlines.heap[i].ticket % 2 == 1;
  while (!expstart__deadlines_ended(&deadlines))
    assert_true(++ended < MANY);
  assert_in_range(ended, MANY / 2 - 1, MANY / 2);
  expstart__deadlines_tidy(&deadlines, is_odd, NULL);
  assert_int_equal(deadlines.count, odd);
  assert_in_order(&deadlines, odd);
  expstart__deadlines_clear(&deadlines);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_earliest_comes_first),
      cmocka_unit_test(those_that_are_asked_for_are_found_and_taken_from_any_place),
      cmocka_unit_test(what_has_ended_is_tidied_away_in_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

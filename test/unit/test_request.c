/* The request table against a simple model of it: tickets, lists, the heap, growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "request.h"

enum { MANY = 20000, FEW = 200 };

static uint32_t next_random(uint32_t *random) {
  *random = *random * 1664525u + 1013904223u;
  return *random >> 8;
}

static void a_ticket_finds_its_slot_until_it_is_released(void **state) {
  (void)state;
  struct expstart__table table;
  expstart__table_init(&table);
  uint32_t slot = expstart__table_take(&table);
  expstart_ticket ticket = expstart__table_ticket(&table, slot);
  assert_int_not_equal(ticket, 0);
  assert_int_equal(expstart__table_find(&table, ticket), slot);
  expstart__table_release(&table, slot);
  assert_int_equal(expstart__table_find(&table, ticket), EXPSTART__NIL);
  expstart__table_clear(&table);
}

static void a_stale_ticket_does_not_find_the_slots_next_user(void **state) {
  (void)state;
  struct expstart__table table;
  expstart_ticket tickets[1000];
  expstart__table_init(&table);
  for (int i = 0; i < 1000; i++) {
    uint32_t slot = expstart__table_take(&table);
    tickets[i] = expstart__table_ticket(&table, slot);
    for (int j = 0; j < i; j++)
      assert_int_equal(expstart__table_find(&table, tickets[j]), EXPSTART__NIL);
    assert_int_equal(expstart__table_find(&table, tickets[i]), slot);
    expstart__table_release(&table, slot);
  }
  expstart__table_clear(&table);
}

static void tickets_that_were_never_given_find_nothing(void **state) {
  (void)state;
  struct expstart__table table;
  expstart__table_init(&table);
  assert_int_equal(expstart__table_find(&table, 0), EXPSTART__NIL);
  assert_int_equal(expstart__table_find(&table, UINT64_C(1) << 32), EXPSTART__NIL);
  (void)expstart__table_take(&table);
  assert_int_equal(expstart__table_find(&table, 0), EXPSTART__NIL);
  assert_int_equal(expstart__table_find(&table, 1), EXPSTART__NIL);
  assert_int_equal(expstart__table_find(&table, UINT64_MAX), EXPSTART__NIL);
  assert_int_equal(expstart__table_find(&table, UINT64_C(1) << 32 | 4095), EXPSTART__NIL);
  assert_int_equal(expstart__table_find(&table, UINT64_C(1) << 32 | 4096), EXPSTART__NIL);
  expstart__table_clear(&table);
}

static void a_taken_slot_is_zeroed_and_in_no_list(void **state) {
  (void)state;
  struct expstart__table table;
  expstart__table_init(&table);
  for (int round = 0; round < 2; round++) {
    uint32_t slot = expstart__table_take(&table);
    struct expstart__request *request = expstart__table_at(&table, slot);
    assert_int_equal(request->stage, EXPSTART__FREE);
    assert_int_equal(request->attempts, 0);
    assert_null(request->words);
    assert_false(request->maybe || request->ever_maybe || request->refused || request->confirmed);
    assert_int_equal(request->prev, EXPSTART__NIL);
    assert_int_equal(request->next, EXPSTART__NIL);
    request->attempts = 9;
    request->maybe = true;
    expstart__table_release(&table, slot);
  }
  expstart__table_clear(&table);
}

static void slots_never_move_and_are_never_shared(void **state) {
  (void)state;
  static struct expstart__request *at[MANY];
  static uint32_t slots[MANY];
  struct expstart__table table;
  expstart__table_init(&table);
  for (uint32_t i = 0; i < MANY; i++) {
    slots[i] = expstart__table_take(&table);
    assert_int_not_equal(slots[i], EXPSTART__NIL);
    at[i] = expstart__table_at(&table, slots[i]);
    at[i]->experiment_id = (int64_t)i + 1;
  }
  assert_int_equal(table.used, MANY);
  for (uint32_t i = 0; i < MANY; i++) {
    assert_ptr_equal(expstart__table_at(&table, slots[i]), at[i]);
    assert_int_equal(at[i]->experiment_id, (int64_t)i + 1);
    expstart__table_release(&table, slots[i]);
  }
  assert_int_equal(table.used, 0);
  expstart__table_clear(&table);
}

static void freed_slots_are_used_before_new_ones(void **state) {
  (void)state;
  struct expstart__table table;
  expstart__table_init(&table);
  for (int i = 0; i < MANY; i++)
    expstart__table_release(&table, expstart__table_take(&table));
  assert_int_equal(table.chunk_count, 1);
  expstart__table_clear(&table);
}

static void a_cleared_table_can_be_used_again(void **state) {
  (void)state;
  struct expstart__table table;
  expstart__table_init(&table);
  (void)expstart__table_take(&table);
  expstart__table_clear(&table);
  assert_int_equal(table.used, 0);
  assert_int_not_equal(expstart__table_take(&table), EXPSTART__NIL);
  expstart__table_clear(&table);
}

/* ---- lists ------------------------------------------------------------------------------------ */

static void assert_list(const struct expstart__table *table, const struct expstart__list *list,
                        const uint32_t *wanted, uint32_t count) {
  uint32_t before = EXPSTART__NIL, slot = list->head;
  assert_int_equal(list->count, count);
  for (uint32_t i = 0; i < count; i++) {
    assert_int_equal(slot, wanted[i]);
    assert_int_equal(expstart__table_at(table, slot)->prev, before);
    before = slot;
    slot = expstart__table_at(table, slot)->next;
  }
  assert_int_equal(slot, EXPSTART__NIL);
  assert_int_equal(list->tail, before);
}

static void a_list_keeps_its_order_whatever_is_taken_out(void **state) {
  (void)state;
  struct expstart__table table;
  uint32_t slots[FEW], inside[FEW], count = 0, random = 3;
  bool listed[FEW] = {false};
  expstart__table_init(&table);
  for (int i = 0; i < FEW; i++)
    slots[i] = expstart__table_take(&table);
  for (int round = 0; round < 5000; round++) {
    uint32_t pick = next_random(&random) % FEW;
    if (!listed[pick]) {
      expstart__list_append(&table, &table.fresh, slots[pick]);
      inside[count++] = slots[pick];
    } else {
      expstart__list_remove(&table, &table.fresh, slots[pick]);
      uint32_t kept = 0;
      for (uint32_t i = 0; i < count; i++)
        if (inside[i] != slots[pick])
          inside[kept++] = inside[i];
      count = kept;
    }
    listed[pick] = !listed[pick];
    if (round % 7 == 0)
      assert_list(&table, &table.fresh, inside, count);
  }
  assert_list(&table, &table.fresh, inside, count);
  expstart__table_clear(&table);
}

static void the_lists_do_not_mix(void **state) {
  (void)state;
  struct expstart__table table;
  uint32_t slots[6];
  expstart__table_init(&table);
  struct expstart__list *lists[] = {&table.fresh, &table.tried, &table.done};
  for (int i = 0; i < 6; i++) {
    slots[i] = expstart__table_take(&table);
    expstart__list_append(&table, lists[i / 2], slots[i]);
  }
  for (int i = 0; i < 3; i++)
    assert_list(&table, lists[i], slots + (ptrdiff_t)2 * i, 2);
  expstart__list_remove(&table, &table.tried, slots[2]);
  assert_list(&table, &table.fresh, slots, 2);
  assert_list(&table, &table.tried, slots + 3, 1);
  assert_list(&table, &table.done, slots + 4, 2);
  expstart__table_clear(&table);
}

/* ---- the heap ---------------------------------------------------------------------------------- */

static void the_earliest_is_on_top_under_any_operations(void **state) {
  (void)state;
  struct expstart__table table;
  uint32_t slots[FEW], random = 11;
  uint64_t due_us[FEW] = {0}; /* 0: not in the heap */
  expstart__table_init(&table);
  for (int i = 0; i < FEW; i++)
    slots[i] = expstart__table_take(&table);
  for (int round = 0; round < 20000; round++) {
    uint32_t pick = next_random(&random) % FEW;
    if (due_us[pick]) {
      expstart__heap_remove(&table, slots[pick]);
      due_us[pick] = 0;
    } else {
      due_us[pick] = 1 + next_random(&random) % (round % 3 ? 1000000 : 5); /* with many ties */
      expstart__heap_add(&table, slots[pick], due_us[pick]);
    }
    uint32_t count = 0;
    uint64_t earliest_us = UINT64_MAX;
    for (int i = 0; i < FEW; i++) {
      count += due_us[i] > 0;
      if (due_us[i] && due_us[i] < earliest_us)
        earliest_us = due_us[i];
    }
    assert_int_equal(table.heap_count, count);
    if (count > 0)
      assert_int_equal(table.heap[0].at_us, earliest_us);
  }
  expstart__table_clear(&table);
}

static void each_knows_its_place_in_the_heap(void **state) {
  (void)state;
  struct expstart__table table;
  uint32_t slots[FEW], random = 4;
  expstart__table_init(&table);
  for (int i = 0; i < FEW; i++) {
    slots[i] = expstart__table_take(&table);
    expstart__heap_add(&table, slots[i], next_random(&random));
  }
  for (int i = 0; i < FEW; i++) {
    for (uint32_t at = 0; at < table.heap_count; at++)
      assert_int_equal(expstart__table_at(&table, table.heap[at].slot)->heap_at, at);
    expstart__heap_remove(&table, slots[i]);
    assert_int_equal(expstart__table_at(&table, slots[i])->heap_at, EXPSTART__NIL);
  }
  assert_int_equal(table.heap_count, 0);
  expstart__table_clear(&table);
}

static void what_is_taken_off_the_top_comes_in_order(void **state) {
  (void)state;
  struct expstart__table table;
  uint32_t random = 8;
  expstart__table_init(&table);
  for (int i = 0; i < MANY; i++) /* the room for each was kept when its slot was taken */
    expstart__heap_add(&table, expstart__table_take(&table), next_random(&random));
  assert_true(table.heap_capacity >= MANY);
  uint64_t before_us = 0;
  for (int i = 0; i < MANY; i++) {
    assert_true(table.heap[0].at_us >= before_us);
    before_us = table.heap[0].at_us;
    expstart__heap_remove(&table, table.heap[0].slot);
  }
  expstart__table_clear(&table);
}

static void there_is_room_in_the_heap_for_every_slot(void **state) {
  (void)state;
  struct expstart__table table;
  expstart__table_init(&table);
  for (uint32_t i = 1; i <= MANY; i++) {
    (void)expstart__table_take(&table);
    assert_true(table.heap_capacity >= i);
  }
  expstart__table_clear(&table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_ticket_finds_its_slot_until_it_is_released),
      cmocka_unit_test(a_stale_ticket_does_not_find_the_slots_next_user),
      cmocka_unit_test(tickets_that_were_never_given_find_nothing),
      cmocka_unit_test(a_taken_slot_is_zeroed_and_in_no_list),
      cmocka_unit_test(slots_never_move_and_are_never_shared),
      cmocka_unit_test(freed_slots_are_used_before_new_ones),
      cmocka_unit_test(a_cleared_table_can_be_used_again),
      cmocka_unit_test(a_list_keeps_its_order_whatever_is_taken_out),
      cmocka_unit_test(the_lists_do_not_mix),
      cmocka_unit_test(the_earliest_is_on_top_under_any_operations),
      cmocka_unit_test(each_knows_its_place_in_the_heap),
      cmocka_unit_test(what_is_taken_off_the_top_comes_in_order),
      cmocka_unit_test(there_is_room_in_the_heap_for_every_slot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

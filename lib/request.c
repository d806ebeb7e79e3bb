#include "request.h"

#include "grow.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096 };

/* Of a generation in a ticket: the highest bit is not ours (inbox.h). */
static const uint32_t GENERATIONS = 0x7FFFFFFF;

void expstart__table_init(struct expstart__table *table) {
  *table = (struct expstart__table){.free_head = EXPSTART__NIL};
  table->fresh = table->tried = table->done = (struct expstart__list){
      .head = EXPSTART__NIL, .tail = EXPSTART__NIL, .canceled = EXPSTART__NIL};
}

void expstart__table_clear(struct expstart__table *table) {
  for (uint32_t i = 0; i < table->chunk_count; i++)
    free(table->chunks[i]);
  free(table->chunks);
  free(table->heap);
  expstart__table_init(table);
}

struct expstart__request *expstart__table_at(const struct expstart__table *table, uint32_t slot) {
  return &table->chunks[slot / CHUNK][slot % CHUNK];
}

static bool grow_chunks(struct expstart__table *table) {
  if (table->chunk_count == EXPSTART__NIL / CHUNK)
    return false;
  void *grown = expstart__grow(table->chunks, table->chunk_count, &table->chunk_capacity, 16,
                               sizeof *table->chunks);
  if (!grown)
    return false;
  table->chunks = grown;
  struct expstart__request *chunk = calloc(CHUNK, sizeof *chunk);
  if (!chunk)
    return false;
  uint32_t first = table->chunk_count * CHUNK;
  table->chunks[table->chunk_count++] = chunk;
  for (uint32_t i = 0; i < CHUNK; i++)
    chunk[i].next = i + 1 < CHUNK ? first + i + 1 : EXPSTART__NIL;
  table->free_head = first;
  return true;
}

static bool reserve_heap(struct expstart__table *table, uint32_t count) {
  if (count <= table->heap_capacity)
    return true;
  uint32_t capacity = table->heap_capacity ? table->heap_capacity + table->heap_capacity / 2 : 64;
  if (capacity < count)
    capacity = count;
  void *grown = realloc(table->heap, capacity * sizeof *table->heap);
  if (!grown)
    return false;
  table->heap = grown;
  table->heap_capacity = capacity;
  return true;
}

uint32_t expstart__table_take(struct expstart__table *table) {
  if (!reserve_heap(table, table->used + 1))
    return EXPSTART__NIL;
  if (table->free_head == EXPSTART__NIL && !grow_chunks(table))
    return EXPSTART__NIL;
  uint32_t slot = table->free_head;
  struct expstart__request *request = expstart__table_at(table, slot);
  uint32_t generation = request->generation;
  table->free_head = request->next;
  *request = (struct expstart__request){.generation = generation + 1,
                                        .prev = EXPSTART__NIL,
                                        .next = EXPSTART__NIL,
                                        .heap_at = EXPSTART__NIL};
  table->used++;
  return slot;
}

void expstart__table_release(struct expstart__table *table, uint32_t slot) {
  struct expstart__request *request = expstart__table_at(table, slot);
  request->generation++;
  request->stage = EXPSTART__FREE;
  request->next = table->free_head;
  table->free_head = slot;
  table->used--;
}

expstart_ticket expstart__table_ticket(const struct expstart__table *table, uint32_t slot) {
  return (uint64_t)(expstart__table_at(table, slot)->generation & GENERATIONS) << 32 | slot;
}

uint32_t expstart__table_find(const struct expstart__table *table, expstart_ticket ticket) {
  uint32_t slot = (uint32_t)ticket, generation = (uint32_t)(ticket >> 32);
  if (slot / CHUNK >= table->chunk_count || generation % 2 == 0)
    return EXPSTART__NIL;
  uint32_t current = expstart__table_at(table, slot)->generation & GENERATIONS;
  return current == generation ? slot : EXPSTART__NIL;
}

void expstart__list_append(struct expstart__table *table, struct expstart__list *list,
                           uint32_t slot) {
  struct expstart__request *request = expstart__table_at(table, slot);
  request->prev = list->tail;
  request->next = EXPSTART__NIL;
  if (list->tail == EXPSTART__NIL)
    list->head = slot;
  else
    expstart__table_at(table, list->tail)->next = slot;
  list->tail = slot;
  list->count++;
}

void expstart__list_remove(struct expstart__table *table, struct expstart__list *list,
                           uint32_t slot) {
  struct expstart__request *request = expstart__table_at(table, slot);
  if (request->prev == EXPSTART__NIL)
    list->head = request->next;
  else
    expstart__table_at(table, request->prev)->next = request->next;
  if (request->next == EXPSTART__NIL)
    list->tail = request->prev;
  else
    expstart__table_at(table, request->next)->prev = request->prev;
  if (slot == list->canceled)
    list->canceled = request->prev;
  request->prev = request->next = EXPSTART__NIL;
  list->count--;
}

/* ---- the heap ---------------------------------------------------------------------------------
 */

static void put(struct expstart__table *table, uint32_t at, struct expstart__due due) {
  table->heap[at] = due;
  expstart__table_at(table, due.slot)->heap_at = at;
}

static void sift_up(struct expstart__table *table, uint32_t at) {
  struct expstart__due due = table->heap[at];
  while (at > 0 && table->heap[(at - 1) / 2].at_us > due.at_us) {
    put(table, at, table->heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(table, at, due);
}

static void sift_down(struct expstart__table *table, uint32_t at) {
  struct expstart__due due = table->heap[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= table->heap_count)
      break;
    if (child + 1 < table->heap_count && table->heap[child + 1].at_us < table->heap[child].at_us)
      child++;
    if (table->heap[child].at_us >= due.at_us)
      break;
    put(table, at, table->heap[child]);
    at = child;
  }
  put(table, at, due);
}

void expstart__heap_add(struct expstart__table *table, uint32_t slot, uint64_t at_us) {
  uint32_t at = table->heap_count++; /* room was reserved when the slot was taken */
  table->heap[at] = (struct expstart__due){.at_us = at_us, .slot = slot};
  sift_up(table, at);
}

void expstart__heap_remove(struct expstart__table *table, uint32_t slot) {
  uint32_t at = expstart__table_at(table, slot)->heap_at;
  struct expstart__due last = table->heap[--table->heap_count];
  expstart__table_at(table, slot)->heap_at = EXPSTART__NIL;
  if (at == table->heap_count)
    return;
  put(table, at, last);
  sift_up(table, at);
  sift_down(table, expstart__table_at(table, last.slot)->heap_at);
}

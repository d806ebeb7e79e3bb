#include "deadlines.h"

#include "grow.h"

#include <stdlib.h>

/* So few entries are not worth tidying. */
enum { FEW = 64 };

void expstart__deadlines_clear(struct expstart__deadlines *deadlines) {
  free(deadlines->heap);
  *deadlines = (struct expstart__deadlines){0};
}

static void sift_up(struct expstart__deadlines *deadlines, uint32_t at) {
  struct expstart__deadline *heap = deadlines->heap, entry = heap[at];
  for (; at > 0 && heap[(at - 1) / 2].at_us > entry.at_us; at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = entry;
}

static void sift_down(struct expstart__deadlines *deadlines, uint32_t at) {
  struct expstart__deadline *heap = deadlines->heap, entry = heap[at];
  for (uint32_t child; (child = 2 * at + 1) < deadlines->count; at = child) {
    if (child + 1 < deadlines->count && heap[child + 1].at_us < heap[child].at_us)
      child++;
    if (heap[child].at_us >= entry.at_us)
      break;
    heap[at] = heap[child];
  }
  heap[at] = entry;
}

bool expstart__deadlines_add(struct expstart__deadlines *deadlines, uint64_t at_us,
                             expstart_ticket ticket) {
  void *grown = expstart__grow(deadlines->heap, deadlines->count, &deadlines->capacity, FEW,
                               sizeof *deadlines->heap);
  if (!grown)
    return false;
  deadlines->heap = grown;
  deadlines->heap[deadlines->count] = (struct expstart__deadline){at_us, ticket};
  sift_up(deadlines, deadlines->count++);
  return true;
}

uint64_t expstart__deadlines_next(const struct expstart__deadlines *deadlines) {
  return deadlines->count > 0 ? deadlines->heap[0].at_us : UINT64_MAX;
}

typedef bool (*is_over_fn)(const void *owner, const struct expstart__deadline *deadline);

/* From the place `at` on, below which none is earlier. */
static uint32_t find_from(const struct expstart__deadlines *deadlines, uint32_t at,
                          uint64_t until_us, is_over_fn is_over, const void *owner) {
  if (at >= deadlines->count || deadlines->heap[at].at_us > until_us)
    return EXPSTART__DEADLINE_NONE;
  if (is_over(owner, &deadlines->heap[at]))
    return at;
  uint32_t found = find_from(deadlines, 2 * at + 1, until_us, is_over, owner);
  return found != EXPSTART__DEADLINE_NONE
             ? found
             : find_from(deadlines, 2 * at + 2, until_us, is_over, owner);
}

uint32_t expstart__deadlines_find(const struct expstart__deadlines *deadlines, uint64_t until_us,
                                  is_over_fn is_over, const void *owner) {
  return find_from(deadlines, 0, until_us, is_over, owner);
}

expstart_ticket expstart__deadlines_take(struct expstart__deadlines *deadlines, uint32_t at) {
  expstart_ticket ticket = deadlines->heap[at].ticket;
  deadlines->heap[at] = deadlines->heap[--deadlines->count];
  if (at < deadlines->count) {
    sift_up(deadlines, at);
    sift_down(deadlines, at);
  }
  return ticket;
}

bool expstart__deadlines_ended(struct expstart__deadlines *deadlines) {
  deadlines->ended++;
  return deadlines->count > FEW && deadlines->ended > deadlines->count / 2;
}

void expstart__deadlines_tidy(struct expstart__deadlines *deadlines,
                              bool (*is_live)(const void *owner, expstart_ticket ticket),
                              const void *owner) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < deadlines->count; i++)
    if (is_live(owner, deadlines->heap[i].ticket))
      deadlines->heap[kept++] = deadlines->heap[i];
  deadlines->count = kept;
  deadlines->ended = 0;
  for (uint32_t i = kept / 2; i-- > 0;)
    sift_down(deadlines, i);
}

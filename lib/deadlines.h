/* When requests with a timeout of their own run out of time: a heap of tickets, the earliest first. Of a
   request that ends before, its entry stays until then, or until half of the entries are of that kind. Used
   by the engine; knows tickets only. */
#ifndef EXPSTART_LIB_DEADLINES_H
#define EXPSTART_LIB_DEADLINES_H

#include "expstart.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPSTART__DEADLINE_NONE UINT32_MAX

struct expstart__deadline {
  uint64_t at_us;
  expstart_ticket ticket;
};

struct expstart__deadlines {
  struct expstart__deadline *heap;
  uint32_t count, capacity;
  uint32_t ended; /* so many entries are of requests that have ended */
};

void expstart__deadlines_clear(struct expstart__deadlines *deadlines);

/* False: out of memory. */
bool expstart__deadlines_add(struct expstart__deadlines *deadlines, uint64_t at_us,
                             expstart_ticket ticket);
/* UINT64_MAX: there is none. */
uint64_t expstart__deadlines_next(const struct expstart__deadlines *deadlines);
/* The place of one that comes by `until_us` and of which `is_over` says yes; EXPSTART__DEADLINE_NONE: there is
   none. Costs the more the more there are by then of which it says no. */
uint32_t expstart__deadlines_find(const struct expstart__deadlines *deadlines, uint64_t until_us,
                                  bool (*is_over)(const void *owner,
                                                  const struct expstart__deadline *deadline),
                                  const void *owner);
/* There is one in this place, the earliest in 0: takes it out. */
expstart_ticket expstart__deadlines_take(struct expstart__deadlines *deadlines, uint32_t at);

/* A request with an entry has ended. True: it is time for expstart__deadlines_tidy. */
bool expstart__deadlines_ended(struct expstart__deadlines *deadlines);
/* Leaves out those of which is_live says no. */
void expstart__deadlines_tidy(struct expstart__deadlines *deadlines,
                              bool (*is_live)(const void *owner, expstart_ticket ticket),
                              const void *owner);

#endif

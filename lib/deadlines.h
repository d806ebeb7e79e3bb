/* When requests with a timeout of their own run out of time: a heap of tickets, the earliest first. Of a
   request that ends before, its entry stays until then, or until half of the entries are of that kind. Used
   by the engine; knows tickets only. */
#ifndef EXPSTART_LIB_DEADLINES_H
#define EXPSTART_LIB_DEADLINES_H

#include "expstart.h"

#include <stdbool.h>
#include <stdint.h>

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
/* There is one: takes the earliest out. */
expstart_ticket expstart__deadlines_take(struct expstart__deadlines *deadlines);

/* A request with an entry has ended. True: it is time for expstart__deadlines_tidy. */
bool expstart__deadlines_ended(struct expstart__deadlines *deadlines);
/* Leaves out those of which is_live says no. */
void expstart__deadlines_tidy(struct expstart__deadlines *deadlines,
                              bool (*is_live)(const void *owner, expstart_ticket ticket),
                              const void *owner);

#endif

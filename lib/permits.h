/* Permits that the caller has granted: how many there are, which lapse when, and what the caller is to be
   told. Pure: times are arguments, in microseconds of one monotonic clock. Used by the engine. */
#ifndef EXPSTART_LIB_PERMITS_H
#define EXPSTART_LIB_PERMITS_H

#include <stdbool.h>
#include <stdint.h>

/* Grants that lapse at different times and are kept apart. Of more, two become one that lapses as the
   earlier one: then some lapse too early, and none too late. */
enum { EXPSTART__GRANTS_MAX = 32 };

struct expstart__grant {
  uint64_t until_us; /* UINT64_MAX: it does not lapse */
  uint64_t count;
};

struct expstart__permits {
  struct expstart__grant grants[EXPSTART__GRANTS_MAX]; /* that which lapses first comes first */
  uint32_t grant_count;
  uint32_t told; /* as wanted */
  uint64_t told_us;
};

void expstart__permits_grant(struct expstart__permits *permits, uint64_t now_us, uint32_t n,
                             uint64_t until_us);
/* Takes away those that have lapsed, and tells how many are left. */
uint64_t expstart__permits_left(struct expstart__permits *permits, uint64_t now_us);
/* The same of those that are valid now, without taking any away. */
uint64_t expstart__permits_count(const struct expstart__permits *permits, uint64_t now_us);
/* When the next ones lapse; UINT64_MAX: none will. */
uint64_t expstart__permits_next_lapse(const struct expstart__permits *permits);
/* There is one: it is spent, of those that lapse first. */
void expstart__permits_spend(struct expstart__permits *permits, uint64_t now_us);

/* True: that so many more are wanted is to be told now. Else it may have to be told at *at_us, if nothing
   changes until then. */
bool expstart__permits_want(struct expstart__permits *permits, uint64_t now_us, uint32_t wanted,
                            uint64_t *at_us);

#endif

#include "permits.h"

#include <string.h>

/* What changes is told at most that often. */
static const uint64_t TELL_GAP_US = 10000;

static void drop_first(struct expstart__permits *permits) {
  permits->grant_count--;
  memmove(permits->grants, permits->grants + 1, permits->grant_count * sizeof *permits->grants);
}

static void drop_lapsed(struct expstart__permits *permits, uint64_t now_us) {
  while (permits->grant_count > 0 && permits->grants[0].until_us <= now_us)
    drop_first(permits);
}

void expstart__permits_grant(struct expstart__permits *permits, uint64_t now_us, uint32_t n,
                             uint64_t until_us) {
  drop_lapsed(permits, now_us);
  if (n == 0 || until_us <= now_us)
    return;
  permits->told =
      permits->told > n ? permits->told - n : 0; /* what the caller knows is wanted still */
  uint32_t at = permits->grant_count;
  while (at > 0 && permits->grants[at - 1].until_us > until_us)
    at--;
  if (at > 0 && permits->grants[at - 1].until_us == until_us) {
    permits->grants[at - 1].count += n;
    return;
  }
  if (permits->grant_count == EXPSTART__GRANTS_MAX && at > 0) {
    permits->grants[at - 1].count += n; /* lapses as the one before it */
    return;
  }
  if (permits->grant_count == EXPSTART__GRANTS_MAX) { /* as the new one, the first of all */
    permits->grants[0].until_us = until_us;
    permits->grants[0].count += n;
    return;
  }
  memmove(permits->grants + at + 1, permits->grants + at,
          (permits->grant_count - at) * sizeof *permits->grants);
  permits->grants[at] = (struct expstart__grant){.until_us = until_us, .count = n};
  permits->grant_count++;
}

uint64_t expstart__permits_count(const struct expstart__permits *permits, uint64_t now_us) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < permits->grant_count; i++)
    if (permits->grants[i].until_us > now_us)
      count += permits->grants[i].count;
  return count;
}

uint64_t expstart__permits_left(struct expstart__permits *permits, uint64_t now_us) {
  drop_lapsed(permits, now_us);
  return expstart__permits_count(permits, now_us);
}

uint64_t expstart__permits_next_lapse(const struct expstart__permits *permits) {
  return permits->grant_count > 0 ? permits->grants[0].until_us : UINT64_MAX;
}

void expstart__permits_spend(struct expstart__permits *permits, uint64_t now_us) {
  drop_lapsed(permits, now_us);
  if (--permits->grants[0].count == 0)
    drop_first(permits);
}

bool expstart__permits_want(struct expstart__permits *permits, uint64_t now_us, uint32_t wanted,
                            uint64_t *at_us) {
  *at_us = UINT64_MAX;
  if (wanted == permits->told)
    return false;
  bool quiet = now_us - permits->told_us >= TELL_GAP_US;
  if (permits->told > 0 && !quiet) {
    *at_us = permits->told_us + TELL_GAP_US;
    return false;
  }
  permits->told = wanted;
  permits->told_us = now_us;
  return true;
}

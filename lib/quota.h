/* What the RateLimit fields of replies claim: so many requests left until then. It is held to as long as
   it proves true: a count that does not go down although attempts were accepted, or attempts that are
   accepted after the last one was used up, show that the fields mean something else (a bucket that
   refills, another client's view, nothing). Pure; used by the pacer. */
#ifndef EXPSTART_LIB_QUOTA_H
#define EXPSTART_LIB_QUOTA_H

#include "hints.h"

#include <stdbool.h>
#include <stdint.h>

enum expstart__trust {
  EXPSTART__UNTESTED,
  EXPSTART__PROVEN, /* none was left, and then one was throttled */
  EXPSTART__DISPROVEN,
};

struct expstart__quota {
  enum expstart__trust trust;
  bool claimed;
  uint64_t remaining;
  uint64_t claimed_us; /* when it was heard */
  uint64_t until_us;
};

/* A reply to an attempt that was sent at `sent_us` and was accepted, or throttled. */
void expstart__quota_accepted(struct expstart__quota *quota, uint64_t now_us, uint64_t sent_us,
                              const struct expstart__hints *hints);
void expstart__quota_throttled(struct expstart__quota *quota, uint64_t now_us, uint64_t sent_us);

/* How many attempts may be under way as far as the claim goes; at least 1. */
uint32_t expstart__quota_window(const struct expstart__quota *quota, uint64_t now_us);
/* Whether the claim has proven true and tells how many may go: no pace is needed then. */
bool expstart__quota_leads(const struct expstart__quota *quota, uint64_t now_us);
/* When to go on, if none is left and the claim has proven true; else 0. */
uint64_t expstart__quota_shut_until(const struct expstart__quota *quota, uint64_t now_us);

#endif

/* What a throttling reply's fields say about when to come back. Pure: text and times in, a delay
   out. The carrier reads the fields off the reply; retry decides what a delay means. */
#ifndef EXPSTART_LIB_HINTS_H
#define EXPSTART_LIB_HINTS_H

#include <stdint.h>

#define EXPSTART__NO_HINT (-1)

/* What one reply hints at. Each EXPSTART__NO_HINT if its fields said nothing that makes sense. */
struct expstart__hints {
  int64_t retry_after_ms; /* Retry-After: when to come back */
  int64_t remaining;      /* requests that are left in the current window */
  int64_t reset_ms;       /* until the window is renewed */
  int64_t limit;          /* requests that are allowed in a window */
};

#define EXPSTART__NO_HINTS                                                                         \
  { EXPSTART__NO_HINT, EXPSTART__NO_HINT, EXPSTART__NO_HINT, EXPSTART__NO_HINT }

/* Milliseconds that one Retry-After field asks to wait (RFC 9110 10.2.3): delay-seconds, or an
   HTTP-date measured from the reply's own `date` field, so that a server whose clock is off is
   understood, else from `wall_s` (epoch seconds). A date that is past gives 0. A list of numbers
   ("81, 120"), which proxies make of duplicates, gives the largest. `date` may be NULL. Anything
   else: EXPSTART__NO_HINT. */
int64_t expstart__hints_retry_after_ms(const char *value, const char *date, int64_t wall_s);

#endif

/* What a throttling reply's fields say about when to come back. Pure: text and times in, a delay
   out. The carrier reads the fields off the reply; retry decides what a delay means. */
#ifndef EXPSTART_LIB_HINTS_H
#define EXPSTART_LIB_HINTS_H

#include <stdint.h>

#define EXPSTART__NO_HINT (-1)

/* Milliseconds that one Retry-After field asks to wait (RFC 9110 10.2.3): delay-seconds, or an
   HTTP-date measured from the reply's own `date` field, so that a server whose clock is off is
   understood, else from `wall_s` (epoch seconds). A date that is past gives 0. A list of numbers
   ("81, 120"), which proxies make of duplicates, gives the largest. `date` may be NULL. Anything
   else: EXPSTART__NO_HINT. */
int64_t expstart__hints_retry_after_ms(const char *value, const char *date, int64_t wall_s);

#endif

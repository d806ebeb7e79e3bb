/* The header fields that tell a client about the limit. Called by the API part for every reply.
 * Pure: it is told the time, and only words the limiter's numbers. */
#ifndef SANDBOX_HINTS_H
#define SANDBOX_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limiter.h"

enum hints_kind {
  HINTS_NONE,
  HINTS_RETRY_AFTER,      /* RFC 9110: seconds, with a 429 */
  HINTS_RETRY_AFTER_DATE, /* RFC 9110: a date, with a 429 */
  HINTS_RATELIMIT,        /* draft-ietf-httpapi-ratelimit-headers-10, with every reply */
  HINTS_X_RATELIMIT       /* X-RateLimit-Limit, -Remaining and -Reset, with every reply */
};

/* What X-RateLimit-Reset counts in; APIs differ. */
enum hints_reset_unit { HINTS_RESET_SECONDS, HINTS_RESET_EPOCH, HINTS_RESET_EPOCH_MS };

#define HINTS_WAIT_COMPUTED (-1)

struct hints {
  enum hints_kind kind;
  enum hints_reset_unit reset_unit;
  int64_t fixed_wait_s; /* what a 429 tells instead of the true wait, or HINTS_WAIT_COMPUTED */
};

struct hint_field {
  const char *name;
  char value[64];
};

#define HINT_FIELDS_MAX 3

/* Writes the fields and returns how many there are. */
size_t hints_fields(const struct hints *hints, const struct limiter *limiter, bool throttled,
                    int64_t now_ms, struct hint_field fields[HINT_FIELDS_MAX]);

#endif

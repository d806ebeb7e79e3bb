/* The header fields of a reply that hint at a rate limit, collected as they arrive and read when all are
   there. Pure: lines in, numbers out, no allocation. Fed by the carrier; what the numbers mean for the
   pace is the pacer's business.

   Retry-After and Date (RFC 9110 10.2.3, 6.6.1); RateLimit and RateLimit-Policy
   (draft-ietf-httpapi-ratelimit-headers-10, and -07, which had "limit=, remaining=, reset=" in it);
   RateLimit-Limit, -Remaining and -Reset (drafts up to -06); X-RateLimit-*, X-Rate-Limit-* (habit). The first
   of these dialects that a reply speaks counts. A field that is malformed is ignored as a whole. Of
   several values the most cautious counts: the least left, the longest wait. */
#ifndef EXPSTART_LIB_HINT_FIELDS_H
#define EXPSTART_LIB_HINT_FIELDS_H

#include "hints.h"

#include <stddef.h>
#include <stdint.h>

enum { EXPSTART__HINTS_MAX = 4, EXPSTART__FIELD_MAX = 128, EXPSTART__DIALECTS = 3 };

/* In one dialect; EXPSTART__NO_HINT where it said nothing. */
struct expstart__claim {
  int64_t limit, remaining;
  int64_t reset; /* as it was sent: seconds, or a date in seconds or milliseconds since 1970 */
};

struct expstart__hint_fields {
  unsigned retry_after_count;
  char retry_after[EXPSTART__HINTS_MAX][EXPSTART__FIELD_MAX];
  char date[EXPSTART__FIELD_MAX];
  struct expstart__claim claims[EXPSTART__DIALECTS];
  int64_t policy_window_s, policy_limit; /* of RateLimit-Policy: the longest, and the least */
};

void expstart__hint_fields_reset(struct expstart__hint_fields *fields);
/* One header line, its end included or not; most are none of these and cost a comparison. */
void expstart__hint_fields_line(struct expstart__hint_fields *fields, const char *line,
                                size_t size);
/* wall_s: epoch seconds, for replies without a Date. */
struct expstart__hints expstart__hint_fields_read(const struct expstart__hint_fields *fields,
                                                  int64_t wall_s);

#endif

/* Words the limiter's numbers in the fields of RFC 9110, of the IETF draft, or of habit. Called by
 * api.c; must not know how replies are sent. */
#include "hints.h"

#include <stdio.h>
#include <time.h>

/* Whole seconds, rounded up: a client that waits that long finds what it was told. At least 1,
 * since 0 would invite a client to hammer. */
static int64_t whole_seconds(uint64_t time_us) {
  int64_t seconds = (int64_t)((time_us + 999999) / 1000000);
  return seconds < 1 ? 1 : seconds;
}

static int64_t told_wait_s(const struct hints *hints, bool throttled, uint64_t true_wait_us) {
  bool fixed = throttled && hints->fixed_wait_s != HINTS_WAIT_COMPUTED;
  return fixed ? hints->fixed_wait_s : whole_seconds(true_wait_us);
}

static size_t retry_after(int64_t wait_s, struct hint_field *field) {
  field->name = "Retry-After";
  snprintf(field->value, sizeof field->value, "%lld", (long long)wait_s);
  return 1;
}

static size_t retry_after_date(int64_t wait_s, int64_t now_ms, struct hint_field *field) {
  field->name = "Retry-After";
  /* Rounded up: a date in the current second would already have passed. */
  time_t date = (time_t)((now_ms + 999) / 1000 + wait_s);
  struct tm utc;
  if (gmtime_r(&date, &utc) == NULL ||
      strftime(field->value, sizeof field->value, "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0) {
    return 0;
  }
  return 1;
}

static size_t ratelimit(const struct limiter *limiter, int64_t wait_s, struct hint_field *fields) {
  /* The bucket's nearest thing to a window is the time in which it fills up from nothing. */
  uint64_t window_us = (uint64_t)(limiter->burst / limiter->rate_per_s * 1e6);
  fields[0].name = "RateLimit-Policy";
  snprintf(fields[0].value, sizeof fields[0].value, "\"default\";q=%llu;w=%lld",
           (unsigned long long)limiter->burst, (long long)whole_seconds(window_us));
  fields[1].name = "RateLimit";
  snprintf(fields[1].value, sizeof fields[1].value, "\"default\";r=%llu;t=%lld",
           (unsigned long long)limiter_remaining(limiter), (long long)wait_s);
  return 2;
}

static size_t x_ratelimit(const struct hints *hints, const struct limiter *limiter, int64_t wait_s,
                          int64_t now_ms, struct hint_field *fields) {
  int64_t reset = wait_s;
  if (hints->reset_unit == HINTS_RESET_EPOCH) {
    reset = (now_ms + 999) / 1000 + wait_s;
  } else if (hints->reset_unit == HINTS_RESET_EPOCH_MS) {
    reset = now_ms + wait_s * 1000;
  }
  fields[0].name = "X-RateLimit-Limit";
  snprintf(fields[0].value, sizeof fields[0].value, "%llu", (unsigned long long)limiter->burst);
  fields[1].name = "X-RateLimit-Remaining";
  snprintf(fields[1].value, sizeof fields[1].value, "%llu",
           (unsigned long long)limiter_remaining(limiter));
  fields[2].name = "X-RateLimit-Reset";
  snprintf(fields[2].value, sizeof fields[2].value, "%lld", (long long)reset);
  return 3;
}

size_t hints_fields(const struct hints *hints, const struct limiter *limiter, bool throttled,
                    int64_t now_ms, struct hint_field fields[HINT_FIELDS_MAX]) {
  if (limiter->rate_per_s <= 0) {
    return 0;
  }
  /* Retry-After is about the next request, the other fields about the whole allowance. */
  switch (hints->kind) {
  case HINTS_RETRY_AFTER:
    return throttled ? retry_after(told_wait_s(hints, true, limiter_next_us(limiter)), fields) : 0;
  case HINTS_RETRY_AFTER_DATE:
    return throttled ? retry_after_date(told_wait_s(hints, true, limiter_next_us(limiter)), now_ms,
                                        fields)
                     : 0;
  case HINTS_RATELIMIT:
    return ratelimit(limiter, told_wait_s(hints, throttled, limiter_full_us(limiter)), fields);
  case HINTS_X_RATELIMIT:
    return x_ratelimit(hints, limiter, told_wait_s(hints, throttled, limiter_full_us(limiter)),
                       now_ms, fields);
  default:
    return 0;
  }
}

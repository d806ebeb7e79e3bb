#include "bucket.h"

/* A generic cell rate algorithm. It lets `burst` attempts go at once and then one an interval.

   Without a burst of the caller's, some tolerance is still needed: timers tick in milliseconds and loops
   are late, and with strict spacing each lateness would be lost. An attempt may then go up to SLACK_NS
   before its time, and the interval is longer by as much a second, so that no window of one second
   holds more than the rate: the n-th after the first goes (n - 1) * interval - SLACK_NS later at the
   soonest, which is a second or more for n > rate. */
static const uint64_t SLACK_NS = 8000000;

/* Whole nanoseconds, rounded up: sums stay exact however long the clock has run. */
static uint64_t to_ns(double ns) {
  const double most = 1e18; /* 31 years */
  uint64_t whole = (uint64_t)(ns < most ? ns : most);
  return (double)whole < ns && ns < most ? whole + 1 : whole;
}

void expstart__bucket_set_rate(struct expstart__bucket *bucket, uint64_t now_us, double per_second,
                               uint32_t burst) {
  if (per_second <= 0) {
    *bucket = (struct expstart__bucket){0};
    return;
  }
  /* How many attempts it is ahead stays; how long one lasts changes. */
  uint64_t now_ns = now_us * 1000;
  double ahead = bucket->next_ns > now_ns && bucket->interval_ns > 0
                     ? (double)(bucket->next_ns - now_ns) / (double)bucket->interval_ns
                     : 0;
  double second_ns = burst ? 1e9 : 1e9 + (double)SLACK_NS;
  bucket->interval_ns = to_ns(second_ns / per_second);
  bucket->tolerance_ns = burst ? to_ns((burst - 1) * (double)bucket->interval_ns) : SLACK_NS;
  uint64_t ahead_ns = to_ns(ahead * (double)bucket->interval_ns);
  uint64_t most_ns = bucket->interval_ns + bucket->tolerance_ns;
  bucket->next_ns = now_ns + (ahead_ns < most_ns ? ahead_ns : most_ns);
}

uint64_t expstart__bucket_ready_at(const struct expstart__bucket *bucket) {
  if (bucket->next_ns <= bucket->tolerance_ns)
    return 0;
  return (bucket->next_ns - bucket->tolerance_ns + 999) / 1000;
}

void expstart__bucket_spend(struct expstart__bucket *bucket, uint64_t now_us) {
  uint64_t now_ns = now_us * 1000;
  bucket->next_ns = (bucket->next_ns > now_ns ? bucket->next_ns : now_ns) + bucket->interval_ns;
}

void expstart__bucket_empty(struct expstart__bucket *bucket, uint64_t now_us) {
  if (bucket->interval_ns > 0)
    bucket->next_ns = now_us * 1000 + bucket->tolerance_ns + bucket->interval_ns;
}

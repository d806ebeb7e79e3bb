#include "pacer.h"

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

void expstart__pacer_set_rate(struct expstart__pacer *pacer, uint64_t now_us, double per_second,
                              uint32_t burst) {
  if (per_second <= 0) {
    *pacer = (struct expstart__pacer){0};
    return;
  }
  /* How many attempts it is ahead stays; how long one lasts changes. */
  uint64_t now_ns = now_us * 1000;
  double ahead = pacer->next_ns > now_ns && pacer->interval_ns > 0
                     ? (double)(pacer->next_ns - now_ns) / (double)pacer->interval_ns
                     : 0;
  double second_ns = burst ? 1e9 : 1e9 + (double)SLACK_NS;
  pacer->interval_ns = to_ns(second_ns / per_second);
  pacer->tolerance_ns = burst ? to_ns((burst - 1) * (double)pacer->interval_ns) : SLACK_NS;
  uint64_t ahead_ns = to_ns(ahead * (double)pacer->interval_ns);
  uint64_t most_ns = pacer->interval_ns + pacer->tolerance_ns;
  pacer->next_ns = now_ns + (ahead_ns < most_ns ? ahead_ns : most_ns);
}

uint64_t expstart__pacer_ready_at(const struct expstart__pacer *pacer) {
  if (pacer->next_ns <= pacer->tolerance_ns)
    return 0;
  return (pacer->next_ns - pacer->tolerance_ns + 999) / 1000;
}

void expstart__pacer_spend(struct expstart__pacer *pacer, uint64_t now_us) {
  uint64_t now_ns = now_us * 1000;
  pacer->next_ns = (pacer->next_ns > now_ns ? pacer->next_ns : now_ns) + pacer->interval_ns;
}

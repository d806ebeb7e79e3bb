#include "pacer.h"

/* A generic cell rate algorithm. It lets `burst` attempts go at once and then one an interval.

   Without a burst of the caller's, some tolerance is still needed: timers tick in milliseconds and loops
   are late, and with strict spacing each lateness would be lost. An attempt may then go up to SLACK_US
   before its time, and the interval is longer by as much a second, so that no window of one second
   holds more than the rate: the n-th after the first goes (n - 1) * interval - SLACK_US later at the
   soonest, which is a second or more for n > rate. */
static const double SLACK_US = 8000;

void expstart__pacer_set_rate(struct expstart__pacer *pacer, uint64_t now_us, double per_second,
                              uint32_t burst) {
  if (per_second <= 0) {
    *pacer = (struct expstart__pacer){0};
    return;
  }
  /* How many attempts it is ahead stays; how long one lasts changes. */
  double ahead = pacer->next_us > (double)now_us && pacer->interval_us > 0
                     ? (pacer->next_us - (double)now_us) / pacer->interval_us
                     : 0;
  pacer->interval_us = (burst ? 1e6 : 1e6 + SLACK_US) / per_second;
  pacer->tolerance_us = burst ? (burst - 1) * pacer->interval_us : SLACK_US;
  double ahead_us = ahead * pacer->interval_us;
  double most_us = pacer->interval_us + pacer->tolerance_us;
  pacer->next_us = (double)now_us + (ahead_us < most_us ? ahead_us : most_us);
}

uint64_t expstart__pacer_ready_at(const struct expstart__pacer *pacer) {
  double ready_us = pacer->next_us - pacer->tolerance_us;
  uint64_t whole_us = ready_us > 0 ? (uint64_t)ready_us : 0;
  return (double)whole_us < ready_us ? whole_us + 1 : whole_us;
}

void expstart__pacer_spend(struct expstart__pacer *pacer, uint64_t now_us) {
  double from_us = pacer->next_us > (double)now_us ? pacer->next_us : (double)now_us;
  pacer->next_us = from_us + pacer->interval_us;
}

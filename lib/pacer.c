#include "pacer.h"

/* A generic cell rate algorithm. It lets `burst` attempts go at once and then one an interval.

   Without a burst of the caller's, a small one is still needed: timers tick in milliseconds, and
   above some hundred a second a strict spacing would lose what each tick comes late. Four
   milliseconds' worth may go at once, and the rate is lowered by as much, so that no window of one
   second holds more than the rate: burst + (rate - burst + 1) - 1. */
static const double SLACK_S = 0.004;

void expstart__pacer_set_rate(struct expstart__pacer *pacer, uint64_t now_us, double per_second,
                              uint32_t burst) {
  if (per_second <= 0) {
    *pacer = (struct expstart__pacer){0};
    return;
  }
  double at_once = burst;
  double rate = per_second;
  if (burst == 0) {
    at_once = (double)(uint64_t)(per_second * SLACK_S);
    if (at_once < 1)
      at_once = 1;
    rate -= at_once - 1;
  }
  /* How many attempts it is ahead stays; how long one lasts changes. */
  double ahead = pacer->next_us > (double)now_us && pacer->interval_us > 0
                     ? (pacer->next_us - (double)now_us) / pacer->interval_us
                     : 0;
  pacer->interval_us = 1e6 / rate;
  pacer->tolerance_us = (at_once - 1) * pacer->interval_us;
  pacer->next_us = (double)now_us + (ahead < at_once ? ahead : at_once) * pacer->interval_us;
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

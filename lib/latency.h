/* How long attempts take: a histogram with eight steps an octave, and its quantiles. Pure; kept by the
   engine for the stats. */
#ifndef EXPSTART_LIB_LATENCY_H
#define EXPSTART_LIB_LATENCY_H

#include <stdint.h>

enum { EXPSTART__LATENCY_BINS = 256 };

struct expstart__latency {
  uint32_t bins[EXPSTART__LATENCY_BINS];
  uint64_t count;
  uint64_t max_us;
};

void expstart__latency_add(struct expstart__latency *latency, uint64_t time_us);
/* The time that `share` (0 to 1) of all do not exceed, rounded up to the end of its bin; 0: none. */
uint64_t expstart__latency_quantile(const struct expstart__latency *latency, double share);

#endif

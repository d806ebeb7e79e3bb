#include "latency.h"

enum { STEPS = 8, STEP_BITS = 3 }; /* bins an octave */

/* Below 8 us a bin each; then the leading bit and the three after it. Everything from 71 minutes on
   falls into the last bin. */
static uint32_t bin_of(uint64_t time_us) {
  uint32_t octave = 0;
  while (time_us >> octave >= 2 * STEPS)
    octave++;
  uint64_t bin = (uint64_t)octave * STEPS + (time_us >> octave);
  return bin < EXPSTART__LATENCY_BINS ? (uint32_t)bin : EXPSTART__LATENCY_BINS - 1;
}

static uint64_t end_of(uint32_t bin) {
  if (bin < 2 * STEPS)
    return bin;
  uint32_t octave = (bin >> STEP_BITS) - 1;
  return ((uint64_t)(bin - octave * STEPS + 1) << octave) - 1;
}

void expstart__latency_add(struct expstart__latency *latency, uint64_t time_us) {
  latency->bins[bin_of(time_us)]++;
  latency->count++;
  if (time_us > latency->max_us)
    latency->max_us = time_us;
}

uint64_t expstart__latency_quantile(const struct expstart__latency *latency, double share) {
  /* A variable, so that it is rounded: 0.99 * 100 is then 99 where there is more precision too. */
  double place = share * (double)latency->count;
  uint64_t wanted = (uint64_t)place, seen = 0;
  if (latency->count == 0)
    return 0;
  for (uint32_t bin = 0; bin < EXPSTART__LATENCY_BINS; bin++) {
    seen += latency->bins[bin];
    if (seen > wanted || seen == latency->count)
      return end_of(bin) < latency->max_us ? end_of(bin) : latency->max_us;
  }
  return latency->max_us;
}

#include "outage.h"

/* Short outages are over soon after their end; ten minutes of one cost fewer than 100 attempts.
   To notice the end within 5 s would take a gap of less, and more than 120 probes in ten minutes. */
static const uint64_t FIRST_GAP_US = 250000, LONGEST_GAP_US = 8000000;

bool expstart__outage_failed(struct expstart__outage *outage, expstart_ticket ticket) {
  for (uint32_t i = 0; i < outage->failures; i++) {
    if (outage->failed[i] == ticket)
      return outage->failures == EXPSTART__OUTAGE_FAILURES;
  }
  if (outage->failures < EXPSTART__OUTAGE_FAILURES)
    outage->failed[outage->failures++] = ticket;
  return outage->failures == EXPSTART__OUTAGE_FAILURES;
}

void expstart__outage_answered(struct expstart__outage *outage) {
  outage->failures = 0;
}

uint64_t expstart__outage_gap_us(uint32_t probes) {
  uint64_t gap_us = FIRST_GAP_US;
  for (uint32_t i = 1; i < probes && gap_us < LONGEST_GAP_US; i++)
    gap_us *= 2;
  return gap_us < LONGEST_GAP_US ? gap_us : LONGEST_GAP_US;
}

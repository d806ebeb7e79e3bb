/* Whether the API as a whole is out of reach: attempts of different requests fail in a row, and nothing
   is answered between them. One request that always fails is no outage. Pure; used by the pacer. */
#ifndef EXPSTART_LIB_OUTAGE_H
#define EXPSTART_LIB_OUTAGE_H

#include "expstart.h"

#include <stdbool.h>
#include <stdint.h>

enum { EXPSTART__OUTAGE_FAILURES = 5 };

struct expstart__outage {
  expstart_ticket failed[EXPSTART__OUTAGE_FAILURES]; /* different ones, since the last answer */
  uint32_t failures;
};

/* True: that makes it an outage. */
bool expstart__outage_failed(struct expstart__outage *outage, expstart_ticket ticket);
void expstart__outage_answered(struct expstart__outage *outage);

/* How long after the n-th probe (from 1) the next one goes. */
uint64_t expstart__outage_gap_us(uint32_t probes);

#endif

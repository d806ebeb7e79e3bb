/* What the sandbox counts of the requests it gets, and GET /sandbox/stats. Called by the API part.
 * All are counters since the start. */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <stdint.h>

#include "experiments.h"
#include "faults.h"
#include "reply.h"

struct stats {
  uint64_t requests;         /* every request for a path outside /sandbox */
  uint64_t start_requests;   /* those that were starts, with a right key or not */
  uint64_t starts_processed; /* starts that made an experiment running */
  uint64_t starts_doubled;   /* starts let in for an experiment that was running by then */
  uint64_t lookups;
  uint64_t throttled;
  uint64_t unauthorized;
  uint64_t not_found;
  uint64_t faults[FAULT_KINDS];
};

/* 0, or -1 if out of memory. */
int stats_reply(const struct stats *stats, const struct experiments_summary *summary,
                struct reply_body *body);

#endif

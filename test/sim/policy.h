/* What generic clients do when they are throttled, to compare the engine with: on the same servers, with
   the same latency and the same seeds. */
#ifndef EXPSTART_SIM_POLICY_H
#define EXPSTART_SIM_POLICY_H

#include "scenario.h"

enum sim_policy {
  SIM_BACKOFF, /* each of 32 workers backs off by itself: exponentially, with full jitter */
  SIM_HONOR_RETRY_AFTER, /* the same, but it waits for Retry-After where there is one */
  SIM_AIMD, /* no waits: the concurrency grows by one a round and is halved at each rejection */
};

struct sim_outcome sim_play_policy(enum sim_policy policy, const struct sim_scenario *scenario,
                                   uint64_t starts, uint64_t seed);

#endif

/* A server, a network and so many starts to send from cold: what the table and --run play, with the real
   engine or with a textbook policy. */
#ifndef EXPSTART_SIM_SCENARIO_H
#define EXPSTART_SIM_SCENARIO_H

#include "network.h"

#include <stdio.h>

struct sim_scenario {
  const char *name;
  struct sim_limiter limiter; /* its settings */
  enum sim_hint_style hints;
  struct sim_latency latency;
  uint64_t service_us;
  uint32_t max_in_flight;
  uint64_t change_us; /* after the beginning; 0: the limit stays */
  double change;
  struct sim_outage outage;  /* its times after the beginning; to_us 0: none */
  uint32_t retry_timeout_ms; /* 0: as long as it takes */
};

struct sim_outcome {
  uint64_t took_us, half_us; /* until the last one, and half of them, had been accepted */
  uint64_t ideal_us;         /* 0: not known */
  uint64_t accepted, rejected;
  uint64_t not_started; /* must be 0 */
  uint64_t sent_in_outage;
  uint64_t
      recovered_us; /* after the outage, until a second held nine tenths of the rate; 0: never */
  double real_s;
};

struct sim_stage {
  struct sim_network network;
  struct sim_server server;
  uint64_t began_us;
  uint64_t starts, half_us;
  uint64_t recovered_us, second_us, accepted_before; /* the second under way after an outage */
};

/* All that can be listed by name; the last one has no name. */
extern const struct sim_scenario sim_scenarios[];

/* "NAME" or "NAME:rate=500,burst=50,quota=1000,window-ms=60000,phase-ms=0,latency-ms=20,jitter-ms=5,
   in-flight=32,change=0.5,change-ms=5000,hints=none|retry-after|date|ratelimit|x-ratelimit|lies".
   False: it says on stderr what is wrong. */
bool sim_scenario_parse(const char *text, struct sim_scenario *scenario);

void sim_stage_open(struct sim_stage *stage, const struct sim_scenario *scenario, uint64_t starts,
                    uint64_t seed);
/* To be called after each event: notes when half of the starts have been accepted. */
void sim_stage_watch(struct sim_stage *stage);
struct sim_outcome sim_stage_close(struct sim_stage *stage);

/* Plays it with the real engine. `trace`: where each notice and each second is told, NULL: nowhere. */
struct sim_outcome sim_play_engine(const struct sim_scenario *scenario, uint64_t starts,
                                   uint64_t seed, FILE *trace);

#endif

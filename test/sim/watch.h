/* What must hold whatever happens: checked at each send, report, callback and step of a world. It keeps
   its own account of everything and believes nothing the engine says. */
#ifndef EXPSTART_SIM_WATCH_H
#define EXPSTART_SIM_WATCH_H

#include "engine.h"
#include "network.h"

/* A start as its caller and the network have seen it. Named by its experiment, which is its own. */
struct sim_record {
  expstart_ticket ticket;
  uint64_t submitted_us;
  uint64_t first_us; /* its first attempt; 0: none yet */
  uint8_t mode;
  uint8_t outcome;
  bool accepted, called, in_flight;
  uint32_t timeout_ms; /* its own; 0: none */
  bool doubt;          /* a start of it may have been processed, and no look has shown otherwise */
};

struct sim_grant {
  uint64_t count, until_us;
};

struct sim_watch {
  uint64_t seed, began_us;
  const struct sim_network *network;
  const struct expstart_options *options;
  struct sim_record *records; /* by experiment id */
  uint64_t record_count;
  uint64_t accepted, called, in_flight;
  bool paused, aborted, key_refused;
  struct sim_grant *grants; /* of permits */
  uint64_t grant_count;
  expstart_blocked gate; /* as it was told */
  uint64_t gate_until_us, probe_us, probes_out;
  uint64_t hint_until_us; /* what the API has asked for */
  double rate_per_s, tokens;
  uint32_t burst;
  uint64_t filled_us;
  uint64_t *sends_us; /* a ring of the last of them, at a rate without burst */
  uint64_t send_count;
  struct expstart_stats last;
  uint64_t instant_us, steps_in_instant;
  bool failed;
};

void sim_watch_open(struct sim_watch *watch, uint64_t seed, const struct sim_network *network,
                    const struct expstart_options *options, uint64_t records);
void sim_watch_close(struct sim_watch *watch);

struct sim_record *sim_watch_record(struct sim_watch *watch, int64_t experiment_id);
void sim_watch_submitted(struct sim_watch *watch, const struct expstart_request *request,
                         int status, expstart_ticket ticket);
void sim_watch_rate(struct sim_watch *watch, double per_second, uint32_t burst);
void sim_watch_permit(struct sim_watch *watch, uint64_t n, uint64_t until_us);
void sim_watch_sending(struct sim_watch *watch, const struct expstart__send *send);
void sim_watch_reported(struct sim_watch *watch, const struct expstart__report *report,
                        int64_t experiment_id, expstart_attempt_kind kind);
void sim_watch_noticed(struct sim_watch *watch, const struct expstart__notice *notice);
void sim_watch_called(struct sim_watch *watch, const expstart_result *result);
void sim_watch_stepped(struct sim_watch *watch, const struct expstart__engine *engine,
                       uint64_t wake_us);
/* No event is left, and the engine asks for no step: but the run has not ended. */
void sim_watch_stuck(struct sim_watch *watch);
/* Everything has ended. */
void sim_watch_ended(struct sim_watch *watch);

#endif

/* The way between a client and the simulated server: latency, losses, time-outs, give-ups. The engine's
   carrier in the simulator, and the textbook policies' too. One report for each send, later. */
#ifndef EXPSTART_SIM_NETWORK_H
#define EXPSTART_SIM_NETWORK_H

#include "agenda.h"
#include "carrier.h"
#include "random.h"
#include "server.h"

/* Kinds of events; others are for whoever runs the network. */
enum { SIM_ARRIVES, SIM_RETURNS, SIM_LEAVES, SIM_CARRIED_OUT, SIM_GIVEN_UP, SIM_EVENTS };

struct sim_latency {
  uint64_t least_us; /* one way */
  double jitter_us;  /* exponentially distributed, on top: its mean */
};

struct sim_attempt {
  expstart_ticket ticket;
  int64_t experiment_id;
  uint64_t sent_us, deadline_us;
  struct sim_reply reply;
  uint32_t generation; /* odd while it is under way */
  uint32_t next_free;
  uint8_t kind;
  bool left, aborted;
};

struct sim_network {
  uint64_t now_us;
  struct sim_agenda agenda;
  struct sim_server *server;
  struct sim_latency latency;
  double lost_there, lost_back; /* the request or the reply never arrives */
  double unsendable;            /* the carrier will not take it */
  double connects;              /* it needs a new connection, which takes two ways more */
  uint64_t connect_timeout_us;
  uint64_t settle_us; /* the server is at work on nothing for longer than this after its deadline */
  struct sim_random random;
  struct sim_attempt *attempts;
  uint32_t attempt_count, free_head;
  uint64_t under_way;      /* attempts without a report yet */
  uint64_t sent_in_outage; /* attempts that were sent while the server was away */
  void *owner;
  void (*report)(void *owner, const struct sim_attempt *attempt, struct expstart__report *report);
};

void sim_network_open(struct sim_network *network, struct sim_server *server, uint64_t now_us);
void sim_network_close(struct sim_network *network);

int sim_network_send(struct sim_network *network, const struct expstart__send *send);
void sim_network_abort(struct sim_network *network, expstart_ticket ticket);

/* Carries out an event of the network's own. */
void sim_network_play(struct sim_network *network, const struct sim_event *event);

#endif

/* A simulated API: it limits, hints, fails and goes away as it is told to, and keeps the truth about each
   experiment. It knows virtual time and what reaches it, and nothing of clients, engines or latency. */
#ifndef EXPSTART_SIM_SERVER_H
#define EXPSTART_SIM_SERVER_H

#include "carrier.h"
#include "limiter.h"
#include "random.h"

enum sim_hint_style {
  SIM_NO_HINTS,
  SIM_RETRY_AFTER,      /* whole seconds, rounded up */
  SIM_RETRY_AFTER_DATE, /* a date and the server's own Date, both in whole seconds */
  SIM_RATELIMIT,        /* remaining and reset in seconds, on every reply */
  SIM_X_RATELIMIT,      /* the same, reset as a date in whole seconds */
  SIM_LIES,             /* anything at all */
};

enum sim_outage_kind { SIM_REFUSES, SIM_RESETS, SIM_BLACK_HOLE, SIM_SAYS_503 };

struct sim_outage {
  uint64_t from_us, to_us;
  enum sim_outage_kind kind;
  bool restart; /* comes back with a limiter that has forgotten everything */
};

/* Probabilities, for each request that passes the limiter. */
struct sim_faults {
  double error_before, error_after; /* 500, before and after the start was carried out */
  double reset_before, reset_after; /* the connection is closed without a reply */
  double unavailable, gateway; /* 503 without a hint; 502 or 504 after it was carried out or not */
  double garbage;              /* carried out, and a reply that cannot be read or is cut off */
  double slow;                 /* carried out only after slow_us */
  uint64_t late_us; /* what is carried out though it was told to have failed, is within that time */
  double look_error; /* of look-ups: any of the above */
  uint64_t slow_us;
};

enum sim_trait {
  SIM_ORDINARY,
  SIM_ALWAYS_500,  /* never carried out */
  SIM_UNSTARTABLE, /* 400 */
  SIM_ALREADY_RUNNING,
  SIM_ALWAYS_429,
};

struct sim_truth {
  uint8_t trait; /* enum sim_trait */
  bool running;
  uint16_t done_for_us; /* starts carried out for this client */
};

enum { SIM_OUTAGES_MAX = 4 };

struct sim_server {
  struct sim_limiter limiter;
  enum sim_hint_style hints;
  uint64_t service_us; /* with nothing else to do; grows with what is under way */
  struct sim_faults faults;
  struct sim_outage outages[SIM_OUTAGES_MAX];
  uint32_t outage_count, restarts_done;
  uint64_t key_refused_from_us, cert_wrong_from_us; /* 0: never */
  uint64_t change_us;                               /* when the limit changes; 0: never */
  double change;                                    /* by this factor */
  struct sim_random random;

  struct sim_truth *truths; /* by experiment id, 1 to experiments */
  uint64_t experiments;
  uint64_t accepted, rejected, last_accepted_us; /* of the limiter */
};

/* What becomes of a request. */
struct sim_reply {
  struct expstart__report report; /* fate, status and what else the client will see */
  uint64_t service_us;            /* until the reply leaves */
  uint64_t done_after_us;         /* when the start is carried out */
  bool done;                      /* it is */
  bool counted;                   /* it takes a place of SIM_CONCURRENCY until it leaves */
  bool hangs;                     /* no reply ever comes */
};

void sim_server_open(struct sim_server *server, uint64_t now_us, uint64_t experiments);
void sim_server_close(struct sim_server *server);

/* The outage at this time, NULL: none. */
const struct sim_outage *sim_server_outage(const struct sim_server *server, uint64_t now_us);

struct sim_reply sim_server_take(struct sim_server *server, uint64_t now_us,
                                 expstart_attempt_kind kind, int64_t experiment_id);
/* The start of this experiment is carried out. */
void sim_server_carry_out(struct sim_server *server, int64_t experiment_id);

#endif

/* The port between the engine's world and the network: one attempt out, one report back.
   A carrier moves one attempt and knows nothing of retries, rates or requests' lives. For every
   send that succeeded there is exactly one report, never from inside send or abort. */
#ifndef EXPSTART_LIB_CARRIER_H
#define EXPSTART_LIB_CARRIER_H

#include "expstart.h"
#include "hints.h"
#include "reply.h"

#include <stdbool.h>
#include <stdint.h>

struct expstart__send {
  expstart_ticket ticket; /* names the attempt: a request has one at a time */
  expstart_attempt_kind kind;
  int64_t experiment_id;
  const char *body; /* of a start; stays until the report */
  size_t body_size;
  uint32_t timeout_ms;
  bool fresh_connection; /* do not re-use one: that is how an earlier attempt was lost */
  void *tag;             /* comes back with the report */
};

/* How far the request itself is known to have come. */
enum expstart__fate {
  EXPSTART__UNSENT,  /* no byte of it can have left */
  EXPSTART__CERT,    /* the same: the server's certificate was refused */
  EXPSTART__LOST,    /* it may have been processed; there is no status */
  EXPSTART__REPLIED, /* http_status is the API's answer; the rest of the reply may have been lost */
};

struct expstart__report {
  expstart_ticket ticket;
  void *tag;
  enum expstart__fate fate;
  bool timed_out;
  bool aborted; /* as asked, before it came to an end of its own */
  /* It failed for want of something of this machine's: descriptors, memory, threads, the CA file. Nothing
     was sent unless its fate says otherwise. It says nothing of the API; the reply's message tells what was
     missing. */
  bool ours;
  bool intact; /* the whole reply arrived, and was not too large */
  int http_status;
  int curl_code;
  struct expstart__hints hints;
  uint64_t elapsed_us;
  uint64_t connected_us, first_byte_us; /* as libcurl has it; 0: it did not come so far */
  uint64_t bytes_sent, bytes_received;
  struct expstart__reply reply; /* whoever takes the report may swap it for another */
};

/* To whom a carrier reports, on the thread that calls it. */
struct expstart__carrier_sink {
  void *owner;
  void (*report)(void *owner, struct expstart__report *report);
  void (*reported)(void *owner); /* after the last of those that came together */
};

struct expstart__carrier;

struct expstart__carrier_ops {
  /* EXPSTART_OK, or EXPSTART_ENOMEM or EXPSTART_ESYSTEM: nothing was sent and no report follows.
     *handle is for abort. */
  int (*send)(struct expstart__carrier *, const struct expstart__send *, uint32_t *handle);
  /* Gives an attempt up; its report still comes and says how far it had come. Of an attempt that has
     ended already, though its report may still be on its way, nothing is given up. */
  void (*abort)(struct expstart__carrier *, uint32_t handle, expstart_ticket);
  /* What was sent and aborted may have been held back until now, to go together. */
  void (*flush)(struct expstart__carrier *);
  /* What is sent from now on is sent with this key; what was sent before keeps its own. EXPSTART_OK, or
     EXPSTART_ENOMEM: nothing has changed. */
  int (*set_key)(struct expstart__carrier *, const char *key);
  /* Ends what is under way without reports and frees the carrier; then calls closed, once, later.
   */
  void (*close)(struct expstart__carrier *, void (*closed)(void *owner), void *owner);
};

/* The first member of every carrier. */
struct expstart__carrier {
  const struct expstart__carrier_ops *ops;
};

#endif

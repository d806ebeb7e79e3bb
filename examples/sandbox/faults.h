/* Which fault, if any, befalls a request: draws from a seeded generator. Called by the API part
 * once per request that may fail. Pure: the same seed and probabilities give the same faults in
 * turn. */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
  FAULT_NONE,
  FAULT_5XX,          /* answered 500, 502, 503 or 504 */
  FAULT_RESET_BEFORE, /* connection reset, nothing processed */
  FAULT_RESET_AFTER,  /* processed, then the connection reset */
  FAULT_STALL,        /* never answered */
  FAULT_TRUNCATE,     /* processed, the reply breaks off */
  FAULT_GARBAGE,      /* processed, answered 200 with what is not JSON */
  FAULT_REFUSE,       /* not processed, answered 200 with ok:false */
  FAULT_KINDS
};

struct fault {
  enum fault_kind kind;
  unsigned status; /* of a FAULT_5XX, else 0 */
  bool processed;  /* whether the request has its effect all the same */
};

struct faults {
  double probability[FAULT_KINDS]; /* [FAULT_NONE] is not looked at; the sum is at most 1 */
  uint64_t generator_state;
};

/* The name a fault has in statistics, e.g. "reset_before". */
const char *fault_name(enum fault_kind kind);

void faults_init(struct faults *faults, const double probability[FAULT_KINDS], uint64_t seed);

struct fault faults_draw(struct faults *faults);

#endif

/* A journal at a glance: how many experiments have which status, its runs, and how the one that goes on now is
 * doing. Called by status.c and by the report. */
#ifndef COMMAND_OVERVIEW_H
#define COMMAND_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "experiment_status.h"
#include "journal.h"

struct overview_run {
  int64_t number;
  char command[16];
  char version[32];
  int64_t pid;
  uint64_t experiments;
  int64_t begun_ms, seen_ms, ended_ms; /* ended_ms 0: it goes on, or was killed */
  int exit_code;
  char ending[80]; /* "": as ended_ms 0 */
  uint64_t attempts, lookups, throttled, faults;
  uint64_t p50_us, p90_us, p99_us, max_us;
};

struct overview {
  uint64_t counts[STATUSES];
  int64_t cut_off;           /* of those that are unknown: since a run was ended */
  struct overview_run *runs; /* in their order */
  size_t run_count;
  long holder; /* the process that has the journal now; 0: none, -1: not seen from here */
  double rate_per_second; /* results, of late; 0: nothing goes on, or it is not known yet */
};

bool overview_read(struct overview *overview, struct journal *journal, struct problem *problem);
void overview_free(struct overview *overview);

uint64_t overview_good(const struct overview *overview);
/* What a resume would take up. */
uint64_t overview_left(const struct overview *overview);

/* Whether this one, the last, goes on now. */
bool overview_is_going(const struct overview *overview, const struct overview_run *run);

#endif

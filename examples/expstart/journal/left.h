/* What of a journal is still to be done: the list for the next run. Called by resume.c. */
#ifndef COMMAND_LEFT_H
#define COMMAND_LEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "experiment_status.h"
#include "journal.h"
#include "list.h"

struct left {
  struct list list;          /* certain ones first, in the order of the journal */
  size_t doubt_from;         /* from here on: may have been sent, to be looked up first */
  uint64_t counts[STATUSES]; /* of the whole journal */
  uint64_t taken[STATUSES];  /* of these, those that are in the list */
  int64_t seen_ms;           /* the last sign of life of the last run; 0: there was none */
  bool has_ended;            /* it was not killed */
};

/* Takes what is pending, what was being sent when its run died, and what the end of a run has cut off
   (canceled; unknown for that reason); and what ended with a status of `retry`, as STATUS_BIT. */
bool left_read(struct left *left, struct journal *journal, unsigned retry, struct problem *problem);
void left_free(struct left *left);

/* How long to wait before what is in doubt may be looked up: a request that was under way when the last run
   died may be worked on for so long. */
uint64_t left_doubt_wait_ms(const struct left *left, int64_t now_ms);

/* Experiments that are neither in the list nor known to run. */
uint64_t left_rest_bad(const struct left *left);

#endif

/* A journal's experiments, one after the other in the order of the list. Called by left.c, error_groups.c and
 * the sub-commands that read. */
#ifndef COMMAND_ROWS_H
#define COMMAND_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "experiment_status.h"
#include "journal.h"

struct row {
  uint32_t number; /* its place in the list, from 1 */
  int64_t id;
  const char *note; /* its own; NULL: none */
  enum status status;
  int64_t attempts, throttled;
  int http_status;
  const char *error;                         /* the library's name for it; NULL: none */
  const char *message;                       /* NULL: none */
  int64_t first_attempt_ms, last_attempt_ms; /* 0: none */
  int64_t run;                               /* the last that took it up; 0: none */
};

/* Valid during the call. False ends the reading, with `problem` set. */
typedef bool (*row_cb)(void *data, const struct row *row, struct problem *problem);

/* Those with a status of `statuses`, as STATUS_BIT. */
bool rows_read(struct journal *journal, unsigned statuses, row_cb on_row, void *data,
               struct problem *problem);

#endif

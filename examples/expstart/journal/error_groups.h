/* The errors of a journal, grouped: texts that differ only in numbers are one. Called by status.c and by the
 * report. */
#ifndef COMMAND_ERROR_GROUPS_H
#define COMMAND_ERROR_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "experiment_status.h"
#include "journal.h"

#define ERROR_GROUPS_MOST 200 /* the last one takes all that have no room of their own */
#define ERROR_GROUP_IDS 1000  /* of each group, the first ones */

struct error_group {
  enum status status;
  int http_status;
  char *text;    /* with # for numbers */
  char *example; /* as it was for the first of `ids` */
  uint64_t count;
  int64_t first_ms, last_ms; /* of their last attempts; 0: none had one */
  int64_t *ids;
  size_t id_count, id_capacity;
};

struct lh_table;

struct error_groups {
  struct error_group groups[ERROR_GROUPS_MOST];
  size_t count;
  struct lh_table *index;
};

/* Those that were rejected, failed or are unknown; the last ones first. */
bool error_groups_read(struct error_groups *groups, struct journal *journal,
                       struct problem *problem);
void error_groups_free(struct error_groups *groups);

#endif

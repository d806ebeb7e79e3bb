/* What came out: counts of outcomes, the texts that came with the bad ones, and the closing table.
 * Called by starts.c; knows nothing of clients and loops. */
#ifndef COMMAND_SUMMARY_H
#define COMMAND_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "expstart.h"
#include "output.h"

#define SUMMARY_TEXTS 50        /* distinct ones that are kept; the others share one more */
#define SUMMARY_SHOWN_EACH 20   /* of each text, as they come */
#define SUMMARY_TEXTS_LISTED 10 /* in the table */
#define SUMMARY_TEXT_SIZE 320

struct summary_text {
  int outcome, http_status;
  char key[SUMMARY_TEXT_SIZE];     /* with "#" for each number: ids in it make no difference */
  char example[SUMMARY_TEXT_SIZE]; /* as it was for the first experiment */
  int64_t example_id;
  uint64_t count;
};

struct summary {
  uint64_t total;
  uint64_t outcomes[OUTPUT_OUTCOMES];
  struct summary_text texts[SUMMARY_TEXTS + 1];
  size_t text_count;
};

/* Counts a result. One that is neither started nor running is shown on `to`, unless that is NULL, it
   was canceled or not sent, or there were many like it. `before` is called before something is
   written. */
void summary_add(struct summary *summary, const expstart_result *result, FILE *to,
                 void (*before)(void *data), void *data);

/* All are started or running. */
bool summary_is_good(const struct summary *summary);
/* How many are neither. */
uint64_t summary_bad(const struct summary *summary);

void summary_write(const struct summary *summary, const struct expstart_stats *stats,
                   double elapsed_s, FILE *to);

#endif

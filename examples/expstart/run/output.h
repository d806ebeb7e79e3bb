/* The results as NDJSON, one line an experiment, and the words for how each ended.
 * Called by the sub-commands for each result, and by summary.c; knows nothing of clients and loops. */
#ifndef COMMAND_OUTPUT_H
#define COMMAND_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "expstart.h"

/* The library's outcomes, and one that only a run has. */
enum {
  OUTPUT_NOT_SENT = EXPSTART_SEEN + 1, /* the run was stopped before it was sent at all */
  OUTPUT_OUTCOMES
};

/* How the result is reported: its own outcome or OUTPUT_NOT_SENT. */
int output_outcome(const expstart_result *result);
/* "started" ... "not_sent" */
const char *output_outcome_name(int outcome);

/* The API's or the network's words, or what the error means; "" if all went well. */
const char *output_words(const expstart_result *result);

struct output {
  FILE *to; /* NULL: results are not written */
  bool is_stdout, is_terminal;
  int error; /* errno of the first failure; nothing is written after it */
};

/* Opens a file, or stdout for "-", or nothing for NULL. An old file is emptied. 0 or an errno. */
int output_open(struct output *output, const char *name);
/* For --dry-run: whether it could be opened, without a trace. 0 or an errno. */
int output_check(const char *name);

/* Each returns 0 or an errno, which output.error keeps. Of output_write, `message` is used instead of the result's
   if it is not NULL. */
/* Any object, which is taken over; NULL stands for "no memory". */
int output_line(struct output *output, struct json_object *line);
int output_write(struct output *output, const expstart_result *result, const char *message);
int output_flush(struct output *output);
int output_close(struct output *output);

#endif

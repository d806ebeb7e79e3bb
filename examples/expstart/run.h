/* A run: the loop, the client, signals, and how it all stops. Called by start.c; knows nothing of
 * arguments, files of ids or keys. */
#ifndef COMMAND_RUN_H
#define COMMAND_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "expstart.h"
#include "list.h"
#include "output.h"

struct run;

struct run_settings {
  const char *note; /* of ids without one of their own; may be NULL */
  uint64_t deadline_ms;
  bool quiet, verbose;
};

/* Makes the loop and the client, which checks endpoint, key and CA file; nothing is sent. The
   hooks, confirm and max_queued of `options` are set here. Returns an EXPSTART code. */
int run_new(struct run **run, struct expstart_options *options,
            const struct run_settings *settings);

/* Starts all of the list and returns the exit code when each has its result, which was written to
   `output`. To be called once; closes the output. */
int run_all(struct run *run, const struct list *list, struct output *output);

/* Closes what is still open. NULL is fine. */
void run_free(struct run *run);

#endif

/* What start and resume have in common: the run, its results and how they are shown, the journal's end.
 * Called by start.c and resume.c. */
#ifndef COMMAND_STARTS_H
#define COMMAND_STARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "list.h"
#include "run.h"

struct starts {
  const struct list *list;
  size_t doubt_from; /* see struct run_job */
  uint64_t doubt_wait_ms;
  struct journal *journal; /* NULL: none */
  const char *command;
  uint64_t rest_bad; /* of the journal: experiments that are not in the list and do not run */
};

/* Carries it out. Returns the exit code. */
int starts_run(const struct starts *starts, const struct args *args, struct run *run);

/* The limit on requests in words, for what a dry run shows. Returns buf. */
const char *starts_rate(char *buf, size_t size, const struct args *args);

#endif

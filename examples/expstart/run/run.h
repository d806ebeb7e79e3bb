/* A run: the loop, the client, signals, and how it all stops. Called by the sub-commands that send; knows
 * nothing of arguments, files of ids or keys, nor of what is done with results. */
#ifndef COMMAND_RUN_H
#define COMMAND_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "expstart.h"
#include "journal.h"
#include "list.h"
#include "progress.h"

struct run;

struct run_settings {
  const char *note; /* of ids without one of their own; may be NULL */
  uint64_t deadline_ms;
  bool quiet, verbose;
};

/* A result, as a sink gets it. */
struct run_result {
  size_t index; /* in the list */
  const expstart_result *result;
  const char *words;         /* instead of the result's message, if not NULL */
  bool is_flood;             /* one of many that tell the same: not worth a line */
  struct progress *progress; /* to be cleared before something is written to a terminal */
};

/* Where results go. Each returns 0 or an errno, which stops the run. */
struct run_sink {
  int (*result)(void *data, const struct run_result *result);
  int (*flush)(void *data); /* once a second */
  void *data;
};

struct run_job {
  const struct list *list;
  size_t doubt_from;       /* entries from here on are looked up before they are started, */
  uint64_t doubt_wait_ms;  /* and not before this has passed */
  bool is_look;            /* all of them are only looked up */
  struct journal *journal; /* NULL: none */
  const char *command;     /* as the journal is to have it */
  struct run_sink sink;
};

struct run_end {
  int code; /* 0: it went to its end; else the exit code */
  struct expstart_stats stats;
  double elapsed_s;
};

/* Makes the loop and the client, which checks endpoint, key and CA file; nothing is sent. The
   hooks, confirm and max_queued of `options` are set here. Returns an EXPSTART code. */
int run_new(struct run **run, struct expstart_options *options,
            const struct run_settings *settings);

/* Carries out the job, once, until each of its list has its result. False: the journal could not be begun with,
   nothing was sent. */
bool run_all(struct run *run, const struct run_job *job, struct run_end *end,
             struct problem *problem);

/* After run_all with a journal: waits until all is in it, and how the run ended. False: not all is; `unwritten` results
   are not. */
bool run_end_journal(struct run *run, int exit_code, uint64_t *unwritten);

/* From here on the signals that stop a run wait until run_all is ready for them, so that what comes before is not
   left half done. */
void run_hold_signals(void);

/* Closes what is still open. NULL is fine. */
void run_free(struct run *run);

#endif

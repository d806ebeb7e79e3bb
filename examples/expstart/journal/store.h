/* Writes batches into a journal, each in one transaction that is on the disk when it is done. Called by
 * writer.c, on its thread. */
#ifndef COMMAND_STORE_H
#define COMMAND_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "journal.h"
#include "list.h"
#include "problem.h"

/* How a run ended. */
struct journal_ending {
  int64_t at_ms;
  int exit_code;
  const char *words; /* "done", "stopped by Ctrl-C" */
};

enum store_statement {
  STORE_CLAIM,
  STORE_RESULT,
  STORE_UNTRIED,
  STORE_SAMPLE,
  STORE_RUN,
  STORE_PAUSE,
  STORE_ENDING,
  STORE_BEGIN,
  STORE_COMMIT,
  STORE_ROLLBACK,
  STORE_STATEMENTS
};

struct store {
  sqlite3 *db;
  int64_t run;
  const struct list *list; /* that claims are of */
  sqlite3_stmt *statements[STORE_STATEMENTS];
};

/* `journal` and `list` must live until store_free. */
bool store_init(struct store *store, struct journal *journal, int64_t run, const struct list *list,
                struct problem *problem);
void store_free(struct store *store);

enum store_outcome {
  STORE_DONE,
  STORE_BUSY,  /* another program is writing: nothing was written, later it may be */
  STORE_FAILED /* nothing was written; `problem` tells why */
};
/* All of the batch, and how the run ended if `ending` is not NULL, or nothing. */
enum store_outcome store_write(struct store *store, const struct batch *batch,
                               const struct journal_ending *ending, struct problem *problem);

#endif

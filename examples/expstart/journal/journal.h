/* A journal: an SQLite database in WAL mode with a row per experiment and a row per run. How it is made from a
 * list (journal_create.c, which has its format), opened (journal.c), and held against the terms that all its runs
 * share (terms.c). Called by the sub-commands. writer.c writes it during a run; left.c, overview.c and rows.c read
 * it. */
#ifndef COMMAND_JOURNAL_H
#define COMMAND_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "database.h"
#include "fingerprint.h"
#include "list.h"
#include "lock.h"
#include "problem.h"
#include "terms.h"

/* ISO 8601, UTC, with milliseconds. */
#define JOURNAL_ISO(ms) "strftime('%Y-%m-%dT%H:%M:%fZ'," ms "/1000.0,'unixepoch')"

/* "expj": tells a journal from other databases (PRAGMA application_id). */
#define JOURNAL_APPLICATION 0x6578706A
/* Of the format (PRAGMA user_version): to be raised with each change of it. */
#define JOURNAL_FORMAT 1

struct journal {
  sqlite3 *db;
  char *file; /* absolute, without links */
  struct lock lock;
  long holder; /* of one opened to be read: see lock_holder, from before anything was read */
  char *endpoint;
  char *note; /* of experiments without one of their own; NULL: none */
  unsigned char salt[FINGERPRINT_SALT];
  unsigned char fingerprint[FINGERPRINT_SIZE]; /* of the key */
  int64_t created_ms;                          /* by the wall clock, like all times in it */
  uint64_t total;                              /* experiments */
};

enum journal_access {
  JOURNAL_READ, /* while another process may run with it; the file need not be writable */
  JOURNAL_RUN   /* locked, and to be written to */
};

/* Whether a journal could be made there: there must be nothing, or an empty file. Leaves no trace. */
bool journal_check_new(const char *file, struct problem *problem);

/* Makes a journal with all of the list pending, and locks it. Whole or not at all: what cannot be finished
   is removed. Sets each entry's place to its row. */
bool journal_create(struct journal *journal, const char *file, const struct terms *terms,
                    struct list *list, struct problem *problem);

/* Opens one that is there, and checks that it is one, that this program knows its version and, to run with
   it, that it is not damaged. */
bool journal_open(struct journal *journal, const char *file, enum journal_access access,
                  struct problem *problem);

void journal_close(struct journal *journal);

/* ---- for journal_create.c and terms.c ---------------------------------------------------------- */

void journal_clear(struct journal *journal);
/* Opens it to run when `file` and `lock` are set. */
bool journal_open_locked(struct journal *journal, struct problem *problem);
bool journal_check_links(const struct stat *status, struct problem *problem);
/* Frees what `copy` was; NULL may be copied. */
bool journal_copy_text(char **copy, const char *text, struct problem *problem);

/* ---- terms and runs ---------------------------------------------------------------------------- */

/* False: one of the terms that are not NULL is not as the journal has it, and not among `may_differ`, a set of
   TERM_... bits. Another endpoint, key or note by mistake would be the end of "all was started, once". */
bool journal_check_terms(const struct journal *journal, const struct terms *terms,
                         unsigned may_differ, struct problem *problem);

/* Takes over those terms that are not NULL. */
bool journal_change(struct journal *journal, const struct terms *terms, struct problem *problem);

/* Notes down a run that begins; `number` is its number. */
bool journal_begin_run(struct journal *journal, const char *command, uint64_t experiments,
                       int64_t now_ms, int64_t *number, struct problem *problem);

#endif

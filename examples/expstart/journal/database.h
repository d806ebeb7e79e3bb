/* SQLite as the journal uses it: statements by text, failures as words for the user. Knows nothing of what
 * is in a journal. Called by the files of this folder. */
#ifndef COMMAND_DATABASE_H
#define COMMAND_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "problem.h"

enum database_access {
  DATABASE_READ,  /* also a file that must not, or cannot, be written */
  DATABASE_WRITE, /* the file must be there */
  DATABASE_CREATE /* the file must not be there */
};

/* Opens the file. NULL: why not is in `problem`. */
sqlite3 *database_open(const char *file, enum database_access access, struct problem *problem);
void database_close(sqlite3 *db);

/* Why the last call failed, in words; returns false. */
bool database_problem(sqlite3 *db, struct problem *problem);

/* Runs statements that give no rows, or whose rows are of no interest. */
bool database_run(sqlite3 *db, const char *sql, struct problem *problem);

/* NULL: why not is in `problem`. To be given to sqlite3_finalize. */
sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql, struct problem *problem);

/* Carries out a statement that gives no rows, and makes it ready for the next time. */
bool database_step(sqlite3 *db, sqlite3_stmt *statement, struct problem *problem);

/* The first column of the first row as a number, 0 if there is none. */
bool database_number(sqlite3 *db, const char *sql, int64_t *number, struct problem *problem);

/* Calls `take` for each row of a query; what it returns as false ends that, with `problem` set. */
typedef bool (*database_row_cb)(void *data, sqlite3_stmt *select, struct problem *problem);
bool database_each(sqlite3 *db, const char *sql, database_row_cb take, void *data,
                   struct problem *problem);

/* Binds a text that stays as it is until the statement is done; NULL is NULL. */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text);
/* 0 is NULL: "there is none". */
void database_bind_time(sqlite3_stmt *statement, int place, int64_t ms);

#endif

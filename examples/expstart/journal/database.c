/* SQLite as the journal uses it. Called by the files of this folder. */
#include "database.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A run's commits are short; whoever else reads or writes the file may take so long. */
#define BUSY_MS 5000

bool database_problem(sqlite3 *db, struct problem *problem) {
  int code = sqlite3_extended_errcode(db);
  switch (code & 0xFF) {
  case SQLITE_FULL:
    return problem_set(problem, "the disk is full");
  case SQLITE_NOTADB:
    return problem_set(problem, "is not a journal of expstart");
  case SQLITE_CORRUPT:
    return problem_set(problem, "is damaged (%s)", sqlite3_errmsg(db));
  case SQLITE_READONLY:
    return problem_set(problem, "cannot be written (%s)", sqlite3_errmsg(db));
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return problem_set(problem, "is locked by another program");
  case SQLITE_NOMEM:
    return problem_set(problem, "out of memory");
  case SQLITE_IOERR: {
    int error = sqlite3_system_errno(db);
    return error != 0 ? problem_set(problem, "cannot be read or written: %s", strerror(error))
                      : problem_set(problem, "cannot be read or written: %s", sqlite3_errmsg(db));
  }
  case SQLITE_CANTOPEN: {
    int error = sqlite3_system_errno(db);
    return error != 0 ? problem_set(problem, "cannot be opened: %s", strerror(error))
                      : problem_set(problem, "cannot be opened: %s", sqlite3_errmsg(db));
  }
  default:
    return problem_set(problem, "%s", sqlite3_errmsg(db));
  }
}

void database_close(sqlite3 *db) {
  (void)sqlite3_close(
      db); /* fails only while statements are open, which would be a fault of ours */
}

static sqlite3 *open_with(const char *name, int flags, struct problem *problem) {
  sqlite3 *db = NULL;
  /* A connection is used by one thread at a time. */
  int code = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (code == SQLITE_OK) {
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    return db;
  }
  if (db == NULL) {
    (void)problem_set(problem, "out of memory");
  } else {
    (void)database_problem(db, problem);
  }
  database_close(db);
  return NULL;
}

/* The name as a URI that says that nobody writes to the file: then it needs no files beside it. */
static char *immutable_uri(const char *file) {
  static const char *const suffix = "?immutable=1";
  char *uri = malloc(strlen("file:") + 3 * strlen(file) + strlen(suffix) + 1);
  if (uri == NULL) {
    return NULL;
  }
  char *to = uri + sprintf(uri, "file:");
  for (; *file != '\0'; file++) {
    unsigned char c = (unsigned char)*file;
    if (isalnum(c) || strchr("/._-", c) != NULL) {
      *to++ = (char)c;
    } else {
      to += sprintf(to, "%%%02X", c);
    }
  }
  (void)strcpy(to, suffix);
  return uri;
}

static bool has_log(const char *file) {
  struct stat status;
  char *name = malloc(strlen(file) + sizeof "-wal");
  if (name == NULL) {
    return true;
  }
  (void)sprintf(name, "%s-wal", file);
  bool has = stat(name, &status) == 0 && status.st_size > 0;
  free(name);
  return has;
}

/* A file in WAL mode whose folder cannot be written has no place for what readers share. When there is no
   log either, nobody writes to it. */
static sqlite3 *open_unchanging(const char *file, struct problem *problem) {
  char *uri = immutable_uri(file);
  if (uri == NULL) {
    (void)problem_set(problem, "out of memory");
    return NULL;
  }
  sqlite3 *db = open_with(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, problem);
  free(uri);
  return db;
}

sqlite3 *database_open(const char *file, enum database_access access, struct problem *problem) {
  int64_t version = 0;
  if (access != DATABASE_READ) {
    int create = access == DATABASE_CREATE ? SQLITE_OPEN_CREATE : 0;
    return open_with(file, SQLITE_OPEN_READWRITE | create, problem);
  }
  sqlite3 *db = open_with(file, SQLITE_OPEN_READONLY, problem);
  if (db == NULL || database_number(db, "PRAGMA schema_version", &version, problem)) {
    return db;
  }
  int code = sqlite3_errcode(db) & 0xFF;
  if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !has_log(file)) {
    database_close(db);
    return open_unchanging(file, problem);
  }
  return db; /* the first real question tells what is wrong with it */
}

bool database_run(sqlite3 *db, const char *sql, struct problem *problem) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || database_problem(db, problem);
}

sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql, struct problem *problem) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
    (void)database_problem(db, problem);
    return NULL;
  }
  return statement;
}

bool database_step(sqlite3 *db, sqlite3_stmt *statement, struct problem *problem) {
  bool is_done = sqlite3_step(statement) == SQLITE_DONE || database_problem(db, problem);
  (void)sqlite3_reset(statement); /* says again what step has said */
  return is_done;
}

bool database_number(sqlite3 *db, const char *sql, int64_t *number, struct problem *problem) {
  sqlite3_stmt *statement = database_prepare(db, sql, problem);
  *number = 0;
  if (statement == NULL) {
    return false;
  }
  int code = sqlite3_step(statement);
  bool is_good = code == SQLITE_ROW || code == SQLITE_DONE || database_problem(db, problem);
  if (code == SQLITE_ROW) {
    *number = sqlite3_column_int64(statement, 0);
  }
  (void)sqlite3_finalize(statement);
  return is_good;
}

bool database_each(sqlite3 *db, const char *sql, database_row_cb take, void *data,
                   struct problem *problem) {
  sqlite3_stmt *select = database_prepare(db, sql, problem);
  if (select == NULL) {
    return false;
  }
  bool is_good = true;
  int code = sqlite3_step(select);
  while (code == SQLITE_ROW && is_good) {
    is_good = take(data, select, problem);
    code = is_good ? sqlite3_step(select) : SQLITE_DONE;
  }
  if (is_good && code != SQLITE_DONE) {
    is_good = database_problem(db, problem);
  }
  (void)sqlite3_finalize(select);
  return is_good;
}

/* Binding fails only for want of memory or for a place that is not there; the column then stays NULL, which
   the table refuses where it matters. */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text) {
  (void)sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

void database_bind_time(sqlite3_stmt *statement, int place, int64_t ms) {
  if (ms > 0) {
    (void)sqlite3_bind_int64(statement, place, ms);
  } else {
    (void)sqlite3_bind_null(statement, place);
  }
}

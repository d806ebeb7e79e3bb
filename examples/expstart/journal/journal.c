/* A journal is opened, checked and closed, and a run begun with it. Called by the sub-commands and by
 * journal_create.c; knows nothing of loops and clients. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "expstart.h"

void journal_close(struct journal *journal) {
  database_close(journal->db);
  lock_release(&journal->lock);
  free(journal->file);
  free(journal->endpoint);
  free(journal->note);
  memset(journal, 0, sizeof *journal);
  journal->lock.file = -1;
}

void journal_clear(struct journal *journal) {
  memset(journal, 0, sizeof *journal);
  journal->lock.file = -1;
}

bool journal_copy_text(char **copy, const char *text, struct problem *problem) {
  char *made = text == NULL ? NULL : strdup(text);
  if (text != NULL && made == NULL) {
    return problem_set(problem, "out of memory");
  }
  free(*copy);
  *copy = made;
  return true;
}

/* ---- opening one ----------------------------------------------------------------------------- */

static bool check_format(struct journal *journal, struct problem *problem) {
  int64_t application = 0;
  int64_t format = 0;
  int64_t tables = 0;
  if (!database_number(journal->db, "SELECT count(*) FROM sqlite_schema", &tables, problem) ||
      !database_number(journal->db, "PRAGMA application_id", &application, problem) ||
      !database_number(journal->db, "PRAGMA user_version", &format, problem)) {
    return false;
  }
  if (tables == 0) {
    return problem_set(problem, "is empty: no run was ever begun with it");
  }
  if (application != JOURNAL_APPLICATION) {
    return problem_set(problem, "is a database, but not a journal of expstart");
  }
  if (format != JOURNAL_FORMAT) {
    return problem_set(problem,
                       "has format %lld, which expstart %s does not know (it knows %d); use the "
                       "version that made it",
                       (long long)format, expstart_version(), JOURNAL_FORMAT);
  }
  return true;
}

static bool read_blob(sqlite3_stmt *select, int column, unsigned char *to, int size) {
  if (sqlite3_column_bytes(select, column) != size) {
    return false;
  }
  memcpy(to, sqlite3_column_blob(select, column), (size_t)size);
  return true;
}

static bool take_terms(struct journal *journal, sqlite3_stmt *select, struct problem *problem) {
  const char *endpoint = (const char *)sqlite3_column_text(select, 0);
  if (endpoint == NULL || !read_blob(select, 2, journal->salt, FINGERPRINT_SALT) ||
      !read_blob(select, 3, journal->fingerprint, FINGERPRINT_SIZE)) {
    return problem_set(problem, "is damaged (its terms are not readable)");
  }
  journal->created_ms = sqlite3_column_int64(select, 4);
  journal->total = (uint64_t)sqlite3_column_int64(select, 5);
  return journal_copy_text(&journal->endpoint, endpoint, problem) &&
         journal_copy_text(&journal->note, (const char *)sqlite3_column_text(select, 1), problem);
}

static bool read_terms(struct journal *journal, struct problem *problem) {
  sqlite3_stmt *select = database_prepare(
      journal->db, "SELECT endpoint,note,key_salt,key_fingerprint,created_ms,total FROM journal",
      problem);
  if (select == NULL) {
    return false;
  }
  int code = sqlite3_step(select);
  bool is_good = false;
  if (code == SQLITE_ROW) {
    is_good = take_terms(journal, select, problem);
  } else if (code == SQLITE_DONE) {
    (void)problem_set(problem, "is damaged (it has no terms)");
  } else {
    (void)database_problem(journal->db, problem);
  }
  (void)sqlite3_finalize(select);
  return is_good;
}

/* A page that is damaged is found before anything is sent, not in the middle of a run. */
static bool check_pages(struct journal *journal, struct problem *problem) {
  sqlite3_stmt *check = database_prepare(journal->db, "PRAGMA quick_check(1)", problem);
  if (check == NULL) {
    return false;
  }
  int code = sqlite3_step(check);
  const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : NULL;
  bool is_good = text != NULL && strcmp(text, "ok") == 0;
  if (!is_good && text != NULL) {
    const char *line = strrchr(text, '\n'); /* the last one tells what, the others where */
    (void)problem_set(problem, "is damaged (%s)", line == NULL ? text : line + 1);
  } else if (!is_good) {
    (void)database_problem(journal->db, problem);
  }
  (void)sqlite3_finalize(check);
  return is_good;
}

static bool open_to_read(struct journal *journal, struct problem *problem) {
  journal->holder = lock_holder(journal->file);
  journal->db = database_open(journal->file, DATABASE_READ, problem);
  /* One transaction: everything that is read is as it was at one moment. */
  return journal->db != NULL && database_run(journal->db, "BEGIN", problem) &&
         check_format(journal, problem) && read_terms(journal, problem);
}

/* Every commit is on the disk when it is done; those who read do not hold it up. */
static bool begin_wal(struct journal *journal, struct problem *problem) {
  char mode[16] = "";
  sqlite3_stmt *pragma = database_prepare(journal->db, "PRAGMA journal_mode=WAL", problem);
  if (pragma == NULL) {
    return false;
  }
  bool is_set = sqlite3_step(pragma) == SQLITE_ROW || database_problem(journal->db, problem);
  if (is_set) {
    (void)snprintf(mode, sizeof mode, "%s", (const char *)sqlite3_column_text(pragma, 0));
  }
  (void)sqlite3_finalize(pragma);
  if (is_set && strcmp(mode, "wal") != 0) {
    return problem_set(problem, "cannot be in WAL mode; is it on a file system of this machine?");
  }
  return is_set && database_run(journal->db, "PRAGMA synchronous=FULL", problem);
}

bool journal_open_locked(struct journal *journal, struct problem *problem) {
  journal->db = database_open(journal->file, DATABASE_WRITE, problem);
  if (journal->db == NULL || !check_format(journal, problem)) {
    return false;
  }
  if (sqlite3_db_readonly(journal->db, NULL) == 1) {
    return problem_set(problem, "cannot be written");
  }
  return begin_wal(journal, problem) && read_terms(journal, problem);
}

bool journal_check_links(const struct stat *status, struct problem *problem) {
  return status->st_nlink <= 1 ||
         problem_set(problem, "has more than one name (hard links), which SQLite and the lock "
                              "cannot know of");
}

/* SQLite itself would say no more of these than that it cannot open them. */
static bool check_file(const char *file, enum journal_access access_wanted,
                       struct problem *problem) {
  struct stat found;
  if (stat(file, &found) != 0) {
    return problem_set(problem, "%s", strerror(errno));
  }
  if (!S_ISREG(found.st_mode)) {
    return problem_set(problem, "is not a file");
  }
  if (access(file, access_wanted == JOURNAL_RUN ? R_OK | W_OK : R_OK) != 0) {
    return problem_set(problem, "%s", strerror(errno));
  }
  return journal_check_links(&found, problem);
}

static bool find_file(struct journal *journal, const char *file, struct problem *problem) {
  journal->file = realpath(file, NULL);
  return journal->file != NULL || problem_set(problem, "%s", strerror(errno));
}

bool journal_open(struct journal *journal, const char *file, enum journal_access access,
                  struct problem *problem) {
  journal_clear(journal);
  bool is_good = check_file(file, access, problem) && find_file(journal, file, problem);
  if (is_good && access == JOURNAL_RUN) {
    is_good = lock_take(&journal->lock, journal->file, problem) &&
              journal_open_locked(journal, problem) && check_pages(journal, problem);
  } else if (is_good) {
    is_good = open_to_read(journal, problem);
  }
  if (!is_good) {
    journal_close(journal);
  }
  return is_good;
}

/* ---- its runs -------------------------------------------------------------------------------- */

bool journal_begin_run(struct journal *journal, const char *command, uint64_t experiments,
                       int64_t now_ms, int64_t *number, struct problem *problem) {
  sqlite3_stmt *insert = database_prepare(
      journal->db,
      "INSERT INTO run(command,version,pid,experiments,begun_ms,seen_ms) VALUES(?,?,?,?,?,?)",
      problem);
  if (insert == NULL) {
    return false;
  }
  database_bind_text(insert, 1, command);
  database_bind_text(insert, 2, expstart_version());
  (void)sqlite3_bind_int64(insert, 3, (int64_t)getpid());
  (void)sqlite3_bind_int64(insert, 4, (int64_t)experiments);
  (void)sqlite3_bind_int64(insert, 5, now_ms);
  (void)sqlite3_bind_int64(insert, 6, now_ms);
  bool is_done = database_step(journal->db, insert, problem);
  (void)sqlite3_finalize(insert);
  *number = sqlite3_last_insert_rowid(journal->db);
  return is_done;
}

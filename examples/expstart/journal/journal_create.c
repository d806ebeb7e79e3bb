/* A journal is made from a list: its format, and that it is made whole or not at all. It is built under another name
 * and gets its own when it is complete, all while it is locked. Called by start.c. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "expstart.h"
#include "folder.h"
#include "journal.h"

#define TO_TEXT_(number) #number
#define TO_TEXT(number) TO_TEXT_(number)

/* clang-format off */
static const char schema[] =
    "PRAGMA application_id=" TO_TEXT(JOURNAL_APPLICATION) ";"
    "PRAGMA user_version=" TO_TEXT(JOURNAL_FORMAT) ";"
    /* One row. The key itself is not in it. */
    "CREATE TABLE journal("
    "  endpoint TEXT NOT NULL,"
    "  note TEXT,"
    "  key_salt BLOB NOT NULL,"
    "  key_fingerprint BLOB NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  version TEXT NOT NULL,"
    "  total INTEGER NOT NULL);"
    /* number: the place in the list. note: NULL is the journal's. error: the library's name for it. */
    "CREATE TABLE experiment("
    "  number INTEGER PRIMARY KEY,"
    "  id INTEGER NOT NULL,"
    "  note TEXT,"
    "  status TEXT NOT NULL DEFAULT 'pending',"
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  throttled INTEGER NOT NULL DEFAULT 0,"
    "  http_status INTEGER NOT NULL DEFAULT 0,"
    "  error TEXT,"
    "  message TEXT,"
    "  first_attempt_ms INTEGER,"
    "  last_attempt_ms INTEGER,"
    "  run INTEGER);"
    /* ended_ms, exit_code and ending stay NULL when a run is killed; seen_ms is then its last sign of life. */
    "CREATE TABLE run("
    "  number INTEGER PRIMARY KEY,"
    "  command TEXT NOT NULL,"
    "  version TEXT NOT NULL,"
    "  pid INTEGER NOT NULL,"
    "  experiments INTEGER NOT NULL,"
    "  begun_ms INTEGER NOT NULL,"
    "  seen_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER,"
    "  exit_code INTEGER,"
    "  ending TEXT,"
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  lookups INTEGER NOT NULL DEFAULT 0,"
    "  throttled INTEGER NOT NULL DEFAULT 0,"
    "  faults INTEGER NOT NULL DEFAULT 0,"
    "  p50_us INTEGER NOT NULL DEFAULT 0,"
    "  p90_us INTEGER NOT NULL DEFAULT 0,"
    "  p99_us INTEGER NOT NULL DEFAULT 0,"
    "  max_us INTEGER NOT NULL DEFAULT 0);"
    /* About one a second. good, bad: so far in this run; throttled, faults and times: since the last one. */
    "CREATE TABLE sample("
    "  run INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  good INTEGER NOT NULL,"
    "  bad INTEGER NOT NULL,"
    "  in_flight INTEGER NOT NULL,"
    "  throttled INTEGER NOT NULL,"
    "  faults INTEGER NOT NULL,"
    "  p50_us INTEGER NOT NULL,"
    "  p90_us INTEGER NOT NULL,"
    "  p99_us INTEGER NOT NULL,"
    "  max_us INTEGER NOT NULL);"
    /* When nothing was sent. kind: 'throttle' or 'outage'. */
    "CREATE TABLE pause("
    "  run INTEGER NOT NULL,"
    "  begun_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  PRIMARY KEY(run, begun_ms)) WITHOUT ROWID;"
    /* For people with a database tool. */
    "CREATE VIEW experiments AS SELECT e.number, e.id, coalesce(e.note, j.note) AS note, e.status,"
    "  e.attempts, e.throttled, e.http_status, e.error, e.message,"
    "  " JOURNAL_ISO("e.first_attempt_ms") " AS first_attempt,"
    "  " JOURNAL_ISO("e.last_attempt_ms") " AS last_attempt,"
    "  e.run FROM experiment e, journal j;";
/* clang-format on */

/* ---- the rows ---------------------------------------------------------------------------------- */

struct building {
  sqlite3 *db;
  const struct terms *terms;
  struct list *list;
};

static bool insert_terms(struct building *building, struct problem *problem) {
  unsigned char salt[FINGERPRINT_SALT];
  unsigned char fingerprint[FINGERPRINT_SIZE];
  sqlite3_stmt *insert =
      database_prepare(building->db, "INSERT INTO journal VALUES(?,?,?,?,?,?,?)", problem);
  if (insert == NULL) {
    return false;
  }
  sqlite3_randomness(FINGERPRINT_SALT, salt);
  fingerprint_make(fingerprint, building->terms->key, salt);
  database_bind_text(insert, 1, building->terms->endpoint);
  database_bind_text(insert, 2, building->terms->note);
  (void)sqlite3_bind_blob(insert, 3, salt, FINGERPRINT_SALT, SQLITE_STATIC);
  (void)sqlite3_bind_blob(insert, 4, fingerprint, FINGERPRINT_SIZE, SQLITE_STATIC);
  (void)sqlite3_bind_int64(insert, 5, clock_wall_ms());
  database_bind_text(insert, 6, expstart_version());
  (void)sqlite3_bind_int64(insert, 7, (int64_t)building->list->count);
  bool is_done = database_step(building->db, insert, problem);
  (void)sqlite3_finalize(insert);
  return is_done;
}

static bool insert_experiments(struct building *building, struct problem *problem) {
  struct list *list = building->list;
  sqlite3_stmt *insert = database_prepare(
      building->db, "INSERT INTO experiment(number,id,note) VALUES(?,?,?)", problem);
  bool is_good = insert != NULL;
  for (size_t i = 0; i < list->count && is_good; i++) {
    struct list_entry *entry = &list->entries[i];
    entry->place = (uint32_t)(i + 1);
    (void)sqlite3_bind_int64(insert, 1, entry->place);
    (void)sqlite3_bind_int64(insert, 2, entry->id);
    database_bind_text(insert, 3, list_note(list, entry));
    is_good = database_step(building->db, insert, problem);
  }
  (void)sqlite3_finalize(insert);
  return is_good;
}

/* Not in WAL mode yet: everything would be written twice. The index comes last, when it can be sorted. */
static bool fill(struct building *building, struct problem *problem) {
  return database_run(building->db, "PRAGMA synchronous=FULL; BEGIN EXCLUSIVE", problem) &&
         database_run(building->db, schema, problem) && insert_terms(building, problem) &&
         insert_experiments(building, problem) &&
         database_run(building->db, "CREATE UNIQUE INDEX experiment_id ON experiment(id); COMMIT",
                      problem);
}

static bool build(const char *name, const struct terms *terms, struct list *list,
                  struct problem *problem) {
  struct building building = {.terms = terms, .list = list};
  building.db = database_open(name, DATABASE_CREATE, problem);
  bool is_built = building.db != NULL && fill(&building, problem);
  database_close(building.db);
  return is_built;
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* There is nothing of that name, or an empty file. */
static bool check_free(const char *file, struct problem *problem) {
  struct stat found;
  if (stat(file, &found) != 0) {
    return errno == ENOENT || problem_set(problem, "%s", strerror(errno));
  }
  if (!S_ISREG(found.st_mode)) {
    return problem_set(problem, "is not a file");
  }
  if (found.st_size > 0) {
    return problem_set(problem, "is there already; \"expstart resume\" goes on with a journal");
  }
  return journal_check_links(&found, problem);
}

bool journal_check_new(const char *file, struct problem *problem) {
  int error = folder_check(file);
  return check_free(file, problem) && (error == 0 || problem_set(problem, "%s", strerror(error)));
}

static char *join(const char *one, const char *other) {
  size_t size = strlen(one) + strlen(other) + 1;
  char *joined = malloc(size);
  if (joined != NULL) {
    (void)snprintf(joined, size, "%s%s", one, other);
  }
  return joined;
}

/* The absolute name, without links, of a file that need not be there; NULL: errno tells why not. */
static char *absolute(const char *file) {
  char *name = realpath(file, NULL);
  if (name != NULL || errno != ENOENT) {
    return name;
  }
  const char *base = strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1;
  char *folder = folder_of(file);
  char *real = folder == NULL ? NULL : realpath(folder, NULL);
  char *path = real == NULL ? NULL : join(real, strcmp(real, "/") == 0 ? "" : "/");
  name = path == NULL ? NULL : join(path, base);
  int error = errno;
  free(folder);
  free(real);
  free(path);
  errno = error;
  return name;
}

static void remove_with(const char *file, const char *suffix) {
  char *name = join(file, suffix);
  if (name != NULL) {
    (void)unlink(name); /* as a rule it is not there */
  }
  free(name);
}

/* What an earlier one left that was killed while it built is of no use. */
static void remove_built(const char *built) {
  remove_with(built, "");
  remove_with(built, "-journal");
}

/* Gives the file its name, so that it stays there through a power cut. A journal of that name that was killed and
   then deleted may have left its log, which SQLite would take for this one's. */
static bool publish(const char *built, const char *file, struct problem *problem) {
  remove_with(file, "-wal");
  remove_with(file, "-shm");
  remove_with(file, "-journal");
  if (rename(built, file) != 0) {
    return problem_set(problem, "%s", strerror(errno));
  }
  int error = folder_sync(file);
  if (error != 0) {
    (void)unlink(file);
    return problem_set(problem, "its folder cannot be synced: %s", strerror(error));
  }
  return true;
}

static bool create(struct journal *journal, const struct terms *terms, struct list *list,
                   struct problem *problem) {
  char *built = join(journal->file, "-expstart-new");
  if (built == NULL) {
    return problem_set(problem, "out of memory");
  }
  remove_built(built);
  bool is_published = build(built, terms, list, problem) && publish(built, journal->file, problem);
  remove_built(built);
  free(built);
  if (is_published && journal_open_locked(journal, problem)) {
    return true;
  }
  if (is_published) {
    database_close(journal->db);
    journal->db = NULL;
    (void)unlink(journal->file); /* nothing was sent, and it is ours: it is locked */
  }
  return false;
}

bool journal_create(struct journal *journal, const char *file, const struct terms *terms,
                    struct list *list, struct problem *problem) {
  journal_clear(journal);
  if (list->count >= UINT32_MAX) {
    return problem_set(problem, "cannot hold more than %lu experiments",
                       (unsigned long)UINT32_MAX - 1);
  }
  journal->file = absolute(file);
  bool is_good = journal->file != NULL || problem_set(problem, "%s", strerror(errno));
  is_good = is_good && lock_take(&journal->lock, journal->file, problem) &&
            check_free(journal->file, problem) && create(journal, terms, list, problem);
  if (!is_good) {
    journal_close(journal);
  }
  return is_good;
}

/* A journal's format, its making and opening, and the terms that all its runs share. Called by the
 * sub-commands; knows nothing of loops and clients. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "expstart.h"
#include "text.h"

/* "expj": tells a journal from other databases (PRAGMA application_id). */
#define APPLICATION_ID 0x6578706A
/* Of the format (PRAGMA user_version): to be raised with each change of it. */
#define FORMAT 1

#define TO_TEXT_(number) #number
#define TO_TEXT(number) TO_TEXT_(number)

/* clang-format off */
static const char schema[] =
    "PRAGMA application_id=" TO_TEXT(APPLICATION_ID) ";"
    "PRAGMA user_version=" TO_TEXT(FORMAT) ";"
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

void journal_close(struct journal *journal) {
  database_close(journal->db);
  lock_release(&journal->lock);
  free(journal->file);
  free(journal->endpoint);
  free(journal->note);
  memset(journal, 0, sizeof *journal);
  journal->lock.file = -1;
}

static void clear(struct journal *journal) {
  memset(journal, 0, sizeof *journal);
  journal->lock.file = -1;
}

static bool copy_text(char **copy, const char *text, struct problem *problem) {
  char *made = text == NULL ? NULL : strdup(text);
  if (text != NULL && made == NULL) {
    return problem_set(problem, "out of memory");
  }
  free(*copy);
  *copy = made;
  return true;
}

/* ---- making one ------------------------------------------------------------------------------ */

static bool is_taken(struct problem *problem) {
  return problem_set(problem, "is there already; \"expstart resume\" goes on with a journal");
}

bool journal_check_new(const char *file, struct problem *problem) {
  struct stat found;
  if (stat(file, &found) == 0) {
    return S_ISREG(found.st_mode) && found.st_size == 0 ? true : is_taken(problem);
  }
  char *folder = strdup(file);
  if (folder == NULL) {
    return problem_set(problem, "out of memory");
  }
  char *slash = strrchr(folder, '/');
  if (slash != NULL) {
    slash[slash == folder ? 1 : 0] = '\0';
  }
  bool is_good = access(slash == NULL ? "." : folder, W_OK | X_OK) == 0;
  free(folder);
  return is_good || problem_set(problem, "%s", strerror(errno));
}

/* An empty file of that name, made here or found. */
static bool make_file(const char *file, bool *is_made, struct problem *problem) {
  struct stat status;
  int made = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  *is_made = made >= 0;
  if (made < 0 && errno == EEXIST) {
    made = open(file, O_RDWR | O_CLOEXEC);
  }
  if (made < 0) {
    return problem_set(problem, "%s", strerror(errno));
  }
  bool is_empty = fstat(made, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
  (void)close(made); /* nothing was written */
  return is_empty || is_taken(problem);
}

static bool insert_terms(struct journal *journal, struct problem *problem) {
  sqlite3_stmt *insert =
      database_prepare(journal->db, "INSERT INTO journal VALUES(?,?,?,?,?,?,?)", problem);
  if (insert == NULL) {
    return false;
  }
  database_bind_text(insert, 1, journal->endpoint);
  database_bind_text(insert, 2, journal->note);
  (void)sqlite3_bind_blob(insert, 3, journal->salt, FINGERPRINT_SALT, SQLITE_STATIC);
  (void)sqlite3_bind_blob(insert, 4, journal->fingerprint, FINGERPRINT_SIZE, SQLITE_STATIC);
  (void)sqlite3_bind_int64(insert, 5, journal->created_ms);
  database_bind_text(insert, 6, expstart_version());
  (void)sqlite3_bind_int64(insert, 7, (int64_t)journal->total);
  bool is_done = database_step(journal->db, insert, problem);
  (void)sqlite3_finalize(insert);
  return is_done;
}

static bool insert_experiments(struct journal *journal, struct list *list,
                               struct problem *problem) {
  sqlite3_stmt *insert = database_prepare(
      journal->db, "INSERT INTO experiment(number,id,note) VALUES(?,?,?)", problem);
  bool is_good = insert != NULL;
  for (size_t i = 0; i < list->count && is_good; i++) {
    struct list_entry *entry = &list->entries[i];
    entry->place = (uint32_t)(i + 1);
    (void)sqlite3_bind_int64(insert, 1, entry->place);
    (void)sqlite3_bind_int64(insert, 2, entry->id);
    database_bind_text(insert, 3, list_note(list, entry));
    is_good = database_step(journal->db, insert, problem);
  }
  (void)sqlite3_finalize(insert);
  return is_good;
}

/* Not in WAL mode yet: everything would be written twice. The index comes last, when it can be sorted. */
static bool fill(struct journal *journal, struct list *list, struct problem *problem) {
  return database_run(journal->db, "PRAGMA synchronous=FULL; BEGIN EXCLUSIVE", problem) &&
         database_run(journal->db, schema, problem) && insert_terms(journal, problem) &&
         insert_experiments(journal, list, problem) &&
         database_run(journal->db, "CREATE UNIQUE INDEX experiment_id ON experiment(id); COMMIT",
                      problem);
}

static bool begin_wal(struct journal *journal, struct problem *problem) {
  return database_run(journal->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", problem);
}

static bool find_file(struct journal *journal, const char *file, struct problem *problem) {
  journal->file = realpath(file, NULL);
  return journal->file != NULL || problem_set(problem, "%s", strerror(errno));
}

static bool create(struct journal *journal, const struct terms *terms, struct list *list,
                   struct problem *problem) {
  if (list->count >= UINT32_MAX) {
    return problem_set(problem, "cannot hold more than %lu experiments",
                       (unsigned long)UINT32_MAX - 1);
  }
  journal->created_ms = clock_wall_ms();
  journal->total = list->count;
  sqlite3_randomness(FINGERPRINT_SALT, journal->salt);
  fingerprint_make(journal->fingerprint, terms->key, journal->salt);
  if (!copy_text(&journal->endpoint, terms->endpoint, problem) ||
      !copy_text(&journal->note, terms->note, problem)) {
    return false;
  }
  journal->db = database_open(journal->file, DATABASE_WRITE, problem);
  return journal->db != NULL && fill(journal, list, problem) && begin_wal(journal, problem);
}

bool journal_create(struct journal *journal, const char *file, const struct terms *terms,
                    struct list *list, struct problem *problem) {
  bool is_made = false;
  clear(journal);
  bool is_good = make_file(file, &is_made, problem) && find_file(journal, file, problem) &&
                 lock_take(&journal->lock, journal->file, problem) &&
                 create(journal, terms, list, problem);
  if (!is_good) {
    database_close(journal->db); /* rolls back: the file is empty again */
    journal->db = NULL;
    if (is_made) {
      (void)unlink(file); /* an empty one that stays does no harm */
    }
    journal_close(journal);
  }
  return is_good;
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
  if (application != APPLICATION_ID) {
    return problem_set(problem, "is a database, but not a journal of expstart");
  }
  if (format != FORMAT) {
    return problem_set(problem,
                       "has format %lld, which expstart %s does not know (it knows %d); use the "
                       "version that made it",
                       (long long)format, expstart_version(), FORMAT);
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
  return copy_text(&journal->endpoint, endpoint, problem) &&
         copy_text(&journal->note, (const char *)sqlite3_column_text(select, 1), problem);
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
  journal->db = database_open(journal->file, DATABASE_READ, problem);
  /* One transaction: everything that is read is as it was at one moment. */
  return journal->db != NULL && database_run(journal->db, "BEGIN", problem) &&
         check_format(journal, problem) && read_terms(journal, problem);
}

static bool open_to_run(struct journal *journal, struct problem *problem) {
  if (!lock_take(&journal->lock, journal->file, problem)) {
    return false;
  }
  journal->db = database_open(journal->file, DATABASE_WRITE, problem);
  if (journal->db == NULL || !check_format(journal, problem)) {
    return false;
  }
  if (sqlite3_db_readonly(journal->db, NULL) == 1) {
    return problem_set(problem, "cannot be written");
  }
  return begin_wal(journal, problem) && read_terms(journal, problem) &&
         check_pages(journal, problem);
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
  return true;
}

bool journal_open(struct journal *journal, const char *file, enum journal_access access,
                  struct problem *problem) {
  clear(journal);
  bool is_good =
      check_file(file, access, problem) && find_file(journal, file, problem) &&
      (access == JOURNAL_RUN ? open_to_run(journal, problem) : open_to_read(journal, problem));
  if (!is_good) {
    journal_close(journal);
  }
  return is_good;
}

/* ---- its terms ------------------------------------------------------------------------------- */

static size_t length_without_slashes(const char *url) {
  size_t length = strlen(url);
  while (length > 0 && url[length - 1] == '/') {
    length--;
  }
  return length;
}

static bool is_same_endpoint(const char *one, const char *other) {
  size_t length = length_without_slashes(one);
  return length_without_slashes(other) == length && memcmp(one, other, length) == 0;
}

/* As TERM_... bits; a NULL is not compared. */
static unsigned find_differences(const struct journal *journal, const struct terms *terms) {
  unsigned differs = 0;
  unsigned char fingerprint[FINGERPRINT_SIZE];
  if (terms->endpoint != NULL && !is_same_endpoint(terms->endpoint, journal->endpoint)) {
    differs |= TERM_ENDPOINT;
  }
  if (terms->key != NULL) {
    fingerprint_make(fingerprint, terms->key, journal->salt);
    differs |= memcmp(fingerprint, journal->fingerprint, FINGERPRINT_SIZE) != 0 ? TERM_KEY : 0;
  }
  if (terms->note != NULL && (journal->note == NULL || strcmp(terms->note, journal->note) != 0)) {
    differs |= TERM_NOTE;
  }
  return differs;
}

bool journal_check_terms(const struct journal *journal, const struct terms *terms,
                         unsigned may_differ, struct problem *problem) {
  char shown[256];
  unsigned refused = find_differences(journal, terms) & ~may_differ;
  if ((refused & TERM_ENDPOINT) != 0) {
    return problem_set(
        problem, "was begun with another endpoint, %s; \"--change endpoint\" goes on with this one",
        text_safe(shown, sizeof shown, journal->endpoint, strlen(journal->endpoint)));
  }
  if ((refused & TERM_KEY) != 0) {
    return problem_set(problem,
                       "was begun with another API key; \"--change key\" goes on with this one");
  }
  if ((refused & TERM_NOTE) != 0) {
    return problem_set(problem,
                       "was begun with another note; \"--change note\" goes on with this one");
  }
  return true;
}

bool journal_change(struct journal *journal, const struct terms *terms, struct problem *problem) {
  if ((terms->endpoint != NULL && !copy_text(&journal->endpoint, terms->endpoint, problem)) ||
      (terms->note != NULL && !copy_text(&journal->note, terms->note, problem))) {
    return false;
  }
  if (terms->key != NULL) {
    fingerprint_make(journal->fingerprint, terms->key, journal->salt);
  }
  sqlite3_stmt *update = database_prepare(
      journal->db, "UPDATE journal SET endpoint=?,note=?,key_fingerprint=?", problem);
  if (update == NULL) {
    return false;
  }
  database_bind_text(update, 1, journal->endpoint);
  database_bind_text(update, 2, journal->note);
  (void)sqlite3_bind_blob(update, 3, journal->fingerprint, FINGERPRINT_SIZE, SQLITE_STATIC);
  bool is_done = database_step(journal->db, update, problem);
  (void)sqlite3_finalize(update);
  return is_done;
}

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

/* Writes batches into a journal, each in one transaction. Called by writer.c, on its thread. */
#include "store.h"

#include <string.h>

#include "expstart.h"

/* clang-format off */
static const char *const texts[STORE_STATEMENTS] = {
    [STORE_CLAIM] = "UPDATE experiment SET status='sending',run=?2 WHERE number=?1",
    [STORE_RESULT] =
        ("UPDATE experiment SET status=?2,attempts=attempts+?3,throttled=throttled+?4,http_status=?5,"
        "error=?6,message=?7,first_attempt_ms=coalesce(first_attempt_ms,?8),"
        "last_attempt_ms=coalesce(?9,last_attempt_ms) WHERE number=?1"),
    [STORE_UNTRIED] = "UPDATE experiment SET status=?2 WHERE number=?1 AND status='sending'",
    [STORE_SAMPLE] = "INSERT INTO sample VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [STORE_RUN] =
        ("UPDATE run SET seen_ms=?2,attempts=?3,lookups=?4,throttled=?5,faults=?6,p50_us=?7,p90_us=?8,"
        "p99_us=?9,max_us=?10 WHERE number=?1"),
    [STORE_PAUSE] = "INSERT OR REPLACE INTO pause VALUES(?,?,?,?)",
    [STORE_ENDING] = "UPDATE run SET ended_ms=?2,seen_ms=?2,exit_code=?3,ending=?4 WHERE number=?1",
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
};
/* clang-format on */

bool store_init(struct store *store, struct journal *journal, int64_t run, const struct list *list,
                struct problem *problem) {
  memset(store, 0, sizeof *store);
  store->db = journal->db;
  store->run = run;
  store->list = list;
  for (size_t i = 0; i < STORE_STATEMENTS; i++) {
    store->statements[i] = database_prepare(store->db, texts[i], problem);
    if (store->statements[i] == NULL) {
      store_free(store);
      return false;
    }
  }
  return true;
}

void store_free(struct store *store) {
  for (size_t i = 0; i < STORE_STATEMENTS; i++) {
    (void)sqlite3_finalize(
        store->statements[i]); /* repeats the error of the last step; NULL is fine */
  }
  memset(store, 0, sizeof *store);
}

static void bind_count(sqlite3_stmt *statement, int place, uint64_t count) {
  (void)sqlite3_bind_int64(statement, place, (int64_t)count);
}

static bool write_claim(struct store *store, const struct batch *batch, struct problem *problem) {
  for (size_t i = batch->claim_from; i < batch->claim_to; i++) {
    (void)sqlite3_bind_int64(store->statements[STORE_CLAIM], 1, store->list->entries[i].place);
    (void)sqlite3_bind_int64(store->statements[STORE_CLAIM], 2, store->run);
    if (!database_step(store->db, store->statements[STORE_CLAIM], problem)) {
      return false;
    }
  }
  return true;
}

static bool write_untried(struct store *store, const struct journal_result *result,
                          struct problem *problem) {
  (void)sqlite3_bind_int64(store->statements[STORE_UNTRIED], 1, result->place);
  database_bind_text(store->statements[STORE_UNTRIED], 2, status_name(result->status));
  return database_step(store->db, store->statements[STORE_UNTRIED], problem);
}

static bool write_result(struct store *store, const struct journal_result *result,
                         struct problem *problem) {
  sqlite3_stmt *update = store->statements[STORE_RESULT];
  const char *error = result->error == EXPSTART_OK ? NULL : expstart_err_name(result->error);
  (void)sqlite3_bind_int64(update, 1, result->place);
  database_bind_text(update, 2, status_name(result->status));
  bind_count(update, 3, result->attempts);
  bind_count(update, 4, result->throttled);
  (void)sqlite3_bind_int(update, 5, result->http_status);
  database_bind_text(update, 6, error);
  database_bind_text(update, 7, result->message);
  database_bind_time(update, 8, result->first_attempt_ms);
  database_bind_time(update, 9, result->last_attempt_ms);
  return database_step(store->db, update, problem);
}

static bool write_results(struct store *store, const struct batch *batch, struct problem *problem) {
  for (size_t i = 0; i < batch->result_count; i++) {
    struct journal_result result = batch_result_at(batch, i);
    if (!(result.is_untried ? write_untried(store, &result, problem)
                            : write_result(store, &result, problem))) {
      return false;
    }
  }
  return true;
}

static bool write_sample(struct store *store, const struct journal_sample *sample,
                         struct problem *problem) {
  const uint64_t counts[] = {sample->good,      sample->bad,    sample->in_flight,
                             sample->throttled, sample->faults, sample->p50_us,
                             sample->p90_us,    sample->p99_us, sample->max_us};
  (void)sqlite3_bind_int64(store->statements[STORE_SAMPLE], 1, store->run);
  (void)sqlite3_bind_int64(store->statements[STORE_SAMPLE], 2, sample->at_ms);
  for (int i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++) {
    bind_count(store->statements[STORE_SAMPLE], i + 3, counts[i]);
  }
  return database_step(store->db, store->statements[STORE_SAMPLE], problem);
}

/* The run as the last of the samples has it. */
static bool write_run(struct store *store, const struct journal_sample *sample,
                      struct problem *problem) {
  const uint64_t counts[] = {sample->run.attempts, sample->run.lookups, sample->run.throttled,
                             sample->run.faults,   sample->run.p50_us,  sample->run.p90_us,
                             sample->run.p99_us,   sample->run.max_us};
  (void)sqlite3_bind_int64(store->statements[STORE_RUN], 1, store->run);
  (void)sqlite3_bind_int64(store->statements[STORE_RUN], 2, sample->at_ms);
  for (int i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++) {
    bind_count(store->statements[STORE_RUN], i + 3, counts[i]);
  }
  return database_step(store->db, store->statements[STORE_RUN], problem);
}

static bool write_samples(struct store *store, const struct batch *batch, struct problem *problem) {
  for (size_t i = 0; i < batch->sample_count; i++) {
    if (!write_sample(store, &batch->samples[i], problem)) {
      return false;
    }
  }
  return batch->sample_count == 0 ||
         write_run(store, &batch->samples[batch->sample_count - 1], problem);
}

static bool write_pauses(struct store *store, const struct batch *batch, struct problem *problem) {
  for (size_t i = 0; i < batch->pause_count; i++) {
    const struct journal_pause *pause = &batch->pauses[i];
    (void)sqlite3_bind_int64(store->statements[STORE_PAUSE], 1, store->run);
    (void)sqlite3_bind_int64(store->statements[STORE_PAUSE], 2, pause->begun_ms);
    (void)sqlite3_bind_int64(store->statements[STORE_PAUSE], 3, pause->ended_ms);
    database_bind_text(store->statements[STORE_PAUSE], 4, pause->is_outage ? "outage" : "throttle");
    if (!database_step(store->db, store->statements[STORE_PAUSE], problem)) {
      return false;
    }
  }
  return true;
}

static bool write_ending(struct store *store, const struct journal_ending *ending,
                         struct problem *problem) {
  if (ending == NULL) {
    return true;
  }
  (void)sqlite3_bind_int64(store->statements[STORE_ENDING], 1, store->run);
  (void)sqlite3_bind_int64(store->statements[STORE_ENDING], 2, ending->at_ms);
  (void)sqlite3_bind_int(store->statements[STORE_ENDING], 3, ending->exit_code);
  database_bind_text(store->statements[STORE_ENDING], 4, ending->words);
  return database_step(store->db, store->statements[STORE_ENDING], problem);
}

/* The claim comes first: a result of the same batch is of an earlier one. */
static bool write_all(struct store *store, const struct batch *batch,
                      const struct journal_ending *ending, struct problem *problem) {
  return database_step(store->db, store->statements[STORE_BEGIN], problem) &&
         write_claim(store, batch, problem) && write_results(store, batch, problem) &&
         write_samples(store, batch, problem) && write_pauses(store, batch, problem) &&
         write_ending(store, ending, problem) &&
         database_step(store->db, store->statements[STORE_COMMIT], problem);
}

enum store_outcome store_write(struct store *store, const struct batch *batch,
                               const struct journal_ending *ending, struct problem *problem) {
  if (write_all(store, batch, ending, problem)) {
    return STORE_DONE;
  }
  int code = sqlite3_errcode(store->db) & 0xFF;
  if (!sqlite3_get_autocommit(store->db)) {
    struct problem
        ignored; /* what SQLite could not undo now, it undoes when the file is opened next */
    (void)database_step(store->db, store->statements[STORE_ROLLBACK], &ignored);
  }
  return code == SQLITE_BUSY || code == SQLITE_LOCKED ? STORE_BUSY : STORE_FAILED;
}

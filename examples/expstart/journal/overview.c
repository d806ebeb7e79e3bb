/* A journal at a glance. Called by status.c and by the report. */
#include "overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_OVER_MS 10000 /* "of late" */

static bool take_count(void *data, sqlite3_stmt *select, struct problem *problem) {
  struct overview *overview = data;
  enum status status = STATUS_PENDING;
  const char *name = (const char *)sqlite3_column_text(select, 0);
  if (name == NULL || !status_find(name, strlen(name), &status)) {
    return problem_set(problem, "is damaged (a status is not one)");
  }
  overview->counts[status] = (uint64_t)sqlite3_column_int64(select, 1);
  return true;
}

static void copy_text(char *to, size_t size, sqlite3_stmt *select, int column) {
  const char *text = (const char *)sqlite3_column_text(select, column);
  (void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static bool take_run(void *data, sqlite3_stmt *select, struct problem *problem) {
  struct overview *overview = data;
  struct overview_run *bigger = realloc(overview->runs, (overview->run_count + 1) * sizeof *bigger);
  if (bigger == NULL) {
    return problem_set(problem, "out of memory");
  }
  overview->runs = bigger;
  struct overview_run *run = &overview->runs[overview->run_count++];
  memset(run, 0, sizeof *run);
  run->number = sqlite3_column_int64(select, 0);
  copy_text(run->command, sizeof run->command, select, 1);
  copy_text(run->version, sizeof run->version, select, 2);
  run->pid = sqlite3_column_int64(select, 3);
  run->begun_ms = sqlite3_column_int64(select, 5);
  run->seen_ms = sqlite3_column_int64(select, 6);
  run->ended_ms = sqlite3_column_int64(select, 7);
  run->exit_code = sqlite3_column_int(select, 8);
  copy_text(run->ending, sizeof run->ending, select, 9);
  uint64_t *const counts[] = {&run->attempts, &run->lookups, &run->throttled, &run->faults,
                              &run->p50_us,   &run->p90_us,  &run->p99_us,    &run->max_us};
  run->experiments = (uint64_t)sqlite3_column_int64(select, 4);
  for (int i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++) {
    *counts[i] = (uint64_t)sqlite3_column_int64(select, 10 + i);
  }
  return true;
}

/* From the first to the last sample of the last moments of the last run. */
static bool take_rate(void *data, sqlite3_stmt *select, struct problem *problem) {
  struct overview *overview = data;
  int64_t results = sqlite3_column_int64(select, 0);
  int64_t time_ms = sqlite3_column_int64(select, 1);
  (void)problem;
  if (overview->holder != 0 && time_ms > 0 && results > 0) {
    overview->rate_per_second = (double)results * 1000 / (double)time_ms;
  }
  return true;
}

static bool read_rate(struct overview *overview, struct journal *journal, struct problem *problem) {
  char sql[400];
  (void)snprintf(
      sql, sizeof sql,
      "SELECT max(good+bad)-min(good+bad),max(at_ms)-min(at_ms) FROM sample "
      "WHERE run=(SELECT max(number) FROM run) AND "
      "at_ms>=(SELECT max(at_ms) FROM sample WHERE run=(SELECT max(number) FROM run))-%d",
      RATE_OVER_MS);
  return database_each(journal->db, sql, take_rate, overview, problem);
}

static bool read_all(struct overview *overview, struct journal *journal, struct problem *problem) {
  static const char counts[] = "SELECT status,count(*) FROM experiment GROUP BY status";
  static const char runs[] =
      "SELECT number,command,version,pid,experiments,begun_ms,seen_ms,ended_ms,exit_code,ending,"
      "attempts,lookups,throttled,faults,p50_us,p90_us,p99_us,max_us FROM run ORDER BY number";
  static const char cut_off[] =
      "SELECT count(*) FROM experiment WHERE status='unknown' AND error='ECANCELED'";
  return database_each(journal->db, counts, take_count, overview, problem) &&
         database_each(journal->db, runs, take_run, overview, problem) &&
         database_number(journal->db, cut_off, &overview->cut_off, problem) &&
         read_rate(overview, journal, problem);
}

bool overview_read(struct overview *overview, struct journal *journal, struct problem *problem) {
  memset(overview, 0, sizeof *overview);
  /* It may have begun a run before what is read here, or ended it behind. */
  overview->holder = journal->holder != 0 ? journal->holder : lock_holder(journal->file);
  return read_all(overview, journal, problem);
}

void overview_free(struct overview *overview) {
  free(overview->runs);
  memset(overview, 0, sizeof *overview);
}

uint64_t overview_good(const struct overview *overview) {
  return overview->counts[STATUS_STARTED] + overview->counts[STATUS_RUNNING];
}

uint64_t overview_left(const struct overview *overview) {
  return overview->counts[STATUS_PENDING] + overview->counts[STATUS_SENDING] +
         overview->counts[STATUS_CANCELED] + (uint64_t)overview->cut_off;
}

bool overview_is_going(const struct overview *overview, const struct overview_run *run) {
  return overview->holder != 0 && run->ended_ms == 0 &&
         run == &overview->runs[overview->run_count - 1];
}

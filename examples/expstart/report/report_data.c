/* What a report is drawn from: a journal as one JSON object. A run may have gone on for days: samples are thinned
 * to what a screen can show, and of pauses only the longest are drawn. Called by report.c. */
#include "report_data.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error_groups.h"
#include "expstart.h"
#include "json_build.h"
#include "overview.h"

#define SAMPLES_MOST 1000 /* about; one a run at least */
#define PAUSES_MOST 400
#define SAMPLE_LEAST_MS 100

struct builder {
  struct journal *journal;
  struct json_object *all;
  struct json_build json;
};

/* ---- at a glance ----------------------------------------------------------------------------- */

static void add_outcomes(struct builder *builder, const struct overview *overview) {
  struct json_object *outcomes = json_object_new_object();
  for (int i = 0; i < STATUSES; i++) {
    json_build_number(&builder->json, outcomes, status_name((enum status)i),
                      (int64_t)overview->counts[i]);
  }
  json_build_add(&builder->json, builder->all, "outcomes", outcomes);
}

static struct json_object *make_run(struct builder *builder, const struct overview *overview,
                                    const struct overview_run *run) {
  struct json_object *object = json_object_new_object();
  json_build_number(&builder->json, object, "number", run->number);
  json_build_words(&builder->json, object, "command", run->command);
  json_build_words(&builder->json, object, "version", run->version);
  json_build_number(&builder->json, object, "pid", run->pid);
  json_build_number(&builder->json, object, "begun_ms", run->begun_ms);
  json_build_number(&builder->json, object, "seen_ms", run->seen_ms);
  if (run->ended_ms > 0) {
    json_build_number(&builder->json, object, "ended_ms", run->ended_ms);
    json_build_number(&builder->json, object, "exit_code", run->exit_code);
  } else {
    json_build_null(&builder->json, object, "ended_ms");
    json_build_null(&builder->json, object, "exit_code");
  }
  json_build_words(&builder->json, object, "ending", run->ending);
  json_build_add(&builder->json, object, "is_running",
                 json_object_new_boolean(overview_is_going(overview, run)));
  json_build_number(&builder->json, object, "experiments", (int64_t)run->experiments);
  json_build_number(&builder->json, object, "attempts", (int64_t)run->attempts);
  json_build_number(&builder->json, object, "lookups", (int64_t)run->lookups);
  json_build_number(&builder->json, object, "throttled", (int64_t)run->throttled);
  json_build_number(&builder->json, object, "faults", (int64_t)run->faults);
  json_build_number(&builder->json, object, "p50_us", (int64_t)run->p50_us);
  json_build_number(&builder->json, object, "p90_us", (int64_t)run->p90_us);
  json_build_number(&builder->json, object, "p99_us", (int64_t)run->p99_us);
  json_build_number(&builder->json, object, "max_us", (int64_t)run->max_us);
  return object;
}

static bool add_overview(struct builder *builder, struct problem *problem) {
  struct overview overview;
  bool is_read = overview_read(&overview, builder->journal, problem);
  if (is_read) {
    struct json_object *runs = json_object_new_array();
    for (size_t i = 0; i < overview.run_count; i++) {
      json_build_append(&builder->json, runs, make_run(builder, &overview, &overview.runs[i]));
    }
    add_outcomes(builder, &overview);
    json_build_add(&builder->json, builder->all, "runs", runs);
  }
  overview_free(&overview);
  return is_read;
}

/* ---- over time ------------------------------------------------------------------------------- */

/* Each column of a query becomes an array of that name. */
struct columns {
  struct builder *builder;
  struct json_object *to;
};

static bool take_columns(void *data, sqlite3_stmt *select, struct problem *problem) {
  struct columns *columns = data;
  (void)problem; /* that memory is short is the builder's to tell */
  for (int i = 0; i < sqlite3_column_count(select); i++) {
    struct json_object *column =
        json_object_object_get(columns->to, sqlite3_column_name(select, i));
    json_build_append(&columns->builder->json, column,
                      json_object_new_int64(sqlite3_column_int64(select, i)));
  }
  return !columns->builder->json.has_failed;
}

/* Adds an object with an array of each name, and fills these from a query that has such columns. */
static bool add_columns(struct builder *builder, const char *name, const char *const *names,
                        size_t count, const char *sql, struct problem *problem) {
  struct columns columns = {.builder = builder, .to = json_object_new_object()};
  json_build_add(&builder->json, builder->all, name, columns.to);
  for (size_t i = 0; i < count && !builder->json.has_failed; i++) {
    json_build_add(&builder->json, columns.to, names[i], json_object_new_array());
  }
  return !builder->json.has_failed &&
         database_each(builder->journal->db, sql, take_columns, &columns, problem);
}

/* What the runs came to: one that was killed had results behind its last sample. */
static bool add_totals(struct builder *builder, struct problem *problem) {
  static const char *const names[] = {"run", "good", "bad"};
  return add_columns(builder, "totals", names, sizeof names / sizeof names[0],
                     "SELECT run,sum(status IN ('started','running')) good,"
                     "sum(status IN ('rejected','failed','unknown')) bad "
                     "FROM experiment WHERE run NOT NULL GROUP BY run",
                     problem);
}

/* The samples of each stretch of time become one: counts add up, and of the times p50 and p90 are the mean and
   the others the worst. */
static bool add_samples(struct builder *builder, struct problem *problem) {
  static const char *const names[] = {"run",       "at_ms",     "good",   "bad",
                                      "in_flight", "throttled", "faults", "p50_us",
                                      "p90_us",    "p99_us",    "max_us"};
  char sql[800];
  int64_t active_ms = 0;
  if (!database_number(builder->journal->db, "SELECT coalesce(sum(seen_ms-begun_ms),0) FROM run",
                       &active_ms, problem)) {
    return false;
  }
  int64_t stretch_ms = active_ms / SAMPLES_MOST;
  (void)snprintf(sql, sizeof sql,
                 "SELECT run,max(at_ms) at_ms,max(good) good,max(bad) bad,"
                 "max(in_flight) in_flight,sum(s.throttled) throttled,sum(s.faults) faults,"
                 "coalesce(avg(nullif(s.p50_us,0)),0) p50_us,"
                 "coalesce(avg(nullif(s.p90_us,0)),0) p90_us,max(s.p99_us) p99_us,"
                 "max(s.max_us) max_us FROM sample s JOIN run r ON r.number=s.run "
                 "GROUP BY run,(at_ms-begun_ms)/%lld ORDER BY run,2",
                 (long long)(stretch_ms > SAMPLE_LEAST_MS ? stretch_ms : SAMPLE_LEAST_MS));
  return add_columns(builder, "samples", names, sizeof names / sizeof names[0], sql, problem);
}

static bool take_pause(void *data, sqlite3_stmt *select, struct problem *problem) {
  struct builder *builder = data;
  struct json_object *pause = json_object_new_object();
  (void)problem;
  json_build_number(&builder->json, pause, "run", sqlite3_column_int64(select, 0));
  json_build_number(&builder->json, pause, "begun_ms", sqlite3_column_int64(select, 1));
  json_build_number(&builder->json, pause, "ended_ms", sqlite3_column_int64(select, 2));
  json_build_words(&builder->json, pause, "kind", (const char *)sqlite3_column_text(select, 3));
  json_build_append(&builder->json, json_object_object_get(builder->all, "pauses"), pause);
  return !builder->json.has_failed;
}

static bool add_pauses(struct builder *builder, struct problem *problem) {
  char sql[200];
  (void)snprintf(sql, sizeof sql,
                 "SELECT * FROM (SELECT run,begun_ms,ended_ms,kind FROM pause "
                 "ORDER BY ended_ms-begun_ms DESC LIMIT %d) ORDER BY 1,2",
                 PAUSES_MOST);
  json_build_add(&builder->json, builder->all, "pauses", json_object_new_array());
  return !builder->json.has_failed &&
         database_each(builder->journal->db, sql, take_pause, builder, problem);
}

/* Of all pauses, those that are not drawn too. */
static bool add_paused(struct builder *builder, struct problem *problem) {
  static const char *const kinds[] = {"throttle", "outage"};
  struct json_object *paused = json_object_new_object();
  json_build_add(&builder->json, builder->all, "paused", paused);
  for (int i = 0; i < 2 && !builder->json.has_failed; i++) {
    char sql[120];
    int64_t count = 0;
    int64_t ms = 0;
    struct json_object *kind = json_object_new_object();
    json_build_add(&builder->json, paused, kinds[i], kind);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM pause WHERE kind='%s'", kinds[i]);
    if (!database_number(builder->journal->db, sql, &count, problem)) {
      return false;
    }
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(sum(ended_ms-begun_ms),0) FROM pause WHERE kind='%s'",
                   kinds[i]);
    if (builder->json.has_failed || !database_number(builder->journal->db, sql, &ms, problem)) {
      return false;
    }
    json_build_number(&builder->json, kind, "count", count);
    json_build_number(&builder->json, kind, "ms", ms);
  }
  return true;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static struct json_object *make_group(struct builder *builder, const struct error_group *group) {
  struct json_object *object = json_object_new_object();
  struct json_object *ids = json_object_new_array();
  json_build_words(&builder->json, object, "outcome", status_name(group->status));
  json_build_number(&builder->json, object, "http_status", group->http_status);
  json_build_add(&builder->json, object, "text", json_object_new_string(group->text));
  json_build_add(&builder->json, object, "example", json_object_new_string(group->example));
  json_build_number(&builder->json, object, "count", (int64_t)group->count);
  json_build_number(&builder->json, object, "first_ms", group->first_ms);
  json_build_number(&builder->json, object, "last_ms", group->last_ms);
  for (size_t i = 0; i < group->id_count; i++) {
    json_build_append(&builder->json, ids, json_object_new_int64(group->ids[i]));
  }
  json_build_add(&builder->json, object, "ids", ids);
  return object;
}

static bool add_errors(struct builder *builder, struct problem *problem) {
  struct error_groups groups;
  struct json_object *errors = json_object_new_array();
  bool is_read = error_groups_read(&groups, builder->journal, problem);
  for (size_t i = 0; i < groups.count && is_read; i++) {
    json_build_append(&builder->json, errors, make_group(builder, &groups.groups[i]));
  }
  error_groups_free(&groups);
  json_build_add(&builder->json, builder->all, "errors", errors);
  return is_read;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const char *name_of(const char *file) {
  const char *slash = strrchr(file, '/');
  return slash == NULL ? file : slash + 1;
}

static void add_terms(struct builder *builder) {
  const struct journal *journal = builder->journal;
  json_build_words(&builder->json, builder->all, "version", expstart_version());
  json_build_number(&builder->json, builder->all, "made_at_ms", clock_wall_ms());
  json_build_words(&builder->json, builder->all, "journal", name_of(journal->file));
  json_build_words(&builder->json, builder->all, "endpoint", journal->endpoint);
  json_build_words(&builder->json, builder->all, "note", journal->note);
  json_build_number(&builder->json, builder->all, "created_ms", journal->created_ms);
  json_build_number(&builder->json, builder->all, "total", (int64_t)journal->total);
}

struct json_object *report_data_make(struct journal *journal, struct problem *problem) {
  struct builder builder = {.journal = journal, .all = json_object_new_object()};
  (void)problem_set(problem, "out of memory"); /* unless something else is found to be wrong */
  if (builder.all == NULL) {
    return NULL;
  }
  add_terms(&builder);
  if (!add_overview(&builder, problem) || !add_samples(&builder, problem) ||
      !add_totals(&builder, problem) || !add_pauses(&builder, problem) ||
      !add_paused(&builder, problem) || !add_errors(&builder, problem) || builder.json.has_failed) {
    (void)json_object_put(builder.all);
    return NULL;
  }
  return builder.all;
}

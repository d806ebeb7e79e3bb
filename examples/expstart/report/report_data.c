/* What a report is drawn from: a journal as one JSON object. A run may have gone on for days: samples are thinned
 * to what a screen can show, and of pauses only the longest are drawn. Called by report.c. */
#include "report_data.h"

#include <json.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error_groups.h"
#include "expstart.h"
#include "overview.h"

#define SAMPLES_MOST 1000 /* about; one a run at least */
#define PAUSES_MOST 400
#define SAMPLE_LEAST_MS 100

/* json-c fails only for want of memory: then something is missing in what is built, and `has_failed` says so. */
struct builder {
  struct journal *journal;
  struct json_object *all;
  bool has_failed;
};

static void add(struct builder *builder, struct json_object *object, const char *name,
                struct json_object *value) {
  if (value == NULL || json_object_object_add(object, name, value) != 0) {
    (void)json_object_put(value);
    builder->has_failed = true;
  }
}

static void append(struct builder *builder, struct json_object *array, struct json_object *value) {
  if (value == NULL || json_object_array_add(array, value) != 0) {
    (void)json_object_put(value);
    builder->has_failed = true;
  }
}

static void add_text(struct builder *builder, struct json_object *object, const char *name,
                     const char *text) {
  if (text != NULL && *text != '\0') {
    add(builder, object, name, json_object_new_string(text));
  } else {
    (void)json_object_object_add(object, name, NULL);
  }
}

static void add_number(struct builder *builder, struct json_object *object, const char *name,
                       int64_t number) {
  add(builder, object, name, json_object_new_int64(number));
}

/* ---- at a glance ----------------------------------------------------------------------------- */

static void add_outcomes(struct builder *builder, const struct overview *overview) {
  struct json_object *outcomes = json_object_new_object();
  for (int i = 0; i < STATUSES; i++) {
    add_number(builder, outcomes, status_name((enum status)i), (int64_t)overview->counts[i]);
  }
  add(builder, builder->all, "outcomes", outcomes);
}

static struct json_object *make_run(struct builder *builder, const struct overview *overview,
                                    const struct overview_run *run) {
  struct json_object *object = json_object_new_object();
  add_number(builder, object, "number", run->number);
  add_text(builder, object, "command", run->command);
  add_text(builder, object, "version", run->version);
  add_number(builder, object, "pid", run->pid);
  add_number(builder, object, "begun_ms", run->begun_ms);
  add_number(builder, object, "seen_ms", run->seen_ms);
  if (run->ended_ms > 0) {
    add_number(builder, object, "ended_ms", run->ended_ms);
    add_number(builder, object, "exit_code", run->exit_code);
  } else {
    (void)json_object_object_add(object, "ended_ms", NULL);
    (void)json_object_object_add(object, "exit_code", NULL);
  }
  add_text(builder, object, "ending", run->ending);
  add(builder, object, "is_running", json_object_new_boolean(overview_is_going(overview, run)));
  add_number(builder, object, "experiments", (int64_t)run->experiments);
  add_number(builder, object, "attempts", (int64_t)run->attempts);
  add_number(builder, object, "lookups", (int64_t)run->lookups);
  add_number(builder, object, "throttled", (int64_t)run->throttled);
  add_number(builder, object, "faults", (int64_t)run->faults);
  add_number(builder, object, "p50_us", (int64_t)run->p50_us);
  add_number(builder, object, "p90_us", (int64_t)run->p90_us);
  add_number(builder, object, "p99_us", (int64_t)run->p99_us);
  add_number(builder, object, "max_us", (int64_t)run->max_us);
  return object;
}

static bool add_overview(struct builder *builder, struct problem *problem) {
  struct overview overview;
  bool is_read = overview_read(&overview, builder->journal, problem);
  if (is_read) {
    struct json_object *runs = json_object_new_array();
    for (size_t i = 0; i < overview.run_count; i++) {
      append(builder, runs, make_run(builder, &overview, &overview.runs[i]));
    }
    add_outcomes(builder, &overview);
    add(builder, builder->all, "runs", runs);
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
    append(columns->builder, column, json_object_new_int64(sqlite3_column_int64(select, i)));
  }
  return !columns->builder->has_failed;
}

/* Adds an object with an array of each name, and fills these from a query that has such columns. */
static bool add_columns(struct builder *builder, const char *name, const char *const *names,
                        size_t count, const char *sql, struct problem *problem) {
  struct columns columns = {.builder = builder, .to = json_object_new_object()};
  add(builder, builder->all, name, columns.to);
  for (size_t i = 0; i < count && !builder->has_failed; i++) {
    add(builder, columns.to, names[i], json_object_new_array());
  }
  return !builder->has_failed &&
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
  add_number(builder, pause, "run", sqlite3_column_int64(select, 0));
  add_number(builder, pause, "begun_ms", sqlite3_column_int64(select, 1));
  add_number(builder, pause, "ended_ms", sqlite3_column_int64(select, 2));
  add_text(builder, pause, "kind", (const char *)sqlite3_column_text(select, 3));
  append(builder, json_object_object_get(builder->all, "pauses"), pause);
  return !builder->has_failed;
}

static bool add_pauses(struct builder *builder, struct problem *problem) {
  char sql[200];
  (void)snprintf(sql, sizeof sql,
                 "SELECT * FROM (SELECT run,begun_ms,ended_ms,kind FROM pause "
                 "ORDER BY ended_ms-begun_ms DESC LIMIT %d) ORDER BY 1,2",
                 PAUSES_MOST);
  add(builder, builder->all, "pauses", json_object_new_array());
  return !builder->has_failed &&
         database_each(builder->journal->db, sql, take_pause, builder, problem);
}

/* Of all pauses, those that are not drawn too. */
static bool add_paused(struct builder *builder, struct problem *problem) {
  static const char *const kinds[] = {"throttle", "outage"};
  struct json_object *paused = json_object_new_object();
  add(builder, builder->all, "paused", paused);
  for (int i = 0; i < 2 && !builder->has_failed; i++) {
    char sql[120];
    int64_t count = 0;
    int64_t ms = 0;
    struct json_object *kind = json_object_new_object();
    add(builder, paused, kinds[i], kind);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM pause WHERE kind='%s'", kinds[i]);
    if (!database_number(builder->journal->db, sql, &count, problem)) {
      return false;
    }
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(sum(ended_ms-begun_ms),0) FROM pause WHERE kind='%s'",
                   kinds[i]);
    if (builder->has_failed || !database_number(builder->journal->db, sql, &ms, problem)) {
      return false;
    }
    add_number(builder, kind, "count", count);
    add_number(builder, kind, "ms", ms);
  }
  return true;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static struct json_object *make_group(struct builder *builder, const struct error_group *group) {
  struct json_object *object = json_object_new_object();
  struct json_object *ids = json_object_new_array();
  add_text(builder, object, "outcome", status_name(group->status));
  add_number(builder, object, "http_status", group->http_status);
  add(builder, object, "text", json_object_new_string(group->text));
  add(builder, object, "example", json_object_new_string(group->example));
  add_number(builder, object, "count", (int64_t)group->count);
  add_number(builder, object, "first_ms", group->first_ms);
  add_number(builder, object, "last_ms", group->last_ms);
  for (size_t i = 0; i < group->id_count; i++) {
    append(builder, ids, json_object_new_int64(group->ids[i]));
  }
  add(builder, object, "ids", ids);
  return object;
}

static bool add_errors(struct builder *builder, struct problem *problem) {
  struct error_groups groups;
  struct json_object *errors = json_object_new_array();
  bool is_read = error_groups_read(&groups, builder->journal, problem);
  for (size_t i = 0; i < groups.count && is_read; i++) {
    append(builder, errors, make_group(builder, &groups.groups[i]));
  }
  error_groups_free(&groups);
  add(builder, builder->all, "errors", errors);
  return is_read;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const char *name_of(const char *file) {
  const char *slash = strrchr(file, '/');
  return slash == NULL ? file : slash + 1;
}

static void add_terms(struct builder *builder) {
  const struct journal *journal = builder->journal;
  add_text(builder, builder->all, "version", expstart_version());
  add_number(builder, builder->all, "made_at_ms", clock_wall_ms());
  add_text(builder, builder->all, "journal", name_of(journal->file));
  add_text(builder, builder->all, "endpoint", journal->endpoint);
  add_text(builder, builder->all, "note", journal->note);
  add_number(builder, builder->all, "created_ms", journal->created_ms);
  add_number(builder, builder->all, "total", (int64_t)journal->total);
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
      !add_paused(&builder, problem) || !add_errors(&builder, problem) || builder.has_failed) {
    (void)json_object_put(builder.all);
    return NULL;
  }
  return builder.all;
}

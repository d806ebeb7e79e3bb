/* `expstart status`: what a journal knows, for people or as JSON; also while a run goes on. Called by main.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "command.h"
#include "error_groups.h"
#include "journal.h"
#include "json_build.h"
#include "overview.h"
#include "text.h"

#define GROUPS_SHOWN 10

struct view {
  struct journal journal;
  struct overview overview;
  struct error_groups errors;
};

static double seconds_left(const struct overview *overview) {
  return overview->rate_per_second > 0 ? (double)overview_left(overview) / overview->rate_per_second
                                       : 0;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void show_run(const struct overview *overview) {
  char when[32];
  char time[32];
  if (overview->run_count == 0) {
    (void)puts("no run was begun with it");
    return;
  }
  const struct overview_run *run = &overview->runs[overview->run_count - 1];
  int64_t until_ms = run->ended_ms > 0 ? run->ended_ms : run->seen_ms;
  (void)text_duration(time, sizeof time, (double)(until_ms - run->begun_ms) / 1000);
  (void)printf("run %-6" PRId64 " %s, begun %s", run->number, run->command,
               clock_local(when, sizeof when, run->begun_ms));
  if (run->ended_ms > 0) {
    (void)printf(", %s after %s\n", run->ending, time);
  } else if (overview_is_going(overview, run)) {
    (void)printf(", going on for %s as process %" PRId64 "\n", time, run->pid);
  } else {
    (void)printf(", killed: last seen %s\n", clock_local(when, sizeof when, run->seen_ms));
  }
}

static void show_counts(const struct overview *overview, uint64_t total) {
  char count[32];
  (void)putchar('\n');
  for (int i = 0; i < STATUSES; i++) {
    if (overview->counts[i] > 0) {
      (void)printf("%-10s %14s\n", status_name((enum status)i),
                   text_count(count, sizeof count, overview->counts[i]));
    }
  }
  (void)printf("%-10s %14s\n", "total", text_count(count, sizeof count, total));
}

static void show_pace(const struct overview *overview) {
  char rate[32];
  char time[32];
  if (overview->rate_per_second > 0) {
    (void)printf("\nrate       %14s a second, of late\n",
                 text_rate(rate, sizeof rate, overview->rate_per_second));
    (void)printf("time left  %14s\n", text_duration(time, sizeof time, seconds_left(overview)));
  } else if (overview->holder == 0 && overview_left(overview) > 0) {
    (void)puts("\n\"expstart resume\" goes on with what is left");
  }
}

static void show_errors(const struct error_groups *errors) {
  char count[32];
  char text[320];
  char when[32];
  if (errors->count == 0) {
    return;
  }
  (void)puts("\nlast errors");
  for (size_t i = 0; i < errors->count && i < GROUPS_SHOWN; i++) {
    const struct error_group *group = &errors->groups[i];
    (void)printf("%10s x  %s", text_count(count, sizeof count, group->count),
                 status_name(group->status));
    if (group->http_status > 0) {
      (void)printf(" %d", group->http_status);
    }
    (void)printf(": %s (experiment %" PRId64 "%s",
                 text_safe(text, sizeof text, group->example, strlen(group->example)),
                 group->ids[0], group->count > 1 ? " is one" : "");
    if (group->last_ms > 0) {
      (void)printf("; last %s", clock_local(when, sizeof when, group->last_ms));
    }
    (void)puts(")");
  }
  if (errors->count > GROUPS_SHOWN) {
    (void)printf("%10s    other texts\n",
                 text_count(count, sizeof count, errors->count - GROUPS_SHOWN));
  }
}

static void show(const struct view *view) {
  char shown[320];
  (void)printf("journal    %s\n",
               text_safe(shown, sizeof shown, view->journal.file, strlen(view->journal.file)));
  (void)printf("endpoint   %s\n", text_safe(shown, sizeof shown, view->journal.endpoint,
                                            strlen(view->journal.endpoint)));
  if (view->journal.note != NULL) {
    (void)printf("note       %s\n",
                 text_safe(shown, sizeof shown, view->journal.note, strlen(view->journal.note)));
  }
  show_run(&view->overview);
  show_counts(&view->overview, view->journal.total);
  show_pace(&view->overview);
  show_errors(&view->errors);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void add_time(struct json_build *build, struct json_object *object, const char *name,
                     int64_t ms) {
  char iso[32];
  json_build_words(build, object, name, clock_iso(iso, sizeof iso, ms));
}

/* null for what is not known. */
static void add_rate(struct json_build *build, struct json_object *object, const char *name,
                     double rate, bool is_known) {
  if (is_known) {
    json_build_add(build, object, name, json_object_new_double(rate));
  } else {
    json_build_null(build, object, name);
  }
}

static struct json_object *json_counts(struct json_build *build, const struct overview *overview) {
  struct json_object *counts = json_object_new_object();
  for (int i = 0; i < STATUSES; i++) {
    json_build_number(build, counts, status_name((enum status)i), (int64_t)overview->counts[i]);
  }
  return counts;
}

static struct json_object *json_run(struct json_build *build, const struct overview *overview,
                                    const struct overview_run *run) {
  struct json_object *object = json_object_new_object();
  json_build_number(build, object, "number", run->number);
  json_build_text(build, object, "command", run->command);
  json_build_number(build, object, "pid", run->pid);
  json_build_add(build, object, "is_going",
                 json_object_new_boolean(overview_is_going(overview, run)));
  json_build_number(build, object, "experiments", (int64_t)run->experiments);
  add_time(build, object, "begun_at", run->begun_ms);
  add_time(build, object, "seen_at", run->seen_ms);
  add_time(build, object, "ended_at", run->ended_ms);
  json_build_words(build, object, "ending", run->ending);
  if (run->ended_ms > 0) {
    json_build_number(build, object, "exit_code", run->exit_code);
  } else {
    json_build_null(build, object, "exit_code");
  }
  json_build_number(build, object, "attempts", (int64_t)run->attempts);
  json_build_number(build, object, "lookups", (int64_t)run->lookups);
  json_build_number(build, object, "throttled", (int64_t)run->throttled);
  json_build_number(build, object, "faults", (int64_t)run->faults);
  return object;
}

static struct json_object *json_runs(struct json_build *build, const struct overview *overview) {
  struct json_object *runs = json_object_new_array();
  for (size_t i = 0; i < overview->run_count; i++) {
    json_build_append(build, runs, json_run(build, overview, &overview->runs[i]));
  }
  return runs;
}

static struct json_object *json_errors(struct json_build *build,
                                       const struct error_groups *errors) {
  struct json_object *groups = json_object_new_array();
  for (size_t i = 0; i < errors->count; i++) {
    const struct error_group *group = &errors->groups[i];
    struct json_object *object = json_object_new_object();
    json_build_text(build, object, "status", status_name(group->status));
    json_build_number(build, object, "http_status", group->http_status);
    json_build_text(build, object, "text", group->text);
    json_build_text(build, object, "example", group->example);
    json_build_number(build, object, "experiment_id", group->ids[0]);
    json_build_number(build, object, "count", (int64_t)group->count);
    add_time(build, object, "last_at", group->last_ms);
    json_build_append(build, groups, object);
  }
  return groups;
}

static struct json_object *json_all(struct json_build *build, const struct view *view) {
  const struct overview *overview = &view->overview;
  struct json_object *all = json_object_new_object();
  bool is_known = overview->rate_per_second > 0;
  json_build_text(build, all, "journal", view->journal.file);
  json_build_text(build, all, "endpoint", view->journal.endpoint);
  json_build_words(build, all, "note", view->journal.note);
  add_time(build, all, "created_at", view->journal.created_ms);
  json_build_add(build, all, "is_going", json_object_new_boolean(overview->holder != 0));
  if (overview->holder > 0) {
    json_build_number(build, all, "pid", overview->holder);
  } else {
    json_build_null(build, all, "pid");
  }
  json_build_number(build, all, "total", (int64_t)view->journal.total);
  json_build_add(build, all, "counts", json_counts(build, overview));
  json_build_number(build, all, "left", (int64_t)overview_left(overview));
  add_rate(build, all, "rate_per_second", overview->rate_per_second, is_known);
  add_rate(build, all, "seconds_left", seconds_left(overview), is_known);
  json_build_add(build, all, "runs", json_runs(build, overview));
  json_build_add(build, all, "errors", json_errors(build, &view->errors));
  return all;
}

static bool show_json(const struct view *view) {
  struct json_build build = {0};
  struct json_object *all = json_all(&build, view);
  const char *text =
      build.has_failed
          ? NULL
          : json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                    JSON_C_TO_STRING_NOSLASHESCAPE);
  bool is_good = text != NULL && puts(text) >= 0;
  (void)json_object_put(all);
  return is_good;
}

/* ---- */

int command_status(const struct args *args) {
  struct view view;
  struct problem problem;
  memset(&view, 0, sizeof view);
  bool is_read = journal_open(&view.journal, args->journal, JOURNAL_READ, &problem) &&
                 overview_read(&view.overview, &view.journal, &problem) &&
                 error_groups_read(&view.errors, &view.journal, &problem);
  int code = COMMAND_USAGE;
  if (!is_read) {
    problem_say(&problem, args->journal);
  } else if (args->json ? show_json(&view) : (show(&view), true)) {
    code = overview_good(&view.overview) == view.journal.total ? COMMAND_ALL_RUNNING
                                                               : COMMAND_SOME_NOT;
  }
  error_groups_free(&view.errors);
  overview_free(&view.overview);
  journal_close(&view.journal);
  if (is_read && (code == COMMAND_USAGE || fflush(stdout) != 0)) {
    (void)fputs("expstart: standard output cannot be written\n", stderr);
    code = COMMAND_USAGE;
  }
  return code;
}

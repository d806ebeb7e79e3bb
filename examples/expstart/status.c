/* `expstart status`: what a journal knows, for people or as JSON; also while a run goes on. Called by main.c. */
#include <inttypes.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "command.h"
#include "error_groups.h"
#include "journal.h"
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

/* json-c fails for want of memory only; what is missing then is found by a NULL in the end. */
static struct json_object *text_or_null(const char *text) {
  return text == NULL || *text == '\0' ? NULL : json_object_new_string(text);
}

static struct json_object *time_or_null(int64_t ms) {
  char iso[32];
  return text_or_null(clock_iso(iso, sizeof iso, ms));
}

static void add(struct json_object *object, const char *name, struct json_object *value) {
  (void)json_object_object_add(object, name, value);
}

static struct json_object *json_counts(const struct overview *overview) {
  struct json_object *counts = json_object_new_object();
  for (int i = 0; i < STATUSES; i++) {
    add(counts, status_name((enum status)i), json_object_new_int64((int64_t)overview->counts[i]));
  }
  return counts;
}

static struct json_object *json_runs(const struct overview *overview) {
  struct json_object *runs = json_object_new_array();
  for (size_t i = 0; i < overview->run_count; i++) {
    const struct overview_run *run = &overview->runs[i];
    struct json_object *object = json_object_new_object();
    add(object, "number", json_object_new_int64(run->number));
    add(object, "command", json_object_new_string(run->command));
    add(object, "pid", json_object_new_int64(run->pid));
    add(object, "is_going", json_object_new_boolean(overview_is_going(overview, run)));
    add(object, "experiments", json_object_new_int64((int64_t)run->experiments));
    add(object, "begun_at", time_or_null(run->begun_ms));
    add(object, "seen_at", time_or_null(run->seen_ms));
    add(object, "ended_at", time_or_null(run->ended_ms));
    add(object, "ending", text_or_null(run->ending));
    add(object, "exit_code", run->ended_ms > 0 ? json_object_new_int(run->exit_code) : NULL);
    add(object, "attempts", json_object_new_int64((int64_t)run->attempts));
    add(object, "lookups", json_object_new_int64((int64_t)run->lookups));
    add(object, "throttled", json_object_new_int64((int64_t)run->throttled));
    add(object, "faults", json_object_new_int64((int64_t)run->faults));
    (void)json_object_array_add(runs, object);
  }
  return runs;
}

static struct json_object *json_errors(const struct error_groups *errors) {
  struct json_object *groups = json_object_new_array();
  for (size_t i = 0; i < errors->count; i++) {
    const struct error_group *group = &errors->groups[i];
    struct json_object *object = json_object_new_object();
    add(object, "status", json_object_new_string(status_name(group->status)));
    add(object, "http_status", json_object_new_int(group->http_status));
    add(object, "text", json_object_new_string(group->text));
    add(object, "example", json_object_new_string(group->example));
    add(object, "experiment_id", json_object_new_int64(group->ids[0]));
    add(object, "count", json_object_new_int64((int64_t)group->count));
    add(object, "last_at", time_or_null(group->last_ms));
    (void)json_object_array_add(groups, object);
  }
  return groups;
}

static bool show_json(const struct view *view) {
  const struct overview *overview = &view->overview;
  struct json_object *all = json_object_new_object();
  add(all, "journal", json_object_new_string(view->journal.file));
  add(all, "endpoint", json_object_new_string(view->journal.endpoint));
  add(all, "note", text_or_null(view->journal.note));
  add(all, "created_at", time_or_null(view->journal.created_ms));
  add(all, "is_going", json_object_new_boolean(overview->holder != 0));
  add(all, "pid", overview->holder > 0 ? json_object_new_int64(overview->holder) : NULL);
  add(all, "total", json_object_new_int64((int64_t)view->journal.total));
  add(all, "counts", json_counts(overview));
  add(all, "left", json_object_new_int64((int64_t)overview_left(overview)));
  add(all, "rate_per_second",
      overview->rate_per_second > 0 ? json_object_new_double(overview->rate_per_second) : NULL);
  add(all, "seconds_left",
      overview->rate_per_second > 0 ? json_object_new_double(seconds_left(overview)) : NULL);
  add(all, "runs", json_runs(overview));
  add(all, "errors", json_errors(&view->errors));
  const char *text = json_object_to_json_string_ext(
      all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
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

/* `expstart verify`: looks every experiment of a journal up, and tells where the journal and the API differ.
 * Nothing is started and the journal is not written. Called by main.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "args.h"
#include "command.h"
#include "journal.h"
#include "json_build.h"
#include "list.h"
#include "output.h"
#include "output_option.h"
#include "rows.h"
#include "run.h"
#include "text.h"

#define SHOWN_MOST 20 /* differences on stderr; the output has all */

enum finding {
  FINDING_AGREES,
  FINDING_NOT_RUNNING, /* the journal says it was started, or runs */
  FINDING_RUNNING,     /* the journal says it was not started */
  FINDING_SETTLED,     /* the journal does not know; the API does */
  FINDING_UNREADABLE,  /* the API did not tell */
  FINDING_NOT_ASKED,   /* the run was stopped before */
  FINDINGS
};

static const char *const finding_names[FINDINGS] = {"agrees",  "not_running", "running",
                                                    "settled", "unreadable",  "not_asked"};
static const char *const finding_words[FINDINGS] = {
    "agree",
    "do not run, though the journal has them as started or running",
    "run, though the journal has them as not started",
    "are not known to the journal",
    "could not be read",
    "were not asked for: the run was stopped"};

struct verify {
  const struct args *args;
  struct list list;
  unsigned char *statuses; /* of each entry of the list */
  size_t capacity;         /* of these */
  uint64_t counts[FINDINGS];
  uint64_t shown;
  struct output output;
};

/* ---- the journal ----------------------------------------------------------------------------- */

static bool take_row(void *data, const struct row *row, struct problem *problem) {
  struct verify *verify = data;
  if (verify->list.count == verify->capacity) {
    return problem_set(problem, "is damaged (its index does not have all rows)");
  }
  verify->statuses[verify->list.count] = (unsigned char)row->status;
  return list_add(&verify->list, row->id, row->number, NULL, 0) == 0 ||
         problem_set(problem, "out of memory");
}

static bool read_journal(struct verify *verify, struct journal *journal, struct problem *problem) {
  int64_t count = 0;
  if (!database_number(journal->db, "SELECT count(*) FROM experiment", &count, problem)) {
    return false;
  }
  verify->capacity = (size_t)count;
  verify->statuses = calloc(verify->capacity + 1, 1);
  if (verify->statuses == NULL) {
    return problem_set(problem, "out of memory");
  }
  return rows_read(journal, STATUS_ALL, take_row, verify, problem);
}

/* ---- what the API says ------------------------------------------------------------------------ */

static enum finding compare(enum status status, const expstart_result *result) {
  bool is_running = result->outcome == EXPSTART_RUNNING;
  if (result->outcome == EXPSTART_CANCELED) {
    return FINDING_NOT_ASKED;
  }
  if (!is_running && result->outcome != EXPSTART_SEEN) {
    return FINDING_UNREADABLE;
  }
  if (status == STATUS_SENDING || status == STATUS_UNKNOWN) {
    return FINDING_SETTLED;
  }
  if (is_running == ((STATUS_GOOD & STATUS_BIT(status)) != 0)) {
    return FINDING_AGREES;
  }
  return is_running ? FINDING_RUNNING : FINDING_NOT_RUNNING;
}

/* NULL: no memory. */
static struct json_object *make_line(const expstart_result *result, enum status status,
                                     enum finding finding) {
  struct json_build build = {0};
  struct json_object *line = json_object_new_object();
  bool is_read = finding != FINDING_UNREADABLE && finding != FINDING_NOT_ASKED;
  json_build_number(&build, line, "experiment_id", result->experiment_id);
  json_build_text(&build, line, "finding", finding_names[finding]);
  json_build_text(&build, line, "journal", status_name(status));
  json_build_text(&build, line, "api", is_read ? result->state : NULL);
  json_build_number(&build, line, "http_status", result->http_status);
  json_build_text(&build, line, "message", is_read ? "" : output_words(result));
  if (build.has_failed) {
    (void)json_object_put(line);
    return NULL;
  }
  return line;
}

static void show(struct verify *verify, const struct run_result *told, enum status status,
                 enum finding finding) {
  char shown[320];
  const expstart_result *result = told->result;
  if (verify->args->quiet || finding == FINDING_NOT_ASKED || told->is_flood ||
      verify->shown++ >= SHOWN_MOST) {
    return;
  }
  progress_clear(told->progress);
  const char *words = finding == FINDING_UNREADABLE ? output_words(result)
                      : result->state != NULL       ? result->state
                                                    : "?";
  (void)text_safe(shown, sizeof shown, words, strlen(words));
  (void)fprintf(stderr, "%" PRId64 ": the journal has \"%s\", the API %s%s%s\n",
                result->experiment_id, status_name(status),
                finding == FINDING_UNREADABLE ? "could not be asked: " : "\"", shown,
                finding == FINDING_UNREADABLE ? "" : "\"");
  if (verify->shown == SHOWN_MOST) {
    (void)fputs("(further ones are only counted; --output has them all)\n", stderr);
  }
}

static int on_result(void *data, const struct run_result *told) {
  struct verify *verify = data;
  enum status status = (enum status)verify->statuses[told->index];
  enum finding finding = compare(status, told->result);
  verify->counts[finding]++;
  if (finding == FINDING_AGREES) {
    return 0;
  }
  show(verify, told, status, finding);
  return output_line(&verify->output,
                     verify->output.to == NULL ? NULL : make_line(told->result, status, finding));
}

static int on_flush(void *data) {
  struct verify *verify = data;
  return output_flush(&verify->output);
}

/* ---- the run --------------------------------------------------------------------------------- */

static int report(const struct verify *verify, const struct run_end *end) {
  char count[32];
  char time[32];
  for (int i = 0; i < FINDINGS && !verify->args->quiet; i++) {
    if (verify->counts[i] > 0) {
      (void)fprintf(stderr, "%14s %s\n", text_count(count, sizeof count, verify->counts[i]),
                    finding_words[i]);
    }
  }
  if (!verify->args->quiet) {
    (void)fprintf(stderr, "%14s in %s\n", text_count(count, sizeof count, verify->list.count),
                  text_duration(time, sizeof time, end->elapsed_s));
  }
  if (verify->output.error != 0) {
    output_option_say(verify->args, verify->output.error);
  }
  if (end->code != 0) {
    return end->code;
  }
  if (verify->output.error != 0) {
    return COMMAND_STOPPED;
  }
  return verify->counts[FINDING_AGREES] == verify->list.count ? 0 : COMMAND_SOME_NOT;
}

static int look_all_up(struct verify *verify, struct run *run) {
  struct run_end end;
  struct problem problem;
  struct run_job job = {.list = &verify->list,
                        .doubt_from = verify->list.count,
                        .is_look = true,
                        .command = "verify",
                        .sink = {.result = on_result, .flush = on_flush, .data = verify}};
  int error = output_open(&verify->output, verify->args->output);
  if (error != 0) {
    output_option_say(verify->args, error);
    return COMMAND_USAGE;
  }
  if (!run_all(run, &job, &end, &problem)) {
    return COMMAND_USAGE; /* without a journal to write, it always begins */
  }
  (void)output_close(&verify->output);
  return report(verify, &end);
}

/* The journal is closed before anything is asked: a run with it may go on meanwhile. */
static bool prepare(struct verify *verify, struct run **run) {
  const struct args *args = verify->args;
  struct journal journal;
  struct api api;
  struct problem problem;
  if (!journal_open(&journal, args->journal, JOURNAL_READ, &problem)) {
    problem_say(&problem, args->journal);
    return false;
  }
  bool is_good = api_read(&api, args, journal.endpoint);
  if (is_good) {
    struct terms terms = {.endpoint = api.endpoint, .key = api.key.text};
    is_good = journal_check_terms(&journal, &terms, args->change, &problem) &&
              read_journal(verify, &journal, &problem);
    if (!is_good) {
      problem_say(&problem, args->journal);
    }
    is_good = is_good && api_make_run(&api, args, NULL, run);
    api_close(&api);
  }
  journal_close(&journal);
  return is_good;
}

int command_verify(const struct args *args) {
  struct verify verify = {.args = args};
  struct run *run = NULL;
  int code = COMMAND_USAGE;
  list_init(&verify.list);
  if (output_option_check(args, NULL) && prepare(&verify, &run)) {
    code = verify.list.count == 0 ? 0 : look_all_up(&verify, run);
  }
  run_free(run);
  list_free(&verify.list);
  free(verify.statuses);
  return code;
}

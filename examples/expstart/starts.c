/* What start and resume have in common: the run, its results and how they are shown, the journal's end.
 * Called by start.c and resume.c. */
#include "starts.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "output_option.h"
#include "summary.h"
#include "text.h"

/* ---- words ------------------------------------------------------------------------------------ */

const char *starts_rate(char *buf, size_t size, const struct args *args) {
  if (args->rate > 0) {
    (void)snprintf(buf, size, "at most %g requests a second", args->rate);
  } else {
    (void)snprintf(buf, size, "no limit");
  }
  return buf;
}

/* ---- results ---------------------------------------------------------------------------------- */

struct results {
  struct summary summary;
  struct output output;
  bool is_quiet;
};

static void clear_progress(void *progress) {
  progress_clear(progress);
}

static int add_result(void *data, const struct run_result *told) {
  struct results *results = data;
  bool is_silent = results->is_quiet || told->is_flood;
  if (results->output.is_terminal) {
    progress_clear(told->progress);
  }
  summary_add(&results->summary, told->result, is_silent ? NULL : stderr, clear_progress,
              told->progress);
  return output_write(&results->output, told->result, told->words);
}

static int flush(void *data) {
  struct results *results = data;
  return output_flush(&results->output);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void report(const struct results *results, const struct starts *starts,
                   const struct run_end *end) {
  char one[32];
  char two[32];
  const struct summary *summary = &results->summary;
  if (results->output.error != 0) {
    (void)fprintf(stderr, "expstart: --output: %s; results are missing there\n",
                  strerror(results->output.error));
  }
  if (!results->is_quiet) {
    summary_write(summary, &end->stats, end->elapsed_s, stderr);
  } else if (!summary_is_good(summary)) {
    (void)fprintf(stderr, "expstart: %s of %s experiments are not known to run\n",
                  text_count(one, sizeof one, summary_bad(summary)),
                  text_count(two, sizeof two, summary->total));
  }
  if (starts->rest_bad > 0) {
    (void)fprintf(stderr,
                  "expstart: %s more of the journal are not known to run (--retry takes them up)\n",
                  text_count(one, sizeof one, starts->rest_bad));
  }
}

static int exit_code(const struct results *results, const struct starts *starts,
                     const struct run_end *end) {
  if (end->code != 0) {
    return end->code;
  }
  if (results->output.error != 0) {
    return COMMAND_STOPPED;
  }
  return summary_is_good(&results->summary) && starts->rest_bad == 0 ? COMMAND_ALL_RUNNING
                                                                     : COMMAND_SOME_NOT;
}

/* A journal that lacks something is worse than whatever else there is to tell. */
static int end_journal(const struct args *args, struct run *run, int code) {
  char count[32];
  char name[256];
  uint64_t unwritten = 0;
  bool is_whole = run_end_journal(run, code, &unwritten);
  (void)text_safe(name, sizeof name, args->journal, strlen(args->journal));
  if (unwritten > 0) {
    (void)fprintf(stderr,
                  "expstart: %s: %s results are not in the journal; it has these experiments as "
                  "\"sending\", and \"expstart resume\" looks them up first\n",
                  name, text_count(count, sizeof count, unwritten));
  } else if (!is_whole) {
    (void)fprintf(
        stderr, "expstart: %s: all results are in the journal, but not how the run ended\n", name);
  }
  if (!is_whole) {
    return COMMAND_STOPPED;
  }
  if (code >= COMMAND_STOPPED && !args->quiet) {
    (void)fprintf(stderr, "expstart: \"expstart resume %s\" goes on from here\n", name);
  }
  return code;
}

static int not_begun(const struct starts *starts, const struct args *args) {
  char name[256];
  (void)fputs("expstart: nothing was sent\n", stderr);
  if (starts->journal != NULL) {
    (void)fprintf(stderr,
                  "expstart: the journal is there: \"expstart resume %s\" goes on from here\n",
                  text_safe(name, sizeof name, args->journal, strlen(args->journal)));
  }
  return COMMAND_USAGE;
}

int starts_run(const struct starts *starts, const struct args *args, struct run *run) {
  struct results results = {.is_quiet = args->quiet};
  struct run_end end;
  struct problem problem;
  struct run_job job = {.list = starts->list,
                        .doubt_from = starts->doubt_from,
                        .doubt_wait_ms = starts->doubt_wait_ms,
                        .journal = starts->journal,
                        .command = starts->command,
                        .sink = {.result = add_result, .flush = flush, .data = &results}};
  /* Once more: the journal may be new. */
  if (!output_option_check(args, NULL)) {
    return not_begun(starts, args);
  }
  int error = output_open(&results.output, args->output);
  if (error != 0) {
    output_option_say(args, error);
    return not_begun(starts, args);
  }
  if (!run_all(run, &job, &end, &problem)) {
    problem_say(&problem, args->journal);
    (void)output_close(&results.output);
    return not_begun(starts, args);
  }
  (void)output_close(&results.output);
  report(&results, starts, &end);
  int code = exit_code(&results, starts, &end);
  return starts->journal == NULL ? code : end_journal(args, run, code);
}

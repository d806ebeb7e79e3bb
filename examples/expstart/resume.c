/* `expstart resume`: goes on with a journal where its run stopped, under the terms that it was begun with.
 * Called by main.c. */
#include <string.h>

#include "api.h"
#include "args.h"
#include "clock.h"
#include "command.h"
#include "confirm.h"
#include "journal.h"
#include "left.h"
#include "output_option.h"
#include "starts.h"
#include "text.h"

static int bad_journal(const struct args *args, const struct problem *problem) {
  problem_say_not_sent(problem, args->journal);
  return COMMAND_USAGE;
}

/* ---- what is left ---------------------------------------------------------------------------- */

static int say_nothing_left(const struct args *args, const struct left *left) {
  char one[32];
  char two[32];
  uint64_t bad = left_rest_bad(left);
  uint64_t good = left->counts[STATUS_STARTED] + left->counts[STATUS_RUNNING];
  if (!args->quiet) {
    (void)fprintf(stderr, "expstart: nothing is left to do: %s of %s experiments are running%s\n",
                  text_count(one, sizeof one, good), text_count(two, sizeof two, good + bad),
                  bad > 0 ? "; --retry takes up the others" : "");
  }
  return bad == 0 ? COMMAND_ALL_RUNNING : COMMAND_SOME_NOT;
}

static void say_plan(const struct args *args, const struct journal *journal,
                     const struct left *left, const char *endpoint) {
  char count[32];
  char shown[256];
  char rate[48];
  if (args->quiet) {
    return;
  }
  (void)printf("would start   %s experiments\n", text_count(count, sizeof count, left->list.count));
  (void)printf("looked up     %s of them first\n",
               text_count(count, sizeof count, left->list.count - left->doubt_from));
  (void)printf("at            %s\n", text_safe(shown, sizeof shown, endpoint, strlen(endpoint)));
  (void)printf("rate          %s\n", starts_rate(rate, sizeof rate, args));
  if (journal->note != NULL) {
    (void)printf("note          %s\n",
                 text_safe(shown, sizeof shown, journal->note, strlen(journal->note)));
  }
  (void)puts("Nothing was sent.");
}

static void say_doubts(const struct args *args, const struct left *left, uint64_t wait_ms) {
  char one[32];
  char two[32];
  char wait[32];
  size_t doubts = left->list.count - left->doubt_from;
  if (args->quiet || doubts == 0) {
    return;
  }
  (void)fprintf(stderr, "expstart: %s of %s may have been sent before and are looked up first",
                text_count(one, sizeof one, doubts), text_count(two, sizeof two, left->list.count));
  if (wait_ms > 0) {
    (void)fprintf(stderr, "; in %s, when what was under way has had its time",
                  text_duration(wait, sizeof wait, (double)wait_ms / 1000));
  }
  (void)fputc('\n', stderr);
}

/* ---- the run --------------------------------------------------------------------------------- */

static int go(const struct args *args, struct journal *journal, const struct left *left,
              const struct terms *terms, struct run *run) {
  struct problem problem;
  if (args->dry_run) {
    say_plan(args, journal, left, terms->endpoint);
    return 0;
  }
  if (!args->yes && !confirm_start(left->list.count, terms->endpoint, false)) {
    (void)fputs("expstart: nothing was sent\n", stderr);
    return COMMAND_USAGE;
  }
  if (args->change != 0 && !journal_change(journal, terms, &problem)) {
    return bad_journal(args, &problem);
  }
  uint64_t wait_ms = left_doubt_wait_ms(left, clock_wall_ms());
  say_doubts(args, left, wait_ms);
  struct starts starts = {.list = &left->list,
                          .doubt_from = left->doubt_from,
                          .doubt_wait_ms = wait_ms,
                          .journal = journal,
                          .command = "resume",
                          .rest_bad = left_rest_bad(left)};
  return starts_run(&starts, args, run);
}

static int resume_left(const struct args *args, struct journal *journal, const struct api *api) {
  struct left left;
  struct run *run = NULL;
  struct problem problem;
  struct terms terms = {.endpoint = api->endpoint, .key = api->key.text, .note = args->note};
  if (!journal_check_terms(journal, &terms, args->change, &problem)) {
    return bad_journal(args, &problem);
  }
  int code = COMMAND_USAGE;
  if (!left_read(&left, journal, args->retry, &problem)) {
    code = bad_journal(args, &problem);
  } else if (left.list.count == 0) {
    code = say_nothing_left(args, &left);
  } else if (api_make_run(api, args, terms.note != NULL ? terms.note : journal->note, &run) &&
             output_option_check(args, NULL)) {
    code = go(args, journal, &left, &terms, run);
  }
  run_free(run);
  left_free(&left);
  return code;
}

int command_resume(const struct args *args) {
  struct journal journal;
  struct api api;
  struct problem problem;
  if (!journal_open(&journal, args->journal, JOURNAL_RUN, &problem)) {
    return bad_journal(args, &problem);
  }
  int code = COMMAND_USAGE;
  if (api_read(&api, args, journal.endpoint)) {
    code = resume_left(args, &journal, &api);
    api_close(&api);
  }
  journal_close(&journal);
  return code;
}

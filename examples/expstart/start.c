/* `expstart start`: puts arguments, key, input, client, journal and output together, in the order in which
 * the user wants to hear of errors, and sends nothing before all of them are good.
 * Called by main.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "args.h"
#include "command.h"
#include "confirm.h"
#include "input.h"
#include "journal.h"
#include "output_option.h"
#include "starts.h"
#include "text.h"

static int no_memory(void) {
  (void)fputs("expstart: out of memory\n", stderr);
  return COMMAND_USAGE;
}

/* ---- the input ------------------------------------------------------------------------------- */

static bool is_stdin(const struct args *args) {
  return args->file != NULL && strcmp(args->file, "-") == 0;
}

static int read_file(const struct args *args, struct list *list, struct list_report *problems) {
  if (is_stdin(args)) {
    return input_read(list, stdin, problems);
  }
  FILE *file = fopen(args->file, "rb");
  if (file == NULL) {
    list_bad(problems, 0, "%s", strerror(errno));
    return 0;
  }
  int error = input_read(list, file, problems);
  (void)fclose(file); /* only read from: nothing can be lost */
  return error;
}

static void say_repeats(const struct list_repeats *repeats) {
  char count[32];
  if (repeats->count == 0) {
    return;
  }
  (void)fprintf(stderr, "expstart: %s duplicate%s left out, each id is started once:",
                text_count(count, sizeof count, repeats->count),
                repeats->count == 1 ? " is" : "s are");
  for (size_t i = 0; i < repeats->first_count; i++) {
    (void)fprintf(stderr, "%s %" PRId64, i == 0 ? "" : ",", repeats->first[i]);
  }
  (void)fputs(repeats->has_more ? " ...\n" : "\n", stderr);
}

/* The list as it will be started, or an exit code. */
static int read_list(const struct args *args, struct list *list) {
  struct list_report problems = {
      .to = stderr, .file = args->file == NULL || is_stdin(args) ? "stdin" : args->file};
  struct list_repeats repeats = {0};
  int error = 0;
  for (int i = 0; i < args->id_count && error == 0; i++) {
    error = input_argument(list, args->ids[i], (uint64_t)i + 1, &problems);
  }
  if (error == 0 && args->file != NULL) {
    error = read_file(args, list, &problems);
  }
  if (error == 0 && problems.bad == 0) {
    error = list_unite(list, &problems, &repeats);
  }
  list_report_end(&problems);
  if (error != 0) {
    return no_memory();
  }
  if (problems.bad > 0) {
    (void)fputs("expstart: nothing was sent\n", stderr);
    return COMMAND_USAGE;
  }
  if (list->count == 0) {
    (void)fputs(args->file == NULL
                    ? "expstart: no experiment ids: give them as arguments or with --file\n"
                    : "expstart: no experiment ids in the input\n",
                stderr);
    return COMMAND_USAGE;
  }
  if (!args->quiet) {
    say_repeats(&repeats);
  }
  return 0;
}

/* ---- what a dry run shows -------------------------------------------------------------------- */

static int say_plan(const struct args *args, const struct list *list, const char *endpoint) {
  char count[32];
  char shown[256];
  char rate[48];
  size_t own_notes = 0;
  for (size_t i = 0; i < list->count; i++) {
    own_notes += list->entries[i].note != 0;
  }
  if (args->quiet) {
    return 0;
  }
  (void)printf("would start   %s experiment%s\n", text_count(count, sizeof count, list->count),
               list->count == 1 ? "" : "s");
  (void)printf("at            %s\n", text_safe(shown, sizeof shown, endpoint, strlen(endpoint)));
  (void)printf("rate          %s\n", starts_rate(rate, sizeof rate, args));
  (void)printf("own notes     %s\n", text_count(count, sizeof count, own_notes));
  if (args->note != NULL) {
    (void)printf("other notes   %s\n",
                 text_safe(shown, sizeof shown, args->note, strlen(args->note)));
  }
  if (args->journal != NULL) {
    (void)printf("journal       %s\n",
                 text_safe(shown, sizeof shown, args->journal, strlen(args->journal)));
  }
  (void)printf("first, last   %" PRId64 ", %" PRId64 "\n", list->entries[0].id,
               list->entries[list->count - 1].id);
  (void)puts("Nothing was sent.");
  return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int bad_journal(const struct args *args, const struct problem *problem) {
  problem_say_not_sent(problem, args->journal);
  return COMMAND_USAGE;
}

static int go_with_journal(const struct args *args, const struct api *api, struct run *run,
                           struct list *list) {
  struct journal journal;
  struct problem problem;
  struct terms terms = {.endpoint = api->endpoint, .key = api->key.text, .note = args->note};
  run_hold_signals();
  if (!journal_create(&journal, args->journal, &terms, list, &problem)) {
    return bad_journal(args, &problem);
  }
  struct starts starts = {
      .list = list, .doubt_from = list->count, .journal = &journal, .command = "start"};
  int code = starts_run(&starts, args, run);
  journal_close(&journal);
  return code;
}

static int go(const struct args *args, const struct api *api, struct run *run, struct list *list) {
  struct problem problem;
  if (!output_option_check(args, args->file)) {
    return COMMAND_USAGE;
  }
  if (args->journal != NULL && !journal_check_new(args->journal, &problem)) {
    return bad_journal(args, &problem);
  }
  if (args->dry_run) {
    return say_plan(args, list, api->endpoint);
  }
  if (!args->yes && !confirm_start(list->count, api->endpoint, is_stdin(args))) {
    (void)fputs("expstart: nothing was sent\n", stderr);
    return COMMAND_USAGE;
  }
  if (args->journal != NULL) {
    return go_with_journal(args, api, run, list);
  }
  struct starts starts = {.list = list, .doubt_from = list->count};
  return starts_run(&starts, args, run);
}

static int start(const struct args *args, struct api *api) {
  struct run *run = NULL;
  struct list list;
  list_init(&list);
  int code = api_make_run(api, args, args->note, &run) ? read_list(args, &list) : COMMAND_USAGE;
  if (code == 0) {
    code = go(args, api, run, &list);
  }
  run_free(run);
  list_free(&list);
  return code;
}

int command_start(const struct args *args) {
  struct api api;
  if (!api_read(&api, args, NULL)) {
    return COMMAND_USAGE;
  }
  int code = start(args, &api);
  api_close(&api);
  return code;
}

/* `expstart start`: puts arguments, key, input, client and output together, in the order in which
 * the user wants to hear of errors, and sends nothing before all of them are good.
 * Called by main.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "command.h"
#include "confirm.h"
#include "input.h"
#include "key.h"
#include "output.h"
#include "run.h"
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

/* ---- the client ------------------------------------------------------------------------------ */

/* Says which option or variable is at fault. The endpoint is not shown: it may hold a password. */
static void say_refused(const struct args *args, const struct key *key, int error) {
  const char *source = "the client";
  switch (error) {
  case EXPSTART_ENOKEY:
  case EXPSTART_EKEYCHAR:
  case EXPSTART_EKEYPREFIX:
    source = key->source;
    break;
  case EXPSTART_EENDPOINT:
  case EXPSTART_ECREDENTIALS:
  case EXPSTART_EPLAINTEXT:
    source = args->endpoint != NULL ? "--endpoint" : "ABSMARTLY_API_ENDPOINT";
    break;
  case EXPSTART_ECAFILE:
    source = "--ca-file";
    break;
  default:
    break;
  }
  (void)fprintf(stderr, "expstart: %s: %s\n", source, expstart_strerror(error));
}

static int make_run(const struct args *args, const char *endpoint, struct run **run) {
  struct key key;
  struct expstart_options options;
  struct run_settings settings = {.note = args->note,
                                  .deadline_ms = args->deadline_ms,
                                  .quiet = args->quiet,
                                  .verbose = args->verbose};
  if (!key_read(&key, args->api_key_file, stderr)) {
    return COMMAND_USAGE;
  }
  expstart_options_init(&options);
  options.endpoint = endpoint;
  options.api_key = key.text;
  options.ca_file = args->ca_file;
  options.max_in_flight = args->in_flight;
  options.rate_per_second = args->rate;
  int error = run_new(run, &options, &settings);
  if (error != EXPSTART_OK) {
    say_refused(args, &key, error);
  }
  key_wipe(&key);
  return error == EXPSTART_OK ? 0 : COMMAND_USAGE;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int bad_output(const struct args *args, const char *why) {
  char shown[256];
  (void)fprintf(stderr, "expstart: --output %s: %s\n",
                text_safe(shown, sizeof shown, args->output, strlen(args->output)), why);
  return COMMAND_USAGE;
}

/* Opening the output empties it, so it must not be the input. */
static bool is_output_input(const struct args *args) {
  struct stat input;
  struct stat output;
  return args->output != NULL && strcmp(args->output, "-") != 0 && args->file != NULL &&
         stat(args->output, &output) == 0 && S_ISREG(output.st_mode) &&
         (is_stdin(args) ? fstat(fileno(stdin), &input) : stat(args->file, &input)) == 0 &&
         input.st_dev == output.st_dev && input.st_ino == output.st_ino;
}

static int say_plan(const struct args *args, const struct list *list, const char *endpoint) {
  char count[32];
  char shown[256];
  char rate[48] = "no limit";
  size_t own_notes = 0;
  for (size_t i = 0; i < list->count; i++) {
    own_notes += list->entries[i].note != 0;
  }
  int error = output_check(args->output);
  if (error != 0) {
    return bad_output(args, strerror(error));
  }
  if (args->quiet) {
    return 0;
  }
  if (args->rate > 0) {
    (void)snprintf(rate, sizeof rate, "at most %g requests a second", args->rate);
  }
  (void)printf("would start   %s experiment%s\n", text_count(count, sizeof count, list->count),
               list->count == 1 ? "" : "s");
  (void)printf("at            %s\n", text_safe(shown, sizeof shown, endpoint, strlen(endpoint)));
  (void)printf("rate          %s\n", rate);
  (void)printf("own notes     %s\n", text_count(count, sizeof count, own_notes));
  if (args->note != NULL) {
    (void)printf("other notes   %s\n",
                 text_safe(shown, sizeof shown, args->note, strlen(args->note)));
  }
  (void)printf("first, last   %" PRId64 ", %" PRId64 "\n", list->entries[0].id,
               list->entries[list->count - 1].id);
  (void)puts("Nothing was sent.");
  return 0;
}

static int go(const struct args *args, const char *endpoint, struct run *run,
              const struct list *list) {
  struct output output;
  if (is_output_input(args)) {
    return bad_output(args, "is the file that the ids are read from");
  }
  if (args->dry_run) {
    return say_plan(args, list, endpoint);
  }
  if (!args->yes && !confirm_start(list->count, endpoint, is_stdin(args))) {
    (void)fputs("expstart: nothing was sent\n", stderr);
    return COMMAND_USAGE;
  }
  int error = output_open(&output, args->output);
  if (error != 0) {
    return bad_output(args, strerror(error));
  }
  return run_all(run, list, &output);
}

int command_start(int argc, char **argv) {
  struct args args;
  struct list list;
  struct run *run = NULL;
  switch (args_parse(&args, argc, argv, stdout, stderr)) {
  case ARGS_RUN:
    break;
  case ARGS_DONE:
    return fflush(stdout) == 0 ? 0 : COMMAND_USAGE;
  case ARGS_BAD:
    return COMMAND_USAGE;
  }
  const char *endpoint = args.endpoint != NULL ? args.endpoint : getenv("ABSMARTLY_API_ENDPOINT");
  if (endpoint == NULL || *endpoint == '\0') {
    (void)fputs("expstart: no endpoint: set ABSMARTLY_API_ENDPOINT or use --endpoint\n", stderr);
    return COMMAND_USAGE;
  }
  list_init(&list);
  int code = make_run(&args, endpoint, &run);
  if (code == 0) {
    code = read_list(&args, &list);
  }
  if (code == 0) {
    code = go(&args, endpoint, run, &list);
  }
  run_free(run);
  list_free(&list);
  return code;
}

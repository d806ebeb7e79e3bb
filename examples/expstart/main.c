/* expstart, the command: finds the sub-command and has its command line read. What each does is in a file of
 * its name; this one must know no more of it than its function. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "command.h"
#include "text.h"

struct command {
  const char *name;
  int (*run)(const struct args *args);
  const char *help;
};

static const struct command commands[] = {
    {"start", command_start, "start experiments, as many as are given"},
    {"resume", command_resume, "go on with a journal where its run stopped"},
    {"status", command_status, "tell what a journal knows, also during a run"},
    {"verify", command_verify, "compare a journal with the API"},
    {"export", command_export, "write a journal as CSV or NDJSON"},
    {"report", command_report, "make a page for people of a journal"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *out) {
  (void)fputs("Usage: expstart COMMAND [OPTION]...\n"
              "Start ABsmartly experiments in bulk.\n"
              "\n"
              "Commands:\n",
              out);
  for (size_t i = 0; i < COMMANDS; i++) {
    (void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
  }
  (void)fputs(
      "\n\"expstart COMMAND --help\" tells more; \"expstart --version\" tells the version.\n", out);
}

static int run(const struct command *command, int argc, char **argv) {
  struct args args;
  switch (args_parse(&args, argc, argv, stdout, stderr)) {
  case ARGS_RUN:
    return command->run(&args);
  case ARGS_DONE:
    return fflush(stdout) == 0 ? 0 : COMMAND_USAGE;
  case ARGS_BAD:
    break;
  }
  return COMMAND_USAGE;
}

int main(int argc, char **argv) {
  char shown[80];
  /* A reader that goes away is an error of that write, not the end of this process. */
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN); /* nor is a limit on the size of files */
  if (argc < 2) {
    print_help(stderr);
    return COMMAND_USAGE;
  }
  for (size_t i = 0; i < COMMANDS; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) {
      return run(&commands[i], argc - 1, argv + 1);
    }
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_help(stdout);
    return fflush(stdout) == 0 ? 0 : COMMAND_USAGE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    args_version(stdout);
    return fflush(stdout) == 0 ? 0 : COMMAND_USAGE;
  }
  (void)fprintf(stderr, "expstart: \"%s\" is not a command\n",
                text_safe(shown, sizeof shown, argv[1], strlen(argv[1])));
  print_help(stderr);
  return COMMAND_USAGE;
}

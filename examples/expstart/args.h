/* The command lines of all sub-commands: options, their values' ranges, operands.
 * Called by main.c; reads no file and no environment. */
#ifndef COMMAND_ARGS_H
#define COMMAND_ARGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What a sub-command does not take keeps its default: 0 and NULL. */
struct args {
  const char *file; /* NULL: none; "-": stdin */
  const char *note;
  const char *endpoint;
  const char *api_key_file;
  const char *ca_file;
  const char *output;   /* NULL: none; "-": stdout */
  const char *journal;  /* --journal of start, the operand of the others */
  double rate;          /* requests per second, 0: no limit */
  uint32_t in_flight;   /* 0: the library's default */
  uint64_t deadline_ms; /* 0: none */
  unsigned retry;       /* statuses that resume takes up too, as STATUS_BIT */
  unsigned statuses;    /* those that export writes; 0: all */
  unsigned change;      /* TERM_... */
  bool is_csv;          /* export: CSV, else NDJSON */
  bool json, dry_run, yes, quiet, verbose;
  char **ids; /* of start, within argv */
  int id_count;
};

enum args_outcome {
  ARGS_RUN,
  ARGS_DONE, /* help or version was printed */
  ARGS_BAD   /* the reason was printed */
};

/* argv[0] is the sub-command's name; argv may be permuted. Help goes to `out`, errors to `err`. */
enum args_outcome args_parse(struct args *args, int argc, char **argv, FILE *out, FILE *err);

/* "expstart 0.1.0" */
void args_version(FILE *out);

#endif

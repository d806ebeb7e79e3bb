/* The command line of expstart-sandbox. Called by main.c once; knows the limits of each value and
 * nothing of what is done with it. */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "faults.h"
#include "hints.h"
#include "reply.h"

struct options {
  uint16_t port; /* 0: any free one */
  int64_t experiments;
  const char *key;
  bool tls;
  const char *ca_out; /* NULL: not written */
  uint64_t latency_ms;
  double rate_per_s; /* 0: unlimited */
  double burst;
  struct hints hints;
  enum reply_size reply_size;
  double fault_probability[FAULT_KINDS];
  bool fault_lookups;
  uint64_t late_ms; /* 0: at once */
  uint64_t seed;
};

enum options_result {
  OPTIONS_RUN,
  OPTIONS_ANSWERED, /* --help or --version: printed, nothing to run */
  OPTIONS_BAD       /* told on stderr what is wrong */
};

/* The texts in options point into argv. */
enum options_result options_parse(struct options *options, int argc, char **argv);

#endif

/* Reads the command line with getopt_long and checks every value, so that nothing after it has to.
 * Called by main.c; prints help, version and errors and must not start anything. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expstart.h"

/* Values of long options; they have no short form. */
enum option_id {
  OPTION_PORT = 256,
  OPTION_EXPERIMENTS,
  OPTION_KEY,
  OPTION_TLS,
  OPTION_CA_OUT,
  OPTION_REPLY,
  OPTION_LATENCY,
  OPTION_RATE,
  OPTION_BURST,
  OPTION_HINTS,
  OPTION_RESET_UNIT,
  OPTION_RETRY_AFTER,
  OPTION_FAULT_LOOKUPS,
  OPTION_LATE,
  OPTION_SEED,
  OPTION_HELP,
  OPTION_VERSION,
  OPTION_FAULT /* plus the fault's kind */
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPTION_PORT},
    {"experiments", required_argument, NULL, OPTION_EXPERIMENTS},
    {"key", required_argument, NULL, OPTION_KEY},
    {"tls", no_argument, NULL, OPTION_TLS},
    {"ca-out", required_argument, NULL, OPTION_CA_OUT},
    {"reply", required_argument, NULL, OPTION_REPLY},
    {"latency-ms", required_argument, NULL, OPTION_LATENCY},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"burst", required_argument, NULL, OPTION_BURST},
    {"hints", required_argument, NULL, OPTION_HINTS},
    {"reset-unit", required_argument, NULL, OPTION_RESET_UNIT},
    {"retry-after", required_argument, NULL, OPTION_RETRY_AFTER},
    {"fail-5xx", required_argument, NULL, OPTION_FAULT + (int)FAULT_5XX},
    {"reset-before", required_argument, NULL, OPTION_FAULT + (int)FAULT_RESET_BEFORE},
    {"reset-after", required_argument, NULL, OPTION_FAULT + (int)FAULT_RESET_AFTER},
    {"stall", required_argument, NULL, OPTION_FAULT + (int)FAULT_STALL},
    {"truncate", required_argument, NULL, OPTION_FAULT + (int)FAULT_TRUNCATE},
    {"garbage", required_argument, NULL, OPTION_FAULT + (int)FAULT_GARBAGE},
    {"refuse", required_argument, NULL, OPTION_FAULT + (int)FAULT_REFUSE},
    {"fault-lookups", no_argument, NULL, OPTION_FAULT_LOOKUPS},
    {"late-ms", required_argument, NULL, OPTION_LATE},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* One string a paragraph: ISO C promises no more than 4095 characters in one literal. */
static const char *const help_texts[] = {
    "Usage: expstart-sandbox [OPTION]...\n"
    "A local stand-in for the ABsmartly API. Listens on 127.0.0.1 and prints `ready URL`.\n"
    "\n"
    "  --port N           port to listen on; 0 picks one (default 0)\n"
    "  --experiments N    experiments with the ids 1 to N exist, all ready (default 10000)\n"
    "  --key KEY          the API key that is let in (default sandbox-key)\n"
    "  --tls              speak TLS with a certificate made at start-up\n"
    "  --ca-out FILE      write that certificate, for a client to trust\n"
    "  --reply full|small size of replies: about 70 KB or about 160 bytes (default full)\n"
    "  --latency-ms N     answer no sooner than N ms after the request\n",
    "\nThrottling, answered 429:\n"
    "  --rate R           requests a second, e.g. 16.67 (default 0: unlimited)\n"
    "  --burst B          requests that may come at once (default: R, at least 1)\n"
    "  --hints none|retry-after|retry-after-date|ratelimit|x-ratelimit\n"
    "                     header fields that tell the client (default retry-after)\n"
    "  --reset-unit seconds|epoch|epoch-ms\n"
    "                     what X-RateLimit-Reset counts in (default seconds)\n"
    "  --retry-after S    tell every throttled client to wait S seconds\n",
    "\nFaults, each with a probability from 0 to 1:\n"
    "  --fail-5xx P       500, 502, 503 or 504; half of them, but no 503, after the start was "
    "done\n"
    "  --reset-before P   connection reset, nothing done\n"
    "  --reset-after P    start done, connection reset\n"
    "  --stall P          no answer, closed after 60 s; half of them after the start was done\n"
    "  --truncate P       start done, the reply breaks off\n"
    "  --garbage P        start done, answered 200 with what is not JSON\n"
    "  --refuse P         start not done, answered 200 with ok:false\n"
    "  --fault-lookups    faults befall lookups too, not only starts\n"
    "  --late-ms N        what is done in spite of a 5xx, a reset or a stall is done N ms later\n"
    "  --seed N           seed of the draws (default 1)\n",
    "\n"
    "  --help, --version\n"
    "\n"
    "GET /sandbox/stats and GET /sandbox/experiments/ID tell what happened, and\n"
    "GET /sandbox/experiments, in a line each, of all that a start was let in for or that are\n"
    "not ready. PUT /sandbox/experiments/ID/state/STATE sets a state. None of them needs a key.\n",
};

static bool complain(const char *option, const char *value, const char *wanted) {
  fprintf(stderr, "expstart-sandbox: --%s: '%s' is not %s\n", option, value, wanted);
  return false;
}

static bool parse_whole(const char *option, const char *value, uint64_t most, uint64_t *number) {
  char *end = NULL;
  errno = 0;
  unsigned long long parsed = strtoull(value, &end, 10);
  /* strtoull takes signs and blanks, which a count has none of. */
  if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 || parsed > most) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a whole number from 0 to %llu", (unsigned long long)most);
    return complain(option, value, wanted);
  }
  *number = parsed;
  return true;
}

static bool parse_real(const char *option, const char *value, double most, double *number) {
  char *end = NULL;
  errno = 0;
  double parsed = strtod(value, &end);
  if (end == value || *end != '\0' || errno != 0 || !(parsed >= 0 && parsed <= most)) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a number from 0 to %.15g", most);
    return complain(option, value, wanted);
  }
  *number = parsed;
  return true;
}

/* The index of value among the names, or -1 and a complaint that lists them. */
static int parse_name(const char *option, const char *value, const char *const names[],
                      size_t name_count) {
  char wanted[128] = "one of";
  for (size_t index = 0; index < name_count; index++) {
    if (strcmp(value, names[index]) == 0) {
      return (int)index;
    }
    size_t used = strlen(wanted);
    snprintf(wanted + used, sizeof wanted - used, " %s", names[index]);
  }
  complain(option, value, wanted);
  return -1;
}

static bool parse_hints(struct options *options, const char *option, const char *value) {
  static const char *const names[] = {
      [HINTS_NONE] = "none",
      [HINTS_RETRY_AFTER] = "retry-after",
      [HINTS_RETRY_AFTER_DATE] = "retry-after-date",
      [HINTS_RATELIMIT] = "ratelimit",
      [HINTS_X_RATELIMIT] = "x-ratelimit",
  };
  int index = parse_name(option, value, names, sizeof names / sizeof names[0]);
  options->hints.kind = index < 0 ? HINTS_NONE : (enum hints_kind)index;
  return index >= 0;
}

static bool parse_reset_unit(struct options *options, const char *option, const char *value) {
  static const char *const names[] = {
      [HINTS_RESET_SECONDS] = "seconds",
      [HINTS_RESET_EPOCH] = "epoch",
      [HINTS_RESET_EPOCH_MS] = "epoch-ms",
  };
  int index = parse_name(option, value, names, sizeof names / sizeof names[0]);
  options->hints.reset_unit = index < 0 ? HINTS_RESET_SECONDS : (enum hints_reset_unit)index;
  return index >= 0;
}

static bool parse_reply_size(struct options *options, const char *option, const char *value) {
  static const char *const names[] = {[REPLY_FULL] = "full", [REPLY_SMALL] = "small"};
  int index = parse_name(option, value, names, sizeof names / sizeof names[0]);
  options->reply_size = index < 0 ? REPLY_FULL : (enum reply_size)index;
  return index >= 0;
}

static bool parse_key(struct options *options, const char *option, const char *value) {
  for (const char *at = value; *at != '\0'; at++) {
    if (!isgraph((unsigned char)*at)) {
      return complain(option, value, "a key: it holds a blank or a control character");
    }
  }
  options->key = value;
  return value[0] != '\0' || complain(option, value, "a key: it is empty");
}

static bool parse_value(struct options *options, int id, const char *name, const char *value) {
  uint64_t whole = 0;
  bool good = true;
  switch (id) {
  case OPTION_PORT:
    good = parse_whole(name, value, 65535, &whole);
    options->port = (uint16_t)whole;
    return good;
  case OPTION_EXPERIMENTS:
    good = parse_whole(name, value, 1000000, &whole);
    options->experiments = (int64_t)whole;
    return good && (whole >= 1 || complain(name, value, "at least 1"));
  case OPTION_KEY:
    return parse_key(options, name, value);
  case OPTION_TLS:
    options->tls = true;
    return true;
  case OPTION_CA_OUT:
    options->ca_out = value;
    return true;
  case OPTION_REPLY:
    return parse_reply_size(options, name, value);
  case OPTION_LATENCY:
    return parse_whole(name, value, 600000, &options->latency_ms);
  case OPTION_RATE:
    return parse_real(name, value, 1e9, &options->rate_per_s);
  case OPTION_BURST:
    good = parse_whole(name, value, 1000000000, &whole);
    options->burst = (double)whole;
    return good && (whole >= 1 || complain(name, value, "at least 1"));
  case OPTION_HINTS:
    return parse_hints(options, name, value);
  case OPTION_RESET_UNIT:
    return parse_reset_unit(options, name, value);
  case OPTION_RETRY_AFTER:
    good = parse_whole(name, value, 1000000000, &whole);
    options->hints.fixed_wait_s = (int64_t)whole;
    return good;
  case OPTION_FAULT_LOOKUPS:
    options->fault_lookups = true;
    return true;
  case OPTION_LATE:
    return parse_whole(name, value, 600000, &options->late_ms);
  case OPTION_SEED:
    return parse_whole(name, value, UINT64_MAX, &options->seed);
  default:
    return parse_real(name, value, 1, &options->fault_probability[id - OPTION_FAULT]);
  }
}

/* What one option alone cannot tell. */
static bool check_together(struct options *options) {
  double sum = 0;
  for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
    sum += options->fault_probability[kind];
  }
  if (sum > 1 + 1e-9) {
    fprintf(stderr, "expstart-sandbox: the probabilities of all faults add up to %g, more than 1\n",
            sum);
    return false;
  }
  if (options->ca_out != NULL && !options->tls) {
    fprintf(stderr, "expstart-sandbox: --ca-out: there is no certificate without --tls\n");
    return false;
  }
  if (options->burst > 0 && options->rate_per_s <= 0) {
    fprintf(stderr, "expstart-sandbox: --burst: there is nothing to exceed without --rate\n");
    return false;
  }
  if (options->burst <= 0) {
    uint64_t whole = (uint64_t)options->rate_per_s;
    whole += (double)whole < options->rate_per_s; /* rounded up */
    options->burst = whole > 1 ? (double)whole : 1;
  }
  return true;
}

enum options_result options_parse(struct options *options, int argc, char **argv) {
  *options = (struct options){
      .experiments = 10000,
      .key = "sandbox-key",
      .hints = {.kind = HINTS_RETRY_AFTER, .fixed_wait_s = HINTS_WAIT_COMPUTED},
      .reply_size = REPLY_FULL,
      .seed = 1,
  };
  int id = 0;
  int index = 0;
  while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
    if (id == '?') {
      return OPTIONS_BAD; /* getopt_long has said what is wrong */
    }
    if (id == OPTION_HELP) {
      for (size_t text = 0; text < sizeof help_texts / sizeof help_texts[0]; text++) {
        fputs(help_texts[text], stdout);
      }
      return OPTIONS_ANSWERED;
    }
    if (id == OPTION_VERSION) {
      printf("expstart-sandbox %d.%d.%d\n", EXPSTART_VERSION_MAJOR, EXPSTART_VERSION_MINOR,
             EXPSTART_VERSION_PATCH);
      return OPTIONS_ANSWERED;
    }
    if (!parse_value(options, id, long_options[index].name, optarg)) {
      return OPTIONS_BAD;
    }
  }
  if (optind < argc) {
    fprintf(stderr, "expstart-sandbox: '%s' is not an option\n", argv[optind]);
    return OPTIONS_BAD;
  }
  return check_together(options) ? OPTIONS_RUN : OPTIONS_BAD;
}

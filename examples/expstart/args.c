/* The command line of `expstart start`, read with getopt_long; every value is checked here, so that
 * nothing after it has to. Called by start.c; reads no file and no environment. */
#include "args.h"

#include <ctype.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "expstart.h"
#include "text.h"

#define RATE_MAX 1e6
#define IN_FLIGHT_MAX 10000
#define DEADLINE_MAX_S 1e9

enum option_id {
  OPTION_API_KEY_FILE = 256,
  OPTION_API_KEY,
  OPTION_DEADLINE,
  OPTION_CA_FILE,
  OPTION_DRY_RUN,
  OPTION_VERSION
};

/* --api-key is here to be refused: else it would be taken as short for --api-key-file. */
static const struct option long_options[] = {
    {"file", required_argument, NULL, 'f'},
    {"note", required_argument, NULL, 'n'},
    {"endpoint", required_argument, NULL, 'e'},
    {"api-key-file", required_argument, NULL, OPTION_API_KEY_FILE},
    {"api-key", required_argument, NULL, OPTION_API_KEY},
    {"ca-file", required_argument, NULL, OPTION_CA_FILE},
    {"rate", required_argument, NULL, 'r'},
    {"in-flight", required_argument, NULL, 'j'},
    {"deadline", required_argument, NULL, OPTION_DEADLINE},
    {"output", required_argument, NULL, 'o'},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"yes", no_argument, NULL, 'y'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static void print_help(FILE *out) {
  static const char *const help[] = {
      "Usage: expstart start [OPTION]... [ID]...\n"
      "Start ABsmartly experiments, as many as are given.\n"
      "\n"
      "What to start:\n"
      "  ID...                   experiment ids\n"
      "  -f, --file FILE         read ids from FILE, - is standard input: one id a line, CSV with\n"
      "                          a header (experiment_id or id, note), or NDJSON with these names\n"
      "  -n, --note NOTE         the note of every start that has none of its own in FILE\n"
      "\n"
      "Where:\n"
      "  -e, --endpoint URL      the API with its version, https://acme.absmartly.com/v1\n"
      "                          (else ABSMARTLY_API_ENDPOINT)\n"
      "      --api-key-file FILE the key is the first line of FILE (else ABSMARTLY_API_KEY)\n"
      "      --ca-file FILE      trust the certificates in this PEM file, not the system's\n",
      "\n"
      "How:\n"
      "  -r, --rate N            at most N requests a second; a fraction is fine\n"
      "  -j, --in-flight N       at most N requests under way at once (32)\n"
      "      --deadline SECONDS  stop sending after this time\n"
      "      --dry-run           check everything, say what would be done, send nothing\n"
      "  -y, --yes               do not ask first\n"
      "\n"
      "What to see:\n"
      "  -o, --output FILE       one result as JSON a line; - is standard output\n"
      "  -q, --quiet             errors only\n"
      "  -v, --verbose           each attempt\n"
      "  -h, --help              this text\n"
      "      --version           the version\n"
      "\n"
      "Exit codes: 0 all are running, 1 some are not, 2 bad usage or input and nothing was sent,\n"
      "3 stopped early, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.\n",
  };
  for (size_t i = 0; i < sizeof help / sizeof help[0]; i++) {
    (void)fputs(help[i], out);
  }
}

void args_version(FILE *out) {
  (void)fprintf(out, "expstart %s\n", expstart_version());
}

/* A decimal number in (0, most]; strtod alone takes spaces, signs, hexadecimal and "inf" too. */
static bool parse_positive(const char *text, double most, double *value) {
  char *end = NULL;
  if (strspn(text, "0123456789.eE+-") != strlen(text) ||
      !(isdigit((unsigned char)text[0]) || text[0] == '.')) {
    return false;
  }
  *value = strtod(text, &end);
  return end != text && *end == '\0' && isfinite(*value) && *value > 0 && *value <= most;
}

static bool parse_in_flight(const char *text, uint32_t *value) {
  double number = 0;
  if (strspn(text, "0123456789") != strlen(text) || !parse_positive(text, IN_FLIGHT_MAX, &number)) {
    return false;
  }
  *value = (uint32_t)number;
  return true;
}

static enum args_outcome bad_value(FILE *err, const char *option, const char *value,
                                   const char *wanted) {
  char shown[80];
  (void)fprintf(err, "expstart: %s: \"%s\" is not %s\n", option,
                text_safe(shown, sizeof shown, value, strlen(value)), wanted);
  return ARGS_BAD;
}

static enum args_outcome take_note(struct args *args, const char *note, FILE *err) {
  char count[32];
  char most[32];
  size_t length = strlen(note);
  if (!text_is_utf8(note, length)) {
    (void)fprintf(err, "expstart: --note: the note is not valid UTF-8\n");
    return ARGS_BAD;
  }
  if (length > EXPSTART_NOTE_MAX) {
    (void)fprintf(
        err, "expstart: --note: the note has %s bytes, more than the %s that are allowed\n",
        text_count(count, sizeof count, length), text_count(most, sizeof most, EXPSTART_NOTE_MAX));
    return ARGS_BAD;
  }
  args->note = length == 0 ? NULL : note;
  return ARGS_RUN;
}

/* Options that take a string; one that is given twice is refused, since one of the two would be
   ignored. */
static enum args_outcome take_string(const char **place, const char *value, const char *option,
                                     FILE *err) {
  if (*place != NULL) {
    (void)fprintf(err, "expstart: %s is given twice\n", option);
    return ARGS_BAD;
  }
  if (*value == '\0') {
    (void)fprintf(err, "expstart: %s is empty\n", option);
    return ARGS_BAD;
  }
  *place = value;
  return ARGS_RUN;
}

static enum args_outcome take_number(struct args *args, int option, const char *value, FILE *err) {
  double seconds = 0;
  if (option == 'r' && !parse_positive(value, RATE_MAX, &args->rate)) {
    return bad_value(err, "--rate", value, "a number above 0, at most 1000000");
  }
  if (option == 'j' && !parse_in_flight(value, &args->in_flight)) {
    return bad_value(err, "--in-flight", value, "a whole number from 1 to 10000");
  }
  if (option == OPTION_DEADLINE) {
    if (!parse_positive(value, DEADLINE_MAX_S, &seconds)) {
      return bad_value(err, "--deadline", value, "a number of seconds above 0");
    }
    args->deadline_ms = seconds < 0.001 ? 1 : (uint64_t)(seconds * 1000);
  }
  return ARGS_RUN;
}

/* `given` is the argument in question; what follows "=" in it is not shown, it may be a secret. */
static enum args_outcome bad_option(const char *given, bool is_value_missing, FILE *err) {
  char shown[80];
  size_t length = strncmp(given, "--", 2) == 0 ? strcspn(given, "=") : strlen(given);
  (void)text_safe(shown, sizeof shown, given, length);
  (void)fprintf(err,
                is_value_missing ? "expstart: %s needs a value\n"
                                 : "expstart: %s is not an option, or not in this form\n",
                shown);
  (void)fputs("Try \"expstart start --help\".\n", err);
  return ARGS_BAD;
}

static enum args_outcome take_option(struct args *args, int option, char *value, FILE *out,
                                     FILE *err) {
  switch (option) {
  case 'f':
    return take_string(&args->file, value, "--file", err);
  case 'n':
    return take_note(args, value, err);
  case 'e':
    return take_string(&args->endpoint, value, "--endpoint", err);
  case 'o':
    return take_string(&args->output, value, "--output", err);
  case OPTION_API_KEY_FILE:
    return take_string(&args->api_key_file, value, "--api-key-file", err);
  case OPTION_CA_FILE:
    return take_string(&args->ca_file, value, "--ca-file", err);
  case OPTION_API_KEY:
    (void)fputs("expstart: the key is not taken from the command line, where others can read it; "
                "use ABSMARTLY_API_KEY or --api-key-file\n",
                err);
    return ARGS_BAD;
  case OPTION_DRY_RUN:
    args->dry_run = true;
    return ARGS_RUN;
  case 'y':
    args->yes = true;
    return ARGS_RUN;
  case 'q':
    args->quiet = true;
    return ARGS_RUN;
  case 'v':
    args->verbose = true;
    return ARGS_RUN;
  case 'h':
    print_help(out);
    return ARGS_DONE;
  case OPTION_VERSION:
    args_version(out);
    return ARGS_DONE;
  default:
    return take_number(args, option, value, err);
  }
}

/* A short option that is known is never refused as such: what was refused is its long form, given with a
 * value that it does not take. */
static bool is_known_letter(int letter) {
  for (const struct option *option = long_options; option->name != NULL; option++) {
    if (option->val == letter) {
      return true;
    }
  }
  return false;
}

enum args_outcome args_parse(struct args *args, int argc, char **argv, FILE *out, FILE *err) {
  memset(args, 0, sizeof *args);
  opterr = 0;
  optind = 0; /* glibc and musl: begin anew, so that it can be called more than once */
  for (;;) {
    int option = getopt_long(argc, argv, ":f:n:e:r:j:o:yqvh", long_options, NULL);
    if (option == -1) {
      break;
    }
    if (option == '?' || option == ':') {
      char letter[] = {'-', (char)optopt, '\0'};
      bool is_short = option == ':' ? optopt < 256 && optopt > 0 && argv[optind - 1][1] != '-'
                                    : optopt > 0 && optopt < 256 && !is_known_letter(optopt);
      return bad_option(is_short ? letter : argv[optind - 1], option == ':', err);
    }
    enum args_outcome outcome = take_option(args, option, optarg, out, err);
    if (outcome != ARGS_RUN) {
      return outcome;
    }
  }
  args->ids = argv + optind;
  args->id_count = argc - optind;
  if (args->quiet && args->verbose) {
    (void)fputs("expstart: --quiet and --verbose exclude each other\n", err);
    return ARGS_BAD;
  }
  return ARGS_RUN;
}

/* The command lines of all sub-commands, read with getopt_long; every value is checked here, so that
 * nothing after it has to. Called by main.c; reads no file and no environment. */
#include "args.h"

#include <ctype.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiment_status.h"
#include "expstart.h"
#include "help.h"
#include "terms.h"
#include "text.h"

#define RATE_MAX 1e6
#define IN_FLIGHT_MAX 10000
#define DEADLINE_MAX_S 1e9

enum command { START = 1, RESUME = 2, STATUS = 4, VERIFY = 8, EXPORT = 16, REPORT = 32, ALL = 63 };

static const struct {
  const char *name;
  enum command command;
} commands[] = {{"start", START},   {"resume", RESUME}, {"status", STATUS},
                {"verify", VERIFY}, {"export", EXPORT}, {"report", REPORT}};

enum option_id {
  OPTION_API_KEY_FILE = 256,
  OPTION_API_KEY,
  OPTION_DEADLINE,
  OPTION_CA_FILE,
  OPTION_DRY_RUN,
  OPTION_JOURNAL,
  OPTION_RETRY,
  OPTION_CHANGE,
  OPTION_JSON,
  OPTION_FORMAT,
  OPTION_STATUS,
  OPTION_VERSION
};

/* --api-key is here to be refused: else it would be taken as short for --api-key-file. */
static const struct spec {
  struct option option;
  unsigned commands; /* that take it */
} specs[] = {
    {{"file", required_argument, NULL, 'f'}, START},
    {{"note", required_argument, NULL, 'n'}, START | RESUME},
    {{"endpoint", required_argument, NULL, 'e'}, START | RESUME | VERIFY},
    {{"api-key-file", required_argument, NULL, OPTION_API_KEY_FILE}, START | RESUME | VERIFY},
    {{"api-key", required_argument, NULL, OPTION_API_KEY}, START | RESUME | VERIFY},
    {{"ca-file", required_argument, NULL, OPTION_CA_FILE}, START | RESUME | VERIFY},
    {{"rate", required_argument, NULL, 'r'}, START | RESUME | VERIFY},
    {{"in-flight", required_argument, NULL, 'j'}, START | RESUME | VERIFY},
    {{"deadline", required_argument, NULL, OPTION_DEADLINE}, START | RESUME | VERIFY},
    {{"journal", required_argument, NULL, OPTION_JOURNAL}, START},
    {{"retry", required_argument, NULL, OPTION_RETRY}, RESUME},
    {{"change", required_argument, NULL, OPTION_CHANGE}, RESUME | VERIFY},
    {{"dry-run", no_argument, NULL, OPTION_DRY_RUN}, START | RESUME},
    {{"yes", no_argument, NULL, 'y'}, START | RESUME},
    {{"json", no_argument, NULL, OPTION_JSON}, STATUS},
    {{"format", required_argument, NULL, OPTION_FORMAT}, EXPORT},
    {{"status", required_argument, NULL, OPTION_STATUS}, EXPORT},
    {{"output", required_argument, NULL, 'o'}, START | RESUME | VERIFY | EXPORT | REPORT},
    {{"quiet", no_argument, NULL, 'q'}, START | RESUME | VERIFY},
    {{"verbose", no_argument, NULL, 'v'}, START | RESUME | VERIFY},
    {{"help", no_argument, NULL, 'h'}, ALL},
    {{"version", no_argument, NULL, OPTION_VERSION}, ALL},
};
#define SPECS (sizeof specs / sizeof specs[0])

/* What getopt_long wants, for one sub-command. */
struct grammar {
  const char *command;
  struct option options[SPECS + 1];
  char letters[2 * SPECS + 2];
};

static enum command command_of(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      return commands[i].command;
    }
  }
  return START; /* not reached: main.c knows the same names */
}

static void make_grammar(struct grammar *grammar, const char *command) {
  size_t count = 0;
  size_t used = 0;
  memset(grammar, 0, sizeof *grammar);
  grammar->command = command;
  grammar->letters[used++] = ':';
  for (size_t i = 0; i < SPECS; i++) {
    const struct option *option = &specs[i].option;
    if ((specs[i].commands & command_of(command)) == 0) {
      continue;
    }
    grammar->options[count++] = *option;
    if (option->val < 256) {
      grammar->letters[used++] = (char)option->val;
      if (option->has_arg == required_argument) {
        grammar->letters[used++] = ':';
      }
    }
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
    /* To the nearest: 0.009 * 1000 is a little less than 9 where there is more precision. */
    uint64_t whole_ms = (uint64_t)(seconds * 1000 + 0.5);
    args->deadline_ms = whole_ms > 0 ? whole_ms : 1;
  }
  return ARGS_RUN;
}

/* ---- lists of words, with commas between them ------------------------------------------------- */

typedef bool (*find_word)(const char *word, size_t length, unsigned *bit);

static bool find_status(const char *word, size_t length, unsigned *bit) {
  enum status status = STATUS_PENDING;
  if (!status_find(word, length, &status)) {
    return false;
  }
  *bit = STATUS_BIT(status);
  return true;
}

static bool find_retry(const char *word, size_t length, unsigned *bit) {
  return find_status(word, length, bit) && (*bit & STATUS_BAD) != 0;
}

static bool find_change(const char *word, size_t length, unsigned *bit) {
  static const char *const words[] = {"endpoint", "key", "note"};
  static const unsigned bits[] = {TERM_ENDPOINT, TERM_KEY, TERM_NOTE};
  for (size_t i = 0; i < 3; i++) {
    if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0) {
      *bit = bits[i];
      return true;
    }
  }
  return false;
}

static enum args_outcome take_words(unsigned *set, const char *value, const char *option,
                                    find_word find, const char *wanted, FILE *err) {
  for (const char *word = value;; word += strcspn(word, ",") + 1) {
    unsigned bit = 0;
    if (!find(word, strcspn(word, ","), &bit)) {
      return bad_value(err, option, value, wanted);
    }
    *set |= bit;
    if (word[strcspn(word, ",")] == '\0') {
      return ARGS_RUN;
    }
  }
}

static enum args_outcome take_format(struct args *args, const char *value, FILE *err) {
  args->is_csv = strcmp(value, "csv") == 0;
  return args->is_csv || strcmp(value, "ndjson") == 0
             ? ARGS_RUN
             : bad_value(err, "--format", value, "csv or ndjson");
}

/* ---- one option ------------------------------------------------------------------------------- */

/* `given` is the argument in question; what follows "=" in it is not shown, it may be a secret. */
static enum args_outcome bad_option(const struct grammar *grammar, const char *given,
                                    bool is_value_missing, FILE *err) {
  char shown[80];
  size_t length = strncmp(given, "--", 2) == 0 ? strcspn(given, "=") : strlen(given);
  (void)text_safe(shown, sizeof shown, given, length);
  (void)fprintf(err,
                is_value_missing ? "expstart: %s needs a value\n"
                                 : "expstart: %s is not an option, or not in this form\n",
                shown);
  (void)fprintf(err, "Try \"expstart %s --help\".\n", grammar->command);
  return ARGS_BAD;
}

static enum args_outcome take_option(struct args *args, const struct grammar *grammar, int option,
                                     char *value, FILE *out, FILE *err) {
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
  case OPTION_JOURNAL:
    return take_string(&args->journal, value, "--journal", err);
  case OPTION_RETRY:
    return take_words(&args->retry, value, "--retry", find_retry,
                      "a list of failed, unknown, rejected", err);
  case OPTION_CHANGE:
    return take_words(&args->change, value, "--change", find_change,
                      "a list of endpoint, key, note", err);
  case OPTION_STATUS:
    return take_words(&args->statuses, value, "--status", find_status, "a list of statuses", err);
  case OPTION_FORMAT:
    return take_format(args, value, err);
  case OPTION_JSON:
    args->json = true;
    return ARGS_RUN;
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
    help_print(grammar->command, out);
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
static bool is_known_letter(const struct grammar *grammar, int letter) {
  return letter != ':' && strchr(grammar->letters, letter) != NULL;
}

/* What getopt_long did not take: names it as it was given. */
static enum args_outcome bad_argument(const struct grammar *grammar, int option, char **argv,
                                      FILE *err) {
  char letter[] = {'-', (char)optopt, '\0'};
  bool is_letter = optopt > 0 && optopt < 256;
  bool is_short = option == ':' ? is_letter && argv[optind - 1][1] != '-'
                                : is_letter && !is_known_letter(grammar, optopt);
  return bad_option(grammar, is_short ? letter : argv[optind - 1], option == ':', err);
}

/* ---- operands and what options have to do with each other -------------------------------------- */

/* Ids for start, else the journal. */
static enum args_outcome take_operands(struct args *args, const char *command, char **operands,
                                       int count, FILE *err) {
  if (command_of(command) == START) {
    args->ids = operands;
    args->id_count = count;
    return ARGS_RUN;
  }
  if (count != 1) {
    (void)fprintf(err, "expstart %s: %s\nTry \"expstart %s --help\".\n", command,
                  count == 0 ? "no journal is given" : "more than one journal is given", command);
    return ARGS_BAD;
  }
  return take_string(&args->journal, operands[0], "the journal's name", err);
}

static enum args_outcome check_together(const struct args *args, const char *command, FILE *err) {
  if (args->quiet && args->verbose) {
    (void)fputs("expstart: --quiet and --verbose exclude each other\n", err);
    return ARGS_BAD;
  }
  if (command_of(command) == VERIFY && (args->change & TERM_NOTE) != 0) {
    (void)fputs("expstart: --change: verify sends no note\n", err);
    return ARGS_BAD;
  }
  if (command_of(command) == REPORT && args->output == NULL) {
    (void)fputs("expstart: --output is missing: where is the page to go?\n", err);
    return ARGS_BAD;
  }
  return ARGS_RUN;
}

enum args_outcome args_parse(struct args *args, int argc, char **argv, FILE *out, FILE *err) {
  struct grammar grammar;
  memset(args, 0, sizeof *args);
  args->is_csv = true;
  make_grammar(&grammar, argv[0]);
  opterr = 0;
  optind = 0; /* glibc and musl: begin anew, so that it can be called more than once */
  for (;;) {
    int option = getopt_long(argc, argv, grammar.letters, grammar.options, NULL);
    if (option == -1) {
      break;
    }
    if (option == '?' || option == ':') {
      return bad_argument(&grammar, option, argv, err);
    }
    enum args_outcome outcome = take_option(args, &grammar, option, optarg, out, err);
    if (outcome != ARGS_RUN) {
      return outcome;
    }
  }
  enum args_outcome outcome = take_operands(args, argv[0], argv + optind, argc - optind, err);
  return outcome == ARGS_RUN ? check_together(args, argv[0], err) : outcome;
}

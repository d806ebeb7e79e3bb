/* The command lines of the sub-commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "experiment_status.h"
#include "terms.h"

#define WORDS_MOST 24

struct parsed {
  struct args args;
  enum args_outcome outcome;
  char line[512]; /* args point into it */
  char *argv[WORDS_MOST + 1];
  char out[8192];
  char err[1024];
};

/* Splits at blanks, which no value here has. */
static void parse_as(struct parsed *parsed, const char *command, const char *line) {
  int argc = 0;
  char *rest = NULL;
  memset(parsed, 0, sizeof *parsed);
  (void)snprintf(parsed->line, sizeof parsed->line, "%s %s", command, line);
  for (char *word = strtok_r(parsed->line, " ", &rest); word != NULL && argc < WORDS_MOST;
       word = strtok_r(NULL, " ", &rest)) {
    parsed->argv[argc++] = word;
  }
  FILE *out = fmemopen(parsed->out, sizeof parsed->out, "w");
  FILE *err = fmemopen(parsed->err, sizeof parsed->err, "w");
  assert_non_null(out);
  assert_non_null(err);
  parsed->outcome = args_parse(&parsed->args, argc, parsed->argv, out, err);
  assert_int_equal(fclose(out), 0);
  assert_int_equal(fclose(err), 0);
}

static void parse(struct parsed *parsed, const char *line) {
  parse_as(parsed, "start", line);
}

static void assert_bad_as(const char *command, const char *line, const char *said) {
  struct parsed parsed;
  parse_as(&parsed, command, line);
  assert_int_equal(parsed.outcome, ARGS_BAD);
  if (strstr(parsed.err, said) == NULL) {
    fail_msg("\"%s\" was said, not \"%s\"", parsed.err, said);
  }
}

static void assert_bad(const char *line, const char *said) {
  assert_bad_as("start", line, said);
}

static void nothing_given_leaves_every_default(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, "");
  assert_int_equal(parsed.outcome, ARGS_RUN);
  assert_int_equal(parsed.args.id_count, 0);
  assert_null(parsed.args.file);
  assert_null(parsed.args.note);
  assert_null(parsed.args.output);
  assert_true(parsed.args.rate >= 0 && parsed.args.rate <= 0);
  assert_int_equal(parsed.args.in_flight, 0);
  assert_int_equal(parsed.args.deadline_ms, 0);
  assert_false(parsed.args.dry_run || parsed.args.yes || parsed.args.quiet || parsed.args.verbose);
}

static void short_and_long_options_mean_the_same(void **state) {
  (void)state;
  static const char *const lines[] = {
      "-f a.csv -n hello -e http://localhost/v1 -r 2.5 -j 7 -o - -y -v 1 2",
      "1 --file=a.csv --note hello --endpoint http://localhost/v1 --rate 2.5 --in-flight=7 "
      "--output - --yes --verbose 2"};
  for (size_t i = 0; i < 2; i++) {
    struct parsed parsed;
    parse(&parsed, lines[i]);
    assert_int_equal(parsed.outcome, ARGS_RUN);
    assert_string_equal(parsed.args.file, "a.csv");
    assert_string_equal(parsed.args.note, "hello");
    assert_string_equal(parsed.args.endpoint, "http://localhost/v1");
    assert_string_equal(parsed.args.output, "-");
    assert_true(parsed.args.rate > 2.49 && parsed.args.rate < 2.51);
    assert_int_equal(parsed.args.in_flight, 7);
    assert_true(parsed.args.yes && parsed.args.verbose);
    assert_int_equal(parsed.args.id_count, 2);
    assert_string_equal(parsed.args.ids[0], "1");
    assert_string_equal(parsed.args.ids[1], "2");
  }
}

static void the_others_are_taken_too(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, "--api-key-file k --ca-file c --deadline 1.5 --dry-run -q");
  assert_int_equal(parsed.outcome, ARGS_RUN);
  assert_string_equal(parsed.args.api_key_file, "k");
  assert_string_equal(parsed.args.ca_file, "c");
  assert_int_equal(parsed.args.deadline_ms, 1500);
  assert_true(parsed.args.dry_run && parsed.args.quiet);
}

static void a_number_out_of_range_names_its_option(void **state) {
  (void)state;
  static const char *const rates[] = {"0", "-1", "x", "inf", "nan", "1e7", "0x10", "1,5", "5/s"};
  static const char *const in_flights[] = {"0", "-1", "1.5", "10001", "99999999999", "1e1"};
  static const char *const deadlines[] = {"0", "-1", "1m", "1e10"};
  char line[64];
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
    (void)snprintf(line, sizeof line, "--rate=%s", rates[i]);
    assert_bad(line, "--rate: ");
  }
  for (size_t i = 0; i < sizeof in_flights / sizeof in_flights[0]; i++) {
    (void)snprintf(line, sizeof line, "--in-flight=%s", in_flights[i]);
    assert_bad(line, "--in-flight: ");
  }
  for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
    (void)snprintf(line, sizeof line, "--deadline=%s", deadlines[i]);
    assert_bad(line, "--deadline: ");
  }
}

static void a_key_on_the_command_line_is_refused_and_not_repeated(void **state) {
  (void)state;
  static const char *const lines[] = {"--api-key SECRET 1", "--api-key=SECRET 1",
                                      "--apikey=SECRET 1"};
  for (size_t i = 0; i < 3; i++) {
    struct parsed parsed;
    parse(&parsed, lines[i]);
    assert_int_equal(parsed.outcome, ARGS_BAD);
    assert_null(strstr(parsed.err, "SECRET"));
  }
  assert_bad("--api-key SECRET", "ABSMARTLY_API_KEY or --api-key-file");
}

static void unknown_options_and_missing_values_are_named(void **state) {
  (void)state;
  assert_bad("--bogus", "--bogus is not an option");
  assert_bad("-z", "-z is not an option");
  assert_bad("-yz", "-z is not an option");
  assert_bad("--file", "--file needs a value");
  assert_bad("-f", "-f needs a value");
  assert_bad("-qf", "-f needs a value");
}

static void options_that_exclude_each_other_are_refused(void **state) {
  (void)state;
  assert_bad("-q -v", "exclude each other");
  assert_bad("-f a -f b", "--file is given twice");
  assert_bad("--file= 1", "--file is empty");
}

static void a_note_is_checked(void **state) {
  (void)state;
  assert_bad("-n \xC3", "--note: the note is not valid UTF-8");
}

static void what_follows_two_dashes_is_an_id(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, "-- -5");
  assert_int_equal(parsed.outcome, ARGS_RUN);
  assert_int_equal(parsed.args.id_count, 1);
  assert_string_equal(parsed.args.ids[0], "-5");
}

static void help_and_version_go_to_stdout_and_end_it(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, "--help");
  assert_int_equal(parsed.outcome, ARGS_DONE);
  assert_non_null(strstr(parsed.out, "Usage: expstart start"));
  static const char *const options[] = {"--file",    "--note",    "--endpoint",  "--api-key-file",
                                        "--ca-file", "--rate",    "--in-flight", "--deadline",
                                        "--dry-run", "--yes",     "--output",    "--quiet",
                                        "--verbose", "--version", "--help"};
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    assert_non_null(strstr(parsed.out, options[i]));
  }
  parse(&parsed, "--version");
  assert_int_equal(parsed.outcome, ARGS_DONE);
  assert_int_equal(strncmp(parsed.out, "expstart ", 9), 0);
}

/* ---- the other sub-commands ------------------------------------------------------------------ */

static void each_sub_command_takes_its_own_options_only(void **state) {
  (void)state;
  assert_bad_as("status", "m.db -f a", "-f is not an option");
  assert_bad_as("status", "m.db --retry failed", "--retry is not an option");
  assert_bad_as("resume", "m.db --json", "--json is not an option");
  assert_bad_as("verify", "m.db --dry-run", "--dry-run is not an option");
  assert_bad_as("export", "m.db -e http://localhost", "-e is not an option");
  assert_bad_as("report", "m.db --format csv", "--format is not an option");
  assert_bad_as("start", "--retry failed 1", "--retry is not an option");
  assert_bad_as("resume", "m.db --bogus", "Try \"expstart resume --help\"");
  assert_bad_as("resume", "m.db --api-key SECRET", "not taken from the command line");
}

static void all_but_start_take_one_journal(void **state) {
  (void)state;
  static const char *const commands[] = {"resume", "status", "verify", "export"};
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    struct parsed parsed;
    parse_as(&parsed, commands[i], "m.db");
    assert_int_equal(parsed.outcome, ARGS_RUN);
    assert_string_equal(parsed.args.journal, "m.db");
    assert_bad_as(commands[i], "", "no journal is given");
    assert_bad_as(commands[i], "a b", "more than one journal is given");
  }
  assert_bad_as("report", "m.db", "--output is missing");
  struct parsed parsed;
  parse(&parsed, "--journal m.db 1");
  assert_string_equal(parsed.args.journal, "m.db");
  assert_bad("--journal= 1", "--journal is empty");
  assert_bad("--journal a --journal b 1", "--journal is given twice");
}

static void lists_of_words_are_sets(void **state) {
  (void)state;
  struct parsed parsed;
  parse_as(&parsed, "resume", "m.db --retry unknown,failed --retry=rejected --change key");
  assert_int_equal(parsed.args.retry, STATUS_BAD);
  assert_int_equal(parsed.args.change, TERM_KEY);
  parse_as(&parsed, "resume", "m.db --change note,endpoint,key");
  assert_int_equal(parsed.args.change, TERM_KEY | TERM_ENDPOINT | TERM_NOTE);
  parse_as(&parsed, "export", "m.db --status pending,canceled --format ndjson");
  assert_int_equal(parsed.args.statuses, STATUS_BIT(STATUS_PENDING) | STATUS_BIT(STATUS_CANCELED));
  assert_false(parsed.args.is_csv);
  parse_as(&parsed, "export", "m.db");
  assert_true(parsed.args.is_csv);
  static const char *const bad[] = {"started",         "failed,", ",failed",
                                    "failed,,unknown", "fail",    "failed;unknown"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char line[64];
    (void)snprintf(line, sizeof line, "m.db --retry=%s", bad[i]);
    assert_bad_as("resume", line, "--retry: ");
  }
  assert_bad_as("resume", "m.db --change all", "--change: \"all\" is not a list of");
  assert_bad_as("export", "m.db --status lost", "--status: \"lost\"");
  assert_bad_as("export", "m.db --format xml", "--format: \"xml\" is not csv or ndjson");
  assert_bad_as("verify", "m.db --change note", "verify sends no note");
}

static void each_sub_command_has_a_help_of_its_own(void **state) {
  (void)state;
  static const char *const commands[] = {"start", "resume", "status", "verify", "export", "report"};
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    struct parsed parsed;
    char usage[64];
    parse_as(&parsed, commands[i], "--help");
    (void)snprintf(usage, sizeof usage, "Usage: expstart %s ", commands[i]);
    assert_int_equal(parsed.outcome, ARGS_DONE);
    assert_memory_equal(parsed.out, usage, strlen(usage));
    assert_non_null(strstr(parsed.out, "Exit codes: "));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_given_leaves_every_default),
      cmocka_unit_test(short_and_long_options_mean_the_same),
      cmocka_unit_test(the_others_are_taken_too),
      cmocka_unit_test(a_number_out_of_range_names_its_option),
      cmocka_unit_test(a_key_on_the_command_line_is_refused_and_not_repeated),
      cmocka_unit_test(unknown_options_and_missing_values_are_named),
      cmocka_unit_test(options_that_exclude_each_other_are_refused),
      cmocka_unit_test(a_note_is_checked),
      cmocka_unit_test(what_follows_two_dashes_is_an_id),
      cmocka_unit_test(help_and_version_go_to_stdout_and_end_it),
      cmocka_unit_test(each_sub_command_takes_its_own_options_only),
      cmocka_unit_test(all_but_start_take_one_journal),
      cmocka_unit_test(lists_of_words_are_sets),
      cmocka_unit_test(each_sub_command_has_a_help_of_its_own),
  };
  return cmocka_run_group_tests_name("command: args", tests, NULL, NULL);
}

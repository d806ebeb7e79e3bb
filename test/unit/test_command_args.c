/* The command line of `expstart start`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

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
static void parse(struct parsed *parsed, const char *line) {
  int argc = 0;
  char *rest = NULL;
  memset(parsed, 0, sizeof *parsed);
  (void)snprintf(parsed->line, sizeof parsed->line, "start %s", line);
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

static void assert_bad(const char *line, const char *said) {
  struct parsed parsed;
  parse(&parsed, line);
  assert_int_equal(parsed.outcome, ARGS_BAD);
  if (strstr(parsed.err, said) == NULL) {
    fail_msg("\"%s\" was said, not \"%s\"", parsed.err, said);
  }
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
  };
  return cmocka_run_group_tests_name("command: args", tests, NULL, NULL);
}

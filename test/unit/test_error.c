/* Names and words of codes, outcomes and reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "expstart.h"

static void every_code_has_its_name_and_words(void **state) {
  (void)state;
#define X(name, value, text)                                                                       \
  assert_int_equal(EXPSTART_##name, value);                                                        \
  assert_string_equal(expstart_err_name(value), #name);                                            \
  assert_string_equal(expstart_strerror(value), text);
  EXPSTART_ERRORS(X)
#undef X
}

static void codes_are_negative_and_each_is_there_once(void **state) {
  (void)state;
  static const int codes[] = {
#define X(name, value, text) EXPSTART_##name,
      EXPSTART_ERRORS(X)
#undef X
  };
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    assert_true(codes[i] < 0);
    /* The request table keeps a code in a byte. */
    assert_true(codes[i] >= INT8_MIN);
    for (size_t j = 0; j < i; j++)
      assert_int_not_equal(codes[i], codes[j]);
  }
}

static void no_error_has_a_name_too(void **state) {
  (void)state;
  assert_string_equal(expstart_err_name(EXPSTART_OK), "OK");
  assert_string_equal(expstart_strerror(EXPSTART_OK), "no error");
}

static void an_unknown_code_is_called_so(void **state) {
  (void)state;
  static const int codes[] = {1, 42, -1000, INT_MIN, INT_MAX};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    assert_string_equal(expstart_err_name(codes[i]), "EUNKNOWN");
    assert_string_equal(expstart_strerror(codes[i]), "unknown error");
  }
}

static void the_version_is_the_headers(void **state) {
  (void)state;
  char wanted[32];
  snprintf(wanted, sizeof wanted, "%d.%d.%d", EXPSTART_VERSION_MAJOR, EXPSTART_VERSION_MINOR,
           EXPSTART_VERSION_PATCH);
  assert_string_equal(expstart_version(), wanted);
}

static void every_outcome_has_its_name(void **state) {
  (void)state;
  assert_string_equal(expstart_outcome_name(EXPSTART_STARTED), "started");
  assert_string_equal(expstart_outcome_name(EXPSTART_RUNNING), "running");
  assert_string_equal(expstart_outcome_name(EXPSTART_REJECTED), "rejected");
  assert_string_equal(expstart_outcome_name(EXPSTART_FAILED), "failed");
  assert_string_equal(expstart_outcome_name(EXPSTART_UNKNOWN), "unknown");
  assert_string_equal(expstart_outcome_name(EXPSTART_CANCELED), "canceled");
  assert_string_equal(expstart_outcome_name(EXPSTART_SEEN), "seen");
}

static void every_block_has_its_name(void **state) {
  (void)state;
  assert_string_equal(expstart_blocked_name(EXPSTART_BLOCKED_NOTHING), "nothing");
  assert_string_equal(expstart_blocked_name(EXPSTART_BLOCKED_SLOTS), "slots");
  assert_string_equal(expstart_blocked_name(EXPSTART_BLOCKED_RATE), "rate");
  assert_string_equal(expstart_blocked_name(EXPSTART_BLOCKED_BACKOFF), "backoff");
  assert_string_equal(expstart_blocked_name(EXPSTART_BLOCKED_PAUSED), "paused");
}

static void names_of_what_is_not_there_are_survived(void **state) {
  (void)state;
  assert_non_null(expstart_outcome_name((expstart_outcome)7));
  assert_non_null(expstart_outcome_name((expstart_outcome)-1));
  assert_non_null(expstart_blocked_name((expstart_blocked)5));
  assert_non_null(expstart_blocked_name((expstart_blocked)-1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_has_its_name_and_words),
      cmocka_unit_test(codes_are_negative_and_each_is_there_once),
      cmocka_unit_test(no_error_has_a_name_too),
      cmocka_unit_test(an_unknown_code_is_called_so),
      cmocka_unit_test(the_version_is_the_headers),
      cmocka_unit_test(every_outcome_has_its_name),
      cmocka_unit_test(every_block_has_its_name),
      cmocka_unit_test(names_of_what_is_not_there_are_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

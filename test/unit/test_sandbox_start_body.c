/* The bodies of start requests as the sandbox reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "start_body.h"

static void assert_note(const char *body, const char *wanted) {
  char *note_json = NULL;
  assert_null(start_body_parse(body, strlen(body), &note_json));
  if (wanted == NULL) {
    assert_null(note_json);
  } else {
    assert_non_null(note_json);
    assert_string_equal(note_json, wanted);
  }
  free(note_json);
}

static void assert_refused(const char *body, const char *wanted) {
  char *note_json = NULL;
  const char *wrong = start_body_parse(body, strlen(body), &note_json);
  assert_non_null(wrong);
  assert_string_equal(wrong, wanted);
  assert_null(note_json);
}

static void a_note_that_is_not_ascii_is_taken(void **state) {
  (void)state;
  assert_note("{\"action\":\"start\",\"note\":\"grün ✓ 😀\"}", "\"grün ✓ 😀\"");
}

static void members_that_are_not_known_are_let_through(void **state) {
  (void)state;
  assert_note("{\"weight\":123456789012345678901234567890,\"note\":\"a/b\"}", "\"a/b\"");
  assert_note("{}", NULL);
}

static void what_is_no_start_is_told(void **state) {
  (void)state;
  static const char *const not_json[] = {"", "{", "{} x", "{'note':1}", "{\"note\":\"\xFF\"}"};
  for (size_t i = 0; i < sizeof not_json / sizeof not_json[0]; i++) {
    assert_refused(not_json[i], "the body is not JSON");
  }
  assert_refused("[]", "the body is not a JSON object");
  assert_refused("null", "the body is not a JSON object");
  assert_refused("{\"action\":\"stop\"}", "action is not start");
  assert_refused("{\"note\":1}", "note is not a string");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_note_that_is_not_ascii_is_taken),
      cmocka_unit_test(members_that_are_not_known_are_let_through),
      cmocka_unit_test(what_is_no_start_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

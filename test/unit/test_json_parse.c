/* The one JSON parser: what is JSON, and json-c's tree of it, with any version of json-c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "json_parse.h"

/* Memory of its own without a NUL, so that a checker sees a byte read too far. */
static enum expstart__json_parsed parse(const char *text, size_t size, unsigned flags,
                                        struct json_object **tree, size_t *wrong_at) {
  char *copy = malloc(size ? size : 1);
  assert_non_null(copy);
  memcpy(copy, text, size);
  enum expstart__json_parsed parsed = expstart__json_parse(copy, size, flags, tree, wrong_at);
  free(copy);
  return parsed;
}

/* `text` is JSON, and json-c writes it as `wanted`. */
static void assert_written(const char *text, const char *wanted) {
  struct json_object *tree;
  if (parse(text, strlen(text), 0, &tree, NULL) != EXPSTART__JSON_PARSED)
    fail_msg("not parsed: %s", text);
  assert_string_equal(
      json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
      wanted);
  json_object_put(tree);
}

static void assert_same(const char *text) {
  assert_written(text, text);
}

static void assert_wrong(const char *text, size_t size, unsigned flags,
                         enum expstart__json_parsed wanted) {
  struct json_object *tree = NULL;
  enum expstart__json_parsed parsed = parse(text, size, flags, &tree, NULL);
  if (parsed != wanted)
    fail_msg("%d, not %d: %.*s", (int)parsed, (int)wanted, (int)size, text);
  assert_null(tree);
}

static void text_that_is_not_ascii_is_json(void **state) {
  (void)state;
  assert_same("{\"ok\":true,\"errors\":[{\"warn\":\"möglich\"}]}");
  assert_same("[\"ü\",\"€\",\"😀\",{\"größe\":\"\x7F\"}]");
  assert_same("\"\xC2\x80\xEF\xBF\xBF\"");
}

static void bytes_that_are_not_utf8_are_taken_unless_it_is_asked_for(void **state) {
  (void)state;
  static const char *const texts[] = {"\"\xFF\"", "\"\xC3\"", "\"\xED\xA0\x80\"", "\"\xC0\x80\""};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    assert_same(texts[i]);
    assert_wrong(texts[i], strlen(texts[i]), EXPSTART__JSON_UTF8_ONLY, EXPSTART__JSON_NOT_UTF8);
  }
  struct json_object *tree;
  assert_int_equal(parse("[\"ü€😀\"]", 13, EXPSTART__JSON_UTF8_ONLY, &tree, NULL),
                   EXPSTART__JSON_PARSED);
  json_object_put(tree);
}

static void integers_beyond_64_bits_are_the_nearest_that_fits(void **state) {
  (void)state;
  assert_same("[9223372036854775807,-9223372036854775808,18446744073709551615]");
  assert_written("[18446744073709551616,-9223372036854775809]",
                 "[18446744073709551615,-9223372036854775808]");
  assert_written("{\"id\":123456789012345678901234567890}", "{\"id\":18446744073709551615}");
  assert_written("-123456789012345678901234567890", "-9223372036854775808");
}

static void control_characters_within_strings_are_taken(void **state) {
  (void)state;
  assert_written("\"\x01\n\t\x1F\"", "\"\\u0001\\n\\t\\u001f\"");
  assert_wrong("\"\0\"", 3, 0, EXPSTART__JSON_INVALID);
}

static void numbers_are_written_as_they_were(void **state) {
  (void)state;
  assert_same("[0,7,1.5,1.50,1e3,-2.5E-3,0.1e+10]");
  assert_same("0");
  assert_same("12.5");
  assert_written(" -7\n", "-7");
}

static void escapes_are_read(void **state) {
  (void)state;
  assert_written("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\"",
                 "\"\\\"\\\\/\\b\\f\\n\\r\\tA😀\"");
}

static void a_null_has_no_tree_and_is_json(void **state) {
  (void)state;
  struct json_object *tree;
  assert_int_equal(parse(" null ", 6, 0, &tree, NULL), EXPSTART__JSON_PARSED);
  assert_null(tree);
}

static void what_json_c_takes_and_is_no_json_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"NaN",         "Infinity",   "[-Infinity]",
                                      "01",          "-01",        "00",
                                      ".5",          "-.5",        "+1",
                                      "1.e5",        "True",       "nUll",
                                      "'a'",         "{'a':1}",    "{a:1}",
                                      "[1,]",        "{\"a\":1,}", "/* c */1",
                                      "1 // c",      "[1]]",       "{} {}",
                                      "1 2",         "\"a\" b",    "[1 2]",
                                      "{\"a\" 1}",   "{\"a\",1}",  "\"\\x41\"",
                                      "\"\\u12G4\"", "[1}",        "{\"a\":1]",
                                      "\v1",         "tru\"",      "\xEF\xBB\xBF[]",
                                      "-x",          "nulll",      "{1:2}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_wrong(texts[i], strlen(texts[i]), 0, EXPSTART__JSON_INVALID);
  assert_wrong("1\0", 2, 0, EXPSTART__JSON_INVALID);
}

static void what_is_cut_off_is_incomplete(void **state) {
  (void)state;
  static const char whole[] =
      "{ \"a\" : [ true , null , false , -10.25e-3 , \"ü\\u00fc\\n\" , {} ] } ";
  for (size_t size = 0; size < sizeof whole - 2; size++)
    assert_wrong(whole, size, 0, EXPSTART__JSON_INCOMPLETE);
  assert_wrong("1.", 2, 0, EXPSTART__JSON_INCOMPLETE);
  assert_wrong("-", 1, 0, EXPSTART__JSON_INCOMPLETE);
}

static void the_place_of_the_first_wrong_byte_is_told(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t at;
  } cases[] = {{"[1,]", 3}, {"{\"a\": nol}", 7}, {"[] x", 3}, {"01", 1}, {"\"\\u1 \"", 4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct json_object *tree;
    size_t at = SIZE_MAX;
    assert_int_equal(parse(cases[i].text, strlen(cases[i].text), 0, &tree, &at),
                     EXPSTART__JSON_INVALID);
    assert_int_equal(at, cases[i].at);
  }
}

static void nesting_has_a_limit(void **state) {
  (void)state;
  char text[2 * 128];
  memset(text, '[', 128);
  memset(text + 128, ']', 128);
  assert_wrong(text, sizeof text, 0, EXPSTART__JSON_INVALID);
  struct json_object *tree;
  assert_int_equal(parse(text + 1, sizeof text - 2, 0, &tree, NULL), EXPSTART__JSON_PARSED);
  json_object_put(tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_that_is_not_ascii_is_json),
      cmocka_unit_test(bytes_that_are_not_utf8_are_taken_unless_it_is_asked_for),
      cmocka_unit_test(integers_beyond_64_bits_are_the_nearest_that_fits),
      cmocka_unit_test(control_characters_within_strings_are_taken),
      cmocka_unit_test(numbers_are_written_as_they_were),
      cmocka_unit_test(escapes_are_read),
      cmocka_unit_test(a_null_has_no_tree_and_is_json),
      cmocka_unit_test(what_json_c_takes_and_is_no_json_is_refused),
      cmocka_unit_test(what_is_cut_off_is_incomplete),
      cmocka_unit_test(the_place_of_the_first_wrong_byte_is_told),
      cmocka_unit_test(nesting_has_a_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

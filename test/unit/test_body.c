/* The request's JSON: exact bytes, and what a reader makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "expstart.h"
#include "json_parse.h"

static void assert_body(const char *note, const char *wanted) {
  size_t size = 0;
  char *body = expstart__body_create(note, &size);
  assert_non_null(body);
  assert_string_equal(body, wanted);
  assert_int_equal(size, strlen(wanted));
  free(body);
}

/* The body read back has exactly this action and note. */
static void assert_survives(const char *note) {
  size_t size = 0;
  char *body = expstart__body_create(note, &size);
  assert_non_null(body);
  assert_int_equal(size, strlen(body));
  struct json_object *root;
  assert_int_equal(expstart__json_parse(body, size, EXPSTART__JSON_UTF8_ONLY, &root, NULL),
                   EXPSTART__JSON_PARSED);
  assert_true(json_object_is_type(root, json_type_object));
  assert_int_equal(json_object_object_length(root), 2);
  struct json_object *action, *text;
  assert_true(json_object_object_get_ex(root, "action", &action));
  assert_string_equal(json_object_get_string(action), "start");
  assert_true(json_object_object_get_ex(root, "note", &text));
  assert_true(json_object_is_type(text, json_type_string));
  assert_string_equal(json_object_get_string(text), note);
  json_object_put(root);
  free(body);
}

static void without_a_note_there_is_only_the_action(void **state) {
  (void)state;
  assert_body(NULL, "{\"action\":\"start\"}");
}

static void an_empty_note_is_a_note(void **state) {
  (void)state;
  assert_body("", "{\"action\":\"start\",\"note\":\"\"}");
}

static void a_note_follows_the_action(void **state) {
  (void)state;
  assert_body("wave 1", "{\"action\":\"start\",\"note\":\"wave 1\"}");
}

static void quotes_and_backslashes_are_escaped(void **state) {
  (void)state;
  assert_body("say \"hi\" \\ bye", "{\"action\":\"start\",\"note\":\"say \\\"hi\\\" \\\\ bye\"}");
}

static void a_slash_stays_a_slash(void **state) {
  (void)state;
  assert_body("a/b", "{\"action\":\"start\",\"note\":\"a/b\"}");
}

static void line_ends_and_tabs_are_escaped(void **state) {
  (void)state;
  assert_body("a\nb\tc\r", "{\"action\":\"start\",\"note\":\"a\\nb\\tc\\r\"}");
}

static void other_control_characters_are_escaped(void **state) {
  (void)state;
  assert_body("\x01\x1f", "{\"action\":\"start\",\"note\":\"\\u0001\\u001f\"}");
}

static void other_scripts_travel_as_utf8(void **state) {
  (void)state;
  assert_body("Zürich €😀", "{\"action\":\"start\",\"note\":\"Zürich €😀\"}");
}

static void a_note_cannot_break_out_of_its_string(void **state) {
  (void)state;
  assert_survives("\",\"action\":\"stop");
  assert_survives("\\\",\"x\":\"");
  assert_survives("</script><!--");
}

static void every_ascii_character_survives(void **state) {
  (void)state;
  char note[128];
  for (size_t i = 0; i < 127; i++)
    note[i] = (char)(i + 1);
  note[127] = '\0';
  assert_survives(note);
}

static void the_longest_note_survives(void **state) {
  (void)state;
  char *note = malloc(EXPSTART_NOTE_MAX + 1);
  assert_non_null(note);
  memset(note, '\x01', EXPSTART_NOTE_MAX); /* each becomes six bytes */
  note[EXPSTART_NOTE_MAX] = '\0';
  assert_survives(note);
  free(note);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_note_there_is_only_the_action),
      cmocka_unit_test(an_empty_note_is_a_note),
      cmocka_unit_test(a_note_follows_the_action),
      cmocka_unit_test(quotes_and_backslashes_are_escaped),
      cmocka_unit_test(a_slash_stays_a_slash),
      cmocka_unit_test(line_ends_and_tabs_are_escaped),
      cmocka_unit_test(other_control_characters_are_escaped),
      cmocka_unit_test(other_scripts_travel_as_utf8),
      cmocka_unit_test(a_note_cannot_break_out_of_its_string),
      cmocka_unit_test(every_ascii_character_survives),
      cmocka_unit_test(the_longest_note_survives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Checks {"action":"start","note":"..."} with json-c. Called by api.c; members it does not know are
 * let through, as an API that grows would. */
#include "start_body.h"

#include <json-c/json.h>
#include <string.h>

#include "lib/json_parse.h"

static const char *check_members(struct json_object *body, char **note_json) {
  struct json_object *action = NULL;
  struct json_object *note = NULL;
  if (!json_object_is_type(body, json_type_object)) {
    return "the body is not a JSON object";
  }
  /* The API's page lists `action` without calling it required, and the vendor's own command-line client
   * leaves it out. */
  if (json_object_object_get_ex(body, "action", &action) &&
      (!json_object_is_type(action, json_type_string) ||
       strcmp(json_object_get_string(action), "start") != 0)) {
    return "action is not start";
  }
  if (!json_object_object_get_ex(body, "note", &note)) {
    return NULL;
  }
  if (!json_object_is_type(note, json_type_string)) {
    return "note is not a string";
  }
  const char *text =
      json_object_to_json_string_ext(note, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  *note_json = text != NULL ? strdup(text) : NULL;
  return *note_json != NULL ? NULL : "out of memory";
}

const char *start_body_parse(const char *bytes, size_t length, char **note_json) {
  *note_json = NULL;
  struct json_object *body = NULL;
  switch (expstart__json_parse(bytes, length, EXPSTART__JSON_UTF8_ONLY, &body, NULL)) {
  case EXPSTART__JSON_PARSED: {
    const char *wrong = check_members(body, note_json);
    json_object_put(body);
    return wrong;
  }
  case EXPSTART__JSON_UNPARSED:
    return "out of memory";
  default:
    return "the body is not JSON";
  }
}

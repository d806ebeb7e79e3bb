/* Checks {"action":"start","note":"..."} with json-c. Called by api.c; members it does not know are
 * let through, as an API that grows would. */
#include "start_body.h"

#include <json-c/json.h>
#include <string.h>

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
  struct json_tokener *tokener = json_tokener_new();
  if (tokener == NULL) {
    return "out of memory";
  }
  /* Strict: what follows the object is an error too. */
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *body = json_tokener_parse_ex(tokener, bytes, (int)length);
  const char *wrong = json_tokener_get_error(tokener) == json_tokener_success
                          ? check_members(body, note_json)
                          : "the body is not JSON";
  json_object_put(body);
  json_tokener_free(tokener);
  return wrong;
}

#include "body.h"

#include <json.h>
#include <stdlib.h>
#include <string.h>

char *expstart__body_create(const char *note, size_t *size) {
  char *body = NULL;
  struct json_object *root = json_object_new_object();
  struct json_object *action = root ? json_object_new_string("start") : NULL;
  if (!action || json_object_object_add(root, "action", action) != 0) {
    json_object_put(action);
    goto out;
  }
  if (note) {
    struct json_object *text = json_object_new_string(note);
    if (!text || json_object_object_add(root, "note", text) != 0) {
      json_object_put(text);
      goto out;
    }
  }
  const char *json = json_object_to_json_string_length(
      root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, size);
  if (json && (body = malloc(*size + 1)))
    memcpy(body, json, *size + 1);
out:
  json_object_put(root);
  return body;
}

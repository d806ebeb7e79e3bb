/* The reader of NDJSON, on json-c: one object a line with experiment_id (or id) and maybe note.
 * Called by input.c; knows nothing of the other formats. */
#include <json.h>
#include <string.h>

#include "input.h"
#include "lib/json_parse.h"
#include "text.h"

/* experiment_id wins: an object may have an id of its own. */
static struct json_object *find_id(struct json_object *object, const char **name) {
  struct json_object *value = NULL;
  *name = "experiment_id";
  if (json_object_object_get_ex(object, *name, &value)) {
    return value;
  }
  *name = "id";
  return json_object_object_get_ex(object, *name, &value) ? value : NULL;
}

static bool read_id(struct json_object *value, int64_t *id) {
  if (json_object_is_type(value, json_type_string)) {
    return input_parse_id(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                          id);
  }
  if (!json_object_is_type(value, json_type_int)) {
    return false;
  }
  /* json-c cuts what does not fit to the nearest that does: the unsigned value shows it. */
  *id = json_object_get_int64(value);
  return *id > 0 && json_object_get_uint64(value) <= (uint64_t)INT64_MAX;
}

static void add_object(struct input *input, struct json_object *object) {
  char shown[80];
  const char *name = NULL;
  const char *note = "";
  size_t note_length = 0;
  int64_t id = 0;
  struct json_object *note_value = NULL;
  struct json_object *id_value = find_id(object, &name);
  if (id_value == NULL && !json_object_object_get_ex(object, name, NULL)) {
    list_bad(input->report, input->line, "the object has no experiment_id");
    return;
  }
  if (!read_id(id_value, &id)) {
    const char *text = json_object_is_type(id_value, json_type_string)
                           ? json_object_get_string(id_value)
                           : json_object_to_json_string_ext(id_value, JSON_C_TO_STRING_PLAIN);
    text = text == NULL ? "" : text;
    list_bad(input->report, input->line, "%s \"%s\" " INPUT_ID_WANTED, name,
             text_safe(shown, sizeof shown, text, strlen(text)));
    return;
  }
  (void)json_object_object_get_ex(object, "note", &note_value);
  if (note_value != NULL) {
    if (!json_object_is_type(note_value, json_type_string)) {
      list_bad(input->report, input->line, "the note is not a string");
      return;
    }
    note = json_object_get_string(note_value);
    note_length = (size_t)json_object_get_string_len(note_value);
    if (!input_check_note(input, input->line, note, note_length)) {
      return;
    }
  }
  input_add(input, id, input->line, note, note_length);
}

static void parse(struct input *input, const char *text, size_t length) {
  struct json_object *object = NULL;
  size_t wrong_at = 0;
  switch (expstart__json_parse(text, length, EXPSTART__JSON_UTF8_ONLY, &object, &wrong_at)) {
  case EXPSTART__JSON_PARSED:
    if (json_object_is_type(object, json_type_object)) {
      add_object(input, object);
    } else {
      list_bad(input->report, input->line, "not a JSON object");
    }
    (void)json_object_put(object);
    break;
  case EXPSTART__JSON_INCOMPLETE:
    list_bad(input->report, input->line, "the JSON object is not complete");
    break;
  case EXPSTART__JSON_INVALID:
    list_bad(input->report, input->line, "not JSON: byte %zu cannot be right", wrong_at + 1);
    break;
  case EXPSTART__JSON_NOT_UTF8:
    list_bad(input->report, input->line, "not JSON: it is not valid UTF-8");
    break;
  case EXPSTART__JSON_UNPARSED:
    input->no_memory = true;
    break;
  }
}

void input_ndjson(struct input *input) {
  char *text = NULL;
  size_t length = 0;
  while (!input->no_memory && input_next_whole(input, &text, &length)) {
    if (length > 0) {
      parse(input, text, length);
    }
  }
}

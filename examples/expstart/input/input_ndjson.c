/* The reader of NDJSON, on json-c: one object a line with experiment_id (or id) and maybe note.
 * Called by input.c; knows nothing of the other formats. */
#include <json.h>
#include <string.h>

#include "input.h"
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

static void parse(struct input *input, struct json_tokener *tokener, const char *text,
                  size_t length) {
  json_tokener_reset(tokener);
  struct json_object *object = json_tokener_parse_ex(tokener, text, (int)length);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  if (error == json_tokener_continue) {
    list_bad(input->report, input->line, "the JSON object is not complete");
  } else if (error != json_tokener_success) {
    list_bad(input->report, input->line, "not JSON: %s", json_tokener_error_desc(error));
  } else if (!json_object_is_type(object, json_type_object)) {
    list_bad(input->report, input->line, "not a JSON object");
  } else {
    add_object(input, object);
  }
  (void)json_object_put(object);
}

void input_ndjson(struct input *input) {
  char *text = NULL;
  size_t length = 0;
  struct json_tokener *tokener = json_tokener_new();
  if (tokener == NULL) {
    input->no_memory = true;
    return;
  }
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  while (!input->no_memory && input_next_whole(input, &text, &length)) {
    if (length > 0) {
      parse(input, tokener, text, length);
    }
  }
  json_tokener_free(tokener);
}

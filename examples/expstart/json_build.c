/* JSON objects on json-c, put together without a look at each step. Used by everything that writes JSON. */
#include "json_build.h"

void json_build_add(struct json_build *build, struct json_object *object, const char *name,
                    struct json_object *value) {
  if (object == NULL || value == NULL || json_object_object_add(object, name, value) != 0) {
    (void)json_object_put(value);
    build->has_failed = true;
  }
}

void json_build_append(struct json_build *build, struct json_object *array,
                       struct json_object *value) {
  if (array == NULL || value == NULL || json_object_array_add(array, value) != 0) {
    (void)json_object_put(value);
    build->has_failed = true;
  }
}

void json_build_null(struct json_build *build, struct json_object *object, const char *name) {
  if (object == NULL || json_object_object_add(object, name, NULL) != 0) {
    build->has_failed = true;
  }
}

void json_build_number(struct json_build *build, struct json_object *object, const char *name,
                       int64_t number) {
  json_build_add(build, object, name, json_object_new_int64(number));
}

void json_build_text(struct json_build *build, struct json_object *object, const char *name,
                     const char *text) {
  if (text == NULL) {
    json_build_null(build, object, name);
  } else {
    json_build_add(build, object, name, json_object_new_string(text));
  }
}

void json_build_words(struct json_build *build, struct json_object *object, const char *name,
                      const char *text) {
  json_build_text(build, object, name, text != NULL && *text == '\0' ? NULL : text);
}

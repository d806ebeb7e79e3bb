/* JSON objects on json-c, put together without a look at each step: json-c fails only for want of memory, and what
 * is built then lacks something, which is remembered. Used by everything that writes JSON. */
#ifndef COMMAND_JSON_BUILD_H
#define COMMAND_JSON_BUILD_H

#include <json.h>
#include <stdbool.h>
#include <stdint.h>

struct json_build {
  bool has_failed; /* ever: what was built with it is not to be used */
};

/* Takes `value` over, also when it fails; NULL stands for "no memory". */
void json_build_add(struct json_build *build, struct json_object *object, const char *name,
                    struct json_object *value);
void json_build_append(struct json_build *build, struct json_object *array,
                       struct json_object *value);

void json_build_null(struct json_build *build, struct json_object *object, const char *name);
void json_build_number(struct json_build *build, struct json_object *object, const char *name,
                       int64_t number);
/* NULL becomes null. */
void json_build_text(struct json_build *build, struct json_object *object, const char *name,
                     const char *text);
/* The empty text becomes null too: it stands for "none". */
void json_build_words(struct json_build *build, struct json_object *object, const char *name,
                      const char *text);

#endif

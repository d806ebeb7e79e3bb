/* The body of a start request. Called by the API part; knows JSON and what a start may say, and not
 * what a start does. */
#ifndef SANDBOX_START_BODY_H
#define SANDBOX_START_BODY_H

#include <stddef.h>

/* Returns NULL if the body asks for a start, else what is wrong with it (needs no escaping in
 * JSON). *note_json is the note as a JSON string to be freed, or NULL if there is none. */
const char *start_body_parse(const char *bytes, size_t length, char **note_json);

#endif

/* The request's JSON: {"action":"start","note":"..."}. Made once per note. Knows no HTTP.
 */
#ifndef EXPSTART_LIB_BODY_H
#define EXPSTART_LIB_BODY_H

#include <stddef.h>

/* The body for a note (NULL: none), malloc'd, with its size; NULL: out of memory. */
char *expstart__body_create(const char *note, size_t *size);

#endif

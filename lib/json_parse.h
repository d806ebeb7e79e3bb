/* The one place where JSON becomes json-c's tree. What is JSON is decided here, by RFC 8259, and not by
   json-c, whose strict mode refuses other things in each version (0.18: all that is not ASCII).
   Used by digest, and by the command and the sandbox, into which it is linked for itself. */
#ifndef EXPSTART_LIB_JSON_PARSE_H
#define EXPSTART_LIB_JSON_PARSE_H

#include <stddef.h>

struct json_object;

enum expstart__json_parsed {
  EXPSTART__JSON_PARSED,
  EXPSTART__JSON_INCOMPLETE, /* more bytes could make it JSON */
  EXPSTART__JSON_INVALID,
  EXPSTART__JSON_NOT_UTF8,
  EXPSTART__JSON_UNPARSED, /* out of memory, or 2 GB and more */
};

/* As with json_reader, strings may hold bare control characters but NUL, and bytes that are not UTF-8,
   unless this is asked for. */
enum { EXPSTART__JSON_UTF8_ONLY = 1 };

/* Parses one document with white space around it, nested EXPSTART__JSON_DEPTH_MAX deep at most. *tree
   is the caller's to put; NULL for `null`, and for what was not parsed. *wrong_at, unless NULL is given,
   is the place of the first byte of what is invalid that cannot be right. Integers beyond 64 bits are the
   nearest that fits. */
enum expstart__json_parsed expstart__json_parse(const char *bytes, size_t size, unsigned flags,
                                                struct json_object **tree, size_t *wrong_at);

#endif

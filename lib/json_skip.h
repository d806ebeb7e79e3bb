/* Passes over one JSON array or object, split anywhere, to where it ends: only strings and brackets
   are looked at, 64 bytes at a time. Numbers, words, commas and colons within it are not checked, nor
   escapes; a quote after a backslash is escaped wherever it is.
   Used by json_reader for what nobody asked for. */
#ifndef EXPSTART_LIB_JSON_SKIP_H
#define EXPSTART_LIB_JSON_SKIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPSTART__JSON_DEPTH_MAX = 127 };

/* How blocks are read. All ways find the same; later ones are faster. */
enum expstart__json_skip_way {
  EXPSTART__SKIP_PORTABLE,
  EXPSTART__SKIP_SSE2,
  EXPSTART__SKIP_AVX2,
  EXPSTART__SKIP_AVX512,
  EXPSTART__SKIP_WAYS
};

struct expstart__json_skip {
  unsigned depth, max_depth;            /* 0: it has ended */
  bool broken;                          /* a bracket of the wrong kind, or too deep */
  uint64_t in_string;                   /* all bits: the next byte is within a string */
  uint64_t escaped;                     /* 1: the next byte follows a backslash */
  char kinds[EXPSTART__JSON_DEPTH_MAX]; /* the open brackets */
};

/* `bracket`, the first byte, has been read. It and what is in it may nest max_depth deep, from 1 to
   EXPSTART__JSON_DEPTH_MAX. */
void expstart__json_skip_begin(struct expstart__json_skip *skip, char bracket, unsigned max_depth);

/* Reads on to the end of the bytes, or of the value, and returns how many bytes that were. In the fastest
   way that this processor has. */
size_t expstart__json_skip(struct expstart__json_skip *skip, const char *bytes, size_t size);

/* The same in one way. SIZE_MAX: this processor or build does not have it. For tests. */
size_t expstart__json_skip_by(enum expstart__json_skip_way way, struct expstart__json_skip *skip,
                              const char *bytes, size_t size);

#endif

/* JSON bytes, split anywhere, to tokens (RFC 8259), of what is wanted only: what is not is passed
   over and not built. Bytes that are not UTF-8, and bare control characters but NUL, are taken within strings
   as they are, as json-c does. Pure; used by digest. */
#ifndef EXPSTART_LIB_JSON_READER_H
#define EXPSTART_LIB_JSON_READER_H

#include "json_skip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expstart__json_token {
  EXPSTART__JSON_MORE,   /* the bytes are used up */
  EXPSTART__JSON_BROKEN, /* this is no JSON, whatever follows */
  EXPSTART__JSON_NO_MEMORY,
  EXPSTART__JSON_KEY,    /* `text`: decoded, so that it may hold NUL bytes */
  EXPSTART__JSON_STRING, /* the same */
  EXPSTART__JSON_TRUE,
  EXPSTART__JSON_FALSE,
  EXPSTART__JSON_NULL,
  EXPSTART__JSON_NUMBER, /* `text`: as it is written; as are these */
  EXPSTART__JSON_RAW,    /* an array or object; its inside is not checked */
  EXPSTART__JSON_OBJECT, /* the members of this one come next */
  EXPSTART__JSON_ARRAY,
  EXPSTART__JSON_LEAVE, /* it is at its end */
};

/* What the next value is wanted for. 0: not at all, it yields no token. */
enum {
  EXPSTART__JSON_WANT_SCALAR = 1,
  EXPSTART__JSON_WANT_OBJECT = 2, /* its members */
  EXPSTART__JSON_WANT_ARRAY = 4,
  EXPSTART__JSON_WANT_RAW = 8, /* objects and arrays that are not wanted otherwise, as they are */
};

enum { EXPSTART__JSON_ENTER_MAX = 4 };

struct expstart__json_reader {
  int state; /* json_reader.c has them */
  unsigned want;
  unsigned depth; /* of the objects and arrays that were entered */
  bool in_object[EXPSTART__JSON_ENTER_MAX];
  bool is_key;              /* the string being read */
  bool keep;                /* the value being read is wanted */
  bool cut;                 /* text is not all of it: it was longer than text_max */
  unsigned hex, hex_digits; /* of an escape */
  unsigned high;            /* a surrogate that waits for its other half */
  const char *word;         /* true, false or null, */
  size_t word_at;           /* of which so much was read */
  int word_token;
  char *text;
  size_t size, capacity, text_max;
  struct expstart__json_skip skip;
};

/* Texts of more than text_max bytes are cut. */
void expstart__json_reader_init(struct expstart__json_reader *reader, size_t text_max);
void expstart__json_reader_clear(struct expstart__json_reader *reader);
/* Ready for the next document. The first value is wanted as `want` tells. */
void expstart__json_reader_reset(struct expstart__json_reader *reader, unsigned want);

/* The next token from *at on, which is moved. `text` is the token's until the next call. */
enum expstart__json_token expstart__json_next(struct expstart__json_reader *reader, const char **at,
                                              const char *end);
/* Holds for the next value only; to be called after a key, an array's beginning or its item. */
void expstart__json_want(struct expstart__json_reader *reader, unsigned want);
/* All of one document was read, and nothing but white space after it. A number as a whole document has
   no end, and is none. */
bool expstart__json_is_whole(const struct expstart__json_reader *reader);

#endif

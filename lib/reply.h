/* What a reply said. One piece of memory holds all its texts, and is kept for the next reply's: a
   reply that moves on costs no allocation. Made by digest; pure. */
#ifndef EXPSTART_LIB_REPLY_H
#define EXPSTART_LIB_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes at the end of a text memory that stay free for expstart__reply_say. */
enum { EXPSTART__REPLY_ROOM = 512 };

struct expstart__reply {
  bool readable;         /* it was one whole JSON object */
  bool page;             /* it begins with '<': somebody's page, not the API's words */
  bool cut;              /* the texts below are not all that it had of them */
  int ok;                /* 1, 0, or -1 where there is no boolean `ok` */
  int64_t experiment_id; /* experiment.id, 0 if there is none */
  const char *name;      /* experiment.name, NULL if there is none; so the next two */
  const char *state;
  const char *started_at;
  const char
      *message; /* errors, message, error, detail or the raw text, in one line; NULL if none */
  const char **errors; /* each of `errors`, NULL if none */
  size_t error_count;
  char *raw; /* the bytes, if they were to be kept; a NUL follows */
  size_t raw_size;
  char *text; /* where the above strings are */
  size_t text_size, text_capacity;
};

/* Frees what it has. Then, and when made so, it is as {.ok = -1}: it says nothing and has nothing. */
void expstart__reply_clear(struct expstart__reply *reply);

/* Makes it say nothing, but keeps the memory for texts. */
void expstart__reply_empty(struct expstart__reply *reply);

/* Makes its texts those of `words`, some of which may be its own. False: out of memory, and it is as
   it was. */
bool expstart__reply_set_words(struct expstart__reply *reply, const struct expstart__reply *words);

/* Bytes of memory that it holds. */
size_t expstart__reply_memory(const struct expstart__reply *reply);

/* Leaves out what does not fit into `max` bytes of memory: the bytes as they came first, then the later
   errors; where not even the rest fits, or there is no memory to put it in, all texts. */
void expstart__reply_shrink(struct expstart__reply *reply, size_t max);

/* Makes `text`, cut to EXPSTART__REPLY_ROOM - 1 bytes, its message; without memory for texts it goes
   without. To be called once a reply. */
void expstart__reply_say(struct expstart__reply *reply, const char *text);

#endif

/* What a request keeps of its last reply, and how much that may be: while it waits for its next attempt
   little, and all that wait together have a bound too. Owns the memory, which goes from request to request.
   Used by the engine; knows nothing of requests. */
#ifndef EXPSTART_LIB_WORDS_H
#define EXPSTART_LIB_WORDS_H

#include "reply.h"

#include <stdint.h>

/* A reply, and the status it came with. */
struct expstart__words {
  int http_status;
  struct expstart__reply reply;
  size_t waiting_size;          /* of it, that counts among what waits; 0: it does not */
  struct expstart__words *next; /* among those that are kept for re-use */
};

struct expstart__words_pool {
  struct expstart__words *spare;
  uint32_t spare_count;
  size_t waiting_size; /* of all that wait */
};

/* With an empty reply. NULL: out of memory. */
struct expstart__words *expstart__words_take(struct expstart__words_pool *pool);
/* `words` may be NULL. */
void expstart__words_release(struct expstart__words_pool *pool, struct expstart__words *words);
/* Nothing was taken that was not released. */
void expstart__words_clear(struct expstart__words_pool *pool);

/* They belong to a request that waits from now on: what is beyond the bounds is left out, and the reply is
   marked as cut. */
void expstart__words_wait(struct expstart__words_pool *pool, struct expstart__words *words);
/* They do no longer, or are about to be replaced. */
void expstart__words_wake(struct expstart__words_pool *pool, struct expstart__words *words);

#endif

#include "words.h"

#include "expstart.h"

#include <stdlib.h>

/* Words that are kept, with their memory, for the next replies. */
enum { SPARE_MAX = 256 };

struct expstart__words *expstart__words_take(struct expstart__words_pool *pool) {
  struct expstart__words *words = pool->spare;
  if (words) {
    pool->spare = words->next;
    pool->spare_count--;
  } else if ((words = calloc(1, sizeof *words))) {
    words->reply.ok = -1;
  }
  return words;
}

static void words_free(struct expstart__words *words) {
  expstart__reply_clear(&words->reply);
  free(words);
}

void expstart__words_release(struct expstart__words_pool *pool, struct expstart__words *words) {
  if (!words)
    return;
  expstart__words_wake(pool, words);
  if (pool->spare_count == SPARE_MAX) {
    words_free(words);
    return;
  }
  expstart__reply_empty(&words->reply);
  words->next = pool->spare;
  pool->spare = words;
  pool->spare_count++;
}

void expstart__words_clear(struct expstart__words_pool *pool) {
  while (pool->spare)
    words_free(expstart__words_take(pool));
}

void expstart__words_wait(struct expstart__words_pool *pool, struct expstart__words *words) {
  struct expstart__reply *reply = &words->reply;
  expstart__words_wake(pool, words);
  expstart__reply_shrink(reply, EXPSTART_WAITING_MAX);
  size_t size = expstart__reply_memory(reply);
  if (size > EXPSTART_ALL_WAITING_MAX - pool->waiting_size) {
    expstart__reply_clear(reply);
    reply->cut = true;
    size = 0;
  }
  words->waiting_size = size;
  pool->waiting_size += size;
}

void expstart__words_wake(struct expstart__words_pool *pool, struct expstart__words *words) {
  pool->waiting_size -= words->waiting_size;
  words->waiting_size = 0;
}

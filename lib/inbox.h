/* Starts submitted from other threads, until the loop's thread takes them; and the count that keeps all
   threads together within max_queued. Knows nothing of the engine. */
#ifndef EXPSTART_LIB_INBOX_H
#define EXPSTART_LIB_INBOX_H

#include "expstart.h"
#include "wake.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct expstart__inbox_item {
  struct expstart__inbox_item *next;
  struct expstart_request request; /* its note is behind it */
};

struct expstart__inbox {
  struct expstart__wake wake; /* on the client's loop; the owner closes it */
  uint32_t limit;             /* of `taken_up` */
  atomic_uint taken_up;       /* places in the queue: here, in the engine, or about to be */
  uv_mutex_t mutex;           /* of these */
  struct expstart__inbox_item *head, **tail;
  uint32_t count;
  bool closed, refused;
};

/* `woken` is called on the loop's thread when there is something. EXPSTART_OK or ESYSTEM. */
int expstart__inbox_init(struct expstart__inbox *inbox, uv_loop_t *loop, uint32_t limit,
                         void (*woken)(void *data), void *data);
/* It is empty, and `wake` is closed. */
void expstart__inbox_clear(struct expstart__inbox *inbox);

/* Any thread: takes up one place in the queue. False: it is full. */
bool expstart__inbox_reserve(struct expstart__inbox *inbox);
void expstart__inbox_release(struct expstart__inbox *inbox);
/* Half of the places are free. */
bool expstart__inbox_has_room(const struct expstart__inbox *inbox);

/* Any thread. The request was checked. EXPSTART_OK, with a place taken up, EFULL, ECLOSING or
   ENOMEM. */
int expstart__inbox_put(struct expstart__inbox *inbox, const struct expstart_request *request);
/* How many there are to be taken. */
uint32_t expstart__inbox_count(struct expstart__inbox *inbox);
/* No more is taken in. */
void expstart__inbox_close(struct expstart__inbox *inbox);

/* The first `max` items, in order, linked by `next`; the caller frees them. *more: there are others.
   *refused: one was refused as the queue was full, since the last time. */
struct expstart__inbox_item *expstart__inbox_take(struct expstart__inbox *inbox, uint32_t max,
                                                  bool *more, bool *refused);

#endif

/* What other threads ask for, until the loop's thread takes it: starts, and cancels; the names by which they
   know their starts, for the engine's own tickets are not made before it has a start; and the count that
   keeps all threads together within max_queued. Knows nothing of the engine. */
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
  expstart_ticket name;            /* 0: it has none, and is not needed once it was taken */
  /* The loop's thread's, of one with a name. */
  expstart_ticket ticket; /* the engine's; 0: it was not taken in yet */
  bool canceled;          /* before that */
};

/* A name is a ticket with the highest bit set, which the engine's never have. */
static inline bool expstart__inbox_is_name(expstart_ticket ticket) {
  return ticket >> 63 != 0;
}

struct expstart__inbox_place {
  struct expstart__inbox_item *item; /* NULL: it is free, and next_free counts */
  uint32_t generation, next_free;
};

struct expstart__inbox {
  struct expstart__wake wake; /* on the client's loop; the owner closes it */
  uint32_t limit;             /* of `taken_up` */
  atomic_uint taken_up;       /* places in the queue: here, in the engine, or about to be */
  uv_mutex_t mutex;           /* of these */
  struct expstart__inbox_item *head, **tail;
  uint32_t count;
  bool closed, shut, refused;
  struct expstart__inbox_place *places; /* of names */
  uint32_t place_count, place_capacity, free_place;
  expstart_ticket *cancels;
  uint32_t cancel_at, cancel_count, cancel_capacity; /* those before cancel_at were taken */
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
   ENOMEM. With `name` it is given one, and lasts until expstart__inbox_forget. */
int expstart__inbox_put(struct expstart__inbox *inbox, const struct expstart_request *request,
                        expstart_ticket *name);
/* The item of that name, NULL: it was forgotten. */
struct expstart__inbox_item *expstart__inbox_find(struct expstart__inbox *inbox,
                                                  expstart_ticket name);
/* It is the caller's to be freed then. */
void expstart__inbox_forget(struct expstart__inbox *inbox, const struct expstart__inbox_item *item);

/* Any thread: a cancel, for the loop's thread. EXPSTART_OK, ECLOSING or ENOMEM. */
int expstart__inbox_put_cancel(struct expstart__inbox *inbox, expstart_ticket ticket);
/* The first ones, at most `max`, in order; returns how many. *more: there are others. */
uint32_t expstart__inbox_take_cancels(struct expstart__inbox *inbox, expstart_ticket *tickets,
                                      uint32_t max, bool *more);
/* How many there are to be taken. */
uint32_t expstart__inbox_count(struct expstart__inbox *inbox);
/* No more starts are taken in, but cancels are; then none of these either. */
void expstart__inbox_close(struct expstart__inbox *inbox);
void expstart__inbox_shut(struct expstart__inbox *inbox);

/* The first `max` items, in order, linked by `next`; the caller frees those without a name. *more: there are others.
   *refused: one was refused as the queue was full, since the last time. */
struct expstart__inbox_item *expstart__inbox_take(struct expstart__inbox *inbox, uint32_t max,
                                                  bool *more, bool *refused);

#endif

/* The table of accepted requests: slots named by tickets, and the lists and the heap that order
   them. Pure bookkeeping, O(1) but for the heap's O(log n); what it means is the engine's business.

   Requests are taken from `fresh` first come, first served, so `tried`, in the order of first
   attempts, is in order of submission too. The timeouts are the same for all requests: the head of
   either list is the first to expire, and no request needs a timer. */
#ifndef EXPSTART_LIB_REQUEST_H
#define EXPSTART_LIB_REQUEST_H

#include "expstart.h"
#include "note.h"
#include "words.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPSTART__NIL UINT32_MAX

enum expstart__stage {
  EXPSTART__FREE,
  EXPSTART__FRESH,     /* in `fresh`: never tried */
  EXPSTART__WAITING,   /* in `tried` and in the heap until its next attempt */
  EXPSTART__IN_FLIGHT, /* in `tried`: an attempt is under way */
  EXPSTART__ENDING,    /* in no list: its attempt was aborted and is to report yet */
  EXPSTART__DONE,      /* in `done`: decided, to be called back */
};

struct expstart__request {
  int64_t experiment_id;
  expstart_done_cb done;
  void *data;
  struct expstart__note *note;
  union {
    uint64_t submitted_us; /* until it is decided */
    uint64_t elapsed_us;   /* DONE: from then to the verdict */
  };
  union {
    uint64_t first_attempt_us; /* until it is decided; 0: none yet */
    uint64_t queued_us;        /* DONE: from the submit to that, or to the verdict */
  };
  struct expstart__words *words; /* the last reply that is worth telling, NULL: none yet */
  uint32_t generation;           /* odd while in use */
  uint32_t prev, next;           /* in its stage's list */
  union {
    uint32_t heap_at; /* WAITING: its place in the heap */
    uint32_t handle;  /* IN_FLIGHT: the carrier's name for the attempt */
  };
  uint32_t attempts, lookups, throttled;
  uint8_t stage : 3;   /* enum expstart__stage */
  uint8_t mode : 2;    /* expstart_mode */
  uint8_t kind : 1;    /* expstart_attempt_kind of the current or next attempt */
  uint8_t key : 2;     /* with which of the keys, one after the other, the attempt was sent */
  uint8_t faults;      /* starts that failed */
  uint8_t look_faults; /* look-ups that failed in a row */
  uint8_t streak;      /* throttles in a row */
  union {
    uint8_t why;     /* expstart_why of the current or next attempt */
    uint8_t outcome; /* DONE: expstart_outcome */
  };
  int8_t last_error; /* why the last attempt did not end it; DONE: why it ended so */
  int8_t ending;     /* ENDING: for what reason */
  bool maybe : 1;    /* an attempt may have been processed, and no look has shown otherwise since */
  bool ever_maybe : 1; /* the same, whatever looks have shown */
  bool settled : 1;    /* of `maybe`: a look that shows it not running is the last word */
  bool lost : 1;       /* a start attempt ended without a reply */
  bool refused : 1;    /* the API refused, which a look is to confirm; `words` are the refusal */
  bool confirmed : 1;  /* a look has read the state since the last start attempt */
  bool probe : 1, full : 1; /* of the attempt under way: see struct expstart__stamp */
  uint16_t epoch;           /* the same */
};

struct expstart__list {
  uint32_t head, tail, count;
  uint32_t
      canceled; /* the last of those, from the head on, that are to be canceled; NIL: none are */
};

struct expstart__due {
  uint64_t at_us;
  uint32_t slot;
};

struct expstart__table {
  struct expstart__request **chunks; /* of CHUNK slots each; a slot never moves */
  uint32_t chunk_count, chunk_capacity;
  uint32_t free_head, used;
  struct expstart__list fresh, tried, done;
  struct expstart__due *heap;
  uint32_t heap_count, heap_capacity;
};

void expstart__table_init(struct expstart__table *table);
void expstart__table_clear(struct expstart__table *table); /* frees the slots, not what they own */

/* A zeroed slot in stage FREE, in no list; EXPSTART__NIL: out of memory. Room in the heap for it is
   kept ready, so that nothing later in its life can fail for want of memory. */
uint32_t expstart__table_take(struct expstart__table *table);
void expstart__table_release(struct expstart__table *table, uint32_t slot);

struct expstart__request *expstart__table_at(const struct expstart__table *table, uint32_t slot);
expstart_ticket expstart__table_ticket(const struct expstart__table *table, uint32_t slot);
/* The slot a ticket names, EXPSTART__NIL if it is stale or was never given. */
uint32_t expstart__table_find(const struct expstart__table *table, expstart_ticket ticket);

void expstart__list_append(struct expstart__table *table, struct expstart__list *list,
                           uint32_t slot);
void expstart__list_remove(struct expstart__table *table, struct expstart__list *list,
                           uint32_t slot);

/* The heap of WAITING requests, the earliest first, ties in no order. */
void expstart__heap_add(struct expstart__table *table, uint32_t slot, uint64_t at_us);
void expstart__heap_remove(struct expstart__table *table, uint32_t slot);

#endif

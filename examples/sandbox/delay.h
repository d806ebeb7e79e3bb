/* Things to be done a fixed time after they came: a queue and one timer, since with one delay for
 * all the order of arrival is the order of doing. Called by the server part; knows libuv and not
 * what the things are. */
#ifndef SANDBOX_DELAY_H
#define SANDBOX_DELAY_H

#include <stdint.h>
#include <uv.h>

/* Part of what is delayed; in one queue at most. */
struct delay_entry {
  struct delay_entry *next;
  uint64_t due_ms;
};

typedef void (*delay_callback)(void *context, struct delay_entry *entry);

struct delay {
  uv_timer_t timer;
  uint64_t delay_ms;
  struct delay_entry *first, *last;
  delay_callback on_due; /* for each entry that is due, out of the queue by then */
  uv_timer_cb on_round;  /* once after a round of those; gets the timer, whose data is context */
  void *context;
};

/* 0 or a libuv error. The delay must stay where it is until delay_close's handle is closed. */
int delay_init(struct delay *delay, uv_loop_t *loop, uint64_t delay_ms, delay_callback on_due,
               uv_timer_cb on_round, void *context);

/* 0 or a libuv error, and then nothing is queued. */
int delay_add(struct delay *delay, struct delay_entry *entry);

/* Everything that is queued is due now. */
void delay_flush(struct delay *delay);

/* To be flushed before; closes the timer. */
void delay_close(struct delay *delay);

#endif

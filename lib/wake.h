/* Wakes a loop from any thread. What uv_async_t does too, but before libuv 1.45 there the woken thread spins
   until the one that wakes it has come back from the kernel: where both share a core that took 9 % of
   all CPU time. Knows nothing of what there is to be done. */
#ifndef EXPSTART_LIB_WAKE_H
#define EXPSTART_LIB_WAKE_H

#include <stdatomic.h>
#include <uv.h>

struct expstart__wake {
  uv_poll_t poll; /* of the pipe's reading end; unreferenced at first */
  uv_file pipe[2];
  atomic_bool under_way; /* a byte is in the pipe, or about to be */
  void (*woken)(void *data);
  void *data;
};

/* `woken` is called with `data` on the loop's thread, once for any number of calls made before.
   EXPSTART_OK or ESYSTEM. */
int expstart__wake_init(struct expstart__wake *wake, uv_loop_t *loop, void (*woken)(void *data),
                        void *data);

/* Any thread. Costs next to nothing while one is under way. */
void expstart__wake_up(struct expstart__wake *wake);

/* The loop's thread: there are no more calls of `woken`. `closed` is called with the poll handle, the data of
   which is the caller's. */
void expstart__wake_close(struct expstart__wake *wake, uv_close_cb closed);
/* It was closed, and nobody wakes any more. */
void expstart__wake_clear(struct expstart__wake *wake);

#endif

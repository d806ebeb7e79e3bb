#include "wake.h"

#include "expstart.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* Lowered first: what is put up for the woken from then on comes with a byte of its own. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  struct expstart__wake *wake =
      (struct expstart__wake *)((char *)poll - offsetof(struct expstart__wake, poll));
  char bytes[8];
  (void)status, (void)events;
  if (read(wake->pipe[0], bytes, sizeof bytes) < 0)
    return; /* another turn of the loop had it already, or it was interrupted and comes again */
  atomic_store(&wake->under_way, false);
  wake->woken(wake->data);
}

int expstart__wake_init(struct expstart__wake *wake, uv_loop_t *loop, void (*woken)(void *data),
                        void *data) {
  wake->woken = woken;
  wake->data = data;
  atomic_init(&wake->under_way, false);
  if (uv_pipe(wake->pipe, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) != 0)
    return EXPSTART_ESYSTEM;
  if (uv_poll_init(loop, &wake->poll, wake->pipe[0]) != 0) {
    close(wake->pipe[0]);
    close(wake->pipe[1]);
    return EXPSTART_ESYSTEM;
  }
  (void)uv_poll_start(&wake->poll, UV_READABLE, on_readable); /* cannot fail: it is not closing */
  uv_unref((uv_handle_t *)&wake->poll);
  return EXPSTART_OK;
}

void expstart__wake_up(struct expstart__wake *wake) {
  if (atomic_exchange(&wake->under_way, true))
    return;
  while (write(wake->pipe[1], "", 1) < 0 && errno == EINTR)
    ; /* the pipe is never full: there is one byte at most */
}

void expstart__wake_close(struct expstart__wake *wake, uv_close_cb closed) {
  uv_close((uv_handle_t *)&wake->poll, closed);
}

void expstart__wake_clear(struct expstart__wake *wake) {
  close(wake->pipe[0]);
  close(wake->pipe[1]);
}

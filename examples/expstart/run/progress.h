/* The progress of a run on stderr: a bar on a terminal, now and then a line elsewhere.
 * Called by run.c; formatting is pure. Knows nothing of clients but their stats' terms. */
#ifndef COMMAND_PROGRESS_H
#define COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expstart.h"

struct progress_view {
  uint64_t done, total;
  double rate; /* done per second of late */
  uint64_t in_flight, throttled;
  expstart_blocked blocked_by;
  uint64_t blocked_ms;
  bool is_stopping;
};

/* One line of at most `width` columns (and size - 1 bytes), without a line end. Parts that do not
   fit are left out, the bar first. Returns the length. */
size_t progress_format(char *buf, size_t size, size_t width, const struct progress_view *view);

/* The same in words, whole, for where there is no terminal. */
size_t progress_format_line(char *buf, size_t size, const struct progress_view *view);

#define PROGRESS_SAMPLES 64

struct progress {
  bool is_off, is_terminal, is_drawn;
  size_t next, count; /* ring of samples, one a tick: the rate is taken over it */
  uint64_t sample_us[PROGRESS_SAMPLES], sample_done[PROGRESS_SAMPLES];
  uint64_t last_line_us;
};

/* Looks at stderr. is_off: nothing is ever shown. */
void progress_init(struct progress *progress, bool is_off, uint64_t now_us);

/* To be called about ten times a second. Fills in view->rate and shows it if it is time to. */
void progress_tick(struct progress *progress, struct progress_view *view, uint64_t now_us);

/* Takes the bar away, before anything else is written to the terminal. */
void progress_clear(struct progress *progress);

#endif

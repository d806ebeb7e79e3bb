/* How many attempts may be under way at once: few until it is known that more do no harm, at most
   max_in_flight. Pure; used by the pacer. */
#ifndef EXPSTART_LIB_WINDOW_H
#define EXPSTART_LIB_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct expstart__window {
  double size;     /* now */
  double ceiling;  /* up to here it opens quickly */
  double step;     /* by which the ceiling grows with each attempt accepted at a full window */
  double full_was; /* its size when one was last throttled at a full window; 0: never */
  uint32_t most;   /* max_in_flight */
};

void expstart__window_init(struct expstart__window *window, uint32_t most);
void expstart__window_set_most(struct expstart__window *window, uint32_t most);

/* An attempt was accepted; `full`: no other could be sent beside it. `cautious`: no limit was met
   yet, so that it is not known what stands behind the next one. */
void expstart__window_accepted(struct expstart__window *window, bool full, bool cautious);
/* One was throttled that had begun a pause. */
void expstart__window_throttled(struct expstart__window *window, bool full);
/* The gate opens: begin small again. */
void expstart__window_reopened(struct expstart__window *window);

uint32_t expstart__window_size(const struct expstart__window *window);

#endif

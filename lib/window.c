#include "window.h"

static const double FIRST = 4; /* under way at first, and after each opening */
/* Per accepted attempt while no limit was met: soon to as many as a run of some thousand can afford to
   have rejected at once, then slowly. */
static const double CAUTIOUS_STEP = 0.25, CAUTIOUS_MOST = 12, CAUTIOUS_STEP_BEYOND = 1.0 / 128;
static const double LEAST_STEP = 1.0 / 512;

static double smaller(double a, double b) {
  return a < b ? a : b;
}

void expstart__window_init(struct expstart__window *window, uint32_t most) {
  *window = (struct expstart__window){
      .size = smaller(FIRST, most), .ceiling = most, .step = CAUTIOUS_STEP, .most = most};
}

void expstart__window_set_most(struct expstart__window *window, uint32_t most) {
  bool was_highest = window->ceiling >= window->most;
  window->most = most;
  if (was_highest || window->ceiling > most)
    window->ceiling = most;
  window->size = smaller(window->size, window->ceiling);
}

void expstart__window_accepted(struct expstart__window *window, bool full, bool cautious) {
  if (!full)
    return;
  if (window->size >= window->ceiling)
    window->ceiling = smaller(window->ceiling + window->step, window->most);
  double step = !cautious ? 1 : window->size < CAUTIOUS_MOST ? CAUTIOUS_STEP : CAUTIOUS_STEP_BEYOND;
  window->size = smaller(window->size + step, window->ceiling);
}

/* Throttled at a full window it may be concurrency that is limited: go no further than before. If that
   comes again at the same size it is, and the next try comes much later. Throttled below that it was
   the rate. */
void expstart__window_throttled(struct expstart__window *window, bool full) {
  if (!full) {
    window->ceiling = window->most;
    window->step = CAUTIOUS_STEP;
    window->full_was = 0;
    return;
  }
  bool again = window->size < window->full_was * 1.25 && window->size > window->full_was * 0.75;
  if (again && window->step > LEAST_STEP)
    window->step /= 2;
  window->full_was = window->size;
  window->ceiling = window->size > 2 ? (double)(uint32_t)window->size - 1 : 1;
}

void expstart__window_reopened(struct expstart__window *window) {
  window->size = smaller(FIRST, window->ceiling);
}

uint32_t expstart__window_size(const struct expstart__window *window) {
  return window->size < 1 ? 1 : (uint32_t)window->size;
}

/* When the next attempt may go. In this version: the configured rate and its burst. Pure: times are
   arguments, in microseconds of one monotonic clock. Used by the engine before every send. */
#ifndef EXPSTART_LIB_PACER_H
#define EXPSTART_LIB_PACER_H

#include <stdint.h>

struct expstart__pacer {
  uint64_t interval_ns;  /* between two attempts at the full rate; 0: no limit */
  uint64_t tolerance_ns; /* how far ahead of that they may run */
  uint64_t next_ns;      /* when the next one would be due without tolerance */
};

/* per_second 0: no limit. burst 0: the rate holds in every window of one second. What was sent before
   counts on, at the new rate. */
void expstart__pacer_set_rate(struct expstart__pacer *pacer, uint64_t now_us, double per_second,
                              uint32_t burst);

/* The earliest time at which an attempt may go. */
uint64_t expstart__pacer_ready_at(const struct expstart__pacer *pacer);

/* One goes now. */
void expstart__pacer_spend(struct expstart__pacer *pacer, uint64_t now_us);

#endif

/* A rate with a burst: when the next attempt may go. Pure: times are arguments, in microseconds of one
   monotonic clock. The pacer has one for the caller's rate and one for the learned pace. */
#ifndef EXPSTART_LIB_BUCKET_H
#define EXPSTART_LIB_BUCKET_H

#include <stdint.h>

struct expstart__bucket {
  uint64_t interval_ns;  /* between two attempts at the full rate; 0: no limit */
  uint64_t tolerance_ns; /* how far ahead of that they may run */
  uint64_t next_ns;      /* when the next one would be due without tolerance */
};

/* per_second 0: no limit. burst 0: the rate holds in every window of one second. What was sent before
   counts on, at the new rate. */
void expstart__bucket_set_rate(struct expstart__bucket *bucket, uint64_t now_us, double per_second,
                               uint32_t burst);

/* The earliest time at which an attempt may go. */
uint64_t expstart__bucket_ready_at(const struct expstart__bucket *bucket);

/* One goes now. */
void expstart__bucket_spend(struct expstart__bucket *bucket, uint64_t now_us);

/* Takes away what has been saved up: the next one goes an interval from now. */
void expstart__bucket_empty(struct expstart__bucket *bucket, uint64_t now_us);

#endif

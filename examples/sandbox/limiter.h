/* The token bucket behind --rate and --burst. Called by the API part for every request with a right
 * key. Pure: it is told the time and knows neither a clock nor HTTP. */
#ifndef SANDBOX_LIMITER_H
#define SANDBOX_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter {
  double rate_per_s; /* 0: unlimited */
  double burst;      /* most tokens the bucket holds */
  double tokens;
  uint64_t refilled_us; /* monotonic time `tokens` is right for */
};

/* A full bucket. A rate of 0 admits everything. */
void limiter_init(struct limiter *limiter, double rate_per_s, double burst, uint64_t now_us);

/* Takes one token; false if there is none. Time that runs backwards refills nothing. */
bool limiter_take(struct limiter *limiter, uint64_t now_us);

/* Whole tokens left, and the microseconds until there is one and until the bucket is full, all as
 * of the last limiter_take. 0 microseconds if that is so already. */
uint64_t limiter_remaining(const struct limiter *limiter);
uint64_t limiter_next_us(const struct limiter *limiter);
uint64_t limiter_full_us(const struct limiter *limiter);

#endif

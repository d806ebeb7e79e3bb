/* How a server limits: the five ways that are common, each as an API would run it. Pure: virtual times
   come in, a yes or no goes out. Used by the server. */
#ifndef EXPSTART_SIM_LIMITER_H
#define EXPSTART_SIM_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

enum sim_limiter_kind {
  SIM_UNLIMITED,
  SIM_TOKEN_BUCKET,   /* rate_per_s, burst */
  SIM_FIXED_WINDOW,   /* quota in each window_us, the first beginning at phase_us */
  SIM_SLIDING_WINDOW, /* quota in any window_us */
  SIM_GCRA,           /* rate_per_s, burst: a token bucket told by one time stamp */
  SIM_CONCURRENCY,    /* quota at once */
};

struct sim_limiter {
  enum sim_limiter_kind kind;
  double rate_per_s, burst;
  uint64_t quota, window_us, phase_us;

  double tokens; /* token bucket */
  uint64_t filled_us;
  uint64_t window, used; /* fixed window: its number, taken in it */
  uint64_t *taken_us;    /* sliding window: a ring of the last `quota` times */
  uint64_t taken;
  uint64_t arrival_us; /* GCRA: the theoretical arrival time */
  uint64_t under_way;  /* concurrency */
};

/* As after a restart: nothing was taken yet. */
void sim_limiter_reset(struct sim_limiter *limiter, uint64_t now_us);
void sim_limiter_clear(struct sim_limiter *limiter);

/* Multiplies the limit from now on. */
void sim_limiter_scale(struct sim_limiter *limiter, uint64_t now_us, double factor);

/* True: the request may pass. Of SIM_CONCURRENCY each one that passed leaves again. */
bool sim_limiter_take(struct sim_limiter *limiter, uint64_t now_us);
void sim_limiter_leave(struct sim_limiter *limiter);

/* What a server can tell: how many may still pass now, in how long another one may, in how long all is
   as at first. */
uint64_t sim_limiter_remaining(const struct sim_limiter *limiter, uint64_t now_us);
uint64_t sim_limiter_next_us(const struct sim_limiter *limiter, uint64_t now_us);
uint64_t sim_limiter_reset_us(const struct sim_limiter *limiter, uint64_t now_us);

/* The least time in which `starts` can pass, from its beginning on; 0: no limit, or not known. */
uint64_t sim_limiter_ideal_us(const struct sim_limiter *limiter, uint64_t now_us, uint64_t starts);

#endif

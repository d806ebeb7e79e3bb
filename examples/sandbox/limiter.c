/* The token bucket. Tokens are counted as a double, so that rates such as 1000 a minute need no
 * common denominator with the clock; called by api.c, knows nothing of HTTP or clocks. */
#include "limiter.h"

/* A bucket refilled in many small steps can end a rounding error short of a whole token. */
#define WHOLE_TOKEN (1.0 - 1e-9)

void limiter_init(struct limiter *limiter, double rate_per_s, double burst, uint64_t now_us) {
  limiter->rate_per_s = rate_per_s;
  limiter->burst = burst;
  limiter->tokens = burst;
  limiter->refilled_us = now_us;
}

static void refill(struct limiter *limiter, uint64_t now_us) {
  if (now_us <= limiter->refilled_us) {
    return;
  }
  double elapsed_s = (double)(now_us - limiter->refilled_us) / 1e6;
  limiter->tokens += elapsed_s * limiter->rate_per_s;
  if (limiter->tokens > limiter->burst) {
    limiter->tokens = limiter->burst;
  }
  limiter->refilled_us = now_us;
}

bool limiter_take(struct limiter *limiter, uint64_t now_us) {
  if (limiter->rate_per_s <= 0) {
    return true;
  }
  refill(limiter, now_us);
  if (limiter->tokens < WHOLE_TOKEN) {
    return false;
  }
  limiter->tokens -= 1;
  if (limiter->tokens < 0) {
    limiter->tokens = 0;
  }
  return true;
}

uint64_t limiter_remaining(const struct limiter *limiter) {
  return (uint64_t)(limiter->tokens + (1.0 - WHOLE_TOKEN));
}

static uint64_t until_us(const struct limiter *limiter, double tokens) {
  if (limiter->rate_per_s <= 0 || limiter->tokens >= tokens) {
    return 0;
  }
  double wait_us = (tokens - limiter->tokens) / limiter->rate_per_s * 1e6;
  /* A rate near nothing must not overflow the cast; what is longer than a year is all the same. */
  const double year_us = 365.0 * 86400.0 * 1e6;
  if (wait_us > year_us) {
    wait_us = year_us;
  }
  uint64_t whole_us = (uint64_t)wait_us;
  return (double)whole_us < wait_us ? whole_us + 1 : whole_us;
}

uint64_t limiter_next_us(const struct limiter *limiter) {
  return until_us(limiter, WHOLE_TOKEN);
}

uint64_t limiter_full_us(const struct limiter *limiter) {
  return until_us(limiter, limiter->burst);
}

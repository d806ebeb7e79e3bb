#include "limiter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t up(double us) {
  uint64_t whole = us < 1e15 ? (uint64_t)us : UINT64_C(1000000000000000);
  return whole + ((double)whole < us);
}

static uint64_t interval_us(const struct sim_limiter *limiter) {
  return up(1e6 / limiter->rate_per_s);
}

void sim_limiter_reset(struct sim_limiter *limiter, uint64_t now_us) {
  limiter->tokens = limiter->burst;
  limiter->filled_us = now_us;
  limiter->window = limiter->used = limiter->taken = limiter->arrival_us = 0;
  if (limiter->kind == SIM_SLIDING_WINDOW) {
    free(limiter->taken_us);
    limiter->taken_us = calloc((size_t)limiter->quota, sizeof *limiter->taken_us);
    if (!limiter->taken_us) {
      perror("expstart-sim");
      exit(3);
    }
  }
}

void sim_limiter_clear(struct sim_limiter *limiter) {
  free(limiter->taken_us);
  limiter->taken_us = NULL;
}

void sim_limiter_scale(struct sim_limiter *limiter, uint64_t now_us, double factor) {
  uint64_t quota = (uint64_t)((double)limiter->quota * factor);
  limiter->rate_per_s *= factor;
  limiter->quota = quota > 0 ? quota : 1;
  if (limiter->kind == SIM_SLIDING_WINDOW)
    sim_limiter_reset(limiter, now_us);
}

/* ---- each kind ---------------------------------------------------------------------------------
 */

static double tokens_at(const struct sim_limiter *limiter, uint64_t now_us) {
  double tokens =
      limiter->tokens + (double)(now_us - limiter->filled_us) / 1e6 * limiter->rate_per_s;
  return tokens < limiter->burst ? tokens : limiter->burst;
}

static bool take_token(struct sim_limiter *limiter, uint64_t now_us) {
  const double rounding = 1e-9;
  limiter->tokens = tokens_at(limiter, now_us);
  limiter->filled_us = now_us;
  if (limiter->tokens < 1 - rounding)
    return false;
  limiter->tokens -= 1;
  return true;
}

static uint64_t window_at(const struct sim_limiter *limiter, uint64_t now_us) {
  return (now_us + limiter->window_us - limiter->phase_us) / limiter->window_us;
}

static uint64_t used_at(const struct sim_limiter *limiter, uint64_t now_us) {
  return window_at(limiter, now_us) == limiter->window ? limiter->used : 0;
}

static bool take_of_window(struct sim_limiter *limiter, uint64_t now_us) {
  limiter->used = used_at(limiter, now_us);
  limiter->window = window_at(limiter, now_us);
  if (limiter->used >= limiter->quota)
    return false;
  limiter->used++;
  return true;
}

static uint64_t window_left_us(const struct sim_limiter *limiter, uint64_t now_us) {
  return window_at(limiter, now_us) * limiter->window_us + limiter->phase_us - now_us;
}

/* When the oldest of the last `quota` leaves the window; 0: it has, or there are not so many. */
static uint64_t oldest_leaves_us(const struct sim_limiter *limiter, uint64_t now_us) {
  if (limiter->taken < limiter->quota)
    return 0;
  uint64_t leaves_us = limiter->taken_us[limiter->taken % limiter->quota] + limiter->window_us;
  return leaves_us > now_us ? leaves_us - now_us : 0;
}

static bool take_of_log(struct sim_limiter *limiter, uint64_t now_us) {
  if (oldest_leaves_us(limiter, now_us) > 0)
    return false;
  limiter->taken_us[limiter->taken++ % limiter->quota] = now_us;
  return true;
}

/* By how much the next request would be early; up to 0 it passes. */
static uint64_t early_us(const struct sim_limiter *limiter, uint64_t now_us) {
  uint64_t tolerance_us = (uint64_t)(limiter->burst - 1) * interval_us(limiter);
  return limiter->arrival_us > now_us + tolerance_us ? limiter->arrival_us - now_us - tolerance_us
                                                     : 0;
}

static bool take_on_schedule(struct sim_limiter *limiter, uint64_t now_us) {
  if (early_us(limiter, now_us) > 0)
    return false;
  uint64_t from_us = limiter->arrival_us > now_us ? limiter->arrival_us : now_us;
  limiter->arrival_us = from_us + interval_us(limiter);
  return true;
}

/* ---- all kinds ---------------------------------------------------------------------------------
 */

bool sim_limiter_take(struct sim_limiter *limiter, uint64_t now_us) {
  switch (limiter->kind) {
  case SIM_UNLIMITED:
    return true;
  case SIM_TOKEN_BUCKET:
    return take_token(limiter, now_us);
  case SIM_FIXED_WINDOW:
    return take_of_window(limiter, now_us);
  case SIM_SLIDING_WINDOW:
    return take_of_log(limiter, now_us);
  case SIM_GCRA:
    return take_on_schedule(limiter, now_us);
  case SIM_CONCURRENCY:
    if (limiter->under_way >= limiter->quota)
      return false;
    limiter->under_way++;
    return true;
  }
  return true;
}

void sim_limiter_leave(struct sim_limiter *limiter) {
  if (limiter->kind == SIM_CONCURRENCY)
    limiter->under_way--;
}

uint64_t sim_limiter_remaining(const struct sim_limiter *limiter, uint64_t now_us) {
  switch (limiter->kind) {
  case SIM_TOKEN_BUCKET:
    return (uint64_t)tokens_at(limiter, now_us);
  case SIM_FIXED_WINDOW:
    return limiter->quota - used_at(limiter, now_us);
  case SIM_SLIDING_WINDOW: {
    uint64_t left = 0, known = limiter->taken < limiter->quota ? limiter->taken : limiter->quota;
    for (uint64_t i = 1; i <= known; i++) /* the newest first */
      if (limiter->taken_us[(limiter->taken - i) % limiter->quota] + limiter->window_us > now_us)
        left++;
      else
        break;
    return limiter->quota - left;
  }
  case SIM_GCRA: {
    uint64_t ahead_us = limiter->arrival_us > now_us ? limiter->arrival_us - now_us : 0;
    double left = limiter->burst - (double)ahead_us / (double)interval_us(limiter);
    return left > 0 ? (uint64_t)left : 0;
  }
  default:
    return limiter->quota - limiter->under_way;
  }
}

uint64_t sim_limiter_next_us(const struct sim_limiter *limiter, uint64_t now_us) {
  switch (limiter->kind) {
  case SIM_TOKEN_BUCKET: {
    double missing = 1 - tokens_at(limiter, now_us);
    return missing > 0 ? up(missing / limiter->rate_per_s * 1e6) : 0;
  }
  case SIM_FIXED_WINDOW:
    return used_at(limiter, now_us) < limiter->quota ? 0 : window_left_us(limiter, now_us);
  case SIM_SLIDING_WINDOW:
    return oldest_leaves_us(limiter, now_us);
  case SIM_GCRA:
    return early_us(limiter, now_us);
  default:
    return 0;
  }
}

uint64_t sim_limiter_reset_us(const struct sim_limiter *limiter, uint64_t now_us) {
  switch (limiter->kind) {
  case SIM_TOKEN_BUCKET:
    return up((limiter->burst - tokens_at(limiter, now_us)) / limiter->rate_per_s * 1e6);
  case SIM_FIXED_WINDOW:
    return window_left_us(limiter, now_us);
  case SIM_SLIDING_WINDOW:
    return limiter->taken ? limiter->window_us : 0;
  case SIM_GCRA:
    return limiter->arrival_us > now_us ? limiter->arrival_us - now_us : 0;
  default:
    return 0;
  }
}

uint64_t sim_limiter_ideal_us(const struct sim_limiter *limiter, uint64_t now_us, uint64_t starts) {
  switch (limiter->kind) {
  case SIM_TOKEN_BUCKET:
  case SIM_GCRA:
    return (double)starts > limiter->burst
               ? up(((double)starts - limiter->burst) / limiter->rate_per_s * 1e6)
               : 0;
  case SIM_FIXED_WINDOW: {
    uint64_t windows = (starts - 1) / limiter->quota; /* that are used up before the last one */
    return windows ? window_left_us(limiter, now_us) + (windows - 1) * limiter->window_us : 0;
  }
  case SIM_SLIDING_WINDOW:
    return (starts - 1) / limiter->quota * limiter->window_us;
  default:
    return 0;
  }
}

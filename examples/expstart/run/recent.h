/* How long the attempts of the last moment took: quantiles of a sample of them. Used by diary.c; pure. */
#ifndef COMMAND_RECENT_H
#define COMMAND_RECENT_H

#include <stddef.h>
#include <stdint.h>

#define RECENT_KEPT 1024

struct recent {
  uint32_t kept_us[RECENT_KEPT];
  uint64_t count; /* of all since it was emptied */
  uint64_t max_us;
  uint64_t random;
};

struct recent_quantiles {
  uint64_t p50_us, p90_us, p99_us, max_us; /* 0: there were none */
};

void recent_add(struct recent *recent, uint64_t elapsed_us);

/* Those since the last call. */
struct recent_quantiles recent_take(struct recent *recent);

#endif

/* How long the attempts of the last moment took. Beyond RECENT_KEPT each of them has the same chance to be in
 * the sample (reservoir sampling, Vitter's algorithm R). Pure. */
#include "recent.h"

#include <stdlib.h>

static uint64_t draw(struct recent *recent) {
  recent->random = recent->random * 6364136223846793005u + 1442695040888963407u;
  return recent->random >> 33;
}

void recent_add(struct recent *recent, uint64_t elapsed_us) {
  uint32_t kept = elapsed_us < UINT32_MAX ? (uint32_t)elapsed_us : UINT32_MAX;
  uint64_t place = recent->count++;
  if (elapsed_us > recent->max_us) {
    recent->max_us = elapsed_us;
  }
  if (place >= RECENT_KEPT) {
    place = draw(recent) % recent->count;
  }
  if (place < RECENT_KEPT) {
    recent->kept_us[place] = kept;
  }
}

static int compare(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left;
  uint32_t b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

/* The smallest that `percent` of them do not exceed. */
static uint64_t quantile(const uint32_t *sorted, size_t count, size_t percent) {
  size_t rank = (count * percent + 99) / 100;
  return sorted[rank == 0 ? 0 : rank - 1];
}

struct recent_quantiles recent_take(struct recent *recent) {
  struct recent_quantiles taken = {0};
  size_t count = recent->count < RECENT_KEPT ? (size_t)recent->count : RECENT_KEPT;
  if (count > 0) {
    qsort(recent->kept_us, count, sizeof recent->kept_us[0], compare);
    taken.p50_us = quantile(recent->kept_us, count, 50);
    taken.p90_us = quantile(recent->kept_us, count, 90);
    taken.p99_us = quantile(recent->kept_us, count, 99);
    taken.max_us = recent->max_us;
  }
  recent->count = 0;
  recent->max_us = 0;
  return taken;
}

#include "random.h"

#include <math.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(struct sim_random *random) {
  uint64_t z = (random->state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double sim_random_share(struct sim_random *random) {
  return (double)(draw(random) >> 11) / 9007199254740992.0; /* 2^53 */
}

uint64_t sim_random_between(struct sim_random *random, uint64_t least, uint64_t most) {
  return least + draw(random) % (most - least + 1);
}

bool sim_random_chance(struct sim_random *random, double probability) {
  return probability > 0 && sim_random_share(random) < probability;
}

double sim_random_waiting(struct sim_random *random, double mean) {
  return -log(1 - sim_random_share(random)) * mean;
}

/* The simulator's own chance: everything it draws comes from one seed, so that a run can be had again. */
#ifndef EXPSTART_SIM_RANDOM_H
#define EXPSTART_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
  uint64_t state;
};

/* From 0 to below 1. */
double sim_random_share(struct sim_random *random);
/* From least to most, both included. */
uint64_t sim_random_between(struct sim_random *random, uint64_t least, uint64_t most);
bool sim_random_chance(struct sim_random *random, double probability);
/* Exponentially distributed. */
double sim_random_waiting(struct sim_random *random, double mean);

#endif

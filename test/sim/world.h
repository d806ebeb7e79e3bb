/* One random world: the real engine with random options, at a random server, over a random network, with
   callers that submit, cancel, pause, set rates and close at random; watched at every step. */
#ifndef EXPSTART_SIM_WORLD_H
#define EXPSTART_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/* False: something that must always hold did not; it was said on stderr, with the seed and the time. */
bool sim_world_play(uint64_t seed);

#endif

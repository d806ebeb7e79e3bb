/* What the engine reaches at each kind of server, beside three textbook policies. */
#ifndef EXPSTART_SIM_TABLE_H
#define EXPSTART_SIM_TABLE_H

#include "scenario.h"

/* Prints it in Markdown. only: the name of one server, NULL: all. True: the engine started everything, and
   nowhere reached less than `least_share` of the limit or rejected more than `most_rejected` (0 to 1). */
bool sim_table(uint64_t starts, uint64_t seed, const char *only, double least_share,
               double most_rejected);

/* Ten minutes of outage in the middle of 100,000 starts, of each kind. True: none was lost, and in each
   fewer than 100 attempts were sent meanwhile. */
bool sim_outages(uint64_t seed);

/* One scenario from cold, with the engine. */
bool sim_run(const char *text, uint64_t starts, uint64_t seed, bool trace);

#endif

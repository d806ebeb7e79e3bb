/* expstart-sim: the real engine in virtual time, at simulated servers. */
#include "table.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: expstart-sim --seed N                one random world\n"
    "       expstart-sim --seeds FIRST COUNT     so many, from this seed on\n"
    "       expstart-sim --minutes M             new ones for that long\n"
    "       expstart-sim --table [STARTS [SERVER [LEAST MOST]]]\n"
    "           what the engine and three textbook policies reach, of 1,000,000 starts; fails if "
    "the\n"
    "           engine reaches less than LEAST % of the limit or has more than MOST % rejected\n"
    "       expstart-sim --outages [SEED]\n"
    "           ten minutes of outage in the middle of 100,000 starts, of four kinds\n"
    "       expstart-sim --run SERVER[:SETTING=VALUE,...] [STARTS [SEED [trace]]]\n"
    "           the engine from cold with 5,000 starts at one server\n"
    "\n"
    "A world that breaks a rule prints its seed and the rule; the exit code is 1 then.\n"
    "Servers: see --table. Settings: rate, burst, quota, window-ms, phase-ms, latency-ms, "
    "jitter-ms,\n"
    "in-flight, change (a factor), change-ms (when), hints (none, retry-after, date, ratelimit,\n"
    "x-ratelimit, lies).\n";

static uint64_t number(int argc, char **argv, int at, uint64_t otherwise) {
  return at < argc ? strtoull(argv[at], NULL, 10) : otherwise;
}

static bool play_seeds(uint64_t first, uint64_t count) {
  uint64_t bad = 0;
  for (uint64_t seed = first; seed < first + count; seed++)
    bad += !sim_world_play(seed);
  printf("%" PRIu64 " worlds, %" PRIu64 " broke a rule\n", count, bad);
  return bad == 0;
}

static bool play_minutes(double minutes) {
  time_t now = time(NULL), end = now + (time_t)(minutes * 60);
  uint64_t seed = (uint64_t)now * 1000000;
  while (time(NULL) < end)
    if (!sim_world_play(seed++))
      return false;
  printf("%" PRIu64 " worlds, 0 broke a rule\n", seed - (uint64_t)now * 1000000);
  return true;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "--help") == 0) {
    fputs(usage, stdout);
    return 0;
  }
  if (strcmp(what, "--seed") == 0 && argc == 3)
    return play_seeds(number(argc, argv, 2, 0), 1) ? 0 : 1;
  if (strcmp(what, "--seeds") == 0 && argc == 4)
    return play_seeds(number(argc, argv, 2, 0), number(argc, argv, 3, 0)) ? 0 : 1;
  if (strcmp(what, "--minutes") == 0 && argc == 3)
    return play_minutes(strtod(argv[2], NULL)) ? 0 : 1;
  if (strcmp(what, "--table") == 0 && argc <= 6) {
    double least = argc > 5 ? strtod(argv[4], NULL) / 100 : 0;
    double most = argc > 5 ? strtod(argv[5], NULL) / 100 : 1;
    return sim_table(number(argc, argv, 2, 1000000), 1, argc > 3 ? argv[3] : NULL, least, most) ? 0
                                                                                                : 1;
  }
  if (strcmp(what, "--outages") == 0 && argc <= 3)
    return sim_outages(number(argc, argv, 2, 1)) ? 0 : 1;
  if (strcmp(what, "--run") == 0 && argc >= 3 && argc <= 6)
    return sim_run(argv[2], number(argc, argv, 3, 5000), number(argc, argv, 4, 1), argc == 6) ? 0
                                                                                              : 1;
  fputs(usage, stderr);
  return 2;
}

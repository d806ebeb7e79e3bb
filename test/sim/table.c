#include "table.h"

#include "policy.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static double real_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The ideal is what a client needs that knows everything; where there is no such time (concurrency, no
   limit at all) the shares are of the fastest client in the row. */
static double share(const struct sim_outcome *outcome, uint64_t ideal_us) {
  return outcome->took_us ? (double)ideal_us / (double)outcome->took_us : 0;
}

static double rejected_share(const struct sim_outcome *outcome) {
  return (double)outcome->rejected / (double)(outcome->accepted + outcome->rejected);
}

/* By how much the first half took longer than the second one: what was lost before the limit was known. */
static double learning_s(const struct sim_outcome *outcome) {
  double second_us = (double)outcome->took_us - (double)outcome->half_us;
  double lost_us = (double)outcome->half_us - second_us;
  return lost_us > 0 ? lost_us / 1e6 : 0;
}

static void print_cells(const struct sim_outcome *outcome, uint64_t ideal_us) {
  printf(" %5.1f %% | %5.2f %% | %6.1f s |", 100 * share(outcome, ideal_us),
         100 * rejected_share(outcome), learning_s(outcome));
}

static bool print_row(const struct sim_scenario *scenario, uint64_t starts, uint64_t seed,
                      double least_share, double most_rejected) {
  struct sim_outcome outcomes[4];
  double began_s = real_s();
  outcomes[0] = sim_play_engine(scenario, starts, seed, NULL);
  outcomes[0].real_s = real_s() - began_s;
  for (int i = 0; i < 3; i++)
    outcomes[i + 1] = sim_play_policy((enum sim_policy)i, scenario, starts, seed);
  uint64_t ideal_us = outcomes[0].ideal_us;
  for (int i = 0; i < 4 && outcomes[0].ideal_us == 0; i++)
    if (ideal_us == 0 || outcomes[i].took_us < ideal_us)
      ideal_us = outcomes[i].took_us;
  printf("| %s |", scenario->name);
  for (int i = 0; i < 4; i++)
    print_cells(&outcomes[i], ideal_us);
  printf(" %4.1f s |\n", outcomes[0].real_s);
  fflush(stdout);
  return outcomes[0].not_started == 0 && share(&outcomes[0], ideal_us) >= least_share &&
         rejected_share(&outcomes[0]) <= most_rejected;
}

bool sim_table(uint64_t starts, uint64_t seed, const char *only, double least_share,
               double most_rejected) {
  bool good = true, found = false;
  printf("%" PRIu64 " starts, seed %" PRIu64 "; for each client: share of the limit reached, "
         "rejected replies, time lost to learning\n\n",
         starts, seed);
  printf("| server | expstart | | | backoff | | | Retry-After | | | AIMD | | | simulated in |\n");
  printf("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const struct sim_scenario *scenario = sim_scenarios; scenario->name; scenario++) {
    if (only && strcmp(only, scenario->name) != 0)
      continue;
    found = true;
    good = print_row(scenario, starts, seed, least_share, most_rejected) && good;
  }
  if (!found)
    fprintf(stderr, "expstart-sim: no server is called '%s'\n", only);
  return good && found;
}

bool sim_run(const char *text, uint64_t starts, uint64_t seed, bool trace) {
  struct sim_scenario scenario;
  if (!sim_scenario_parse(text, &scenario))
    return false;
  struct sim_outcome outcome = sim_play_engine(&scenario, starts, seed, trace ? stdout : NULL);
  printf("%" PRIu64 " starts took %.3f s", starts, (double)outcome.took_us / 1e6);
  if (outcome.ideal_us)
    printf(", ideal %.3f s (%.1f %%)", (double)outcome.ideal_us / 1e6,
           100 * share(&outcome, outcome.ideal_us));
  printf("; %.1f/s; rejected %" PRIu64 " (%.2f %%)\n",
         (double)starts * 1e6 / (double)outcome.took_us, outcome.rejected,
         100 * rejected_share(&outcome));
  return outcome.not_started == 0;
}

bool sim_outages(uint64_t seed) {
  static const char *const kinds[] = {"refused", "reset", "black hole", "503"};
  bool good = true;
  struct sim_scenario scenario;
  (void)sim_scenario_parse("token-bucket", &scenario);
  scenario.retry_timeout_ms = 900000; /* the default */
  for (int kind = SIM_REFUSES; kind <= SIM_SAYS_503; kind++) {
    scenario.outage = (struct sim_outage){
        .from_us = 60000000, .to_us = 660000000, .kind = (enum sim_outage_kind)kind};
    struct sim_outcome outcome = sim_play_engine(&scenario, 100000, seed, NULL);
    printf("%-10s  not started %" PRIu64 ", sent meanwhile %" PRIu64
           ", at full speed again %.1f s after its end\n",
           kinds[kind], outcome.not_started, outcome.sent_in_outage,
           (double)outcome.recovered_us / 1e6);
    good = good && outcome.not_started == 0 && outcome.sent_in_outage < 100 &&
           outcome.recovered_us > 0 && outcome.recovered_us < 10000000;
  }
  return good;
}

#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#define WAN                                                                                        \
  { 9000, 1000 } /* 20 ms there and back */

const struct sim_scenario sim_scenarios[] = {
    {.name = "token-bucket",
     .limiter = {.kind = SIM_TOKEN_BUCKET, .rate_per_s = 500, .burst = 50},
     .latency = WAN},
    {.name = "token-bucket-retry-after",
     .limiter = {.kind = SIM_TOKEN_BUCKET, .rate_per_s = 500, .burst = 50},
     .hints = SIM_RETRY_AFTER,
     .latency = WAN},
    {.name = "fixed-window",
     .limiter = {.kind = SIM_FIXED_WINDOW, .quota = 1000, .window_us = 60000000},
     .latency = WAN},
    {.name = "fixed-window-x-ratelimit",
     .limiter = {.kind = SIM_FIXED_WINDOW, .quota = 1000, .window_us = 60000000},
     .hints = SIM_X_RATELIMIT,
     .latency = WAN},
    {.name = "fixed-window-ratelimit",
     .limiter = {.kind = SIM_FIXED_WINDOW, .quota = 1000, .window_us = 60000000},
     .hints = SIM_RATELIMIT,
     .latency = WAN},
    {.name = "fixed-window-1s",
     .limiter = {.kind = SIM_FIXED_WINDOW, .quota = 500, .window_us = 1000000},
     .latency = WAN},
    {.name = "sliding-window",
     .limiter = {.kind = SIM_SLIDING_WINDOW, .quota = 1000, .window_us = 60000000},
     .latency = WAN},
    {.name = "sliding-window-retry-after",
     .limiter = {.kind = SIM_SLIDING_WINDOW, .quota = 1000, .window_us = 60000000},
     .hints = SIM_RETRY_AFTER,
     .latency = WAN},
    {.name = "gcra",
     .limiter = {.kind = SIM_GCRA, .rate_per_s = 1000.0 / 60, .burst = 50},
     .latency = WAN},
    {.name = "gcra-retry-after",
     .limiter = {.kind = SIM_GCRA, .rate_per_s = 1000.0 / 60, .burst = 50},
     .hints = SIM_RETRY_AFTER,
     .latency = WAN},
    {.name = "gcra-date",
     .limiter = {.kind = SIM_GCRA, .rate_per_s = 1000.0 / 60, .burst = 50},
     .hints = SIM_RETRY_AFTER_DATE,
     .latency = WAN},
    {.name = "concurrency",
     .limiter = {.kind = SIM_CONCURRENCY, .quota = 16},
     .service_us = 20000,
     .latency = {500, 100}},
    {.name = "unlimited", .latency = WAN},
    {.name = NULL},
};

/* ---- reading one ------------------------------------------------------------------------------- */

static bool set_hints(struct sim_scenario *scenario, const char *value) {
  static const char *const names[] = {"none",      "retry-after", "date",
                                      "ratelimit", "x-ratelimit", "lies"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(value, names[i]) == 0) {
      scenario->hints = (enum sim_hint_style)i;
      return true;
    }
  return false;
}

static bool set(struct sim_scenario *scenario, const char *name, const char *value) {
  char *end;
  double number = strtod(value, &end);
  if (strcmp(name, "hints") == 0)
    return set_hints(scenario, value);
  if (*end != '\0' || end == value || number < 0)
    return false;
  uint64_t us = (uint64_t)(number * 1000);
  if (strcmp(name, "rate") == 0)
    scenario->limiter.rate_per_s = number;
  else if (strcmp(name, "burst") == 0)
    scenario->limiter.burst = number;
  else if (strcmp(name, "quota") == 0)
    scenario->limiter.quota = (uint64_t)number;
  else if (strcmp(name, "window-ms") == 0)
    scenario->limiter.window_us = us;
  else if (strcmp(name, "phase-ms") == 0)
    scenario->limiter.phase_us = us;
  else if (strcmp(name, "latency-ms") == 0)
    scenario->latency.least_us = us / 2;
  else if (strcmp(name, "jitter-ms") == 0)
    scenario->latency.jitter_us = number * 500;
  else if (strcmp(name, "in-flight") == 0)
    scenario->max_in_flight = (uint32_t)number;
  else if (strcmp(name, "change") == 0)
    scenario->change = number;
  else if (strcmp(name, "change-ms") == 0)
    scenario->change_us = us;
  else
    return false;
  return true;
}

bool sim_scenario_parse(const char *text, struct sim_scenario *scenario) {
  size_t length = strcspn(text, ":");
  const struct sim_scenario *found = sim_scenarios;
  while (found->name && (strlen(found->name) != length || strncmp(found->name, text, length) != 0))
    found++;
  if (!found->name) {
    fprintf(stderr, "expstart-sim: no server is called '%.*s'\n", (int)length, text);
    return false;
  }
  *scenario = *found;
  char settings[512];
  snprintf(settings, sizeof settings, "%s", text[length] ? text + length + 1 : "");
  for (char *rest = NULL, *one = strtok_r(settings, ",", &rest); one;
       one = strtok_r(NULL, ",", &rest)) {
    char *equals = strchr(one, '=');
    if (equals)
      *equals = '\0';
    if (!equals || !set(scenario, one, equals + 1)) {
      fprintf(stderr, "expstart-sim: '%s' is no setting of a server, or has no such value\n", one);
      return false;
    }
  }
  return true;
}

/* ---- the stage --------------------------------------------------------------------------------- */

void sim_stage_open(struct sim_stage *stage, const struct sim_scenario *scenario, uint64_t starts,
                    uint64_t seed) {
  /* Some time after 0, at the beginning of a fixed window whose phase is 0. */
  uint64_t window_us = scenario->limiter.window_us ? scenario->limiter.window_us : 1000000;
  uint64_t began_us = (UINT64_C(3600000000) / window_us + 1) * window_us;
  *stage = (struct sim_stage){.began_us = began_us, .starts = starts};
  stage->server.limiter = scenario->limiter;
  stage->server.hints = scenario->hints;
  stage->server.service_us = scenario->service_us;
  stage->server.change = scenario->change;
  stage->server.change_us = scenario->change_us ? began_us + scenario->change_us : 0;
  if (scenario->outage.to_us) {
    stage->server.outages[0] = scenario->outage;
    stage->server.outages[0].from_us += began_us;
    stage->server.outages[0].to_us += began_us;
    stage->server.outage_count = 1;
    stage->second_us = stage->server.outages[0].to_us;
  }
  stage->server.random.state = seed * 2 + 1;
  stage->network.latency = scenario->latency;
  stage->network.random.state = seed * 2;
  sim_server_open(&stage->server, began_us, starts);
  sim_network_open(&stage->network, &stage->server, began_us);
}

/* Second by second. */
static void watch_recovery(struct sim_stage *stage) {
  const struct sim_server *server = &stage->server;
  uint64_t now_us = stage->network.now_us;
  if (stage->second_us == 0 || stage->recovered_us > 0 || now_us < stage->second_us)
    return;
  if (stage->accepted_before == 0)
    stage->accepted_before = server->accepted;
  if (now_us < stage->second_us + 1000000)
    return;
  if ((double)(server->accepted - stage->accepted_before) >= 0.9 * server->limiter.rate_per_s)
    stage->recovered_us = stage->second_us - server->outages[0].to_us + 1;
  stage->accepted_before = server->accepted;
  stage->second_us = now_us;
}

void sim_stage_watch(struct sim_stage *stage) {
  watch_recovery(stage);
  if (stage->half_us == 0 && stage->server.accepted >= (stage->starts + 1) / 2)
    stage->half_us = stage->network.now_us - stage->began_us;
}

struct sim_outcome sim_stage_close(struct sim_stage *stage) {
  struct sim_server *server = &stage->server;
  struct sim_outcome outcome = {.took_us = server->last_accepted_us - stage->began_us,
                                .half_us = stage->half_us,
                                .accepted = server->accepted,
                                .rejected = server->rejected,
                                .sent_in_outage = stage->network.sent_in_outage,
                                .recovered_us = stage->recovered_us};
  sim_limiter_reset(&server->limiter, stage->began_us);
  outcome.ideal_us = sim_limiter_ideal_us(&server->limiter, stage->began_us, stage->starts);
  for (uint64_t id = 1; id <= stage->starts; id++)
    outcome.not_started += server->truths[id].done_for_us != 1;
  sim_network_close(&stage->network);
  sim_server_close(server);
  return outcome;
}

#include "policy.h"

#include <stdlib.h>
#include <string.h>

enum { WORKERS = 32, DUE = SIM_EVENTS };
static const double BASE_US = 500e3, CAP_US = 20e6;

struct crowd {
  struct sim_stage stage;
  enum sim_policy policy;
  uint64_t next_id, done;
  uint8_t *refused; /* by id: times in a row */
  uint64_t *again;  /* a stack of those to be sent again at once */
  uint64_t again_count;
  double window; /* of AIMD */
  uint64_t busy; /* workers that send or wait */
};

static void try_start(struct crowd *crowd, uint64_t id) {
  struct expstart__send send = {.ticket = id,
                                .kind = EXPSTART_ATTEMPT_START,
                                .experiment_id = (int64_t)id,
                                .timeout_ms = 30000};
  (void)sim_network_send(&crowd->stage.network, &send); /* it takes everything here */
}

static uint64_t pause_us(struct crowd *crowd, const struct expstart__report *report) {
  if (crowd->policy == SIM_HONOR_RETRY_AFTER && report->hints.retry_after_ms > 0)
    return (uint64_t)report->hints.retry_after_ms * 1000;
  double most_us = BASE_US;
  for (int i = 1; i < crowd->refused[report->ticket] && most_us < CAP_US; i++)
    most_us *= 2;
  most_us = most_us < CAP_US ? most_us : CAP_US;
  return (uint64_t)(sim_random_share(&crowd->stage.network.random) * most_us);
}

static void on_report(void *owner, const struct sim_attempt *attempt,
                      struct expstart__report *report) {
  struct crowd *crowd = owner;
  (void)attempt;
  bool throttled = report->http_status == 429;
  if (!throttled) {
    crowd->done++;
    crowd->busy--;
    crowd->window += 1 / crowd->window;
    return;
  }
  if (crowd->refused[report->ticket] < UINT8_MAX)
    crowd->refused[report->ticket]++;
  if (crowd->policy == SIM_AIMD) {
    crowd->busy--;
    crowd->window = crowd->window > 2 ? crowd->window / 2 : 1;
    crowd->again[crowd->again_count++] = report->ticket;
    return;
  }
  sim_agenda_note(&crowd->stage.network.agenda,
                  (struct sim_event){.at_us = crowd->stage.network.now_us + pause_us(crowd, report),
                                     .kind = DUE,
                                     .index = report->ticket});
}

static void fill(struct crowd *crowd) {
  uint64_t most = WORKERS;
  if (crowd->policy == SIM_AIMD && crowd->window < (double)most)
    most = (uint64_t)crowd->window;
  for (; crowd->busy < most; crowd->busy++) {
    if (crowd->again_count > 0)
      try_start(crowd, crowd->again[--crowd->again_count]);
    else if (crowd->next_id <= crowd->stage.starts)
      try_start(crowd, crowd->next_id++);
    else
      return;
  }
}

struct sim_outcome sim_play_policy(enum sim_policy policy, const struct sim_scenario *scenario,
                                   uint64_t starts, uint64_t seed) {
  struct crowd crowd = {.policy = policy,
                        .next_id = 1,
                        .window = 1,
                        .refused = calloc((size_t)starts + 1, 1),
                        .again = malloc((WORKERS + 1) * sizeof *crowd.again)};
  struct sim_network *network = &crowd.stage.network;
  if (!crowd.refused || !crowd.again) {
    perror("expstart-sim");
    exit(3);
  }
  sim_stage_open(&crowd.stage, scenario, starts, seed);
  network->owner = &crowd;
  network->report = on_report;
  fill(&crowd);
  while (crowd.done < starts) {
    struct sim_event event = sim_agenda_take(&network->agenda);
    network->now_us = event.at_us;
    if (event.kind == DUE)
      try_start(&crowd, event.index);
    else
      sim_network_play(network, &event);
    fill(&crowd);
    sim_stage_watch(&crowd.stage);
  }
  free(crowd.refused);
  free(crowd.again);
  return sim_stage_close(&crowd.stage);
}

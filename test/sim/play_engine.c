/* A scenario played by the real engine, from cold, as client.c would run it on a loop whose timers tick in
   milliseconds. */
#include "engine.h"
#include "options.h"
#include "scenario.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t SECOND_US = 1000000, TICK_US = 1000;

struct player {
  struct sim_stage stage;
  struct expstart__engine *engine;
  uint64_t wake_us;
  FILE *trace;
  uint64_t told_us, told_accepted, told_rejected; /* at the last second that was told */
};

static int port_send(void *self, const struct expstart__send *send, uint32_t *handle) {
  *handle = 0; /* here the ticket is enough */
  struct player *player = self;
  return sim_network_send(&player->stage.network, send);
}

static void port_abort(void *self, uint32_t handle, expstart_ticket ticket) {
  (void)handle;
  struct player *player = self;
  sim_network_abort(&player->stage.network, ticket);
}

static void port_deliver(void *self, const expstart_result *result, expstart_done_cb done,
                         void *data) {
  (void)self, (void)result, (void)done, (void)data;
}

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)client, (void)result, (void)data;
}

static double seconds(uint64_t us) {
  return (double)us / 1e6;
}

static void port_notice(void *self, const struct expstart__notice *notice) {
  static const char *const kinds[] = {"shut", "stays shut", "opened"};
  struct player *player = self;
  uint64_t now_us = player->stage.network.now_us;
  if (!player->trace)
    return;
  fprintf(player->trace, "%10.3f s  %s (%s)", seconds(now_us - player->stage.began_us),
          kinds[notice->kind], expstart_blocked_name(notice->gate));
  if (notice->kind == EXPSTART__GATE_OPENED)
    fprintf(player->trace, " after %.3f s, pace %.1f/s\n", seconds(notice->shut_us),
            notice->rate_per_second);
  else
    fprintf(player->trace, " for %.3f s\n", seconds(notice->until_us - now_us));
}

static void tell_second(struct player *player) {
  const struct sim_stage *stage = &player->stage;
  uint64_t now_us = stage->network.now_us;
  if (!player->trace || now_us < player->told_us + SECOND_US)
    return;
  struct expstart_stats stats;
  expstart__engine_stats(player->engine, now_us, &stats);
  fprintf(player->trace,
          "%10.3f s  accepted %" PRIu64 ", rejected %" PRIu64 ", in flight %" PRIu64
          ", pace %.1f/s, waits for %s\n",
          seconds(now_us - stage->began_us), stage->server.accepted - player->told_accepted,
          stage->server.rejected - player->told_rejected, stats.in_flight, stats.learned_rate,
          expstart_blocked_name(stats.blocked_by));
  player->told_us = now_us;
  player->told_accepted = stage->server.accepted;
  player->told_rejected = stage->server.rejected;
}

static void sink_report(void *owner, const struct sim_attempt *attempt,
                        struct expstart__report *report) {
  struct player *player = owner;
  (void)attempt;
  expstart__engine_report(player->engine, player->stage.network.now_us, report);
}

static void step(struct player *player) {
  player->wake_us = expstart__engine_step(player->engine, player->stage.network.now_us);
  while (expstart__engine_deliver(player->engine, 128))
    continue;
}

static void open_engine(struct player *player, const struct sim_scenario *scenario, uint64_t seed) {
  struct expstart_options options;
  struct expstart__settings settings;
  struct expstart__port port = {.self = player,
                                .send = port_send,
                                .abort = port_abort,
                                .deliver = port_deliver,
                                .notice = port_notice};
  expstart_options_init(&options);
  options.endpoint = "http://127.0.0.1/v1";
  options.api_key = "key";
  options.seed = seed;
  options.max_in_flight = scenario->max_in_flight;
  options.max_queued = (uint32_t)player->stage.starts;
  options.retry_timeout_ms = scenario->retry_timeout_ms ? scenario->retry_timeout_ms : INT32_MAX;
  if (expstart__settings_init(&settings, &options, NULL) != EXPSTART_OK ||
      !(player->engine =
            expstart__engine_create(&settings.options, &port, player->stage.network.now_us))) {
    fprintf(stderr, "expstart-sim: the engine cannot be made\n");
    exit(3);
  }
  expstart__settings_clear(&settings); /* the engine looks at no string */
}

struct sim_outcome sim_play_engine(const struct sim_scenario *scenario, uint64_t starts,
                                   uint64_t seed, FILE *trace) {
  struct player player = {.trace = trace};
  struct sim_network *network = &player.stage.network;
  sim_stage_open(&player.stage, scenario, starts, seed);
  network->owner = &player;
  network->report = sink_report;
  player.told_us = network->now_us;
  open_engine(&player, scenario, seed);
  struct expstart_request request = {.size = sizeof request, .done = on_done};
  for (uint64_t id = 1; id <= starts; id++) {
    request.experiment_id = (int64_t)id;
    (void)expstart__engine_submit(player.engine, network->now_us, &request, NULL);
  }
  step(&player);
  while (expstart__engine_live(player.engine) > 0) {
    uint64_t next_us = sim_agenda_next_at(&network->agenda);
    uint64_t wake_us = player.wake_us;
    if (wake_us != EXPSTART__NEVER) /* a timer fires at the end of its millisecond */
      wake_us = network->now_us + (wake_us - network->now_us + TICK_US - 1) / TICK_US * TICK_US;
    if (next_us <= wake_us) {
      struct sim_event event = sim_agenda_take(&network->agenda);
      network->now_us = event.at_us;
      sim_network_play(network, &event);
    } else {
      network->now_us = wake_us;
    }
    step(&player);
    sim_stage_watch(&player.stage);
    tell_second(&player);
  }
  expstart__engine_destroy(player.engine);
  return sim_stage_close(&player.stage);
}

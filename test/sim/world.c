#include "world.h"

#include "options.h"
#include "watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  SUBMIT_SOME = SIM_EVENTS,
  CANCEL_ONE,
  CANCEL_ALL,
  PAUSE,
  RESUME,
  SET_RATE,
  SET_MOST,
  PERMIT,
  NEW_KEY,
  CLOSE,
  ACTIONS
};

static const uint64_t BEGAN_US = 1000000000, TICK_US = 1000, TURNS_MOST = 20000000;

struct world {
  struct sim_random random;
  struct sim_server server;
  struct sim_network network;
  struct sim_watch watch;
  struct expstart_options options;
  struct expstart__engine *engine;
  uint64_t wake_us;
  uint64_t starts, next_id; /* experiments in all, and the next to be submitted */
  double meddling;          /* how often callbacks call back in */
  bool ticks;               /* timers count in milliseconds */
  bool closing;
  uint32_t wanted; /* permits, as was told and not granted yet */
  bool granting;   /* more are to come */
};

static bool chance(struct world *world, double probability) {
  return sim_random_chance(&world->random, probability);
}

static uint64_t between(struct world *world, uint64_t least, uint64_t most) {
  return sim_random_between(&world->random, least, most);
}

/* Evenly on a logarithmic scale. */
static double scaled(struct world *world, double least, double most) {
  return least * pow(most / least, sim_random_share(&world->random));
}

/* ---- callers -----------------------------------------------------------------------------------
 */

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)client, (void)result, (void)data;
}

static void submit(struct world *world) {
  if (world->closing || world->next_id > world->starts)
    return;
  double mode = sim_random_share(&world->random);
  struct expstart_request request = {
      .size = sizeof request,
      .experiment_id = (int64_t)world->next_id,
      .note = chance(world, 0.3) ? "a note" : NULL,
      .mode = mode < 0.9    ? EXPSTART_START
              : mode < 0.95 ? EXPSTART_LOOK_THEN_START
                            : EXPSTART_LOOK,
      .timeout_ms = chance(world, 0.1) ? (uint32_t)scaled(world, 20, 600000) : 0,
      .done = on_done};
  expstart_ticket ticket = 0;
  int status = expstart__engine_submit(world->engine, world->network.now_us, &request, &ticket);
  sim_watch_submitted(&world->watch, &request, status, ticket);
  world->next_id += status == EXPSTART_OK;
}

static void cancel_one(struct world *world) {
  if (world->next_id == 1)
    return;
  int64_t id = (int64_t)between(world, 1, world->next_id - 1);
  (void)expstart__engine_cancel(world->engine, world->network.now_us,
                                sim_watch_record(&world->watch, id)->ticket);
}

static void set_paused(struct world *world, bool paused) {
  if (world->closing)
    return;
  expstart__engine_pause(world->engine, paused);
  world->watch.paused = paused;
}

static void set_rate(struct world *world) {
  double per_second = chance(world, 0.3) ? 0 : scaled(world, 5, 5000);
  uint32_t burst = chance(world, 0.5) ? 0 : (uint32_t)between(world, 1, 50);
  expstart__engine_set_rate(world->engine, world->network.now_us, per_second, burst);
  sim_watch_rate(&world->watch, per_second, burst);
}

static void set_most(struct world *world) {
  world->options.max_in_flight = (uint32_t)between(world, 1, 64);
  expstart__engine_set_max_in_flight(world->engine, world->options.max_in_flight);
}

static void note_action(struct world *world, uint32_t action, uint64_t at_us) {
  sim_agenda_note(&world->network.agenda, (struct sim_event){.at_us = at_us, .kind = action});
}

/* Some of what is wanted, some of it for a short time only; the rest later. */
static void grant(struct world *world) {
  uint64_t now_us = world->network.now_us;
  world->granting = world->wanted > 0;
  if (world->wanted == 0)
    return;
  uint32_t n = (uint32_t)between(world, 1, world->wanted);
  uint32_t valid_ms = chance(world, 0.5) ? 0 : (uint32_t)scaled(world, 1, 5000);
  world->wanted -= n;
  sim_watch_permit(&world->watch, n, valid_ms ? now_us + valid_ms * UINT64_C(1000) : UINT64_MAX);
  expstart__engine_permit(world->engine, now_us, n, valid_ms);
  note_action(world, PERMIT, now_us + (uint64_t)scaled(world, 1, 2e6));
}

static void change_key(struct world *world) {
  uint64_t now_us = world->network.now_us;
  world->server.key_refused_from_us = chance(world, 0.3) ? now_us + between(world, 0, 10000000) : 0;
  world->watch.key_refused = false;
  expstart__engine_key_changed(world->engine);
}

/* As client.c does it. */
static void close_client(struct world *world, bool abort) {
  set_paused(world, false);
  world->closing = true;
  if (!abort)
    return;
  world->watch.aborted = true;
  expstart__engine_cancel_all(world->engine);
}

static void act(struct world *world, uint32_t action) {
  switch (action) {
  case SUBMIT_SOME:
    for (uint64_t i = between(world, 1, 1 + world->starts / 8); i > 0; i--)
      submit(world);
    break;
  case CANCEL_ONE:
    cancel_one(world);
    break;
  case CANCEL_ALL:
    expstart__engine_cancel_all(world->engine);
    break;
  case PAUSE:
    set_paused(world, true);
    break;
  case RESUME:
    set_paused(world, false);
    break;
  case SET_RATE:
    set_rate(world);
    break;
  case SET_MOST:
    set_most(world);
    break;
  case PERMIT:
    grant(world);
    break;
  case NEW_KEY:
    change_key(world);
    break;
  case CLOSE:
    close_client(world, chance(world, 0.2));
    break;
  }
}

/* What user code may do inside a callback or a hook. */
static void meddle(struct world *world) {
  if (!chance(world, world->meddling))
    return;
  static const uint32_t actions[] = {SUBMIT_SOME, CANCEL_ONE, CANCEL_ONE, CANCEL_ALL, SET_RATE};
  uint64_t which = between(world, 0, 59);
  if (which < sizeof actions / sizeof *actions)
    act(world, actions[which]);
  else
    submit(world);
}

/* ---- the engine's port -------------------------------------------------------------------------
 */

static int port_send(void *self, const struct expstart__send *send, uint32_t *handle) {
  *handle = 0; /* here the ticket is enough */
  struct world *world = self;
  sim_watch_sending(&world->watch, send);
  int status = sim_network_send(&world->network, send);
  struct sim_record *record = sim_watch_record(&world->watch, send->experiment_id);
  if (status == EXPSTART_OK) {
    record->in_flight = true;
    world->watch.in_flight++;
  } else {
    world->watch.probes_out = 0;
  }
  if (!record->first_us)
    record->first_us = world->network.now_us;
  return status;
}

static void port_abort(void *self, uint32_t handle, expstart_ticket ticket) {
  (void)handle;
  struct world *world = self;
  sim_network_abort(&world->network, ticket);
}

static void port_deliver(void *self, const expstart_result *result, expstart_done_cb done,
                         void *data) {
  struct world *world = self;
  (void)done, (void)data;
  sim_watch_called(&world->watch, result);
  meddle(world);
}

static void port_attempt(void *self, const expstart_attempt *attempt, expstart_done_cb done,
                         void *data) {
  (void)attempt, (void)done, (void)data;
  meddle(self);
}

static void port_notice(void *self, const struct expstart__notice *notice) {
  struct world *world = self;
  sim_watch_noticed(&world->watch, notice);
  meddle(world);
}

static void port_permits(void *self, uint32_t wanted) {
  struct world *world = self;
  world->wanted = wanted;
  if (wanted > 0 && !world->granting) {
    world->granting = true;
    note_action(world, PERMIT, world->network.now_us + (uint64_t)scaled(world, 1, 2e6));
  }
}

static void port_key_refused(void *self, const char *message) {
  struct world *world = self;
  (void)message;
  world->watch.key_refused = true;
  note_action(world, NEW_KEY, world->network.now_us + (uint64_t)scaled(world, 1e3, 30e6));
}

/* The engine only asks whether they are set; what it tells goes through its port. */
static void on_permits(expstart_client *client, uint32_t wanted, uint32_t returned, void *data) {
  (void)client, (void)wanted, (void)returned, (void)data;
}

static void on_key_refused(expstart_client *client, const char *message, void *data) {
  (void)client, (void)message, (void)data;
}

static void sink_report(void *owner, const struct sim_attempt *attempt,
                        struct expstart__report *report) {
  struct world *world = owner;
  sim_watch_reported(&world->watch, report, attempt->experiment_id,
                     (expstart_attempt_kind)attempt->kind);
  expstart__engine_report(world->engine, world->network.now_us, report);
}

/* ---- making a world ----------------------------------------------------------------------------
 */

static void choose_options(struct world *world, struct expstart__settings *settings) {
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = "http://127.0.0.1/v1";
  options.api_key = "key";
  options.seed = between(world, 1, UINT32_MAX);
  options.max_in_flight = (uint32_t)between(world, 1, 64);
  options.max_queued = chance(world, 0.2) ? (uint32_t)between(world, 1, 50) : 100000;
  options.max_attempts = (uint32_t)between(world, 1, 8);
  options.confirm = (expstart_confirm)between(world, 0, 2);
  if (chance(world, 0.3)) {
    options.rate_per_second = scaled(world, 5, 2000);
    options.burst = chance(world, 0.5) ? 0 : (uint32_t)between(world, 1, 40);
  }
  if (chance(world, 0.3))
    options.total_timeout_ms = (uint32_t)scaled(world, 20, 600000);
  if (chance(world, 0.3))
    options.retry_timeout_ms = (uint32_t)scaled(world, 20, 600000);
  if (chance(world, 0.3))
    options.attempt_timeout_ms = (uint32_t)scaled(world, 20, 30000);
  if (chance(world, 0.3))
    options.max_retry_after_ms = (uint32_t)scaled(world, 10, 600000);
  if (chance(world, 0.3)) {
    options.backoff_base_ms = (uint32_t)scaled(world, 1, 2000);
    options.backoff_cap_ms = options.backoff_base_ms * (uint32_t)between(world, 1, 50);
  }
  options.on_permits = chance(world, 0.2) ? on_permits : NULL;
  options.on_key_refused = chance(world, 0.5) ? on_key_refused : NULL;
  if (expstart__settings_init(settings, &options, NULL) != EXPSTART_OK) {
    fprintf(stderr, "expstart-sim: the world's options are refused\n");
    exit(3);
  }
  world->options = settings->options;
}

static void choose_limiter(struct world *world) {
  struct sim_limiter *limiter = &world->server.limiter;
  limiter->kind = (enum sim_limiter_kind)between(world, SIM_UNLIMITED, SIM_CONCURRENCY);
  limiter->rate_per_s = scaled(world, 5, 2000);
  limiter->burst = (double)between(world, 1, 100);
  limiter->window_us = (uint64_t)scaled(world, 200e3, 60e6);
  limiter->phase_us = between(world, 0, limiter->window_us - 1);
  double per_window = limiter->rate_per_s * (double)limiter->window_us / 1e6;
  limiter->quota = limiter->kind == SIM_CONCURRENCY ? between(world, 1, 40)
                                                    : (uint64_t)fmax(1, fmin(per_window, 5000));
  world->server.hints = (enum sim_hint_style)between(world, SIM_NO_HINTS, SIM_LIES);
  world->server.service_us = (uint64_t)scaled(world, 100, 100e3);
  if (chance(world, 0.2)) {
    world->server.change_us = BEGAN_US + between(world, 0, 60000000);
    world->server.change = chance(world, 0.5) ? 0.5 : 2;
  }
}

static void choose_faults(struct world *world) {
  struct sim_faults *faults = &world->server.faults;
  double *const each[] = {&faults->error_before, &faults->error_after, &faults->reset_before,
                          &faults->reset_after,  &faults->unavailable, &faults->gateway,
                          &faults->garbage,      &faults->slow,        &faults->look_error};
  for (size_t i = 0; i < sizeof each / sizeof *each; i++)
    *each[i] = chance(world, 0.3) ? scaled(world, 0.001, 0.3) : 0;
  uint64_t settle_us = world->options.attempt_timeout_ms * UINT64_C(1000);
  settle_us = settle_us < 5000000 ? settle_us : 5000000;
  faults->slow_us = world->options.attempt_timeout_ms * UINT64_C(1000) + settle_us / 2;
  faults->late_us = world->network.settle_us = settle_us;
  if (chance(world, 0.05))
    world->server.key_refused_from_us = BEGAN_US + between(world, 0, 60000000);
  if (chance(world, 0.05))
    world->server.cert_wrong_from_us = BEGAN_US + between(world, 0, 60000000);
  world->network.lost_there = chance(world, 0.2) ? scaled(world, 0.001, 0.1) : 0;
  world->network.lost_back = chance(world, 0.2) ? scaled(world, 0.001, 0.1) : 0;
  world->network.unsendable = chance(world, 0.1) ? scaled(world, 0.001, 0.1) : 0;
}

static void choose_outages(struct world *world) {
  if (!chance(world, 0.4))
    return;
  uint64_t at_us = BEGAN_US;
  for (uint64_t i = between(world, 1, SIM_OUTAGES_MAX); i > 0; i--) {
    uint64_t from_us = at_us + (uint64_t)scaled(world, 1e3, 120e6);
    at_us = from_us + (uint64_t)scaled(world, 1e4, 700e6);
    world->server.outages[world->server.outage_count++] =
        (struct sim_outage){.from_us = from_us,
                            .to_us = at_us,
                            .kind = (enum sim_outage_kind)between(world, SIM_REFUSES, SIM_SAYS_503),
                            .restart = chance(world, 0.5)};
  }
}

static void choose_traits(struct world *world) {
  double odd = chance(world, 0.4) ? scaled(world, 0.001, 0.2) : 0;
  for (uint64_t id = 1; id <= world->starts; id++) {
    struct sim_truth *truth = &world->server.truths[id];
    if (chance(world, odd))
      truth->trait = (uint8_t)between(world, SIM_ALWAYS_500, SIM_ALWAYS_429);
    truth->running = truth->trait == SIM_ALREADY_RUNNING;
  }
}

static void choose_actions(struct world *world) {
  uint64_t span_us = (uint64_t)scaled(world, 1e3, 600e6);
  uint64_t end_us = BEGAN_US + span_us;
  static const uint32_t actions[] = {CANCEL_ONE, CANCEL_ALL, PAUSE, SET_RATE, SET_MOST};
  note_action(world, SUBMIT_SOME, BEGAN_US);
  for (uint64_t i = between(world, 0, 30); i > 0; i--)
    note_action(world, SUBMIT_SOME, between(world, BEGAN_US, end_us));
  for (size_t k = 0; k < sizeof actions / sizeof *actions; k++)
    for (uint64_t i = chance(world, 0.3) ? between(world, 1, 5) : 0; i > 0; i--) {
      uint64_t at_us = between(world, BEGAN_US, end_us);
      note_action(world, actions[k], at_us);
      if (actions[k] == PAUSE)
        note_action(world, RESUME, at_us + (uint64_t)scaled(world, 1, 60e6));
    }
  note_action(world, CLOSE, end_us);
}

static void open_world(struct world *world, uint64_t seed, struct expstart__settings *settings) {
  world->random.state = seed;
  world->starts = (uint64_t)scaled(world, 1, 5000);
  world->next_id = 1;
  world->meddling = chance(world, 0.5) ? scaled(world, 0.001, 0.2) : 0;
  world->ticks = chance(world, 0.5);
  choose_options(world, settings);
  choose_limiter(world);
  choose_faults(world);
  choose_outages(world);
  world->server.random.state = seed * 2 + 1;
  world->network.random.state = seed * 2;
  world->network.latency.least_us = (uint64_t)scaled(world, 10, 200e3);
  world->network.latency.jitter_us = scaled(world, 1, 50e3);
  world->network.connects = sim_random_share(&world->random) / 5;
  world->network.owner = world;
  world->network.report = sink_report;
  sim_server_open(&world->server, BEGAN_US, world->starts);
  choose_traits(world);
  sim_network_open(&world->network, &world->server, BEGAN_US);
  sim_watch_open(&world->watch, seed, &world->network, &world->options, world->starts);
  choose_actions(world);
  struct expstart__port port = {.self = world,
                                .send = port_send,
                                .abort = port_abort,
                                .deliver = port_deliver,
                                .attempt = port_attempt,
                                .notice = port_notice,
                                .key_refused = port_key_refused,
                                .permits = port_permits};
  world->engine = expstart__engine_create(&world->options, &port, BEGAN_US);
  world->wake_us = EXPSTART__NEVER;
}

/* ---- running it --------------------------------------------------------------------------------
 */

static void turn(struct world *world) {
  struct sim_network *network = &world->network;
  uint64_t wake_us = world->wake_us;
  if (wake_us < network->now_us)
    wake_us = network->now_us;
  if (world->ticks && wake_us != EXPSTART__NEVER)
    wake_us = network->now_us + (wake_us - network->now_us + TICK_US - 1) / TICK_US * TICK_US;
  if (wake_us == EXPSTART__NEVER && sim_agenda_next_at(&network->agenda) == UINT64_MAX) {
    sim_watch_stuck(&world->watch);
    return;
  }
  if (sim_agenda_next_at(&network->agenda) <= wake_us) {
    struct sim_event event = sim_agenda_take(&network->agenda);
    network->now_us = event.at_us;
    if (event.kind >= SIM_EVENTS)
      act(world, event.kind);
    else
      sim_network_play(network, &event);
  } else {
    network->now_us = wake_us;
  }
  /* What callbacks submit may end in the very next step. */
  uint64_t called;
  do {
    called = world->watch.called;
    world->wake_us = expstart__engine_step(world->engine, network->now_us);
    while (expstart__engine_deliver(world->engine, 16))
      continue;
  } while (world->watch.called > called);
  sim_watch_stepped(&world->watch, world->engine, world->wake_us);
}

bool sim_world_play(uint64_t seed) {
  struct world *world = calloc(1, sizeof *world);
  struct expstart__settings settings = {0};
  if (!world) {
    perror("expstart-sim");
    exit(3);
  }
  open_world(world, seed, &settings);
  uint64_t turns = 0;
  while (!world->watch.failed && turns++ < TURNS_MOST &&
         (!world->closing || expstart__engine_live(world->engine) > 0))
    turn(world);
  if (turns >= TURNS_MOST) {
    fprintf(stderr, "expstart-sim: seed %llu: the run does not end\n", (unsigned long long)seed);
    world->watch.failed = true;
  }
  while (!world->watch.failed && sim_agenda_next_at(&world->network.agenda) != UINT64_MAX) {
    struct sim_event event = sim_agenda_take(&world->network.agenda); /* what is processed late */
    world->network.now_us = event.at_us;
    if (event.kind < SIM_EVENTS)
      sim_network_play(&world->network, &event);
  }
  if (!world->watch.failed)
    sim_watch_ended(&world->watch);
  bool good = !world->watch.failed;
  expstart__engine_destroy(world->engine);
  sim_watch_close(&world->watch);
  sim_network_close(&world->network);
  sim_server_close(&world->server);
  expstart__settings_clear(&settings);
  free(world);
  return good;
}

#include "server.h"

#include "hints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_server_open(struct sim_server *server, uint64_t now_us, uint64_t experiments) {
  server->experiments = experiments;
  server->truths = calloc((size_t)experiments + 1, sizeof *server->truths);
  if (!server->truths) {
    perror("expstart-sim");
    exit(3);
  }
  sim_limiter_reset(&server->limiter, now_us);
}

void sim_server_close(struct sim_server *server) {
  sim_limiter_clear(&server->limiter);
  free(server->truths);
  server->truths = NULL;
}

const struct sim_outage *sim_server_outage(const struct sim_server *server, uint64_t now_us) {
  for (uint32_t i = 0; i < server->outage_count; i++)
    if (now_us >= server->outages[i].from_us && now_us < server->outages[i].to_us)
      return &server->outages[i];
  return NULL;
}

void sim_server_carry_out(struct sim_server *server, int64_t experiment_id) {
  struct sim_truth *truth = &server->truths[experiment_id];
  truth->running = true;
  truth->done_for_us++;
}

/* ---- hints -------------------------------------------------------------------------------------
 */

static int64_t whole_seconds_ms(uint64_t us) {
  int64_t seconds = (int64_t)((us + 999999) / 1000000);
  return (seconds > 0 ? seconds : 1) * 1000;
}

/* As texts that are met with, through the library's own reading of them. */
static int64_t lie_ms(struct sim_server *server) {
  static const char *const lies[] = {"-1",
                                     "0",
                                     "1742917800000",
                                     "1764000000",
                                     "81, 120",
                                     "soon",
                                     "2",
                                     "",
                                     "0.5",
                                     "9999999999999999999999",
                                     "1 2",
                                     "1742917200",
                                     "Thu, 01 Jan 1970 00:00:00 GMT"};
  uint64_t which = sim_random_between(&server->random, 0, sizeof lies / sizeof *lies - 1);
  return expstart__hints_retry_after_ms(lies[which], NULL, 1764000000);
}

static void hint(struct sim_server *server, uint64_t now_us, bool throttled,
                 struct expstart__hints *hints) {
  const struct sim_limiter *limiter = &server->limiter;
  uint64_t next_us = throttled ? sim_limiter_next_us(limiter, now_us) : 0;
  switch (server->hints) {
  case SIM_NO_HINTS:
    return;
  case SIM_RETRY_AFTER:
    if (throttled)
      hints->retry_after_ms = whole_seconds_ms(next_us);
    return;
  case SIM_RETRY_AFTER_DATE:
    /* Both dates are of the server's clock: how far it is off makes no difference. */
    if (throttled)
      hints->retry_after_ms = whole_seconds_ms(now_us % 1000000 + next_us);
    return;
  case SIM_RATELIMIT:
    hints->remaining = (int64_t)sim_limiter_remaining(limiter, now_us);
    hints->reset_ms = whole_seconds_ms(sim_limiter_reset_us(limiter, now_us));
    return;
  case SIM_X_RATELIMIT:
    hints->remaining = (int64_t)sim_limiter_remaining(limiter, now_us);
    hints->reset_ms = whole_seconds_ms(now_us % 1000000 + sim_limiter_reset_us(limiter, now_us));
    return;
  case SIM_LIES:
    hints->retry_after_ms = lie_ms(server);
    hints->remaining = (int64_t)sim_random_between(&server->random, 0, 3);
    hints->reset_ms = lie_ms(server);
    return;
  }
}

/* ---- replies -----------------------------------------------------------------------------------
 */

static struct sim_reply plain(int status) {
  return (struct sim_reply){.report = {.fate = EXPSTART__REPLIED,
                                       .intact = true,
                                       .http_status = status,
                                       .hints = EXPSTART__NO_HINTS,
                                       .reply = {.readable = true, .ok = status == 200 ? 1 : 0}}};
}

static struct sim_reply lost(void) {
  struct sim_reply reply = plain(0);
  reply.report.fate = EXPSTART__LOST;
  reply.report.intact = reply.report.reply.readable = false;
  reply.report.reply.ok = -1;
  return reply;
}

static struct sim_reply after(struct sim_reply reply, uint64_t done_after_us) {
  reply.done = true;
  reply.done_after_us = done_after_us;
  return reply;
}

static struct sim_reply late(struct sim_server *server, struct sim_reply reply) {
  return after(reply, sim_random_between(&server->random, 0, server->faults.late_us));
}

static struct sim_reply garbled(struct sim_server *server) {
  struct sim_reply reply = after(plain(200), 0);
  bool cut = sim_random_chance(&server->random, 0.5);
  reply.report.intact = !cut;
  reply.report.reply.readable = false;
  reply.report.reply.ok = -1;
  return reply;
}

static struct sim_reply start_with_faults(struct sim_server *server) {
  const struct sim_faults *faults = &server->faults;
  struct sim_random *random = &server->random;
  if (sim_random_chance(random, faults->error_before))
    return plain(500);
  if (sim_random_chance(random, faults->error_after))
    return late(server, plain(500));
  if (sim_random_chance(random, faults->reset_before))
    return lost();
  if (sim_random_chance(random, faults->reset_after))
    return late(server, lost());
  if (sim_random_chance(random, faults->unavailable))
    return plain(503);
  if (sim_random_chance(random, faults->gateway)) {
    struct sim_reply reply = plain(sim_random_chance(random, 0.5) ? 502 : 504);
    return sim_random_chance(random, 0.5) ? late(server, reply) : reply;
  }
  if (sim_random_chance(random, faults->garbage))
    return garbled(server);
  if (sim_random_chance(random, faults->slow)) {
    struct sim_reply reply = after(plain(200), faults->slow_us);
    reply.service_us = faults->slow_us;
    return reply;
  }
  return after(plain(200), 0);
}

static struct sim_reply start(struct sim_server *server, const struct sim_truth *truth) {
  if (truth->trait == SIM_ALWAYS_500)
    return plain(500);
  if (truth->trait == SIM_UNSTARTABLE || truth->running)
    return plain(400);
  return start_with_faults(server);
}

static struct sim_reply look(struct sim_server *server, const struct sim_truth *truth,
                             int64_t experiment_id) {
  if (sim_random_chance(&server->random, server->faults.look_error))
    return sim_random_chance(&server->random, 0.5) ? plain(500) : lost();
  struct sim_reply reply = plain(200);
  const char *state = truth->running ? "running" : "ready";
  reply.report.reply.ok = -1;
  reply.report.reply.experiment_id = experiment_id;
  (void)expstart__reply_set_words(&reply.report.reply, &(struct expstart__reply){.state = state});
  return reply;
}

static struct sim_reply in_outage(const struct sim_outage *outage) {
  struct sim_reply reply;
  switch (outage->kind) {
  case SIM_REFUSES:
    reply = lost();
    reply.report.fate = EXPSTART__UNSENT;
    return reply;
  case SIM_BLACK_HOLE:
    reply = lost();
    reply.hangs = true;
    return reply;
  case SIM_SAYS_503:
    return plain(503);
  default:
    return lost();
  }
}

static void keep_up(struct sim_server *server, uint64_t now_us) {
  if (server->change_us && now_us >= server->change_us) {
    sim_limiter_scale(&server->limiter, now_us, server->change);
    server->change_us = 0;
  }
  for (uint32_t i = server->restarts_done; i < server->outage_count; i++)
    if (now_us >= server->outages[i].to_us) {
      if (server->outages[i].restart)
        sim_limiter_reset(&server->limiter, now_us);
      server->restarts_done = i + 1;
    }
}

struct sim_reply sim_server_take(struct sim_server *server, uint64_t now_us,
                                 expstart_attempt_kind kind, int64_t experiment_id) {
  const struct sim_truth *truth = &server->truths[experiment_id];
  const struct sim_outage *outage = sim_server_outage(server, now_us);
  struct sim_reply reply;
  keep_up(server, now_us);
  if (outage)
    return in_outage(outage);
  if (server->cert_wrong_from_us && now_us >= server->cert_wrong_from_us) {
    reply = lost();
    reply.report.fate = EXPSTART__CERT;
    return reply;
  }
  if (server->key_refused_from_us && now_us >= server->key_refused_from_us)
    return plain(401);
  bool passes = truth->trait != SIM_ALWAYS_429 && sim_limiter_take(&server->limiter, now_us);
  if (!passes) {
    server->rejected++;
    reply = plain(429);
    hint(server, now_us, true, &reply.report.hints);
    return reply;
  }
  server->accepted++;
  server->last_accepted_us = now_us;
  reply =
      kind == EXPSTART_ATTEMPT_START ? start(server, truth) : look(server, truth, experiment_id);
  hint(server, now_us, false, &reply.report.hints);
  reply.counted = true;
  uint64_t others = server->limiter.kind == SIM_CONCURRENCY ? server->limiter.under_way - 1 : 0;
  uint64_t quota = server->limiter.quota ? server->limiter.quota : 1;
  reply.service_us += server->service_us + server->service_us * others / quota;
  return reply;
}

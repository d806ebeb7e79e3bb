#include "network.h"

#include <stdio.h>
#include <stdlib.h>

static const uint32_t NONE = UINT32_MAX;

void sim_network_open(struct sim_network *network, struct sim_server *server, uint64_t now_us) {
  network->server = server;
  network->now_us = now_us;
  network->free_head = NONE;
  network->connect_timeout_us = 10000000;
}

void sim_network_close(struct sim_network *network) {
  sim_agenda_clear(&network->agenda);
  for (uint32_t i = 0; i < network->attempt_count; i++)
    expstart__reply_clear(&network->attempts[i].reply.report.reply);
  free(network->attempts);
  network->attempts = NULL;
}

static uint64_t one_way_us(struct sim_network *network) {
  return network->latency.least_us +
         (uint64_t)sim_random_waiting(&network->random, network->latency.jitter_us);
}

static void note(struct sim_network *network, uint32_t kind, uint64_t at_us, uint32_t index) {
  sim_agenda_note(&network->agenda,
                  (struct sim_event){.at_us = at_us,
                                     .kind = kind,
                                     .index = index,
                                     .generation = network->attempts[index].generation});
}

static uint32_t take_attempt(struct sim_network *network) {
  if (network->free_head == NONE) {
    uint32_t count = network->attempt_count ? 2 * network->attempt_count : 64;
    network->attempts = realloc(network->attempts, count * sizeof *network->attempts);
    if (!network->attempts) {
      perror("expstart-sim");
      exit(3);
    }
    for (uint32_t i = count; i-- > network->attempt_count;) {
      network->attempts[i] = (struct sim_attempt){.next_free = network->free_head};
      network->free_head = i;
    }
    network->attempt_count = count;
  }
  uint32_t index = network->free_head;
  network->free_head = network->attempts[index].next_free;
  return index;
}

/* It will be told that nothing came back, at its deadline. */
static void hang(struct sim_network *network, uint32_t index) {
  note(network, SIM_GIVEN_UP, network->attempts[index].deadline_us, index);
}

int sim_network_send(struct sim_network *network, const struct expstart__send *send) {
  if (sim_random_chance(&network->random, network->unsendable))
    return EXPSTART_ENOMEM;
  uint32_t index = take_attempt(network);
  struct sim_attempt *attempt = &network->attempts[index];
  *attempt =
      (struct sim_attempt){.ticket = send->ticket,
                           .experiment_id = send->experiment_id,
                           .sent_us = network->now_us,
                           .deadline_us = network->now_us + send->timeout_ms * UINT64_C(1000),
                           .generation = attempt->generation + 1,
                           .kind = (uint8_t)send->kind,
                           .left = true};
  network->under_way++;
  uint64_t way_us = one_way_us(network);
  const struct sim_outage *outage = sim_server_outage(network->server, network->now_us);
  network->sent_in_outage += outage != NULL;
  if (sim_random_chance(&network->random, network->connects) ||
      (outage && outage->kind == SIM_BLACK_HOLE)) {
    way_us += 2 * one_way_us(network);
    attempt->left = false;
  }
  if (outage && outage->kind == SIM_BLACK_HOLE && !attempt->left) {
    uint64_t give_up_us = network->now_us + network->connect_timeout_us;
    note(network, SIM_GIVEN_UP,
         give_up_us < attempt->deadline_us ? give_up_us : attempt->deadline_us, index);
    return EXPSTART_OK;
  }
  if (sim_random_chance(&network->random, network->lost_there))
    hang(network, index), attempt->left = true;
  else if (network->now_us + way_us >= attempt->deadline_us)
    hang(network, index);
  else
    note(network, SIM_ARRIVES, network->now_us + way_us, index);
  return EXPSTART_OK;
}

void sim_network_abort(struct sim_network *network, expstart_ticket ticket) {
  for (uint32_t i = 0; i < network->attempt_count; i++) {
    struct sim_attempt *attempt = &network->attempts[i];
    if (attempt->generation % 2 == 1 && attempt->ticket == ticket) {
      attempt->aborted = true;
      note(network, SIM_GIVEN_UP, network->now_us + sim_random_between(&network->random, 0, 500),
           i);
      return;
    }
  }
}

/* ---- events ------------------------------------------------------------------------------------
 */

/* What takes longer than a client waits for it is not seen by its look: the header says so. */
static uint64_t done_at_us(const struct sim_network *network, const struct sim_attempt *attempt) {
  uint64_t at_us = network->now_us + attempt->reply.done_after_us;
  uint64_t last_us = attempt->deadline_us + network->settle_us;
  return at_us < last_us ? at_us : last_us;
}

static void arrive(struct sim_network *network, uint32_t index) {
  struct sim_attempt *attempt = &network->attempts[index];
  attempt->left = true;
  attempt->reply = sim_server_take(network->server, network->now_us,
                                   (expstart_attempt_kind)attempt->kind, attempt->experiment_id);
  const struct sim_reply *reply = &attempt->reply;
  if (reply->report.fate == EXPSTART__UNSENT || reply->report.fate == EXPSTART__CERT)
    attempt->left = false;
  if (reply->done && reply->done_after_us == 0)
    sim_server_carry_out(network->server, attempt->experiment_id);
  else if (reply->done)
    sim_agenda_note(&network->agenda,
                    (struct sim_event){.at_us = done_at_us(network, attempt),
                                       .kind = SIM_CARRIED_OUT,
                                       .index = (uint64_t)attempt->experiment_id});
  if (reply->counted)
    sim_agenda_note(
        &network->agenda,
        (struct sim_event){.at_us = network->now_us + reply->service_us, .kind = SIM_LEAVES});
  uint64_t back_us = network->now_us + reply->service_us + one_way_us(network);
  if (reply->hangs || back_us >= attempt->deadline_us ||
      sim_random_chance(&network->random, network->lost_back))
    hang(network, index);
  else
    note(network, SIM_RETURNS, back_us, index);
}

static void tell(struct sim_network *network, uint32_t index, struct expstart__report *report) {
  struct sim_attempt *attempt = &network->attempts[index];
  report->ticket = attempt->ticket;
  report->elapsed_us = network->now_us - attempt->sent_us;
  attempt->generation++;
  attempt->next_free = network->free_head;
  network->free_head = index;
  network->under_way--;
  struct sim_attempt ended = *attempt; /* its place may be taken by what is sent next */
  network->report(network->owner, &ended, report);
  expstart__reply_clear(&report->reply);
}

static void give_up(struct sim_network *network, uint32_t index) {
  struct sim_attempt *attempt = &network->attempts[index];
  struct expstart__report report = {.fate = attempt->left ? EXPSTART__LOST : EXPSTART__UNSENT,
                                    .timed_out = !attempt->aborted,
                                    .aborted = attempt->aborted,
                                    .hints = EXPSTART__NO_HINTS,
                                    .reply = {.ok = -1}};
  expstart__reply_clear(&attempt->reply.report.reply);
  tell(network, index, &report);
}

static void come_back(struct sim_network *network, uint32_t index) {
  struct expstart__report report = network->attempts[index].reply.report;
  network->attempts[index].reply.report.reply = (struct expstart__reply){.ok = -1};
  tell(network, index, &report);
}

void sim_network_play(struct sim_network *network, const struct sim_event *event) {
  uint32_t index = (uint32_t)event->index;
  if (event->kind == SIM_LEAVES) {
    sim_limiter_leave(&network->server->limiter);
    return;
  }
  if (event->kind == SIM_CARRIED_OUT) {
    if (!network->server->truths[event->index].running)
      sim_server_carry_out(network->server, (int64_t)event->index);
    return;
  }
  if (network->attempts[index].generation != event->generation)
    return; /* it has been reported in another way */
  if (event->kind == SIM_ARRIVES)
    arrive(network, index);
  else if (event->kind == SIM_RETURNS)
    come_back(network, index);
  else
    give_up(network, index);
}

#include "pacer.h"

/* By how much attempts may run ahead of the learned pace: what late timers hold up is made up for. */
static const uint32_t LATE_ATTEMPTS = 2;
static const double LATE_S = 0.008;
/* A probe that is not answered for so long is followed by another. */
static const uint64_t PATIENCE_US = 5000000;
/* Jitter on top of hints, so that clients that were told the same do not come at once. */
static const uint64_t JITTER_PART = 20, JITTER_MOST_US = 250000;

void expstart__pacer_init(struct expstart__pacer *pacer, const struct expstart_options *options,
                          uint64_t now_us) {
  *pacer = (struct expstart__pacer){0};
  pacer->permits = options->on_permits != NULL;
  pacer->longest_hint_us = options->max_retry_after_ms * UINT64_C(1000);
  expstart__window_init(&pacer->window, options->max_in_flight);
  expstart__pacer_set_rate(pacer, now_us, options->rate_per_second, options->burst);
}

void expstart__pacer_set_rate(struct expstart__pacer *pacer, uint64_t now_us, double per_second,
                              uint32_t burst) {
  expstart__bucket_set_rate(&pacer->configured, now_us, per_second, burst);
}

void expstart__pacer_set_most(struct expstart__pacer *pacer, uint32_t max_in_flight) {
  expstart__window_set_most(&pacer->window, max_in_flight);
}

static bool is_open(const struct expstart__pacer *pacer) {
  return pacer->gate == EXPSTART_BLOCKED_NOTHING;
}

static uint64_t later(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* ---- sending ----------------------------------------------------------------------------------
 */

static uint32_t window_size(const struct expstart__pacer *pacer, uint64_t now_us) {
  uint32_t own = expstart__window_size(&pacer->window);
  uint32_t claimed = expstart__quota_window(&pacer->quota, now_us);
  return claimed < own ? claimed : own;
}

/* Of `most` so many as the configured rate lets go now. */
static uint32_t within_rate(const struct expstart__pacer *pacer, uint64_t now_us, uint32_t most) {
  struct expstart__bucket bucket = pacer->configured;
  uint32_t count = 0;
  while (count < most && expstart__bucket_ready_at(&bucket) <= now_us) {
    expstart__bucket_spend(&bucket, now_us);
    count++;
  }
  return count;
}

uint32_t expstart__pacer_slots(const struct expstart__pacer *pacer, uint64_t now_us,
                               uint32_t in_flight) {
  uint32_t most = is_open(pacer) ? window_size(pacer, now_us) : pacer->window.most;
  uint32_t slots = in_flight < most ? most - in_flight : 0;
  if (!is_open(pacer))
    slots = slots > 0 && now_us >= pacer->probe_us;
  return within_rate(pacer, now_us, slots);
}

uint64_t expstart__pacer_ready_at(const struct expstart__pacer *pacer, uint64_t now_us,
                                  uint32_t in_flight, expstart_blocked *blocked) {
  uint64_t ready_us = expstart__bucket_ready_at(&pacer->configured);
  *blocked = EXPSTART_BLOCKED_RATE;
  if (!is_open(pacer)) {
    if (pacer->probe_us >= ready_us)
      *blocked = pacer->gate;
    if (in_flight < pacer->window.most)
      return later(ready_us, pacer->probe_us);
  } else if (in_flight < window_size(pacer, now_us)) {
    return later(ready_us, expstart__bucket_ready_at(&pacer->learned));
  }
  *blocked = EXPSTART_BLOCKED_SLOTS;
  return UINT64_MAX;
}

/* The learned pace changes with time. It does not count while the API tells how many are left, nor where
   the caller keeps the limit. */
static void pace(struct expstart__pacer *pacer, uint64_t now_us) {
  bool counts = !pacer->permits && !expstart__quota_leads(&pacer->quota, now_us);
  double per_s = counts ? expstart__limit_pace(&pacer->limit, now_us) : 0;
  double late = per_s * LATE_S; /* a double's precision everywhere, before it is cut */
  expstart__bucket_set_rate(&pacer->learned, now_us, per_s, LATE_ATTEMPTS + (uint32_t)late);
}

struct expstart__stamp expstart__pacer_sent(struct expstart__pacer *pacer, uint64_t now_us,
                                            uint32_t in_flight) {
  expstart__bucket_spend(&pacer->configured, now_us);
  expstart__limit_sent(&pacer->limit, now_us);
  pace(pacer, now_us);
  expstart__bucket_spend(&pacer->learned, now_us);
  bool probe = !is_open(pacer);
  if (probe) {
    pacer->probes++;
    pacer->probe_us = now_us + (pacer->gate == EXPSTART_BLOCKED_THROTTLE_GATE
                                    ? PATIENCE_US
                                    : expstart__outage_gap_us(pacer->probes));
  }
  return (struct expstart__stamp){
      .epoch = pacer->epoch, .probe = probe, .full = in_flight >= window_size(pacer, now_us)};
}

/* ---- the gate ----------------------------------------------------------------------------------
 */

static void say(const struct expstart__pacer *pacer, enum expstart__notice_kind kind,
                struct expstart__notice *notice) {
  *notice =
      (struct expstart__notice){.kind = kind, .gate = pacer->gate, .until_us = pacer->until_us};
}

static void shut(struct expstart__pacer *pacer, uint64_t now_us, expstart_blocked gate,
                 uint64_t until_us, struct expstart__notice *notice) {
  bool was_open = is_open(pacer), other = was_open || pacer->gate != gate;
  /* A probe that is under way was sent before it was known that there is longer to wait. */
  if (other || until_us > pacer->until_us)
    pacer->epoch++;
  if (other) {
    pacer->probes = 0;
    pacer->shut_us = was_open ? now_us : pacer->shut_us;
  }
  pacer->gate = gate;
  pacer->until_us = later(until_us, was_open ? 0 : pacer->until_us);
  pacer->probe_us = pacer->until_us;
  say(pacer, was_open ? EXPSTART__GATE_SHUT : EXPSTART__GATE_EXTENDED, notice);
}

static void reopen(struct expstart__pacer *pacer, uint64_t now_us, uint64_t sent_us,
                   struct expstart__notice *notice) {
  if (pacer->limit.shut && pacer->gate == EXPSTART_BLOCKED_THROTTLE_GATE)
    expstart__limit_opened(&pacer->limit, sent_us);
  else
    expstart__limit_resumed(&pacer->limit, sent_us);
  pace(pacer, now_us);
  expstart__bucket_empty(&pacer->learned, now_us);
  expstart__window_reopened(&pacer->window);
  say(pacer, EXPSTART__GATE_OPENED, notice);
  notice->until_us = 0;
  notice->shut_us = now_us - pacer->shut_us;
  notice->rate_per_second = expstart__limit_pace(&pacer->limit, now_us);
  pacer->gate = EXPSTART_BLOCKED_NOTHING;
}

/* ---- what was heard ----------------------------------------------------------------------------
 */

/* What a reply hints at, no longer than is allowed. */
static int64_t capped_ms(const struct expstart__pacer *pacer, int64_t hint_ms) {
  int64_t longest_ms = (int64_t)(pacer->longest_hint_us / 1000);
  return hint_ms < longest_ms ? hint_ms : longest_ms;
}

/* How long the API asks to wait, jitter included; 0: it does not say. A server that says 0 is not
   taken at its word: the pause is ours then. */
static uint64_t hinted_us(struct expstart__pacer *pacer, const struct expstart__echo *echo) {
  int64_t hint_ms = echo->hints.retry_after_ms;
  if (hint_ms == EXPSTART__NO_HINT)
    hint_ms = echo->hints.reset_ms;
  if (hint_ms <= 0)
    return 0;
  uint64_t hint_us = (uint64_t)capped_ms(pacer, hint_ms) * 1000;
  pacer->capped_hints += capped_ms(pacer, hint_ms) < hint_ms;
  uint64_t most_us = hint_us / JITTER_PART;
  most_us = most_us < JITTER_MOST_US ? most_us : JITTER_MOST_US;
  return hint_us + echo->draw % (most_us + 1);
}

static bool heard_throttle(struct expstart__pacer *pacer, uint64_t now_us,
                           const struct expstart__echo *echo, struct expstart__notice *notice) {
  bool current = echo->stamp.epoch == pacer->epoch;
  uint64_t pause_us = hinted_us(pacer, echo);
  expstart__limit_rejected(&pacer->limit);
  expstart__quota_throttled(&pacer->quota, now_us, echo->sent_us);
  /* What was sent before the gate was shut only counts if it asks for more time. */
  if (!current && (pause_us == 0 || now_us + pause_us <= pacer->until_us))
    return false;
  if (is_open(pacer) && current) {
    expstart__window_throttled(&pacer->window, echo->stamp.full);
    expstart__limit_shut(&pacer->limit, echo->sent_us);
    if (pause_us == 0)
      pause_us = expstart__limit_first_pause_us(&pacer->limit, now_us);
  } else if (pause_us == 0) {
    pause_us = expstart__limit_next_pause_us(&pacer->limit, now_us - pacer->shut_us);
  }
  shut(pacer, now_us, EXPSTART_BLOCKED_THROTTLE_GATE, now_us + pause_us, notice);
  return true;
}

/* A probe failed as those before it: the next one goes after the gap that was set when it was sent. */
static bool stay_shut(struct expstart__pacer *pacer, const struct expstart__echo *echo,
                      struct expstart__notice *notice) {
  if (!echo->stamp.probe || echo->stamp.epoch != pacer->epoch)
    return false;
  pacer->until_us = later(pacer->until_us, pacer->probe_us);
  say(pacer, EXPSTART__GATE_EXTENDED, notice);
  return true;
}

/* There is no doubt about it, unlike an outage: the first one shuts the gate. */
static bool heard_ours(struct expstart__pacer *pacer, uint64_t now_us,
                       const struct expstart__echo *echo, struct expstart__notice *notice) {
  if (pacer->gate == EXPSTART_BLOCKED_RESOURCE_GATE)
    return stay_shut(pacer, echo, notice);
  if (echo->stamp.epoch != pacer->epoch)
    return false;
  shut(pacer, now_us, EXPSTART_BLOCKED_RESOURCE_GATE, now_us + expstart__outage_gap_us(1), notice);
  return true;
}

static bool heard_failure(struct expstart__pacer *pacer, uint64_t now_us,
                          const struct expstart__echo *echo, struct expstart__notice *notice) {
  bool out = expstart__outage_failed(&pacer->outage, echo->ticket);
  bool current = echo->stamp.epoch == pacer->epoch;
  if (pacer->gate == EXPSTART_BLOCKED_OUTAGE_GATE)
    return stay_shut(pacer, echo, notice);
  if (out) {
    shut(pacer, now_us, EXPSTART_BLOCKED_OUTAGE_GATE, now_us + expstart__outage_gap_us(1), notice);
    return true;
  }
  if (pacer->gate == EXPSTART_BLOCKED_RESOURCE_GATE)
    return stay_shut(pacer, echo, notice);
  if (!is_open(pacer) && echo->stamp.probe && current) {
    uint64_t pause_us = expstart__limit_next_pause_us(&pacer->limit, now_us - pacer->shut_us);
    shut(pacer, now_us, pacer->gate, now_us + pause_us, notice);
    return true;
  }
  return false;
}

/* The API's own count is used up: no need to be throttled first. True: the gate is shut for it. */
static bool heard_none_left(struct expstart__pacer *pacer, uint64_t now_us,
                            const struct expstart__echo *echo, struct expstart__notice *notice) {
  struct expstart__hints hints = echo->hints;
  hints.reset_ms = capped_ms(pacer, hints.reset_ms);
  expstart__quota_accepted(&pacer->quota, now_us, echo->sent_us, &hints);
  uint64_t until_us = expstart__quota_shut_until(&pacer->quota, now_us);
  if (until_us == 0)
    return false;
  pacer->capped_hints += hints.reset_ms < echo->hints.reset_ms;
  expstart__limit_shut(&pacer->limit, now_us);
  shut(pacer, now_us, EXPSTART_BLOCKED_THROTTLE_GATE, until_us, notice);
  return true;
}

static bool heard_answer(struct expstart__pacer *pacer, uint64_t now_us,
                         const struct expstart__echo *echo, struct expstart__notice *notice) {
  bool was_open = is_open(pacer);
  expstart__outage_answered(&pacer->outage);
  if (echo->stamp.epoch != pacer->epoch || (!was_open && !echo->stamp.probe))
    return false;
  if (!was_open)
    reopen(pacer, now_us, echo->sent_us, notice);
  expstart__limit_accepted(&pacer->limit, now_us);
  bool cautious = !pacer->permits && pacer->limit.pace_per_s <= 0;
  expstart__window_accepted(&pacer->window, echo->stamp.full, cautious);
  bool shut_again = heard_none_left(pacer, now_us, echo, notice);
  if (shut_again && !was_open)
    notice->kind = EXPSTART__GATE_EXTENDED;
  return !was_open || shut_again;
}

bool expstart__pacer_heard(struct expstart__pacer *pacer, uint64_t now_us,
                           const struct expstart__echo *echo, struct expstart__notice *notice) {
  switch (echo->heard) {
  case EXPSTART__HEARD_ANSWER:
    return heard_answer(pacer, now_us, echo, notice);
  case EXPSTART__HEARD_THROTTLE:
    return heard_throttle(pacer, now_us, echo, notice);
  case EXPSTART__HEARD_FAILURE:
    return heard_failure(pacer, now_us, echo, notice);
  case EXPSTART__HEARD_OURS:
    return heard_ours(pacer, now_us, echo, notice);
  case EXPSTART__HEARD_NOTHING:
    /* A probe that tells nothing: another one may go. */
    if (!is_open(pacer) && echo->stamp.probe && echo->stamp.epoch == pacer->epoch)
      pacer->probe_us = later(pacer->until_us, now_us);
    return false;
  }
  return false;
}

uint64_t expstart__pacer_shut_until(const struct expstart__pacer *pacer) {
  return is_open(pacer) ? 0 : pacer->until_us;
}

double expstart__pacer_pace(const struct expstart__pacer *pacer, uint64_t now_us) {
  return expstart__limit_pace(&pacer->limit, now_us);
}

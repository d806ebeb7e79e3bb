/* What a run tells its journal, and when. Called by run.c. */
#include "diary.h"

#include <string.h>

#include "output.h"

#define SAMPLE_TICKS 10u

void diary_init(struct diary *diary, struct writer *writer) {
  memset(diary, 0, sizeof *diary);
  diary->writer = writer;
  clock_begin(&diary->clock);
}

/* ---- results --------------------------------------------------------------------------------- */

static enum status status_of(const expstart_result *result) {
  switch (result->outcome) {
  case EXPSTART_STARTED:
    return STATUS_STARTED;
  case EXPSTART_RUNNING:
    return STATUS_RUNNING;
  case EXPSTART_REJECTED:
    return STATUS_REJECTED;
  case EXPSTART_FAILED:
    return STATUS_FAILED;
  case EXPSTART_CANCELED:
    return STATUS_CANCELED;
  default:
    return STATUS_UNKNOWN;
  }
}

/* None for "OK" and the like, a million times. */
static const char *words_of(const expstart_result *result) {
  return result->error == EXPSTART_OK ? NULL : output_words(result);
}

/* Nothing was sent, and nothing was found out: it is as it was before it was claimed. */
static bool is_untried(const expstart_result *result, bool was_in_doubt) {
  if (!was_in_doubt) {
    return result->outcome == EXPSTART_CANCELED && result->attempts == 0 && result->lookups == 0;
  }
  /* A look-up that the API answered with a no will be answered so the next time too; any other may not. */
  bool is_answered = result->error == EXPSTART_EUNCONFIRMED;
  return result->outcome == EXPSTART_UNKNOWN && result->attempts == 0 && !is_answered;
}

void diary_result(struct diary *diary, const struct list_entry *entry,
                  const expstart_result *result, bool was_in_doubt) {
  bool is_good = result->outcome == EXPSTART_STARTED || result->outcome == EXPSTART_RUNNING;
  if (diary->writer == NULL) {
    return;
  }
  struct journal_result told = {.place = entry->place,
                                .status = status_of(result),
                                .attempts = result->attempts,
                                .throttled = result->throttled,
                                .http_status = result->http_status,
                                .error = result->error,
                                .message = words_of(result)};
  if (is_untried(result, was_in_doubt)) {
    told.is_untried = true;
    told.status = was_in_doubt ? STATUS_SENDING : STATUS_PENDING;
  } else {
    diary->good += is_good;
    diary->bad += !is_good;
  }
  if (result->attempts > 0) {
    told.last_attempt_ms = clock_now_ms(&diary->clock);
    told.first_attempt_ms =
        told.last_attempt_ms - (int64_t)((result->elapsed_us - result->queued_us) / 1000);
  }
  writer_result(diary->writer, &told);
}

/* ---- how it goes ----------------------------------------------------------------------------- */

void diary_attempt(struct diary *diary, const expstart_attempt *attempt) {
  if (diary->writer != NULL && attempt->http_status > 0) {
    recent_add(&diary->recent, attempt->elapsed_us);
  }
}

static void tell_sample(struct diary *diary, const struct expstart_stats *stats) {
  struct recent_quantiles recent = recent_take(&diary->recent);
  struct journal_sample sample = {.at_ms = clock_now_ms(&diary->clock),
                                  .good = diary->good,
                                  .bad = diary->bad,
                                  .in_flight = stats->in_flight,
                                  .throttled = stats->throttled - diary->throttled,
                                  .faults = stats->faults - diary->faults,
                                  .p50_us = recent.p50_us,
                                  .p90_us = recent.p90_us,
                                  .p99_us = recent.p99_us,
                                  .max_us = recent.max_us,
                                  .run = {.attempts = stats->attempts,
                                          .lookups = stats->lookups,
                                          .throttled = stats->throttled,
                                          .faults = stats->faults,
                                          .p50_us = stats->latency_p50_us,
                                          .p90_us = stats->latency_p90_us,
                                          .p99_us = stats->latency_p99_us,
                                          .max_us = stats->latency_max_us}};
  diary->throttled = stats->throttled;
  diary->faults = stats->faults;
  writer_sample(diary->writer, &sample);
  if (diary->is_paused) {
    writer_pause(diary->writer, &diary->pause); /* so that it is known of, should we be killed */
  }
}

/* A probe that is under way is a part of the pause: it counts as blocked until the gate opens. */
static void see_pause(struct diary *diary, const struct expstart_stats *stats) {
  bool is_outage = stats->blocked_by == EXPSTART_BLOCKED_OUTAGE_GATE;
  bool is_shut = is_outage || stats->blocked_by == EXPSTART_BLOCKED_THROTTLE_GATE;
  int64_t now_ms = clock_now_ms(&diary->clock);
  if (diary->is_paused) {
    diary->pause.ended_ms = now_ms;
    if (!is_shut || is_outage != diary->pause.is_outage) {
      writer_pause(diary->writer, &diary->pause);
      diary->is_paused = false;
    }
  }
  if (is_shut && !diary->is_paused) {
    diary->is_paused = true;
    diary->pause =
        (struct journal_pause){.begun_ms = now_ms, .ended_ms = now_ms, .is_outage = is_outage};
  }
}

void diary_tick(struct diary *diary, const struct expstart_stats *stats) {
  if (diary->writer == NULL) {
    return;
  }
  see_pause(diary, stats);
  if (diary->ticks++ % SAMPLE_TICKS == 0) {
    tell_sample(diary, stats);
  }
}

void diary_end(struct diary *diary, const struct expstart_stats *stats) {
  if (diary->writer != NULL) {
    see_pause(diary, stats);
    tell_sample(diary, stats);
  }
}

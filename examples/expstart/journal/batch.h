/* What a run has to tell its journal and has not written yet: claims, results, samples and pauses, in memory
 * of its own. Filled by the loop's thread through writer.c, written by the writer's. Pure. */
#ifndef COMMAND_BATCH_H
#define COMMAND_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "experiment_status.h"

/* What became of an experiment. Times are by the wall clock, 0: none. */
struct journal_result {
  uint32_t place;
  enum status status;
  uint32_t attempts, throttled; /* in this run */
  int http_status;
  int error; /* an EXPSTART code */
  int64_t first_attempt_ms, last_attempt_ms;
  const char *message;
  bool is_untried; /* as it was before it was claimed, but for the status */
};

/* How the run goes. See the tables `sample` and `run` in journal.c. */
struct journal_sample {
  int64_t at_ms;
  uint64_t good, bad, in_flight;
  uint64_t throttled, faults; /* since the last one */
  uint64_t p50_us, p90_us, p99_us, max_us;
  struct {
    uint64_t attempts, lookups, throttled, faults;
    uint64_t p50_us, p90_us, p99_us, max_us;
  } run; /* all of it so far */
};

struct journal_pause {
  int64_t begun_ms, ended_ms; /* so far */
  bool is_outage;
};

struct batch_result {
  struct journal_result result; /* its message is not set */
  size_t message;               /* where it begins in `texts`, which may move; 0: none */
};

struct batch {
  struct batch_result *results;
  size_t result_count, result_capacity;
  char *texts;
  size_t text_size, text_capacity;
  struct journal_sample *samples;
  size_t sample_count, sample_capacity;
  struct journal_pause *pauses;
  size_t pause_count, pause_capacity;
  size_t claim_from, claim_to; /* of the list: to be `sending` */
};

/* Each copies what it is given; false: there is no memory for it, and it is not in. */
bool batch_add_result(struct batch *batch, const struct journal_result *result);
bool batch_add_sample(struct batch *batch, const struct journal_sample *sample);
bool batch_add_pause(struct batch *batch, const struct journal_pause *pause);

/* Makes the claim longer: claims follow each other. */
void batch_claim(struct batch *batch, size_t from, size_t to);

/* As it was added; its message is valid until something else is. */
struct journal_result batch_result_at(const struct batch *batch, size_t index);
bool batch_is_empty(const struct batch *batch);

/* Forgets what is in it and keeps its memory, or gives that back too. */
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

#endif

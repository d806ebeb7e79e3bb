/* The experiments with ids 1 to N and the state each is in. Called by the API part. Knows nothing
 * of HTTP; texts it keeps (states, notes) are checked or encoded by the caller. */
#ifndef SANDBOX_EXPERIMENTS_H
#define SANDBOX_EXPERIMENTS_H

#include <stdbool.h>
#include <stdint.h>

#define EXPERIMENT_STATE_SIZE 32 /* with its terminating zero */

struct experiment {
  char state[EXPERIMENT_STATE_SIZE];
  char *note_json;         /* of its last start, as a JSON value; NULL if it had none */
  int64_t started_at_ms;   /* system time; 0 if never started, or made ready again */
  uint32_t start_requests; /* start requests seen for it, whatever became of them */
  uint32_t starts;         /* how often a start made it running */
};

struct experiments;

struct experiments_summary {
  int64_t total;
  int64_t running;
  int64_t started_once;
  int64_t started_more_than_once;
  int64_t never_started;
};

enum experiments_outcome {
  EXPERIMENTS_DONE,
  EXPERIMENTS_UNKNOWN,         /* no such id */
  EXPERIMENTS_ALREADY_RUNNING, /* left as it is */
  EXPERIMENTS_NOT_STARTABLE,   /* neither ready nor created; left as it is */
  EXPERIMENTS_BAD_STATE,       /* not the name of a state; left as it is */
  EXPERIMENTS_NO_MEMORY
};

/* All ready. NULL if out of memory; total must be at least 1. */
struct experiments *experiments_create(int64_t total);
void experiments_destroy(struct experiments *experiments);

int64_t experiments_total(const struct experiments *experiments);

/* NULL if there is no such id; good until the next change of that experiment. */
const struct experiment *experiments_find(const struct experiments *experiments, int64_t id);

/* Whether a start request was ever seen for it, or its state is not the one it began with. */
bool experiment_is_touched(const struct experiment *experiment);

/* Counts a start request that reached the server; true if the experiment was running by then. */
bool experiments_count_request(struct experiments *experiments, int64_t id);

/* Ready or created becomes running. note_json may be NULL; it is copied. */
enum experiments_outcome experiments_start(struct experiments *experiments, int64_t id,
                                           const char *note_json, int64_t now_ms);

/* Any state to any other. A state is 1 to 31 lower-case letters, digits and underscores. */
enum experiments_outcome experiments_set_state(struct experiments *experiments, int64_t id,
                                               const char *state, int64_t now_ms);

struct experiments_summary experiments_summarise(const struct experiments *experiments);

#endif

/* One flat array: an id is an index. Called by api.c on one thread, so there are no locks; must not
 * know how requests arrive or how replies look. */
#include "experiments.h"

#include <stdlib.h>
#include <string.h>

static const char first_state[] = "ready";

struct experiments {
  int64_t total;
  struct experiment *by_index; /* id - 1 */
};

struct experiments *experiments_create(int64_t total) {
  if (total < 1) {
    return NULL;
  }
  struct experiments *experiments = calloc(1, sizeof *experiments);
  if (experiments == NULL) {
    return NULL;
  }
  experiments->by_index = calloc((size_t)total, sizeof *experiments->by_index);
  if (experiments->by_index == NULL) {
    free(experiments);
    return NULL;
  }
  experiments->total = total;
  for (int64_t index = 0; index < total; index++) {
    memcpy(experiments->by_index[index].state, first_state, sizeof first_state);
  }
  return experiments;
}

void experiments_destroy(struct experiments *experiments) {
  if (experiments == NULL) {
    return;
  }
  for (int64_t index = 0; index < experiments->total; index++) {
    free(experiments->by_index[index].note_json);
  }
  free(experiments->by_index);
  free(experiments);
}

int64_t experiments_total(const struct experiments *experiments) {
  return experiments->total;
}

static struct experiment *find(const struct experiments *experiments, int64_t id) {
  return id >= 1 && id <= experiments->total ? &experiments->by_index[id - 1] : NULL;
}

const struct experiment *experiments_find(const struct experiments *experiments, int64_t id) {
  return find(experiments, id);
}

static bool is_in_state(const struct experiment *experiment, const char *state) {
  return strcmp(experiment->state, state) == 0;
}

bool experiment_is_touched(const struct experiment *experiment) {
  return experiment->start_requests > 0 || !is_in_state(experiment, first_state);
}

bool experiments_count_request(struct experiments *experiments, int64_t id) {
  struct experiment *experiment = find(experiments, id);
  if (experiment == NULL) {
    return false;
  }
  experiment->start_requests++;
  return is_in_state(experiment, "running");
}

enum experiments_outcome experiments_start(struct experiments *experiments, int64_t id,
                                           const char *note_json, int64_t now_ms) {
  struct experiment *experiment = find(experiments, id);
  if (experiment == NULL) {
    return EXPERIMENTS_UNKNOWN;
  }
  if (is_in_state(experiment, "running")) {
    return EXPERIMENTS_ALREADY_RUNNING;
  }
  if (!is_in_state(experiment, "ready") && !is_in_state(experiment, "created")) {
    return EXPERIMENTS_NOT_STARTABLE;
  }
  char *note_copy = NULL;
  if (note_json != NULL) {
    note_copy = strdup(note_json);
    if (note_copy == NULL) {
      return EXPERIMENTS_NO_MEMORY;
    }
  }
  free(experiment->note_json);
  experiment->note_json = note_copy;
  memcpy(experiment->state, "running", sizeof "running");
  experiment->started_at_ms = now_ms;
  experiment->starts++;
  return EXPERIMENTS_DONE;
}

static bool is_state_name(const char *state) {
  size_t length = strspn(state, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return length >= 1 && length < EXPERIMENT_STATE_SIZE && state[length] == '\0';
}

enum experiments_outcome experiments_set_state(struct experiments *experiments, int64_t id,
                                               const char *state, int64_t now_ms) {
  struct experiment *experiment = find(experiments, id);
  if (experiment == NULL) {
    return EXPERIMENTS_UNKNOWN;
  }
  if (!is_state_name(state)) {
    return EXPERIMENTS_BAD_STATE;
  }
  memcpy(experiment->state, state, strlen(state) + 1);
  /* What is not started yet has no start time, and what runs has one, however it got there. */
  if (is_in_state(experiment, "ready") || is_in_state(experiment, "created")) {
    experiment->started_at_ms = 0;
  } else if (is_in_state(experiment, "running") && experiment->started_at_ms == 0) {
    experiment->started_at_ms = now_ms;
  }
  return EXPERIMENTS_DONE;
}

struct experiments_summary experiments_summarise(const struct experiments *experiments) {
  struct experiments_summary summary = {.total = experiments->total};
  for (int64_t index = 0; index < experiments->total; index++) {
    const struct experiment *experiment = &experiments->by_index[index];
    summary.running += is_in_state(experiment, "running");
    summary.never_started += experiment->starts == 0;
    summary.started_once += experiment->starts == 1;
    summary.started_more_than_once += experiment->starts > 1;
  }
  return summary;
}

/* The rules of the stand-in, in the order a request meets them: path, method, key, limit, fault,
 * experiment. Called by server.c; must not know of connections. */
#include "api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "experiments.h"
#include "limiter.h"
#include "route.h"
#include "start_body.h"
#include "stats.h"

struct api {
  struct api_config config;
  struct experiments *experiments;
  struct reply_template *reply_template;
  struct limiter limiter;
  struct faults faults;
  struct stats stats;
};

struct api *api_create(const struct api_config *config, uint64_t clock_us) {
  struct api *api = calloc(1, sizeof *api);
  if (api == NULL) {
    return NULL;
  }
  api->config = *config;
  api->experiments = experiments_create(config->experiments);
  api->reply_template = reply_template_create(config->reply_size);
  if (api->experiments == NULL || api->reply_template == NULL) {
    api_destroy(api);
    return NULL;
  }
  limiter_init(&api->limiter, config->rate_per_s, config->burst, clock_us);
  faults_init(&api->faults, config->fault_probability, config->seed);
  return api;
}

void api_destroy(struct api *api) {
  if (api == NULL) {
    return;
  }
  experiments_destroy(api->experiments);
  reply_template_destroy(api->reply_template);
  free(api);
}

/* Sets a JSON reply whose body the caller has just made with the given result. */
static int answer_json(struct api_answer *answer, unsigned status, int body_result) {
  answer->status = status;
  answer->content_type = "application/json";
  return body_result;
}

static int answer_text(struct api_answer *answer, unsigned status, const char *text) {
  answer->status = status;
  answer->content_type = "text/plain";
  return reply_format(&answer->body, "%s", text);
}

static int answer_list(const struct api *api, struct api_answer *answer) {
  answer->status = 200;
  answer->content_type = "application/x-ndjson";
  return reply_list(api->experiments, &answer->body);
}

static int answer_unknown_id(struct api *api, int64_t id, struct api_answer *answer) {
  api->stats.not_found++;
  return answer_json(answer, 404,
                     reply_error(&answer->body, "experiment %" PRId64 " does not exist", id));
}

static int answer_bad_id(struct api_answer *answer) {
  return answer_json(answer, 400,
                     reply_error(&answer->body, "the experiment id is not a whole number above 0"));
}

static int answer_start_outcome(struct api *api, int64_t id, enum experiments_outcome outcome,
                                struct api_answer *answer) {
  const struct experiment *experiment = experiments_find(api->experiments, id);
  struct reply_body *body = &answer->body;
  switch (outcome) {
  case EXPERIMENTS_DONE:
    api->stats.starts_processed++;
    return answer_json(answer, 200, reply_start(api->reply_template, id, experiment, body));
  case EXPERIMENTS_ALREADY_RUNNING:
    return answer_json(answer, 400,
                       reply_error(body, "experiment %" PRId64 " is already running", id));
  case EXPERIMENTS_NOT_STARTABLE:
    return answer_json(answer, 400,
                       reply_error(body, "experiment %" PRId64 " cannot be started: it is %s", id,
                                   experiment->state));
  case EXPERIMENTS_UNKNOWN:
    return answer_unknown_id(api, id, answer);
  default:
    return -1;
  }
}

static int start(struct api *api, const struct api_request *request, const struct route *route,
                 bool is_late, struct api_answer *answer) {
  if (request->body_too_large) {
    return answer_json(answer, 413, reply_error(&answer->body, "the body is too large"));
  }
  if (!route->id_is_good) {
    return answer_bad_id(answer);
  }
  char *note_json = NULL;
  const char *wrong = start_body_parse(request->body, request->body_length, &note_json);
  if (wrong != NULL) {
    return answer_json(answer, 400, reply_error(&answer->body, "%s", wrong));
  }
  if (is_late) {
    answer->late = (struct api_late){.id = route->id, .note_json = note_json};
    return 0;
  }
  enum experiments_outcome outcome =
      experiments_start(api->experiments, route->id, note_json, request->now_ms);
  free(note_json);
  return answer_start_outcome(api, route->id, outcome, answer);
}

void api_carry_out(struct api *api, const struct api_late *late, int64_t now_ms) {
  enum experiments_outcome outcome =
      experiments_start(api->experiments, late->id, late->note_json, now_ms);
  api->stats.starts_processed += outcome == EXPERIMENTS_DONE;
  api->stats.starts_doubled += outcome == EXPERIMENTS_ALREADY_RUNNING;
}

static int look_up(struct api *api, const struct route *route, struct api_answer *answer) {
  if (!route->id_is_good) {
    return answer_bad_id(answer);
  }
  const struct experiment *experiment = experiments_find(api->experiments, route->id);
  if (experiment == NULL) {
    return answer_unknown_id(api, route->id, answer);
  }
  return answer_json(answer, 200,
                     reply_lookup(api->reply_template, route->id, experiment, &answer->body));
}

static int process(struct api *api, const struct api_request *request, const struct route *route,
                   bool is_late, struct api_answer *answer) {
  return route->kind == ROUTE_START ? start(api, request, route, is_late, answer)
                                    : look_up(api, route, answer);
}

/* Puts another body in the place of the one that processing made, if it made one. */
static void drop_body(struct api_answer *answer) {
  free(answer->body.bytes);
  answer->body = (struct reply_body){0};
}

static int answer_fault(const struct fault *fault, struct api_answer *answer) {
  switch (fault->kind) {
  case FAULT_5XX:
    drop_body(answer);
    return answer_json(answer, fault->status,
                       reply_error(&answer->body, "the sandbox fails with %u", fault->status));
  case FAULT_REFUSE:
    drop_body(answer);
    return answer_json(answer, 200, reply_error(&answer->body, "the sandbox refuses this request"));
  case FAULT_GARBAGE:
    drop_body(answer);
    return answer_json(answer, 200,
                       reply_format(&answer->body, "%s", "<html>this is not JSON {\"ok\": tru"));
  case FAULT_TRUNCATE:
    answer->delivery = API_BREAK_OFF;
    return 0;
  case FAULT_STALL:
    drop_body(answer);
    answer->delivery = API_STALL;
    return 0;
  default:
    drop_body(answer);
    answer->delivery = API_RESET;
    return 0;
  }
}

static int answer_throttled(struct api *api, struct api_answer *answer) {
  api->stats.throttled++;
  return answer_json(answer, 429, reply_error(&answer->body, "too many requests"));
}

static bool is_authorized(const struct api *api, const char *authorization) {
  static const char scheme[] = "Api-Key ";
  return authorization != NULL && strncmp(authorization, scheme, sizeof scheme - 1) == 0 &&
         strcmp(authorization + sizeof scheme - 1, api->config.key) == 0;
}

/* A start or a lookup. */
static int answer_api(struct api *api, const struct api_request *request, const struct route *route,
                      struct api_answer *answer) {
  bool is_start = route->kind == ROUTE_START;
  if (is_start) {
    api->stats.start_requests++;
  } else {
    api->stats.lookups++;
  }
  if (!is_authorized(api, request->authorization)) {
    api->stats.unauthorized++;
    return answer_text(answer, 401, "Unauthorized");
  }
  bool admitted = limiter_take(&api->limiter, request->clock_us);
  answer->field_count =
      hints_fields(&api->config.hints, &api->limiter, !admitted, request->now_ms, answer->fields);
  if (!admitted) {
    return answer_throttled(api, answer);
  }
  /* Counted before any fault: a start that is sent again is doubled even if its reply gets lost. */
  if (is_start && route->id_is_good && experiments_count_request(api->experiments, route->id)) {
    api->stats.starts_doubled++;
  }
  struct fault fault = {.kind = FAULT_NONE};
  if (is_start || api->config.fault_lookups) {
    fault = faults_draw(&api->faults);
  }
  if (fault.kind == FAULT_NONE) {
    return process(api, request, route, false, answer);
  }
  api->stats.faults[fault.kind]++;
  bool is_late = api->config.is_late && (fault.kind == FAULT_5XX || fault.kind == FAULT_STALL ||
                                         fault.kind == FAULT_RESET_AFTER);
  if (fault.processed && process(api, request, route, is_late, answer) < 0) {
    return -1;
  }
  return answer_fault(&fault, answer);
}

static int answer_sandbox(struct api *api, const struct api_request *request,
                          const struct route *route, struct api_answer *answer) {
  if (route->kind == ROUTE_STATS) {
    struct experiments_summary summary = experiments_summarise(api->experiments);
    return answer_json(answer, 200, stats_reply(&api->stats, &summary, &answer->body));
  }
  if (route->kind == ROUTE_LIST) {
    return answer_list(api, answer);
  }
  if (!route->id_is_good) {
    return answer_bad_id(answer);
  }
  if (route->kind == ROUTE_SET_STATE) {
    enum experiments_outcome outcome =
        experiments_set_state(api->experiments, route->id, route->state, request->now_ms);
    if (outcome == EXPERIMENTS_BAD_STATE) {
      return answer_json(answer, 400,
                         reply_error(&answer->body, "a state is 1 to %d of a-z, 0-9 and _",
                                     EXPERIMENT_STATE_SIZE - 1));
    }
  }
  const struct experiment *experiment = experiments_find(api->experiments, route->id);
  if (experiment == NULL) {
    return answer_json(
        answer, 404,
        reply_error(&answer->body, "experiment %" PRId64 " does not exist", route->id));
  }
  return answer_json(answer, 200, reply_inspect(route->id, experiment, &answer->body));
}

static int answer_routed(struct api *api, const struct api_request *request,
                         struct api_answer *answer) {
  struct route route = route_parse(request->path);
  bool is_sandbox = strncmp(request->path, "/sandbox/", strlen("/sandbox/")) == 0;
  if (!is_sandbox) {
    api->stats.requests++;
  }
  if (route.kind == ROUTE_NONE) {
    api->stats.not_found += !is_sandbox;
    return answer_json(answer, 404, reply_error(&answer->body, "there is nothing at this path"));
  }
  bool is_put = route.kind == ROUTE_START || route.kind == ROUTE_SET_STATE;
  const char *method = is_put ? "PUT" : "GET";
  if (strcmp(request->method, method) != 0) {
    answer->allow = method;
    return answer_json(answer, 405, reply_error(&answer->body, "this path takes only %s", method));
  }
  return is_sandbox ? answer_sandbox(api, request, &route, answer)
                    : answer_api(api, request, &route, answer);
}

int api_answer(struct api *api, const struct api_request *request, struct api_answer *answer) {
  *answer = (struct api_answer){.delivery = API_WHOLE};
  int result = answer_routed(api, request, answer);
  if (result < 0) {
    drop_body(answer);
    free(answer->late.note_json);
    answer->late = (struct api_late){0};
  }
  return result;
}

/*
 * What the client makes of whole, well-formed replies: each status and body the API, or what stands
 * before it, can give. Broken ones are in test_lib_wire_broken.c.
 */
#include "harness.h"

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)
#define LOOK(state) RAW_JSON(200, NULL, "{\"experiment\":{\"id\":7,\"state\":\"" state "\"}}")

static size_t puts_of(struct harness *h) {
  return rawserver_method_count(h->server, "PUT");
}

static size_t gets_of(struct harness *h) {
  return rawserver_method_count(h->server, "GET");
}

static void expect_outcome(const struct harness_result *result, expstart_outcome outcome, int error,
                           int http_status) {
  assert_string_equal(expstart_outcome_name(result->outcome), expstart_outcome_name(outcome));
  assert_string_equal(expstart_err_name(result->error), expstart_err_name(error));
  assert_int_equal(result->http_status, http_status);
}

/* One start, one reply, and that is the end of it. */
static void expect_final(const struct rawserver_step *step, expstart_outcome outcome, int error,
                         int http_status, const char *message) {
  struct harness h;
  const struct harness_result *result =
      harness_play(&h, &(struct rawserver_options){.steps = step, .step_count = 1});
  expect_outcome(result, outcome, error, http_status);
  assert_string_equal(result->message, message);
  assert_int_equal(result->attempts, 1);
  assert_int_equal(result->lookups, 0);
  assert_int_equal(rawserver_request_count(h.server), 1);
  harness_end(&h);
}

/* One start, the reply, and another start that is done. */
static void expect_sent_again(const struct rawserver_step *step, uint32_t throttled) {
  const struct rawserver_step script[] = {*step, RAW_STEP(STARTED)};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  expect_outcome(result, EXPSTART_STARTED, EXPSTART_OK, 200);
  assert_int_equal(result->attempts, 2);
  assert_int_equal(result->lookups, 0);
  assert_int_equal(result->throttled, throttled);
  assert_int_equal(harness_stats(&h).throttled, throttled);
  assert_int_equal(harness_stats(&h).faults, throttled ? 0 : 1);
  assert_int_equal(puts_of(&h), 2);
  harness_end(&h);
}

/* One start, the reply, and a look at what became of it. */
/* As PLAY, with little time for doubts to settle. */
static const struct harness_result *
play_settling(struct harness *h, const struct rawserver_step *steps, size_t step_count) {
  harness_serve(h, &(struct rawserver_options){.steps = steps, .step_count = step_count});
  h->options.attempt_timeout_ms = HARNESS_SETTLE_MS;
  harness_open(h);
  harness_submit(h, HARNESS_ID);
  harness_run(h, 1);
  return h->results[0];
}

static void expect_look(const struct rawserver_step *step) {
  const struct rawserver_step seen_running[] = {*step, RAW_STEP(LOOK("running"))};
  const struct rawserver_step seen_ready[] = {*step, RAW_STEP(LOOK("ready")),
                                              RAW_STEP(LOOK("ready")), RAW_STEP(STARTED)};
  struct harness h;
  const struct harness_result *result = PLAY(&h, seen_running);
  expect_outcome(result, EXPSTART_RUNNING, EXPSTART_OK, 200);
  assert_int_equal(result->confirmed, 1);
  assert_int_equal(puts_of(&h), 1);
  assert_int_equal(gets_of(&h), 1);
  harness_end(&h);

  result = play_settling(&h, seen_ready, 4);
  expect_outcome(result, EXPSTART_STARTED, EXPSTART_OK, 200);
  assert_int_equal(puts_of(&h), 2);
  assert_int_equal(gets_of(&h), 2);
  harness_end(&h);
}

/* ---- final ---- */

static void an_ok_false_is_rejected_with_the_apis_words(void **state) {
  (void)state;
  static const struct rawserver_step step =
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":false,\"errors\":[\"no traffic\",\"no owner\"]}"));
  expect_final(&step, EXPSTART_REJECTED, EXPSTART_EREJECTED, 200, "no traffic; no owner");
}

static void a_4xx_is_rejected_with_the_apis_words(void **state) {
  (void)state;
  static const struct rawserver_step bad =
      RAW_STEP(RAW_JSON(400, NULL, "{\"ok\":false,\"errors\":[\"bad note\"]}"));
  static const struct rawserver_step missing =
      RAW_STEP(RAW_JSON(404, NULL, "{\"message\":\"no such experiment\"}"));
  static const struct rawserver_step conflict =
      RAW_STEP(RAW_JSON(409, NULL, "{\"ok\":false,\"errors\":[\"already running\"]}"));
  static const struct rawserver_step bare =
      RAW_STEP(RAW_SEND("HTTP/1.1 422 \r\nContent-Length: 0\r\n\r\n"));
  expect_final(&bad, EXPSTART_REJECTED, EXPSTART_EREJECTED, 400, "bad note");
  expect_final(&missing, EXPSTART_REJECTED, EXPSTART_EREJECTED, 404, "no such experiment");
  expect_final(&conflict, EXPSTART_REJECTED, EXPSTART_EREJECTED, 409, "already running");
  expect_final(&bare, EXPSTART_REJECTED, EXPSTART_EREJECTED, 422, "HTTP 422");
}

static void a_refused_key_is_rejected_at_once(void **state) {
  (void)state;
  static const struct rawserver_step text = RAW_STEP(
      RAW_SEND("HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n"
               "WWW-Authenticate: Basic realm=\"x\"\r\n\r\nInvalid API key\n"));
  static const struct rawserver_step plain =
      RAW_STEP(RAW_SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nForbidden"));
  expect_final(&text, EXPSTART_REJECTED, EXPSTART_EREFUSED, 401, "Invalid API key");
  expect_final(&plain, EXPSTART_REJECTED, EXPSTART_EREFUSED, 403, "Forbidden");
}

static void a_403_for_one_experiment_or_of_a_firewall_is_not_a_refused_key(void **state) {
  (void)state;
  static const struct rawserver_step json =
      RAW_STEP(RAW_JSON(403, NULL, "{\"errors\":[\"not yours\"]}"));
  static const struct rawserver_step page = RAW_STEP(
      RAW_SEND("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n"
               "\n <html>Go away.</html>\r\n\r\n"));
  expect_final(&json, EXPSTART_REJECTED, EXPSTART_EFORBIDDEN, 403, "not yours");
  expect_final(&page, EXPSTART_REJECTED, EXPSTART_EFORBIDDEN, 403, "<html>Go away.</html>");
}

static void a_403_with_retry_after_is_a_throttle(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(403, "Retry-After: 1\r\n", "{\"message\":\"secondary limit\"}")),
      RAW_STEP(STARTED)};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  expect_outcome(result, EXPSTART_STARTED, EXPSTART_OK, 200);
  assert_int_equal(result->throttled, 1);
  harness_end(&h);
}

static void a_success_that_names_another_experiment_or_another_state_is_looked_up(void **state) {
  (void)state;
  static const struct rawserver_step steps[] = {
      RAW_STEP(
          RAW_JSON(200, NULL, "{\"ok\":true,\"experiment\":{\"id\":8,\"state\":\"running\"}}")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":true,\"experiment\":{\"id\":7,\"state\":\"ready\"}}")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":false,\"experiment\":{\"id\":8}}")),
      RAW_STEP(RAW_JSON(404, NULL, "{\"ok\":false,\"experiment\":{\"id\":8}}"))};
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
    expect_look(&steps[i]);
}

static void a_redirect_is_rejected_and_not_followed(void **state) {
  (void)state;
  struct rawserver *other = rawserver_start(&(struct rawserver_options){.handler = NULL});
  assert_non_null(other);
  const unsigned statuses[] = {301, 302, 303, 307, 308};
  char location[128], message[64];
  snprintf(location, sizeof(location), "Location: %s/experiments/7/start\r\n",
           rawserver_endpoint(other));
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    const struct rawserver_step step = RAW_STEP(RAW_JSON(statuses[i], location, ""));
    snprintf(message, sizeof(message), "HTTP %u: redirects are not followed", statuses[i]);
    expect_final(&step, EXPSTART_REJECTED, EXPSTART_EREJECTED, (int)statuses[i], message);
  }
  assert_int_equal(rawserver_counts(other).connections, 0);
  rawserver_stop(other);
}

static void unknown_fields_do_no_harm(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(
      201, NULL,
      " {\"new\":[1,{\"ok\":false}],\"experiment\":{\"id\":7,\"owner\":{\"state\":\"x\"},"
      "\"state\":\"running\",\"name\":\"\\u0007a\\nb\",\"start_at\":null},\"ok\":true} \r\n"))};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  expect_outcome(result, EXPSTART_STARTED, EXPSTART_OK, 201);
  assert_string_equal(result->state, "running");
  assert_string_equal(result->name, "?a b");
  assert_null(result->started_at);
  assert_string_equal(result->message, "");
  harness_end(&h);
}

static void a_look_at_an_unknown_state_counts_as_not_running(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(LOOK("warming_up"))};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit_as(&h, 7, NULL, EXPSTART_LOOK);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_SEEN, EXPSTART_OK, 200);
  assert_string_equal(h.results[0]->state, "warming_up");
  harness_end(&h);
}

/* ---- again ---- */

static void a_408_and_a_425_are_sent_again(void **state) {
  (void)state;
  static const struct rawserver_step late = RAW_STEP(RAW_JSON(408, NULL, ""));
  static const struct rawserver_step early = RAW_STEP(RAW_JSON(425, NULL, "{\"ok\":false}"));
  expect_sent_again(&late, 0);
  expect_sent_again(&early, 0);
}

static void a_429_is_sent_again_and_costs_no_attempt(void **state) {
  (void)state;
  static const struct rawserver_step plain = RAW_STEP(RAW_JSON(429, NULL, "{\"ok\":false}"));
  static const struct rawserver_step zero = RAW_STEP(RAW_JSON(429, "Retry-After: 0\r\n", ""));
  static const struct rawserver_step odd = RAW_STEP(RAW_JSON(429, "Retry-After: soon\r\n", ""));
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(429, NULL, "")), RAW_STEP(RAW_JSON(429, "Retry-After: 0\r\n", "")),
      RAW_STEP(RAW_JSON(429, NULL, "")), RAW_STEP(STARTED)};
  struct harness h;
  expect_sent_again(&plain, 1);
  expect_sent_again(&zero, 1);
  expect_sent_again(&odd, 1);
  SERVE(&h, script);
  h.options.max_attempts = 1;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_STARTED, EXPSTART_OK, 200);
  assert_int_equal(h.results[0]->throttled, 3);
  assert_int_equal(h.results[0]->attempts, 4);
  harness_end(&h);
}

static void a_503_is_sent_again_and_is_a_throttle_with_a_hint(void **state) {
  (void)state;
  static const struct rawserver_step bare = RAW_STEP(RAW_JSON(503, NULL, "<html>busy</html>"));
  static const struct rawserver_step hint = RAW_STEP(RAW_JSON(503, "Retry-After: 0\r\n", ""));
  expect_sent_again(&bare, 0);
  expect_sent_again(&hint, 1);
}

static void failures_end_after_max_attempts(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_REPEAT(RAW_JSON(503, NULL, "{\"message\":\"down for\\nthe night\"}"))};
  struct harness h;
  SERVE(&h, script);
  h.options.max_attempts = 3;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ESERVER, 503);
  assert_string_equal(h.results[0]->message, "down for the night");
  assert_int_equal(h.results[0]->attempts, 3);
  assert_int_equal(puts_of(&h), 3);
  assert_int_equal(gets_of(&h), 0);
  harness_end(&h);
}

/* ---- look ---- */

static void other_5xx_are_looked_up(void **state) {
  (void)state;
  const unsigned statuses[] = {500, 502, 504, 599};
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    const struct rawserver_step step = RAW_STEP(RAW_JSON(statuses[i], NULL, "oops"));
    expect_look(&step);
  }
}

static void successes_that_do_not_say_ok_are_looked_up(void **state) {
  (void)state;
  static const struct rawserver_step steps[] = {
      RAW_STEP(RAW_SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
      RAW_STEP(RAW_SEND("HTTP/1.1 204 No Content\r\n\r\n")),
      RAW_STEP(RAW_JSON(202, NULL, "{}")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":\"true\"}")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":null}")),
      RAW_STEP(RAW_JSON(200, NULL, "[{\"ok\":true}]")),
      RAW_STEP(RAW_JSON(200, NULL, "<html>Sign in</html>")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":true")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"ok\":true}{\"ok\":true}")),
  };
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
    expect_look(&steps[i]);
}

static void a_look_that_is_refused_leaves_it_unknown(void **state) {
  (void)state;
  const unsigned statuses[] = {401, 403, 404};
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    const struct rawserver_step script[] = {
        RAW_STEP(RAW_JSON(500, NULL, "{\"message\":\"it broke\"}")),
        RAW_STEP(RAW_JSON(statuses[i], NULL, ""))};
    struct harness h;
    const struct harness_result *result = PLAY(&h, script);
    assert_int_equal(result->outcome, EXPSTART_UNKNOWN);
    assert_int_equal(result->error, statuses[i] == 401 ? EXPSTART_EREFUSED : EXPSTART_EUNCONFIRMED);
    assert_int_equal(result->confirmed, 0);
    assert_int_equal(puts_of(&h), 1);
    assert_int_equal(gets_of(&h), 1);
    harness_end(&h);
  }
}

static void a_look_at_another_experiment_is_not_believed(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(500, NULL, "")),
      RAW_STEP(RAW_JSON(200, NULL, "{\"experiment\":{\"id\":8,\"state\":\"running\"}}")),
      RAW_STEP(RAW_JSON(429, "Retry-After: 0\r\n", "")), RAW_STEP(LOOK("running"))};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  expect_outcome(result, EXPSTART_RUNNING, EXPSTART_OK, 200);
  assert_int_equal(result->lookups, 3);
  assert_int_equal(puts_of(&h), 1);
  harness_end(&h);
}

static void confirm_never_sends_again_without_a_look(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(500, NULL, "")),
                                                 RAW_STEP(RAW_RESET), RAW_STEP(STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.confirm = EXPSTART_CONFIRM_NEVER;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_STARTED, EXPSTART_OK, 200);
  assert_int_equal(puts_of(&h), 3);
  assert_int_equal(gets_of(&h), 0);
  harness_end(&h);
}

static void confirm_on_refusal_tells_running_from_refused(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(409, NULL, "{\"errors\":[\"already\"]}")), RAW_STEP(LOOK("running")),
      RAW_STEP(RAW_JSON(409, NULL, "{\"errors\":[\"archived\"]}")), RAW_STEP(LOOK("archived"))};
  struct harness h;
  SERVE(&h, script);
  h.options.confirm = EXPSTART_CONFIRM_ON_REFUSAL;
  h.options.max_in_flight = 1;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  harness_submit(&h, 7);
  harness_run(&h, 2);
  expect_outcome(h.results[0], EXPSTART_RUNNING, EXPSTART_OK, 200);
  expect_outcome(h.results[1], EXPSTART_REJECTED, EXPSTART_EREJECTED, 409);
  assert_string_equal(h.results[1]->message, "archived");
  assert_string_equal(h.results[1]->state, "archived");
  assert_int_equal(h.results[1]->confirmed, 1);
  harness_end(&h);
}

static void a_refusal_after_a_lost_start_may_be_our_own_doing(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_RESET), RAW_STEP(LOOK("ready")), RAW_STEP(LOOK("ready")),
      RAW_STEP(RAW_JSON(409, NULL, "{\"errors\":[\"already\"]}")), RAW_STEP(LOOK("running"))};
  struct harness h;
  const struct harness_result *result = play_settling(&h, script, sizeof(script) / sizeof(*script));
  expect_outcome(result, EXPSTART_RUNNING, EXPSTART_OK, 200);
  assert_int_equal(puts_of(&h), 2);
  assert_int_equal(gets_of(&h), 3);
  harness_end(&h);
}

/* ---- the key ---- */

static void expect_no_key(const struct rawserver_step *step, const char *key, const char *part) {
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.steps = step, .step_count = 1});
  h.options.api_key = key;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_null(strstr(h.results[0]->message, part));
  assert_null(strstr(h.results[0]->errors, part));
  harness_end(&h);
}

static void a_key_that_the_api_echoes_is_not_passed_on(void **state) {
  (void)state;
  static const struct rawserver_step steps[] = {
      RAW_STEP(RAW_JSON(400, NULL, "{\"errors\":[\"bad " HARNESS_KEY "!\",\"" HARNESS_KEY "\"]}")),
      RAW_STEP(RAW_JSON(401, NULL, "Api-Key " HARNESS_KEY " is not known")),
      RAW_STEP(RAW_JSON(400, NULL, "{\"message\":\"\\u004bq3-secret-9fJx\"}")),
      RAW_STEP(RAW_JSON(400, NULL, "{\"errors\":[{\"key\":\"" HARNESS_KEY "\"}]}")),
  };
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
    expect_no_key(&steps[i], HARNESS_KEY, "secret");
}

static void a_key_with_a_slash_is_not_passed_on_escaped(void **state) {
  (void)state;
  static const struct rawserver_step step =
      RAW_STEP(RAW_JSON(400, NULL, "{\"errors\":[{\"key\":\"ab/secret\"}]}"));
  expect_no_key(&step, "ab/secret", "secret");
}

/* A message is cut to a length; what is left of a key there is still most of a key. */
static void a_key_at_the_cut_of_a_message_is_not_passed_on_in_part(void **state) {
  (void)state;
  char body[800];
  for (int before = 484; before <= 500; before++) {
    snprintf(body, sizeof(body), "{\"errors\":[\"%0*d" HARNESS_KEY "\"]}", before, 0);
    const struct rawserver_step step = RAW_STEP(RAW_JSON(400, NULL, body));
    expect_no_key(&step, HARNESS_KEY, "Kq3-sec");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_ok_false_is_rejected_with_the_apis_words),
      cmocka_unit_test(a_4xx_is_rejected_with_the_apis_words),
      cmocka_unit_test(a_refused_key_is_rejected_at_once),
      cmocka_unit_test(a_403_for_one_experiment_or_of_a_firewall_is_not_a_refused_key),
      cmocka_unit_test(a_403_with_retry_after_is_a_throttle),
      cmocka_unit_test(a_success_that_names_another_experiment_or_another_state_is_looked_up),
      cmocka_unit_test(a_redirect_is_rejected_and_not_followed),
      cmocka_unit_test(unknown_fields_do_no_harm),
      cmocka_unit_test(a_look_at_an_unknown_state_counts_as_not_running),
      cmocka_unit_test(a_408_and_a_425_are_sent_again),
      cmocka_unit_test(a_429_is_sent_again_and_costs_no_attempt),
      cmocka_unit_test(a_503_is_sent_again_and_is_a_throttle_with_a_hint),
      cmocka_unit_test(failures_end_after_max_attempts),
      cmocka_unit_test(other_5xx_are_looked_up),
      cmocka_unit_test(successes_that_do_not_say_ok_are_looked_up),
      cmocka_unit_test(a_look_that_is_refused_leaves_it_unknown),
      cmocka_unit_test(a_look_at_another_experiment_is_not_believed),
      cmocka_unit_test(confirm_never_sends_again_without_a_look),
      cmocka_unit_test(confirm_on_refusal_tells_running_from_refused),
      cmocka_unit_test(a_refusal_after_a_lost_start_may_be_our_own_doing),
      cmocka_unit_test(a_key_that_the_api_echoes_is_not_passed_on),
      cmocka_unit_test(a_key_with_a_slash_is_not_passed_on_escaped),
      cmocka_unit_test(a_key_at_the_cut_of_a_message_is_not_passed_on_in_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

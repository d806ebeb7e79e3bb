/*
 * What the client puts on the wire, seen by a raw server: each request to the byte where it
 * matters, and how often it is sent. What replies mean is in test_lib_wire_replies.c.
 */
#include "harness.h"

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)

static const struct rawserver_step script_started[] = {RAW_REPEAT(STARTED)};

static const struct rawserver_request *request_at(struct harness *h, size_t index) {
  const struct rawserver_request *request = rawserver_request_at(h->server, index);
  assert_non_null(request);
  return request;
}

static void expect_header(const struct rawserver_request *request, const char *name,
                          const char *value) {
  const char *is = rawserver_request_header(request, name);
  assert_non_null(is);
  assert_string_equal(is, value);
}

static void a_start_is_put_with_key_type_and_agent(void **state) {
  (void)state;
  struct harness h;
  const struct harness_result *result = PLAY(&h, script_started);
  const struct rawserver_request *request = request_at(&h, 0);
  char host[64], agent[64];
  snprintf(host, sizeof(host), "127.0.0.1:%d", rawserver_port(h.server));
  snprintf(agent, sizeof(agent), "expstart/%s", expstart_version());
  assert_string_equal(request->method, "PUT");
  assert_string_equal(request->path, "/v1/experiments/7/start");
  assert_string_equal(request->body, "{\"action\":\"start\"}");
  expect_header(request, "Host", host);
  expect_header(request, "Authorization", "Api-Key " HARNESS_KEY);
  expect_header(request, "Content-Type", "application/json");
  expect_header(request, "Accept", "application/json");
  expect_header(request, "Accept-Encoding", "gzip");
  expect_header(request, "User-Agent", agent);
  expect_header(request, "Content-Length", "18");
  assert_null(rawserver_request_header(request, "Expect"));
  assert_null(rawserver_request_header(request, "Upgrade"));
  assert_null(rawserver_request_header(request, "Cookie"));
  assert_int_equal(request->header_count, 7);
  assert_int_equal(result->outcome, EXPSTART_STARTED);
  assert_string_equal(result->name, "seven");
  assert_string_equal(result->state, "running");
  assert_string_equal(result->started_at, "2024-05-06T07:08:09Z");
  assert_int_equal(result->http_status, 200);
  assert_int_equal(result->attempts, 1);
  assert_int_equal(result->confirmed, 0);
  harness_end(&h);
}

static void a_key_given_with_its_prefix_is_sent_with_one(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.options.api_key = "Api-Key " HARNESS_KEY;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  expect_header(request_at(&h, 0), "Authorization", "Api-Key " HARNESS_KEY);
  harness_end(&h);
}

static void options_change_agent_and_encoding(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.options.user_agent = "tester/9 (x; y)";
  h.options.flags = EXPSTART_NO_COMPRESSION;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  expect_header(request_at(&h, 0), "User-Agent", "tester/9 (x; y)");
  assert_null(rawserver_request_header(request_at(&h, 0), "Accept-Encoding"));
  harness_end(&h);
}

static void a_note_travels_as_json(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.options.max_in_flight = 1;
  harness_open(&h);
  harness_submit_as(&h, 7, "say \"hi\"\\\n\xC3\xA9 </x>", EXPSTART_START);
  harness_submit_as(&h, 7, "", EXPSTART_START);
  harness_run(&h, 2);
  assert_string_equal(request_at(&h, 0)->body,
                      "{\"action\":\"start\",\"note\":\"say \\\"hi\\\"\\\\\\n\xC3\xA9 </x>\"}");
  assert_string_equal(request_at(&h, 1)->body, "{\"action\":\"start\",\"note\":\"\"}");
  harness_end(&h);
}

static void the_longest_note_arrives_whole_and_without_expect(void **state) {
  (void)state;
  struct harness h;
  char *note = malloc(EXPSTART_NOTE_MAX + 1);
  assert_non_null(note);
  memset(note, 'n', EXPSTART_NOTE_MAX);
  note[EXPSTART_NOTE_MAX] = '\0';
  SERVE(&h, script_started);
  harness_open(&h);
  harness_submit_as(&h, 7, note, EXPSTART_START);
  harness_run(&h, 1);
  assert_non_null(strstr(request_at(&h, 0)->body, note));
  assert_null(rawserver_request_header(request_at(&h, 0), "Expect"));
  free(note);
  harness_end(&h);
}

static void the_largest_id_is_in_the_path(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  harness_submit(&h, INT64_MAX);
  harness_run(&h, 1);
  assert_string_equal(request_at(&h, 0)->path, "/v1/experiments/9223372036854775807/start");
  harness_end(&h);
}

static void slashes_after_the_endpoint_are_not_doubled(void **state) {
  (void)state;
  struct harness h;
  char endpoint[96];
  SERVE(&h, script_started);
  snprintf(endpoint, sizeof(endpoint), "%s//", rawserver_endpoint(h.server));
  h.options.endpoint = endpoint;
  harness_open(&h);
  memset(endpoint, 'x', sizeof(endpoint) - 1); /* create has copied it */
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(request_at(&h, 0)->path, "/v1/experiments/7/start");
  harness_end(&h);
}

static void a_look_is_a_get_without_body(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(200, NULL, BODY_READY))};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit_as(&h, 7, "a note", EXPSTART_LOOK);
  harness_run(&h, 1);
  const struct rawserver_request *request = request_at(&h, 0);
  assert_string_equal(request->method, "GET");
  assert_string_equal(request->path, "/v1/experiments/7");
  assert_int_equal(request->body_length, 0);
  expect_header(request, "Authorization", "Api-Key " HARNESS_KEY);
  assert_null(rawserver_request_header(request, "Content-Length"));
  assert_null(rawserver_request_header(request, "Content-Type"));
  assert_null(rawserver_request_header(request, "Transfer-Encoding"));
  assert_int_equal(h.results[0]->outcome, EXPSTART_SEEN);
  assert_int_equal(h.results[0]->confirmed, 1);
  assert_string_equal(h.results[0]->state, "ready");
  harness_end(&h);
}

static void requests_on_one_handle_do_not_leave_traces_in_the_next(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(STARTED), RAW_STEP(RAW_JSON(200, NULL, BODY_READY)), RAW_STEP(STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_in_flight = 1;
  harness_open(&h);
  harness_submit_as(&h, 7, "first", EXPSTART_START);
  harness_submit_as(&h, 7, NULL, EXPSTART_LOOK);
  harness_submit(&h, 7);
  harness_run(&h, 3);
  assert_string_equal(request_at(&h, 0)->body, "{\"action\":\"start\",\"note\":\"first\"}");
  assert_string_equal(request_at(&h, 1)->method, "GET");
  assert_int_equal(request_at(&h, 1)->body_length, 0);
  assert_null(rawserver_request_header(request_at(&h, 1), "Content-Type"));
  assert_string_equal(request_at(&h, 2)->method, "PUT");
  assert_string_equal(request_at(&h, 2)->body, "{\"action\":\"start\"}");
  assert_null(rawserver_request_header(request_at(&h, 2), "Expect"));
  assert_int_equal(rawserver_counts(h.server).connections, 1);
  harness_end(&h);
}

static void no_more_than_max_in_flight_wait_at_the_server(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_PAUSE(5), STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_in_flight = 3;
  harness_open(&h);
  for (int i = 0; i < 30; i++)
    harness_submit(&h, 7);
  harness_run(&h, 30);
  assert_true(rawserver_counts(h.server).peak_waiting <= 3);
  assert_int_equal(rawserver_request_count(h.server), 30);
  harness_end(&h);
}

static void no_more_than_max_connections_are_made(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_PAUSE(2), STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_in_flight = 8;
  h.options.max_connections = 2;
  harness_open(&h);
  for (int i = 0; i < 40; i++)
    harness_submit(&h, 7);
  harness_run(&h, 40);
  assert_true(rawserver_counts(h.server).connections <= 2);
  harness_end(&h);
}

static void all_of_max_connections_are_made_use_of(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_PAUSE(2), STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_in_flight = 12;
  h.options.max_connections = 5; /* which three threads cannot share alike */
  harness_open(&h);
  for (int i = 0; i < 200; i++)
    harness_submit(&h, 7);
  harness_run(&h, 200);
  assert_int_equal(rawserver_counts(h.server).connections, 5);
  harness_end(&h);
}

/* ---- sent once ---- */

static void warm_then(struct harness *h, const struct rawserver_options *options) {
  harness_serve(h, options);
  h->options.max_in_flight = 1;
  harness_open(h);
  harness_submit(h, 7);
  harness_run(h, 1);
  harness_submit(h, 7);
  harness_run(h, 2);
}
#define WARM_THEN(h, script) warm_then((h), &(struct rawserver_options){RAW_SCRIPT(script)})

/* The start was read whole at a re-used connection: libcurl would send it again by itself. */
static void expect_one_send_and_a_look(struct harness *h) {
  assert_int_equal(request_at(h, 1)->on_connection, 1);
  assert_int_equal(rawserver_method_count(h->server, "PUT"), 2);
  assert_int_equal(rawserver_method_count(h->server, "GET"), 1);
  assert_string_equal(request_at(h, 2)->method, "GET");
  assert_int_equal(h->results[1]->outcome, EXPSTART_RUNNING);
  assert_int_equal(h->results[1]->attempts, 1);
  assert_int_equal(h->results[1]->lookups, 1);
  assert_int_equal(h->results[1]->confirmed, 1);
  harness_end(h);
}

static void a_start_on_a_connection_then_closed_is_sent_once_and_looked_up(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(STARTED), RAW_STEP(RAW_CLOSE),
                                                 RAW_STEP(RAW_JSON(200, NULL, BODY_RUNNING))};
  struct harness h;
  WARM_THEN(&h, script);
  expect_one_send_and_a_look(&h);
}

static void a_start_on_a_connection_then_reset_is_sent_once_and_looked_up(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(STARTED), RAW_STEP(RAW_RESET),
                                                 RAW_STEP(RAW_JSON(200, NULL, BODY_RUNNING))};
  struct harness h;
  WARM_THEN(&h, script);
  expect_one_send_and_a_look(&h);
}

static void a_start_on_a_fresh_connection_then_closed_is_sent_once_and_looked_up(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_CLOSE),
                                                 RAW_STEP(RAW_JSON(200, NULL, BODY_RUNNING))};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  assert_int_equal(result->outcome, EXPSTART_RUNNING);
  assert_int_equal(rawserver_method_count(h.server, "PUT"), 1);
  assert_int_equal(rawserver_method_count(h.server, "GET"), 1);
  harness_end(&h);
}

/* Every connection serves two requests and takes a third one without an answer. */
static void drop_each_third(void *data, const struct rawserver_request *request,
                            struct rawserver_conn *conn) {
  char body[128];
  const char *id = strstr(request->path, "experiments/") + strlen("experiments/");
  (void)data;
  if (request->on_connection > 1) {
    rawserver_close(conn);
    return;
  }
  snprintf(body, sizeof(body), "{\"ok\":true,\"experiment\":{\"id\":%d,\"state\":\"%s\"}}",
           (int)strtol(id, NULL, 10), request->method[0] == 'P' ? "running" : "ready");
  rawserver_json(conn, 200, NULL, body);
}

static void each_send_of_a_start_is_one_that_the_client_counts(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.handler = drop_each_third});
  h.options.max_attempts = 100;
  harness_open(&h);
  for (int64_t id = 1; id <= 200; id++)
    harness_submit(&h, id);
  harness_run(&h, 200);
  struct expstart_stats stats = harness_stats(&h);
  assert_int_equal(stats.started, 200);
  assert_true(stats.faults > 0);
  /* A connection may also be found dead before anything is sent. */
  assert_true(rawserver_method_count(h.server, "PUT") <= stats.attempts);
  assert_true(rawserver_method_count(h.server, "GET") <= stats.lookups);
  uint64_t attempts = 0;
  for (size_t i = 0; i < h.count; i++)
    attempts += h.results[i]->attempts;
  assert_int_equal(attempts, stats.attempts);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_start_is_put_with_key_type_and_agent),
      cmocka_unit_test(a_key_given_with_its_prefix_is_sent_with_one),
      cmocka_unit_test(options_change_agent_and_encoding),
      cmocka_unit_test(a_note_travels_as_json),
      cmocka_unit_test(the_longest_note_arrives_whole_and_without_expect),
      cmocka_unit_test(the_largest_id_is_in_the_path),
      cmocka_unit_test(slashes_after_the_endpoint_are_not_doubled),
      cmocka_unit_test(a_look_is_a_get_without_body),
      cmocka_unit_test(requests_on_one_handle_do_not_leave_traces_in_the_next),
      cmocka_unit_test(no_more_than_max_in_flight_wait_at_the_server),
      cmocka_unit_test(no_more_than_max_connections_are_made),
      cmocka_unit_test(all_of_max_connections_are_made_use_of),
      cmocka_unit_test(a_start_on_a_connection_then_closed_is_sent_once_and_looked_up),
      cmocka_unit_test(a_start_on_a_connection_then_reset_is_sent_once_and_looked_up),
      cmocka_unit_test(a_start_on_a_fresh_connection_then_closed_is_sent_once_and_looked_up),
      cmocka_unit_test(each_send_of_a_start_is_one_that_the_client_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

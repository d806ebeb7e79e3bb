/*
 * Time limits and waits on the real clock. Only lower bounds are asserted: nothing comes earlier
 * than it may. Arrival times are the server's.
 */
#include "harness.h"

#include <netdb.h>
#include <time.h>

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)
#define SEEN_RUNNING RAW_JSON(200, NULL, BODY_RUNNING)

static void expect_outcome(const struct harness_result *result, expstart_outcome outcome,
                           int error) {
  assert_string_equal(expstart_outcome_name(result->outcome), expstart_outcome_name(outcome));
  assert_string_equal(expstart_err_name(result->error), expstart_err_name(error));
}

static uint64_t arrival_us(struct harness *h, size_t index) {
  const struct rawserver_request *request = rawserver_request_at(h->server, index);
  assert_non_null(request);
  return request->arrived_us;
}

static uint64_t wall_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static void run_one(struct harness *h) {
  harness_open(h);
  harness_submit(h, 7);
  harness_run(h, 1);
}

/* ---- Retry-After ---- */

static void expect_wait_of_a_second(const struct rawserver_step *step) {
  const struct rawserver_step script[] = {*step, RAW_STEP(STARTED)};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  expect_outcome(result, EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(result->throttled, 1);
  assert_true(arrival_us(&h, 1) - arrival_us(&h, 0) >= 1000000U);
  assert_true(result->elapsed_us >= 1000000U);
  assert_int_equal(h.attempts[0].throttled, 1);
  assert_int_equal(h.attempts[0].next, EXPSTART_NEXT_START);
  assert_true(h.attempts[0].next_ms >= 1000);
  harness_end(&h);
}

static void a_delay_is_never_undercut(void **state) {
  (void)state;
  static const struct rawserver_step plain = RAW_STEP(RAW_JSON(429, "retry-after: 1\r\n", ""));
  static const struct rawserver_step busy = RAW_STEP(RAW_JSON(503, "Retry-After: 1\r\n", ""));
  expect_wait_of_a_second(&plain);
  expect_wait_of_a_second(&busy);
}

static void the_longest_of_several_delays_is_never_undercut(void **state) {
  (void)state;
  static const struct rawserver_step step =
      RAW_STEP(RAW_JSON(429, "Retry-After: 0\r\nRetry-After: 1\r\nRetry-After: 0\r\n", ""));
  expect_wait_of_a_second(&step);
}

static void a_date_is_counted_from_the_servers_own_clock(void **state) {
  (void)state;
  static const struct rawserver_step before =
      RAW_STEP(RAW_JSON(429,
                        "Date: Mon, 06 May 2024 07:08:09 GMT\r\n"
                        "Retry-After: Mon, 06 May 2024 07:08:10 GMT\r\n",
                        ""));
  static const struct rawserver_step after =
      RAW_STEP(RAW_JSON(503,
                        "Retry-After: Mon, 06 May 2024 07:08:10 GMT\r\n"
                        "Date: Mon, 06 May 2024 07:08:09 GMT\r\n",
                        ""));
  expect_wait_of_a_second(&before);
  expect_wait_of_a_second(&after);
}

static void a_date_without_the_servers_clock_is_counted_from_ours(void **state) {
  (void)state;
  char line[64];
  time_t until = time(NULL) + 2;
  struct tm parts;
  assert_non_null(gmtime_r(&until, &parts));
  assert_true(strftime(line, sizeof(line), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts));
  const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(429, line, "")), RAW_STEP(STARTED)};
  struct harness h;
  expect_outcome(PLAY(&h, script), EXPSTART_STARTED, EXPSTART_OK);
  assert_true(wall_us() >= (uint64_t)until * 1000000U);
  harness_end(&h);
}

static void a_delay_holds_for_looks_too(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_RESET),
                                                 RAW_STEP(RAW_JSON(429, "Retry-After: 1\r\n", "")),
                                                 RAW_STEP(SEEN_RUNNING)};
  struct harness h;
  expect_outcome(PLAY(&h, script), EXPSTART_RUNNING, EXPSTART_OK);
  assert_true(arrival_us(&h, 2) - arrival_us(&h, 1) >= 1000000U);
  harness_end(&h);
}

static void a_delay_beyond_the_cap_is_cut_to_it_and_counted(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(429, "Retry-After: 99999999999999999999\r\n", "")), RAW_STEP(STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_retry_after_ms = 200;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_STARTED, EXPSTART_OK);
  assert_true(arrival_us(&h, 1) - arrival_us(&h, 0) >= 200000U);
  assert_int_equal(harness_stats(&h).capped_hints, 1);
  harness_end(&h);
}

/* ---- limits ---- */

static void a_throttle_beyond_the_retry_timeout_ends_as_throttled(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(429, "Retry-After: 60\r\n", "{\"message\":\"slow down\"}"))};
  struct harness h;
  SERVE(&h, script);
  h.options.retry_timeout_ms = 10000;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_string_equal(h.results[0]->message, "slow down");
  assert_int_equal(h.results[0]->http_status, 429);
  harness_end(&h);
}

static void throttles_are_repeated_until_the_retry_timeout(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_JSON(429, NULL, ""))};
  struct harness h;
  SERVE(&h, script);
  h.options.retry_timeout_ms = 300;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ETHROTTLED);
  assert_true(h.results[0]->elapsed_us >= 50000U); /* one pause of our own at least */
  assert_true(h.results[0]->throttled > 1);
  harness_end(&h);
}

static void a_stalled_start_ends_with_its_attempt_and_is_looked_up(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_STALL), RAW_STEP(SEEN_RUNNING)};
  static const struct rawserver_step halfway[] = {
      RAW_STEP(RAW_SEND("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\""), RAW_STALL),
      RAW_STEP(SEEN_RUNNING)};
  struct harness h;
  SERVE(&h, script);
  h.options.attempt_timeout_ms = 200;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_RUNNING, EXPSTART_OK);
  assert_int_equal(h.results[0]->attempts, 1);
  /* It is given as long again before the look. */
  assert_true(h.results[0]->elapsed_us >= 400000U);
  assert_true(arrival_us(&h, 1) - arrival_us(&h, 0) >= 200000U);
  assert_int_equal(rawserver_method_count(h.server, "PUT"), 1);
  harness_end(&h);

  SERVE(&h, halfway);
  h.options.attempt_timeout_ms = 200;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_RUNNING, EXPSTART_OK);
  assert_true(h.results[0]->elapsed_us >= 200000U);
  harness_end(&h);
}

static void a_stall_beyond_the_retry_timeout_ends_in_unknown(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_STALL)};
  struct harness h;
  SERVE(&h, script);
  h.options.retry_timeout_ms = 200;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  assert_int_equal(h.results[0]->lookups, 0);
  assert_true(h.results[0]->elapsed_us >= 200000U);
  harness_end(&h);
}

static void the_total_timeout_runs_in_the_queue_and_when_paused(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.total_timeout_ms = 150;
  harness_open(&h);
  assert_int_equal(expstart_pause(h.client), EXPSTART_OK);
  harness_submit(&h, 7);
  harness_submit_as(&h, 7, NULL, EXPSTART_LOOK_THEN_START);
  harness_run(&h, 2);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ETIMEDOUT);
  expect_outcome(h.results[1], EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(h.results[i]->attempts, 0);
    assert_true(h.results[i]->elapsed_us >= 150000U);
    assert_int_equal(h.results[i]->queued_us, h.results[i]->elapsed_us);
  }
  assert_int_equal(rawserver_request_count(h.server), 0);
  harness_end(&h);
}

static void the_total_timeout_ends_what_is_in_flight(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_STALL)};
  struct harness h;
  SERVE(&h, script);
  h.options.total_timeout_ms = 200;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  assert_true(h.results[0]->elapsed_us >= 200000U);
  assert_int_equal(rawserver_request_count(h.server), 1);
  harness_end(&h);
}

/* ---- connecting ---- */

static void a_connection_never_made_is_tried_again_and_fails(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.listen = RAWSERVER_NEVER_CONNECT});
  h.options.connect_timeout_ms = 100;
  h.options.max_attempts = 2;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ETIMEDOUT);
  assert_int_equal(h.results[0]->attempts, 2);
  assert_int_equal(h.results[0]->lookups, 0);
  assert_true(h.results[0]->elapsed_us >= 200000U);
  harness_end(&h);
}

static void a_start_that_nobody_reads_may_have_been_done(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.listen = RAWSERVER_NEVER_ACCEPT});
  h.options.attempt_timeout_ms = 100;
  h.options.max_attempts = 2;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  assert_int_equal(h.results[0]->attempts, 1);
  assert_int_equal(h.results[0]->lookups, 2);
  assert_true(h.results[0]->elapsed_us >= 300000U);
  harness_end(&h);
}

static void a_refused_connection_is_tried_again_and_fails(void **state) {
  (void)state;
  struct harness h;
  char endpoint[64];
  struct rawserver *server = rawserver_start(&(struct rawserver_options){.handler = NULL});
  assert_non_null(server);
  snprintf(endpoint, sizeof(endpoint), "%s", rawserver_endpoint(server));
  rawserver_stop(server);
  harness_init(&h, endpoint);
  h.options.max_attempts = 4;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ETRANSPORT);
  assert_int_equal(h.results[0]->attempts, 4);
  assert_int_equal(h.results[0]->http_status, 0);
  assert_true(strlen(h.results[0]->message) > 0);
  assert_int_equal(h.attempt_count, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(h.attempts[i].number, i + 1);
    assert_true(h.attempts[i].curl_code != 0);
    assert_true(h.attempts[i].next_ms <= h.options.backoff_cap_ms);
    assert_int_equal(h.attempts[i].next, i < 3 ? EXPSTART_NEXT_START : EXPSTART_NEXT_DONE);
  }
  harness_end(&h);
}

static void a_name_that_does_not_exist_fails(void **state) {
  (void)state;
  struct harness h;
  struct addrinfo *found = NULL;
  time_t before = time(NULL);
  int status = getaddrinfo("does-not-exist.invalid", "80", NULL, &found);
  if (status == 0)
    freeaddrinfo(found);
  if (status == 0 || time(NULL) - before > 2)
    skip(); /* a resolver that answers everything, or none at all */
  harness_init(&h, "http://does-not-exist.invalid/v1");
  h.options.flags = EXPSTART_ALLOW_PLAINTEXT;
  h.options.max_attempts = 2;
  run_one(&h);
  expect_outcome(h.results[0], EXPSTART_FAILED, EXPSTART_ETRANSPORT);
  assert_int_equal(h.results[0]->attempts, 2);
  harness_end(&h);
}

/* ---- rate ---- */

static void no_second_holds_more_than_the_rate(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.rate_per_second = 1.0; /* until changed below */
  harness_open(&h);
  assert_int_equal(expstart_set_rate(h.client, 50.0, 0), EXPSTART_OK);
  uint64_t before_us = uv_hrtime() / 1000;
  for (int i = 0; i < 51; i++)
    harness_submit(&h, 7);
  harness_run(&h, 51);
  assert_true(arrival_us(&h, 50) - before_us >= 1000000U);
  harness_end(&h);
}

int main(void) {
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  unsetenv("ALL_PROXY");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_delay_is_never_undercut),
      cmocka_unit_test(the_longest_of_several_delays_is_never_undercut),
      cmocka_unit_test(a_date_is_counted_from_the_servers_own_clock),
      cmocka_unit_test(a_date_without_the_servers_clock_is_counted_from_ours),
      cmocka_unit_test(a_delay_holds_for_looks_too),
      cmocka_unit_test(a_delay_beyond_the_cap_is_cut_to_it_and_counted),
      cmocka_unit_test(a_throttle_beyond_the_retry_timeout_ends_as_throttled),
      cmocka_unit_test(throttles_are_repeated_until_the_retry_timeout),
      cmocka_unit_test(a_stalled_start_ends_with_its_attempt_and_is_looked_up),
      cmocka_unit_test(a_stall_beyond_the_retry_timeout_ends_in_unknown),
      cmocka_unit_test(the_total_timeout_runs_in_the_queue_and_when_paused),
      cmocka_unit_test(the_total_timeout_ends_what_is_in_flight),
      cmocka_unit_test(a_connection_never_made_is_tried_again_and_fails),
      cmocka_unit_test(a_start_that_nobody_reads_may_have_been_done),
      cmocka_unit_test(a_refused_connection_is_tried_again_and_fails),
      cmocka_unit_test(a_name_that_does_not_exist_fails),
      cmocka_unit_test(no_second_holds_more_than_the_rate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

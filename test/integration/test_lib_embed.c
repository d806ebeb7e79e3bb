/*
 * What embedders asked for, on a real loop: batches, tickets and cancels of other threads, timeouts of a
 * request's own, a key that is changed, permits, a drain with a deadline, and to know why nothing goes.
 */
#include "harness.h"

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)

static const struct rawserver_step script_started[] = {RAW_REPEAT(STARTED)};
static const struct rawserver_step script_stalled[] = {RAW_REPEAT(RAW_STALL)};

static void expect_outcome(const struct harness_result *result, expstart_outcome outcome,
                           int error) {
  assert_string_equal(expstart_outcome_name(result->outcome), expstart_outcome_name(outcome));
  assert_string_equal(expstart_err_name(result->error), expstart_err_name(error));
}

static struct expstart_request request_of(struct harness *h, int64_t id) {
  struct expstart_request request;
  expstart_request_init(&request);
  request.experiment_id = id;
  request.done = harness_done;
  request.data = h;
  return request;
}

/* ---- batches -------------------------------------------------------------------------------------- */

static void a_batch_accepts_what_it_can_and_tells_the_rest(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  struct expstart_request requests[5];
  for (int i = 0; i < 5; i++)
    requests[i] = request_of(&h, 7);
  requests[1].experiment_id = 0;
  requests[3].note = "caf\xE9";
  expstart_ticket tickets[5];
  size_t accepted, refused;
  assert_int_equal(expstart_submit_batch(h.client, requests, 5, tickets, &accepted, &refused),
                   EXPSTART_EID);
  assert_int_equal(accepted, 3);
  assert_int_equal(refused, 1);
  assert_true(tickets[0] && !tickets[1] && tickets[2] && !tickets[3] && tickets[4]);
  h.accepted += accepted;
  harness_run(&h, 3);
  assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), 3);
  assert_int_equal(expstart_submit_batch(h.client, requests, 1, NULL, NULL, NULL), EXPSTART_OK);
  h.accepted++;
  assert_int_equal(expstart_submit_batch(h.client, NULL, 0, NULL, &accepted, &refused),
                   EXPSTART_OK);
  assert_int_equal(expstart_submit_batch(h.client, NULL, 1, tickets, &accepted, &refused),
                   EXPSTART_EINVAL);
  assert_true(accepted == 0 && refused == 0 && tickets[0] == 0);
  harness_end(&h);
}

static void a_batch_of_a_programs_own_longer_requests_is_taken(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  struct longer {
    struct expstart_request known;
    uint64_t later;
  } requests[3] = {0};
  for (int i = 0; i < 3; i++) {
    requests[i].known = request_of(&h, 7);
    requests[i].known.size = sizeof requests[i];
  }
  size_t accepted;
  assert_int_equal(expstart_submit_batch(h.client, &requests[0].known, 3, NULL, &accepted, NULL),
                   EXPSTART_OK);
  h.accepted += accepted;
  harness_run(&h, 3);
  harness_end(&h);
}

/* ---- what a client and a result tell ------------------------------------------------------------------ */

static void look_at_result(struct harness *h, const expstart_result *result) {
  if (!result->note || strcmp(result->note, "wave 1") != 0 || result->mode != EXPSTART_LOOK ||
      result->cut)
    harness_blame(h, "the result has not what was submitted");
}

static void a_result_tells_its_note_and_mode_and_a_client_its_data_and_loop(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(200, NULL, BODY_READY))};
  struct harness h;
  SERVE(&h, script);
  h.on_result = look_at_result;
  harness_open(&h);
  assert_ptr_equal(expstart_client_data(h.client), &h);
  assert_ptr_equal(expstart_client_loop(h.client), h.loop);
  harness_submit_as(&h, 7, "wave 1", EXPSTART_LOOK);
  harness_run(&h, 1);
  harness_end(&h);
}

/* ---- other threads ------------------------------------------------------------------------------------ */

enum { THREADS = 4, EACH = 200 };

struct submitter {
  struct harness *h;
  uv_thread_t thread;
  expstart_ticket tickets[EACH];
  unsigned canceled;
};

/* Each second one is canceled by the thread that submitted it, whatever has become of it by then. */
static void submit_and_cancel(void *data) {
  struct submitter *submitter = data;
  for (unsigned i = 0; i < EACH; i++) {
    struct expstart_request request = request_of(submitter->h, 7);
    if (expstart_submit_ticket_from_thread(submitter->h->client, &request,
                                           &submitter->tickets[i]) != EXPSTART_OK)
      return;
    if (i % 2 && expstart_cancel_from_thread(submitter->h->client, submitter->tickets[i]) == 0)
      submitter->canceled++;
  }
}

static bool is_ticket_told(const struct harness *h, expstart_ticket ticket) {
  size_t found = 0;
  for (size_t i = 0; i < h->count; i++)
    found += h->results[i]->ticket == ticket;
  return found == 1;
}

static bool are_called_back(struct harness *h, size_t number) {
  return h->count >= number;
}

static void threads_have_tickets_and_cancel_by_them(void **state) {
  (void)state;
  static struct submitter submitters[THREADS];
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  assert_int_equal(expstart_pause(h.client), EXPSTART_OK); /* so that none is done before */
  h.accepted += THREADS * EACH;
  for (int i = 0; i < THREADS; i++) {
    submitters[i] = (struct submitter){.h = &h};
    assert_int_equal(uv_thread_create(&submitters[i].thread, submit_and_cancel, &submitters[i]), 0);
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(uv_thread_join(&submitters[i].thread), 0);
  harness_run_until(&h, are_called_back, THREADS * EACH / 2);
  assert_int_equal(harness_outcomes(&h, EXPSTART_CANCELED), THREADS * EACH / 2);
  assert_int_equal(expstart_resume(h.client), EXPSTART_OK);
  harness_run(&h, THREADS * EACH);
  assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), THREADS * EACH / 2);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(submitters[i].canceled, EACH / 2);
    for (unsigned k = 0; k < EACH; k++) {
      assert_true(is_ticket_told(&h, submitters[i].tickets[k]));
      assert_int_equal(expstart_cancel(h.client, submitters[i].tickets[k]), EXPSTART_ENOTFOUND);
    }
  }
  harness_end(&h);
}

/* All of them were once taken in one turn: half a million held the loop for 19 ms. */
static void many_cancels_of_threads_do_not_hold_the_loop(void **state) {
  (void)state;
  enum { MANY = 2000, A_TURN = 256 };
  struct harness h;
  expstart_ticket tickets[MANY];
  SERVE(&h, script_started);
  harness_open(&h);
  assert_int_equal(expstart_pause(h.client), EXPSTART_OK);
  for (size_t i = 0; i < MANY; i++)
    tickets[i] = harness_submit(&h, 7);
  for (size_t i = 0; i < MANY; i++)
    assert_int_equal(expstart_cancel_from_thread(h.client, tickets[i]), EXPSTART_OK);
  for (uint64_t canceled = 0, before = 0; canceled < MANY; before = canceled) {
    (void)uv_run(h.loop, UV_RUN_NOWAIT);
    canceled = harness_stats(&h).canceled;
    assert_true(canceled - before <= A_TURN);
  }
  harness_run(&h, MANY);
  harness_end(&h);
}

static expstart_ticket attempted;

static void note_ticket(struct harness *h, const expstart_attempt *attempt) {
  (void)h;
  attempted = attempt->ticket;
}

static void the_loops_thread_may_use_a_threads_ticket_and_threads_the_loops(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_stalled);
  h.on_attempt = note_ticket;
  harness_open(&h);
  struct expstart_request request = request_of(&h, 7);
  expstart_ticket named, plain;
  assert_int_equal(expstart_submit_ticket_from_thread(h.client, &request, &named), EXPSTART_OK);
  h.accepted++;
  assert_int_equal(expstart_cancel(h.client, named), EXPSTART_OK); /* not even taken in */
  plain = harness_submit(&h, 7);
  harness_run_until_sent(&h, 1);
  assert_int_equal(expstart_cancel_from_thread(h.client, plain), EXPSTART_OK);
  assert_int_equal(expstart_cancel_from_thread(h.client, 12345), EXPSTART_OK); /* harmless */
  harness_run(&h, 2);
  assert_int_equal(harness_outcomes(&h, EXPSTART_CANCELED), 1);
  assert_int_equal(harness_outcomes(&h, EXPSTART_UNKNOWN), 1);
  assert_int_equal(attempted, plain);
  assert_int_equal(expstart_submit_ticket_from_thread(h.client, &request, &named), EXPSTART_OK);
  h.accepted++;
  harness_run_until_sent(&h, 2);
  assert_int_equal(expstart_cancel(h.client, named), EXPSTART_OK);
  harness_run(&h, 3);
  assert_int_equal(attempted, named);
  assert_int_equal(h.results[2]->ticket, named);
  harness_end(&h);
}

/* ---- time --------------------------------------------------------------------------------------------- */

static void a_request_has_a_timeout_of_its_own(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_stalled);
  harness_open(&h);
  struct expstart_request request = request_of(&h, 7);
  request.timeout_ms = 100;
  assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_OK);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_UNKNOWN, EXPSTART_ETIMEDOUT);
  request.timeout_ms = (uint32_t)INT32_MAX + 1;
  assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_EINVAL);
  harness_end(&h);
}

static void a_drain_has_a_deadline(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_stalled);
  harness_open(&h);
  for (int i = 0; i < 100; i++)
    harness_submit(&h, 7);
  harness_run_until_sent(&h, 1);
  uint64_t from_ns = uv_hrtime();
  assert_int_equal(expstart_client_close(h.client, EXPSTART_DRAIN, NULL, NULL), EXPSTART_OK);
  assert_int_equal(expstart_client_drain(h.client, 60000, NULL, NULL), EXPSTART_OK);
  assert_int_equal(expstart_client_drain(h.client, 150, NULL, NULL), EXPSTART_OK);
  harness_run(&h, 100);
  assert_in_range((uv_hrtime() - from_ns) / 1000000, 150, 15000);
  assert_true(harness_outcomes(&h, EXPSTART_CANCELED) >= 90);
  assert_int_equal(expstart_client_drain(h.client, 150, NULL, NULL), EXPSTART_ECLOSING);
  h.client = NULL; /* the harness has not closed it */
  harness_run_dry(&h);
  harness_end(&h);
}

static void try_again(struct harness *h) {
  struct expstart_request request = request_of(h, 7);
  if (harness_try(h, &request, NULL) != EXPSTART_ECLOSING)
    harness_blame(h, "there is room after the close");
}

static void who_waits_for_room_is_told_of_the_close(void **state) {
  (void)state;
  for (int mode = EXPSTART_DRAIN; mode <= EXPSTART_ABORT; mode++) {
    struct harness h;
    SERVE(&h, script_stalled);
    h.options.max_queued = 2;
    h.on_room = try_again;
    harness_open(&h);
    struct expstart_request request = request_of(&h, 7);
    harness_submit(&h, 7);
    harness_submit(&h, 7);
    assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_EFULL);
    harness_run_until_sent(&h, 1);
    harness_close(&h, (expstart_close_mode)mode);
    while (h.room_calls == 0)
      (void)uv_run(h.loop, UV_RUN_ONCE);
    assert_int_equal(h.room_calls, 1);
    if (mode == EXPSTART_DRAIN)
      (void)expstart_client_close(h.client, EXPSTART_ABORT, NULL, NULL);
    harness_run_until_closed(&h);
    harness_end(&h);
  }
}

/* ---- the key ------------------------------------------------------------------------------------------ */

static unsigned keys_refused;

static void rotate_key(expstart_client *client, const char *message, void *data) {
  struct harness *h = data;
  keys_refused++;
  if (strcmp(message, "Unauthorized") != 0)
    harness_blame(h, "the key was refused with '%s'", message);
  if (expstart_set_api_key(client, "new-key") != EXPSTART_OK)
    harness_blame(h, "the new key is refused");
}

static void let_the_new_key_in(void *data, const struct rawserver_request *request,
                               struct rawserver_conn *conn) {
  const char *key = rawserver_request_header(request, "Authorization");
  (void)data;
  if (key && strcmp(key, "Api-Key new-key") == 0)
    rawserver_json(conn, 200, NULL, BODY_STARTED);
  else
    rawserver_json(conn, 401, NULL, "Unauthorized");
}

/* All that was sent with the old one is refused, and none of it is rejected. */
static void a_key_that_is_refused_is_changed_and_nothing_is_lost(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.handler = let_the_new_key_in});
  h.options.on_key_refused = rotate_key;
  keys_refused = 0;
  harness_open(&h);
  for (int i = 0; i < 200; i++)
    harness_submit(&h, 7);
  harness_run(&h, 200);
  assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), 200);
  assert_int_equal(keys_refused, 1);
  harness_end(&h);
}

/* ---- permits ------------------------------------------------------------------------------------------ */

struct granter {
  struct harness h;
  uint32_t left;     /* to be granted yet */
  uint32_t returned; /* at the close */
  unsigned told;
};

static void on_permits(expstart_client *client, uint32_t wanted, uint32_t returned, void *data) {
  struct granter *granter = data; /* the harness is its first member */
  uint32_t n = wanted < granter->left ? wanted : granter->left;
  granter->told++;
  granter->returned += returned;
  granter->left -= n;
  if (n > 0 && expstart_permit(client, n, 0) != EXPSTART_OK)
    harness_blame(&granter->h, "a permit is refused");
}

static bool are_tried(struct harness *h, size_t number) {
  struct expstart_stats stats = harness_stats(h);
  return stats.attempts + stats.lookups >= number && stats.in_flight == 0;
}

static void no_more_attempts_are_made_than_permits_are_granted(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(500, NULL, "")),
                                                 RAW_STEP(RAW_JSON(200, NULL, BODY_RUNNING)),
                                                 RAW_REPEAT(STARTED)};
  struct granter granter = {.left = 50};
  struct harness *h = &granter.h;
  SERVE(h, script);
  h->options.on_permits = on_permits;
  harness_open(h);
  for (int i = 0; i < 100; i++)
    harness_submit(h, 7);
  harness_run_until(h, are_tried, 50);
  assert_int_equal(harness_stats(h).attempts + harness_stats(h).lookups, 50);
  assert_int_equal(rawserver_request_count(h->server), 50);
  assert_int_equal(harness_stats(h).blocked_by, EXPSTART_BLOCKED_PERMITS);
  assert_int_equal(expstart_permit(h->client, 60, 0), EXPSTART_OK);
  harness_run(h, 100);
  harness_close(h, EXPSTART_DRAIN);
  harness_run_until_closed(h);
  struct expstart_stats last = granter.h.last_stats;
  assert_int_equal(granter.returned, 110 - last.attempts - last.lookups);
  harness_end(h);
}

static void permits_are_for_those_who_asked_for_them(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  assert_int_equal(expstart_permit(h.client, 1, 0), EXPSTART_EINVAL);
  assert_int_equal(expstart_set_max_in_flight(h.client, 0), EXPSTART_EINVAL);
  assert_int_equal(expstart_set_max_in_flight(h.client, 1), EXPSTART_OK);
  for (int i = 0; i < 50; i++)
    harness_submit(&h, 7);
  harness_run(&h, 50);
  assert_int_equal(rawserver_counts(h.server).connections, 1);
  harness_end(&h);
}

/* ---- why nothing goes ----------------------------------------------------------------------------------- */

static bool is_gate_shut(struct harness *h, size_t number) {
  (void)number;
  return harness_stats(h).gate_error != EXPSTART_OK;
}

/* A handshake with a port that speaks no TLS can never succeed; it was told as an outage and no more. */
static void why_an_outage_is_one_is_told(void **state) {
  (void)state;
  struct harness h;
  char endpoint[128];
  SERVE(&h, script_started);
  snprintf(endpoint, sizeof(endpoint), "https://127.0.0.1:%d/v1", rawserver_port(h.server));
  h.options.endpoint = endpoint;
  h.options.connect_timeout_ms = 200; /* it waits for the rest of what it takes for a request */
  harness_open(&h);
  for (int i = 0; i < 20; i++)
    harness_submit(&h, 7);
  harness_run_until(&h, is_gate_shut, 0);
  struct expstart_stats stats = harness_stats(&h);
  assert_int_equal(stats.blocked_by, EXPSTART_BLOCKED_OUTAGE_GATE);
  assert_int_equal(stats.gate_error, EXPSTART_ETIMEDOUT);
  /* libcurl 7.88 and 8.14, each in its words */
  assert_true(strstr(stats.gate_message, "SSL connection timeout") ||
              strstr(stats.gate_message, "timed out after"));
  harness_close(&h, EXPSTART_ABORT);
  harness_run_until_closed(&h);
  harness_end(&h);
}

/* Each error is long; together they were once kept whole for all that waited. */
static void long_errors_are_told_whole_at_the_end_and_cut_while_waiting(void **state) {
  (void)state;
  static char body[140000];
  char *at = body + sprintf(body, "{\"ok\":false,\"errors\":[");
  for (int i = 0; i < 32; i++) {
    at += sprintf(at, "%s\"", i ? "," : "");
    memset(at, 'e', 4000);
    at += 4000;
    *at++ = '"';
  }
  (void)sprintf(at, "]}");
  const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(400, NULL, body)),
                                          RAW_STEP(RAW_JSON(503, NULL, body)),
                                          RAW_REPEAT(RAW_STALL)};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->error_count, 32);
  harness_submit(&h, 7);
  harness_run_until_sent(&h, 3);
  assert_int_equal(expstart_cancel_all(h.client), EXPSTART_OK);
  harness_run(&h, 2);
  assert_int_equal(h.results[1]->error_count, 0);
  assert_int_equal(h.results[1]->http_status, 503);
  assert_int_equal(strlen(h.results[1]->message), 500);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_batch_accepts_what_it_can_and_tells_the_rest),
      cmocka_unit_test(a_batch_of_a_programs_own_longer_requests_is_taken),
      cmocka_unit_test(a_result_tells_its_note_and_mode_and_a_client_its_data_and_loop),
      cmocka_unit_test(threads_have_tickets_and_cancel_by_them),
      cmocka_unit_test(many_cancels_of_threads_do_not_hold_the_loop),
      cmocka_unit_test(the_loops_thread_may_use_a_threads_ticket_and_threads_the_loops),
      cmocka_unit_test(a_request_has_a_timeout_of_its_own),
      cmocka_unit_test(a_drain_has_a_deadline),
      cmocka_unit_test(who_waits_for_room_is_told_of_the_close),
      cmocka_unit_test(a_key_that_is_refused_is_changed_and_nothing_is_lost),
      cmocka_unit_test(no_more_attempts_are_made_than_permits_are_granted),
      cmocka_unit_test(permits_are_for_those_who_asked_for_them),
      cmocka_unit_test(why_an_outage_is_one_is_told),
      cmocka_unit_test(long_errors_are_told_whole_at_the_end_and_cut_while_waiting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

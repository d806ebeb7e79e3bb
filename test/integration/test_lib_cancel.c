/*
 * Canceling, as the contract in the header has it: in any state it ends in the one callback, which
 * tells whether anything may have been done. The rest of the contract is in test_lib_contract.c.
 */
#include "harness.h"

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)

static const struct rawserver_step script_started[] = {RAW_REPEAT(STARTED)};
static const struct rawserver_step script_stall[] = {RAW_REPEAT(RAW_STALL)};

static void expect_outcome(const struct harness_result *result, expstart_outcome outcome,
                           int error) {
  assert_string_equal(expstart_outcome_name(result->outcome), expstart_outcome_name(outcome));
  assert_string_equal(expstart_err_name(result->error), expstart_err_name(error));
}

static bool is_waiting(struct harness *h, size_t number) {
  return harness_stats(h).waiting >= number;
}

static void what_is_queued_is_canceled(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  expstart_ticket start = harness_submit(&h, 7);
  expstart_ticket look = harness_submit_as(&h, 7, NULL, EXPSTART_LOOK);
  expstart_ticket doubt = harness_submit_as(&h, 7, NULL, EXPSTART_LOOK_THEN_START);
  assert_int_equal(expstart_cancel(h.client, start), EXPSTART_OK);
  assert_int_equal(expstart_cancel(h.client, look), EXPSTART_OK);
  assert_int_equal(expstart_cancel(h.client, doubt), EXPSTART_OK);
  assert_int_equal(h.count, 0);
  harness_run(&h, 3);
  expect_outcome(h.results[0], EXPSTART_CANCELED, EXPSTART_ECANCELED);
  expect_outcome(h.results[1], EXPSTART_CANCELED, EXPSTART_ECANCELED);
  expect_outcome(h.results[2], EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  assert_int_equal(rawserver_counts(h.server).connections, 0);
  harness_end(&h);
}

static void what_was_sent_and_is_canceled_is_unknown(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_stall);
  harness_open(&h);
  expstart_ticket start = harness_submit(&h, 7);
  expstart_ticket look = harness_submit_as(&h, 7, NULL, EXPSTART_LOOK);
  harness_run_until_sent(&h, 2);
  assert_int_equal(expstart_cancel(h.client, start), EXPSTART_OK);
  assert_int_equal(expstart_cancel(h.client, look), EXPSTART_OK);
  assert_int_equal(h.count, 0);
  harness_run(&h, 2);
  size_t first = h.results[0]->ticket == start ? 0 : 1;
  expect_outcome(h.results[first], EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  expect_outcome(h.results[1 - first], EXPSTART_CANCELED, EXPSTART_ECANCELED);
  harness_run_dry(&h);
  assert_int_equal(rawserver_request_count(h.server), 2);
  harness_end(&h);
}

static void what_was_never_connected_is_canceled(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.listen = RAWSERVER_NEVER_CONNECT});
  harness_open(&h);
  expstart_ticket ticket = harness_submit(&h, 7);
  for (int i = 0; i < 20; i++)
    uv_run(h.loop, UV_RUN_NOWAIT);
  assert_int_equal(harness_stats(&h).in_flight, 1);
  assert_int_equal(expstart_cancel(h.client, ticket), EXPSTART_OK);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_CANCELED, EXPSTART_ECANCELED);
  harness_end(&h);
}

static void what_waits_is_canceled_or_unknown_by_what_was_before(void **state) {
  (void)state;
  static const struct rawserver_step throttled[] = {
      RAW_STEP(RAW_JSON(429, "Retry-After: 60\r\n", ""))};
  static const struct rawserver_step lost[] = {RAW_STEP(RAW_JSON(500, NULL, "")),
                                               RAW_STEP(RAW_JSON(429, "Retry-After: 60\r\n", ""))};
  struct harness h;
  SERVE(&h, throttled);
  harness_open(&h);
  expstart_ticket ticket = harness_submit(&h, 7);
  harness_run_until(&h, is_waiting, 1);
  assert_int_equal(harness_stats(&h).blocked_by, EXPSTART_BLOCKED_THROTTLE_GATE);
  assert_true(harness_stats(&h).blocked_ms > 0);
  assert_true(harness_stats(&h).gate_ms_left > 0);
  assert_int_equal(expstart_cancel(h.client, ticket), EXPSTART_OK);
  assert_int_equal(expstart_cancel(h.client, ticket), EXPSTART_ENOTFOUND);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_CANCELED, EXPSTART_ECANCELED);
  harness_end(&h);

  SERVE(&h, lost);
  harness_open(&h);
  ticket = harness_submit(&h, 7);
  harness_run_until_sent(&h, 2);
  harness_run_until(&h, is_waiting, 1);
  assert_int_equal(expstart_cancel(h.client, ticket), EXPSTART_OK);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_UNKNOWN, EXPSTART_ECANCELED);
  harness_end(&h);
}

static void a_stale_ticket_is_not_found(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  expstart_ticket old = harness_submit(&h, 7);
  harness_run(&h, 1);
  expstart_ticket young = harness_submit(&h, 7); /* in the same place, perhaps */
  assert_int_equal(expstart_cancel(h.client, old), EXPSTART_ENOTFOUND);
  assert_int_equal(expstart_cancel(h.client, 0), EXPSTART_ENOTFOUND);
  assert_int_equal(expstart_cancel(h.client, UINT64_MAX), EXPSTART_ENOTFOUND);
  assert_int_equal(expstart_cancel(h.client, young + 1), EXPSTART_ENOTFOUND);
  harness_run(&h, 2);
  expect_outcome(h.results[1], EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(h.results[1]->ticket, young);
  harness_end(&h);
}

static void submit_after_cancel(struct harness *h, const expstart_result *result) {
  if (result->outcome == EXPSTART_CANCELED)
    harness_submit(h, 7);
}

static void what_callbacks_submit_during_cancel_all_survives_it(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.on_result = submit_after_cancel;
  harness_open(&h);
  for (int i = 0; i < 10; i++)
    harness_submit(&h, 7);
  assert_int_equal(expstart_cancel_all(h.client), EXPSTART_OK);
  harness_submit(&h, 7);
  harness_run(&h, 21);
  harness_run_dry(&h);
  assert_int_equal(h.count, 21);
  assert_int_equal(harness_stats(&h).canceled, 10);
  assert_int_equal(harness_stats(&h).started, 11);
  harness_end(&h);
}

static void cancel_the_rest(struct harness *h, const expstart_result *result) {
  const expstart_ticket *tickets = h->data;
  (void)result;
  for (size_t i = 0; i < 10; i++)
    (void)expstart_cancel(h->client, tickets[i]);
}

static void a_callback_may_cancel_others(void **state) {
  (void)state;
  /* The next may be under way by then: no reply of its own comes before it is canceled. */
  static const struct rawserver_step script[] = {RAW_STEP(STARTED), RAW_REPEAT(RAW_STALL)};
  struct harness h;
  expstart_ticket tickets[10];
  SERVE(&h, script);
  h.options.max_in_flight = 1;
  h.on_result = cancel_the_rest;
  h.data = tickets;
  harness_open(&h);
  for (size_t i = 0; i < 10; i++)
    tickets[i] = harness_submit(&h, 7);
  harness_run(&h, 10);
  harness_run_dry(&h);
  assert_int_equal(h.count, 10);
  assert_int_equal(harness_stats(&h).started, 1);
  assert_true(harness_stats(&h).canceled >= 8);
  harness_end(&h);
}

/* Nothing was sent while so many outcomes waited for their callbacks, and when these were made nobody
   looked again: the others stayed in the queue for ever. */
static void after_many_outcomes_at_once_the_others_go_on(void **state) {
  (void)state;
  enum { ALL = 500, CANCELED = 400 };
  struct harness h;
  expstart_ticket tickets[ALL];
  SERVE(&h, script_started);
  harness_open(&h);
  for (size_t i = 0; i < ALL; i++)
    tickets[i] = harness_submit(&h, 7);
  for (size_t i = 0; i < CANCELED; i++)
    assert_int_equal(expstart_cancel(h.client, tickets[i]), EXPSTART_OK);
  harness_run(&h, ALL);
  assert_int_equal(harness_stats(&h).started, ALL - CANCELED);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_queued_is_canceled),
      cmocka_unit_test(what_was_sent_and_is_canceled_is_unknown),
      cmocka_unit_test(what_was_never_connected_is_canceled),
      cmocka_unit_test(what_waits_is_canceled_or_unknown_by_what_was_before),
      cmocka_unit_test(a_stale_ticket_is_not_found),
      cmocka_unit_test(what_callbacks_submit_during_cancel_all_survives_it),
      cmocka_unit_test(a_callback_may_cancel_others),
      cmocka_unit_test(after_many_outcomes_at_once_the_others_go_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

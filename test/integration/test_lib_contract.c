/*
 * The contract in the header, its rules on submitting, callbacks, a full queue and the hooks: one
 * test for each. Canceling is in test_lib_cancel.c, closing and loops in test_lib_life.c. The
 * harness checks in each that callbacks come once, later and on the loop's thread.
 */
#include "harness.h"

#include <json.h>

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)

static const struct rawserver_step script_started[] = {RAW_REPEAT(STARTED)};
/* Whichever experiment it is sent for: the body above is about one. */
static const struct rawserver_step script_ok[] = {RAW_REPEAT(RAW_JSON(200, NULL, "{\"ok\":true}"))};

static void expect_outcome(const struct harness_result *result, expstart_outcome outcome,
                           int error) {
  assert_string_equal(expstart_outcome_name(result->outcome), expstart_outcome_name(outcome));
  assert_string_equal(expstart_err_name(result->error), expstart_err_name(error));
}

static void expect_ok(struct harness *h, const char *what, int status) {
  if (status != EXPSTART_OK)
    harness_blame(h, "%s: %s", what, expstart_err_name(status));
}

/* ---- 1 and 2: submits ---- */

static void each_accepted_start_is_called_back_once_and_not_in_the_submit(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  expstart_ticket before = 0;
  for (int i = 0; i < 300; i++) {
    expstart_ticket ticket = harness_submit(&h, 7);
    assert_true(ticket != before);
    before = ticket;
  }
  assert_int_equal(h.count, 0);
  assert_int_equal(harness_stats(&h).queued, 300);
  harness_run(&h, 300);
  harness_run_dry(&h);
  assert_int_equal(h.count, 300);
  assert_int_equal(harness_stats(&h).started, 300);
  assert_int_equal(rawserver_request_count(h.server), 300);
  harness_end(&h);
}

static void a_refused_submit_is_never_called_back(void **state) {
  (void)state;
  struct harness h;
  static char long_note[EXPSTART_NOTE_MAX + 2];
  memset(long_note, 'n', sizeof(long_note) - 1);
  SERVE(&h, script_started);
  harness_open(&h);
  const struct expstart_request good = {
      .size = sizeof(good), .experiment_id = 7, .done = harness_done, .data = &h};
  struct expstart_request bad[8];
  const int errors[8] = {EXPSTART_EINVAL,    EXPSTART_EINVAL,   EXPSTART_EINVAL,
                         EXPSTART_EID,       EXPSTART_EID,      EXPSTART_ENOTEUTF8,
                         EXPSTART_ENOTELONG, EXPSTART_ENOTEUTF8};
  for (size_t i = 0; i < 8; i++)
    bad[i] = good;
  bad[0].size = 0;
  bad[1].mode = (expstart_mode)3;
  bad[2].done = NULL;
  bad[3].experiment_id = 0;
  bad[4].experiment_id = INT64_MIN;
  bad[5].note = "\xC3";
  bad[6].note = long_note;
  bad[7].note = "\xED\xA0\x80";
  for (size_t i = 0; i < 8; i++) {
    expstart_ticket ticket = 99;
    assert_int_equal(harness_try(&h, &bad[i], &ticket), errors[i]);
    assert_int_equal(ticket, 99);
  }
  assert_int_equal(harness_try(&h, NULL, NULL), EXPSTART_EINVAL);
  assert_int_equal(expstart_submit(NULL, &good, NULL), EXPSTART_EINVAL);
  harness_run_dry(&h);
  assert_int_equal(h.count, 0);
  assert_int_equal(harness_stats(&h).accepted, 0);
  assert_int_equal(rawserver_counts(h.server).connections, 0);
  harness_end(&h);
}

static void what_a_submit_was_given_may_be_overwritten_at_once(void **state) {
  (void)state;
  struct harness h;
  char *note = strdup("keep me");
  int64_t *ids = malloc(3 * sizeof(*ids));
  size_t accepted = 0;
  SERVE(&h, script_ok);
  h.options.max_in_flight = 1;
  harness_open(&h);
  struct expstart_request request = {
      .size = sizeof(request), .experiment_id = 41, .note = note, .done = harness_done, .data = &h};
  assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_OK);
  memset(&request, 0xA5, sizeof(request));
  ids[0] = 42, ids[1] = 43, ids[2] = 44;
  assert_int_equal(expstart_submit_many(h.client, ids, 3, note, harness_done, &h, &accepted),
                   EXPSTART_OK);
  assert_int_equal(accepted, 3);
  h.accepted += accepted;
  memset(note, 'x', strlen(note));
  memset(ids, 0xA5, 3 * sizeof(*ids));
  free(note);
  free(ids);
  harness_run(&h, 4);
  for (int i = 0; i < 4; i++) {
    char path[64];
    const struct rawserver_request *sent = rawserver_request_at(h.server, (size_t)i);
    snprintf(path, sizeof(path), "/v1/experiments/%d/start", 41 + i);
    assert_string_equal(sent->path, path);
    assert_string_equal(sent->body, "{\"action\":\"start\",\"note\":\"keep me\"}");
  }
  harness_end(&h);
}

static void submit_many_with_a_bad_id_accepts_none(void **state) {
  (void)state;
  struct harness h;
  const int64_t ids[] = {1, 2, 0, 4};
  size_t accepted = 99;
  SERVE(&h, script_started);
  harness_open(&h);
  assert_int_equal(expstart_submit_many(h.client, ids, 4, NULL, harness_done, &h, &accepted),
                   EXPSTART_EID);
  assert_int_equal(accepted, 0);
  assert_int_equal(expstart_submit_many(h.client, ids, 2, "\xFF", harness_done, &h, &accepted),
                   EXPSTART_ENOTEUTF8);
  assert_int_equal(expstart_submit_many(h.client, ids, 2, NULL, NULL, &h, NULL), EXPSTART_EINVAL);
  assert_int_equal(expstart_submit_many(h.client, NULL, 1, NULL, harness_done, &h, NULL),
                   EXPSTART_EINVAL);
  assert_int_equal(expstart_submit_many(h.client, NULL, 0, NULL, harness_done, &h, &accepted),
                   EXPSTART_OK);
  assert_int_equal(harness_stats(&h).accepted, 0);
  harness_run_dry(&h);
  harness_end(&h);
}

static void submit_many_into_too_small_a_queue_accepts_a_counted_part(void **state) {
  (void)state;
  struct harness h;
  const int64_t ids[] = {1, 2, 3, 4, 5};
  size_t accepted = 99;
  SERVE(&h, script_started);
  h.options.max_queued = 3;
  harness_open(&h);
  assert_int_equal(expstart_submit_many(h.client, ids, 5, NULL, harness_done, &h, &accepted),
                   EXPSTART_EFULL);
  assert_int_equal(accepted, 3);
  h.accepted = accepted;
  harness_run(&h, 3);
  harness_run_dry(&h);
  assert_int_equal(h.count, 3);
  assert_int_equal(h.room_calls, 1);
  harness_end(&h);
}

/* ---- 3: what a callback may do ---- */

static void submit_the_next(struct harness *h, const expstart_result *result) {
  if (result->experiment_id < 50)
    harness_submit(h, result->experiment_id + 1);
}

static void a_callback_may_submit(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.options.max_queued = 1; /* its own place is free by then */
  h.on_result = submit_the_next;
  harness_open(&h);
  harness_submit(&h, 1);
  harness_run(&h, 50);
  harness_run_dry(&h);
  assert_int_equal(h.results[49]->experiment_id, 50);
  harness_end(&h);
}

static void change_everything(struct harness *h, const expstart_result *result) {
  expect_ok(h, "pause", expstart_pause(h->client));
  expect_ok(h, "pause twice", expstart_pause(h->client));
  expect_ok(h, "set_rate", expstart_set_rate(h->client, 100000.0, 10));
  if (expstart_set_rate(h->client, -1.0, 0) != EXPSTART_EINVAL)
    harness_blame(h, "a negative rate was taken");
  if (expstart_cancel(h->client, result->ticket) != EXPSTART_ENOTFOUND)
    harness_blame(h, "what is called back could be canceled");
  harness_check_ledger(h);
  expect_ok(h, "resume", expstart_resume(h->client));
}

static void a_callback_may_pause_resume_set_the_rate_and_read_stats(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.on_result = change_everything;
  harness_open(&h);
  for (int i = 0; i < 100; i++)
    harness_submit(&h, 7);
  harness_run(&h, 100);
  assert_int_equal(harness_stats(&h).started, 100);
  harness_end(&h);
}

static void pause_holds_and_resume_goes_on(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  assert_int_equal(expstart_pause(h.client), EXPSTART_OK);
  harness_submit(&h, 7);
  for (int i = 0; i < 50; i++)
    uv_run(h.loop, UV_RUN_NOWAIT);
  assert_int_equal(harness_stats(&h).queued, 1);
  assert_int_equal(harness_stats(&h).blocked_by, EXPSTART_BLOCKED_PAUSED);
  assert_int_equal(rawserver_counts(h.server).connections, 0);
  assert_int_equal(expstart_resume(h.client), EXPSTART_OK);
  assert_int_equal(expstart_resume(h.client), EXPSTART_OK);
  harness_run(&h, 1);
  expect_outcome(h.results[0], EXPSTART_STARTED, EXPSTART_OK);
  harness_end(&h);
}

/* ---- 7: a full queue ---- */

static void fill_again(struct harness *h) {
  struct expstart_stats stats = harness_stats(h);
  if (stats.queued + stats.in_flight + stats.waiting > 5)
    harness_blame(h, "on_room before half of the queue was free");
  for (int i = 0; h->room_calls == 1 && i < 5; i++)
    harness_submit(h, 7);
}

static void a_full_queue_refuses_at_once_and_tells_of_room_once(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.options.max_queued = 10;
  h.options.max_in_flight = 1;
  h.on_room = fill_again;
  harness_open(&h);
  const struct expstart_request request = {
      .size = sizeof(request), .experiment_id = 7, .done = harness_done, .data = &h};
  for (int i = 0; i < 10; i++)
    assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_OK);
  assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_EFULL);
  assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_EFULL);
  harness_run(&h, 15);
  harness_run_dry(&h);
  assert_int_equal(h.count, 15);
  assert_int_equal(h.room_calls, 1);
  harness_submit(&h, 7);
  harness_run(&h, 16);
  assert_int_equal(h.room_calls, 1);
  harness_end(&h);
}

/* ---- hooks, replies, stats ---- */

static void cancel_in_hook(struct harness *h, const expstart_attempt *attempt) {
  if (attempt->next != EXPSTART_NEXT_DONE)
    expect_ok(h, "cancel in on_attempt", expstart_cancel(h->client, attempt->ticket));
  if (attempt->experiment_id == 1)
    harness_submit(h, 2);
}

static void on_attempt_may_submit_and_cancel_its_own_request(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(503, NULL, "")),
                                                 RAW_STEP(RAW_JSON(200, NULL, BODY_STARTED_ANY))};
  struct harness h;
  SERVE(&h, script);
  h.on_attempt = cancel_in_hook;
  harness_open(&h);
  harness_submit(&h, 1);
  harness_run(&h, 2);
  expect_outcome(h.results[0], EXPSTART_CANCELED, EXPSTART_ECANCELED);
  expect_outcome(h.results[1], EXPSTART_STARTED, EXPSTART_OK);
  assert_int_equal(h.attempt_count, 2);
  assert_int_equal(h.attempts[0].next, EXPSTART_NEXT_START);
  assert_int_equal(h.attempts[0].http_status, 503);
  harness_end(&h);
}

static void an_echoed_key_is_in_no_line_of_the_log(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(503, NULL, "{\"message\":\"" HARNESS_KEY "\"}")),
      RAW_STEP(RAW_JSON(401, NULL, "bad key: " HARNESS_KEY))};
  struct harness h;
  expect_outcome(PLAY(&h, script), EXPSTART_REJECTED, EXPSTART_EREFUSED);
  assert_int_equal(h.log_lines, 2); /* the harness looks at each */
  harness_end(&h);
}

static void read_tree(struct harness *h, const expstart_result *result) {
  struct json_object *tree = expstart_result_json(result), *ok = NULL;
  bool is_json = result->reply != NULL && result->reply[0] == '{';
  if ((tree != NULL) != is_json)
    harness_blame(h, "a tree without JSON, or none of it");
  if (tree != NULL && (!json_object_object_get_ex(tree, "ok", &ok) || !json_object_get_boolean(ok)))
    harness_blame(h, "the tree is not the reply's");
  if (result->reply != NULL && result->reply[result->reply_size] != '\0')
    harness_blame(h, "no NUL after the reply");
  json_object_put(tree);
}

static void a_kept_reply_is_whole_and_readable_as_json(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(STARTED),
                                                 RAW_STEP(RAW_JSON(404, NULL, "not here"))};
  struct harness h;
  SERVE(&h, script);
  h.options.flags = EXPSTART_KEEP_REPLY;
  h.options.max_in_flight = 1;
  h.on_result = read_tree;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_submit(&h, 8);
  harness_run(&h, 2);
  assert_string_equal(h.results[0]->reply, BODY_STARTED);
  assert_int_equal(h.results[0]->reply_size, strlen(BODY_STARTED));
  assert_string_equal(h.results[1]->reply, "not here");
  assert_null(expstart_result_json(NULL));
  harness_end(&h);
}

static void a_reply_that_is_not_ascii_is_a_start_and_has_a_tree(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(
      RAW_JSON(200, NULL,
               "{\"ok\":true,\"errors\":[{\"warn\":\"m\xC3\xB6glich\"}],\"n\":18446744073709551616,"
               "\"experiment\":{\"id\":7,\"state\":\"running\"}}"))};
  struct harness h;
  SERVE(&h, script);
  h.options.flags = EXPSTART_KEEP_REPLY;
  h.on_result = read_tree;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  assert_int_equal(h.results[0]->attempts, 1);
  harness_end(&h);
}

static void without_the_flag_no_reply_is_kept(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.on_result = read_tree;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_null(h.results[0]->reply);
  assert_int_equal(h.results[0]->reply_size, 0);
  harness_end(&h);
}

static void stats_are_written_up_to_the_size_asked_for(void **state) {
  (void)state;
  struct harness h;
  struct {
    struct expstart_stats stats;
    uint64_t later[4];
  } wide;
  struct expstart_stats narrow;
  SERVE(&h, script_started);
  harness_open(&h);
  harness_submit(&h, 7);
  memset(&wide, 0xA5, sizeof(wide));
  memset(&narrow, 0xA5, sizeof(narrow));
  expstart_stats_get(h.client, &narrow, sizeof(narrow.accepted));
  expstart_stats_get(h.client, (struct expstart_stats *)(void *)&wide, sizeof(wide));
  assert_int_equal(narrow.accepted, 1);
  assert_true(narrow.started == UINT64_C(0xA5A5A5A5A5A5A5A5));
  assert_int_equal(wide.stats.accepted, 1);
  assert_int_equal(wide.stats.queued, 1);
  assert_int_equal(wide.later[0] + wide.later[3], 0);
  harness_run(&h, 1);
  assert_true(harness_stats(&h).bytes_sent > 0);
  assert_true(harness_stats(&h).bytes_received > strlen(BODY_STARTED));
  harness_end(&h);
}

static void a_metrics_page_tells_what_the_stats_tell(void **state) {
  (void)state;
  struct harness h;
  char text[16384];
  SERVE(&h, script_started);
  harness_open(&h);
  for (int i = 0; i < 3; i++)
    harness_submit(&h, 7);
  harness_run(&h, 3);
  harness_submit(&h, 7);
  int length = expstart_stats_prometheus(h.client, "env=\"test\"", text, sizeof text);
  assert_in_range(length, 1000, sizeof text - 1);
  assert_non_null(strstr(text, "\nexpstart_accepted_total{env=\"test\"} 4\n"));
  assert_non_null(strstr(text, "\nexpstart_outcomes_total{env=\"test\",outcome=\"started\"} 3\n"));
  assert_non_null(strstr(text, "\nexpstart_queued{env=\"test\"} 1\n"));
  assert_int_equal(expstart_stats_prometheus(h.client, "env", text, sizeof text), EXPSTART_EINVAL);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_accepted_start_is_called_back_once_and_not_in_the_submit),
      cmocka_unit_test(a_refused_submit_is_never_called_back),
      cmocka_unit_test(what_a_submit_was_given_may_be_overwritten_at_once),
      cmocka_unit_test(submit_many_with_a_bad_id_accepts_none),
      cmocka_unit_test(submit_many_into_too_small_a_queue_accepts_a_counted_part),
      cmocka_unit_test(a_callback_may_submit),
      cmocka_unit_test(a_callback_may_pause_resume_set_the_rate_and_read_stats),
      cmocka_unit_test(pause_holds_and_resume_goes_on),
      cmocka_unit_test(a_full_queue_refuses_at_once_and_tells_of_room_once),
      cmocka_unit_test(on_attempt_may_submit_and_cancel_its_own_request),
      cmocka_unit_test(an_echoed_key_is_in_no_line_of_the_log),
      cmocka_unit_test(a_kept_reply_is_whole_and_readable_as_json),
      cmocka_unit_test(a_reply_that_is_not_ascii_is_a_start_and_has_a_tree),
      cmocka_unit_test(without_the_flag_no_reply_is_kept),
      cmocka_unit_test(stats_are_written_up_to_the_size_asked_for),
      cmocka_unit_test(a_metrics_page_tells_what_the_stats_tell),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

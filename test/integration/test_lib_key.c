/*
 * Another key while the client is at work: what is sent from then on has it, what is under way keeps its
 * own, and neither is ever told.
 */
#include "harness.h"

#define OTHER_KEY "Zw8-another-4hPq"

static const char *key_of(struct harness *h, size_t request) {
  const char *value =
      rawserver_request_header(rawserver_request_at(h->server, request), "Authorization");
  assert_non_null(value);
  assert_int_equal(strncmp(value, "Api-Key ", 8), 0);
  return value + 8;
}

static void attempts_after_a_change_use_the_new_key(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(200, NULL, BODY_STARTED)), RAW_STEP(RAW_JSON(200, NULL, BODY_STARTED)),
      RAW_STEP(RAW_JSON(200, NULL, BODY_RUNNING)), RAW_STEP(RAW_JSON(200, NULL, BODY_STARTED))};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  assert_int_equal(expstart_set_api_key(h.client, "Api-Key " OTHER_KEY), EXPSTART_OK);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 2);
  harness_submit_as(&h, HARNESS_ID, NULL, EXPSTART_LOOK);
  harness_run(&h, 3);
  assert_int_equal(expstart_set_api_key(h.client, HARNESS_KEY), EXPSTART_OK);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 4);
  assert_string_equal(key_of(&h, 0), HARNESS_KEY);
  assert_string_equal(key_of(&h, 1), OTHER_KEY);
  assert_string_equal(key_of(&h, 2), OTHER_KEY);
  assert_string_equal(key_of(&h, 3), HARNESS_KEY);
  harness_end(&h);
}

/* The harness looks for its key in every message by itself. */
static void an_attempt_under_way_keeps_its_key_and_does_not_tell_it(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_PAUSE(100),
               RAW_JSON(400, NULL, "{\"ok\":false,\"errors\":[\"not with " HARNESS_KEY "\"]}")),
      RAW_STEP(RAW_JSON(400, NULL, "{\"ok\":false,\"errors\":[\"not with " OTHER_KEY "\"]}"))};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run_until_sent(&h, 1);
  assert_int_equal(expstart_set_api_key(h.client, OTHER_KEY), EXPSTART_OK);
  harness_submit(&h, HARNESS_ID + 1);
  harness_run(&h, 2);
  assert_string_equal(key_of(&h, 0), HARNESS_KEY);
  assert_string_equal(key_of(&h, 1), OTHER_KEY);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(h.results[i]->outcome, EXPSTART_REJECTED);
    assert_null(strstr(h.results[i]->message, OTHER_KEY));
    assert_non_null(strstr(h.results[i]->message, "not with "));
  }
  harness_end(&h);
}

static void a_key_that_is_none_changes_nothing(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(200, NULL, BODY_STARTED))};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  assert_int_equal(expstart_set_api_key(NULL, OTHER_KEY), EXPSTART_EINVAL);
  assert_int_equal(expstart_set_api_key(h.client, NULL), EXPSTART_ENOKEY);
  assert_int_equal(expstart_set_api_key(h.client, ""), EXPSTART_ENOKEY);
  assert_int_equal(expstart_set_api_key(h.client, "with space"), EXPSTART_EKEYCHAR);
  assert_int_equal(expstart_set_api_key(h.client, "Api-Key Api-Key x"), EXPSTART_EKEYPREFIX);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  assert_string_equal(key_of(&h, 0), HARNESS_KEY);
  harness_end(&h);
}

static void after_an_abort_there_is_no_other_key(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_STALL)};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run_until_sent(&h, 1);
  harness_close(&h, EXPSTART_DRAIN);
  assert_int_equal(expstart_set_api_key(h.client, OTHER_KEY), EXPSTART_OK);
  harness_close(&h, EXPSTART_ABORT);
  assert_int_equal(expstart_set_api_key(h.client, HARNESS_KEY), EXPSTART_ECLOSING);
  harness_run_until_closed(&h);
  harness_end(&h);
}

static void set_other_key(expstart_client *client, const char *message, void *hook_data) {
  struct harness *h = hook_data;
  (void)message;
  if (expstart_set_api_key(client, OTHER_KEY) != EXPSTART_OK)
    harness_blame(h, "set_api_key in on_key_refused");
}

static void what_was_held_back_for_its_key_goes_on_with_the_new_one(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(401, NULL, "{\"ok\":false}")),
                                                 RAW_REPEAT(RAW_JSON(200, NULL, "{\"ok\":true}"))};
  struct harness h;
  SERVE(&h, script);
  h.options.on_key_refused = set_other_key;
  h.options.max_in_flight = 1;
  harness_open(&h);
  for (int i = 1; i <= 3; i++)
    harness_submit(&h, i);
  harness_run(&h, 3);
  assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), 3);
  assert_int_equal(rawserver_request_count(h.server), 4);
  assert_string_equal(key_of(&h, 0), HARNESS_KEY);
  for (size_t i = 1; i < 4; i++)
    assert_string_equal(key_of(&h, i), OTHER_KEY);
  harness_end(&h);
}

/* ---- while much is under way ---- */

enum { STARTS = 600, EACH = 20 };

static void rotate(struct harness *h, const expstart_result *result) {
  char key[32];
  (void)result;
  if (h->count % EACH != 0)
    return;
  snprintf(key, sizeof(key), "key-%zu", h->count / EACH);
  if (expstart_set_api_key(h->client, key) != EXPSTART_OK)
    harness_blame(h, "set_api_key");
}

/* Each request has a key that was set, and of those on one connection none has an older one than the request
   before it. */
static void keys_that_follow_each_other_are_each_used_in_their_time(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_JSON(200, NULL, "{\"ok\":true}"))};
  struct harness h;
  SERVE(&h, script);
  h.options.max_in_flight = 16;
  h.on_result = rotate;
  harness_open(&h);
  for (int i = 1; i <= STARTS; i++)
    harness_submit(&h, i);
  harness_run(&h, STARTS);
  unsigned long latest[64] = {0}, last = 0;
  for (size_t i = 0; i < STARTS; i++) {
    const struct rawserver_request *request = rawserver_request_at(h.server, i);
    const char *key = key_of(&h, i);
    unsigned long number = strcmp(key, HARNESS_KEY) == 0 ? 0 : strtoul(key + 4, NULL, 10);
    assert_true(request->connection < 64);
    assert_true(number <= STARTS / EACH);
    assert_true(number >= latest[request->connection]);
    latest[request->connection] = number;
    last = number > last ? number : last;
  }
  assert_true(last >= STARTS / EACH - 2);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attempts_after_a_change_use_the_new_key),
      cmocka_unit_test(an_attempt_under_way_keeps_its_key_and_does_not_tell_it),
      cmocka_unit_test(a_key_that_is_none_changes_nothing),
      cmocka_unit_test(after_an_abort_there_is_no_other_key),
      cmocka_unit_test(what_was_held_back_for_its_key_goes_on_with_the_new_one),
      cmocka_unit_test(keys_that_follow_each_other_are_each_used_in_their_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

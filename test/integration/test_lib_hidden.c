/*
 * Replies that something else must not hide: a reset that comes with them, a timeout that has passed
 * while the process could not look. What has arrived is read, as curl does.
 */
#include "harness.h"

#define ROUNDS 50

struct reply {
  int status;
  const char *headers, *body;
  expstart_outcome outcome;
  int error;
};

static const struct reply replies[] = {
    {200, NULL, BODY_STARTED, EXPSTART_STARTED, EXPSTART_OK},
    {401, NULL, "{\"ok\":false,\"errors\":[\"no such key\"]}", EXPSTART_REJECTED, EXPSTART_EREFUSED},
    {429, "Retry-After: 60\r\n", "{\"ok\":false}", EXPSTART_FAILED, EXPSTART_ETHROTTLED},
};

static void check(const struct reply *expected, const struct harness_result *result) {
  if (result->outcome != expected->outcome || result->error != expected->error ||
      result->http_status != expected->status || result->lookups != 0)
    fail_msg("%d: %s, %s, HTTP %d: %s", expected->status, expstart_outcome_name(result->outcome),
             expstart_err_name(result->error), result->http_status, result->message);
}

/* The server answers on the head and closes with the body unread: its kernel sends a reset, which has
   mostly arrived with the reply when the client looks. */
static void a_reset_after_the_reply_does_not_hide_it(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
    const struct rawserver_step script[] = {
        RAW_REPEAT(RAW_JSON((unsigned)replies[i].status, replies[i].headers, replies[i].body),
                   RAW_CLOSE)};
    for (int round = 0; round < ROUNDS; round++) {
      struct harness h;
      harness_serve(&h, &(struct rawserver_options){RAW_SCRIPT(script), .leave_bodies = true});
      h.options.retry_timeout_ms = 1000; /* a throttle of a minute ends it */
      harness_open(&h);
      harness_submit(&h, HARNESS_ID);
      harness_run(&h, 1);
      check(&replies[i], h.results[0]);
      assert_int_equal(rawserver_request_count(h.server), 1);
      harness_end(&h);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reset_after_the_reply_does_not_hide_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

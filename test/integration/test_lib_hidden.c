/*
 * Replies that something else must not hide: a reset that comes with them, a timeout that has passed
 * while the process could not look. What has arrived is read, as curl does.
 */
#include "harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 50

struct reply {
  int status;
  const char *headers, *body;
  expstart_outcome outcome;
  int error;
};

static const struct reply replies[] = {
    {200, NULL, BODY_STARTED, EXPSTART_STARTED, EXPSTART_OK},
    {401, NULL, "{\"ok\":false,\"errors\":[\"no such key\"]}", EXPSTART_REJECTED,
     EXPSTART_EREFUSED},
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
    const struct rawserver_step script[] = {RAW_REPEAT(
        RAW_JSON((unsigned)replies[i].status, replies[i].headers, replies[i].body), RAW_CLOSE)};
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

/* ---- a process that could not look ---- */

enum { REPLY_MS = 600, STOP_MS = 300, TIMEOUT_MS = 1000, CONTINUE_MS = 1600 };

static void sleep_ms(long ms) {
  const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* As ^Z and fg do. */
static pid_t stop_and_continue_this_process(void) {
  pid_t test = getpid(), child = fork();
  assert_true(child >= 0);
  if (child > 0)
    return child;
  sleep_ms(STOP_MS);
  kill(test, SIGSTOP);
  sleep_ms(CONTINUE_MS - STOP_MS);
  kill(test, SIGCONT);
  _exit(0);
}

/* The reply comes in time, while the process is stopped; when it goes on the time is over. */
static void a_reply_that_came_while_the_process_was_stopped_is_read(void **state) {
  (void)state;
  struct sandbox sandbox;
  struct harness h;
  char latency[16];
  snprintf(latency, sizeof(latency), "%d", REPLY_MS);
  const char *const arguments[] = {"--latency-ms", latency, "--reply", "small", NULL};
  sandbox_start(&sandbox, arguments);
  harness_init(&h, sandbox.endpoint);
  h.options.api_key = "sandbox-key";
  h.options.attempt_timeout_ms = TIMEOUT_MS;
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  pid_t child = stop_and_continue_this_process();
  harness_run(&h, 1);
  assert_int_equal(waitpid(child, NULL, 0), child);
  const struct harness_result *result = h.results[0];
  if (result->outcome != EXPSTART_STARTED || result->lookups != 0)
    fail_msg("%s after %u look-ups: %s", expstart_outcome_name(result->outcome), result->lookups,
             result->message);
  assert_true(result->elapsed_us > TIMEOUT_MS * UINT64_C(1000));
  harness_end(&h);
  sandbox_stop(&sandbox);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reset_after_the_reply_does_not_hide_it),
      cmocka_unit_test(a_reply_that_came_while_the_process_was_stopped_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

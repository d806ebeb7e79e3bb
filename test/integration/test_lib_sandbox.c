/*
 * The library against the sandbox, a process of its own: thousands of starts through faults and
 * throttling, checked by what the sandbox has counted; and TLS, which the raw server does not
 * speak.
 */
#include "harness.h"

#include <time.h>
#include <unistd.h>

#define SANDBOX_KEY "sandbox-key"
#define STARTS 3000

static void prepare(struct harness *h, const struct sandbox *sandbox) {
  harness_init(h, sandbox->endpoint);
  h->options.api_key = SANDBOX_KEY;
  h->options.max_attempts = 50;
  h->options.attempt_timeout_ms = 2000; /* and so the time for doubts to settle */
  h->patience_ms = 100000;
}

static void submit_each(struct harness *h, expstart_mode mode) {
  for (int64_t id = 1; id <= STARTS; id++)
    harness_submit_as(h, id, "in bulk", mode);
}

/* ---- faults ---- */

static void expect_all_running_once(const struct sandbox *sandbox, struct harness *h) {
  assert_int_equal(harness_outcomes(h, EXPSTART_STARTED) + harness_outcomes(h, EXPSTART_RUNNING),
                   STARTS);
  assert_int_equal(sandbox_stat(sandbox, "running"), STARTS);
  assert_int_equal(sandbox_stat(sandbox, "started_once"), STARTS);
  assert_int_equal(sandbox_stat(sandbox, "started_more_than_once"), 0);
  assert_int_equal(sandbox_stat(sandbox, "doubled"), 0);
  assert_int_equal(sandbox_stat(sandbox, "unauthorized"), 0);
}

static void starts_through_faults_and_throttling_run_each_once(void **state) {
  (void)state;
  const char *const arguments[] = {
      "--experiments",  "3000", "--reply",       "small",       "--fail-5xx", "0.08",
      "--reset-before", "0.06", "--reset-after", "0.06",        "--truncate", "0.04",
      "--garbage",      "0.04", "--rate",        "1500",        "--burst",    "1000",
      "--retry-after",  "1",    "--hints",       "retry-after", NULL};
  struct sandbox sandbox;
  struct harness h;
  sandbox_start(&sandbox, arguments);
  prepare(&h, &sandbox);
  harness_open(&h);
  submit_each(&h, EXPSTART_START);
  harness_run(&h, STARTS);
  struct expstart_stats stats = harness_stats(&h);
  assert_true(stats.faults > 0);
  assert_true(stats.throttled > 0);
  assert_true(stats.running > 0);
  assert_int_equal(sandbox_stat(&sandbox, "throttled"), stats.throttled);
  expect_all_running_once(&sandbox, &h);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

static void starts_with_faulty_looks_run_each_once(void **state) {
  (void)state;
  const char *const arguments[] = {"--experiments", "3000",          "--fault-lookups",
                                   "--fail-5xx",    "0.1",           "--reset-before",
                                   "0.05",          "--reset-after", "0.1",
                                   "--truncate",    "0.05",          "--garbage",
                                   "0.05",          "--seed",        "7",
                                   "--reply",       "small",         NULL};
  struct sandbox sandbox;
  struct harness h;
  sandbox_start(&sandbox, arguments);
  prepare(&h, &sandbox);
  h.options.max_in_flight = 100;
  harness_open(&h);
  submit_each(&h, EXPSTART_START);
  harness_run(&h, STARTS);
  expect_all_running_once(&sandbox, &h);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

static void full_replies_through_few_connections_run_each_once(void **state) {
  (void)state;
  const char *const arguments[] = {"--experiments", "3000",       "--reset-after",
                                   "0.02",          "--truncate", "0.02",
                                   "--reply",       "full",       NULL};
  struct sandbox sandbox;
  struct harness h;
  sandbox_start(&sandbox, arguments);
  prepare(&h, &sandbox);
  h.options.max_connections = 4;
  harness_open(&h);
  submit_each(&h, EXPSTART_START);
  harness_run(&h, STARTS);
  expect_all_running_once(&sandbox, &h);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

/* ---- modes ---- */

static void looks_start_nothing_and_tell_what_runs(void **state) {
  (void)state;
  const char *const arguments[] = {"--experiments", "3000", "--reply", "small", NULL};
  struct sandbox sandbox;
  struct harness h;
  sandbox_start(&sandbox, arguments);
  prepare(&h, &sandbox);
  h.options.max_in_flight = 1;
  harness_open(&h);
  harness_submit(&h, 2);
  harness_submit_as(&h, 1, NULL, EXPSTART_LOOK);
  harness_submit_as(&h, 2, NULL, EXPSTART_LOOK);
  harness_submit_as(&h, 3001, NULL, EXPSTART_LOOK);
  harness_run(&h, 4);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  assert_int_equal(h.results[1]->outcome, EXPSTART_SEEN);
  assert_string_equal(h.results[1]->state, "ready");
  assert_int_equal(h.results[2]->outcome, EXPSTART_RUNNING);
  assert_int_equal(h.results[2]->attempts, 0);
  assert_int_equal(h.results[3]->outcome, EXPSTART_REJECTED);
  assert_int_equal(h.results[3]->http_status, 404);
  assert_int_equal(sandbox_stat(&sandbox, "running"), 1);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

static void after_a_crash_only_what_does_not_run_is_started(void **state) {
  (void)state;
  const char *const arguments[] = {"--experiments",   "3000", "--reply",   "small",
                                   "--reset-after",   "0.05", "--garbage", "0.05",
                                   "--fault-lookups", NULL};
  struct sandbox sandbox;
  struct harness h;
  sandbox_start(&sandbox, arguments);
  prepare(&h, &sandbox);
  harness_open(&h);
  for (int64_t id = 1; id <= STARTS / 2; id++)
    harness_submit(&h, 2 * id);
  harness_run(&h, STARTS / 2);
  submit_each(&h, EXPSTART_LOOK_THEN_START);
  harness_run(&h, STARTS / 2 + STARTS);
  for (size_t i = STARTS / 2; i < h.count; i++) {
    const struct harness_result *result = h.results[i];
    assert_true(result->outcome == EXPSTART_RUNNING || result->outcome == EXPSTART_STARTED);
    if (result->experiment_id % 2 == 0)
      assert_int_equal(result->attempts, 0);
  }
  assert_int_equal(sandbox_stat(&sandbox, "started_once"), STARTS);
  assert_int_equal(sandbox_stat(&sandbox, "doubled"), 0);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

static void loopback_is_reached_without_the_proxy_of_the_environment(void **state) {
  (void)state;
  const char *const arguments[] = {"--reply", "small", NULL};
  struct sandbox sandbox;
  struct harness h;
  sandbox_start(&sandbox, arguments);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  prepare(&h, &sandbox);
  h.options.max_attempts = 1;
  harness_open(&h);
  harness_submit(&h, 1);
  harness_run(&h, 1);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

/* ---- TLS ---- */

struct tls {
  struct sandbox sandbox;
  char folder[32];
  char ca_file[64];
};

static void tls_start(struct tls *tls, const char *fault, const char *probability) {
  snprintf(tls->folder, sizeof(tls->folder), "/tmp/expstart-XXXXXX");
  assert_non_null(mkdtemp(tls->folder));
  snprintf(tls->ca_file, sizeof(tls->ca_file), "%s/ca.pem", tls->folder);
  const char *const arguments[] = {"--tls",   "--ca-out", tls->ca_file, "--experiments", "3000",
                                   "--reply", "small",    fault,        probability,     NULL};
  sandbox_start(&tls->sandbox, arguments);
  assert_int_equal(strncmp(tls->sandbox.endpoint, "https://", 8), 0);
}

static void tls_stop(struct tls *tls) {
  sandbox_stop(&tls->sandbox);
  unlink(tls->ca_file);
  rmdir(tls->folder);
}

static void a_certificate_in_the_ca_file_is_trusted(void **state) {
  (void)state;
  struct tls tls;
  struct harness h;
  char by_number[64];
  tls_start(&tls, NULL, NULL);
  snprintf(by_number, sizeof(by_number), "https://127.0.0.1:%d/v1", tls.sandbox.port);
  const char *const endpoints[] = {tls.sandbox.endpoint, by_number};
  for (size_t i = 0; i < 2; i++) {
    prepare(&h, &tls.sandbox);
    h.options.endpoint = endpoints[i];
    h.options.ca_file = tls.ca_file;
    harness_open(&h);
    for (int64_t id = 1; id <= 100; id++)
      harness_submit(&h, id + (int64_t)i * 100);
    harness_run(&h, 100);
    assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), 100);
    harness_end(&h);
  }
  tls_stop(&tls);
}

static void copy_file(const char *from, const char *to) {
  char bytes[8192];
  FILE *in = fopen(from, "r"), *out = fopen(to, "w");
  assert_non_null(in);
  assert_non_null(out);
  size_t size = fread(bytes, 1, sizeof(bytes), in);
  assert_true(size > 0 && size < sizeof(bytes));
  assert_int_equal(fwrite(bytes, 1, size, out), size);
  assert_int_equal(fclose(out), 0);
  fclose(in);
}

/* libcurl keeps what it has read for a day, whatever was wrong with it. */
static void certificates_are_read_again_after_a_handshake_that_failed(void **state) {
  (void)state;
  const struct timespec over_a_second = {.tv_sec = 1, .tv_nsec = 100000000};
  struct tls tls;
  struct harness h;
  char path[] = "/tmp/expstart-ca-XXXXXX";
  int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  tls_start(&tls, NULL, NULL);
  copy_file(tls.ca_file, path);
  tls_stop(&tls);
  tls_start(&tls, NULL, NULL); /* it has another certificate */
  prepare(&h, &tls.sandbox);
  h.options.ca_file = path;
  harness_open(&h);
  harness_submit(&h, 1);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->error, EXPSTART_ECERT);
  copy_file(tls.ca_file, path);
  nanosleep(&over_a_second, NULL);
  harness_submit(&h, 2);
  harness_run(&h, 2);
  assert_int_equal(h.results[1]->outcome, EXPSTART_STARTED);
  harness_end(&h);
  unlink(path);
  tls_stop(&tls);
}

static void expect_refused_at_once(struct harness *h) {
  harness_open(h);
  harness_submit(h, 1);
  harness_submit_as(h, 2, NULL, EXPSTART_LOOK_THEN_START);
  harness_run(h, 2);
  for (size_t i = 0; i < 2; i++) {
    const struct harness_result *result = h->results[i];
    bool start = result->experiment_id == 1;
    assert_int_equal(result->error, EXPSTART_ECERT);
    assert_int_equal(result->outcome, start ? EXPSTART_FAILED : EXPSTART_UNKNOWN);
    assert_int_equal(result->attempts, start ? 1 : 0);
    assert_int_equal(result->lookups, start ? 0 : 1);
    assert_true(strlen(result->message) > 0);
  }
  assert_int_equal(harness_stats(h).faults, 0);
  harness_end(h);
}

static void an_unknown_certificate_is_refused_at_once(void **state) {
  (void)state;
  struct tls tls;
  struct harness h;
  tls_start(&tls, NULL, NULL);
  prepare(&h, &tls.sandbox);
  expect_refused_at_once(&h);
  tls_stop(&tls);
}

static void a_host_the_certificate_does_not_name_is_refused_at_once(void **state) {
  (void)state;
  struct tls tls;
  struct harness h;
  char other[64];
  tls_start(&tls, NULL, NULL);
  /* Every name under localhost is this machine (RFC 6761); libcurl needs no resolver for it. */
  snprintf(other, sizeof(other), "https://other.localhost:%d/v1", tls.sandbox.port);
  prepare(&h, &tls.sandbox);
  h.options.endpoint = other;
  h.options.ca_file = tls.ca_file;
  expect_refused_at_once(&h);
  tls_stop(&tls);
}

/* No handler for SIGPIPE is set: one would end this process. */
static void resets_under_tls_raise_no_signal(void **state) {
  (void)state;
  struct tls tls;
  struct harness h;
  static const char *const faults[] = {"--reset-before", "--reset-after"};
  for (size_t i = 0; i < 2; i++) {
    tls_start(&tls, faults[i], "0.3");
    prepare(&h, &tls.sandbox);
    h.options.ca_file = tls.ca_file;
    harness_open(&h);
    for (int64_t id = 1; id <= 300; id++)
      harness_submit(&h, id);
    harness_run(&h, 300);
    assert_int_equal(
        harness_outcomes(&h, EXPSTART_STARTED) + harness_outcomes(&h, EXPSTART_RUNNING), 300);
    assert_true(harness_stats(&h).faults > 0);
    harness_end(&h);
    tls_stop(&tls);
  }
}

/* What is aborted has connections that are closed with a last word to a peer that may be gone. */
static void an_abort_amid_tls_raises_no_signal(void **state) {
  (void)state;
  struct tls tls;
  struct harness h;
  tls_start(&tls, "--stall", "1");
  prepare(&h, &tls.sandbox);
  h.options.ca_file = tls.ca_file;
  h.options.total_timeout_ms = 500;
  harness_open(&h);
  for (int64_t id = 1; id <= 20; id++)
    harness_submit(&h, id);
  harness_run(&h, 20);
  assert_int_equal(harness_outcomes(&h, EXPSTART_UNKNOWN) + harness_outcomes(&h, EXPSTART_FAILED),
                   20);
  tls_stop(&tls);
  harness_end(&h);
}

int main(void) {
  unsetenv("http_proxy");
  unsetenv("https_proxy");
  unsetenv("HTTPS_PROXY");
  unsetenv("all_proxy");
  unsetenv("ALL_PROXY");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(starts_through_faults_and_throttling_run_each_once),
      cmocka_unit_test(starts_with_faulty_looks_run_each_once),
      cmocka_unit_test(full_replies_through_few_connections_run_each_once),
      cmocka_unit_test(looks_start_nothing_and_tell_what_runs),
      cmocka_unit_test(after_a_crash_only_what_does_not_run_is_started),
      cmocka_unit_test(loopback_is_reached_without_the_proxy_of_the_environment),
      cmocka_unit_test(a_certificate_in_the_ca_file_is_trusted),
      cmocka_unit_test(certificates_are_read_again_after_a_handshake_that_failed),
      cmocka_unit_test(an_unknown_certificate_is_refused_at_once),
      cmocka_unit_test(a_host_the_certificate_does_not_name_is_refused_at_once),
      cmocka_unit_test(resets_under_tls_raise_no_signal),
      cmocka_unit_test(an_abort_amid_tls_raises_no_signal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What callers give: taken, completed, or refused with the code the manual names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "options.h"

static struct expstart_options good(void) {
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = "https://acme.example/v1";
  options.api_key = "KEY";
  return options;
}

static int check(const struct expstart_options *options) {
  struct expstart__settings settings;
  memset(&settings, 0xA5, sizeof settings);
  int status = expstart__settings_init(&settings, options, NULL);
  if (status == EXPSTART_OK)
    expstart__settings_clear(&settings);
  return status;
}

static void assert_endpoint(const char *endpoint, unsigned flags, int error) {
  struct expstart_options options = good();
  options.endpoint = endpoint;
  options.flags = flags;
  int status = check(&options);
  if (status != error)
    fail_msg("%s gives %s, not %s", endpoint ? endpoint : "NULL", expstart_err_name(status),
             expstart_err_name(error));
}

/* It is taken, and kept in this form. */
static void assert_endpoint_kept(const char *endpoint, const char *kept, bool tls, bool loopback) {
  struct expstart_options options = good();
  struct expstart__settings settings;
  options.endpoint = endpoint;
  options.flags = EXPSTART_ALLOW_PLAINTEXT;
  assert_int_equal(expstart__settings_init(&settings, &options, NULL), EXPSTART_OK);
  assert_string_equal(settings.options.endpoint, kept);
  assert_int_equal(settings.tls, tls);
  assert_int_equal(settings.loopback, loopback);
  expstart__settings_clear(&settings);
}

static void assert_key(const char *key, int error) {
  struct expstart_options options = good();
  options.api_key = key;
  int status = check(&options);
  if (status != error)
    fail_msg("\"%s\" gives %s, not %s", key ? key : "NULL", expstart_err_name(status),
             expstart_err_name(error));
}

/* ---- defaults and sizes ---------------------------------------------------------------------------- */

static void what_is_0_becomes_the_manuals_default(void **state) {
  (void)state;
  struct expstart_options options = good();
  struct expstart__settings settings;
  assert_int_equal(expstart__settings_init(&settings, &options, NULL), EXPSTART_OK);
  const struct expstart_options *is = &settings.options;
  assert_int_equal(is->max_queued, 1000000);
  assert_int_equal(is->max_in_flight, 32);
  assert_int_equal(is->max_connections, 0);
  assert_int_equal(is->connect_timeout_ms, 10000);
  assert_int_equal(is->attempt_timeout_ms, 30000);
  assert_int_equal(is->retry_timeout_ms, 900000);
  assert_int_equal(is->total_timeout_ms, 0);
  assert_int_equal(is->max_attempts, 5);
  assert_int_equal(is->backoff_base_ms, 500);
  assert_int_equal(is->backoff_cap_ms, 20000);
  assert_int_equal(is->max_retry_after_ms, 600000);
  assert_int_equal(is->max_reply_bytes, 8u << 20);
  assert_int_equal(is->io_threads, 1);
  assert_int_equal(is->confirm, EXPSTART_CONFIRM_AFTER_UNKNOWN);
  assert_string_equal(is->user_agent, "expstart/0.2.0");
  assert_null(is->ca_file);
  assert_int_not_equal(is->seed, 0);
  expstart__settings_clear(&settings);
}

static void strings_are_copied(void **state) {
  (void)state;
  char endpoint[] = "https://acme.example/v1", key[] = "KEY", agent[] = "me/1";
  struct expstart_options options = good();
  struct expstart__settings settings;
  options.endpoint = endpoint;
  options.api_key = key;
  options.user_agent = agent;
  assert_int_equal(expstart__settings_init(&settings, &options, NULL), EXPSTART_OK);
  memset(endpoint, 'x', sizeof endpoint - 1);
  memset(key, 'x', sizeof key - 1);
  memset(agent, 'x', sizeof agent - 1);
  assert_string_equal(settings.options.endpoint, "https://acme.example/v1");
  assert_string_equal(settings.options.api_key, "KEY");
  assert_string_equal(settings.options.user_agent, "me/1");
  expstart__settings_clear(&settings);
  assert_null(settings.options.api_key);
}

static void no_options_and_a_size_of_0_are_refused(void **state) {
  (void)state;
  struct expstart_options options = good();
  assert_int_equal(check(NULL), EXPSTART_EINVAL);
  options.size = 0;
  assert_int_equal(check(&options), EXPSTART_EINVAL);
}

static void a_size_that_ends_inside_a_field_is_refused(void **state) {
  (void)state;
  struct expstart_options options = good();
  options.rate_per_second = 5; /* its lower half is all zeros: the limit would be lost silently */
  options.size = offsetof(struct expstart_options, rate_per_second) + 4;
  assert_int_equal(check(&options), EXPSTART_EINVAL);
}

static void a_newer_callers_options_may_only_add_zeros(void **state) {
  (void)state;
  struct {
    struct expstart_options known;
    uint64_t more[2];
  } newer = {.known = good()};
  newer.known.size = sizeof newer;
  assert_int_equal(check(&newer.known), EXPSTART_OK);
  newer.more[1] = 1;
  assert_int_equal(check(&newer.known), EXPSTART_ENOTSUP);
}

/* ---- the endpoint ---------------------------------------------------------------------------------- */

static void an_endpoint_is_kept_without_slashes_at_its_end(void **state) {
  (void)state;
  assert_endpoint_kept("https://acme.example/v1", "https://acme.example/v1", true, false);
  assert_endpoint_kept("https://acme.example/v1/", "https://acme.example/v1", true, false);
  assert_endpoint_kept("https://acme.example/v1///", "https://acme.example/v1", true, false);
  assert_endpoint_kept("https://acme.example", "https://acme.example", true, false);
  assert_endpoint_kept("https://acme.example:8443/a/v1", "https://acme.example:8443/a/v1", true,
                       false);
  assert_endpoint_kept("HTTPS://acme.example/v1", "https://acme.example/v1", true, false);
}

static void what_is_no_http_url_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"acme.example/v1",
                                    "/v1",
                                    "ftp://acme.example/v1",
                                    "file:///etc/hosts",
                                    "https://",
                                    "https:// acme.example/v1",
                                    "https://acme.example/v 1",
                                    "https://acme.example:99999/v1",
                                    "javascript:alert(1)"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_endpoint(bad[i], EXPSTART_ALLOW_PLAINTEXT, EXPSTART_EENDPOINT);
}

static void an_endpoint_that_is_missing_is_not_called_a_wrong_url(void **state) {
  (void)state;
  assert_endpoint(NULL, 0, EXPSTART_ENOENDPOINT);
  assert_endpoint("", 0, EXPSTART_ENOENDPOINT);
}

static void a_query_or_a_fragment_is_refused(void **state) {
  (void)state;
  assert_endpoint("https://acme.example/v1?a=1", 0, EXPSTART_EENDPOINT);
  assert_endpoint("https://acme.example/v1#top", 0, EXPSTART_EENDPOINT);
}

static void an_empty_query_or_fragment_does_not_swallow_the_path(void **state) {
  (void)state;
  static const char *const given[] = {"https://acme.example/v1?", "https://acme.example/v1#"};
  for (size_t i = 0; i < 2; i++) {
    struct expstart_options options = good();
    struct expstart__settings settings;
    options.endpoint = given[i];
    int status = expstart__settings_init(&settings, &options, NULL);
    if (status == EXPSTART_OK) {
      assert_null(strpbrk(settings.options.endpoint, "?#"));
      expstart__settings_clear(&settings);
    } else {
      assert_int_equal(status, EXPSTART_EENDPOINT);
    }
  }
}

static void credentials_are_refused(void **state) {
  (void)state;
  assert_endpoint("https://user@acme.example/v1", 0, EXPSTART_ECREDENTIALS);
  assert_endpoint("https://user:password@acme.example/v1", 0, EXPSTART_ECREDENTIALS);
  assert_endpoint("http://127.0.0.1@acme.example/v1", 0, EXPSTART_ECREDENTIALS);
}

static void plain_http_is_for_this_machine_only(void **state) {
  (void)state;
  static const char *const here[] = {"http://localhost/v1", "http://LOCALHOST:8080/v1",
                                     "http://127.0.0.1:1/v1", "http://127.9.9.9/v1",
                                     "http://[::1]:8080/v1"};
  static const char *const beyond[] = {"http://acme.example/v1", "http://localhost.evil.example/v1",
                                       "http://128.0.0.1/v1",    "http://127.0.0.1.evil.example/v1",
                                       "http://[::2]/v1",        "http://0.0.0.0/v1",
                                       "http://notlocalhost/v1", "http://10.0.0.1/v1"};
  for (size_t i = 0; i < sizeof here / sizeof *here; i++)
    assert_endpoint(here[i], 0, EXPSTART_OK);
  for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
    assert_endpoint(beyond[i], 0, EXPSTART_EPLAINTEXT);
    assert_endpoint(beyond[i], EXPSTART_ALLOW_PLAINTEXT, EXPSTART_OK);
  }
  assert_endpoint_kept("http://127.9.9.9/v1", "http://127.9.9.9/v1", false, true);
  assert_endpoint_kept("http://localhost.evil.example/v1", "http://localhost.evil.example/v1",
                       false, false);
}

/* ---- the key ---------------------------------------------------------------------------------------- */

static void a_key_is_kept_without_its_prefix(void **state) {
  (void)state;
  static const char *const given[] = {"KEY", "Api-Key KEY", "api-key KEY", "Api-Key \t KEY"};
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    struct expstart_options options = good();
    struct expstart__settings settings;
    options.api_key = given[i];
    assert_int_equal(expstart__settings_init(&settings, &options, NULL), EXPSTART_OK);
    assert_string_equal(settings.options.api_key, "KEY");
    expstart__settings_clear(&settings);
  }
}

static void a_missing_key_is_refused(void **state) {
  (void)state;
  assert_key(NULL, EXPSTART_ENOKEY);
  assert_key("", EXPSTART_ENOKEY);
  assert_key("Api-Key ", EXPSTART_ENOKEY);
  assert_key("Api-Key \t", EXPSTART_ENOKEY);
}

static void a_prefix_alone_is_no_key(void **state) {
  (void)state;
  assert_key("Api-Key", EXPSTART_ENOKEY);
}

static void a_key_that_could_break_the_header_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"a b",    " KEY",       "KEY ", "KEY\n", "KEY\r\nX-Other: 1",
                                    "K\x7FY", "K\xC3\xA4Y", "\x01", "\tKEY"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_key(bad[i], EXPSTART_EKEYCHAR);
}

static void a_doubled_prefix_is_refused(void **state) {
  (void)state;
  assert_key("Api-Key Api-Key KEY", EXPSTART_EKEYPREFIX);
  assert_key("api-key Api-Key KEY", EXPSTART_EKEYPREFIX);
}

static void the_user_agent_may_hold_no_controls(void **state) {
  (void)state;
  struct expstart_options options = good();
  options.user_agent = "me\r\nX-Other: 1";
  assert_int_equal(check(&options), EXPSTART_EINVAL);
}

/* ---- the CA file ------------------------------------------------------------------------------------- */

static void a_ca_file_must_be_a_file_with_something_in_it(void **state) {
  (void)state;
  struct expstart_options options = good();
  char path[] = "test_options.XXXXXX"; /* in the folder the test runs in */
  int file = mkstemp(path);
  assert_true(file >= 0);
  options.ca_file = path;
  int empty = check(&options);
  ssize_t written = write(file, "x", 1);
  int filled = check(&options);
  close(file);
  unlink(path);
  assert_int_equal(written, 1);
  assert_int_equal(empty, EXPSTART_ECAFILE);
  assert_int_equal(filled, EXPSTART_OK);
  assert_int_equal(check(&options), EXPSTART_ECAFILE); /* gone */
  options.ca_file = ".";
  assert_int_equal(check(&options), EXPSTART_ECAFILE);
  options.ca_file = "";
  assert_int_equal(check(&options), EXPSTART_ECAFILE);
}

static void a_ca_file_is_not_blamed_for_a_lack_of_descriptors(void **state) {
  (void)state;
  struct rlimit before, few;
  struct expstart_options options = good();
  options.ca_file = __FILE__;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  few = before;
  few.rlim_cur = 3;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  int status = check(&options);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(status, EXPSTART_ERESOURCE);
}

static void assert_proxy(const char *proxy, int error) {
  struct expstart_options options = good();
  const char *field = NULL;
  options.proxy = proxy;
  int status = expstart_options_check(&options, &field);
  if (status != error)
    fail_msg("%s gives %s, not %s", proxy, expstart_err_name(status), expstart_err_name(error));
  if (error != EXPSTART_OK)
    assert_string_equal(field, "proxy");
}

static void a_proxy_is_a_url_of_a_known_scheme(void **state) {
  static const char *const good_ones[] = {"",
                                          "http://proxy:3128",
                                          "http://u:p%40ss@127.0.0.1:8080/",
                                          "HTTP://[::1]:1",
                                          "https://proxy",
                                          "socks5://u@proxy:1080",
                                          "socks5h://proxy:1080"};
  static const char *const bad_ones[] = {
      "proxy:3128",      "proxy",      "ftp://proxy",        "socks4://proxy",
      "http://",         "http://a b", "http://proxy:99999", "http://proxy/?x=1",
      "http://proxy/#x", "://proxy"};
  (void)state;
  assert_proxy(NULL, EXPSTART_OK);
  for (size_t i = 0; i < sizeof good_ones / sizeof *good_ones; i++)
    assert_proxy(good_ones[i], EXPSTART_OK);
  for (size_t i = 0; i < sizeof bad_ones / sizeof *bad_ones; i++)
    assert_proxy(bad_ones[i], EXPSTART_EPROXY);
}

/* ---- numbers ------------------------------------------------------------------------------------------ */

static void assert_wrong(const struct expstart_options *options, int error, const char *name) {
  const char *field = "none was told";
  assert_int_equal(expstart_options_check(options, &field), error);
  assert_string_equal(field ? field : "NULL", name);
  assert_int_equal(expstart_options_check(options, NULL), error);
}

/* The header promises it for every number; some were taken whatever they were. */
static void numbers_out_of_range_are_refused_and_the_field_is_named(void **state) {
  (void)state;
  const uint32_t most = INT32_MAX, more = most + 1;
#define ASSERT_WRONG(name, value)                                                                  \
  {                                                                                                \
    struct expstart_options options = good();                                                      \
    options.name = (value);                                                                        \
    assert_wrong(&options, EXPSTART_EINVAL, #name);                                                \
  }
#define ASSERT_RANGE(name)                                                                         \
  {                                                                                                \
    struct expstart_options options = good();                                                      \
    options.name = most;                                                                           \
    assert_wrong(&options, EXPSTART_OK, "NULL");                                                   \
  }                                                                                                \
  ASSERT_WRONG(name, more)
  ASSERT_RANGE(max_queued)
  ASSERT_RANGE(max_in_flight)
  ASSERT_RANGE(max_connections)
  ASSERT_RANGE(burst)
  ASSERT_RANGE(connect_timeout_ms)
  ASSERT_RANGE(attempt_timeout_ms)
  ASSERT_RANGE(retry_timeout_ms)
  ASSERT_RANGE(total_timeout_ms)
  ASSERT_RANGE(backoff_base_ms)
  ASSERT_RANGE(backoff_cap_ms)
  ASSERT_RANGE(max_retry_after_ms)
  ASSERT_RANGE(max_reply_bytes)
  ASSERT_WRONG(max_attempts, 101)
  ASSERT_WRONG(io_threads, 65)
  ASSERT_WRONG(rate_per_second, -1)
  ASSERT_WRONG(confirm, (expstart_confirm)3)
  ASSERT_WRONG(flags, 8)
  ASSERT_WRONG(log_level, (expstart_log_level)3)
#undef ASSERT_RANGE
#undef ASSERT_WRONG
}

static void the_field_of_a_wrong_string_is_named(void **state) {
  (void)state;
  struct expstart_options options = good();
  assert_wrong(&options, EXPSTART_OK, "NULL");
  assert_wrong(NULL, EXPSTART_EINVAL, "NULL");
  options.endpoint = NULL;
  assert_wrong(&options, EXPSTART_ENOENDPOINT, "endpoint");
  options = good();
  options.api_key = "a b";
  assert_wrong(&options, EXPSTART_EKEYCHAR, "api_key");
  options = good();
  options.ca_file = ".";
  assert_wrong(&options, EXPSTART_ECAFILE, "ca_file");
  options = good();
  options.user_agent = "\n";
  assert_wrong(&options, EXPSTART_EINVAL, "user_agent");
  options = good();
  options.size = 8;
  assert_wrong(&options, EXPSTART_EINVAL, "size");
  options.size = SIZE_MAX; /* as of one that was never set */
  assert_wrong(&options, EXPSTART_EINVAL, "size");
}

static void options_of_the_first_version_are_taken_and_end_where_they_did(void **state) {
  (void)state;
  struct expstart_options options = good();
  options.size = offsetof(struct expstart_options, log_level);
  options.log_level = (expstart_log_level)77; /* whatever lies behind them */
  struct expstart__settings settings;
  assert_int_equal(expstart__settings_init(&settings, &options, NULL), EXPSTART_OK);
  assert_int_equal(settings.options.log_level, EXPSTART_LOG_DEBUG);
  assert_null(settings.options.on_permits);
  expstart__settings_clear(&settings);
}

static void the_exported_initialisers_do_as_the_inline_ones(void **state) {
  (void)state;
  struct expstart_options inlined, exported;
  struct expstart_request one, other;
  expstart_options_init(&inlined);
  expstart_options_init_size(&exported, sizeof exported);
  assert_memory_equal(&inlined, &exported, sizeof inlined);
  expstart_request_init(&one);
  expstart_request_init_size(&other, sizeof other);
  assert_memory_equal(&one, &other, sizeof one);
  assert_int_equal(one.size, sizeof one);
}

static void a_rate_is_0_or_a_sane_number(void **state) {
  (void)state;
  const double bad[] = {-1, -0.001, (double)NAN, (double)INFINITY, -(double)INFINITY, 1e-7, 1e10};
  const double fine[] = {0, 1e-6, 0.5, 1000, 1e9};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct expstart_options options = good();
    options.rate_per_second = bad[i];
    assert_int_equal(check(&options), EXPSTART_EINVAL);
    assert_int_equal(expstart__check_rate(bad[i]), EXPSTART_EINVAL);
  }
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
    assert_int_equal(expstart__check_rate(fine[i]), EXPSTART_OK);
}

static void unknown_flags_are_refused(void **state) {
  (void)state;
  struct expstart_options options = good();
  options.flags = 7;
  assert_int_equal(check(&options), EXPSTART_OK);
  options.flags = 8;
  assert_int_equal(check(&options), EXPSTART_EINVAL);
  options.flags = 1u << 31;
  assert_int_equal(check(&options), EXPSTART_EINVAL);
}

static void io_is_on_one_thread_unless_said_otherwise(void **state) {
  (void)state;
  struct expstart_options options = good();
  options.io_threads = EXPSTART_IO_ON_LOOP;
  assert_int_equal(check(&options), EXPSTART_OK);
  options.io_threads = EXPSTART_IO_THREADS_MAX;
  assert_int_equal(check(&options), EXPSTART_OK);
  options.io_threads = EXPSTART_IO_THREADS_MAX + 1;
  assert_int_equal(check(&options), EXPSTART_EINVAL);
  options.io_threads = -2;
  assert_int_equal(check(&options), EXPSTART_EINVAL);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)client, (void)result, (void)data;
}

static int check_request(const struct expstart_request *request) {
  struct expstart_request own;
  return expstart__copy_request(&own, request);
}

static struct expstart_request good_request(void) {
  return (struct expstart_request){
      .size = sizeof(struct expstart_request), .experiment_id = 1, .done = on_done};
}

static void a_request_needs_its_size_its_callback_and_a_mode(void **state) {
  (void)state;
  struct expstart_request request = good_request();
  assert_int_equal(check_request(&request), EXPSTART_OK);
  assert_int_equal(check_request(NULL), EXPSTART_EINVAL);
  request.size = 0;
  assert_int_equal(check_request(&request), EXPSTART_EINVAL);
  request = good_request();
  request.done = NULL;
  assert_int_equal(check_request(&request), EXPSTART_EINVAL);
  request = good_request();
  request.mode = (expstart_mode)3;
  assert_int_equal(check_request(&request), EXPSTART_EINVAL);
}

static void
a_request_of_the_first_version_is_taken_and_a_newer_one_if_it_asks_for_nothing_new(void **state) {
  (void)state;
  struct expstart_request own, request = good_request();
  request.size = offsetof(struct expstart_request, timeout_ms);
  request.timeout_ms = 77; /* whatever lies behind it */
  assert_int_equal(expstart__copy_request(&own, &request), EXPSTART_OK);
  assert_int_equal(own.timeout_ms, 0);
  struct {
    struct expstart_request known;
    uint64_t later;
  } newer = {.known = good_request()};
  newer.known.size = sizeof newer;
  assert_int_equal(check_request(&newer.known), EXPSTART_OK);
  newer.later = 1;
  assert_int_equal(check_request(&newer.known), EXPSTART_ENOTSUP);
}

static void an_experiments_id_is_at_least_1(void **state) {
  (void)state;
  struct expstart_request request = good_request();
  request.experiment_id = INT64_MAX;
  assert_int_equal(check_request(&request), EXPSTART_OK);
  request.experiment_id = 0;
  assert_int_equal(check_request(&request), EXPSTART_EID);
  request.experiment_id = INT64_MIN;
  assert_int_equal(check_request(&request), EXPSTART_EID);
}

static void a_note_is_utf8_of_at_most_16384_bytes(void **state) {
  (void)state;
  static char note[EXPSTART_NOTE_MAX + 2];
  struct expstart_request request = good_request();
  request.note = note;
  assert_int_equal(check_request(&request), EXPSTART_OK);
  memset(note, 'n', EXPSTART_NOTE_MAX);
  assert_int_equal(check_request(&request), EXPSTART_OK);
  note[EXPSTART_NOTE_MAX] = 'n';
  assert_int_equal(check_request(&request), EXPSTART_ENOTELONG);
  request.note = "caf\xE9";
  assert_int_equal(check_request(&request), EXPSTART_ENOTEUTF8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_0_becomes_the_manuals_default),
      cmocka_unit_test(strings_are_copied),
      cmocka_unit_test(no_options_and_a_size_of_0_are_refused),
      cmocka_unit_test(a_size_that_ends_inside_a_field_is_refused),
      cmocka_unit_test(a_newer_callers_options_may_only_add_zeros),
      cmocka_unit_test(an_endpoint_is_kept_without_slashes_at_its_end),
      cmocka_unit_test(what_is_no_http_url_is_refused),
      cmocka_unit_test(an_endpoint_that_is_missing_is_not_called_a_wrong_url),
      cmocka_unit_test(a_query_or_a_fragment_is_refused),
      cmocka_unit_test(an_empty_query_or_fragment_does_not_swallow_the_path),
      cmocka_unit_test(credentials_are_refused),
      cmocka_unit_test(plain_http_is_for_this_machine_only),
      cmocka_unit_test(a_key_is_kept_without_its_prefix),
      cmocka_unit_test(a_missing_key_is_refused),
      cmocka_unit_test(a_prefix_alone_is_no_key),
      cmocka_unit_test(a_key_that_could_break_the_header_is_refused),
      cmocka_unit_test(a_doubled_prefix_is_refused),
      cmocka_unit_test(the_user_agent_may_hold_no_controls),
      cmocka_unit_test(a_ca_file_must_be_a_file_with_something_in_it),
      cmocka_unit_test(a_ca_file_is_not_blamed_for_a_lack_of_descriptors),
      cmocka_unit_test(a_proxy_is_a_url_of_a_known_scheme),
      cmocka_unit_test(numbers_out_of_range_are_refused_and_the_field_is_named),
      cmocka_unit_test(the_field_of_a_wrong_string_is_named),
      cmocka_unit_test(options_of_the_first_version_are_taken_and_end_where_they_did),
      cmocka_unit_test(the_exported_initialisers_do_as_the_inline_ones),
      cmocka_unit_test(a_rate_is_0_or_a_sane_number),
      cmocka_unit_test(unknown_flags_are_refused),
      cmocka_unit_test(io_is_on_one_thread_unless_said_otherwise),
      cmocka_unit_test(a_request_needs_its_size_its_callback_and_a_mode),
      cmocka_unit_test(
          a_request_of_the_first_version_is_taken_and_a_newer_one_if_it_asks_for_nothing_new),
      cmocka_unit_test(an_experiments_id_is_at_least_1),
      cmocka_unit_test(a_note_is_utf8_of_at_most_16384_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * libcurl is refused an allocation of its own, each in turn, once: no start fails of it, and a client that
 * cannot be made says why. (faults/ does so with every library and all the rest, in processes of their own.)
 */
#include "harness.h"

#include <curl/curl.h>
#include <stdatomic.h>

/* ---- libcurl's heap ---- */

static atomic_uint refuse_at; /* from 1; 0: none */
static atomic_uint asked;

static bool is_refused(void) {
  unsigned at = atomic_load(&refuse_at);
  return at > 0 && atomic_fetch_add(&asked, 1) + 1 == at;
}

static void *take(size_t size) {
  return is_refused() ? NULL : malloc(size);
}

static void *take_zeroed(size_t count, size_t size) {
  return is_refused() ? NULL : calloc(count, size);
}

static void *take_more(void *memory, size_t size) {
  return is_refused() ? NULL : realloc(memory, size);
}

static char *take_text(const char *text) {
  return is_refused() ? NULL : strdup(text);
}

/* The first to set libcurl up says which heap it has. */
static int set_up(void **state) {
  (void)state;
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, free, take_more, take_text, take_zeroed) ==
                 CURLE_OK
             ? 0
             : -1;
}

static void refuse_from_now(unsigned at) {
  atomic_store(&asked, 0);
  atomic_store(&refuse_at, at);
}

/* True: it came to the one that was to be refused. */
static bool stop_refusing(void) {
  return atomic_exchange(&refuse_at, 0) <= atomic_load(&asked);
}

enum { MOST = 2000 }; /* a few hundred are asked for */

/* ---- the tests ---- */

/* A multi handle of libcurl 7.88 whose table of sockets could not be made divided by zero when it was used
   again. Each client is new, as much is made only once in a client's life. */
static void a_multi_handle_that_failed_is_not_used_again(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_JSON(200, NULL, BODY_STARTED))};
  unsigned at = 1;
  for (bool reached = true; reached; at++) {
    struct harness h;
    SERVE(&h, script);
    h.options.backoff_base_ms = 1;
    h.options.backoff_cap_ms = 10;
    h.options.attempt_timeout_ms = 200; /* a doubt waits as long */
    harness_open(&h);
    refuse_from_now(at);
    harness_submit(&h, HARNESS_ID);
    harness_run(&h, 1);
    reached = stop_refusing();
    assert_int_equal(h.count, 1);
    if (h.results[0]->error != EXPSTART_OK)
      fail_msg("the allocation %u: %s (%s), %s", at, expstart_outcome_name(h.results[0]->outcome),
               expstart_err_name(h.results[0]->error), h.results[0]->message);
    harness_end(&h);
    assert_true(at < MOST);
  }
  assert_true(at > 20);
}

static int create_at(unsigned at, const char *endpoint, const char *proxy, bool *reached) {
  uv_loop_t loop;
  struct expstart_options options;
  expstart_client *client = NULL;
  assert_int_equal(uv_loop_init(&loop), 0);
  expstart_options_init(&options);
  options.endpoint = endpoint;
  options.proxy = proxy;
  options.api_key = HARNESS_KEY;
  options.io_threads = EXPSTART_IO_ON_LOOP;
  refuse_from_now(at);
  int status = expstart_client_create(&client, &loop, &options);
  *reached = stop_refusing();
  if (status == EXPSTART_OK)
    assert_int_equal(expstart_client_close(client, EXPSTART_ABORT, NULL, NULL), EXPSTART_OK);
  else
    assert_null(client);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  return status;
}

static void expect_at_each(const char *endpoint, const char *proxy, int with_memory) {
  unsigned at = 1;
  for (bool reached = true; reached; at++) {
    int status = create_at(at, endpoint, proxy, &reached);
    bool for_want = status == EXPSTART_ENOMEM || status == EXPSTART_ESYSTEM;
    if (status != with_memory && !(reached && for_want))
      fail_msg("%s, the allocation %u: %s", endpoint, at, expstart_err_name(status));
    assert_true(at < MOST);
  }
  assert_true(at > 3);
}

static void an_endpoint_is_not_called_wrong_for_want_of_memory(void **state) {
  (void)state;
  expect_at_each("https://acme.example/v1", "http://proxy.example:3128", EXPSTART_OK);
}

static void a_user_name_in_an_endpoint_is_not_missed_for_want_of_memory(void **state) {
  (void)state;
  expect_at_each("https://user:word@acme.example/v1", NULL, EXPSTART_ECREDENTIALS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_multi_handle_that_failed_is_not_used_again),
      cmocka_unit_test(an_endpoint_is_not_called_wrong_for_want_of_memory),
      cmocka_unit_test(a_user_name_in_an_endpoint_is_not_missed_for_want_of_memory),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}

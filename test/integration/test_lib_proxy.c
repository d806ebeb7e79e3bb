/*
 * Proxies: the one that is asked for is used, with its password and without telling it; none where none is
 * wanted; never for this machine. The raw server is the proxy. Names resolve to nothing, and so nothing
 * leaves this machine: a proxy gets them as they are.
 */
#include "harness.h"

#include <netdb.h>

#define HOST "api.test"
#define USER_AND_PASSWORD "someone:pa55-w0rd"
#define ENCODED "c29tZW9uZTpwYTU1LXcwcmQ=" /* the same in base64 */

__attribute__((visibility("default"))) int /* libcurl's calls come here */
getaddrinfo(const char *restrict name, const char *restrict service,
            const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
  (void)name, (void)service, (void)hints, (void)result;
  return EAI_NONAME;
}

static const struct rawserver_step started[] = {RAW_REPEAT(RAW_JSON(200, NULL, BODY_STARTED))};

static void never_told(struct harness *h, const char *text) {
  if (strstr(text, "pa55") || strstr(text, ENCODED))
    harness_blame(h, "the proxy's password is told: %s", text);
}

static void on_attempt(struct harness *h, const expstart_attempt *attempt) {
  never_told(h, attempt->message);
}

static void on_result(struct harness *h, const expstart_result *result) {
  never_told(h, result->message);
}

/* A client of `endpoint` whose proxy, of that scheme, is the raw server with the script; or that proxy text. */
static void open_client(struct harness *h, const struct rawserver_options *options,
                        const char *endpoint, const char *proxy) {
  char text[128];
  struct rawserver *server = rawserver_start(options);
  assert_non_null(server);
  snprintf(text, sizeof(text), "http://" USER_AND_PASSWORD "@127.0.0.1:%d", rawserver_port(server));
  harness_init(h, endpoint ? endpoint : rawserver_endpoint(server));
  h->server = server;
  h->options.flags |= EXPSTART_ALLOW_PLAINTEXT;
  h->options.proxy = proxy ? proxy : text;
  h->options.max_attempts = 1;
  h->options.retry_timeout_ms = 1000;
  h->on_attempt = on_attempt;
  h->on_log = never_told;
  h->on_result = on_result;
  harness_open(h);
  harness_submit(h, HARNESS_ID);
  harness_run(h, 1);
}

static const char *header_of(struct harness *h, const char *name) {
  const struct rawserver_request *request = rawserver_request_at(h->server, 0);
  assert_non_null(request);
  return rawserver_request_header(request, name);
}

static void a_plain_endpoint_is_asked_of_the_proxy(void **state) {
  (void)state;
  struct harness h;
  open_client(&h, &(struct rawserver_options){RAW_SCRIPT(started)}, "http://" HOST "/v1", NULL);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  assert_string_equal(rawserver_request_at(h.server, 0)->path,
                      "http://" HOST "/v1/experiments/7/start");
  assert_string_equal(header_of(&h, "Proxy-Authorization"), "Basic " ENCODED);
  harness_end(&h);
}

static void a_proxy_of_tls_learns_no_key_and_its_407_leaves_no_doubt(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(
      RAW_JSON(407, "Proxy-Authenticate: Basic realm=\"x\"\r\n", "not with " USER_AND_PASSWORD))};
  struct harness h;
  open_client(&h, &(struct rawserver_options){RAW_SCRIPT(script)}, "https://" HOST "/v1", NULL);
  assert_int_equal(h.results[0]->outcome, EXPSTART_FAILED);
  assert_int_equal(h.results[0]->lookups, 0);
  assert_non_null(strstr(h.results[0]->message, "407"));
  assert_string_equal(rawserver_request_at(h.server, 0)->method, "CONNECT");
  assert_string_equal(rawserver_request_at(h.server, 0)->path, HOST ":443");
  assert_string_equal(header_of(&h, "Proxy-Authorization"), "Basic " ENCODED);
  assert_null(header_of(&h, "Authorization"));
  harness_end(&h);
}

static void a_proxy_that_is_not_there_is_told_without_its_password(void **state) {
  (void)state;
  struct harness h;
  open_client(&h, &(struct rawserver_options){.reset_connections = SIZE_MAX}, "https://" HOST "/v1",
              NULL);
  assert_int_equal(h.results[0]->outcome, EXPSTART_FAILED);
  assert_true(strlen(h.results[0]->message) > 0);
  harness_end(&h);
}

/* The environment's proxy is the raw server; no_proxy would keep the asked for from being used. */
static void the_environment_counts_where_nothing_was_asked_for(void **state) {
  (void)state;
  struct harness h;
  char proxy[64];
  struct rawserver *other = rawserver_start(&(struct rawserver_options){RAW_SCRIPT(started)});
  assert_non_null(other);
  snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", rawserver_port(other));
  assert_int_equal(setenv("http_proxy", proxy, 1), 0);

  open_client(&h, &(struct rawserver_options){RAW_SCRIPT(started)}, "http://" HOST "/v1", "");
  assert_int_equal(h.results[0]->outcome, EXPSTART_FAILED);
  assert_non_null(strstr(h.results[0]->message, "Could not resolve host"));
  harness_end(&h);
  assert_int_equal(rawserver_request_count(other), 0);

  harness_init(&h, "http://" HOST "/v1");
  h.options.flags |= EXPSTART_ALLOW_PLAINTEXT;
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  harness_end(&h);
  assert_int_equal(rawserver_request_count(other), 1);

  assert_int_equal(setenv("no_proxy", "*", 1), 0);
  open_client(&h, &(struct rawserver_options){RAW_SCRIPT(started)}, "http://" HOST "/v1", NULL);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  harness_end(&h);
  assert_int_equal(rawserver_request_count(other), 1);
  unsetenv("http_proxy");
  unsetenv("no_proxy");
  rawserver_stop(other);
}

static void this_machine_is_never_reached_through_a_proxy(void **state) {
  (void)state;
  struct harness h;
  open_client(&h, &(struct rawserver_options){RAW_SCRIPT(started)}, NULL, "http://proxy.test:3128");
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  assert_string_equal(rawserver_request_at(h.server, 0)->path, "/v1/experiments/7/start");
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plain_endpoint_is_asked_of_the_proxy),
      cmocka_unit_test(a_proxy_of_tls_learns_no_key_and_its_407_leaves_no_doubt),
      cmocka_unit_test(a_proxy_that_is_not_there_is_told_without_its_password),
      cmocka_unit_test(the_environment_counts_where_nothing_was_asked_for),
      cmocka_unit_test(this_machine_is_never_reached_through_a_proxy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What fails for want of something of this machine's: it is told as such, in plain words, nothing was
 * sent, and the start is done when there is enough again. Descriptors are taken by a limit of the process,
 * threads by a stack that no address space has, the watching of sockets by a libuv that refuses.
 */
#define _GNU_SOURCE /* pthread_setattr_default_np */
#include "harness.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- a name service of the test's own: nothing leaves this machine ---- */

#define HOST "shortage.test"

static atomic_bool host_is_known;

/* libcurl's calls come here. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED int getaddrinfo(const char *restrict name, const char *restrict service,
                         const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
  static struct sockaddr_in address;
  static struct addrinfo only;
  (void)name;
  if (!host_is_known)
    return EAI_NONAME;
  address = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)strtol(service, NULL, 10)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  only = (struct addrinfo){.ai_family = AF_INET,
                           .ai_socktype = hints->ai_socktype,
                           .ai_addrlen = sizeof(address),
                           .ai_addr = (struct sockaddr *)&address};
  *result = &only;
  return 0;
}

EXPORTED void freeaddrinfo(struct addrinfo *result) {
  (void)result;
}

/* ---- a libuv that refuses ---- */

static atomic_int refusals;

int __real_uv_poll_init_socket(uv_loop_t *loop, uv_poll_t *handle, uv_os_sock_t socket);
int __wrap_uv_poll_init_socket(uv_loop_t *loop, uv_poll_t *handle, uv_os_sock_t socket);
int __wrap_uv_poll_init_socket(uv_loop_t *loop, uv_poll_t *handle, uv_os_sock_t socket) {
  if (refusals > 0) {
    refusals--;
    return UV_ENOMEM;
  }
  return __real_uv_poll_init_socket(loop, handle, socket);
}

/* ---- what all have in common ---- */

struct shortage {
  const char *words;
  void (*end)(void);
  bool told;
};

/* The first attempt says what is missing; then there is enough again. */
static void on_attempt(struct harness *h, const expstart_attempt *attempt) {
  struct shortage *shortage = h->data;
  if (shortage->told)
    return;
  shortage->told = true;
  if (!strstr(attempt->message, shortage->words) || attempt->http_status != 0)
    harness_blame(h, "not \"%s\" but: %s", shortage->words, attempt->message);
  shortage->end();
}

static void run_through(struct harness *h, struct shortage *shortage) {
  h->data = shortage;
  h->on_attempt = on_attempt;
  harness_run(h, 1);
  assert_true(shortage->told);
  if (h->results[0]->outcome != EXPSTART_STARTED)
    fail_msg("%s: %s", expstart_outcome_name(h->results[0]->outcome), h->results[0]->message);
  assert_int_equal(h->results[0]->lookups, 0); /* nothing was in doubt */
}

static const struct rawserver_step started[] = {RAW_STEP(RAW_JSON(200, NULL, BODY_STARTED))};

static void serve_by_name(struct harness *h) {
  char endpoint[96];
  struct rawserver *server = rawserver_start(&(struct rawserver_options){RAW_SCRIPT(started)});
  assert_non_null(server);
  snprintf(endpoint, sizeof(endpoint), "http://" HOST ":%d/v1", rawserver_port(server));
  harness_init(h, endpoint);
  h->server = server;
  h->options.flags |= EXPSTART_ALLOW_PLAINTEXT;
  harness_open(h);
}

/* ---- descriptors ---- */

static struct rlimit limit_before;

static void give_descriptors(void) {
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
}

/* No descriptor from the first that is free. */
static void take_descriptors(void) {
  int free_fd = dup(0);
  assert_true(free_fd >= 0);
  close(free_fd);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit_before), 0);
  struct rlimit limit = {.rlim_cur = (rlim_t)free_fd, .rlim_max = limit_before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void a_socket_that_cannot_be_had_is_no_fault_of_the_api(void **state) {
  (void)state;
  struct harness h;
  struct shortage shortage = {.words = "no descriptor left (EMFILE)", .end = give_descriptors};
  SERVE(&h, started);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  take_descriptors();
  run_through(&h, &shortage);
  harness_end(&h);
}

static void a_name_that_cannot_be_resolved_for_want_of_descriptors_is_not_unknown(void **state) {
  (void)state;
  struct harness h;
  struct shortage shortage = {.words = "no descriptor left (EMFILE)", .end = give_descriptors};
  serve_by_name(&h);
  harness_submit(&h, HARNESS_ID);
  host_is_known = true;
  take_descriptors();
  run_through(&h, &shortage);
  harness_end(&h);
}

static void know_host(void) {
  host_is_known = true;
}

static void a_name_that_is_unknown_is_told_as_unknown(void **state) {
  (void)state;
  struct harness h;
  struct shortage shortage = {.words = "Could not resolve host: " HOST, .end = know_host};
  host_is_known = false;
  serve_by_name(&h);
  harness_submit(&h, HARNESS_ID);
  run_through(&h, &shortage);
  harness_end(&h);
}

/* ---- threads ---- */

static size_t stack_size_before;

static void set_stack_size(size_t size) {
  pthread_attr_t attributes;
  assert_int_equal(pthread_getattr_default_np(&attributes), 0);
  assert_int_equal(pthread_attr_getstacksize(&attributes, &stack_size_before), 0);
  assert_int_equal(pthread_attr_setstacksize(&attributes, size), 0);
  assert_int_equal(pthread_setattr_default_np(&attributes), 0);
  pthread_attr_destroy(&attributes);
}

static void give_threads(void) {
  set_stack_size(stack_size_before);
}

static void a_resolver_without_a_thread_is_told_as_such(void **state) {
  (void)state;
  struct harness h;
  struct shortage shortage = {.words = "no thread left", .end = give_threads};
  serve_by_name(&h);
  harness_submit(&h, HARNESS_ID);
  host_is_known = true;
  set_stack_size(SIZE_MAX / 4 * 3); /* more than there are addresses for */
  run_through(&h, &shortage);
  harness_end(&h);
}

/* ---- watching ---- */

static void give_watching(void) {
  refusals = 0;
}

static void a_socket_that_cannot_be_watched_is_no_fault_of_the_api(void **state) {
  (void)state;
  struct harness h;
  struct shortage shortage = {.words = "no memory left (ENOMEM)", .end = give_watching};
  SERVE(&h, started);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  refusals = 1;
  run_through(&h, &shortage);
  harness_end(&h);
}

/* ---- the CA file ---- */

static char ca_file[64], ca_file_moved[64];

static void give_ca_file(void) {
  assert_int_equal(rename(ca_file_moved, ca_file), 0);
}

static void a_ca_file_that_is_gone_is_not_a_certificate_that_is_wrong(void **state) {
  (void)state;
  struct harness h;
  struct sandbox sandbox;
  struct shortage shortage = {.words = "cannot be read: No such file", .end = give_ca_file};
  char folder[] = "/tmp/expstart-ca-XXXXXX";
  assert_non_null(mkdtemp(folder));
  snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
  snprintf(ca_file_moved, sizeof(ca_file_moved), "%s/moved.pem", folder);
  const char *const arguments[] = {"--tls", "--ca-out", ca_file, "--reply", "small", NULL};
  sandbox_start(&sandbox, arguments);
  harness_init(&h, sandbox.endpoint);
  h.options.api_key = "sandbox-key";
  h.options.ca_file = ca_file;
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  assert_int_equal(rename(ca_file, ca_file_moved), 0);
  run_through(&h, &shortage);
  harness_end(&h);
  sandbox_stop(&sandbox);
  unlink(ca_file);
  rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_socket_that_cannot_be_had_is_no_fault_of_the_api),
      cmocka_unit_test(a_name_that_cannot_be_resolved_for_want_of_descriptors_is_not_unknown),
      cmocka_unit_test(a_name_that_is_unknown_is_told_as_unknown),
      cmocka_unit_test(a_resolver_without_a_thread_is_told_as_such),
      cmocka_unit_test(a_socket_that_cannot_be_watched_is_no_fault_of_the_api),
      cmocka_unit_test(a_ca_file_that_is_gone_is_not_a_certificate_that_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

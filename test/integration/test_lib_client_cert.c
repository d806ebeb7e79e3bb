/*
 * A server that demands a certificate of its clients (openssl s_server, which answers GET with a page): it
 * is reached with one; without one nothing is in doubt, though libcurl has sent by then.
 */
#include "harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAKE_CERTIFICATE                                                                           \
  "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "             \
  "-subj /CN=localhost -addext subjectAltName=DNS:localhost "                                      \
  "-keyout %s/%s.key -out %s/%s.pem 2>%s/log"

struct server {
  pid_t pid;
  char folder[32], endpoint[64], ca_file[64], certificate[64], key[64];
};

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...) {
  char command[512];
  va_list values;
  va_start(values, format);
  vsnprintf(command, sizeof(command), format, values);
  va_end(values);
  assert_int_equal(system(command), 0);
}

static pid_t spawn(const struct server *server, int output) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid > 0)
    return pid;
  dup2(output, STDOUT_FILENO);
  execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-Verify", "1",
         "-verify_return_error", "-CAfile", server->certificate, "-cert", server->ca_file, "-key",
         "server.key", (char *)NULL);
  _exit(1);
}

static void server_start(struct server *server) {
  int output[2], port = 0;
  char line[128] = "";
  strcpy(server->folder, "/tmp/expstart-XXXXXX");
  assert_non_null(mkdtemp(server->folder));
  const char *folder = server->folder;
  run(MAKE_CERTIFICATE, folder, "server", folder, "server", folder);
  run(MAKE_CERTIFICATE, folder, "client", folder, "client", folder);
  snprintf(server->ca_file, sizeof(server->ca_file), "%s/server.pem", folder);
  snprintf(server->certificate, sizeof(server->certificate), "%s/client.pem", folder);
  snprintf(server->key, sizeof(server->key), "%s/client.key", folder);
  assert_int_equal(chdir(folder), 0);
  assert_int_equal(pipe(output), 0);
  server->pid = spawn(server, output[1]);
  close(output[1]);
  FILE *told = fdopen(output[0], "r");
  assert_non_null(told);
  while (port == 0 && fgets(line, sizeof(line), told))
    if (strncmp(line, "ACCEPT ", 7) == 0)
      port = (int)strtol(strrchr(line, ':') + 1, NULL, 10);
  fclose(told);
  assert_true(port > 0);
  snprintf(server->endpoint, sizeof(server->endpoint), "https://localhost:%d/v1", port);
}

static void server_stop(struct server *server) {
  assert_int_equal(kill(server->pid, SIGKILL), 0);
  assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
  assert_int_equal(chdir("/"), 0);
  run("rm -r %s", server->folder);
}

static void prepare(struct harness *h, const struct server *server) {
  harness_init(h, server->endpoint);
  h->options.ca_file = server->ca_file;
  h->options.client_cert_file = server->certificate;
  h->options.client_key_file = server->key;
  h->options.max_attempts = 1;
  h->options.retry_timeout_ms = 1500;
}

static void a_server_that_demands_a_certificate_is_reached_with_one(void **state) {
  (void)state;
  struct server server;
  struct harness h;
  server_start(&server);
  prepare(&h, &server);
  harness_open(&h);
  harness_submit_as(&h, HARNESS_ID, NULL, EXPSTART_LOOK);
  harness_run(&h, 1);
  assert_int_equal(h.attempts[0].http_status, 200);
  harness_end(&h);
  /* Both in one file. */
  run("cat %s >>%s", server.key, server.certificate);
  prepare(&h, &server);
  h.options.client_key_file = NULL;
  harness_open(&h);
  harness_submit_as(&h, HARNESS_ID, NULL, EXPSTART_LOOK);
  harness_run(&h, 1);
  assert_int_equal(h.attempts[0].http_status, 200);
  harness_end(&h);
  server_stop(&server);
}

static void without_a_certificate_nothing_is_in_doubt(void **state) {
  (void)state;
  struct server server;
  struct harness h;
  server_start(&server);
  prepare(&h, &server);
  h.options.client_cert_file = h.options.client_key_file = NULL;
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  if (h.results[0]->outcome != EXPSTART_FAILED || h.results[0]->lookups != 0 ||
      !strstr(h.results[0]->message, "certificate required"))
    fail_msg("%s, %u look-ups: %s", expstart_outcome_name(h.results[0]->outcome),
             h.results[0]->lookups, h.results[0]->message);
  harness_end(&h);
  server_stop(&server);
}

static void expect_create(struct harness *h, int status) {
  expstart_client *client;
  assert_int_equal(expstart_client_create(&client, h->loop, &h->options), status);
  assert_null(client);
}

static void files_that_are_none_are_told_at_create(void **state) {
  (void)state;
  struct server server;
  struct harness h;
  server_start(&server);
  prepare(&h, &server);
  h.options.client_key_file = "/no/such/file";
  expect_create(&h, EXPSTART_ECLIENTCERT);
  h.options.client_key_file = server.certificate; /* there is no key in it */
  expect_create(&h, EXPSTART_ECLIENTCERT);
  h.options.client_key_file = server.key;
  h.options.client_cert_file = "/no/such/file";
  expect_create(&h, EXPSTART_ECLIENTCERT);
  h.options.client_cert_file = NULL; /* a key alone */
  expect_create(&h, EXPSTART_ECLIENTCERT);
  harness_end(&h);
  server_stop(&server);
}

static void expect_words(const struct server *server, const char *words) {
  struct harness h;
  prepare(&h, server);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  run("rm %s", server->key);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->outcome, EXPSTART_FAILED);
  if (!strstr(h.results[0]->message, words))
    fail_msg("not \"%s\" but: %s", words, h.results[0]->message);
  harness_end(&h);
}

/* Nothing of the API's, and no certificate of the server's that is wrong. */
static void a_key_that_is_gone_is_told_as_such(void **state) {
  (void)state;
  struct server server;
  server_start(&server);
  expect_words(&server, "client.key cannot be read: No such file");
  server_stop(&server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_that_demands_a_certificate_is_reached_with_one),
      cmocka_unit_test(without_a_certificate_nothing_is_in_doubt),
      cmocka_unit_test(files_that_are_none_are_told_at_create),
      cmocka_unit_test(a_key_that_is_gone_is_told_as_such),
  };
  if (system("openssl version >/dev/null 2>&1") != 0) {
    print_message("skipped: openssl is not installed\n");
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Tests of the integration tests' own server with plain sockets: what a script asks for is what a
 * client sees on the wire. Knows nothing about the client library.
 */
#include "rawserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 5000
#define GET "GET /v1/experiments/7 HTTP/1.1\r\nHost: x\r\n\r\n"
#define PUT                                                                                        \
  "PUT /v1/experiments/7/start HTTP/1.1\r\nHost: x\r\nauthorization:  Api-Key k\r\n"               \
  "Content-Length: 18\r\n\r\n{\"action\":\"start\"}"
#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#define START(script) start(&(struct rawserver_options){RAW_SCRIPT(script)})

static struct rawserver *start(const struct rawserver_options *options) {
  struct rawserver *server = rawserver_start(options);
  assert_non_null(server);
  return server;
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static void sleep_ms(long ms) {
  const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
  nanosleep(&time, NULL);
}

/* What connect says: 0 or -errno. */
static int try_connect(const struct rawserver *server, int flags, int *fd) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)rawserver_port(server))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  *fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(*fd >= 0);
  assert_int_equal(fcntl(*fd, F_SETFL, flags), 0);
  return connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
}

static int dial(const struct rawserver *server) {
  int fd = -1;
  assert_int_equal(try_connect(server, 0, &fd), 0);
  return fd;
}

static void write_all(int fd, const char *text) {
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What recv says once something has come: bytes, 0 at the end, or -errno. */
static int read_some(int fd, char *to, size_t size) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
  ssize_t got = recv(fd, to, size, 0);
  return got < 0 ? -errno : (int)got;
}

static void expect_bytes(int fd, const char *text) {
  char got[1024] = "";
  size_t used = 0;
  while (used < strlen(text)) {
    int n = read_some(fd, got + used, strlen(text) - used);
    assert_true(n > 0);
    used += (size_t)n;
  }
  assert_string_equal(got, text);
}

static void expect_end(int fd, int result) {
  char byte;
  assert_int_equal(read_some(fd, &byte, 1), result);
  close(fd);
}

static void expect_silence(int fd, int ms) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  assert_int_equal(poll(&wait, 1, ms), 0);
}

static void a_request_gets_the_bytes_of_its_step(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_SEND(REPLY), RAW_CLOSE)};
  struct rawserver *server = START(script);
  char endpoint[64];
  snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d/v1", rawserver_port(server));
  assert_string_equal(rawserver_endpoint(server), endpoint);
  int fd = dial(server);
  write_all(fd, PUT);
  expect_bytes(fd, REPLY);
  expect_end(fd, 0);
  rawserver_stop(server);
}

static void a_json_reply_carries_its_length_and_headers(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_JSON(429, "Retry-After: 1\r\n", "{\"ok\":false}")),
      RAW_STEP(RAW_JSON(200, NULL, "{}"))};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, GET);
  expect_bytes(fd, "HTTP/1.1 429 Error\r\nContent-Type: application/json\r\n"
                   "Content-Length: 12\r\nRetry-After: 1\r\n\r\n{\"ok\":false}");
  write_all(fd, GET);
  expect_bytes(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                   "Content-Length: 2\r\n\r\n{}");
  close(fd);
  rawserver_stop(server);
}

static void requests_are_recorded_whole_and_numbered(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  uint64_t before_us = now_us();
  int first = dial(server);
  write_all(first, GET);
  expect_bytes(first, REPLY);
  write_all(first, PUT);
  expect_bytes(first, REPLY);
  int second = dial(server);
  write_all(second, PUT);
  expect_bytes(second, REPLY);

  assert_int_equal(rawserver_request_count(server), 3);
  assert_int_equal(rawserver_method_count(server, "PUT"), 2);
  assert_int_equal(rawserver_method_count(server, "GET"), 1);
  assert_null(rawserver_request_at(server, 3));
  const struct rawserver_request *get = rawserver_request_at(server, 0);
  const struct rawserver_request *put = rawserver_request_at(server, 1);
  const struct rawserver_request *other = rawserver_request_at(server, 2);
  assert_string_equal(get->method, "GET");
  assert_string_equal(get->path, "/v1/experiments/7");
  assert_string_equal(get->body, "");
  assert_string_equal(put->path, "/v1/experiments/7/start");
  assert_string_equal(rawserver_request_header(put, "Authorization"), "Api-Key k");
  assert_null(rawserver_request_header(put, "Note"));
  assert_string_equal(put->body, "{\"action\":\"start\"}");
  assert_int_equal(put->body_length, 18);
  assert_int_equal(put->connection, 0);
  assert_int_equal(put->on_connection, 1);
  assert_int_equal(other->index, 2);
  assert_int_equal(other->connection, 1);
  assert_int_equal(other->on_connection, 0);
  assert_true(before_us <= get->arrived_us && get->arrived_us <= put->arrived_us);
  assert_true(put->arrived_us <= other->arrived_us && other->arrived_us <= now_us());
  struct rawserver_counts counts = rawserver_counts(server);
  assert_int_equal(counts.connections, 2);
  assert_int_equal(counts.open, 2);
  assert_int_equal(counts.peak_waiting, 1);
  assert_int_equal(counts.waiting + counts.broken + counts.unexpected, 0);
  close(first);
  close(second);
  rawserver_stop(server);
}

static void a_request_may_come_in_pieces_or_with_the_next_one(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  int fd = dial(server);
  for (const char *at = PUT; *at != '\0'; at++) {
    assert_int_equal(send(fd, at, 1, MSG_NOSIGNAL), 1);
    if (*at == '\r' || at[1] == '\0' || at[1] == '}')
      sleep_ms(2);
  }
  expect_bytes(fd, REPLY);
  write_all(fd, GET PUT);
  expect_bytes(fd, REPLY REPLY);
  assert_int_equal(rawserver_request_count(server), 3);
  assert_string_equal(rawserver_request_at(server, 0)->body, "{\"action\":\"start\"}");
  assert_string_equal(rawserver_request_at(server, 2)->body, "{\"action\":\"start\"}");
  close(fd);
  rawserver_stop(server);
}

static void a_request_beyond_the_script_gets_500_and_is_counted(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, GET GET);
  expect_bytes(fd, REPLY "HTTP/1.1 500 ");
  assert_int_equal(rawserver_counts(server).unexpected, 1);
  close(fd);
  rawserver_stop(server);
}

static void a_reset_is_seen_as_econnreset(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_RESET), RAW_STEP(RAW_SEND("HTTP/1.1 2"), RAW_PAUSE(20), RAW_RESET)};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, PUT);
  expect_end(fd, -ECONNRESET);
  fd = dial(server);
  write_all(fd, PUT);
  expect_bytes(fd, "HTTP/1.1 2");
  expect_end(fd, -ECONNRESET);
  assert_int_equal(rawserver_counts(server).open, 0);
  rawserver_stop(server);
}

static void the_first_connections_are_reset_when_accepted(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_SEND(REPLY))};
  struct rawserver *server =
      start(&(struct rawserver_options){RAW_SCRIPT(script), .reset_connections = 1});
  int fd = -1;
  int connected = try_connect(server, 0, &fd);
  if (connected == 0) {
    expect_end(fd, -ECONNRESET);
  } else { /* the reset may be here before connect returns */
    assert_int_equal(connected, -ECONNRESET);
    close(fd);
  }
  fd = dial(server);
  write_all(fd, GET);
  expect_bytes(fd, REPLY);
  assert_int_equal(rawserver_counts(server).connections, 2);
  assert_int_equal(rawserver_request_at(server, 0)->connection, 1);
  close(fd);
  rawserver_stop(server);
}

static void an_idle_connection_is_closed_after_its_reply(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_SEND(REPLY), RAW_PAUSE(30), RAW_CLOSE)};
  struct rawserver *server = START(script);
  int fd = dial(server);
  uint64_t before_us = now_us();
  write_all(fd, GET);
  expect_bytes(fd, REPLY);
  expect_end(fd, 0);
  assert_true(now_us() - before_us >= 30000);
  rawserver_stop(server);
}

static void a_reused_connection_is_closed_without_a_byte(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_CLOSE_IF_REUSED, RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  for (size_t i = 1; i <= 2; i++) {
    int fd = dial(server);
    write_all(fd, PUT);
    expect_bytes(fd, REPLY);
    write_all(fd, PUT);
    expect_end(fd, 0);
    assert_int_equal(rawserver_request_count(server), 2 * i);
  }
  rawserver_stop(server);
}

static void a_reused_connection_is_reset_without_a_byte(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_RESET_IF_REUSED, RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, PUT);
  expect_bytes(fd, REPLY);
  write_all(fd, PUT);
  expect_end(fd, -ECONNRESET);
  rawserver_stop(server);
}

static void a_drip_comes_in_many_pieces(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_DRIP(REPLY), RAW_CLOSE)};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, GET);
  char got[128] = "";
  size_t used = 0;
  int pieces = 0;
  for (int n; (n = read_some(fd, got + used, sizeof(got) - 1 - used)) > 0; pieces++)
    used += (size_t)n;
  assert_string_equal(got, REPLY);
  assert_true(pieces > 2); /* one per byte unless this thread is held up */
  close(fd);
  rawserver_stop(server);
}

static void a_stall_ends_when_the_server_is_stopped(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_STALL)};
  struct rawserver *server = START(script);
  int fd = dial(server);
  int other = dial(server);
  write_all(fd, PUT);
  write_all(other, PUT);
  assert_true(rawserver_wait_requests(server, 2, PATIENCE_MS));
  expect_silence(fd, 20);
  assert_int_equal(rawserver_counts(server).waiting, 2);
  assert_int_equal(rawserver_counts(server).peak_waiting, 2);
  assert_false(rawserver_wait_requests(server, 3, 5));
  rawserver_stop(server);
  expect_end(fd, 0);
  expect_end(other, 0);
}

static void a_stall_ends_when_the_client_closes(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_STALL)};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, PUT);
  assert_true(rawserver_wait_requests(server, 1, PATIENCE_MS));
  assert_int_equal(rawserver_counts(server).open, 1);
  close(fd);
  for (int i = 0; i < PATIENCE_MS && rawserver_counts(server).open > 0; i++)
    sleep_ms(1);
  assert_int_equal(rawserver_counts(server).open, 0);
  assert_int_equal(rawserver_counts(server).waiting, 0);
  rawserver_stop(server);
}

static void stop_waits_for_no_pause_and_no_client_that_does_not_read(void **state) {
  (void)state;
  static char flood[16 * 1024 * 1024];
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_PAUSE(3600000)), RAW_STEP(RAW_BYTES(flood, sizeof(flood)), RAW_CLOSE)};
  struct rawserver *server = START(script);
  int paused = dial(server);
  write_all(paused, GET);
  assert_true(rawserver_wait_requests(server, 1, PATIENCE_MS));
  int flooded = dial(server);
  write_all(flooded, GET);
  assert_true(rawserver_wait_requests(server, 2, PATIENCE_MS));
  int idle = dial(server);
  sleep_ms(20);
  uint64_t before_us = now_us();
  rawserver_stop(server);
  assert_true(now_us() - before_us < PATIENCE_MS * 1000U);
  close(paused);
  close(flooded);
  close(idle);
}

static void a_listener_that_never_accepts_takes_a_request_and_says_nothing(void **state) {
  (void)state;
  struct rawserver *server = start(&(struct rawserver_options){.listen = RAWSERVER_NEVER_ACCEPT});
  int fd = dial(server);
  write_all(fd, PUT);
  expect_silence(fd, 50);
  assert_int_equal(rawserver_counts(server).connections, 0);
  rawserver_stop(server);
  expect_end(fd, -ECONNRESET);
}

static void a_full_backlog_lets_nobody_connect(void **state) {
  (void)state;
  struct rawserver *server = start(&(struct rawserver_options){.listen = RAWSERVER_NEVER_CONNECT});
  int fd = -1;
  assert_int_equal(try_connect(server, O_NONBLOCK, &fd), -EINPROGRESS);
  struct pollfd wait = {.fd = fd, .events = POLLOUT};
  assert_int_equal(poll(&wait, 1, 1500), 0); /* beyond the first SYN sent again */
  close(fd);
  rawserver_stop(server);
}

static void what_is_no_whole_request_is_counted_and_dropped(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  int fd = dial(server);
  write_all(fd, "nonsense\r\n\r\n");
  expect_end(fd, 0);
  fd = dial(server);
  write_all(fd, "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhal");
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  expect_end(fd, 0);
  fd = dial(server); /* closing an idle connection is no fault */
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  expect_end(fd, 0);
  assert_int_equal(rawserver_counts(server).broken, 2);
  assert_int_equal(rawserver_request_count(server), 0);
  rawserver_stop(server);
}

static void put_is_refused(void *data, const struct rawserver_request *request,
                           struct rawserver_conn *conn) {
  const struct rawserver_step *refusal = data;
  if (strcmp(request->method, "PUT") == 0)
    rawserver_perform(conn, request, refusal);
  else
    rawserver_send(conn, REPLY, strlen(REPLY));
}

static void a_handler_decides_by_the_request(void **state) {
  (void)state;
  struct rawserver_step refusal = RAW_STEP(RAW_SEND("HTTP/1.1 403 No\r\n\r\n"), RAW_CLOSE);
  struct rawserver *server =
      start(&(struct rawserver_options){.handler = put_is_refused, .data = &refusal});
  int fd = dial(server);
  write_all(fd, GET);
  expect_bytes(fd, REPLY);
  write_all(fd, PUT);
  expect_bytes(fd, "HTTP/1.1 403 No\r\n\r\n");
  expect_end(fd, 0);
  rawserver_stop(server);
}

#define MANY 16
#define REQUESTS_EACH 10

/* No cmocka here: its checks belong to the test's thread. Returns NULL when all went well. */
static void *ask_again_and_again(void *data) {
  int fd = *(const int *)data;
  char got[sizeof(REPLY)];
  for (int i = 0; i < REQUESTS_EACH; i++) {
    if (send(fd, GET, strlen(GET), MSG_NOSIGNAL) != (ssize_t)strlen(GET) ||
        recv(fd, got, strlen(REPLY), MSG_WAITALL) != (ssize_t)strlen(REPLY))
      return data;
  }
  return NULL;
}

static void many_connections_are_served_at_once(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_PAUSE(2), RAW_SEND(REPLY))};
  struct rawserver *server = START(script);
  pthread_t threads[MANY];
  int fds[MANY];
  for (size_t i = 0; i < MANY; i++) {
    fds[i] = dial(server);
    assert_int_equal(pthread_create(&threads[i], NULL, ask_again_and_again, &fds[i]), 0);
  }
  while (!rawserver_wait_requests(server, (size_t)MANY * REQUESTS_EACH, 1))
    assert_true(rawserver_method_count(server, "GET") <= (size_t)MANY * REQUESTS_EACH);
  for (size_t i = 0; i < MANY; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
    close(fds[i]);
  }
  assert_int_equal(rawserver_counts(server).connections, MANY);
  assert_in_range(rawserver_counts(server).peak_waiting, 2, MANY);
  for (size_t i = 0; i < (size_t)MANY * REQUESTS_EACH; i++)
    assert_int_equal(rawserver_request_at(server, i)->index, i);
  rawserver_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_gets_the_bytes_of_its_step),
      cmocka_unit_test(a_json_reply_carries_its_length_and_headers),
      cmocka_unit_test(requests_are_recorded_whole_and_numbered),
      cmocka_unit_test(a_request_may_come_in_pieces_or_with_the_next_one),
      cmocka_unit_test(a_request_beyond_the_script_gets_500_and_is_counted),
      cmocka_unit_test(a_reset_is_seen_as_econnreset),
      cmocka_unit_test(the_first_connections_are_reset_when_accepted),
      cmocka_unit_test(an_idle_connection_is_closed_after_its_reply),
      cmocka_unit_test(a_reused_connection_is_closed_without_a_byte),
      cmocka_unit_test(a_reused_connection_is_reset_without_a_byte),
      cmocka_unit_test(a_drip_comes_in_many_pieces),
      cmocka_unit_test(a_stall_ends_when_the_server_is_stopped),
      cmocka_unit_test(a_stall_ends_when_the_client_closes),
      cmocka_unit_test(stop_waits_for_no_pause_and_no_client_that_does_not_read),
      cmocka_unit_test(a_listener_that_never_accepts_takes_a_request_and_says_nothing),
      cmocka_unit_test(a_full_backlog_lets_nobody_connect),
      cmocka_unit_test(what_is_no_whole_request_is_counted_and_dropped),
      cmocka_unit_test(a_handler_decides_by_the_request),
      cmocka_unit_test(many_connections_are_served_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

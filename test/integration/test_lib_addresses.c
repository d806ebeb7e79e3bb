/*
 * A name with several addresses, some of which lead into a black hole: the others are tried before the
 * time to connect is up. The name service is the test's own.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "several.test"
#define EXPORTED __attribute__((visibility("default"))) /* libcurl's calls come here */

enum { ADDRESSES_MAX = 4, FILLERS = 3, CONNECT_TIMEOUT_MS = 2500 };

/* ---- the name service ---- */

static size_t address_count;
static char addresses[ADDRESSES_MAX][16]; /* of HOST, in this order */

EXPORTED int getaddrinfo(const char *restrict name, const char *restrict service,
                         const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
  static struct sockaddr_in at[ADDRESSES_MAX];
  static struct addrinfo list[ADDRESSES_MAX];
  (void)name;
  for (size_t i = 0; i < address_count; i++) {
    at[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)strtol(service, NULL, 10))};
    inet_pton(AF_INET, addresses[i], &at[i].sin_addr);
    list[i] = (struct addrinfo){.ai_family = AF_INET,
                                .ai_socktype = hints->ai_socktype,
                                .ai_addrlen = sizeof(at[i]),
                                .ai_addr = (struct sockaddr *)&at[i],
                                .ai_next = i + 1 < address_count ? &list[i + 1] : NULL};
  }
  *result = list;
  return 0;
}

EXPORTED void freeaddrinfo(struct addrinfo *result) {
  (void)result;
}

/* ---- black holes ---- */

struct hole {
  int listener, fillers[FILLERS];
};

/* Linux answers no connect once a backlog is full. */
static void open_hole(struct hole *hole, const char *address, int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, address, &at.sin_addr);
  hole->listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(hole->listener, (struct sockaddr *)&at, sizeof(at)), 0);
  assert_int_equal(listen(hole->listener, 0), 0);
  for (int i = 0; i < FILLERS; i++) {
    hole->fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(fcntl(hole->fillers[i], F_SETFL, O_NONBLOCK), 0);
    (void)!connect(hole->fillers[i], (struct sockaddr *)&at, sizeof(at)); /* in progress */
  }
}

static void close_hole(struct hole *hole) {
  for (int i = 0; i < FILLERS; i++)
    close(hole->fillers[i]);
  close(hole->listener);
}

/* ---- tests ---- */

/* So many holes come before the one server. */
static void start_behind_holes(size_t holes) {
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_JSON(200, NULL, BODY_STARTED))};
  struct rawserver *server = rawserver_start(&(struct rawserver_options){RAW_SCRIPT(script)});
  struct hole hole[ADDRESSES_MAX];
  struct harness h;
  char endpoint[96];
  assert_non_null(server);
  address_count = 0;
  for (size_t i = 0; i < holes; i++) {
    snprintf(addresses[address_count], sizeof(addresses[0]), "127.0.0.%zu", i + 2);
    open_hole(&hole[i], addresses[address_count++], rawserver_port(server));
  }
  strcpy(addresses[address_count++], "127.0.0.1");
  snprintf(endpoint, sizeof(endpoint), "http://" HOST ":%d/v1", rawserver_port(server));
  harness_init(&h, endpoint);
  h.server = server;
  h.options.flags |= EXPSTART_ALLOW_PLAINTEXT;
  h.options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  if (h.results[0]->outcome != EXPSTART_STARTED || h.results[0]->attempts != 1)
    fail_msg("%zu holes: %s after %u attempts, %llu ms: %s", holes,
             expstart_outcome_name(h.results[0]->outcome), h.results[0]->attempts,
             (unsigned long long)h.results[0]->elapsed_us / 1000, h.results[0]->message);
  harness_end(&h);
  for (size_t i = 0; i < holes; i++)
    close_hole(&hole[i]);
}

static void a_black_hole_leaves_time_for_the_next_address(void **state) {
  (void)state;
  start_behind_holes(1);
}

static void two_black_holes_leave_time_for_the_next_address(void **state) {
  (void)state;
  start_behind_holes(2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_black_hole_leaves_time_for_the_next_address),
      cmocka_unit_test(two_black_holes_leave_time_for_the_next_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

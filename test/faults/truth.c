/* See truth.h. One thread, which polls: it serves tens of thousands of connections, one after the other. What it
 * is asked is small and comes from one client; that is all it understands. */
#include "truth.h"

#include "campaign.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 512, REQUEST_MAX = 8192 };

/* By the place that its descriptor has among those that are polled. */
struct connection {
  size_t used;
  char request[REQUEST_MAX + 1];
};

static struct pollfd polled[2 + CONNECTIONS_MAX]; /* the listener, the others' life, connections */
static struct connection *connections[2 + CONNECTIONS_MAX];
static nfds_t polled_count;

int64_t truth_id(unsigned run, enum truth_kind kind) {
  return (int64_t)run * TRUTH_KINDS + (int64_t)kind + 1;
}

#define NOTE "for all of us, whoever: \"ü\""
#define OTHER_NOTE "another"

const char *truth_note(enum truth_kind kind) {
  if (kind == TRUTH_NOTED || kind == TRUTH_NOTED_TOO)
    return NOTE;
  return kind == TRUTH_THROTTLED ? OTHER_NOTE : NULL;
}

static const char *body_of(enum truth_kind kind) {
  if (kind == TRUTH_NOTED || kind == TRUTH_NOTED_TOO)
    return "{\"action\":\"start\",\"note\":\"for all of us, whoever: \\\"ü\\\"\"}";
  return kind == TRUTH_THROTTLED ? "{\"action\":\"start\",\"note\":\"" OTHER_NOTE "\"}"
                                 : "{\"action\":\"start\"}";
}

/* ---- answers ----------------------------------------------------------------------------------- */

static void reset(int fd) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  (void)shutdown(fd, SHUT_RD);
}

/* A client that is gone has no use for it. */
static void reply(int fd, const char *status, const char *body) {
  char text[512];
  int size =
      snprintf(text, sizeof text,
               "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
               status, strlen(body), body);
  (void)send(fd, text, (size_t)size, MSG_NOSIGNAL);
}

static void tell_state(int fd, int64_t id, const char *state) {
  char body[256];
  snprintf(body, sizeof body,
           "{\"ok\":true,\"experiment\":{\"id\":%" PRId64 ",\"name\":\"e%" PRId64
           "\",\"state\":\"%s\",\"start_at\":\"2024-05-06T07:08:09Z\"}}",
           id, id, state);
  reply(fd, "200 OK", body);
}

/* False: the connection is to be reset. */
static bool answer_start(int fd, struct truth_seen *seen, int64_t id, enum truth_kind kind) {
  bool first = atomic_fetch_add(&seen->requests, 1) == 0;
  if (kind == TRUTH_THROTTLED && first) {
    reply(fd, "429 Too Many Requests\r\nRetry-After: 0",
          "{\"ok\":false,\"errors\":[\"later\",\"please\"]}");
    return true;
  }
  if (kind == TRUTH_BROKEN && first) {
    reply(fd, "500 Internal Server Error", "{\"errors\":[{\"is\":\"broken\"},\"for now\"]}");
    return true;
  }
  atomic_fetch_add(&seen->started, 1);
  if (kind == TRUTH_RESET)
    return false;
  tell_state(fd, id, "running");
  return true;
}

static bool answer(struct truth *truth, int fd, const char *request, size_t size) {
  int64_t id;
  char method[8];
  if (sscanf(request, "%7s /v1/experiments/%" SCNd64, method, &id) != 2 || id < 1 ||
      id > (int64_t)TRUTH_RUNS_MAX * TRUTH_KINDS)
    return false;
  enum truth_kind kind = (enum truth_kind)((id - 1) % TRUTH_KINDS);
  struct truth_seen *seen = &truth->of[(id - 1) / TRUTH_KINDS][kind];
  if (strcmp(method, "PUT") == 0) {
    const char *body = strstr(request, "\r\n\r\n") + 4, *wanted = body_of(kind);
    size_t body_size = (size_t)(request + size - body);
    if (body_size != strlen(wanted) || memcmp(body, wanted, body_size) != 0)
      atomic_fetch_add(&seen->wrong, 1);
    return answer_start(fd, seen, id, kind);
  }
  tell_state(fd, id, atomic_load(&seen->started) > 0 ? "running" : "ready");
  return true;
}

/* ---- connections ------------------------------------------------------------------------------- */

/* The size of the request that is at the front; 0: it is not whole. */
static size_t whole_request(const struct connection *connection) {
  const char *end = strstr(connection->request, "\r\n\r\n");
  const char *length = strstr(connection->request, "Content-Length: ");
  if (!end)
    return 0;
  size_t size = (size_t)(end + 4 - connection->request);
  if (length && length < end)
    size += strtoul(length + sizeof "Content-Length: " - 1, NULL, 10);
  return size <= connection->used ? size : 0;
}

static void end_connection(nfds_t place) {
  close(polled[place].fd);
  free(connections[place]);
  polled[place] = polled[--polled_count];
  connections[place] = connections[polled_count];
}

static void serve_connection(struct truth *truth, nfds_t place) {
  struct connection *connection = connections[place];
  int fd = polled[place].fd;
  ssize_t got = recv(fd, connection->request + connection->used, REQUEST_MAX - connection->used, 0);
  if (got <= 0) {
    end_connection(place);
    return;
  }
  connection->used += (size_t)got;
  connection->request[connection->used] = '\0';
  for (size_t size; (size = whole_request(connection)) > 0;) {
    if (!answer(truth, fd, connection->request, size)) {
      reset(fd);
      end_connection(place);
      return;
    }
    connection->used -= size;
    memmove(connection->request, connection->request + size, connection->used + 1);
  }
}

static void accept_connection(void) {
  int fd = accept(polled[0].fd, NULL, NULL);
  struct connection *connection = fd < 0 ? NULL : calloc(1, sizeof *connection);
  if (!connection || polled_count == 2 + CONNECTIONS_MAX)
    _exit(1); /* the parent sees it */
  polled[polled_count] = (struct pollfd){.fd = fd, .events = POLLIN};
  connections[polled_count++] = connection;
}

/* Until all others have ended, whose end of the pipe `alive` is closed then. */
static void serve(struct truth *truth, int listener, int alive) {
  polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  polled[1] = (struct pollfd){.fd = alive, .events = POLLIN};
  polled_count = 2;
  for (;;) {
    if (poll(polled, polled_count, -1) < 0 || polled[1].revents != 0)
      _exit(0);
    for (nfds_t place = polled_count - 1; place >= 2; place--)
      if (polled[place].revents != 0)
        serve_connection(truth, place);
    if (polled[0].revents != 0)
      accept_connection();
  }
}

static int listen_on_loopback(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    return -1;
  *port = ntohs(address.sin_port);
  return listener;
}

struct truth *truth_begin(void) {
  struct truth *truth = campaign_share(sizeof *truth);
  int alive[2];
  int listener = listen_on_loopback(&truth->port);
  if (listener < 0 || pipe(alive) != 0)
    return NULL;
  pid_t pid = fork();
  if (pid == 0) {
    close(alive[1]);
    serve(truth, listener, alive[0]);
  }
  close(listener);
  close(alive[0]);
  return pid > 0 ? truth : NULL;
}

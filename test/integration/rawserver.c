/*
 * rawserver: one thread accepts, one thread per connection reads requests and lets the handler
 * answer. Every wait is a poll that a pipe's hang-up ends, so stop never waits for a client.
 * Used by the integration tests only; see the header for the rules.
 */
#include "rawserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST_BYTES (1024U * 1024U)
#define MAX_FILLERS 8
#define FILLER_WAIT_US 100000U
#define DRIP_PAUSE_NS 100000L
#define FOREVER UINT64_MAX

struct rawserver_conn {
  struct rawserver *server;
  struct rawserver_conn *next;
  pthread_t thread;
  int fd; /* -1 once closed */
  size_t number;
  size_t requests;
  bool waiting; /* a request has been read and no byte of the answer sent */
  char *buffer; /* read and not yet part of a request */
  size_t used;
  size_t capacity;
};

struct rawserver {
  struct rawserver_options options;
  int listener;
  int stop_pipe[2]; /* closing the write end tells every thread to stop */
  int fillers[MAX_FILLERS];
  size_t filler_count;
  int port;
  char endpoint[64];
  pthread_t acceptor;
  struct rawserver_conn *conns; /* the acceptor's until it is joined */

  pthread_mutex_t lock; /* over all that follows */
  pthread_cond_t recorded;
  struct rawserver_counts counts;
  struct rawserver_request **requests;
};

enum wait_result { WAIT_READY, WAIT_TIMEOUT, WAIT_STOPPED };

static void *must(void *memory) {
  if (memory == NULL)
    abort();
  return memory;
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

/* poll() passes over a negative descriptor, so -1 waits for the time or the stop alone. */
static enum wait_result wait_until(const struct rawserver *server, int fd, short events,
                                   uint64_t until_us) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = server->stop_pipe[0], .events = POLLIN},
                            {.fd = fd, .events = events}};
    uint64_t now = now_us();
    int timeout_ms = -1;
    if (until_us != FOREVER)
      timeout_ms = until_us > now ? (int)((until_us - now + 999U) / 1000U) : 0;
    int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno != EINTR)
      abort();
    if (ready > 0)
      return fds[0].revents != 0 ? WAIT_STOPPED : WAIT_READY;
    if (ready == 0 && now_us() >= until_us)
      return WAIT_TIMEOUT;
  }
}

static bool make_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void close_with_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close(fd);
}

static void change_count(struct rawserver *server, size_t *count, bool up) {
  pthread_mutex_lock(&server->lock);
  *count = up ? *count + 1 : *count - 1;
  pthread_mutex_unlock(&server->lock);
}

/* ---- Requests ---- */

static void free_request(struct rawserver_request *request) {
  if (request == NULL)
    return;
  free(request->body);
  free(request->storage);
  free(request);
}

const char *rawserver_request_header(const struct rawserver_request *request, const char *name) {
  for (size_t i = 0; i < request->header_count; i++) {
    if (strcasecmp(request->headers[i].name, name) == 0)
      return request->headers[i].value;
  }
  return NULL;
}

/* Cuts the line at *cursor off and moves the cursor to the next; the head ends in an empty line. */
static char *take_line(char **cursor) {
  char *line = *cursor;
  char *end = strstr(line, "\r\n");
  if (end == NULL)
    return NULL;
  *end = '\0';
  *cursor = end + 2;
  return line;
}

static bool parse_head(struct rawserver_request *request) {
  char *cursor = request->storage;
  char *line = take_line(&cursor);
  char *path = line != NULL ? strchr(line, ' ') : NULL;
  char *version = path != NULL ? strchr(path + 1, ' ') : NULL;
  if (version == NULL || strncmp(version + 1, "HTTP/", 5) != 0)
    return false;
  *path = *version = '\0';
  request->method = line;
  request->path = path + 1;
  while ((line = take_line(&cursor)) != NULL && *line != '\0') {
    char *value = strchr(line, ':');
    if (value == NULL || request->header_count == RAWSERVER_MAX_HEADERS)
      return false;
    *value++ = '\0';
    value += strspn(value, " \t");
    request->headers[request->header_count++] = (struct rawserver_header){line, value};
  }
  return line != NULL;
}

static bool body_length(const struct rawserver_request *request, size_t *length) {
  const char *value = rawserver_request_header(request, "Content-Length");
  *length = 0;
  if (rawserver_request_header(request, "Transfer-Encoding") != NULL)
    return false;
  if (value == NULL)
    return true;
  if (*value == '\0' || strlen(value) > 7 || strspn(value, "0123456789") != strlen(value))
    return false;
  *length = (size_t)strtoul(value, NULL, 10);
  return *length <= MAX_REQUEST_BYTES;
}

/* Reads until the buffer holds at least so many bytes. */
static bool fill_buffer(struct rawserver_conn *conn, size_t needed) {
  if (conn->capacity < needed + 4096U) {
    conn->capacity = needed + 4096U;
    conn->buffer = must(realloc(conn->buffer, conn->capacity));
  }
  while (conn->used < needed) {
    if (wait_until(conn->server, conn->fd, POLLIN, FOREVER) != WAIT_READY)
      return false;
    size_t room = conn->server->options.leave_bodies ? 1 : conn->capacity - conn->used;
    ssize_t got = recv(conn->fd, conn->buffer + conn->used, room, 0);
    if (got > 0)
      conn->used += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
      return false;
  }
  return true;
}

/* The length of the head with its empty line, or 0 while it is incomplete. */
static size_t head_length(const struct rawserver_conn *conn) {
  for (size_t i = 4; i <= conn->used; i++) {
    if (memcmp(conn->buffer + i - 4, "\r\n\r\n", 4) == 0)
      return i;
  }
  return 0;
}

/* NULL when the connection or the server ends first, or the bytes are no request. */
static struct rawserver_request *read_request(struct rawserver_conn *conn) {
  struct rawserver_request *request = NULL;
  size_t head = 0;
  size_t body = 0;
  while ((head = head_length(conn)) == 0) {
    if (conn->used > MAX_REQUEST_BYTES || !fill_buffer(conn, conn->used + 1))
      goto broken;
  }
  request = must(calloc(1, sizeof(*request)));
  request->storage = must(calloc(1, head + 1));
  memcpy(request->storage, conn->buffer, head);
  if (!parse_head(request) || !body_length(request, &body))
    goto broken;
  if (conn->server->options.leave_bodies)
    body = 0;
  if (!fill_buffer(conn, head + body))
    goto broken;
  request->body = must(calloc(1, body + 1));
  request->body_length = body;
  memcpy(request->body, conn->buffer + head, body);
  conn->used -= head + body;
  memmove(conn->buffer, conn->buffer + head + body, conn->used);
  return request;

broken:
  free_request(request);
  if (conn->used > 0)
    change_count(conn->server, &conn->server->counts.broken, true);
  return NULL;
}

/* Gives the request its place among all and makes it readable for the test's thread. */
static void record_request(struct rawserver_conn *conn, struct rawserver_request *request) {
  struct rawserver *server = conn->server;
  pthread_mutex_lock(&server->lock);
  request->index = server->counts.requests++;
  request->connection = conn->number;
  request->on_connection = conn->requests++;
  request->arrived_us = now_us();
  server->requests =
      must(realloc(server->requests, server->counts.requests * sizeof(struct rawserver_request *)));
  server->requests[request->index] = request;
  conn->waiting = true;
  if (++server->counts.waiting > server->counts.peak_waiting)
    server->counts.peak_waiting = server->counts.waiting;
  pthread_cond_broadcast(&server->recorded);
  pthread_mutex_unlock(&server->lock);
}

/* Called before the first byte of an answer goes out, so that the client cannot be ahead of it. */
static void end_waiting(struct rawserver_conn *conn) {
  if (!conn->waiting)
    return;
  conn->waiting = false;
  change_count(conn->server, &conn->server->counts.waiting, false);
}

/* ---- What a handler may do ---- */

static void end_connection(struct rawserver_conn *conn, bool reset) {
  if (conn->fd < 0)
    return;
  end_waiting(conn);
  change_count(conn->server, &conn->server->counts.open, false);
  if (reset)
    close_with_reset(conn->fd);
  else
    close(conn->fd);
  conn->fd = -1;
}

void rawserver_close(struct rawserver_conn *conn) {
  end_connection(conn, false);
}

void rawserver_reset(struct rawserver_conn *conn) {
  end_connection(conn, true);
}

bool rawserver_send(struct rawserver_conn *conn, const char *bytes, size_t length) {
  if (conn->fd < 0)
    return false;
  end_waiting(conn);
  while (length > 0) {
    if (wait_until(conn->server, conn->fd, POLLOUT, FOREVER) != WAIT_READY)
      return false;
    ssize_t sent = send(conn->fd, bytes, length, MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes += sent;
      length -= (size_t)sent;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool rawserver_drip(struct rawserver_conn *conn, const char *bytes, size_t length) {
  const struct timespec pause = {.tv_nsec = DRIP_PAUSE_NS};
  for (size_t i = 0; i < length; i++) {
    if (!rawserver_send(conn, bytes + i, 1))
      return false;
    nanosleep(&pause, NULL);
  }
  return conn->fd >= 0;
}

bool rawserver_json(struct rawserver_conn *conn, unsigned status, const char *headers,
                    const char *body) {
  static const char format[] = "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
                               "Content-Length: %zu\r\n%s\r\n%s";
  const char *more = headers != NULL ? headers : "";
  const char *reason = status < 400 ? "OK" : "Error";
  size_t capacity = sizeof(format) + 64U + strlen(more) + strlen(body);
  char *reply = must(malloc(capacity));
  int length = snprintf(reply, capacity, format, status, reason, strlen(body), more, body);
  bool sent = length > 0 && rawserver_send(conn, reply, (size_t)length);
  free(reply);
  return sent;
}

bool rawserver_pause(struct rawserver_conn *conn, unsigned ms) {
  uint64_t until_us = now_us() + (uint64_t)ms * 1000U;
  return conn->fd >= 0 && wait_until(conn->server, -1, 0, until_us) == WAIT_TIMEOUT;
}

void rawserver_stall(struct rawserver_conn *conn) {
  if (conn->fd < 0)
    return;
  /* Bytes sent into the stall pile up in the buffer; only the end of the connection ends it. */
  while (fill_buffer(conn, conn->used + 1))
    continue;
  rawserver_close(conn);
}

bool rawserver_unexpected(struct rawserver_conn *conn) {
  change_count(conn->server, &conn->server->counts.unexpected, true);
  return rawserver_json(conn, 500, NULL, "{\"ok\":false,\"errors\":[\"unexpected request\"]}");
}

/* False when nothing of the step is left to do. */
static bool perform_action(struct rawserver_conn *conn, bool reused,
                           const struct rawserver_action *action) {
  switch (action->op) {
  case RAWSERVER_SEND:
    return rawserver_send(conn, action->bytes, action->length);
  case RAWSERVER_DRIP:
    return rawserver_drip(conn, action->bytes, action->length);
  case RAWSERVER_JSON:
    return rawserver_json(conn, action->number, action->headers, action->bytes);
  case RAWSERVER_PAUSE:
    return rawserver_pause(conn, action->number);
  case RAWSERVER_CLOSE:
  case RAWSERVER_RESET:
    if (action->number == RAWSERVER_IF_REUSED && !reused)
      return true;
    end_connection(conn, action->op == RAWSERVER_RESET);
    return false;
  case RAWSERVER_STALL:
    rawserver_stall(conn);
    return false;
  case RAWSERVER_END:
    break;
  }
  return false;
}

void rawserver_perform(struct rawserver_conn *conn, const struct rawserver_request *request,
                       const struct rawserver_step *step) {
  bool reused = request->on_connection > 0;
  for (size_t i = 0; i < RAWSERVER_MAX_ACTIONS; i++) {
    if (!perform_action(conn, reused, &step->actions[i]))
      return;
  }
}

/* The handler of servers started without one. */
static void play_script(void *data, const struct rawserver_request *request,
                        struct rawserver_conn *conn) {
  const struct rawserver_options *options = data;
  size_t count = options->step_count;
  if (request->index < count)
    rawserver_perform(conn, request, &options->steps[request->index]);
  else if (count > 0 && options->steps[count - 1].repeat)
    rawserver_perform(conn, request, &options->steps[count - 1]);
  else
    rawserver_unexpected(conn);
}

/* ---- Threads ---- */

static void *serve_connection(void *data) {
  struct rawserver_conn *conn = data;
  struct rawserver *server = conn->server;
  struct rawserver_request *request = NULL;
  while (conn->fd >= 0 && (request = read_request(conn)) != NULL) {
    record_request(conn, request);
    server->options.handler(server->options.data, request, conn);
    end_waiting(conn);
  }
  rawserver_close(conn);
  return NULL;
}

static void accept_connection(struct rawserver *server) {
  int fd = accept(server->listener, NULL, NULL);
  if (fd < 0)
    return;
  pthread_mutex_lock(&server->lock);
  size_t number = server->counts.connections++;
  bool reset = number < server->options.reset_connections;
  if (!reset)
    server->counts.open++;
  pthread_mutex_unlock(&server->lock);
  if (reset) {
    close_with_reset(fd);
    return;
  }
  int on = 1;
  struct rawserver_conn *conn = must(calloc(1, sizeof(*conn)));
  *conn =
      (struct rawserver_conn){.server = server, .next = server->conns, .fd = fd, .number = number};
  if (!make_nonblocking(fd) || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
      pthread_create(&conn->thread, NULL, serve_connection, conn) != 0) {
    rawserver_close(conn);
    free(conn);
    return;
  }
  server->conns = conn;
}

static void *accept_connections(void *data) {
  struct rawserver *server = data;
  int fd = server->options.listen == RAWSERVER_ACCEPT ? server->listener : -1;
  while (wait_until(server, fd, POLLIN, FOREVER) == WAIT_READY)
    accept_connection(server);
  return NULL;
}

/* ---- Start and stop ---- */

static bool open_listener(struct rawserver *server, struct sockaddr_in *address) {
  socklen_t size = sizeof(*address);
  int backlog = server->options.listen == RAWSERVER_NEVER_CONNECT ? 0 : SOMAXCONN;
  *address = (struct sockaddr_in){.sin_family = AF_INET};
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server->listener = socket(AF_INET, SOCK_STREAM, 0);
  if (server->listener < 0 || !make_nonblocking(server->listener) ||
      bind(server->listener, (struct sockaddr *)address, size) != 0 ||
      listen(server->listener, backlog) != 0 ||
      getsockname(server->listener, (struct sockaddr *)address, &size) != 0)
    return false;
  server->port = ntohs(address->sin_port);
  snprintf(server->endpoint, sizeof(server->endpoint), "http://127.0.0.1:%d/v1", server->port);
  return true;
}

/* Connects to ourselves until the kernel drops the attempt: from then on it drops everybody's. */
static bool fill_backlog(struct rawserver *server, const struct sockaddr_in *address) {
  while (server->filler_count < MAX_FILLERS) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
      return false;
    server->fillers[server->filler_count++] = fd;
    if (!make_nonblocking(fd))
      return false;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
      continue;
    if (errno != EINPROGRESS)
      return false;
    if (wait_until(server, fd, POLLOUT, now_us() + FILLER_WAIT_US) == WAIT_TIMEOUT)
      return true;
  }
  return false;
}

static void close_if_open(int fd) {
  if (fd >= 0)
    close(fd);
}

/* Everything but the threads, which must have ended. */
static void free_server(struct rawserver *server) {
  close_if_open(server->listener);
  close_if_open(server->stop_pipe[0]);
  close_if_open(server->stop_pipe[1]);
  for (size_t i = 0; i < server->filler_count; i++)
    close(server->fillers[i]);
  for (size_t i = 0; i < server->counts.requests; i++)
    free_request(server->requests[i]);
  free(server->requests);
  pthread_cond_destroy(&server->recorded);
  pthread_mutex_destroy(&server->lock);
  free(server);
}

struct rawserver *rawserver_start(const struct rawserver_options *options) {
  struct rawserver *server = must(calloc(1, sizeof(*server)));
  struct sockaddr_in address;
  pthread_condattr_t attributes;
  server->options = *options;
  if (options->handler == NULL) {
    server->options.handler = play_script;
    server->options.data = &server->options;
  }
  server->listener = server->stop_pipe[0] = server->stop_pipe[1] = -1;
  pthread_mutex_init(&server->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&server->recorded, &attributes);
  pthread_condattr_destroy(&attributes);
  if (pipe(server->stop_pipe) != 0 || !open_listener(server, &address) ||
      (options->listen == RAWSERVER_NEVER_CONNECT && !fill_backlog(server, &address)) ||
      pthread_create(&server->acceptor, NULL, accept_connections, server) != 0) {
    free_server(server);
    return NULL;
  }
  return server;
}

void rawserver_stop(struct rawserver *server) {
  if (server == NULL)
    return;
  close(server->stop_pipe[1]);
  server->stop_pipe[1] = -1;
  pthread_join(server->acceptor, NULL);
  while (server->conns != NULL) {
    struct rawserver_conn *conn = server->conns;
    server->conns = conn->next;
    pthread_join(conn->thread, NULL);
    free(conn->buffer);
    free(conn);
  }
  free_server(server);
}

/* ---- What a test may ask ---- */

int rawserver_port(const struct rawserver *server) {
  return server->port;
}

const char *rawserver_endpoint(const struct rawserver *server) {
  return server->endpoint;
}

struct rawserver_counts rawserver_counts(struct rawserver *server) {
  pthread_mutex_lock(&server->lock);
  struct rawserver_counts counts = server->counts;
  pthread_mutex_unlock(&server->lock);
  return counts;
}

size_t rawserver_request_count(struct rawserver *server) {
  return rawserver_counts(server).requests;
}

size_t rawserver_method_count(struct rawserver *server, const char *method) {
  size_t count = 0;
  pthread_mutex_lock(&server->lock);
  for (size_t i = 0; i < server->counts.requests; i++)
    count += strcmp(server->requests[i]->method, method) == 0 ? 1U : 0U;
  pthread_mutex_unlock(&server->lock);
  return count;
}

const struct rawserver_request *rawserver_request_at(struct rawserver *server, size_t index) {
  pthread_mutex_lock(&server->lock);
  const struct rawserver_request *request =
      index < server->counts.requests ? server->requests[index] : NULL;
  pthread_mutex_unlock(&server->lock);
  return request;
}

bool rawserver_wait_requests(struct rawserver *server, size_t count, unsigned timeout_ms) {
  uint64_t until_us = now_us() + (uint64_t)timeout_ms * 1000U;
  struct timespec until = {.tv_sec = (time_t)(until_us / 1000000U),
                           .tv_nsec = (long)(until_us % 1000000U) * 1000L};
  pthread_mutex_lock(&server->lock);
  while (server->counts.requests < count &&
         pthread_cond_timedwait(&server->recorded, &server->lock, &until) == 0)
    continue;
  bool reached = server->counts.requests >= count;
  pthread_mutex_unlock(&server->lock);
  return reached;
}

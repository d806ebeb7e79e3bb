/* The daemon runs without threads of its own: the loop watches its epoll descriptor and keeps the
 * timer it asks for, and every delay is a suspended connection that a timer resumes. Called by
 * main.c. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "delay.h"

#define BODY_MAX ((size_t)64 * 1024)
#define STALL_MS 60000

struct server {
  struct MHD_Daemon *daemon;
  struct api *api;
  uint16_t port;
  uint64_t latency_ms;
  bool has_failed;
  uv_loop_t *loop;
  uv_poll_t readiness;  /* of the daemon's epoll descriptor */
  uv_timer_t due;       /* when the daemon wants to be run though nothing is ready */
  struct delay latency; /* answered exchanges held back by --latency-ms */
  struct delay stalls;  /* exchanges that end without an answer */
  struct delay lates;   /* starts that are carried out later */
};

/* One request and what is answered to it; lives as long as the daemon keeps the request. */
struct exchange {
  struct delay_entry delayed;
  struct MHD_Connection *connection;
  char *body;
  size_t body_length;
  bool body_too_large;
  bool is_answered;
  struct api_answer answer;
};

/* A body of which only the first bytes are sent. */
struct broken_body {
  char *bytes;
  size_t sent_max;
};

static void run_daemon(struct server *server);

static void on_due(uv_timer_t *timer) {
  run_daemon(timer->data);
}

static void on_readiness(uv_poll_t *poll, int status, int events) {
  (void)status; /* an error of the descriptor shows when the daemon is run */
  (void)events;
  run_daemon(poll->data);
}

static void fail(struct server *server, const char *what, const char *why) {
  fprintf(stderr, "expstart-sandbox: %s: %s\n", what, why);
  server->has_failed = true;
  uv_stop(server->loop);
}

static void run_daemon(struct server *server) {
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (MHD_run(server->daemon) != MHD_YES) {
    fail(server, "HTTP daemon", "it cannot go on");
    return;
  }
  int error = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES
                  ? uv_timer_start(&server->due, on_due, wait_ms, 0)
                  : uv_timer_stop(&server->due);
  if (error < 0) {
    fail(server, "timer", uv_strerror(error));
  }
}

static void resume(void *context, struct delay_entry *entry) {
  (void)context;
  struct exchange *exchange =
      (struct exchange *)((char *)entry - offsetof(struct exchange, delayed));
  MHD_resume_connection(exchange->connection);
}

static int64_t system_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a clock that exists */
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct late {
  struct delay_entry delayed;
  struct api_late start;
};

static void carry_out(void *context, struct delay_entry *entry) {
  struct server *server = context;
  struct late *late = (struct late *)((char *)entry - offsetof(struct late, delayed));
  api_carry_out(server->api, &late->start, system_now_ms());
  free(late->start.note_json);
  free(late);
}

static void on_late_round(uv_timer_t *timer) {
  (void)timer; /* the daemon need not know */
}

/* Takes over the start. */
static bool put_off(struct server *server, struct api_late *start) {
  struct late *late = start->id != 0 ? malloc(sizeof *late) : NULL;
  if (start->id == 0) {
    return true;
  }
  if (late == NULL || delay_add(&server->lates, &late->delayed) < 0) {
    free(start->note_json);
    free(late);
    return false;
  }
  late->start = *start;
  return true;
}

/* The peer is to see a reset and nothing else. Closing with SO_LINGER 0 alone would not do: the
 * daemon shuts the connection down first (and says goodbye in TLS), so that an orderly end comes
 * before the reset. Connecting a TCP socket to no address resets it at once. */
static enum MHD_Result reset_connection(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (info != NULL) {
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (connect(info->connect_fd, &nowhere, sizeof nowhere) < 0 &&
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0) {
      perror("expstart-sandbox: a connection could not be reset");
    }
  }
  return MHD_NO; /* which makes the daemon forget the connection */
}

static ssize_t read_broken_body(void *context, uint64_t position, char *buffer, size_t size) {
  const struct broken_body *broken = context;
  if (position >= broken->sent_max) {
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  size_t length = broken->sent_max - (size_t)position;
  length = length < size ? length : size;
  memcpy(buffer, broken->bytes + position, length);
  return (ssize_t)length;
}

static void free_broken_body(void *context) {
  struct broken_body *broken = context;
  free(broken->bytes);
  free(broken);
}

/* Both take over the body if they succeed. */
static struct MHD_Response *create_broken_response(const struct reply_body *body) {
  struct broken_body *broken = malloc(sizeof *broken);
  if (broken == NULL) {
    return NULL;
  }
  *broken = (struct broken_body){.bytes = body->bytes, .sent_max = body->length / 2};
  struct MHD_Response *response = MHD_create_response_from_callback(
      body->length, 4096, read_broken_body, broken, free_broken_body);
  if (response == NULL) {
    free(broken);
  }
  return response;
}

static struct MHD_Response *create_response(const struct api_answer *answer) {
  return answer->delivery == API_BREAK_OFF
             ? create_broken_response(&answer->body)
             : MHD_create_response_from_buffer(answer->body.length, answer->body.bytes,
                                               MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result add_fields(struct MHD_Response *response, const struct api_answer *answer) {
  enum MHD_Result result =
      MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
  if (result == MHD_YES && answer->allow != NULL) {
    result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
  }
  for (size_t index = 0; result == MHD_YES && index < answer->field_count; index++) {
    result =
        MHD_add_response_header(response, answer->fields[index].name, answer->fields[index].value);
  }
  return result;
}

static enum MHD_Result deliver(struct exchange *exchange) {
  struct api_answer *answer = &exchange->answer;
  if (answer->delivery == API_RESET) {
    return reset_connection(exchange->connection);
  }
  if (answer->delivery == API_STALL) {
    return MHD_NO;
  }
  struct MHD_Response *response = create_response(answer);
  if (response == NULL) {
    return MHD_NO;
  }
  answer->body.bytes = NULL;
  enum MHD_Result result = add_fields(response, answer);
  if (result == MHD_YES) {
    result = MHD_queue_response(exchange->connection, answer->status, response);
  }
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result answer(struct server *server, struct exchange *exchange, const char *path,
                              const char *method) {
  struct api_request request = {
      .method = method,
      .path = path,
      .authorization = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
                                                   MHD_HTTP_HEADER_AUTHORIZATION),
      .body = exchange->body != NULL ? exchange->body : "",
      .body_length = exchange->body_length,
      .body_too_large = exchange->body_too_large,
      .now_ms = system_now_ms(),
      .clock_us = uv_hrtime() / 1000,
  };
  if (api_answer(server->api, &request, &exchange->answer) < 0) {
    return MHD_NO;
  }
  exchange->is_answered = true;
  if (!put_off(server, &exchange->answer.late)) {
    return MHD_NO;
  }
  struct delay *delay = NULL;
  if (exchange->answer.delivery == API_STALL) {
    delay = &server->stalls;
  } else if (server->latency_ms > 0 && strncmp(path, "/sandbox/", strlen("/sandbox/")) != 0) {
    delay = &server->latency;
  }
  if (delay == NULL) {
    return deliver(exchange);
  }
  if (delay_add(delay, &exchange->delayed) < 0) {
    return MHD_NO;
  }
  MHD_suspend_connection(exchange->connection); /* to be called again once it is resumed */
  return MHD_YES;
}

static enum MHD_Result add_to_body(struct exchange *exchange, const char *bytes, size_t *length) {
  if (*length > BODY_MAX - exchange->body_length) {
    exchange->body_too_large = true; /* and read on: an answer now would be lost to a reset */
  }
  if (!exchange->body_too_large) {
    char *grown = realloc(exchange->body, exchange->body_length + *length);
    if (grown == NULL) {
      return MHD_NO;
    }
    memcpy(grown + exchange->body_length, bytes, *length);
    exchange->body = grown;
    exchange->body_length += *length;
  }
  *length = 0;
  return MHD_YES;
}

/* Called by the daemon when the header is there, for each part of the body, when all is there, and
 * again after a delay. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *bytes, size_t *length, void **exchange_slot) {
  (void)version;
  struct exchange *exchange = *exchange_slot;
  if (exchange == NULL) {
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
      return MHD_NO;
    }
    exchange->connection = connection;
    *exchange_slot = exchange;
    return MHD_YES;
  }
  if (*length > 0) {
    return add_to_body(exchange, bytes, length);
  }
  return exchange->is_answered ? deliver(exchange) : answer(context, exchange, path, method);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **exchange_slot,
                         enum MHD_RequestTerminationCode code) {
  (void)context;
  (void)connection;
  (void)code;
  struct exchange *exchange = *exchange_slot;
  if (exchange != NULL) {
    free(exchange->answer.body.bytes);
    free(exchange->body);
    free(exchange);
    *exchange_slot = NULL;
  }
}

/* Bound here and not by the daemon, which would not say why it could not. */
static int listen_on_loopback(uint16_t *port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) {
    return -1;
  }
  int on = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    int error = errno;
    close(listener);
    errno = error;
    return -1;
  }
  *port = ntohs(address.sin_port);
  return listener;
}

static struct MHD_Daemon *start_daemon(struct server *server, const struct server_config *config,
                                       int listener) {
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
  struct MHD_OptionItem tls_options[] = {{MHD_OPTION_END, 0, NULL}, {0}, {0}};
  if (config->certificate != NULL) {
    flags |= MHD_USE_TLS;
    tls_options[0] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, config->certificate->certificate_pem};
    tls_options[1] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, config->certificate->key_pem};
    tls_options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
  }
  return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
                          listener, MHD_OPTION_CONNECTION_LIMIT, config->connections_max,
                          MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_ARRAY,
                          tls_options, MHD_OPTION_END);
}

static int watch_daemon(struct server *server, const struct server_config *config) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == NULL) {
    return UV_ENOTSUP;
  }
  /* The one step that can fail for want of anything comes first, so that a failure leaves no handle
   * half made; the timers' set-up always succeeds. */
  int error = uv_poll_init(server->loop, &server->readiness, info->epoll_fd);
  if (error < 0) {
    return error;
  }
  server->readiness.data = server;
  uv_timer_init(server->loop, &server->due);
  server->due.data = server;
  delay_init(&server->latency, server->loop, config->latency_ms, resume, on_due, server);
  delay_init(&server->stalls, server->loop, STALL_MS, resume, on_due, server);
  delay_init(&server->lates, server->loop, config->late_ms, carry_out, on_late_round, server);
  return 0;
}

const char *server_start(struct server **created, const struct server_config *config,
                         uv_loop_t *loop, struct api *api) {
  struct server *server = calloc(1, sizeof *server);
  if (server == NULL) {
    return strerror(ENOMEM);
  }
  server->api = api;
  server->loop = loop;
  server->latency_ms = config->latency_ms;
  server->port = config->port;
  int listener = listen_on_loopback(&server->port);
  if (listener < 0) {
    const char *why = strerror(errno);
    free(server);
    return why;
  }
  server->daemon = start_daemon(server, config, listener);
  if (server->daemon == NULL) {
    close(listener);
    free(server);
    return "the HTTP daemon could not be started";
  }
  int error = watch_daemon(server, config);
  if (error < 0) {
    MHD_stop_daemon(server->daemon);
    free(server);
    return uv_strerror(error);
  }
  *created = server;
  error = uv_poll_start(&server->readiness, UV_READABLE, on_readiness);
  if (error < 0) {
    server_stop(server);
    return uv_strerror(error);
  }
  return NULL;
}

uint16_t server_port(const struct server *server) {
  return server->port;
}

bool server_has_failed(const struct server *server) {
  return server->has_failed;
}

void server_stop(struct server *server) {
  /* The daemon may not be stopped while connections are suspended, and takes note of those that are
   * resumed when it is run. What it answers to them meanwhile may still get out. */
  while (server->latency.first != NULL || server->stalls.first != NULL) {
    delay_flush(&server->latency);
    delay_flush(&server->stalls);
    MHD_run(server->daemon);
  }
  delay_flush(&server->lates);
  uv_close((uv_handle_t *)&server->readiness, NULL);
  uv_close((uv_handle_t *)&server->due, NULL);
  delay_close(&server->latency);
  delay_close(&server->stalls);
  delay_close(&server->lates);
  MHD_stop_daemon(server->daemon);
}

void server_destroy(struct server *server) {
  free(server);
}

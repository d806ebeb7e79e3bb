/*
 * rawserver: an HTTP/1 server on a raw loopback socket that misbehaves byte by byte as a test says.
 * The integration tests start one per test; it runs in threads of its own, so that the test's
 * thread is free to run the loop of the client under test. It knows nothing about that client.
 *
 * 1. Start gives a listening server at once; stop ends stalls and pauses, closes every connection,
 *    joins every thread and frees everything, the recorded requests too.
 * 2. A request is recorded when it has been read to its last byte; then the handler says what to do
 *    with its connection. When the handler returns with the connection open, the next request is
 *    read from it.
 * 3. Each connection has a thread: handlers of different connections run at the same time.
 *    Everything the server is asked from the test's thread is safe at any time before stop.
 * 4. Everything is counted from 0. The server aborts the test when memory runs out.
 */
#ifndef RAWSERVER_H
#define RAWSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAWSERVER_MAX_HEADERS 32
#define RAWSERVER_MAX_ACTIONS 8

struct rawserver;
struct rawserver_conn;

struct rawserver_header {
  const char *name;
  const char *value;
};

/* A request as it came. Never changes once recorded; the server's, valid until it is stopped. */
struct rawserver_request {
  size_t index;         /* among all requests, in order of arrival */
  size_t connection;    /* which connection it came on, in order of accept */
  size_t on_connection; /* which request of that connection; above 0 the connection was re-used */
  uint64_t arrived_us;  /* CLOCK_MONOTONIC when its last byte had been read */
  const char *method;
  const char *path; /* the target as sent, query and all */
  struct rawserver_header headers[RAWSERVER_MAX_HEADERS];
  size_t header_count;
  char *body; /* a NUL follows; "" without a body */
  size_t body_length;
  char *storage; /* what the strings above point into, the body apart */
};

/* The value of the first header of that name, case ignored, or NULL. */
const char *rawserver_request_header(const struct rawserver_request *request, const char *name);

/*
 * Scripts: request k gets step k. A repeating last step serves all later requests, too; without one
 * a request beyond the script gets rawserver_unexpected(). Make steps with RAW_STEP(actions...) and
 * actions with the macros below, e.g.
 *
 *   static const struct rawserver_step script[] = {
 *       RAW_STEP(RAW_JSON(429, "Retry-After: 1\r\n", "{\"ok\":false}")),
 *       RAW_STEP(RAW_SEND("HTTP/1.1 200 OK\r\nContent-Le"), RAW_PAUSE(20), RAW_RESET),
 *       RAW_REPEAT(RAW_CLOSE_IF_REUSED, RAW_JSON(200, NULL, "{\"ok\":true}")),
 *   };
 *   server = rawserver_start(&(struct rawserver_options){RAW_SCRIPT(script)});
 */
enum rawserver_op {
  RAWSERVER_END = 0,
  RAWSERVER_SEND,
  RAWSERVER_DRIP,
  RAWSERVER_JSON,
  RAWSERVER_PAUSE,
  RAWSERVER_CLOSE,
  RAWSERVER_RESET,
  RAWSERVER_STALL
};

struct rawserver_action {
  enum rawserver_op op;
  unsigned number;     /* JSON: status; PAUSE: milliseconds; CLOSE, RESET: see below */
  const char *headers; /* JSON: more header lines, each ending in CRLF, or NULL */
  const char *bytes;
  size_t length;
};

enum { RAWSERVER_IF_REUSED = 1 };

struct rawserver_step {
  struct rawserver_action actions[RAWSERVER_MAX_ACTIONS];
  bool repeat;
};

#define RAW_STEP(...)                                                                              \
  {                                                                                                \
    .actions = { __VA_ARGS__ }                                                                     \
  }
#define RAW_REPEAT(...)                                                                            \
  { .actions = {__VA_ARGS__}, .repeat = true }

/* The bytes of a string literal: in one piece, or each byte in a segment of its own. */
#define RAW_SEND(literal) RAW_BYTES("" literal "", sizeof(literal) - 1)
#define RAW_DRIP(literal)                                                                          \
  { .op = RAWSERVER_DRIP, .bytes = "" literal "", .length = sizeof(literal) - 1 }
#define RAW_BYTES(pointer, count)                                                                  \
  { .op = RAWSERVER_SEND, .bytes = (pointer), .length = (count) }
/* A good reply; see rawserver_json(). */
#define RAW_JSON(status, lines, text)                                                              \
  { .op = RAWSERVER_JSON, .number = (status), .headers = (lines), .bytes = (text) }
#define RAW_PAUSE(ms)                                                                              \
  { .op = RAWSERVER_PAUSE, .number = (ms) }
/* FIN; what the client sends afterwards is answered by RST, as it is by any closed socket. */
#define RAW_CLOSE                                                                                  \
  { .op = RAWSERVER_CLOSE }
#define RAW_RESET                                                                                  \
  { .op = RAWSERVER_RESET }
/* The same if the request is not the first of its connection; else on to the next action. */
#define RAW_CLOSE_IF_REUSED                                                                        \
  { .op = RAWSERVER_CLOSE, .number = RAWSERVER_IF_REUSED }
#define RAW_RESET_IF_REUSED                                                                        \
  { .op = RAWSERVER_RESET, .number = RAWSERVER_IF_REUSED }
/* Nothing more until the server is stopped or the client closes. */
#define RAW_STALL                                                                                  \
  { .op = RAWSERVER_STALL }

/* Runs in the connection's thread; what it shares with others is its own to lock. */
typedef void rawserver_handler(void *data, const struct rawserver_request *request,
                               struct rawserver_conn *conn);

enum rawserver_listen {
  RAWSERVER_ACCEPT = 0,
  RAWSERVER_NEVER_ACCEPT, /* clients connect and send, nobody reads */
  RAWSERVER_NEVER_CONNECT /* the backlog is full: a client's connect hangs */
};

struct rawserver_options {
  rawserver_handler *handler; /* NULL: play the script */
  void *data;
  const struct rawserver_step *steps; /* must stay until stop */
  size_t step_count;
  enum rawserver_listen listen;
  size_t reset_connections; /* so many are reset as soon as accepted; SIZE_MAX: all */
  /* Requests count as whole with their head, and what follows stays in the socket unread: a close is a
     reset then. For one request a connection. */
  bool leave_bodies;
};

#define RAW_SCRIPT(array) .steps = (array), .step_count = sizeof(array) / sizeof((array)[0])

/* NULL when no socket or thread is to be had. Options are copied, what they point to is not. */
struct rawserver *rawserver_start(const struct rawserver_options *options);
void rawserver_stop(struct rawserver *server); /* NULL is fine */

int rawserver_port(const struct rawserver *server);
const char *rawserver_endpoint(const struct rawserver *server); /* "http://127.0.0.1:PORT/v1" */

struct rawserver_counts {
  size_t connections;  /* accepted, those reset at once included */
  size_t open;         /* gauge: neither side has been seen to end it */
  size_t requests;     /* read whole */
  size_t unexpected;   /* beyond the script */
  size_t broken;       /* ended or malformed before they were a whole request */
  size_t waiting;      /* gauge: read whole, and no byte of an answer sent */
  size_t peak_waiting; /* at most what the client had in flight, unless it gave up in a pause */
};

struct rawserver_counts rawserver_counts(struct rawserver *server);
size_t rawserver_request_count(struct rawserver *server);
size_t rawserver_method_count(struct rawserver *server, const char *method);
/* NULL beyond the last one recorded. */
const struct rawserver_request *rawserver_request_at(struct rawserver *server, size_t index);
/* Blocks the caller until so many requests are recorded; false when that takes over timeout_ms. */
bool rawserver_wait_requests(struct rawserver *server, size_t count, unsigned timeout_ms);

/*
 * For handlers, in the connection's thread only. False: the connection or the server has ended and
 * the rest of the answer is pointless.
 */
bool rawserver_send(struct rawserver_conn *conn, const char *bytes, size_t length);
bool rawserver_drip(struct rawserver_conn *conn, const char *bytes, size_t length);
/* A reply with Content-Type and the right Content-Length; headers as in rawserver_action. */
bool rawserver_json(struct rawserver_conn *conn, unsigned status, const char *headers,
                    const char *body);
bool rawserver_pause(struct rawserver_conn *conn, unsigned ms);
void rawserver_close(struct rawserver_conn *conn);
void rawserver_reset(struct rawserver_conn *conn);
void rawserver_stall(struct rawserver_conn *conn);      /* the connection is closed on return */
bool rawserver_unexpected(struct rawserver_conn *conn); /* 500, and counted */
void rawserver_perform(struct rawserver_conn *conn, const struct rawserver_request *request,
                       const struct rawserver_step *step);

#endif

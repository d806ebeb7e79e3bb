/*
 * harness: one client of the library on a real loop, for the integration tests. It copies every
 * result, and checks at each callback what must hold at each: the loop's thread, never inside a
 * submit, never after the closed callback, the ledger of the stats, and no key in any line of the
 * log. What a callback finds wrong is told when the loop has returned. It can also run the sandbox
 * as a child process.
 *
 * A test is: harness_init, change h.options, harness_open, submit, harness_run, look at
 * h.results, harness_end. Nothing here is for two threads; each may have a harness of its own.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "expstart.h"
#include "rawserver.h"

#define HARNESS_KEY "Kq3-secret-9fJx"
#define HARNESS_PATIENCE_MS 20000
#define HARNESS_SETTLE_MS 700 /* of attempt_timeout_ms, where a doubt is to settle soon */
#define HARNESS_ATTEMPTS_KEPT 64
#define HARNESS_ID 7 /* what the replies below are about */

#define BODY_STARTED                                                                               \
  "{\"ok\":true,\"experiment\":{\"id\":7,\"name\":\"seven\",\"state\":\"running\","                \
  "\"start_at\":\"2024-05-06T07:08:09Z\"}}"
#define BODY_STARTED_ANY "{\"ok\":true,\"experiment\":{\"state\":\"running\"}}" /* names none */
#define BODY_READY "{\"experiment\":{\"id\":7,\"name\":\"seven\",\"state\":\"ready\"}}"
#define BODY_RUNNING "{\"experiment\":{\"id\":7,\"name\":\"seven\",\"state\":\"running\"}}"

/* A copy of an expstart_result, in the order of the callbacks. */
struct harness_result {
  expstart_outcome outcome;
  int64_t experiment_id;
  expstart_ticket ticket;
  int error;
  int http_status;
  uint32_t attempts;
  uint32_t lookups;
  uint32_t throttled;
  int confirmed;
  char *name; /* NULL where the result's was */
  char *state;
  char *started_at;
  char *message;
  char *errors; /* each followed by a line end */
  size_t error_count;
  uint64_t queued_us;
  uint64_t elapsed_us;
  char *reply;
  size_t reply_size;
};

struct harness {
  uv_loop_t *loop;
  uv_loop_t own_loop;
  expstart_client *client; /* NULL before harness_open and after the closed callback */
  struct expstart_options options;
  unsigned patience_ms; /* of each run; longer fails the test */

  struct harness_result **results;
  size_t count;
  size_t accepted; /* by harness_submit; a test that submits by itself adds to it */
  expstart_attempt attempts[HARNESS_ATTEMPTS_KEPT]; /* the first; their message is not kept */
  size_t attempt_count;
  size_t log_lines;
  size_t room_calls;
  bool close_called;
  bool closed;

  /* Called at the end of the hook or callback of that name, and may call the library. */
  void (*on_result)(struct harness *h, const expstart_result *result);
  void (*on_attempt)(struct harness *h, const expstart_attempt *attempt);
  void (*on_log)(struct harness *h, const char *line);
  void (*on_room)(struct harness *h);
  void (*on_closed)(struct harness *h);
  void *data; /* the test's */

  /* What follows is the harness's own. */
  struct rawserver *server;
  uv_timer_t watchdog;
  uv_thread_t thread;
  size_t wanted;
  struct expstart_stats last_stats;
  size_t delivered[EXPSTART_SEEN + 1];
  bool inside_submit;
  char failure[512];
};

/* Prepares options for quick tests: HARNESS_KEY, backoffs of 1 to 5 ms, all hooks. */
void harness_init(struct harness *h, const char *endpoint);
/* The same on a loop that the test runs and closes. */
void harness_init_on(struct harness *h, uv_loop_t *loop, const char *endpoint);
/* Starts a raw server that harness_end stops, and prepares options for it. */
void harness_serve(struct harness *h, const struct rawserver_options *options);
void harness_open(struct harness *h);

/* Submits what must be accepted. */
expstart_ticket harness_submit(struct harness *h, int64_t id);
expstart_ticket harness_submit_as(struct harness *h, int64_t id, const char *note,
                                  expstart_mode mode);
/* Submits whatever it is; says what the library says. */
int harness_try(struct harness *h, const struct expstart_request *request, expstart_ticket *ticket);
/* The done callback for requests and harness_try; data is the harness. */
void harness_done(expstart_client *client, const expstart_result *result, void *data);

/* Runs the loop until so many results are there in all; fails the test when the loop runs dry
   before or the patience is over. */
void harness_run(struct harness *h, size_t count);
/* Runs the loop until the server has read so many requests. */
void harness_run_until_sent(struct harness *h, size_t requests);
/* Runs the loop until that is true; it is asked each millisecond. */
void harness_run_until(struct harness *h, bool (*is_reached)(struct harness *h, size_t number),
                       size_t number);
/* Runs the loop until the client is closed. */
void harness_run_until_closed(struct harness *h);
/* Runs the loop until nothing keeps it, which must come to pass. */
void harness_run_dry(struct harness *h);
void harness_close(struct harness *h, expstart_close_mode mode);

/* Closes the client if it is open, checks that it called back for all that was accepted and left
   nothing on the loop, frees everything and stops the server. */
void harness_end(struct harness *h);

/* A server with a script, a client, one start of HARNESS_ID, run to its result. */
const struct harness_result *harness_play(struct harness *h,
                                          const struct rawserver_options *options);
#define SERVE(h, script) harness_serve((h), &(struct rawserver_options){RAW_SCRIPT(script)})
#define PLAY(h, script) harness_play((h), &(struct rawserver_options){RAW_SCRIPT(script)})

/* How many results so far have that outcome. */
size_t harness_outcomes(const struct harness *h, expstart_outcome outcome);
struct expstart_stats harness_stats(const struct harness *h);
/* Notes that something is wrong and stops the loop; the first is told. For callbacks. */
void harness_blame(struct harness *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Checks accepted = outcomes + gauges, and that counters only grow. */
void harness_check_ledger(struct harness *h);

struct sandbox {
  pid_t pid;
  int port;
  char endpoint[128];
};

/* Runs $EXPSTART_SANDBOX with these arguments, NULL at the end, until it is ready. */
void sandbox_start(struct sandbox *sandbox, const char *const arguments[]);
/* Ends it; it must end well. */
void sandbox_stop(struct sandbox *sandbox);
/* A number of GET /sandbox/stats by its name, the first of that name. Not with TLS. */
long long sandbox_stat(const struct sandbox *sandbox, const char *name);

#endif

/*
 * harness: the loop, the client and the checks at each callback; see the header. Linked into each
 * of the library's integration tests; it knows the public header only.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- checks ---- */

void harness_blame(struct harness *h, const char *format, ...) {
  va_list values;
  if (h->failure[0] == '\0') {
    va_start(values, format);
    vsnprintf(h->failure, sizeof(h->failure), format, values);
    va_end(values);
  }
  uv_stop(h->loop);
}

size_t harness_outcomes(const struct harness *h, expstart_outcome outcome) {
  size_t count = 0;
  for (size_t i = 0; i < h->count; i++)
    count += h->results[i]->outcome == outcome;
  return count;
}

struct expstart_stats harness_stats(const struct harness *h) {
  struct expstart_stats stats;
  expstart_stats_get(h->client, &stats, sizeof(stats));
  return stats;
}

/* The counters are the fields before the gauges. */
static void check_counters(struct harness *h, const struct expstart_stats *now) {
  enum { COUNTERS = offsetof(struct expstart_stats, queued) / sizeof(uint64_t) };
  uint64_t before[COUNTERS], after[COUNTERS];
  memcpy(before, &h->last_stats, sizeof(before));
  memcpy(after, now, sizeof(after));
  for (size_t i = 0; i < COUNTERS; i++)
    if (after[i] < before[i])
      harness_blame(h, "counter %zu of the stats fell", i);
  h->last_stats = *now;
}

void harness_check_ledger(struct harness *h) {
  struct expstart_stats s = harness_stats(h);
  const uint64_t decided[] = {s.started, s.running,  s.rejected, s.failed,
                              s.unknown, s.canceled, s.seen};
  uint64_t sum = s.queued + s.in_flight + s.waiting;
  for (size_t i = 0; i < sizeof(decided) / sizeof(decided[0]); i++) {
    sum += decided[i];
    if (decided[i] < h->delivered[i])
      harness_blame(h, "stats count %llu %s, called back were %zu", (unsigned long long)decided[i],
                    expstart_outcome_name((expstart_outcome)i), h->delivered[i]);
  }
  if (s.accepted != sum)
    harness_blame(
        h, "accepted is %llu, the sum %llu, of it queued %llu, in flight %llu, waiting %llu",
        (unsigned long long)s.accepted, (unsigned long long)sum, (unsigned long long)s.queued,
        (unsigned long long)s.in_flight, (unsigned long long)s.waiting);
  if (h->options.max_in_flight > 0 && s.in_flight > h->options.max_in_flight)
    harness_blame(h, "%llu in flight", (unsigned long long)s.in_flight);
  check_counters(h, &s);
}

/* What holds at every callback and hook. */
static void check_place(struct harness *h, const char *what) {
  uv_thread_t self = uv_thread_self();
  if (!uv_thread_equal(&self, &h->thread))
    harness_blame(h, "%s on another thread", what);
  if (h->inside_submit)
    harness_blame(h, "%s inside a submit", what);
  if (h->closed)
    harness_blame(h, "%s after the closed callback", what);
  else if (h->client)
    harness_check_ledger(h);
}

/* ---- callbacks ---- */

static void *must(void *memory) {
  if (memory == NULL)
    abort();
  return memory;
}

static char *copy(const char *text) {
  return text != NULL ? must(strdup(text)) : NULL;
}

static char *copy_errors(const expstart_result *result) {
  size_t size = 1;
  for (size_t i = 0; i < result->error_count; i++)
    size += strlen(result->errors[i]) + 1;
  char *all = must(calloc(1, size)), *end = all;
  for (size_t i = 0; i < result->error_count; i++)
    end += snprintf(end, size - (size_t)(end - all), "%s\n", result->errors[i]);
  return all;
}

static struct harness_result *copy_result(const expstart_result *from) {
  struct harness_result *to = must(calloc(1, sizeof(*to)));
  *to = (struct harness_result){.outcome = from->outcome,
                                .experiment_id = from->experiment_id,
                                .ticket = from->ticket,
                                .error = from->error,
                                .http_status = from->http_status,
                                .attempts = from->attempts,
                                .lookups = from->lookups,
                                .throttled = from->throttled,
                                .confirmed = from->confirmed,
                                .name = copy(from->name),
                                .state = copy(from->state),
                                .started_at = copy(from->started_at),
                                .message = copy(from->message),
                                .errors = copy_errors(from),
                                .error_count = from->error_count,
                                .queued_us = from->queued_us,
                                .elapsed_us = from->elapsed_us,
                                .reply_size = from->reply_size};
  if (from->reply != NULL) {
    to->reply = must(malloc(from->reply_size + 1));
    memcpy(to->reply, from->reply, from->reply_size + 1);
  }
  return to;
}

static void free_result(struct harness_result *result) {
  free(result->name);
  free(result->state);
  free(result->started_at);
  free(result->message);
  free(result->errors);
  free(result->reply);
  free(result);
}

static void check_result(struct harness *h, const expstart_result *result) {
  bool good = result->outcome == EXPSTART_STARTED || result->outcome == EXPSTART_RUNNING ||
              result->outcome == EXPSTART_SEEN;
  if (result->message == NULL || result->ticket == 0 || (result->error == EXPSTART_OK) != good)
    harness_blame(h, "a result that is %s with error %d", expstart_outcome_name(result->outcome),
                  result->error);
  if (result->message != NULL && strstr(result->message, HARNESS_KEY) != NULL)
    harness_blame(h, "the key is in a message: %s", result->message);
  if ((result->error_count > 0) != (result->errors != NULL))
    harness_blame(h, "errors do not go with error_count");
  if (result->queued_us > result->elapsed_us)
    harness_blame(h, "queued for longer than it took");
}

void harness_done(expstart_client *client, const expstart_result *result, void *data) {
  struct harness *h = data;
  if (client != h->client)
    harness_blame(h, "called back with another client");
  h->results = must(realloc(h->results, (h->count + 1) * sizeof(*h->results)));
  h->results[h->count++] = copy_result(result);
  h->delivered[result->outcome]++;
  check_place(h, "a done callback");
  check_result(h, result);
  if (h->on_result != NULL)
    h->on_result(h, result);
  if (h->count == h->wanted)
    uv_stop(h->loop);
}

static void hook_attempt(expstart_client *client, const expstart_attempt *attempt, void *data) {
  struct harness *h = data;
  (void)client;
  check_place(h, "on_attempt");
  if (h->attempt_count < HARNESS_ATTEMPTS_KEPT) {
    h->attempts[h->attempt_count] = *attempt;
    h->attempts[h->attempt_count].message = NULL;
  }
  h->attempt_count++;
  if (strstr(attempt->message, HARNESS_KEY) != NULL)
    harness_blame(h, "the key is in an attempt's message: %s", attempt->message);
  if (h->on_attempt != NULL)
    h->on_attempt(h, attempt);
}

static void hook_log(expstart_log_level level, const char *line, void *data) {
  struct harness *h = data;
  check_place(h, "log");
  h->log_lines++;
  if ((int)level < EXPSTART_LOG_DEBUG || level > EXPSTART_LOG_WARN || strchr(line, '\n') != NULL)
    harness_blame(h, "a bad log line: %s", line);
  if (strstr(line, HARNESS_KEY) != NULL)
    harness_blame(h, "the key is in a log line: %s", line);
  if (h->on_log != NULL)
    h->on_log(h, line);
}

static void hook_room(expstart_client *client, void *data) {
  struct harness *h = data;
  (void)client;
  check_place(h, "on_room");
  h->room_calls++;
  if (h->on_room != NULL)
    h->on_room(h);
}

static void on_closed(void *data) {
  struct harness *h = data;
  h->client = NULL;
  check_place(h, "the closed callback");
  if (h->count != h->accepted)
    harness_blame(h, "closed after %zu callbacks for %zu accepted", h->count, h->accepted);
  h->closed = true;
  if (h->on_closed != NULL)
    h->on_closed(h);
  uv_stop(h->loop);
}

/* ---- life ---- */

/* HARNESS_IO: "on_loop" or "N_threads"; not set: the default. */
static int io_threads(void) {
  const char *io = getenv("HARNESS_IO");
  if (!io)
    return 0;
  return strcmp(io, "on_loop") == 0 ? EXPSTART_IO_ON_LOOP : atoi(io);
}

void harness_init_on(struct harness *h, uv_loop_t *loop, const char *endpoint) {
  *h = (struct harness){.patience_ms = HARNESS_PATIENCE_MS};
  h->loop = loop != NULL ? loop : &h->own_loop;
  if (loop == NULL)
    assert_int_equal(uv_loop_init(&h->own_loop), 0);
  assert_int_equal(uv_timer_init(h->loop, &h->watchdog), 0);
  h->watchdog.data = h;
  expstart_options_init(&h->options);
  h->options.endpoint = endpoint;
  h->options.api_key = HARNESS_KEY;
  h->options.backoff_base_ms = 1;
  h->options.backoff_cap_ms = 5;
  h->options.on_attempt = hook_attempt;
  h->options.log = hook_log;
  h->options.on_room = hook_room;
  h->options.hook_data = h;
  h->options.io_threads = io_threads();
}

void harness_init(struct harness *h, const char *endpoint) {
  harness_init_on(h, NULL, endpoint);
}

void harness_serve(struct harness *h, const struct rawserver_options *options) {
  struct rawserver *server = rawserver_start(options);
  assert_non_null(server);
  harness_init(h, rawserver_endpoint(server));
  h->server = server;
}

void harness_open(struct harness *h) {
  h->thread = uv_thread_self();
  assert_int_equal(expstart_client_create(&h->client, h->loop, &h->options), EXPSTART_OK);
  assert_non_null(h->client);
}

int harness_try(struct harness *h, const struct expstart_request *request,
                expstart_ticket *ticket) {
  bool was_inside = h->inside_submit;
  h->inside_submit = true;
  int status = expstart_submit(h->client, request, ticket);
  h->inside_submit = was_inside;
  h->accepted += status == EXPSTART_OK;
  return status;
}

expstart_ticket harness_submit_as(struct harness *h, int64_t id, const char *note,
                                  expstart_mode mode) {
  struct expstart_request request = {.size = sizeof(request),
                                     .experiment_id = id,
                                     .note = note,
                                     .mode = mode,
                                     .done = harness_done,
                                     .data = h};
  expstart_ticket ticket = 0;
  int status = harness_try(h, &request, &ticket);
  if (status != EXPSTART_OK || ticket == 0)
    harness_blame(h, "submit: %s, ticket %llu", expstart_err_name(status),
                  (unsigned long long)ticket);
  return ticket;
}

expstart_ticket harness_submit(struct harness *h, int64_t id) {
  return harness_submit_as(h, id, NULL, EXPSTART_START);
}

void harness_close(struct harness *h, expstart_close_mode mode) {
  int status = expstart_client_close(h->client, mode, on_closed, h);
  if (status != EXPSTART_OK)
    harness_blame(h, "close: %s", expstart_err_name(status));
  h->close_called = true;
}

/* ---- running ---- */

static void on_watchdog(uv_timer_t *timer) {
  struct harness *h = timer->data;
  harness_blame(h, "still not there after %u ms: %zu results of %zu accepted, wanted %zu",
                h->patience_ms, h->count, h->accepted, h->wanted);
}

/* The watchdog keeps no loop alive: one that runs dry too early is seen as such. */
static void start_watchdog(struct harness *h) {
  uv_update_time(h->loop);
  assert_int_equal(uv_timer_start(&h->watchdog, on_watchdog, h->patience_ms, 0), 0);
  uv_unref((uv_handle_t *)&h->watchdog);
}

static void end_run(struct harness *h) {
  uv_timer_stop(&h->watchdog);
  h->wanted = 0;
  if (h->client != NULL)
    harness_check_ledger(h);
  if (h->failure[0] != '\0')
    fail_msg("%s", h->failure);
}

static bool has_failed(const struct harness *h) {
  return h->failure[0] != '\0';
}

typedef bool reached_fn(struct harness *h, size_t number);

static void run_to(struct harness *h, reached_fn *is_reached, size_t number) {
  start_watchdog(h);
  while (!is_reached(h, number) && !has_failed(h)) {
    if (uv_run(h->loop, UV_RUN_DEFAULT) == 0 && !is_reached(h, number))
      harness_blame(h, "the loop ran dry with %zu results of %zu", h->count, h->accepted);
  }
}

static bool has_results(struct harness *h, size_t count) {
  return h->count >= count;
}

static bool is_closed(struct harness *h, size_t number) {
  (void)number;
  return h->closed;
}

static bool is_sent(struct harness *h, size_t requests) {
  return rawserver_request_count(h->server) >= requests;
}

void harness_run(struct harness *h, size_t count) {
  h->wanted = count;
  run_to(h, has_results, count);
  end_run(h);
}

void harness_run_until_closed(struct harness *h) {
  run_to(h, is_closed, 0);
  end_run(h);
}

void harness_run_dry(struct harness *h) {
  start_watchdog(h);
  while (!has_failed(h) && uv_run(h->loop, UV_RUN_DEFAULT) != 0)
    continue;
  end_run(h);
}

static void on_tick(uv_timer_t *timer) {
  uv_stop(timer->loop);
}

static void on_tick_closed(uv_handle_t *tick) {
  tick->data = NULL;
}

void harness_run_until(struct harness *h, bool (*is_reached)(struct harness *h, size_t number),
                       size_t number) {
  uv_timer_t tick;
  assert_int_equal(uv_timer_init(h->loop, &tick), 0);
  assert_int_equal(uv_timer_start(&tick, on_tick, 1, 1), 0);
  run_to(h, is_reached, number);
  tick.data = h;
  uv_close((uv_handle_t *)&tick, on_tick_closed);
  while (tick.data != NULL)
    uv_run(h->loop, UV_RUN_NOWAIT);
  end_run(h);
}

void harness_run_until_sent(struct harness *h, size_t requests) {
  harness_run_until(h, is_sent, requests);
}

void harness_end(struct harness *h) {
  if (h->client != NULL && !h->close_called)
    harness_close(h, EXPSTART_DRAIN);
  if (h->client != NULL)
    harness_run_until_closed(h);
  uv_close((uv_handle_t *)&h->watchdog, NULL);
  uv_run(h->loop, UV_RUN_DEFAULT);
  assert_int_equal(h->count, h->accepted);
  if (h->loop == &h->own_loop)
    assert_int_equal(uv_loop_close(h->loop), 0);
  if (has_failed(h))
    fail_msg("%s", h->failure);
  for (size_t i = 0; i < h->count; i++)
    free_result(h->results[i]);
  free(h->results);
  rawserver_stop(h->server);
}

const struct harness_result *harness_play(struct harness *h,
                                          const struct rawserver_options *options) {
  harness_serve(h, options);
  harness_open(h);
  harness_submit(h, HARNESS_ID);
  harness_run(h, 1);
  return h->results[0];
}

/* ---- the sandbox ---- */

enum { SANDBOX_ARGUMENTS_MAX = 32 };

static pid_t running_sandbox; /* 0: none; one at a time */

/* A failed assertion leaves the test without sandbox_stop. */
static void kill_sandbox(void) {
  if (running_sandbox > 0) {
    kill(running_sandbox, SIGKILL);
    waitpid(running_sandbox, NULL, 0);
  }
  running_sandbox = 0;
}

static pid_t spawn_sandbox(const char *const arguments[], int output[2]) {
  static bool is_registered;
  const char *program = getenv("EXPSTART_SANDBOX");
  char *argv[SANDBOX_ARGUMENTS_MAX + 2] = {must(strdup("expstart-sandbox"))};
  size_t count = 0;
  pid_t pid = 0;
  posix_spawn_file_actions_t actions;
  if (program == NULL)
    fail_msg("EXPSTART_SANDBOX does not tell where the sandbox is");
  if (!is_registered)
    is_registered = atexit(kill_sandbox) == 0;
  kill_sandbox();
  for (; arguments[count] != NULL && count < SANDBOX_ARGUMENTS_MAX; count++)
    argv[count + 1] = must(strdup(arguments[count]));
  assert_null(arguments[count]);
  assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
  assert_int_equal(posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO), 0);
  assert_int_equal(posix_spawn_file_actions_addclose(&actions, output[0]), 0);
  assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  for (size_t i = 0; i <= count; i++)
    free(argv[i]);
  return pid;
}

void sandbox_start(struct sandbox *sandbox, const char *const arguments[]) {
  int output[2];
  char line[160] = "";
  size_t used = 0;
  assert_int_equal(pipe(output), 0);
  *sandbox = (struct sandbox){.pid = spawn_sandbox(arguments, output)};
  running_sandbox = sandbox->pid;
  close(output[1]);
  while (used < sizeof(line) - 1 && strchr(line, '\n') == NULL &&
         read(output[0], line + used, 1) == 1)
    used++;
  close(output[0]);
  const char *colon = strrchr(line, ':');
  assert_non_null(colon);
  assert_int_equal(sscanf(line, "ready %127s", sandbox->endpoint), 1);
  sandbox->port = (int)strtol(colon + 1, NULL, 10);
}

void sandbox_stop(struct sandbox *sandbox) {
  int status = -1;
  running_sandbox = 0;
  assert_int_equal(kill(sandbox->pid, SIGTERM), 0);
  assert_int_equal(waitpid(sandbox->pid, &status, 0), sandbox->pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

long long sandbox_stat(const struct sandbox *sandbox, const char *name) {
  static const char request[] = "GET /sandbox/stats HTTP/1.0\r\n\r\n";
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)sandbox->port)};
  char reply[4096] = "", key[64];
  size_t used = 0;
  ssize_t got = 0;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
  while ((got = recv(fd, reply + used, sizeof(reply) - 1 - used, 0)) > 0)
    used += (size_t)got;
  close(fd);
  snprintf(key, sizeof(key), "\"%s\":", name);
  const char *value = strstr(reply, key);
  if (value == NULL)
    fail_msg("%s is not in the sandbox's stats: %s", name, reply);
  return strtoll(value + strlen(key), NULL, 10);
}

/* A daemon in one process and one loop: starts come in by a unix socket (intake.c), expstart does them,
   and Prometheus looks at /metrics (metrics.c). This file is its life: options, signals, and the end.

       export ABSMARTLY_API_ENDPOINT=https://acme.absmartly.com/v1 ABSMARTLY_API_KEY=...
       embed-daemon -s /run/starts.sock -m 9464 -d 60 &
       printf '17\n18 with a note\n' | nc -NU /run/starts.sock

   SIGTERM or SIGINT: no more connections and no more starts; what was accepted is done and answered, for
   at most the seconds of -d, then what is left is canceled and answered so. A second one cancels at
   once. It ends with 0 if nothing had to be canceled, else with 1. */
#include "intake.h"
#include "metrics.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct daemon {
  uv_loop_t loop;
  expstart_client *client;
  struct intake intake;
  struct metrics metrics;
  uv_signal_t sigterm, sigint;
  uint32_t drain_ms;
  bool draining;
};

struct arguments {
  const char *socket, *labels;
  int metrics_port; /* -1: no page */
  uint32_t max_queued, drain_seconds;
};

static void on_log(expstart_log_level level, const char *line, void *hook_data) {
  (void)hook_data;
  if (level >= EXPSTART_LOG_INFO)
    fprintf(stderr, "%s\n", line);
}

static void on_room(expstart_client *client, void *hook_data) {
  struct daemon *daemon = hook_data;
  (void)client;
  intake_on_room(&daemon->intake);
}

/* ---- the end ---- */

static void on_client_closed(void *data) {
  struct daemon *daemon = data;
  daemon->client = NULL;
  if (daemon->metrics.client)
    metrics_close(&daemon->metrics);
  uv_close((uv_handle_t *)&daemon->sigterm, NULL);
  uv_close((uv_handle_t *)&daemon->sigint, NULL);
  intake_close(&daemon->intake); /* after the last callback, so that all answers are on their way */
}

static void on_signal(uv_signal_t *signal, int number) {
  struct daemon *daemon = signal->data;
  (void)number;
  if (daemon->draining) {
    fprintf(stderr, "canceling what is left\n");
    (void)expstart_client_close(daemon->client, EXPSTART_ABORT, NULL, NULL); /* or it is over */
    return;
  }
  daemon->draining = true;
  fprintf(stderr, "ending what was accepted; once more to cancel it\n");
  intake_stop_listening(&daemon->intake);
  (void)expstart_client_drain(daemon->client, daemon->drain_ms, on_client_closed, daemon);
}

/* ---- the beginning ---- */

static int fail(const char *what, const char *why) {
  fprintf(stderr, "embed-daemon: %s: %s\n", what, why);
  return 2;
}

static int create_client(struct daemon *daemon, const struct arguments *arguments) {
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = getenv("ABSMARTLY_API_ENDPOINT");
  options.api_key = getenv("ABSMARTLY_API_KEY");
  options.confirm = EXPSTART_CONFIRM_ON_REFUSAL;
  options.max_queued = arguments->max_queued;
  options.log = on_log;
  options.on_room = on_room;
  options.hook_data = daemon;
  return expstart_client_create(&daemon->client, &daemon->loop, &options);
}

static int watch_signals(struct daemon *daemon) {
  /* Only the start of a signal may fail. */
  (void)uv_signal_init(&daemon->loop, &daemon->sigterm);
  (void)uv_signal_init(&daemon->loop, &daemon->sigint);
  daemon->sigterm.data = daemon->sigint.data = daemon;
  int status = uv_signal_start(&daemon->sigterm, on_signal, SIGTERM);
  return status != 0 ? status : uv_signal_start(&daemon->sigint, on_signal, SIGINT);
}

/* A failure ends the process, which leaves the system to tidy up. */
static int start(struct daemon *daemon, const struct arguments *arguments) {
  int status = uv_loop_init(&daemon->loop);
  if (status != 0)
    return fail("loop", uv_strerror(status));
  status = create_client(daemon, arguments);
  if (status != EXPSTART_OK)
    return fail("client", expstart_strerror(status));
  status = watch_signals(daemon);
  if (status != 0)
    return fail("signals", uv_strerror(status));
  status = intake_listen(&daemon->intake, &daemon->loop, arguments->socket, daemon->client);
  if (status != 0) /* "address already in use": another daemon's, or left by one that was killed */
    return fail(arguments->socket, uv_strerror(status));
  if (arguments->metrics_port < 0)
    return 0;
  status = metrics_listen(&daemon->metrics, &daemon->loop, arguments->metrics_port, daemon->client,
                          arguments->labels);
  if (status < 0) {
    intake_stop_listening(&daemon->intake); /* removes the socket */
    return fail("metrics", uv_strerror(status));
  }
  printf("metrics http://127.0.0.1:%d/metrics\n", status);
  return 0;
}

static bool read_number(const char *text, uint32_t most, uint32_t *number) {
  char *end;
  unsigned long read = strtoul(text, &end, 10);
  *number = (uint32_t)read;
  return *text >= '0' && *text <= '9' && *end == '\0' && read <= most;
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments) {
  uint32_t port;
  int option;
  while ((option = getopt(argc, argv, "s:m:l:q:d:")) != -1) {
    bool good = true;
    switch (option) {
    case 's':
      arguments->socket = optarg;
      break;
    case 'm':
      good = read_number(optarg, 65535, &port);
      arguments->metrics_port = (int)port;
      break;
    case 'l':
      arguments->labels = optarg;
      break;
    case 'q':
      good = read_number(optarg, 1000000000, &arguments->max_queued);
      break;
    case 'd':
      good = read_number(optarg, 86400, &arguments->drain_seconds);
      break;
    default:
      good = false;
    }
    if (!good)
      return false;
  }
  return arguments->socket && optind == argc;
}

int main(int argc, char **argv) {
  static struct daemon daemon;
  struct arguments arguments = {.metrics_port = -1, .max_queued = 10000, .drain_seconds = 60};
  if (!read_arguments(argc, argv, &arguments)) {
    fprintf(stderr, "usage: embed-daemon -s SOCKET [-m PORT] [-l LABELS] [-q MAX_QUEUED] "
                    "[-d DRAIN_SECONDS]\n"
                    "  -m  Prometheus' page on 127.0.0.1; 0: any free port\n"
                    "  -l  labels of its metrics: env=\"prod\",job=\"x\"\n");
    return 2;
  }
  daemon.drain_ms = arguments.drain_seconds * 1000;
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* clients may go away while they are written to */
    return fail("signals", "SIGPIPE cannot be ignored");
  int status = start(&daemon, &arguments);
  if (status != 0)
    return status;
  printf("ready %s\n", arguments.socket);
  (void)fflush(stdout);
  uv_run(&daemon.loop, UV_RUN_DEFAULT);
  status = uv_loop_close(&daemon.loop);
  if (status != 0)
    return fail("loop", uv_strerror(status));
  return daemon.intake.canceled ? 1 : 0;
}

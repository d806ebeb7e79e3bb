/* expstart-sandbox: start-up, the ready line, signals and the orderly end. Owns every part and
 * knows none from the inside. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "api.h"
#include "certificate.h"
#include "options.h"
#include "server.h"

enum { EXIT_BAD_OPTIONS = 2 };

struct sandbox {
  uv_loop_t loop;
  uv_signal_t interrupt, terminate;
  struct api *api;
  struct certificate certificate;
  struct server *server;
};

static bool complain(const char *what, const char *why) {
  fprintf(stderr, "expstart-sandbox: %s: %s\n", what, why);
  return false;
}

/* As many connections as the system lets one process have, within reason. */
static unsigned allowed_connections(void) {
  const rlim_t most = 65536, spare = 64;
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) {
    return 512;
  }
  rlim_t wanted = files.rlim_max < most ? files.rlim_max : most;
  if (files.rlim_cur < wanted) {
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = files.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      files = raised;
    }
  }
  rlim_t usable = files.rlim_cur < most ? files.rlim_cur : most;
  return usable > 2 * spare ? (unsigned)(usable - spare) : (unsigned)spare;
}

static bool write_certificate(const char *path, const char *pem) {
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    return complain(path, strerror(errno));
  }
  bool is_written = fputs(pem, file) >= 0;
  int error = errno;
  if (fclose(file) != 0 && is_written) {
    error = errno;
    is_written = false;
  }
  return is_written || complain(path, strerror(error));
}

static bool make_certificate(struct sandbox *sandbox, const struct options *options) {
  if (!options->tls) {
    return true;
  }
  const char *why = certificate_create(&sandbox->certificate);
  if (why != NULL) {
    return complain("no certificate", why);
  }
  return options->ca_out == NULL ||
         write_certificate(options->ca_out, sandbox->certificate.certificate_pem);
}

static bool make_api(struct sandbox *sandbox, const struct options *options) {
  struct api_config config = {
      .experiments = options->experiments,
      .key = options->key,
      .reply_size = options->reply_size,
      .rate_per_s = options->rate_per_s,
      .burst = options->burst,
      .hints = options->hints,
      .fault_lookups = options->fault_lookups,
      .is_late = options->late_ms > 0,
      .seed = options->seed,
  };
  memcpy(config.fault_probability, options->fault_probability, sizeof config.fault_probability);
  sandbox->api = api_create(&config, uv_hrtime() / 1000);
  return sandbox->api != NULL || complain("start-up", strerror(ENOMEM));
}

static bool start_server(struct sandbox *sandbox, const struct options *options) {
  struct server_config config = {
      .port = options->port,
      .certificate = options->tls ? &sandbox->certificate : NULL,
      .latency_ms = options->latency_ms,
      .late_ms = options->late_ms,
      .connections_max = allowed_connections(),
  };
  const char *why = server_start(&sandbox->server, &config, &sandbox->loop, sandbox->api);
  if (why == NULL) {
    return true;
  }
  char what[64];
  snprintf(what, sizeof what, "cannot listen on 127.0.0.1 port %u", (unsigned)options->port);
  return complain(what, why);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  uv_stop(handle->loop);
}

static bool watch_signals(struct sandbox *sandbox) {
  int error = uv_signal_start(&sandbox->interrupt, on_signal, SIGINT);
  if (error == 0) {
    error = uv_signal_start(&sandbox->terminate, on_signal, SIGTERM);
  }
  return error == 0 || complain("signals", uv_strerror(error));
}

static bool tell_ready(const struct sandbox *sandbox, const struct options *options) {
  const char *origin = options->tls ? "https://localhost" : "http://127.0.0.1";
  /* Without that line nobody can know where to connect to. */
  bool is_told = printf("ready %s:%u/v1\n", origin, (unsigned)server_port(sandbox->server)) >= 0 &&
                 fflush(stdout) == 0;
  return is_told || complain("standard output", strerror(errno));
}

static int run(struct sandbox *sandbox, const struct options *options) {
  int status = EXIT_FAILURE;
  if (make_certificate(sandbox, options) && make_api(sandbox, options) && watch_signals(sandbox) &&
      start_server(sandbox, options)) {
    if (tell_ready(sandbox, options)) {
      uv_run(&sandbox->loop, UV_RUN_DEFAULT);
      status = server_has_failed(sandbox->server) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    server_stop(sandbox->server);
  }
  return status;
}

int main(int argc, char **argv) {
  struct options options;
  switch (options_parse(&options, argc, argv)) {
  case OPTIONS_ANSWERED:
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  case OPTIONS_BAD:
    return EXIT_BAD_OPTIONS;
  default:
    break;
  }
  signal(SIGPIPE, SIG_IGN); /* peers go away as they like */

  struct sandbox sandbox = {.api = NULL};
  int error = uv_loop_init(&sandbox.loop);
  if (error < 0) {
    complain("event loop", uv_strerror(error));
    return EXIT_FAILURE;
  }
  uv_signal_init(&sandbox.loop, &sandbox.interrupt);
  uv_signal_init(&sandbox.loop, &sandbox.terminate);
  int status = run(&sandbox, &options);

  uv_close((uv_handle_t *)&sandbox.interrupt, NULL);
  uv_close((uv_handle_t *)&sandbox.terminate, NULL);
  uv_run(&sandbox.loop, UV_RUN_DEFAULT); /* what is left is closing */
  server_destroy(sandbox.server);
  api_destroy(sandbox.api);
  certificate_destroy(&sandbox.certificate);
  error = uv_loop_close(&sandbox.loop);
  if (error < 0) {
    complain("event loop", uv_strerror(error));
    status = EXIT_FAILURE;
  }
  return status;
}

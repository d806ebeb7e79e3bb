/* The library as the bench runs it, with empty callbacks.
     bench-expstart loop|IO_THREADS ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-
   QUEUED 0: all COUNT are submitted at once. Else QUEUED more than can be in flight wait at any
   time, and COUNT of them are started. HTTP is the server's to choose. */
#include "measure.h"

#include "expstart.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct measure measure;
static unsigned long long left, started, id;
static bool refill;

static int submit_next(expstart_client *client);

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)data;
  if (left == 0)
    return; /* one that was still queued */
  started += result->outcome == EXPSTART_STARTED;
  if (--left == 0) {
    measure_end(&measure);
    expstart_client_close(client, EXPSTART_ABORT, NULL, NULL);
  } else if (refill) {
    submit_next(client);
  }
}

static int submit_next(expstart_client *client) {
  struct expstart_request request = {
      .size = sizeof request, .experiment_id = (int64_t)++id, .note = "bench", .done = on_done};
  return expstart_submit(client, &request, NULL);
}

int main(int argc, char **argv) {
  if (argc != 8) {
    fprintf(stderr, "usage: %s loop|IO_THREADS ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-\n",
            argv[0]);
    return 2;
  }
  uv_loop_t loop;
  expstart_client *client;
  struct expstart_options options;
  uv_loop_init(&loop);
  expstart_options_init(&options);
  options.io_threads = strcmp(argv[1], "loop") == 0 ? EXPSTART_IO_ON_LOOP : atoi(argv[1]);
  options.endpoint = argv[2];
  options.api_key = "BENCH";
  options.max_in_flight = (uint32_t)strtoul(argv[4], NULL, 10);
  options.ca_file = strcmp(argv[7], "-") == 0 ? NULL : argv[7];
  unsigned long long count = left = strtoull(argv[3], NULL, 10);
  unsigned long long queued = strtoull(argv[5], NULL, 10);
  refill = queued > 0;
  unsigned long long to_submit = refill ? queued + options.max_in_flight : count;
  options.max_queued = (uint32_t)to_submit;
  int status = expstart_client_create(&client, &loop, &options);
  if (!refill)
    measure_begin(&measure);
  measure_queue_begin(&measure);
  for (unsigned long long i = 0; status == EXPSTART_OK && i < to_submit; i++)
    status = submit_next(client);
  if (status != EXPSTART_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], expstart_strerror(status));
    return 1;
  }
  measure_queue_end(&measure, to_submit);
  if (refill)
    measure_begin(&measure);
  measure_turns(&measure, &loop);
  uv_run(&loop, UV_RUN_DEFAULT);
  measure_tell(&measure, started);
  uv_loop_close(&loop);
  return started == count ? 0 : 1;
}

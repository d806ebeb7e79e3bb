/* The library as the bench runs it: COUNT starts, IN_FLIGHT at once, empty callbacks.
     bench-expstart ENDPOINT COUNT IN_FLIGHT thread|loop [CA_FILE] */
#include "measure.h"

#include "expstart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct measure measure;
static expstart_client *client;
static unsigned long long left, started;

static void on_done(expstart_client *self, const expstart_result *result, void *data) {
  (void)self, (void)data;
  started += result->outcome == EXPSTART_STARTED;
  if (--left == 0) {
    measure_end(&measure);
    expstart_client_close(client, EXPSTART_DRAIN, NULL, NULL);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: %s ENDPOINT COUNT IN_FLIGHT thread|loop [CA_FILE]\n", argv[0]);
    return 2;
  }
  uv_loop_t loop;
  struct expstart_options options;
  uv_loop_init(&loop);
  expstart_options_init(&options);
  options.endpoint = argv[1];
  options.api_key = "BENCH";
  options.max_in_flight = (uint32_t)strtoul(argv[3], NULL, 10);
  options.io_threads = strcmp(argv[4], "loop") == 0 ? EXPSTART_IO_ON_LOOP : 1;
  options.ca_file = argc > 5 ? argv[5] : NULL;
  int status = expstart_client_create(&client, &loop, &options);
  if (status != EXPSTART_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], expstart_strerror(status));
    return 1;
  }
  unsigned long long count = left = strtoull(argv[2], NULL, 10);
  for (unsigned long long id = 1; id <= count; id++) {
    struct expstart_request request = {
        .size = sizeof request, .experiment_id = (int64_t)id, .note = "bench", .done = on_done};
    status = expstart_submit(client, &request, NULL);
    if (status != EXPSTART_OK) {
      fprintf(stderr, "%s: %s\n", argv[0], expstart_strerror(status));
      return 1;
    }
  }
  measure_begin(&measure, &loop);
  uv_run(&loop, UV_RUN_DEFAULT);
  measure_tell(&measure, started);
  uv_loop_close(&loop);
  return started == count ? 0 : 1;
}

/* A program outside the project: makes a client of the installed library, sees an error code of it
 * and closes it again. Built by `run` in this directory in every way that a user might. */
#include <expstart.h>

#include <stdio.h>

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)client;
  (void)result;
  ++*(int *)data;
}

static void on_closed(void *data) {
  ++*(int *)data;
}

static int failed(const char *what, int code) {
  fprintf(stderr, "consumer: %s: %s (%s)\n", what, expstart_err_name(code),
          expstart_strerror(code));
  return 1;
}

/* The client is closed and gone when the loop has run, whatever was found before. */
static int use(expstart_client *client, uv_loop_t *loop) {
  int done = 0;
  int closed = 0;
  int wrong = 0;
  struct expstart_request request = {
      .size = sizeof request, .experiment_id = 0, .done = on_done, .data = &done};
  int code = expstart_submit(client, &request, NULL);
  if (code != EXPSTART_EID) {
    wrong += failed("submit of id 0", code);
  }
  code = expstart_client_close(client, EXPSTART_DRAIN, on_closed, &closed);
  if (code != EXPSTART_OK) {
    return wrong + failed("close", code);
  }
  if (uv_run(loop, UV_RUN_DEFAULT) != 0 || closed != 1 || done != 0) {
    fprintf(stderr, "consumer: %d closed and %d done callbacks, not 1 and 0\n", closed, done);
    wrong++;
  }
  return wrong;
}

int main(void) {
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) {
    return 1;
  }
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = "http://127.0.0.1:9/v1";
  options.api_key = "consumer-key";
  expstart_client *client = NULL;
  int code = expstart_client_create(&client, &loop, &options);
  int wrong = code == EXPSTART_OK ? use(client, &loop) : failed("create", code);
  code = uv_loop_close(&loop);
  if (code != 0) {
    fprintf(stderr, "consumer: uv_loop_close: %s\n", uv_strerror(code));
    wrong++;
  }
  printf("%s\n", expstart_version());
  return wrong == 0 ? 0 : 1;
}

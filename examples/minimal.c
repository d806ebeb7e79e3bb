/* The smallest whole program: starts the experiments named on its command line.
     ABSMARTLY_API_ENDPOINT=https://acme.absmartly.com/v1 ABSMARTLY_API_KEY=... expstart-minimal 17
   18 */
#include <expstart.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  int *missing = data;
  (void)client;
  printf("%" PRId64 " %s %s\n", result->experiment_id, expstart_outcome_name(result->outcome),
         result->message);
  if (result->outcome == EXPSTART_STARTED || result->outcome == EXPSTART_RUNNING)
    --*missing;
}

int main(int argc, char **argv) {
  struct expstart_options options;
  expstart_client *client;
  uv_loop_t *loop = uv_default_loop();
  int missing = argc - 1;

  expstart_options_init(&options);
  options.endpoint = getenv("ABSMARTLY_API_ENDPOINT");
  options.api_key = getenv("ABSMARTLY_API_KEY");
  options.confirm = EXPSTART_CONFIRM_ON_REFUSAL;
  int error = expstart_client_create(&client, loop, &options);
  if (error) {
    fprintf(stderr, "%s\n", expstart_strerror(error));
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    struct expstart_request request = {.size = sizeof request,
                                       .experiment_id = strtoll(argv[i], NULL, 10),
                                       .done = on_done,
                                       .data = &missing};
    error = expstart_submit(client, &request, NULL);
    if (error)
      fprintf(stderr, "%s: %s\n", argv[i], expstart_strerror(error));
  }
  expstart_client_close(client, EXPSTART_DRAIN, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  return missing == 0 ? 0 : 1;
}

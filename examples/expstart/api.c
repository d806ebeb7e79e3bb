/* The way to the API: endpoint, key and limits, and the client that is made of them. Called by the
 * sub-commands that send. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>

bool api_read(struct api *api, const struct args *args, const char *fallback) {
  const char *variable = getenv("ABSMARTLY_API_ENDPOINT");
  if (args->endpoint != NULL) {
    api->endpoint = args->endpoint;
    api->endpoint_source = "--endpoint";
  } else if (variable != NULL && *variable != '\0') {
    api->endpoint = variable;
    api->endpoint_source = "ABSMARTLY_API_ENDPOINT";
  } else if (fallback != NULL) {
    api->endpoint = fallback;
    api->endpoint_source = "the journal's endpoint";
  } else {
    (void)fputs("expstart: no endpoint: set ABSMARTLY_API_ENDPOINT or use --endpoint\n", stderr);
    return false;
  }
  return key_read(&api->key, args->api_key_file, stderr);
}

void api_close(struct api *api) {
  key_wipe(&api->key);
}

/* Says which option or variable is at fault. The endpoint is not shown: it may hold a password. */
static void say_refused(const struct api *api, int error) {
  const char *source = "the client";
  switch (error) {
  case EXPSTART_ENOKEY:
  case EXPSTART_EKEYCHAR:
  case EXPSTART_EKEYPREFIX:
    source = api->key.source;
    break;
  case EXPSTART_EENDPOINT:
  case EXPSTART_ECREDENTIALS:
  case EXPSTART_EPLAINTEXT:
    source = api->endpoint_source;
    break;
  case EXPSTART_ECAFILE:
    source = "--ca-file";
    break;
  default:
    break;
  }
  (void)fprintf(stderr, "expstart: %s: %s\n", source, expstart_strerror(error));
}

bool api_make_run(const struct api *api, const struct args *args, const char *note,
                  struct run **run) {
  struct expstart_options options;
  struct run_settings settings = {.note = note,
                                  .deadline_ms = args->deadline_ms,
                                  .quiet = args->quiet,
                                  .verbose = args->verbose};
  expstart_options_init(&options);
  options.endpoint = api->endpoint;
  options.api_key = api->key.text;
  options.ca_file = args->ca_file;
  options.max_in_flight = args->in_flight;
  options.rate_per_second = args->rate;
  int error = run_new(run, &options, &settings);
  if (error != EXPSTART_OK) {
    say_refused(api, error);
  }
  return error == EXPSTART_OK;
}

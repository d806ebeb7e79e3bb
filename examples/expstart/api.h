/* The way to the API: endpoint, key and limits, from arguments, environment or journal, and the client that is
 * made of them. Called by the sub-commands that send. */
#ifndef COMMAND_API_H
#define COMMAND_API_H

#include <stdbool.h>

#include "args.h"
#include "key.h"
#include "run.h"

struct api {
  const char *endpoint;
  const char *endpoint_source; /* the option or variable that it came from, for messages */
  struct key key;
};

/* `fallback`, the journal's, is the endpoint if none is given; may be NULL. False: why was said. */
bool api_read(struct api *api, const struct args *args, const char *fallback);

/* Makes the run with its client. False: which option or variable is at fault was said. */
bool api_make_run(const struct api *api, const struct args *args, const char *note,
                  struct run **run);

/* Wipes the key. */
void api_close(struct api *api);

#endif

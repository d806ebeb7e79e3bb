/* Which resource a path names. Called by the API part. Pure: it knows paths, and neither methods
 * nor which experiments there are. */
#ifndef SANDBOX_ROUTE_H
#define SANDBOX_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

enum route_kind {
  ROUTE_NONE,
  ROUTE_START,    /* /v1/experiments/ID/start */
  ROUTE_LOOKUP,   /* /v1/experiments/ID */
  ROUTE_STATS,    /* /sandbox/stats */
  ROUTE_LIST,     /* /sandbox/experiments */
  ROUTE_INSPECT,  /* /sandbox/experiments/ID */
  ROUTE_SET_STATE /* /sandbox/experiments/ID/state/STATE */
};

struct route {
  enum route_kind kind;
  bool id_is_good;   /* a whole number from 1 to INT64_MAX */
  int64_t id;        /* if it is good */
  const char *state; /* of a ROUTE_SET_STATE; points into the path */
};

struct route route_parse(const char *path);

#endif

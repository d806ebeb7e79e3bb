/* Takes paths apart. Called by api.c; must not know what is behind a route. */
#include "route.h"

#include <stddef.h>
#include <string.h>

/* The rest of the path after the prefix, or NULL if it does not start with that. */
static const char *after(const char *path, const char *prefix) {
  size_t length = strlen(prefix);
  return strncmp(path, prefix, length) == 0 ? path + length : NULL;
}

static bool parse_id(const char *text, size_t length, int64_t *id) {
  int64_t value = 0;
  for (size_t index = 0; index < length; index++) {
    if (text[index] < '0' || text[index] > '9') {
      return false;
    }
    int digit = text[index] - '0';
    if (value > (INT64_MAX - digit) / 10) {
      return false;
    }
    value = value * 10 + digit;
  }
  *id = value;
  return value >= 1;
}

struct route route_parse(const char *path) {
  struct route route = {.kind = ROUTE_NONE};
  if (strcmp(path, "/sandbox/stats") == 0) {
    route.kind = ROUTE_STATS;
    return route;
  }
  if (strcmp(path, "/sandbox/experiments") == 0) {
    route.kind = ROUTE_LIST;
    return route;
  }
  bool is_api = true;
  const char *id = after(path, "/v1/experiments/");
  if (id == NULL) {
    is_api = false;
    id = after(path, "/sandbox/experiments/");
  }
  if (id == NULL) {
    return route;
  }
  size_t id_length = strcspn(id, "/");
  const char *rest = id + id_length;
  if (rest[0] == '\0') {
    route.kind = is_api ? ROUTE_LOOKUP : ROUTE_INSPECT;
  } else if (is_api) {
    route.kind = strcmp(rest, "/start") == 0 ? ROUTE_START : ROUTE_NONE;
  } else {
    route.state = after(rest, "/state/");
    route.kind = route.state != NULL ? ROUTE_SET_STATE : ROUTE_NONE;
  }
  route.id_is_good = parse_id(id, id_length, &route.id);
  return route;
}

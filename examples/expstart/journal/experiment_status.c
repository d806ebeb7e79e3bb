/* The names of statuses. Used by all that reads or writes a journal; pure. */
#include "experiment_status.h"

#include <string.h>

static const char *const names[STATUSES] = {"pending",  "sending", "started", "running",
                                            "rejected", "failed",  "unknown", "canceled"};

const char *status_name(enum status status) {
  return names[status];
}

bool status_find(const char *name, size_t length, enum status *status) {
  for (int i = 0; i < STATUSES; i++) {
    if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
      *status = (enum status)i;
      return true;
    }
  }
  return false;
}

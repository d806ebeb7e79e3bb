/* What a journal knows of an experiment, in a word. Used by all that reads or writes a journal, and by the
 * command line; pure. */
#ifndef COMMAND_EXPERIMENT_STATUS_H
#define COMMAND_EXPERIMENT_STATUS_H

#include <stdbool.h>
#include <stddef.h>

enum status {
  STATUS_PENDING, /* not sent yet */
  STATUS_SENDING, /* handed to the network, or about to be: after a crash nobody knows */
  STATUS_STARTED, /* these, and what they mean, are the library's outcomes */
  STATUS_RUNNING,
  STATUS_REJECTED,
  STATUS_FAILED,
  STATUS_UNKNOWN,
  STATUS_CANCELED,
  STATUSES
};

/* Sets of them, a bit each. */
#define STATUS_BIT(status) (1u << (unsigned)(status))
#define STATUS_ALL ((1u << STATUSES) - 1)
#define STATUS_GOOD (STATUS_BIT(STATUS_STARTED) | STATUS_BIT(STATUS_RUNNING))
/* Those that came with words of the API or the network that tell why. */
#define STATUS_BAD                                                                                 \
  (STATUS_BIT(STATUS_REJECTED) | STATUS_BIT(STATUS_FAILED) | STATUS_BIT(STATUS_UNKNOWN))

/* "pending" and so on, as they stand in the journal. */
const char *status_name(enum status status);

/* False: there is none of that name. */
bool status_find(const char *name, size_t length, enum status *status);

#endif

/* A server in a process of its own, where nothing fails, and what it saw: shared with all that play. Each run has
 * ids of its own. It knows nothing of the client. */
#ifndef EXPSTART_TEST_TRUTH_H
#define EXPSTART_TEST_TRUTH_H

#include <stdatomic.h>
#include <stdint.h>

/* What an experiment is, by its place in its run: how its starts are answered. */
enum truth_kind {
  TRUTH_PLAIN,     /* started */
  TRUTH_NOTED,     /* started */
  TRUTH_NOTED_TOO, /* the same, with the same note */
  TRUTH_THROTTLED, /* 429 at first, then started */
  TRUTH_LOOKED_AT, /* its state is ready */
  TRUTH_CANCELED,  /* as plain; its caller cancels it */
  TRUTH_RESET,     /* started, and the connection is reset instead of an answer */
  TRUTH_BROKEN,    /* not started at first: 500 with words; then started */
  TRUTH_KINDS
};

enum { TRUTH_RUNS_MAX = 200000 };

struct truth {
  int port;
  struct truth_seen {
    atomic_uint requests; /* to start */
    atomic_uint started;
    atomic_uint wrong; /* requests to start with another body than they should have */
  } of[TRUTH_RUNS_MAX][TRUTH_KINDS];
};

/* What a start of that kind is given, NULL for none; the request's body must be just what it makes. */
const char *truth_note(enum truth_kind kind);
int64_t truth_id(unsigned run, enum truth_kind kind);
/* Begins the server, which ends with this process and those that it forks. */
struct truth *truth_begin(void);

#endif

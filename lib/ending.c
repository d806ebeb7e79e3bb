#include "ending.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* How long exit() waits at most. One call of libcurl takes some 30 ms for the certificates, once; only a
   signal handler that calls exit() in the midst of one, as none may, waits in vain. */
enum { WAIT_US = 200, WAITS_MAX = 10000 };

static atomic_uint inside;
static atomic_bool has_begun;

bool expstart__ending_enter(void) {
  atomic_fetch_add(&inside, 1); /* first: then the handler sees it, or it sees the handler */
  if (!atomic_load(&has_begun))
    return true;
  atomic_fetch_sub(&inside, 1);
  return false;
}

void expstart__ending_leave(void) {
  atomic_fetch_sub(&inside, 1);
}

static void on_exit_of_process(void) {
  const struct timespec moment = {.tv_nsec = WAIT_US * 1000};
  atomic_store(&has_begun, true);
  for (unsigned waits = 0; waits < WAITS_MAX && atomic_load(&inside) > 0; waits++)
    nanosleep(&moment, NULL);
}

/* The threads that were inside are not in the child. */
static void on_fork_in_child(void) {
  atomic_store(&inside, 0);
}

bool expstart__ending_watch(void) {
  return pthread_atfork(NULL, NULL, on_fork_in_child) == 0 && atexit(on_exit_of_process) == 0;
}

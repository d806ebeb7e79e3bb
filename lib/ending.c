#include "ending.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* How long exit() and fork() wait at most: 10,000 moments. A call of libcurl takes some 30 ms for the
   certificates, once; only a signal handler that calls them in the midst of one, as none may, waits in
   vain. */
enum { MOMENT_NS = 200000, MOMENTS_MAX = 10000 };

static atomic_uint inside;
static atomic_uint forks; /* under way, in this process */
static atomic_bool is_ending;

static void wait_a_moment(void) {
  const struct timespec moment = {.tv_nsec = MOMENT_NS};
  nanosleep(&moment, NULL);
}

static void wait_until_empty(void) {
  for (unsigned moments = 0; moments < MOMENTS_MAX && atomic_load(&inside) > 0; moments++)
    wait_a_moment();
}

bool expstart__ending_enter(void) {
  for (;;) {
    atomic_fetch_add(&inside, 1); /* first: then those who wait see it, or it sees them */
    bool ending = atomic_load(&is_ending);
    if (!ending && atomic_load(&forks) == 0)
      return true;
    atomic_fetch_sub(&inside, 1);
    if (ending)
      return false;
    wait_a_moment();
  }
}

void expstart__ending_leave(void) {
  atomic_fetch_sub(&inside, 1);
}

static void on_exit_of_process(void) {
  atomic_store(&is_ending, true);
  wait_until_empty();
}

static void before_fork(void) {
  atomic_fetch_add(&forks, 1);
  wait_until_empty();
}

static void after_fork_in_parent(void) {
  atomic_fetch_sub(&forks, 1);
}

/* Those who were about to enter are not in the child, and nobody else forks there. */
static void after_fork_in_child(void) {
  atomic_store(&inside, 0);
  atomic_store(&forks, 0);
}

bool expstart__ending_watch(void) {
  static bool forks_are_watched; /* since an earlier call, which failed further on */
  if (!forks_are_watched)
    forks_are_watched = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
  return forks_are_watched && atexit(on_exit_of_process) == 0;
}

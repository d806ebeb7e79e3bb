#include "sigpipe.h"

#include <stddef.h>

static bool is_pending(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void expstart__sigpipe_hold(struct expstart__sigpipe *hold) {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  hold->was_pending = is_pending();
  pthread_sigmask(SIG_BLOCK, &sigpipe, &hold->mask);
}

void expstart__sigpipe_release(const struct expstart__sigpipe *hold) {
  if (!hold->was_pending && is_pending()) {
    sigset_t sigpipe;
    int taken;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigwait(&sigpipe, &taken); /* it is pending: this returns at once */
  }
  pthread_sigmask(SIG_SETMASK, &hold->mask, NULL);
}

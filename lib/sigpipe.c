#include "sigpipe.h"

#include <stddef.h>
#include <time.h>

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
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
#ifdef __APPLE__ /* has no sigtimedwait; it is pending, so this returns at once */
    int taken;
    sigwait(&sigpipe, &taken);
#else
    const struct timespec now = {0};
    sigtimedwait(&sigpipe, NULL, &now);
#endif
  }
  pthread_sigmask(SIG_SETMASK, &hold->mask, NULL);
}

/* Keeps a write to a closed connection from ending the program. TLS libraries write with write(2),
   which raises SIGPIPE; libcurl, told to leave signals alone (CURLOPT_NOSIGNAL), does not prevent
   it. The caller's signal dispositions are not touched: only this thread's mask, and only for the
   moment. */
#ifndef EXPSTART_LIB_SIGPIPE_H
#define EXPSTART_LIB_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct expstart__sigpipe {
  sigset_t mask;
  bool was_pending;
};

void expstart__sigpipe_hold(struct expstart__sigpipe *hold);
void expstart__sigpipe_release(const struct expstart__sigpipe *hold);

#endif

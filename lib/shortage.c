#include "shortage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool expstart__shortage_is(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

int expstart__shortage_of_descriptors(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    return expstart__shortage_is(errno) ? errno : 0;
  close(pair[0]);
  close(pair[1]);
  return 0;
}

void expstart__shortage_say(int error, char *text, size_t size) {
  switch (error) {
  case EMFILE:
    snprintf(text, size, "this process has no descriptor left (EMFILE)");
    return;
  case ENFILE:
    snprintf(text, size, "this machine has no descriptor left (ENFILE)");
    return;
  case ENOMEM:
    snprintf(text, size, "this machine has no memory left (ENOMEM)");
    return;
  case ENOBUFS:
    snprintf(text, size, "this machine has no memory left for sockets (ENOBUFS)");
    return;
  case EAGAIN:
    snprintf(text, size, "this machine has no thread left (EAGAIN)");
    return;
  default: {
    char reason[128] = "";
    if (strerror_r(error, reason, sizeof reason) != 0)
      snprintf(reason, sizeof reason, "error %d", error);
    snprintf(text, size, "this machine's system could not go on: %s", reason);
  }
  }
}

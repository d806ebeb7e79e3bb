/* The end of the process, and forks. exit() has the TLS library tear itself down while threads may be in it,
   also in a forked child, which has the locks of threads that it does not have. So exit() waits until those
   who are in libcurl have come out, and lets nobody in any more; and fork() waits likewise, for its
   moment. Whoever may get into the TLS library by a call of libcurl asks here first. Knows nothing of
   libcurl. */
#ifndef EXPSTART_LIB_ENDING_H
#define EXPSTART_LIB_ENDING_H

#include <stdbool.h>

/* Once a process, when the TLS library has been set up: handlers are called last in, first out. False: there
   is no memory for the handlers; it may be called again, by one thread at a time. */
bool expstart__ending_watch(void);

/* Any thread. False: the process is ending, and libcurl is to be left as it is, for good. Else _leave
   follows within moments, and nothing else is entered before that. */
bool expstart__ending_enter(void);
void expstart__ending_leave(void);

#endif

/* The end of the process. exit() has the TLS library tear itself down while threads may be in it: a handler
   that is called before lets those who are in libcurl come out, and nobody in any more. Whoever may get
   into the TLS library by a call of libcurl asks here first. Knows nothing of libcurl. */
#ifndef EXPSTART_LIB_ENDING_H
#define EXPSTART_LIB_ENDING_H

#include <stdbool.h>

/* Once a process, when the TLS library has been set up: handlers are called last in, first out. False: there
   is no memory for the handler. */
bool expstart__ending_watch(void);

/* Any thread. False: the process is ending, and libcurl is to be left as it is, for good. Else _leave
   follows soon. May be nested. */
bool expstart__ending_enter(void);
void expstart__ending_leave(void);

#endif

/* What this machine can be out of: descriptors, memory, threads. Tells it by errno, or by trying, and has
   the words for it. Used by what moves attempts; knows nothing of libcurl and the API. */
#ifndef EXPSTART_LIB_SHORTAGE_H
#define EXPSTART_LIB_SHORTAGE_H

#include <stdbool.h>
#include <stddef.h>

/* An errno that tells of one. */
bool expstart__shortage_is(int error);

/* For a failure that came without an errno: the errno of descriptors that cannot be had at this moment,
   else 0. It takes two, as a pair of sockets does, and gives them back. */
int expstart__shortage_of_descriptors(void);

/* Whole words: "this process has no descriptor left (EMFILE)". EAGAIN is what a thread cannot be had with;
   of what is no shortage it tells the system's words. */
void expstart__shortage_say(int error, char *text, size_t size);

#endif

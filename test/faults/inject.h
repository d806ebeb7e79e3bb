/* Faults put into a process: the n-th allocation, descriptor or thread that is asked for is refused, or all from
 * the n-th on. inject.c takes the place of malloc, socket, pthread_create and the like for the whole program that
 * it is linked with, the shared libraries that it uses included. It must know nothing of what is tested. */
#ifndef EXPSTART_TEST_INJECT_H
#define EXPSTART_TEST_INJECT_H

#include <stdatomic.h>
#include <stdbool.h>

enum inject_kind {
  INJECT_MEMORY,
  INJECT_DESCRIPTOR, /* the call that would make it fails with EMFILE */
  INJECT_THREAD,     /* pthread_create fails with EAGAIN */
  INJECT_KINDS,
  INJECT_LIMIT =
      INJECT_KINDS /* the process may not have so many descriptors more, 0 for `at` = 1 */
};

/* Lies in memory that the process shares with the one that watches it. */
struct inject_plan {
  enum inject_kind kind;
  unsigned at; /* from 1; 0: nothing fails */
  bool lasting;
  unsigned patience_s; /* a process that is armed from its start hangs if it takes longer */
  atomic_uint counted[INJECT_KINDS]; /* what was asked for while it was armed */
};

/* The name of a file with a plan in it: the process is armed with it from its start. */
#define INJECT_VARIABLE "EXPSTART_FAULT_PLAN"

/* How a process ends that crashes, aborts or hangs: within a library that is not ours, or else. It tells where. */
enum { INJECT_ENDED_ELSEWHERE = 86, INJECT_ENDED_HERE = 87 };
/* From now on. It hangs if it has not ended so many seconds later; 0: it may. */
void inject_watch(unsigned patience_s);

void inject_arm(struct inject_plan *plan);
void inject_disarm(void);

/* Remembers which blocks of the heap are taken from now on, and by whom. */
void inject_track(void);
/* Tells of those that are not freed, and of what was refused. How many there are that are not to be put down to
   libraries that are not ours, which lose one or two where they were refused memory themselves. */
unsigned inject_tell_left(void);

#endif

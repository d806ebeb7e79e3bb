/* One process a journal: a lock of the system's, which goes when its process does, however it dies. It is on
 * a file of its own beside the journal, since SQLite has locks on the journal itself that any close of the
 * same file by this process would undo (fcntl(2)). Used by journal.c. */
#ifndef COMMAND_LOCK_H
#define COMMAND_LOCK_H

#include <stdbool.h>

#include "problem.h"

struct lock {
  int file;   /* -1: not held */
  char *name; /* of that file */
};

/* Takes the lock of the journal with this path, which is absolute and has no links in it. False: another
   process has it, which `problem` names, or it cannot be taken. */
bool lock_take(struct lock *lock, const char *journal, struct problem *problem);

/* Gives it back, and removes its file. Nothing if it is not held. */
void lock_release(struct lock *lock);

/* The process that has the journal; 0: none, -1: one whose number cannot be seen from here. */
long lock_holder(const char *journal);

#endif

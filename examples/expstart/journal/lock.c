/* One process a journal: a lock of the system's on a file of its own. Used by journal.c. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *name_of(const char *journal) {
  static const char suffix[] = "-lock";
  size_t length = strlen(journal);
  char *name = malloc(length + sizeof suffix);
  if (name != NULL) {
    memcpy(name, journal, length);
    memcpy(name + length, suffix, sizeof suffix);
  }
  return name;
}

static struct flock whole_file(void) {
  struct flock range;
  memset(&range, 0, sizeof range);
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

static long holder_of(int file) {
  struct flock range = whole_file();
  if (fcntl(file, F_GETLK, &range) != 0 || range.l_type == F_UNLCK) {
    return 0;
  }
  return range.l_pid > 0 ? (long)range.l_pid : -1;
}

/* Who had the lock may have removed its file between our open and our lock: then ours is on a file that
   nobody else will find. */
static bool is_still_there(int file, const char *name) {
  struct stat opened;
  struct stat found;
  return fstat(file, &opened) == 0 && stat(name, &found) == 0 && opened.st_dev == found.st_dev &&
         opened.st_ino == found.st_ino;
}

static bool refuse(const struct lock *lock, struct problem *problem) {
  int error = errno;
  if (error != EACCES && error != EAGAIN) {
    return problem_set(problem, "cannot be locked: %s", strerror(error));
  }
  long pid = holder_of(lock->file);
  if (pid > 0) {
    return problem_set(problem, "is in use by process %ld", pid);
  }
  return problem_set(problem, "is in use by another process");
}

/* A file with something in it is somebody else's, and not to be removed when the lock is given back. */
static bool check_empty(const struct lock *lock, struct problem *problem) {
  struct stat found;
  if (fstat(lock->file, &found) != 0) {
    return problem_set(problem, "its lock cannot be looked at: %s", strerror(errno));
  }
  return found.st_size == 0 ||
         problem_set(problem, "cannot be locked: there is a file of its name with \"-lock\" added");
}

static bool try_to_take(struct lock *lock, struct problem *problem) {
  struct flock range = whole_file();
  lock->file = open(lock->name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock->file < 0) {
    return problem_set(problem, "its lock cannot be made: %s", strerror(errno));
  }
  return check_empty(lock, problem) &&
         (fcntl(lock->file, F_SETLK, &range) == 0 || refuse(lock, problem));
}

static void forget(struct lock *lock) {
  if (lock->file >= 0) {
    (void)close(lock->file); /* nothing was written */
  }
  lock->file = -1;
}

bool lock_take(struct lock *lock, const char *journal, struct problem *problem) {
  lock->file = -1;
  lock->name = name_of(journal);
  if (lock->name == NULL) {
    return problem_set(problem, "out of memory");
  }
  for (;;) {
    bool is_taken = try_to_take(lock, problem);
    if (is_taken && is_still_there(lock->file, lock->name)) {
      return true;
    }
    forget(lock);
    if (!is_taken) {
      free(lock->name);
      lock->name = NULL;
      return false;
    }
  }
}

void lock_release(struct lock *lock) {
  if (lock->file >= 0) {
    (void)unlink(lock->name); /* one that stays does no harm */
  }
  forget(lock);
  free(lock->name);
  lock->name = NULL;
}

long lock_holder(const char *journal) {
  char *name = name_of(journal);
  int file = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
  long pid = 0;
  if (file >= 0) {
    pid = holder_of(file);
    (void)close(file); /* only looked at */
  }
  free(name);
  return pid;
}

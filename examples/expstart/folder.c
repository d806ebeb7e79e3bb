/* Folders that files are made in. Called by journal_create.c and output.c. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *folder_of(const char *file) {
  const char *slash = strrchr(file, '/');
  if (slash == NULL) {
    return strdup(".");
  }
  return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}

int folder_check(const char *file) {
  char *folder = folder_of(file);
  if (folder == NULL) {
    return ENOMEM;
  }
  int error = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
  free(folder);
  return error;
}

int folder_sync(const char *file) {
  char *folder = folder_of(file);
  int opened = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = opened < 0 ? errno : 0;
  if (opened >= 0) {
    /* Some file systems have nothing to sync there. */
    error = fsync(opened) == 0 || errno == EINVAL ? 0 : errno;
    (void)close(opened); /* nothing was written through it */
  }
  free(folder);
  return error;
}

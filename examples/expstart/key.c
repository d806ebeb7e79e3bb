/* The API key, from the environment or a file. Read with read(2), not stdio, whose buffers could
 * not be wiped. Called by api.c; must never print the key, nor a file name that may be one. */
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void key_wipe(struct key *key) {
  volatile char *text = key->text;
  for (size_t i = 0; i < sizeof key->text; i++) {
    text[i] = '\0';
  }
}

/* As much of the file as fits; what is behind the first line is of no interest. */
static bool read_start(int file, char *buf, size_t size, size_t *length) {
  *length = 0;
  while (*length < size) {
    ssize_t got = read(file, buf + *length, size - *length);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return false;
    }
    if (got == 0) {
      break;
    }
    *length += (size_t)got;
  }
  return true;
}

static void warn_of_others(int file, FILE *err) {
  struct stat status;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    (void)fputs("expstart: warning: --api-key-file: others can read the file (chmod 600 helps)\n",
                err);
  }
}

static bool read_file(struct key *key, const char *name, FILE *err) {
  size_t length = 0;
  int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    /* Not the name: it is the key itself if someone took the option for --api-key. */
    (void)fprintf(err, "expstart: --api-key-file: %s\n", strerror(errno));
    return false;
  }
  warn_of_others(file, err);
  bool is_read = read_start(file, key->text, sizeof key->text, &length);
  if (!is_read) {
    (void)fprintf(err, "expstart: --api-key-file: %s\n", strerror(errno));
  }
  (void)close(file); /* only read from: nothing can be lost */
  if (!is_read) {
    return false;
  }
  size_t end = 0;
  while (end < length && key->text[end] != '\n') {
    end++;
  }
  if (end == sizeof key->text) {
    (void)fputs("expstart: --api-key-file: the first line is too long for a key\n", err);
    return false;
  }
  if (memchr(key->text, '\0', end) != NULL) {
    (void)fputs("expstart: --api-key-file: the first line has a NUL character in it\n", err);
    return false;
  }
  if (end > 0 && key->text[end - 1] == '\r') {
    end--;
  }
  key->text[end] = '\0';
  return true;
}

static bool read_environment(struct key *key, FILE *err) {
  const char *value = getenv("ABSMARTLY_API_KEY");
  if (value == NULL) {
    (void)fputs("expstart: no API key: set ABSMARTLY_API_KEY or use --api-key-file\n", err);
    return false;
  }
  size_t length = strlen(value);
  if (length >= sizeof key->text) {
    (void)fputs("expstart: ABSMARTLY_API_KEY: too long for a key\n", err);
    return false;
  }
  memcpy(key->text, value, length + 1);
  return true;
}

bool key_read(struct key *key, const char *file, FILE *err) {
  bool is_read = false;
  memset(key, 0, sizeof *key);
  if (file != NULL) {
    key->source = "--api-key-file";
    is_read = read_file(key, file, err);
  } else {
    key->source = "ABSMARTLY_API_KEY";
    is_read = read_environment(key, err);
  }
  if (!is_read) {
    key_wipe(key);
  }
  return is_read;
}

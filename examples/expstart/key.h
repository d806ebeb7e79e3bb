/* The API key: where it comes from, and that it does not stay in memory.
 * Called by api.c; must never print the key, nor what may be one. */
#ifndef COMMAND_KEY_H
#define COMMAND_KEY_H

#include <stdbool.h>
#include <stdio.h>

#define KEY_MAX 4096

struct key {
  char text[KEY_MAX];
  const char *source; /* the option or variable that it came from, for messages */
};

/* From the first line of `file`, or if that is NULL from ABSMARTLY_API_KEY. False: why was said. */
bool key_read(struct key *key, const char *file, FILE *err);

/* Overwrites the key in a way that a compiler keeps. */
void key_wipe(struct key *key);

#endif

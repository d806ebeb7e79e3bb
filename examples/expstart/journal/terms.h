/* What all runs with a journal share, and what sets of these are called. Used by journal.c and by the command
 * line, which may ask for a change. */
#ifndef COMMAND_TERMS_H
#define COMMAND_TERMS_H

/* Bits of a set. */
enum { TERM_ENDPOINT = 1, TERM_KEY = 2, TERM_NOTE = 4 };

struct terms {
  const char *endpoint;
  const char *key;
  const char *note; /* of experiments without one of their own; NULL: none */
};

#endif

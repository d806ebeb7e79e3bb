/* What many requests have in common, stored once: the note, the request body made of it, and the
   requests' own timeout. Used by the engine; knows nothing of requests. */
#ifndef EXPSTART_LIB_NOTE_H
#define EXPSTART_LIB_NOTE_H

#include <stddef.h>
#include <stdint.h>

struct expstart__note {
  uint64_t users;      /* requests that carry it */
  char *text;          /* NULL: no note, which is a note of its own here */
  uint32_t timeout_ms; /* 0: none of their own */
  char *body;
  size_t body_size;
};

struct expstart__notes {
  void *tree;                  /* of struct expstart__note, for POSIX tsearch */
  struct expstart__note *idle; /* the last one that lost its last user: often the next one's too */
};

/* The stored note that equals `text`, with that timeout, and one user more. Release it as often as it was taken.
   NULL: out of memory. */
struct expstart__note *expstart__note_take(struct expstart__notes *notes, const char *text,
                                           uint32_t timeout_ms);
void expstart__note_release(struct expstart__notes *notes, struct expstart__note *note);
/* Every note was released. */
void expstart__notes_clear(struct expstart__notes *notes);

#endif

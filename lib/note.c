#include "note.h"

#include "body.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
  const struct expstart__note *first = a, *second = b;
  const char *left = first->text, *right = second->text;
  if (first->timeout_ms != second->timeout_ms)
    return first->timeout_ms < second->timeout_ms ? -1 : 1;
  if (!left || !right)
    return (left != NULL) - (right != NULL);
  return strcmp(left, right);
}

static void note_free(struct expstart__note *note) {
  free(note->text);
  free(note->body);
  free(note);
}

static struct expstart__note *note_create(const char *text, uint32_t timeout_ms) {
  struct expstart__note *note = calloc(1, sizeof *note);
  if (!note)
    return NULL;
  note->timeout_ms = timeout_ms;
  if (text && !(note->text = strdup(text)))
    goto fail;
  if (!(note->body = expstart__body_create(text, &note->body_size)))
    goto fail;
  return note;
fail:
  note_free(note);
  return NULL;
}

struct expstart__note *expstart__note_take(struct expstart__notes *notes, const char *text,
                                           uint32_t timeout_ms) {
  struct expstart__note wanted = {.text = (char *)(uintptr_t)text, .timeout_ms = timeout_ms};
  void **found = tfind(&wanted, &notes->tree, compare);
  if (!found) {
    struct expstart__note *note = note_create(text, timeout_ms);
    if (!note)
      return NULL;
    found = tsearch(note, &notes->tree, compare);
    if (!found) {
      note_free(note);
      return NULL;
    }
  }
  struct expstart__note *note = *found;
  if (note == notes->idle)
    notes->idle = NULL;
  note->users++;
  return note;
}

void expstart__note_release(struct expstart__notes *notes, struct expstart__note *note) {
  if (--note->users > 0)
    return;
  expstart__notes_clear(notes);
  notes->idle = note;
}

void expstart__notes_clear(struct expstart__notes *notes) {
  if (!notes->idle)
    return;
  (void)tdelete(notes->idle, &notes->tree, compare);
  note_free(notes->idle);
  notes->idle = NULL;
}

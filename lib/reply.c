#include "reply.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A long error's memory is not kept. */
enum { TEXT_KEEP_MAX = 8192 };

void expstart__reply_empty(struct expstart__reply *reply) {
  char *text = reply->text;
  size_t capacity = reply->text_capacity;
  if (capacity > TEXT_KEEP_MAX) {
    free(text);
    text = NULL;
    capacity = 0;
  }
  free(reply->errors);
  free(reply->raw);
  *reply = (struct expstart__reply){.ok = -1, .text = text, .text_capacity = capacity};
}

void expstart__reply_clear(struct expstart__reply *reply) {
  free(reply->text);
  reply->text = NULL;
  reply->text_capacity = 0;
  expstart__reply_empty(reply);
}

static size_t size_of(const char *text) {
  return text ? strlen(text) + 1 : 0;
}

/* `text` copied to *end, which moves on. */
static const char *put(char **end, const char *text) {
  if (!text)
    return NULL;
  char *copy = *end;
  size_t size = strlen(text) + 1;
  memcpy(copy, text, size);
  *end += size;
  return copy;
}

/* The texts of `words`, with so many of its errors, in memory of their own with so much room behind
   them. False: out of memory, and the reply is as it was. */
static bool copy_texts(struct expstart__reply *reply, const struct expstart__reply *words,
                       size_t error_count, size_t room) {
  size_t size = size_of(words->name) + size_of(words->state) + size_of(words->started_at) +
                size_of(words->message);
  for (size_t i = 0; i < error_count; i++)
    size += size_of(words->errors[i]);
  char *text = malloc(size + room), *end = text;
  const char **errors = error_count > 0 ? malloc(error_count * sizeof *errors) : NULL;
  if (!text || (error_count > 0 && !errors)) {
    free(text);
    free(errors);
    return false;
  }
  struct expstart__reply set = *reply;
  set.name = put(&end, words->name);
  set.state = put(&end, words->state);
  set.started_at = put(&end, words->started_at);
  set.message = put(&end, words->message);
  for (size_t i = 0; i < error_count; i++)
    errors[i] = put(&end, words->errors[i]);
  set.errors = errors;
  set.error_count = error_count;
  set.text = text;
  set.text_size = size;
  set.text_capacity = size + room;
  free(reply->text);
  free(reply->errors);
  *reply = set;
  return true;
}

bool expstart__reply_set_words(struct expstart__reply *reply, const struct expstart__reply *words) {
  return copy_texts(reply, words, words->error_count, EXPSTART__REPLY_ROOM);
}

size_t expstart__reply_memory(const struct expstart__reply *reply) {
  return reply->text_capacity + reply->error_count * sizeof *reply->errors + reply->raw_size;
}

static void drop_raw(struct expstart__reply *reply) {
  reply->cut = reply->cut || reply->raw != NULL;
  free(reply->raw);
  reply->raw = NULL;
  reply->raw_size = 0;
}

/* Gives back what is left of the memory that was taken as the bytes came. */
static void fit_raw(struct expstart__reply *reply) {
  char *fit = reply->raw ? realloc(reply->raw, reply->raw_size + 1) : NULL;
  if (fit)
    reply->raw = fit;
}

/* How many of the errors fit behind the other texts into `max` bytes; *fits: those do. */
static size_t errors_that_fit(const struct expstart__reply *reply, size_t max, bool *fits) {
  size_t size = size_of(reply->name) + size_of(reply->state) + size_of(reply->started_at) +
                size_of(reply->message) + 1;
  size_t count = 0;
  *fits = size <= max;
  for (; *fits && count < reply->error_count; count++) {
    size += size_of(reply->errors[count]) + sizeof *reply->errors;
    if (size > max)
      break;
  }
  return count;
}

void expstart__reply_shrink(struct expstart__reply *reply, size_t max) {
  bool fits;
  if (expstart__reply_memory(reply) <= max) {
    fit_raw(reply);
    return;
  }
  drop_raw(reply);
  if (expstart__reply_memory(reply) <= max)
    return;
  const struct expstart__reply whole = *reply;
  size_t count = errors_that_fit(reply, max, &fits);
  if (fits && copy_texts(reply, &whole, count, 1)) {
    reply->cut = reply->cut || count < whole.error_count;
    return;
  }
  expstart__reply_clear(reply);
  reply->cut = true;
}

void expstart__reply_say(struct expstart__reply *reply, const char *text) {
  reply->message = NULL;
  if (reply->text_capacity < reply->text_size + EXPSTART__REPLY_ROOM)
    return;
  char *message = reply->text + reply->text_size;
  reply->text_size +=
      expstart__text_clean(message, text, strlen(text), EXPSTART__REPLY_ROOM - 1) + 1;
  reply->message = message;
}

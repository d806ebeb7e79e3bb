#include "inbox.h"

#include <stdlib.h>
#include <string.h>

int expstart__inbox_init(struct expstart__inbox *inbox, uv_loop_t *loop, uint32_t limit,
                         void (*woken)(void *data), void *data) {
  inbox->limit = limit;
  atomic_init(&inbox->taken_up, 0);
  inbox->head = NULL;
  inbox->tail = &inbox->head;
  inbox->count = 0;
  inbox->closed = inbox->refused = false;
  if (uv_mutex_init(&inbox->mutex) != 0)
    return EXPSTART_ESYSTEM;
  int status = expstart__wake_init(&inbox->wake, loop, woken, data);
  if (status != EXPSTART_OK)
    uv_mutex_destroy(&inbox->mutex);
  return status;
}

void expstart__inbox_clear(struct expstart__inbox *inbox) {
  expstart__wake_clear(&inbox->wake);
  uv_mutex_destroy(&inbox->mutex);
}

bool expstart__inbox_reserve(struct expstart__inbox *inbox) {
  if (atomic_fetch_add_explicit(&inbox->taken_up, 1, memory_order_relaxed) < inbox->limit)
    return true;
  expstart__inbox_release(inbox);
  return false;
}

void expstart__inbox_release(struct expstart__inbox *inbox) {
  atomic_fetch_sub_explicit(&inbox->taken_up, 1, memory_order_relaxed);
}

bool expstart__inbox_has_room(const struct expstart__inbox *inbox) {
  return atomic_load_explicit(&inbox->taken_up, memory_order_relaxed) <= inbox->limit / 2;
}

static struct expstart__inbox_item *create_item(const struct expstart_request *request) {
  size_t note_size = request->note ? strlen(request->note) + 1 : 0;
  struct expstart__inbox_item *item = malloc(sizeof *item + note_size);
  if (!item)
    return NULL;
  item->next = NULL;
  item->request = *request;
  if (request->note)
    item->request.note = memcpy(item + 1, request->note, note_size);
  return item;
}

/* The wake-up is under the mutex too: after inbox_close there is none, and `wake` may be closed. */
int expstart__inbox_put(struct expstart__inbox *inbox, const struct expstart_request *request) {
  struct expstart__inbox_item *item = create_item(request);
  if (!item)
    return EXPSTART_ENOMEM;
  int status = EXPSTART_OK;
  uv_mutex_lock(&inbox->mutex);
  if (inbox->closed) {
    status = EXPSTART_ECLOSING;
  } else if (!expstart__inbox_reserve(inbox)) {
    inbox->refused = true;
    status = EXPSTART_EFULL;
  } else {
    *inbox->tail = item;
    inbox->tail = &item->next;
    inbox->count++;
    item = NULL;
  }
  if (status != EXPSTART_ECLOSING)
    expstart__wake_up(&inbox->wake);
  uv_mutex_unlock(&inbox->mutex);
  free(item);
  return status;
}

uint32_t expstart__inbox_count(struct expstart__inbox *inbox) {
  uv_mutex_lock(&inbox->mutex);
  uint32_t count = inbox->count;
  uv_mutex_unlock(&inbox->mutex);
  return count;
}

void expstart__inbox_close(struct expstart__inbox *inbox) {
  uv_mutex_lock(&inbox->mutex);
  inbox->closed = true;
  uv_mutex_unlock(&inbox->mutex);
}

struct expstart__inbox_item *expstart__inbox_take(struct expstart__inbox *inbox, uint32_t max,
                                                  bool *more, bool *refused) {
  uv_mutex_lock(&inbox->mutex);
  struct expstart__inbox_item *first = inbox->head, **end = &inbox->head;
  for (; *end && max > 0; max--, inbox->count--)
    end = &(*end)->next;
  if (end == &inbox->head)
    first = NULL;
  inbox->head = *end;
  *end = NULL;
  if (!inbox->head)
    inbox->tail = &inbox->head;
  *more = inbox->head != NULL;
  *refused = inbox->refused;
  inbox->refused = false;
  uv_mutex_unlock(&inbox->mutex);
  return first;
}

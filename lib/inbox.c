#include "inbox.h"

#include "grow.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t NONE = UINT32_MAX;
static const expstart_ticket NAME_BIT = UINT64_C(1) << 63;
static const uint32_t GENERATIONS = 0x7FFFFFFF; /* in a name, below that bit */

int expstart__inbox_init(struct expstart__inbox *inbox, uv_loop_t *loop, uint32_t limit,
                         void (*woken)(void *data), void *data) {
  inbox->limit = limit;
  atomic_init(&inbox->taken_up, 0);
  inbox->head = NULL;
  inbox->tail = &inbox->head;
  inbox->count = 0;
  inbox->closed = inbox->shut = inbox->refused = false;
  inbox->free_place = NONE;
  if (uv_mutex_init(&inbox->mutex) != 0)
    return EXPSTART_ESYSTEM;
  int status = expstart__wake_init(&inbox->wake, loop, woken, data);
  if (status != EXPSTART_OK)
    uv_mutex_destroy(&inbox->mutex);
  return status;
}

void expstart__inbox_clear(struct expstart__inbox *inbox) {
  free(inbox->places);
  free(inbox->cancels);
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
  *item = (struct expstart__inbox_item){.request = *request};
  if (request->note)
    item->request.note = memcpy(item + 1, request->note, note_size);
  return item;
}

/* ---- names -------------------------------------------------------------------------------------
 */

/* Under the mutex. False: out of memory. */
static bool give_name(struct expstart__inbox *inbox, struct expstart__inbox_item *item) {
  if (inbox->free_place == NONE) {
    void *grown = expstart__grow(inbox->places, inbox->place_count, &inbox->place_capacity, 64,
                                 sizeof *inbox->places);
    if (!grown)
      return false;
    inbox->places = grown;
    inbox->places[inbox->place_count] = (struct expstart__inbox_place){.next_free = NONE};
    inbox->free_place = inbox->place_count++;
  }
  uint32_t index = inbox->free_place;
  struct expstart__inbox_place *place = &inbox->places[index];
  inbox->free_place = place->next_free;
  place->item = item;
  item->name = NAME_BIT | (uint64_t)(place->generation & GENERATIONS) << 32 | index;
  return true;
}

struct expstart__inbox_item *expstart__inbox_find(struct expstart__inbox *inbox,
                                                  expstart_ticket name) {
  struct expstart__inbox_item *item = NULL;
  uint32_t index = (uint32_t)name;
  uv_mutex_lock(&inbox->mutex);
  if (index < inbox->place_count)
    item = inbox->places[index].item;
  if (item && item->name != name)
    item = NULL;
  uv_mutex_unlock(&inbox->mutex);
  return item;
}

void expstart__inbox_forget(struct expstart__inbox *inbox,
                            const struct expstart__inbox_item *item) {
  uint32_t index = (uint32_t)item->name;
  uv_mutex_lock(&inbox->mutex);
  struct expstart__inbox_place *place = &inbox->places[index];
  place->item = NULL;
  place->generation++;
  place->next_free = inbox->free_place;
  inbox->free_place = index;
  uv_mutex_unlock(&inbox->mutex);
}

/* ---- starts ------------------------------------------------------------------------------------
 */

/* The wake-up is under the mutex too: after inbox_shut there is none, and `wake` may be closed. */
int expstart__inbox_put(struct expstart__inbox *inbox, const struct expstart_request *request,
                        expstart_ticket *name) {
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
  } else if (name && !give_name(inbox, item)) {
    expstart__inbox_release(inbox);
    status = EXPSTART_ENOMEM;
  } else {
    if (name)
      *name = item->name;
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

void expstart__inbox_shut(struct expstart__inbox *inbox) {
  uv_mutex_lock(&inbox->mutex);
  inbox->closed = inbox->shut = true;
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

/* ---- cancels -----------------------------------------------------------------------------------
 */

int expstart__inbox_put_cancel(struct expstart__inbox *inbox, expstart_ticket ticket) {
  int status = EXPSTART_OK;
  uv_mutex_lock(&inbox->mutex);
  if (inbox->shut) {
    status = EXPSTART_ECLOSING;
  } else {
    void *grown = expstart__grow(inbox->cancels, inbox->cancel_count, &inbox->cancel_capacity, 64,
                                 sizeof *inbox->cancels);
    if (grown) {
      inbox->cancels = grown;
      inbox->cancels[inbox->cancel_count++] = ticket;
      expstart__wake_up(&inbox->wake);
    } else {
      status = EXPSTART_ENOMEM;
    }
  }
  uv_mutex_unlock(&inbox->mutex);
  return status;
}

uint32_t expstart__inbox_take_cancels(struct expstart__inbox *inbox, expstart_ticket *tickets,
                                      uint32_t max, bool *more) {
  uv_mutex_lock(&inbox->mutex);
  uint32_t left = inbox->cancel_count - inbox->cancel_at;
  uint32_t count = left < max ? left : max;
  if (count > 0)
    memcpy(tickets, inbox->cancels + inbox->cancel_at, count * sizeof *tickets);
  inbox->cancel_at += count;
  *more = count < left;
  if (count > 0 && !*more) {
    free(inbox->cancels);
    inbox->cancels = NULL;
    inbox->cancel_at = inbox->cancel_count = inbox->cancel_capacity = 0;
  }
  uv_mutex_unlock(&inbox->mutex);
  return count;
}

/* One timer for the first of the queue, set anew when that is done. Called by server.c; must not
 * know about connections. */
#include "delay.h"

#include <stddef.h>

static void do_first(struct delay *delay) {
  struct delay_entry *entry = delay->first;
  delay->first = entry->next;
  if (delay->first == NULL) {
    delay->last = NULL;
  }
  entry->next = NULL;
  delay->on_due(delay->context, entry);
}

static int set_timer(struct delay *delay);

static void on_timer(uv_timer_t *timer) {
  struct delay *delay = (struct delay *)((char *)timer - offsetof(struct delay, timer));
  uint64_t now_ms = uv_now(timer->loop);
  while (delay->first != NULL && delay->first->due_ms <= now_ms) {
    do_first(delay);
  }
  /* Setting a timer fails only while it is being closed, which empties the queue first. */
  if (delay->first != NULL && set_timer(delay) < 0) {
    delay_flush(delay);
  }
  delay->on_round(timer);
}

static int set_timer(struct delay *delay) {
  uint64_t now_ms = uv_now(delay->timer.loop);
  uint64_t wait_ms = delay->first->due_ms > now_ms ? delay->first->due_ms - now_ms : 0;
  return uv_timer_start(&delay->timer, on_timer, wait_ms, 0);
}

int delay_init(struct delay *delay, uv_loop_t *loop, uint64_t delay_ms, delay_callback on_due,
               uv_timer_cb on_round, void *context) {
  *delay = (struct delay){
      .delay_ms = delay_ms, .on_due = on_due, .on_round = on_round, .context = context};
  int error = uv_timer_init(loop, &delay->timer);
  delay->timer.data = context;
  return error;
}

int delay_add(struct delay *delay, struct delay_entry *entry) {
  /* The loop's time is that of when it last woke; a delay counts from now. */
  uv_update_time(delay->timer.loop);
  entry->next = NULL;
  entry->due_ms = uv_now(delay->timer.loop) + delay->delay_ms;
  if (delay->last != NULL) {
    delay->last->next = entry;
    delay->last = entry;
    return 0;
  }
  delay->first = delay->last = entry;
  int error = set_timer(delay);
  if (error < 0) {
    delay->first = delay->last = NULL;
  }
  return error;
}

void delay_flush(struct delay *delay) {
  while (delay->first != NULL) {
    do_first(delay);
  }
}

void delay_close(struct delay *delay) {
  uv_close((uv_handle_t *)&delay->timer, NULL);
}

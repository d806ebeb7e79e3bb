/* Attempts under way, the handles kept for the next ones, and what has to be reported. libcurl's
   completions are read once a turn; reports are made when libcurl's stack is left. */
#include "curl_carrier.h"

#include "curl_attempt.h"
#include "curl_loop.h"
#include "expstart.h"
#include "grow.h"

#include <stdlib.h>

/* How long after an attempt's own timeout libcurl is taken to have forgotten it. Event-driven use
   has seen such stalls in several releases. */
static const uint64_t WATCH_GRACE_US = 2000000;
static const uint64_t WATCH_PERIOD_MS = 1000;

struct attempt_list {
  struct expstart__curl_attempt *head, *tail;
};

struct curl_carrier {
  struct expstart__carrier base;
  struct expstart__carrier_sink sink;
  struct expstart__curl_shared shared;
  struct expstart__curl_loop curl;
  struct expstart__curl_attempt **attempts; /* all that there are, by number */
  uint32_t attempt_count, attempt_capacity;
  struct attempt_list active;   /* in libcurl, in the order of sending */
  struct attempt_list finished; /* out of libcurl, to be reported */
  struct attempt_list spare;
  uint32_t active_count, finished_count;
  struct expstart__curl_place place;
  struct expstart__report report; /* kept for the memory in it */
  uv_timer_t watch;
  bool watching, watch_closed, curl_closed;
  void (*closed)(void *owner);
  void *closed_owner;
};

static void append(struct attempt_list *list, struct expstart__curl_attempt *attempt) {
  attempt->prev = list->tail;
  attempt->next = NULL;
  if (list->tail)
    list->tail->next = attempt;
  else
    list->head = attempt;
  list->tail = attempt;
}

static void take_out(struct attempt_list *list, struct expstart__curl_attempt *attempt) {
  if (attempt->prev)
    attempt->prev->next = attempt->next;
  else
    list->head = attempt->next;
  if (attempt->next)
    attempt->next->prev = attempt->prev;
  else
    list->tail = attempt->prev;
}

/* The first carriers have what is left over one by one. */
static bool set_connections(struct curl_carrier *carrier) {
  CURLM *multi = carrier->curl.multi;
  const struct expstart_options *options = &carrier->shared.settings->options;
  const struct expstart__curl_place *place = &carrier->place;
  bool one_more = place->number < options->max_connections % place->share_of;
  long idle = (long)(options->max_in_flight / place->share_of + 1);
  long open = (long)(options->max_connections / place->share_of + one_more);
  /* Idle connections kept for re-use: as many as there may be attempts at once. */
  return curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, idle) == CURLM_OK &&
         (options->max_connections == 0 ||
          curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, open) == CURLM_OK);
}

/* ---- finishing --------------------------------------------------------------------------------
 */

static void finish(struct curl_carrier *carrier, struct expstart__curl_attempt *attempt,
                   CURLcode result) {
  attempt->result = result;
  if (result == CURLE_FAILED_INIT || result == CURLE_ABORTED_BY_CALLBACK)
    attempt->os_error = carrier->curl.failure;
  attempt->under_way = false;
  expstart__curl_loop_remove(&carrier->curl, attempt->easy);
  take_out(&carrier->active, attempt);
  append(&carrier->finished, attempt);
  carrier->active_count--;
  carrier->finished_count++;
}

static void read_completions(struct curl_carrier *carrier) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(carrier->curl.multi, &left))) {
    struct expstart__curl_attempt *attempt = NULL;
    CURLcode result = message->data.result; /* gone once the handle is removed */
    if (message->msg == CURLMSG_DONE &&
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&attempt) == CURLE_OK &&
        attempt)
      finish(carrier, attempt, result);
  }
}

static void report_finished(struct curl_carrier *carrier) {
  bool any = carrier->finished.head != NULL;
  uint64_t end_ns = uv_hrtime() + EXPSTART__USER_CODE_NS;
  while (carrier->finished.head) {
    struct expstart__curl_attempt *attempt = carrier->finished.head;
    struct expstart__report *report = &carrier->report;
    expstart__curl_attempt_report(attempt, uv_hrtime() / 1000, report);
    take_out(&carrier->finished, attempt);
    carrier->finished_count--;
    expstart__curl_attempt_drop_old_key(attempt);
    append(&carrier->spare, attempt);
    carrier->sink.report(carrier->sink.owner, report); /* calls hooks, on the caller's loop */
    if (uv_hrtime() >= end_ns)
      break;
  }
  if (any)
    carrier->sink.reported(carrier->sink.owner);
}

static void fail_all(struct curl_carrier *carrier) {
  while (carrier->active.head)
    finish(carrier, carrier->active.head, CURLE_FAILED_INIT);
}

/* No transfer is under way. */
static bool renew(struct curl_carrier *carrier) {
  return expstart__curl_loop_renew(&carrier->curl) && set_connections(carrier);
}

static void stop_watch_if_idle(struct curl_carrier *carrier) {
  if (carrier->watching && !carrier->active.head) {
    uv_timer_stop(&carrier->watch);
    carrier->watching = false;
  }
}

/* On a thread of its own a batch is worth waiting for, as each wakes two threads: it is complete when a
   turn, which takes in all replies that are there, brings no more, or when more have ended than are under
   way. */
static bool is_batch_complete(const struct curl_carrier *carrier, uint32_t finished_before) {
  return !carrier->place.own_thread || carrier->finished_count == finished_before ||
         carrier->finished_count > carrier->active_count;
}

/* What arrived while the thread was held is a reply, whatever the clock says now. */
static void give_grace(struct curl_carrier *carrier) {
  uint64_t now_us = uv_hrtime() / 1000;
  for (struct expstart__curl_attempt *attempt = carrier->active.head; attempt;
       attempt = attempt->next)
    expstart__curl_attempt_give_grace(attempt, now_us);
}

static void stir_unsent(struct curl_carrier *carrier) {
  for (struct expstart__curl_attempt *attempt = carrier->active.head; attempt;
       attempt = attempt->next)
    if (attempt->sends == 0)
      expstart__curl_loop_stir(attempt->easy);
}

static void on_turn(void *owner) {
  struct curl_carrier *carrier = owner;
  uint32_t finished_before = carrier->finished_count;
  if (expstart__curl_loop_is_late(&carrier->curl))
    give_grace(carrier);
  expstart__curl_loop_run(&carrier->curl);
  read_completions(carrier);
  if (carrier->curl.failed) {
    fail_all(carrier);
    (void)renew(carrier); /* else it is tried again before the next attempt */
  }
  if (is_batch_complete(carrier, finished_before))
    report_finished(carrier);
  if (carrier->curl.closing) /* the owner closed it when it was told */
    return;
  stop_watch_if_idle(carrier);
  if (expstart__curl_loop_gave_up_address(&carrier->curl))
    stir_unsent(carrier);
  expstart__curl_loop_send(&carrier->curl);
  read_completions(carrier); /* some end at once */
  if (carrier->finished_count > 0 || carrier->curl.failed)
    expstart__curl_loop_kick(&carrier->curl);
}

/* Seen to be over time once, an attempt has until the next watch: the thread may have been held. */
static void on_watch(uv_timer_t *watch) {
  struct curl_carrier *carrier = watch->data;
  uint64_t now_us = uv_hrtime() / 1000;
  struct expstart__curl_attempt *attempt = carrier->active.head;
  while (attempt) {
    struct expstart__curl_attempt *next = attempt->next;
    if (now_us - attempt->started_us > attempt->timeout_us + WATCH_GRACE_US) {
      if (attempt->overdue)
        finish(carrier, attempt, CURLE_OPERATION_TIMEDOUT);
      attempt->overdue = true;
    }
    attempt = next;
  }
  expstart__curl_loop_kick(&carrier->curl);
}

/* ---- the port ---------------------------------------------------------------------------------
 */

static int create_attempt(struct curl_carrier *carrier, struct expstart__curl_attempt **out) {
  struct expstart__curl_attempt *attempt;
  void *grown = expstart__grow(carrier->attempts, carrier->attempt_count,
                               &carrier->attempt_capacity, 32, sizeof *carrier->attempts);
  if (!grown)
    return EXPSTART_ENOMEM;
  carrier->attempts = grown;
  int status = expstart__curl_attempt_create(&attempt, &carrier->shared);
  if (status != EXPSTART_OK)
    return status;
  if (!expstart__curl_loop_adopt(&carrier->curl, attempt->easy)) {
    expstart__curl_attempt_destroy(attempt);
    return EXPSTART_ESYSTEM;
  }
  attempt->number = carrier->attempt_count;
  carrier->attempts[carrier->attempt_count++] = attempt;
  *out = attempt;
  return EXPSTART_OK;
}

static int take_spare(struct curl_carrier *carrier, struct expstart__curl_attempt **attempt) {
  *attempt = carrier->spare.tail; /* the one used last is warm */
  if (!*attempt)
    return create_attempt(carrier, attempt);
  take_out(&carrier->spare, *attempt);
  return EXPSTART_OK;
}

static int on_send(struct expstart__carrier *base, const struct expstart__send *send,
                   uint32_t *handle) {
  struct curl_carrier *carrier = (struct curl_carrier *)base;
  struct expstart__curl_attempt *attempt;
  int status = take_spare(carrier, &attempt);
  if (status != EXPSTART_OK)
    return status;
  status = expstart__curl_attempt_begin(attempt, send, uv_hrtime() / 1000);
  if (status == EXPSTART_OK && carrier->curl.broken && !renew(carrier))
    status = EXPSTART_ENOMEM;
  if (status == EXPSTART_OK && !expstart__curl_loop_add(&carrier->curl, attempt->easy))
    status = EXPSTART_ESYSTEM;
  if (status != EXPSTART_OK) {
    append(&carrier->spare, attempt);
    return status;
  }
  append(&carrier->active, attempt);
  carrier->active_count++;
  attempt->under_way = true;
  *handle = attempt->number;
  if (!carrier->watching)
    carrier->watching =
        uv_timer_start(&carrier->watch, on_watch, WATCH_PERIOD_MS, WATCH_PERIOD_MS) == 0;
  return EXPSTART_OK;
}

static void on_abort(struct expstart__carrier *base, uint32_t handle, expstart_ticket ticket) {
  struct curl_carrier *carrier = (struct curl_carrier *)base;
  struct expstart__curl_attempt *attempt = carrier->attempts[handle];
  read_completions(carrier); /* a reply that is there already is told as it is */
  expstart__curl_loop_kick(&carrier->curl);
  if (!attempt->under_way || attempt->ticket != ticket)
    return;
  attempt->aborted = true;
  finish(carrier, attempt, CURLE_ABORTED_BY_CALLBACK);
}

/* libcurl is given all at once. */
static void on_flush(struct expstart__carrier *base) {
  (void)base;
}

/* Attempts under way, and those that are to be reported, let go of the old key when they are. */
void expstart__curl_carrier_take_key(struct expstart__carrier *base,
                                     struct expstart__curl_key *key) {
  struct curl_carrier *carrier = (struct curl_carrier *)base;
  expstart__curl_key_release(carrier->shared.key);
  carrier->shared.key = key;
  for (struct expstart__curl_attempt *attempt = carrier->spare.head; attempt;
       attempt = attempt->next)
    expstart__curl_attempt_drop_old_key(attempt);
}

static int on_set_key(struct expstart__carrier *base, const char *text) {
  struct curl_carrier *carrier = (struct curl_carrier *)base;
  unsigned flags = carrier->shared.settings->options.flags;
  struct expstart__curl_key *key =
      expstart__curl_key_create(text, (flags & EXPSTART_NO_COMPRESSION) == 0);
  if (!key)
    return EXPSTART_ENOMEM;
  expstart__curl_carrier_take_key(base, key);
  return EXPSTART_OK;
}

static void destroy_list(struct attempt_list *list) {
  while (list->head) {
    struct expstart__curl_attempt *attempt = list->head;
    take_out(list, attempt);
    expstart__curl_attempt_destroy(attempt);
  }
}

static void finish_close(struct curl_carrier *carrier) {
  if (!carrier->watch_closed || !carrier->curl_closed)
    return;
  void (*closed)(void *owner) = carrier->closed;
  void *owner = carrier->closed_owner;
  expstart__reply_clear(&carrier->report.reply);
  free(carrier->attempts);
  free(carrier);
  closed(owner);
}

static void on_watch_closed(uv_handle_t *handle) {
  struct curl_carrier *carrier = handle->data;
  carrier->watch_closed = true;
  finish_close(carrier);
}

static void on_curl_closed(void *owner) {
  struct curl_carrier *carrier = owner;
  carrier->curl_closed = true;
  finish_close(carrier);
}

static void on_close(struct expstart__carrier *base, void (*closed)(void *owner), void *owner) {
  struct curl_carrier *carrier = (struct curl_carrier *)base;
  carrier->closed = closed;
  carrier->closed_owner = owner;
  fail_all(carrier);
  destroy_list(&carrier->finished);
  destroy_list(&carrier->spare);
  uv_close((uv_handle_t *)&carrier->watch, on_watch_closed);
  expstart__curl_loop_close(&carrier->curl, on_curl_closed);
  expstart__curl_shared_clear(&carrier->shared);
}

int expstart__curl_carrier_create(struct expstart__carrier **out, uv_loop_t *loop,
                                  const struct expstart__settings *settings,
                                  const struct expstart__curl_place *place,
                                  const struct expstart__carrier_sink *sink) {
  static const struct expstart__carrier_ops ops = {.send = on_send,
                                                   .abort = on_abort,
                                                   .flush = on_flush,
                                                   .set_key = on_set_key,
                                                   .close = on_close};
  struct curl_carrier *carrier = calloc(1, sizeof *carrier);
  if (!carrier)
    return EXPSTART_ENOMEM;
  carrier->base.ops = &ops;
  carrier->sink = *sink;
  carrier->place = *place;
  carrier->report.reply.ok = -1;
  int status = expstart__curl_shared_init(&carrier->shared, settings);
  if (status != EXPSTART_OK)
    goto fail;
  /* Made now, so that a libcurl that lacks something is found out here and not by the first start.
   */
  struct expstart__curl_attempt *first;
  status = create_attempt(carrier, &first);
  if (status != EXPSTART_OK)
    goto fail_shared;
  append(&carrier->spare, first);
  status = expstart__curl_loop_init(&carrier->curl, loop, settings->tls && !place->own_thread,
                                    on_turn, carrier);
  if (status != EXPSTART_OK)
    goto fail_attempt;
  (void)uv_timer_init(loop, &carrier->watch); /* always 0 */
  uv_unref((uv_handle_t *)&carrier->watch);
  carrier->watch.data = carrier;
  (void)set_connections(carrier); /* limits; numbers were checked */
  *out = &carrier->base;
  return EXPSTART_OK;
fail_attempt:
  expstart__curl_attempt_destroy(first);
fail_shared:
  expstart__curl_shared_clear(&carrier->shared);
fail:
  free(carrier->attempts);
  free(carrier);
  return status;
}

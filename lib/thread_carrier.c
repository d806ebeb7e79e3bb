/* A parcel takes an attempt to a worker's thread and its report back. It belongs to one side at a
   time: to the caller's while it is spare or being filled, to the worker's from when it is handed over
   until its report is handed back. Hands change under the worker's mutex, many parcels at once. */
#include "thread_carrier.h"

#include "curl_carrier.h"
#include "expstart.h"
#include "grow.h"
#include "shortage.h"
#include "turn.h"
#include "wake.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct parcel {
  struct parcel *next;   /* in the list it is in */
  struct worker *worker; /* always the same */
  uint32_t number;       /* its place among all of the carrier's */
  struct expstart__send send;
  struct expstart__report report;

  /* It takes this key instead of an attempt, and is not one of the carrier's. */
  struct expstart__curl_key *key;

  /* Under the mutex: the attempt to be given up. It may be over by now, and the parcel be used for
     another, hence the ticket. Of two the later counts: the earlier is over. */
  expstart_ticket recall;
  struct parcel *next_recalled;
  bool is_recalled;

  /* The worker's side. */
  uint32_t handle; /* of its curl_carrier */
  expstart_ticket giving_up;
  struct parcel *next_giving_up;
};

struct parcel_list {
  struct parcel *head, *tail;
};

struct thread_carrier;

struct worker {
  struct thread_carrier *carrier;
  uv_thread_t thread;
  uv_loop_t loop;
  struct expstart__wake wake; /* on `loop` */
  struct expstart__carrier *curl;
  struct parcel_list inbox; /* the worker's side: reported, until the batch is complete */

  uv_mutex_t mutex; /* of these */
  struct parcel_list to_send, reported;
  struct parcel *recalled;
  bool close, tell_end, ended;

  struct parcel_list outbox; /* the caller's side: to be sent, until the flush */
  struct parcel_list spare;
  bool to_wake;
  uint32_t load; /* attempts that are with it */
};

struct thread_carrier {
  struct expstart__carrier base;
  struct expstart__carrier_sink sink;
  struct expstart__wake wake; /* on the caller's loop */
  struct expstart__turn turn;
  struct parcel_list arrived; /* reported, to be told */
  struct parcel **parcels;    /* all that there are, by number */
  uint32_t parcel_count, parcel_capacity;
  unsigned open_handles;
  bool closing;
  bool encoded; /* replies may be compressed */
  void (*closed)(void *owner);
  void *closed_owner;
  unsigned worker_count;
  struct worker workers[];
};

static void append(struct parcel_list *list, struct parcel *parcel) {
  parcel->next = NULL;
  if (list->tail)
    list->tail->next = parcel;
  else
    list->head = parcel;
  list->tail = parcel;
}

static struct parcel *take_first(struct parcel_list *list) {
  struct parcel *parcel = list->head;
  if (parcel) {
    list->head = parcel->next;
    if (!list->head)
      list->tail = NULL;
  }
  return parcel;
}

static void append_all(struct parcel_list *list, struct parcel_list *more) {
  if (!more->head)
    return;
  if (list->tail)
    list->tail->next = more->head;
  else
    list->head = more->head;
  list->tail = more->tail;
  *more = (struct parcel_list){NULL, NULL};
}

/* ---- the worker's side -------------------------------------------------------------------------
 */

static void hand_back(struct worker *worker) {
  uv_mutex_lock(&worker->mutex);
  append_all(&worker->reported, &worker->inbox);
  uv_mutex_unlock(&worker->mutex);
  expstart__wake_up(&worker->carrier->wake);
}

static void worker_report(void *owner, struct expstart__report *report) {
  struct worker *worker = owner;
  struct parcel *parcel = report->tag;
  struct expstart__reply memory = parcel->report.reply;
  parcel->report = *report;
  report->reply = memory;
  append(&worker->inbox, parcel);
}

static void worker_reported(void *owner) {
  hand_back(owner);
}

/* What libcurl does not take is reported too: the caller's side was told that it is sent. */
static void send_parcel(struct worker *worker, struct parcel *parcel) {
  parcel->send.tag = parcel;
  if (worker->curl->ops->send(worker->curl, &parcel->send, &parcel->handle) == EXPSTART_OK)
    return;
  char text[128];
  struct expstart__reply memory = parcel->report.reply;
  expstart__reply_empty(&memory);
  parcel->report = (struct expstart__report){.ticket = parcel->send.ticket,
                                             .fate = EXPSTART__UNSENT,
                                             .ours = true,
                                             .hints = EXPSTART__NO_HINTS,
                                             .reply = memory};
  expstart__shortage_say(ENOMEM, text, sizeof text);
  expstart__reply_say(&parcel->report.reply, text);
  append(&worker->inbox, parcel);
}

static void take_key(struct worker *worker, struct parcel *parcel) {
  expstart__curl_carrier_take_key(worker->curl, parcel->key);
  free(parcel);
}

static struct parcel *take_recalled(struct worker *worker) {
  struct parcel *taken = NULL;
  for (struct parcel *parcel = worker->recalled; parcel; parcel = parcel->next_recalled) {
    parcel->is_recalled = false;
    parcel->giving_up = parcel->recall;
    parcel->next_giving_up = taken;
    taken = parcel;
  }
  worker->recalled = NULL;
  return taken;
}

static void on_curl_closed(void *owner) {
  struct worker *worker = owner;
  expstart__wake_close(&worker->wake, NULL);
}

static void on_worker_wake(void *data) {
  struct worker *worker = data;
  struct parcel_list to_send = {NULL, NULL};
  if (!worker->curl) /* it is closing */
    return;
  uv_mutex_lock(&worker->mutex);
  append_all(&to_send, &worker->to_send);
  struct parcel *giving_up = take_recalled(worker);
  bool close = worker->close;
  uv_mutex_unlock(&worker->mutex);

  for (struct parcel *parcel; (parcel = take_first(&to_send));)
    parcel->key ? take_key(worker, parcel) : send_parcel(worker, parcel);
  for (; giving_up; giving_up = giving_up->next_giving_up)
    worker->curl->ops->abort(worker->curl, giving_up->handle, giving_up->giving_up);
  if (worker->inbox.head)
    hand_back(worker);
  if (close) {
    worker->curl->ops->close(worker->curl, on_curl_closed, worker);
    worker->curl = NULL;
  }
}

static void run_worker(void *data) {
  struct worker *worker = data;
  uv_run(&worker->loop, UV_RUN_DEFAULT);
  uv_mutex_lock(&worker->mutex);
  worker->ended = true;
  bool tell = worker->tell_end;
  uv_mutex_unlock(&worker->mutex);
  if (tell)
    expstart__wake_up(&worker->carrier->wake);
}

/* Its wake and its carrier are closed, its thread is not running. */
static void clear(struct worker *worker) {
  (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* what is being closed */
  (void)uv_loop_close(&worker->loop);
  expstart__wake_clear(&worker->wake);
  uv_mutex_destroy(&worker->mutex);
}

static int start_worker(struct worker *worker, struct thread_carrier *carrier,
                        const struct expstart__settings *settings) {
  const struct expstart__curl_place place = {.own_thread = true,
                                             .share_of = carrier->worker_count,
                                             .number = (unsigned)(worker - carrier->workers)};
  const struct expstart__carrier_sink sink = {
      .owner = worker, .report = worker_report, .reported = worker_reported};
  worker->carrier = carrier;
  if (uv_mutex_init(&worker->mutex) != 0)
    return EXPSTART_ESYSTEM;
  if (uv_loop_init(&worker->loop) != 0)
    goto fail_mutex;
  if (expstart__wake_init(&worker->wake, &worker->loop, on_worker_wake, worker) != EXPSTART_OK)
    goto fail_loop;
  uv_ref((uv_handle_t *)&worker->wake.poll); /* the thread lives until it is closed */
  int status = expstart__curl_carrier_create(&worker->curl, &worker->loop, settings, &place, &sink);
  if (status != EXPSTART_OK) {
    expstart__wake_close(&worker->wake, NULL);
    clear(worker);
    return status;
  }
  /* Signals are for the caller's threads; those that a fault of its own raises cannot be put off. */
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  sigdelset(&all, SIGABRT);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int failed = uv_thread_create(&worker->thread, run_worker, worker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!failed)
    return EXPSTART_OK;
  worker->curl->ops->close(worker->curl, on_curl_closed, worker);
  clear(worker);
  return EXPSTART_ESYSTEM;
fail_loop:
  (void)uv_loop_close(&worker->loop);
fail_mutex:
  uv_mutex_destroy(&worker->mutex);
  return EXPSTART_ESYSTEM;
}

/* ---- the caller's side -------------------------------------------------------------------------
 */

static void ask_to_close(struct thread_carrier *carrier, bool tell_end) {
  for (unsigned i = 0; i < carrier->worker_count; i++) {
    struct worker *worker = &carrier->workers[i];
    uv_mutex_lock(&worker->mutex);
    worker->tell_end = tell_end;
    worker->close = true;
    uv_mutex_unlock(&worker->mutex);
    expstart__wake_up(&worker->wake);
  }
}

static void join(struct worker *worker) {
  (void)uv_thread_join(&worker->thread);
  clear(worker);
}

static void on_handle_closed(uv_handle_t *handle) {
  struct thread_carrier *carrier = handle->data;
  if (--carrier->open_handles > 0)
    return;
  void (*closed)(void *owner) = carrier->closed;
  void *owner = carrier->closed_owner;
  for (uint32_t i = 0; i < carrier->parcel_count; i++) {
    expstart__reply_clear(&carrier->parcels[i]->report.reply);
    free(carrier->parcels[i]);
  }
  free(carrier->parcels);
  expstart__wake_clear(&carrier->wake);
  free(carrier);
  closed(owner);
}

static void close_if_ended(struct thread_carrier *carrier) {
  for (unsigned i = 0; i < carrier->worker_count; i++) {
    struct worker *worker = &carrier->workers[i];
    uv_mutex_lock(&worker->mutex);
    bool ended = worker->ended;
    uv_mutex_unlock(&worker->mutex);
    if (!ended)
      return;
  }
  for (unsigned i = 0; i < carrier->worker_count; i++)
    join(&carrier->workers[i]);
  expstart__wake_close(&carrier->wake, on_handle_closed);
  expstart__turn_close(&carrier->turn, on_handle_closed);
}

static void fetch(struct thread_carrier *carrier) {
  for (unsigned i = 0; i < carrier->worker_count; i++) {
    struct worker *worker = &carrier->workers[i];
    uv_mutex_lock(&worker->mutex);
    append_all(&carrier->arrived, &worker->reported);
    uv_mutex_unlock(&worker->mutex);
  }
}

/* Tells what has arrived, but not so much that it would hold the loop; the rest in the next turn. */
static void on_turn(void *owner) {
  struct thread_carrier *carrier = owner;
  if (carrier->closing) {
    close_if_ended(carrier);
    return;
  }
  fetch(carrier);
  bool any = carrier->arrived.head != NULL;
  uint64_t end_ns = uv_hrtime() + EXPSTART__USER_CODE_NS;
  while (carrier->arrived.head) {
    struct parcel *parcel = take_first(&carrier->arrived);
    parcel->worker->load--;
    carrier->sink.report(carrier->sink.owner, &parcel->report); /* calls hooks */
    append(&parcel->worker->spare, parcel);
    if (uv_hrtime() >= end_ns)
      break;
  }
  if (carrier->arrived.head)
    expstart__turn_kick(&carrier->turn);
  if (any)
    carrier->sink.reported(carrier->sink.owner);
}

static void on_wake(void *data) {
  struct thread_carrier *carrier = data;
  expstart__turn_kick(&carrier->turn);
}

static struct parcel *create_parcel(struct thread_carrier *carrier, struct worker *worker) {
  void *grown = expstart__grow(carrier->parcels, carrier->parcel_count, &carrier->parcel_capacity,
                               32, sizeof *carrier->parcels);
  if (!grown)
    return NULL;
  carrier->parcels = grown;
  struct parcel *parcel = calloc(1, sizeof *parcel);
  if (!parcel)
    return NULL;
  parcel->report.reply.ok = -1;
  parcel->worker = worker;
  parcel->number = carrier->parcel_count;
  carrier->parcels[carrier->parcel_count++] = parcel;
  return parcel;
}

static struct worker *least_loaded(struct thread_carrier *carrier) {
  struct worker *found = &carrier->workers[0];
  for (unsigned i = 1; i < carrier->worker_count; i++)
    if (carrier->workers[i].load < found->load)
      found = &carrier->workers[i];
  return found;
}

static int on_send(struct expstart__carrier *base, const struct expstart__send *send,
                   uint32_t *handle) {
  struct thread_carrier *carrier = (struct thread_carrier *)base;
  struct worker *worker = least_loaded(carrier);
  struct parcel *parcel = take_first(&worker->spare);
  if (!parcel && !(parcel = create_parcel(carrier, worker)))
    return EXPSTART_ENOMEM;
  parcel->send = *send;
  append(&worker->outbox, parcel);
  worker->load++;
  worker->to_wake = true;
  *handle = parcel->number;
  return EXPSTART_OK;
}

static void on_abort(struct expstart__carrier *base, uint32_t handle, expstart_ticket ticket) {
  struct thread_carrier *carrier = (struct thread_carrier *)base;
  struct parcel *parcel = carrier->parcels[handle];
  struct worker *worker = parcel->worker;
  uv_mutex_lock(&worker->mutex);
  append_all(&worker->to_send, &worker->outbox); /* what is recalled must be there before */
  parcel->recall = ticket;
  if (!parcel->is_recalled) {
    parcel->is_recalled = true;
    parcel->next_recalled = worker->recalled;
    worker->recalled = parcel;
  }
  uv_mutex_unlock(&worker->mutex);
  worker->to_wake = true;
}

static void on_flush(struct expstart__carrier *base) {
  struct thread_carrier *carrier = (struct thread_carrier *)base;
  for (unsigned i = 0; i < carrier->worker_count; i++) {
    struct worker *worker = &carrier->workers[i];
    if (!worker->to_wake)
      continue;
    worker->to_wake = false;
    uv_mutex_lock(&worker->mutex);
    append_all(&worker->to_send, &worker->outbox);
    uv_mutex_unlock(&worker->mutex);
    expstart__wake_up(&worker->wake);
  }
}

static struct parcel *create_key_parcel(const struct thread_carrier *carrier, const char *text) {
  struct parcel *parcel = calloc(1, sizeof *parcel);
  if (!parcel)
    return NULL;
  parcel->key = expstart__curl_key_create(text, carrier->encoded);
  if (parcel->key)
    return parcel;
  free(parcel);
  return NULL;
}

/* A key travels like an attempt, so that it comes after what was sent before it. All are made before the
   first leaves. */
static int on_set_key(struct expstart__carrier *base, const char *text) {
  struct thread_carrier *carrier = (struct thread_carrier *)base;
  struct parcel_list made = {NULL, NULL};
  struct parcel *parcel;
  for (unsigned i = 0; i < carrier->worker_count; i++) {
    if (!(parcel = create_key_parcel(carrier, text))) {
      while ((parcel = take_first(&made))) {
        expstart__curl_key_release(parcel->key);
        free(parcel);
      }
      return EXPSTART_ENOMEM;
    }
    append(&made, parcel);
  }
  for (unsigned i = 0; i < carrier->worker_count; i++) {
    append(&carrier->workers[i].outbox, take_first(&made));
    carrier->workers[i].to_wake = true;
  }
  on_flush(base);
  return EXPSTART_OK;
}

static void on_close(struct expstart__carrier *base, void (*closed)(void *owner), void *owner) {
  struct thread_carrier *carrier = (struct thread_carrier *)base;
  carrier->closed = closed;
  carrier->closed_owner = owner;
  carrier->closing = true;
  uv_ref((uv_handle_t *)&carrier->wake.poll); /* the loop is to live until the threads have ended */
  ask_to_close(carrier, true);
}

static unsigned worker_count(const struct expstart_options *options) {
  unsigned count = (unsigned)options->io_threads;
  /* A thread without a connection could not work. */
  return options->max_connections > 0 && options->max_connections < count ? options->max_connections
                                                                          : count;
}

int expstart__thread_carrier_create(struct expstart__carrier **out, uv_loop_t *loop,
                                    const struct expstart__settings *settings,
                                    const struct expstart__carrier_sink *sink) {
  static const struct expstart__carrier_ops ops = {.send = on_send,
                                                   .abort = on_abort,
                                                   .flush = on_flush,
                                                   .set_key = on_set_key,
                                                   .close = on_close};
  unsigned count = worker_count(&settings->options), started = 0;
  struct thread_carrier *carrier = calloc(1, sizeof *carrier + count * sizeof(struct worker));
  if (!carrier)
    return EXPSTART_ENOMEM;
  carrier->base.ops = &ops;
  carrier->sink = *sink;
  carrier->worker_count = count;
  carrier->encoded = (settings->options.flags & EXPSTART_NO_COMPRESSION) == 0;
  int status = EXPSTART_OK;
  while (started < count && status == EXPSTART_OK) {
    status = start_worker(&carrier->workers[started], carrier, settings);
    started += status == EXPSTART_OK;
  }
  /* Last, for what is on the caller's loop could not be closed before this returns. */
  if (status == EXPSTART_OK)
    status = expstart__wake_init(&carrier->wake, loop, on_wake, carrier);
  if (status != EXPSTART_OK) {
    carrier->worker_count = started;
    ask_to_close(carrier, false);
    for (unsigned i = 0; i < started; i++)
      join(&carrier->workers[i]);
    free(carrier);
    return status;
  }
  carrier->wake.poll.data = carrier; /* for on_handle_closed */
  (void)expstart__turn_init(&carrier->turn, loop, on_turn, carrier, carrier);
  carrier->open_handles = 3;
  *out = &carrier->base;
  return EXPSTART_OK;
}

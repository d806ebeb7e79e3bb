/* The public API over a loop: a client's life, the engine's port to the carrier, and delivery. All
   decisions are the engine's; all of libcurl is the carrier's. */
#include "carrier.h"
#include "curl_carrier.h"
#include "ending.h"
#include "engine.h"
#include "expstart.h"
#include "inbox.h"
#include "json_parse.h"
#include "log.h"
#include "options.h"
#include "prometheus.h"
#include "thread_carrier.h"
#include "turn.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Starts and cancels from other threads that one turn takes in at most. A cancel may close a connection. */
enum { TAKE_IN_MAX = 512, CANCELS_MAX = 128 };

enum closing { OPEN, DRAINING, ABORTING, TEARING_DOWN };

struct expstart_client {
  struct expstart__settings settings;
  struct expstart__engine *engine;
  struct expstart__carrier *carrier;
  struct expstart__inbox inbox;
  uint32_t inbox_canceled; /* of what is in it, so many are to be canceled: the first */
  struct expstart__inbox_item
      *lost;                  /* taken in, but there was no memory for them; the first one first */
  struct expstart__turn turn; /* one run of the engine and its deliveries */
  uv_timer_t timer;           /* keeps the loop alive while there is work, and wakes the engine */
  enum closing closing;
  uint64_t drained_us; /* a DRAIN becomes an ABORT then; UINT64_MAX: never */
  unsigned open_handles;
  expstart_closed_cb closed;
  void *closed_data;
};

static uint64_t now_us(void) {
  return uv_hrtime() / 1000;
}

/* ---- the engine's port -------------------------------------------------------------------------
 */

static int port_send(void *self, const struct expstart__send *send, uint32_t *handle) {
  expstart_client *client = self;
  return client->carrier->ops->send(client->carrier, send, handle);
}

static void port_abort(void *self, uint32_t handle, expstart_ticket ticket) {
  expstart_client *client = self;
  client->carrier->ops->abort(client->carrier, handle, ticket);
}

static void port_deliver(void *self, const expstart_result *result, expstart_done_cb done,
                         void *data) {
  expstart_client *client = self;
  expstart__inbox_release(&client->inbox); /* first: the callback may submit into a full queue */
  done(client, result, data);
}

/* Of a start with a name: its own callback is behind this one. */
static void on_named_done(expstart_client *client, const expstart_result *result, void *data) {
  struct expstart__inbox_item *item = data;
  expstart_result told = *result;
  told.ticket = item->name;
  expstart__inbox_forget(&client->inbox, item);
  item->request.done(client, &told, item->request.data);
  free(item);
}

static void port_attempt(void *self, const expstart_attempt *attempt, expstart_done_cb done,
                         void *data) {
  expstart_client *client = self;
  const struct expstart_options *options = &client->settings.options;
  expstart__log_attempt(options, attempt);
  if (!options->on_attempt)
    return;
  expstart_attempt told = *attempt;
  if (done == on_named_done)
    told.ticket = ((const struct expstart__inbox_item *)data)->name;
  options->on_attempt(client, &told, options->hook_data);
}

static void port_notice(void *self, const struct expstart__notice *notice) {
  expstart_client *client = self;
  expstart__log_notice(&client->settings.options, notice, now_us());
}

static void port_key_refused(void *self, const char *message) {
  expstart_client *client = self;
  const struct expstart_options *options = &client->settings.options;
  expstart__log_key_refused(options, message);
  options->on_key_refused(client, message, options->hook_data);
}

static void port_permits(void *self, uint32_t wanted) {
  expstart_client *client = self;
  const struct expstart_options *options = &client->settings.options;
  options->on_permits(client, wanted, 0, options->hook_data);
}

/* ---- the carrier's sink ------------------------------------------------------------------------
 */

static void schedule(expstart_client *client, uint64_t wake_us);

static void sink_report(void *owner, struct expstart__report *report) {
  expstart_client *client = owner;
  expstart__engine_report(client->engine, now_us(), report);
}

static void step(expstart_client *client) {
  schedule(client, expstart__engine_step(client->engine, now_us()));
  client->carrier->ops->flush(client->carrier);
}

static void on_turn(void *data);

/* The carrier calls from a turn of its own, which is as good as the client's. */
static void sink_reported(void *owner) {
  on_turn(owner);
}

/* ---- turns -------------------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer) {
  expstart_client *client = timer->data;
  expstart__turn_kick(&client->turn);
}

/* The timer runs as long as anything is accepted and not called back, which is what keeps the loop
   alive. It may fire early (libuv counts from the loop's cached time); the engine compares with the
   clock. */
static void schedule(expstart_client *client, uint64_t wake_us) {
  const uint64_t longest_ms = 3600000;
  uint64_t at_us = now_us(), delay_ms = longest_ms;
  if (client->closing == TEARING_DOWN)
    return;
  if (expstart__engine_live(client->engine) == 0) {
    uv_timer_stop(&client->timer);
    return;
  }
  if (client->closing == DRAINING && client->drained_us < wake_us)
    wake_us = client->drained_us;
  if (wake_us <= at_us)
    delay_ms = 0;
  else if ((wake_us - at_us) / 1000 < longest_ms)
    delay_ms = (wake_us - at_us + 999) / 1000;
  (void)uv_timer_start(&client->timer, on_timer, delay_ms, 0); /* cannot fail: it is not closing */
}

static void tear_down(expstart_client *client);

static int engine_submit(expstart_client *client, uint64_t at_us,
                         struct expstart__inbox_item *item) {
  struct expstart_request request = item->request;
  expstart_ticket ticket;
  if (item->name) {
    request.done = on_named_done;
    request.data = item;
  }
  int status = expstart__engine_submit(client->engine, at_us, &request, &ticket);
  if (status != EXPSTART_OK)
    return status;
  bool canceled = client->inbox_canceled > 0 || item->canceled;
  if (item->name)
    item->ticket = ticket;
  else
    free(item);
  if (canceled)
    (void)expstart__engine_cancel(client->engine, at_us, ticket);
  return EXPSTART_OK;
}

/* Takes in what other threads submitted. True: there is more. */
static bool take_in(expstart_client *client) {
  bool more, refused;
  struct expstart__inbox_item *next,
      *item = expstart__inbox_take(&client->inbox, TAKE_IN_MAX, &more, &refused),
      **lost_end = &client->lost;
  if (refused)
    expstart__engine_want_room(client->engine);
  while (*lost_end)
    lost_end = &(*lost_end)->next;
  uint64_t at_us = now_us();
  for (; item; item = next) {
    next = item->next;
    if (engine_submit(client, at_us, item) != EXPSTART_OK) {
      item->next = NULL;
      *lost_end = item;
      lost_end = &item->next;
    }
    client->inbox_canceled -= client->inbox_canceled > 0;
  }
  return more;
}

static int cancel(expstart_client *client, expstart_ticket ticket) {
  if (expstart__inbox_is_name(ticket)) {
    struct expstart__inbox_item *item = expstart__inbox_find(&client->inbox, ticket);
    if (!item)
      return EXPSTART_ENOTFOUND;
    item->canceled = true;
    if (!item->ticket)
      return EXPSTART_OK; /* when it is taken in */
    ticket = item->ticket;
  }
  return expstart__engine_cancel(client->engine, now_us(), ticket);
}

/* True: there are more. */
static bool take_cancels(expstart_client *client) {
  expstart_ticket tickets[CANCELS_MAX];
  bool more;
  uint32_t count = expstart__inbox_take_cancels(&client->inbox, tickets, CANCELS_MAX, &more);
  for (uint32_t i = 0; i < count; i++)
    (void)cancel(client, tickets[i]); /* it may have ended by now */
  return more;
}

static void deliver_lost(expstart_client *client) {
  struct expstart__inbox_item *item = client->lost;
  struct expstart_request request = item->request;
  client->lost = item->next;
  if (item->name) {
    request.done = on_named_done;
    request.data = item;
  }
  expstart__engine_submit_lost(client->engine, &request);
  if (request.done != on_named_done)
    free(item);
}

/* True: there is more to be delivered. */
static bool deliver(expstart_client *client) {
  uint64_t end_ns = uv_hrtime() + EXPSTART__USER_CODE_NS;
  bool more = true;
  do {
    if (client->lost)
      deliver_lost(client);
    else
      more = expstart__engine_deliver(client->engine, 1);
  } while (more && uv_hrtime() < end_ns);
  return more;
}

static void tell_room(expstart_client *client, bool closing) {
  const struct expstart_options *options = &client->settings.options;
  bool room = closing || expstart__inbox_has_room(&client->inbox);
  if (room && expstart__engine_take_room(client->engine, closing) && options->on_room)
    options->on_room(client, options->hook_data);
}

static void abort_if_drained(expstart_client *client) {
  if (client->closing == DRAINING && now_us() >= client->drained_us)
    (void)expstart_client_close(client, EXPSTART_ABORT, NULL, NULL);
}

/* Free slots are filled before callbacks take their time. */
static void on_turn(void *data) {
  expstart_client *client = data;
  if (client->closing == TEARING_DOWN)
    return;
  /* One that is closed in this turn has another, in which it takes in what came before. */
  bool closing = client->closing != OPEN;
  abort_if_drained(client);
  bool more = take_in(client);
  if (take_cancels(client) || more)
    expstart__turn_kick(&client->turn);
  step(client);
  bool held = expstart__engine_awaits_delivery(client->engine);
  if (deliver(client) || held)
    expstart__turn_kick(&client->turn);
  tell_room(client, closing);
  if (expstart__engine_live(client->engine) > 0 || more || client->lost)
    return;
  uv_timer_stop(&client->timer);
  if (closing)
    tear_down(client);
}

static void on_woken(void *data) {
  expstart_client *client = data;
  expstart__turn_kick(&client->turn);
}

/* ---- a client's life ---------------------------------------------------------------------------
 */

static pthread_mutex_t curl_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool curl_is_ready;

/* libcurl takes a buffer from the heap for every transfer and frees it after. glibc gives what is free at
   the heap's end back to the system, to be faulted in again, as soon as it is more than 128 KB; once a
   larger block was freed, only when it is twice as much as that (mallopt(3), M_MMAP_THRESHOLD). */
static void keep_heap(void) {
  const size_t block_size = 2 << 20;
  void *volatile block = malloc(block_size); /* volatile: or the compiler leaves it out */
  free(block);
}

/* Once in a process. What has failed for want of memory is tried again by the next client. */
static int set_up_curl(void) {
  CURLcode code = CURLE_OK;
  pthread_mutex_lock(&curl_mutex);
  if (!curl_is_ready) {
    keep_heap();
    code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code == CURLE_OK && !expstart__ending_watch()) {
      curl_global_cleanup();
      code = CURLE_OUT_OF_MEMORY;
    }
    curl_is_ready = code == CURLE_OK;
  }
  pthread_mutex_unlock(&curl_mutex);
  if (code == CURLE_OK)
    return EXPSTART_OK;
  return code == CURLE_OUT_OF_MEMORY ? EXPSTART_ENOMEM : EXPSTART_ESYSTEM;
}

static int create_carrier(expstart_client *client, uv_loop_t *loop) {
  const struct expstart__curl_place place = {.own_thread = false, .share_of = 1, .number = 0};
  const struct expstart__carrier_sink sink = {
      .owner = client, .report = sink_report, .reported = sink_reported};
  if (client->settings.options.io_threads == EXPSTART_IO_ON_LOOP)
    return expstart__curl_carrier_create(&client->carrier, loop, &client->settings, &place, &sink);
  return expstart__thread_carrier_create(&client->carrier, loop, &client->settings, &sink);
}

static void destroy(expstart_client *client) {
  expstart__engine_destroy(client->engine);
  expstart__settings_clear(&client->settings);
  free(client);
}

/* Of a client that its caller never had. */
static void on_orphan_closed(uv_handle_t *handle) {
  expstart_client *client = handle->data;
  expstart__inbox_clear(&client->inbox);
  destroy(client);
}

int expstart_client_create(expstart_client **out, uv_loop_t *loop,
                           const struct expstart_options *options) {
  if (!out)
    return EXPSTART_EINVAL;
  *out = NULL;
  if (!loop || !options)
    return EXPSTART_EINVAL;
  int status = set_up_curl();
  if (status != EXPSTART_OK)
    return status;
  expstart_client *client = calloc(1, sizeof *client);
  if (!client)
    return EXPSTART_ENOMEM;
  status = expstart__settings_init(&client->settings, options, NULL);
  if (status != EXPSTART_OK)
    goto fail;
  struct expstart__port port = {.self = client,
                                .send = port_send,
                                .abort = port_abort,
                                .deliver = port_deliver,
                                .attempt = port_attempt,
                                .notice = port_notice,
                                .key_refused = port_key_refused,
                                .permits = port_permits};
  status = EXPSTART_ENOMEM;
  client->engine = expstart__engine_create(&client->settings.options, &port, now_us());
  if (!client->engine)
    goto fail_settings;
  status = expstart__inbox_init(&client->inbox, loop, client->settings.options.max_queued, on_woken,
                                client);
  if (status != EXPSTART_OK)
    goto fail_engine;
  client->inbox.wake.poll.data = client;
  /* Last, for threads that run do not end in a turn of the loop. */
  status = create_carrier(client, loop);
  if (status != EXPSTART_OK)
    goto fail_inbox;
  (void)uv_timer_init(loop, &client->timer); /* these two always succeed in libuv */
  (void)expstart__turn_init(&client->turn, loop, on_turn, client, client);
  client->timer.data = client;
  client->open_handles = 4;
  client->drained_us = UINT64_MAX;
  *out = client;
  return EXPSTART_OK;
fail_inbox:
  expstart__wake_close(&client->inbox.wake, on_orphan_closed);
  return status;
fail_engine:
  expstart__engine_destroy(client->engine);
fail_settings:
  expstart__settings_clear(&client->settings);
fail:
  free(client);
  return status;
}

static void on_handle_closed(uv_handle_t *handle) {
  expstart_client *client = handle->data;
  if (--client->open_handles > 0)
    return;
  expstart_closed_cb closed = client->closed;
  void *data = client->closed_data;
  expstart__inbox_clear(&client->inbox);
  destroy(client);
  if (closed)
    closed(data);
}

static void on_carrier_closed(void *owner) {
  expstart_client *client = owner;
  uv_close((uv_handle_t *)&client->timer, on_handle_closed);
  expstart__wake_close(&client->inbox.wake, on_handle_closed);
  expstart__turn_close(&client->turn, on_handle_closed);
}

/* Every callback was made and nothing is in flight. */
static void tear_down(expstart_client *client) {
  const struct expstart_options *options = &client->settings.options;
  client->closing = TEARING_DOWN;
  expstart__inbox_shut(&client->inbox);
  uint64_t permits = expstart__engine_take_permits(client->engine, now_us());
  if (permits > 0)
    options->on_permits(client, 0, permits < UINT32_MAX ? (uint32_t)permits : UINT32_MAX,
                        options->hook_data);
  client->carrier->ops->close(client->carrier, on_carrier_closed, client);
}

static void cancel_all(expstart_client *client) {
  client->inbox_canceled = expstart__inbox_count(&client->inbox);
  expstart__engine_cancel_all(client->engine);
}

int expstart_client_close(expstart_client *client, expstart_close_mode mode,
                          expstart_closed_cb closed, void *data) {
  if (!client || (unsigned)mode > EXPSTART_ABORT)
    return EXPSTART_EINVAL;
  bool first = client->closing == OPEN;
  if (!first && !(client->closing == DRAINING && mode == EXPSTART_ABORT))
    return EXPSTART_ECLOSING;
  if (first) {
    client->closed = closed;
    client->closed_data = data;
  }
  client->closing = mode == EXPSTART_ABORT ? ABORTING : DRAINING;
  expstart__inbox_close(&client->inbox);
  expstart__engine_pause(client->engine, false);
  if (mode == EXPSTART_ABORT)
    cancel_all(client);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

int expstart_client_drain(expstart_client *client, uint32_t timeout_ms, expstart_closed_cb closed,
                          void *data) {
  bool goes_on = client && client->closing == DRAINING;
  int status = goes_on ? EXPSTART_OK : expstart_client_close(client, EXPSTART_DRAIN, closed, data);
  if (status != EXPSTART_OK)
    return status;
  client->drained_us = now_us() + timeout_ms * UINT64_C(1000);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

/* ---- what callers ask for ----------------------------------------------------------------------
 */

static int submit(expstart_client *client, uint64_t at_us, const struct expstart_request *request,
                  expstart_ticket *ticket) {
  if (!expstart__inbox_reserve(&client->inbox)) {
    expstart__engine_want_room(client->engine);
    return EXPSTART_EFULL;
  }
  int status = expstart__engine_submit(client->engine, at_us, request, ticket);
  if (status != EXPSTART_OK)
    expstart__inbox_release(&client->inbox);
  return status;
}

int expstart_submit(expstart_client *client, const struct expstart_request *given,
                    expstart_ticket *ticket) {
  struct expstart_request request;
  if (!client)
    return EXPSTART_EINVAL;
  int status = expstart__copy_request(&request, given);
  if (status != EXPSTART_OK)
    return status;
  if (client->closing != OPEN)
    return EXPSTART_ECLOSING;
  status = submit(client, now_us(), &request, ticket);
  expstart__turn_kick(&client->turn);
  return status;
}

int expstart_submit_many(expstart_client *client, const int64_t *ids, size_t n, const char *note,
                         expstart_done_cb done, void *data, size_t *accepted) {
  struct expstart_request request,
      given = {.size = sizeof given, .experiment_id = 1, .note = note, .done = done, .data = data};
  size_t count = 0;
  if (accepted)
    *accepted = 0;
  if (!client || (!ids && n > 0))
    return EXPSTART_EINVAL;
  int status = expstart__copy_request(&request, &given);
  for (size_t i = 0; i < n && status == EXPSTART_OK; i++)
    status = ids[i] < 1 ? EXPSTART_EID : EXPSTART_OK;
  if (status == EXPSTART_OK && client->closing != OPEN)
    status = EXPSTART_ECLOSING;
  uint64_t at_us = now_us();
  while (status == EXPSTART_OK && count < n) {
    request.experiment_id = ids[count];
    status = submit(client, at_us, &request, NULL);
    count += status == EXPSTART_OK;
  }
  if (accepted)
    *accepted = count;
  if (count > 0 || status == EXPSTART_EFULL)
    expstart__turn_kick(&client->turn);
  return status;
}

/* The element of an array whose elements have the size that the first one tells. */
static const struct expstart_request *request_at(const struct expstart_request *requests,
                                                 size_t index) {
  return (const void *)((const char *)requests + index * requests->size);
}

static int submit_element(expstart_client *client, uint64_t at_us,
                          const struct expstart_request *requests, size_t index,
                          expstart_ticket *ticket) {
  const struct expstart_request *given = request_at(requests, index);
  struct expstart_request request;
  if (given->size != requests->size)
    return EXPSTART_EINVAL;
  int status = expstart__copy_request(&request, given);
  if (status == EXPSTART_OK && client->closing != OPEN)
    status = EXPSTART_ECLOSING;
  return status == EXPSTART_OK ? submit(client, at_us, &request, ticket) : status;
}

int expstart_submit_batch(expstart_client *client, const struct expstart_request *requests,
                          size_t n, expstart_ticket *tickets, size_t *accepted,
                          size_t *first_refused) {
  size_t count = 0, refused = n;
  int first_error = EXPSTART_OK;
  bool wrong = !client || (n > 0 && (!requests || requests->size == 0));
  uint64_t at_us = now_us();
  for (size_t i = 0; i < n; i++) {
    expstart_ticket ticket = 0;
    int status = wrong ? EXPSTART_EINVAL : submit_element(client, at_us, requests, i, &ticket);
    if (tickets)
      tickets[i] = ticket;
    count += status == EXPSTART_OK;
    if (status != EXPSTART_OK && refused == n) {
      refused = i;
      first_error = status;
    }
  }
  if (accepted)
    *accepted = count;
  if (first_refused)
    *first_refused = refused;
  if (wrong)
    return EXPSTART_EINVAL;
  if (n > 0)
    expstart__turn_kick(&client->turn);
  return first_error;
}

int expstart_submit_from_thread(expstart_client *client, const struct expstart_request *given) {
  struct expstart_request request;
  if (!client)
    return EXPSTART_EINVAL;
  int status = expstart__copy_request(&request, given);
  return status == EXPSTART_OK ? expstart__inbox_put(&client->inbox, &request, NULL) : status;
}

int expstart_submit_ticket_from_thread(expstart_client *client,
                                       const struct expstart_request *given,
                                       expstart_ticket *ticket) {
  struct expstart_request request;
  if (!client || !ticket)
    return EXPSTART_EINVAL;
  int status = expstart__copy_request(&request, given);
  return status == EXPSTART_OK ? expstart__inbox_put(&client->inbox, &request, ticket) : status;
}

int expstart_cancel_from_thread(expstart_client *client, expstart_ticket ticket) {
  return client ? expstart__inbox_put_cancel(&client->inbox, ticket) : EXPSTART_EINVAL;
}

int expstart_cancel(expstart_client *client, expstart_ticket ticket) {
  if (!client)
    return EXPSTART_EINVAL;
  int status = cancel(client, ticket);
  expstart__turn_kick(&client->turn);
  return status;
}

int expstart_cancel_all(expstart_client *client) {
  if (!client)
    return EXPSTART_EINVAL;
  cancel_all(client);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

static int set_paused(expstart_client *client, bool paused) {
  if (!client)
    return EXPSTART_EINVAL;
  if (client->closing >= ABORTING)
    return EXPSTART_ECLOSING;
  expstart__engine_pause(client->engine, paused);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

int expstart_pause(expstart_client *client) {
  return set_paused(client, true);
}

int expstart_resume(expstart_client *client) {
  return set_paused(client, false);
}

int expstart_set_rate(expstart_client *client, double per_second, uint32_t burst) {
  if (!client || expstart__check_rate(per_second) != EXPSTART_OK)
    return EXPSTART_EINVAL;
  expstart__engine_set_rate(client->engine, now_us(), per_second, burst);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

int expstart_set_api_key(expstart_client *client, const char *given) {
  const char *key = NULL;
  if (!client)
    return EXPSTART_EINVAL;
  int status = expstart__copy_key(given, &key);
  if (status != EXPSTART_OK)
    return status;
  status = client->closing >= ABORTING ? EXPSTART_ECLOSING
                                       : client->carrier->ops->set_key(client->carrier, key);
  if (status != EXPSTART_OK) {
    expstart__free_key(&key);
    return status;
  }
  expstart__free_key(&client->settings.options.api_key);
  client->settings.options.api_key = key;
  expstart__engine_key_changed(client->engine);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

int expstart_set_max_in_flight(expstart_client *client, uint32_t max_in_flight) {
  if (!client || max_in_flight == 0 || max_in_flight > INT32_MAX)
    return EXPSTART_EINVAL;
  expstart__engine_set_max_in_flight(client->engine, max_in_flight);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

int expstart_permit(expstart_client *client, uint32_t n, uint32_t valid_ms) {
  if (!client || !client->settings.options.on_permits)
    return EXPSTART_EINVAL;
  if (client->closing >= ABORTING)
    return EXPSTART_ECLOSING;
  expstart__engine_permit(client->engine, now_us(), n, valid_ms);
  expstart__turn_kick(&client->turn);
  return EXPSTART_OK;
}

void *expstart_client_data(const expstart_client *client) {
  return client->settings.options.hook_data;
}

uv_loop_t *expstart_client_loop(const expstart_client *client) {
  return uv_handle_get_loop((const uv_handle_t *)&client->timer);
}

void expstart_stats_get(const expstart_client *client, struct expstart_stats *stats, size_t size) {
  struct expstart_stats all;
  expstart__engine_stats(client->engine, now_us(), &all);
  if (size > sizeof all) {
    memset((char *)stats + sizeof all, 0, size - sizeof all);
    size = sizeof all;
  }
  memcpy(stats, &all, size);
}

int expstart_stats_prometheus(const expstart_client *client, const char *labels, char *buffer,
                              size_t size) {
  struct expstart_stats stats;
  if (!client)
    return EXPSTART_EINVAL;
  expstart__engine_stats(client->engine, now_us(), &stats);
  return expstart__prometheus(&stats, labels, buffer, size);
}

struct json_object *expstart_result_json(const expstart_result *result) {
  if (!result || !result->reply)
    return NULL;
  struct json_object *tree;
  (void)expstart__json_parse(result->reply, result->reply_size, 0, &tree, NULL);
  return tree;
}

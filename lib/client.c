/* The public API over a loop: a client's life, the engine's port to the carrier, and delivery. All
   decisions are the engine's; all of libcurl is the carrier's. */
#include "carrier.h"
#include "curl_carrier.h"
#include "digest.h"
#include "engine.h"
#include "expstart.h"
#include "inbox.h"
#include "log.h"
#include "options.h"
#include "thread_carrier.h"
#include "turn.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* Callbacks that one turn of the caller's loop makes at most. */
enum { DELIVER_MAX = 128 };

/* Starts from other threads that one turn takes in at most. */
enum { TAKE_IN_MAX = 512 };

enum closing { OPEN, DRAINING, ABORTING, TEARING_DOWN };

struct expstart_client {
  struct expstart__settings settings;
  struct expstart__engine *engine;
  struct expstart__carrier *carrier;
  struct expstart__inbox inbox;
  uint32_t inbox_canceled;           /* of what is in it, so many are to be canceled: the first */
  struct expstart__inbox_item *lost; /* taken in, but there was no memory for them */
  struct expstart__turn turn;        /* one run of the engine and its deliveries */
  uv_timer_t timer; /* keeps the loop alive while there is work, and wakes the engine */
  enum closing closing;
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

static void port_attempt(void *self, const expstart_attempt *attempt) {
  expstart_client *client = self;
  const struct expstart_options *options = &client->settings.options;
  expstart__log_attempt(options, attempt);
  if (options->on_attempt)
    options->on_attempt(client, attempt, options->hook_data);
}

static void port_notice(void *self, const struct expstart__notice *notice) {
  expstart_client *client = self;
  expstart__log_notice(&client->settings.options, notice, now_us());
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
  if (wake_us <= at_us)
    delay_ms = 0;
  else if ((wake_us - at_us) / 1000 < longest_ms)
    delay_ms = (wake_us - at_us + 999) / 1000;
  (void)uv_timer_start(&client->timer, on_timer, delay_ms, 0); /* cannot fail: it is not closing */
}

static void tear_down(expstart_client *client);

/* Takes in what other threads submitted. True: there is more. */
static bool take_in(expstart_client *client) {
  bool more, refused;
  struct expstart__inbox_item *next,
      *item = expstart__inbox_take(&client->inbox, TAKE_IN_MAX, &more, &refused);
  expstart_ticket ticket;
  if (refused)
    expstart__engine_want_room(client->engine);
  uint64_t at_us = now_us();
  for (; item; item = next) {
    next = item->next;
    bool canceled = client->inbox_canceled > 0;
    client->inbox_canceled -= canceled;
    if (expstart__engine_submit(client->engine, at_us, &item->request, &ticket) == EXPSTART_OK) {
      free(item);
      if (canceled)
        (void)expstart__engine_cancel(client->engine, at_us, ticket);
    } else {
      item->next = client->lost;
      client->lost = item;
    }
  }
  return more;
}

static void deliver_lost(expstart_client *client) {
  while (client->lost) {
    struct expstart__inbox_item *item = client->lost;
    client->lost = item->next;
    expstart__engine_submit_lost(client->engine, &item->request);
    free(item);
  }
}

/* Free slots are filled before callbacks take their time. */
static void on_turn(void *data) {
  expstart_client *client = data;
  const struct expstart_options *options = &client->settings.options;
  if (client->closing == TEARING_DOWN)
    return;
  /* One that is closed in this turn has another, in which it takes in what came before. */
  bool closing = client->closing != OPEN;
  bool more = take_in(client);
  if (more)
    expstart__turn_kick(&client->turn);
  step(client);
  deliver_lost(client);
  if (expstart__engine_deliver(client->engine, DELIVER_MAX))
    expstart__turn_kick(&client->turn);
  if (client->closing == OPEN && expstart__inbox_has_room(&client->inbox) &&
      expstart__engine_take_room(client->engine) && options->on_room)
    options->on_room(client, options->hook_data);
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

static uv_once_t curl_once = UV_ONCE_INIT;
static CURLcode curl_ready;

/* libcurl takes a buffer from the heap for every transfer and frees it after. glibc gives what is free at
   the heap's end back to the system, to be faulted in again, as soon as it is more than 128 KB; once a
   larger block was freed, only when it is twice as much as that (mallopt(3), M_MMAP_THRESHOLD). */
static void keep_heap(void) {
  const size_t block_size = 2 << 20;
  void *volatile block = malloc(block_size); /* volatile: or the compiler leaves it out */
  free(block);
}

static void set_up_curl(void) {
  keep_heap();
  curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
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
static void on_orphan_closed(void *owner) {
  destroy(owner);
}

int expstart_client_create(expstart_client **out, uv_loop_t *loop,
                           const struct expstart_options *options) {
  if (!out)
    return EXPSTART_EINVAL;
  *out = NULL;
  if (!loop || !options)
    return EXPSTART_EINVAL;
  uv_once(&curl_once, set_up_curl);
  if (curl_ready != CURLE_OK)
    return EXPSTART_ESYSTEM;
  expstart_client *client = calloc(1, sizeof *client);
  if (!client)
    return EXPSTART_ENOMEM;
  int status = expstart__settings_init(&client->settings, options);
  if (status != EXPSTART_OK)
    goto fail;
  struct expstart__port port = {.self = client,
                                .send = port_send,
                                .abort = port_abort,
                                .deliver = port_deliver,
                                .attempt = port_attempt,
                                .notice = port_notice};
  status = EXPSTART_ENOMEM;
  client->engine = expstart__engine_create(&client->settings.options, &port, now_us());
  if (!client->engine)
    goto fail_settings;
  status = create_carrier(client, loop);
  if (status != EXPSTART_OK)
    goto fail_engine;
  status = expstart__inbox_init(&client->inbox, loop, client->settings.options.max_queued, on_woken,
                                client);
  if (status != EXPSTART_OK)
    goto fail_carrier;
  (void)uv_timer_init(loop, &client->timer); /* these two always succeed in libuv */
  (void)expstart__turn_init(&client->turn, loop, on_turn, client, client);
  client->timer.data = client->inbox.wake.poll.data = client;
  client->open_handles = 4;
  *out = client;
  return EXPSTART_OK;
fail_carrier:
  client->carrier->ops->close(client->carrier, on_orphan_closed, client);
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
  client->closing = TEARING_DOWN;
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

int expstart_submit(expstart_client *client, const struct expstart_request *request,
                    expstart_ticket *ticket) {
  if (!client)
    return EXPSTART_EINVAL;
  int status = expstart__check_request(request);
  if (status != EXPSTART_OK)
    return status;
  if (client->closing != OPEN)
    return EXPSTART_ECLOSING;
  status = submit(client, now_us(), request, ticket);
  expstart__turn_kick(&client->turn);
  return status;
}

int expstart_submit_many(expstart_client *client, const int64_t *ids, size_t n, const char *note,
                         expstart_done_cb done, void *data, size_t *accepted) {
  struct expstart_request request = {
      .size = sizeof request, .experiment_id = 1, .note = note, .done = done, .data = data};
  size_t count = 0;
  if (accepted)
    *accepted = 0;
  if (!client || (!ids && n > 0))
    return EXPSTART_EINVAL;
  int status = expstart__check_request(&request);
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

int expstart_submit_from_thread(expstart_client *client, const struct expstart_request *request) {
  if (!client)
    return EXPSTART_EINVAL;
  int status = expstart__check_request(request);
  return status == EXPSTART_OK ? expstart__inbox_put(&client->inbox, request) : status;
}

int expstart_cancel(expstart_client *client, expstart_ticket ticket) {
  if (!client)
    return EXPSTART_EINVAL;
  int status = expstart__engine_cancel(client->engine, now_us(), ticket);
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

void expstart_stats_get(const expstart_client *client, struct expstart_stats *stats, size_t size) {
  struct expstart_stats all;
  expstart__engine_stats(client->engine, now_us(), &all);
  if (size > sizeof all) {
    memset((char *)stats + sizeof all, 0, size - sizeof all);
    size = sizeof all;
  }
  memcpy(stats, &all, size);
}

struct json_object *expstart_result_json(const expstart_result *result) {
  if (!result || !result->reply)
    return NULL;
  return expstart__digest_tree(result->reply, result->reply_size);
}

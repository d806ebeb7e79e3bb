/* libcurl's multi interface on a libuv loop, and little else: what there is to be had at all.
     bench-bare plain|tuned discard|parse ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-
   plain: as libcurl's own documentation shows it: a new handle a request, finished ones are taken and the next are
   added wherever libcurl was called. tuned: handles are used again, finished ones are taken once a turn,
   the buffer fits the last reply, and parsed CA certificates are kept.
   discard: a reply is thrown away and 200 is a success: the yardstick. parse: json-c reads it, `ok` counts, and what
   failed is tried again after a pause that doubles: the whole job.
   QUEUED more handles than may be in flight are given to libcurl, which keeps them waiting. */
#include "../measure.h"

#include <curl/curl.h>
#include <json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transfer {
  CURL *easy;
  struct json_tokener *tokener;
  struct json_object *reply;
  size_t reply_size;
  long buffer_size;
  unsigned tries;
  struct transfer *next;
};

struct socket {
  uv_poll_t poll;
  curl_socket_t fd;
};

static uv_loop_t loop;
static uv_timer_t timer;
static uv_check_t check;
static uv_idle_t idle;
static bool due;
static uint64_t timer_ns;
static CURLM *multi;
static struct curl_slist *headers;
static struct transfer *spare;
static struct measure measure;
static const char *endpoint, *ca_file;
static bool tuned, parse;
static unsigned long long count, sent, left, started;
static unsigned in_flight_max, in_flight, queued;

enum { TRIES_MAX = 20, PAUSE_MS = 500, PAUSE_MAX_MS = 20000 };

static size_t on_body(char *bytes, size_t one, size_t size, void *data) {
  struct transfer *transfer = data;
  (void)one;
  transfer->reply_size += size;
  if (parse && !transfer->reply)
    transfer->reply = json_tokener_parse_ex(transfer->tokener, bytes, (int)size);
  return size;
}

static struct transfer *create(void) {
  static const char body[] = "{\"action\":\"start\",\"note\":\"bench\"}";
  struct transfer *transfer = calloc(1, sizeof *transfer);
  CURL *easy = transfer->easy = curl_easy_init();
  if (parse)
    transfer->tokener = json_tokener_new();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "bare-bench/1.0"); /* as long as the library's */
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)(sizeof body - 1));
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, queued ? 0L : 30000L); /* it runs while waiting */
  if (strncmp(endpoint, "https", 5) == 0) {
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    if (tuned)
      curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  return transfer;
}

/* For a reply like the last one; as the library's, not over TLS, where it may be HTTP/2's. */
static void fit_buffer(struct transfer *transfer) {
  long size = strncmp(endpoint, "https", 5) == 0 || transfer->reply_size > 16384 ? 102400 : 16384;
  if (size != transfer->buffer_size &&
      curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE, size) == CURLE_OK)
    transfer->buffer_size = size;
  transfer->reply_size = 0;
}

static void add_transfers(void) {
  while ((sent < count || queued) && in_flight < in_flight_max + queued) {
    struct transfer *transfer = spare;
    if (transfer)
      spare = transfer->next;
    else
      transfer = create();
    char url[512];
    snprintf(url, sizeof url, "%s/experiments/%llu/start", endpoint, ++sent);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    if (tuned)
      fit_buffer(transfer);
    in_flight++;
    curl_multi_add_handle(multi, transfer->easy);
  }
}

static void on_waited(uv_handle_t *handle) {
  struct transfer *transfer = handle->data;
  free(handle);
  curl_multi_add_handle(multi, transfer->easy);
}

static void on_pause_over(uv_timer_t *pause) {
  uv_close((uv_handle_t *)pause, on_waited);
}

/* False: tried often enough. */
static bool try_again(struct transfer *transfer) {
  if (++transfer->tries == TRIES_MAX)
    return false;
  uint64_t pause_ms = (uint64_t)PAUSE_MS << (transfer->tries < 7 ? transfer->tries - 1 : 6);
  curl_off_t asked_s = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &asked_s);
  if (pause_ms > PAUSE_MAX_MS)
    pause_ms = PAUSE_MAX_MS;
  if (asked_s > 0)
    pause_ms = (uint64_t)asked_s * 1000;
  uv_timer_t *pause = malloc(sizeof *pause);
  uv_timer_init(&loop, pause);
  pause->data = transfer;
  uv_timer_start(pause, on_pause_over, pause_ms, 0);
  return true;
}

static void finish(struct transfer *transfer, CURLcode result) {
  long status = 0;
  struct json_object *ok;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  bool good = result == CURLE_OK && status == 200;
  if (good && parse)
    good = json_object_object_get_ex(transfer->reply, "ok", &ok) && json_object_get_boolean(ok);
  curl_multi_remove_handle(multi, transfer->easy);
  json_object_put(transfer->reply);
  transfer->reply = NULL;
  if (transfer->tokener)
    json_tokener_reset(transfer->tokener);
  if (parse && (result != CURLE_OK || status == 429 || status >= 500) && try_again(transfer))
    return;
  started += good;
  in_flight--;
  left--;
  if (tuned) {
    transfer->tries = 0;
    transfer->next = spare;
    spare = transfer;
    return;
  }
  curl_easy_cleanup(transfer->easy);
  if (transfer->tokener)
    json_tokener_free(transfer->tokener);
  free(transfer);
}

static bool take_finished(void) {
  CURLMsg *message;
  int more;
  bool any = false;
  while (left > 0 && (message = curl_multi_info_read(multi, &more))) {
    struct transfer *transfer;
    CURLcode result = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
    finish(transfer, result);
    any = true;
  }
  if (left == 0)
    uv_stop(&loop);
  return any;
}

static void act(curl_socket_t fd, int what) {
  int running;
  curl_multi_socket_action(multi, fd, what, &running);
  if (!tuned) {
    take_finished();
    add_transfers();
  }
}

static void on_idle(uv_idle_t *handle) {
  (void)handle;
}

static void on_check(uv_check_t *handle) {
  (void)handle;
  take_finished();
  add_transfers();
  uv_idle_stop(&idle);
  if (!due)
    return;
  /* The next begin at once: of those that were added and not sent before sockets are read, libcurl 7.88
     loses some over HTTP/2. */
  due = false;
  act(CURL_SOCKET_TIMEOUT, 0);
  if (take_finished()) /* some are complete already, and nothing else would wake the loop */
    uv_idle_start(&idle, on_idle);
}

/* libuv's timers may fire early, and libcurl does not announce a timeout twice. */
static void on_timer(uv_timer_t *handle) {
  uint64_t now_ns = uv_hrtime();
  if (now_ns < timer_ns)
    uv_timer_start(handle, on_timer, (timer_ns - now_ns) / 1000000 + 1, 0);
  else
    act(CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *self, long timeout_ms, void *data) {
  (void)self, (void)data;
  due = tuned && timeout_ms == 0;
  if (timeout_ms < 0 || due)
    uv_timer_stop(&timer);
  else
    uv_timer_start(&timer, on_timer, timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0);
  timer_ns = uv_hrtime() + (timeout_ms > 0 ? (uint64_t)timeout_ms * 1000000 : 0);
  if (due)
    uv_idle_start(&idle, on_idle); /* so that the check comes at once */
  return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct socket *socket = poll->data;
  int what = status < 0 ? CURL_CSELECT_ERR : 0;
  what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
  what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
  act(socket->fd, what);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *assigned) {
  struct socket *socket = assigned;
  (void)easy, (void)data;
  if (what == CURL_POLL_REMOVE) {
    if (socket)
      uv_close((uv_handle_t *)&socket->poll, on_closed);
    curl_multi_assign(multi, fd, NULL);
    return 0;
  }
  if (!socket) {
    socket = calloc(1, sizeof *socket);
    socket->fd = fd;
    socket->poll.data = socket;
    uv_poll_init_socket(&loop, &socket->poll, fd);
    curl_multi_assign(multi, fd, socket);
  }
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  uv_poll_start(&socket->poll, events, on_poll);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 9) {
    fprintf(stderr,
            "usage: %s plain|tuned discard|parse ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-\n",
            argv[0]);
    return 2;
  }
  tuned = strcmp(argv[1], "tuned") == 0;
  parse = strcmp(argv[2], "parse") == 0;
  endpoint = argv[3];
  count = left = strtoull(argv[4], NULL, 10);
  in_flight_max = (unsigned)strtoul(argv[5], NULL, 10);
  queued = (unsigned)strtoul(argv[6], NULL, 10);
  ca_file = argv[8];
  curl_global_init(CURL_GLOBAL_DEFAULT);
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_check_init(&loop, &check);
  uv_idle_init(&loop, &idle);
  if (tuned)
    uv_check_start(&check, on_check);
  headers = curl_slist_append(headers, "Authorization: Api-Key BENCH");
  headers = curl_slist_append(headers, "Accept: application/json");
  headers = curl_slist_append(headers, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight_max);
  if (queued)
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)in_flight_max);
  measure_queue_begin(&measure);
  if (queued)
    add_transfers();
  measure_queue_end(&measure, in_flight);
  measure_begin(&measure);
  add_transfers();
  measure_turns(&measure, &loop);
  uv_run(&loop, UV_RUN_DEFAULT);
  measure_end(&measure);
  measure_tell(&measure, started);
  return started == count ? 0 : 1; /* what is left is the system's to free */
}

#include "curl_loop.h"

#include "ending.h"
#include "expstart.h"
#include "sigpipe.h"
#include "tsan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REARM_MAX = 8 };

/* After this time the sockets that are left wait for the next turn. libuv hands over up to 1,024 at
   once, which libcurl is busy with for some 70 ms. (bench/run --instructions makes it longer.) */
#ifndef EXPSTART__TURN_NS
#define EXPSTART__TURN_NS 500000
#endif
static const uint64_t TURN_NS = EXPSTART__TURN_NS;

/* So long after a timeout was due the thread is taken to have been held. */
static const uint64_t LATE_US = 100000;

/* One poll handle per descriptor. A connection's lives as long as the connection: libcurl says REMOVE at
   the end of every transfer and asks anew for the next, and each time the kernel would have to be told
   six times. Of other descriptors, and of connections that were never made, libcurl does not tell that
   it closes them: theirs live until REMOVE. */
struct expstart__curl_socket {
  uv_poll_t poll;
  struct expstart__curl_loop *curl;
  curl_socket_t fd;
  bool is_connection;
  bool made;   /* the connection is */
  bool wanted; /* libcurl is interested; else it is a connection that waits to be used again */
  int events;  /* of libuv, that it is watched for */
  int rearmed; /* times in a row after an error */
  int ready;   /* in libcurl's terms, what it has to be told; 0: it is not in the list */
  struct expstart__curl_socket *next_ready, **ready_link;
};

static void on_handle_closed(struct expstart__curl_loop *curl) {
  if (--curl->open_handles == 0 && curl->closing)
    curl->closed(curl->owner);
}

static void on_turn_closed(uv_handle_t *handle) {
  on_handle_closed(handle->data);
}

/* ---- calling libcurl --------------------------------------------------------------------------
 */

/* For what libuv or libcurl refused. `uv_error` is libuv's, which is errno turned negative. */
static void fail(struct expstart__curl_loop *curl, int uv_error) {
  curl->failed = true;
  curl->failure = -uv_error;
}

static void act(struct expstart__curl_loop *curl, curl_socket_t fd, int what) {
  int running;
  CURLMcode code = curl_multi_socket_action(curl->multi, fd, what, &running);
  if (code == CURLM_ABORTED_BY_CALLBACK)
    curl->failed = true; /* by one of those below, which has said why */
  else if (code != CURLM_OK)
    fail(curl, code == CURLM_OUT_OF_MEMORY ? UV_ENOMEM : 0);
}

/* Within a turn only what is left at its end counts: most of what comes up is done before it. */
static void want_turn(struct expstart__curl_loop *curl) {
  if (!curl->in_turn)
    expstart__turn_kick(&curl->turn);
}

void expstart__curl_loop_kick(struct expstart__curl_loop *curl) {
  curl->again = true;
  want_turn(curl);
}

static void on_turn(void *data) {
  struct expstart__curl_loop *curl = data;
  curl->again = false;
  curl->in_turn = true;
  curl->began_ns = uv_hrtime();
  curl->run(curl->owner);
  curl->in_turn = false;
  if (curl->again || curl->timeout_due || curl->ready_head)
    expstart__turn_kick(&curl->turn);
}

static void ready_remove(struct expstart__curl_socket *socket) {
  struct expstart__curl_loop *curl = socket->curl;
  if (!socket->ready)
    return;
  socket->ready = 0;
  *socket->ready_link = socket->next_ready;
  if (socket->next_ready)
    socket->next_ready->ready_link = socket->ready_link;
  else
    curl->ready_tail = socket->ready_link;
}

static void ready_add(struct expstart__curl_socket *socket, int what) {
  struct expstart__curl_loop *curl = socket->curl;
  if (!socket->ready) {
    socket->next_ready = NULL;
    socket->ready_link = curl->ready_tail;
    *curl->ready_tail = socket;
    curl->ready_tail = &socket->next_ready;
  }
  socket->ready |= what;
}

static bool is_turn_over(const struct expstart__curl_loop *curl) {
  return uv_hrtime() - curl->began_ns >= TURN_NS;
}

bool expstart__curl_loop_is_late(const struct expstart__curl_loop *curl) {
  return curl->timer_due_us > 0 && curl->began_ns / 1000 > curl->timer_due_us + LATE_US;
}

static void run_timeouts(struct expstart__curl_loop *curl) {
  if (!curl->timeout_due)
    return;
  curl->timeout_due = false;
  act(curl, CURL_SOCKET_TIMEOUT, 0);
}

static void stop_watching(struct expstart__curl_socket *socket);

/* The process is ending: nothing is moved any more, and what has to be told is not told again. */
static void fall_silent(struct expstart__curl_loop *curl) {
  curl->timeout_due = false;
  while (curl->ready_head) {
    stop_watching(curl->ready_head);
    ready_remove(curl->ready_head);
  }
}

/* Timeouts come first, for by them libcurl sends what was added since: the other way round, libcurl
   7.88 loses replies on a shared HTTP/2 connection. A server that answers before it has the whole
   request (nginx, when it refuses one) may do so between the request's head and its body; where
   another transfer's read takes that reply in, the body meets a closed stream and the reply counts
   for nothing. 1 start in 20 ended so. */
void expstart__curl_loop_run(struct expstart__curl_loop *curl) {
  struct expstart__sigpipe hold; /* once for all sockets of a turn */
  if (!expstart__ending_enter()) {
    fall_silent(curl);
    return;
  }
  if (curl->guard_sigpipe)
    expstart__sigpipe_hold(&hold);
  run_timeouts(curl);
  while (curl->ready_head) { /* one at least, however long the timeouts take each turn */
    struct expstart__curl_socket *socket = curl->ready_head;
    int what = socket->ready;
    ready_remove(socket);
    act(curl, socket->fd, what); /* may close it */
    if (is_turn_over(curl))
      break;
  }
  if (curl->guard_sigpipe)
    expstart__sigpipe_release(&hold);
  expstart__ending_leave();
}

void expstart__curl_loop_send(struct expstart__curl_loop *curl) {
  struct expstart__sigpipe hold;
  if (curl->closing || !curl->timeout_due || is_turn_over(curl))
    return; /* the next turn does it */
  if (!expstart__ending_enter())
    return;
  if (curl->guard_sigpipe)
    expstart__sigpipe_hold(&hold);
  run_timeouts(curl);
  if (curl->guard_sigpipe)
    expstart__sigpipe_release(&hold);
  expstart__ending_leave();
}

bool expstart__curl_loop_add(struct expstart__curl_loop *curl, CURL *easy) {
  return curl_multi_add_handle(curl->multi, easy) == CURLM_OK;
}

void expstart__curl_loop_remove(struct expstart__curl_loop *curl, CURL *easy) {
  struct expstart__sigpipe hold; /* removing an unfinished transfer closes its connection */
  if (!expstart__ending_enter())
    return;
  if (curl->guard_sigpipe)
    expstart__sigpipe_hold(&hold);
  if (curl_multi_remove_handle(curl->multi, easy) != CURLM_OK)
    fail(curl, 0);
  if (curl->guard_sigpipe)
    expstart__sigpipe_release(&hold);
  expstart__ending_leave();
}

/* ---- sockets ----------------------------------------------------------------------------------
 */

static void on_socket_closed(uv_handle_t *handle) {
  struct expstart__curl_socket *socket = handle->data;
  struct expstart__curl_loop *curl = socket->curl;
  free(socket);
  on_handle_closed(curl);
}

static void socket_close(struct expstart__curl_socket *socket) {
  ready_remove(socket);
  socket->curl->by_fd[socket->fd] = NULL;
  uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
}

static void stop_watching(struct expstart__curl_socket *socket) {
  uv_poll_stop(&socket->poll);
  socket->events = 0;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct expstart__curl_socket *socket = poll->data;
  int what = 0;
  if (!socket->wanted) { /* libcurl looks at a connection before it uses it again */
    stop_watching(socket);
    return;
  }
  /* libuv tells of an error without the events that came with it: there may be a reply to read, which the
     server has followed by a reset. */
  if (status < 0)
    what = CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR;
  if (events & UV_READABLE)
    what |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE)
    what |= CURL_CSELECT_OUT;
  ready_add(socket, what);
  want_turn(socket->curl);

  /* On an error libuv has stopped the handle. If libcurl still wants it when it is told, it is to be
     watched: that is done again, a bounded number of times. */
  if (status >= 0)
    socket->rearmed = 0;
  else if (socket->rearmed++ >= REARM_MAX)
    socket->events = 0; /* watched again when libcurl next says what it wants */
  else if ((status = uv_poll_start(poll, socket->events, on_poll)) != 0)
    fail(socket->curl, status);
}

static struct expstart__curl_socket *socket_of(const struct expstart__curl_loop *curl,
                                               curl_socket_t fd) {
  return (uint32_t)fd < curl->by_fd_size ? curl->by_fd[fd] : NULL;
}

static bool make_room(struct expstart__curl_loop *curl, curl_socket_t fd) {
  if ((uint32_t)fd < curl->by_fd_size)
    return true;
  uint32_t size = 2 * (uint32_t)fd + 64;
  void *grown = realloc(curl->by_fd, size * sizeof *curl->by_fd);
  if (!grown)
    return false;
  curl->by_fd = grown;
  memset(curl->by_fd + curl->by_fd_size, 0, (size - curl->by_fd_size) * sizeof *curl->by_fd);
  curl->by_fd_size = size;
  return true;
}

static struct expstart__curl_socket *socket_open(struct expstart__curl_loop *curl,
                                                 curl_socket_t fd) {
  struct expstart__curl_socket *socket = make_room(curl, fd) ? calloc(1, sizeof *socket) : NULL;
  int status = socket ? uv_poll_init_socket(curl->loop, &socket->poll, fd) : UV_ENOMEM;
  if (status != 0) {
    curl->failure = -status;
    free(socket);
    return NULL;
  }
  uv_unref((uv_handle_t *)&socket->poll);
  socket->poll.data = socket;
  socket->curl = curl;
  socket->fd = fd;
  curl->by_fd[fd] = socket;
  curl->open_handles++;
  return socket;
}

static bool watch(struct expstart__curl_socket *socket, int events) {
  if (events == socket->events) /* uv_poll_start would tell the kernel all the same */
    return true;
  socket->events = events;
  int status = events ? uv_poll_start(&socket->poll, events, on_poll) : uv_poll_stop(&socket->poll);
  if (status != 0)
    socket->curl->failure = -status;
  return status == 0;
}

static int on_connection_opened(void *owner, curl_socket_t fd, curlsocktype purpose) {
  (void)purpose;
  struct expstart__curl_loop *curl = owner;
  struct expstart__curl_socket *stale = socket_of(curl, fd), *socket;
  bool wanted = stale && stale->wanted;
  int events = stale ? stale->events : 0;
  if (stale) /* libcurl before 8.2 tells of no close of one that lost the race to connect */
    socket_close(stale);
  if (!(socket = socket_open(curl, fd)))
    return CURL_SOCKOPT_ERROR;
  socket->is_connection = true;
  /* Of one that it knows by its number already, it says what it wants only when that changes. */
  socket->wanted = wanted;
  return watch(socket, events) ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static int on_connection_close(void *owner, curl_socket_t fd) {
  struct expstart__curl_socket *socket = socket_of(owner, fd);
  if (socket)
    socket_close(socket); /* before the descriptor: its number may soon be another's */
  return close(fd);
}

/* libcurl 8 may read a whole reply before it ever waits for one: then no IN told that the connection is
   made, but the system knows. Not with those that tell of no close of the one that lost the race. */
static bool is_made(const struct expstart__curl_socket *socket) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (socket->made || !socket->is_connection)
    return socket->made;
  return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080200 &&
         getpeername(socket->fd, (struct sockaddr *)&peer, &size) == 0;
}

/* libcurl before 8.2 closes a connection that was never made, and says so afterwards, if it does. Its
   number may be another thread's by then. That does no harm: libuv has the kernel take the number out
   of this loop's epoll, where it no longer is. The thread sanitizer would call it a race. */
static void socket_close_late(struct expstart__curl_socket *socket) {
  expstart__tsan_ignore_begin();
  socket_close(socket);
  expstart__tsan_ignore_end();
}

static void lose_interest(struct expstart__curl_socket *socket) {
  socket->made = is_made(socket);
  if (!socket->made) {
    socket_close_late(socket);
    return;
  }
  ready_remove(socket);
  socket->wanted = false;
}

/* libcurl's: 0, or exactly -1 for an error. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *assigned) {
  struct expstart__curl_loop *curl = owner;
  struct expstart__curl_socket *socket = socket_of(curl, fd);
  (void)easy, (void)assigned;
  if (what == CURL_POLL_REMOVE) {
    if (socket && socket->is_connection && !socket->made)
      curl->gave_up_address = true;
    if (socket)
      lose_interest(socket);
    return 0;
  }
  if (curl->silent)
    return -1;
  if (!socket && !(socket = socket_open(curl, fd)))
    return -1;
  socket->wanted = true;
  if (socket->is_connection &&
      what & CURL_POLL_IN) /* while it is being made, libcurl waits for OUT */
    socket->made = true;
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  return watch(socket, events) ? 0 : -1;
}

bool expstart__curl_loop_gave_up_address(struct expstart__curl_loop *curl) {
  bool gave_up = curl->gave_up_address;
  curl->gave_up_address = false;
  return gave_up;
}

/* To pause and go on is the one way to have a certain transfer run. It may be over by now: libcurl says so,
   and nothing is to be done. */
void expstart__curl_loop_stir(CURL *easy) {
  if (curl_easy_pause(easy, CURLPAUSE_RECV) == CURLE_OK)
    (void)curl_easy_pause(easy, CURLPAUSE_CONT);
}

bool expstart__curl_loop_adopt(struct expstart__curl_loop *curl, CURL *easy) {
  return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_connection_opened) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, curl) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_connection_close) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl) == CURLE_OK;
}

/* ---- the timer --------------------------------------------------------------------------------
 */

/* libuv's timers count from the loop's cached time and so may fire early. libcurl announces a
   timeout once: fired early, it would find nothing to do and not be called again. */
static void on_timer(uv_timer_t *timer) {
  struct expstart__curl_loop *curl = timer->data;
  uint64_t now_us = uv_hrtime() / 1000;
  if (now_us < curl->timer_due_us) {
    int status = uv_timer_start(timer, on_timer, (curl->timer_due_us - now_us) / 1000 + 1, 0);
    if (status != 0)
      fail(curl, status);
    return;
  }
  curl->timeout_due = true;
  want_turn(curl);
}

/* A timeout of 0 waits for the turn, never for a 0 ms timer: before libuv 1.48 one that is re-armed
   in its own callback runs again in the same pass and keeps the loop from polling. */
static int on_timeout_change(CURLM *multi, long timeout_ms, void *owner) {
  struct expstart__curl_loop *curl = owner;
  (void)multi;
  curl->timeout_due = timeout_ms == 0;
  curl->timer_due_us = 0;
  uv_timer_stop(&curl->timer);
  if (timeout_ms == 0) {
    want_turn(curl);
  } else if (timeout_ms > 0 && !curl->silent) {
    curl->timer_due_us = uv_hrtime() / 1000 + (uint64_t)timeout_ms * 1000;
    int status = uv_timer_start(&curl->timer, on_timer, (uint64_t)timeout_ms, 0);
    if (status != 0) {
      curl->failure = -status;
      return -1;
    }
  }
  return 0;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static CURLM *create_multi(struct expstart__curl_loop *curl) {
  CURLM *multi = curl_multi_init();
  if (multi && curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
      curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, curl) == CURLM_OK &&
      curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout_change) == CURLM_OK &&
      curl_multi_setopt(multi, CURLMOPT_TIMERDATA, curl) == CURLM_OK)
    return multi;
  curl_multi_cleanup(multi); /* NULL: it says so */
  return NULL;
}

int expstart__curl_loop_init(struct expstart__curl_loop *curl, uv_loop_t *loop, bool guard_sigpipe,
                             void (*run)(void *owner), void *owner) {
  *curl = (struct expstart__curl_loop){
      .loop = loop, .guard_sigpipe = guard_sigpipe, .run = run, .owner = owner};
  curl->ready_tail = &curl->ready_head;
  curl->multi = create_multi(curl);
  if (!curl->multi)
    return EXPSTART_ENOMEM;
  /* These two cannot fail in libuv; they come last so that an error leaves nothing to close. */
  if (uv_timer_init(loop, &curl->timer) != 0 ||
      expstart__turn_init(&curl->turn, loop, on_turn, curl, curl) != EXPSTART_OK) {
    curl_multi_cleanup(curl->multi);
    return EXPSTART_ESYSTEM;
  }
  curl->timer.data = curl;
  /* What keeps the loop alive is the owner's business: connections that libcurl still shuts down
     would, long after the last transfer. */
  uv_unref((uv_handle_t *)&curl->timer);
  curl->open_handles = 3;
  return EXPSTART_OK;
}

/* True: it is gone, and no socket of its is watched. */
static bool clean_up(struct expstart__curl_loop *curl) {
  struct expstart__sigpipe hold;
  if (!expstart__ending_enter())
    return false;
  curl->silent = true;
  if (curl->guard_sigpipe)
    expstart__sigpipe_hold(&hold);
  curl_multi_cleanup(curl->multi); /* calls on_socket with REMOVE; an error leaves nothing to do */
  if (curl->guard_sigpipe)
    expstart__sigpipe_release(&hold);
  curl->silent = false;
  expstart__ending_leave();
  return true;
}

/* Those that libcurl did not say REMOVE for. */
static void close_sockets(struct expstart__curl_loop *curl) {
  for (uint32_t fd = 0; fd < curl->by_fd_size; fd++)
    if (curl->by_fd[fd])
      socket_close_late(curl->by_fd[fd]);
}

bool expstart__curl_loop_renew(struct expstart__curl_loop *curl) {
  CURLM *fresh = create_multi(curl);
  curl->failed = false;
  curl->broken = !fresh || !clean_up(curl);
  if (curl->broken) {
    curl_multi_cleanup(fresh);
    return false;
  }
  close_sockets(curl);
  uv_timer_stop(&curl->timer);
  curl->timer_due_us = 0;
  curl->timeout_due = false;
  curl->multi = fresh;
  return true;
}

void expstart__curl_loop_close(struct expstart__curl_loop *curl, void (*closed)(void *owner)) {
  curl->closing = true;
  curl->closed = closed;
  (void)clean_up(curl);
  close_sockets(curl);
  free(curl->by_fd);
  curl->by_fd = NULL;
  curl->by_fd_size = 0;
  uv_close((uv_handle_t *)&curl->timer, on_turn_closed);
  expstart__turn_close(&curl->turn, on_turn_closed);
}

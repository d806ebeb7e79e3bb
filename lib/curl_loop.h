/* libcurl's multi interface on a libuv loop: sockets, the timer, and one run a turn for the owner,
   after I/O and outside libcurl's stack. Knows nothing of HTTP, attempts or the API. */
#ifndef EXPSTART_LIB_CURL_LOOP_H
#define EXPSTART_LIB_CURL_LOOP_H

#include "turn.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct expstart__curl_loop {
  uv_loop_t *loop;
  CURLM *multi;
  uv_timer_t timer;
  uint64_t
      timer_due_us; /* when libcurl asked to be called, on uv_hrtime's clock; 0: at once, or never */
  bool timeout_due; /* that time has come */
  struct expstart__turn turn;
  bool in_turn;
  bool again;                           /* a turn is wanted after this one */
  uint64_t began_ns;                    /* when the turn did */
  struct expstart__curl_socket **by_fd; /* by descriptor, NULL: there is none */
  uint32_t by_fd_size;
  struct expstart__curl_socket *ready_head, **ready_tail; /* what libcurl has to be told of */
  bool guard_sigpipe;
  bool closing;
  bool failed;          /* an error after which no transfer's fate is certain */
  bool broken;          /* it has failed before: libcurl's handle is to be made anew */
  bool silent;          /* libcurl may want nothing any more: its handle is being cleaned up */
  int failure;          /* the errno of the last that went wrong here; 0: it had none */
  bool gave_up_address; /* since that was last asked */
  unsigned open_handles;
  void (*run)(void *owner);
  void (*closed)(void *owner);
  void *owner;
};

/* `run` is called with owner once in each turn in which something happened. guard_sigpipe:
   connections use TLS. EXPSTART_OK, ENOMEM or ESYSTEM; on error nothing is on the loop. */
int expstart__curl_loop_init(struct expstart__curl_loop *curl, uv_loop_t *loop, bool guard_sigpipe,
                             void (*run)(void *owner), void *owner);

/* Asks for a turn; from within one, for the next. */
void expstart__curl_loop_kick(struct expstart__curl_loop *curl);

/* To be asked first in a turn: the thread comes to it so late after a timeout of libcurl's (the process was
   stopped, a callback took its time) that sockets may have what was there in time. Within a call for any
   socket libcurl ends all transfers that are over time, unread. */
bool expstart__curl_loop_is_late(const struct expstart__curl_loop *curl);

/* To be called next in a turn: tells libcurl of sockets that are ready and of a timeout that has come.
   What would hold the loop for too long is left for the next turn. */
void expstart__curl_loop_run(struct expstart__curl_loop *curl);

/* Whether a connection that was being made was given up, since that was last asked. libcurl 7.88 does no
   more then than make up its mind which address comes next, and tries it when the transfer is next run:
   which may be when its time is up. So transfers that are not connected are to be stirred. */
bool expstart__curl_loop_gave_up_address(struct expstart__curl_loop *curl);
void expstart__curl_loop_stir(CURL *easy);

/* To be called last in a turn: has libcurl send what was added in it, unless that has taken long enough
   already; then the next turn begins with it. Those that end at once are complete in the next turn. */
void expstart__curl_loop_send(struct expstart__curl_loop *curl);

/* Has the handle tell of connections that it opens and closes: once, before it is added first. The loop
   need not be initialised. */
bool expstart__curl_loop_adopt(struct expstart__curl_loop *curl, CURL *easy);

/* All transfers were removed, and it has failed, or is broken: libcurl is begun with anew, its connections are
   closed. A multi handle that has failed is not to be used again: libcurl 7.88 that was out of memory once
   divides by zero when the descriptor's number comes again. False: it cannot be now, and remains broken. */
bool expstart__curl_loop_renew(struct expstart__curl_loop *curl);

/* It is not broken. False: libcurl could not take the transfer. */
bool expstart__curl_loop_add(struct expstart__curl_loop *curl, CURL *easy);
void expstart__curl_loop_remove(struct expstart__curl_loop *curl, CURL *easy);

/* All transfers were removed. Closes connections and handles, then calls closed(owner). */
void expstart__curl_loop_close(struct expstart__curl_loop *curl, void (*closed)(void *owner));

#endif

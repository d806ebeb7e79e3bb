/* The requests' lives: what is sent, looked up, given up and called back, and when. Sans I/O: it
   includes nothing of libuv, libcurl or json-c, reads no clock and draws from its own seeded
   generator. Times are arguments, in microseconds of one monotonic clock; what it wants done goes
   out through the port. The client runs it on the real loop; a simulator can run it on a virtual
   one. */
#ifndef EXPSTART_LIB_ENGINE_H
#define EXPSTART_LIB_ENGINE_H

#include "carrier.h"
#include "expstart.h"
#include "notice.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPSTART__NEVER UINT64_MAX

/* What the engine has done for it. Those that run user code, from `deliver` on, may call everything of the
   engine but step, report and deliver; the others nothing. */
struct expstart__port {
  void *self;
  /* These two as carrier.h has them. */
  int (*send)(void *self, const struct expstart__send *send, uint32_t *handle);
  void (*abort)(void *self, uint32_t handle, expstart_ticket ticket);
  void (*deliver)(void *self, const expstart_result *result, expstart_done_cb done, void *data);
  /* Of a request with this callback. NULL: not wanted. */
  void (*attempt)(void *self, const expstart_attempt *attempt, expstart_done_cb done, void *data);
  void (*notice)(void *self, const struct expstart__notice *notice); /* NULL: not wanted */
  void (*key_refused)(void *self, const char *message);              /* with on_key_refused only */
  void (*permits)(void *self, uint32_t wanted);                      /* with on_permits only */
};

struct expstart__engine;

/* options: with every default filled in (options.h). NULL: out of memory. */
struct expstart__engine *expstart__engine_create(const struct expstart_options *options,
                                                 const struct expstart__port *port,
                                                 uint64_t now_us);
/* Nothing may be in flight. Requests that are left are forgotten without a callback. */
void expstart__engine_destroy(struct expstart__engine *engine);

/* The request was checked (options.h). EXPSTART_OK, EFULL or ENOMEM. */
int expstart__engine_submit(struct expstart__engine *engine, uint64_t now_us,
                            const struct expstart_request *request, expstart_ticket *ticket);

/* The same for a start that was accepted elsewhere and that there is no memory for: it ends FAILED,
   with ENOMEM, and is delivered before this returns. */
void expstart__engine_submit_lost(struct expstart__engine *engine,
                                  const struct expstart_request *request);
/* A start was refused elsewhere as the queue is full: see expstart__engine_take_room. */
void expstart__engine_want_room(struct expstart__engine *engine);

int expstart__engine_cancel(struct expstart__engine *engine, uint64_t now_us,
                            expstart_ticket ticket);
/* Of all that are accepted at this moment; the steps carry it out. */
void expstart__engine_cancel_all(struct expstart__engine *engine);
void expstart__engine_pause(struct expstart__engine *engine, bool paused);
void expstart__engine_set_rate(struct expstart__engine *engine, uint64_t now_us, double per_second,
                               uint32_t burst);

void expstart__engine_set_max_in_flight(struct expstart__engine *engine, uint32_t max_in_flight);
/* What is sent from now on goes with another key. */
void expstart__engine_key_changed(struct expstart__engine *engine);
/* valid_ms 0: they do not lapse. */
void expstart__engine_permit(struct expstart__engine *engine, uint64_t now_us, uint32_t n,
                             uint32_t valid_ms);
/* Takes back those that are not spent, and tells how many there were. */
uint64_t expstart__engine_take_permits(struct expstart__engine *engine, uint64_t now_us);

/* An attempt has ended. Moves out of the report what it keeps. */
void expstart__engine_report(struct expstart__engine *engine, uint64_t now_us,
                             struct expstart__report *report);

/* Ends what is out of time and sends what may go, or a part of it and returns now_us. To be called
   after each of the above and at the time it returns (EXPSTART__NEVER: only after one of the above).
   */
uint64_t expstart__engine_step(struct expstart__engine *engine, uint64_t now_us);

/* Delivers at most `max` results; true: there are more. */
bool expstart__engine_deliver(struct expstart__engine *engine, uint32_t max);

/* So many results wait to be delivered that nothing is sent until then: a step is due when they are. */
bool expstart__engine_awaits_delivery(const struct expstart__engine *engine);

/* Accepted and not yet delivered. */
uint64_t expstart__engine_live(const struct expstart__engine *engine);

/* True once after an EFULL, when half the queue is free again, or `anyway`. */
bool expstart__engine_take_room(struct expstart__engine *engine, bool anyway);

void expstart__engine_stats(const struct expstart__engine *engine, uint64_t now_us,
                            struct expstart_stats *stats);

#endif

/* When the next attempt may go: the caller's rate, what was learned of the API's limit, how many may
   be under way, and one gate for all, first tries too. Pure: times and draws are arguments, times in
   microseconds of one monotonic clock. Used by the engine before every send and at every report.

   The gate is shut by a throttle (429, or 503 with a hint) until the time the API hinted at, never
   earlier, or for a pause of our own; and by an outage. Then one probe goes. If it gets through the
   gate opens and the window ramps up; if not it stays shut for longer. What was sent before the gate
   was shut belongs to an earlier epoch, and shuts it no second time. Where the caller grants permits the
   limit is the caller's: the gate holds, and the learned pace does not count. */
#ifndef EXPSTART_LIB_PACER_H
#define EXPSTART_LIB_PACER_H

#include "bucket.h"
#include "expstart.h"
#include "hints.h"
#include "limit.h"
#include "notice.h"
#include "outage.h"
#include "quota.h"
#include "window.h"

#include <stdbool.h>
#include <stdint.h>

/* Kept with each attempt and handed back with its report. */
struct expstart__stamp {
  uint16_t epoch;
  bool probe; /* it was sent to see whether the gate may open */
  bool full;  /* no other could be sent beside it */
};

/* What an attempt's end says about the API. */
enum expstart__heard {
  EXPSTART__HEARD_NOTHING,  /* it was canceled, or failed for a reason of its own */
  EXPSTART__HEARD_ANSWER,   /* the API took it, whatever it said */
  EXPSTART__HEARD_THROTTLE, /* it is to come back later */
  EXPSTART__HEARD_FAILURE,  /* there was no answer, or a gateway's */
  EXPSTART__HEARD_OURS,     /* this machine is out of something, and nothing was sent */
};

struct expstart__echo {
  enum expstart__heard heard;
  struct expstart__stamp stamp;
  struct expstart__hints hints;
  expstart_ticket ticket;
  uint64_t sent_us;
  uint64_t draw; /* 64 random bits */
};

struct expstart__pacer {
  struct expstart__bucket configured, learned;
  struct expstart__limit limit;
  struct expstart__window window;
  struct expstart__quota quota;
  struct expstart__outage outage;
  expstart_blocked gate; /* why it is shut; EXPSTART_BLOCKED_NOTHING: it is open */
  uint64_t shut_us;      /* since when */
  uint64_t until_us;     /* nothing is sent before, while it is shut */
  uint64_t probe_us;     /* when the next probe may go */
  uint32_t probes;       /* sent since it was shut */
  uint64_t longest_hint_us;
  bool permits;          /* the caller keeps the limit */
  uint64_t capped_hints; /* counter: hints that were longer and were cut to that */
  uint16_t epoch;
};

void expstart__pacer_init(struct expstart__pacer *pacer, const struct expstart_options *options,
                          uint64_t now_us);
void expstart__pacer_set_rate(struct expstart__pacer *pacer, uint64_t now_us, double per_second,
                              uint32_t burst);
void expstart__pacer_set_most(struct expstart__pacer *pacer, uint32_t max_in_flight);

/* How many more may be sent now beside those; while the gate is shut, one at most. */
uint32_t expstart__pacer_slots(const struct expstart__pacer *pacer, uint64_t now_us,
                               uint32_t in_flight);

/* The earliest time at which another attempt may go beside those in flight, and what it waits for
   until then; UINT64_MAX: not before a report. */
uint64_t expstart__pacer_ready_at(const struct expstart__pacer *pacer, uint64_t now_us,
                                  uint32_t in_flight, expstart_blocked *blocked);

/* One goes now, in_flight included. */
struct expstart__stamp expstart__pacer_sent(struct expstart__pacer *pacer, uint64_t now_us,
                                            uint32_t in_flight);

/* One has ended. True: *notice is to be told. */
bool expstart__pacer_heard(struct expstart__pacer *pacer, uint64_t now_us,
                           const struct expstart__echo *echo, struct expstart__notice *notice);

/* While the gate is shut, the time before which nothing will be sent; else 0. */
uint64_t expstart__pacer_shut_until(const struct expstart__pacer *pacer);
/* Attempts per second that may be sent now, as learned; 0: no limit was met. */
double expstart__pacer_pace(const struct expstart__pacer *pacer, uint64_t now_us);

#endif

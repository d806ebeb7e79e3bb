/* The API's rate limit as it shows: how many attempts a second it takes, learned from when it
   throttles. Pure arithmetic; the pacer tells it what happened and asks it for the pace.

   A cycle lasts from one opening of the gate to the next: active time, in which attempts are accepted
   until one is throttled, then a pause. Over a whole cycle the API takes what its limit lets it take,
   whatever its burst, unless the pause was so long that allowance went unused: so what was accepted,
   over the whole time, bounds the limit from below; over the active time, from above. The next cycle
   is paced between the two, and then ever faster until it is throttled in turn: the slower, the more a
   throttle costs. A pace a little too high costs a few rejections, one too low costs time. */
#ifndef EXPSTART_LIB_LIMIT_H
#define EXPSTART_LIB_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* What had been accepted after how much active time. */
struct expstart__mark {
  uint64_t active_us;
  uint64_t accepted;
};

struct expstart__limit {
  double pace_per_s;     /* when it was set; 0: no limit was met yet */
  double growth_us;      /* the time in which it doubles */
  double measured_per_s; /* the last cycle's lower bound, ... */
  double most_per_s;     /* ... and its upper one */
  double leaning;        /* where between them the limit is taken to be, 0 to 1 */
  uint64_t paced_us;     /* when the pace was set */
  uint64_t sent_us;      /* the last attempt */
  uint64_t began_us;     /* the cycle; 0: nothing was sent yet */
  uint64_t active_us;    /* of the cycle, without the current stretch */
  uint64_t active_since_us;
  uint64_t accepted;  /* in the cycle */
  uint32_t rejected;  /* since the last opening */
  uint64_t short_us;  /* the longest pause that was too short since it was shut; 0: none */
  uint64_t needed_us; /* the same of the pause before, less and less if none was */
  struct expstart__mark older, newer; /* taken each time the active time has grown by a quarter */
  bool shut;
};

/* An attempt is sent: the first one begins the first cycle. One after a rest begins its cycle anew,
   since what was not asked for says nothing of the limit. */
void expstart__limit_sent(struct expstart__limit *limit, uint64_t now_us);
void expstart__limit_accepted(struct expstart__limit *limit, uint64_t now_us);
void expstart__limit_rejected(struct expstart__limit *limit);

/* The gate is shut because of the limit. `since_us`: when what was throttled was sent. */
void expstart__limit_shut(struct expstart__limit *limit, uint64_t since_us);
/* It opens: what got through was sent at `since_us`. */
void expstart__limit_opened(struct expstart__limit *limit, uint64_t since_us);
/* It was shut for another reason than the limit, and opens: the pace stays as it was. */
void expstart__limit_resumed(struct expstart__limit *limit, uint64_t since_us);

/* Attempts per second that may be sent now; 0: any number. */
double expstart__limit_pace(const struct expstart__limit *limit, uint64_t now_us);

/* How long to pause where the API does not say: before the first try, and before the next one when one
   was throttled `paused_us` after the gate was shut. */
uint64_t expstart__limit_first_pause_us(const struct expstart__limit *limit, uint64_t now_us);
uint64_t expstart__limit_next_pause_us(struct expstart__limit *limit, uint64_t paused_us);

#endif

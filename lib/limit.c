#include "limit.h"

#include <math.h>

static const double SECOND_US = 1e6;

enum {
  FIRST_PAUSE_US = 50000,      /* while nothing is known */
  LEAST_PAUSE_US = 20000,      /* then; a loop's timers are no finer than some milliseconds */
  DOUBLING_UNTIL_US = 1600000, /* tries in a pause: doubling up to here, then a third longer each */
  FEW = 2,                     /* by so many a small count may be off */
  LEAST_SAMPLE = 16,           /* accepted in a cycle, before what it says is believed */
  REST_US = 1000000,           /* a rest: nothing was sent for so long, ... */
};
static const double REST_INTERVALS = 10;    /* ... and for so many times what the pace asks for */
static const double LEAST_PAUSE_TOKENS = 2; /* in a pause the API should regain so many attempts */
/* The pace doubles in the time of so many attempts for each rejection, or in so many times that of a
   cycle that was too short to tell more, ... */
static const double ATTEMPTS_A_REJECTION = 800, TIMES_A_GROWTH = 20;
static const double PAUSES_A_GROWTH = 100; /* ... and in no less than so many times the pause */
static const double LONG_GROWTH_US = 12e6; /* for many rejections at once, no longer than that */
/* Where between its bounds a limit is taken to be at first: 0 is the lower one, 1 the upper one. */
static const double FIRST_LEANING = 0.15;
/* Of bounds that are far apart: the pace grows the faster, down to the time of one pause. */
static const double DOUBT_POWER = 2.3;
/* Bounds that are that close, as after a short pause: then just below the upper one. */
static const double NARROW = 0.97, JUST_BELOW = 0.97;
static const double SLOWEST_PER_S = 1e-3, FASTEST_PER_S = 1e6;
static const double CUT = 0.7; /* of a pace that was throttled before it could be measured */

static double per_second(uint64_t count, uint64_t time_us) {
  return (double)count * SECOND_US / (double)(time_us > 0 ? time_us : 1);
}

static uint64_t since(uint64_t then_us, uint64_t now_us) {
  return now_us > then_us ? now_us - then_us : 0;
}

static void begin_cycle(struct expstart__limit *limit, uint64_t now_us) {
  limit->began_us = now_us;
  limit->active_us = limit->accepted = 0;
  limit->older = limit->newer = (struct expstart__mark){0};
}

static void set_pace(struct expstart__limit *limit, uint64_t now_us, double per_s) {
  limit->pace_per_s = fmin(fmax(per_s, SLOWEST_PER_S), FASTEST_PER_S);
  limit->paced_us = now_us;
}

double expstart__limit_pace(const struct expstart__limit *limit, uint64_t now_us) {
  if (limit->pace_per_s <= 0 || limit->growth_us <= 0)
    return limit->pace_per_s;
  /* Flat at first and steep later: long near what was measured, soon away from what was not. */
  double growths = (double)since(limit->paced_us, now_us) / limit->growth_us;
  return fmin(limit->pace_per_s * (1 + growths * growths * growths), FASTEST_PER_S);
}

/* ---- the active time ---------------------------------------------------------------------------
 */

void expstart__limit_sent(struct expstart__limit *limit, uint64_t now_us) {
  double interval_us = limit->pace_per_s > 0 ? SECOND_US / limit->pace_per_s : 0;
  uint64_t idle_us = since(limit->sent_us, now_us);
  bool rested = idle_us > REST_US && (double)idle_us > REST_INTERVALS * interval_us;
  if (limit->began_us == 0 || (rested && !limit->shut)) {
    if (limit->pace_per_s > 0)
      set_pace(limit, now_us, expstart__limit_pace(limit, limit->sent_us));
    begin_cycle(limit, now_us);
    limit->active_since_us = now_us;
  }
  limit->sent_us = now_us;
}

static uint64_t active_us(const struct expstart__limit *limit, uint64_t now_us) {
  return limit->active_us + (limit->shut ? 0 : since(limit->active_since_us, now_us));
}

void expstart__limit_accepted(struct expstart__limit *limit, uint64_t now_us) {
  limit->accepted++;
  struct expstart__mark mark = {active_us(limit, now_us), limit->accepted};
  if (mark.active_us >= limit->newer.active_us + limit->newer.active_us / 4) {
    limit->older = limit->newer;
    limit->newer = mark;
  }
}

void expstart__limit_rejected(struct expstart__limit *limit) {
  limit->rejected++;
}

void expstart__limit_shut(struct expstart__limit *limit, uint64_t since_us) {
  if (limit->shut)
    return;
  limit->active_us = active_us(limit, since_us);
  limit->shut = true;
  limit->short_us = 0;
}

/* ---- the end of a cycle ------------------------------------------------------------------------
 */

/* What a stretch of the cycle says, from a mark to its end: the bounds of the limit. */
static void bound(const struct expstart__limit *limit, struct expstart__mark from,
                  uint64_t paused_us, double *least, double *most) {
  if (limit->active_us < from.active_us || limit->accepted <= from.accepted)
    return;
  uint64_t accepted = limit->accepted - from.accepted;
  uint64_t time_us = limit->active_us - from.active_us;
  *least = fmax(*least, per_second(accepted, time_us + paused_us));
  *most = fmax(*most, per_second(accepted, time_us));
}

/* Whether the limit is rather near its lower bound (the pause was needed) or near its upper one (it was
   longer than needed): told by where between the last cycle's bounds this one's lower bound lies. */
static void lean(struct expstart__limit *limit, double least) {
  double before = limit->measured_per_s, width = log(limit->most_per_s / before);
  if (before <= 0) {
    limit->leaning = FIRST_LEANING;
  } else if (width > 0) {
    double place = fmin(fmax(log(least / before) / width, 0), 1);
    limit->leaning = (limit->leaning + place) / 2;
  }
}

static void set_growth(struct expstart__limit *limit, double least, double most,
                       uint64_t paused_us) {
  double for_one = ATTEMPTS_A_REJECTION * SECOND_US / least;
  double for_rejections = fmin(for_one * (double)limit->rejected, fmax(for_one, LONG_GROWTH_US));
  double growth_us = fmax(for_rejections, PAUSES_A_GROWTH * (double)paused_us);
  limit->growth_us = fmax(growth_us * pow(least / most, DOUBT_POWER), (double)paused_us);
}

/* Of the whole cycle, or of its later part if that was faster, where the pace grew. */
static void measure(struct expstart__limit *limit, uint64_t now_us) {
  uint64_t time_us = since(limit->began_us, now_us);
  uint64_t paused_us = since(limit->active_us, time_us);
  double least = 0, most = 0;
  bound(limit, (struct expstart__mark){0}, paused_us, &least, &most);
  bound(limit, limit->older, paused_us, &least, &most);
  most = fmax(most, least);
  lean(limit, least);
  double pace_per_s = least * pow(most / least, limit->leaning);
  if (least > NARROW * most)
    pace_per_s = fmax(pace_per_s, JUST_BELOW * most);
  set_pace(limit, now_us, pace_per_s);
  set_growth(limit, least, most, paused_us);
  limit->measured_per_s = least;
  limit->most_per_s = most;
}

/* Too few were accepted to tell a rate: a cut, within what the few allow. The cycle goes on. */
static void cut(struct expstart__limit *limit, uint64_t now_us) {
  uint64_t time_us = since(limit->began_us, now_us);
  double most = per_second(limit->accepted + FEW, time_us);
  if (limit->pace_per_s > 0)
    most = fmin(most, limit->pace_per_s * CUT);
  set_pace(limit, now_us, fmax(most, per_second(limit->accepted, time_us)));
  limit->growth_us = TIMES_A_GROWTH * (double)time_us;
}

void expstart__limit_opened(struct expstart__limit *limit, uint64_t since_us) {
  if (limit->accepted < LEAST_SAMPLE) {
    cut(limit, since_us);
  } else {
    measure(limit, since_us);
    begin_cycle(limit, since_us);
  }
  limit->needed_us = limit->short_us > 0 ? limit->short_us : limit->needed_us / 4;
  limit->rejected = 0;
  limit->active_since_us = since_us;
  limit->shut = false;
}

void expstart__limit_resumed(struct expstart__limit *limit, uint64_t since_us) {
  begin_cycle(limit, since_us);
  limit->rejected = 0;
  limit->paced_us = since_us;
  limit->active_since_us = since_us;
  limit->shut = false;
}

/* ---- pauses ------------------------------------------------------------------------------------
 */

/* When the cycle's average will have come down to what was measured; somewhat sooner than that, since a
   measurement that was too low would confirm itself otherwise. But a limit that let an attempt through
   after a short pause is not left waiting for long. */
uint64_t expstart__limit_first_pause_us(const struct expstart__limit *limit, uint64_t now_us) {
  if (limit->measured_per_s <= 0)
    return FIRST_PAUSE_US;
  double due_us = (double)limit->accepted * SECOND_US / limit->measured_per_s;
  double pause_us = 0.4 * (due_us - (double)since(limit->began_us, now_us));
  double least_us = fmax(LEAST_PAUSE_US, LEAST_PAUSE_TOKENS * SECOND_US / limit->pace_per_s);
  return (uint64_t)fmax(fmin(pause_us, 2 * (double)limit->needed_us), least_us);
}

uint64_t expstart__limit_next_pause_us(struct expstart__limit *limit, uint64_t paused_us) {
  uint64_t least_us = limit->measured_per_s > 0 ? LEAST_PAUSE_US : FIRST_PAUSE_US;
  uint64_t pause_us = paused_us < DOUBLING_UNTIL_US ? paused_us : paused_us / 3;
  limit->short_us = paused_us;
  return pause_us > least_us ? pause_us : least_us;
}

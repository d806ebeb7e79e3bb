/* What an attempt's report means for its request, and how long to wait before the next one. Pure
   tables and arithmetic; the engine carries the verdict out. expstart.h, "WHAT COUNTS AS WHAT", is
   what it implements. */
#ifndef EXPSTART_LIB_RETRY_H
#define EXPSTART_LIB_RETRY_H

#include "carrier.h"
#include "request.h"

enum expstart__class {
  EXPSTART__YES,         /* start: done. look: running */
  EXPSTART__NOT_RUNNING, /* look: read, and not running */
  EXPSTART__NO,          /* start: refused. look: not permitted or not found */
  EXPSTART__KEY_REFUSED,
  EXPSTART__THROTTLED,    /* come back later */
  EXPSTART__NOT_DONE,     /* failed, certainly not processed */
  EXPSTART__MAYBE,        /* failed, may have been processed (of a look: failed) */
  EXPSTART__CERT_REFUSED, /* failed for good, not processed */
  EXPSTART__OURS,         /* not sent for want of something of this machine's */
};

struct expstart__meaning {
  enum expstart__class class;
  int error;    /* of whatever is not YES or NOT_RUNNING */
  bool stalled; /* MAYBE: it ran out of time, so that the API was at work on it for long */
  bool excused; /* a failure that costs no attempt: the API was known to be out of reach */
};

/* What one report means. What is about another experiment is no answer, of neither kind. */
struct expstart__meaning expstart__retry_classify(const struct expstart__report *report,
                                                  expstart_attempt_kind kind,
                                                  int64_t experiment_id);

enum expstart__action {
  EXPSTART__END,           /* with outcome and error */
  EXPSTART__AGAIN,         /* the same kind again, after the wait its class asks for */
  EXPSTART__THEN_LOOK,     /* look it up: after a backoff if it failed, at once if it was refused */
  EXPSTART__SETTLE,        /* look it up when the settle time has passed */
  EXPSTART__HOLD,          /* the same kind again, with another key */
  EXPSTART__START_AT_ONCE, /* a look has shown that it may be started */
};

struct expstart__verdict {
  enum expstart__action action;
  expstart_outcome outcome;
  int error;
};

/* What the caller's options say of it. */
struct expstart__terms {
  expstart_confirm confirm;
  uint32_t max_attempts;
  bool hold_key_refused; /* a refused key ends nothing */
};

/* Notes in the request what its attempt means (doubts, faults, streaks), and tells what is next. */
struct expstart__verdict expstart__retry_judge(struct expstart__request *request,
                                               struct expstart__meaning meaning,
                                               const struct expstart__terms *terms);

/* How a request ends that can go no further, `error` being why. */
struct expstart__verdict expstart__retry_give_up(const struct expstart__request *request,
                                                 int error);

/* The longest backoff before try number `failures` + 1: base * 2^(failures - 1), at most the cap;
   full jitter draws evenly from 0 to it. */
uint64_t expstart__retry_backoff_us(uint32_t failures, uint32_t base_ms, uint32_t cap_ms);

#endif

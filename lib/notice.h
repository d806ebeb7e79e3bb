/* What the pacer did that a person who watches wants to know: the gate shut, stayed shut for longer,
   or opened. Made by the pacer, handed out by the engine's port, worded by log.c. */
#ifndef EXPSTART_LIB_NOTICE_H
#define EXPSTART_LIB_NOTICE_H

#include "expstart.h"

#include <stdint.h>

enum expstart__notice_kind {
  EXPSTART__GATE_SHUT,     /* it was open; nothing is sent before until_us, then one probe */
  EXPSTART__GATE_EXTENDED, /* it was shut already, and is now shut until until_us */
  EXPSTART__GATE_OPENED,   /* a probe got through */
};

struct expstart__notice {
  enum expstart__notice_kind kind;
  expstart_blocked gate;  /* EXPSTART_BLOCKED_THROTTLE_GATE, ..._OUTAGE_GATE or ..._RESOURCE_GATE */
  uint64_t until_us;      /* of SHUT and EXTENDED */
  uint64_t shut_us;       /* of OPENED: for how long it was shut */
  int error;              /* of SHUT and EXTENDED: why, and in words; the engine sets them */
  const char *message;    /* valid while it is told */
  double rate_per_second; /* of OPENED: the learned pace from now on, 0 if there is none */
};

#endif

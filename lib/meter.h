/* How many a second of late, for the time that is left: the older the less they count.
   Pure; kept by the engine for the stats. */
#ifndef EXPSTART_LIB_METER_H
#define EXPSTART_LIB_METER_H

#include <stdint.h>

struct expstart__meter {
  uint64_t since_us; /* of the stretch that is counted; 0: none yet */
  uint64_t count;    /* in it */
  double per_s;      /* before it; 0: not known */
};

void expstart__meter_count(struct expstart__meter *meter, uint64_t now_us);
/* 0: not known yet. */
double expstart__meter_rate(const struct expstart__meter *meter, uint64_t now_us);

#endif

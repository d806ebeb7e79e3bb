#include "meter.h"

static const uint64_t STRETCH_US = 1000000;
static const double MEMORY_US = 10e6; /* a stretch of that length counts as much as all before it */

static double stretch_rate(const struct expstart__meter *meter, uint64_t now_us) {
  return (double)meter->count * 1e6 / (double)(now_us - meter->since_us);
}

void expstart__meter_count(struct expstart__meter *meter, uint64_t now_us) {
  if (meter->since_us == 0)
    meter->since_us = now_us;
  if (now_us >= meter->since_us + STRETCH_US) {
    double per_s = stretch_rate(meter, now_us);
    double time_us = (double)(now_us - meter->since_us), newest = time_us / (time_us + MEMORY_US);
    meter->per_s = meter->per_s > 0 ? (1 - newest) * meter->per_s + newest * per_s : per_s;
    meter->since_us = now_us;
    meter->count = 0;
  }
  meter->count++;
}

double expstart__meter_rate(const struct expstart__meter *meter, uint64_t now_us) {
  if (meter->per_s > 0 || now_us <= meter->since_us || meter->count < 2)
    return meter->per_s;
  return stretch_rate(meter, now_us);
}

/* What time it is, for journals. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

/* The one that goes on while a laptop is closed, where there is one. */
#ifdef CLOCK_BOOTTIME
#define STEADY CLOCK_BOOTTIME
#else
#define STEADY CLOCK_MONOTONIC
#endif

static int64_t read_ms(clockid_t id) {
  struct timespec now = {0};
  (void)clock_gettime(id, &now); /* fails only for clocks that are not there */
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void) {
  return read_ms(CLOCK_REALTIME);
}

void clock_begin(struct clock *clock) {
  clock->wall_ms = clock_wall_ms();
  clock->steady_ms = read_ms(STEADY);
}

int64_t clock_now_ms(const struct clock *clock) {
  return clock->wall_ms + read_ms(STEADY) - clock->steady_ms;
}

char *clock_iso(char *buf, size_t size, int64_t wall_ms) {
  struct tm parts;
  char date[32];
  time_t seconds = (time_t)(wall_ms / 1000);
  buf[0] = '\0';
  if (wall_ms > 0 && gmtime_r(&seconds, &parts) != NULL &&
      strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) > 0) {
    (void)snprintf(buf, size, "%s.%03dZ", date, (int)(wall_ms % 1000));
  }
  return buf;
}

char *clock_local(char *buf, size_t size, int64_t wall_ms) {
  struct tm parts;
  time_t seconds = (time_t)(wall_ms / 1000);
  if (localtime_r(&seconds, &parts) == NULL ||
      strftime(buf, size, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
    buf[0] = '\0';
  }
  return buf;
}

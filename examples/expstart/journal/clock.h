/* What time it is, for journals. Within a run times only grow, whatever is done to the wall clock meanwhile;
 * from run to run they are the wall clock's. Pure but for the clocks. */
#ifndef COMMAND_CLOCK_H
#define COMMAND_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
  int64_t wall_ms, steady_ms; /* at the same moment */
};

/* Milliseconds since 1970. */
int64_t clock_wall_ms(void);

void clock_begin(struct clock *clock);
int64_t clock_now_ms(const struct clock *clock);

/* "2026-11-25T01:02:03.456Z"; "" for 0. Returns buf. */
char *clock_iso(char *buf, size_t size, int64_t wall_ms);

/* "2026-11-25 01:02:03" in local time, for people. Returns buf. */
char *clock_local(char *buf, size_t size, int64_t wall_ms);

#endif

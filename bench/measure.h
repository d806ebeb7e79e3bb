/* What the clients of the bench measure of themselves, and how they tell it: one line of JSON. */
#ifndef EXPSTART_BENCH_MEASURE_H
#define EXPSTART_BENCH_MEASURE_H

#include <stdint.h>
#include <uv.h>

struct measure {
  uv_prepare_t prepare; /* its handle data is the struct */
  uint64_t began_ns, cpu_ns, turn_ns, longest_turn_ns;
};

/* From now on; turns of the loop are timed as CPU time of this thread, from one poll to the next. */
void measure_begin(struct measure *measure, uv_loop_t *loop);
void measure_end(struct measure *measure);

/* {"started":N,"wall_s":...,"cpu_s":...,"turn_ms":...,"rss_kb":...} on standard output. */
void measure_tell(const struct measure *measure, unsigned long long started);

#endif

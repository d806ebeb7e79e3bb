/* What the C clients of the bench measure of themselves, and how they tell it: one line of JSON. */
#ifndef EXPSTART_BENCH_MEASURE_H
#define EXPSTART_BENCH_MEASURE_H

#include <stdint.h>
#include <uv.h>

struct measure {
  uv_prepare_t prepare; /* its handle data is the struct */
  uint64_t began_ns, cpu_ns, turn_ns, longest_turn_ns;
  uint64_t queued, queue_ns;
  int64_t queue_bytes; /* resident memory the queue took */
};

/* Around the submitting of what is not sent at once. */
void measure_queue_begin(struct measure *measure);
void measure_queue_end(struct measure *measure, uint64_t queued);

/* From now on. */
void measure_begin(struct measure *measure);
/* Before the loop is run: its turns are timed as CPU time of this thread, from one poll to the next. */
void measure_turns(struct measure *measure, uv_loop_t *loop);
void measure_end(struct measure *measure);

/* One line on standard output: started, wall_s, cpu_s (all threads), turn_ms, rss_kb (at most),
   queued, queue_bytes, submit_us (a start). */
void measure_tell(const struct measure *measure, unsigned long long started);

#endif

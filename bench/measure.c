#include "measure.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What is resident now; getrusage knows only the most there ever was. */
static int64_t resident_bytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%*s %ld", &pages) != 1)
    pages = 0;
  if (file)
    fclose(file);
  return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void on_prepare(uv_prepare_t *prepare) {
  struct measure *measure = prepare->data;
  uint64_t cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
  if (cpu_ns - measure->turn_ns > measure->longest_turn_ns)
    measure->longest_turn_ns = cpu_ns - measure->turn_ns;
  measure->turn_ns = cpu_ns;
}

void measure_queue_begin(struct measure *measure) {
  measure->queue_bytes = resident_bytes();
  measure->queue_ns = now_ns(CLOCK_MONOTONIC);
}

void measure_queue_end(struct measure *measure, uint64_t queued) {
  measure->queue_ns = now_ns(CLOCK_MONOTONIC) - measure->queue_ns;
  measure->queue_bytes = resident_bytes() - measure->queue_bytes;
  measure->queued = queued;
}

void measure_begin(struct measure *measure) {
  measure->began_ns = now_ns(CLOCK_MONOTONIC);
  measure->cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void measure_turns(struct measure *measure, uv_loop_t *loop) {
  measure->turn_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
  measure->longest_turn_ns = 0;
  uv_prepare_init(loop, &measure->prepare);
  measure->prepare.data = measure;
  uv_prepare_start(&measure->prepare, on_prepare);
  uv_unref((uv_handle_t *)&measure->prepare);
}

void measure_end(struct measure *measure) {
  on_prepare(&measure->prepare);
  measure->began_ns = now_ns(CLOCK_MONOTONIC) - measure->began_ns;
  measure->cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - measure->cpu_ns;
  uv_close((uv_handle_t *)&measure->prepare, NULL);
}

void measure_tell(const struct measure *measure, unsigned long long started) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double queued = measure->queued ? (double)measure->queued : 1;
  printf("{\"started\":%llu,\"wall_s\":%.6f,\"cpu_s\":%.6f,\"turn_ms\":%.3f,\"rss_kb\":%ld,"
         "\"queued\":%llu,\"queue_bytes\":%.1f,\"submit_us\":%.4f}\n",
         started, (double)measure->began_ns / 1e9, (double)measure->cpu_ns / 1e9,
         (double)measure->longest_turn_ns / 1e6, usage.ru_maxrss,
         (unsigned long long)measure->queued, (double)measure->queue_bytes / queued,
         (double)measure->queue_ns / 1e3 / queued);
}

/* Writes the counters as JSON. Called by api.c, which does the counting. */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>

int stats_reply(const struct stats *stats, const struct experiments_summary *summary,
                struct reply_body *body) {
  char faults[512] = "";
  size_t used = 0;
  for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
    int printed =
        snprintf(faults + used, sizeof faults - used, "%s\"%s\":%" PRIu64, used > 0 ? "," : "",
                 fault_name((enum fault_kind)kind), stats->faults[kind]);
    if (printed < 0 || (size_t)printed >= sizeof faults - used) {
      return -1;
    }
    used += (size_t)printed;
  }
  return reply_format(
      body,
      "{\"requests\":%" PRIu64 ",\"starts\":{\"requests\":%" PRIu64 ",\"processed\":%" PRIu64
      ",\"doubled\":%" PRIu64 "},\"lookups\":%" PRIu64 ",\"throttled\":%" PRIu64
      ",\"unauthorized\":%" PRIu64 ",\"not_found\":%" PRIu64
      ",\"faults\":{%s},\"experiments\":{\"total\":%" PRId64 ",\"running\":%" PRId64
      ",\"started_once\":%" PRId64 ",\"started_more_than_once\":%" PRId64
      ",\"never_started\":%" PRId64 "}}",
      stats->requests, stats->start_requests, stats->starts_processed, stats->starts_doubled,
      stats->lookups, stats->throttled, stats->unauthorized, stats->not_found, faults,
      summary->total, summary->running, summary->started_once, summary->started_more_than_once,
      summary->never_started);
}

/* What a run tells its journal, and when: a result as it comes, a sample a second, throttles and outages from
 * their beginning to their end. Called by run.c; the writing is writer.c's. */
#ifndef COMMAND_DIARY_H
#define COMMAND_DIARY_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "expstart.h"
#include "recent.h"
#include "writer.h"

struct diary {
  struct writer *writer; /* NULL: there is no journal, and nothing is told */
  struct clock clock;
  struct recent recent;
  uint64_t ticks;
  uint64_t good, bad;         /* results so far */
  uint64_t throttled, faults; /* at the last sample */
  struct journal_pause pause;
  bool is_paused;
};

/* To be called ten times a second. */
#define DIARY_TICK_MS 100u

/* `writer` may be NULL. */
void diary_init(struct diary *diary, struct writer *writer);

/* The result of an entry that was claimed. One that was not tried is pending again, or as much in doubt as it
   was. */
void diary_result(struct diary *diary, const struct list_entry *entry,
                  const expstart_result *result, bool was_in_doubt);

void diary_attempt(struct diary *diary, const expstart_attempt *attempt);
void diary_tick(struct diary *diary, const struct expstart_stats *stats);

/* The last sample, when all results are told. */
void diary_end(struct diary *diary, const struct expstart_stats *stats);

#endif

/* One scenario, played with each fault of a kind in turn, each time in a process of its own with a limit on its
 * time, six at once, as they wait more than they work. It first counts how many there are. It must know nothing of what is played. */
#ifndef EXPSTART_TEST_CAMPAIGN_H
#define EXPSTART_TEST_CAMPAIGN_H

#include "inject.h"

#include <stdbool.h>
#include <stddef.h>

struct campaign {
  const char *name;
  /* In the child process. `run` is never twice the same. What is wrong is told by campaign_wrong. */
  void (*play)(void *data, unsigned run, struct inject_plan *plan);
  void *data;
  unsigned patience_s; /* a run that takes longer hangs */
};

/* Reads the arguments: what is played, and how much of it. False: they are not good, which was said. */
bool campaign_arguments(int argc, char **argv);
/* Also prepares the campaigns that follow. Memory that all processes share, zeroed. */
void *campaign_share(size_t size);

/* Whether it is to be played at all. */
bool campaign_is_wanted(const struct campaign *campaign);
/* Plays the scenario with one fault of that kind at a time, or, `lasting`, with all from that one on. Where not all
   is asked for, about `most` of them; 0: all the same. */
void campaign_play(const struct campaign *campaign, enum inject_kind kind, bool lasting,
                   unsigned most);

/* In the child: notes that something is wrong, and goes on. */
void campaign_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* In the child: the process that was to be looked at has ended within a library that is not ours. */
void campaign_ended_elsewhere(void);
/* Says what came out; the exit code. */
int campaign_end(void);

#endif

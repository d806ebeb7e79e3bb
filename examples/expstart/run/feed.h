/* Which experiment is handed to the library next, and when. Without a journal that is all there is room for.
 * With one, an experiment must be `sending` on the disk before: they are claimed somewhat ahead, so that the disk
 * is never waited for, and not far ahead, since after a crash each of them has to be looked up. Those in doubt
 * come last, and not before what was under way when the last run died can have been done. Called by run.c. */
#ifndef COMMAND_FEED_H
#define COMMAND_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "writer.h"

struct feed {
  const struct list *list;
  size_t doubt_from;     /* from here on: in doubt */
  bool is_ripe;          /* these may go too */
  struct writer *writer; /* NULL: no journal */
  size_t next;           /* the first that is not handed over yet */
  size_t asked;          /* claims: the end of those asked for */
  size_t claimed;        /* the end of those that may go */
  size_t ahead;          /* how many are to wait for their turn, claimed */
};

void feed_init(struct feed *feed, const struct list *list, size_t doubt_from,
               struct writer *writer);

/* Asks for claims if fewer than enough are waiting; `queued` are with the library already and not tried. */
void feed_claim(struct feed *feed, uint64_t queued);

/* Takes note of what is claimed. `queued` as above: if it ran dry, more is claimed ahead from now on. */
void feed_take_claims(struct feed *feed, uint64_t queued);

/* How many of them are ended a second, of late. */
void feed_set_rate(struct feed *feed, double per_second);

/* Whether there is one that may be handed over; then list->entries[feed->next] is it. */
bool feed_has_next(const struct feed *feed);

#endif

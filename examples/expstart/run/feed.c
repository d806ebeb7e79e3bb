/* Which experiment is handed to the library next, and when. Called by run.c. */
#include "feed.h"

#include <string.h>

#define AHEAD_LEAST 16u
#define AHEAD_MOST 20000u
#define AHEAD_S 0.5 /* a disk that takes longer to sync slows the run down */

void feed_init(struct feed *feed, const struct list *list, size_t doubt_from,
               struct writer *writer) {
  memset(feed, 0, sizeof *feed);
  feed->list = list;
  feed->doubt_from = doubt_from;
  feed->writer = writer;
  feed->ahead = AHEAD_LEAST;
}

static size_t end_of_ready(const struct feed *feed) {
  return feed->is_ripe ? feed->list->count : feed->doubt_from;
}

void feed_claim(struct feed *feed, uint64_t queued) {
  size_t end = end_of_ready(feed);
  size_t waiting = (size_t)queued + (feed->asked - feed->next);
  if (feed->writer == NULL || waiting * 2 > feed->ahead || feed->asked >= end) {
    return;
  }
  size_t wanted = feed->ahead - waiting;
  feed->asked += wanted < end - feed->asked ? wanted : end - feed->asked;
  writer_claim(feed->writer, feed->asked);
}

void feed_take_claims(struct feed *feed, uint64_t queued) {
  size_t claimed = writer_claimed(feed->writer);
  if (claimed > feed->claimed && queued == 0 && feed->ahead < AHEAD_MOST) {
    feed->ahead *= 2;
  }
  feed->claimed = claimed;
}

void feed_set_rate(struct feed *feed, double per_second) {
  double wanted = per_second * AHEAD_S;
  feed->ahead = wanted < AHEAD_LEAST  ? AHEAD_LEAST
                : wanted > AHEAD_MOST ? AHEAD_MOST
                                      : (size_t)wanted;
}

bool feed_has_next(const struct feed *feed) {
  return feed->next < (feed->writer == NULL ? end_of_ready(feed) : feed->claimed);
}

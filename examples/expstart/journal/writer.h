/* The thread that writes a run's journal, so that no disk ever holds the loop. What it is told goes into a
 * batch under a lock that is held for moments; the thread commits all there is at once, a claim as soon as it
 * can and anything else within a fifth of a second.
 *
 * What waits is bounded: there is a result only of what was claimed, and each commit that claims more takes all
 * results along that were there before it.
 *
 * Written ahead: an experiment may be sent when its claim is on the disk, which `on_event` says. What cannot be
 * written stays in memory and is tried again.
 *
 * Called by run.c, feed.c and diary.c, on the loop's thread only. */
#ifndef COMMAND_WRITER_H
#define COMMAND_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "batch.h"
#include "journal.h"
#include "list.h"
#include "store.h"

struct writer;

/* On the loop's thread: more is claimed, or the journal could not be written (yet, or at all). */
typedef void (*writer_event_cb)(void *data);

/* The journal belongs to the thread until writer_finish. False: nothing was made. */
bool writer_new(struct writer **writer, struct journal *journal, int64_t run,
                const struct list *list, uv_loop_t *loop, writer_event_cb on_event, void *data,
                struct problem *problem);

/* Asks for the entries of the list up to `to` to be marked as being sent. */
void writer_claim(struct writer *writer, size_t to);
/* Entries before this one are on the disk so, and may be sent. */
size_t writer_claimed(struct writer *writer);

void writer_result(struct writer *writer, const struct journal_result *result);
void writer_sample(struct writer *writer, const struct journal_sample *sample);
void writer_pause(struct writer *writer, const struct journal_pause *pause);

/* Whether something could not be written; then why. It stays so: nothing more is claimed. */
bool writer_has_failed(struct writer *writer, struct problem *problem);

/* Whether there is something that could not be written yet; then why. */
bool writer_is_stuck(struct writer *writer, struct problem *problem);

/* No event comes any more, and the loop is let go of. */
void writer_detach(struct writer *writer);

/* After writer_detach. Writes what is left and how the run ended, for up to `patience_ms` if that fails. False: not
   all is in the journal; `unwritten` results are not: there they are still `sending`. */
bool writer_finish(struct writer *writer, const struct journal_ending *ending, uint64_t patience_ms,
                   uint64_t *unwritten);

#endif

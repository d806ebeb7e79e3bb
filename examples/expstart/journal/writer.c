/* The thread that writes a run's journal. Called by run.c, feed.c and diary.c. */
#include "writer.h"

#include <stdlib.h>

#define LAZY_NS 200000000u  /* how long what is not urgent may wait for more of it */
#define RETRY_NS 250000000u /* between two tries to write what could not be written */
#define MANY_RESULTS 20000u /* are urgent too */

struct writer {
  struct store store;
  uv_thread_t thread;
  uv_async_t event;
  writer_event_cb on_event;
  void *data;

  /* From here on: under the lock. */
  uv_mutex_t lock;
  uv_cond_t wake;
  struct batch next;  /* what the loop has told and the thread has not taken yet */
  size_t asked;       /* claims: the end of those asked for */
  size_t claimed;     /* the end of those on the disk */
  uint64_t lost;      /* results there was no memory for */
  uint64_t unwritten; /* results, when it has ended */
  bool has_failed;    /* ever: then no claim is written any more */
  bool is_stuck;      /* what the thread has in hand could not be written yet */
  struct problem problem, stuck_on;
  bool is_ending, is_detached;
  bool has_ended; /* the ending is on the disk */
  struct journal_ending ending;
  uint64_t give_up_ns; /* uv_hrtime at which an end is made of it, with what is not written */
};

/* ---- the thread; everything is called with the lock held ----------------------------------------- */

static void notify(struct writer *writer) {
  if (!writer->is_detached) {
    (void)uv_async_send(&writer->event); /* fails for no handle that is open */
  }
}

/* `problem` is why; what is tried again later may still succeed. */
static void be_stuck(struct writer *writer, const struct problem *problem) {
  if (!writer->is_stuck) {
    writer->is_stuck = true;
    writer->stuck_on = *problem;
    notify(writer);
  }
}

static void fail_with(struct writer *writer, const struct problem *problem) {
  if (!writer->has_failed) {
    writer->has_failed = true;
    writer->problem = *problem;
    notify(writer);
  }
}

static bool is_urgent(const struct writer *writer) {
  return writer->is_ending || writer->next.claim_from != writer->next.claim_to ||
         writer->next.result_count >= MANY_RESULTS;
}

/* Until there is something to write, and then for a moment, in which more may come. */
static void wait_for_work(struct writer *writer) {
  while (batch_is_empty(&writer->next) && !writer->is_ending) {
    uv_cond_wait(&writer->wake, &writer->lock);
  }
  uint64_t until_ns = uv_hrtime() + LAZY_NS;
  while (!is_urgent(writer)) {
    uint64_t now_ns = uv_hrtime();
    if (now_ns >= until_ns) {
      return;
    }
    (void)uv_cond_timedwait(&writer->wake, &writer->lock, until_ns - now_ns); /* either way: look */
  }
}

static enum store_outcome write_unlocked(struct writer *writer, const struct batch *batch,
                                         bool is_last, struct problem *problem) {
  uv_mutex_unlock(&writer->lock);
  enum store_outcome outcome =
      store_write(&writer->store, batch, is_last ? &writer->ending : NULL, problem);
  uv_mutex_lock(&writer->lock);
  return outcome;
}

/* Nobody wakes it sooner: what made it fail is not in this process. Returns whether to try again. */
static bool wait_to_retry(struct writer *writer) {
  uint64_t until_ns = uv_hrtime() + RETRY_NS;
  for (uint64_t now_ns = uv_hrtime(); now_ns < until_ns; now_ns = uv_hrtime()) {
    (void)uv_cond_timedwait(&writer->wake, &writer->lock, until_ns - now_ns);
  }
  return !writer->is_ending || uv_hrtime() < writer->give_up_ns;
}

/* Until it is written; false if it cannot be and time is up. */
static bool write_batch(struct writer *writer, struct batch *batch, bool is_last) {
  struct problem problem;
  for (;;) {
    switch (write_unlocked(writer, batch, is_last, &problem)) {
    case STORE_DONE:
      writer->is_stuck = false;
      return true;
    case STORE_FAILED:
      be_stuck(writer, &problem);
      fail_with(writer, &problem);
      /* Of this claim nothing was sent, and nothing will be. */
      batch->claim_from = batch->claim_to = 0;
      break;
    case STORE_BUSY:
      be_stuck(writer, &problem);
      break;
    }
    if (!wait_to_retry(writer)) {
      fail_with(writer, &problem);
      return false;
    }
  }
}

static void take_claim(struct writer *writer, const struct batch *batch) {
  if (batch->claim_to > writer->claimed) {
    writer->claimed = batch->claim_to;
    notify(writer);
  }
}

/* What was not tried is as it was, whether that is written or not. */
static uint64_t count_tried(const struct batch *batch) {
  uint64_t count = 0;
  for (size_t i = 0; i < batch->result_count; i++) {
    count += !batch_result_at(batch, i).is_untried;
  }
  return count;
}

static void run_thread(void *data) {
  struct writer *writer = data;
  struct batch batch = {0};
  bool is_last = false;
  uv_mutex_lock(&writer->lock);
  while (!is_last) {
    wait_for_work(writer);
    is_last = writer->is_ending;
    struct batch taken = writer->next;
    writer->next = batch;
    batch = taken;
    if (writer->has_failed) {
      batch.claim_from = batch.claim_to = 0;
    }
    if (write_batch(writer, &batch, is_last)) {
      take_claim(writer, &batch);
      writer->has_ended = is_last;
    } else {
      writer->unwritten = count_tried(&batch) + count_tried(&writer->next);
      is_last = true;
    }
    batch_clear(&batch);
  }
  uv_mutex_unlock(&writer->lock);
  batch_free(&batch);
}

/* ---- the loop's side --------------------------------------------------------------------------- */

static void on_async(uv_async_t *event) {
  struct writer *writer = event->data;
  writer->on_event(writer->data);
}

static bool start(struct writer *writer, uv_loop_t *loop) {
  if (uv_mutex_init(&writer->lock) != 0) {
    return false;
  }
  if (uv_cond_init(&writer->wake) == 0) {
    if (uv_async_init(loop, &writer->event, on_async) == 0) {
      if (uv_thread_create(&writer->thread, run_thread, writer) == 0) {
        return true;
      }
      uv_close((uv_handle_t *)&writer->event, NULL);
      (void)uv_run(loop, UV_RUN_NOWAIT); /* the handle is in memory that goes now */
    }
    uv_cond_destroy(&writer->wake);
  }
  uv_mutex_destroy(&writer->lock);
  return false;
}

bool writer_new(struct writer **result, struct journal *journal, int64_t run,
                const struct list *list, uv_loop_t *loop, writer_event_cb on_event, void *data,
                struct problem *problem) {
  *result = NULL;
  struct writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) {
    return problem_set(problem, "out of memory");
  }
  writer->on_event = on_event;
  writer->data = data;
  writer->event.data = writer;
  if (!store_init(&writer->store, journal, run, list, problem)) {
    free(writer);
    return false;
  }
  if (!start(writer, loop)) {
    store_free(&writer->store);
    free(writer);
    return problem_set(problem, "the thread that writes it could not be started");
  }
  *result = writer;
  return true;
}

/* Takes the lock. Returns whether the thread waits for anything at all, and not just for more. */
static bool enter(struct writer *writer) {
  uv_mutex_lock(&writer->lock);
  return batch_is_empty(&writer->next);
}

static void leave(struct writer *writer, bool was_empty, bool is_kept) {
  static const struct problem no_memory = {"out of memory"};
  if (!is_kept) {
    fail_with(writer, &no_memory);
  }
  /* Else it looks by itself before long: being woken for each result would cost more than writing it. */
  if (was_empty || is_urgent(writer)) {
    uv_cond_signal(&writer->wake);
  }
  uv_mutex_unlock(&writer->lock);
}

void writer_claim(struct writer *writer, size_t to) {
  bool was_empty = enter(writer);
  if (to > writer->asked) {
    batch_claim(&writer->next, writer->asked, to);
    writer->asked = to;
  }
  leave(writer, was_empty, true);
}

size_t writer_claimed(struct writer *writer) {
  uv_mutex_lock(&writer->lock);
  size_t claimed = writer->claimed;
  uv_mutex_unlock(&writer->lock);
  return claimed;
}

void writer_result(struct writer *writer, const struct journal_result *result) {
  bool was_empty = enter(writer);
  bool is_kept = batch_add_result(&writer->next, result);
  writer->lost += is_kept ? 0 : 1;
  leave(writer, was_empty, is_kept);
}

void writer_sample(struct writer *writer, const struct journal_sample *sample) {
  bool was_empty = enter(writer);
  leave(writer, was_empty, batch_add_sample(&writer->next, sample));
}

void writer_pause(struct writer *writer, const struct journal_pause *pause) {
  bool was_empty = enter(writer);
  leave(writer, was_empty, batch_add_pause(&writer->next, pause));
}

bool writer_has_failed(struct writer *writer, struct problem *problem) {
  uv_mutex_lock(&writer->lock);
  bool has_failed = writer->has_failed;
  if (has_failed) {
    *problem = writer->problem;
  }
  uv_mutex_unlock(&writer->lock);
  return has_failed;
}

bool writer_is_stuck(struct writer *writer, struct problem *problem) {
  uv_mutex_lock(&writer->lock);
  bool is_stuck = writer->is_stuck;
  *problem = writer->stuck_on;
  uv_mutex_unlock(&writer->lock);
  return is_stuck;
}

void writer_detach(struct writer *writer) {
  uv_mutex_lock(&writer->lock);
  writer->is_detached = true;
  uv_mutex_unlock(&writer->lock);
  uv_close((uv_handle_t *)&writer->event, NULL);
}

bool writer_finish(struct writer *writer, const struct journal_ending *ending, uint64_t patience_ms,
                   uint64_t *unwritten) {
  uv_mutex_lock(&writer->lock);
  writer->ending = *ending;
  writer->give_up_ns = uv_hrtime() + patience_ms * 1000000;
  writer->is_ending = true;
  uv_cond_signal(&writer->wake);
  uv_mutex_unlock(&writer->lock);
  (void)uv_thread_join(&writer->thread); /* fails for no thread that was started */
  *unwritten = writer->unwritten + writer->lost;
  bool is_whole = writer->has_ended && *unwritten == 0;
  store_free(&writer->store);
  batch_free(&writer->next);
  uv_cond_destroy(&writer->wake);
  uv_mutex_destroy(&writer->lock);
  free(writer);
  return is_whole;
}

/* The run: submits the list, hands out the results, and stops on a signal, the deadline, a refused key, or
 * results or a journal that cannot be written: what is in flight is waited for, the rest is not sent, and every
 * id has its result. Called by the sub-commands that send; knows nothing of arguments, files of ids or keys. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt_line.h"
#include "command.h"
#include "diary.h"
#include "feed.h"
#include "stop.h"
#include "text.h"
#include "writer.h"

#define SLICE 100000u /* accepted at once; the rest waits in the list, at 16 bytes each */
#define TICK_MS DIARY_TICK_MS
#define FLUSH_TICKS 10u
#define JOURNAL_PATIENCE_MS 10000u

static const int signal_numbers[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS (sizeof signal_numbers / sizeof signal_numbers[0])

struct run {
  uv_loop_t loop;
  expstart_client *client; /* NULL from the closed callback on */
  struct run_settings settings;

  struct run_job job;
  struct writer *writer; /* NULL: no journal */
  struct feed feed;
  struct diary diary;
  uint64_t done; /* called back */

  uv_timer_t tick, deadline;
  uv_signal_t signals[SIGNALS];
  uint64_t ticks;
  uint64_t begun_us, ended_us;
  uint64_t done_at_tick;

  enum stop stop;
  int signal_number; /* the first that came */
  bool is_closing, is_begun, is_stuck;

  struct expstart_stats stats;
  struct progress progress;
};

/* One that is with the library. */
struct start {
  struct run *run;
  size_t index;
};

static uint64_t now_us(void) {
  return uv_hrtime() / 1000;
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void on_closed(void *data) {
  struct run *run = data;
  run->client = NULL;
  if (!run->is_begun) {
    return; /* there are no handles of ours */
  }
  uv_close((uv_handle_t *)&run->tick, NULL);
  uv_close((uv_handle_t *)&run->deadline, NULL);
  for (size_t i = 0; i < SIGNALS; i++) {
    uv_close((uv_handle_t *)&run->signals[i], NULL);
  }
  if (run->writer != NULL) {
    writer_detach(run->writer);
  }
}

/* May be asked twice: ABORT overtakes DRAIN, and anything else has nothing to change. */
static void close_client(struct run *run, expstart_close_mode mode) {
  run->is_closing = true;
  (void)expstart_client_close(run->client, mode, on_closed, run);
}

/* Nothing is in flight any more: what is left in the queue gets its result now. */
static void close_if_quiet(struct run *run) {
  if (run->stop == STOP_NOT || run->is_closing) {
    return;
  }
  expstart_stats_get(run->client, &run->stats, sizeof run->stats);
  if (run->stats.in_flight == 0) {
    (void)expstart_cancel_all(run->client);
    close_client(run, EXPSTART_ABORT);
  }
}

/* The first reason stays. Returns whether this is it. */
static bool stop(struct run *run, enum stop reason) {
  if (run->stop != STOP_NOT) {
    return false;
  }
  run->stop = reason;
  if (!run->is_closing) {
    (void)expstart_pause(run->client);
  }
  progress_clear(&run->progress);
  return true;
}

static void say_waiting(struct run *run, const char *why) {
  char count[32];
  expstart_stats_get(run->client, &run->stats, sizeof run->stats);
  (void)fprintf(stderr, "expstart: %s: nothing more is sent", why);
  if (run->stats.in_flight > 0) {
    (void)fprintf(stderr, "; waiting for %s in flight%s",
                  text_count(count, sizeof count, run->stats.in_flight),
                  run->stop == STOP_SIGNAL ? " (once more gives up on them)" : "");
  }
  (void)fputc('\n', stderr);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct run *run = handle->data;
  bool is_first = run->signal_number == 0;
  if (is_first) {
    run->signal_number = number;
  }
  if (run->client == NULL) {
    return;
  }
  if (stop(run, STOP_SIGNAL)) {
    say_waiting(run, stop_signal_name(number));
    close_if_quiet(run);
    return;
  }
  /* Told to stop while it is stopping: no more waiting. */
  progress_clear(&run->progress);
  (void)fprintf(stderr, "expstart: %s: giving up on what is in flight\n", stop_signal_name(number));
  close_client(run, EXPSTART_ABORT);
}

static void on_deadline(uv_timer_t *timer) {
  struct run *run = timer->data;
  if (run->client != NULL && !run->is_closing && stop(run, STOP_DEADLINE)) {
    say_waiting(run, "the deadline has passed");
    close_if_quiet(run);
  }
}

static void stop_for_output(struct run *run) {
  if (run->client != NULL && stop(run, STOP_OUTPUT)) {
    say_waiting(run, "the results cannot be written (--output)");
  }
}

/* ---- results --------------------------------------------------------------------------------- */

static void record(struct run *run, size_t index, const expstart_result *result) {
  bool is_sent = result->attempts > 0 || result->lookups > 0;
  struct run_result told = {
      .index = index,
      .result = result,
      .words = result->outcome == EXPSTART_CANCELED && !is_sent ? stop_not_sent(run->stop) : NULL,
      /* What is in flight when a key is refused is refused too: once is enough. And what was not sent when the
         run was stopped is no news. */
      .is_flood = run->stop == STOP_REFUSED || run->stop == STOP_CERT ||
                  (run->stop != STOP_NOT && !is_sent),
      .progress = &run->progress};
  if (run->job.sink.result(run->job.sink.data, &told) != 0) {
    stop_for_output(run);
  }
  /* What was never claimed is in the journal as it was. */
  if (run->writer != NULL && index < run->feed.asked) {
    diary_result(&run->diary, &run->job.list->entries[index], result, index >= run->job.doubt_from);
  }
}

/* Errors that the next request would meet too. */
static enum stop stop_for(int error) {
  return error == EXPSTART_EREFUSED ? STOP_REFUSED : error == EXPSTART_ECERT ? STOP_CERT : STOP_NOT;
}

static void stop_if_hopeless(struct run *run, const expstart_result *result) {
  char shown[320];
  enum stop reason = stop_for(result->error);
  if (reason == STOP_NOT || !stop(run, reason)) {
    return;
  }
  (void)text_safe(shown, sizeof shown, result->message, strlen(result->message));
  (void)fprintf(stderr, "expstart: %s%s%s\n", expstart_strerror(result->error),
                shown[0] != '\0' ? ": " : "", shown);
  say_waiting(run,
              reason == STOP_REFUSED ? "stopped by the refused key" : "stopped by the certificate");
}

/* With a journal the library's queue is kept short, and filled as it empties. */
static void feed_more(struct run *run) {
  if (run->writer == NULL || run->stop != STOP_NOT || run->is_closing) {
    return;
  }
  feed_claim(&run->feed, run->stats.queued);
}

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  struct start *start = data;
  struct run *run = start->run;
  run->done++;
  expstart_stats_get(client, &run->stats, sizeof run->stats);
  record(run, start->index, result);
  free(start);
  stop_if_hopeless(run, result);
  if (run->done == run->job.list->count && !run->is_closing) {
    close_client(run, EXPSTART_DRAIN);
  }
  feed_more(run);
  close_if_quiet(run);
}

/* ---- submitting ------------------------------------------------------------------------------ */

static int submit(struct run *run, size_t index) {
  const struct list_entry *entry = &run->job.list->entries[index];
  const char *note = list_note(run->job.list, entry);
  struct start *start = malloc(sizeof *start);
  if (start == NULL) {
    return EXPSTART_ENOMEM;
  }
  *start = (struct start){.run = run, .index = index};
  struct expstart_request request = {.size = sizeof request,
                                     .experiment_id = entry->id,
                                     .note = note != NULL ? note : run->settings.note,
                                     .mode = run->job.is_look ? EXPSTART_LOOK
                                             : index >= run->job.doubt_from
                                                 ? EXPSTART_LOOK_THEN_START
                                                 : EXPSTART_START,
                                     .done = on_done,
                                     .data = start};
  int error = expstart_submit(run->client, &request, NULL);
  if (error != EXPSTART_OK) {
    free(start);
  }
  return error;
}

static void submit_more(struct run *run) {
  while (run->stop == STOP_NOT && !run->is_closing && feed_has_next(&run->feed)) {
    int error = submit(run, run->feed.next);
    if (error == EXPSTART_EFULL) {
      return; /* on_room goes on */
    }
    if (error != EXPSTART_OK) {
      if (stop(run, STOP_TROUBLE)) {
        say_waiting(run, expstart_strerror(error));
      }
      return;
    }
    run->feed.next++;
  }
}

static void on_room(expstart_client *client, void *data) {
  (void)client;
  submit_more(data);
}

static void stop_if_journal_failed(struct run *run) {
  struct problem problem;
  char why[sizeof problem.text + 64];
  if (!writer_has_failed(run->writer, &problem) || !stop(run, STOP_JOURNAL)) {
    return;
  }
  (void)snprintf(why, sizeof why, "the journal cannot be written: %s", problem.text);
  say_waiting(run, why);
  close_if_quiet(run);
}

/* Another program that writes to the journal may be done at any time: that is waited for. */
static void say_if_stuck(struct run *run) {
  struct problem problem;
  bool is_stuck = writer_is_stuck(run->writer, &problem);
  if (is_stuck && !run->is_stuck && run->stop == STOP_NOT) {
    progress_clear(&run->progress);
    (void)fprintf(stderr, "expstart: the journal %s; waiting\n", problem.text);
  }
  run->is_stuck = is_stuck;
}

/* Claims are on the disk, or the journal cannot be written. */
static void on_journal(void *data) {
  struct run *run = data;
  if (run->client == NULL) {
    return;
  }
  stop_if_journal_failed(run);
  say_if_stuck(run);
  expstart_stats_get(run->client, &run->stats, sizeof run->stats);
  feed_take_claims(&run->feed, run->stats.queued);
  submit_more(run);
}

/* What was under way when the last run died has had its time. */
static void look_when_ripe(struct run *run) {
  if (!run->feed.is_ripe && now_us() - run->begun_us >= run->job.doubt_wait_ms * 1000) {
    run->feed.is_ripe = true;
    submit_more(run);
  }
}

static void show_progress(struct run *run) {
  struct progress_view view = {.done = run->done,
                               .total = run->job.list->count,
                               .in_flight = run->stats.in_flight,
                               .throttled = run->stats.throttled,
                               .blocked_by = run->stats.blocked_by,
                               .blocked_ms = run->stats.blocked_ms,
                               .is_stopping = run->stop != STOP_NOT};
  progress_tick(&run->progress, &view, now_us());
}

static void on_tick(uv_timer_t *timer) {
  struct run *run = timer->data;
  if (run->client == NULL) {
    return;
  }
  expstart_stats_get(run->client, &run->stats, sizeof run->stats);
  show_progress(run);
  diary_tick(&run->diary, &run->stats);
  feed_set_rate(&run->feed, (double)(run->done - run->done_at_tick) * 1000 / TICK_MS);
  run->done_at_tick = run->done;
  look_when_ripe(run);
  feed_more(run);
  if (++run->ticks % FLUSH_TICKS == 0 && run->job.sink.flush(run->job.sink.data) != 0) {
    stop_for_output(run);
  }
  close_if_quiet(run);
}

/* ---- attempts ------------------------------------------------------------------------------- */

static void on_attempt(expstart_client *client, const expstart_attempt *attempt, void *data) {
  struct run *run = data;
  /* Its result, which ends the run, comes after others: until then nothing more is to go. */
  if (stop_for(attempt->error) != STOP_NOT) {
    (void)expstart_pause(client);
  }
  diary_attempt(&run->diary, attempt);
  if (run->settings.verbose) {
    progress_clear(&run->progress);
    attempt_line_write(attempt, stderr);
  }
}

/* ---- from the beginning to the end ----------------------------------------------------------- */

/* libuv ends the process by abort() if its first loop cannot have the descriptors of its pipe for signals. The loop
 * takes its own before them: an epoll and, since libuv 1.45, an io_uring. */
static bool has_descriptors(void) {
  enum { NEEDED = 4 };
  int probe[NEEDED];
  int count = 0;
  while (count < NEEDED && (probe[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
    count++;
  }
  for (int i = 0; i < count; i++) {
    (void)close(probe[i]); /* nothing was written */
  }
  return count == NEEDED;
}

int run_new(struct run **result, struct expstart_options *options,
            const struct run_settings *settings) {
  *result = NULL;
  struct run *run = calloc(1, sizeof *run);
  if (run == NULL) {
    return EXPSTART_ENOMEM;
  }
  run->settings = *settings;
  if (!has_descriptors() || uv_loop_init(&run->loop) != 0) {
    free(run);
    return EXPSTART_ESYSTEM;
  }
  options->confirm = EXPSTART_CONFIRM_ON_REFUSAL;
  options->max_queued = SLICE;
  options->on_room = on_room;
  options->hook_data = run;
  options->on_attempt = on_attempt;
  int error = expstart_client_create(&run->client, &run->loop, options);
  if (error != EXPSTART_OK) {
    run_free(run);
    return error;
  }
  *result = run;
  return EXPSTART_OK;
}

void run_free(struct run *run) {
  if (run == NULL) {
    return;
  }
  run->is_begun = false; /* what begun has closed its handles */
  if (run->client != NULL) {
    (void)expstart_client_close(run->client, EXPSTART_ABORT, on_closed, run);
  }
  (void)uv_run(&run->loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&run->loop) != 0) {
    (void)fputs("expstart: internal error: the loop is still in use\n", stderr);
  }
  free(run);
}

/* A SIGHUP that was ignored from the start, as nohup does it, stays ignored. */
static void watch_signals(struct run *run) {
  for (size_t i = 0; i < SIGNALS; i++) {
    struct sigaction before;
    (void)uv_signal_init(&run->loop, &run->signals[i]); /* cannot fail on a loop that is set up */
    run->signals[i].data = run;
    if (signal_numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
        before.sa_handler == SIG_IGN) {
      continue;
    }
    int error = uv_signal_start(&run->signals[i], on_signal, signal_numbers[i]);
    if (error != 0) {
      (void)fprintf(stderr, "expstart: warning: %s cannot be caught: %s\n",
                    stop_signal_name(signal_numbers[i]), uv_strerror(error));
    }
  }
}

static void mask_signals(int how) {
  sigset_t set;
  (void)sigemptyset(&set); /* these fail for numbers that are no signals */
  for (size_t i = 0; i < SIGNALS; i++) {
    (void)sigaddset(&set, signal_numbers[i]);
  }
  (void)pthread_sigmask(how, &set, NULL);
}

void run_hold_signals(void) {
  mask_signals(SIG_BLOCK);
}

/* uv_timer_start fails only without a callback or on a handle that closes. */
static void start_timers(struct run *run) {
  (void)uv_timer_init(&run->loop, &run->tick);
  (void)uv_timer_init(&run->loop, &run->deadline);
  run->tick.data = run;
  run->deadline.data = run;
  uv_update_time(&run->loop);
  (void)uv_timer_start(&run->tick, on_tick, TICK_MS, TICK_MS);
  if (run->settings.deadline_ms > 0) {
    (void)uv_timer_start(&run->deadline, on_deadline, run->settings.deadline_ms, 0);
  }
}

/* Those that were never submitted have their results too. */
static void record_unsubmitted(struct run *run) {
  for (; run->feed.next < run->job.list->count; run->feed.next++) {
    bool is_in_doubt = run->feed.next >= run->job.doubt_from;
    expstart_result result = {.outcome = is_in_doubt ? EXPSTART_UNKNOWN : EXPSTART_CANCELED,
                              .experiment_id = run->job.list->entries[run->feed.next].id,
                              .error = EXPSTART_ECANCELED,
                              .message = is_in_doubt ? "not looked up: the run was stopped" : ""};
    record(run, run->feed.next, &result);
  }
}

static int stop_code(const struct run *run) {
  if (run->signal_number != 0) {
    return COMMAND_SIGNAL + run->signal_number;
  }
  return run->stop != STOP_NOT ? COMMAND_STOPPED : 0;
}

static bool begin_journal(struct run *run, struct problem *problem) {
  int64_t number = 0;
  struct journal *journal = run->job.journal;
  return journal == NULL || (journal_begin_run(journal, run->job.command, run->job.list->count,
                                               clock_wall_ms(), &number, problem) &&
                             writer_new(&run->writer, journal, number, run->job.list, &run->loop,
                                        on_journal, run, problem));
}

bool run_all(struct run *run, const struct run_job *job, struct run_end *end,
             struct problem *problem) {
  run->job = *job;
  if (!begin_journal(run, problem)) {
    return false;
  }
  run->is_begun = true;
  run->begun_us = now_us();
  feed_init(&run->feed, job->list, job->doubt_from, run->writer);
  diary_init(&run->diary, run->writer);
  progress_init(&run->progress, run->settings.quiet, run->begun_us);
  watch_signals(run);
  mask_signals(SIG_UNBLOCK);
  start_timers(run);
  look_when_ripe(run);
  submit_more(run);
  feed_more(run);
  (void)uv_run(&run->loop, UV_RUN_DEFAULT); /* until the closed callback has closed the handles */
  run->ended_us = now_us();
  progress_clear(&run->progress);
  record_unsubmitted(run);
  diary_end(&run->diary, &run->stats);
  end->code = stop_code(run);
  end->stats = run->stats;
  end->elapsed_s = (double)(run->ended_us - run->begun_us) / 1e6;
  return true;
}

bool run_end_journal(struct run *run, int exit_code, uint64_t *unwritten) {
  struct problem problem;
  struct journal_ending ending = {.at_ms = clock_now_ms(&run->diary.clock),
                                  .exit_code = exit_code,
                                  .words = stop_ending(run->stop, run->signal_number)};
  if (writer_is_stuck(run->writer, &problem)) {
    (void)fprintf(stderr, "expstart: waiting up to %u s for what the journal lacks to be written\n",
                  JOURNAL_PATIENCE_MS / 1000);
  }
  bool is_whole = writer_finish(run->writer, &ending, JOURNAL_PATIENCE_MS, unwritten);
  run->writer = NULL;
  return is_whole;
}

/* A run: submits the list in slices, takes the results, and stops on a signal, the deadline, a
 * refused key or a full disk: what is in flight is waited for, the rest is not sent, and every id
 * has its result. Called by start.c; knows nothing of arguments, files of ids or keys. */
#include "run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "progress.h"
#include "summary.h"
#include "text.h"

#define SLICE 100000u /* accepted at once; the rest waits in the list, at 16 bytes each */
#define TICK_MS 100u
#define FLUSH_TICKS 10u

static const int signal_numbers[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS (sizeof signal_numbers / sizeof signal_numbers[0])

enum stop {
  STOP_NOT,
  STOP_SIGNAL,
  STOP_DEADLINE,
  STOP_REFUSED,
  STOP_CERT,
  STOP_OUTPUT,
  STOP_TROUBLE
};

struct run {
  uv_loop_t loop;
  expstart_client *client; /* NULL from the closed callback on */
  struct run_settings settings;

  const struct list *list;
  struct output *output;
  size_t next;   /* the first of the list that is not accepted yet */
  uint64_t done; /* called back */

  uv_timer_t tick, deadline;
  uv_signal_t signals[SIGNALS];
  uint64_t ticks;
  uint64_t begun_us, ended_us;

  enum stop stop;
  int signal_number; /* the first that came */
  bool is_closing;

  struct expstart_stats stats;
  struct summary summary;
  struct progress progress;
};

static uint64_t now_us(void) {
  return uv_hrtime() / 1000;
}

static void clear_bar(void *data) {
  struct run *run = data;
  progress_clear(&run->progress);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void on_closed(void *data) {
  struct run *run = data;
  run->client = NULL;
  if (run->list == NULL) {
    return; /* closed before anything was begun: there are no handles of ours */
  }
  uv_close((uv_handle_t *)&run->tick, NULL);
  uv_close((uv_handle_t *)&run->deadline, NULL);
  for (size_t i = 0; i < SIGNALS; i++) {
    uv_close((uv_handle_t *)&run->signals[i], NULL);
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

static const char *signal_name(int number) {
  return number == SIGINT ? "Ctrl-C" : number == SIGTERM ? "SIGTERM" : "SIGHUP";
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
    say_waiting(run, signal_name(number));
    close_if_quiet(run);
    return;
  }
  /* Told to stop while it is stopping: no more waiting. */
  progress_clear(&run->progress);
  (void)fprintf(stderr, "expstart: %s: giving up on what is in flight\n", signal_name(number));
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

/* What the results of those say that were not sent. */
static const char *not_sent_words(const struct run *run) {
  switch (run->stop) {
  case STOP_NOT:
    break;
  case STOP_SIGNAL:
    return "not sent: the run was interrupted";
  case STOP_DEADLINE:
    return "not sent: the deadline had passed";
  case STOP_REFUSED:
    return "not sent: the API had refused the key";
  case STOP_CERT:
    return "not sent: the server's certificate could not be verified";
  case STOP_OUTPUT:
    return "not sent: the results could not be written";
  case STOP_TROUBLE:
    return "not sent: the run was stopped by an error";
  }
  return "not sent";
}

/* ---- results --------------------------------------------------------------------------------- */

static void record(struct run *run, const expstart_result *result) {
  const char *words = output_outcome(result) == OUTPUT_NOT_SENT ? not_sent_words(run) : NULL;
  /* What is in flight when a key is refused is refused too: once is enough. */
  bool is_silent = run->settings.quiet || run->stop == STOP_REFUSED || run->stop == STOP_CERT;
  if (run->output->is_terminal) {
    progress_clear(&run->progress);
  }
  summary_add(&run->summary, result, is_silent ? NULL : stderr, clear_bar, run);
  if (output_write(run->output, result, words) != 0) {
    stop_for_output(run);
  }
}

/* Refusals that the next start would meet too. */
static void stop_if_hopeless(struct run *run, const expstart_result *result) {
  char shown[320];
  enum stop reason = result->error == EXPSTART_EREFUSED ? STOP_REFUSED : STOP_CERT;
  if ((result->error != EXPSTART_EREFUSED && result->error != EXPSTART_ECERT) ||
      !stop(run, reason)) {
    return;
  }
  (void)text_safe(shown, sizeof shown, result->message, strlen(result->message));
  (void)fprintf(stderr, "expstart: %s%s%s\n", expstart_strerror(result->error),
                shown[0] != '\0' ? ": " : "", shown);
  say_waiting(run,
              reason == STOP_REFUSED ? "stopped by the refused key" : "stopped by the certificate");
}

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  struct run *run = data;
  run->done++;
  expstart_stats_get(client, &run->stats, sizeof run->stats);
  record(run, result);
  stop_if_hopeless(run, result);
  if (run->done == run->list->count && !run->is_closing) {
    close_client(run, EXPSTART_DRAIN);
  }
  close_if_quiet(run);
}

/* ---- submitting ------------------------------------------------------------------------------ */

static void submit_more(struct run *run) {
  struct expstart_request request = {
      .size = sizeof request, .mode = EXPSTART_START, .done = on_done, .data = run};
  while (run->stop == STOP_NOT && !run->is_closing && run->next < run->list->count) {
    const struct list_entry *entry = &run->list->entries[run->next];
    const char *note = list_note(run->list, entry);
    request.experiment_id = entry->id;
    request.note = note != NULL ? note : run->settings.note;
    int error = expstart_submit(run->client, &request, NULL);
    if (error == EXPSTART_EFULL) {
      return; /* on_room goes on */
    }
    if (error != EXPSTART_OK) {
      if (stop(run, STOP_TROUBLE)) {
        say_waiting(run, expstart_strerror(error));
      }
      return;
    }
    run->next++;
  }
}

static void on_room(expstart_client *client, void *data) {
  (void)client;
  submit_more(data);
}

static void on_tick(uv_timer_t *timer) {
  struct run *run = timer->data;
  if (run->client == NULL) {
    return;
  }
  expstart_stats_get(run->client, &run->stats, sizeof run->stats);
  struct progress_view view = {.done = run->done,
                               .total = run->list->count,
                               .in_flight = run->stats.in_flight,
                               .throttled = run->stats.throttled,
                               .blocked_by = run->stats.blocked_by,
                               .blocked_ms = run->stats.blocked_ms,
                               .is_stopping = run->stop != STOP_NOT};
  progress_tick(&run->progress, &view, now_us());
  if (++run->ticks % FLUSH_TICKS == 0 && output_flush(run->output) != 0) {
    stop_for_output(run);
  }
  close_if_quiet(run);
}

/* ---- attempts ------------------------------------------------------------------------------- */

static void say_attempt(struct run *run, const expstart_attempt *attempt) {
  char shown[320];
  char elapsed[32];
  char pause[32];
  progress_clear(&run->progress);
  (void)fprintf(stderr, "%" PRId64 ": %s %" PRIu32 ": ", attempt->experiment_id,
                attempt->kind == EXPSTART_ATTEMPT_LOOK ? "look-up" : "start", attempt->number);
  if (attempt->http_status > 0) {
    (void)fprintf(stderr, "%d", attempt->http_status);
  } else {
    (void)fputs("no reply", stderr);
  }
  (void)fprintf(stderr, " after %s%s%s",
                text_duration(elapsed, sizeof elapsed, (double)attempt->elapsed_us / 1e6),
                attempt->message[0] != '\0' ? ": " : "",
                text_safe(shown, sizeof shown, attempt->message, strlen(attempt->message)));
  if (attempt->next != EXPSTART_NEXT_DONE) {
    (void)fprintf(stderr, "; %s in %s",
                  attempt->next == EXPSTART_NEXT_LOOK ? "looked up" : "sent again",
                  text_duration(pause, sizeof pause, (double)attempt->next_ms / 1000));
  }
  (void)fputc('\n', stderr);
}

/* A start that is answered so ends the run when its result comes, and until then nothing more is to go. */
static bool is_key_refused(const expstart_attempt *attempt) {
  return attempt->kind == EXPSTART_ATTEMPT_START &&
         (attempt->http_status == 401 || attempt->http_status == 403);
}

static void on_attempt(expstart_client *client, const expstart_attempt *attempt, void *data) {
  struct run *run = data;
  if (is_key_refused(attempt)) {
    (void)expstart_pause(client);
  }
  if (run->settings.verbose) {
    say_attempt(run, attempt);
  }
}

/* ---- from the beginning to the end ----------------------------------------------------------- */

int run_new(struct run **result, struct expstart_options *options,
            const struct run_settings *settings) {
  *result = NULL;
  struct run *run = calloc(1, sizeof *run);
  if (run == NULL) {
    return EXPSTART_ENOMEM;
  }
  run->settings = *settings;
  if (uv_loop_init(&run->loop) != 0) {
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
  run->list = NULL;
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
                    signal_name(signal_numbers[i]), uv_strerror(error));
    }
  }
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
  for (; run->next < run->list->count; run->next++) {
    expstart_result result = {.outcome = EXPSTART_CANCELED,
                              .experiment_id = run->list->entries[run->next].id,
                              .error = EXPSTART_ECANCELED,
                              .message = ""};
    record(run, &result);
  }
}

static int exit_code(const struct run *run) {
  if (run->signal_number != 0) {
    return COMMAND_SIGNAL + run->signal_number;
  }
  if (run->stop != STOP_NOT || run->output->error != 0) {
    return COMMAND_STOPPED;
  }
  return summary_is_good(&run->summary) ? COMMAND_ALL_RUNNING : COMMAND_SOME_NOT;
}

static void report(const struct run *run) {
  char one[32];
  char two[32];
  if (run->output->error != 0) {
    (void)fprintf(stderr, "expstart: --output: %s; results are missing there\n",
                  strerror(run->output->error));
  }
  if (!run->settings.quiet) {
    summary_write(&run->summary, &run->stats, (double)(run->ended_us - run->begun_us) / 1e6,
                  stderr);
  } else if (!summary_is_good(&run->summary)) {
    (void)fprintf(stderr, "expstart: %s of %s experiments are not known to run\n",
                  text_count(one, sizeof one, summary_bad(&run->summary)),
                  text_count(two, sizeof two, run->summary.total));
  }
}

int run_all(struct run *run, const struct list *list, struct output *output) {
  run->list = list;
  run->output = output;
  run->begun_us = now_us();
  progress_init(&run->progress, run->settings.quiet, run->begun_us);
  watch_signals(run);
  start_timers(run);
  submit_more(run);
  (void)uv_run(&run->loop, UV_RUN_DEFAULT); /* until the closed callback has closed the handles */
  run->ended_us = now_us();
  progress_clear(&run->progress);
  record_unsubmitted(run);
  (void)output_close(output);
  report(run);
  return exit_code(run);
}

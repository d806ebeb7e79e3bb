/*
 * Several clients, on one loop and on loops of several threads; signals; and starts that are submitted from
 * threads other than the loop's.
 */
#include "harness.h"

#include <signal.h>
#include <unistd.h>

#define STARTED RAW_JSON(200, NULL, BODY_STARTED_ANY)

static const struct rawserver_step script_started[] = {RAW_REPEAT(STARTED)};

/* ---- clients, loops and threads ---- */

static void submit_to_the_other(struct harness *h, const expstart_result *result) {
  struct harness *other = h->data;
  if (result->experiment_id < 20)
    harness_submit(other, result->experiment_id + 1);
  else if (!other->close_called)
    harness_close(other, EXPSTART_ABORT);
}

static void clients_on_one_loop_do_not_disturb_each_other(void **state) {
  (void)state;
  uv_loop_t loop;
  struct harness clients[3];
  struct rawserver *server =
      rawserver_start(&(struct rawserver_options){RAW_SCRIPT(script_started)});
  assert_non_null(server);
  assert_int_equal(uv_loop_init(&loop), 0);
  for (size_t i = 0; i < 3; i++) {
    harness_init_on(&clients[i], &loop, rawserver_endpoint(server));
    harness_open(&clients[i]);
  }
  clients[0].on_result = clients[1].on_result = submit_to_the_other;
  clients[0].data = &clients[1];
  clients[1].data = &clients[0];
  harness_submit(&clients[0], 1);
  for (int i = 0; i < 100; i++)
    harness_submit(&clients[2], 7);
  harness_run_until_closed(&clients[0]); /* the twentieth is the second client's */
  assert_int_equal(clients[0].count + clients[1].count, 20);
  harness_run(&clients[2], 100);
  assert_int_equal(harness_outcomes(&clients[2], EXPSTART_STARTED), 100);
  for (size_t i = 0; i < 3; i++)
    harness_end(&clients[i]);
  assert_int_equal(uv_loop_close(&loop), 0);
  rawserver_stop(server);
}

static void the_default_loop_serves_too(void **state) {
  (void)state;
  struct harness h;
  struct rawserver *server =
      rawserver_start(&(struct rawserver_options){RAW_SCRIPT(script_started)});
  assert_non_null(server);
  harness_init_on(&h, uv_default_loop(), rawserver_endpoint(server));
  harness_open(&h);
  for (int i = 0; i < 100; i++)
    harness_submit(&h, 7);
  harness_run(&h, 100);
  assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), 100);
  harness_end(&h);
  assert_int_equal(uv_loop_close(uv_default_loop()), 0);
  rawserver_stop(server);
}

struct crowd {
  char endpoint[64];
  uv_barrier_t all_done;
};

/* A failed assertion in here ends the program, which is a failure as well. */
static void run_a_client(void *data) {
  struct crowd *crowd = data;
  struct harness h;
  harness_init(&h, crowd->endpoint);
  harness_open(&h);
  for (int i = 0; i < 100; i++)
    harness_submit(&h, 7);
  harness_run(&h, 100);
  if (harness_outcomes(&h, EXPSTART_STARTED) != 100)
    abort();
  /* libuv closes descriptors behind the thread sanitizer's back, which takes their next use by
     another thread for a race: none is closed while others are opened. */
  uv_barrier_wait(&crowd->all_done);
  harness_end(&h);
}

static void clients_on_loops_of_several_threads_work_at_once(void **state) {
  (void)state;
  uv_thread_t threads[3];
  struct crowd crowd;
  struct rawserver *server =
      rawserver_start(&(struct rawserver_options){RAW_SCRIPT(script_started)});
  assert_non_null(server);
  assert_int_equal(uv_barrier_init(&crowd.all_done, 4), 0);
  snprintf(crowd.endpoint, sizeof(crowd.endpoint), "%s", rawserver_endpoint(server));
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(uv_thread_create(&threads[i], run_a_client, &crowd), 0);
  run_a_client(&crowd);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(uv_thread_join(&threads[i]), 0);
  uv_barrier_destroy(&crowd.all_done);
  assert_int_equal(rawserver_request_count(server), 400);
  rawserver_stop(server);
}

static void signals_are_left_to_the_callers_threads(void **state) {
  (void)state;
  struct harness h;
  sigset_t usr1, before, pending;
  int taken;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, &before), 0);
  SERVE(&h, script_started); /* has a thread too, which keeps this mask */
  assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
  harness_open(&h);
  assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
  assert_int_equal(kill(getpid(), SIGUSR1), 0); /* on another thread it would end the program */
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_int_equal(sigpending(&pending), 0);
  assert_int_equal(sigismember(&pending, SIGUSR1), 1);
  assert_int_equal(sigwait(&usr1, &taken), 0);
  assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
  harness_end(&h);
}

/* ---- from other threads ---- */

enum { SUBMITTERS = 4, EACH = 2000 };

struct submitter {
  struct harness *h;
  uv_thread_t thread;
  unsigned from; /* the first id */
  bool slow;     /* not more than can be worked off soon */
  unsigned tries, accepted, full, closing, other;
};

static void submit_many_from_here(void *data) {
  struct submitter *self = data;
  char note[32];
  snprintf(note, sizeof note, "thread %u", self->from);
  struct expstart_request request = {
      .size = sizeof request, .note = note, .done = harness_done, .data = self->h};
  for (unsigned i = 0; i < self->tries && self->closing == 0; i++) {
    if (self->slow && i % 16 == 15)
      uv_sleep(1);
    request.experiment_id = self->from + i;
    int status = expstart_submit_from_thread(self->h->client, &request);
    self->accepted += status == EXPSTART_OK;
    self->full += status == EXPSTART_EFULL;
    self->closing += status == EXPSTART_ECLOSING;
    self->other += status != EXPSTART_OK && status != EXPSTART_EFULL && status != EXPSTART_ECLOSING;
  }
}

static bool are_accepted(struct harness *h, size_t number) {
  return harness_stats(h).accepted >= number;
}

static void threads_may_submit_while_the_loop_does_too(void **state) {
  (void)state;
  struct harness h;
  struct submitter submitters[SUBMITTERS];
  SERVE(&h, script_started);
  harness_open(&h);
  for (unsigned i = 0; i < SUBMITTERS; i++) {
    submitters[i] = (struct submitter){.h = &h, .from = 1 + i * EACH, .tries = EACH};
    assert_int_equal(uv_thread_create(&submitters[i].thread, submit_many_from_here, &submitters[i]),
                     0);
  }
  for (unsigned i = 0; i < 100; i++)
    harness_submit(&h, 1000000 + i);
  harness_run_until(&h, are_accepted, SUBMITTERS * EACH + 100);
  for (unsigned i = 0; i < SUBMITTERS; i++) {
    assert_int_equal(uv_thread_join(&submitters[i].thread), 0);
    assert_int_equal(submitters[i].accepted, EACH);
    h.accepted += EACH;
  }
  harness_run(&h, SUBMITTERS * EACH + 100);
  assert_int_equal(rawserver_request_count(h.server), SUBMITTERS * EACH + 100);
  harness_end(&h);
}

static void a_full_queue_refuses_threads_too_and_says_when_there_is_room(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  h.options.max_queued = 10;
  harness_open(&h);
  for (unsigned i = 0; i < 5; i++)
    harness_submit(&h, 1 + i);
  struct submitter submitter = {.h = &h, .from = 100, .tries = 20};
  submit_many_from_here(&submitter);
  assert_int_equal(submitter.accepted, 5);
  assert_int_equal(submitter.full, 15);
  struct expstart_request request = {
      .size = sizeof request, .experiment_id = 7, .done = harness_done, .data = &h};
  assert_int_equal(harness_try(&h, &request, NULL), EXPSTART_EFULL); /* the places are taken */
  h.accepted += 5;
  harness_run(&h, 10);
  assert_int_equal(h.room_calls, 1);
  harness_end(&h);
}

static void what_a_thread_gets_wrong_is_told_at_once(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  struct expstart_request request = {
      .size = sizeof request, .experiment_id = 0, .done = harness_done, .data = &h};
  assert_int_equal(expstart_submit_from_thread(h.client, &request), EXPSTART_EID);
  assert_int_equal(expstart_submit_from_thread(NULL, &request), EXPSTART_EINVAL);
  assert_int_equal(expstart_submit_from_thread(h.client, NULL), EXPSTART_EINVAL);
  harness_run_dry(&h);
  assert_int_equal(harness_stats(&h).accepted, 0);
  harness_end(&h);
}

static void a_thread_that_submits_into_a_close_is_called_back_or_refused(void **state) {
  (void)state;
  for (unsigned round = 0; round < 20; round++) {
    struct harness h;
    struct submitter submitters[SUBMITTERS];
    SERVE(&h, script_started);
    harness_open(&h);
    harness_submit(&h, 1000000);
    for (unsigned i = 0; i < SUBMITTERS; i++) {
      submitters[i] =
          (struct submitter){.h = &h, .from = 1 + i * EACH, .slow = true, .tries = 1000000};
      assert_int_equal(
          uv_thread_create(&submitters[i].thread, submit_many_from_here, &submitters[i]), 0);
    }
    harness_run_until(&h, are_accepted, 1 + round * 20);
    harness_close(&h, round % 2 ? EXPSTART_DRAIN : EXPSTART_ABORT);
    for (unsigned i = 0; i < SUBMITTERS; i++) {
      assert_int_equal(uv_thread_join(&submitters[i].thread), 0);
      assert_int_equal(submitters[i].closing, 1);
      h.accepted += submitters[i].accepted;
    }
    harness_run_until_closed(&h);
    harness_end(&h); /* checks that all that was accepted was called back */
  }
}

static void cancel_all_cancels_what_threads_submitted_before(void **state) {
  (void)state;
  struct harness h;
  SERVE(&h, script_started);
  harness_open(&h);
  struct submitter submitter = {.h = &h, .from = 1, .tries = 700};
  submit_many_from_here(&submitter);
  h.accepted += 700;
  assert_int_equal(expstart_cancel_all(h.client), EXPSTART_OK);
  harness_run(&h, 700);
  assert_int_equal(harness_outcomes(&h, EXPSTART_CANCELED), 700);
  harness_end(&h);
}

static expstart_close_mode late_close_mode;

/* Of the first start, the last one that is left. */
static void submit_as_a_thread_and_close(struct harness *h, const expstart_result *result) {
  struct expstart_request request = {
      .size = sizeof request, .experiment_id = 8, .done = harness_done, .data = h};
  if (result->experiment_id != 7)
    return;
  if (expstart_submit_from_thread(h->client, &request) != EXPSTART_OK)
    harness_blame(h, "the submit was refused");
  h->accepted++;
  harness_close(h, late_close_mode);
}

static void a_start_accepted_just_before_a_callback_closes_is_not_lost(void **state) {
  (void)state;
  for (int mode = EXPSTART_DRAIN; mode <= EXPSTART_ABORT; mode++) {
    struct harness h;
    SERVE(&h, script_started);
    late_close_mode = (expstart_close_mode)mode;
    h.on_result = submit_as_a_thread_and_close;
    harness_open(&h);
    harness_submit(&h, 7);
    harness_run_until_closed(&h);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.results[1]->outcome,
                     mode == EXPSTART_DRAIN ? EXPSTART_STARTED : EXPSTART_CANCELED);
    harness_end(&h);
  }
}

static void a_queue_filled_by_threads_has_no_room_before_they_are_taken_in(void **state) {
  (void)state;
  enum { ROOM = 4000 };
  struct harness h;
  SERVE(&h, script_started);
  h.options.max_queued = ROOM;
  harness_open(&h);
  assert_int_equal(expstart_pause(h.client), EXPSTART_OK);
  struct submitter submitter = {.h = &h, .from = 1, .tries = ROOM + 1};
  submit_many_from_here(&submitter);
  assert_int_equal(submitter.accepted, ROOM);
  assert_int_equal(submitter.full, 1);
  h.accepted += ROOM;
  harness_run_until(&h, are_accepted, ROOM);
  assert_int_equal(h.room_calls, 0);
  assert_int_equal(expstart_cancel_all(h.client), EXPSTART_OK);
  harness_run(&h, ROOM);
  assert_int_equal(h.room_calls, 1);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clients_on_one_loop_do_not_disturb_each_other),
      cmocka_unit_test(the_default_loop_serves_too),
      cmocka_unit_test(clients_on_loops_of_several_threads_work_at_once),
      cmocka_unit_test(signals_are_left_to_the_callers_threads),
      cmocka_unit_test(threads_may_submit_while_the_loop_does_too),
      cmocka_unit_test(a_full_queue_refuses_threads_too_and_says_when_there_is_room),
      cmocka_unit_test(what_a_thread_gets_wrong_is_told_at_once),
      cmocka_unit_test(a_thread_that_submits_into_a_close_is_called_back_or_refused),
      cmocka_unit_test(cancel_all_cancels_what_threads_submitted_before),
      cmocka_unit_test(a_start_accepted_just_before_a_callback_closes_is_not_lost),
      cmocka_unit_test(a_queue_filled_by_threads_has_no_room_before_they_are_taken_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

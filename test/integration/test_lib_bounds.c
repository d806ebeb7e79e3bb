/*
 * What the library does not take: not the loop for long, whatever happens at once, and nothing from the heap
 * once it runs. Linked with the linker's --wrap for malloc and the like.
 */
#include "harness.h"
#include "test/wrapped_heap.h"

#include <stdatomic.h>

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)

static const struct rawserver_step script_started[] = {RAW_REPEAT(STARTED)};

/* ---- turns ---- */

enum { MANY = 300 };

struct turns {
  uv_prepare_t prepare; /* between two turns */
  unsigned callbacks, most;
};

static void on_prepare(uv_prepare_t *prepare) {
  struct turns *turns = prepare->data;
  if (turns->callbacks > turns->most)
    turns->most = turns->callbacks;
  turns->callbacks = 0;
}

static void count_callback(struct harness *h, const expstart_result *result) {
  struct turns *turns = h->data;
  (void)result;
  turns->callbacks++;
  uv_sleep(1);
}

static void count_turns(struct harness *h, struct turns *turns) {
  *turns = (struct turns){.callbacks = 0};
  assert_int_equal(uv_prepare_init(h->loop, &turns->prepare), 0);
  turns->prepare.data = turns;
  assert_int_equal(uv_prepare_start(&turns->prepare, on_prepare), 0);
  uv_unref((uv_handle_t *)&turns->prepare);
  h->on_result = count_callback;
  h->data = turns;
}

static void submit_many(struct harness *h) {
  for (int i = 0; i < MANY; i++)
    harness_submit(h, 7);
}

static void cancel_them(struct harness *h) {
  assert_int_equal(expstart_cancel_all(h->client), EXPSTART_OK);
}

static void abort_them(struct harness *h) {
  harness_close(h, EXPSTART_ABORT);
}

static void let_them_expire(struct harness *h) {
  (void)h;
}

static void callbacks_that_take_long_come_one_a_turn(void **state) {
  (void)state;
  static void (*const ends[])(struct harness * h) = {cancel_them, abort_them, let_them_expire};
  for (size_t i = 0; i < 3; i++) {
    struct harness h;
    struct turns turns;
    SERVE(&h, script_started);
    h.options.total_timeout_ms = ends[i] == let_them_expire ? 100 : 0;
    harness_open(&h);
    count_turns(&h, &turns);
    assert_int_equal(expstart_pause(h.client), EXPSTART_OK);
    submit_many(&h);
    ends[i](&h);
    harness_run(&h, MANY);
    assert_int_equal(turns.most, 1);
    assert_int_equal(harness_outcomes(&h, EXPSTART_STARTED), 0);
    uv_close((uv_handle_t *)&turns.prepare, NULL);
    harness_end(&h);
  }
}

static void count_hook(struct harness *h, const expstart_attempt *attempt) {
  struct turns *turns = h->data;
  (void)attempt;
  turns->callbacks++;
  uv_sleep(1);
}

/* Replies that come together were once told all in one turn. */
static void hooks_that_take_long_come_one_a_turn(void **state) {
  (void)state;
  struct harness h;
  struct turns turns;
  SERVE(&h, script_started);
  harness_open(&h);
  count_turns(&h, &turns);
  h.on_result = NULL;
  h.on_attempt = count_hook;
  submit_many(&h);
  harness_run(&h, MANY);
  assert_int_equal(turns.most, 1);
  uv_close((uv_handle_t *)&turns.prepare, NULL);
  harness_end(&h);
}

/* ---- the heap ---- */

/* Of what this program is linked from, the library included, in all threads; not of libcurl's. */
static atomic_uint allocations;
static atomic_bool calloc_fails;

void *__wrap_malloc(size_t size) {
  atomic_fetch_add(&allocations, 1);
  return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  atomic_fetch_add(&allocations, 1);
  return atomic_load(&calloc_fails) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
  atomic_fetch_add(&allocations, 1);
  return __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text) {
  atomic_fetch_add(&allocations, 1);
  return __real_strdup(text);
}

enum { WARM = 1000, MEASURED = 1000, FEW = 20 };

struct steady {
  expstart_client *client;
  unsigned done, left;
  unsigned before, taken;
};

static void submit_next(struct steady *steady);

static void on_steady_done(expstart_client *client, const expstart_result *result, void *data) {
  struct steady *steady = data;
  (void)result;
  if (++steady->done == WARM)
    steady->before = atomic_load(&allocations);
  if (steady->done == WARM + MEASURED)
    steady->taken = atomic_load(&allocations) - steady->before;
  if (steady->left > 0)
    submit_next(steady);
  else if (steady->done == WARM + MEASURED)
    expstart_client_close(client, EXPSTART_DRAIN, NULL, NULL);
}

static void submit_next(struct steady *steady) {
  const struct expstart_request request = {.size = sizeof request,
                                           .experiment_id = steady->left--,
                                           .note = "steady",
                                           .done = on_steady_done,
                                           .data = steady};
  assert_int_equal(expstart_submit(steady->client, &request, NULL), EXPSTART_OK);
}

/* `waiting` at any time, from none but the one in flight up. */
static void count_allocations(unsigned waiting) {
  const char *const arguments[] = {"--experiments", "3000", "--reply", "small", NULL};
  struct sandbox sandbox;
  struct harness h; /* for its options only: what it does takes memory */
  struct steady steady = {.left = WARM + MEASURED};
  uv_loop_t loop;
  sandbox_start(&sandbox, arguments);
  harness_init(&h, sandbox.endpoint);
  h.options.log = NULL;
  h.options.on_attempt = NULL;
  h.options.max_in_flight = 8; /* reached early: what more attempts at once need is taken then */
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(expstart_client_create(&steady.client, &loop, &h.options), EXPSTART_OK);
  for (unsigned i = 0; i < waiting; i++)
    submit_next(&steady);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(steady.done, WARM + MEASURED);
  assert_true(steady.before > 0); /* they are counted */
  assert_in_range(steady.taken, 0, FEW);
  harness_end(&h);
  sandbox_stop(&sandbox);
}

static void once_it_runs_a_start_takes_nothing_from_the_heap(void **state) {
  (void)state;
  count_allocations(200);
}

static void one_at_a_time_neither(void **state) {
  (void)state;
  count_allocations(1);
}

struct lost {
  unsigned calls;
  expstart_outcome outcome;
  int error;
  int64_t experiment_id;
};

static void on_lost(expstart_client *client, const expstart_result *result, void *data) {
  struct lost *lost = data;
  (void)client;
  *lost = (struct lost){.calls = lost->calls + 1,
                        .outcome = result->outcome,
                        .error = result->error,
                        .experiment_id = result->experiment_id};
  atomic_store(&calloc_fails, false);
}

static bool is_called_back(struct harness *h, size_t number) {
  const struct lost *lost = h->data;
  return lost->calls >= number;
}

static void
a_start_of_a_thread_that_there_is_no_memory_for_is_called_back_all_the_same(void **state) {
  (void)state;
  struct harness h;
  struct lost lost = {.calls = 0};
  SERVE(&h, script_started);
  harness_open(&h);
  const struct expstart_request request = {.size = sizeof request,
                                           .experiment_id = 9,
                                           .note = "not stored yet",
                                           .done = on_lost,
                                           .data = &lost};
  assert_int_equal(expstart_submit_from_thread(h.client, &request), EXPSTART_OK);
  atomic_store(&calloc_fails, true);
  h.data = &lost;
  harness_run_until(&h, is_called_back, 1);
  assert_int_equal(lost.calls, 1);
  assert_int_equal(lost.outcome, EXPSTART_FAILED);
  assert_int_equal(lost.error, EXPSTART_ENOMEM);
  assert_int_equal(lost.experiment_id, 9);
  assert_int_equal(harness_stats(&h).failed, 1);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(callbacks_that_take_long_come_one_a_turn),
      cmocka_unit_test(hooks_that_take_long_come_one_a_turn),
      cmocka_unit_test(once_it_runs_a_start_takes_nothing_from_the_heap),
      cmocka_unit_test(one_at_a_time_neither),
      cmocka_unit_test(a_start_of_a_thread_that_there_is_no_memory_for_is_called_back_all_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

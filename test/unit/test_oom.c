/* Memory that runs out at each allocation in turn. Linked with the linker's --wrap for malloc,
   calloc, realloc and strdup; only what is called while `failing` is set is counted and fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "fake_carrier.h"
#include "note.h"
#include "options.h"
#include "test/wrapped_heap.h"
#include "text.h"

/* As in wrapped_heap.h. */
CURLcode __real_curl_global_init(long flags);
CURLcode __wrap_curl_global_init(long flags);

static bool failing;
static unsigned fail_at, allocations; /* the fail_at-th fails, from 1 */

static void fail_from(unsigned at) {
  allocations = 0;
  fail_at = at;
  failing = true;
}

/* True: the allocation that was to fail was reached. */
static bool stop_failing(void) {
  failing = false;
  return allocations >= fail_at;
}

static bool fails(void) {
  return failing && ++allocations == fail_at;
}

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
  return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text) {
  return fails() ? NULL : __real_strdup(text);
}

static void a_submit_that_fails_keeps_nothing(void **state) {
  (void)state;
  unsigned at = 0;
  for (bool reached = true; reached;) {
    struct fake *fake = fake_open(NULL);
    fail_from(++at);
    int status = fake_try_submit(fake, 1, "a note", EXPSTART_START, NULL);
    reached = stop_failing();
    assert_int_equal(status, reached ? EXPSTART_ENOMEM : EXPSTART_OK);
    assert_int_equal(fake_stats(fake).accepted, reached ? 0 : 1);
    assert_int_equal(expstart__engine_live(fake->engine), reached ? 0 : 1);
    /* It is whole: the same again, with memory, goes well. */
    (void)fake_submit(fake, 2);
    fake_step(fake);
    fake_answer(fake, 2, answer_started());
    assert_ended(fake, 2, EXPSTART_STARTED, EXPSTART_OK);
    fake_close(fake);
  }
  assert_true(at > 4); /* the note, its text, its body, a chunk of slots, the heap */
}

static void growth_that_fails_keeps_what_is_there(void **state) {
  (void)state;
  enum { FIRST_CHUNK = 4096 };
  unsigned at = 0;
  for (bool reached = true; reached;) {
    struct fake *fake = fake_open(NULL);
    fake_submit_range(fake, 1, FIRST_CHUNK);
    fail_from(++at);
    int status = fake_try_submit(fake, FIRST_CHUNK + 1, NULL, EXPSTART_START, NULL);
    reached = stop_failing();
    assert_int_equal(status, reached ? EXPSTART_ENOMEM : EXPSTART_OK);
    assert_int_equal(fake_stats(fake).accepted, reached ? FIRST_CHUNK : FIRST_CHUNK + 1);
    fake_close(fake);
  }
  assert_true(at > 1);
}

/* A whole life - failure, look, start again, done - with the n-th allocation of its reports failing. */
static void reports_without_memory_still_end_in_one_callback(void **state) {
  (void)state;
  unsigned at = 0;
  for (bool reached = true; reached;) {
    struct fake *fake = fake_open(NULL);
    (void)fake_submit(fake, 1);
    fake_step(fake);
    fail_from(++at);
    fake_answer(fake, 1, answer_status(503)); /* without texts: the fake allocates nothing here */
    for (int i = 0; i < 5 && fake->open_count == 0; i++)
      fake_run_to(fake, fake->wake_us);
    struct fake_answer answer = answer_status(200);
    answer.ok = 1;
    fake_answer(fake, 1, answer);
    reached = stop_failing();
    assert_ended(fake, 1, EXPSTART_STARTED, EXPSTART_OK);
    assert_int_equal(fake->result_count, 1);
    fake_close(fake);
  }
  assert_true(at > 1);
}

static void a_note_that_fails_leaves_no_trace(void **state) {
  (void)state;
  unsigned at = 0;
  for (bool reached = true; reached;) {
    struct expstart__notes notes = {0};
    fail_from(++at);
    struct expstart__note *note = expstart__note_take(&notes, "wave 1", 0);
    reached = stop_failing();
    assert_int_equal(note == NULL, reached);
    if (note)
      expstart__note_release(&notes, note);
    expstart__notes_clear(&notes);
    assert_null(notes.tree);
  }
}

static void options_that_fail_keep_nothing(void **state) {
  (void)state;
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = "https://acme.example/v1";
  options.api_key = "KEY";
  unsigned at = 0;
  for (bool reached = true; reached;) {
    struct expstart__settings settings;
    fail_from(++at);
    int status = expstart__settings_init(&settings, &options, NULL);
    reached = stop_failing();
    assert_int_equal(status, reached ? EXPSTART_ENOMEM : EXPSTART_OK);
    if (status == EXPSTART_OK)
      expstart__settings_clear(&settings);
  }
  assert_true(at > 3);
}

static void a_digest_that_fails_says_so(void **state) {
  (void)state;
  static const char text[] = "{\"ok\":false,\"errors\":[\"a\",\"b\"],\"experiment\":{\"id\":7,"
                             "\"name\":\"n\",\"state\":\"s\",\"start_at\":\"t\"}}";
  unsigned at = 0;
  for (bool reached = true; reached;) {
    struct expstart__reply reply = {.ok = -1};
    fail_from(++at);
    struct expstart__digest *digest = expstart__digest_create(true, NULL);
    int status = digest ? expstart__digest_feed(digest, text, sizeof text - 1) : EXPSTART_ENOMEM;
    if (status == EXPSTART_OK)
      status = expstart__digest_finish(digest, &reply);
    reached = stop_failing();
    assert_int_equal(status, reached ? EXPSTART_ENOMEM : EXPSTART_OK);
    if (status != EXPSTART_OK) {
      assert_null(reply.message);
      assert_null(reply.errors);
    }
    expstart__reply_clear(&reply);
    expstart__digest_destroy(digest);
  }
  assert_true(at > 5);
}

/* ---- what is set up once in a process ---------------------------------------------------------- */

static unsigned curl_failures_left;

CURLcode __wrap_curl_global_init(long flags) {
  return curl_failures_left > 0 && curl_failures_left-- > 0 ? CURLE_OUT_OF_MEMORY
                                                            : __real_curl_global_init(flags);
}

static int make_client(expstart_client **client, uv_loop_t *loop) {
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = "http://127.0.0.1:9/v1";
  options.api_key = "a-key";
  return expstart_client_create(client, loop, &options);
}

static void a_failure_to_set_libcurl_up_is_not_for_good(void **state) {
  (void)state;
  expstart_client *client;
  uv_loop_t loop;
  assert_int_equal(uv_loop_init(&loop), 0);
  curl_failures_left = 1;
  assert_int_equal(make_client(&client, &loop), EXPSTART_ENOMEM);
  assert_null(client);
  assert_int_equal(make_client(&client, &loop), EXPSTART_OK);
  assert_int_equal(expstart_client_close(client, EXPSTART_ABORT, NULL, NULL), EXPSTART_OK);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_submit_that_fails_keeps_nothing),
      cmocka_unit_test(growth_that_fails_keeps_what_is_there),
      cmocka_unit_test(reports_without_memory_still_end_in_one_callback),
      cmocka_unit_test(a_note_that_fails_leaves_no_trace),
      cmocka_unit_test(options_that_fail_keep_nothing),
      cmocka_unit_test(a_digest_that_fails_says_so),
      cmocka_unit_test(a_failure_to_set_libcurl_up_is_not_for_good),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

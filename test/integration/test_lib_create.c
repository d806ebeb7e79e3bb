/*
 * A client that cannot be made: each step of create that can fail does so in turn, in libuv, in libcurl
 * and in the heap. The error is the right one, the loop closes after one turn, and no descriptor is left.
 * (Under the address sanitizer: no byte either.)
 */
#include "harness.h"

#include <curl/curl.h>
#include <dirent.h>

/* ---- what fails when it is told to ---- */

/* The call of that number, from 1; 0: none. Create is called on one thread, but what it starts goes on. */
struct failing {
  const char *name;
  int error; /* that create returns then */
  unsigned at, calls;
};

enum { MUTEX, LOOP, PIPE, POLL, THREAD, MULTI, EASY, MALLOC, CALLOC, KINDS };

static struct failing kinds[KINDS] = {
    [MUTEX] = {"uv_mutex_init", EXPSTART_ESYSTEM, 0, 0},
    [LOOP] = {"uv_loop_init", EXPSTART_ESYSTEM, 0, 0},
    [PIPE] = {"uv_pipe", EXPSTART_ESYSTEM, 0, 0},
    [POLL] = {"uv_poll_init", EXPSTART_ESYSTEM, 0, 0},
    [THREAD] = {"uv_thread_create", EXPSTART_ESYSTEM, 0, 0},
    [MULTI] = {"curl_multi_init", EXPSTART_ENOMEM, 0, 0},
    [EASY] = {"curl_easy_init", EXPSTART_ENOMEM, 0, 0},
    [MALLOC] = {"malloc", EXPSTART_ENOMEM, 0, 0},
    [CALLOC] = {"calloc", EXPSTART_ENOMEM, 0, 0},
};

static bool armed; /* while create runs, on the thread that runs it */
static uv_thread_t creator;

static bool fails(int kind) {
  uv_thread_t self = uv_thread_self();
  return armed && uv_thread_equal(&self, &creator) && ++kinds[kind].calls == kinds[kind].at;
}

#define WRAP(kind, type, name, parameters, arguments, failure)                                     \
  type __real_##name parameters;                                                                   \
  type __wrap_##name parameters;                                                                   \
  type __wrap_##name parameters {                                                                  \
    return fails(kind) ? (failure) : __real_##name arguments;                                      \
  }

WRAP(MUTEX, int, uv_mutex_init, (uv_mutex_t * mutex), (mutex), UV_ENOMEM)
WRAP(LOOP, int, uv_loop_init, (uv_loop_t * loop), (loop), UV_EMFILE)
WRAP(PIPE, int, uv_pipe, (uv_file fds[2], int a, int b), (fds, a, b), UV_EMFILE)
WRAP(POLL, int, uv_poll_init, (uv_loop_t * loop, uv_poll_t *poll, int fd), (loop, poll, fd),
     UV_ENOMEM)
WRAP(THREAD, int, uv_thread_create, (uv_thread_t * thread, uv_thread_cb run, void *data),
     (thread, run, data), UV_EAGAIN)
WRAP(MULTI, CURLM *, curl_multi_init, (void), (), NULL)
WRAP(EASY, CURL *, curl_easy_init, (void), (), NULL)
WRAP(MALLOC, void *, malloc, (size_t size), (size), NULL)
WRAP(CALLOC, void *, calloc, (size_t count, size_t size), (count, size), NULL)

/* ---- the tests ---- */

static unsigned open_descriptors(void) {
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  assert_non_null(folder);
  while (readdir(folder))
    count++;
  closedir(folder);
  return count;
}

static void count_handle(uv_handle_t *handle, void *count) {
  (void)handle;
  ++*(unsigned *)count;
}

/* Handles that are on the loop close in its next turn; then it can be closed. */
static void expect_clean(uv_loop_t *loop, const struct failing *kind, unsigned at) {
  unsigned handles = 0;
  uv_run(loop, UV_RUN_NOWAIT);
  uv_walk(loop, count_handle, &handles);
  if (handles > 0 || uv_loop_close(loop) != 0)
    fail_msg("%s %u: %u handles are left on the loop", kind->name, at, handles);
}

/* False: there was no such call. */
static bool fail_once(struct failing *kind, unsigned at, int io_threads) {
  uv_loop_t loop;
  struct expstart_options options;
  expstart_client *client = NULL;
  unsigned before = open_descriptors();
  expstart_options_init(&options);
  options.endpoint = "https://localhost:1/v1";
  options.api_key = HARNESS_KEY;
  options.io_threads = io_threads;
  assert_int_equal(uv_loop_init(&loop), 0);
  creator = uv_thread_self();
  kind->at = at;
  kind->calls = 0;
  armed = true;
  int status = expstart_client_create(&client, &loop, &options);
  armed = false;
  kind->at = 0;
  bool happened = kind->calls >= at;
  if (happened && (status != kind->error || client))
    fail_msg("%s %u: %s", kind->name, at, expstart_err_name(status));
  if (!happened) {
    assert_int_equal(status, EXPSTART_OK);
    assert_int_equal(expstart_client_close(client, EXPSTART_ABORT, NULL, NULL), EXPSTART_OK);
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  expect_clean(&loop, kind, at);
  if (open_descriptors() != before)
    fail_msg("%s %u: a descriptor is left", kind->name, at);
  return happened;
}

static void fail_all(int io_threads) {
  for (int kind = 0; kind < KINDS; kind++) {
    unsigned at = 1;
    while (at < 1000 && fail_once(&kinds[kind], at, io_threads))
      at++;
    assert_true(at < 1000);
  }
}

/* libuv and libcurl set themselves up once for the process, with descriptors that stay. */
static int set_up(void **state) {
  uv_loop_t loop;
  (void)state;
  armed = false;
  if (uv_loop_init(&loop) != 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return -1;
  return uv_loop_close(&loop);
}

static void a_client_with_a_thread_that_cannot_be_made_leaves_nothing(void **state) {
  (void)state;
  fail_all(1);
}

static void a_client_with_threads_that_cannot_be_made_leaves_nothing(void **state) {
  (void)state;
  fail_all(3);
}

static void a_client_on_the_loop_that_cannot_be_made_leaves_nothing(void **state) {
  (void)state;
  fail_all(EXPSTART_IO_ON_LOOP);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_client_with_a_thread_that_cannot_be_made_leaves_nothing),
      cmocka_unit_test(a_client_with_threads_that_cannot_be_made_leaves_nothing),
      cmocka_unit_test(a_client_on_the_loop_that_cannot_be_made_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}

/* What keeps programs running that were built with an older version of the library: the layout of the public
 * structs, which layout.h holds when this is compiled, and that no byte is read or written beyond what such a
 * program has. Every struct here lies at the end of its memory, so that valgrind and the sanitizers see that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if UINTPTR_MAX == UINT64_MAX
#include "test/abi/layout.h"

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)client;
  assert_int_equal(result->outcome, EXPSTART_CANCELED);
  assert_int_equal(result->experiment_id, 17);
  ++*(int *)data;
}

/* `of` at the end of a piece of memory that is `size` bytes long. */
static void *cut(const void *of, size_t size) {
  void *memory = malloc(size);
  assert_non_null(memory);
  memcpy(memory, of, size);
  return memory;
}

static expstart_client *create(uv_loop_t *loop) {
  struct expstart_options full;
  expstart_options_init(&full);
  full.size = OPTIONS_0_1_0;
  full.endpoint = "http://127.0.0.1:9/v1";
  full.api_key = "abi-key";
  struct expstart_options *options = cut(&full, OPTIONS_0_1_0);
  expstart_client *client = NULL;
  assert_int_equal(uv_loop_init(loop), 0);
  assert_int_equal(expstart_client_create(&client, loop, options), EXPSTART_OK);
  free(options);
  return client;
}

static void close_and_run(expstart_client *client, uv_loop_t *loop) {
  assert_int_equal(expstart_client_close(client, EXPSTART_ABORT, NULL, NULL), EXPSTART_OK);
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(loop), 0);
}

static void a_program_of_0_1_0_makes_a_client_and_submits(void **state) {
  (void)state;
  uv_loop_t loop;
  int done = 0;
  expstart_client *client = create(&loop);
  const struct expstart_request full = {
      .size = REQUEST_0_1_0, .experiment_id = 17, .done = on_done, .data = &done};
  struct expstart_request *request = cut(&full, REQUEST_0_1_0);
  assert_int_equal(expstart_pause(client), EXPSTART_OK);
  assert_int_equal(expstart_submit(client, request, NULL), EXPSTART_OK);
  assert_int_equal(expstart_submit_from_thread(client, request), EXPSTART_OK);
  free(request);
  close_and_run(client, &loop);
  assert_int_equal(done, 2);
}

static void a_program_of_0_1_0_gets_the_stats_it_knows_and_nothing_behind_them(void **state) {
  (void)state;
  uv_loop_t loop;
  expstart_client *client = create(&loop);
  unsigned char *memory = malloc(STATS_0_1_0 + 8);
  assert_non_null(memory);
  memset(memory, 0xa5, STATS_0_1_0 + 8);
  expstart_stats_get(client, (struct expstart_stats *)(void *)memory, STATS_0_1_0);
  for (size_t i = 0; i < STATS_0_1_0; i++)
    assert_int_equal(memory[i], 0); /* nothing has happened yet */
  for (size_t i = STATS_0_1_0; i < STATS_0_1_0 + 8; i++)
    assert_int_equal(memory[i], 0xa5);
  free(memory);
  close_and_run(client, &loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_program_of_0_1_0_makes_a_client_and_submits),
      cmocka_unit_test(a_program_of_0_1_0_gets_the_stats_it_knows_and_nothing_behind_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) {
  puts("left out: the layout is written down for machines of 64 bits");
  return 77;
}
#endif

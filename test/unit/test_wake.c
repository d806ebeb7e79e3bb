/* A loop that other threads wake: no call is lost, many may come as one, and a close leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "expstart.h"
#include "wake.h"

enum { WAKERS = 4, TIMES = 5000 };

struct scene {
  uv_loop_t loop;
  struct expstart__wake wake;
  atomic_uint put_up; /* by the wakers */
  unsigned seen, calls;
  bool again; /* wakes itself from its own callback, once */
};

static void begin(struct scene *scene, void (*woken)(void *data)) {
  *scene = (struct scene){.seen = 0};
  assert_int_equal(uv_loop_init(&scene->loop), 0);
  assert_int_equal(expstart__wake_init(&scene->wake, &scene->loop, woken, scene), EXPSTART_OK);
}

static void end(struct scene *scene) {
  expstart__wake_close(&scene->wake, NULL);
  assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
  expstart__wake_clear(&scene->wake);
  assert_int_equal(uv_loop_close(&scene->loop), 0);
}

static void on_woken(void *data) {
  struct scene *scene = data;
  scene->calls++;
  scene->seen = atomic_load(&scene->put_up);
  if (scene->again) {
    scene->again = false;
    expstart__wake_up(&scene->wake);
  }
}

static void put_up_and_wake(void *data) {
  struct scene *scene = data;
  for (unsigned i = 0; i < TIMES; i++) {
    atomic_fetch_add(&scene->put_up, 1);
    expstart__wake_up(&scene->wake);
  }
}

static void what_any_thread_put_up_is_seen(void **state) {
  (void)state;
  struct scene scene;
  uv_thread_t wakers[WAKERS];
  begin(&scene, on_woken);
  uv_ref((uv_handle_t *)&scene.wake.poll);
  for (unsigned i = 0; i < WAKERS; i++)
    assert_int_equal(uv_thread_create(&wakers[i], put_up_and_wake, &scene), 0);
  while (scene.seen < WAKERS * TIMES) /* a wake-up that is lost leaves it waiting here */
    assert_int_not_equal(uv_run(&scene.loop, UV_RUN_ONCE), 0);
  for (unsigned i = 0; i < WAKERS; i++)
    assert_int_equal(uv_thread_join(&wakers[i]), 0);
  assert_in_range(scene.calls, 1, WAKERS * TIMES);
  end(&scene);
}

static void calls_that_come_together_are_one(void **state) {
  (void)state;
  struct scene scene;
  begin(&scene, on_woken);
  uv_ref((uv_handle_t *)&scene.wake.poll);
  for (int i = 0; i < 100000; i++) /* more than a pipe holds */
    expstart__wake_up(&scene.wake);
  uv_run(&scene.loop, UV_RUN_NOWAIT);
  uv_run(&scene.loop, UV_RUN_NOWAIT);
  assert_int_equal(scene.calls, 1);
  end(&scene);
}

static void the_woken_may_wake_itself(void **state) {
  (void)state;
  struct scene scene;
  begin(&scene, on_woken);
  uv_ref((uv_handle_t *)&scene.wake.poll);
  scene.again = true;
  expstart__wake_up(&scene.wake);
  for (int i = 0; i < 3; i++)
    uv_run(&scene.loop, UV_RUN_NOWAIT);
  assert_int_equal(scene.calls, 2);
  end(&scene);
}

static void it_does_not_keep_the_loop_alive(void **state) {
  (void)state;
  struct scene scene;
  begin(&scene, on_woken);
  assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
  end(&scene);
}

static void one_that_is_closed_calls_no_more(void **state) {
  (void)state;
  struct scene scene;
  begin(&scene, on_woken);
  expstart__wake_up(&scene.wake);
  end(&scene);
  assert_int_equal(scene.calls, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_any_thread_put_up_is_seen),
      cmocka_unit_test(calls_that_come_together_are_one),
      cmocka_unit_test(the_woken_may_wake_itself),
      cmocka_unit_test(it_does_not_keep_the_loop_alive),
      cmocka_unit_test(one_that_is_closed_calls_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

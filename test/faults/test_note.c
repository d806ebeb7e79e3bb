/* A start's note, with each allocation refused in turn, json-c's too if it has a part in it: json-c leaves out what
 * it has no room for, and says nothing, so that the start would go out with another note. */
#include "inject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"

static void a_note_without_memory_is_whole_or_not_made(void **state) {
  (void)state;
  char note[4000], wanted[sizeof note + 64];
  memset(note, 'n', sizeof note - 1);
  note[sizeof note - 1] = '\0';
  snprintf(wanted, sizeof wanted, "{\"action\":\"start\",\"note\":\"%s\"}", note);
  unsigned at = 1;
  for (bool reached = true; reached; at++) {
    struct inject_plan plan = {.kind = INJECT_MEMORY, .at = at};
    size_t size;
    inject_arm(&plan);
    char *body = expstart__body_create(note, &size);
    inject_disarm();
    reached = atomic_load(&plan.counted[INJECT_MEMORY]) >= at;
    assert_int_equal(body == NULL, reached);
    if (body)
      assert_string_equal(body, wanted);
    free(body);
  }
  assert_true(at > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_note_without_memory_is_whole_or_not_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

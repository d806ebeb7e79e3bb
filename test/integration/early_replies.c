/* Starts over HTTP/2 at a server where nothing fails: each needs one attempt.
   The script http2_early_replies runs it, with $EXPSTART_ENDPOINT and $EXPSTART_CA_FILE. */
#include "harness.h"

enum { STARTS = 4000 };

static void each_start_takes_one_attempt(void **state) {
  (void)state;
  struct harness h;
  harness_init(&h, getenv("EXPSTART_ENDPOINT"));
  h.options.ca_file = getenv("EXPSTART_CA_FILE");
  h.options.max_in_flight = 32;
  harness_open(&h);
  for (int64_t id = 1; id <= STARTS; id++)
    harness_submit(&h, id);
  harness_run(&h, STARTS);
  struct expstart_stats stats = harness_stats(&h);
  assert_int_equal(stats.started, STARTS);
  assert_int_equal(stats.faults, 0);
  assert_int_equal(stats.attempts, STARTS);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_start_takes_one_attempt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The parts of a run that only decide: what is claimed ahead, and quantiles of the last moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "feed.h"
#include "recent.h"
#include "stop.h"
#include "text.h"

/* ---- the feed; the writer is one of our own, on a disk that is told when to be done --------------- */

static size_t asked_for;
static size_t on_disk;

void writer_claim(struct writer *writer, size_t to) {
  (void)writer;
  asked_for = to;
}

size_t writer_claimed(struct writer *writer) {
  (void)writer;
  return on_disk;
}

static struct writer *const writer = (struct writer *)&asked_for; /* not looked into */

static void begin(struct feed *feed, struct list *list, size_t count, size_t doubt_from,
                  struct writer *with) {
  memset(list, 0, sizeof *list);
  list->count = count;
  asked_for = 0;
  on_disk = 0;
  feed_init(feed, list, doubt_from, with);
}

static void without_a_journal_all_that_is_certain_may_go(void **state) {
  (void)state;
  struct feed feed;
  struct list list;
  begin(&feed, &list, 10, 10, NULL);
  for (int i = 0; i < 10; i++) {
    assert_true(feed_has_next(&feed));
    feed.next++;
  }
  assert_false(feed_has_next(&feed));
}

static void nothing_goes_before_it_is_on_the_disk(void **state) {
  (void)state;
  struct feed feed;
  struct list list;
  begin(&feed, &list, 1000, 1000, writer);
  assert_false(feed_has_next(&feed));
  feed_claim(&feed, 0);
  assert_in_range(asked_for, 1, 100);
  assert_false(feed_has_next(&feed));
  on_disk = 3;
  feed_take_claims(&feed, 0);
  for (int i = 0; i < 3; i++) {
    assert_true(feed_has_next(&feed));
    feed.next++;
  }
  assert_false(feed_has_next(&feed));
}

static void what_is_claimed_ahead_follows_the_rate(void **state) {
  (void)state;
  static const double rates[] = {0, 1, 16, 1000, 10000, 1e6};
  static const size_t aheads[] = {16, 16, 16, 500, 5000, 20000};
  struct feed feed;
  struct list list;
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
    begin(&feed, &list, 1000000, 1000000, writer);
    feed_set_rate(&feed, rates[i]);
    feed_claim(&feed, 0);
    assert_int_equal(asked_for, aheads[i]);
    /* Enough waits: no more is asked for. */
    feed_claim(&feed, 0);
    assert_int_equal(asked_for, aheads[i]);
    on_disk = asked_for;
    feed_take_claims(&feed, 1);
    feed.next = asked_for;
    feed_claim(&feed, aheads[i]);
    assert_int_equal(asked_for, aheads[i]);
  }
}

static void a_queue_that_ran_dry_doubles_what_is_claimed(void **state) {
  (void)state;
  struct feed feed;
  struct list list;
  begin(&feed, &list, 1000000, 1000000, writer);
  for (size_t wanted = 16; wanted < 1000; wanted *= 2) {
    size_t before = asked_for;
    feed_claim(&feed, 0);
    assert_int_equal(asked_for - before, wanted);
    on_disk = asked_for;
    feed_take_claims(&feed, 0);
    feed.next = asked_for;
  }
}

static void doubts_are_not_claimed_before_they_are_ripe(void **state) {
  (void)state;
  struct feed feed;
  struct list list;
  begin(&feed, &list, 12, 4, writer);
  feed_claim(&feed, 0);
  assert_int_equal(asked_for, 4);
  on_disk = 4;
  feed_take_claims(&feed, 0);
  feed.next = 4;
  feed_claim(&feed, 0);
  assert_int_equal(asked_for, 4);
  feed.is_ripe = true;
  feed_claim(&feed, 0);
  assert_int_equal(asked_for, 12);
}

/* ---- quantiles ------------------------------------------------------------------------------- */

static void quantiles_of_a_few_are_exact(void **state) {
  (void)state;
  static struct recent recent;
  for (uint64_t i = 100; i >= 1; i--) {
    recent_add(&recent, i * 1000);
  }
  struct recent_quantiles taken = recent_take(&recent);
  assert_int_equal(taken.p50_us, 50000);
  assert_int_equal(taken.p90_us, 90000);
  assert_int_equal(taken.p99_us, 99000);
  assert_int_equal(taken.max_us, 100000);
  taken = recent_take(&recent);
  assert_int_equal(taken.p50_us, 0);
  assert_int_equal(taken.max_us, 0);
}

static void quantiles_of_many_are_close_and_the_longest_is_exact(void **state) {
  (void)state;
  static struct recent recent;
  for (uint64_t i = 0; i < 100000; i++) {
    recent_add(&recent, i);
  }
  recent_add(&recent, UINT64_MAX);
  struct recent_quantiles taken = recent_take(&recent);
  assert_in_range(taken.p50_us, 40000, 60000);
  assert_in_range(taken.p90_us, 85000, 95000);
  assert_true(taken.max_us == UINT64_MAX);
}

static void each_way_to_stop_has_words(void **state) {
  (void)state;
  for (int stop = STOP_NOT; stop <= STOP_TROUBLE; stop++) {
    assert_memory_equal(stop_not_sent((enum stop)stop), "not sent", 8);
    assert_true(strlen(stop_ending((enum stop)stop, 2)) >= 4);
  }
  assert_string_equal(stop_ending(STOP_NOT, 0), "done");
  assert_string_equal(stop_ending(STOP_SIGNAL, 15), "stopped by SIGTERM");
}

static void a_pattern_is_not_cut_in_the_middle_of_a_character(void **state) {
  (void)state;
  char pattern[8];
  assert_string_equal(text_pattern(pattern, sizeof pattern, "a 12 b"), "a # b");
  assert_string_equal(text_pattern(pattern, sizeof pattern, "1234567890"), "#");
  assert_string_equal(text_pattern(pattern, sizeof pattern, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"),
                      "\xC3\xA9\xC3\xA9\xC3\xA9");
  assert_string_equal(text_pattern(pattern, sizeof pattern, "abcd\xF0\x9F\x98\x80"), "abcd");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_journal_all_that_is_certain_may_go),
      cmocka_unit_test(nothing_goes_before_it_is_on_the_disk),
      cmocka_unit_test(what_is_claimed_ahead_follows_the_rate),
      cmocka_unit_test(a_queue_that_ran_dry_doubles_what_is_claimed),
      cmocka_unit_test(doubts_are_not_claimed_before_they_are_ripe),
      cmocka_unit_test(quantiles_of_a_few_are_exact),
      cmocka_unit_test(quantiles_of_many_are_close_and_the_longest_is_exact),
      cmocka_unit_test(each_way_to_stop_has_words),
      cmocka_unit_test(a_pattern_is_not_cut_in_the_middle_of_a_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

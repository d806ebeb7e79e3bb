/* What is kept of replies while their requests wait: little of each, and not more of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "digest.h"
#include "expstart.h"
#include "words.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { ERRORS = 32 };

/* As a digest makes it of a reply with long errors. */
static void fill(struct expstart__reply *reply, size_t error_size) {
  static char error[4096 + 1];
  static const char *errors[ERRORS];
  memset(error, 'e', error_size);
  error[error_size] = '\0';
  for (int i = 0; i < ERRORS; i++)
    errors[i] = error;
  const struct expstart__reply words = {.message = "the message",
                                        .state = "ready",
                                        .name = "a name",
                                        .errors = errors,
                                        .error_count = ERRORS};
  assert_true(expstart__reply_set_words(reply, &words));
}

static void what_waits_keeps_little_and_says_that_it_was_cut(void **state) {
  (void)state;
  struct expstart__words_pool pool = {0};
  struct expstart__words *words = expstart__words_take(&pool);
  words->http_status = 500;
  fill(&words->reply, 500);
  words->reply.raw = strdup("{}");
  words->reply.raw_size = 2;
  expstart__words_wait(&pool, words);
  assert_in_range(expstart__reply_memory(&words->reply), 1, EXPSTART_WAITING_MAX);
  assert_int_equal(pool.waiting_size, expstart__reply_memory(&words->reply));
  assert_true(words->reply.cut);
  assert_null(words->reply.raw);
  assert_in_range(words->reply.error_count, 1, 8);
  assert_int_equal(strlen(words->reply.errors[0]), 500);
  assert_string_equal(words->reply.message, "the message");
  assert_string_equal(words->reply.state, "ready");
  assert_int_equal(words->http_status, 500);
  expstart__words_release(&pool, words);
  assert_int_equal(pool.waiting_size, 0);
  expstart__words_clear(&pool);
}

/* Of kept bytes only those that there are were counted, of memory for 4,096 of them. */
static void the_memory_of_kept_bytes_is_what_is_counted(void **state) {
  (void)state;
  static const char bytes[] = "{\"errors\":[\"no\"]}";
  struct expstart__words_pool pool = {0};
  struct expstart__words *words = expstart__words_take(&pool);
  struct expstart__digest *digest = expstart__digest_create(true, NULL);
  assert_non_null(digest);
  assert_int_equal(expstart__digest_feed(digest, bytes, sizeof bytes - 1), EXPSTART_OK);
  assert_int_equal(expstart__digest_finish(digest, &words->reply), EXPSTART_OK);
  expstart__words_wait(&pool, words);
  assert_string_equal(words->reply.raw, bytes);
  assert_in_range(malloc_usable_size(words->reply.raw), sizeof bytes, sizeof bytes + 64);
  expstart__digest_destroy(digest);
  expstart__words_release(&pool, words);
  expstart__words_clear(&pool);
}

static void what_is_short_stays_as_it_is(void **state) {
  (void)state;
  struct expstart__words_pool pool = {0};
  struct expstart__words *words = expstart__words_take(&pool);
  fill(&words->reply, 10);
  words->reply.raw = strdup("{}");
  words->reply.raw_size = 2;
  expstart__words_wait(&pool, words);
  assert_false(words->reply.cut);
  assert_int_equal(words->reply.error_count, ERRORS);
  assert_string_equal(words->reply.raw, "{}");
  expstart__words_release(&pool, words);
  expstart__words_clear(&pool);
}

static void texts_that_do_not_fit_at_all_are_left_out(void **state) {
  (void)state;
  static char name[EXPSTART_WAITING_MAX + 1];
  memset(name, 'n', sizeof name - 1);
  struct expstart__reply reply = {.ok = -1};
  assert_true(expstart__reply_set_words(&reply, &(struct expstart__reply){.name = name}));
  expstart__reply_shrink(&reply, EXPSTART_WAITING_MAX);
  assert_null(reply.name);
  assert_true(reply.cut);
  expstart__reply_clear(&reply);
}

/* 64 in flight at an API that answers 500 with 128 KB of errors once held 1.8 GB after 20 seconds. */
static void all_that_waits_together_is_bounded_too(void **state) {
  (void)state;
  enum { WAITING = 20000 };
  struct expstart__words_pool pool = {0};
  struct expstart__words **all = calloc(WAITING, sizeof(struct expstart__words *));
  assert_non_null(all);
  size_t with_words = 0;
  for (int i = 0; i < WAITING; i++) {
    all[i] = expstart__words_take(&pool);
    assert_non_null(all[i]);
    all[i]->http_status = 500;
    fill(&all[i]->reply, 4096);
    expstart__words_wait(&pool, all[i]);
    assert_true(pool.waiting_size <= EXPSTART_ALL_WAITING_MAX);
    assert_true(all[i]->reply.cut);
    with_words += all[i]->reply.message != NULL;
  }
  assert_in_range(with_words, 4000, WAITING);
  for (int i = 0; i < WAITING; i++)
    expstart__words_release(&pool, all[i]);
  assert_int_equal(pool.waiting_size, 0);
  expstart__words_clear(&pool);
  free(all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_waits_keeps_little_and_says_that_it_was_cut),
      cmocka_unit_test(the_memory_of_kept_bytes_is_what_is_counted),
      cmocka_unit_test(what_is_short_stays_as_it_is),
      cmocka_unit_test(texts_that_do_not_fit_at_all_are_left_out),
      cmocka_unit_test(all_that_waits_together_is_bounded_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

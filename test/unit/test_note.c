/* Notes: equal ones are stored once, for as long as somebody uses them, and the last one on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "note.h"

enum { MANY = 5000 };

static void a_note_comes_with_its_body(void **state) {
  (void)state;
  struct expstart__notes notes = {0};
  struct expstart__note *note = expstart__note_take(&notes, "wave 1", 0);
  assert_non_null(note);
  assert_string_equal(note->text, "wave 1");
  assert_string_equal(note->body, "{\"action\":\"start\",\"note\":\"wave 1\"}");
  assert_int_equal(note->body_size, strlen(note->body));
  expstart__note_release(&notes, note);
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

static void equal_notes_are_one(void **state) {
  (void)state;
  struct expstart__notes notes = {0};
  char text[] = "wave 1";
  struct expstart__note *first = expstart__note_take(&notes, text, 0);
  struct expstart__note *second = expstart__note_take(&notes, "wave 1", 0);
  assert_ptr_equal(first, second);
  assert_int_equal(first->users, 2);
  expstart__note_release(&notes, first);
  expstart__note_release(&notes, second);
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

static void a_note_is_copied(void **state) {
  (void)state;
  struct expstart__notes notes = {0};
  char text[] = "wave 1";
  struct expstart__note *note = expstart__note_take(&notes, text, 0);
  memset(text, 'x', sizeof text - 1);
  assert_string_equal(note->text, "wave 1");
  assert_ptr_equal(expstart__note_take(&notes, "wave 1", 0), note);
  expstart__note_release(&notes, note);
  expstart__note_release(&notes, note);
  expstart__notes_clear(&notes);
}

static void different_notes_are_different(void **state) {
  (void)state;
  static const char *const texts[] = {NULL, "", "a", "A", "ab", "a ", "\xC3\xA4"};
  enum { COUNT = sizeof texts / sizeof *texts };
  struct expstart__notes notes = {0};
  struct expstart__note *taken[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    taken[i] = expstart__note_take(&notes, texts[i], 0);
    for (size_t j = 0; j < i; j++)
      assert_ptr_not_equal(taken[i], taken[j]);
  }
  for (size_t i = 0; i < COUNT; i++)
    expstart__note_release(&notes, taken[i]);
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

static void no_note_is_stored_once_too(void **state) {
  (void)state;
  struct expstart__notes notes = {0};
  struct expstart__note *first = expstart__note_take(&notes, NULL, 0);
  assert_null(first->text);
  assert_string_equal(first->body, "{\"action\":\"start\"}");
  assert_ptr_equal(expstart__note_take(&notes, NULL, 0), first);
  expstart__note_release(&notes, first);
  expstart__note_release(&notes, first);
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

/* A caller that submits the next start when the last one is done makes the note's JSON once. */
static void the_note_used_last_is_there_for_the_next(void **state) {
  (void)state;
  struct expstart__notes notes = {0};
  struct expstart__note *note = expstart__note_take(&notes, "wave 1", 0);
  const char *body = note->body;
  expstart__note_release(&notes, note);
  assert_ptr_equal(expstart__note_take(&notes, "wave 1", 0), note);
  assert_ptr_equal(note->body, body);
  assert_int_equal(note->users, 1);
  expstart__note_release(&notes, note);
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

static void of_notes_without_users_only_one_is_kept(void **state) {
  (void)state;
  struct expstart__notes notes = {0};
  struct expstart__note *first = expstart__note_take(&notes, "wave 1", 0);
  struct expstart__note *second = expstart__note_take(&notes, "wave 2", 0);
  expstart__note_release(&notes, first);
  assert_ptr_equal(notes.idle, first);
  expstart__note_release(&notes, second);
  assert_ptr_equal(notes.idle, second);
  assert_ptr_equal(*(struct expstart__note **)notes.tree, second); /* the only one */
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

static void many_notes_are_found_again_and_all_go(void **state) {
  (void)state;
  static struct expstart__note *taken[MANY];
  struct expstart__notes notes = {0};
  char text[32];
  for (int i = 0; i < MANY; i++) {
    snprintf(text, sizeof text, "note %d", i * 7919 % MANY);
    taken[i] = expstart__note_take(&notes, text, 0);
    assert_non_null(taken[i]);
  }
  for (int i = 0; i < MANY; i++) {
    snprintf(text, sizeof text, "note %d", i * 7919 % MANY);
    assert_ptr_equal(expstart__note_take(&notes, text, 0), taken[i]);
    assert_int_equal(taken[i]->users, 2);
  }
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < MANY; i++)
      expstart__note_release(&notes, taken[(i + 13) % MANY]);
  expstart__notes_clear(&notes);
  assert_null(notes.tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_note_comes_with_its_body),
      cmocka_unit_test(equal_notes_are_one),
      cmocka_unit_test(a_note_is_copied),
      cmocka_unit_test(different_notes_are_different),
      cmocka_unit_test(no_note_is_stored_once_too),
      cmocka_unit_test(the_note_used_last_is_there_for_the_next),
      cmocka_unit_test(of_notes_without_users_only_one_is_kept),
      cmocka_unit_test(many_notes_are_found_again_and_all_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

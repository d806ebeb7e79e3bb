/* Text at the border: what counts as UTF-8, what cleaning makes of the rest, redaction, wiping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool valid(const char *text) {
  return expstart__utf8_is_valid(text, strlen(text));
}

static void assert_cleaned(const char *text, size_t size, size_t max, const char *wanted) {
  char *cleaned = malloc((size < max ? size : max) + 1);
  assert_non_null(cleaned);
  size_t length = expstart__text_clean(cleaned, text, size, max);
  assert_int_equal(length, strlen(wanted));
  assert_string_equal(cleaned, wanted);
  assert_true(valid(cleaned));
  free(cleaned);
}

static void assert_clean(const char *text, const char *wanted) {
  assert_cleaned(text, strlen(text), 1000, wanted);
}

/* ---- validity ------------------------------------------------------------------------------- */

static void nothing_and_ascii_are_valid(void **state) {
  (void)state;
  assert_true(expstart__utf8_is_valid("", 0));
  assert_true(valid("plain ~ text \x7f"));
  assert_true(expstart__utf8_is_valid("a\0b", 3));
}

static void the_first_and_last_of_each_length_are_valid(void **state) {
  (void)state;
  static const char *const good[] = {
      "\x01",         "\x7F",         "\xC2\x80",     "\xDF\xBF",         "\xE0\xA0\x80",
      "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(valid(good[i]));
}

static void overlong_forms_are_invalid(void **state) {
  (void)state;
  assert_false(valid("\xC0\x80"));
  assert_false(valid("\xC1\xBF"));
  assert_false(valid("\xE0\x9F\xBF"));
  assert_false(valid("\xF0\x8F\xBF\xBF"));
}

static void surrogates_are_invalid(void **state) {
  (void)state;
  assert_false(valid("\xED\xA0\x80"));
  assert_false(valid("\xED\xBF\xBF"));
}

static void what_is_above_the_last_code_point_is_invalid(void **state) {
  (void)state;
  assert_false(valid("\xF4\x90\x80\x80"));
  assert_false(valid("\xF5\x80\x80\x80"));
  assert_false(valid("\xFF"));
  assert_false(valid("\xFE"));
}

static void a_character_cut_short_is_invalid(void **state) {
  (void)state;
  static const char whole[] = "\xF0\x9F\x98\x80";
  for (size_t size = 1; size < 4; size++) {
    /* In memory of just that size, so that a sanitizer sees a byte read too many. */
    char *cut = malloc(size);
    assert_non_null(cut);
    memcpy(cut, whole, size);
    assert_false(expstart__utf8_is_valid(cut, size));
    free(cut);
  }
  assert_false(valid("\xC3(")); /* and so it is within a text */
  assert_false(valid("\xE2\x82(x"));
}

static void a_stray_continuation_is_invalid(void **state) {
  (void)state;
  assert_false(valid("\x80"));
  assert_false(valid("a\xBF"));
  assert_false(valid("\xC3\xA4\xA4"));
}

static void each_two_byte_sequence_is_judged_as_rfc_3629_does(void **state) {
  (void)state;
  for (unsigned lead = 0x80; lead < 0x100; lead++)
    for (unsigned next = 0; next < 0x100; next++) {
      char text[2] = {(char)lead, (char)next};
      bool wanted = lead >= 0xC2 && lead <= 0xDF && next >= 0x80 && next <= 0xBF;
      assert_int_equal(expstart__utf8_is_valid(text, 2), wanted);
    }
}

/* ---- cleaning ------------------------------------------------------------------------------- */

static void good_text_stays_as_it_is(void **state) {
  (void)state;
  assert_clean("", "");
  assert_clean("Zürich, 5 €, 😀", "Zürich, 5 €, 😀");
}

static void white_space_becomes_a_space(void **state) {
  (void)state;
  assert_clean("a\tb\nc\rd\ve\ff", "a b c d e f");
  assert_clean("a\r\nb", "a  b");
}

static void control_characters_become_question_marks(void **state) {
  (void)state;
  assert_clean("\x01\x1B[31mred\x7F", "??[31mred?");
  assert_cleaned("a\0b", 3, 100, "a?b");
}

static void the_upper_controls_become_question_marks(void **state) {
  (void)state;
  assert_clean("a\xC2\x80z", "a?z");
  assert_clean("a\xC2\x9B"
               "31mz",
               "a?31mz"); /* the one-character CSI that some terminals obey */
  assert_clean("a\xC2\xA0z", "a\xC2\xA0z");
}

static void bytes_that_are_not_utf8_become_one_question_mark_each(void **state) {
  (void)state;
  assert_clean("a\xFFz", "a?z");
  assert_clean("\xED\xA0\x80", "???");
  assert_clean("caf\xE9", "caf?");
  assert_clean("\xC0\xAF..", "??..");
}

static void a_text_is_cut_between_characters(void **state) {
  (void)state;
  static const char text[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"; /* 1, 2, 3 and 4 bytes */
  static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t max = 0; max < sizeof kept / sizeof *kept; max++) {
    char wanted[16] = {0};
    memcpy(wanted, text, kept[max]);
    assert_cleaned(text, sizeof text - 1, max, wanted);
  }
}

static void a_cut_counts_what_comes_out(void **state) {
  (void)state;
  assert_cleaned("\xFF\xFF\xFF\xFF", 4, 2, "??");
  assert_cleaned("\xC2\x80\xC2\x80\xC2\x80", 6, 2, "??");
}

static void any_bytes_come_out_clean(void **state) {
  (void)state;
  uint32_t random = 99;
  for (int round = 0; round < 20000; round++) {
    char bytes[32];
    for (size_t i = 0; i < sizeof bytes; i++) {
      random = random * 1664525u + 1013904223u;
      bytes[i] = (char)(random >> 24);
    }
    size_t size = random % (sizeof bytes + 1), max = (random >> 10) % 40;
    char *cleaned = malloc((size < max ? size : max) + 1);
    assert_non_null(cleaned);
    size_t length = expstart__text_clean(cleaned, bytes, size, max);
    assert_int_equal(length, strlen(cleaned));
    assert_true(strlen(cleaned) <= max && strlen(cleaned) <= size);
    assert_true(valid(cleaned));
    for (const char *c = cleaned; *c; c++)
      assert_false((unsigned char)*c < ' ' || *c == 0x7F);
    free(cleaned);
  }
}

/* ---- redaction and wiping -------------------------------------------------------------------- */

static void each_occurrence_of_the_secret_is_overwritten(void **state) {
  (void)state;
  char text[] = "key s3cret, again s3crets3cret, S3CRET, s3cre";
  expstart__text_redact(text, strlen(text), "s3cret");
  assert_string_equal(text, "key ******, again ************, S3CRET, s3cre");
}

static void a_secret_of_asterisks_ends(void **state) {
  (void)state;
  char text[] = "a***b";
  expstart__text_redact(text, strlen(text), "*");
  assert_string_equal(text, "a***b");
}

static void nothing_and_an_empty_secret_are_left_alone(void **state) {
  (void)state;
  char text[] = "abc";
  expstart__text_redact(text, strlen(text), "");
  assert_string_equal(text, "abc");
  expstart__text_redact(text, 0, "abc");
  assert_string_equal(text, "abc");
}

static void the_whole_text_may_be_the_secret(void **state) {
  (void)state;
  char text[] = "abc";
  expstart__text_redact(text, strlen(text), "abc");
  assert_string_equal(text, "***");
}

static void wiping_leaves_zeros_there_and_nowhere_else(void **state) {
  (void)state;
  char memory[] = "keep secret keep";
  expstart__wipe(memory + 5, 6);
  assert_memory_equal(memory, "keep \0\0\0\0\0\0 keep", sizeof memory);
  expstart__wipe(memory, 0);
  assert_int_equal(memory[0], 'k');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_and_ascii_are_valid),
      cmocka_unit_test(the_first_and_last_of_each_length_are_valid),
      cmocka_unit_test(overlong_forms_are_invalid),
      cmocka_unit_test(surrogates_are_invalid),
      cmocka_unit_test(what_is_above_the_last_code_point_is_invalid),
      cmocka_unit_test(a_character_cut_short_is_invalid),
      cmocka_unit_test(a_stray_continuation_is_invalid),
      cmocka_unit_test(each_two_byte_sequence_is_judged_as_rfc_3629_does),
      cmocka_unit_test(good_text_stays_as_it_is),
      cmocka_unit_test(white_space_becomes_a_space),
      cmocka_unit_test(control_characters_become_question_marks),
      cmocka_unit_test(the_upper_controls_become_question_marks),
      cmocka_unit_test(bytes_that_are_not_utf8_become_one_question_mark_each),
      cmocka_unit_test(a_text_is_cut_between_characters),
      cmocka_unit_test(a_cut_counts_what_comes_out),
      cmocka_unit_test(any_bytes_come_out_clean),
      cmocka_unit_test(each_occurrence_of_the_secret_is_overwritten),
      cmocka_unit_test(a_secret_of_asterisks_ends),
      cmocka_unit_test(nothing_and_an_empty_secret_are_left_alone),
      cmocka_unit_test(the_whole_text_may_be_the_secret),
      cmocka_unit_test(wiping_leaves_zeros_there_and_nowhere_else),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The command's reading of ids: formats, line numbers, notes, duplicates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expstart.h"
#include "input.h"

/* What reading gave: the list, and what was reported, as text. */
struct reading {
  struct list list;
  struct list_report report;
  struct list_repeats repeats;
  char *words;
  size_t size;
};

static void begin(struct reading *reading) {
  memset(reading, 0, sizeof *reading);
  list_init(&reading->list);
  reading->report.file = "ids";
  reading->report.to = open_memstream(&reading->words, &reading->size);
  assert_non_null(reading->report.to);
}

static void read_bytes(struct reading *reading, const void *bytes, size_t size) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  rewind(file);
  assert_int_equal(input_read(&reading->list, file, &reading->report), 0);
  assert_int_equal(fclose(file), 0);
}

static void unite(struct reading *reading) {
  assert_int_equal(list_unite(&reading->list, &reading->report, &reading->repeats), 0);
}

static const char *words(struct reading *reading) {
  list_report_end(&reading->report);
  assert_int_equal(fflush(reading->report.to), 0);
  return reading->words;
}

static void end(struct reading *reading) {
  list_free(&reading->list);
  assert_int_equal(fclose(reading->report.to), 0);
  free(reading->words);
}

static void take(struct reading *reading, const char *text) {
  begin(reading);
  read_bytes(reading, text, strlen(text));
}

static void assert_entry(const struct reading *reading, size_t at, int64_t id, uint32_t line,
                         const char *note) {
  assert_true(at < reading->list.count);
  const struct list_entry *entry = &reading->list.entries[at];
  assert_int_equal(entry->id, id);
  assert_int_equal(entry->place, line);
  if (note == NULL) {
    assert_null(list_note(&reading->list, entry));
  } else {
    assert_string_equal(list_note(&reading->list, entry), note);
  }
}

static void assert_said(const char *text, const char *said) {
  struct reading reading;
  take(&reading, text);
  assert_string_equal(words(&reading), said);
  assert_true(reading.report.bad > 0);
  end(&reading);
}

static void an_id_is_digits_from_1_to_the_greatest_int64(void **state) {
  (void)state;
  int64_t id = 0;
  assert_true(input_parse_id("1", 1, &id));
  assert_int_equal(id, 1);
  assert_true(input_parse_id("9223372036854775807", 19, &id));
  assert_true(id == INT64_MAX);
  static const char *const bad[] = {"",    "0",
                                    "-1",  "+1",
                                    "1.0", "1e3",
                                    " 1",  "1 ",
                                    "0x1", "9223372036854775808",
                                    "12x", "99999999999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_false(input_parse_id(bad[i], strlen(bad[i]), &id));
  }
}

static void lines_may_have_comments_blanks_and_crlf(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "# the list\r\n\r\n  12\t\r\n13 # thirteen\n14");
  assert_int_equal(reading.list.count, 3);
  assert_entry(&reading, 0, 12, 3, NULL);
  assert_entry(&reading, 1, 13, 4, NULL);
  assert_entry(&reading, 2, 14, 5, NULL);
  assert_string_equal(words(&reading), "");
  end(&reading);
}

static void a_byte_order_mark_is_skipped_in_each_format(void **state) {
  (void)state;
  static const char *const texts[] = {"\xEF\xBB\xBF 7\n", "\xEF\xBB\xBFid\n7\n",
                                      "\xEF\xBB\xBF{\"id\":7}\n"};
  for (size_t i = 0; i < 3; i++) {
    struct reading reading;
    take(&reading, texts[i]);
    assert_int_equal(reading.list.count, 1);
    assert_int_equal(reading.list.entries[0].id, 7);
    assert_string_equal(words(&reading), "");
    end(&reading);
  }
}

static void utf_16_is_refused_by_name(void **state) {
  (void)state;
  struct reading reading;
  begin(&reading);
  read_bytes(&reading, "\xFF\xFE\x31\0", 4);
  assert_string_equal(words(&reading), "ids: is UTF-16; save it as UTF-8\n");
  end(&reading);
}

static void a_bad_line_is_named_with_file_and_line(void **state) {
  (void)state;
  assert_said("1\n12x\n", "ids:2: \"12x\" is not a whole number from 1 to 9223372036854775807\n");
  assert_said("experiment_id\n1\n12x\n",
              "ids:3: experiment_id \"12x\" is not a whole number from 1 to "
              "9223372036854775807\n");
  assert_said("{\"id\":1}\n{\"id\":\"12x\"}\n",
              "ids:2: id \"12x\" is not a whole number from 1 to 9223372036854775807\n");
}

static void controls_in_a_bad_line_do_not_reach_the_terminal(void **state) {
  (void)state;
  assert_said("1\n\x1b[31m\xC2\x9Bx\xFF\n",
              "ids:2: \"?[31m?x?\" is not a whole number from 1 to 9223372036854775807\n");
}

static void ten_bad_lines_are_shown_and_the_others_counted(void **state) {
  (void)state;
  struct reading reading;
  begin(&reading);
  for (int i = 0; i < 1213; i++) {
    read_bytes(&reading, "x\n", 2);
  }
  const char *said = words(&reading);
  int lines = 0;
  for (const char *at = said; *at != '\0'; at++) {
    lines += *at == '\n';
  }
  assert_int_equal(lines, 11);
  assert_non_null(strstr(said, "\nand 1,203 more like these\n"));
  end(&reading);
}

static void csv_takes_quotes_crlf_and_keeps_line_numbers(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "Note, Experiment_ID ,other\r\n"
                 "\"a, \"\"b\"\"\",1,x\r\n"
                 "\r\n"
                 "\"two\r\nlines\",2,x\r\n"
                 "\"\",3,\r\n"
                 "last,4");
  assert_string_equal(words(&reading), "");
  assert_int_equal(reading.list.count, 4);
  assert_entry(&reading, 0, 1, 2, "a, \"b\"");
  assert_entry(&reading, 1, 2, 4, "two\r\nlines");
  assert_entry(&reading, 2, 3, 6, NULL);
  assert_entry(&reading, 3, 4, 7, "last");
  end(&reading);
}

static void csv_prefers_experiment_id_to_id(void **state) {
  (void)state;
  static const char *const texts[] = {"id,experiment_id\n5,6\n", "experiment_id,id\n6,5\n"};
  for (size_t i = 0; i < 2; i++) {
    struct reading reading;
    take(&reading, texts[i]);
    assert_int_equal(reading.list.count, 1);
    assert_entry(&reading, 0, 6, 2, NULL);
    end(&reading);
  }
}

static void csv_says_what_is_wrong_with_its_form(void **state) {
  (void)state;
  assert_said("id,note\n1,a,b\n", "ids:2: 3 fields, but the header has 2 (a field with a comma in "
                                  "it needs quotes)\n");
  assert_said("id,note\n1,\"a\n2,b\n", "ids:2: a quote that is opened here is not closed\n");
  assert_said("id,note\n1,\"a\"b\n", "ids:2: a quote in the middle of a field, or text after a "
                                     "closing quote; the rest was not read\n");
  assert_said("id,note,id\n1,a,2\n", "ids:1: the header has the column id twice\n");
  assert_said("1,a\n", "ids:1: \"1,a\" is not a whole number from 1 to 9223372036854775807 (CSV "
                       "needs a header with a column experiment_id or id)\n");
}

static void an_open_quote_does_not_swallow_a_large_file(void **state) {
  (void)state;
  struct reading reading;
  size_t size = 4 * (size_t)INPUT_LINE_MAX;
  char *text = malloc(size);
  assert_non_null(text);
  memset(text, '\n', size);
  memcpy(text, "id,note\n1,\"", 11);
  begin(&reading);
  read_bytes(&reading, text, size);
  assert_int_equal(reading.report.bad, 1);
  assert_non_null(strstr(words(&reading), "ids:2: a field longer than"));
  end(&reading);
  free(text);
}

static void ndjson_takes_both_names_strings_and_null_notes(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "\n{\"experiment_id\":1,\"note\":\"n\\n\"}\r\n{\"id\":\"2\",\"note\":null}\n"
                 "{\"id\":9,\"experiment_id\":3,\"x\":[1,{}]}\n{\"id\":9223372036854775807}");
  assert_string_equal(words(&reading), "");
  assert_int_equal(reading.list.count, 4);
  assert_entry(&reading, 0, 1, 2, "n\n");
  assert_entry(&reading, 1, 2, 3, NULL);
  assert_entry(&reading, 2, 3, 4, NULL);
  assert_entry(&reading, 3, INT64_MAX, 5, NULL);
  end(&reading);
}

static void ndjson_that_is_not_ascii_is_taken(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "{\"id\":1,\"note\":\"grün ✓ 😀\"}\n"
                 "{\"id\":2,\"größe\":123456789012345678901234567890}\n");
  assert_string_equal(words(&reading), "");
  assert_int_equal(reading.list.count, 2);
  assert_entry(&reading, 0, 1, 1, "grün ✓ 😀");
  assert_entry(&reading, 1, 2, 2, NULL);
  end(&reading);
}

static void ndjson_says_what_is_wrong_with_its_form(void **state) {
  (void)state;
  assert_said("{\"id\":4}\n{id:1}\n", "ids:2: not JSON: byte 2 cannot be right\n");
  assert_said("{\"id\":4}\n{\"id\":1\n", "ids:2: the JSON object is not complete\n");
  assert_said("{\"id\":4}\n{\"a\":\"\xFF\"}\n", "ids:2: not JSON: it is not valid UTF-8\n");
}

static void ndjson_refuses_what_is_no_id_or_no_object(void **state) {
  (void)state;
  static const char *const bad[] = {"{\"id\":9223372036854775808}",
                                    "{\"id\":0}",
                                    "{\"id\":-1}",
                                    "{\"id\":1.0}",
                                    "{\"id\":null}",
                                    "{\"id\":true}",
                                    "{}",
                                    "[1]",
                                    "{\"id\":1",
                                    "{\"id\":1} {\"id\":2}",
                                    "{\"id\":1,\"note\":1}",
                                    "{\"id\":1,\"note\":\"\\u0000\"}",
                                    "{id:1}",
                                    "{\"id\":1,\"note\":\"\xFF\"}"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct reading reading;
    char text[128];
    (void)snprintf(text, sizeof text, "{\"id\":4}\n%s\n{\"id\":5}\n", bad[i]);
    take(&reading, text);
    assert_int_equal(reading.report.bad, 1);
    assert_int_equal(strncmp(words(&reading), "ids:2: ", 7), 0);
    assert_int_equal(reading.list.count, 2);
    end(&reading);
  }
}

static void a_note_may_have_its_greatest_length_and_no_more(void **state) {
  (void)state;
  for (size_t extra = 0; extra < 2; extra++) {
    struct reading reading;
    size_t length = EXPSTART_NOTE_MAX + extra;
    char *text = malloc(length + 16);
    assert_non_null(text);
    memcpy(text, "id,note\n1,", 10);
    memset(text + 10, 'a', length);
    begin(&reading);
    read_bytes(&reading, text, length + 10);
    assert_int_equal(reading.report.bad, extra);
    if (extra == 1) {
      assert_string_equal(words(&reading),
                          "ids:2: the note has 16,385 bytes, more than the 16,384 that are "
                          "allowed\n");
    }
    end(&reading);
    free(text);
  }
}

static void a_note_that_is_not_utf_8_is_refused(void **state) {
  (void)state;
  assert_said("id,note\n1,a\xC0\x80\n", "ids:2: the note is not valid UTF-8\n");
  assert_said("id,note\n1,\xED\xA0\x80\n", "ids:2: the note is not valid UTF-8\n");
}

static void a_line_that_is_too_long_is_refused_and_the_next_is_read(void **state) {
  (void)state;
  struct reading reading;
  size_t size = 3 * (size_t)INPUT_LINE_MAX;
  char *text = malloc(size + 2);
  assert_non_null(text);
  memset(text, '1', size);
  memcpy(text, "5\n", 2);
  memcpy(text + size - 3, "\nx\n6\n", 5);
  begin(&reading);
  read_bytes(&reading, text, size + 2);
  const char *said = words(&reading);
  assert_int_equal(reading.report.bad, 2);
  assert_non_null(strstr(said, "ids:2: the line is longer than"));
  assert_non_null(strstr(said, "ids:3: \"x\""));
  assert_int_equal(reading.list.count, 2);
  assert_entry(&reading, 1, 6, 4, NULL);
  end(&reading);
  free(text);
}

static void duplicates_are_kept_once_in_the_first_place(void **state) {
  (void)state;
  struct reading reading;
  begin(&reading);
  assert_int_equal(input_argument(&reading.list, "9", 1, &reading.report), 0);
  read_bytes(&reading, "3\n9\n5\n3\n3\n", 10);
  unite(&reading);
  assert_string_equal(words(&reading), "");
  assert_int_equal(reading.list.count, 3);
  assert_entry(&reading, 0, 9, 1, NULL);
  assert_entry(&reading, 1, 3, 1, NULL);
  assert_entry(&reading, 2, 5, 3, NULL);
  assert_int_equal(reading.repeats.count, 3);
  assert_int_equal(reading.repeats.first_count, 2);
  assert_int_equal(reading.repeats.first[0], 3);
  assert_int_equal(reading.repeats.first[1], 9);
  assert_false(reading.repeats.has_more);
  end(&reading);
}

static void a_duplicate_gives_its_note_to_one_that_has_none(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "id,note\n1,\n1,a\n1,a\n");
  unite(&reading);
  assert_int_equal(reading.report.bad, 0);
  assert_int_equal(reading.list.count, 1);
  assert_string_equal(list_note(&reading.list, &reading.list.entries[0]), "a");
  end(&reading);
}

static void two_notes_for_one_id_are_an_error_that_names_both_lines(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "id,note\n7,\n7,a\n8,a\n7,b\n");
  unite(&reading);
  assert_string_equal(words(&reading), "ids:5: experiment 7 has another note than in line 3\n");
  end(&reading);
}

static void equal_notes_are_stored_once(void **state) {
  (void)state;
  struct reading reading;
  begin(&reading);
  for (int64_t id = 1; id <= 10000; id++) {
    assert_int_equal(
        list_add(&reading.list, id, 1, id % 2 == 0 ? "even" : "odd", id % 2 == 0 ? 4 : 3), 0);
  }
  assert_int_equal(reading.list.note_count, 2);
  end(&reading);
}

static void an_empty_file_gives_an_empty_list(void **state) {
  (void)state;
  struct reading reading;
  take(&reading, "");
  unite(&reading);
  assert_int_equal(reading.list.count, 0);
  assert_int_equal(reading.report.bad, 0);
  end(&reading);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_id_is_digits_from_1_to_the_greatest_int64),
      cmocka_unit_test(lines_may_have_comments_blanks_and_crlf),
      cmocka_unit_test(a_byte_order_mark_is_skipped_in_each_format),
      cmocka_unit_test(utf_16_is_refused_by_name),
      cmocka_unit_test(a_bad_line_is_named_with_file_and_line),
      cmocka_unit_test(controls_in_a_bad_line_do_not_reach_the_terminal),
      cmocka_unit_test(ten_bad_lines_are_shown_and_the_others_counted),
      cmocka_unit_test(csv_takes_quotes_crlf_and_keeps_line_numbers),
      cmocka_unit_test(csv_prefers_experiment_id_to_id),
      cmocka_unit_test(csv_says_what_is_wrong_with_its_form),
      cmocka_unit_test(an_open_quote_does_not_swallow_a_large_file),
      cmocka_unit_test(ndjson_takes_both_names_strings_and_null_notes),
      cmocka_unit_test(ndjson_that_is_not_ascii_is_taken),
      cmocka_unit_test(ndjson_says_what_is_wrong_with_its_form),
      cmocka_unit_test(ndjson_refuses_what_is_no_id_or_no_object),
      cmocka_unit_test(a_note_may_have_its_greatest_length_and_no_more),
      cmocka_unit_test(a_note_that_is_not_utf_8_is_refused),
      cmocka_unit_test(a_line_that_is_too_long_is_refused_and_the_next_is_read),
      cmocka_unit_test(duplicates_are_kept_once_in_the_first_place),
      cmocka_unit_test(a_duplicate_gives_its_note_to_one_that_has_none),
      cmocka_unit_test(two_notes_for_one_id_are_an_error_that_names_both_lines),
      cmocka_unit_test(equal_notes_are_stored_once),
      cmocka_unit_test(an_empty_file_gives_an_empty_list),
  };
  return cmocka_run_group_tests_name("command: input", tests, NULL, NULL);
}

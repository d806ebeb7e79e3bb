/* Reply bytes in any pieces, to what the API said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "expstart.h"
#include "text.h"

static struct expstart__reply read_pieces(const char *text, size_t size, const size_t *cuts,
                                          size_t cut_count) {
  struct expstart__digest *digest = expstart__digest_create(false, NULL);
  struct expstart__reply reply = {.ok = -1};
  size_t from = 0;
  assert_non_null(digest);
  for (size_t i = 0; i <= cut_count; i++) {
    size_t to = i < cut_count ? cuts[i] : size;
    if (to > from)
      assert_int_equal(expstart__digest_feed(digest, text + from, to - from), EXPSTART_OK);
    from = to;
  }
  assert_int_equal(expstart__digest_finish(digest, &reply), EXPSTART_OK);
  expstart__digest_destroy(digest);
  return reply;
}

static struct expstart__reply read_text(const char *text) {
  return read_pieces(text, strlen(text), NULL, 0);
}

static void assert_message(const char *text, const char *wanted) {
  struct expstart__reply reply = read_text(text);
  assert_non_null(reply.message);
  assert_string_equal(reply.message, wanted);
  expstart__reply_clear(&reply);
}

static void assert_unreadable(const char *text) {
  struct expstart__reply reply = read_text(text);
  if (reply.readable)
    fail_msg("readable: %s", text);
  assert_int_equal(reply.ok, -1);
  assert_null(reply.errors);
  expstart__reply_clear(&reply);
}

static void assert_ok(const char *text, int wanted) {
  struct expstart__reply reply = read_text(text);
  assert_true(reply.readable);
  assert_int_equal(reply.ok, wanted);
  expstart__reply_clear(&reply);
}

static void assert_same_text(const char *a, const char *b) {
  assert_int_equal(a == NULL, b == NULL);
  if (a && b)
    assert_string_equal(a, b);
}

static void assert_same(const struct expstart__reply *a, const struct expstart__reply *b) {
  assert_int_equal(a->readable, b->readable);
  assert_int_equal(a->ok, b->ok);
  assert_int_equal(a->experiment_id, b->experiment_id);
  assert_same_text(a->name, b->name);
  assert_same_text(a->state, b->state);
  assert_same_text(a->started_at, b->started_at);
  assert_same_text(a->message, b->message);
  assert_int_equal(a->error_count, b->error_count);
  for (size_t i = 0; i < a->error_count; i++)
    assert_string_equal(a->errors[i], b->errors[i]);
}

static void assert_same_however_cut(const char *text) {
  size_t size = strlen(text);
  struct expstart__reply whole = read_text(text);
  for (size_t first = 0; first <= size; first++) {
    struct expstart__reply cut = read_pieces(text, size, &first, 1);
    assert_same(&whole, &cut);
    expstart__reply_clear(&cut);
  }
  expstart__reply_clear(&whole);
}

/* ---- success -------------------------------------------------------------------------------- */

/* The example reply, its template's marks filled in as for experiment 42. */
static char *load_example(void) {
  FILE *file = fopen(EXPSTART_EXAMPLE_REPLY, "r");
  assert_non_null(file);
  size_t used = 0, capacity = 1 << 20;
  char *text = malloc(capacity);
  assert_non_null(text);
  used = fread(text, 1, capacity - 1, file);
  text[used] = '\0';
  assert_int_equal(fclose(file), 0);
  static const char mark[] = "\"@id@\"";
  for (char *at = strstr(text, mark); at; at = strstr(at, mark))
    memcpy(at, "    42", sizeof mark - 1);
  return text;
}

static void the_example_reply_is_a_success(void **state) {
  (void)state;
  char *text = load_example();
  struct expstart__reply reply = read_text(text);
  assert_true(reply.readable);
  assert_int_equal(reply.ok, 1);
  assert_int_equal(reply.experiment_id, 42);
  assert_string_equal(reply.name, "@name@");
  assert_string_equal(reply.state, "@state@");
  assert_string_equal(reply.started_at, "@start_at@");
  assert_int_equal(reply.error_count, 0);
  assert_null(reply.message);
  assert_null(reply.raw);
  expstart__reply_clear(&reply);
  free(text);
}

static void the_example_reply_is_the_same_in_any_pieces(void **state) {
  (void)state;
  char *text = load_example();
  size_t size = strlen(text);
  struct expstart__reply whole = read_text(text);
  uint32_t random = 7;
  for (int round = 0; round < 100; round++) {
    size_t cuts[64], count = 0, at = 0;
    while (count < 64 && at < size) {
      random = random * 1664525u + 1013904223u;
      at += (random >> 8) % (round % 2 ? size / 32 : 40);
      if (at < size)
        cuts[count++] = at;
    }
    struct expstart__reply pieces = read_pieces(text, size, cuts, count);
    assert_same(&whole, &pieces);
    expstart__reply_clear(&pieces);
  }
  expstart__reply_clear(&whole);
  free(text);
}

static void a_small_reply_is_the_same_however_it_is_cut(void **state) {
  (void)state;
  assert_same_however_cut(
      "{\"errors\":[],\"experiment\":{\"id\":7,\"name\":\"n\\u00e4me \\ud83d\\ude00 \xC3\xA4\","
      "\"state\":\"running\",\"start_at\":\"2026-01-15T09:30:00.000Z\",\"p\":-1.5e-3},"
      "\"ok\":true}\r\n ");
}

static void an_error_is_the_same_however_it_is_cut(void **state) {
  (void)state;
  assert_same_however_cut("{\"ok\":false,\"errors\":[\"one\",null,{\"a\":[1,true]}]}");
  assert_same_however_cut("<html>\r\n<body>Bad gateway</body>");
  assert_same_however_cut("\"raw \\\"string\\\" of JSON\"");
}

static void garbage_is_garbage_however_it_is_cut(void **state) {
  (void)state;
  assert_same_however_cut("null {\"ok\":true}");
  assert_same_however_cut("{\"ok\":true} {\"ok\":true}");
  assert_same_however_cut("{\"ok\":true}]");
  assert_same_however_cut("12 {\"ok\":true}");
  assert_same_however_cut("\"a\" {\"ok\":true}");
}

static void an_experiments_other_types_are_left_out(void **state) {
  (void)state;
  struct expstart__reply reply = read_text(
      "{\"ok\":true,\"experiment\":{\"id\":\"7\",\"name\":1,\"state\":null,\"start_at\":{}}}");
  assert_true(reply.readable);
  assert_int_equal(reply.experiment_id, 0);
  assert_null(reply.name);
  assert_null(reply.state);
  assert_null(reply.started_at);
  expstart__reply_clear(&reply);
}

static void null_fields_are_as_if_absent(void **state) {
  (void)state;
  struct expstart__reply reply =
      read_text("{\"ok\":null,\"errors\":null,\"experiment\":null,\"message\":null,\"error\":null,"
                "\"detail\":null}");
  assert_true(reply.readable);
  assert_int_equal(reply.ok, -1);
  assert_null(reply.errors);
  assert_null(reply.message);
  expstart__reply_clear(&reply);
}

static void an_unknown_state_is_told_as_it_is(void **state) {
  (void)state;
  struct expstart__reply reply =
      read_text("{\"experiment\":{\"id\":9223372036854775807,\"state\":\"half_on\"},\"new\":1}");
  assert_int_equal(reply.experiment_id, INT64_MAX);
  assert_string_equal(reply.state, "half_on");
  expstart__reply_clear(&reply);
}

static void ok_is_only_what_is_a_boolean(void **state) {
  (void)state;
  assert_ok("{\"ok\":true}", 1);
  assert_ok("{\"ok\":false}", 0);
  assert_ok("{}", -1);
  assert_ok("{\"ok\":1}", -1);
  assert_ok("{\"ok\":\"true\"}", -1);
  assert_ok("{\"ok\":[true]}", -1);
  assert_ok("{\"OK\":true}", -1);
  assert_ok("{\"experiment\":{\"ok\":true}}", -1);
}

static void the_last_of_duplicates_counts(void **state) {
  (void)state;
  assert_ok("{\"ok\":true,\"ok\":false}", 0);
  assert_ok("{\"ok\":false,\"ok\":true}", 1);
  assert_message("{\"errors\":[\"first\"],\"errors\":[\"second\"]}", "second");
}

/* ---- errors --------------------------------------------------------------------------------- */

static void errors_are_listed_and_joined(void **state) {
  (void)state;
  struct expstart__reply reply =
      read_text("{\"ok\":false,\"errors\":[\"no permission\",\"already running\"]}");
  assert_int_equal(reply.ok, 0);
  assert_int_equal(reply.error_count, 2);
  assert_string_equal(reply.errors[0], "no permission");
  assert_string_equal(reply.errors[1], "already running");
  assert_string_equal(reply.message, "no permission; already running");
  expstart__reply_clear(&reply);
}

static void errors_may_be_one_string(void **state) {
  (void)state;
  struct expstart__reply reply = read_text("{\"ok\":false,\"errors\":\"no\"}");
  assert_int_equal(reply.error_count, 1);
  assert_string_equal(reply.errors[0], "no");
  assert_string_equal(reply.message, "no");
  expstart__reply_clear(&reply);
}

static void errors_that_are_no_strings_are_told_as_json(void **state) {
  (void)state;
  struct expstart__reply reply =
      read_text("{\"ok\":false,\"errors\":[1,null,{\"code\":\"x\"},[true]]}");
  assert_int_equal(reply.error_count, 4);
  assert_string_equal(reply.errors[0], "1");
  assert_string_equal(reply.errors[1], "null");
  assert_string_equal(reply.errors[2], "{\"code\":\"x\"}");
  assert_string_equal(reply.errors[3], "[true]");
  expstart__reply_clear(&reply);
}

static void message_error_and_detail_stand_in_for_errors(void **state) {
  (void)state;
  assert_message("{\"ok\":false,\"message\":\"m\"}", "m");
  assert_message("{\"ok\":false,\"error\":\"e\"}", "e");
  assert_message("{\"ok\":false,\"detail\":\"d\"}", "d");
  assert_message("{\"ok\":false,\"errors\":[],\"detail\":\"d\",\"message\":\"m\"}", "m");
  assert_message("{\"ok\":false,\"errors\":[\"x\"],\"message\":\"m\"}", "x");
}

static void a_raw_json_string_is_the_message(void **state) {
  (void)state;
  struct expstart__reply reply = read_text("\"Something \\\"broke\\\"\"");
  assert_false(reply.readable);
  assert_string_equal(reply.message, "Something \"broke\"");
  expstart__reply_clear(&reply);
}

static void plain_text_is_the_message(void **state) {
  (void)state;
  assert_message("Unauthorized", "Unauthorized");
  assert_message("\r\n\r\n  upstream timed out \r\nx", "upstream timed out ");
}

static void an_empty_body_has_no_message(void **state) {
  (void)state;
  static const char *const texts[] = {"", " ", "\r\n\t "};
  for (size_t i = 0; i < 3; i++) {
    struct expstart__reply reply = read_text(texts[i]);
    assert_false(reply.readable);
    assert_null(reply.message);
    expstart__reply_clear(&reply);
  }
}

static void of_html_and_of_a_dump_the_first_line_is_told(void **state) {
  (void)state;
  assert_message("<html>\r\n<head><title>502 Bad Gateway</title></head>", "<html>");
  char dump[8192] = "ERROR: duplicate key value\nDETAIL: Key (id)=(7)";
  for (size_t i = strlen(dump); i < sizeof dump - 1; i++)
    dump[i] = i % 50 ? 'x' : '\n';
  assert_message(dump, "ERROR: duplicate key value");
}

static void a_message_is_short_however_long_the_words_are(void **state) {
  (void)state;
  char text[20000] = "{\"ok\":false,\"errors\":[\"";
  for (size_t i = strlen(text); i < sizeof text - 5; i++)
    text[i] = i % 100 ? 'x' : ' ';
  memcpy(text + sizeof text - 5, "\"]}", 4);
  struct expstart__reply reply = read_text(text);
  assert_int_equal(reply.ok, 0);
  assert_true(strlen(reply.message) <= 500);
  assert_true(strlen(reply.errors[0]) <= 4096);
  expstart__reply_clear(&reply);
}

static void a_flood_of_errors_is_bounded(void **state) {
  (void)state;
  char text[4096] = "{\"ok\":false,\"errors\":[\"e\"";
  for (int i = 0; i < 500; i++)
    strcat(text, ",\"e\"");
  strcat(text, "]}");
  struct expstart__reply reply = read_text(text);
  assert_in_range(reply.error_count, 1, 100);
  expstart__reply_clear(&reply);
}

static void control_characters_and_bad_utf8_in_words_are_made_harmless(void **state) {
  (void)state;
  assert_message("{\"errors\":[\"a\\u001b[31m\\u0000b\\nc\\u009b\"]}", "a?[31m?b c?");
  assert_message("{\"errors\":[\"caf\xE9\"]}", "caf?");
  assert_message("\x1B]0;title\x07 x", "?]0;title? x");
  struct expstart__reply reply =
      read_text("{\"experiment\":{\"name\":\"a\\u0007\\ud800b\",\"state\":\"x\\ty\"}}");
  assert_string_equal(reply.state, "x y");
  assert_true(expstart__utf8_is_valid(reply.name, strlen(reply.name)));
  assert_null(strchr(reply.name, 7));
  expstart__reply_clear(&reply);
}

/* ---- what is not one whole object ------------------------------------------------------------ */

static void every_truncation_is_unreadable(void **state) {
  (void)state;
  static const char text[] = "{\"errors\":[\"a\"],\"experiment\":{\"id\":7},\"ok\":true}";
  for (size_t size = 0; size < sizeof text - 1; size++) {
    struct expstart__reply reply = read_pieces(text, size, NULL, 0);
    assert_false(reply.readable);
    assert_int_equal(reply.ok, -1);
    expstart__reply_clear(&reply);
  }
}

static void trailing_white_space_is_fine(void **state) {
  (void)state;
  assert_ok(" \r\n\t{\"ok\":true}\r\n \t\n", 1);
}

static void trailing_garbage_is_unreadable(void **state) {
  (void)state;
  static const char *const texts[] = {
      "{\"ok\":true}x",  "{\"ok\":true}{", "{\"ok\":true}\n{\"ok\":true}",
      "{\"ok\":true} ]", "{\"ok\":true},", "{\"ok\":true}\xFF"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_unreadable(texts[i]);
  struct expstart__reply reply = read_pieces("{\"ok\":true}\0", 12, NULL, 0);
  assert_false(reply.readable);
  expstart__reply_clear(&reply);
}

static void what_is_no_object_is_unreadable(void **state) {
  (void)state;
  static const char *const texts[] = {
      "null",
      "true",
      "1",
      "[]",
      "[{\"ok\":true}]",
      "{ok:true}",
      "{\"ok\":true,}",
      "{\"ok\":TRUE}",
      "/**/{\"ok\":true}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_unreadable(texts[i]);
}

static void deep_nesting_is_refused_and_survived(void **state) {
  (void)state;
  enum { DEEP = 100000 };
  char *text = malloc(2 * DEEP + 32);
  assert_non_null(text);
  for (int depth = 50; depth <= DEEP; depth *= 2000) {
    char *at = text + sprintf(text, "{\"ok\":true,\"x\":");
    memset(at, '[', (size_t)depth);
    memset(at + depth, ']', (size_t)depth);
    memcpy(at + 2 * depth, "}", 2);
    struct expstart__reply reply = read_text(text);
    assert_int_equal(reply.readable, depth == 50);
    expstart__reply_clear(&reply);
  }
  free(text);
}

/* ---- keeping and reuse ----------------------------------------------------------------------- */

static void the_bytes_are_kept_if_asked(void **state) {
  (void)state;
  static const char *const texts[] = {"{\"ok\":true} \n", "no JSON at all"};
  struct expstart__digest *digest = expstart__digest_create(true, NULL);
  for (size_t i = 0; i < 2; i++) {
    struct expstart__reply reply = {.ok = -1};
    expstart__digest_reset(digest);
    for (const char *c = texts[i]; *c; c++)
      assert_int_equal(expstart__digest_feed(digest, c, 1), EXPSTART_OK);
    assert_int_equal(expstart__digest_finish(digest, &reply), EXPSTART_OK);
    assert_int_equal(reply.raw_size, strlen(texts[i]));
    assert_string_equal(reply.raw, texts[i]);
    expstart__reply_clear(&reply);
    assert_null(reply.raw);
  }
  expstart__digest_destroy(digest);
}

static void many_bytes_are_kept_too(void **state) {
  (void)state;
  char *text = load_example();
  struct expstart__digest *digest = expstart__digest_create(true, NULL);
  struct expstart__reply reply = {.ok = -1};
  for (size_t at = 0, size = strlen(text); at < size; at += 1000)
    assert_int_equal(expstart__digest_feed(digest, text + at, size - at < 1000 ? size - at : 1000),
                     0);
  assert_int_equal(expstart__digest_finish(digest, &reply), EXPSTART_OK);
  assert_string_equal(reply.raw, text);
  expstart__reply_clear(&reply);
  expstart__digest_destroy(digest);
  free(text);
}

static void a_reset_digest_is_like_new_whatever_came_before(void **state) {
  (void)state;
  static const char *const before[] = {"{\"ok\":false,\"errors\":[\"old\"]}",
                                       "{\"ok\":fal",
                                       "{\"errors\":[\"unfinis",
                                       "<html>\nold",
                                       "}",
                                       "",
                                       "null",
                                       "{\"ok\":true}x"};
  static const char text[] = "{\"ok\":true,\"experiment\":{\"id\":7}}";
  struct expstart__digest *digest = expstart__digest_create(true, NULL);
  for (size_t i = 0; i < 2 * sizeof before / sizeof *before; i++) {
    struct expstart__reply reply = {.ok = -1};
    size_t which = i / 2, size = strlen(before[which]);
    if (size > 0)
      assert_int_equal(expstart__digest_feed(digest, before[which], size), EXPSTART_OK);
    if (i % 2) { /* read to its end, or given up half way */
      assert_int_equal(expstart__digest_finish(digest, &reply), EXPSTART_OK);
      expstart__reply_clear(&reply);
    }
    expstart__digest_reset(digest);
    assert_int_equal(expstart__digest_feed(digest, text, sizeof text - 1), EXPSTART_OK);
    assert_int_equal(expstart__digest_finish(digest, &reply), EXPSTART_OK);
    assert_true(reply.readable);
    assert_int_equal(reply.ok, 1);
    assert_int_equal(reply.experiment_id, 7);
    assert_null(reply.message);
    assert_string_equal(reply.raw, text);
    expstart__reply_clear(&reply);
    expstart__digest_reset(digest);
  }
  expstart__digest_destroy(digest);
}

static void errors_that_are_not_ascii_or_beyond_64_bits_are_read(void **state) {
  (void)state;
  struct expstart__reply reply =
      read_text("{\"ok\":true,\"errors\":[{\"warn\":\"möglich\"},18446744073709551616]}");
  assert_true(reply.readable);
  assert_int_equal(reply.ok, 1);
  assert_int_equal(reply.error_count, 2);
  assert_string_equal(reply.errors[0], "{\"warn\":\"möglich\"}");
  assert_string_equal(reply.errors[1], "18446744073709551615");
  expstart__reply_clear(&reply);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_example_reply_is_a_success),
      cmocka_unit_test(errors_that_are_not_ascii_or_beyond_64_bits_are_read),
      cmocka_unit_test(the_example_reply_is_the_same_in_any_pieces),
      cmocka_unit_test(a_small_reply_is_the_same_however_it_is_cut),
      cmocka_unit_test(an_error_is_the_same_however_it_is_cut),
      cmocka_unit_test(garbage_is_garbage_however_it_is_cut),
      cmocka_unit_test(an_experiments_other_types_are_left_out),
      cmocka_unit_test(null_fields_are_as_if_absent),
      cmocka_unit_test(an_unknown_state_is_told_as_it_is),
      cmocka_unit_test(ok_is_only_what_is_a_boolean),
      cmocka_unit_test(the_last_of_duplicates_counts),
      cmocka_unit_test(errors_are_listed_and_joined),
      cmocka_unit_test(errors_may_be_one_string),
      cmocka_unit_test(errors_that_are_no_strings_are_told_as_json),
      cmocka_unit_test(message_error_and_detail_stand_in_for_errors),
      cmocka_unit_test(a_raw_json_string_is_the_message),
      cmocka_unit_test(plain_text_is_the_message),
      cmocka_unit_test(an_empty_body_has_no_message),
      cmocka_unit_test(of_html_and_of_a_dump_the_first_line_is_told),
      cmocka_unit_test(a_message_is_short_however_long_the_words_are),
      cmocka_unit_test(a_flood_of_errors_is_bounded),
      cmocka_unit_test(control_characters_and_bad_utf8_in_words_are_made_harmless),
      cmocka_unit_test(every_truncation_is_unreadable),
      cmocka_unit_test(trailing_white_space_is_fine),
      cmocka_unit_test(trailing_garbage_is_unreadable),
      cmocka_unit_test(what_is_no_object_is_unreadable),
      cmocka_unit_test(deep_nesting_is_refused_and_survived),
      cmocka_unit_test(the_bytes_are_kept_if_asked),
      cmocka_unit_test(many_bytes_are_kept_too),
      cmocka_unit_test(a_reset_digest_is_like_new_whatever_came_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

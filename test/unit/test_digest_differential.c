/* The digest against json-c on documents that are made up, broken and cut at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../fuzz/digest_check.h"
#include "json_skip.h"

static uint32_t random_state;

static unsigned draw(unsigned below) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % below;
}

static const char *one_of(const char *const *list, size_t count) {
  return list[draw((unsigned)count)];
}
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof *(list))

static struct {
  char bytes[DIGEST_CHECK_MAX];
  size_t size;
} document;

static void put(const char *text) {
  size_t size = strlen(text);
  if (document.size + size > sizeof document.bytes)
    size = sizeof document.bytes - document.size;
  memcpy(document.bytes + document.size, text, size);
  document.size += size;
}

static void put_space(void) {
  static const char *const spaces[] = {"", "", "", "", "", " ", "\n", "\r\n\t", "  "};
  put(ONE_OF(spaces));
}

static void put_string(void) {
  static const char *const parts[] = {
      "a",
      "running",
      "\\n",
      "\\\"",
      "\\\\",
      "\\/",
      "\\u0041",
      "\\ud83d",
      "\\ude00",
      "\\u0000",
      "\\uFFFF",
      "\\ud83d\\ude00",
      "\xC3\xA4",
      "\xFF",
      "\xED\xA0\x80",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "\\b\\f\\r\\t",
      "long text that fills more than one block of sixty-four bytes, as some do"};
  put("\"");
  for (unsigned n = draw(5); n > 0; n--)
    put(ONE_OF(parts));
  put("\"");
}

static void put_scalar(void) {
  static const char *const scalars[] = {"true",
                                        "false",
                                        "null",
                                        "0",
                                        "-0",
                                        "7",
                                        "-1",
                                        "1.5",
                                        "1e3",
                                        "-2.5E-3",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551616",
                                        "9223372036854775806",
                                        "-9223372036854775808",
                                        "-9223372036854775807",
                                        "123456789012345678901234567890",
                                        "-123456789012345678901234567890",
                                        "0.1e+10"};
  if (draw(2))
    put(ONE_OF(scalars));
  else
    put_string();
}

static void put_value(unsigned depth);

static void put_key(void) {
  static const char *const keys[] = {"ok",     "errors",   "experiment", "message",     "error",
                                     "detail", "id",       "name",       "state",       "start_at",
                                     "other",  "o\\u006b", "ok\\u0000x", "\\u0073tate", ""};
  put("\"");
  put(ONE_OF(keys));
  put("\"");
}

static void put_object(unsigned depth) {
  put("{");
  for (unsigned n = draw(6), i = 0; i < n; i++) {
    put(i ? "," : "");
    put_space();
    put_key();
    put_space();
    put(":");
    put_value(depth + 1);
  }
  put("}");
}

static void put_array(unsigned depth) {
  put("[");
  for (unsigned n = draw(20) ? draw(4) : 40, i = 0; i < n; i++) {
    put(i ? "," : "");
    put_value(depth + 1);
  }
  put("]");
}

static void put_nested(void) {
  unsigned depth = 115 + draw(20);
  for (unsigned i = 0; i < depth; i++)
    put("[");
  for (unsigned i = 0; i < depth; i++)
    put("]");
}

static void put_value(unsigned depth) {
  put_space();
  unsigned kind = depth == 0 ? 0 : draw(depth < 5 ? 4 : 8);
  if (kind == 0 && depth < 6)
    put_object(depth);
  else if (kind == 1 && depth < 6)
    put_array(depth);
  else if (draw(150) == 0)
    put_nested();
  else
    put_scalar();
  put_space();
}

static void mutate(void) {
  static const char bytes[] = /* and a NUL */
      "{}[]:,\"\\0truefalsn1-+.eE \n\xC3\x01'/u";
  size_t at = draw((unsigned)document.size);
  switch (draw(4)) {
  case 0:
    document.bytes[at] = bytes[draw(sizeof bytes)];
    break;
  case 1:
    memmove(document.bytes + at, document.bytes + at + 1, document.size - at - 1);
    document.size--;
    break;
  case 2:
    document.size = at;
    break;
  default:
    if (document.size < sizeof document.bytes) {
      memmove(document.bytes + at + 1, document.bytes + at, document.size - at);
      document.bytes[at] = bytes[draw(sizeof bytes)];
      document.size++;
    }
  }
}

static unsigned check_many(unsigned rounds, bool broken) {
  unsigned readable = 0;
  random_state = 5;
  for (unsigned round = 0; round < rounds; round++) {
    document.size = 0;
    put_value(0);
    for (unsigned n = broken ? 1 + draw(3) : 0; n > 0 && document.size > 0; n--)
      mutate();
    readable += digest_check(document.bytes, document.size, round) != 0;
  }
  return readable;
}

static void documents_are_read_as_json_c_reads_them(void **state) {
  (void)state;
  assert_in_range(check_many(20000, false), 15000, 20000);
}

static void broken_documents_are_read_as_json_c_reads_them(void **state) {
  (void)state;
  assert_in_range(check_many(20000, true), 2000, 15000);
}

/* Where the value that the document begins with ends, and how, read in parts. */
static size_t skip_document(enum expstart__json_skip_way way, size_t part,
                            struct expstart__json_skip *skip) {
  size_t at = 1;
  expstart__json_skip_begin(skip, document.bytes[0], EXPSTART__JSON_DEPTH_MAX);
  while (at < document.size && skip->depth > 0 && !skip->broken) {
    size_t size = document.size - at < part ? document.size - at : part;
    size_t used = expstart__json_skip_by(way, skip, document.bytes + at, size);
    if (used == SIZE_MAX)
      return SIZE_MAX;
    assert_in_range(used, 1, size);
    at += used;
  }
  return at;
}

static void every_way_to_pass_over_a_value_finds_the_same(void **state) {
  (void)state;
  random_state = 11;
  for (unsigned round = 0; round < 20000; round++) {
    document.size = 0;
    put_object(0);
    for (unsigned n = draw(3); n > 0 && document.size > 1; n--)
      mutate();
    if (document.bytes[0] != '{' && document.bytes[0] != '[')
      continue;
    struct expstart__json_skip expected, found;
    size_t end = skip_document(EXPSTART__SKIP_PORTABLE, document.size, &expected);
    for (int way = EXPSTART__SKIP_PORTABLE; way < EXPSTART__SKIP_WAYS; way++) {
      size_t at = skip_document((enum expstart__json_skip_way)way, 1 + draw(200), &found);
      if (at == SIZE_MAX)
        continue;
      assert_int_equal(at, end);
      assert_int_equal(found.depth, expected.depth);
      assert_int_equal(found.broken, expected.broken);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(documents_are_read_as_json_c_reads_them),
      cmocka_unit_test(broken_documents_are_read_as_json_c_reads_them),
      cmocka_unit_test(every_way_to_pass_over_a_value_finds_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "json_parse.h"

#include "json_skip.h"
#include "text.h"

#include <json.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* ---- what JSON is: RFC 8259. Each function reads on to the first byte that cannot be right, or to the
   end of the bytes, where more may come. ---- */

struct check {
  const char *at, *end;
};

static bool next_is_one_of(const struct check *check, const char *any_of) {
  return check->at < check->end && *check->at != '\0' && strchr(any_of, *check->at);
}

static bool pass_one_of(struct check *check, const char *any_of) {
  if (!next_is_one_of(check, any_of))
    return false;
  check->at++;
  return true;
}

static void pass_space(struct check *check) {
  while (pass_one_of(check, " \t\r\n"))
    continue;
}

static bool pass_word(struct check *check, const char *word) {
  while (*word && check->at < check->end && *check->at == *word)
    check->at++, word++;
  return *word == '\0';
}

static bool pass_escape(struct check *check) {
  if (pass_one_of(check, "\"\\/bfnrt"))
    return true;
  if (!pass_one_of(check, "u"))
    return false;
  for (int digit = 0; digit < 4; digit++)
    if (!pass_one_of(check, "0123456789abcdefABCDEF"))
      return false;
  return true;
}

static bool pass_string(struct check *check) {
  if (!pass_one_of(check, "\""))
    return false;
  while (check->at < check->end && *check->at != '\0') {
    char c = *check->at++;
    if (c == '"')
      return true;
    if (c == '\\' && !pass_escape(check))
      return false;
  }
  return false;
}

static bool pass_digits(struct check *check) {
  if (!pass_one_of(check, "0123456789"))
    return false;
  while (pass_one_of(check, "0123456789"))
    continue;
  return true;
}

static bool pass_number(struct check *check) {
  pass_one_of(check, "-");
  if (!pass_one_of(check, "0") && !pass_digits(check))
    return false;
  if (pass_one_of(check, ".") && !pass_digits(check))
    return false;
  if (!pass_one_of(check, "eE"))
    return true;
  pass_one_of(check, "+-");
  return pass_digits(check);
}

static bool pass_value(struct check *check, unsigned depth);

static bool pass_member(struct check *check, unsigned depth) {
  pass_space(check);
  if (!pass_string(check))
    return false;
  pass_space(check);
  return pass_one_of(check, ":") && pass_value(check, depth);
}

/* An object or array, which may hold others if `depth` is not 0. */
static bool pass_container(struct check *check, unsigned depth) {
  bool object = *check->at++ == '{';
  const char *closer = object ? "}" : "]";
  pass_space(check);
  if (pass_one_of(check, closer))
    return true;
  do {
    if (!(object ? pass_member(check, depth) : pass_value(check, depth)))
      return false;
    pass_space(check);
  } while (pass_one_of(check, ","));
  return pass_one_of(check, closer);
}

/* A value, of which objects and arrays nest `depth` deep at most. */
static bool pass_value(struct check *check, unsigned depth) {
  pass_space(check);
  if (check->at == check->end)
    return false;
  switch (*check->at) {
  case '{':
  case '[':
    return depth > 0 && pass_container(check, depth - 1);
  case '"':
    return pass_string(check);
  case 't':
    return pass_word(check, "true");
  case 'f':
    return pass_word(check, "false");
  case 'n':
    return pass_word(check, "null");
  default:
    return pass_number(check);
  }
}

/* The value's end, or the place of the byte that cannot be right, is put into *at. */
static enum expstart__json_parsed check_all(const char *bytes, size_t size, size_t *at) {
  struct check check = {bytes, bytes + size};
  bool whole = pass_value(&check, EXPSTART__JSON_DEPTH_MAX);
  *at = (size_t)(check.at - bytes);
  if (whole)
    pass_space(&check);
  if (check.at == check.end)
    return whole ? EXPSTART__JSON_PARSED : EXPSTART__JSON_INCOMPLETE;
  *at = (size_t)(check.at - bytes);
  return EXPSTART__JSON_INVALID;
}

/* ---- json-c's tree of it ---- */

/* json-c 0.16 calls it a success when memory was short, and gives what it had by then. */
static bool has_read(struct json_tokener *tokener, size_t value_end) {
  if (json_tokener_get_error(tokener) != json_tokener_success)
    return false;
  return json_tokener_get_parse_end(tokener) >= value_end;
}

static enum expstart__json_parsed build(const char *bytes, size_t size, size_t value_end,
                                        struct json_object **tree) {
  struct json_tokener *tokener = json_tokener_new_ex(EXPSTART__JSON_DEPTH_MAX + 1);
  if (!tokener)
    return EXPSTART__JSON_UNPARSED;
  /* Not strict: what its strict mode is for was checked above. */
  *tree = json_tokener_parse_ex(tokener, bytes, (int)size);
  bool read = has_read(tokener, value_end);
  if (json_tokener_get_error(tokener) ==
      json_tokener_continue) { /* a number has no end of its own */
    *tree = json_tokener_parse_ex(tokener, "", 1);
    read = has_read(tokener, 0);
  }
  json_tokener_free(tokener);
  if (read && (*tree || bytes[value_end - 1] == 'l')) /* of null */
    return EXPSTART__JSON_PARSED;
  json_object_put(*tree);
  *tree = NULL;
  return EXPSTART__JSON_UNPARSED;
}

enum expstart__json_parsed expstart__json_parse(const char *bytes, size_t size, unsigned flags,
                                                struct json_object **tree, size_t *wrong_at) {
  size_t at;
  *tree = NULL;
  enum expstart__json_parsed parsed = check_all(bytes, size, &at);
  if (wrong_at)
    *wrong_at = at;
  if (parsed != EXPSTART__JSON_PARSED)
    return parsed;
  if (flags & EXPSTART__JSON_UTF8_ONLY && !expstart__utf8_is_valid(bytes, size))
    return EXPSTART__JSON_NOT_UTF8;
  return size < INT_MAX ? build(bytes, size, at, tree) : EXPSTART__JSON_UNPARSED;
}

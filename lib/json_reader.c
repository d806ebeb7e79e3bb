#include "json_reader.h"

#include <stdlib.h>
#include <string.h>

enum state {
  VALUE,       /* one must come */
  FIRST_ITEM,  /* a value, or the end of the array */
  FIRST_KEY,   /* a key, or the end of the object */
  NEXT_KEY,    /* a key must come */
  COLON,       /* must come */
  AFTER_VALUE, /* a comma, or the end of what it is in */
  WHOLE,       /* the document is at its end */
  STRING,
  ESCAPE, /* a backslash was read */
  HEX,    /* and a u */
  WORD,
  MINUS, /* a number's parts; RFC 8259 6 */
  ZERO,
  DIGITS,
  POINT,
  FRACTION,
  EXPONENT,
  EXPONENT_SIGN,
  EXPONENT_DIGITS,
  PASSING, /* an object or array that is not wanted, or wanted as it is */
  BROKEN,
  NO_MEMORY,
};

void expstart__json_reader_init(struct expstart__json_reader *reader, size_t text_max) {
  memset(reader, 0, sizeof *reader);
  reader->text_max = text_max;
}

void expstart__json_reader_clear(struct expstart__json_reader *reader) {
  free(reader->text);
  reader->text = NULL;
  reader->size = reader->capacity = 0;
}

void expstart__json_reader_reset(struct expstart__json_reader *reader, unsigned want) {
  reader->state = VALUE;
  reader->depth = 0;
  reader->want = want;
}

void expstart__json_want(struct expstart__json_reader *reader, unsigned want) {
  reader->want = want;
}

bool expstart__json_is_whole(const struct expstart__json_reader *reader) {
  return reader->state == WHOLE;
}

/* ---- text --------------------------------------------------------------------------------------
 */

static void begin_text(struct expstart__json_reader *reader) {
  reader->size = 0;
  reader->cut = false;
  reader->high = 0;
}

/* How many of so many bytes more there is room for, which is made. */
static size_t make_room(struct expstart__json_reader *reader, size_t size) {
  size_t capacity = reader->capacity ? reader->capacity : 128;
  if (size > reader->text_max - reader->size) {
    size = reader->text_max - reader->size;
    reader->cut = true;
  }
  while (capacity < reader->size + size)
    capacity *= 2;
  char *grown = capacity > reader->capacity ? realloc(reader->text, capacity) : reader->text;
  if (!grown) {
    reader->state = NO_MEMORY;
    return 0;
  }
  reader->text = grown;
  reader->capacity = capacity;
  return size;
}

static void append(struct expstart__json_reader *reader, const char *bytes, size_t size) {
  size_t whole = reader->size + size;
  if (whole > reader->capacity || whole > reader->text_max)
    size = make_room(reader, size);
  if (size > 0)
    memcpy(reader->text + reader->size, bytes, size);
  reader->size += size;
}

static void append_code_point(struct expstart__json_reader *reader, unsigned c) {
  char utf8[4];
  size_t size = 0;
  if (c < 0x80) {
    utf8[size++] = (char)c;
  } else if (c < 0x800) {
    utf8[size++] = (char)(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    utf8[size++] = (char)(0xE0 | c >> 12);
    utf8[size++] = (char)(0x80 | (c >> 6 & 0x3F));
  } else {
    utf8[size++] = (char)(0xF0 | c >> 18);
    utf8[size++] = (char)(0x80 | (c >> 12 & 0x3F));
    utf8[size++] = (char)(0x80 | (c >> 6 & 0x3F));
  }
  if (c >= 0x80)
    utf8[size++] = (char)(0x80 | (c & 0x3F));
  append(reader, utf8, size);
}

/* Half a pair of surrogates is no character: U+FFFD stands for it. */
static void append_lone_half(struct expstart__json_reader *reader) {
  if (reader->high)
    append_code_point(reader, 0xFFFD);
  reader->high = 0;
}

static void append_escaped_unit(struct expstart__json_reader *reader, unsigned unit) {
  bool low = unit >= 0xDC00 && unit <= 0xDFFF;
  if (low && reader->high) {
    append_code_point(reader, 0x10000 + ((reader->high - 0xD800) << 10) + (unit - 0xDC00));
    reader->high = 0;
    return;
  }
  append_lone_half(reader);
  if (unit >= 0xD800 && unit < 0xDC00)
    reader->high = unit;
  else
    append_code_point(reader, low ? 0xFFFD : unit);
}

/* ---- values ------------------------------------------------------------------------------------
 */

static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The state after a value. */
static int after(const struct expstart__json_reader *reader) {
  return reader->depth > 0 ? AFTER_VALUE : WHOLE;
}

static void begin_string(struct expstart__json_reader *reader, bool is_key) {
  reader->state = STRING;
  reader->is_key = is_key;
  reader->keep = is_key || (reader->want & EXPSTART__JSON_WANT_SCALAR) != 0;
  begin_text(reader);
}

static void begin_scalar(struct expstart__json_reader *reader, char first, enum state state) {
  reader->state = (int)state;
  reader->keep = (reader->want & EXPSTART__JSON_WANT_SCALAR) != 0;
  begin_text(reader);
  if (reader->keep)
    append(reader, &first, 1);
}

static void begin_word(struct expstart__json_reader *reader, const char *word,
                       enum expstart__json_token token) {
  reader->state = WORD;
  reader->keep = (reader->want & EXPSTART__JSON_WANT_SCALAR) != 0;
  reader->word = word;
  reader->word_at = 1;
  reader->word_token = (int)token;
}

static enum expstart__json_token begin_container(struct expstart__json_reader *reader, char first) {
  bool object = first == '{';
  unsigned wanted = object ? EXPSTART__JSON_WANT_OBJECT : EXPSTART__JSON_WANT_ARRAY;
  if (reader->want & wanted && reader->depth < EXPSTART__JSON_ENTER_MAX) {
    reader->in_object[reader->depth++] = object;
    reader->state = object ? FIRST_KEY : FIRST_ITEM;
    reader->want = 0;
    return object ? EXPSTART__JSON_OBJECT : EXPSTART__JSON_ARRAY;
  }
  reader->state = PASSING;
  reader->keep = (reader->want & EXPSTART__JSON_WANT_RAW) != 0;
  begin_text(reader);
  if (reader->keep)
    append(reader, &first, 1);
  expstart__json_skip_begin(&reader->skip, first, EXPSTART__JSON_DEPTH_MAX - reader->depth);
  return EXPSTART__JSON_MORE;
}

static enum expstart__json_token begin_value(struct expstart__json_reader *reader, char c) {
  switch (c) {
  case '"':
    begin_string(reader, false);
    break;
  case '{':
  case '[':
    return begin_container(reader, c);
  case 't':
    begin_word(reader, "true", EXPSTART__JSON_TRUE);
    break;
  case 'f':
    begin_word(reader, "false", EXPSTART__JSON_FALSE);
    break;
  case 'n':
    begin_word(reader, "null", EXPSTART__JSON_NULL);
    break;
  case '-':
    begin_scalar(reader, c, MINUS);
    break;
  case '0':
    begin_scalar(reader, c, ZERO);
    break;
  default:
    if (is_digit(c))
      begin_scalar(reader, c, DIGITS);
    else
      reader->state = BROKEN;
  }
  return EXPSTART__JSON_MORE;
}

static enum expstart__json_token leave(struct expstart__json_reader *reader) {
  reader->depth--;
  reader->state = after(reader);
  reader->want = 0;
  return EXPSTART__JSON_LEAVE;
}

/* Bytes between values, to the next token or into the next value. */
static enum expstart__json_token read_between(struct expstart__json_reader *reader, const char **at,
                                              const char *end) {
  bool in_object = reader->depth > 0 && reader->in_object[reader->depth - 1];
  while (*at < end) {
    char c = *(*at)++;
    if (is_space(c))
      continue;
    switch (reader->state) {
    case FIRST_ITEM:
      if (c == ']')
        return leave(reader);
      return begin_value(reader, c);
    case VALUE:
      return begin_value(reader, c);
    case FIRST_KEY:
      if (c == '}')
        return leave(reader);
      /* fall through */
    case NEXT_KEY:
      if (c == '"')
        begin_string(reader, true);
      else
        reader->state = BROKEN;
      return EXPSTART__JSON_MORE;
    case COLON:
      reader->state = c == ':' ? VALUE : BROKEN;
      break;
    case AFTER_VALUE:
      if (c == (in_object ? '}' : ']'))
        return leave(reader);
      if (c == ',')
        reader->state = in_object ? NEXT_KEY : VALUE;
      else
        reader->state = BROKEN;
      break;
    default: /* WHOLE, or what was broken just now */
      reader->state = BROKEN;
      return EXPSTART__JSON_MORE;
    }
  }
  return EXPSTART__JSON_MORE;
}

/* ---- inside strings ----------------------------------------------------------------------------
 */

static enum expstart__json_token end_string(struct expstart__json_reader *reader) {
  append_lone_half(reader);
  if (reader->state == NO_MEMORY)
    return EXPSTART__JSON_MORE;
  if (reader->is_key) {
    reader->state = COLON;
    reader->want = 0;
    return EXPSTART__JSON_KEY;
  }
  reader->state = after(reader);
  reader->want = 0;
  return reader->keep ? EXPSTART__JSON_STRING : EXPSTART__JSON_MORE;
}

static const bool ends_run[256] = {['"'] = true, ['\\'] = true, ['\0'] = true};

static enum expstart__json_token read_string(struct expstart__json_reader *reader, const char **at,
                                             const char *end) {
  const char *from = *at, *to = from;
  while (to < end && !ends_run[(unsigned char)*to])
    to++;
  *at = to < end ? to + 1 : end;
  if (reader->keep && to > from) {
    append_lone_half(reader);
    append(reader, from, (size_t)(to - from));
  }
  if (to == end || reader->state == NO_MEMORY)
    return EXPSTART__JSON_MORE;
  if (*to == '"')
    return end_string(reader);
  reader->state = *to == '\\' ? ESCAPE : BROKEN;
  return EXPSTART__JSON_MORE;
}

static void read_escape(struct expstart__json_reader *reader, char c) {
  static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
  const char *name = c ? strchr(names, c) : NULL;
  if (c == 'u') {
    reader->state = HEX;
    reader->hex = reader->hex_digits = 0;
  } else if (name) {
    reader->state = STRING;
    if (reader->keep) {
      append_lone_half(reader);
      append(reader, &bytes[name - names], 1);
    }
  } else {
    reader->state = BROKEN;
  }
}

static void read_hex(struct expstart__json_reader *reader, char c) {
  char letter = (char)(c | 0x20);
  if (!is_digit(c) && (letter < 'a' || letter > 'f')) {
    reader->state = BROKEN;
    return;
  }
  reader->hex = reader->hex << 4 | (unsigned)(is_digit(c) ? c - '0' : letter - 'a' + 10);
  if (++reader->hex_digits < 4)
    return;
  reader->state = STRING;
  if (reader->keep)
    append_escaped_unit(reader, reader->hex);
}

/* ---- inside words and numbers ------------------------------------------------------------------
 */

static enum expstart__json_token end_scalar(struct expstart__json_reader *reader,
                                            enum expstart__json_token token) {
  reader->state = after(reader);
  reader->want = 0;
  return reader->keep ? token : EXPSTART__JSON_MORE;
}

static enum expstart__json_token read_word(struct expstart__json_reader *reader, const char **at,
                                           const char *end) {
  const char *word = reader->word;
  size_t read = reader->word_at;
  while (*at < end && word[read] && **at == word[read])
    read++, ++*at;
  reader->word_at = read;
  if (word[read]) {
    if (*at < end)
      reader->state = BROKEN;
    return EXPSTART__JSON_MORE;
  }
  begin_text(reader);
  if (reader->keep)
    append(reader, word, read);
  if (reader->state == NO_MEMORY)
    return EXPSTART__JSON_MORE;
  return end_scalar(reader, (enum expstart__json_token)reader->word_token);
}

/* The part of a number that `c` is, after `state`; AFTER_VALUE: none, the number ended before it. */
static enum state number_part(int state, char c) {
  bool digit = is_digit(c), exponent = c == 'e' || c == 'E';
  switch (state) {
  case MINUS:
    return c == '0' ? ZERO : digit ? DIGITS : BROKEN;
  case ZERO:
    return c == '.' ? POINT : exponent ? EXPONENT : digit ? BROKEN : AFTER_VALUE;
  case DIGITS:
    return digit ? DIGITS : c == '.' ? POINT : exponent ? EXPONENT : AFTER_VALUE;
  case POINT:
    return digit ? FRACTION : BROKEN;
  case FRACTION:
    return digit ? FRACTION : exponent ? EXPONENT : AFTER_VALUE;
  case EXPONENT:
    return c == '+' || c == '-' ? EXPONENT_SIGN : digit ? EXPONENT_DIGITS : BROKEN;
  case EXPONENT_SIGN:
    return digit ? EXPONENT_DIGITS : BROKEN;
  default: /* EXPONENT_DIGITS */
    return digit ? EXPONENT_DIGITS : AFTER_VALUE;
  }
}

static enum expstart__json_token read_number(struct expstart__json_reader *reader,
                                             const char **at) {
  enum state part = number_part(reader->state, **at);
  if (part == AFTER_VALUE)
    return end_scalar(reader, EXPSTART__JSON_NUMBER); /* the byte is read as what comes after */
  reader->state = (int)part;
  if (reader->keep && part != BROKEN)
    append(reader, *at, 1);
  ++*at;
  return EXPSTART__JSON_MORE;
}

static enum expstart__json_token pass(struct expstart__json_reader *reader, const char **at,
                                      const char *end) {
  size_t used = expstart__json_skip(&reader->skip, *at, (size_t)(end - *at));
  if (reader->keep)
    append(reader, *at, used);
  *at += used;
  if (reader->state == NO_MEMORY)
    return EXPSTART__JSON_MORE;
  if (reader->skip.broken)
    reader->state = BROKEN;
  else if (reader->skip.depth == 0)
    return end_scalar(reader, EXPSTART__JSON_RAW);
  return EXPSTART__JSON_MORE;
}

enum expstart__json_token expstart__json_next(struct expstart__json_reader *reader, const char **at,
                                              const char *end) {
  enum expstart__json_token token = EXPSTART__JSON_MORE;
  while (token == EXPSTART__JSON_MORE && *at < end) {
    switch (reader->state) {
    case STRING:
      token = read_string(reader, at, end);
      break;
    case ESCAPE:
      read_escape(reader, *(*at)++);
      break;
    case HEX:
      read_hex(reader, *(*at)++);
      break;
    case WORD:
      token = read_word(reader, at, end);
      break;
    case PASSING:
      token = pass(reader, at, end);
      break;
    case BROKEN:
      return EXPSTART__JSON_BROKEN;
    case NO_MEMORY:
      return EXPSTART__JSON_NO_MEMORY;
    case MINUS:
    case ZERO:
    case DIGITS:
    case POINT:
    case FRACTION:
    case EXPONENT:
    case EXPONENT_SIGN:
    case EXPONENT_DIGITS:
      token = read_number(reader, at);
      break;
    default:
      token = read_between(reader, at, end);
    }
  }
  if (token == EXPSTART__JSON_MORE && reader->state == BROKEN)
    return EXPSTART__JSON_BROKEN;
  return token == EXPSTART__JSON_MORE && reader->state == NO_MEMORY ? EXPSTART__JSON_NO_MEMORY
                                                                    : token;
}

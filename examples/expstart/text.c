/* Text for people: sanitising for terminals, numbers and durations. Pure: no I/O, no state.
 * Called by everything that prints; knows nothing of experiments. */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The bytes of the character at `text`, 0 if it is not UTF-8. */
static size_t decode(const unsigned char *text, size_t length, uint32_t *code) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t size = 0;
  if (length == 0) {
    return 0;
  }
  if (text[0] < 0x80) {
    *code = text[0];
    return 1;
  }
  if ((text[0] & 0xE0u) == 0xC0u) {
    size = 2;
    *code = text[0] & 0x1Fu;
  } else if ((text[0] & 0xF0u) == 0xE0u) {
    size = 3;
    *code = text[0] & 0x0Fu;
  } else if ((text[0] & 0xF8u) == 0xF0u) {
    size = 4;
    *code = text[0] & 0x07u;
  }
  if (size == 0 || size > length) {
    return 0;
  }
  for (size_t i = 1; i < size; i++) {
    if ((text[i] & 0xC0u) != 0x80u) {
      return 0;
    }
    *code = *code << 6 | (text[i] & 0x3Fu);
  }
  if (*code < smallest[size] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) {
    return 0;
  }
  return size;
}

bool text_is_utf8(const char *text, size_t length) {
  const unsigned char *bytes = (const unsigned char *)text;
  uint32_t code = 0;
  for (size_t at = 0; at < length;) {
    size_t size = decode(bytes + at, length - at, &code);
    if (size == 0) {
      return false;
    }
    at += size;
  }
  return true;
}

/* C0 and C1 controls, DEL, line and paragraph separators, direction marks and overrides. */
static bool is_unsafe(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

char *text_safe(char *buf, size_t size, const char *text, size_t length) {
  static const char ellipsis[] = "...";
  const unsigned char *bytes = (const unsigned char *)text;
  size_t used = 0;
  size_t cut = 0; /* the last place where "..." still fits */
  if (size == 0) {
    return buf;
  }
  for (size_t at = 0; at < length;) {
    uint32_t code = 0;
    size_t taken = decode(bytes + at, length - at, &code);
    bool unsafe = taken == 0 || is_unsafe(code);
    size_t given = unsafe ? 1 : taken;
    if (used + sizeof ellipsis <= size) {
      cut = used;
    }
    if (used + given + 1 > size) {
      size_t room = size - cut < sizeof ellipsis ? size - cut : sizeof ellipsis;
      memcpy(buf + cut, ellipsis, room);
      buf[cut + room - 1] = '\0';
      return buf;
    }
    if (unsafe) {
      buf[used] = '?';
    } else {
      memcpy(buf + used, bytes + at, taken);
    }
    used += given;
    at += taken == 0 ? 1 : taken;
  }
  buf[used] = '\0';
  return buf;
}

char *text_count(char *buf, size_t size, uint64_t number) {
  char digits[24];
  int count = snprintf(digits, sizeof digits, "%" PRIu64, number);
  size_t used = 0;
  for (int i = 0; i < count && used + 1 < size; i++) {
    if (i > 0 && (count - i) % 3 == 0) {
      buf[used++] = ',';
    }
    if (used + 1 < size) {
      buf[used++] = digits[i];
    }
  }
  if (size > 0) {
    buf[used] = '\0';
  }
  return buf;
}

char *text_duration(char *buf, size_t size, double seconds) {
  if (!(seconds > 0)) {
    seconds = 0;
  }
  if (seconds > 0 && seconds < 0.0995) {
    (void)snprintf(buf, size, "%.0f ms", seconds * 1000);
    return buf;
  }
  if (seconds < 9.95) {
    (void)snprintf(buf, size, "%.1f s", seconds);
    return buf;
  }
  uint64_t whole = seconds < 1e12 ? (uint64_t)(seconds + 0.5) : (uint64_t)1e12;
  if (whole < 60) {
    (void)snprintf(buf, size, "%" PRIu64 " s", whole);
  } else if (whole < 3600) {
    (void)snprintf(buf, size, "%" PRIu64 "m %02" PRIu64 "s", whole / 60, whole % 60);
  } else if (whole < 86400) {
    (void)snprintf(buf, size, "%" PRIu64 "h %02" PRIu64 "m", whole / 3600, whole / 60 % 60);
  } else {
    (void)snprintf(buf, size, "%" PRIu64 "d %02" PRIu64 "h", whole / 86400, whole / 3600 % 24);
  }
  return buf;
}

char *text_rate(char *buf, size_t size, double rate) {
  if (!(rate > 0)) {
    rate = 0;
  }
  if (rate >= 99.95) {
    return text_count(buf, size, rate < 1e15 ? (uint64_t)(rate + 0.5) : (uint64_t)1e15);
  }
  (void)snprintf(buf, size, rate < 1 && rate > 0 ? "%.2f" : "%.1f", rate);
  return buf;
}

char *text_pattern(char *buf, size_t size, const char *text) {
  size_t used = 0;
  for (bool in_number = false; *text != '\0' && used + 1 < size; text++) {
    bool is_digit = *text >= '0' && *text <= '9';
    if (!is_digit || !in_number) {
      buf[used++] = is_digit ? '#' : *text;
    }
    in_number = is_digit;
  }
  /* Not in the middle of a character. */
  while (*text != '\0' && used > 0 && ((unsigned char)*text & 0xC0u) == 0x80u) {
    text--;
    used--;
  }
  buf[used] = '\0';
  return buf;
}

#include "text.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 character at text, 0 if there is none. */
static size_t utf8_length(const unsigned char *text, size_t size) {
  unsigned char lead = text[0];
  size_t length = lead < 0x80                   ? 1
                  : lead >= 0xC2 && lead < 0xE0 ? 2
                  : lead >= 0xE0 && lead < 0xF0 ? 3
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                                                : 0;
  if (length == 0 || length > size)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xC0) != 0x80)
      return 0;
  if ((lead == 0xE0 && text[1] < 0xA0) || (lead == 0xED && text[1] > 0x9F) ||
      (lead == 0xF0 && text[1] < 0x90) || (lead == 0xF4 && text[1] > 0x8F))
    return 0;
  return length;
}

bool expstart__utf8_is_valid(const char *text, size_t size) {
  const unsigned char *bytes = (const unsigned char *)text;
  for (size_t i = 0; i < size;) {
    size_t length = utf8_length(bytes + i, size - i);
    if (length == 0)
      return false;
    i += length;
  }
  return true;
}

static bool is_space(unsigned char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7F;
}

/* Eight at once: of those that are not, the first makes its byte's highest bit come up, for by then nothing
   was borrowed or carried. */
static bool are_plain(const unsigned char *bytes) {
  const uint64_t ones = UINT64_C(0x0101010101010101), highest = 0x80 * ones;
  uint64_t eight;
  memcpy(&eight, bytes, sizeof eight);
  return (((eight - 0x20 * ones) | eight | (eight + ones)) & highest) == 0;
}

static size_t plain_run(const unsigned char *bytes, size_t size) {
  size_t run = 0;
  while (size - run >= 8 && are_plain(bytes + run))
    run += 8;
  while (run < size && is_plain(bytes[run]))
    run++;
  return run;
}

size_t expstart__text_clean(char *out, const char *text, size_t size, size_t max) {
  const unsigned char *in = (const unsigned char *)text;
  size_t used = 0;
  for (size_t i = 0; i < size && used < max;) {
    size_t most = size - i < max - used ? size - i : max - used;
    size_t run = plain_run(in + i, most); /* nearly all of it is */
    memcpy(out + used, in + i, run);
    used += run;
    i += run;
    if (run == most)
      continue;
    size_t length = utf8_length(in + i, size - i);
    /* U+0080 to U+009F are controls too, and terminals obey some of them. */
    bool control = in[i] < 0x80 || (length == 2 && in[i] == 0xC2 && in[i + 1] < 0xA0);
    if (length == 0 || control) {
      out[used++] = is_space(in[i]) ? ' ' : '?';
      i += length ? length : 1;
      continue;
    }
    if (length > max - used)
      break;
    memcpy(out + used, in + i, length);
    used += length;
    i += length;
  }
  out[used] = '\0';
  return used;
}

void expstart__text_redact(char *text, size_t size, const char *secret) {
  size_t length = strlen(secret);
  if (length == 0 || length > size)
    return;
  char *at = text, *end = text + size;
  while ((size_t)(end - at) >= length &&
         (at = memchr(at, secret[0], (size_t)(end - at) - length + 1))) {
    if (memcmp(at, secret, length) == 0) {
      memset(at, '*', length);
      at += length;
    } else {
      at++;
    }
  }
}

void expstart__wipe(void *memory, size_t size) {
  volatile unsigned char *byte = memory;
  while (size-- > 0)
    *byte++ = 0;
}

#include "text.h"

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

size_t expstart__text_clean(char *out, const char *text, size_t size, size_t max) {
  const unsigned char *in = (const unsigned char *)text;
  size_t used = 0;
  for (size_t i = 0; i < size && used < max;) {
    if (in[i] >= 0x20 && in[i] < 0x7F) { /* nearly all of it is */
      out[used++] = text[i++];
      continue;
    }
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
  if (length == 0)
    return;
  for (size_t i = 0; i + length <= size;) {
    if (text[i] == secret[0] && memcmp(text + i, secret, length) == 0) {
      memset(text + i, '*', length);
      i += length;
    } else {
      i++;
    }
  }
}

void expstart__wipe(void *memory, size_t size) {
  volatile unsigned char *byte = memory;
  while (size-- > 0)
    *byte++ = 0;
}

#include "body.h"

#include <stdlib.h>
#include <string.h>

/* Written here and not by json-c, which without memory leaves out what has no room, and says nothing: the start
   would go out with another note. */

/* What stands for a character in a JSON string (RFC 8259 7) if it cannot stand for itself; else NULL. */
static const char *escape_of(unsigned char c, char room[7]) {
  static const char digits[] = "0123456789abcdef";
  switch (c) {
  case '"':
    return "\\\"";
  case '\\':
    return "\\\\";
  case '\b':
    return "\\b";
  case '\f':
    return "\\f";
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  default:
    if (c >= ' ')
      return NULL;
    memcpy(room, "\\u00", 4);
    room[4] = digits[c >> 4];
    room[5] = digits[c & 0xF];
    room[6] = '\0';
    return room;
  }
}

static size_t escaped_size(const char *text) {
  char room[7];
  size_t size = 0;
  for (; *text; text++) {
    const char *escape = escape_of((unsigned char)*text, room);
    size += escape ? strlen(escape) : 1;
  }
  return size;
}

static char *put(char *to, const char *text) {
  size_t size = strlen(text);
  memcpy(to, text, size);
  return to + size;
}

static char *put_escaped(char *to, const char *text) {
  char room[7];
  for (; *text; text++) {
    const char *escape = escape_of((unsigned char)*text, room);
    if (escape)
      to = put(to, escape);
    else
      *to++ = *text;
  }
  return to;
}

char *expstart__body_create(const char *note, size_t *size) {
  static const char head[] = "{\"action\":\"start\"", before[] = ",\"note\":\"", after[] = "\"";
  *size = sizeof head - 1 + sizeof "}" - 1;
  if (note)
    *size += sizeof before - 1 + escaped_size(note) + sizeof after - 1;
  char *body = malloc(*size + 1);
  if (!body)
    return NULL;
  char *end = put(body, head);
  if (note) {
    end = put(end, before);
    end = put_escaped(end, note);
    end = put(end, after);
  }
  end = put(end, "}");
  *end = '\0';
  return body;
}

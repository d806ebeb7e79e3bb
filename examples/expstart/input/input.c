/* Reading of ids and notes: finds the format from the content, cuts the bytes into lines for the
 * readers, and checks what all formats have in common. Called by start.c. */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expstart.h"
#include "text.h"

bool input_parse_id(const char *text, size_t length, int64_t *id) {
  uint64_t value = 0;
  if (length == 0) {
    return false;
  }
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
    unsigned digit = (unsigned)(text[i] - '0');
    if (value > ((uint64_t)INT64_MAX - digit) / 10) {
      return false;
    }
    value = value * 10 + digit;
  }
  *id = (int64_t)value;
  return value > 0;
}

int input_argument(struct list *list, const char *text, uint64_t number,
                   struct list_report *report) {
  char shown[80];
  int64_t id = 0;
  if (!input_parse_id(text, strlen(text), &id)) {
    list_bad_argument(report, number, "\"%s\" " INPUT_ID_WANTED,
                      text_safe(shown, sizeof shown, text, strlen(text)));
    return 0;
  }
  if (list_add(list, id, number, NULL, 0) != 0) {
    return -1;
  }
  list->argument_count = list->count;
  return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Moves what is left to the front and reads until the buffer is full or the input ends. */
static void fill(struct input *input) {
  size_t left = input->end - input->at;
  memmove(input->buffer, input->buffer + input->at, left);
  input->at = 0;
  input->end = left;
  size_t wanted = INPUT_LINE_MAX - left;
  size_t got = fread(input->buffer + left, 1, wanted, input->from);
  int error = errno;
  input->end += got;
  if (got < wanted) {
    input->is_at_end = true;
    if (ferror(input->from)) {
      list_bad(input->report, 0, "cannot be read: %s", strerror(error));
    }
  }
}

bool input_next(struct input *input, char **text, size_t *length) {
  for (;;) {
    char *start = input->buffer + input->at;
    size_t left = input->end - input->at;
    char *newline = left == 0 ? NULL : memchr(start, '\n', left);
    bool is_full = left == INPUT_LINE_MAX;
    if (newline == NULL && !is_full && !input->is_at_end) {
      fill(input);
      continue;
    }
    if (left == 0) {
      return false;
    }
    *text = start;
    *length = newline != NULL ? (size_t)(newline - start) + 1 : left;
    input->at += *length;
    input->line += input->is_line_open ? 0 : 1;
    input->is_line_open = newline == NULL;
    return true;
  }
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(char **text, size_t *length) {
  while (*length > 0 && is_blank((*text)[*length - 1])) {
    (*length)--;
  }
  while (*length > 0 && is_blank(**text)) {
    (*text)++;
    (*length)--;
  }
}

bool input_next_whole(struct input *input, char **text, size_t *length) {
  while (input_next(input, text, length)) {
    if (!input->is_line_open || *length < INPUT_LINE_MAX) {
      trim(text, length);
      return true;
    }
    list_bad(input->report, input->line, "the line is longer than %u bytes", INPUT_LINE_MAX - 1);
    while (input->is_line_open && input_next(input, text, length)) {
      /* the rest of it */
    }
  }
  return false;
}

/* ---- checks ---------------------------------------------------------------------------------- */

bool input_check_note(struct input *input, uint64_t line, const char *note, size_t length) {
  char count[32];
  char most[32];
  if (memchr(note, '\0', length) != NULL) {
    list_bad(input->report, line, "the note has a NUL character in it");
  } else if (!text_is_utf8(note, length)) {
    list_bad(input->report, line, "the note is not valid UTF-8");
  } else if (length > EXPSTART_NOTE_MAX) {
    list_bad(input->report, line, "the note has %s bytes, more than the %s that are allowed",
             text_count(count, sizeof count, length),
             text_count(most, sizeof most, EXPSTART_NOTE_MAX));
  } else {
    return true;
  }
  return false;
}

void input_add(struct input *input, int64_t id, uint64_t line, const char *note, size_t length) {
  if (list_add(input->list, id, line, note, length) != 0) {
    input->no_memory = true;
  }
}

/* ---- the format ------------------------------------------------------------------------------ */

enum format { FORMAT_LINES, FORMAT_CSV, FORMAT_NDJSON };

/* Blank lines and comments before the first meaningful line are consumed; that line is not. */
static enum format find_format(struct input *input) {
  char *text = NULL;
  size_t length = 0;
  while (input_next(input, &text, &length)) {
    size_t given = length;
    bool is_header = input_is_csv_header(text, length);
    trim(&text, &length);
    if (length == 0 || *text == '#') {
      continue;
    }
    input->at -= given;
    input->line--;
    input->is_line_open = false;
    return *text == '{' ? FORMAT_NDJSON : is_header ? FORMAT_CSV : FORMAT_LINES;
  }
  return FORMAT_LINES;
}

/* Skips a UTF-8 mark; refuses UTF-16, which spreadsheets write too, in words that help. */
static bool check_byte_order(struct input *input) {
  fill(input);
  const char *start = input->buffer;
  if (input->end >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0) {
    input->at = 3;
  } else if (input->end >= 2 &&
             (memcmp(start, "\xFF\xFE", 2) == 0 || memcmp(start, "\xFE\xFF", 2) == 0)) {
    list_bad(input->report, 0, "is UTF-16; save it as UTF-8");
    return false;
  }
  return true;
}

int input_read(struct list *list, FILE *from, struct list_report *report) {
  struct input input = {.from = from, .list = list, .report = report};
  input.buffer = malloc(INPUT_LINE_MAX);
  if (input.buffer == NULL) {
    return -1;
  }
  if (check_byte_order(&input)) {
    switch (find_format(&input)) {
    case FORMAT_LINES:
      input_lines(&input);
      break;
    case FORMAT_CSV:
      input_csv(&input);
      break;
    case FORMAT_NDJSON:
      input_ndjson(&input);
      break;
    }
  }
  free(input.buffer);
  return input.no_memory ? -1 : 0;
}

/* The reader of the plainest format: one id a line, "#" begins a comment.
 * Called by input.c; knows nothing of the other formats. */
#include <string.h>

#include "input.h"
#include "text.h"

static size_t without_comment(const char *text, size_t length) {
  const char *comment = length == 0 ? NULL : memchr(text, '#', length);
  if (comment != NULL) {
    length = (size_t)(comment - text);
  }
  while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
    length--;
  }
  return length;
}

void input_lines(struct input *input) {
  char shown[80];
  char *text = NULL;
  size_t length = 0;
  while (!input->no_memory && input_next_whole(input, &text, &length)) {
    int64_t id = 0;
    length = without_comment(text, length);
    if (length == 0) {
      continue;
    }
    if (input_parse_id(text, length, &id)) {
      input_add(input, id, input->line, NULL, 0);
      continue;
    }
    bool has_comma = memchr(text, ',', length) != NULL;
    list_bad(input->report, input->line, "\"%s\" " INPUT_ID_WANTED "%s",
             text_safe(shown, sizeof shown, text, length),
             has_comma ? " (CSV needs a header with a column experiment_id or id)" : "");
  }
}

/* Reads ids and notes from arguments and from a file in one of three formats, which it finds from
 * the content. Called by start.c; fills a list and must know nothing of sending. */
#ifndef COMMAND_INPUT_H
#define COMMAND_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "list.h"

/* The longest line, or CSV field, that is read. A note of the greatest length with every byte
   escaped fits. */
#define INPUT_LINE_MAX (256u * 1024u)

#define INPUT_ID_WANTED "is not a whole number from 1 to 9223372036854775807"

/* Digits only, 1 to INT64_MAX. */
bool input_parse_id(const char *text, size_t length, int64_t *id);

/* Adds an argument, the number-th from 1. What is wrong goes to `report`. -1 if memory ran out. */
int input_argument(struct list *list, const char *text, uint64_t number,
                   struct list_report *report);

/* Adds all of `from`. What is wrong, a read error too, goes to `report`. -1 if memory ran out. */
int input_read(struct list *list, FILE *from, struct list_report *report);

/* ---- for the readers behind it: input_lines.c, input_csv.c, input_ndjson.c ------------------- */

struct input {
  FILE *from;
  struct list *list;
  struct list_report *report;
  uint64_t line; /* the number of the line that input_next gave last */
  char *buffer;
  size_t at, end; /* what is read and not given yet */
  bool is_at_end;
  bool is_line_open; /* the piece that was given last had no line end */
  bool no_memory;
};

/* The next line with its line end, or a piece of INPUT_LINE_MAX bytes of a longer one; false at the
   end. Valid until the next call, and may be written to. */
bool input_next(struct input *input, char **text, size_t *length);

/* The same without line end and surrounding blanks; a line that is too long is reported and left
   out. */
bool input_next_whole(struct input *input, char **text, size_t *length);

/* The note is fit to be sent; if not, that is reported for `line`. */
bool input_check_note(struct input *input, uint64_t line, const char *note, size_t length);

/* Adds the row and remembers if memory ran out. */
void input_add(struct input *input, int64_t id, uint64_t line, const char *note, size_t length);

/* Each reads to the end or until memory runs out. */
void input_lines(struct input *input);
void input_csv(struct input *input);
void input_ndjson(struct input *input);

/* Whether this line is a CSV header: it has a column experiment_id or id. */
bool input_is_csv_header(const char *text, size_t length);

#endif

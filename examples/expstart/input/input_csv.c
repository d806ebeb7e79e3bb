/* The reader of CSV with a header, on libcsv. libcsv is given one line at a time, so that the line
 * of each row is known with quoted line ends too. Called by input.c. */
#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "expstart.h"
#include "input.h"
#include "text.h"

#define NO_COLUMN SIZE_MAX

struct csv {
  struct input *input;
  uint64_t row_line;   /* where the row began */
  bool is_row_open;    /* a row began in an earlier line */
  bool ended_row;      /* libcsv ended a row in this line */
  bool is_header;      /* the row that is read is the header */
  bool is_given_up;    /* the rest cannot be understood */
  size_t column;       /* of the next field */
  size_t column_count; /* in the header */
  size_t id_column, note_column;
  bool is_named_id;   /* the column is "id", not "experiment_id" */
  size_t field_bytes; /* given to libcsv since a field or row ended */
  bool has_id;
  int64_t id;
  char bad_id[80]; /* what was in its place */
  char *note;      /* of the row; EXPSTART_NOTE_MAX bytes */
  size_t note_length;
  bool is_note_bad;
};

static bool is_word(const char *text, size_t length, const char *word) {
  return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

bool input_is_csv_header(const char *text, size_t length) {
  while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
    length--;
  }
  for (size_t at = 0; at <= length;) {
    const char *field = text + at;
    const char *comma = at == length ? NULL : memchr(field, ',', length - at);
    size_t size = comma != NULL ? (size_t)(comma - field) : length - at;
    at += size + 1;
    while (size > 0 && strchr(" \t\"", *field) != NULL) {
      field++;
      size--;
    }
    while (size > 0 && strchr(" \t\"", field[size - 1]) != NULL) {
      size--;
    }
    if (is_word(field, size, "experiment_id") || is_word(field, size, "id")) {
      return true;
    }
  }
  return false;
}

/* ---- the header ------------------------------------------------------------------------------ */

static void take_twice(struct csv *csv, const char *name) {
  list_bad(csv->input->report, csv->row_line, "the header has the column %s twice", name);
  csv->is_given_up = true;
}

static void take_header_field(struct csv *csv, const char *text, size_t length) {
  if (is_word(text, length, "experiment_id")) {
    if (csv->id_column != NO_COLUMN && !csv->is_named_id) {
      take_twice(csv, "experiment_id");
    }
    csv->id_column = csv->column;
    csv->is_named_id = false;
  } else if (is_word(text, length, "id")) {
    if (csv->id_column != NO_COLUMN && csv->is_named_id) {
      take_twice(csv, "id");
    }
    if (csv->id_column == NO_COLUMN) {
      csv->id_column = csv->column;
      csv->is_named_id = true;
    }
  } else if (is_word(text, length, "note")) {
    if (csv->note_column != NO_COLUMN) {
      take_twice(csv, "note");
    }
    csv->note_column = csv->column;
  }
}

static void end_header(struct csv *csv) {
  csv->is_header = false;
  csv->column_count = csv->column;
  if (csv->id_column == NO_COLUMN && !csv->is_given_up) {
    list_bad(csv->input->report, csv->row_line, "the header has no column experiment_id or id");
    csv->is_given_up = true;
  }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void take_id(struct csv *csv, const char *text, size_t length) {
  csv->has_id = input_parse_id(text, length, &csv->id);
  if (!csv->has_id) {
    (void)text_safe(csv->bad_id, sizeof csv->bad_id, text, length);
  }
}

/* Copied, since the id may come after it. */
static void take_note(struct csv *csv, const char *text, size_t length) {
  csv->is_note_bad = !input_check_note(csv->input, csv->row_line, text, length);
  if (!csv->is_note_bad) {
    memcpy(csv->note, text, length);
    csv->note_length = length;
  }
}

static void end_record(struct csv *csv) {
  struct list_report *report = csv->input->report;
  const char *name = csv->is_named_id ? "id" : "experiment_id";
  if (csv->column > csv->column_count) {
    list_bad(report, csv->row_line,
             "%zu fields, but the header has %zu (a field with a comma in it needs quotes)",
             csv->column, csv->column_count);
  } else if (!csv->has_id) {
    list_bad(report, csv->row_line, "%s \"%s\" " INPUT_ID_WANTED, name, csv->bad_id);
  } else if (!csv->is_note_bad) {
    input_add(csv->input, csv->id, csv->row_line, csv->note, csv->note_length);
  }
}

static void begin_record(struct csv *csv) {
  csv->column = 0;
  csv->has_id = false;
  csv->bad_id[0] = '\0';
  csv->note_length = 0;
  csv->is_note_bad = false;
}

static void on_field(void *field, size_t length, void *data) {
  struct csv *csv = data;
  const char *text = field == NULL ? "" : field;
  csv->field_bytes = 0;
  if (csv->is_given_up) {
    return;
  }
  if (csv->is_header) {
    take_header_field(csv, text, length);
  } else if (csv->column == csv->id_column) {
    take_id(csv, text, length);
  } else if (csv->column == csv->note_column) {
    take_note(csv, text, length);
  }
  csv->column++;
}

static void on_row(int end, void *data) {
  struct csv *csv = data;
  (void)end;
  csv->ended_row = true;
  csv->field_bytes = 0;
  if (!csv->is_given_up) {
    if (csv->is_header) {
      end_header(csv);
    } else {
      end_record(csv);
    }
  }
  begin_record(csv);
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool is_blank_line(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') {
      return false;
    }
  }
  return true;
}

static void report_parser(struct csv *csv, struct csv_parser *parser) {
  if (csv_error(parser) == CSV_EPARSE) {
    list_bad(csv->input->report, csv->input->line,
             "a quote in the middle of a field, or text after a closing quote; the rest was not "
             "read");
  } else {
    csv->input->no_memory = true;
  }
  csv->is_given_up = true;
}

static void parse_line(struct csv *csv, struct csv_parser *parser, const char *text,
                       size_t length) {
  bool is_blank = is_blank_line(text, length);
  if (!csv->is_row_open) {
    csv->row_line = csv->input->line;
  }
  csv->ended_row = false;
  csv->field_bytes += length;
  if (csv_parse(parser, text, length, on_field, on_row, csv) != length) {
    report_parser(csv, parser);
    return;
  }
  csv->is_row_open = csv->is_row_open || !is_blank;
  if (csv->ended_row) {
    csv->is_row_open = false;
  }
  /* Left open, a quote would swallow the rest of the file, whatever its size. */
  if (csv->field_bytes > INPUT_LINE_MAX && !csv->is_given_up) {
    list_bad(csv->input->report, csv->row_line,
             "a field longer than %u bytes begins here: is a closing quote missing? the rest was "
             "not read",
             INPUT_LINE_MAX);
    csv->is_given_up = true;
  }
}

void input_csv(struct input *input) {
  struct csv csv = {
      .input = input, .is_header = true, .id_column = NO_COLUMN, .note_column = NO_COLUMN};
  struct csv_parser parser;
  char *text = NULL;
  size_t length = 0;
  csv.note = malloc(EXPSTART_NOTE_MAX);
  if (csv.note == NULL) {
    input->no_memory = true;
    return;
  }
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
    input->no_memory = true;
    free(csv.note);
    return;
  }
  while (!csv.is_given_up && !input->no_memory && input_next(input, &text, &length)) {
    parse_line(&csv, &parser, text, length);
  }
  if (!csv.is_given_up && !input->no_memory && csv_fini(&parser, on_field, on_row, &csv) != 0) {
    list_bad(input->report, csv.row_line, "a quote that is opened here is not closed");
  }
  csv_free(&parser);
  free(csv.note);
}

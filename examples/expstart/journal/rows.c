/* A journal's experiments, one after the other. */
#include "rows.h"

#include <string.h>

static const char *text_at(sqlite3_stmt *select, int column) {
  return (const char *)sqlite3_column_text(select, column);
}

static bool take_row(struct row *row, sqlite3_stmt *select, struct problem *problem) {
  int64_t number = sqlite3_column_int64(select, 0);
  const char *status = text_at(select, 3);
  if (number < 1 || number >= UINT32_MAX) {
    return problem_set(problem, "is damaged (there is a row %lld)", (long long)number);
  }
  *row = (struct row){.number = (uint32_t)number,
                      .id = sqlite3_column_int64(select, 1),
                      .note = text_at(select, 2),
                      .attempts = sqlite3_column_int64(select, 4),
                      .throttled = sqlite3_column_int64(select, 5),
                      .http_status = sqlite3_column_int(select, 6),
                      .error = text_at(select, 7),
                      .message = text_at(select, 8),
                      .first_attempt_ms = sqlite3_column_int64(select, 9),
                      .last_attempt_ms = sqlite3_column_int64(select, 10),
                      .run = sqlite3_column_int64(select, 11)};
  if (row->id < 1 || status == NULL || !status_find(status, strlen(status), &row->status)) {
    return problem_set(problem, "is damaged (row %lld has no id or status)", (long long)number);
  }
  return true;
}

struct reading {
  unsigned statuses;
  row_cb on_row;
  void *data;
};

static bool read_row(void *data, sqlite3_stmt *select, struct problem *problem) {
  struct reading *reading = data;
  struct row row;
  return take_row(&row, select, problem) && ((reading->statuses & STATUS_BIT(row.status)) == 0 ||
                                             reading->on_row(reading->data, &row, problem));
}

bool rows_read(struct journal *journal, unsigned statuses, row_cb on_row, void *data,
               struct problem *problem) {
  struct reading reading = {.statuses = statuses, .on_row = on_row, .data = data};
  return database_each(journal->db,
                       "SELECT number,id,note,status,attempts,throttled,http_status,error,message,"
                       "first_attempt_ms,last_attempt_ms,run FROM experiment ORDER BY number",
                       read_row, &reading, problem);
}

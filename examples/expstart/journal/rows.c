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

bool rows_read(struct journal *journal, unsigned statuses, row_cb on_row, void *data,
               struct problem *problem) {
  struct row row;
  sqlite3_stmt *select =
      database_prepare(journal->db,
                       "SELECT number,id,note,status,attempts,throttled,http_status,error,message,"
                       "first_attempt_ms,last_attempt_ms,run FROM experiment ORDER BY number",
                       problem);
  if (select == NULL) {
    return false;
  }
  bool is_good = true;
  int code = sqlite3_step(select);
  while (code == SQLITE_ROW && is_good) {
    is_good = take_row(&row, select, problem) &&
              ((statuses & STATUS_BIT(row.status)) == 0 || on_row(data, &row, problem));
    code = is_good ? sqlite3_step(select) : SQLITE_DONE;
  }
  if (is_good && code != SQLITE_DONE) {
    is_good = database_problem(journal->db, problem);
  }
  (void)sqlite3_finalize(select);
  return is_good;
}

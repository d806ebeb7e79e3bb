/* What of a journal is still to be done. Called by resume.c. */
#include "left.h"

#include <string.h>

#include "expstart.h"
#include "rows.h"

#define SETTLE_MS 5000    /* as the library waits after an attempt that timed out */
#define LONG_AGO_MS 60000 /* a run that lives is seen each second, but for a disk that is slow */

void left_free(struct left *left) {
  list_free(&left->list);
}

static bool is_taken(const struct row *row, unsigned retry) {
  switch (row->status) {
  case STATUS_PENDING:
  case STATUS_SENDING:
  case STATUS_CANCELED:
    return true;
  case STATUS_UNKNOWN:
    if (row->error != NULL && strcmp(row->error, expstart_err_name(EXPSTART_ECANCELED)) == 0) {
      return true;
    }
    break;
  default:
    break;
  }
  return (retry & STATUS_BIT(row->status)) != 0;
}

static bool is_in_doubt(enum status status) {
  return status == STATUS_SENDING || status == STATUS_UNKNOWN;
}

/* The rows are read twice, since those in doubt come last. */
struct pass {
  struct left *left;
  unsigned retry;
  bool is_for_doubts;
};

static bool add_row(void *data, const struct row *row, struct problem *problem) {
  struct pass *pass = data;
  struct left *left = pass->left;
  if (!pass->is_for_doubts) {
    left->counts[row->status]++;
  }
  if (is_in_doubt(row->status) != pass->is_for_doubts || !is_taken(row, pass->retry)) {
    return true;
  }
  left->taken[row->status]++;
  size_t length = row->note == NULL ? 0 : strlen(row->note);
  return list_add(&left->list, row->id, row->number, row->note, length) == 0 ||
         problem_set(problem, "out of memory");
}

bool left_read(struct left *left, struct journal *journal, unsigned retry,
               struct problem *problem) {
  struct pass pass = {.left = left, .retry = retry};
  memset(left, 0, sizeof *left);
  list_init(&left->list);
  int64_t ended_ms = 0;
  if (!database_number(journal->db, "SELECT seen_ms FROM run ORDER BY number DESC LIMIT 1",
                       &left->seen_ms, problem) ||
      !database_number(journal->db, "SELECT ended_ms FROM run ORDER BY number DESC LIMIT 1",
                       &ended_ms, problem) ||
      !rows_read(journal, STATUS_ALL, add_row, &pass, problem)) {
    return false;
  }
  left->has_ended = ended_ms > 0;
  left->doubt_from = left->list.count;
  pass.is_for_doubts = true;
  return rows_read(journal, STATUS_ALL, add_row, &pass, problem);
}

/* A run that was killed may have sent until just now, whenever it was seen last; and a clock that was set back tells
   nothing at all. */
uint64_t left_doubt_wait_ms(const struct left *left, int64_t now_ms) {
  int64_t ago = now_ms - left->seen_ms;
  if (left->seen_ms == 0 || ago > LONG_AGO_MS) {
    return 0;
  }
  if (!left->has_ended || ago < 0) {
    return SETTLE_MS;
  }
  return ago < SETTLE_MS ? (uint64_t)(SETTLE_MS - ago) : 0;
}

uint64_t left_rest_bad(const struct left *left) {
  uint64_t bad = 0;
  for (int i = 0; i < STATUSES; i++) {
    if ((STATUS_GOOD & STATUS_BIT(i)) == 0) {
      bad += left->counts[i] - left->taken[i];
    }
  }
  return bad;
}

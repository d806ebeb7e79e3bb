/* `expstart export`: a journal's experiments as CSV or NDJSON, in the order of the list. The names are those
 * that a list of experiments has as input, too. Called by main.c. */
#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "command.h"
#include "journal.h"
#include "json_build.h"
#include "output.h"
#include "output_option.h"
#include "rows.h"

struct export {
  const struct journal *journal;
  struct output output;
};

static const char *note_of(const struct export *export, const struct row *row) {
  return row->note != NULL ? row->note : export->journal->note;
}

/* ---- CSV (RFC 4180, but for line ends) --------------------------------------------------------- */

static const char csv_header[] = "experiment_id,note,status,attempts,throttled,http_status,error,"
                                 "message,first_attempt,last_attempt,run\n";

static void write_text(FILE *to, const char *text) {
  (void)fputc(',', to);
  if (text != NULL && *text != '\0') {
    (void)csv_fwrite(to, text, strlen(text));
  }
}

static void write_csv(FILE *to, const struct export *export, const struct row *row) {
  char first[32];
  char last[32];
  (void)fprintf(to, "%" PRId64, row->id);
  write_text(to, note_of(export, row));
  (void)fprintf(to, ",%s,%" PRId64 ",%" PRId64 ",%d", status_name(row->status), row->attempts,
                row->throttled, row->http_status);
  write_text(to, row->error);
  write_text(to, row->message);
  (void)fprintf(to, ",%s,%s,%" PRId64 "\n", clock_iso(first, sizeof first, row->first_attempt_ms),
                clock_iso(last, sizeof last, row->last_attempt_ms), row->run);
}

/* ---- NDJSON ---------------------------------------------------------------------------------- */

/* NULL: no memory. */
static struct json_object *make_line(const struct export *export, const struct row *row) {
  char time[32];
  struct json_build build = {0};
  struct json_object *line = json_object_new_object();
  json_build_number(&build, line, "experiment_id", row->id);
  json_build_words(&build, line, "note", note_of(export, row));
  json_build_text(&build, line, "status", status_name(row->status));
  json_build_number(&build, line, "attempts", row->attempts);
  json_build_number(&build, line, "throttled", row->throttled);
  json_build_number(&build, line, "http_status", row->http_status);
  json_build_words(&build, line, "error", row->error);
  json_build_words(&build, line, "message", row->message);
  json_build_words(&build, line, "first_attempt",
                   clock_iso(time, sizeof time, row->first_attempt_ms));
  json_build_words(&build, line, "last_attempt",
                   clock_iso(time, sizeof time, row->last_attempt_ms));
  json_build_number(&build, line, "run", row->run);
  if (build.has_failed) {
    (void)json_object_put(line);
    return NULL;
  }
  return line;
}

/* ---- */

static bool write_row_csv(void *data, const struct row *row, struct problem *problem) {
  struct export *export = data;
  errno = 0;
  write_csv(export->output.to, export, row);
  if (ferror(export->output.to) != 0) {
    export->output.error = errno != 0 ? errno : EIO;
  }
  return export->output.error == 0 || problem_set(problem, "%s", strerror(export->output.error));
}

static bool write_row_ndjson(void *data, const struct row *row, struct problem *problem) {
  struct export *export = data;
  int error = output_line(&export->output, make_line(export, row));
  return error == 0 || problem_set(problem, "%s", strerror(error));
}

/* A failure to write is the output's and told by its errno. */
static int write_all(const struct args *args, struct journal *journal) {
  struct export export = {.journal = journal};
  struct problem problem;
  unsigned statuses = args->statuses != 0 ? args->statuses : STATUS_ALL;
  int error = output_open(&export.output, args->output != NULL ? args->output : "-");
  if (error != 0) {
    output_option_say(args, error);
    return COMMAND_USAGE;
  }
  if (args->is_csv) {
    (void)fputs(csv_header, export.output.to);
  }
  bool is_read = rows_read(journal, statuses, args->is_csv ? write_row_csv : write_row_ndjson,
                           &export, &problem);
  error = output_close(&export.output);
  if (error != 0) {
    output_option_say(args, error);
  } else if (!is_read) {
    problem_say(&problem, args->journal);
  }
  return error == 0 && is_read ? 0 : COMMAND_USAGE;
}

int command_export(const struct args *args) {
  struct journal journal;
  struct problem problem;
  if (!output_option_check(args, NULL)) {
    return COMMAND_USAGE;
  }
  if (!journal_open(&journal, args->journal, JOURNAL_READ, &problem)) {
    problem_say(&problem, args->journal);
    return COMMAND_USAGE;
  }
  int code = write_all(args, &journal);
  journal_close(&journal);
  return code;
}

/* The results as NDJSON on json-c, and the file they go to. A failure is kept, so that a caller may
 * write on and look later. Called by the sub-commands and summary.c; knows nothing of clients and loops. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "json_build.h"

int output_outcome(const expstart_result *result) {
  if (result->outcome == EXPSTART_CANCELED && result->attempts == 0 && result->lookups == 0) {
    return OUTPUT_NOT_SENT;
  }
  return (int)result->outcome;
}

const char *output_outcome_name(int outcome) {
  return outcome == OUTPUT_NOT_SENT ? "not_sent" : expstart_outcome_name((expstart_outcome)outcome);
}

int output_open(struct output *output, const char *name) {
  memset(output, 0, sizeof *output);
  if (name == NULL) {
    return 0;
  }
  if (strcmp(name, "-") == 0) {
    output->to = stdout;
    output->is_stdout = true;
    output->is_terminal = isatty(STDOUT_FILENO) != 0;
    return 0;
  }
  int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) {
    return errno;
  }
  output->to = fdopen(file, "w");
  if (output->to == NULL) {
    int error = errno;
    (void)close(file); /* nothing was written */
    return error;
  }
  output->is_terminal = isatty(file) != 0;
  return 0;
}

int output_check(const char *name) {
  if (name == NULL || strcmp(name, "-") == 0) {
    return 0;
  }
  struct stat found;
  if (stat(name, &found) == 0) {
    if (S_ISDIR(found.st_mode)) { /* may be writable, but not as a file */
      return EISDIR;
    }
    return access(name, W_OK) == 0 ? 0 : errno;
  }
  return folder_check(name);
}

/* ---- one line -------------------------------------------------------------------------------- */

static struct json_object *make_errors(struct json_build *build, const expstart_result *result) {
  struct json_object *errors = json_object_new_array();
  for (size_t i = 0; i < result->error_count; i++) {
    json_build_append(build, errors, json_object_new_string(result->errors[i]));
  }
  return errors;
}

/* NULL: no memory. */
static struct json_object *make_line(const expstart_result *result, const char *message) {
  struct json_build build = {0};
  struct json_object *line = json_object_new_object();
  const char *words = message != NULL ? message : result->message;
  json_build_number(&build, line, "experiment_id", result->experiment_id);
  json_build_text(&build, line, "outcome", output_outcome_name(output_outcome(result)));
  json_build_number(&build, line, "http_status", result->http_status);
  json_build_number(&build, line, "attempts", result->attempts);
  json_build_number(&build, line, "throttled", result->throttled);
  json_build_text(&build, line, "state", result->state);
  json_build_text(&build, line, "started_at", result->started_at);
  json_build_add(&build, line, "errors", make_errors(&build, result));
  json_build_text(&build, line, "message", words != NULL ? words : "");
  json_build_number(&build, line, "elapsed_ms", (int64_t)(result->elapsed_us / 1000));
  if (build.has_failed) {
    (void)json_object_put(line);
    return NULL;
  }
  return line;
}

static int write_line(FILE *to, struct json_object *line) {
  size_t length = 0;
  const char *text = json_object_to_json_string_length(
      line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
  if (text == NULL) {
    return ENOMEM;
  }
  errno = 0;
  if (fwrite(text, 1, length, to) != length || fputc('\n', to) == EOF) {
    return errno != 0 ? errno : EIO;
  }
  return 0;
}

int output_line(struct output *output, struct json_object *line) {
  if (output->to != NULL && output->error == 0) {
    output->error = line == NULL ? ENOMEM : write_line(output->to, line);
  }
  (void)json_object_put(line);
  return output->error;
}

int output_write(struct output *output, const expstart_result *result, const char *message) {
  if (output->to == NULL || output->error != 0) {
    return output->error;
  }
  return output_line(output, make_line(result, message));
}

const char *output_words(const expstart_result *result) {
  if (result->message != NULL && result->message[0] != '\0') {
    return result->message;
  }
  return result->error == EXPSTART_OK ? "" : expstart_strerror(result->error);
}

int output_flush(struct output *output) {
  if (output->to == NULL || output->error != 0) {
    return output->error;
  }
  errno = 0;
  if (fflush(output->to) != 0) {
    output->error = errno != 0 ? errno : EIO;
  }
  return output->error;
}

int output_close(struct output *output) {
  int error = output_flush(output);
  if (output->to != NULL && !output->is_stdout && fclose(output->to) != 0 && error == 0) {
    output->error = errno != 0 ? errno : EIO;
  }
  output->to = NULL;
  return output->error;
}

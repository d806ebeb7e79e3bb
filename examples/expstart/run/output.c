/* The results as NDJSON on json-c, and the file they go to. A failure is kept, so that a caller may
 * write on and look later. Called by the sub-commands and summary.c; knows nothing of clients and loops. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

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

/* Takes `value` over, also when it fails; NULL stands for "no memory" here. */
static bool add(struct json_object *line, const char *name, struct json_object *value) {
  if (value == NULL) {
    return false;
  }
  if (json_object_object_add(line, name, value) != 0) {
    (void)json_object_put(value);
    return false;
  }
  return true;
}

/* JSON's null for NULL. */
static bool add_text(struct json_object *line, const char *name, const char *text) {
  if (text == NULL) {
    return json_object_object_add(line, name, NULL) == 0;
  }
  return add(line, name, json_object_new_string(text));
}

static bool add_errors(struct json_object *line, const expstart_result *result) {
  struct json_object *errors = json_object_new_array();
  for (size_t i = 0; errors != NULL && i < result->error_count; i++) {
    struct json_object *text = json_object_new_string(result->errors[i]);
    if (text == NULL || json_object_array_add(errors, text) != 0) {
      (void)json_object_put(text);
      (void)json_object_put(errors);
      errors = NULL;
    }
  }
  return add(line, "errors", errors);
}

static bool build(struct json_object *line, const expstart_result *result, const char *message) {
  const char *outcome = output_outcome_name(output_outcome(result));
  const char *words = message != NULL ? message : result->message;
  return add(line, "experiment_id", json_object_new_int64(result->experiment_id)) &&
         add_text(line, "outcome", outcome) &&
         add(line, "http_status", json_object_new_int(result->http_status)) &&
         add(line, "attempts", json_object_new_int64(result->attempts)) &&
         add(line, "throttled", json_object_new_int64(result->throttled)) &&
         add_text(line, "state", result->state) &&
         add_text(line, "started_at", result->started_at) && add_errors(line, result) &&
         add_text(line, "message", words != NULL ? words : "") &&
         add(line, "elapsed_ms", json_object_new_int64((int64_t)(result->elapsed_us / 1000)));
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
  struct json_object *line = json_object_new_object();
  if (line != NULL && !build(line, result, message)) {
    (void)json_object_put(line);
    line = NULL;
  }
  return output_line(output, line);
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

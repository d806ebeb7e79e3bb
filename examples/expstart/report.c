/* `expstart report`: one page with all that a journal tells, made of a template, Chart.js and the journal's data.
 * Called by main.c. */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "command.h"
#include "journal.h"
#include "output.h"
#include "output_option.h"
#include "page.h"
#include "report_data.h"

static void write_bytes(struct output *output, const void *bytes, size_t length) {
  errno = 0;
  if (output->error == 0 && fwrite(bytes, 1, length, output->to) != length) {
    output->error = errno != 0 ? errno : EIO;
  }
}

/* A script element ends at "</script" and must not have "<!--" in it, whatever JSON says of strings: no "<" is
   left as it is. */
static void write_json(struct output *output, const char *json) {
  static const char escaped[] = "\\u003c";
  for (const char *next = strchr(json, '<'); next != NULL; next = strchr(json, '<')) {
    write_bytes(output, json, (size_t)(next - json));
    write_bytes(output, escaped, sizeof escaped - 1);
    json = next + 1;
  }
  write_bytes(output, json, strlen(json));
}

/* The template from `from` to the mark, or to its end; returns where it goes on behind it. */
static size_t write_up_to(struct output *output, size_t from, const char *mark) {
  size_t length = strlen(mark);
  size_t at = from;
  while (at < page_html_length &&
         (at + length > page_html_length || memcmp(page_html + at, mark, length) != 0)) {
    at++;
  }
  write_bytes(output, page_html + from, at - from);
  return at < page_html_length ? at + length : at;
}

static int write_report(const struct args *args, const char *json) {
  struct output output;
  int error = output_open(&output, args->output);
  if (error == 0) {
    size_t at = write_up_to(&output, 0, "@DATA@");
    write_json(&output, json);
    at = write_up_to(&output, at, "@CHART_JS@");
    write_bytes(&output, page_chart_js, page_chart_js_length);
    write_bytes(&output, page_html + at, page_html_length - at);
    error = output_close(&output);
  }
  if (error != 0) {
    output_option_say(args, error);
  }
  return error == 0 ? 0 : COMMAND_USAGE;
}

int command_report(const struct args *args) {
  struct journal journal;
  struct problem problem;
  if (!output_option_check(args, NULL)) {
    return COMMAND_USAGE;
  }
  if (!journal_open(&journal, args->journal, JOURNAL_READ, &problem)) {
    problem_say(&problem, args->journal);
    return COMMAND_USAGE;
  }
  struct json_object *data = report_data_make(&journal, &problem);
  journal_close(&journal);
  const char *json =
      data == NULL ? NULL : json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN);
  int code = COMMAND_USAGE;
  if (json == NULL) {
    problem_say(&problem, args->journal);
  } else {
    code = write_report(args, json);
  }
  (void)json_object_put(data);
  return code;
}

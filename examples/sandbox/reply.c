/* Reply bodies. The template's experiment and experiment_note are cut at start-up around the marks
 * "@id@", "@name@" and so on; a reply is those pieces and the experiment's own values copied into
 * one buffer. Called by api.c; must not know about HTTP. */
#include "reply.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/json_parse.h"
#include "start_200.h"

enum mark { MARK_NONE, MARK_ID, MARK_NAME, MARK_STATE, MARK_START_AT, MARK_NOTE, MARKS };

static const char *const mark_texts[MARKS] = {
    [MARK_ID] = "\"@id@\"",       [MARK_NAME] = "\"@name@\"",
    [MARK_STATE] = "\"@state@\"", [MARK_START_AT] = "\"@start_at@\"",
    [MARK_NOTE] = "\"@note@\"",
};

/* Fixed text, and what comes after it. */
struct piece {
  size_t offset, length;
  enum mark then;
};

#define PIECES_MAX 16

/* One JSON object cut into pieces; the last piece is followed by nothing. */
struct cut_object {
  char *text;
  struct piece pieces[PIECES_MAX];
  size_t piece_count;
};

struct reply_template {
  struct cut_object experiment;
  struct cut_object experiment_note;
};

/* An experiment's own values as JSON. */
struct values {
  const char *text[MARKS];
  size_t length[MARKS];
  char id[24], name[64], state[EXPERIMENT_STATE_SIZE + 2], start_at[REPLY_TIME_SIZE + 2];
};

static const char small_template[] =
    "{\"experiment\":{\"id\":\"@id@\",\"name\":\"@name@\",\"state\":\"@state@\","
    "\"start_at\":\"@start_at@\"},\"experiment_note\":{\"note\":\"@note@\"}}";

static const char *next_mark(const char *text, enum mark *which) {
  const char *nearest = NULL;
  *which = MARK_NONE;
  for (int mark = MARK_NONE + 1; mark < MARKS; mark++) {
    const char *found = strstr(text, mark_texts[mark]);
    if (found != NULL && (nearest == NULL || found < nearest)) {
      nearest = found;
      *which = (enum mark)mark;
    }
  }
  return nearest;
}

static int cut(struct cut_object *object, const char *text) {
  object->text = strdup(text);
  if (object->text == NULL) {
    return -1;
  }
  const char *at = object->text;
  for (;;) {
    if (object->piece_count == PIECES_MAX) {
      return -1;
    }
    struct piece *piece = &object->pieces[object->piece_count++];
    const char *mark = next_mark(at, &piece->then);
    piece->offset = (size_t)(at - object->text);
    piece->length = mark != NULL ? (size_t)(mark - at) : strlen(at);
    if (mark == NULL) {
      return 0;
    }
    at = mark + strlen(mark_texts[piece->then]);
  }
}

static int cut_member(struct cut_object *object, struct json_object *whole, const char *name) {
  struct json_object *member = NULL;
  if (!json_object_object_get_ex(whole, name, &member)) {
    return -1;
  }
  const char *text = json_object_to_json_string_ext(member, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE);
  return text != NULL ? cut(object, text) : -1;
}

static struct json_object *parse(const char *text, size_t length) {
  struct json_object *whole = NULL;
  (void)expstart__json_parse(text, length, EXPSTART__JSON_UTF8_ONLY, &whole, NULL);
  return whole;
}

struct reply_template *reply_template_create(enum reply_size size) {
  struct reply_template *created = calloc(1, sizeof *created);
  struct json_object *whole = size == REPLY_FULL
                                  ? parse((const char *)start_200_json, start_200_json_length)
                                  : parse(small_template, sizeof small_template - 1);
  if (created == NULL || whole == NULL ||
      cut_member(&created->experiment, whole, "experiment") < 0 ||
      cut_member(&created->experiment_note, whole, "experiment_note") < 0) {
    reply_template_destroy(created);
    created = NULL;
  }
  json_object_put(whole);
  return created;
}

void reply_template_destroy(struct reply_template *reply_template) {
  if (reply_template == NULL) {
    return;
  }
  free(reply_template->experiment.text);
  free(reply_template->experiment_note.text);
  free(reply_template);
}

void reply_time(int64_t time_ms, char text[REPLY_TIME_SIZE]) {
  time_t seconds = (time_t)(time_ms / 1000);
  struct tm utc;
  char date[REPLY_TIME_SIZE - 8];
  if (gmtime_r(&seconds, &utc) == NULL ||
      strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
    date[0] = '\0';
  }
  snprintf(text, REPLY_TIME_SIZE, "%s.%03uZ", date, (unsigned)(time_ms % 1000) % 1000U);
}

static void set_value(struct values *values, enum mark mark, const char *text) {
  values->text[mark] = text;
  values->length[mark] = strlen(text);
}

static void set_values(struct values *values, int64_t id, const struct experiment *experiment) {
  snprintf(values->id, sizeof values->id, "%lld", (long long)id);
  snprintf(values->name, sizeof values->name, "\"sandbox_experiment_%lld\"", (long long)id);
  snprintf(values->state, sizeof values->state, "\"%s\"", experiment->state);
  snprintf(values->start_at, sizeof values->start_at, "null");
  if (experiment->started_at_ms != 0) {
    char time_text[REPLY_TIME_SIZE];
    reply_time(experiment->started_at_ms, time_text);
    snprintf(values->start_at, sizeof values->start_at, "\"%s\"", time_text);
  }
  set_value(values, MARK_NONE, "");
  set_value(values, MARK_ID, values->id);
  set_value(values, MARK_NAME, values->name);
  set_value(values, MARK_STATE, values->state);
  set_value(values, MARK_START_AT, values->start_at);
  set_value(values, MARK_NOTE, experiment->note_json != NULL ? experiment->note_json : "null");
}

static size_t filled_length(const struct cut_object *object, const struct values *values) {
  size_t length = 0;
  for (size_t index = 0; index < object->piece_count; index++) {
    length += object->pieces[index].length + values->length[object->pieces[index].then];
  }
  return length;
}

static char *append(char *to, const char *text, size_t length) {
  memcpy(to, text, length);
  return to + length;
}

static char *append_text(char *to, const char *text) {
  return append(to, text, strlen(text));
}

static char *append_filled(char *to, const struct cut_object *object, const struct values *values) {
  for (size_t index = 0; index < object->piece_count; index++) {
    const struct piece *piece = &object->pieces[index];
    to = append(to, object->text + piece->offset, piece->length);
    to = append(to, values->text[piece->then], values->length[piece->then]);
  }
  return to;
}

int reply_start(const struct reply_template *reply_template, int64_t id,
                const struct experiment *experiment, struct reply_body *body) {
  static const char head[] = "{\"errors\":[],\"experiment\":";
  static const char between[] = ",\"experiment_note\":";
  static const char tail[] = ",\"ok\":true}";
  struct values values;
  set_values(&values, id, experiment);
  body->length = sizeof head - 1 + filled_length(&reply_template->experiment, &values) +
                 sizeof between - 1 + filled_length(&reply_template->experiment_note, &values) +
                 sizeof tail - 1;
  body->bytes = malloc(body->length);
  if (body->bytes == NULL) {
    return -1;
  }
  char *to = append_text(body->bytes, head);
  to = append_filled(to, &reply_template->experiment, &values);
  to = append_text(to, between);
  to = append_filled(to, &reply_template->experiment_note, &values);
  append_text(to, tail);
  return 0;
}

int reply_lookup(const struct reply_template *reply_template, int64_t id,
                 const struct experiment *experiment, struct reply_body *body) {
  static const char head[] = "{\"experiment\":";
  struct values values;
  set_values(&values, id, experiment);
  body->length = sizeof head - 1 + filled_length(&reply_template->experiment, &values) + 1;
  body->bytes = malloc(body->length);
  if (body->bytes == NULL) {
    return -1;
  }
  char *to = append_text(body->bytes, head);
  to = append_filled(to, &reply_template->experiment, &values);
  append_text(to, "}");
  return 0;
}

int reply_inspect(int64_t id, const struct experiment *experiment, struct reply_body *body) {
  struct values values;
  set_values(&values, id, experiment);
  return reply_format(body,
                      "{\"id\":%s,\"state\":%s,\"start_requests\":%lu,\"starts\":%lu,\"note\":%s,"
                      "\"started_at\":%s}",
                      values.id, values.state, (unsigned long)experiment->start_requests,
                      (unsigned long)experiment->starts, values.text[MARK_NOTE], values.start_at);
}

static int64_t count_touched(const struct experiments *experiments) {
  int64_t count = 0;
  for (int64_t id = 1; id <= experiments_total(experiments); id++) {
    count += experiment_is_touched(experiments_find(experiments, id));
  }
  return count;
}

/* Room for as many of the longest lines is cheaper than to measure each one first. */
int reply_list(const struct experiments *experiments, struct reply_body *body) {
  enum { LINE_SIZE = 64 + 20 + EXPERIMENT_STATE_SIZE + 10 + 10 };
  body->length = 0;
  body->bytes = malloc((size_t)count_touched(experiments) * LINE_SIZE + 1);
  if (body->bytes == NULL) {
    return -1;
  }
  for (int64_t id = 1; id <= experiments_total(experiments); id++) {
    const struct experiment *experiment = experiments_find(experiments, id);
    if (experiment_is_touched(experiment)) {
      body->length +=
          (size_t)snprintf(body->bytes + body->length, LINE_SIZE,
                           "{\"id\":%lld,\"state\":\"%s\",\"starts\":%lu,\"start_requests\":%lu}\n",
                           (long long)id, experiment->state, (unsigned long)experiment->starts,
                           (unsigned long)experiment->start_requests);
    }
  }
  return 0;
}

/* The text between two others; all three are measured first and copied once. */
static int format_between(struct reply_body *body, const char *head, const char *tail,
                          const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int printed = vsnprintf(NULL, 0, format, arguments);
  body->bytes = NULL;
  if (printed >= 0) {
    size_t head_length = strlen(head), tail_length = strlen(tail);
    body->length = head_length + (size_t)printed + tail_length;
    body->bytes = malloc(body->length + 1); /* vsnprintf terminates */
    if (body->bytes != NULL) {
      char *to = append(body->bytes, head, head_length);
      vsnprintf(to, (size_t)printed + 1, format, again);
      append(to + printed, tail, tail_length);
    }
  }
  va_end(again);
  return body->bytes != NULL ? 0 : -1;
}

int reply_format(struct reply_body *body, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int result = format_between(body, "", "", format, arguments);
  va_end(arguments);
  return result;
}

int reply_error(struct reply_body *body, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int result = format_between(body, "{\"ok\":false,\"errors\":[\"", "\"]}", format, arguments);
  va_end(arguments);
  return result;
}

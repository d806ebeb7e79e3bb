#include "hint_fields.h"

#include <ctype.h>
#include <curl/curl.h> /* curl_getdate only */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum dialect { STANDARD, OLDER, HABIT };

static const struct expstart__claim no_claim = {EXPSTART__NO_HINT, EXPSTART__NO_HINT,
                                                EXPSTART__NO_HINT};

void expstart__hint_fields_reset(struct expstart__hint_fields *fields) {
  fields->retry_after_count = 0;
  fields->date[0] = '\0';
  for (int i = 0; i < EXPSTART__DIALECTS; i++)
    fields->claims[i] = no_claim;
  fields->policy_window_s = fields->policy_limit = EXPSTART__NO_HINT;
}

/* ---- texts ------------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *at) {
  return at + strspn(at, " \t");
}

/* A whole number, rather too small than overflowing. NULL: there is none. */
static const char *read_number(const char *at, int64_t *number) {
  const int64_t most = 1000000000000000;
  if (!isdigit((unsigned char)*at))
    return NULL;
  for (*number = 0; isdigit((unsigned char)*at); at++)
    *number = *number < most ? *number * 10 + (*at - '0') : *number;
  return at;
}

static bool read_whole(const char *value, int64_t *number) {
  const char *end = read_number(value, number);
  return end && *skip_blanks(end) == '\0';
}

static void least(int64_t *kept, int64_t number) {
  if (*kept == EXPSTART__NO_HINT || number < *kept)
    *kept = number;
}

static void longest(int64_t *kept, int64_t number) {
  if (number > *kept)
    *kept = number;
}

/* ---- structured fields --------------------------------------------------------------------------
 */

/* Past a quoted string or a token. NULL: neither is there. */
static const char *skip_name(const char *at) {
  if (*at != '"') {
    const char *end = at + strcspn(at, " \t,;=\"");
    return end > at ? end : NULL;
  }
  for (at++; *at && *at != '"'; at++)
    if (*at == '\\' && at[1])
      at++;
  return *at ? at + 1 : NULL;
}

/* "key=number" or "key=anything else", of which only numbers are told. */
static const char *read_pair(const char *at, char *key, int64_t *number) {
  const char *name = at;
  at = skip_name(at);
  if (!at || *name == '"' || *at != '=')
    return NULL;
  size_t length = (size_t)(at - name);
  *key = length == 1                                                  ? *name
         : strncasecmp(name, "remaining", length) == 0 && length == 9 ? 'r'
         : strncasecmp(name, "reset", length) == 0 && length == 5     ? 't'
         : strncasecmp(name, "limit", length) == 0 && length == 5     ? 'q'
                                                                      : '?';
  *number = EXPSTART__NO_HINT;
  const char *end = read_number(at + 1, number);
  if (end && strchr(" \t,;", *end))
    return end;
  *number = EXPSTART__NO_HINT;
  const char *bytes_end = at[1] == ':' ? strchr(at + 2, ':') : NULL; /* base64 between colons */
  return bytes_end ? bytes_end + 1 : skip_name(at + 1);
}

/* Of RateLimit-Policy the windows and quotas, of RateLimit what is left until when, in both drafts' ways. */
struct list {
  struct expstart__claim claim;
  int64_t window_s, quota;
};

static void note(struct list *list, struct expstart__claim *item, char key, int64_t number) {
  if (number == EXPSTART__NO_HINT)
    return;
  if (key == 'r')
    item->remaining = number;
  else if (key == 't')
    item->reset = number;
  else if (key == 'w')
    longest(&list->window_s, number);
  else if (key == 'q')
    item->limit = number, least(&list->quota, number);
}

/* What binds is the item with the least left. */
static void take_claim(struct expstart__claim *kept, const struct expstart__claim *item) {
  if (item->remaining == EXPSTART__NO_HINT)
    return;
  bool binds = kept->remaining == EXPSTART__NO_HINT || item->remaining < kept->remaining ||
               (item->remaining == kept->remaining && item->reset > kept->reset);
  if (binds)
    *kept = *item;
}

static bool read_list(const char *at, struct list *list) {
  struct expstart__claim item = no_claim; /* in the older way all pairs are of one item */
  *list = (struct list){no_claim, EXPSTART__NO_HINT, EXPSTART__NO_HINT};
  for (;;) {
    char key;
    int64_t number;
    const char *end = read_pair(skip_blanks(at), &key, &number);
    if (end) {
      note(list, &item, key, number);
    } else {
      item = no_claim;
      end = skip_name(skip_blanks(at));
    }
    while (end && *skip_blanks(end) == ';') {
      end = read_pair(skip_blanks(skip_blanks(end) + 1), &key, &number);
      if (end)
        note(list, &item, key, number);
    }
    if (!end)
      return false;
    take_claim(&list->claim, &item);
    at = skip_blanks(end);
    if (*at == '\0')
      return true;
    if (*at != ',')
      return false;
    at++;
  }
}

/* ---- lines ------------------------------------------------------------------------------------- */

/* Copies the value of a header line if it has that name. */
static bool copy_value(char out[EXPSTART__FIELD_MAX], const char *line, size_t size,
                       const char *name) {
  size_t length = strlen(name);
  if (size <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
    return false;
  const char *value = line + length + 1, *end = line + size;
  while (value < end && (*value == ' ' || *value == '\t'))
    value++;
  while (end > value && strchr(" \t\r\n", end[-1]))
    end--;
  if (end - value >= EXPSTART__FIELD_MAX || memchr(value, '\0', (size_t)(end - value)))
    return false; /* no value of use is that long */
  memcpy(out, value, (size_t)(end - value));
  out[end - value] = '\0';
  return true;
}

/* Older drafts have policies behind the number: "100, 100;w=60". */
static void take_limit(struct expstart__claim *claim, const char *value) {
  int64_t number;
  const char *end = read_number(value, &number);
  if (end && strchr(",;", *skip_blanks(end)))
    least(&claim->limit, number);
}

static void take_remaining(struct expstart__claim *claim, const char *value) {
  int64_t number;
  if (read_whole(value, &number))
    least(&claim->remaining, number);
}

static void take_reset(struct expstart__claim *claim, const char *value) {
  int64_t number;
  if (read_whole(value, &number))
    longest(&claim->reset, number);
}

static void rate_limit_line(struct expstart__hint_fields *fields, const char *line, size_t size) {
  char value[EXPSTART__FIELD_MAX];
  struct list list;
  if (copy_value(value, line, size, "RateLimit")) {
    if (read_list(value, &list))
      take_claim(&fields->claims[STANDARD], &list.claim);
  } else if (copy_value(value, line, size, "RateLimit-Policy")) {
    if (read_list(value, &list)) {
      longest(&fields->policy_window_s, list.window_s);
      if (list.quota != EXPSTART__NO_HINT)
        least(&fields->policy_limit, list.quota);
    }
  } else if (copy_value(value, line, size, "RateLimit-Limit")) {
    take_limit(&fields->claims[OLDER], value);
  } else if (copy_value(value, line, size, "RateLimit-Remaining")) {
    take_remaining(&fields->claims[OLDER], value);
  } else if (copy_value(value, line, size, "RateLimit-Reset")) {
    take_reset(&fields->claims[OLDER], value);
  }
}

static void x_line(struct expstart__hint_fields *fields, const char *line, size_t size) {
  char value[EXPSTART__FIELD_MAX];
  if (copy_value(value, line, size, "X-RateLimit-Remaining") ||
      copy_value(value, line, size, "X-Rate-Limit-Remaining"))
    take_remaining(&fields->claims[HABIT], value);
  else if (copy_value(value, line, size, "X-RateLimit-Reset") ||
           copy_value(value, line, size, "X-Rate-Limit-Reset"))
    take_reset(&fields->claims[HABIT], value);
  else if (copy_value(value, line, size, "X-RateLimit-Limit") ||
           copy_value(value, line, size, "X-Rate-Limit-Limit"))
    take_limit(&fields->claims[HABIT], value);
}

void expstart__hint_fields_line(struct expstart__hint_fields *fields, const char *line,
                                size_t size) {
  switch (size ? *line : '\0') {
  case 'R':
  case 'r':
    if (fields->retry_after_count < EXPSTART__HINTS_MAX &&
        copy_value(fields->retry_after[fields->retry_after_count], line, size, "Retry-After"))
      fields->retry_after_count++;
    else
      rate_limit_line(fields, line, size);
    break;
  case 'D':
  case 'd':
    (void)copy_value(fields->date, line, size, "Date");
    break;
  case 'X':
  case 'x':
    x_line(fields, line, size);
    break;
  default:
    break;
  }
}

/* ---- what they say ------------------------------------------------------------------------------
 */

/* A reset is sent in seconds from now, or as a date in seconds or milliseconds: told apart by size. */
static int64_t reset_ms(const struct expstart__hint_fields *fields, int64_t reset, int64_t wall_s) {
  const int64_t first_date_s = 800000000, first_date_ms = 100000000000;
  if (reset < first_date_s)
    return reset == EXPSTART__NO_HINT ? EXPSTART__NO_HINT : reset * 1000;
  time_t date_s = fields->date[0] ? curl_getdate(fields->date, NULL) : -1;
  int64_t now_ms = (date_s >= 0 ? (int64_t)date_s : wall_s) * 1000;
  int64_t until_ms = reset >= first_date_ms ? reset : reset * 1000;
  return until_ms > now_ms ? until_ms - now_ms : 0;
}

struct expstart__hints expstart__hint_fields_read(const struct expstart__hint_fields *fields,
                                                  int64_t wall_s) {
  struct expstart__hints hints = EXPSTART__NO_HINTS;
  for (unsigned i = 0; i < fields->retry_after_count; i++)
    longest(&hints.retry_after_ms,
            expstart__hints_retry_after_ms(fields->retry_after[i],
                                           fields->date[0] ? fields->date : NULL, wall_s));
  for (int i = 0; i < EXPSTART__DIALECTS; i++) {
    struct expstart__claim claim = fields->claims[i];
    hints.limit = hints.limit == EXPSTART__NO_HINT ? claim.limit : hints.limit;
    if (claim.remaining == EXPSTART__NO_HINT && claim.reset == EXPSTART__NO_HINT)
      continue;
    if (i == STANDARD && claim.reset == EXPSTART__NO_HINT)
      claim.reset = fields->policy_window_s; /* no later than that */
    hints.remaining = claim.remaining;
    hints.reset_ms = reset_ms(fields, claim.reset, wall_s);
    break;
  }
  if (hints.limit == EXPSTART__NO_HINT)
    hints.limit = fields->policy_limit;
  return hints;
}

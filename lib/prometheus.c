/* Stats as text in Prometheus' exposition format: a table that has a row for each metric, and what
   writes a row. Numbers are put together from integers, for printf's are written with the decimal
   sign of the process' locale. */
#include "prometheus.h"
#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What stands in the struct. Times are told in seconds. */
enum unit {
  COUNT,        /* uint64_t */
  MILLISECONDS, /* uint64_t */
  MICROSECONDS, /* uint64_t; 0 means that there is none yet: NaN, as Prometheus has it */
  PER_SECOND,   /* double */
  STATE         /* an enum or a code: each of its values is a series, 1 if it is this one, else 0 */
};

struct metric {
  const char *name, *type, *help;
  size_t offset; /* in the struct; what has more than one series lies one behind the other there */
  enum unit unit;
  unsigned count;                             /* of series; 0: as many as label_value knows */
  const char *label;                          /* what tells the series apart; NULL: there is one */
  const char *(*label_value)(unsigned index); /* NULL: no more */
};

static const char *outcome(unsigned index) {
  return expstart_outcome_name((expstart_outcome)index);
}

static const char *error(unsigned index) {
  const char *name = expstart_err_name(-(int)index);
  return strcmp(name, "EUNKNOWN") == 0 ? NULL : name;
}

static const char *blocked(unsigned index) {
  const char *name = expstart_blocked_name((expstart_blocked)index);
  return *name == '?' ? NULL : name;
}

static const char *quantile(unsigned index) {
  static const char *const shares[] = {"0.5", "0.9", "0.99", "1"};
  return shares[index];
}

#define IN_STATS(field) offsetof(struct expstart_stats, field)
#define COUNTER(name, field, help)                                                                 \
  { "expstart_" name "_total", "counter", help, IN_STATS(field), COUNT, 1, NULL, NULL }
#define GAUGE(name, field, unit, help)                                                             \
  { "expstart_" name, "gauge", help, IN_STATS(field), unit, 1, NULL, NULL }

_Static_assert(IN_STATS(seen) == IN_STATS(started) + EXPSTART_SEEN * sizeof(uint64_t),
               "the outcomes' counters lie in the order of expstart_outcome");
_Static_assert(sizeof(expstart_blocked) == sizeof(int), "a state is read as an int");
_Static_assert(IN_STATS(latency_max_us) == IN_STATS(latency_p50_us) + 3 * sizeof(uint64_t),
               "the quantiles lie in the order of quantile()");

/* The gate's message is left out: each text that ever was would be a series. */
static const struct metric metrics[] = {
    COUNTER("accepted", accepted, "Starts that were accepted."),
    {"expstart_outcomes_total", "counter", "Accepted starts that have this outcome.",
     IN_STATS(started), COUNT, EXPSTART_SEEN + 1, "outcome", outcome},
    {"expstart_outcomes_by_error_total", "counter",
     "Accepted starts that have an outcome, by its error; OK: none.", IN_STATS(errors), COUNT, 0,
     "error", error},
    COUNTER("attempts", attempts, "Start requests that were handed to the network."),
    COUNTER("lookups", lookups, "Look-ups that were handed to the network."),
    COUNTER("throttled", throttled, "Replies that said to come back later."),
    COUNTER("faults", faults, "Attempts and look-ups that failed otherwise and may be repeated."),
    COUNTER("capped_hints", capped_hints, "Hints that were cut to max_retry_after_ms."),
    COUNTER("sent_bytes", bytes_sent, "HTTP bytes sent, before TLS."),
    COUNTER("received_bytes", bytes_received, "HTTP bytes received, after TLS, before decoding."),
    GAUGE("queued", queued, COUNT, "Accepted starts that were not tried yet."),
    GAUGE("in_flight", in_flight, COUNT, "Accepted starts of which an attempt is under way."),
    GAUGE("waiting", waiting, COUNT, "Accepted starts that are between two attempts."),
    {"expstart_blocked_by", "gauge", "What keeps the next attempt from being sent: 1, all else 0.",
     IN_STATS(blocked_by), STATE, 0, "reason", blocked},
    GAUGE("blocked_left_seconds", blocked_ms, MILLISECONDS,
          "Until that passes by itself; 0: not known."),
    GAUGE("gate_left_seconds", gate_ms_left, MILLISECONDS,
          "Until the throttle or outage gate opens; 0: it is open, or a probe is under way."),
    {"expstart_gate_error", "gauge", "Why the gate is shut: 1, all else 0; OK: it is open.",
     IN_STATS(gate_error), STATE, 0, "error", error},
    GAUGE("permits", permits, COUNT, "Permits that are granted, valid and not spent."),
    GAUGE("learned_attempts_per_second", learned_rate, PER_SECOND,
          "The rate at which the API's limit lets attempts through; 0: none was met yet."),
    GAUGE("eta_seconds", eta_ms, MILLISECONDS,
          "Until all accepted starts have an outcome; 0: none is left, or it is not known."),
    {"expstart_attempt_duration_seconds", "summary",
     "Of all attempts that were answered, to within an eighth; 1 is the longest.",
     IN_STATS(latency_p50_us), MICROSECONDS, 4, "quantile", quantile},
};

enum { METRICS = sizeof metrics / sizeof *metrics };

/* ---- labels ------------------------------------------------------------------------------------
 */

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Prometheus keeps names that begin with two underscores to itself; others are the metrics' own. */
static bool is_reserved(const char *name, size_t size) {
  for (size_t i = 0; i < METRICS; i++)
    if (metrics[i].label && strlen(metrics[i].label) == size &&
        memcmp(metrics[i].label, name, size) == 0)
      return true;
  return size >= 2 && memcmp(name, "__", 2) == 0;
}

/* Where the label that begins at `text` ends; NULL: it is none. */
static const char *pass_label(const char *text, size_t *name_size) {
  const char *at = text;
  if (!is_letter(*at))
    return NULL;
  while (is_letter(*at) || (*at >= '0' && *at <= '9'))
    at++;
  *name_size = (size_t)(at - text);
  if (is_reserved(text, *name_size) || at[0] != '=' || at[1] != '"')
    return NULL;
  for (at += 2; *at != '"'; at++) {
    if (*at == '\\' && (at[1] == '\\' || at[1] == '"' || at[1] == 'n'))
      at++;
    else if (*at == '\0' || *at == '\n' || *at == '\\')
      return NULL;
  }
  return at + 1;
}

/* Whether one of the labels from `first` to `label`, which are valid, has the same name. */
static bool is_named_before(const char *first, const char *label, size_t name_size) {
  size_t size;
  for (const char *at = first; at < label; at = pass_label(at, &size) + 1)
    if (strncmp(at, label, name_size + 1) == 0) /* with the '=' */
      return true;
  return false;
}

static bool labels_are_valid(const char *labels) {
  size_t size = strlen(labels), name_size;
  if (size > EXPSTART_LABELS_MAX || !expstart__utf8_is_valid(labels, size))
    return false;
  for (const char *at = labels; *labels; at++) {
    const char *label = at;
    at = pass_label(label, &name_size);
    if (!at || is_named_before(labels, label, name_size))
      return false;
    if (*at == '\0')
      return true;
    if (*at != ',')
      return false;
  }
  return true;
}

/* ---- text --------------------------------------------------------------------------------------
 */

struct text {
  char *buffer;
  size_t size;
  size_t length; /* of all that was written, also of what there was no room for */
  size_t whole;  /* of the lines that there was room for */
};

static void put(struct text *text, const char *piece) {
  size_t length = strlen(piece);
  if (text->length + length < text->size)
    memcpy(text->buffer + text->length, piece, length);
  text->length += length;
}

static void end_line(struct text *text) {
  put(text, "\n");
  if (text->length < text->size)
    text->whole = text->length;
}

static char digit(uint64_t number) {
  return (char)('0' + number % 10);
}

static void put_number(struct text *text, uint64_t number, uint32_t units_in_one) {
  char digits[32], *at = digits + sizeof digits - 1;
  *at = '\0';
  for (uint32_t unit = units_in_one; unit > 1; unit /= 10, number /= 10)
    *--at = digit(number);
  if (units_in_one > 1)
    *--at = '.';
  do
    *--at = digit(number);
  while ((number /= 10) > 0);
  put(text, at);
}

static void put_rate(struct text *text, double per_second) {
  const double most = 1e12;
  if (!(per_second > 0)) /* so that NaN is none too */
    per_second = 0;
  put_number(text, (uint64_t)((per_second < most ? per_second : most) * 1e6 + 0.5), 1000000);
}

/* `field` is what lies in the stats for this metric. */
static void put_value(struct text *text, const struct metric *metric, const char *field,
                      unsigned index) {
  static const uint32_t units_in_one[] = {
      [COUNT] = 1, [MILLISECONDS] = 1000, [MICROSECONDS] = 1000000};
  uint64_t number;
  double rate;
  int state;
  switch (metric->unit) {
  case PER_SECOND:
    memcpy(&rate, field, sizeof rate);
    put_rate(text, rate);
    break;
  case STATE:
    memcpy(&state, field, sizeof state);
    put(text, (unsigned)abs(state) == index ? "1" : "0"); /* codes are negative */
    break;
  default:
    memcpy(&number, field + index * sizeof number, sizeof number);
    if (number == 0 && metric->unit == MICROSECONDS)
      put(text, "NaN");
    else
      put_number(text, number, units_in_one[metric->unit]);
  }
}

static void put_series(struct text *text, const struct metric *metric, const char *labels,
                       const char *field, unsigned index) {
  put(text, metric->name);
  if (*labels || metric->label) {
    put(text, "{");
    put(text, labels);
    if (metric->label) {
      put(text, *labels ? "," : "");
      put(text, metric->label);
      put(text, "=\"");
      put(text, metric->label_value(index));
      put(text, "\"");
    }
    put(text, "}");
  }
  put(text, " ");
  put_value(text, metric, field, index);
  end_line(text);
}

static void put_metric(struct text *text, const struct metric *metric, const char *labels,
                       const char *field) {
  put(text, "# HELP ");
  put(text, metric->name);
  put(text, " ");
  put(text, metric->help);
  end_line(text);
  put(text, "# TYPE ");
  put(text, metric->name);
  put(text, " ");
  put(text, metric->type);
  end_line(text);
  for (unsigned i = 0; metric->count ? i < metric->count : metric->label_value(i) != NULL; i++)
    put_series(text, metric, labels, field, i);
}

int expstart__prometheus(const struct expstart_stats *stats, const char *labels, char *buffer,
                         size_t size) {
  struct text text = {.buffer = buffer, .size = size};
  if (!labels)
    labels = "";
  if (!stats || (!buffer && size > 0) || !labels_are_valid(labels))
    return EXPSTART_EINVAL;
  for (size_t i = 0; i < METRICS; i++)
    put_metric(&text, &metrics[i], labels, (const char *)stats + metrics[i].offset);
  if (size > 0)
    buffer[text.whole] = '\0';
  return (int)text.length;
}

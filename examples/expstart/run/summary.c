/* What came out of a run. Texts that differ only in numbers count as one, since the API's words
 * often name the experiment. Called by starts.c; knows nothing of clients and loops. */
#include "summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* "rejected 409", "failed": outcome and status in one. */
static const char *head_of(char *buf, size_t size, int outcome, int http_status) {
  if (http_status > 0) {
    (void)snprintf(buf, size, "%s %d", output_outcome_name(outcome), http_status);
  } else {
    (void)snprintf(buf, size, "%s", output_outcome_name(outcome));
  }
  return buf;
}

/* The text's place, a new one if there is room, else the last one, which is shared. */
static struct summary_text *find_text(struct summary *summary, const expstart_result *result,
                                      int outcome) {
  char key[SUMMARY_TEXT_SIZE];
  const char *words = output_words(result);
  (void)text_pattern(key, sizeof key, words);
  for (size_t i = 0; i < summary->text_count && i < SUMMARY_TEXTS; i++) {
    struct summary_text *text = &summary->texts[i];
    if (text->outcome == outcome && text->http_status == result->http_status &&
        strcmp(text->key, key) == 0) {
      return text;
    }
  }
  struct summary_text *text = &summary->texts[SUMMARY_TEXTS];
  if (summary->text_count < SUMMARY_TEXTS) {
    text = &summary->texts[summary->text_count++];
    text->outcome = outcome;
    text->http_status = result->http_status;
    memcpy(text->key, key, sizeof key);
    (void)text_safe(text->example, sizeof text->example, words, strlen(words));
    text->example_id = result->experiment_id;
  } else if (text->count == 0) {
    (void)snprintf(text->example, sizeof text->example, "other texts");
    text->example_id = result->experiment_id;
    text->outcome = outcome;
  }
  return text;
}

void summary_add(struct summary *summary, const expstart_result *result, FILE *to,
                 void (*before)(void *data), void *data) {
  char shown[SUMMARY_TEXT_SIZE];
  char head[64];
  int outcome = output_outcome(result);
  summary->total++;
  summary->outcomes[outcome]++;
  if (outcome == EXPSTART_STARTED || outcome == EXPSTART_RUNNING || outcome == OUTPUT_NOT_SENT) {
    return;
  }
  struct summary_text *text = find_text(summary, result, outcome);
  text->count++;
  /* Canceled ones come in a flood when a run is stopped: they are no news. */
  if (to == NULL || outcome == EXPSTART_CANCELED || text->count > SUMMARY_SHOWN_EACH) {
    return;
  }
  const char *words = output_words(result);
  before(data);
  (void)fprintf(to, "%" PRId64 ": %s%s%s\n", result->experiment_id,
                head_of(head, sizeof head, outcome, result->http_status),
                words[0] == '\0' ? "" : ": ", text_safe(shown, sizeof shown, words, strlen(words)));
  if (text->count == SUMMARY_SHOWN_EACH) {
    (void)fputs("(further ones like it are only counted)\n", to);
  }
}

uint64_t summary_bad(const struct summary *summary) {
  return summary->total - summary->outcomes[EXPSTART_STARTED] - summary->outcomes[EXPSTART_RUNNING];
}

bool summary_is_good(const struct summary *summary) {
  return summary_bad(summary) == 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int compare_texts(const void *left, const void *right) {
  const struct summary_text *a = *(const struct summary_text *const *)left;
  const struct summary_text *b = *(const struct summary_text *const *)right;
  return a->count > b->count ? -1 : a->count < b->count;
}

static void write_texts(const struct summary *summary, FILE *to) {
  const struct summary_text *order[SUMMARY_TEXTS + 1];
  char number[32];
  char head[64];
  size_t count = 0;
  for (size_t i = 0; i <= SUMMARY_TEXTS; i++) {
    if (summary->texts[i].count > 0) {
      order[count++] = &summary->texts[i];
    }
  }
  if (count == 0) {
    return;
  }
  qsort(order, count, sizeof order[0], compare_texts);
  (void)fputs("most frequent errors\n", to);
  for (size_t i = 0; i < count && i < SUMMARY_TEXTS_LISTED; i++) {
    const struct summary_text *text = order[i];
    bool is_shared = text == &summary->texts[SUMMARY_TEXTS];
    (void)fprintf(to, "%10s x  %s%s%s (experiment %" PRId64 "%s)\n",
                  text_count(number, sizeof number, text->count),
                  is_shared ? "" : head_of(head, sizeof head, text->outcome, text->http_status),
                  is_shared || text->example[0] == '\0' ? "" : ": ", text->example,
                  text->example_id, text->count > 1 ? " is one" : "");
  }
  if (count > SUMMARY_TEXTS_LISTED) {
    (void)fprintf(to, "%10s    other texts\n",
                  text_count(number, sizeof number, count - SUMMARY_TEXTS_LISTED));
  }
}

void summary_write(const struct summary *summary, const struct expstart_stats *stats,
                   double elapsed_s, FILE *to) {
  char one[32];
  char two[32];
  char three[32];
  for (int i = 0; i < OUTPUT_OUTCOMES; i++) {
    if (summary->outcomes[i] > 0) {
      const char *name = i == OUTPUT_NOT_SENT ? "not sent" : output_outcome_name(i);
      (void)fprintf(to, "%-10s %14s\n", name, text_count(one, sizeof one, summary->outcomes[i]));
    }
  }
  uint64_t decided =
      summary->total - summary->outcomes[OUTPUT_NOT_SENT] - summary->outcomes[EXPSTART_CANCELED];
  double rate = elapsed_s > 0 ? (double)decided / elapsed_s : 0;
  (void)fprintf(to, "%-10s %14s   in %s, %s/s\n", "total",
                text_count(one, sizeof one, summary->total),
                text_duration(two, sizeof two, elapsed_s), text_rate(three, sizeof three, rate));
  (void)fprintf(to, "%-10s %14s   %s throttled, %s look-ups\n", "attempts",
                text_count(one, sizeof one, stats->attempts),
                text_count(two, sizeof two, stats->throttled),
                text_count(three, sizeof three, stats->lookups));
  write_texts(summary, to);
}

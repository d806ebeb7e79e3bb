/* The progress of a run on stderr. The parts of the line are ranked: a narrow terminal shows the
 * more important ones. Called by run.c; knows nothing of clients but their stats' terms. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

#define LINE_EVERY_US 5000000u
#define BAR_LEAST 10 /* columns with its brackets; below, it tells nothing */
#define BAR_MOST 42

/* In the order they are shown; a smaller rank is more important. */
enum part { PART_COUNT, PART_RATE, PART_IN_FLIGHT, PART_THROTTLED, PART_WAITS, PART_LEFT, PARTS };
static const int rank[PARTS] = {0, 2, 4, 5, 3, 1};

struct parts {
  char text[PARTS][64];
};

static void describe_wait(char *buf, size_t size, const struct progress_view *view) {
  char time[32];
  buf[0] = '\0';
  (void)text_duration(time, sizeof time, (double)view->blocked_ms / 1000);
  if (view->is_stopping) {
    (void)snprintf(buf, size, "stopping");
    return;
  }
  switch (view->blocked_by) {
  case EXPSTART_BLOCKED_NOTHING:
    break;
  case EXPSTART_BLOCKED_SLOTS:
    (void)snprintf(buf, size, "waits for replies");
    break;
  case EXPSTART_BLOCKED_RATE:
    (void)snprintf(buf, size, "waits for the rate");
    break;
  case EXPSTART_BLOCKED_BACKOFF:
    (void)snprintf(buf, size, "next try in %s", time);
    break;
  case EXPSTART_BLOCKED_PAUSED:
    (void)snprintf(buf, size, "paused");
    break;
  case EXPSTART_BLOCKED_THROTTLE_GATE:
    (void)snprintf(buf, size, "throttled, goes on in %s", time);
    break;
  case EXPSTART_BLOCKED_OUTAGE_GATE:
    (void)snprintf(buf, size, "API out of reach, next try in %s", time);
    break;
  case EXPSTART_BLOCKED_RESOURCE_GATE:
    (void)snprintf(buf, size, "out of resources, next try in %s", time);
    break;
  case EXPSTART_BLOCKED_KEY:
    (void)snprintf(buf, size, "waits for a key");
    break;
  case EXPSTART_BLOCKED_PERMITS:
    (void)snprintf(buf, size, "waits for permits");
    break;
  case EXPSTART_BLOCKED_CALLBACKS:
    (void)snprintf(buf, size, "waits for results to be written");
    break;
  }
}

static void describe(struct parts *parts, const struct progress_view *view, const char *slash) {
  char one[32];
  char two[32];
  memset(parts, 0, sizeof *parts);
  (void)snprintf(parts->text[PART_COUNT], sizeof parts->text[0], "%s%s%s",
                 text_count(one, sizeof one, view->done), slash,
                 text_count(two, sizeof two, view->total));
  (void)snprintf(parts->text[PART_RATE], sizeof parts->text[0], "%s/s",
                 text_rate(one, sizeof one, view->rate));
  (void)snprintf(parts->text[PART_IN_FLIGHT], sizeof parts->text[0], "%s in flight",
                 text_count(one, sizeof one, view->in_flight));
  if (view->throttled > 0) {
    (void)snprintf(parts->text[PART_THROTTLED], sizeof parts->text[0], "%s throttled",
                   text_count(one, sizeof one, view->throttled));
  }
  describe_wait(parts->text[PART_WAITS], sizeof parts->text[0], view);
  if (view->rate > 0 && view->done < view->total && !view->is_stopping) {
    double left = (double)(view->total - view->done) / view->rate;
    (void)snprintf(parts->text[PART_LEFT], sizeof parts->text[0], "%s left",
                   text_duration(one, sizeof one, left));
  }
}

/* Two blanks between parts. */
static size_t length_of(const struct parts *parts) {
  size_t length = 0;
  for (int i = 0; i < PARTS; i++) {
    size_t size = strlen(parts->text[i]);
    length += size == 0 ? 0 : size + (length > 0 ? 2 : 0);
  }
  return length;
}

/* Blanks the least important part that is there, but never the count. */
static bool drop_one(struct parts *parts) {
  int worst = PART_COUNT;
  for (int i = 0; i < PARTS; i++) {
    if (parts->text[i][0] != '\0' && rank[i] > rank[worst]) {
      worst = i;
    }
  }
  if (worst == PART_COUNT) {
    return false;
  }
  parts->text[worst][0] = '\0';
  return true;
}

static size_t append(char *buf, size_t used, const char *text, size_t length, size_t limit) {
  if (length > limit - used) {
    length = limit - used;
  }
  memcpy(buf + used, text, length);
  return used + length;
}

static size_t append_bar(char *buf, size_t columns, const struct progress_view *view) {
  size_t inside = columns - 2;
  size_t full = view->total == 0 || view->done >= view->total
                    ? inside
                    : (size_t)((double)view->done / (double)view->total * (double)inside);
  buf[0] = '[';
  memset(buf + 1, '#', full);
  memset(buf + 1 + full, '-', inside - full);
  buf[columns - 1] = ']';
  return columns;
}

size_t progress_format(char *buf, size_t size, size_t width, const struct progress_view *view) {
  struct parts parts;
  size_t used = 0;
  if (size == 0) {
    return 0;
  }
  size_t limit = width < size - 1 ? width : size - 1;
  describe(&parts, view, "/");
  while (length_of(&parts) > limit && drop_one(&parts)) {
    /* until it fits, or nothing but the count is left */
  }
  size_t needed = length_of(&parts);
  if (needed + 2 + BAR_LEAST <= limit) {
    size_t room = limit - needed - 2;
    used = append_bar(buf, room < BAR_MOST ? room : BAR_MOST, view);
  }
  for (int i = 0; i < PARTS; i++) {
    if (parts.text[i][0] != '\0') {
      used = append(buf, used, "  ", used > 0 ? 2 : 0, limit);
      used = append(buf, used, parts.text[i], strlen(parts.text[i]), limit);
    }
  }
  buf[used] = '\0';
  return used;
}

size_t progress_format_line(char *buf, size_t size, const struct progress_view *view) {
  struct parts parts;
  size_t used = 0;
  if (size == 0) {
    return 0;
  }
  describe(&parts, view, " of ");
  for (int i = 0; i < PARTS; i++) {
    if (parts.text[i][0] != '\0') {
      used = append(buf, used, ", ", used > 0 ? 2 : 0, size - 1);
      used = append(buf, used, parts.text[i], strlen(parts.text[i]), size - 1);
      if (i == PART_COUNT) {
        used = append(buf, used, " done", 5, size - 1);
      }
    }
  }
  buf[used] = '\0';
  return used;
}

/* ---- the terminal ---------------------------------------------------------------------------- */

void progress_init(struct progress *progress, bool is_off, uint64_t now_us) {
  const char *terminal = getenv("TERM");
  memset(progress, 0, sizeof *progress);
  progress->is_off = is_off;
  progress->is_terminal = isatty(STDERR_FILENO) != 0 && terminal != NULL && *terminal != '\0' &&
                          strcmp(terminal, "dumb") != 0;
  progress->last_line_us = now_us;
}

/* Asked each time, since windows change their size. The last column stays free: some terminals wrap
   as soon as it is written. */
static size_t columns(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 79;
  }
  return size.ws_col - 1u;
}

static double sample(struct progress *progress, uint64_t done, uint64_t now_us) {
  size_t oldest = progress->count < PROGRESS_SAMPLES ? 0 : progress->next;
  progress->sample_us[progress->next] = now_us;
  progress->sample_done[progress->next] = done;
  /* The oldest one may just have been overwritten: then the one after it is. */
  if (progress->count == PROGRESS_SAMPLES) {
    oldest = (oldest + 1) % PROGRESS_SAMPLES;
  } else {
    progress->count++;
  }
  progress->next = (progress->next + 1) % PROGRESS_SAMPLES;
  uint64_t time_us = now_us - progress->sample_us[oldest];
  if (time_us == 0) {
    return 0;
  }
  return (double)(done - progress->sample_done[oldest]) * 1e6 / (double)time_us;
}

void progress_tick(struct progress *progress, struct progress_view *view, uint64_t now_us) {
  char line[512];
  view->rate = sample(progress, view->done, now_us);
  if (progress->is_off) {
    return;
  }
  if (progress->is_terminal) {
    (void)progress_format(line, sizeof line, columns(), view);
    (void)fprintf(stderr, "\r%s\033[K", line);
    (void)fflush(stderr);
    progress->is_drawn = true;
  } else if (now_us - progress->last_line_us >= LINE_EVERY_US) {
    (void)progress_format_line(line, sizeof line, view);
    (void)fprintf(stderr, "expstart: %s\n", line);
    progress->last_line_us = now_us;
  }
}

void progress_clear(struct progress *progress) {
  if (progress->is_drawn) {
    (void)fputs("\r\033[K", stderr);
    progress->is_drawn = false;
  }
}

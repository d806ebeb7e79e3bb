/* The list of a run: storage of ids and notes, duplicates, and the report of bad lines.
 * Filled by input.c and the readers behind it; knows nothing of formats or of sending. */
#include "list.h"

#include <inttypes.h>
#include <json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void list_init(struct list *list) {
  memset(list, 0, sizeof *list);
}

void list_free(struct list *list) {
  if (list->note_index != NULL) {
    lh_table_free(list->note_index);
  }
  for (size_t i = 0; i < list->note_count; i++) {
    free(list->notes[i]);
  }
  free(list->notes);
  free(list->entries);
  list_init(list);
}

/* Room for one more element of `size` bytes. */
static int grow(void **array, size_t count, size_t *capacity, size_t size) {
  size_t wanted = *capacity == 0 ? 1024 : *capacity * 2;
  if (count < *capacity) {
    return 0;
  }
  if (wanted < *capacity || wanted > SIZE_MAX / size) {
    return -1;
  }
  void *bigger = realloc(*array, wanted * size);
  if (bigger == NULL) {
    return -1;
  }
  *array = bigger;
  *capacity = wanted;
  return 0;
}

/* The number of a note, a new one if it was not seen before; 0 if memory ran out. */
static uint32_t intern(struct list *list, const char *note, size_t length) {
  if (list->note_index == NULL) {
    list->note_index = lh_kchar_table_new(256, NULL);
    if (list->note_index == NULL) {
      return 0;
    }
  }
  char *copy = malloc(length + 1);
  if (copy == NULL) {
    return 0;
  }
  memcpy(copy, note, length);
  copy[length] = '\0';
  unsigned long hash = lh_get_hash(list->note_index, copy);
  struct lh_entry *known = lh_table_lookup_entry_w_hash(list->note_index, copy, hash);
  if (known != NULL) {
    free(copy);
    return (uint32_t)(uintptr_t)lh_entry_v(known);
  }
  void *notes = list->notes;
  if (list->note_count >= UINT32_MAX - 1 ||
      grow(&notes, list->note_count, &list->note_capacity, sizeof *list->notes) != 0) {
    free(copy);
    return 0;
  }
  list->notes = notes;
  uintptr_t number = list->note_count + 1;
  if (lh_table_insert_w_hash(list->note_index, copy, (void *)number, hash, 0) != 0) {
    free(copy);
    return 0;
  }
  list->notes[list->note_count++] = copy;
  return (uint32_t)number;
}

int list_add(struct list *list, int64_t id, uint64_t place, const char *note, size_t note_length) {
  void *entries = list->entries;
  if (grow(&entries, list->count, &list->capacity, sizeof *list->entries) != 0) {
    return -1;
  }
  list->entries = entries;
  uint32_t number = 0;
  if (note != NULL && note_length > 0) {
    /* Rows that follow each other often share their note: that costs no look-up. */
    uint32_t last = list->count > 0 ? list->entries[list->count - 1].note : 0;
    if (last != 0 && strlen(list->notes[last - 1]) == note_length &&
        memcmp(list->notes[last - 1], note, note_length) == 0) {
      number = last;
    } else {
      number = intern(list, note, note_length);
    }
    if (number == 0) {
      return -1;
    }
  }
  struct list_entry *entry = &list->entries[list->count++];
  entry->id = id;
  entry->place = place < UINT32_MAX ? (uint32_t)place : UINT32_MAX;
  entry->note = number;
  return 0;
}

const char *list_note(const struct list *list, const struct list_entry *entry) {
  return entry->note == 0 ? NULL : list->notes[entry->note - 1];
}

/* ---- duplicates ------------------------------------------------------------------------------ */

struct place {
  int64_t id;
  size_t index;
};

static int compare_places(const void *left, const void *right) {
  const struct place *a = left;
  const struct place *b = right;
  if (a->id != b->id) {
    return a->id < b->id ? -1 : 1;
  }
  return a->index < b->index ? -1 : a->index > b->index;
}

static bool is_increasing(const struct list *list) {
  for (size_t i = 1; i < list->count; i++) {
    if (list->entries[i - 1].id >= list->entries[i].id) {
      return false;
    }
  }
  return true;
}

/* The later entry goes (its id becomes 0); its note stays if the first one has none. `noted` is the
   entry that the first one's note is from. */
static void unite_two(struct list_entry *first, struct list_entry **noted, struct list_entry *later,
                      struct list_report *report) {
  if (later->note != 0 && first->note == 0) {
    first->note = later->note;
    *noted = later;
  } else if (later->note != 0 && later->note != first->note) {
    list_bad(report, later->place, "experiment %" PRId64 " has another note than in line %" PRIu32,
             later->id, (*noted)->place);
  }
  later->id = 0;
}

/* Drops the entries that were marked with id 0. */
static void compact(struct list *list, const struct place *places, struct list_repeats *repeats) {
  size_t kept = 0;
  for (size_t i = 0; i < list->count; i++) {
    if (list->entries[i].id != 0) {
      list->entries[kept++] = list->entries[i];
    }
  }
  repeats->count = list->count - kept;
  for (size_t i = 1; i < list->count; i++) {
    bool is_shown =
        repeats->first_count > 0 && repeats->first[repeats->first_count - 1] == places[i].id;
    if (places[i].id != places[i - 1].id || is_shown) {
      continue;
    }
    if (repeats->first_count == LIST_REPEATED_SHOWN) {
      repeats->has_more = true;
      break;
    }
    repeats->first[repeats->first_count++] = places[i].id;
  }
  list->count = kept;
}

int list_unite(struct list *list, struct list_report *report, struct list_repeats *repeats) {
  memset(repeats, 0, sizeof *repeats);
  if (is_increasing(list)) {
    return 0;
  }
  struct place *places = calloc(list->count, sizeof *places);
  if (places == NULL) {
    return -1;
  }
  for (size_t i = 0; i < list->count; i++) {
    places[i] = (struct place){.id = list->entries[i].id, .index = i};
  }
  qsort(places, list->count, sizeof *places, compare_places);
  struct list_entry *first = &list->entries[places[0].index];
  struct list_entry *noted = first;
  for (size_t i = 1; i < list->count; i++) {
    struct list_entry *entry = &list->entries[places[i].index];
    if (places[i].id == places[i - 1].id) {
      unite_two(first, &noted, entry, report);
    } else {
      first = entry;
      noted = entry;
    }
  }
  compact(list, places, repeats);
  free(places);
  return 0;
}

/* ---- the report ------------------------------------------------------------------------------ */

void list_bad(struct list_report *report, uint64_t line, const char *format, ...) {
  char name[256];
  if (report->bad++ >= LIST_BAD_SHOWN) {
    return;
  }
  (void)text_safe(name, sizeof name, report->file, strlen(report->file));
  if (line > 0) {
    (void)fprintf(report->to, "%s:%" PRIu64 ": ", name, line);
  } else {
    (void)fprintf(report->to, "%s: ", name);
  }
  va_list arguments;
  va_start(arguments, format);
  (void)vfprintf(report->to, format, arguments);
  va_end(arguments);
  (void)fputc('\n', report->to);
}

void list_bad_argument(struct list_report *report, uint64_t number, const char *format, ...) {
  if (report->bad++ >= LIST_BAD_SHOWN) {
    return;
  }
  (void)fprintf(report->to, "argument %" PRIu64 ": ", number);
  va_list arguments;
  va_start(arguments, format);
  (void)vfprintf(report->to, format, arguments);
  va_end(arguments);
  (void)fputc('\n', report->to);
}

void list_report_end(const struct list_report *report) {
  char count[32];
  if (report->bad > LIST_BAD_SHOWN) {
    (void)fprintf(report->to, "and %s more like these\n",
                  text_count(count, sizeof count, report->bad - LIST_BAD_SHOWN));
  }
}

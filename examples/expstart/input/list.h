/* The list of a run: ids in the order they were given, each with the note and line it came with,
 * and the report of what is wrong with it. Filled by input.c and the readers behind it, read by
 * run.c; knows nothing of formats or of sending. */
#ifndef COMMAND_LIST_H
#define COMMAND_LIST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LIST_BAD_SHOWN 10
#define LIST_REPEATED_SHOWN 5

struct lh_table;

/* 16 bytes an id, whatever its note. */
struct list_entry {
  int64_t id;
  uint32_t
      place; /* the line in the file, the argument's number, or the row in the journal, from 1 */
  uint32_t note; /* 0: none of its own, else list.notes[note - 1] */
};

struct list {
  struct list_entry *entries;
  size_t count, capacity;
  size_t argument_count; /* entries before this one came from the command line */
  char **notes;          /* each distinct note once */
  size_t note_count, note_capacity;
  struct lh_table *note_index;
};

/* What is wrong with the input. The first LIST_BAD_SHOWN go to `to`, the others are counted. */
struct list_report {
  FILE *to;
  const char *file; /* as the user named it */
  uint64_t bad;
};

struct list_repeats {
  uint64_t count; /* entries that were dropped */
  int64_t first[LIST_REPEATED_SHOWN];
  size_t first_count;
  bool has_more; /* ids than are in `first` */
};

void list_init(struct list *list);
void list_free(struct list *list);

/* Appends an id. `note` may be NULL or empty: none. 0, or -1 if memory ran out. */
int list_add(struct list *list, int64_t id, uint64_t line, const char *note, size_t note_length);

/* The entry's own note or NULL. */
const char *list_note(const struct list *list, const struct list_entry *entry);

/* Keeps the first entry of each id, with the note that any of them has. Two different notes for one
   id are reported. 0, or -1 if memory ran out; then and if something was reported, the list is
   still safe to free and not to be used. */
int list_unite(struct list *list, struct list_report *report, struct list_repeats *repeats);

/* Counts one bad line (0: an error of the whole file) and shows it while there are few. */
__attribute__((format(printf, 3, 4))) void list_bad(struct list_report *report, uint64_t line,
                                                    const char *format, ...);
/* The same for an argument. */
__attribute__((format(printf, 3, 4))) void
list_bad_argument(struct list_report *report, uint64_t number, const char *format, ...);
/* Says how many bad lines were not shown. */
void list_report_end(const struct list_report *report);

#endif

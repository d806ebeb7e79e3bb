/* The errors of a journal, grouped. Called by status.c and by the report. */
#include "error_groups.h"

#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "text.h"

#define KEY_SIZE 400

/* Status, HTTP status and text in one; the text alone begins at the second blank. */
static void make_key(char key[KEY_SIZE], const struct row *row) {
  const char *words = row->message != NULL ? row->message : row->error != NULL ? row->error : "";
  int used = snprintf(key, KEY_SIZE, "%d %d ", (int)row->status, row->http_status);
  (void)text_pattern(key + used, KEY_SIZE - (size_t)used, words);
}

static const char *text_of(const char *key) {
  return strchr(strchr(key, ' ') + 1, ' ') + 1;
}

static bool fill_group(struct error_group *group, const struct row *row, const char *text) {
  const char *words = row->message != NULL ? row->message : row->error != NULL ? row->error : "";
  group->status = row->status;
  group->http_status = row->http_status;
  group->text = strdup(text);
  group->example = strdup(words);
  return group->text != NULL && group->example != NULL;
}

/* The row's group, a new one if there is room, else the last one, which is shared. NULL: no memory. */
static struct error_group *find_group(struct error_groups *groups, const struct row *row) {
  char key[KEY_SIZE];
  struct error_group *shared = &groups->groups[ERROR_GROUPS_MOST - 1];
  make_key(key, row);
  struct lh_entry *known = lh_table_lookup_entry(groups->index, key);
  if (known != NULL) {
    return &groups->groups[(uintptr_t)lh_entry_v(known)];
  }
  if (groups->count == ERROR_GROUPS_MOST) {
    return shared;
  }
  struct error_group *group = &groups->groups[groups->count++];
  if (group == shared) {
    return fill_group(group, row, "other texts") ? group : NULL;
  }
  char *copy = strdup(key);
  uintptr_t place = groups->count - 1;
  if (!fill_group(group, row, text_of(key)) || copy == NULL ||
      lh_table_insert(groups->index, copy, (void *)place) != 0) {
    free(copy);
    return NULL;
  }
  return group;
}

static bool add_id(struct error_group *group, int64_t id) {
  if (group->id_count == ERROR_GROUP_IDS) {
    return true;
  }
  if (group->id_count == group->id_capacity) {
    size_t wanted = group->id_capacity == 0 ? 8 : group->id_capacity * 2;
    int64_t *bigger = realloc(group->ids, wanted * sizeof *bigger);
    if (bigger == NULL) {
      return false;
    }
    group->ids = bigger;
    group->id_capacity = wanted;
  }
  group->ids[group->id_count++] = id;
  return true;
}

static bool add_row(void *data, const struct row *row, struct problem *problem) {
  struct error_group *group = find_group(data, row);
  if (group == NULL || !add_id(group, row->id)) {
    return problem_set(problem, "out of memory");
  }
  group->count++;
  if (row->last_attempt_ms > 0) {
    if (group->first_ms == 0 || row->last_attempt_ms < group->first_ms) {
      group->first_ms = row->last_attempt_ms;
    }
    if (row->last_attempt_ms > group->last_ms) {
      group->last_ms = row->last_attempt_ms;
    }
  }
  return true;
}

static int compare(const void *left, const void *right) {
  const struct error_group *a = left;
  const struct error_group *b = right;
  return a->last_ms > b->last_ms ? -1 : a->last_ms < b->last_ms;
}

static void free_key(struct lh_entry *entry) {
  free(lh_entry_k(entry));
}

bool error_groups_read(struct error_groups *groups, struct journal *journal,
                       struct problem *problem) {
  memset(groups, 0, sizeof *groups);
  groups->index = lh_kchar_table_new(ERROR_GROUPS_MOST * 2, free_key);
  if (groups->index == NULL) {
    return problem_set(problem, "out of memory");
  }
  if (!rows_read(journal, STATUS_BAD, add_row, groups, problem)) {
    return false;
  }
  qsort(groups->groups, groups->count, sizeof groups->groups[0], compare);
  return true;
}

void error_groups_free(struct error_groups *groups) {
  for (size_t i = 0; i < groups->count; i++) {
    free(groups->groups[i].text);
    free(groups->groups[i].example);
    free(groups->groups[i].ids);
  }
  if (groups->index != NULL) {
    lh_table_free(groups->index);
  }
  memset(groups, 0, sizeof *groups);
}

#include "agenda.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool before(const struct sim_event *a, const struct sim_event *b) {
  return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_agenda_note(struct sim_agenda *agenda, struct sim_event event) {
  if (agenda->count == agenda->capacity) {
    agenda->capacity = agenda->capacity ? 2 * agenda->capacity : 1024;
    agenda->heap = realloc(agenda->heap, agenda->capacity * sizeof *agenda->heap);
    if (!agenda->heap) {
      perror("expstart-sim");
      exit(3);
    }
  }
  event.order = agenda->noted++;
  size_t at = agenda->count++;
  while (at > 0 && before(&event, &agenda->heap[(at - 1) / 2])) {
    agenda->heap[at] = agenda->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  agenda->heap[at] = event;
}

uint64_t sim_agenda_next_at(const struct sim_agenda *agenda) {
  return agenda->count ? agenda->heap[0].at_us : UINT64_MAX;
}

struct sim_event sim_agenda_take(struct sim_agenda *agenda) {
  struct sim_event first = agenda->heap[0], last = agenda->heap[--agenda->count];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= agenda->count)
      break;
    if (child + 1 < agenda->count && before(&agenda->heap[child + 1], &agenda->heap[child]))
      child++;
    if (!before(&agenda->heap[child], &last))
      break;
    agenda->heap[at] = agenda->heap[child];
    at = child;
  }
  agenda->heap[at] = last;
  return first;
}

void sim_agenda_clear(struct sim_agenda *agenda) {
  free(agenda->heap);
  *agenda = (struct sim_agenda){0};
}

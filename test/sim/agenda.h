/* What will happen, in order of virtual time; of what happens at one instant, first noted comes first. */
#ifndef EXPSTART_SIM_AGENDA_H
#define EXPSTART_SIM_AGENDA_H

#include <stddef.h>
#include <stdint.h>

struct sim_event {
  uint64_t at_us;
  uint64_t order;
  uint32_t kind;       /* whoever notes it knows what it means */
  uint32_t generation; /* of what `index` names then */
  uint64_t index;
};

struct sim_agenda {
  struct sim_event *heap;
  size_t count, capacity;
  uint64_t noted;
};

void sim_agenda_note(struct sim_agenda *agenda, struct sim_event event);
/* When the next event is; UINT64_MAX: there is none. */
uint64_t sim_agenda_next_at(const struct sim_agenda *agenda);
struct sim_event sim_agenda_take(struct sim_agenda *agenda);
void sim_agenda_clear(struct sim_agenda *agenda);

#endif

/* Seeded draws of faults (SplitMix64, which is enough for choosing and needs eight bytes of state).
 * Called by api.c; knows nothing of connections or experiments. */
#include "faults.h"

#include <stddef.h>

const char *fault_name(enum fault_kind kind) {
  static const char *const names[FAULT_KINDS] = {
      [FAULT_NONE] = "none",
      [FAULT_5XX] = "5xx",
      [FAULT_RESET_BEFORE] = "reset_before",
      [FAULT_RESET_AFTER] = "reset_after",
      [FAULT_STALL] = "stall",
      [FAULT_TRUNCATE] = "truncate",
      [FAULT_GARBAGE] = "garbage",
      [FAULT_REFUSE] = "refuse",
  };
  return names[kind];
}

void faults_init(struct faults *faults, const double probability[FAULT_KINDS], uint64_t seed) {
  for (size_t kind = 0; kind < FAULT_KINDS; kind++) {
    faults->probability[kind] = probability[kind];
  }
  faults->generator_state = seed;
}

static uint64_t next_random(struct faults *faults) {
  faults->generator_state += UINT64_C(0x9E3779B97F4A7C15);
  uint64_t mixed = faults->generator_state;
  mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
  return mixed ^ (mixed >> 31);
}

static enum fault_kind draw_kind(const struct faults *faults, double uniform) {
  double below = 0;
  for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
    below += faults->probability[kind];
    if (uniform < below) {
      return (enum fault_kind)kind;
    }
  }
  return FAULT_NONE;
}

struct fault faults_draw(struct faults *faults) {
  static const unsigned statuses[] = {500, 502, 503, 504};
  /* Always two numbers a draw, so that the nth request's fault does not hang on what kinds the
   * requests before it met. */
  double uniform = (double)(next_random(faults) >> 11) / 9007199254740992.0; /* 53 bits in [0, 1) */
  uint64_t detail = next_random(faults);
  bool by_half = (detail >> 2 & 1) != 0;

  struct fault fault = {.kind = draw_kind(faults, uniform)};
  switch (fault.kind) {
  case FAULT_5XX:
    fault.status = statuses[detail & 3];
    fault.processed = by_half && fault.status != 503; /* 503 promises that nothing was done */
    break;
  case FAULT_STALL:
    fault.processed = by_half;
    break;
  case FAULT_RESET_BEFORE:
  case FAULT_REFUSE:
    fault.processed = false;
    break;
  default:
    fault.processed = true;
    break;
  }
  return fault;
}

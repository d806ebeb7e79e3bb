/* Names of what stats and results tell. The numbers themselves are kept by the engine. */
#include "expstart.h"

const char *expstart_outcome_name(expstart_outcome outcome) {
  static const char *const names[] = {"started", "running",  "rejected", "failed",
                                      "unknown", "canceled", "seen"};
  unsigned index = (unsigned)outcome;
  return index < sizeof names / sizeof *names ? names[index] : "?";
}

const char *expstart_blocked_name(expstart_blocked blocked) {
  static const char *const names[] = {"nothing", "slots",         "rate",        "backoff",
                                      "paused",  "throttle gate", "outage gate", "resource gate",
                                      "key",     "permits",       "callbacks"};
  unsigned index = (unsigned)blocked;
  return index < sizeof names / sizeof *names ? names[index] : "?";
}

const char *expstart_why_name(expstart_why why) {
  static const char *const names[] = {"submitted", "throttled",   "failed", "doubt",
                                      "refused",   "not running", "key"};
  unsigned index = (unsigned)why;
  return index < sizeof names / sizeof *names ? names[index] : "?";
}

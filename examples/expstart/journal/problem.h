/* What went wrong with a journal, in words for the user. Filled by everything that touches a journal, shown
 * by the sub-commands. */
#ifndef COMMAND_PROBLEM_H
#define COMMAND_PROBLEM_H

#include <stdbool.h>

struct problem {
  char text[600];
};

/* Sets the text; returns false, so that a caller can return that. */
__attribute__((format(printf, 2, 3))) bool problem_set(struct problem *problem, const char *format,
                                                       ...);

/* "expstart: FILE: TEXT" on stderr. */
void problem_say(const struct problem *problem, const char *file);
/* And that nothing was sent. */
void problem_say_not_sent(const struct problem *problem, const char *file);

#endif

/* What went wrong with a journal, in words for the user. */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

bool problem_set(struct problem *problem, const char *format, ...) {
  va_list values;
  va_start(values, format);
  (void)vsnprintf(problem->text, sizeof problem->text, format, values);
  va_end(values);
  return false;
}

void problem_say(const struct problem *problem, const char *file) {
  char name[256];
  char text[sizeof problem->text];
  (void)fprintf(stderr, "expstart: %s: %s\n", text_safe(name, sizeof name, file, strlen(file)),
                text_safe(text, sizeof text, problem->text, strlen(problem->text)));
}

void problem_say_not_sent(const struct problem *problem, const char *file) {
  problem_say(problem, file);
  (void)fputs("expstart: nothing was sent\n", stderr);
}

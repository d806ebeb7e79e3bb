/* The question that a terminal is asked before a run. Called by start.c and resume.c. */
#include "confirm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "text.h"

/* The first line decides; its end is the end of the answer. */
static bool is_yes(FILE *from) {
  char answer[16];
  if (fgets(answer, sizeof answer, from) == NULL) {
    return false;
  }
  answer[strcspn(answer, " \t\r\n")] = '\0';
  return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

bool confirm_start(uint64_t count, const char *endpoint, bool is_stdin_taken) {
  char number[32];
  char shown[256];
  FILE *from = stdin;
  if (!isatty(STDERR_FILENO) || (!is_stdin_taken && !isatty(STDIN_FILENO))) {
    return true;
  }
  if (is_stdin_taken) {
    from = fopen("/dev/tty", "r");
    if (from == NULL) {
      return true;
    }
  }
  (void)fprintf(stderr, "Start %s experiment%s at %s? [y/N] ",
                text_count(number, sizeof number, count), count == 1 ? "" : "s",
                text_safe(shown, sizeof shown, endpoint, strlen(endpoint)));
  (void)fflush(stderr);
  bool yes = is_yes(from);
  if (from != stdin) {
    (void)fclose(from); /* only read from: nothing can be lost */
  }
  return yes;
}

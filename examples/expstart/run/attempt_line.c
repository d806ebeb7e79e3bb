/* One attempt in one line, for --verbose. Called by run.c. */
#include "attempt_line.h"

#include <inttypes.h>
#include <string.h>

#include "text.h"

void attempt_line_write(const expstart_attempt *attempt, FILE *to) {
  char shown[320];
  char elapsed[32];
  char pause[32];
  (void)fprintf(to, "%" PRId64 ": %s %" PRIu32 ": ", attempt->experiment_id,
                attempt->kind == EXPSTART_ATTEMPT_LOOK ? "look-up" : "start", attempt->number);
  if (attempt->http_status > 0) {
    (void)fprintf(to, "%d", attempt->http_status);
  } else {
    (void)fputs("no reply", to);
  }
  (void)fprintf(to, " after %s%s%s",
                text_duration(elapsed, sizeof elapsed, (double)attempt->elapsed_us / 1e6),
                attempt->message[0] != '\0' ? ": " : "",
                text_safe(shown, sizeof shown, attempt->message, strlen(attempt->message)));
  if (attempt->next != EXPSTART_NEXT_DONE) {
    (void)fprintf(to, "; %s in %s",
                  attempt->next == EXPSTART_NEXT_LOOK ? "looked up" : "sent again",
                  text_duration(pause, sizeof pause, (double)attempt->next_ms / 1000));
  }
  (void)fputc('\n', to);
}

#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static void say(const struct expstart_options *options, expstart_log_level level,
                const char *format, ...) {
  char line[1024];
  va_list values;
  if (!options->log || level < options->log_level)
    return;
  va_start(values, format);
  vsnprintf(line, sizeof line, format, values);
  va_end(values);
  options->log(level, line, options->hook_data);
}

void expstart__log_attempt(const struct expstart_options *options,
                           const struct expstart_attempt *attempt) {
  static const char *const next[] = {"", ", to be sent again", ", to be looked up"};
  const char *kind = attempt->kind == EXPSTART_ATTEMPT_START ? "start" : "look-up";
  if (attempt->next != EXPSTART_NEXT_DONE)
    say(options, EXPSTART_LOG_DEBUG,
        "experiment %" PRId64 ": %s %" PRIu32 ": %s (HTTP %d)%s in %" PRIu64 " ms",
        attempt->experiment_id, kind, attempt->number, attempt->message, attempt->http_status,
        next[attempt->next], attempt->next_ms);
  else if (attempt->http_status == 401 || attempt->http_status == 403 || attempt->curl_code != 0)
    say(options, EXPSTART_LOG_WARN, "experiment %" PRId64 ": %s %" PRIu32 ": %s (HTTP %d)",
        attempt->experiment_id, kind, attempt->number, attempt->message, attempt->http_status);
}

/* What the lines say of each gate. */
struct words {
  expstart_log_level level;
  const char *shut, *still, *over;
};

static const struct words *words_of(expstart_blocked gate) {
  static const struct words throttle = {EXPSTART_LOG_INFO, "throttled", "still throttled",
                                        "throttle"};
  static const struct words outage = {EXPSTART_LOG_WARN,
                                      "outage: attempts of different requests failed in a row",
                                      "still out of reach", "outage"};
  static const struct words resource = {EXPSTART_LOG_WARN, "this machine lacks something",
                                        "this machine still lacks something", "want"};
  return gate == EXPSTART_BLOCKED_OUTAGE_GATE     ? &outage
         : gate == EXPSTART_BLOCKED_RESOURCE_GATE ? &resource
                                                  : &throttle;
}

void expstart__log_notice(const struct expstart_options *options,
                          const struct expstart__notice *notice, uint64_t now_us) {
  const struct words *words = words_of(notice->gate);
  uint64_t left_ms = notice->until_us > now_us ? (notice->until_us - now_us) / 1000 : 0;
  uint64_t shut_ms = notice->shut_us / 1000;
  const char *why = notice->message ? notice->message : "";
  const char *open = *why ? " (" : "", *close = *why ? ")" : "";
  switch (notice->kind) {
  case EXPSTART__GATE_SHUT:
    say(options, words->level, "%s%s%s%s: nothing is sent for %" PRIu64 " ms, then one probe",
        words->shut, open, why, close, left_ms);
    break;
  case EXPSTART__GATE_EXTENDED:
    say(options, EXPSTART_LOG_DEBUG, "%s%s%s%s: the next probe goes in %" PRIu64 " ms",
        words->still, open, why, close, left_ms);
    break;
  case EXPSTART__GATE_OPENED:
    if (notice->rate_per_second > 0)
      say(options, words->level, "%s over after %" PRIu64 " ms: goes on at %.4g a second",
          words->over, shut_ms, notice->rate_per_second);
    else
      say(options, words->level, "%s over after %" PRIu64 " ms: goes on", words->over, shut_ms);
    break;
  }
}

void expstart__log_key_refused(const struct expstart_options *options, const char *message) {
  say(options, EXPSTART_LOG_WARN,
      "the key was refused (%s): nothing is sent until there is another", message);
}

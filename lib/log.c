#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static void say(const struct expstart_options *options, expstart_log_level level,
                const char *format, ...) {
  char line[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(line, sizeof line, format, values);
  va_end(values);
  options->log(level, line, options->hook_data);
}

void expstart__log_attempt(const struct expstart_options *options,
                           const struct expstart_attempt *attempt) {
  static const char *const next[] = {"", ", to be sent again", ", to be looked up"};
  const char *kind = attempt->kind == EXPSTART_ATTEMPT_START ? "start" : "look-up";
  if (!options->log)
    return;
  if (attempt->next != EXPSTART_NEXT_DONE)
    say(options, EXPSTART_LOG_DEBUG,
        "experiment %" PRId64 ": %s %" PRIu32 ": %s (HTTP %d)%s in %" PRIu64 " ms",
        attempt->experiment_id, kind, attempt->number, attempt->message, attempt->http_status,
        next[attempt->next], attempt->next_ms);
  else if (attempt->http_status == 401 || attempt->http_status == 403 || attempt->curl_code != 0)
    say(options, EXPSTART_LOG_WARN, "experiment %" PRId64 ": %s %" PRIu32 ": %s (HTTP %d)",
        attempt->experiment_id, kind, attempt->number, attempt->message, attempt->http_status);
}

void expstart__log_notice(const struct expstart_options *options,
                          const struct expstart__notice *notice, uint64_t now_us) {
  bool outage = notice->gate == EXPSTART_BLOCKED_OUTAGE_GATE;
  uint64_t left_ms = notice->until_us > now_us ? (notice->until_us - now_us) / 1000 : 0;
  uint64_t shut_ms = notice->shut_us / 1000;
  if (!options->log)
    return;
  switch (notice->kind) {
  case EXPSTART__GATE_SHUT:
    say(options, outage ? EXPSTART_LOG_WARN : EXPSTART_LOG_INFO,
        "%s: nothing is sent for %" PRIu64 " ms, then one probe",
        outage ? "outage: attempts of different requests failed in a row" : "throttled", left_ms);
    break;
  case EXPSTART__GATE_EXTENDED:
    say(options, EXPSTART_LOG_DEBUG, "%s: the next probe goes in %" PRIu64 " ms",
        outage ? "still out of reach" : "still throttled", left_ms);
    break;
  case EXPSTART__GATE_OPENED:
    if (notice->rate_per_second > 0)
      say(options, outage ? EXPSTART_LOG_WARN : EXPSTART_LOG_INFO,
          "%s over after %" PRIu64 " ms: goes on at %.4g a second", outage ? "outage" : "throttle",
          shut_ms, notice->rate_per_second);
    else
      say(options, outage ? EXPSTART_LOG_WARN : EXPSTART_LOG_INFO,
          "%s over after %" PRIu64 " ms: goes on", outage ? "outage" : "throttle", shut_ms);
    break;
  }
}

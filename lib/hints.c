#include "hints.h"

#include <curl/curl.h> /* curl_getdate only: it reads the three forms of HTTP-date, in any locale */
#include <stdbool.h>
#include <string.h>

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static const char *skip_space(const char *at) {
  return at + strspn(at, " \t\r\n");
}

/* Reads digits, a fraction tolerated (some servers send "1.5"); saturates instead of overflowing.
 */
static const char *read_seconds(const char *at, int64_t *ms) {
  int64_t total = 0;
  for (; is_digit(*at); at++)
    total = total > INT64_MAX / 20000 ? INT64_MAX / 2000 : total * 10 + (*at - '0');
  total = total > INT64_MAX / 2000 ? INT64_MAX / 2 : total * 1000;
  if (*at == '.' && is_digit(at[1])) {
    int64_t unit = 100;
    for (at++; is_digit(*at); at++, unit /= 10)
      total += unit * (*at - '0');
  }
  *ms = total;
  return at;
}

static int64_t read_delay_list(const char *at) {
  int64_t longest = EXPSTART__NO_HINT;
  for (;;) {
    int64_t ms;
    if (!is_digit(*at))
      return EXPSTART__NO_HINT;
    at = skip_space(read_seconds(at, &ms));
    if (ms > longest)
      longest = ms;
    if (*at == '\0')
      return longest;
    if (*at != ',')
      return EXPSTART__NO_HINT;
    at = skip_space(at + 1);
  }
}

int64_t expstart__hints_retry_after_ms(const char *value, const char *date, int64_t wall_s) {
  value = skip_space(value);
  if (is_digit(*value))
    return read_delay_list(value);
  /* An HTTP-date begins with the day's name; what else curl_getdate would read is no date here. */
  if (!strchr("MTWFS", *value) || *value == '\0')
    return EXPSTART__NO_HINT;
  time_t until = curl_getdate(value, NULL);
  if (until < 0)
    return EXPSTART__NO_HINT;
  time_t since = date ? curl_getdate(date, NULL) : -1;
  int64_t delay_s = (int64_t)until - (since >= 0 ? (int64_t)since : wall_s);
  return delay_s <= 0 ? 0 : delay_s > INT64_MAX / 2000 ? INT64_MAX / 2 : delay_s * 1000;
}

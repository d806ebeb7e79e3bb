#include "options.h"

#include "text.h"
#include "url.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

static const struct expstart_options defaults = {
    .max_queued = 1000000,
    .max_in_flight = 32,
    .connect_timeout_ms = 10000,
    .attempt_timeout_ms = 30000,
    .retry_timeout_ms = 900000,
    .max_attempts = 5,
    .backoff_base_ms = 500,
    .backoff_cap_ms = 20000,
    .max_retry_after_ms = 600000,
    .max_reply_bytes = 8u << 20,
};

enum { MAX_ATTEMPTS_MOST = 100 };

/* No struct of ours will ever be larger: a size that was never set is not to be read by. */
enum { SIZE_SANE = 4096 };

static const unsigned KNOWN_FLAGS =
    EXPSTART_KEEP_REPLY | EXPSTART_ALLOW_PLAINTEXT | EXPSTART_NO_COMPRESSION;

/* ---- numbers ----------------------------------------------------------------------------------
 */

/* Variables, since a constant may be compared with more precision than a caller's double has, and 1e-6
   is not the same in both. (FLT_EVAL_METHOD 2, as on i386) */
static const double SLOWEST_PER_S = 1e-6, FASTEST_PER_S = 1e9;

int expstart__check_rate(double per_second) {
  bool sane = per_second == 0 ||
              (per_second >= SLOWEST_PER_S && per_second <= FASTEST_PER_S); /* not for NaN */
  return sane ? EXPSTART_OK : EXPSTART_EINVAL;
}

/* The caller's struct may be shorter than ours, as an older header has it: what it lacks is 0. A longer one
   may only have zeros in what is not known here. */
static int copy_sized(void *own, size_t own_size, size_t least_size, const void *given,
                      size_t given_size) {
  if (given_size < least_size || given_size > SIZE_SANE)
    return EXPSTART_EINVAL;
  const unsigned char *bytes = given;
  for (size_t i = own_size; i < given_size; i++)
    if (bytes[i] != 0)
      return EXPSTART_ENOTSUP;
  memset(own, 0, own_size);
  memcpy(own, given, given_size < own_size ? given_size : own_size);
  return EXPSTART_OK;
}

static void fill_u32(uint32_t *value, uint32_t fallback) {
  if (*value == 0)
    *value = fallback;
}

static void fill_defaults(struct expstart_options *options) {
  fill_u32(&options->max_queued, defaults.max_queued);
  fill_u32(&options->max_in_flight, defaults.max_in_flight);
  fill_u32(&options->connect_timeout_ms, defaults.connect_timeout_ms);
  fill_u32(&options->attempt_timeout_ms, defaults.attempt_timeout_ms);
  fill_u32(&options->retry_timeout_ms, defaults.retry_timeout_ms);
  fill_u32(&options->max_attempts, defaults.max_attempts);
  fill_u32(&options->backoff_base_ms, defaults.backoff_base_ms);
  fill_u32(&options->backoff_cap_ms, defaults.backoff_cap_ms);
  fill_u32(&options->max_retry_after_ms, defaults.max_retry_after_ms);
  if (options->max_reply_bytes == 0)
    options->max_reply_bytes = defaults.max_reply_bytes;
  if (options->io_threads == 0)
    options->io_threads = 1;
}

/* The name of the first field whose number is out of its range, NULL: none is. */
static const char *wrong_number(const struct expstart_options *options) {
  const struct {
    const char *field;
    bool right;
  } checks[] = {
      {"io_threads", options->io_threads <= (int)EXPSTART_IO_THREADS_MAX &&
                         (options->io_threads >= 0 || options->io_threads == EXPSTART_IO_ON_LOOP)},
      {"max_queued", options->max_queued <= INT32_MAX},
      {"max_in_flight", options->max_in_flight <= INT32_MAX},
      {"max_connections", options->max_connections <= INT32_MAX},
      {"rate_per_second", expstart__check_rate(options->rate_per_second) == EXPSTART_OK},
      {"burst", options->burst <= INT32_MAX},
      {"connect_timeout_ms", options->connect_timeout_ms <= INT32_MAX},
      {"attempt_timeout_ms", options->attempt_timeout_ms <= INT32_MAX},
      {"retry_timeout_ms", options->retry_timeout_ms <= INT32_MAX},
      {"total_timeout_ms", options->total_timeout_ms <= INT32_MAX},
      {"max_attempts", options->max_attempts <= MAX_ATTEMPTS_MOST},
      {"backoff_base_ms", options->backoff_base_ms <= INT32_MAX},
      {"backoff_cap_ms", options->backoff_cap_ms <= INT32_MAX},
      {"max_retry_after_ms", options->max_retry_after_ms <= INT32_MAX},
      {"max_reply_bytes", options->max_reply_bytes <= INT32_MAX},
      {"confirm", (unsigned)options->confirm <= EXPSTART_CONFIRM_ON_REFUSAL},
      {"flags", (options->flags & ~KNOWN_FLAGS) == 0},
      {"log_level", (unsigned)options->log_level <= EXPSTART_LOG_WARN},
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
    if (!checks[i].right)
      return checks[i].field;
  return NULL;
}

static int complete_numbers(struct expstart_options *options, const char **field) {
  fill_defaults(options);
  if ((*field = wrong_number(options)))
    return EXPSTART_EINVAL;
  while (options->seed == 0)
    if (uv_random(NULL, NULL, &options->seed, sizeof options->seed, 0, NULL) != 0)
      return EXPSTART_ESYSTEM;
  return EXPSTART_OK;
}

/* ---- the key ----------------------------------------------------------------------------------
 */

/* Behind the prefix "Api-Key ", if the text begins with it. */
static const char *skip_prefix(const char *text) {
  static const char prefix[] = "Api-Key";
  size_t length = sizeof prefix - 1;
  if (strncasecmp(text, prefix, length) != 0 || !strchr(" \t", text[length]))
    return text; /* strchr finds the NUL too: a prefix alone is no key */
  text += length;
  return text + strspn(text, " \t");
}

int expstart__copy_key(const char *given, const char **copy) {
  if (!given)
    return EXPSTART_ENOKEY;
  const char *key = skip_prefix(given);
  if (*key == '\0')
    return EXPSTART_ENOKEY;
  if (skip_prefix(key) != key)
    return EXPSTART_EKEYPREFIX;
  for (const char *c = key; *c; c++)
    if (*c <= ' ' || *c > '~')
      return EXPSTART_EKEYCHAR;
  *copy = strdup(key);
  return *copy ? EXPSTART_OK : EXPSTART_ENOMEM;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static int copy_endpoint(struct expstart__settings *settings, const char *given) {
  struct expstart__endpoint endpoint = {0};
  bool plaintext = (settings->options.flags & EXPSTART_ALLOW_PLAINTEXT) != 0;
  int status = expstart__url_endpoint(given, plaintext, &endpoint);
  settings->options.endpoint = endpoint.text;
  settings->tls = endpoint.tls;
  settings->loopback = endpoint.loopback;
  return status;
}

/* Why a file could not be opened: for want of memory or descriptors, or by a fault of its own. */
static int open_status(int error, int fault) {
  if (error == ENOMEM)
    return EXPSTART_ENOMEM;
  return error == EMFILE || error == ENFILE ? EXPSTART_ERESOURCE : fault;
}

/* Whether it can be read and has that in it; "" is in what is not empty. */
static int check_file(const char *path, const char *text, int fault) {
  char line[512];
  bool found = false;
  FILE *file = fopen(path, "r");
  if (!file)
    return open_status(errno, fault);
  while (!found && fgets(line, sizeof line, file))
    found = strstr(line, text) != NULL;
  fclose(file);
  return found ? EXPSTART_OK : fault; /* it is empty, or a folder */
}

static int copy_file(const char *given, const char *text, int fault, const char **copy) {
  if (!given)
    return EXPSTART_OK;
  int status = check_file(given, text, fault);
  if (status != EXPSTART_OK)
    return status;
  *copy = strdup(given);
  return *copy ? EXPSTART_OK : EXPSTART_ENOMEM;
}

static int copy_client_key(const struct expstart_options *wanted, struct expstart_options *own) {
  const char *file = wanted->client_key_file ? wanted->client_key_file : wanted->client_cert_file;
  if (!wanted->client_cert_file && file)
    return EXPSTART_ECLIENTCERT; /* a key alone */
  return copy_file(file, "PRIVATE KEY-----", EXPSTART_ECLIENTCERT, &own->client_key_file);
}

static int copy_proxy(const char *given, const char **copy) {
  if (!given)
    return EXPSTART_OK;
  int status = *given ? expstart__url_check_proxy(given) : EXPSTART_OK;
  if (status != EXPSTART_OK)
    return status;
  *copy = strdup(given);
  return *copy ? EXPSTART_OK : EXPSTART_ENOMEM;
}

static int copy_user_agent(const char *given, const char **copy) {
  char own[64];
  if (!given) {
    snprintf(own, sizeof own, "expstart/%s", expstart_version());
    given = own;
  }
  for (const char *c = given; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7F)
      return EXPSTART_EINVAL;
  *copy = strdup(given);
  return *copy ? EXPSTART_OK : EXPSTART_ENOMEM;
}

/* A string of the options: where it is, and how it is checked and copied. */
static int copy_strings(struct expstart__settings *settings, const struct expstart_options *wanted,
                        const char **field) {
  struct expstart_options *own = &settings->options;
  int status = copy_endpoint(settings, wanted->endpoint);
  *field = "endpoint";
  if (status == EXPSTART_OK) {
    status = expstart__copy_key(wanted->api_key, &own->api_key);
    *field = "api_key";
  }
  if (status == EXPSTART_OK) {
    status = copy_file(wanted->ca_file, "", EXPSTART_ECAFILE, &own->ca_file);
    *field = "ca_file";
  }
  if (status == EXPSTART_OK) {
    status = copy_user_agent(wanted->user_agent, &own->user_agent);
    *field = "user_agent";
  }
  if (status == EXPSTART_OK) {
    status = copy_file(wanted->client_cert_file, "CERTIFICATE-----", EXPSTART_ECLIENTCERT,
                       &own->client_cert_file);
    *field = "client_cert_file";
  }
  if (status == EXPSTART_OK) {
    status = copy_client_key(wanted, own);
    *field = "client_key_file";
  }
  if (status == EXPSTART_OK) {
    status = copy_proxy(wanted->proxy, &own->proxy);
    *field = "proxy";
  }
  return status;
}

int expstart__settings_init(struct expstart__settings *settings,
                            const struct expstart_options *given, const char **field) {
  struct expstart_options wanted;
  const char *unasked;
  field = field ? field : &unasked;
  *field = NULL;
  if (!given)
    return EXPSTART_EINVAL;
  *field = "size";
  int status = copy_sized(&wanted, sizeof wanted, offsetof(struct expstart_options, log_level),
                          given, given->size);
  wanted.size = sizeof wanted;
  if (status == EXPSTART_OK)
    status = complete_numbers(&wanted, field);
  if (status != EXPSTART_OK)
    return status;
  struct expstart_options *own = &settings->options;
  settings->options = wanted;
  own->endpoint = own->api_key = own->ca_file = own->user_agent = NULL;
  own->client_cert_file = own->client_key_file = own->proxy = NULL;
  status = copy_strings(settings, &wanted, field);
  if (status == EXPSTART_OK)
    *field = NULL;
  else
    expstart__settings_clear(settings);
  return status;
}

int expstart_options_check(const struct expstart_options *options, const char **field) {
  struct expstart__settings settings;
  int status = expstart__settings_init(&settings, options, field);
  if (status == EXPSTART_OK)
    expstart__settings_clear(&settings);
  return status;
}

void expstart_options_init_size(struct expstart_options *options, size_t size) {
  memset(options, 0, size);
  options->size = size;
}

static void free_string(const char **string) {
  free((char *)(uintptr_t)*string);
  *string = NULL;
}

void expstart__free_key(const char **key) {
  if (*key)
    expstart__wipe((char *)(uintptr_t)*key, strlen(*key));
  free_string(key);
}

void expstart__settings_clear(struct expstart__settings *settings) {
  expstart__free_key(&settings->options.api_key);
  free_string(&settings->options.endpoint);
  free_string(&settings->options.ca_file);
  free_string(&settings->options.user_agent);
  free_string(&settings->options.client_cert_file);
  free_string(&settings->options.client_key_file);
  expstart__free_key(&settings->options.proxy); /* there may be a password in it */
}

/* ---- requests ---------------------------------------------------------------------------------
 */

static int check_note(const char *note) {
  if (!note)
    return EXPSTART_OK;
  size_t size = strlen(note);
  if (size > EXPSTART_NOTE_MAX)
    return EXPSTART_ENOTELONG;
  return expstart__utf8_is_valid(note, size) ? EXPSTART_OK : EXPSTART_ENOTEUTF8;
}

int expstart__copy_request(struct expstart_request *own, const struct expstart_request *given) {
  if (!given)
    return EXPSTART_EINVAL;
  int status = copy_sized(own, sizeof *own, offsetof(struct expstart_request, timeout_ms), given,
                          given->size);
  if (status != EXPSTART_OK)
    return status;
  own->size = sizeof *own;
  if (!own->done || (unsigned)own->mode > EXPSTART_LOOK || own->timeout_ms > INT32_MAX)
    return EXPSTART_EINVAL;
  if (own->experiment_id < 1)
    return EXPSTART_EID;
  return check_note(own->note);
}

void expstart_request_init_size(struct expstart_request *request, size_t size) {
  memset(request, 0, size);
  request->size = size;
}

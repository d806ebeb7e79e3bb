/* Reply bytes in, as they arrive; what the API said out. Knows JSON and the API's shapes of success
   and error; knows nothing of HTTP statuses, retries or libuv. Used by the carrier, one per
   attempt. */
#ifndef EXPSTART_LIB_DIGEST_H
#define EXPSTART_LIB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a reply said. All memory is its own; freed by expstart__reply_clear. */
struct expstart__reply {
  bool readable;         /* it was one whole JSON object */
  int ok;                /* 1, 0, or -1 where there is no boolean `ok` */
  int64_t experiment_id; /* experiment.id, 0 if there is none */
  char *name;            /* experiment.name, NULL if there is none; so the next two */
  char *state;
  char *started_at;
  char *message; /* errors, message, error, detail or the raw text, in one line; NULL if none */
  char **errors; /* each of `errors`, NULL if none */
  size_t error_count;
  char *raw; /* the bytes, if they were to be kept; a NUL follows */
  size_t raw_size;
};

void expstart__reply_clear(struct expstart__reply *reply);

struct expstart__digest;

/* keep_raw: hand out the bytes too. secret: what must not be in any text of a reply (an API may echo the
   key), stays until destroy; NULL: none. The raw bytes are as they came. NULL: out of memory. */
struct expstart__digest *expstart__digest_create(bool keep_raw, const char *secret);
void expstart__digest_destroy(struct expstart__digest *digest);

/* Ready for the next reply, whatever became of the last. */
void expstart__digest_reset(struct expstart__digest *digest);

/* The tree of a whole reply, read by the same rules, NULL if it is none. The caller puts it. */
struct json_object *expstart__digest_tree(const char *bytes, size_t size);

/* The next bytes. EXPSTART_OK, also for what is no JSON, or EXPSTART_ENOMEM. */
int expstart__digest_feed(struct expstart__digest *digest, const char *bytes, size_t size);

/* All bytes were fed: fills *reply, which the caller clears. EXPSTART_OK or EXPSTART_ENOMEM. */
int expstart__digest_finish(struct expstart__digest *digest, struct expstart__reply *reply);

#endif

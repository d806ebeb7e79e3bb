/* Reply bytes in, as they arrive; what the API said out. Knows the API's shapes of success and
   error; knows nothing of HTTP statuses, retries or libuv. Used by the carrier, one per attempt. */
#ifndef EXPSTART_LIB_DIGEST_H
#define EXPSTART_LIB_DIGEST_H

#include "reply.h"

#include <stdbool.h>
#include <stddef.h>

struct expstart__digest;

/* keep_raw: hand out the bytes too. secret: what must not be in any text of a reply (an API may echo the
   key), stays until destroy; NULL: none. The raw bytes are as they came. NULL: out of memory. */
struct expstart__digest *expstart__digest_create(bool keep_raw, const char *secret);
void expstart__digest_destroy(struct expstart__digest *digest);

/* Ready for the next reply, whatever became of the last. */
void expstart__digest_reset(struct expstart__digest *digest);

/* The next bytes. EXPSTART_OK, also for what is no JSON, or EXPSTART_ENOMEM. */
int expstart__digest_feed(struct expstart__digest *digest, const char *bytes, size_t size);

/* All bytes were fed: fills *reply, which the caller clears. Its memory for texts, if it has some
   from before, is taken for the next reply. EXPSTART_OK or EXPSTART_ENOMEM. */
int expstart__digest_finish(struct expstart__digest *digest, struct expstart__reply *reply);

#endif

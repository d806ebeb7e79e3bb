/* The carrier that moves attempts with libcurl on a libuv loop. */
#ifndef EXPSTART_LIB_CURL_CARRIER_H
#define EXPSTART_LIB_CURL_CARRIER_H

#include "carrier.h"
#include "curl_key.h"
#include "options.h"

#include <uv.h>

/* Where a carrier is to run. */
struct expstart__curl_place {
  bool own_thread;   /* the loop's thread is ours, with all signals blocked */
  unsigned share_of; /* one of so many carriers that share the limits of connections, */
  unsigned number;   /* which, from 0 */
};

/* `settings` stay until the carrier is closed. EXPSTART_OK, ENOMEM or ESYSTEM. */
int expstart__curl_carrier_create(struct expstart__carrier **carrier, uv_loop_t *loop,
                                  const struct expstart__settings *settings,
                                  const struct expstart__curl_place *place,
                                  const struct expstart__carrier_sink *sink);

/* What its set_key does, with a key that was made before and is the carrier's from now on. */
void expstart__curl_carrier_take_key(struct expstart__carrier *carrier,
                                     struct expstart__curl_key *key);

#endif

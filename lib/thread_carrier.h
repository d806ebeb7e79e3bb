/* The carrier that moves attempts on threads of its own: each has a loop with a curl_carrier on it,
   so that TLS handshakes, certificates and ready sockets never hold the caller's loop. What crosses
   goes in batches, with one wake-up each. */
#ifndef EXPSTART_LIB_THREAD_CARRIER_H
#define EXPSTART_LIB_THREAD_CARRIER_H

#include "carrier.h"
#include "options.h"

#include <uv.h>

/* As many threads as settings->options.io_threads; `loop` is where reports are made. `settings` stay
   until the carrier is closed. EXPSTART_OK, ENOMEM or ESYSTEM. */
int expstart__thread_carrier_create(struct expstart__carrier **carrier, uv_loop_t *loop,
                                    const struct expstart__settings *settings,
                                    const struct expstart__carrier_sink *sink);

#endif

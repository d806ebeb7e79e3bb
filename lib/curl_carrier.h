/* The carrier that moves attempts with libcurl on a libuv loop. */
#ifndef EXPSTART_LIB_CURL_CARRIER_H
#define EXPSTART_LIB_CURL_CARRIER_H

#include "carrier.h"
#include "options.h"

#include <uv.h>

/* `settings` stay until the carrier is closed. EXPSTART_OK, ENOMEM or ESYSTEM. */
int expstart__curl_carrier_create(struct expstart__carrier **carrier, uv_loop_t *loop,
                                  const struct expstart__settings *settings,
                                  const struct expstart__carrier_sink *sink);

#endif

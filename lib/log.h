/* The lines that options.log gets: worded here, so that the engine need not. Used by the client. */
#ifndef EXPSTART_LIB_LOG_H
#define EXPSTART_LIB_LOG_H

#include "expstart.h"
#include "notice.h"

#include <stdint.h>

void expstart__log_attempt(const struct expstart_options *options,
                           const struct expstart_attempt *attempt);
void expstart__log_notice(const struct expstart_options *options,
                          const struct expstart__notice *notice, uint64_t now_us);
void expstart__log_key_refused(const struct expstart_options *options, const char *message);

#endif

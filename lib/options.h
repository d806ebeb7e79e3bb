/* What callers give, checked and completed: options and requests. Owns the copies of the strings;
   the key is wiped when they are freed. Knows URLs, knows nothing of loops or sending. */
#ifndef EXPSTART_LIB_OPTIONS_H
#define EXPSTART_LIB_OPTIONS_H

#include "expstart.h"

#include <stdbool.h>

struct expstart__settings {
  /* Every default filled in. `endpoint` has no slash at its end, `api_key` no prefix; the strings
     are this struct's own. */
  struct expstart_options options;
  bool tls;      /* the endpoint is https */
  bool loopback; /* the endpoint's host is this machine */
};

/* Checks and copies. EXPSTART_OK, or what expstart_client_create says; nothing is kept then, and *field is
   the name of the field that is wrong, else NULL; `field` may be NULL. */
int expstart__settings_init(struct expstart__settings *settings,
                            const struct expstart_options *given, const char **field);
void expstart__settings_clear(struct expstart__settings *settings);

/* Checks, and copies to a struct of this version. What it points to stays the caller's. EXPSTART_OK, or
   what expstart_submit says of it. */
int expstart__copy_request(struct expstart_request *own, const struct expstart_request *given);

/* Checks a key and copies it without its prefix: EXPSTART_OK, ENOKEY, EKEYCHAR, EKEYPREFIX or ENOMEM. */
int expstart__copy_key(const char *given, const char **copy);
void expstart__free_key(const char **key); /* wipes it; NULL in it is fine */

int expstart__check_rate(double per_second); /* 0, or from 1e-6 to 1e9 */

#endif

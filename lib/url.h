/* The URLs that callers give, checked: the API's endpoint and a proxy. Used by options; libcurl reads them, as
   it will do again. */
#ifndef EXPSTART_LIB_URL_H
#define EXPSTART_LIB_URL_H

#include <stdbool.h>

struct expstart__endpoint {
  char *text;    /* without a slash at its end; the caller's to free */
  bool tls;      /* it is https */
  bool loopback; /* its host is this machine */
};

/* `plaintext`: http is taken for other machines too. EXPSTART_OK, or ENOENDPOINT, EENDPOINT, ECREDENTIALS,
   EPLAINTEXT or ENOMEM, and `text` is not set then. */
int expstart__url_endpoint(const char *given, bool plaintext, struct expstart__endpoint *endpoint);

/* EXPSTART_OK, EPROXY or ENOMEM. */
int expstart__url_check_proxy(const char *given);

#endif

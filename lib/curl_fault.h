/* Whether a transfer failed for want of something of this machine's, and the words for what was missing.
   Knows libcurl's codes. Used by curl_attempt when an attempt has ended. */
#ifndef EXPSTART_LIB_CURL_FAULT_H
#define EXPSTART_LIB_CURL_FAULT_H

#include "expstart.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct expstart__curl_fault {
  CURL *easy;
  CURLcode result;
  int os_error;           /* of a socket that could not be had, or of the loop; 0: none was seen */
  bool sent;              /* libcurl was let send the request */
  const char *error_text; /* libcurl's */
  const struct expstart_options *options;
};

/* With TLS 1.3 a client is done with the handshake, and sends, before the server has looked at its
   certificate. True: the server has refused it, so that it has not read what was sent. */
bool expstart__curl_fault_is_handshake_refused(CURLcode result, const char *error_text);

/* True: it says nothing of the API, and `text` tells what was missing. To be asked at once, for some of it
   is found out by trying. */
bool expstart__curl_fault_is_ours(const struct expstart__curl_fault *fault, char *text,
                                  size_t size);

#endif

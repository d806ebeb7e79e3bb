/* Whether a transfer failed for want of something of this machine's, and the words for what was missing.
   Knows libcurl's codes. Used by curl_attempt when an attempt has ended. */
#ifndef EXPSTART_LIB_CURL_FAULT_H
#define EXPSTART_LIB_CURL_FAULT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct expstart__curl_fault {
  CURL *easy;
  CURLcode result;
  int os_error;           /* of a socket that could not be had, or of the loop; 0: none was seen */
  bool sent;              /* libcurl was let send the request */
  const char *error_text; /* libcurl's */
  const char *ca_file;    /* NULL: libcurl's own */
};

/* True: it says nothing of the API, and `text` tells what was missing. To be asked at once, for some of it
   is found out by trying. */
bool expstart__curl_fault_is_ours(const struct expstart__curl_fault *fault, char *text,
                                  size_t size);

#endif

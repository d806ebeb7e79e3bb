/* An API key as libcurl sends it: the header lines of both kinds of attempt. It is shared by attempts, and
   wiped and freed when the last lets go of it. Made on any thread, then one thread's. */
#ifndef EXPSTART_LIB_CURL_KEY_H
#define EXPSTART_LIB_CURL_KEY_H

#include <curl/curl.h>
#include <stdbool.h>

struct expstart__curl_key {
  unsigned users;
  char *text; /* the key alone */
  struct curl_slist *start_headers, *look_headers;
};

/* With one user. `encoded`: replies may be compressed. NULL: out of memory. */
struct expstart__curl_key *expstart__curl_key_create(const char *text, bool encoded);

/* One user less; NULL is fine. */
void expstart__curl_key_release(struct expstart__curl_key *key);

#endif

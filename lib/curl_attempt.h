/* One attempt as a libcurl transfer: what is set on the easy handle, what is read off the reply,
   and the report made of it. The handle and the digest are re-used for attempt after attempt. Knows
   HTTP and the API's URLs; knows nothing of loops and retries. Used by curl_carrier. */
#ifndef EXPSTART_LIB_CURL_ATTEMPT_H
#define EXPSTART_LIB_CURL_ATTEMPT_H

#include "carrier.h"
#include "curl_key.h"
#include "digest.h"
#include "hint_fields.h"
#include "options.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* What all attempts of a client share. */
struct expstart__curl_shared {
  const struct expstart__settings *settings;
  struct expstart__curl_key *key; /* of the next attempts */
};

int expstart__curl_shared_init(struct expstart__curl_shared *shared,
                               const struct expstart__settings *settings);
void expstart__curl_shared_clear(struct expstart__curl_shared *shared);

struct expstart__curl_attempt {
  const struct expstart__curl_shared *shared;
  struct expstart__curl_attempt *prev, *next; /* in the carrier's lists */
  uint32_t number;                            /* its place among all of the carrier's */
  bool under_way;
  bool overdue; /* libcurl seems to have forgotten it */
  CURL *easy;
  struct expstart__curl_key *key; /* that it is sent with; NULL: it has none yet */
  CURLcode result;
  int os_error; /* the errno of a socket that could not be had, or of the loop that failed; 0: none */
  /* What is set on the handle, and need not be set again. */
  struct {
    bool any;
    expstart_attempt_kind kind;
    const char *body;
    size_t body_size;
    uint32_t timeout_ms;
    bool fresh_connection;
    bool fresh_ca;
  } set;
  long buffer_size; /* libcurl's, for what it receives; 0: not set yet */
  expstart_ticket ticket;
  void *tag;
  uint64_t started_us, timeout_us;
  unsigned sends; /* times libcurl was about to send the request; the second was stopped */
  struct expstart__digest *digest; /* knows the key, not to tell it */
  size_t header_size, reply_size;  /* received so far; that of the reply decoded */
  bool aborted, too_large, out_of_memory, had_grace;
  int status; /* of the last status line */
  struct expstart__hint_fields hints;
  char error_text[CURL_ERROR_SIZE];
};

/* EXPSTART_OK, ENOMEM, or ESYSTEM: libcurl lacks something that is needed. */
int expstart__curl_attempt_create(struct expstart__curl_attempt **attempt,
                                  const struct expstart__curl_shared *shared);
void expstart__curl_attempt_destroy(struct expstart__curl_attempt *attempt);

/* Of one that is not under way: lets go of its key, unless it is that of the next attempts. */
void expstart__curl_attempt_drop_old_key(struct expstart__curl_attempt *attempt);

/* Prepares the handle for a send. EXPSTART_OK, ENOMEM or ESYSTEM. */
int expstart__curl_attempt_begin(struct expstart__curl_attempt *attempt,
                                 const struct expstart__send *send, uint64_t now_us);

/* Of one that is over time, or about to be, before libcurl was let look for what has arrived: gives it a
   moment for that. Once; then it is left to end. */
void expstart__curl_attempt_give_grace(struct expstart__curl_attempt *attempt, uint64_t now_us);

/* The transfer ended with attempt->result: what it told. The report comes with a reply, the memory of
   which is used again. */
void expstart__curl_attempt_report(struct expstart__curl_attempt *attempt, uint64_t now_us,
                                   struct expstart__report *report);

#endif

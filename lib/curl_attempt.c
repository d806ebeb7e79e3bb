#include "curl_attempt.h"

#include "curl_fault.h"
#include "ending.h"
#include "expstart.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#ifndef SOCK_CLOEXEC /* it is Linux' and the BSDs' */
#define SOCK_CLOEXEC 0
#endif

/* A full reply of 70 KB is read at once; a short one has a buffer of its size. Not where it may come over
   HTTP/2: there libcurl 7.88 may leave a reply that its buffer has no room for waiting until it times out,
   with the rest of it read from the socket already (1 in 10,000 on a busy machine, in libcurl's own way of
   being used too). */
enum { SHORT_REPLY = 16384, LONG_BUFFER = 102400, HUGE_BUFFER = 524288 };

/* ---- what all attempts share -------------------------------------------------------------------
 */

int expstart__curl_shared_init(struct expstart__curl_shared *shared,
                               const struct expstart__settings *settings) {
  bool encoded = (settings->options.flags & EXPSTART_NO_COMPRESSION) == 0;
  *shared = (struct expstart__curl_shared){
      .settings = settings, .key = expstart__curl_key_create(settings->options.api_key, encoded)};
  return shared->key ? EXPSTART_OK : EXPSTART_ENOMEM;
}

void expstart__curl_shared_clear(struct expstart__curl_shared *shared) {
  expstart__curl_key_release(shared->key);
  shared->key = NULL;
}

/* ---- what libcurl calls ------------------------------------------------------------------------
 */

/* Runs before every send of the request. libcurl sends a request again by itself when a re-used
   connection dies before the first byte of the reply, PUT or not: a second start. It is stopped. */
static int on_prereq(void *data, char *remote_ip, char *local_ip, int remote_port, int local_port) {
  struct expstart__curl_attempt *attempt = data;
  (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
  return ++attempt->sends > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* As libcurl makes them; but libcurl does not tell why it could not. */
static curl_socket_t on_open_socket(void *data, curlsocktype purpose,
                                    struct curl_sockaddr *address) {
  struct expstart__curl_attempt *attempt = data;
  (void)purpose;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0)
    attempt->os_error = errno;
  return fd;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *data) {
  struct expstart__curl_attempt *attempt = data;
  (void)one; /* always 1 */
  attempt->reply_size += size;
  if (attempt->reply_size > attempt->shared->settings->options.max_reply_bytes) {
    attempt->too_large = true;
    return 0;
  }
  if (expstart__digest_feed(attempt->digest, bytes, size) != EXPSTART_OK) {
    attempt->out_of_memory = true;
    return 0;
  }
  return size;
}

/* "HTTP/1.1 200 OK": its three digits (RFC 9112 4), 0 if they are not there. */
static int status_of(const char *line, size_t size) {
  const char *space = memchr(line, ' ', size);
  int status = 0;
  if (!space || line + size - space < 4)
    return 0;
  for (const char *digit = space + 1; digit <= space + 3; digit++) {
    if (*digit < '0' || *digit > '9')
      return 0;
    status = 10 * status + (*digit - '0');
  }
  return status;
}

static size_t on_header(char *line, size_t one, size_t size, void *data) {
  struct expstart__curl_attempt *attempt = data;
  (void)one; /* always 1 */
  attempt->header_size += size;
  if (size > 5 && memcmp(line, "HTTP/", 5) == 0) {
    /* A new reply begins: what an interim one (1xx) said does not count. */
    attempt->status = status_of(line, size);
    expstart__hint_fields_reset(&attempt->hints);
  } else {
    expstart__hint_fields_line(&attempt->hints, line, size);
  }
  return size;
}

/* ---- the handle --------------------------------------------------------------------------------
 */

static const char *ca_bundle(const struct expstart_options *options) {
  return options->ca_file ? options->ca_file : curl_version_info(CURLVERSION_NOW)->cainfo;
}

/* The empty passphrase keeps the TLS library from asking for one at a terminal. */
static bool set_client_certificate(CURL *easy, const struct expstart_options *options) {
  return !options->client_cert_file ||
         (curl_easy_setopt(easy, CURLOPT_SSLCERT, options->client_cert_file) == CURLE_OK &&
          curl_easy_setopt(easy, CURLOPT_SSLKEY, options->client_key_file) == CURLE_OK &&
          curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "") == CURLE_OK);
}

static bool set_tls(CURL *easy, const struct expstart_options *options) {
  const char *bundle = ca_bundle(options);
  if (curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK)
    return false;
  if (!set_client_certificate(easy, options))
    return false;
  if (!bundle)
    return true;
  /* libcurl keeps parsed certificates for the next connection only where no CApath is set, and
     builds come with one: parsing costs some 28 ms a connection. */
  return curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CAINFO, bundle) == CURLE_OK;
}

/* HTTP/2 where TLS negotiates it: then attempts wait for the first connection and share it. Without
   TLS there is nothing to wait for, libcurl would do so until the first reply. A libcurl built without
   HTTP/2 refuses the version, and speaks HTTP/1.1. */
static bool set_version(CURL *easy, bool tls) {
  if (!tls)
    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
  return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L) == CURLE_OK;
}

/* Giving up during a name look-up must not wait for the system's resolver. Before 7.87 it does. */
static bool set_quick_exit(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
  return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#else
  (void)easy;
  return true;
#endif
}

static bool set_protocols(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
  return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) ==
         CURLE_OK;
#endif
}

/* The key for this machine's own server must not pass through a proxy. One that was asked for is used
   whatever the environment says. */
static bool set_proxy(CURL *easy, const struct expstart__settings *settings) {
  const struct expstart_options *options = &settings->options;
  const char *proxy = settings->loopback ? "" : options->proxy;
  const char *bundle = ca_bundle(options);
  if (!proxy)
    return true;
  if (curl_easy_setopt(easy, CURLOPT_PROXY, proxy) != CURLE_OK ||
      curl_easy_setopt(easy, CURLOPT_NOPROXY, "") != CURLE_OK)
    return false;
  return strncasecmp(proxy, "https:", 6) != 0 || !bundle ||
         (curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL) == CURLE_OK &&
          curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, bundle) == CURLE_OK);
}

static bool set_callbacks(struct expstart__curl_attempt *attempt) {
  CURL *easy = attempt->easy;
  return curl_easy_setopt(easy, CURLOPT_PRIVATE, attempt) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt->error_text) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_HEADERDATA, attempt) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, attempt) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_PREREQDATA, attempt) == CURLE_OK;
}

static bool set_once(struct expstart__curl_attempt *attempt) {
  CURL *easy = attempt->easy;
  const struct expstart__settings *settings = attempt->shared->settings;
  const struct expstart_options *options = &settings->options;
  const char *encoding = options->flags & EXPSTART_NO_COMPRESSION ? NULL : "gzip";
  if (!set_callbacks(attempt) || !set_protocols(easy) || !set_tls(easy, options) ||
      !set_version(easy, settings->tls) || !set_quick_exit(easy))
    return false;
  if (!set_proxy(easy, settings))
    return false;
  return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, encoding) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms) ==
             CURLE_OK;
}

static void drop_key(struct expstart__curl_attempt *attempt) {
  expstart__digest_destroy(attempt->digest);
  attempt->digest = NULL;
  expstart__curl_key_release(attempt->key);
  attempt->key = NULL;
  attempt->set.any = false; /* the lines that are set on the handle may be gone */
}

static bool take_key(struct expstart__curl_attempt *attempt) {
  const struct expstart__curl_shared *shared = attempt->shared;
  bool keep_reply = (shared->settings->options.flags & EXPSTART_KEEP_REPLY) != 0;
  if (attempt->key == shared->key)
    return true;
  drop_key(attempt);
  attempt->digest = expstart__digest_create(keep_reply, shared->key->text);
  if (!attempt->digest)
    return false;
  attempt->key = shared->key;
  attempt->key->users++;
  return true;
}

void expstart__curl_attempt_drop_old_key(struct expstart__curl_attempt *attempt) {
  if (attempt->key != attempt->shared->key)
    drop_key(attempt);
}

int expstart__curl_attempt_create(struct expstart__curl_attempt **out,
                                  const struct expstart__curl_shared *shared) {
  struct expstart__curl_attempt *attempt = calloc(1, sizeof *attempt);
  if (!attempt)
    return EXPSTART_ENOMEM;
  attempt->shared = shared;
  attempt->easy = curl_easy_init();
  int status = attempt->easy && take_key(attempt) ? EXPSTART_OK : EXPSTART_ENOMEM;
  if (status == EXPSTART_OK && !set_once(attempt))
    status = EXPSTART_ESYSTEM;
  if (status == EXPSTART_OK)
    *out = attempt;
  else
    expstart__curl_attempt_destroy(attempt);
  return status;
}

void expstart__curl_attempt_destroy(struct expstart__curl_attempt *attempt) {
  if (!attempt)
    return;
  if (expstart__ending_enter()) {
    curl_easy_cleanup(attempt->easy);
    expstart__ending_leave();
  }
  drop_key(attempt);
  free(attempt);
}

static bool set_url(struct expstart__curl_attempt *attempt, const struct expstart__send *send) {
  const char *endpoint = attempt->shared->settings->options.endpoint;
  const char *tail = send->kind == EXPSTART_ATTEMPT_START ? "/start" : "";
  char on_stack[512], *url = on_stack;
  size_t size = strlen(endpoint) + sizeof "/experiments/" + 20 + sizeof "/start";
  if (size > sizeof on_stack && !(url = malloc(size)))
    return false;
  int length =
      snprintf(url, size, "%s/experiments/%" PRId64 "%s", endpoint, send->experiment_id, tail);
  bool set = length >= 0 && (size_t)length < size &&
             curl_easy_setopt(attempt->easy, CURLOPT_URL, url) == CURLE_OK;
  if (url != on_stack)
    free(url);
  return set;
}

static bool set_kind(struct expstart__curl_attempt *attempt, expstart_attempt_kind kind) {
  CURL *easy = attempt->easy;
  if (kind == EXPSTART_ATTEMPT_LOOK)
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, attempt->key->look_headers) == CURLE_OK;
  return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT") == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_HTTPHEADER, attempt->key->start_headers) == CURLE_OK;
}

/* libcurl keeps the certificates that it has read for a day. What was read while memory lacked may miss one,
   or a part of it; and a file may have been replaced. After a handshake that failed they are read again, if
   that was not done within the second. */
static bool set_ca_age(CURL *easy, bool fresh) {
#if LIBCURL_VERSION_NUM >= 0x075700
  return curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, fresh ? 1L : 86400L) == CURLE_OK;
#else
  (void)easy, (void)fresh;
  return true;
#endif
}

static bool is_of_the_handshake(CURLcode result) {
  return result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
         result == CURLE_SSL_ISSUER_ERROR || result == CURLE_SSL_CACERT_BADFILE;
}

static bool set_body(CURL *easy, const struct expstart__send *send) {
  return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, send->body) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)send->body_size) ==
             CURLE_OK;
}

/* Only what is not set yet: starts of one migration differ in little but their URL. A body is compared
   by where it is: notes keep theirs as long as a request has them. */
static bool set_what_changed(struct expstart__curl_attempt *attempt,
                             const struct expstart__send *send, bool fresh_ca) {
  bool all = !attempt->set.any;
  attempt->set.any = false; /* until all has gone well */
  if ((all || attempt->set.kind != send->kind) && !set_kind(attempt, send->kind))
    return false;
  bool start = send->kind == EXPSTART_ATTEMPT_START;
  if (start &&
      (all || attempt->set.kind != send->kind || attempt->set.body != send->body ||
       attempt->set.body_size != send->body_size) &&
      !set_body(attempt->easy, send))
    return false;
  if ((all || attempt->set.timeout_ms != send->timeout_ms) &&
      curl_easy_setopt(attempt->easy, CURLOPT_TIMEOUT_MS, (long)send->timeout_ms) != CURLE_OK)
    return false;
  if ((all || attempt->set.fresh_connection != send->fresh_connection) &&
      curl_easy_setopt(attempt->easy, CURLOPT_FRESH_CONNECT, (long)send->fresh_connection) !=
          CURLE_OK)
    return false;
  if ((all || attempt->set.fresh_ca != fresh_ca) && !set_ca_age(attempt->easy, fresh_ca))
    return false;
  attempt->set.any = true;
  attempt->set.kind = send->kind;
  attempt->set.body = send->body;
  attempt->set.body_size = send->body_size;
  attempt->set.timeout_ms = send->timeout_ms;
  attempt->set.fresh_connection = send->fresh_connection;
  attempt->set.fresh_ca = fresh_ca;
  return true;
}

/* For a reply like the last one. libcurl refuses while it still has one, as over HTTP/2 while others use
   the connection: then it stays as it is. */
static void fit_buffer(struct expstart__curl_attempt *attempt) {
  long size = attempt->reply_size > SHORT_REPLY ? LONG_BUFFER : SHORT_REPLY;
  if (attempt->shared->settings->tls)
    size = attempt->reply_size > LONG_BUFFER ? HUGE_BUFFER : LONG_BUFFER;
  if (size != attempt->buffer_size &&
      curl_easy_setopt(attempt->easy, CURLOPT_BUFFERSIZE, size) == CURLE_OK)
    attempt->buffer_size = size;
}

int expstart__curl_attempt_begin(struct expstart__curl_attempt *attempt,
                                 const struct expstart__send *send, uint64_t now_us) {
  if (!take_key(attempt))
    return EXPSTART_ENOMEM;
  expstart__digest_reset(attempt->digest);
  bool fresh_ca = is_of_the_handshake(attempt->result);
  attempt->ticket = send->ticket;
  attempt->tag = send->tag;
  attempt->result = CURLE_OK;
  attempt->os_error = 0;
  attempt->started_us = now_us;
  attempt->timeout_us = send->timeout_ms * UINT64_C(1000);
  attempt->sends = 0;
  attempt->header_size = 0;
  attempt->aborted = attempt->too_large = attempt->out_of_memory = attempt->had_grace = false;
  attempt->overdue = false;
  attempt->status = 0;
  expstart__hint_fields_reset(&attempt->hints);
  attempt->error_text[0] = '\0';
  if (!set_url(attempt, send) || !set_what_changed(attempt, send, fresh_ca))
    return EXPSTART_ENOMEM;
  fit_buffer(attempt);
  attempt->reply_size = 0;
  return EXPSTART_OK;
}

void expstart__curl_attempt_give_grace(struct expstart__curl_attempt *attempt, uint64_t now_us) {
  const uint64_t grace_us = 250000;
  uint64_t used_us = now_us - attempt->started_us;
  if (attempt->had_grace || used_us + grace_us < attempt->timeout_us)
    return;
  attempt->had_grace = true;
  attempt->set.any =
      false; /* what is set on the handle is not what the next attempt takes it to be */
  (void)curl_easy_setopt(attempt->easy, CURLOPT_TIMEOUT_MS, (long)((used_us + grace_us) / 1000));
}

/* ---- the report --------------------------------------------------------------------------------
 */

static bool is_certificate_error(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

static enum expstart__fate fate_of(const struct expstart__curl_attempt *attempt) {
  if (attempt->sends == 1 && attempt->header_size == 0 &&
      expstart__curl_fault_is_handshake_refused(attempt->result, attempt->error_text))
    return EXPSTART__UNSENT;
  if (attempt->sends == 0)
    return is_certificate_error(attempt->result) ? EXPSTART__CERT : EXPSTART__UNSENT;
  return attempt->status >= 200 ? EXPSTART__REPLIED : EXPSTART__LOST;
}

enum { WORDS_SIZE = CURL_ERROR_SIZE + 256 };

/* Words for what the API has none for. */
static void describe(const struct expstart__curl_attempt *attempt,
                     const struct expstart__report *report, char *text, size_t size) {
  bool success = attempt->status >= 200 && attempt->status < 300;
  if (attempt->aborted)
    snprintf(text, size, "given up while it was under way");
  else if (attempt->too_large)
    snprintf(text, size, "HTTP %d with a reply of more than %zu bytes", attempt->status,
             attempt->shared->settings->options.max_reply_bytes);
  else if (attempt->sends > 1)
    snprintf(text, size, "the connection was closed without a reply");
  else if (report->fate != EXPSTART__REPLIED || (success && !report->intact))
    snprintf(text, size, "%s",
             attempt->error_text[0] ? attempt->error_text : curl_easy_strerror(attempt->result));
  else if (success)
    snprintf(text, size, "HTTP %d with a reply that is not the API's", attempt->status);
  else if (attempt->status >= 300 && attempt->status < 400)
    snprintf(text, size, "HTTP %d: redirects are not followed", attempt->status);
  else
    snprintf(text, size, "HTTP %d", attempt->status);
}

/* Asked when all else is known. `text` is the words then. */
static bool is_ours(const struct expstart__curl_attempt *attempt, char *text, size_t size) {
  if (attempt->out_of_memory) {
    snprintf(text, size, "out of memory while reading the reply");
    return true;
  }
  if (attempt->result == CURLE_OK || attempt->aborted || attempt->sends > 1)
    return false;
  const struct expstart__curl_fault fault = {.easy = attempt->easy,
                                             .result = attempt->result,
                                             .os_error = attempt->os_error,
                                             .sent = attempt->sends > 0,
                                             .error_text = attempt->error_text,
                                             .options = &attempt->shared->settings->options};
  return expstart__curl_fault_is_ours(&fault, text, size);
}

/* The API's words where it has some, else ours; never bytes of a reply that could not be read. */
static void fill_message(const struct expstart__curl_attempt *attempt, const char *ours,
                         struct expstart__report *report) {
  bool success = attempt->status >= 200 && attempt->status < 300;
  bool good = report->intact && report->reply.readable &&
              (report->reply.ok >= 0 || report->reply.state != NULL);
  if (success ? good : report->reply.message != NULL && report->fate == EXPSTART__REPLIED)
    return;
  char text[WORDS_SIZE];
  if (!ours)
    describe(attempt, report, text, sizeof text);
  expstart__reply_say(&report->reply, ours ? ours : text);
}

static void count_bytes(const struct expstart__curl_attempt *attempt,
                        struct expstart__report *report) {
  long request = 0;
  curl_off_t body = 0;
  if (curl_easy_getinfo(attempt->easy, CURLINFO_REQUEST_SIZE, &request) == CURLE_OK && request > 0)
    report->bytes_sent = (uint64_t)request;
  if (curl_easy_getinfo(attempt->easy, CURLINFO_SIZE_DOWNLOAD_T, &body) == CURLE_OK && body > 0)
    report->bytes_received = (uint64_t)body;
  report->bytes_received += attempt->header_size;
}

static uint64_t time_of(CURL *easy, CURLINFO info) {
  curl_off_t time_us = 0;
  return curl_easy_getinfo(easy, info, &time_us) == CURLE_OK && time_us > 0 ? (uint64_t)time_us : 0;
}

void expstart__curl_attempt_report(struct expstart__curl_attempt *attempt, uint64_t now_us,
                                   struct expstart__report *report) {
  const struct expstart_options *options = &attempt->shared->settings->options;
  struct expstart__reply reply = report->reply;
  *report = (struct expstart__report){
      .ticket = attempt->ticket,
      .tag = attempt->tag,
      .fate = fate_of(attempt),
      .timed_out = attempt->result == CURLE_OPERATION_TIMEDOUT,
      .intact = attempt->result == CURLE_OK,
      .aborted = attempt->aborted,
      .curl_code = attempt->aborted ? 0 : (int)attempt->result,
      .hints = expstart__hint_fields_read(&attempt->hints, (int64_t)time(NULL)),
      .elapsed_us = now_us - attempt->started_us,
      .reply = reply};
  if (report->fate == EXPSTART__REPLIED)
    report->http_status = attempt->status;
  if (expstart__digest_finish(attempt->digest, &report->reply) != EXPSTART_OK) {
    /* What it said is lost for want of memory: it counts as unreadable. */
    attempt->out_of_memory = true;
    report->intact = false;
  }
  count_bytes(attempt, report);
  if (options->on_attempt || options->log) { /* who else would be told? */
    report->connected_us = time_of(attempt->easy, CURLINFO_PRETRANSFER_TIME_T);
    report->first_byte_us = time_of(attempt->easy, CURLINFO_STARTTRANSFER_TIME_T);
  }
  char missing[WORDS_SIZE];
  report->ours = is_ours(attempt, missing, sizeof missing);
  fill_message(attempt, report->ours ? missing : NULL, report);
}

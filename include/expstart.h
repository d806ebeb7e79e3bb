/* expstart: start ABsmartly experiments in bulk from a libuv program.
 *
 * Compile with -std=gnu11, or with -std=c11 -D_POSIX_C_SOURCE=200809L: libuv's header, which this one
 * includes, needs POSIX.
 *
 * A caller makes one client on its loop, submits any number of starts
 * (PUT {endpoint}/experiments/{id}/start), and is called back exactly once for each with what is
 * known to be true. This header is the manual; what each name promises is written where it is
 * declared.
 *
 * THE CONTRACT
 *  1. EXPSTART_OK from a submit means exactly one callback: later, on the loop's thread, outside
 *     libcurl's stack, before the closed callback. Any error from a submit means none, and nothing
 *     kept.
 *  2. A submit copies what it is given. Equal notes are stored once (for each timeout_ms they come with).
 *  3. A callback may submit, cancel, pause, resume, grant permits, change the rate, the key and
 *     max_in_flight, close and read stats. It may not run the loop.
 *  4. Cancel in any state still ends in the one callback: CANCELED if nothing can have been
 *     processed, UNKNOWN if it may have been, and what the API replied if its reply was already
 *     there. What callbacks submit while expstart_cancel_all is carried out survives it.
 *  5. A DRAIN close finishes what was accepted and refuses new work; an ABORT close cancels it. DRAIN
 *     may turn into ABORT. After the closed callback no handle, thread or byte is left:
 *     uv_loop_close succeeds. (A name look-up that was given up may stay in the system's resolver.)
 *  6. Only functions with from_thread in their names may be called off the loop's thread, and those that
 *     say "any thread".
 *  7. A full queue refuses at once (EXPSTART_EFULL); on_room says when it is worth trying again.
 *  8. At every instant: accepted = started + running + rejected + failed + unknown + canceled + seen
 *     + queued + in_flight + waiting. Stats can be read and checked at any time.
 *  9. A process may end while clients are open: by exit() on any thread and in a callback, by a return
 *     from main, by quick_exit and _exit; so may a child that it forked. exit() waits for moments until
 *     no thread is in libcurl; from then on nothing is sent and nothing is received, and no callback
 *     comes but for what was complete. An exit handler may still close a client with ABORT. What was
 *     under way may have been processed. exit() and fork() in a signal handler are not safe. The shared
 *     library stays loaded after a dlclose; the static one must not be unloaded with a plugin before the
 *     closed callback.
 *
 * WHAT COUNTS AS WHAT
 *
 *   seen                                             processed?  then
 *   -----------------------------------------------  ----------  ----------------------------------
 *   2xx with "ok": true, about this experiment and   yes         STARTED
 *     running, where it tells of either
 *   2xx with "ok": false; 3xx; 4xx but those below   no          REJECTED with the API's words
 *   429; 503 and 403 with Retry-After; other 503;    no          sent again (see PACING)
 *     408, 425; 407; never connected; DNS, TLS or
 *     proxy connection failed
 *   other 5xx; reset or timeout after sending; a     maybe       looked up, then sent again if it is
 *     truncated, oversized or unreadable 2xx; one                not running
 *     about another experiment, or one in another
 *     state; a second send that libcurl wanted to
 *     make
 *   401; 403 that is neither a JSON object nor a     no          the key is refused: REJECTED at
 *     page                                                       once, EXPSTART_EREFUSED, or held
 *                                                                back (options.on_key_refused)
 *   403 with a JSON object (the API's words about    no          REJECTED at once,
 *     this experiment), with a page that begins                  EXPSTART_EFORBIDDEN
 *     with '<' (a firewall's), or cut off
 *   certificate or host name wrong                   no          FAILED at once, EXPSTART_ECERT
 *   this machine is out of descriptors, memory or    no          sent again when a pause of its own
 *     threads, or the CA file is gone                            is over; EXPSTART_ERESOURCE
 *
 * "Looked up" is GET {endpoint}/experiments/{id}: running -> RUNNING; readable and not running -> the
 * start is sent again; refused (403, 404, any other 3xx or 4xx) -> UNKNOWN, and with a refused key
 * (401) its error is EXPSTART_EREFUSED. A look-up comes after a backoff, and after a timeout not before
 * the settle time has passed: attempt_timeout_ms or 5 s, whichever is less. The API may be at work on a
 * start whose reply was lost, or that a gateway gave up on (RFC 9110 15.6.3, 15.6.5): "not running" that
 * is seen before the settle time has passed is looked up once more when it has, and only then the start
 * is sent again. A start on which the API works even longer is not seen. A start that the API refuses
 * after an earlier attempt was in doubt is looked up too: "already running" may be our own doing.
 * Redirects are never followed.
 *
 * A reply is read once, as it arrives, and not built. What is read of it (ok, errors, message, error,
 * detail, experiment.id, name, state and start_at) is as json-c has it. Objects and arrays that nobody
 * asked for are passed over: of what is in them only strings and brackets are checked.
 *
 * PACING
 *
 * One gate for the whole client. A throttle (429, 503 and 403 with Retry-After) shuts it for all requests,
 * first tries too, until what Retry-After says (RFC 9110 10.2.3, either form) or, without one, the
 * reset of the RateLimit fields (draft-ietf-httpapi-ratelimit-headers, and the X-RateLimit-* of habit):
 * never sooner; a jitter of up to a twentieth, at most 250 ms, is added; what is longer than
 * max_retry_after_ms is cut to it. Without a hint, or with 0, the pause is the library's own, short at
 * first. Then one probe goes: if it gets through the gate opens, and few attempts at once become
 * more; if not it stays shut. Of the attempts that were under way when it was shut, those that are
 * throttled too change nothing, unless they ask for more time.
 * The limit is learned: what the API accepted between two openings of the gate, over the time between
 * them, is its rate, whatever its burst; from then on attempts are paced by it (learned_rate), and
 * ever faster until the next throttle. Where the API says how many requests are left until when, and
 * that has proven true, that is followed instead. rate_per_second is never exceeded by any of this.
 * A throttled request costs time, not an attempt, and goes back to the front of the queue; only the two
 * timeouts bound it. One that is throttled more than three times in a row backs off by itself, and
 * without a hint shuts the gate no more while others get through.
 *
 * Attempts of five different requests that fail in a row without an answer (no connection, reset,
 * timeout, 407, 502, 503 without Retry-After, 504) are an outage: the gate is shut, and single probes go
 * at growing intervals, up to 8 s. Failed probes cost their requests no attempt. A failure of this
 * machine's own (EXPSTART_ERESOURCE) shuts the gate at once, in the same way but under its own name, and
 * costs no attempt. Why the gate is shut is told by gate_error and gate_message, in stats and attempts:
 * what can never succeed (a host that does not exist, a TLS handshake with a plain port) is an outage
 * too, and it is for the caller to end it.
 *
 * With options.on_permits the caller keeps the limit: each attempt spends a permit that it granted, and
 * what was learned of the API's limit does not count.
 *
 * Every other failure costs an attempt and is followed by an exponential backoff with full jitter. A
 * wait that does not fit in the time left, behind the gate too, ends the request now, not later.
 *
 * UNITS are in the names: _ms milliseconds, _us microseconds. THREADS: everything is to be called on
 * the loop's thread unless it says otherwise. Strings are UTF-8 and end in NUL. Functions that return
 * int return EXPSTART_OK (0) or a negative code and change nothing when they fail.
 */
#ifndef EXPSTART_H
#define EXPSTART_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXPSTART_VERSION_MAJOR 0
#define EXPSTART_VERSION_MINOR 2
#define EXPSTART_VERSION_PATCH 0

#if defined(__GNUC__) && !defined(EXPSTART_NO_EXPORT)
#define EXPSTART_API __attribute__((visibility("default")))
#else
#define EXPSTART_API
#endif

struct json_object; /* json-c's; include <json.h> to use what expstart_result_json returns */

/* "0.2.0": the version of the library that is running. Any thread. Static storage. */
EXPSTART_API const char *expstart_version(void);

/* ---- errors ---------------------------------------------------------------------------------- */

/* X(name, value, what expstart_strerror says) */
#define EXPSTART_ERRORS(X)                                                                         \
  X(EINVAL, -1, "invalid argument")                                                                \
  X(ENOMEM, -2, "out of memory")                                                                   \
  X(EFULL, -3, "the queue is full (max_queued)")                                                   \
  X(ECLOSING, -4, "the client is closing")                                                         \
  X(ENOTFOUND, -5, "no such request: it is done, or was never accepted")                           \
  X(ETIMEDOUT, -6, "timed out")                                                                    \
  X(ETRANSPORT, -7, "the API could not be reached, or the connection was lost")                    \
  X(EREFUSED, -8, "the API refused the key (401 or 403)")                                          \
  X(ETHROTTLED, -9, "throttled by the API until the time was up")                                  \
  X(EBADREPLY, -10, "the API's reply could not be understood")                                     \
  X(ECANCELED, -11, "canceled")                                                                    \
  X(EREJECTED, -12, "the API said no")                                                             \
  X(ESERVER, -13, "the API failed (5xx)")                                                          \
  X(ECERT, -14, "the server's certificate could not be verified")                                  \
  X(ENOTSUP, -15, "not supported by this version of the library")                                  \
  X(EID, -16, "an experiment id must be at least 1")                                               \
  X(ENOTEUTF8, -17, "the note is not valid UTF-8")                                                 \
  X(ENOTELONG, -18, "the note is longer than 16,384 bytes")                                        \
  X(ENOKEY, -19, "the API key is missing or empty")                                                \
  X(EKEYCHAR, -20, "the API key has a space, a control or a non-ASCII character in it")            \
  X(EKEYPREFIX, -21, "the API key has the prefix 'Api-Key' twice")                                 \
  X(EENDPOINT, -22, "the endpoint is not an http or https URL without query and fragment")         \
  X(ECREDENTIALS, -23, "the endpoint has a user name or password in it")                           \
  X(EPLAINTEXT, -24, "the endpoint is plain http beyond this machine: the key would be readable")  \
  X(ECAFILE, -25, "the CA file cannot be read")                                                    \
  X(ESYSTEM, -26, "libuv or libcurl could not be set up")                                          \
  X(EUNCONFIRMED, -27, "it may have been started, and looking it up was not possible")             \
  X(ERESOURCE, -28, "this machine is out of descriptors, memory or threads, or lacks a file")      \
  X(EFORBIDDEN, -29, "the API, or what stands before it, forbids this start (403)")                \
  X(ENOENDPOINT, -30, "the endpoint is missing or empty")                                          \
  X(ECLIENTCERT, -31, "the client certificate or its key cannot be read, or is no PEM")            \
  X(EPROXY, -32, "the proxy is not a usable URL (http, https, socks5 or socks5h)")

/* Codes are greater than minus this: room in expstart_stats.errors. */
#define EXPSTART_ERRORS_MAX 48

enum {
  EXPSTART_OK = 0,
#define EXPSTART_ENUMERATOR(name, value, text) EXPSTART_##name = value,
  EXPSTART_ERRORS(EXPSTART_ENUMERATOR)
#undef EXPSTART_ENUMERATOR
};

/* What a code means, in words ("the queue is full (max_queued)"), and its name ("EFULL"). Any
   thread. Static storage; an unknown code gives "unknown error" and "EUNKNOWN". */
EXPSTART_API const char *expstart_strerror(int error);
EXPSTART_API const char *expstart_err_name(int error);

/* ---- types ----------------------------------------------------------------------------------- */

typedef struct expstart_client expstart_client;

/* Names one accepted start. Never 0. A stale one is harmless: it is EXPSTART_ENOTFOUND. */
typedef uint64_t expstart_ticket;

typedef enum {
  EXPSTART_STARTED = 0,  /* the API replied that this start was done */
  EXPSTART_RUNNING = 1,  /* seen running when looked up: this or another sender started it */
  EXPSTART_REJECTED = 2, /* the API said no; nothing was started */
  EXPSTART_FAILED = 3,   /* given up; not started: nothing was processed, or a look-up showed it */
  EXPSTART_UNKNOWN = 4,  /* given up; an attempt may have been processed */
  EXPSTART_CANCELED = 5, /* canceled before anything could have been processed */
  EXPSTART_SEEN = 6      /* only looked up, as asked: `state` tells */
} expstart_outcome;

/* "started", "running", "rejected", "failed", "unknown", "canceled", "seen". Any thread. */
EXPSTART_API const char *expstart_outcome_name(expstart_outcome outcome);

typedef enum {
  EXPSTART_START = 0,
  /* Look first, and start only what is readable and not running: for what a crash left in doubt.
     Until a look has succeeded it counts as "may have been processed", also when canceled. How long
     ago that was is the caller's business: to start it at once, the settle time must have passed. */
  EXPSTART_LOOK_THEN_START = 1,
  EXPSTART_LOOK = 2 /* look only: SEEN, or RUNNING if that is its state */
} expstart_mode;

/* When an experiment's state is looked up before a verdict. */
typedef enum {
  EXPSTART_CONFIRM_AFTER_UNKNOWN = 0, /* after an attempt that may have been processed */
  EXPSTART_CONFIRM_NEVER = 1, /* such an attempt is sent again blindly: it may be processed twice */
  /* as AFTER_UNKNOWN, and after a refusal too, since "already running" is a refusal: RUNNING if it
     is running, else the API's refusal as it was. Costs a request for each refusal. */
  EXPSTART_CONFIRM_ON_REFUSAL = 2
} expstart_confirm;

/* Known at one time and valid during the callback only; copy what you keep. Strings are never NULL
   unless it says so, and valid UTF-8 without control characters (those become '?'). */
typedef struct expstart_result {
  expstart_outcome outcome;
  int64_t experiment_id;
  expstart_ticket ticket;
  int error;              /* EXPSTART_OK for STARTED, RUNNING and SEEN, else why not */
  int http_status;        /* that `message` came with, 0 if there was no reply */
  uint32_t attempts;      /* start requests handed to the network, throttled ones included */
  uint32_t lookups;       /* the same of look-ups */
  uint32_t throttled;     /* how many of both were told to come back later */
  int confirmed;          /* 1: `state` was read in a look-up that followed the last attempt */
  const char *name;       /* the experiment's, NULL if not in the reply */
  const char *state;      /* "running", "ready", any string of the API; NULL if not in the reply */
  const char *started_at; /* the reply's start_at, ISO 8601; NULL if not in the reply */
  /* The API's words about the last start attempt, or about the look-up that settled it, in one line;
     else the network's; "" if there are none. */
  const char *message;
  const char *const *errors; /* the reply's `errors`, error_count of them; NULL if none */
  size_t error_count;
  uint64_t queued_us;  /* from submit to the first attempt, or to the end if there was none */
  uint64_t elapsed_us; /* from submit to the verdict */
  const char *reply;   /* that `message` is from, decoded, with EXPSTART_KEEP_REPLY; else NULL */
  size_t reply_size;   /* bytes in `reply`; a NUL follows them */
  const char *note;    /* as it was submitted; NULL: none */
  expstart_mode mode;  /* the same */
  /* 1: the texts above are not all that the reply had. They are bounded: the message to 500 bytes, the
     rest to 4,096 each and 32 errors. What waits for its next attempt keeps at most
     EXPSTART_WAITING_MAX bytes of its last reply, and all that waits EXPSTART_ALL_WAITING_MAX: the reply
     itself, its later errors and then all but the status are left out. */
  int cut;
} expstart_result;

#define EXPSTART_WAITING_MAX 4096u
#define EXPSTART_ALL_WAITING_MAX (16u << 20)

/* The one callback of an accepted start. On the loop's thread. */
typedef void (*expstart_done_cb)(expstart_client *client, const expstart_result *result,
                                 void *data);

/* The kept reply as a json-c tree: a new reference, released by json_object_put. NULL if no reply
   was kept (EXPSTART_KEEP_REPLY), memory is short, or it is not JSON throughout, objects and arrays
   that were passed over included: see WHAT COUNTS AS WHAT. Integers beyond 64 bits are the nearest that
   fits. During the callback only. */
EXPSTART_API struct json_object *expstart_result_json(const expstart_result *result);

/* ---- hooks ----------------------------------------------------------------------------------- */

typedef enum { EXPSTART_ATTEMPT_START = 0, EXPSTART_ATTEMPT_LOOK = 1 } expstart_attempt_kind;

/* Why an attempt was made. */
typedef enum {
  EXPSTART_WHY_SUBMITTED = 0, /* the first one, as asked for */
  EXPSTART_WHY_THROTTLED = 1, /* the last one was told to come back later */
  EXPSTART_WHY_FAILED = 2,    /* the last one failed, certainly not processed (of a look: failed) */
  EXPSTART_WHY_DOUBT = 3,     /* looked up: the last start may have been processed */
  EXPSTART_WHY_REFUSED =
      4, /* looked up: the last start was refused, perhaps since it runs already */
  EXPSTART_WHY_NOT_RUNNING = 5, /* started: a look-up has shown that it is not running */
  EXPSTART_WHY_KEY = 6          /* the last one's key was refused (options.on_key_refused) */
} expstart_why;

/* "submitted", "throttled", "failed", "doubt", "refused", "not running", "key". Any thread. */
EXPSTART_API const char *expstart_why_name(expstart_why why);

typedef enum {
  EXPSTART_NEXT_DONE = 0,  /* the request has its outcome */
  EXPSTART_NEXT_START = 1, /* the start is sent (again) in next_ms */
  EXPSTART_NEXT_LOOK = 2   /* the experiment is looked up in next_ms */
} expstart_next;

/* One finished attempt. Valid during the hook only. */
typedef struct expstart_attempt {
  int64_t experiment_id;
  expstart_ticket ticket;
  expstart_attempt_kind kind;
  uint32_t number; /* of this kind, from 1 */
  expstart_why why;
  int http_status;     /* 0: no reply */
  int curl_code;       /* libcurl's CURLcode, 0 if the transfer went well or was canceled */
  const char *message; /* the API's or libcurl's words, "" if none */
  uint64_t elapsed_us; /* of this attempt, from its send to its end */
  /* Of that, as libcurl has it (0: it did not come so far): until a connection was there, made for it
     or not, and until the first byte of the reply. */
  uint64_t connected_us, first_byte_us;
  int throttled; /* 1: told to come back later */
  expstart_next next;
  uint64_t
      next_ms; /* how long it waits before that at least: for its backoff and the gate; its turn
                       among others comes on top */
  /* What the reply hinted at, -1 if it did not: Retry-After and the reset of the RateLimit fields in
     milliseconds, and the requests that these fields say are allowed in a window and left in it. Not cut
     to max_retry_after_ms. */
  int64_t retry_after_ms, reset_ms, limit, remaining;
  /* Why the gate is shut after this attempt, as in expstart_stats; EXPSTART_OK and "" if it is open. */
  int gate_error;
  const char *gate_message;
  int error; /* what it failed with, as in a result; EXPSTART_OK: it was done, or the state was read */
} expstart_attempt;

/* The hooks are called on the loop's thread with options.hook_data, and may do what a done
   callback may do. They must not outlive the closed callback; none is called after it. */
typedef void (*expstart_attempt_cb)(expstart_client *, const expstart_attempt *, void *hook_data);

typedef enum {
  EXPSTART_LOG_DEBUG = 0,
  EXPSTART_LOG_INFO = 1,
  EXPSTART_LOG_WARN = 2
} expstart_log_level;
/* One line, without a line end; valid during the hook. The key is never in it. */
typedef void (*expstart_log_cb)(expstart_log_level level, const char *line, void *hook_data);

/* After EXPSTART_EFULL: called once when half of max_queued is free again, or when the client is closed
   before that: a submit says ECLOSING then. */
typedef void (*expstart_room_cb)(expstart_client *, void *hook_data);

/* The API has refused the key (401; 403: see WHAT COUNTS AS WHAT). With this hook nothing ends for it:
   what is accepted stays accepted, and nothing more is sent (EXPSTART_BLOCKED_KEY) until
   expstart_set_api_key or an ABORT close. Timeouts go on. Called once for each key that is refused;
   `message` is the API's words, valid during the hook. */
typedef void (*expstart_key_refused_cb)(expstart_client *, const char *message, void *hook_data);

/* Permits: a limit that the caller keeps (see expstart_permit). `wanted`: so many more could be used now,
   beside those that are granted. Called when that changes, at once when it was 0 before and else at most
   every 10 ms. `returned`: so many were granted, are valid and will not be used, as the client is
   closed; told once, with `wanted` 0; else 0. */
typedef void (*expstart_permits_cb)(expstart_client *, uint32_t wanted, uint32_t returned,
                                    void *hook_data);

/* ---- the client ------------------------------------------------------------------------------ */

#define EXPSTART_IO_ON_LOOP (-1)
#define EXPSTART_IO_THREADS_MAX 64u

#define EXPSTART_KEEP_REPLY 1u      /* keep each last reply whole for the callback */
#define EXPSTART_ALLOW_PLAINTEXT 2u /* http beyond this machine: the key travels readable */
#define EXPSTART_NO_COMPRESSION 4u  /* do not offer gzip */

#define EXPSTART_NOTE_MAX 16384u /* bytes in a note */

/* Fill with expstart_options_init, then set what differs. 0 and NULL mean the default. Everything
   is copied by expstart_client_create; strings are the caller's again when it returns. */
struct expstart_options {
  size_t size; /* set by expstart_options_init */
  /* Required. The URL up to and with the version, "https://acme.absmartly.com/v1". http is taken
     for this machine only (localhost, 127.0.0.0/8, ::1), which is never reached through a proxy. */
  const char *endpoint;
  /* Required. "KEY" or "Api-Key KEY". Wiped from the library's memory when the client is gone. See
     expstart_set_api_key. */
  const char *api_key;
  const char *ca_file;    /* PEM file of trusted certificates; the system's */
  const char *user_agent; /* "expstart/VERSION" */
  /* Where libcurl runs: on so many threads of the library's own, 1, at most EXPSTART_IO_THREADS_MAX,
     or, EXPSTART_IO_ON_LOOP, on the caller's loop. On a thread, TLS handshakes and full sockets never
     hold the caller's loop; signals are blocked there. On the loop a turn takes about a millisecond,
     but for the first connection over TLS, for which the bundle of certificates is read: some 20 ms.
     A thread does not live on in a fork(): create clients in the process that runs the loop. More
     than one share one pace and all limits; there are no more of them than max_connections. */
  int io_threads;
  uint32_t max_queued; /* accepted starts not yet called back: 1,000,000 */
  uint32_t
      max_in_flight; /* attempts under way at once: 32. Fewer until it is known that the API takes
                             them: 4 at first */
  uint32_t
      max_connections; /* open at once: as needed. Waiting for one counts into the attempt's time */
  /* Attempts per second at most, look-ups and repeated ones included; 0: as many as the API takes,
     which is learned. burst: how many may go at once after a pause; then the rate goes on top of it.
     0: the rate holds in every window of one second. */
  double rate_per_second;
  uint32_t burst;
  uint32_t connect_timeout_ms; /* 10,000: until the connection, TLS included, is made */
  uint32_t attempt_timeout_ms; /* 30,000: one attempt, to the last byte of its reply */
  uint32_t retry_timeout_ms;   /* 900,000: from a request's first attempt to its end */
  uint32_t total_timeout_ms;   /* none: from submit to its end, in the queue too */
  uint32_t max_attempts;       /* 5: starts of one request that end in a failure (throttles do not
                                count), and failing look-ups in a row; at most 100 */
  uint32_t backoff_base_ms;    /* 500: the n-th failure waits 0 to base * 2^(n-1), evenly drawn */
  uint32_t backoff_cap_ms;     /* 20,000: and at most 0 to this */
  uint32_t max_retry_after_ms; /* 600,000: a longer hint is cut to this */
  size_t max_reply_bytes;      /* 8 MiB, decoded; a larger 2xx counts as unreadable */
  expstart_confirm confirm;    /* EXPSTART_CONFIRM_AFTER_UNKNOWN */
  unsigned flags;              /* EXPSTART_KEEP_REPLY ... or'ed */
  expstart_attempt_cb on_attempt;
  expstart_log_cb log;
  expstart_room_cb on_room;
  void *hook_data;
  uint64_t seed; /* of the jitter; 0: from the system */
  /* Since 0.2. */
  expstart_log_level log_level; /* lines below it are not made: EXPSTART_LOG_DEBUG, so all are */
  expstart_key_refused_cb on_key_refused; /* NULL: a refused key ends what was sent with it */
  expstart_permits_cb on_permits;         /* NULL: no permits are needed */
  /* PEM files, for an API that asks for a client's certificate: the certificate (with those of its issuers
     after it) and its key, which must have no passphrase. NULL: none; without client_key_file the key is
     in client_cert_file too. They are read again for new connections: replaced files are taken up. */
  const char *client_cert_file, *client_key_file;
  /* "http://[user:password@]host:port", https (verified as the API is, by ca_file), socks5 or socks5h (which
     has the proxy resolve names). NULL: what the environment says (https_proxy, http_proxy, all_proxy,
     no_proxy, as curl has it); "": none. The user's name and password are in no message and no log line. An
     endpoint on this machine is never reached through one. */
  const char *proxy;
};

/* Sets every field to its default. In the header, so that it is the caller's own struct that is set
   whatever the version of the library that runs. */
static inline void expstart_options_init(struct expstart_options *options) {
  memset(options, 0, sizeof *options);
  options->size = sizeof *options;
}

/* The same as an exported function, for other languages; `size` is that of the caller's struct. */
EXPSTART_API void expstart_options_init_size(struct expstart_options *options, size_t size);

/* Whether expstart_client_create would take these options: EXPSTART_OK or what it would return, but for
   ENOMEM and ESYSTEM. *field, unless `field` is NULL, is then the name of the field that is wrong
   ("rate_per_second"), else NULL. Any thread. Static storage. */
EXPSTART_API int expstart_options_check(const struct expstart_options *options, const char **field);

/* Makes a client on `loop`, which it uses until its closed callback. No request is made and nothing
   is sent. A client keeps its loop alive (uv_run does not return) while accepted starts are not
   called back or a close is under way, and not otherwise; it must be closed before the loop is.
   Errors: EINVAL (a NULL argument, a number out of its range or above 2^31 - 1, an unknown flag),
   ENOKEY, EKEYCHAR, EKEYPREFIX, ENOENDPOINT, EENDPOINT, ECREDENTIALS, EPLAINTEXT, ECAFILE, ECLIENTCERT, EPROXY, ENOTSUP
   (something is set that this version does not know: options of a newer header), ERESOURCE (no descriptor
   is left to read a file with), ENOMEM, ESYSTEM.
   expstart_options_check names the field. On error *client is NULL; handles already on the loop close in its next
   turn. */
EXPSTART_API int expstart_client_create(expstart_client **client, uv_loop_t *loop,
                                        const struct expstart_options *options);

/* options.hook_data, and the loop. The loop's thread. */
EXPSTART_API void *expstart_client_data(const expstart_client *client);
EXPSTART_API uv_loop_t *expstart_client_loop(const expstart_client *client);

struct expstart_request {
  size_t size;           /* sizeof(struct expstart_request) */
  int64_t experiment_id; /* 1 or more */
  const char *note;      /* at most EXPSTART_NOTE_MAX bytes of UTF-8; NULL: none */
  expstart_mode mode;    /* EXPSTART_START */
  expstart_done_cb done; /* required */
  void *data;            /* given to done */
  /* Since 0.2. */
  uint32_t
      timeout_ms; /* from submit to its end, the shorter of this and total_timeout_ms; 0: that */
};

/* Sets every field to its default, which leaves `experiment_id` and `done` to be set. In the header, as
   expstart_options_init; and as an exported function. */
static inline void expstart_request_init(struct expstart_request *request) {
  memset(request, 0, sizeof *request);
  request->size = sizeof *request;
}
EXPSTART_API void expstart_request_init_size(struct expstart_request *request, size_t size);

/* Accepts one start and copies what is given. `ticket` may be NULL. Nothing is sent and no callback
   comes before the loop's next turn.
   Errors: EINVAL (NULL, size, mode, timeout_ms above 2^31 - 1), ENOTSUP (something is set that this
   version does not know: a request of a newer header), EID, ENOTEUTF8, ENOTELONG, EFULL, ECLOSING,
   ENOMEM. */
EXPSTART_API int expstart_submit(expstart_client *client, const struct expstart_request *request,
                                 expstart_ticket *ticket);

/* Accepts n starts with one note and one callback. Every id and the note are checked before the
   first is accepted: on EINVAL, EID, ENOTEUTF8, ENOTELONG and ECLOSING *accepted is 0. EFULL and
   ENOMEM may come after some: the first *accepted ids are accepted and will be called back, the
   rest are not. `accepted` may be NULL if the caller reads that from stats. */
EXPSTART_API int expstart_submit_many(expstart_client *client, const int64_t *ids, size_t n,
                                      const char *note, expstart_done_cb done, void *data,
                                      size_t *accepted);

/* Accepts n starts, each as expstart_submit does, all of requests[0].size bytes. One that is refused
   does not keep the others from being accepted. Returns EXPSTART_OK if all were accepted, else the
   first error. `tickets` (n of them; 0 for what was refused), `accepted` (how many were) and
   `first_refused` (the index that the error is of; n if there is none) may be NULL. */
EXPSTART_API int expstart_submit_batch(expstart_client *client,
                                       const struct expstart_request *requests, size_t n,
                                       expstart_ticket *tickets, size_t *accepted,
                                       size_t *first_refused);

/* Any thread, the loop's too: submits without waiting for anything but a lock that is held for
   moments. The callback comes on the loop's thread, as always. The request is accepted, and counted in
   stats, when the loop's thread has taken it in, in its next turns; its timeouts begin then. What is
   taken in without memory for it is called back as FAILED with ENOMEM. The loop does not stay alive
   for it until then: keep it so by a handle of your own. Against a close at the same moment it is
   safe: it accepts, or says ECLOSING. Calls must have returned before the closed callback comes.
   Errors: as expstart_submit. */
EXPSTART_API int expstart_submit_from_thread(expstart_client *client,
                                             const struct expstart_request *request);
/* The same; *ticket names it, in all that is told of it and to both kinds of cancel. */
EXPSTART_API int expstart_submit_ticket_from_thread(expstart_client *client,
                                                    const struct expstart_request *request,
                                                    expstart_ticket *ticket);

/* Ends one start early; the callback comes as always (contract 4). Also for one that is being sent:
   its connection is given up. ENOTFOUND if it has its outcome already. */
EXPSTART_API int expstart_cancel(expstart_client *client, expstart_ticket ticket);
/* Any thread: the same in the loop's next turns, for a ticket of either kind. What has its outcome by then
   keeps it, and a stale ticket is harmless. Errors: EINVAL (NULL), ECLOSING (everything ends, or has
   ended), ENOMEM. Calls must have returned before the closed callback comes. */
EXPSTART_API int expstart_cancel_from_thread(expstart_client *client, expstart_ticket ticket);
/* The same for all that are accepted at this moment, and what other threads had submitted by then. Many
   are ended in several turns; until then they are counted as they were. */
EXPSTART_API int expstart_cancel_all(expstart_client *client);

/* Stops sending: what is in flight goes on, timeouts too. A DRAIN that is under way waits as well.
   Twice is once. ECLOSING after an ABORT.
 */
EXPSTART_API int expstart_pause(expstart_client *client);
EXPSTART_API int expstart_resume(expstart_client *client);

/* Changes options.rate_per_second and options.burst from now on. EINVAL: not 0 and not from 1e-6 to
   1e9. */
EXPSTART_API int expstart_set_rate(expstart_client *client, double per_second, uint32_t burst);

/* Changes the key: attempts that are sent from now on use it, look-ups and repeated ones too; those under way
   keep theirs. What was held back as its key was refused (options.on_key_refused) goes on. The old key is
   wiped from the library's memory when no attempt uses it any longer. Errors, each of which leaves the
   key as it is: EINVAL (no client), ENOKEY, EKEYCHAR, EKEYPREFIX, ENOMEM, ECLOSING (after an ABORT). */
EXPSTART_API int expstart_set_api_key(expstart_client *client, const char *api_key);

/* Changes options.max_in_flight from now on. What is under way beyond it goes on. EINVAL: 0, or above
   2^31 - 1. */
EXPSTART_API int expstart_set_max_in_flight(expstart_client *client, uint32_t max_in_flight);

/* Grants n permits, with options.on_permits: each attempt, look-ups and repeated ones included, spends
   one. Those that are not spent within valid_ms lapse; 0: they do not. Those that lapse first are spent
   first. More than 32 times to lapse at are not kept apart: then some lapse early, and none late. The
   gate, backoffs and rate_per_second hold as ever. EINVAL: no on_permits. ECLOSING: nothing will use
   them. */
EXPSTART_API int expstart_permit(expstart_client *client, uint32_t n, uint32_t valid_ms);

typedef enum { EXPSTART_DRAIN = 0, EXPSTART_ABORT = 1 } expstart_close_mode;

/* On the loop's thread, last of all; the client is gone when it returns. */
typedef void (*expstart_closed_cb)(void *data);

/* Closes the client (contract 5). `closed` may be NULL. A paused client resumes for a DRAIN. A
   second call may only turn DRAIN into ABORT; its `closed` and `data` are not used. ECLOSING if
   there is nothing to change. */
EXPSTART_API int expstart_client_close(expstart_client *client, expstart_close_mode mode,
                                       expstart_closed_cb closed, void *data);
/* A DRAIN that turns into an ABORT after so many milliseconds. 0: at once. Of a DRAIN that is under way it
   sets the time anew; `closed` and `data` are not used then. Errors: EINVAL; ECLOSING after an ABORT. */
EXPSTART_API int expstart_client_drain(expstart_client *client, uint32_t timeout_ms,
                                       expstart_closed_cb closed, void *data);

/* ---- stats ----------------------------------------------------------------------------------- */

/* What keeps the next attempt from being sent. */
typedef enum {
  EXPSTART_BLOCKED_NOTHING = 0, /* there is nothing to send, or it goes now */
  EXPSTART_BLOCKED_SLOTS = 1, /* as many attempts are under way as may be, at most max_in_flight */
  EXPSTART_BLOCKED_RATE = 2,  /* rate_per_second, or the learned rate */
  EXPSTART_BLOCKED_BACKOFF = 3, /* all that is left waits for its backoff to pass */
  EXPSTART_BLOCKED_PAUSED = 4,
  EXPSTART_BLOCKED_THROTTLE_GATE = 5, /* the API throttles: nothing goes before gate_ms_left */
  EXPSTART_BLOCKED_OUTAGE_GATE = 6,   /* the API is out of reach: one probe goes at that time */
  EXPSTART_BLOCKED_RESOURCE_GATE = 7, /* this machine is out of something: the same */
  EXPSTART_BLOCKED_KEY = 8,           /* the key was refused (options.on_key_refused) */
  EXPSTART_BLOCKED_PERMITS = 9,       /* the caller has granted none (options.on_permits) */
  EXPSTART_BLOCKED_CALLBACKS = 10     /* 256 outcomes wait for their callbacks, which take long */
} expstart_blocked;

/* "nothing", "slots", "rate", "backoff", "paused", "throttle gate", "outage gate", "resource gate",
   "key", "permits", "callbacks". Any thread. */
EXPSTART_API const char *expstart_blocked_name(expstart_blocked blocked);

#define EXPSTART_GATE_MESSAGE_MAX 256u

struct expstart_stats {
  /* Counters: only grow. An outcome is counted when it is decided; its callback follows. */
  uint64_t accepted;
  uint64_t started, running, rejected, failed, unknown, canceled, seen;
  uint64_t attempts;  /* start requests handed to the network */
  uint64_t lookups;   /* look-ups handed to the network */
  uint64_t throttled; /* replies that said to come back later */
  uint64_t faults; /* attempts and look-ups that failed otherwise and were, or may be, repeated */
  uint64_t capped_hints;   /* hints beyond max_retry_after_ms, cut to it */
  uint64_t bytes_sent;     /* HTTP, before TLS */
  uint64_t bytes_received; /* HTTP, after TLS, before decoding */
  /* Gauges: as it is now. */
  uint64_t queued;    /* not tried yet */
  uint64_t in_flight; /* an attempt or look-up is under way */
  uint64_t waiting;   /* between two attempts */
  expstart_blocked blocked_by;
  uint64_t blocked_ms;   /* until that passes by itself, 0 if that is not known */
  uint64_t gate_ms_left; /* nothing is sent before: the throttle or outage gate; 0: it is open, or a
                            probe is under way */
  double
      learned_rate; /* attempts per second at which the API's limit lets them through, as far as it
                          is known; 0: no limit was met yet */
  uint64_t eta_ms; /* until all that is accepted has its outcome, at the rate of late; 0: nothing is
                      left, or no rate is known */
  /* Of all attempts that were answered: half, nine in ten, 99 in 100 of them took no longer than this,
     to within an eighth; and the longest. 0: none yet. */
  uint64_t latency_p50_us, latency_p90_us, latency_p99_us, latency_max_us;
  /* Since 0.2. */
  uint64_t
      errors[EXPSTART_ERRORS_MAX]; /* counters: outcomes with the error -index; [0]: with none */
  uint64_t permits;                /* gauge: granted, valid and not spent */
  /* Gauges: why the gate is shut (ETRANSPORT, ESERVER, ETIMEDOUT, ETHROTTLED, ERESOURCE, EREFUSED;
     EXPSTART_OK: it is open), and the words for that: libcurl's of a connection that failed, else the
     API's; "" if there are none. */
  int gate_error;
  char gate_message[EXPSTART_GATE_MESSAGE_MAX];
};

/* Writes the first `size` bytes of the stats (sizeof(struct expstart_stats)), so that an older
   caller works with a newer library. Costs about a microsecond. */
EXPSTART_API void expstart_stats_get(const expstart_client *client, struct expstart_stats *stats,
                                     size_t size);

#define EXPSTART_LABELS_MAX 4096u /* bytes */

/* The stats as text for a /metrics page, in Prometheus' exposition format, version 0.0.4: counters
   expstart_..._total, times in seconds, each with HELP and TYPE.
   `labels` are put on every series as they are: name="value", or more of these with a comma and no
   space between them (env="prod",job="nightly"), at most EXPSTART_LABELS_MAX bytes of UTF-8. A name
   is of A-Z, a-z, 0-9 and _, begins with no digit and no __, and stands there once; outcome, error,
   reason and quantile are taken. In a value a backslash is written \\, a quote \" and a line end \n. NULL
   or "": none.
   Returns the bytes of the whole text without its NUL: a few thousand, and the labels once for each
   of some 100 series. If that is not less than `size`, only the first lines that fit were written,
   with a NUL; `buffer` may be NULL when `size` is 0.
   EINVAL: a NULL argument, or labels of another form. The buffer is not changed then. */
EXPSTART_API int expstart_stats_prometheus(const expstart_client *client, const char *labels,
                                           char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif

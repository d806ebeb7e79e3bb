/* The layout that programs of version 0.1.0 were built with: no later version may move what is listed here,
 * and what is new in a struct comes after it. Nothing is taken out of these lists, and a version that is
 * released adds what it brought. Included by test_abi.c, for machines of 64 bits. */
#ifndef EXPSTART_TEST_ABI_LAYOUT_H
#define EXPSTART_TEST_ABI_LAYOUT_H

#include "include/expstart.h"

#include <stddef.h>

#define HAS(type, field, offset, size)                                                             \
  _Static_assert(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size),        \
                 #type "." #field " was moved or changed")

enum { RESULT_0_1_0 = 128 };
HAS(expstart_result, outcome, 0, 4);
HAS(expstart_result, experiment_id, 8, 8);
HAS(expstart_result, ticket, 16, 8);
HAS(expstart_result, error, 24, 4);
HAS(expstart_result, http_status, 28, 4);
HAS(expstart_result, attempts, 32, 4);
HAS(expstart_result, lookups, 36, 4);
HAS(expstart_result, throttled, 40, 4);
HAS(expstart_result, confirmed, 44, 4);
HAS(expstart_result, name, 48, 8);
HAS(expstart_result, state, 56, 8);
HAS(expstart_result, started_at, 64, 8);
HAS(expstart_result, message, 72, 8);
HAS(expstart_result, errors, 80, 8);
HAS(expstart_result, error_count, 88, 8);
HAS(expstart_result, queued_us, 96, 8);
HAS(expstart_result, elapsed_us, 104, 8);
HAS(expstart_result, reply, 112, 8);
HAS(expstart_result, reply_size, 120, 8);
_Static_assert(sizeof(expstart_result) >= RESULT_0_1_0, "expstart_result has lost something");

enum { ATTEMPT_0_1_0 = 88 };
HAS(expstart_attempt, experiment_id, 0, 8);
HAS(expstart_attempt, ticket, 8, 8);
HAS(expstart_attempt, kind, 16, 4);
HAS(expstart_attempt, number, 20, 4);
HAS(expstart_attempt, why, 24, 4);
HAS(expstart_attempt, http_status, 28, 4);
HAS(expstart_attempt, curl_code, 32, 4);
HAS(expstart_attempt, message, 40, 8);
HAS(expstart_attempt, elapsed_us, 48, 8);
HAS(expstart_attempt, connected_us, 56, 8);
HAS(expstart_attempt, first_byte_us, 64, 8);
HAS(expstart_attempt, throttled, 72, 4);
HAS(expstart_attempt, next, 76, 4);
HAS(expstart_attempt, next_ms, 80, 8);
_Static_assert(sizeof(expstart_attempt) >= ATTEMPT_0_1_0, "expstart_attempt has lost something");

enum { OPTIONS_0_1_0 = 160 };
HAS(struct expstart_options, size, 0, 8);
HAS(struct expstart_options, endpoint, 8, 8);
HAS(struct expstart_options, api_key, 16, 8);
HAS(struct expstart_options, ca_file, 24, 8);
HAS(struct expstart_options, user_agent, 32, 8);
HAS(struct expstart_options, io_threads, 40, 4);
HAS(struct expstart_options, max_queued, 44, 4);
HAS(struct expstart_options, max_in_flight, 48, 4);
HAS(struct expstart_options, max_connections, 52, 4);
HAS(struct expstart_options, rate_per_second, 56, 8);
HAS(struct expstart_options, burst, 64, 4);
HAS(struct expstart_options, connect_timeout_ms, 68, 4);
HAS(struct expstart_options, attempt_timeout_ms, 72, 4);
HAS(struct expstart_options, retry_timeout_ms, 76, 4);
HAS(struct expstart_options, total_timeout_ms, 80, 4);
HAS(struct expstart_options, max_attempts, 84, 4);
HAS(struct expstart_options, backoff_base_ms, 88, 4);
HAS(struct expstart_options, backoff_cap_ms, 92, 4);
HAS(struct expstart_options, max_retry_after_ms, 96, 4);
HAS(struct expstart_options, max_reply_bytes, 104, 8);
HAS(struct expstart_options, confirm, 112, 4);
HAS(struct expstart_options, flags, 116, 4);
HAS(struct expstart_options, on_attempt, 120, 8);
HAS(struct expstart_options, log, 128, 8);
HAS(struct expstart_options, on_room, 136, 8);
HAS(struct expstart_options, hook_data, 144, 8);
HAS(struct expstart_options, seed, 152, 8);
_Static_assert(sizeof(struct expstart_options) >= OPTIONS_0_1_0,
               "struct expstart_options has lost something");

enum { REQUEST_0_1_0 = 48 };
HAS(struct expstart_request, size, 0, 8);
HAS(struct expstart_request, experiment_id, 8, 8);
HAS(struct expstart_request, note, 16, 8);
HAS(struct expstart_request, mode, 24, 4);
HAS(struct expstart_request, done, 32, 8);
HAS(struct expstart_request, data, 40, 8);
_Static_assert(sizeof(struct expstart_request) >= REQUEST_0_1_0,
               "struct expstart_request has lost something");

enum { STATS_0_1_0 = 216 };
HAS(struct expstart_stats, accepted, 0, 8);
HAS(struct expstart_stats, started, 8, 8);
HAS(struct expstart_stats, running, 16, 8);
HAS(struct expstart_stats, rejected, 24, 8);
HAS(struct expstart_stats, failed, 32, 8);
HAS(struct expstart_stats, unknown, 40, 8);
HAS(struct expstart_stats, canceled, 48, 8);
HAS(struct expstart_stats, seen, 56, 8);
HAS(struct expstart_stats, attempts, 64, 8);
HAS(struct expstart_stats, lookups, 72, 8);
HAS(struct expstart_stats, throttled, 80, 8);
HAS(struct expstart_stats, faults, 88, 8);
HAS(struct expstart_stats, capped_hints, 96, 8);
HAS(struct expstart_stats, bytes_sent, 104, 8);
HAS(struct expstart_stats, bytes_received, 112, 8);
HAS(struct expstart_stats, queued, 120, 8);
HAS(struct expstart_stats, in_flight, 128, 8);
HAS(struct expstart_stats, waiting, 136, 8);
HAS(struct expstart_stats, blocked_by, 144, 4);
HAS(struct expstart_stats, blocked_ms, 152, 8);
HAS(struct expstart_stats, gate_ms_left, 160, 8);
HAS(struct expstart_stats, learned_rate, 168, 8);
HAS(struct expstart_stats, eta_ms, 176, 8);
HAS(struct expstart_stats, latency_p50_us, 184, 8);
HAS(struct expstart_stats, latency_p90_us, 192, 8);
HAS(struct expstart_stats, latency_p99_us, 200, 8);
HAS(struct expstart_stats, latency_max_us, 208, 8);
_Static_assert(sizeof(struct expstart_stats) >= STATS_0_1_0,
               "struct expstart_stats has lost something");

#undef HAS

/* Values that programs were compiled with. */
#define IS(name, value) _Static_assert((int)EXPSTART_##name == (value), #name " has another value")

IS(EINVAL, -1);
IS(ENOMEM, -2);
IS(EFULL, -3);
IS(ECLOSING, -4);
IS(ENOTFOUND, -5);
IS(ETIMEDOUT, -6);
IS(ETRANSPORT, -7);
IS(EREFUSED, -8);
IS(ETHROTTLED, -9);
IS(EBADREPLY, -10);
IS(ECANCELED, -11);
IS(EREJECTED, -12);
IS(ESERVER, -13);
IS(ECERT, -14);
IS(ENOTSUP, -15);
IS(EID, -16);
IS(ENOTEUTF8, -17);
IS(ENOTELONG, -18);
IS(ENOKEY, -19);
IS(EKEYCHAR, -20);
IS(EKEYPREFIX, -21);
IS(EENDPOINT, -22);
IS(ECREDENTIALS, -23);
IS(EPLAINTEXT, -24);
IS(ECAFILE, -25);
IS(ESYSTEM, -26);
IS(EUNCONFIRMED, -27);

IS(STARTED, 0);
IS(RUNNING, 1);
IS(REJECTED, 2);
IS(FAILED, 3);
IS(UNKNOWN, 4);
IS(CANCELED, 5);
IS(SEEN, 6);

IS(START, 0);
IS(LOOK_THEN_START, 1);
IS(LOOK, 2);

IS(CONFIRM_AFTER_UNKNOWN, 0);
IS(CONFIRM_NEVER, 1);
IS(CONFIRM_ON_REFUSAL, 2);

IS(ATTEMPT_START, 0);
IS(ATTEMPT_LOOK, 1);

IS(WHY_SUBMITTED, 0);
IS(WHY_THROTTLED, 1);
IS(WHY_FAILED, 2);
IS(WHY_DOUBT, 3);
IS(WHY_REFUSED, 4);
IS(WHY_NOT_RUNNING, 5);

IS(NEXT_DONE, 0);
IS(NEXT_START, 1);
IS(NEXT_LOOK, 2);

IS(LOG_DEBUG, 0);
IS(LOG_INFO, 1);
IS(LOG_WARN, 2);

IS(DRAIN, 0);
IS(ABORT, 1);

IS(BLOCKED_NOTHING, 0);
IS(BLOCKED_SLOTS, 1);
IS(BLOCKED_RATE, 2);
IS(BLOCKED_BACKOFF, 3);
IS(BLOCKED_PAUSED, 4);
IS(BLOCKED_THROTTLE_GATE, 5);
IS(BLOCKED_OUTAGE_GATE, 6);
IS(IO_ON_LOOP, -1);
IS(KEEP_REPLY, 1);
IS(ALLOW_PLAINTEXT, 2);
IS(NO_COMPRESSION, 4);

#undef IS

#endif

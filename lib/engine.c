#include "engine.h"

#include "deadlines.h"
#include "hints.h"
#include "latency.h"
#include "meter.h"
#include "note.h"
#include "pacer.h"
#include "permits.h"
#include "request.h"
#include "retry.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* So many throttles of a request in a row are put down to the API's limit, and more to itself. */
enum { THROTTLES_OF_ALL = 3 };

/* Attempts that one step sends at most, so that it does not hold the loop. */
enum { STEP_SENDS_MAX = 64 };

/* Requests that one step ends early at most, for the same reason; one in flight counts as so many, as its
   connection is closed. */
enum { STEP_ENDS_MAX = 4096, END_IN_FLIGHT = 32 };

/* Outcomes that wait for their callbacks: with more nothing is sent, for callbacks that take long would let
   them grow without end. The header says so (EXPSTART_BLOCKED_CALLBACKS). */
enum { DONE_MAX = 256 };

struct expstart__engine {
  struct expstart_options options;
  struct expstart__port port;
  struct expstart__table table;
  struct expstart__notes notes;
  struct expstart__pacer pacer;
  struct expstart__meter meter; /* of outcomes */
  struct expstart__latency latency;
  struct expstart_stats counters; /* its gauges are made when asked for */
  struct expstart__words_pool words;
  struct expstart__deadlines deadlines; /* of requests with a timeout of their own */
  struct expstart__permits permits;
  uint64_t random;
  uint32_t in_flight;
  bool paused;
  bool key_refused; /* nothing is sent until there is another */
  uint8_t key;      /* counts keys, as requests do which they were sent with */
  int gate_error;   /* why the gate is shut; EXPSTART_OK: it is open */
  char gate_message[EXPSTART_GATE_MESSAGE_MAX], key_message[EXPSTART_GATE_MESSAGE_MAX];
  bool refused_for_room;
};

struct expstart__engine *expstart__engine_create(const struct expstart_options *options,
                                                 const struct expstart__port *port,
                                                 uint64_t now_us) {
  struct expstart__engine *engine = calloc(1, sizeof *engine);
  if (!engine)
    return NULL;
  engine->options = *options;
  engine->port = *port;
  engine->random = options->seed;
  expstart__table_init(&engine->table);
  expstart__pacer_init(&engine->pacer, options, now_us);
  return engine;
}

static void forget_list(struct expstart__engine *engine, struct expstart__list *list) {
  while (list->head != EXPSTART__NIL) {
    uint32_t slot = list->head;
    struct expstart__request *request = expstart__table_at(&engine->table, slot);
    expstart__list_remove(&engine->table, list, slot);
    expstart__note_release(&engine->notes, request->note);
    expstart__words_release(&engine->words, request->words);
  }
}

void expstart__engine_destroy(struct expstart__engine *engine) {
  if (!engine)
    return;
  forget_list(engine, &engine->table.fresh);
  forget_list(engine, &engine->table.tried);
  forget_list(engine, &engine->table.done);
  expstart__notes_clear(&engine->notes);
  expstart__table_clear(&engine->table);
  expstart__words_clear(&engine->words);
  expstart__deadlines_clear(&engine->deadlines);
  free(engine);
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed gives a good sequence. */
static uint64_t draw(struct expstart__engine *engine) {
  uint64_t z = (engine->random += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static uint64_t draw_up_to(struct expstart__engine *engine, uint64_t most) {
  return most == UINT64_MAX ? draw(engine) : draw(engine) % (most + 1);
}

static uint64_t later(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* ---- submitting -------------------------------------------------------------------------------
 */

int expstart__engine_submit(struct expstart__engine *engine, uint64_t now_us,
                            const struct expstart_request *wanted, expstart_ticket *ticket) {
  if (engine->table.used >= engine->options.max_queued) {
    engine->refused_for_room = true;
    return EXPSTART_EFULL;
  }
  struct expstart__note *note =
      expstart__note_take(&engine->notes, wanted->note, wanted->timeout_ms);
  if (!note)
    return EXPSTART_ENOMEM;
  uint32_t slot = expstart__table_take(&engine->table);
  if (slot == EXPSTART__NIL)
    goto fail_note;
  if (wanted->timeout_ms > 0 &&
      !expstart__deadlines_add(&engine->deadlines, now_us + wanted->timeout_ms * UINT64_C(1000),
                               expstart__table_ticket(&engine->table, slot)))
    goto fail_slot;
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  request->experiment_id = wanted->experiment_id;
  request->done = wanted->done;
  request->data = wanted->data;
  request->note = note;
  request->submitted_us = now_us;
  request->stage = EXPSTART__FRESH;
  request->mode = (uint8_t)wanted->mode & 3u;
  request->kind = wanted->mode == EXPSTART_START ? EXPSTART_ATTEMPT_START : EXPSTART_ATTEMPT_LOOK;
  request->why = EXPSTART_WHY_SUBMITTED;
  request->maybe = request->ever_maybe = wanted->mode == EXPSTART_LOOK_THEN_START;
  request->settled = true; /* how long ago it was left in doubt is the caller's business */
  expstart__list_append(&engine->table, &engine->table.fresh, slot);
  engine->counters.accepted++;
  if (ticket)
    *ticket = expstart__table_ticket(&engine->table, slot);
  return EXPSTART_OK;
fail_slot:
  expstart__table_release(&engine->table, slot);
fail_note:
  expstart__note_release(&engine->notes, note);
  return EXPSTART_ENOMEM;
}

static void count_outcome(struct expstart_stats *stats, expstart_outcome outcome, int error) {
  stats->errors[-error]++;
  switch (outcome) {
  case EXPSTART_STARTED:
    stats->started++;
    break;
  case EXPSTART_RUNNING:
    stats->running++;
    break;
  case EXPSTART_REJECTED:
    stats->rejected++;
    break;
  case EXPSTART_FAILED:
    stats->failed++;
    break;
  case EXPSTART_UNKNOWN:
    stats->unknown++;
    break;
  case EXPSTART_CANCELED:
    stats->canceled++;
    break;
  case EXPSTART_SEEN:
    stats->seen++;
    break;
  }
}

void expstart__engine_submit_lost(struct expstart__engine *engine,
                                  const struct expstart_request *wanted) {
  expstart_result result = {.outcome = EXPSTART_FAILED,
                            .experiment_id = wanted->experiment_id,
                            .error = EXPSTART_ENOMEM,
                            .message = "",
                            .note = wanted->note,
                            .mode = wanted->mode};
  engine->counters.accepted++;
  count_outcome(&engine->counters, EXPSTART_FAILED, EXPSTART_ENOMEM);
  engine->port.deliver(engine->port.self, &result, wanted->done, wanted->data);
}

void expstart__engine_want_room(struct expstart__engine *engine) {
  engine->refused_for_room = true;
}

/* ---- ends -------------------------------------------------------------------------------------
 */

static bool is_live(const void *owner, expstart_ticket ticket) {
  const struct expstart__table *table = owner;
  uint32_t slot = expstart__table_find(table, ticket);
  return slot != EXPSTART__NIL && expstart__table_at(table, slot)->stage != EXPSTART__DONE;
}

/* The request is in no list and nothing of it is in flight. */
static void decide(struct expstart__engine *engine, uint64_t now_us, uint32_t slot,
                   struct expstart__verdict verdict) {
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  uint64_t tried_us = request->first_attempt_us ? request->first_attempt_us : now_us;
  request->queued_us = tried_us - request->submitted_us;
  request->elapsed_us = now_us - request->submitted_us;
  request->stage = EXPSTART__DONE;
  request->outcome = (uint8_t)verdict.outcome;
  request->last_error = (int8_t)verdict.error;
  if (request->words)
    expstart__words_wake(&engine->words, request->words);
  if (request->note->timeout_ms > 0 && expstart__deadlines_ended(&engine->deadlines))
    expstart__deadlines_tidy(&engine->deadlines, is_live, &engine->table);
  count_outcome(&engine->counters, verdict.outcome, verdict.error);
  expstart__meter_count(&engine->meter, now_us);
  expstart__list_append(&engine->table, &engine->table.done, slot);
}

static void leave_lists(struct expstart__engine *engine, uint32_t slot) {
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  if (request->stage == EXPSTART__WAITING)
    expstart__heap_remove(&engine->table, slot);
  expstart__list_remove(
      &engine->table,
      request->stage == EXPSTART__FRESH ? &engine->table.fresh : &engine->table.tried, slot);
}

/* Ends a request in FRESH, WAITING or IN_FLIGHT. What is in flight is aborted and decided when its
   report has told how far it had come. */
static void end_early(struct expstart__engine *engine, uint64_t now_us, uint32_t slot, int error) {
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  leave_lists(engine, slot);
  if (request->stage == EXPSTART__IN_FLIGHT) {
    request->stage = EXPSTART__ENDING;
    request->ending = (int8_t)error;
    engine->port.abort(engine->port.self, request->handle,
                       expstart__table_ticket(&engine->table, slot));
    return;
  }
  decide(engine, now_us, slot, expstart__retry_give_up(request, error));
}

int expstart__engine_cancel(struct expstart__engine *engine, uint64_t now_us,
                            expstart_ticket ticket) {
  uint32_t slot = expstart__table_find(&engine->table, ticket);
  if (slot == EXPSTART__NIL || expstart__table_at(&engine->table, slot)->stage == EXPSTART__DONE)
    return EXPSTART_ENOTFOUND;
  if (expstart__table_at(&engine->table, slot)->stage != EXPSTART__ENDING)
    end_early(engine, now_us, slot, EXPSTART_ECANCELED);
  return EXPSTART_OK;
}

/* Those that there are now are the first of both lists, and stay so: what comes later is appended. */
void expstart__engine_cancel_all(struct expstart__engine *engine) {
  engine->table.tried.canceled = engine->table.tried.tail;
  engine->table.fresh.canceled = engine->table.fresh.tail;
}

/* As end_early, where many are ended: `budget` is what may still be spent in this step. */
static void end_one(struct expstart__engine *engine, uint64_t now_us, uint32_t slot, int error,
                    uint32_t *budget) {
  bool in_flight = expstart__table_at(&engine->table, slot)->stage == EXPSTART__IN_FLIGHT;
  uint32_t cost = in_flight ? END_IN_FLIGHT : 1;
  *budget -= cost < *budget ? cost : *budget;
  end_early(engine, now_us, slot, error);
}

static void end_canceled(struct expstart__engine *engine, uint64_t now_us,
                         struct expstart__list *list, uint32_t *budget) {
  while (list->canceled != EXPSTART__NIL && *budget > 0)
    end_one(engine, now_us, list->head, EXPSTART_ECANCELED, budget);
}

/* ---- time limits ------------------------------------------------------------------------------
 */

/* By the timeouts that are the same for all: either list is in the order of these. */
static uint64_t common_deadline_of(const struct expstart__engine *engine,
                                   const struct expstart__request *request) {
  uint64_t deadline_us = EXPSTART__NEVER;
  if (engine->options.total_timeout_ms)
    deadline_us = request->submitted_us + engine->options.total_timeout_ms * UINT64_C(1000);
  if (request->first_attempt_us) {
    uint64_t retry_us =
        request->first_attempt_us + engine->options.retry_timeout_ms * UINT64_C(1000);
    if (retry_us < deadline_us)
      deadline_us = retry_us;
  }
  return deadline_us;
}

static uint64_t deadline_of(const struct expstart__engine *engine,
                            const struct expstart__request *request) {
  uint64_t common_us = common_deadline_of(engine, request);
  uint32_t own_ms = request->note->timeout_ms;
  return own_ms ? earlier(common_us, request->submitted_us + own_ms * UINT64_C(1000)) : common_us;
}

static uint64_t time_left_us(const struct expstart__engine *engine,
                             const struct expstart__request *request, uint64_t now_us) {
  uint64_t deadline_us = deadline_of(engine, request);
  return deadline_us > now_us ? deadline_us - now_us : 0;
}

static uint64_t list_deadline(const struct expstart__engine *engine,
                              const struct expstart__list *list) {
  return list->head == EXPSTART__NIL
             ? EXPSTART__NEVER
             : common_deadline_of(engine, expstart__table_at(&engine->table, list->head));
}

/* Out of time because of throttling or an outage is told from other reasons. To be asked of what waits:
   the throttle of what is in flight is past. */
static int timeout_error(const struct expstart__engine *engine,
                         const struct expstart__request *request) {
  if (engine->key_refused)
    return EXPSTART_EREFUSED;
  if (engine->pacer.gate == EXPSTART_BLOCKED_OUTAGE_GATE)
    return EXPSTART_ETRANSPORT;
  if (engine->pacer.gate == EXPSTART_BLOCKED_RESOURCE_GATE)
    return EXPSTART_ERESOURCE;
  bool throttled = request->streak > 0 || engine->pacer.gate == EXPSTART_BLOCKED_THROTTLE_GATE;
  return throttled ? EXPSTART_ETHROTTLED : EXPSTART_ETIMEDOUT;
}

static void expire(struct expstart__engine *engine, uint64_t now_us, uint32_t slot,
                   uint32_t *budget) {
  const struct expstart__request *request = expstart__table_at(&engine->table, slot);
  bool in_flight = request->stage == EXPSTART__IN_FLIGHT;
  end_one(engine, now_us, slot, in_flight ? EXPSTART_ETIMEDOUT : timeout_error(engine, request),
          budget);
}

static void end_expired(struct expstart__engine *engine, uint64_t now_us,
                        struct expstart__list *list, uint32_t *budget) {
  while (list_deadline(engine, list) <= now_us && *budget > 0)
    expire(engine, now_us, list->head, budget);
}

struct instant {
  const struct expstart__engine *engine;
  uint64_t now_us;
};

/* What is in flight may still come to a good end until its deadline. */
static bool is_over(const void *owner, const struct expstart__deadline *deadline) {
  const struct instant *instant = owner;
  const struct expstart__table *table = &instant->engine->table;
  uint32_t slot = expstart__table_find(table, deadline->ticket);
  return deadline->at_us <= instant->now_us || slot == EXPSTART__NIL ||
         expstart__table_at(table, slot)->stage != EXPSTART__IN_FLIGHT;
}

/* The same by timeouts of their own, which come in any order, and what cannot wait behind the gate by these. */
static void end_expired_by_own(struct expstart__engine *engine, uint64_t now_us, uint32_t *budget) {
  const struct instant instant = {engine, now_us};
  struct expstart__deadlines *deadlines = &engine->deadlines;
  uint64_t until_us = later(now_us, expstart__pacer_shut_until(&engine->pacer));
  uint32_t at;
  while (*budget > 0 && (at = expstart__deadlines_find(deadlines, until_us, is_over, &instant)) !=
                            EXPSTART__DEADLINE_NONE) {
    uint32_t slot = expstart__table_find(&engine->table, expstart__deadlines_take(deadlines, at));
    unsigned stage =
        slot == EXPSTART__NIL ? EXPSTART__FREE : expstart__table_at(&engine->table, slot)->stage;
    if (stage == EXPSTART__FRESH || stage == EXPSTART__WAITING || stage == EXPSTART__IN_FLIGHT)
      expire(engine, now_us, slot, budget);
  }
}

/* Behind a shut gate nothing is sent before its time: what cannot be tried by then ends now. Only what
   is in flight may still come to a good end, and is passed over. */
static void end_what_cannot_wait(struct expstart__engine *engine, uint64_t now_us,
                                 struct expstart__list *list, uint32_t *budget) {
  uint64_t until_us = expstart__pacer_shut_until(&engine->pacer);
  uint32_t slot = list->head;
  while (slot != EXPSTART__NIL && *budget > 0) {
    struct expstart__request *request = expstart__table_at(&engine->table, slot);
    uint32_t next = request->next;
    if (common_deadline_of(engine, request) > until_us)
      break;
    if (request->stage != EXPSTART__IN_FLIGHT)
      end_one(engine, now_us, slot, timeout_error(engine, request), budget);
    slot = next;
  }
}

/* A hook asked for it in this very step. */
static bool is_cancel_pending(const struct expstart__engine *engine) {
  return engine->table.tried.canceled != EXPSTART__NIL ||
         engine->table.fresh.canceled != EXPSTART__NIL;
}

/* False: there is more to be ended than one step may. */
static bool end_all_due(struct expstart__engine *engine, uint64_t now_us) {
  struct expstart__list *lists[] = {&engine->table.tried, &engine->table.fresh};
  uint32_t budget = STEP_ENDS_MAX;
  for (int i = 0; i < 2; i++) {
    end_canceled(engine, now_us, lists[i], &budget);
    end_expired(engine, now_us, lists[i], &budget);
    end_what_cannot_wait(engine, now_us, lists[i], &budget);
  }
  end_expired_by_own(engine, now_us, &budget);
  return budget > 0;
}

/* ---- what an attempt told ----------------------------------------------------------------------
 */

/* What of a report's reply is kept: the API's words about the start itself, or the settling look. A reply
   that is moved into the request leaves another in its stead. */
static void keep_words(struct expstart__engine *engine, struct expstart__request *request,
                       struct expstart__report *report, struct expstart__meaning meaning) {
  struct expstart__words *words = request->words;
  bool look = request->kind == EXPSTART_ATTEMPT_LOOK;
  bool settles = meaning.class == EXPSTART__YES || request->mode == EXPSTART_LOOK;
  if (words)
    expstart__words_wake(&engine->words, words);
  if (look && words && request->attempts > 0 && !settles) {
    /* Keep what the start was told; take over the state that was seen. */
    if (meaning.class == EXPSTART__NOT_RUNNING) {
      struct expstart__reply both = words->reply;
      both.name = report->reply.name;
      both.state = report->reply.state;
      both.started_at = report->reply.started_at;
      (void)expstart__reply_set_words(&words->reply, &both); /* else the state is not told */
    }
    return;
  }
  if (words && report->aborted)
    return; /* an end of our own making says less than what was there */
  if (!words && !(words = request->words = expstart__words_take(&engine->words)))
    return; /* the outcome is told without words then */
  struct expstart__reply before = words->reply;
  words->http_status = report->http_status;
  words->reply = report->reply;
  report->reply = before;
}

static uint64_t settle_time_us(const struct expstart_options *options) {
  const uint32_t most_ms = 5000;
  return (options->attempt_timeout_ms < most_ms ? options->attempt_timeout_ms : most_ms) *
         UINT64_C(1000);
}

/* The wait before the next try, of which the request's kind is still that of the last, and which the gate
   may make longer. A throttle shuts the gate for all:
   its own request waits no longer than the others, unless it is throttled time and again, which may be
   a trouble of its own that must not keep the gate shut. */
static uint64_t wait_us(struct expstart__engine *engine, const struct expstart__request *request,
                        struct expstart__meaning meaning, enum expstart__action action) {
  const struct expstart_options *options = &engine->options;
  uint32_t failures =
      request->kind == EXPSTART_ATTEMPT_START ? request->faults : request->look_faults;
  bool at_once = action == EXPSTART__START_AT_ONCE || action == EXPSTART__HOLD ||
                 action == EXPSTART__END || meaning.class == EXPSTART__NO ||
                 meaning.class == EXPSTART__OURS;
  if (at_once)
    return 0;
  if (meaning.class == EXPSTART__THROTTLED) {
    if (request->streak <= THROTTLES_OF_ALL)
      return 0;
    failures = request->streak - THROTTLES_OF_ALL;
  }
  uint64_t backoff_us =
      draw_up_to(engine, expstart__retry_backoff_us(failures, options->backoff_base_ms,
                                                    options->backoff_cap_ms));
  /* The API may be at work on a start that timed out: a look now would not see what it does. */
  bool settles =
      action == EXPSTART__SETTLE || (meaning.stalled && request->kind == EXPSTART_ATTEMPT_START);
  return settles ? later(backoff_us, settle_time_us(options)) : backoff_us;
}

static void count_report(struct expstart__engine *engine, struct expstart__request *request,
                         const struct expstart__report *report, enum expstart__class class) {
  engine->counters.bytes_sent += report->bytes_sent;
  engine->counters.bytes_received += report->bytes_received;
  if (class == EXPSTART__THROTTLED) {
    engine->counters.throttled++;
    request->throttled++;
  }
  if (report->fate == EXPSTART__REPLIED)
    expstart__latency_add(&engine->latency, report->elapsed_us);
  bool failed = class == EXPSTART__NOT_DONE || class == EXPSTART__MAYBE;
  if (failed && !report->aborted)
    engine->counters.faults++;
}

static void tell_attempt(struct expstart__engine *engine, uint32_t slot,
                         const struct expstart_attempt *attempt) {
  if (!engine->port.attempt)
    return;
  struct expstart_attempt told = *attempt;
  told.ticket = expstart__table_ticket(&engine->table, slot);
  const struct expstart__request *request = expstart__table_at(&engine->table, slot);
  engine->port.attempt(engine->port.self, &told, request->done, request->data);
}

/* Why the request will be tried again. */
static expstart_why why_again(struct expstart__verdict verdict, enum expstart__class class) {
  if (verdict.action == EXPSTART__START_AT_ONCE)
    return EXPSTART_WHY_NOT_RUNNING;
  if (verdict.action == EXPSTART__HOLD)
    return EXPSTART_WHY_KEY;
  if (verdict.action == EXPSTART__THEN_LOOK || verdict.action == EXPSTART__SETTLE)
    return class == EXPSTART__NO ? EXPSTART_WHY_REFUSED : EXPSTART_WHY_DOUBT;
  return class == EXPSTART__THROTTLED ? EXPSTART_WHY_THROTTLED : EXPSTART_WHY_FAILED;
}

/* Carries a verdict out: the request, which is in no list but `tried`, is decided or waits until
   `at_us` at least. */
static void follow(struct expstart__engine *engine, uint64_t now_us, uint32_t slot,
                   struct expstart__verdict verdict, uint64_t at_us) {
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  bool listed = request->stage == EXPSTART__IN_FLIGHT;
  if (verdict.action != EXPSTART__END &&
      deadline_of(engine, request) <= later(at_us, expstart__pacer_shut_until(&engine->pacer)))
    verdict = expstart__retry_give_up(request, timeout_error(engine, request));
  if (verdict.action == EXPSTART__END) {
    if (listed)
      expstart__list_remove(&engine->table, &engine->table.tried, slot);
    decide(engine, now_us, slot, verdict);
    return;
  }
  if (verdict.action == EXPSTART__THEN_LOOK || verdict.action == EXPSTART__SETTLE)
    request->kind = EXPSTART_ATTEMPT_LOOK;
  else if (verdict.action == EXPSTART__START_AT_ONCE)
    request->kind = EXPSTART_ATTEMPT_START;
  request->stage = EXPSTART__WAITING;
  if (request->words)
    expstart__words_wait(&engine->words, request->words);
  expstart__heap_add(&engine->table, slot, at_us);
}

/* A request that was throttled several times in a row, and is again while others get through: it has a
   trouble of its own, of which the others need not suffer. Unless the API says how long to wait. */
static bool throttled_alone(const struct expstart__engine *engine,
                            const struct expstart__request *request,
                            const struct expstart__report *report) {
  return request->streak >= THROTTLES_OF_ALL && !request->probe &&
         engine->pacer.gate == EXPSTART_BLOCKED_NOTHING && report->hints.retry_after_ms <= 0 &&
         report->hints.reset_ms <= 0;
}

/* What the attempt tells about the API as a whole. A gateway's word that there is nobody behind it is
   no answer of the API's; one that was ended by ourselves says nothing. */
static enum expstart__heard heard(const struct expstart__engine *engine,
                                  const struct expstart__request *request,
                                  const struct expstart__report *report,
                                  enum expstart__class class) {
  if (class == EXPSTART__THROTTLED)
    return throttled_alone(engine, request, report) ? EXPSTART__HEARD_NOTHING
                                                    : EXPSTART__HEARD_THROTTLE;
  if (report->fate == EXPSTART__REPLIED) {
    int status = report->http_status;
    bool gateway = (status >= 502 && status <= 504) || status == 407;
    return gateway ? EXPSTART__HEARD_FAILURE : EXPSTART__HEARD_ANSWER;
  }
  if (report->aborted || report->fate == EXPSTART__CERT)
    return EXPSTART__HEARD_NOTHING;
  return report->ours ? EXPSTART__HEARD_OURS : EXPSTART__HEARD_FAILURE;
}

/* What the pacer made of an attempt's end. */
struct lesson {
  bool excuses;  /* it was a probe of the gate of an outage, and failed as those before it */
  bool answered; /* the API took it */
  bool noticed;  /* there is a notice to be told, when the request is in its place again */
  struct expstart__notice notice;
};

static struct lesson tell_pacer(struct expstart__engine *engine, uint64_t now_us,
                                const struct expstart__request *request,
                                const struct expstart__report *report, enum expstart__class class) {
  struct lesson lesson;
  struct expstart__echo echo = {
      .heard = heard(engine, request, report, class),
      .stamp = {.epoch = request->epoch, .probe = request->probe, .full = request->full},
      .hints = report->hints,
      .ticket = report->ticket,
      .sent_us = now_us > report->elapsed_us ? now_us - report->elapsed_us : 0,
      .draw = draw(engine)};
  bool probed = request->probe && engine->pacer.gate == EXPSTART_BLOCKED_OUTAGE_GATE;
  lesson.excuses = probed && echo.heard == EXPSTART__HEARD_FAILURE;
  lesson.answered = echo.heard == EXPSTART__HEARD_ANSWER;
  lesson.noticed = expstart__pacer_heard(&engine->pacer, now_us, &echo, &lesson.notice);
  return lesson;
}

static void keep_gate_message(char kept[EXPSTART_GATE_MESSAGE_MAX], const char *message) {
  (void)expstart__text_clean(kept, message, strlen(message), EXPSTART_GATE_MESSAGE_MAX - 1);
}

/* Why the gate is shut, for those who ask: what the attempt met that shut it, or kept it so. */
static void note_gate(struct expstart__engine *engine, struct lesson *lesson,
                      struct expstart__meaning meaning, const char *message) {
  struct expstart__notice *notice = &lesson->notice;
  if (notice->kind == EXPSTART__GATE_OPENED) {
    engine->gate_error = EXPSTART_OK;
    engine->gate_message[0] = '\0';
  } else {
    /* An answer shuts it by a count that is used up, whatever else it says. */
    engine->gate_error = lesson->answered ? EXPSTART_ETHROTTLED : meaning.error;
    keep_gate_message(engine->gate_message, lesson->answered ? "" : message);
  }
  notice->error = engine->gate_error;
  notice->message = engine->gate_message;
}

static void copy_message(char copy[EXPSTART__REPLY_ROOM], const char *message) {
  size_t size = message ? strlen(message) : 0;
  size = size < EXPSTART__REPLY_ROOM ? size : EXPSTART__REPLY_ROOM - 1;
  memcpy(copy, message ? message : "", size);
  copy[size] = '\0';
}

/* True: it is the first to be refused with the key that is used now. */
static bool refuse_key(struct expstart__engine *engine, const struct expstart__request *request,
                       const char *message) {
  if (request->key != (engine->key & 3u) || engine->key_refused)
    return false;
  engine->key_refused = true;
  keep_gate_message(engine->key_message, message);
  return true;
}

/* Why nothing is sent, for those who ask: EXPSTART_OK, if neither gate nor key keeps it. */
static int gate_reason(const struct expstart__engine *engine, const char **message) {
  *message = engine->key_refused ? engine->key_message : engine->gate_message;
  return engine->key_refused ? EXPSTART_EREFUSED : engine->gate_error;
}

void expstart__engine_report(struct expstart__engine *engine, uint64_t now_us,
                             struct expstart__report *report) {
  uint32_t slot = expstart__table_find(&engine->table, report->ticket);
  if (slot == EXPSTART__NIL)
    return;
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  bool ending = request->stage == EXPSTART__ENDING;
  expstart_attempt_kind kind = (expstart_attempt_kind)request->kind;
  struct expstart__meaning meaning = expstart__retry_classify(report, kind, request->experiment_id);
  struct expstart_attempt told = {.experiment_id = request->experiment_id,
                                  .kind = kind,
                                  .number = kind == EXPSTART_ATTEMPT_START ? request->attempts
                                                                           : request->lookups,
                                  .why = (expstart_why)request->why,
                                  .http_status = report->http_status,
                                  .curl_code = report->curl_code,
                                  .elapsed_us = report->elapsed_us,
                                  .connected_us = report->connected_us,
                                  .first_byte_us = report->first_byte_us,
                                  .throttled = meaning.class == EXPSTART__THROTTLED,
                                  .error = meaning.error,
                                  .retry_after_ms = report->hints.retry_after_ms,
                                  .reset_ms = report->hints.reset_ms,
                                  .limit = report->hints.limit,
                                  .remaining = report->hints.remaining};
  struct expstart__terms terms = {.confirm = engine->options.confirm,
                                  /* What is ending anyway is not judged by how many it had. */
                                  .max_attempts =
                                      ending ? UINT32_MAX : engine->options.max_attempts,
                                  .hold_key_refused = engine->options.on_key_refused != NULL};

  engine->in_flight--;
  if (kind == EXPSTART_ATTEMPT_START && report->fate == EXPSTART__LOST)
    request->lost = true;
  count_report(engine, request, report, meaning.class);
  request->confirmed = kind == EXPSTART_ATTEMPT_LOOK &&
                       (meaning.class == EXPSTART__YES || meaning.class == EXPSTART__NOT_RUNNING);
  struct lesson lesson = tell_pacer(engine, now_us, request, report, meaning.class);
  meaning.excused = lesson.excuses;
  struct expstart__verdict verdict = expstart__retry_judge(request, meaning, &terms);
  /* Hooks may end the request, or it may keep less of its words than they are told: hence a copy. */
  char message[EXPSTART__REPLY_ROOM];
  copy_message(message, report->reply.message);
  bool key_refused = verdict.action == EXPSTART__HOLD && refuse_key(engine, request, message);
  if (ending && verdict.action != EXPSTART__END)
    verdict = expstart__retry_give_up(request, request->ending);
  uint64_t delay_us = wait_us(engine, request, meaning, verdict.action);
  keep_words(engine, request, report, meaning);
  follow(engine, now_us, slot, verdict, now_us + delay_us);

  if (request->stage == EXPSTART__WAITING) {
    uint64_t at_us = later(now_us + delay_us, expstart__pacer_shut_until(&engine->pacer));
    request->why = (uint8_t)why_again(verdict, meaning.class);
    told.next = request->kind == EXPSTART_ATTEMPT_START ? EXPSTART_NEXT_START : EXPSTART_NEXT_LOOK;
    told.next_ms = (at_us - now_us) / 1000;
  }
  if (lesson.noticed)
    note_gate(engine, &lesson, meaning, message);
  told.message = message;
  told.gate_error = gate_reason(engine, &told.gate_message);
  tell_attempt(engine, slot, &told);
  if (lesson.noticed && engine->port.notice)
    engine->port.notice(engine->port.self, &lesson.notice);
  if (key_refused && engine->port.key_refused)
    engine->port.key_refused(engine->port.self, message);
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* The next request that may be tried: a due one before a new one. */
static uint32_t next_candidate(const struct expstart__engine *engine, uint64_t now_us) {
  const struct expstart__table *table = &engine->table;
  if (table->heap_count > 0 && table->heap[0].at_us <= now_us)
    return table->heap[0].slot;
  return table->fresh.head;
}

static uint32_t attempt_timeout_ms(const struct expstart__engine *engine,
                                   const struct expstart__request *request, uint64_t now_us) {
  uint64_t left_ms = time_left_us(engine, request, now_us) / 1000 + 1;
  uint32_t most_ms = engine->options.attempt_timeout_ms;
  return left_ms < most_ms ? (uint32_t)left_ms : most_ms;
}

static void count_attempt(struct expstart__engine *engine, struct expstart__request *request,
                          int change) {
  bool start = request->kind == EXPSTART_ATTEMPT_START;
  uint32_t *own = start ? &request->attempts : &request->lookups;
  uint64_t *all = start ? &engine->counters.attempts : &engine->counters.lookups;
  *own += (uint32_t)change;
  *all += (uint64_t)change;
}

static void begin_attempt(struct expstart__engine *engine, uint64_t now_us, uint32_t slot) {
  struct expstart__request *request = expstart__table_at(&engine->table, slot);
  if (request->stage == EXPSTART__FRESH) {
    expstart__list_remove(&engine->table, &engine->table.fresh, slot);
    expstart__list_append(&engine->table, &engine->table.tried, slot);
    /* A hook may have submitted it in this very step, later than the step's time. */
    request->first_attempt_us = now_us > request->submitted_us ? now_us : request->submitted_us;
  } else {
    expstart__heap_remove(&engine->table, slot);
  }
  request->stage = EXPSTART__IN_FLIGHT;
  engine->in_flight++;
  count_attempt(engine, request, 1);
  struct expstart__send attempt = {.ticket = expstart__table_ticket(&engine->table, slot),
                                   .kind = (expstart_attempt_kind)request->kind,
                                   .experiment_id = request->experiment_id,
                                   .body = request->note->body,
                                   .body_size = request->note->body_size,
                                   .timeout_ms = attempt_timeout_ms(engine, request, now_us),
                                   .fresh_connection =
                                       request->lost && request->kind == EXPSTART_ATTEMPT_START};
  struct expstart__stamp stamp = expstart__pacer_sent(&engine->pacer, now_us, engine->in_flight);
  request->epoch = stamp.epoch;
  request->probe = stamp.probe;
  request->full = stamp.full;
  request->key = engine->key & 3u;
  if (engine->options.on_permits)
    expstart__permits_spend(&engine->permits, now_us);
  if (engine->port.send(engine->port.self, &attempt, &request->handle) != EXPSTART_OK) {
    count_attempt(engine, request, -1);
    struct expstart__report failed = {
        .ticket = attempt.ticket,
        .fate = EXPSTART__UNSENT,
        .ours = true,
        .hints = EXPSTART__NO_HINTS,
        .reply = {.ok = -1, .message = "there is no memory to send it"}};
    expstart__engine_report(engine, now_us, &failed);
    expstart__reply_clear(&failed.reply);
  }
}

/* Whatever the API and the pacer say, nothing is to be sent now. */
static bool is_held(const struct expstart__engine *engine, expstart_blocked *blocked) {
  *blocked = engine->paused                             ? EXPSTART_BLOCKED_PAUSED
             : engine->key_refused                      ? EXPSTART_BLOCKED_KEY
             : expstart__engine_awaits_delivery(engine) ? EXPSTART_BLOCKED_CALLBACKS
                                                        : EXPSTART_BLOCKED_NOTHING;
  return *blocked != EXPSTART_BLOCKED_NOTHING;
}

static bool lacks_permit(struct expstart__engine *engine, uint64_t now_us) {
  return engine->options.on_permits && expstart__permits_left(&engine->permits, now_us) == 0;
}

/* How many of the heap are due, up to `most`; what is found that comes due later makes *next_us earlier.
   Below one that is not due there is none. */
static uint32_t count_due(const struct expstart__table *table, uint64_t now_us, uint32_t at,
                          uint32_t most, uint64_t *next_us) {
  if (most == 0 || at >= table->heap_count)
    return 0;
  if (table->heap[at].at_us > now_us) {
    *next_us = earlier(*next_us, table->heap[at].at_us);
    return 0;
  }
  uint32_t count = 1;
  count += count_due(table, now_us, 2 * at + 1, most - count, next_us);
  return count + count_due(table, now_us, 2 * at + 2, most - count, next_us);
}

/* How many more permits could be used now, beside those that are left; at *next_us it may be more, if nothing
   else happens until then. */
static uint32_t permits_wanted(const struct expstart__engine *engine, uint64_t now_us,
                               uint64_t left, uint64_t *next_us) {
  expstart_blocked blocked;
  *next_us = EXPSTART__NEVER;
  if (is_held(engine, &blocked) ||
      expstart__pacer_ready_at(&engine->pacer, now_us, engine->in_flight, &blocked) > now_us)
    return 0;
  uint32_t slots = expstart__pacer_slots(&engine->pacer, now_us, engine->in_flight);
  uint32_t ready = count_due(&engine->table, now_us, 0, slots, next_us);
  uint32_t fresh = engine->table.fresh.count;
  ready += fresh < slots - ready ? fresh : slots - ready;
  if (ready == slots)
    *next_us = EXPSTART__NEVER;
  return ready > left ? ready - (uint32_t)left : 0;
}

/* Returns when that is to be asked again. */
static uint64_t tell_permits(struct expstart__engine *engine, uint64_t now_us) {
  uint64_t at_us, next_us;
  if (!engine->options.on_permits)
    return EXPSTART__NEVER;
  uint64_t left = expstart__permits_left(&engine->permits, now_us);
  uint32_t wanted = permits_wanted(engine, now_us, left, &next_us);
  bool tell = expstart__permits_want(&engine->permits, now_us, wanted, &at_us);
  if (tell && engine->port.permits)
    engine->port.permits(engine->port.self, wanted);
  return earlier(earlier(at_us, next_us), expstart__permits_next_lapse(&engine->permits));
}

/* Sends what may go. Returns when more may. */
static uint64_t send_ready(struct expstart__engine *engine, uint64_t now_us) {
  const struct expstart__table *table = &engine->table;
  expstart_blocked blocked;
  for (unsigned sent = 0; !is_held(engine, &blocked) && !is_cancel_pending(engine); sent++) {
    uint32_t slot = next_candidate(engine, now_us);
    uint64_t ready_us =
        expstart__pacer_ready_at(&engine->pacer, now_us, engine->in_flight, &blocked);
    if (slot == EXPSTART__NIL)
      return table->heap_count > 0 ? table->heap[0].at_us : EXPSTART__NEVER;
    if (ready_us > now_us || sent == STEP_SENDS_MAX)
      return ready_us;
    if (lacks_permit(engine, now_us))
      return EXPSTART__NEVER;
    begin_attempt(engine, now_us, slot);
  }
  return EXPSTART__NEVER;
}

uint64_t expstart__engine_step(struct expstart__engine *engine, uint64_t now_us) {
  if (!end_all_due(engine, now_us))
    return now_us;
  uint64_t wake_us = send_ready(engine, now_us);
  wake_us = earlier(wake_us, tell_permits(engine, now_us));
  if (is_cancel_pending(engine))
    return now_us;
  wake_us = earlier(wake_us, list_deadline(engine, &engine->table.fresh));
  wake_us = earlier(wake_us, list_deadline(engine, &engine->table.tried));
  return earlier(wake_us, expstart__deadlines_next(&engine->deadlines));
}

void expstart__engine_pause(struct expstart__engine *engine, bool paused) {
  engine->paused = paused;
}

void expstart__engine_set_rate(struct expstart__engine *engine, uint64_t now_us, double per_second,
                               uint32_t burst) {
  expstart__pacer_set_rate(&engine->pacer, now_us, per_second, burst);
}

void expstart__engine_set_max_in_flight(struct expstart__engine *engine, uint32_t max_in_flight) {
  engine->options.max_in_flight = max_in_flight;
  expstart__pacer_set_most(&engine->pacer, max_in_flight);
}

void expstart__engine_key_changed(struct expstart__engine *engine) {
  engine->key++;
  engine->key_refused = false;
}

void expstart__engine_permit(struct expstart__engine *engine, uint64_t now_us, uint32_t n,
                             uint32_t valid_ms) {
  uint64_t until_us = valid_ms ? now_us + valid_ms * UINT64_C(1000) : EXPSTART__NEVER;
  expstart__permits_grant(&engine->permits, now_us, n, until_us);
}

uint64_t expstart__engine_take_permits(struct expstart__engine *engine, uint64_t now_us) {
  uint64_t left = expstart__permits_left(&engine->permits, now_us);
  engine->permits.grant_count = 0;
  return left;
}

/* ---- delivering -------------------------------------------------------------------------------
 */

static void deliver_one(struct expstart__engine *engine, uint32_t slot) {
  struct expstart__request request = *expstart__table_at(&engine->table, slot);
  const struct expstart__words none = {.reply = {.ok = -1}};
  const struct expstart__words *words = request.words ? request.words : &none;
  expstart_result result = {.outcome = (expstart_outcome)request.outcome,
                            .experiment_id = request.experiment_id,
                            .ticket = expstart__table_ticket(&engine->table, slot),
                            .error = request.last_error,
                            .http_status = words->http_status,
                            .attempts = request.attempts,
                            .lookups = request.lookups,
                            .throttled = request.throttled,
                            .confirmed = request.confirmed,
                            .name = words->reply.name,
                            .state = words->reply.state,
                            .started_at = words->reply.started_at,
                            .message = words->reply.message ? words->reply.message : "",
                            .errors = words->reply.errors,
                            .error_count = words->reply.error_count,
                            .queued_us = request.queued_us,
                            .elapsed_us = request.elapsed_us,
                            .reply = words->reply.raw,
                            .reply_size = words->reply.raw_size,
                            .note = request.note->text,
                            .mode = (expstart_mode)request.mode,
                            .cut = words->reply.cut};
  /* The slot is free before the callback, which may submit the next one into a full queue. */
  expstart__list_remove(&engine->table, &engine->table.done, slot);
  expstart__table_release(&engine->table, slot);
  engine->port.deliver(engine->port.self, &result, request.done, request.data);
  expstart__note_release(&engine->notes, request.note);
  expstart__words_release(&engine->words, request.words);
}

bool expstart__engine_deliver(struct expstart__engine *engine, uint32_t max) {
  while (max-- > 0 && engine->table.done.head != EXPSTART__NIL)
    deliver_one(engine, engine->table.done.head);
  return engine->table.done.head != EXPSTART__NIL;
}

bool expstart__engine_awaits_delivery(const struct expstart__engine *engine) {
  return engine->table.done.count >= DONE_MAX;
}

uint64_t expstart__engine_live(const struct expstart__engine *engine) {
  return engine->table.used;
}

bool expstart__engine_take_room(struct expstart__engine *engine, bool anyway) {
  bool room = engine->table.used <= engine->options.max_queued / 2;
  if (!engine->refused_for_room || !(room || anyway))
    return false;
  engine->refused_for_room = false;
  return true;
}

/* ---- stats ------------------------------------------------------------------------------------
 */

static uint64_t ms_until(uint64_t then_us, uint64_t now_us) {
  return then_us > now_us ? (then_us - now_us + 999) / 1000 : 0;
}

static void fill_blocked(const struct expstart__engine *engine, uint64_t now_us,
                         struct expstart_stats *stats) {
  const struct expstart__table *table = &engine->table;
  expstart_blocked blocked;
  uint64_t until_us = 0;
  uint64_t ready_us = expstart__pacer_ready_at(&engine->pacer, now_us, engine->in_flight, &blocked);
  bool candidate = next_candidate(engine, now_us) != EXPSTART__NIL;
  bool lacks = engine->options.on_permits && expstart__permits_count(&engine->permits, now_us) == 0;
  expstart_blocked held;
  stats->blocked_by = EXPSTART_BLOCKED_NOTHING;
  if (is_held(engine, &held) && (candidate || table->heap_count > 0)) {
    stats->blocked_by = held;
  } else if (candidate && ready_us > now_us) {
    stats->blocked_by = blocked;
    until_us = ready_us < EXPSTART__NEVER ? ready_us : 0;
  } else if (candidate && lacks) {
    stats->blocked_by = EXPSTART_BLOCKED_PERMITS;
  } else if (!candidate && table->heap_count > 0) {
    stats->blocked_by = EXPSTART_BLOCKED_BACKOFF;
    until_us = table->heap[0].at_us;
  }
  stats->blocked_ms = ms_until(until_us, now_us);
}

static void fill_eta(const struct expstart__engine *engine, uint64_t now_us,
                     struct expstart_stats *stats) {
  uint64_t left = stats->queued + stats->in_flight + stats->waiting;
  double per_s = expstart__meter_rate(&engine->meter, now_us);
  if (left > 0 && per_s > 0)
    stats->eta_ms = stats->gate_ms_left + (uint64_t)((double)left * 1000 / per_s) + 1;
}

void expstart__engine_stats(const struct expstart__engine *engine, uint64_t now_us,
                            struct expstart_stats *stats) {
  const struct expstart__latency *latency = &engine->latency;
  *stats = engine->counters;
  stats->queued = engine->table.fresh.count;
  stats->in_flight = engine->in_flight;
  stats->waiting = engine->table.heap_count;
  stats->capped_hints = engine->pacer.capped_hints;
  fill_blocked(engine, now_us, stats);
  stats->gate_ms_left = ms_until(expstart__pacer_shut_until(&engine->pacer), now_us);
  stats->learned_rate = expstart__pacer_pace(&engine->pacer, now_us);
  fill_eta(engine, now_us, stats);
  stats->latency_p50_us = expstart__latency_quantile(latency, 0.5);
  stats->latency_p90_us = expstart__latency_quantile(latency, 0.9);
  stats->latency_p99_us = expstart__latency_quantile(latency, 0.99);
  stats->latency_max_us = latency->max_us;
  stats->permits = expstart__permits_count(&engine->permits, now_us);
  const char *message;
  stats->gate_error = gate_reason(engine, &message);
  memcpy(stats->gate_message, message, sizeof stats->gate_message);
}

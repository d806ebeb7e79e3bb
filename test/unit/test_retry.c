/* The verdict table of expstart.h, "WHAT COUNTS AS WHAT", row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hints.h"
#include "retry.h"

enum { ID = 7, ATTEMPTS = 5 };

static struct expstart__report report_of(enum expstart__fate fate, int status) {
  return (struct expstart__report){.fate = fate,
                                   .intact = fate == EXPSTART__REPLIED,
                                   .http_status = status,
                                   .hints = EXPSTART__NO_HINTS,
                                   .reply = {.readable = true, .ok = -1, .experiment_id = ID}};
}

static struct expstart__report status_of(int status) {
  return report_of(EXPSTART__REPLIED, status);
}

static struct expstart__report state_of(const char *state) {
  static char text[32];
  struct expstart__report report = status_of(200);
  size_t size = 0;
  for (; state[size]; size++)
    text[size] = state[size];
  text[size] = '\0';
  report.reply.state = text;
  return report;
}

static struct expstart__verdict judge(struct expstart__request *request,
                                      struct expstart__meaning seen, expstart_confirm confirm) {
  struct expstart__terms terms = {.confirm = confirm, .max_attempts = ATTEMPTS};
  return expstart__retry_judge(request, seen, &terms);
}

static void assert_start(struct expstart__report report, enum expstart__class class, int error) {
  struct expstart__meaning seen = expstart__retry_classify(&report, EXPSTART_ATTEMPT_START, ID);
  assert_int_equal(seen.class, class);
  assert_string_equal(expstart_err_name(seen.error), expstart_err_name(error));
}

static void assert_look(struct expstart__report report, enum expstart__class class, int error) {
  struct expstart__meaning seen = expstart__retry_classify(&report, EXPSTART_ATTEMPT_LOOK, ID);
  assert_int_equal(seen.class, class);
  assert_string_equal(expstart_err_name(seen.error), expstart_err_name(error));
}

/* ---- what a start's report means ---------------------------------------------------------------- */

static void a_2xx_with_ok_true_is_done(void **state) {
  (void)state;
  for (int status = 200; status < 300; status++) {
    struct expstart__report report = status_of(status);
    report.reply.ok = 1;
    assert_start(report, EXPSTART__YES, EXPSTART_OK);
  }
}

static void a_2xx_with_ok_false_is_a_refusal(void **state) {
  (void)state;
  struct expstart__report report = status_of(200);
  report.reply.ok = 0;
  assert_start(report, EXPSTART__NO, EXPSTART_EREJECTED);
}

static void a_2xx_that_is_cut_unreadable_or_silent_may_be_done(void **state) {
  (void)state;
  struct expstart__report cut = status_of(200), unreadable = cut, silent = cut;
  cut.intact = false;
  cut.reply.ok = 1;
  unreadable.reply.readable = false;
  assert_start(cut, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  assert_start(unreadable, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  assert_start(silent, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
}

static void a_3xx_and_most_4xx_are_refusals(void **state) {
  (void)state;
  for (int status = 300; status < 500; status++)
    if (status != 401 && status != 403 && status != 407 && status != 408 && status != 425 &&
        status != 429)
      assert_start(status_of(status), EXPSTART__NO, EXPSTART_EREJECTED);
}

static struct expstart__report forbidden(bool readable, bool page) {
  struct expstart__report report = status_of(403);
  report.reply = (struct expstart__reply){.readable = readable, .page = page, .ok = -1};
  return report;
}

static void a_401_refuses_the_key_whatever_it_says(void **state) {
  (void)state;
  struct expstart__report page = status_of(401);
  page.reply.page = true;
  assert_start(status_of(401), EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
  assert_start(page, EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
}

static void a_403_is_told_by_what_it_says(void **state) {
  (void)state;
  struct expstart__report secondary = forbidden(true, false), cut = forbidden(false, false);
  secondary.hints.retry_after_ms = 60000;
  assert_start(forbidden(false, false), EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
  assert_start(forbidden(true, false), EXPSTART__NO, EXPSTART_EFORBIDDEN); /* the API's words */
  assert_start(forbidden(false, true), EXPSTART__NO, EXPSTART_EFORBIDDEN); /* a firewall's page */
  /* What was cut off may have been either. */
  cut.intact = false;
  assert_start(cut, EXPSTART__NO, EXPSTART_EFORBIDDEN);
  assert_start(secondary, EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
  assert_look(secondary, EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
}

static void a_407_is_a_proxys_and_was_not_processed(void **state) {
  (void)state;
  assert_start(status_of(407), EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
  assert_look(status_of(407), EXPSTART__MAYBE, EXPSTART_ETRANSPORT);
}

static void a_reply_about_another_experiment_says_nothing_of_this_one(void **state) {
  (void)state;
  static const int statuses[] = {200, 201, 400, 404, 409};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    for (int ok = 0; ok <= 1; ok++) {
      struct expstart__report report = status_of(statuses[i]);
      report.reply.ok = ok;
      report.reply.experiment_id = ID + 1;
      assert_start(report, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
      report.reply.state = "running";
      assert_look(report, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
    }
}

static void a_2xx_whose_state_is_not_running_is_not_taken_for_done(void **state) {
  (void)state;
  static const char *const others[] = {"ready", "scheduled", "stopped", ""};
  struct expstart__report report = status_of(200);
  report.reply.ok = 1;
  report.reply.state = "running";
  assert_start(report, EXPSTART__YES, EXPSTART_OK);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    report.reply.state = others[i];
    assert_start(report, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  }
}

static void a_start_and_a_look_are_checked_for_the_same_facts(void **state) {
  (void)state;
  struct expstart__report no = state_of("running"), nobody = state_of("running");
  no.reply.ok = 0;
  nobody.reply.experiment_id = 0;
  assert_look(no, EXPSTART__NO, EXPSTART_EREJECTED);
  assert_start(no, EXPSTART__NO, EXPSTART_EREJECTED);
  assert_look(nobody, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
}

static void what_this_machine_lacks_says_nothing_of_the_api(void **state) {
  (void)state;
  struct expstart__report report = report_of(EXPSTART__UNSENT, 0);
  report.ours = true;
  assert_start(report, EXPSTART__OURS, EXPSTART_ERESOURCE);
  assert_look(report, EXPSTART__OURS, EXPSTART_ERESOURCE);
}

static void a_429_is_a_throttle_with_and_without_a_hint(void **state) {
  (void)state;
  struct expstart__report report = status_of(429);
  assert_start(report, EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
  report.hints.retry_after_ms = 0;
  assert_start(report, EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
}

static void a_503_is_a_throttle_only_with_a_hint(void **state) {
  (void)state;
  struct expstart__report report = status_of(503);
  assert_start(report, EXPSTART__NOT_DONE, EXPSTART_ESERVER);
  report.hints.retry_after_ms = 0;
  assert_start(report, EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
}

static void a_408_and_a_425_were_not_processed(void **state) {
  (void)state;
  assert_start(status_of(408), EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
  assert_start(status_of(425), EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
}

static void any_other_5xx_may_have_been_processed(void **state) {
  (void)state;
  for (int status = 500; status < 600; status++)
    if (status != 503)
      assert_start(status_of(status), EXPSTART__MAYBE, EXPSTART_ESERVER);
}

static void a_hint_on_another_status_changes_nothing(void **state) {
  (void)state;
  struct expstart__report report = status_of(500);
  report.hints.retry_after_ms = 1000;
  assert_start(report, EXPSTART__MAYBE, EXPSTART_ESERVER);
}

static void what_was_not_sent_was_not_processed(void **state) {
  (void)state;
  struct expstart__report report = report_of(EXPSTART__UNSENT, 0);
  assert_start(report, EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
  report.timed_out = true;
  assert_start(report, EXPSTART__NOT_DONE, EXPSTART_ETIMEDOUT);
}

static void what_was_lost_may_have_been_processed(void **state) {
  (void)state;
  struct expstart__report report = report_of(EXPSTART__LOST, 0);
  assert_start(report, EXPSTART__MAYBE, EXPSTART_ETRANSPORT);
  report.timed_out = true;
  assert_start(report, EXPSTART__MAYBE, EXPSTART_ETIMEDOUT);
}

static void a_wrong_certificate_is_for_good(void **state) {
  (void)state;
  assert_start(report_of(EXPSTART__CERT, 0), EXPSTART__CERT_REFUSED, EXPSTART_ECERT);
  assert_look(report_of(EXPSTART__CERT, 0), EXPSTART__CERT_REFUSED, EXPSTART_ECERT);
}

/* ---- what a look's report means ------------------------------------------------------------------ */

static void only_the_state_running_is_running(void **state) {
  (void)state;
  static const char *const others[] = {"ready", "stopped", "full_on",  "development",
                                       "",      "Running", "running ", "anything"};
  assert_look(state_of("running"), EXPSTART__YES, EXPSTART_OK);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    assert_look(state_of(others[i]), EXPSTART__NOT_RUNNING, EXPSTART_OK);
}

static void a_look_without_the_experiments_state_is_no_answer(void **state) {
  (void)state;
  struct expstart__report cut = state_of("ready"), unreadable = cut, other = cut;
  cut.intact = false;
  unreadable.reply.readable = false;
  other.reply.experiment_id = ID + 1;
  assert_look(cut, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  assert_look(unreadable, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  assert_look(other, EXPSTART__MAYBE, EXPSTART_EBADREPLY);
  assert_look(status_of(200), EXPSTART__MAYBE, EXPSTART_EBADREPLY);
}

static void a_look_that_is_refused_is_a_no(void **state) {
  (void)state;
  assert_look(status_of(401), EXPSTART__KEY_REFUSED, EXPSTART_EREFUSED);
  assert_look(status_of(403), EXPSTART__NO, EXPSTART_EFORBIDDEN);
  assert_look(forbidden(false, false), EXPSTART__NO,
              EXPSTART_EFORBIDDEN); /* keys that only start */
  assert_look(status_of(404), EXPSTART__NO, EXPSTART_EREJECTED);
  assert_look(status_of(302), EXPSTART__NO, EXPSTART_EREJECTED);
}

static void a_look_that_fails_is_repeated(void **state) {
  (void)state;
  assert_look(status_of(500), EXPSTART__MAYBE, EXPSTART_ESERVER);
  assert_look(status_of(503), EXPSTART__MAYBE, EXPSTART_ESERVER);
  assert_look(status_of(408), EXPSTART__MAYBE, EXPSTART_ETRANSPORT);
  assert_look(status_of(429), EXPSTART__THROTTLED, EXPSTART_ETHROTTLED);
  assert_look(report_of(EXPSTART__LOST, 0), EXPSTART__MAYBE, EXPSTART_ETRANSPORT);
  assert_look(report_of(EXPSTART__UNSENT, 0), EXPSTART__NOT_DONE, EXPSTART_ETRANSPORT);
}

/* ---- verdicts -------------------------------------------------------------------------------------- */

struct row {
  enum expstart__class class;
  int error;
  bool in_doubt; /* an earlier attempt may have been processed */
  struct {
    enum expstart__action action;
    expstart_outcome outcome;
  } with[3]; /* by confirm: AFTER_UNKNOWN, NEVER, ON_REFUSAL */
};

#define END_AS(outcome)                                                                            \
  { EXPSTART__END, outcome }
#define GO(action)                                                                                 \
  { action, EXPSTART_STARTED }

static void assert_rows(const struct row *rows, size_t count, expstart_mode mode,
                        expstart_attempt_kind kind) {
  for (size_t i = 0; i < count; i++)
    for (int confirm = 0; confirm < 3; confirm++) {
      struct expstart__request request = {.mode = (uint8_t)mode & 3u, .kind = (uint8_t)kind & 1u};
      request.maybe = request.ever_maybe = rows[i].in_doubt;
      request.settled = true;
      struct expstart__verdict verdict = judge(
          &request, (struct expstart__meaning){.class = rows[i].class, .error = rows[i].error},
          (expstart_confirm)confirm);
      if (verdict.action != rows[i].with[confirm].action ||
          (verdict.action == EXPSTART__END && verdict.outcome != rows[i].with[confirm].outcome))
        fail_msg("row %zu, confirm %d: action %d, outcome %d", i, confirm, (int)verdict.action,
                 (int)verdict.outcome);
    }
}

static void a_start_is_judged_by_the_table(void **state) {
  (void)state;
  static const struct row rows[] = {
      {EXPSTART__YES,
       EXPSTART_OK,
       false,
       {END_AS(EXPSTART_STARTED), END_AS(EXPSTART_STARTED), END_AS(EXPSTART_STARTED)}},
      {EXPSTART__YES,
       EXPSTART_OK,
       true,
       {END_AS(EXPSTART_STARTED), END_AS(EXPSTART_STARTED), END_AS(EXPSTART_STARTED)}},
      {EXPSTART__NO,
       EXPSTART_EREJECTED,
       false,
       {END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED), GO(EXPSTART__THEN_LOOK)}},
      {EXPSTART__NO,
       EXPSTART_EREJECTED,
       true,
       {GO(EXPSTART__THEN_LOOK), END_AS(EXPSTART_UNKNOWN), GO(EXPSTART__THEN_LOOK)}},
      {EXPSTART__KEY_REFUSED,
       EXPSTART_EREFUSED,
       false,
       {END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED)}},
      {EXPSTART__KEY_REFUSED,
       EXPSTART_EREFUSED,
       true,
       {END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN)}},
      {EXPSTART__THROTTLED,
       EXPSTART_ETHROTTLED,
       false,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__OURS,
       EXPSTART_ERESOURCE,
       false,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__NOT_DONE,
       EXPSTART_ETRANSPORT,
       false,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__MAYBE,
       EXPSTART_ESERVER,
       false,
       {GO(EXPSTART__THEN_LOOK), GO(EXPSTART__AGAIN), GO(EXPSTART__THEN_LOOK)}},
      {EXPSTART__CERT_REFUSED,
       EXPSTART_ECERT,
       false,
       {END_AS(EXPSTART_FAILED), END_AS(EXPSTART_FAILED), END_AS(EXPSTART_FAILED)}},
      {EXPSTART__CERT_REFUSED,
       EXPSTART_ECERT,
       true,
       {END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN)}},
  };
  assert_rows(rows, sizeof rows / sizeof *rows, EXPSTART_START, EXPSTART_ATTEMPT_START);
}

static void a_look_before_a_start_is_judged_by_the_table(void **state) {
  (void)state;
  static const struct row rows[] = {
      {EXPSTART__YES,
       EXPSTART_OK,
       true,
       {END_AS(EXPSTART_RUNNING), END_AS(EXPSTART_RUNNING), END_AS(EXPSTART_RUNNING)}},
      {EXPSTART__NOT_RUNNING,
       EXPSTART_OK,
       true,
       {GO(EXPSTART__START_AT_ONCE), GO(EXPSTART__START_AT_ONCE), GO(EXPSTART__START_AT_ONCE)}},
      {EXPSTART__NO,
       EXPSTART_EREJECTED,
       true,
       {END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN)}},
      {EXPSTART__KEY_REFUSED,
       EXPSTART_EREFUSED,
       true,
       {END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN)}},
      {EXPSTART__THROTTLED,
       EXPSTART_ETHROTTLED,
       true,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__NOT_DONE,
       EXPSTART_ETRANSPORT,
       true,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__MAYBE,
       EXPSTART_ESERVER,
       true,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__CERT_REFUSED,
       EXPSTART_ECERT,
       true,
       {END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN), END_AS(EXPSTART_UNKNOWN)}},
  };
  size_t count = sizeof rows / sizeof *rows;
  assert_rows(rows, count, EXPSTART_START, EXPSTART_ATTEMPT_LOOK);
  assert_rows(rows, count, EXPSTART_LOOK_THEN_START, EXPSTART_ATTEMPT_LOOK);
}

static void a_look_of_its_own_is_judged_by_the_table(void **state) {
  (void)state;
  static const struct row rows[] = {
      {EXPSTART__YES,
       EXPSTART_OK,
       false,
       {END_AS(EXPSTART_RUNNING), END_AS(EXPSTART_RUNNING), END_AS(EXPSTART_RUNNING)}},
      {EXPSTART__NOT_RUNNING,
       EXPSTART_OK,
       false,
       {END_AS(EXPSTART_SEEN), END_AS(EXPSTART_SEEN), END_AS(EXPSTART_SEEN)}},
      {EXPSTART__NO,
       EXPSTART_EREJECTED,
       false,
       {END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED)}},
      {EXPSTART__KEY_REFUSED,
       EXPSTART_EREFUSED,
       false,
       {END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED), END_AS(EXPSTART_REJECTED)}},
      {EXPSTART__MAYBE,
       EXPSTART_ESERVER,
       false,
       {GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN), GO(EXPSTART__AGAIN)}},
      {EXPSTART__CERT_REFUSED,
       EXPSTART_ECERT,
       false,
       {END_AS(EXPSTART_FAILED), END_AS(EXPSTART_FAILED), END_AS(EXPSTART_FAILED)}},
  };
  assert_rows(rows, sizeof rows / sizeof *rows, EXPSTART_LOOK, EXPSTART_ATTEMPT_LOOK);
}

static void a_look_clears_the_doubt_but_not_its_memory(void **state) {
  (void)state;
  struct expstart__request request = {.kind = EXPSTART_ATTEMPT_START};
  (void)judge(&request,
              (struct expstart__meaning){.class = EXPSTART__MAYBE, .error = EXPSTART_ESERVER},
              EXPSTART_CONFIRM_AFTER_UNKNOWN);
  assert_true(request.maybe && request.ever_maybe);
  request.settled = true;
  request.kind = EXPSTART_ATTEMPT_LOOK;
  (void)judge(&request,
              (struct expstart__meaning){.class = EXPSTART__NOT_RUNNING, .error = EXPSTART_OK},
              EXPSTART_CONFIRM_AFTER_UNKNOWN);
  assert_false(request.maybe);
  assert_true(request.ever_maybe);
}

/* The settle time: what a look shows before it has passed is not the last word. */
static void a_doubt_is_looked_up_once_more_before_it_is_sent_again(void **state) {
  (void)state;
  struct expstart__request request = {.kind = EXPSTART_ATTEMPT_START};
  struct expstart__meaning lost = {.class = EXPSTART__MAYBE, .error = EXPSTART_ETRANSPORT};
  struct expstart__meaning not_running = {.class = EXPSTART__NOT_RUNNING};
  const expstart_confirm confirm = EXPSTART_CONFIRM_AFTER_UNKNOWN;
  assert_int_equal(judge(&request, lost, confirm).action, EXPSTART__THEN_LOOK);
  request.kind = EXPSTART_ATTEMPT_LOOK;
  assert_int_equal(judge(&request, not_running, confirm).action, EXPSTART__SETTLE);
  assert_true(request.maybe);
  assert_int_equal(judge(&request, not_running, confirm).action, EXPSTART__START_AT_ONCE);
  assert_false(request.maybe);
  /* After a timeout the first look waits so long already. */
  struct expstart__meaning stalled = {
      .class = EXPSTART__MAYBE, .error = EXPSTART_ETIMEDOUT, .stalled = true};
  request.kind = EXPSTART_ATTEMPT_START;
  assert_int_equal(judge(&request, stalled, confirm).action, EXPSTART__SETTLE);
  request.kind = EXPSTART_ATTEMPT_LOOK;
  assert_int_equal(judge(&request, not_running, confirm).action, EXPSTART__START_AT_ONCE);
}

static void a_refused_key_is_held_back_where_that_is_wanted(void **state) {
  (void)state;
  struct expstart__terms terms = {.max_attempts = 1, .hold_key_refused = true};
  struct expstart__meaning refused = {.class = EXPSTART__KEY_REFUSED, .error = EXPSTART_EREFUSED};
  for (uint8_t kind = 0; kind <= 1; kind++) {
    struct expstart__request request = {.kind = kind & 1u};
    for (int i = 0; i < 300; i++)
      assert_int_equal(expstart__retry_judge(&request, refused, &terms).action, EXPSTART__HOLD);
  }
}

static void what_this_machine_lacks_costs_no_attempt(void **state) {
  (void)state;
  struct expstart__request request = {.kind = EXPSTART_ATTEMPT_START};
  struct expstart__meaning ours = {.class = EXPSTART__OURS, .error = EXPSTART_ERESOURCE};
  for (int i = 0; i < 300; i++)
    assert_int_equal(judge(&request, ours, EXPSTART_CONFIRM_AFTER_UNKNOWN).action, EXPSTART__AGAIN);
}

static void faults_end_at_the_limit_and_throttles_never(void **state) {
  (void)state;
  struct expstart__request request = {.kind = EXPSTART_ATTEMPT_START};
  struct expstart__meaning throttled = {.class = EXPSTART__THROTTLED, .error = EXPSTART_ETHROTTLED};
  struct expstart__meaning failed = {.class = EXPSTART__NOT_DONE, .error = EXPSTART_ESERVER};
  for (int i = 0; i < 1000; i++)
    assert_int_equal(judge(&request, throttled, EXPSTART_CONFIRM_AFTER_UNKNOWN).action,
                     EXPSTART__AGAIN);
  for (int i = 1; i < ATTEMPTS; i++)
    assert_int_equal(judge(&request, failed, EXPSTART_CONFIRM_AFTER_UNKNOWN).action,
                     EXPSTART__AGAIN);
  struct expstart__verdict last = judge(&request, failed, EXPSTART_CONFIRM_AFTER_UNKNOWN);
  assert_int_equal(last.action, EXPSTART__END);
  assert_int_equal(last.outcome, EXPSTART_FAILED);
  assert_int_equal(last.error, EXPSTART_ESERVER);
}

static void giving_up_tells_only_what_is_certain(void **state) {
  (void)state;
  struct expstart__request plain = {0}, doubtful = {.maybe = true, .ever_maybe = true},
                           refused = {.refused = true},
                           both = {.refused = true, .ever_maybe = true};
  assert_int_equal(expstart__retry_give_up(&plain, EXPSTART_ECANCELED).outcome, EXPSTART_CANCELED);
  assert_int_equal(expstart__retry_give_up(&plain, EXPSTART_ETIMEDOUT).outcome, EXPSTART_FAILED);
  assert_int_equal(expstart__retry_give_up(&doubtful, EXPSTART_ECANCELED).outcome,
                   EXPSTART_UNKNOWN);
  assert_int_equal(expstart__retry_give_up(&refused, EXPSTART_ECANCELED).outcome,
                   EXPSTART_REJECTED);
  assert_int_equal(expstart__retry_give_up(&both, EXPSTART_ETIMEDOUT).outcome, EXPSTART_UNKNOWN);
}

static void a_key_that_is_refused_to_a_look_is_told(void **state) {
  (void)state;
  struct expstart__request doubtful = {.maybe = true, .ever_maybe = true},
                           refused = {.refused = true, .last_error = EXPSTART_EREJECTED};
  assert_int_equal(expstart__retry_give_up(&doubtful, EXPSTART_EREFUSED).error, EXPSTART_EREFUSED);
  assert_int_equal(expstart__retry_give_up(&refused, EXPSTART_EREFUSED).error, EXPSTART_EREFUSED);
  assert_int_equal(expstart__retry_give_up(&refused, EXPSTART_EUNCONFIRMED).error,
                   EXPSTART_EREJECTED);
}

/* ---- backoff ------------------------------------------------------------------------------------- */

static void a_backoff_doubles_up_to_the_cap(void **state) {
  (void)state;
  static const uint64_t wanted_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 20000, 20000};
  for (uint32_t i = 0; i < sizeof wanted_ms / sizeof *wanted_ms; i++)
    assert_int_equal(expstart__retry_backoff_us(i + 1, 500, 20000), wanted_ms[i] * 1000);
  assert_int_equal(expstart__retry_backoff_us(UINT32_MAX, 500, 20000), 20000000);
}

static void a_base_above_the_cap_is_the_cap(void **state) {
  (void)state;
  assert_int_equal(expstart__retry_backoff_us(1, 5000, 100), 100000);
}

static void the_largest_numbers_do_not_overflow(void **state) {
  (void)state;
  assert_int_equal(expstart__retry_backoff_us(100, UINT32_MAX, UINT32_MAX),
                   UINT64_C(4294967295000));
  assert_int_equal(expstart__retry_backoff_us(100, 1, UINT32_MAX), UINT64_C(4294967295000));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_2xx_with_ok_true_is_done),
      cmocka_unit_test(a_2xx_with_ok_false_is_a_refusal),
      cmocka_unit_test(a_2xx_that_is_cut_unreadable_or_silent_may_be_done),
      cmocka_unit_test(a_3xx_and_most_4xx_are_refusals),
      cmocka_unit_test(a_401_refuses_the_key_whatever_it_says),
      cmocka_unit_test(a_403_is_told_by_what_it_says),
      cmocka_unit_test(a_407_is_a_proxys_and_was_not_processed),
      cmocka_unit_test(a_reply_about_another_experiment_says_nothing_of_this_one),
      cmocka_unit_test(a_2xx_whose_state_is_not_running_is_not_taken_for_done),
      cmocka_unit_test(a_start_and_a_look_are_checked_for_the_same_facts),
      cmocka_unit_test(what_this_machine_lacks_says_nothing_of_the_api),
      cmocka_unit_test(a_429_is_a_throttle_with_and_without_a_hint),
      cmocka_unit_test(a_503_is_a_throttle_only_with_a_hint),
      cmocka_unit_test(a_408_and_a_425_were_not_processed),
      cmocka_unit_test(any_other_5xx_may_have_been_processed),
      cmocka_unit_test(a_hint_on_another_status_changes_nothing),
      cmocka_unit_test(what_was_not_sent_was_not_processed),
      cmocka_unit_test(what_was_lost_may_have_been_processed),
      cmocka_unit_test(a_wrong_certificate_is_for_good),
      cmocka_unit_test(only_the_state_running_is_running),
      cmocka_unit_test(a_look_without_the_experiments_state_is_no_answer),
      cmocka_unit_test(a_look_that_is_refused_is_a_no),
      cmocka_unit_test(a_look_that_fails_is_repeated),
      cmocka_unit_test(a_start_is_judged_by_the_table),
      cmocka_unit_test(a_look_before_a_start_is_judged_by_the_table),
      cmocka_unit_test(a_look_of_its_own_is_judged_by_the_table),
      cmocka_unit_test(a_look_clears_the_doubt_but_not_its_memory),
      cmocka_unit_test(a_doubt_is_looked_up_once_more_before_it_is_sent_again),
      cmocka_unit_test(a_refused_key_is_held_back_where_that_is_wanted),
      cmocka_unit_test(what_this_machine_lacks_costs_no_attempt),
      cmocka_unit_test(a_key_that_is_refused_to_a_look_is_told),
      cmocka_unit_test(faults_end_at_the_limit_and_throttles_never),
      cmocka_unit_test(giving_up_tells_only_what_is_certain),
      cmocka_unit_test(a_backoff_doubles_up_to_the_cap),
      cmocka_unit_test(a_base_above_the_cap_is_the_cap),
      cmocka_unit_test(the_largest_numbers_do_not_overflow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Each class of reply to a start, and behind those that are looked up each class of reply to the look: that
   it ends, and as what. The header's table, once more and as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_carrier.h"

enum { ID = 7, OTHER = 8 };

struct kind {
  const char *name;
  struct fake_answer answer;
};

#define NO_HINT_OF_TIME .retry_after_ms = EXPSTART__NO_HINT
#define STATUS(code)                                                                               \
  { .fate = EXPSTART__REPLIED, .status = (code), .ok = (code) >= 400 ? 0 : -1, NO_HINT_OF_TIME }
#define FATE(how)                                                                                  \
  { .fate = (how), .ok = -1, NO_HINT_OF_TIME }
#define SUCCESS(says_ok, in_state, about)                                                          \
  {                                                                                                \
    .fate = EXPSTART__REPLIED, .status = 200, .ok = (says_ok), .state = (in_state), .id = (about), \
    NO_HINT_OF_TIME                                                                                \
  }

/* ---- replies to a start ------------------------------------------------------------------------- */

struct start {
  struct kind reply;
  enum { ENDS, REPEATS, LOOKS } leads_to;
  expstart_outcome outcome; /* ENDS, or how it is told if the API goes on so: */
  int error;
};

static const struct start starts[] = {
    {{"done", SUCCESS(1, "running", 0)}, ENDS, EXPSTART_STARTED, EXPSTART_OK},
    {{"done, without a state", SUCCESS(1, NULL, 0)}, ENDS, EXPSTART_STARTED, EXPSTART_OK},
    {{"ok is false", SUCCESS(0, NULL, 0)}, ENDS, EXPSTART_REJECTED, EXPSTART_EREJECTED},
    {{"302", STATUS(302)}, ENDS, EXPSTART_REJECTED, EXPSTART_EREJECTED},
    {{"400", STATUS(400)}, ENDS, EXPSTART_REJECTED, EXPSTART_EREJECTED},
    {{"404", STATUS(404)}, ENDS, EXPSTART_REJECTED, EXPSTART_EREJECTED},
    {{"401", STATUS(401)}, ENDS, EXPSTART_REJECTED, EXPSTART_EREFUSED},
    {{"403 with JSON", STATUS(403)}, ENDS, EXPSTART_REJECTED, EXPSTART_EFORBIDDEN},
    {{"wrong certificate", FATE(EXPSTART__CERT)}, ENDS, EXPSTART_FAILED, EXPSTART_ECERT},
    {{"407", STATUS(407)}, REPEATS, EXPSTART_FAILED, EXPSTART_ETRANSPORT},
    {{"408", STATUS(408)}, REPEATS, EXPSTART_FAILED, EXPSTART_ETRANSPORT},
    {{"425", STATUS(425)}, REPEATS, EXPSTART_FAILED, EXPSTART_ETRANSPORT},
    {{"429", STATUS(429)}, REPEATS, EXPSTART_FAILED, EXPSTART_ETHROTTLED},
    {{"503", STATUS(503)}, REPEATS, EXPSTART_FAILED, EXPSTART_ESERVER},
    {{"not sent", FATE(EXPSTART__UNSENT)}, REPEATS, EXPSTART_FAILED, EXPSTART_ETRANSPORT},
    {{"500", STATUS(500)}, LOOKS, EXPSTART_FAILED, EXPSTART_ESERVER},
    {{"502", STATUS(502)}, LOOKS, EXPSTART_FAILED, EXPSTART_ESERVER},
    {{"504", STATUS(504)}, LOOKS, EXPSTART_FAILED, EXPSTART_ESERVER},
    {{"lost", FATE(EXPSTART__LOST)}, LOOKS, EXPSTART_FAILED, EXPSTART_ETRANSPORT},
    {{"timed out", {.fate = EXPSTART__LOST, .timed_out = true, .ok = -1, NO_HINT_OF_TIME}},
     LOOKS,
     EXPSTART_FAILED,
     EXPSTART_ETIMEDOUT},
    {{"unreadable",
      {.fate = EXPSTART__REPLIED, .status = 200, .broken = true, .ok = -1, NO_HINT_OF_TIME}},
     LOOKS,
     EXPSTART_FAILED,
     EXPSTART_EBADREPLY},
    {{"says no ok", SUCCESS(-1, "running", 0)}, LOOKS, EXPSTART_FAILED, EXPSTART_EBADREPLY},
    {{"about another", SUCCESS(1, "running", OTHER)}, LOOKS, EXPSTART_FAILED, EXPSTART_EBADREPLY},
    {{"in another state", SUCCESS(1, "ready", 0)}, LOOKS, EXPSTART_FAILED, EXPSTART_EBADREPLY},
};

/* ---- replies to a look -------------------------------------------------------------------------- */

struct look {
  struct kind reply;
  expstart_outcome outcome; /* of what was in doubt, if the API goes on so */
  int error;
};

static const struct look looks[] = {
    {{"running", SUCCESS(-1, "running", 0)}, EXPSTART_RUNNING, EXPSTART_OK},
    {{"ok is false", SUCCESS(0, "ready", 0)}, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED},
    {{"401", STATUS(401)}, EXPSTART_UNKNOWN, EXPSTART_EREFUSED},
    {{"403", STATUS(403)}, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED},
    {{"404", STATUS(404)}, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED},
    {{"302", STATUS(302)}, EXPSTART_UNKNOWN, EXPSTART_EUNCONFIRMED},
    {{"429", STATUS(429)}, EXPSTART_UNKNOWN, EXPSTART_ETHROTTLED},
    {{"407", STATUS(407)}, EXPSTART_UNKNOWN, EXPSTART_ETRANSPORT},
    {{"408", STATUS(408)}, EXPSTART_UNKNOWN, EXPSTART_ETRANSPORT},
    {{"500", STATUS(500)}, EXPSTART_UNKNOWN, EXPSTART_ESERVER},
    {{"503", STATUS(503)}, EXPSTART_UNKNOWN, EXPSTART_ESERVER},
    {{"lost", FATE(EXPSTART__LOST)}, EXPSTART_UNKNOWN, EXPSTART_ETRANSPORT},
    {{"not sent", FATE(EXPSTART__UNSENT)}, EXPSTART_UNKNOWN, EXPSTART_ETRANSPORT},
    {{"wrong certificate", FATE(EXPSTART__CERT)}, EXPSTART_UNKNOWN, EXPSTART_ECERT},
    {{"unreadable",
      {.fate = EXPSTART__REPLIED, .status = 200, .broken = true, .ok = -1, NO_HINT_OF_TIME}},
     EXPSTART_UNKNOWN,
     EXPSTART_EBADREPLY},
    {{"about another", SUCCESS(-1, "ready", OTHER)}, EXPSTART_UNKNOWN, EXPSTART_EBADREPLY},
    {{"without a state", SUCCESS(-1, NULL, 0)}, EXPSTART_UNKNOWN, EXPSTART_EBADREPLY},
};

static const struct fake_answer not_running = SUCCESS(-1, "ready", 0);

/* Plays one start to its end: all starts are answered so, and all looks so. */
static struct fake *play(const struct fake_answer *to_start, const struct fake_answer *to_look) {
  struct fake *fake = fake_open(NULL);
  (void)fake_submit(fake, ID);
  fake_step(fake);
  for (int i = 0; i < 100000 && fake_stats(fake).in_flight + fake_stats(fake).waiting > 0; i++) {
    if (fake->open_count == 0)
      fake_run_to(fake, fake->wake_us);
    else if (fake->open[0].kind == EXPSTART_ATTEMPT_START)
      fake_answer_at(fake, 0, *to_start);
    else
      fake_answer_at(fake, 0, *to_look);
  }
  assert_int_equal(expstart__engine_live(fake->engine), 1); /* decided, and not called back yet */
  return fake;
}

static void expect(struct fake *fake, const char *start, const char *look, expstart_outcome outcome,
                   int error) {
  const struct fake_result *result = fake_result(fake, ID);
  if (result->is.outcome != outcome || result->is.error != error)
    fail_msg("start: %s, look: %s: ends as %s, %s", start, look,
             expstart_outcome_name(result->is.outcome), expstart_err_name(result->is.error));
}

static void every_reply_to_a_start_ends_as_it_should(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    const struct start *start = &starts[i];
    struct fake *fake = play(&start->reply.answer, &not_running);
    expect(fake, start->reply.name, "not running", start->outcome, start->error);
    const struct expstart_stats stats = fake_stats(fake);
    assert_int_equal(stats.lookups > 0, start->leads_to == LOOKS);
    assert_int_equal(stats.attempts > 1, start->leads_to != ENDS);
    fake_close(fake);
  }
}

static void every_reply_to_the_look_of_a_doubt_ends_as_it_should(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
    for (size_t k = 0; starts[i].leads_to == LOOKS && k < sizeof looks / sizeof *looks; k++) {
      struct fake *fake = play(&starts[i].reply.answer, &looks[k].reply.answer);
      expect(fake, starts[i].reply.name, looks[k].reply.name, looks[k].outcome, looks[k].error);
      assert_int_equal(fake_stats(fake).attempts, 1);
      fake_close(fake);
    }
}

/* Where refusals are looked up, what cannot be looked up stays refused; but a refused key is told. */
static void every_reply_to_the_look_of_a_refusal_ends_as_it_should(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof looks / sizeof *looks; k++) {
    struct expstart_options options = fake_options();
    options.confirm = EXPSTART_CONFIRM_ON_REFUSAL;
    struct fake *fake = fake_open(&options);
    (void)fake_submit(fake, ID);
    fake_step(fake);
    fake_answer(fake, ID, answer_status(409));
    for (int i = 0; i < 100000 && fake_stats(fake).in_flight + fake_stats(fake).waiting > 0; i++) {
      if (fake->open_count == 0)
        fake_run_to(fake, fake->wake_us);
      else
        fake_answer_at(fake, 0, looks[k].reply.answer);
    }
    bool runs = looks[k].outcome == EXPSTART_RUNNING;
    bool key = looks[k].error == EXPSTART_EREFUSED;
    expect(fake, "409", looks[k].reply.name, runs ? EXPSTART_RUNNING : EXPSTART_REJECTED,
           runs  ? EXPSTART_OK
           : key ? EXPSTART_EREFUSED
                 : EXPSTART_EREJECTED);
    fake_close(fake);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_reply_to_a_start_ends_as_it_should),
      cmocka_unit_test(every_reply_to_the_look_of_a_doubt_ends_as_it_should),
      cmocka_unit_test(every_reply_to_the_look_of_a_refusal_ends_as_it_should),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

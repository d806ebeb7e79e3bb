/* An engine in virtual time behind a carrier that sends nothing: it records what is sent, aborted
   and delivered, lets a test say what became of an attempt, and checks at each step what must
   always hold. Used by the tests of the engine. */
#ifndef EXPSTART_TEST_FAKE_CARRIER_H
#define EXPSTART_TEST_FAKE_CARRIER_H

#include "engine.h"
#include "hints.h"

enum { FAKE_SLOTS = 1 << 17, FAKE_OPEN_MAX = 1024 };

struct fake_attempt {
  expstart_ticket ticket;
  int64_t experiment_id;
  expstart_attempt_kind kind;
  uint64_t at_us;
  uint32_t timeout_ms;
  bool aborted;
  char body[64];
};

/* A result, its texts copied. */
struct fake_result {
  expstart_result is;
  char message[64], state[32], name[32];
  size_t order; /* 0 was delivered first */
};

struct fake {
  struct expstart__engine *engine;
  struct expstart_options options;
  uint64_t now_us;
  uint64_t wake_us; /* what the last step returned */

  struct fake_attempt open[FAKE_OPEN_MAX]; /* sent and not reported yet, in order of sending */
  size_t open_count;
  size_t sent; /* attempts of both kinds so far */
  struct fake_attempt last;
  int send_status;     /* what send returns */
  uint32_t timeout_ms; /* of what is submitted next, its own */

  expstart_ticket doubtful[FAKE_SLOTS]; /* by slot: its start may have been processed */
  struct {
    expstart_ticket ticket;
    uint64_t at_us;
  } doubted[FAKE_SLOTS]; /* by slot: its last start that left a doubt, whatever was seen since */
  struct fake_result *results;
  size_t result_count, result_capacity;
  struct expstart_attempt hook; /* the last attempt that was told, and its message */
  char hook_message[64];
  size_t hooks;

  size_t keys_refused;
  char key_message[64];
  uint32_t permits_wanted; /* as told last */
  size_t permits_told;
  struct expstart__notice notice; /* the last one, and its message */
  char notice_message[64];

  /* User code: run in each done callback if set. */
  void (*on_done)(struct fake *fake, const expstart_result *result);
};

/* Options as the engine gets them: the defaults, a fixed seed. */
struct expstart_options fake_options(void);
/* options NULL: fake_options(). Time begins at 1,000 s. */
struct fake *fake_open(const struct expstart_options *options);
/* Ends what is left, delivers it, and checks that nothing remains. */
void fake_close(struct fake *fake);

int fake_try_submit(struct fake *fake, int64_t id, const char *note, expstart_mode mode,
                    expstart_ticket *ticket);
expstart_ticket fake_submit(struct fake *fake, int64_t id);
expstart_ticket fake_submit_as(struct fake *fake, int64_t id, expstart_mode mode);
/* Ids first to last. */
void fake_submit_range(struct fake *fake, int64_t first, int64_t last);

void fake_step(struct fake *fake);
/* One step, which may leave a part of its work for the next. */
void fake_step_once(struct fake *fake);
/* Steps at each time the engine asks for, up to and at `at_us`. */
void fake_run_to(struct fake *fake, uint64_t at_us);
void fake_deliver(struct fake *fake);
struct expstart_stats fake_stats(struct fake *fake); /* checks the ledger */

/* What becomes of an attempt. */
struct fake_answer {
  enum expstart__fate fate;
  bool timed_out, broken;
  bool ours; /* for want of something of this machine's */
  int status;
  int64_t retry_after_ms; /* EXPSTART__NO_HINT: none */
  int64_t reset_ms;       /* 0: nothing is said of a window, else that `remaining` are left in it */
  int64_t remaining;
  int ok; /* 1, 0, -1: not said */
  const char *state;
  const char *message;
  int64_t id; /* 0: the experiment's own */
};

struct fake_answer answer_started(void);
struct fake_answer answer_status(int status);
struct fake_answer answer_throttled(int64_t retry_after_ms);
struct fake_answer answer_state(const char *state);
struct fake_answer answer_fate(enum expstart__fate fate);

/* Reports the open attempt of this experiment, and steps. */
void fake_answer(struct fake *fake, int64_t id, struct fake_answer answer);
void fake_answer_at(struct fake *fake, size_t open_index, struct fake_answer answer);
const struct fake_attempt *fake_find_open(const struct fake *fake, int64_t id);
/* The open attempt of this experiment has this kind. */
void assert_open(const struct fake *fake, int64_t id, expstart_attempt_kind kind);
void assert_not_open(const struct fake *fake, int64_t id);

/* Delivers; the one result of this experiment. */
const struct fake_result *fake_result(struct fake *fake, int64_t id);
void assert_ended(struct fake *fake, int64_t id, expstart_outcome outcome, int error);
void assert_not_ended(struct fake *fake, int64_t id);

/* Hooks for options, of which the engine only asks whether they are set. */
void fake_on_key_refused(expstart_client *client, const char *message, void *data);
void fake_on_permits(expstart_client *client, uint32_t wanted, uint32_t returned, void *data);

#endif

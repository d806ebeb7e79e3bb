/* The library with every allocation, descriptor and thread failing in turn: a client is made, a handful of starts
 * go through it, it is closed. Whatever fails, each accepted start is called back once with what is true, nothing
 * is left behind, and the next client of the process works. */
#include "campaign.h"
#include "expstart.h"
#include "truth.h"

#include <inttypes.h>
#include <json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct scenario {
  struct campaign campaign;
  struct truth *truth; /* NULL: TLS, to the sandbox */
  const char *endpoint, *ca_file;
  int io_threads;
  unsigned kinds; /* of truth_kind, by bits */
  bool warm;      /* what is made once in a process was made */
  bool tls;
  bool tree;     /* replies are read as trees */
  unsigned most; /* allocations that fail, when not all do; 0: all the same */
};

struct start {
  bool accepted, tree;
  unsigned calls;
  int refused_with;
  expstart_outcome outcome;
  int error;
};

struct play {
  const struct scenario *scenario;
  const struct inject_plan *plan;
  uv_loop_t loop;
  struct start starts[TRUTH_KINDS];
  bool looks; /* at what another client has started */
  bool closed;
};

#define KEY "sandbox-key"
#define SANDBOX_EXPERIMENTS "400000" /* so many runs with eight each, and no more */

/* What takes no time, and what does. */
enum {
  QUICK_KINDS = 1 << TRUTH_PLAIN | 1 << TRUTH_NOTED | 1 << TRUTH_NOTED_TOO | 1 << TRUTH_LOOKED_AT |
                1 << TRUTH_CANCELED,
  THROTTLED_KINDS = 1 << TRUTH_PLAIN | 1 << TRUTH_THROTTLED,
  DOUBT_KINDS = 1 << TRUTH_RESET | 1 << TRUTH_BROKEN,
  TLS_KINDS = 1 << TRUTH_PLAIN | 1 << TRUTH_NOTED | 1 << TRUTH_LOOKED_AT
};
enum { ON_LOOP = EXPSTART_IO_ON_LOOP };

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  struct start *start = data;
  (void)client;
  start->calls++;
  start->outcome = result->outcome;
  start->error = result->error;
  if (start->tree)
    json_object_put(expstart_result_json(result));
}

static void on_attempt(expstart_client *client, const expstart_attempt *attempt, void *data) {
  (void)client, (void)data;
  if (!attempt->message)
    campaign_wrong("an attempt without a message");
  else if (attempt->curl_code != 0)
    fprintf(stderr, "attempt: %d %s\n", attempt->curl_code, attempt->message);
}

static void on_log(expstart_log_level level, const char *line, void *data) {
  (void)level, (void)line, (void)data;
}

static void on_closed(void *data) {
  *(bool *)data = true;
}

static int create(expstart_client **client, struct play *play) {
  const struct scenario *scenario = play->scenario;
  struct expstart_options options;
  expstart_options_init(&options);
  options.endpoint = scenario->endpoint;
  options.ca_file = scenario->ca_file;
  options.api_key = KEY;
  options.io_threads = scenario->io_threads;
  options.flags = EXPSTART_KEEP_REPLY;
  options.backoff_base_ms = 1;
  options.backoff_cap_ms =
      scenario->tls ? 200 : 10; /* certificates are read again after a second */
  options.max_attempts = 50;
  /* A doubt waits as long. The truth, and handshakes, have time on a busy machine too. */
  options.attempt_timeout_ms = play->looks ? 10000 : scenario->tls ? 2000 : 200;
  options.retry_timeout_ms = play->plan->lasting ? 400 : 10000;
  options.on_attempt = on_attempt;
  options.log = on_log;
  return expstart_client_create(client, &play->loop, &options);
}

/* ---- what is submitted ------------------------------------------------------------------------- */

static void submit_one(expstart_client *client, struct play *play, unsigned run,
                       enum truth_kind kind) {
  struct start *start = &play->starts[kind];
  expstart_ticket ticket;
  start->tree = play->scenario->tree;
  struct expstart_request request = {
      .size = sizeof request,
      .experiment_id = truth_id(run, kind),
      .note = truth_note(kind),
      .mode = play->looks || kind == TRUTH_LOOKED_AT ? EXPSTART_LOOK : EXPSTART_START,
      .done = on_done,
      .data = start};
  start->refused_with = kind == TRUTH_NOTED_TOO ? expstart_submit_from_thread(client, &request)
                                                : expstart_submit(client, &request, &ticket);
  start->accepted = start->refused_with == EXPSTART_OK;
  if (start->accepted && !play->looks && kind == TRUTH_CANCELED &&
      expstart_cancel(client, ticket) != EXPSTART_OK)
    campaign_wrong("what was just accepted cannot be canceled");
}

static void submit_all(expstart_client *client, struct play *play, unsigned run) {
  for (enum truth_kind kind = 0; kind < TRUTH_KINDS; kind++)
    if (play->scenario->kinds & 1u << kind)
      submit_one(client, play, run, kind);
}

/* ---- what must hold ---------------------------------------------------------------------------- */

/* `started`: how often the server did that. */
static void check_outcome(const struct play *play, enum truth_kind kind, unsigned started) {
  const struct start *start = &play->starts[kind];
  const char *told = expstart_outcome_name(start->outcome);
  const char *error = expstart_err_name(start->error);
  bool says_running = start->outcome == EXPSTART_STARTED || start->outcome == EXPSTART_RUNNING;
  /* OpenSSL that is out of memory calls certificates bad. */
  if (!play->scenario->truth && start->error == EXPSTART_ECERT &&
      play->plan->kind == INJECT_MEMORY && started == 0)
    return;
  if (start->outcome != EXPSTART_UNKNOWN && says_running != (started > 0))
    campaign_wrong("start %d: told to be %s (%s), and started %u times", kind, told, error,
                   started);
  if (!play->plan->lasting && kind != TRUTH_CANCELED && !says_running &&
      start->outcome != EXPSTART_SEEN)
    campaign_wrong("start %d: one fault has made it %s (%s)", kind, told, error);
  /* One was throttled, and in its last moments all are. */
  bool throttled = (play->scenario->kinds & 1u << TRUTH_THROTTLED) != 0;
  /* What lasts is given little time, which may be over while an attempt is under way. */
  bool timed_out = play->plan->lasting && start->error == EXPSTART_ETIMEDOUT;
  if (start->outcome == EXPSTART_FAILED && start->error != EXPSTART_ERESOURCE && !timed_out &&
      start->error != EXPSTART_ENOMEM && !(throttled && start->error == EXPSTART_ETHROTTLED))
    campaign_wrong("start %d: failed with %s", kind, error);
}

static void check_start(const struct play *play, enum truth_kind kind, unsigned started) {
  const struct start *start = &play->starts[kind];
  if (start->calls != start->accepted)
    campaign_wrong("start %d: accepted %d, called back %u times", kind, start->accepted,
                   start->calls);
  if (!start->accepted && start->refused_with != EXPSTART_ENOMEM)
    campaign_wrong("start %d: refused with %s", kind, expstart_err_name(start->refused_with));
  if (started > 1)
    campaign_wrong("start %d: started %u times", kind, started);
  if (start->calls > 0)
    check_outcome(play, kind, started);
  else if (started > 0)
    campaign_wrong("start %d: was refused, and started", kind);
}

static void check_create(const struct inject_plan *plan, int status) {
  bool right = status == EXPSTART_ESYSTEM ||
               status == (plan->kind == INJECT_MEMORY ? EXPSTART_ENOMEM : EXPSTART_ERESOURCE);
  if (!right)
    campaign_wrong("not made, with %s", expstart_err_name(status));
}

static void close_loop(struct play *play) {
  int status = uv_run(&play->loop, UV_RUN_DEFAULT);
  if (status != 0)
    campaign_wrong("the loop was left with something to do");
  status = uv_loop_close(&play->loop);
  if (status != 0)
    campaign_wrong("the loop is not to be closed: %s", uv_err_name(status));
}

/* One client, from its creation to the end of its loop. False: it could not be made. */
static bool play_client(struct play *play, struct inject_plan *plan, unsigned run) {
  expstart_client *client = NULL;
  if (uv_loop_init(&play->loop) != 0) {
    campaign_wrong("no loop");
    return false;
  }
  inject_arm(plan);
  int status = create(&client, play);
  if (status == EXPSTART_OK) {
    submit_all(client, play, run);
    int closing = expstart_client_close(client, EXPSTART_DRAIN, on_closed, &play->closed);
    if (closing != EXPSTART_OK)
      campaign_wrong("not closed, with %s", expstart_err_name(closing));
  } else {
    if (client)
      campaign_wrong("not made, and yet given");
    check_create(plan, status);
  }
  close_loop(play);
  inject_disarm();
  if (status == EXPSTART_OK && !play->closed)
    campaign_wrong("it was not told that it is closed");
  return status == EXPSTART_OK;
}

/* Of the sandbox another client of the library sees the truth, with which nothing fails. */
static void look(struct play *looks, const struct scenario *scenario, unsigned run) {
  struct inject_plan none = {.at = 0};
  *looks = (struct play){.scenario = scenario, .plan = &none, .looks = true};
  if (!play_client(looks, &none, run))
    campaign_wrong("without any fault it is not made");
}

static void check_all(const struct play *play, const struct play *looks, unsigned run) {
  const struct scenario *scenario = play->scenario;
  for (enum truth_kind kind = 0; kind < TRUTH_KINDS; kind++) {
    if (!(scenario->kinds & 1u << kind))
      continue;
    if (!scenario->truth) {
      if (looks->starts[kind].calls != 1 || looks->starts[kind].error != EXPSTART_OK)
        campaign_wrong("start %d: the truth about it was not to be had", kind);
      check_start(play, kind, looks->starts[kind].outcome == EXPSTART_RUNNING);
      continue;
    }
    struct truth_seen *seen = &scenario->truth->of[run][kind];
    check_start(play, kind, atomic_load(&seen->started));
    if (atomic_load(&seen->wrong) > 0)
      campaign_wrong("start %d: its request had another body", kind);
  }
}

static void play(void *data, unsigned run, struct inject_plan *plan) {
  const struct scenario *scenario = data;
  struct play play = {.scenario = scenario, .plan = plan}, looks;
  if (scenario->warm)
    inject_track();
  bool made = play_client(&play, plan, run);
  look(&looks, scenario, run); /* also where it is not needed: it works in this process still */
  if (made)
    check_all(&play, &looks, run);
  unsigned left = inject_tell_left();
  if (left > 0)
    campaign_wrong("%u blocks of memory are left", left);
}

/* ---- TLS --------------------------------------------------------------------------------------- */

/* A process of its own, which ends with this one. */
static bool begin_sandbox(const char *program, const char *ca_file, char *endpoint, size_t size) {
  int output[2];
  char line[128] = "";
  if (pipe(output) != 0)
    return false;
  pid_t pid = fork();
  if (pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output[1], STDOUT_FILENO);
    execl(program, program, "--tls", "--ca-out", ca_file, "--experiments", SANDBOX_EXPERIMENTS,
          "--reply", "small", "--key", KEY, (char *)NULL);
    _exit(99);
  }
  close(output[1]);
  for (size_t used = 0; used < sizeof line - 1 && !strchr(line, '\n');)
    if (read(output[0], line + used++, 1) != 1)
      break;
  close(output[0]);
  const char *start = strstr(line, "https://"), *end = strchr(line, '\n');
  if (pid < 0 || !start || !end || (size_t)(end - start) >= size)
    return false;
  memcpy(endpoint, start, (size_t)(end - start));
  endpoint[end - start] = '\0';
  return true;
}

/* ---- all of it --------------------------------------------------------------------------------- */

/* What lasts is waited for until the time is up. */
enum { LASTING_MOST = 12 };

static void play_all(struct scenario *scenario) {
  struct play looks;
  scenario->campaign.play = play;
  scenario->campaign.data = scenario;
  scenario->campaign.patience_s = 30;
  for (int i = 0; i < 2 && scenario->warm; i++)
    look(&looks, scenario, 0);
  campaign_play(&scenario->campaign, INJECT_MEMORY, false, scenario->most);
  campaign_play(&scenario->campaign, INJECT_MEMORY, true, LASTING_MOST);
  campaign_play(&scenario->campaign, INJECT_DESCRIPTOR, false, 0);
  campaign_play(&scenario->campaign, INJECT_DESCRIPTOR, true, LASTING_MOST);
  campaign_play(&scenario->campaign, INJECT_LIMIT, true, LASTING_MOST);
  campaign_play(&scenario->campaign, INJECT_THREAD, false, 0);
  campaign_play(&scenario->campaign, INJECT_THREAD, true, 0);
}

/* usage: expstart-faults-library SANDBOX [OPTION...] */
int main(int argc, char **argv) {
  char folder[] = "/tmp/expstart-faults-XXXXXX", ca_file[64], endpoint[64], tls_endpoint[64];
  if (argc < 2 || !campaign_arguments(argc - 1, argv + 1) || !mkdtemp(folder))
    return 2;
  snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
  struct truth *truth = truth_begin();
  if (!truth || !begin_sandbox(argv[1], ca_file, tls_endpoint, sizeof tls_endpoint))
    return 2;
  snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/v1", truth->port);
  struct scenario scenarios[] = {
      /* Before anything was set up in this process. */
      {.campaign.name = "cold", .io_threads = 1, .kinds = QUICK_KINDS, .most = 40},
      {.campaign.name = "loop", .io_threads = ON_LOOP, .kinds = QUICK_KINDS, .warm = true},
      {.campaign.name = "thread", .io_threads = 1, .kinds = QUICK_KINDS, .warm = true},
      {.campaign.name = "threads", .io_threads = 3, .kinds = QUICK_KINDS, .warm = true, .most = 60},
      {.campaign.name = "tree",
       .io_threads = 1,
       .kinds = QUICK_KINDS,
       .warm = true,
       .tree = true,
       .most = 60},
      {.campaign.name = "throttled",
       .io_threads = 1,
       .kinds = THROTTLED_KINDS,
       .warm = true,
       .most = 20},
      {.campaign.name = "doubt", .io_threads = 1, .kinds = DOUBT_KINDS, .warm = true, .most = 20},
      {.campaign.name = "tls",
       .io_threads = 1,
       .kinds = TLS_KINDS,
       .warm = true,
       .tls = true,
       .most = 40},
      {.campaign.name = "tls-loop",
       .io_threads = ON_LOOP,
       .kinds = TLS_KINDS,
       .warm = true,
       .tls = true,
       .most = 40},
  };
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    struct scenario *scenario = &scenarios[i];
    scenario->truth = scenario->tls ? NULL : truth;
    scenario->endpoint = scenario->tls ? tls_endpoint : endpoint;
    scenario->ca_file = scenario->tls ? ca_file : NULL;
    if (campaign_is_wanted(&scenario->campaign))
      play_all(scenario);
  }
  (void)unlink(ca_file);
  (void)rmdir(folder);
  return campaign_end();
}

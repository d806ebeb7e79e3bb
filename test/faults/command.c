/* The command with every allocation, descriptor and thread failing in turn: `expstart start --journal` of a handful
 * of experiments. However it ends, its journal can be read and `expstart resume` completes it, each experiment
 * started once; or it has refused before it sent anything. */
#include "campaign.h"
#include "truth.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of three runs' ids those that leave no doubt, which would take seconds. */
enum { ID_RUNS = 3, IDS = ID_RUNS * TRUTH_RESET, ARGUMENTS_MAX = 16 + IDS };
enum { START_PATIENCE_S = 30 };

/* What the command promises. */
enum { ALL_RUNNING = 0, SOME_NOT = 1, NOTHING_SENT = 2, STOPPED_EARLY = 3 };

struct scenario {
  struct campaign campaign;
  struct truth *truth;
  const char *faulty, *sound; /* the command with inject.c in it, and as it is */
  const char *folder;
};

/* ---- programs ---------------------------------------------------------------------------------- */

/* Runs it to its end; its exit code, 128 and more for a signal. It ends with this process. */
static int execute(const char *plan_path, char *const arguments[]) {
  pid_t pid = fork();
  if (pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    close(null);
    if (plan_path)
      (void)setenv(INJECT_VARIABLE, plan_path, 1);
    execv(arguments[0], arguments);
    _exit(99);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid)
    return 99;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The plan in a file, for the command to share with this process. */
static struct inject_plan *share_plan(const char *path, const struct inject_plan *plan) {
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || ftruncate(file, sizeof *plan) != 0)
    return NULL;
  struct inject_plan *shared =
      mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared == MAP_FAILED)
    return NULL;
  memcpy(shared, plan, sizeof *plan);
  shared->patience_s = START_PATIENCE_S;
  return shared;
}

static int64_t id_at(unsigned run, int index) {
  return truth_id(ID_RUNS * run + (unsigned)index / TRUTH_RESET,
                  (enum truth_kind)(index % TRUTH_RESET));
}

static int start(const struct scenario *scenario, unsigned run, const char *journal,
                 struct inject_plan *plan) {
  char path[256], ids[IDS][24];
  char *arguments[ARGUMENTS_MAX] = {
      (char *)(uintptr_t)scenario->faulty, "start", "--yes", "--deadline", "2", "--journal",
      (char *)(uintptr_t)journal};
  int count = 7;
  for (int i = 0; i < IDS; i++) {
    snprintf(ids[i], sizeof ids[i], "%" PRId64, id_at(run, i));
    arguments[count++] = ids[i];
  }
  snprintf(path, sizeof path, "%s/%u.plan", scenario->folder, run);
  struct inject_plan *shared = share_plan(path, plan);
  if (!shared) {
    campaign_wrong("no plan");
    return 99;
  }
  int code = execute(path, arguments);
  for (int kind = 0; kind < INJECT_KINDS; kind++)
    atomic_store(&plan->counted[kind], atomic_load(&shared->counted[kind]));
  munmap(shared, sizeof *shared);
  (void)unlink(path);
  return code;
}

static int sub_command(const struct scenario *scenario, const char *name, const char *option,
                       const char *journal) {
  char *arguments[] = {(char *)(uintptr_t)scenario->sound, (char *)(uintptr_t)name,
                       (char *)(uintptr_t)option, (char *)(uintptr_t)journal, NULL};
  return execute(NULL, arguments);
}

/* ---- what must hold ---------------------------------------------------------------------------- */

static int started(const struct scenario *scenario, unsigned run, int *requests) {
  int once = 0;
  *requests = 0;
  for (int i = 0; i < IDS; i++) {
    const struct truth_seen *seen =
        &scenario->truth->of[ID_RUNS * run + (unsigned)i / TRUTH_RESET][i % TRUTH_RESET];
    unsigned times = atomic_load(&seen->started);
    if (times > 1)
      campaign_wrong("experiment %" PRId64 " was started %u times", id_at(run, i), times);
    once += times > 0;
    *requests += (int)atomic_load(&seen->requests);
  }
  return once;
}

static void check_start(int code, int once, int requests) {
  if (code == NOTHING_SENT && requests > 0)
    campaign_wrong("it said that nothing was sent, and there were %d requests", requests);
  if (code == ALL_RUNNING && once < IDS)
    campaign_wrong("it said that all are running, and %d were started", once);
  if (code > STOPPED_EARLY && code != INJECT_ENDED_ELSEWHERE)
    campaign_wrong("it ended with %d", code);
}

static void check_journal(const struct scenario *scenario, unsigned run, const char *journal,
                          int sent) {
  int requests;
  int code = sub_command(scenario, "status", "--json", journal);
  if (code == NOTHING_SENT) { /* it cannot be read */
    if (sent > 0)
      campaign_wrong("the journal cannot be read, and there were %d requests", sent);
    return;
  }
  if (code != ALL_RUNNING && code != SOME_NOT)
    campaign_wrong("status ended with %d", code);
  code = sub_command(scenario, "resume", "--yes", journal);
  if (code != ALL_RUNNING)
    campaign_wrong("resume ended with %d", code);
  int once = started(scenario, run, &requests);
  if (once < IDS)
    campaign_wrong("after resume %d of %d were started", once, IDS);
}

static void remove_journal(const char *journal) {
  static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".lock"};
  char path[300];
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    snprintf(path, sizeof path, "%s%s", journal, ends[i]);
    (void)unlink(path);
  }
}

static void play(void *data, unsigned run, struct inject_plan *plan) {
  const struct scenario *scenario = data;
  char journal[256];
  int requests;
  snprintf(journal, sizeof journal, "%s/%u.db", scenario->folder, run);
  int code = start(scenario, run, journal, plan);
  int once = started(scenario, run, &requests);
  check_start(code, once, requests);
  if (access(journal, F_OK) == 0)
    check_journal(scenario, run, journal, requests);
  else if (requests > 0)
    campaign_wrong("there is no journal, and there were %d requests", requests);
  remove_journal(journal);
  if (code == INJECT_ENDED_ELSEWHERE)
    campaign_ended_elsewhere();
}

int main(int argc, char **argv) {
  char folder[] = "/tmp/expstart-faults-XXXXXX", endpoint[64];
  if (argc < 3 || !campaign_arguments(argc - 2, argv + 2))
    return 2;
  struct truth *truth = truth_begin();
  if (!truth || !mkdtemp(folder))
    return 2;
  snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/v1", truth->port);
  (void)setenv("ABSMARTLY_API_ENDPOINT", endpoint, 1);
  (void)setenv("ABSMARTLY_API_KEY", "a-key", 1);
  struct scenario scenario = {
      .truth = truth, .faulty = argv[1], .sound = argv[2], .folder = folder};
  scenario.campaign = (struct campaign){
      .name = "command", .play = play, .data = &scenario, .patience_s = 2 * START_PATIENCE_S};
  campaign_play(&scenario.campaign, INJECT_MEMORY, false, 40);
  campaign_play(&scenario.campaign, INJECT_MEMORY, true, 12);
  campaign_play(&scenario.campaign, INJECT_DESCRIPTOR, false, 0);
  campaign_play(&scenario.campaign, INJECT_DESCRIPTOR, true, 12);
  campaign_play(&scenario.campaign, INJECT_LIMIT, true, 12);
  campaign_play(&scenario.campaign, INJECT_THREAD, false, 0);
  campaign_play(&scenario.campaign, INJECT_THREAD, true, 0);
  (void)rmdir(folder);
  return campaign_end();
}

/* See campaign.h. */
#include "campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS 0x20 /* Linux', which POSIX did not have */
#endif

enum { AT_ONCE = 6, FIRST = 4, LIMITS = 24, WRONG = 3, FORGIVEN = 4 };

static const char *const kind_names[] = {"memory", "descriptor", "thread", "limit"};

/* One process at work. */
struct place {
  pid_t pid; /* 0: none */
  struct inject_plan *plan;
  FILE *said;
};

static struct {
  bool full;
  const char *only; /* a campaign's name */
  const char *kind; /* and a fault's */
  unsigned at;      /* 0: all */
  bool here;        /* in this process: for a debugger */
  unsigned runs, failed;
  struct {
    const char *words; /* of inject.c */
    const char *why;
    unsigned count;
  } forgiven[FORGIVEN];
  struct place places[AT_ONCE];
  bool is_wrong, is_elsewhere; /* in a child */
} all = {.forgiven = {{.words = "aborted within libuv.so",
                       .why = "libuv aborts where its loop cannot have what it needs"},
                      {.words = "wild pointer within libjson-c.so",
                       .why = "json-c looks at few of its allocations"},
                      {.words = "hangs within libcrypto.so",
                       .why = "OpenSSL that was refused memory as it was set up waits for itself"},
                      {.words = "CHECK failed: sanitizer_",
                       .why = "the sanitizer looks at none of its allocations"}}};

static void die(const char *what) {
  perror(what);
  exit(2);
}

void *campaign_share(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    die("mmap");
  return memory;
}

static bool usage(const char *name) {
  fprintf(stderr,
          "Usage: %s PROGRAM... [--full] [--only SCENARIO [--kind KIND [--at N [--here]]]]\n"
          "KIND: memory, descriptor, thread or limit\n",
          name);
  return false;
}

bool campaign_arguments(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    bool has_value = i + 1 < argc;
    if (strcmp(argv[i], "--full") == 0)
      all.full = true;
    else if (strcmp(argv[i], "--here") == 0)
      all.here = true;
    else if (strcmp(argv[i], "--only") == 0 && has_value)
      all.only = argv[++i];
    else if (strcmp(argv[i], "--kind") == 0 && has_value)
      all.kind = argv[++i];
    else if (strcmp(argv[i], "--at") == 0 && has_value)
      all.at = (unsigned)strtoul(argv[++i], NULL, 10);
    else
      return usage(argv[0]);
  }
  for (int i = 0; i < AT_ONCE; i++) {
    all.places[i].plan = campaign_share(sizeof *all.places[i].plan);
    /* Without a buffer, in which what the run before had said would be found. */
    if (!(all.places[i].said = tmpfile()) || setvbuf(all.places[i].said, NULL, _IONBF, 0) != 0)
      die("tmpfile");
  }
  return true;
}

void campaign_wrong(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  all.is_wrong = true;
}

void campaign_ended_elsewhere(void) {
  all.is_elsewhere = true;
}

/* ---- one run ----------------------------------------------------------------------------------- */

static _Noreturn void play_to_end(const struct campaign *campaign, unsigned run,
                                  struct inject_plan *plan) {
  inject_watch(all.here ? 0 : campaign->patience_s);
  campaign->play(campaign->data, run, plan);
  if (all.is_wrong)
    exit(WRONG);
  exit(all.is_elsewhere ? INJECT_ENDED_ELSEWHERE : 0);
}

static void begin(struct place *place, const struct campaign *campaign) {
  fflush(stdout);
  rewind(place->said);
  if (ftruncate(fileno(place->said), 0) != 0)
    die("ftruncate");
  unsigned run = all.runs++;
  if (all.here && place->plan->at > 0) {
    play_to_end(campaign, run, place->plan);
  }
  place->pid = fork();
  if (place->pid < 0)
    die("fork");
  if (place->pid > 0)
    return;
  dup2(fileno(place->said), STDERR_FILENO);
  play_to_end(campaign, run, place->plan);
}

static void show(const struct place *place) {
  char line[512];
  rewind(place->said);
  while (fgets(line, sizeof line, place->said))
    printf("    %s", line);
}

/* What other libraries do without memory is not ours to mend. */
static bool is_forgiven(const struct place *place) {
  char line[512];
  rewind(place->said);
  while (fgets(line, sizeof line, place->said))
    for (size_t i = 0; i < FORGIVEN; i++)
      if (strstr(line, all.forgiven[i].words)) {
        all.forgiven[i].count++;
        return true;
      }
  return false;
}

static void judge(struct place *place, const char *name, int status) {
  const struct inject_plan *plan = place->plan;
  place->pid = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return;
  if (WIFEXITED(status) && WEXITSTATUS(status) != WRONG && is_forgiven(place)) {
    if (all.only)
      show(place);
    return;
  }
  all.failed++;
  printf("%s: %s %u%s: ", name, kind_names[plan->kind], plan->at, plan->lasting ? " and on" : "");
  if (WIFSIGNALED(status))
    printf("%s\n", strsignal(WTERMSIG(status)));
  else
    printf("exit code %d\n", WEXITSTATUS(status));
  show(place);
}

/* Waits until one has ended; a child that is no run's is not to end at all. */
static void await_one(const char *name) {
  int status;
  pid_t pid = waitpid(-1, &status, 0);
  if (pid < 0)
    die("waitpid");
  for (int i = 0; i < AT_ONCE; i++)
    if (all.places[i].pid == pid) {
      judge(&all.places[i], name, status);
      return;
    }
  printf("a server has ended\n");
  exit(2);
}

static struct place *free_place(const char *name) {
  for (;;) {
    for (int i = 0; i < AT_ONCE; i++)
      if (all.places[i].pid == 0)
        return &all.places[i];
    await_one(name);
  }
}

static void await_all(const char *name) {
  for (int i = 0; i < AT_ONCE; i++)
    while (all.places[i].pid != 0)
      await_one(name);
}

/* ---- a campaign -------------------------------------------------------------------------------- */

static unsigned count_faults(const struct campaign *campaign, enum inject_kind kind) {
  struct place *place = &all.places[0];
  memset(place->plan, 0, sizeof *place->plan);
  begin(place, campaign);
  await_all(campaign->name);
  return kind == INJECT_LIMIT ? LIMITS : atomic_load(&place->plan->counted[kind]);
}

bool campaign_is_wanted(const struct campaign *campaign) {
  return !all.only || strcmp(all.only, campaign->name) == 0;
}

static bool is_asked_for(const struct campaign *campaign, enum inject_kind kind) {
  return campaign_is_wanted(campaign) && (!all.kind || strcmp(all.kind, kind_names[kind]) == 0);
}

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void play_one(const struct campaign *campaign, enum inject_kind kind, bool lasting,
                     unsigned at) {
  struct place *place = free_place(campaign->name);
  memset(place->plan, 0, sizeof *place->plan);
  place->plan->kind = kind;
  place->plan->lasting = lasting;
  place->plan->at = at;
  begin(place, campaign);
}

/* All, or the first ones and then others in even steps, some `most` in all. A run may need a few more than the one
   that was counted, as threads do not always meet in the same order. */
static unsigned play_each(const struct campaign *campaign, enum inject_kind kind, bool lasting,
                          unsigned count, unsigned most) {
  bool each = all.full || most == 0 || count <= most + FIRST;
  unsigned step = each ? 1 : count / most + 1, played = 0;
  for (unsigned at = 1; at <= count + count / 50; at += at < FIRST ? 1 : step, played++)
    play_one(campaign, kind, lasting, at);
  return played;
}

void campaign_play(const struct campaign *campaign, enum inject_kind kind, bool lasting,
                   unsigned most) {
  if (!is_asked_for(campaign, kind))
    return;
  double began_s = now_s();
  unsigned failed_before = all.failed, played = 1;
  unsigned count = count_faults(campaign, kind);
  if (all.failed > failed_before) /* without any fault */
    return;
  if (all.at > 0)
    play_one(campaign, kind, lasting, all.at);
  else
    played = play_each(campaign, kind, lasting, count, most);
  await_all(campaign->name);
  printf("%-10s %-10s %-7s %5u of %5u played, %u failed, %.1f s\n", campaign->name,
         kind_names[kind], lasting ? "and on" : "once", played, count, all.failed - failed_before,
         now_s() - began_s);
  fflush(stdout);
}

int campaign_end(void) {
  for (size_t i = 0; i < FORGIVEN; i++)
    if (all.forgiven[i].count > 0)
      printf("%u runs %s: %s\n", all.forgiven[i].count, all.forgiven[i].words, all.forgiven[i].why);
  printf("%u runs, %u failed\n", all.runs, all.failed);
  return all.failed > 0 || all.runs == 0;
}

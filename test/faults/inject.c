/* See inject.h. The real functions are glibc's own under other names or, under a sanitizer, the sanitizer's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT, pipe2, accept4 */
#endif
#include "inject.h"

#include "stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAKES_THE_PLACE __attribute__((visibility("default")))

#ifdef INJECT_UNDER_ASAN
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *memory, size_t size);
void *REAL(memalign)(size_t alignment, size_t size);
void REAL(free)(void *memory);

static _Atomic(struct inject_plan *) armed;

static struct stack refused; /* of the first call that was */

/* ---- blocks ------------------------------------------------------------------------------------ */

enum { BLOCKS_MAX = 8192 };

static struct {
  pthread_mutex_t mutex;
  bool on;
  unsigned count; /* of places used so far, free ones among them */
  struct block {
    void *memory; /* NULL: it was freed */
    struct stack by;
  } blocks[BLOCKS_MAX];
} track = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void inject_track(void) {
  track.on = true;
}

static STACK_INLINE void *block_taken(void *memory) {
  if (!track.on || !memory)
    return memory;
  struct stack by;
  stack_take(&by);
  pthread_mutex_lock(&track.mutex);
  unsigned place = 0;
  while (place < track.count && track.blocks[place].memory)
    place++;
  if (place < BLOCKS_MAX) {
    track.blocks[place] = (struct block){.memory = memory, .by = by};
    track.count += place == track.count;
  }
  pthread_mutex_unlock(&track.mutex);
  return memory;
}

/* The last one taken is, as a rule, freed first. */
static void block_freed(const void *memory) {
  if (!track.on || !memory)
    return;
  pthread_mutex_lock(&track.mutex);
  for (unsigned place = track.count; place > 0; place--)
    if (track.blocks[place - 1].memory == memory) {
      track.blocks[place - 1].memory = NULL;
      break;
    }
  pthread_mutex_unlock(&track.mutex);
}

/* json-c loses whole trees where it was refused memory; libcurl loses what it was printing a certificate to where
   OpenSSL was. */
static bool loses_whole(const char *library) {
  return strncmp(library, "libjson-c.", 10) == 0 || strncmp(library, "libcrypto.", 10) == 0;
}

unsigned inject_tell_left(void) {
  enum { FORGIVEN_MOST = 2 };
  unsigned ours = 0, others = 0;
  const char *refused_to = stack_doer(&refused);
  track.on = false;
  for (unsigned place = 0; place < track.count; place++) {
    const struct block *block = &track.blocks[place];
    if (!block->memory || stack_is_of_what_is_kept(&block->by))
      continue;
    const char *by = stack_doer(&block->by);
    stack_print("left", &block->by);
    if (by[0] == '\0' || refused_to[0] == '\0')
      ours++;
    else if (!loses_whole(by) || strcmp(by, refused_to) != 0)
      others++;
  }
  if (ours + others > 0)
    stack_print("refused", &refused);
  return others <= FORGIVEN_MOST ? ours : ours + others;
}

/* ---- the plan ---------------------------------------------------------------------------------- */

/* A place for a debugger's breakpoint. */
__attribute__((noinline)) static bool refuse(void) {
  __asm__ volatile("");
  return true;
}

static STACK_INLINE bool fails(enum inject_kind kind) {
  struct inject_plan *plan = atomic_load_explicit(&armed, memory_order_acquire);
  if (!plan)
    return false;
  unsigned number = atomic_fetch_add_explicit(&plan->counted[kind], 1, memory_order_relaxed) + 1;
  if (plan->kind != kind || plan->at == 0 || number < plan->at ||
      (number > plan->at && !plan->lasting))
    return false;
  if (refused.depth == 0)
    stack_take(&refused);
  return refuse();
}

/* Descriptors are given from the lowest that is free; there may be holes below others, which are few. */
static void limit_descriptors(unsigned more) {
  struct rlimit limit;
  int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);
  if (lowest < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  close(lowest);
  limit.rlim_cur = (rlim_t)lowest + more;
  (void)setrlimit(RLIMIT_NOFILE, &limit); /* lower than before: it is allowed */
}

void inject_arm(struct inject_plan *plan) {
  if (plan->kind == INJECT_LIMIT && plan->at > 0)
    limit_descriptors(plan->at - 1);
  atomic_store_explicit(&armed, plan, memory_order_release);
}

void inject_disarm(void) {
  struct rlimit limit;
  atomic_store_explicit(&armed, NULL, memory_order_release);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1024) {
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

__attribute__((constructor)) static void arm_from_the_environment(void) {
  const char *path = getenv(INJECT_VARIABLE);
  if (!path)
    return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  struct inject_plan *plan =
      file < 0 ? MAP_FAILED : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (plan == MAP_FAILED) {
    perror(path);
    _exit(99);
  }
  close(file);
  unsetenv(INJECT_VARIABLE);
  inject_watch(plan->patience_s);
  inject_arm(plan);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static STACK_INLINE bool is_out_of_memory(void) {
  if (!fails(INJECT_MEMORY))
    return false;
  errno = ENOMEM;
  return true;
}

static STACK_INLINE void *take(size_t size) {
  return is_out_of_memory() ? NULL : block_taken(REAL(malloc)(size));
}

static STACK_INLINE void *take_aligned(size_t alignment, size_t size) {
  return is_out_of_memory() ? NULL : block_taken(REAL(memalign)(alignment, size));
}

TAKES_THE_PLACE void *malloc(size_t size) {
  return take(size);
}

TAKES_THE_PLACE void *calloc(size_t count, size_t size) {
  return is_out_of_memory() ? NULL : block_taken(REAL(calloc)(count, size));
}

TAKES_THE_PLACE void free(void *memory) {
  block_freed(memory);
  REAL(free)(memory);
}

TAKES_THE_PLACE void *realloc(void *memory, size_t size) {
  if (!memory)
    return take(size);
  if (size == 0) {
    free(memory);
    return NULL;
  }
  if (is_out_of_memory())
    return NULL;
  block_freed(memory); /* before another thread can have it */
  void *moved = REAL(realloc)(memory, size);
  block_taken(moved ? moved : memory);
  return moved;
}

TAKES_THE_PLACE void *memalign(size_t alignment, size_t size) {
  return take_aligned(alignment, size);
}

TAKES_THE_PLACE void *aligned_alloc(size_t alignment, size_t size) {
  return take_aligned(alignment, size);
}

TAKES_THE_PLACE int posix_memalign(void **memory, size_t alignment, size_t size) {
  void *aligned = take_aligned(alignment, size);
  if (!aligned)
    return ENOMEM;
  *memory = aligned;
  return 0;
}

/* ---- descriptors ------------------------------------------------------------------------------- */

/* `real`, a pointer to a function, is looked up when it is first called. */
static void look_up(void *real, const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found)
    abort();
  memcpy(real, &found, sizeof found);
}

static STACK_INLINE bool is_out_of_descriptors(void) {
  if (!fails(INJECT_DESCRIPTOR))
    return false;
  errno = EMFILE;
  return true;
}

#define REFUSED_OR_REAL(name, failure, arguments)                                                  \
  static __typeof__(&name) real;                                                                   \
  if (is_out_of_descriptors())                                                                     \
    return failure;                                                                                \
  if (!real)                                                                                       \
    look_up(&real, #name);                                                                         \
  return real arguments

TAKES_THE_PLACE int socket(int domain, int type, int protocol) {
  REFUSED_OR_REAL(socket, -1, (domain, type, protocol));
}

TAKES_THE_PLACE int socketpair(int domain, int type, int protocol, int pair[2]) {
  REFUSED_OR_REAL(socketpair, -1, (domain, type, protocol, pair));
}

TAKES_THE_PLACE int pipe(int ends[2]) {
  REFUSED_OR_REAL(pipe, -1, (ends));
}

TAKES_THE_PLACE int pipe2(int ends[2], int flags) {
  REFUSED_OR_REAL(pipe2, -1, (ends, flags));
}

TAKES_THE_PLACE int eventfd(unsigned count, int flags) {
  REFUSED_OR_REAL(eventfd, -1, (count, flags));
}

TAKES_THE_PLACE int epoll_create1(int flags) {
  REFUSED_OR_REAL(epoll_create1, -1, (flags));
}

TAKES_THE_PLACE int dup(int fd) {
  REFUSED_OR_REAL(dup, -1, (fd));
}

TAKES_THE_PLACE FILE *fopen(const char *path, const char *mode) {
  REFUSED_OR_REAL(fopen, NULL, (path, mode));
}

TAKES_THE_PLACE FILE *fopen64(const char *path, const char *mode) {
  REFUSED_OR_REAL(fopen64, NULL, (path, mode));
}

static int mode_of(int flags, va_list more) {
  return flags & O_CREAT ? va_arg(more, int) : 0;
}

TAKES_THE_PLACE int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = mode_of(flags, more);
  va_end(more);
  REFUSED_OR_REAL(open, -1, (path, flags, mode));
}

TAKES_THE_PLACE int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = mode_of(flags, more);
  va_end(more);
  REFUSED_OR_REAL(open64, -1, (path, flags, mode));
}

/* ---- threads ----------------------------------------------------------------------------------- */

#ifdef INJECT_UNDER_ASAN
int __interceptor_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                                 void *(*run)(void *), void *data);
#endif

TAKES_THE_PLACE int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                                   void *(*run)(void *), void *data) {
  if (fails(INJECT_THREAD))
    return EAGAIN;
#ifdef INJECT_UNDER_ASAN
  return __interceptor_pthread_create(thread, attributes, run, data);
#else
  static __typeof__(&pthread_create) real;
  if (!real)
    look_up(&real, "pthread_create");
  return real(thread, attributes, run, data);
#endif
}

#ifdef INJECT_UNDER_ASAN
/* What the dynamic linker keeps where the leak sanitizer does not look, and whole trees that json-c loses where it
   is refused memory. */
TAKES_THE_PLACE const char *__lsan_default_suppressions(void);
TAKES_THE_PLACE const char *__lsan_default_suppressions(void) {
  return "leak:_dl_map_object_deps\nleak:libjson-c.so\n";
}
#endif

/* ---- the end ----------------------------------------------------------------------------------- */

static _Noreturn void end_in(const struct stack *stack, const char *how) {
  const char *name = stack_doer(stack);
  stack_print("refused", &refused);
  stack_print("ended", stack);
  fprintf(stderr, "%s within %s\n", how, name[0] ? name : "the program");
  _exit(name[0] ? INJECT_ENDED_ELSEWHERE : INJECT_ENDED_HERE);
}

TAKES_THE_PLACE void abort(void) {
  struct stack stack;
  inject_disarm();
  stack_take(&stack);
  end_in(&stack, "aborted");
}

/* Between this and what crashed or hangs there is a frame of the kernel's. */
static void on_signal(int signal) {
  struct stack stack;
  inject_disarm();
  stack_take(&stack);
  end_in(&stack, signal == SIGALRM  ? "hangs"
                 : signal == SIGFPE ? "divided by zero"
                                    : "wild pointer");
}

void inject_watch(unsigned patience_s) {
  struct stack stack;
  stack_take(&stack); /* loads what it needs now */
  const struct sigaction action = {.sa_handler = on_signal};
  (void)sigaction(SIGSEGV, &action, NULL);
  (void)sigaction(SIGBUS, &action, NULL);
  (void)sigaction(SIGFPE, &action, NULL);
  (void)sigaction(SIGALRM, &action, NULL);
  (void)alarm(patience_s);
}

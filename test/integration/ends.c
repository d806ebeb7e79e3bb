/*
 * ends: a program that ends in one of several ways while its clients have https attempts under way.
 * It loads the library by itself, so that it can let go of it too. The exit code is 7, or something
 * went wrong. Used by the script process_ends.
 *
 *   ends WAY LIBRARY ENDPOINT CA_FILE IO_THREADS AFTER_MS
 */
#include "expstart.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 2, STARTS = 20000, ENDED_AS_WANTED = 7, WENT_WRONG = 1 };

static int (*client_create)(expstart_client **, uv_loop_t *, const struct expstart_options *);
static int (*client_close)(expstart_client *, expstart_close_mode, expstart_closed_cb, void *);
static int (*submit_many)(expstart_client *, const int64_t *, size_t, const char *,
                          expstart_done_cb, void *, size_t *);

static void *library;
static uv_loop_t loop;
static uv_timer_t timer;
static expstart_client *clients[CLIENTS];
static bool is_over, exits_in_callback;
static unsigned closed_count;

static void must(bool holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "ends: %s\n", what);
  _exit(WENT_WRONG);
}

/* Data and code pointers are the same to POSIX, but not to C. */
static void find(const char *name, void *function) {
  void *symbol = dlsym(library, name);
  must(symbol != NULL, name);
  memcpy(function, &symbol, sizeof(symbol));
}

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  (void)client, (void)result, (void)data;
  if (is_over && exits_in_callback)
    exit(ENDED_AS_WANTED);
}

static void on_closed(void *data) {
  (void)data;
  closed_count++;
}

static void on_timer(uv_timer_t *handle) {
  is_over = true;
  if (!exits_in_callback)
    uv_stop(handle->loop);
}

static void open_clients(const char *endpoint, const char *ca_file, int io_threads) {
  static int64_t ids[STARTS];
  struct expstart_options options;
  for (int i = 0; i < STARTS; i++)
    ids[i] = i + 1;
  expstart_options_init(&options);
  options.endpoint = endpoint;
  options.api_key = "sandbox-key";
  options.ca_file = ca_file;
  options.io_threads = io_threads;
  options.backoff_base_ms = 1;
  options.backoff_cap_ms = 1;
  for (int i = 0; i < CLIENTS; i++) {
    must(client_create(&clients[i], &loop, &options) == EXPSTART_OK, "create");
    must(submit_many(clients[i], ids, STARTS, NULL, on_done, NULL, NULL) == EXPSTART_OK, "submit");
  }
}

static void close_clients(void) {
  for (int i = 0; i < CLIENTS; i++)
    must(client_close(clients[i], EXPSTART_ABORT, on_closed, NULL) == EXPSTART_OK, "close");
}

/* Registered before the library has its own handler, and so called after it. */
static void close_at_exit(void) {
  close_clients();
  while (closed_count < CLIENTS)
    uv_run(&loop, UV_RUN_ONCE);
}

static void *exit_from_thread(void *data) {
  const struct timespec time = {.tv_nsec = *(const long *)data * 1000000};
  nanosleep(&time, NULL);
  exit(ENDED_AS_WANTED);
}

static void run_for(long after_ms) {
  uv_update_time(&loop);
  uv_timer_start(&timer, on_timer, (uint64_t)after_ms, 0);
  uv_run(&loop, UV_RUN_DEFAULT);
}

static void run_until_thread_exits(long after_ms) {
  static long delay_ms;
  pthread_t thread;
  delay_ms = after_ms;
  must(pthread_create(&thread, NULL, exit_from_thread, &delay_ms) == 0, "thread");
  uv_run(&loop, UV_RUN_DEFAULT);
  for (;;) /* all starts are done, or the library does nothing more */
    pause();
}

static void exit_in_child(void) {
  int status = 0;
  pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0)
    exit(ENDED_AS_WANTED);
  must(waitpid(child, &status, 0) == child, "wait");
  must(WIFEXITED(status) && WEXITSTATUS(status) == ENDED_AS_WANTED, "the child did not end well");
  run_for(5); /* the parent goes on */
}

static void end(const char *way, long after_ms) {
  if (strcmp(way, "exit-in-thread") == 0)
    run_until_thread_exits(after_ms);
  exits_in_callback = strcmp(way, "exit-in-callback") == 0;
  run_for(after_ms);
  if (strcmp(way, "exit") == 0 || strcmp(way, "close-at-exit") == 0)
    exit(ENDED_AS_WANTED);
  else if (strcmp(way, "quick_exit") == 0)
    quick_exit(ENDED_AS_WANTED);
  else if (strcmp(way, "_exit") == 0)
    _exit(ENDED_AS_WANTED);
  else if (strcmp(way, "fork") == 0)
    exit_in_child();
  else if (strcmp(way, "dlclose") == 0)
    must(dlclose(library) == 0, "dlclose");
  else if (strcmp(way, "closing") == 0)
    close_clients();
  else
    must(strcmp(way, "return") == 0, "no such way to end");
}

int main(int argc, char **argv) {
  must(argc == 7, "usage: ends WAY LIBRARY ENDPOINT CA_FILE IO_THREADS AFTER_MS");
  const char *way = argv[1];
  library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  must(library != NULL, "dlopen");
  find("expstart_client_create", &client_create);
  find("expstart_client_close", &client_close);
  find("expstart_submit_many", &submit_many);
  if (strcmp(way, "close-at-exit") == 0)
    must(atexit(close_at_exit) == 0, "atexit");
  must(uv_loop_init(&loop) == 0 && uv_timer_init(&loop, &timer) == 0, "loop");
  open_clients(argv[3], argv[4], (int)strtol(argv[5], NULL, 10));
  end(way, strtol(argv[6], NULL, 10));
  if (strcmp(way, "dlclose") == 0 || strcmp(way, "closing") == 0)
    run_for(5);
  return ENDED_AS_WANTED;
}

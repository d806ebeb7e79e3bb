/*
 * examples/embed/daemon, a process of its own between clients on its unix socket and a sandbox: each line
 * is answered once, whatever is full, slow, gone or told to end.
 */
#include "harness.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SANDBOX_KEY "sandbox-key"
#define IDS 2000
#define PATIENCE_S 60

struct daemon {
  struct sandbox sandbox;
  pid_t pid;
  int metrics_port;
  char folder[32], path[48];
};

/* What a client sends and gets. */
struct talk {
  int fd;
  char *lines;
  size_t length, lines_room, sent;
  char *answers;
  size_t used, room;
  bool ended; /* by the daemon */
};

/* ---- the daemon ---- */

static void set_up(struct daemon *daemon, const char *const sandbox_arguments[], const char *queue,
                   const char *drain_s) {
  int output[2];
  sandbox_start(&daemon->sandbox, sandbox_arguments);
  strcpy(daemon->folder, "/tmp/embed_daemon.XXXXXX");
  assert_non_null(mkdtemp(daemon->folder));
  snprintf(daemon->path, sizeof daemon->path, "%s/socket", daemon->folder);
  assert_int_equal(pipe(output), 0);
  daemon->pid = fork();
  assert_true(daemon->pid >= 0);
  if (daemon->pid == 0) {
    const char *program = getenv("EXPSTART_EMBED_DAEMON");
    if (setenv("ABSMARTLY_API_ENDPOINT", daemon->sandbox.endpoint, 1) == 0 &&
        setenv("ABSMARTLY_API_KEY", SANDBOX_KEY, 1) == 0 && dup2(output[1], 1) == 1)
      execl(program, program, "-s", daemon->path, "-m", "0", "-l", "env=\"test\"", "-q", queue,
            "-d", drain_s, (char *)NULL);
    _exit(127);
  }
  close(output[1]);
  FILE *said = fdopen(output[0], "r");
  assert_non_null(said);
  assert_int_equal(
      fscanf(said, "metrics http://127.0.0.1:%d/metrics\nready", &daemon->metrics_port), 1);
  fclose(said);
}

/* It must end by itself, with that code. */
static void tear_down(struct daemon *daemon, int code) {
  int status = -1;
  struct timespec pause = {.tv_nsec = 10000000};
  for (int i = 0; waitpid(daemon->pid, &status, WNOHANG) == 0; i++) {
    if (i >= PATIENCE_S * 100) {
      kill(daemon->pid, SIGKILL);
      fail_msg("the daemon does not end");
    }
    nanosleep(&pause, NULL);
  }
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), code);
  assert_int_equal(rmdir(daemon->folder), 0); /* the socket is gone */
  sandbox_stop(&daemon->sandbox);
}

static void stop(struct daemon *daemon) {
  assert_int_equal(kill(daemon->pid, SIGTERM), 0);
  tear_down(daemon, 0);
}

/* The page, from the heap. */
static char *read_page(const struct daemon *daemon, const char *path) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)daemon->metrics_port)};
  char request[64], *page = calloc(1, 65536);
  size_t used = 0;
  ssize_t got;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_non_null(page);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
  assert_int_equal(send(fd, request, (size_t)length, MSG_NOSIGNAL), length);
  while ((got = recv(fd, page + used, 65535 - used, 0)) > 0)
    used += (size_t)got;
  assert_int_equal(got, 0);
  close(fd);
  return page;
}

static unsigned long long metric(const struct daemon *daemon, const char *name) {
  char *page = read_page(daemon, "/metrics"), key[100];
  snprintf(key, sizeof key, "\n%s{env=\"test\"} ", name);
  const char *value = strstr(page, key);
  assert_non_null(value);
  unsigned long long number = strtoull(value + strlen(key), NULL, 10);
  free(page);
  return number;
}

/* ---- a client ---- */

static void begin_talk(struct talk *talk, const struct daemon *daemon) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  *talk = (struct talk){.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
  strcpy(address.sun_path, daemon->path);
  assert_int_equal(connect(talk->fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(fcntl(talk->fd, F_SETFL, O_NONBLOCK), 0);
}

static void add_line(struct talk *talk, const char *line) {
  size_t length = strlen(line);
  if (talk->lines_room < talk->length + length) {
    talk->lines_room = 2 * talk->lines_room + length;
    talk->lines = realloc(talk->lines, talk->lines_room);
    assert_non_null(talk->lines);
  }
  memcpy(talk->lines + talk->length, line, length);
  talk->length += length;
}

static void add_ids(struct talk *talk, int first, int last) {
  char line[32];
  for (int id = first; id <= last; id++) {
    snprintf(line, sizeof line, "%d\n", id);
    add_line(talk, line);
  }
}

static void receive(struct talk *talk) {
  if (talk->room - talk->used < 65536) {
    talk->room = 2 * talk->room + 65536;
    talk->answers = realloc(talk->answers, talk->room);
    assert_non_null(talk->answers);
  }
  ssize_t got = recv(talk->fd, talk->answers + talk->used, talk->room - talk->used - 1, 0);
  /* A daemon that ends leaves lines unread, which resets the connection. */
  talk->ended = got <= 0;
  if (got > 0)
    talk->used += (size_t)got;
  talk->answers[talk->used] = '\0';
}

static size_t count_answers(const struct talk *talk) {
  size_t count = 0;
  for (size_t i = 0; i < talk->used; i++)
    count += talk->answers[i] == '\n';
  return count;
}

/* Sends, and reads if `answers` is not 0: until there are so many, the daemon has ended the connection, or
   for half a second nothing could be done (which is an error unless `may_wait`). */
static void go_on(struct talk *talk, size_t answers, bool may_wait) {
  int waits_ms = may_wait ? 500 : PATIENCE_S * 1000;
  while (!talk->ended && (answers == 0 || count_answers(talk) < answers)) {
    struct pollfd poller = {.fd = talk->fd, .events = answers > 0 ? POLLIN : 0};
    if (talk->sent < talk->length)
      poller.events |= POLLOUT;
    if (poll(&poller, 1, waits_ms) == 0) {
      assert_true(may_wait);
      return;
    }
    if (poller.revents & POLLIN) {
      receive(talk);
    } else if (poller.revents & POLLOUT) {
      ssize_t sent =
          send(talk->fd, talk->lines + talk->sent, talk->length - talk->sent, MSG_NOSIGNAL);
      if (sent > 0)
        talk->sent += (size_t)sent;
      else /* it is ended, and what it wrote before is still to be read */
        talk->length = talk->sent;
    } else {
      talk->ended = true;
    }
  }
}

static void go_on_to_the_end(struct talk *talk) {
  go_on(talk, SIZE_MAX, false);
  assert_true(talk->ended);
}

static void end_talk(struct talk *talk) {
  close(talk->fd);
  free(talk->lines);
  free(talk->answers);
}

/* How many ids of 1 to IDS are answered with what begins so; none of them is answered twice. */
static int answered(const struct talk *talk, const char *what) {
  static int times[IDS + 1];
  int count = 0;
  memset(times, 0, sizeof times);
  for (const char *at = talk->answers, *end; at && (end = strchr(at, '\n')) != NULL; at = end + 1) {
    char *text;
    long id = strtol(at, &text, 10);
    if (id < 1 || id > IDS)
      continue;
    times[id]++;
    assert_int_equal(times[id], 1);
    count += strncmp(text + 1, what, strlen(what)) == 0;
  }
  return count;
}

/* ---- tests ---- */

static const char *const quick[] = {"--experiments", "2000", "--reply", "small", NULL};
static const char *const slow[] = {"--experiments", "2000", "--reply", "small",
                                   "--latency-ms",  "20",   NULL};
static const char *const silent[] = {"--experiments", "2000", "--latency-ms", "60000", NULL};

static void all_lines_are_answered_once_through_a_small_queue(void **state) {
  (void)state;
  struct daemon daemon;
  struct talk talk;
  set_up(&daemon, quick, "20", "60");
  begin_talk(&talk, &daemon);
  add_ids(&talk, 1, IDS);
  go_on(&talk, IDS, false);
  assert_int_equal(answered(&talk, "started\n"), IDS);
  assert_int_equal(sandbox_stat(&daemon.sandbox, "started_once"), IDS);
  assert_int_equal(metric(&daemon, "expstart_accepted_total"), IDS);
  end_talk(&talk);
  stop(&daemon);
}

static void while_the_queue_is_full_clients_wait_in_their_write(void **state) {
  (void)state;
  static char line[4000];
  struct daemon daemon;
  struct talk talk;
  set_up(&daemon, silent, "20", "60");
  begin_talk(&talk, &daemon);
  memset(line, 'n', sizeof line - 2);
  strcpy(line + sizeof line - 2, "\n");
  for (int id = 1000; id < 1500; id++) {
    char number[8];
    snprintf(number, sizeof number, "%d ", id);
    memcpy(line, number, strlen(number));
    add_line(&talk, line);
  }
  go_on(&talk, 0, true);
  /* What the system keeps of it beside. */
  assert_true(talk.sent < talk.length / 2);
  assert_int_equal(metric(&daemon, "expstart_accepted_total"), 20);
  kill(daemon.pid, SIGTERM);
  kill(daemon.pid, SIGINT);
  go_on_to_the_end(&talk);
  assert_int_equal(answered(&talk, "canceled ECANCELED") + answered(&talk, "unknown ECANCELED"),
                   20);
  end_talk(&talk);
  tear_down(&daemon, 1);
}

static void sigterm_ends_what_was_accepted_and_refuses_the_rest(void **state) {
  (void)state;
  struct daemon daemon;
  struct talk talks[2];
  int started = 0, refused = 0;
  set_up(&daemon, slow, "50", "60");
  for (int i = 0; i < 2; i++) {
    begin_talk(&talks[i], &daemon);
    add_ids(&talks[i], 1 + i * IDS / 2, (1 + i) * IDS / 2);
  }
  go_on(&talks[0], 100, false);
  go_on(&talks[1], 100, false);
  assert_int_equal(kill(daemon.pid, SIGTERM), 0);
  for (int i = 0; i < 2; i++) {
    go_on_to_the_end(&talks[i]);
    started += answered(&talks[i], "started\n");
    refused += answered(&talks[i], "refused ECLOSING");
    /* These lines had come all before, so that there is an answer to each. */
    assert_int_equal(count_answers(&talks[i]), IDS / 2);
  }
  assert_int_equal(started + refused, IDS);
  assert_true(started >= 200 && started < IDS);
  assert_int_equal(sandbox_stat(&daemon.sandbox, "started_once"), started);
  assert_int_equal(sandbox_stat(&daemon.sandbox, "started_more_than_once"), 0);
  end_talk(&talks[0]);
  end_talk(&talks[1]);
  tear_down(&daemon, 0);
}

static void a_drain_that_takes_too_long_is_ended(void **state) {
  (void)state;
  struct daemon daemon;
  struct talk talk;
  set_up(&daemon, silent, "100", "1");
  begin_talk(&talk, &daemon);
  add_ids(&talk, 1, 10);
  go_on(&talk, 1, true);
  uint64_t before_ns = uv_hrtime();
  kill(daemon.pid, SIGTERM);
  go_on_to_the_end(&talk);
  assert_in_range(uv_hrtime() - before_ns, 900000000, UINT64_C(20000000000));
  assert_int_equal(answered(&talk, "canceled ECANCELED") + answered(&talk, "unknown ECANCELED"),
                   10);
  end_talk(&talk);
  tear_down(&daemon, 1);
}

static void what_is_no_whole_line_is_refused(void **state) {
  (void)state;
  struct daemon daemon;
  struct talk talk;
  set_up(&daemon, quick, "100", "60");
  begin_talk(&talk, &daemon);
  add_line(&talk, "x\n12x\n-3\n\n99999999999999999999\n0\n2001\n5 a note, ü\n6 \xff\n12");
  go_on(&talk, 0, true);
  assert_int_equal(shutdown(talk.fd, SHUT_WR), 0);
  go_on_to_the_end(&talk);
  assert_int_equal(count_answers(&talk), 10);
  assert_int_equal(answered(&talk, "started\n"), 1);
  assert_int_equal(answered(&talk, "refused ENOTEUTF8"), 1);
  assert_non_null(strstr(talk.answers, "2001 rejected EREJECTED"));
  assert_non_null(strstr(talk.answers, "0 refused EID"));
  assert_non_null(strstr(talk.answers, "- refused EINVAL the last line has no end\n"));
  assert_int_equal(sandbox_stat(&daemon.sandbox, "started_once"), 1);
  end_talk(&talk);
  begin_talk(&talk, &daemon);
  for (int i = 0; i < 2000; i++)
    add_line(&talk, "1234567890");
  go_on_to_the_end(&talk);
  assert_string_equal(talk.answers, "- refused EINVAL the line is too long\n");
  end_talk(&talk);
  stop(&daemon);
}

static void who_goes_away_leaves_its_starts_to_be_done(void **state) {
  (void)state;
  struct daemon daemon;
  struct talk talk;
  set_up(&daemon, slow, "100", "60");
  begin_talk(&talk, &daemon);
  add_ids(&talk, 1, 50);
  go_on(&talk, 0, true);
  end_talk(&talk);
  begin_talk(&talk, &daemon);
  add_ids(&talk, 51, 51);
  go_on(&talk, 1, false);
  end_talk(&talk);
  assert_int_equal(kill(daemon.pid, SIGTERM), 0);
  while (sandbox_stat(&daemon.sandbox, "started_once") < 51)
    uv_sleep(10);
  tear_down(&daemon, 0);
}

static void who_does_not_read_is_not_read_from(void **state) {
  (void)state;
  struct daemon daemon;
  struct talk talk;
  set_up(&daemon, quick, "100", "60");
  begin_talk(&talk, &daemon);
  for (int i = 0; i < 500000; i++)
    add_line(&talk, "x\n");
  go_on(&talk, 0, true);
  assert_true(talk.sent < talk.length / 2);
  talk.length = talk.sent; /* what it had sent is answered all when it reads */
  go_on(&talk, talk.sent / 2, false);
  assert_int_equal(count_answers(&talk), talk.sent / 2);
  end_talk(&talk);
  stop(&daemon);
}

static void the_metrics_pass_promtool(void **state) {
  (void)state;
  struct daemon daemon;
  set_up(&daemon, quick, "100", "60");
  char *page = read_page(&daemon, "/metrics"), *text = strstr(page, "\r\n\r\n");
  char *other = read_page(&daemon, "/metricsx");
  assert_non_null(text);
  assert_non_null(strstr(page, "\r\nContent-Type: text/plain; version=0.0.4"));
  assert_int_equal(strncmp(other, "HTTP/1.1 404 ", 13), 0);
  if (system("command -v promtool >/dev/null") == 0) {
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    assert_true(fputs(text + 4, promtool) >= 0);
    assert_int_equal(pclose(promtool), 0);
  } else {
    print_message("not tried: promtool is not installed\n");
  }
  free(page);
  free(other);
  stop(&daemon);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_lines_are_answered_once_through_a_small_queue),
      cmocka_unit_test(while_the_queue_is_full_clients_wait_in_their_write),
      cmocka_unit_test(sigterm_ends_what_was_accepted_and_refuses_the_rest),
      cmocka_unit_test(a_drain_that_takes_too_long_is_ended),
      cmocka_unit_test(what_is_no_whole_line_is_refused),
      cmocka_unit_test(who_goes_away_leaves_its_starts_to_be_done),
      cmocka_unit_test(who_does_not_read_is_not_read_from),
      cmocka_unit_test(the_metrics_pass_promtool),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

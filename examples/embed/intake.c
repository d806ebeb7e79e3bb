/* What clients send, one line a start: "17" or "17 a note". Each line is answered once, by a line that
   begins with its id:

       17 started                      what became of it: the outcomes of expstart.h, and if it has
       18 rejected EREJECTED no such   an error, its name and the API's words
       19 refused EID an experiment    it was not accepted, nothing will be sent for it
       - refused EINVAL a line is      the same, of a line that has no id

   A line that is never answered, because this process was killed, may have been started or not.
   Answers come in the order in which starts end. A full queue is no error: its clients are not read
   from until there is room, so that they come to wait in their write; nor is one that does not read its
   answers. A client that has sent all may shut down its half of the connection, and gets the answers
   still. One that goes away altogether leaves its starts to be done. */
#include "intake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  INPUT_MAX = EXPSTART_NOTE_MAX + 64, /* a line fits */
  OUTPUT_MAX = 256 * 1024, /* a client with so much that it has not read is not read from */
  LAST_ANSWERS_MS = 1000
};

struct connection {
  uv_pipe_t pipe;
  struct intake *intake;
  struct connection *previous, *next; /* of all */
  struct connection *next_waiting;
  bool waiting; /* for room in the queue */
  bool reading;
  bool ended;        /* no more lines are taken from it */
  bool closed;       /* only its starts still know of it */
  size_t unanswered; /* starts that were accepted and not called back */
  size_t used;
  char input[INPUT_MAX];
};

struct answer {
  uv_write_t write;
  char line[];
};

static void go_on(struct connection *connection);

/* ---- a connection's end ---- */

static void forget_waiting(struct connection *connection) {
  struct intake *intake = connection->intake;
  struct connection *before = NULL;
  for (struct connection *at = intake->first_waiting; at != connection; at = at->next_waiting)
    before = at;
  *(before ? &before->next_waiting : &intake->first_waiting) = connection->next_waiting;
  if (intake->last_waiting == connection)
    intake->last_waiting = before;
  connection->waiting = false;
}

static void on_connection_closed(uv_handle_t *handle) {
  struct connection *connection = handle->data;
  struct intake *intake = connection->intake;
  *(connection->previous ? &connection->previous->next : &intake->all) = connection->next;
  if (connection->next)
    connection->next->previous = connection->previous;
  if (!intake->all && !intake->client && !uv_is_closing((uv_handle_t *)&intake->patience))
    uv_close((uv_handle_t *)&intake->patience, NULL);
  connection->closed = true;
  if (connection->unanswered == 0)
    free(connection);
}

static void close_connection(struct connection *connection) {
  if (uv_is_closing((uv_handle_t *)&connection->pipe))
    return;
  if (connection->waiting)
    forget_waiting(connection);
  connection->ended = true;
  uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
}

static bool has_output(const struct connection *connection, size_t more_than) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&connection->pipe) > more_than;
}

/* ---- answers ---- */

static void on_written(uv_write_t *write, int status) {
  struct connection *connection = write->handle->data;
  free(write->data);
  if (status != 0)
    close_connection(connection); /* who does not read any more */
  else
    go_on(connection);
}

static void answer(struct connection *connection, const char *id, const char *what, int error,
                   const char *message) {
  static const char format[] = "%s %s%s%s%s%s\n";
  const char *name = error ? expstart_err_name(error) : "", *space = error ? " " : "";
  const char *words = error ? message : "", *words_space = *words ? " " : "";
  int length = snprintf(NULL, 0, format, id, what, space, name, words_space, words);
  struct answer *answer = length < 0 ? NULL : malloc(sizeof *answer + (size_t)length + 1);
  if (!answer) { /* the client is told by the end of its connection */
    close_connection(connection);
    return;
  }
  (void)snprintf(answer->line, (size_t)length + 1, format, id, what, space, name, words_space,
                 words);
  uv_buf_t buffer = uv_buf_init(answer->line, (unsigned)length);
  answer->write.data = answer;
  if (uv_write(&answer->write, (uv_stream_t *)&connection->pipe, &buffer, 1, on_written) != 0) {
    free(answer);
    close_connection(connection);
  }
}

static void on_done(expstart_client *client, const expstart_result *result, void *data) {
  struct connection *connection = data;
  char id[32];
  (void)client;
  connection->unanswered--;
  if (result->error == EXPSTART_ECANCELED)
    connection->intake->canceled = true;
  if (connection->closed) {
    if (connection->unanswered == 0)
      free(connection);
    return;
  }
  if (uv_is_closing((uv_handle_t *)&connection->pipe))
    return;
  (void)snprintf(id, sizeof id, "%lld", (long long)result->experiment_id);
  answer(connection, id, expstart_outcome_name(result->outcome), result->error,
         *result->message ? result->message : expstart_strerror(result->error));
}

/* ---- lines ---- */

/* False: there is no room, and the line stays where it is. */
static bool submit_line(struct connection *connection, char *line, size_t length) {
  struct expstart_request request = {.size = sizeof request, .done = on_done, .data = connection};
  char *end;
  errno = 0;
  request.experiment_id = strtoll(line, &end, 10);
  if (*line < '0' || *line > '9' || errno != 0 || (*end != '\0' && *end != ' ') ||
      strlen(line) != length) {
    answer(connection, "-", "refused", EXPSTART_EINVAL, "a line is an id, or an id and a note");
    return true;
  }
  request.note = *end == ' ' ? end + 1 : NULL;
  int error = expstart_submit(connection->intake->client, &request, NULL);
  if (error == EXPSTART_EFULL)
    return false;
  if (error == EXPSTART_OK) {
    connection->unanswered++;
  } else {
    *end = '\0';
    answer(connection, line, "refused", error, expstart_strerror(error));
  }
  return true;
}

static void wait_for_room(struct connection *connection) {
  struct intake *intake = connection->intake;
  connection->waiting = true;
  connection->next_waiting = NULL;
  *(intake->last_waiting ? &intake->last_waiting->next_waiting : &intake->first_waiting) =
      connection;
  intake->last_waiting = connection;
}

/* Submits the whole lines that have come, as long as it may. */
static void take_lines(struct connection *connection) {
  size_t start = 0;
  char *end;
  while (!connection->ended && !has_output(connection, OUTPUT_MAX) &&
         (end = memchr(connection->input + start, '\n', connection->used - start)) != NULL) {
    *end = '\0';
    if (!submit_line(connection, connection->input + start,
                     (size_t)(end - connection->input) - start)) {
      *end = '\n';
      wait_for_room(connection);
      break;
    }
    start = (size_t)(end + 1 - connection->input);
  }
  connection->used -= start;
  memmove(connection->input, connection->input + start, connection->used);
  if (connection->used == INPUT_MAX && !memchr(connection->input, '\n', INPUT_MAX)) {
    connection->ended = true;
    answer(connection, "-", "refused", EXPSTART_EINVAL, "the line is too long");
  }
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct connection *connection = handle->data;
  (void)suggested;
  *buffer =
      uv_buf_init(connection->input + connection->used, (unsigned)(INPUT_MAX - connection->used));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  struct connection *connection = stream->data;
  (void)buffer;
  if (count >= 0) {
    connection->used += (size_t)count;
  } else if (count == UV_EOF) {
    /* "12" may be what is left of "123". */
    if (connection->used > 0)
      answer(connection, "-", "refused", EXPSTART_EINVAL, "the last line has no end");
    connection->used = 0;
    connection->ended = true;
  } else {
    close_connection(connection);
  }
  go_on(connection);
}

/* Does what can be done now: takes lines, reads on or stops reading, ends the connection. */
static void go_on(struct connection *connection) {
  if (!connection->waiting && !connection->ended)
    take_lines(connection);
  if (uv_is_closing((uv_handle_t *)&connection->pipe))
    return;
  if (connection->ended && connection->unanswered == 0 && !has_output(connection, 0)) {
    close_connection(connection);
    return;
  }
  bool read = !connection->waiting && !connection->ended && !has_output(connection, OUTPUT_MAX);
  if (read == connection->reading)
    return;
  connection->reading = read;
  if (!read)
    (void)uv_read_stop((uv_stream_t *)&connection->pipe); /* always succeeds */
  else if (uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) != 0)
    close_connection(connection);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct intake *intake = listener->data;
  struct connection *connection = status == 0 ? calloc(1, sizeof *connection) : NULL;
  if (!connection) {
    if (status ==
        0) /* no memory; libuv would take no connection any more until this one is taken */
      (void)raise(SIGTERM);
    return;
  }
  connection->intake = intake;
  connection->pipe.data = connection;
  (void)uv_pipe_init(listener->loop, &connection->pipe, 0); /* always succeeds */
  connection->next = intake->all;
  if (intake->all)
    intake->all->previous = connection;
  intake->all = connection;
  if (uv_accept(listener, (uv_stream_t *)&connection->pipe) != 0)
    close_connection(connection);
  else
    go_on(connection);
}

/* ---- what the daemon calls ---- */

int intake_listen(struct intake *intake, uv_loop_t *loop, const char *path,
                  expstart_client *client) {
  intake->client = client;
  (void)uv_timer_init(loop, &intake->patience); /* these two always succeed */
  (void)uv_pipe_init(loop, &intake->listener, 0);
  intake->listener.data = intake->patience.data = intake;
  int status = uv_pipe_bind(&intake->listener, path);
  return status != 0 ? status : uv_listen((uv_stream_t *)&intake->listener, 128, on_connection);
}

void intake_on_room(struct intake *intake) {
  struct connection *connection;
  while ((connection = intake->first_waiting) != NULL) {
    forget_waiting(connection);
    go_on(connection);
    if (intake->last_waiting == connection)
      return; /* full again; its turn comes after the others' */
  }
}

void intake_stop_listening(struct intake *intake) {
  if (!uv_is_closing((uv_handle_t *)&intake->listener))
    uv_close((uv_handle_t *)&intake->listener, NULL); /* removes the socket's file */
}

static void on_impatient(uv_timer_t *timer) {
  struct intake *intake = timer->data;
  for (struct connection *at = intake->all; at; at = at->next)
    close_connection(at);
}

void intake_close(struct intake *intake) {
  intake->client = NULL;
  intake_stop_listening(intake);
  if (!intake->all) {
    uv_close((uv_handle_t *)&intake->patience, NULL);
    return;
  }
  for (struct connection *next, *at = intake->all; at; at = next) {
    next = at->next;
    at->ended = true;
    go_on(at);
  }
  (void)uv_timer_start(&intake->patience, on_impatient, LAST_ANSWERS_MS, 0); /* it is not closing */
}

/* Lines from a unix socket, each of which is a start, and the answers to them. It runs on the loop it is
   given; the client is its user's, who tells when there is room and when the client is gone. */
#ifndef INTAKE_H
#define INTAKE_H

#include <expstart.h>
#include <stdbool.h>

struct connection;

struct intake {
  uv_pipe_t listener;
  uv_timer_t patience; /* with clients that do not read their last answers */
  expstart_client *client;
  bool canceled; /* some start was */
  struct connection *all;
  struct connection *first_waiting, *last_waiting; /* for room in the queue, in their order */
};

/* Listens at `path`, which must not exist. 0, or a libuv error. */
int intake_listen(struct intake *intake, uv_loop_t *loop, const char *path,
                  expstart_client *client);
/* To be called by on_room: goes on with the lines that a full queue held up. */
void intake_on_room(struct intake *intake);
/* Takes no new connections; lines of those that are there are answered still. Twice is once. */
void intake_stop_listening(struct intake *intake);
/* To be called when the client is gone: sends what answers there are, and ends all connections within a
   second. */
void intake_close(struct intake *intake);

#endif

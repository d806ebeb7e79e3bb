/* A page /metrics for Prometheus over HTTP, on 127.0.0.1 only. It runs on the loop it is given, and reads
   the client's stats when it is asked for the page. */
#ifndef METRICS_H
#define METRICS_H

#include <expstart.h>

struct metrics {
  uv_tcp_t listener;
  const expstart_client *client;
  const char *labels;
};

/* Listens on `port`, or with 0 on any that is free. The port, or a libuv error. */
int metrics_listen(struct metrics *metrics, uv_loop_t *loop, int port,
                   const expstart_client *client, const char *labels);
/* Answers no more. To be called in the closed callback at the latest; connections end within two
   seconds. */
void metrics_close(struct metrics *metrics);

#endif

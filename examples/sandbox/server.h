/* HTTP on loopback by libmicrohttpd, driven by the caller's libuv loop on one thread. Called by
 * main.c; knows connections and delays, and leaves what is answered to the API part. */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <stdint.h>
#include <uv.h>

#include "api.h"
#include "certificate.h"

struct server_config {
  uint16_t port;                         /* 0: any free one */
  const struct certificate *certificate; /* NULL: no TLS; must outlive the server */
  uint64_t latency_ms;
  uint64_t late_ms; /* of what is carried out later */
  unsigned connections_max;
};

struct server;

/* Listens from here on. Returns NULL if it went well, else why not (a static text), and then there
 * may be a server all the same, stopped and to be destroyed once the loop has run empty. The API
 * must outlive the server. */
const char *server_start(struct server **server, const struct server_config *config,
                         uv_loop_t *loop, struct api *api);

/* The port it listens on. */
uint16_t server_port(const struct server *server);

/* Whether it stopped the loop since it could not go on. */
bool server_has_failed(const struct server *server);

/* Ends all connections; the loop runs empty of the server's handles after that, and only then may
 * server_destroy be called. */
void server_stop(struct server *server);
void server_destroy(struct server *server);

#endif

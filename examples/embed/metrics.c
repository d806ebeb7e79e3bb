/* The least of an HTTP server that a scrape needs: it reads a request's head, answers, and closes the
   connection. */
#include "metrics.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 8192, PATIENCE_MS = 2000 };

struct scrape {
  uv_tcp_t tcp;
  uv_timer_t patience; /* for who connects and says nothing, or does not read */
  struct metrics *metrics;
  int open_handles;
  uv_write_t write;
  char *page;
  size_t used;
  char head[HEAD_MAX];
};

static void on_scrape_closed(uv_handle_t *handle) {
  struct scrape *scrape = handle->data;
  if (--scrape->open_handles > 0)
    return;
  free(scrape->page);
  free(scrape);
}

static void close_scrape(struct scrape *scrape) {
  if (uv_is_closing((uv_handle_t *)&scrape->tcp))
    return;
  uv_close((uv_handle_t *)&scrape->tcp, on_scrape_closed);
  uv_close((uv_handle_t *)&scrape->patience, on_scrape_closed);
}

static void on_impatient(uv_timer_t *timer) {
  close_scrape(timer->data);
}

static void on_shut_down(uv_shutdown_t *request, int status) {
  struct scrape *scrape = request->handle->data;
  (void)status; /* what is left is to close it, in any case */
  free(request);
  close_scrape(scrape);
}

static void on_page_sent(uv_write_t *write, int status) {
  struct scrape *scrape = write->data;
  uv_shutdown_t *request = status == 0 ? malloc(sizeof *request) : NULL;
  if (!request || uv_shutdown(request, (uv_stream_t *)&scrape->tcp, on_shut_down) != 0) {
    free(request);
    close_scrape(scrape);
  }
}

/* The reply, from the heap: the stats if `found`, and else that there is nothing here. NULL: no memory. */
static char *make_page(const struct metrics *metrics, bool found) {
  static const char head[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                             "Connection: close\r\n\r\n";
  static const char nothing[] = "HTTP/1.1 404 Not Found\r\n"
                                "Content-Type: text/plain\r\n"
                                "Connection: close\r\n\r\n"
                                "The page is /metrics.\n";
  int length = 0;
  if (found)
    length = expstart_stats_prometheus(metrics->client, metrics->labels, NULL, 0);
  if (length < 0) /* labels of another form, which metrics_listen has checked */
    return NULL;
  size_t size = sizeof head + sizeof nothing + (size_t)length + 1024; /* numbers may grow longer */
  char *page = malloc(size);
  if (!page)
    return NULL;
  strcpy(page, found ? head : nothing);
  if (found)
    (void)expstart_stats_prometheus(metrics->client, metrics->labels, page + strlen(head),
                                    size - strlen(head));
  return page;
}

static void reply(struct scrape *scrape) {
  static const char wanted[] = "GET /metrics";
  const char after = scrape->head[sizeof wanted - 1];
  bool found =
      strncmp(scrape->head, wanted, sizeof wanted - 1) == 0 && (after == ' ' || after == '?');
  (void)uv_read_stop((uv_stream_t *)&scrape->tcp); /* always succeeds */
  if (scrape->metrics->client)
    scrape->page = make_page(scrape->metrics, found);
  if (!scrape->page) {
    close_scrape(scrape);
    return;
  }
  uv_buf_t buffer = uv_buf_init(scrape->page, (unsigned)strlen(scrape->page));
  scrape->write.data = scrape;
  if (uv_write(&scrape->write, (uv_stream_t *)&scrape->tcp, &buffer, 1, on_page_sent) != 0)
    close_scrape(scrape);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct scrape *scrape = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(scrape->head + scrape->used, (unsigned)(HEAD_MAX - 1 - scrape->used));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  struct scrape *scrape = stream->data;
  (void)buffer;
  if (count < 0) { /* UV_ENOBUFS too: a head that is too long */
    close_scrape(scrape);
    return;
  }
  scrape->used += (size_t)count;
  scrape->head[scrape->used] = '\0';
  if (strstr(scrape->head, "\r\n\r\n"))
    reply(scrape);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct scrape *scrape = status == 0 ? calloc(1, sizeof *scrape) : NULL;
  if (!scrape) {
    if (status ==
        0) /* no memory; libuv would take no connection any more until this one is taken */
      metrics_close(listener->data);
    return;
  }
  scrape->metrics = listener->data;
  scrape->open_handles = 2;
  (void)uv_tcp_init(listener->loop, &scrape->tcp); /* these two always succeed */
  (void)uv_timer_init(listener->loop, &scrape->patience);
  scrape->tcp.data = scrape->patience.data = scrape;
  if (uv_accept(listener, (uv_stream_t *)&scrape->tcp) != 0 ||
      uv_timer_start(&scrape->patience, on_impatient, PATIENCE_MS, 0) != 0 ||
      uv_read_start((uv_stream_t *)&scrape->tcp, on_alloc, on_read) != 0)
    close_scrape(scrape);
}

int metrics_listen(struct metrics *metrics, uv_loop_t *loop, int port,
                   const expstart_client *client, const char *labels) {
  struct sockaddr_in address;
  int length = sizeof address;
  if (expstart_stats_prometheus(client, labels, NULL, 0) < 0)
    return UV_EINVAL;
  metrics->client = client;
  metrics->labels = labels;
  int status = uv_tcp_init(loop, &metrics->listener);
  metrics->listener.data = metrics;
  if (status == 0)
    status = uv_ip4_addr("127.0.0.1", port, &address);
  if (status == 0)
    status = uv_tcp_bind(&metrics->listener, (const struct sockaddr *)&address, 0);
  if (status == 0)
    status = uv_listen((uv_stream_t *)&metrics->listener, 16, on_connection);
  if (status == 0)
    status = uv_tcp_getsockname(&metrics->listener, (struct sockaddr *)&address, &length);
  return status == 0 ? ntohs(address.sin_port) : status;
}

void metrics_close(struct metrics *metrics) {
  metrics->client = NULL;
  if (!uv_is_closing((uv_handle_t *)&metrics->listener))
    uv_close((uv_handle_t *)&metrics->listener, NULL);
}

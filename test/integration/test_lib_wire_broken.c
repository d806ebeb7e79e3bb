/*
 * What the client makes of connections and replies that break: never two starts where one may have
 * been done, never a result out of half a reply. Whole replies are in test_lib_wire_replies.c.
 */
#include "harness.h"

#define STARTED RAW_JSON(200, NULL, BODY_STARTED)
#define SEEN_RUNNING RAW_JSON(200, NULL, BODY_RUNNING)
#define SEEN_READY RAW_JSON(200, NULL, BODY_READY)
#define HEAD_200 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define LENGTH_11 "Content-Length: 11\r\n"
#define OK_TRUE "{\"ok\":true}"

/* {"ok":true,"experiment":{"id":7,"name":"zipped","state":"running"}} */
static const char gzip_started[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x15\xc8\x41\x0a\x80\x30\x0c\x04\xc0\xbf"
    "\xec\x39\x77\x21\xbf\x29\x74\x91\x20\x8d\xa1\x4d\x41\x2c\xfd\xbb\x38\xc7\x59\xb8"
    "\x2f\x68\xf6\x49\x01\x9f\x60\xb7\x46\x4f\xe8\x82\x55\xe8\x21\xf0\xd2\x08\xc5\x6b"
    "\x11\xac\x10\x8c\x2c\xf9\x47\x9f\xee\xe6\x27\xf6\xfe\x00\x9e\x00\xf0\x8e\x43\x00"
    "\x00\x00";
/* {"ok":true,"pad":"aaa..."}: 100,020 bytes in 156 */
static const char gzip_bomb[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xed\xc1\xb1\x0d\x80\x20\x00\x04\xc0\x5d"
    "\xbe\x76\x02\xb6\x21\xc1\x8a\x02\x63\xb0\x32\xec\xce\x1a\x14\x77\xf7\x67\xf4\x94"
    "\xf9\x7e\xf7\x95\xa7\xb6\x94\x54\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\xe0\x58\x59\x1b\x6d\x14\x72\x64\xb4\x86\x01\x00";

static const char *kind_of(const struct harness_result *result) {
  return expstart_outcome_name(result->outcome);
}

/* After this reply one look tells that it is running: one start was sent, and no more. */
static void expect_one_start_and_a_look(const struct rawserver_step *step, const char *what) {
  const struct rawserver_step script[] = {*step, RAW_STEP(SEEN_RUNNING)};
  struct harness h;
  const struct harness_result *result = PLAY(&h, script);
  if (result->outcome != EXPSTART_RUNNING || result->attempts != 1 || result->lookups != 1)
    fail_msg("%s: %s, %u attempts, %u lookups: %s", what, kind_of(result), result->attempts,
             result->lookups, result->message);
  assert_int_equal(rawserver_method_count(h.server, "PUT"), 1);
  assert_int_equal(rawserver_method_count(h.server, "GET"), 1);
  assert_int_equal(harness_stats(&h).faults, 1);
  harness_end(&h);
}

static void expect_started(const struct rawserver_step *step, const char *what) {
  struct harness h;
  const struct harness_result *result =
      harness_play(&h, &(struct rawserver_options){.steps = step, .step_count = 1});
  if (result->outcome != EXPSTART_STARTED)
    fail_msg("%s: %s: %s", what, kind_of(result), result->message);
  assert_int_equal(rawserver_request_count(h.server), 1);
  harness_end(&h);
}

struct broken {
  const char *what;
  struct rawserver_step step;
};

static void connections_lost_after_sending_lead_to_one_look(void **state) {
  (void)state;
  static const struct broken cases[] = {
      {"reset before a byte", RAW_STEP(RAW_RESET)},
      {"closed before a byte", RAW_STEP(RAW_CLOSE)},
      {"reset in the status line", RAW_STEP(RAW_SEND("HTTP/1.1 2"), RAW_PAUSE(5), RAW_RESET)},
      {"closed in the status line", RAW_STEP(RAW_SEND("HTTP/1.1 200"), RAW_CLOSE)},
      {"reset in the head", RAW_STEP(RAW_SEND(HEAD_200 "Conte"), RAW_PAUSE(5), RAW_RESET)},
      {"closed in the head", RAW_STEP(RAW_SEND(HEAD_200 LENGTH_11), RAW_CLOSE)},
      {"reset after the head", RAW_STEP(RAW_SEND(HEAD_200 LENGTH_11 "\r\n"), RAW_RESET)},
      {"reset in the body",
       RAW_STEP(RAW_SEND(HEAD_200 LENGTH_11 "\r\n{\"ok\":"), RAW_PAUSE(5), RAW_RESET)},
      {"closed after an interim reply",
       RAW_STEP(RAW_SEND("HTTP/1.1 103 Early Hints\r\n\r\n"), RAW_CLOSE)},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    expect_one_start_and_a_look(&cases[i].step, cases[i].what);
}

static void replies_of_the_wrong_length_lead_to_one_look(void **state) {
  (void)state;
  static const struct broken cases[] = {
      {"half a body", RAW_STEP(RAW_SEND(HEAD_200 "Content-Length: 99\r\n\r\n" OK_TRUE), RAW_CLOSE)},
      {"a body cut by its length",
       RAW_STEP(RAW_SEND(HEAD_200 "Content-Length: 10\r\n\r\n" OK_TRUE))},
      {"a negative length",
       RAW_STEP(RAW_SEND(HEAD_200 "Content-Length: -5\r\n\r\n" OK_TRUE), RAW_CLOSE)},
      {"a length that is no number",
       RAW_STEP(RAW_SEND(HEAD_200 "Content-Length: many\r\n\r\n" OK_TRUE), RAW_CLOSE)},
      {"chunks without an end",
       RAW_STEP(RAW_SEND(HEAD_200 "Transfer-Encoding: chunked\r\n\r\nb\r\n" OK_TRUE "\r\n"),
                RAW_CLOSE)},
      {"a chunk size that is none",
       RAW_STEP(RAW_SEND(HEAD_200 "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" OK_TRUE), RAW_CLOSE)},
      {"a chunk that is longer than it says",
       RAW_STEP(
           RAW_SEND(HEAD_200 "Transfer-Encoding: chunked\r\n\r\n5\r\n" OK_TRUE "\r\n0\r\n\r\n"),
           RAW_CLOSE)},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    expect_one_start_and_a_look(&cases[i].step, cases[i].what);
}

static void what_is_not_http_leads_to_one_look(void **state) {
  (void)state;
  static const struct broken cases[] = {
      {"an HTTP/0.9 reply", RAW_STEP(RAW_SEND(OK_TRUE), RAW_CLOSE)},
      {"another protocol", RAW_STEP(RAW_SEND("220 mail.example ESMTP\r\n"), RAW_CLOSE)},
      {"bytes", RAW_STEP(RAW_SEND("\x15\x03\x01\x00\x02\x02\x16"), RAW_CLOSE)},
      {"a status of letters", RAW_STEP(RAW_SEND("HTTP/1.1 abc OK\r\n\r\n"), RAW_CLOSE)},
      {"a status of five digits", RAW_STEP(RAW_SEND("HTTP/1.1 20000 OK\r\n\r\n"), RAW_CLOSE)},
      {"a status below 100", RAW_STEP(RAW_SEND("HTTP/1.1 099 OK\r\n\r\n"), RAW_CLOSE)},
      {"no status", RAW_STEP(RAW_SEND("HTTP/1.1\r\n\r\n"), RAW_CLOSE)},
      {"HTTP/7",
       RAW_STEP(RAW_SEND("HTTP/7.0 200 OK\r\nContent-Length: 11\r\n\r\n" OK_TRUE), RAW_CLOSE)},
      {"an unasked upgrade",
       RAW_STEP(RAW_SEND("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), RAW_CLOSE)},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    expect_one_start_and_a_look(&cases[i].step, cases[i].what);
}

static void unusual_but_whole_replies_are_read(void **state) {
  (void)state;
  static const struct broken cases[] = {
      {"100 and 103 first", RAW_STEP(RAW_SEND("HTTP/1.1 100 Continue\r\n\r\n"), RAW_PAUSE(5),
                                     RAW_SEND("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n"
                                              "Retry-After: 60\r\n\r\n"),
                                     STARTED)},
      {"HTTP/1.0 that ends by closing",
       RAW_STEP(RAW_SEND("HTTP/1.0 200 OK\r\n\r\n" OK_TRUE), RAW_CLOSE)},
      {"no length, ends by closing", RAW_STEP(RAW_SEND(HEAD_200 "\r\n" OK_TRUE), RAW_CLOSE)},
      {"byte by byte", RAW_STEP(RAW_DRIP(HEAD_200 LENGTH_11 "\r\n" OK_TRUE))},
      {"chunked byte by byte",
       RAW_STEP(RAW_DRIP(HEAD_200 "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"ok\"\r\n6\r\n"
                                  ":true}\r\n0\r\nRetry-After: 9\r\n\r\n"))},
      {"bare line feeds", RAW_STEP(RAW_SEND("HTTP/1.1 200 OK\nContent-Length: 11\n\n" OK_TRUE))},
      /* libcurl takes it for no length, and the text is whole. */
      {"an endless length",
       RAW_STEP(RAW_SEND(HEAD_200 "Content-Length: 99999999999999999999\r\n\r\n" OK_TRUE),
                RAW_CLOSE)},
      {"closed after the reply",
       RAW_STEP(RAW_SEND(HEAD_200 LENGTH_11 "Connection: close\r\n\r\n" OK_TRUE), RAW_CLOSE)},
      {"gzip", RAW_STEP(RAW_SEND(HEAD_200 "Content-Encoding: gzip\r\nContent-Length: 82\r\n\r\n"),
                        RAW_BYTES(gzip_started, sizeof(gzip_started) - 1))},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    expect_started(&cases[i].step, cases[i].what);
}

static void a_gzip_reply_is_decoded(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_SEND(HEAD_200 "Content-Encoding: gzip\r\nContent-Length: 82\r\n\r\n"),
               RAW_BYTES(gzip_started, 40), RAW_PAUSE(5), RAW_BYTES(gzip_started + 40, 42))};
  struct harness h;
  SERVE(&h, script);
  h.options.flags = EXPSTART_KEEP_REPLY;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(kind_of(h.results[0]), "started");
  assert_string_equal(h.results[0]->name, "zipped");
  assert_int_equal(h.results[0]->reply[0], '{');
  assert_int_equal(h.results[0]->reply_size, strlen(h.results[0]->reply));
  harness_end(&h);
}

static void a_broken_gzip_reply_leads_to_one_look(void **state) {
  (void)state;
  static const struct broken cases[] = {
      {"gzip cut short",
       RAW_STEP(RAW_SEND(HEAD_200 "Content-Encoding: gzip\r\nContent-Length: 40\r\n\r\n"),
                RAW_BYTES(gzip_started, 40))},
      {"plain text that claims to be gzip",
       RAW_STEP(RAW_SEND(HEAD_200 LENGTH_11 "Content-Encoding: gzip\r\n\r\n" OK_TRUE))},
      {"an encoding that was not offered",
       RAW_STEP(RAW_SEND(HEAD_200 LENGTH_11 "Content-Encoding: zebra\r\n\r\n" OK_TRUE))},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    expect_one_start_and_a_look(&cases[i].step, cases[i].what);
}

/* ---- size ---- */

static void expect_too_large(const struct rawserver_step *step) {
  const struct rawserver_step script[] = {*step, RAW_STEP(SEEN_READY), RAW_STEP(SEEN_READY),
                                          RAW_STEP(STARTED)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_reply_bytes = 10000;
  h.options.attempt_timeout_ms = HARNESS_SETTLE_MS;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(kind_of(h.results[0]), "started");
  assert_int_equal(h.results[0]->attempts, 2);
  assert_int_equal(h.results[0]->lookups, 2);
  harness_end(&h);
}

static void a_reply_over_the_limit_counts_as_unreadable(void **state) {
  (void)state;
  static char body[10002 + 1];
  snprintf(body, sizeof(body), "{\"ok\":true%*s}", 10001 - 10, "");
  const struct rawserver_step plain = RAW_STEP(RAW_JSON(200, NULL, body));
  static const struct rawserver_step bomb =
      RAW_STEP(RAW_SEND(HEAD_200 "Content-Encoding: gzip\r\nContent-Length: 156\r\n\r\n"),
               RAW_BYTES(gzip_bomb, sizeof(gzip_bomb) - 1));
  assert_int_equal(strlen(body), 10002);
  expect_too_large(&plain);
  expect_too_large(&bomb);
}

static void a_reply_at_the_limit_is_read(void **state) {
  (void)state;
  static char body[10000 + 1];
  snprintf(body, sizeof(body), "{\"ok\":true%*s}", 9999 - 10, "");
  const struct rawserver_step script[] = {RAW_STEP(RAW_JSON(200, NULL, body))};
  struct harness h;
  assert_int_equal(strlen(body), 10000);
  SERVE(&h, script);
  h.options.max_reply_bytes = 10000;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(kind_of(h.results[0]), "started");
  harness_end(&h);
}

static char *make_head(size_t lines, size_t line_size, size_t *size) {
  static const char start[] = HEAD_200 LENGTH_11, end[] = "\r\n" OK_TRUE;
  char *head = calloc(1, sizeof(start) + sizeof(end) + lines * (line_size + 2));
  assert_non_null(head);
  char *at = head + sprintf(head, "%s", start);
  for (size_t i = 0; i < lines; i++) {
    int name = sprintf(at, "X-%zu: ", i);
    memset(at + name, 'v', line_size - (size_t)name);
    memcpy(at + line_size, "\r\n", 2);
    at += line_size + 2;
  }
  memcpy(at, end, sizeof(end));
  *size = (size_t)(at - head) + sizeof(end) - 1;
  return head;
}

static void many_header_lines_are_read(void **state) {
  (void)state;
  size_t size = 0;
  char *reply = make_head(1000, 60, &size);
  const struct rawserver_step step = RAW_STEP(RAW_BYTES(reply, size));
  expect_started(&step, "many header lines");
  free(reply);
}

static void a_header_line_of_200_kb_leads_to_one_look(void **state) {
  (void)state;
  size_t size = 0;
  char *reply = make_head(1, 200000, &size);
  const struct rawserver_step step = RAW_STEP(RAW_BYTES(reply, size), RAW_CLOSE);
  expect_one_start_and_a_look(&step, "a header line of 200 KB");
  free(reply);
}

/* ---- looks ---- */

static void a_broken_look_is_repeated_and_no_start_is_sent(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {
      RAW_STEP(RAW_RESET),
      RAW_STEP(RAW_CLOSE),
      RAW_STEP(RAW_SEND(HEAD_200 "Content-Length: 99\r\n\r\n{"), RAW_RESET),
      RAW_STEP(RAW_JSON(200, NULL, "<html></html>")),
      RAW_STEP(RAW_JSON(503, NULL, "")),
      RAW_STEP(SEEN_RUNNING)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_attempts = 5;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(kind_of(h.results[0]), "running");
  assert_int_equal(h.results[0]->lookups, 5);
  assert_int_equal(rawserver_method_count(h.server, "PUT"), 1);
  harness_end(&h);
}

static void looks_that_keep_failing_end_in_unknown(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_REPEAT(RAW_RESET)};
  struct harness h;
  SERVE(&h, script);
  h.options.max_attempts = 3;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(kind_of(h.results[0]), "unknown");
  assert_int_equal(h.results[0]->error, EXPSTART_ETRANSPORT);
  assert_int_equal(h.results[0]->http_status, 0);
  assert_true(strlen(h.results[0]->message) > 0);
  assert_int_equal(h.results[0]->attempts, 1);
  assert_int_equal(h.results[0]->lookups, 3);
  harness_end(&h);
}

static void answer_by_method(void *data, const struct rawserver_request *request,
                             struct rawserver_conn *conn) {
  (void)data;
  rawserver_json(conn, 200, NULL, request->method[0] == 'P' ? BODY_STARTED : BODY_READY);
}

/* Nothing was read on them, which the client cannot know if it had begun to send. */
static void a_connection_reset_on_accept_does_not_lose_the_start(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h,
                &(struct rawserver_options){.handler = answer_by_method, .reset_connections = 1});
  h.options.attempt_timeout_ms = HARNESS_SETTLE_MS;
  harness_open(&h);
  harness_submit(&h, 7);
  harness_run(&h, 1);
  assert_string_equal(kind_of(h.results[0]), "started");
  assert_int_equal(h.results[0]->attempts, 2);
  assert_int_equal(rawserver_method_count(h.server, "PUT"), 1);
  harness_end(&h);
}

/* Each connection takes one request and drops the next: after a lost start, and the looks on connections of
   their own, the start must not be sent on one of these. */
static void answer_by_method_once(void *data, const struct rawserver_request *request,
                                  struct rawserver_conn *conn) {
  (void)data;
  if (request->on_connection > 0)
    rawserver_close(conn);
  else
    rawserver_json(conn, 200, NULL, request->method[0] == 'P' ? BODY_STARTED : BODY_READY);
}

static void a_start_that_was_lost_is_sent_again_on_a_new_connection(void **state) {
  (void)state;
  struct harness h;
  harness_serve(&h, &(struct rawserver_options){.handler = answer_by_method_once});
  h.options.attempt_timeout_ms = HARNESS_SETTLE_MS;
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 2);
  assert_int_equal(h.results[1]->outcome, EXPSTART_STARTED);
  assert_int_equal(h.results[1]->attempts, 2);
  harness_end(&h);
}

static void plain_http_does_not_wait_for_the_first_reply(void **state) {
  (void)state;
  static const struct rawserver_step script[] = {RAW_STEP(RAW_STALL), RAW_REPEAT(STARTED)};
  struct harness h;
  SERVE(&h, script);
  harness_open(&h);
  harness_submit(&h, HARNESS_ID);
  harness_submit(&h, HARNESS_ID);
  harness_run(&h, 1);
  assert_int_equal(h.results[0]->outcome, EXPSTART_STARTED);
  harness_close(&h, EXPSTART_ABORT);
  harness_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(connections_lost_after_sending_lead_to_one_look),
      cmocka_unit_test(replies_of_the_wrong_length_lead_to_one_look),
      cmocka_unit_test(what_is_not_http_leads_to_one_look),
      cmocka_unit_test(unusual_but_whole_replies_are_read),
      cmocka_unit_test(a_gzip_reply_is_decoded),
      cmocka_unit_test(a_broken_gzip_reply_leads_to_one_look),
      cmocka_unit_test(a_reply_over_the_limit_counts_as_unreadable),
      cmocka_unit_test(a_reply_at_the_limit_is_read),
      cmocka_unit_test(many_header_lines_are_read),
      cmocka_unit_test(a_header_line_of_200_kb_leads_to_one_look),
      cmocka_unit_test(a_broken_look_is_repeated_and_no_start_is_sent),
      cmocka_unit_test(looks_that_keep_failing_end_in_unknown),
      cmocka_unit_test(a_start_that_was_lost_is_sent_again_on_a_new_connection),
      cmocka_unit_test(plain_http_does_not_wait_for_the_first_reply),
      cmocka_unit_test(a_connection_reset_on_accept_does_not_lose_the_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the stand-in answers to a request: keys, throttling, faults, experiments. Called by the
 * server part, once per request. It decides; how bytes, delays and broken connections come about is
 * not its. */
#ifndef SANDBOX_API_H
#define SANDBOX_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults.h"
#include "hints.h"
#include "reply.h"

struct api_config {
  int64_t experiments;
  const char *key;
  enum reply_size reply_size;
  double rate_per_s, burst;
  struct hints hints;
  double fault_probability[FAULT_KINDS];
  bool fault_lookups;
  bool is_late; /* what is done in spite of a failure is the caller's to have done, later */
  uint64_t seed;
};

/* A start that was let in and is to be carried out later, by api_carry_out. */
struct api_late {
  int64_t id;      /* 0: there is none */
  char *note_json; /* the caller's to free */
};

/* All of it stays the caller's and is read during api_answer only. */
struct api_request {
  const char *method;
  const char *path;
  const char *authorization; /* that field's value, or NULL */
  const char *body;
  size_t body_length;
  bool body_too_large; /* the body was longer than the server takes */
  int64_t now_ms;      /* system time */
  uint64_t clock_us;   /* monotonic time */
};

enum api_delivery {
  API_WHOLE,     /* status, fields and body */
  API_BREAK_OFF, /* the same, but not all of the body */
  API_RESET,     /* reset the connection */
  API_STALL      /* say nothing */
};

struct api_answer {
  enum api_delivery delivery;
  unsigned status;
  const char *content_type;
  const char *allow;      /* methods, with a 405; else NULL */
  struct reply_body body; /* the caller's to free */
  struct hint_field fields[HINT_FIELDS_MAX];
  size_t field_count;
  struct api_late late;
};

struct api;

/* The key is not copied. NULL if out of memory. */
struct api *api_create(const struct api_config *config, uint64_t clock_us);
void api_destroy(struct api *api);

/* 0, or -1 if out of memory, with nothing to free. */
int api_answer(struct api *api, const struct api_request *request, struct api_answer *answer);

/* Does what was put off. What runs by then was started twice, and counts so. */
void api_carry_out(struct api *api, const struct api_late *late, int64_t now_ms);

#endif

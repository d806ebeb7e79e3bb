/* The bodies of replies. Called by the API part, which owns every body it gets. Knows how replies
 * look and nothing of HTTP, connections or how an experiment came by its state. */
#ifndef SANDBOX_REPLY_H
#define SANDBOX_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "experiments.h"

struct reply_body {
  char *bytes; /* malloc'ed, not terminated */
  size_t length;
};

enum reply_size {
  REPLY_FULL, /* every member the API sends, about 70 KB */
  REPLY_SMALL /* only the members that vary, about 160 bytes */
};

struct reply_template;

/* Parses and cuts the built-in template once, so that a reply is but a few copies. NULL if out of
 * memory. */
struct reply_template *reply_template_create(enum reply_size size);
void reply_template_destroy(struct reply_template *reply_template);

/* These three return 0, or -1 if out of memory: the reply to a start, the reply to a lookup, and
 * what the sandbox itself tells about an experiment. */
int reply_start(const struct reply_template *reply_template, int64_t id,
                const struct experiment *experiment, struct reply_body *body);
int reply_lookup(const struct reply_template *reply_template, int64_t id,
                 const struct experiment *experiment, struct reply_body *body);
int reply_inspect(int64_t id, const struct experiment *experiment, struct reply_body *body);

/* Every experiment that is touched, in a line each. 0, or -1 if out of memory. */
int reply_list(const struct experiments *experiments, struct reply_body *body);

/* A body by printf's rules, and {"ok":false,"errors":["..."]} around such a text; what is put in
 * must need no escaping in JSON. 0, or -1 if out of memory. */
int reply_format(struct reply_body *body, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int reply_error(struct reply_body *body, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Milliseconds since 1970 as "2026-01-15T09:30:00.000Z". */
#define REPLY_TIME_SIZE 32
void reply_time(int64_t time_ms, char text[REPLY_TIME_SIZE]);

#endif

#include "digest_check.h"

#include "digest.h"
#include "expstart.h"
#include "json_parse.h"
#include "text.h"

#include <json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERRORS_MAX = 32, DEPTH_MAX = 127 };

static const char *checked; /* for the word that something differs */
static size_t checked_size;

static void differs(const char *what) {
  fprintf(stderr, "the digest and json-c differ: %s, in\n", what);
  fwrite(checked, 1, checked_size, stderr);
  fprintf(stderr, "\n");
  abort();
}

static void must(bool true_thing, const char *what) {
  if (!true_thing)
    differs(what);
}

static struct json_object *tree_of(const char *bytes, size_t size) {
  struct json_object *tree;
  if (expstart__json_parse(bytes, size, 0, &tree, NULL) == EXPSTART__JSON_UNPARSED)
    differs("json-c does not read what is JSON");
  return tree;
}

/* ---- what json-c is given: the bytes without the inside of what the digest passes over ------------ */

struct text {
  char bytes[DIGEST_CHECK_MAX + 1];
  size_t size;
};

struct walk {
  const char *at, *end;
  struct text *out; /* NULL: nothing is kept */
};

static void keep(struct walk *walk, size_t size) {
  if (walk->out) {
    memcpy(walk->out->bytes + walk->out->size, walk->at, size);
    walk->out->size += size;
  }
  walk->at += size;
}

static void keep_space(struct walk *walk) {
  while (walk->at < walk->end && memchr(" \t\r\n", *walk->at, 4))
    keep(walk, 1);
}

static bool keep_char(struct walk *walk, char c) {
  keep_space(walk);
  if (walk->at == walk->end || *walk->at != c)
    return false;
  keep(walk, 1);
  return true;
}

/* The end of the string that begins here, NULL: there is none. */
static const char *string_end(const struct walk *walk) {
  for (const char *c = walk->at + 1; c < walk->end; c++) {
    if (*c == '\\')
      c++;
    else if (*c == '"')
      return c + 1;
  }
  return NULL;
}

static const char *container_end(const struct walk *walk, unsigned depth_before) {
  char closers[DEPTH_MAX];
  unsigned depth = 0;
  struct walk in = *walk;
  for (; in.at < in.end; in.at++) {
    if (*in.at == '\\') { /* no JSON here, but the digest takes a quote after it for escaped */
      in.at += in.at + 1 < in.end && (in.at[1] == '"' || in.at[1] == '\\');
    } else if (*in.at == '"') {
      const char *end = string_end(&in);
      if (!end)
        return NULL;
      in.at = end - 1;
    } else if (*in.at == '{' || *in.at == '[') {
      if (depth + depth_before == DEPTH_MAX)
        return NULL;
      closers[depth++] = *in.at == '{' ? '}' : ']';
    } else if (*in.at == '}' || *in.at == ']') {
      if (*in.at != closers[--depth])
        return NULL;
      if (depth == 0)
        return in.at + 1;
    }
  }
  return NULL;
}

static bool is_container(const struct walk *walk) {
  return walk->at < walk->end && (*walk->at == '{' || *walk->at == '[');
}

static bool keep_scalar(struct walk *walk) {
  if (walk->at == walk->end)
    return false;
  if (*walk->at == '"') {
    const char *end = string_end(walk);
    if (!end)
      return false;
    keep(walk, (size_t)(end - walk->at));
    return true;
  }
  const char *from = walk->at;
  while (walk->at < walk->end && !memchr(" \t\r\n,]}:{[\"", *walk->at, 11))
    keep(walk, 1);
  return walk->at > from;
}

static bool keep_value(struct walk *walk, unsigned depth, bool inside) {
  keep_space(walk);
  if (!is_container(walk))
    return keep_scalar(walk);
  const char *end = container_end(walk, depth);
  if (!end)
    return false;
  if (inside) {
    keep(walk, (size_t)(end - walk->at));
  } else {
    keep(walk, 1);
    walk->at = end - 1;
    keep(walk, 1);
  }
  return true;
}

static bool keep_items(struct walk *walk) {
  keep(walk, 1);
  if (keep_char(walk, ']'))
    return true;
  for (unsigned count = 0;; count++) {
    if (!keep_value(walk, 2, count < ERRORS_MAX))
      return false;
    if (keep_char(walk, ']'))
      return true;
    if (!keep_char(walk, ','))
      return false;
  }
}

static bool keep_members(struct walk *walk, bool root);

static bool keep_member(struct walk *walk, bool root, const char *key) {
  keep_space(walk);
  if (root && strcmp(key, "experiment") == 0 && is_container(walk) && *walk->at == '{')
    return keep_members(walk, false);
  if (root && strcmp(key, "errors") == 0 && is_container(walk) && *walk->at == '[')
    return keep_items(walk);
  bool inside = root && (strcmp(key, "errors") == 0 || strcmp(key, "message") == 0 ||
                         strcmp(key, "error") == 0 || strcmp(key, "detail") == 0);
  return keep_value(walk, root ? 1 : 2, inside);
}

static bool keep_members(struct walk *walk, bool root) {
  keep(walk, 1);
  if (keep_char(walk, '}'))
    return true;
  for (;;) {
    keep_space(walk);
    if (walk->at == walk->end || *walk->at != '"')
      return false;
    const char *end = string_end(walk);
    if (!end)
      return false;
    struct json_object *key = tree_of(walk->at, (size_t)(end - walk->at));
    keep(walk, (size_t)(end - walk->at));
    bool kept = key && keep_char(walk, ':') && keep_member(walk, root, json_object_get_string(key));
    json_object_put(key);
    if (!kept)
      return false;
    if (keep_char(walk, '}'))
      return true;
    if (!keep_char(walk, ','))
      return false;
  }
}

static void prune(const char *bytes, size_t size, struct text *out) {
  struct walk walk = {bytes, bytes + size, out};
  out->size = 0;
  keep_space(&walk);
  if (is_container(&walk) && *walk.at == '{')
    (void)keep_members(&walk, true);
  keep(&walk, (size_t)(walk.end - walk.at));
}

/* ---- RFC 8259 once more, in another way than the library has it ------------------------------------ */

static bool strict_value(struct walk *walk, unsigned depth);

static bool strict_string(struct walk *walk) {
  const char *end = walk->at < walk->end && *walk->at == '"' ? string_end(walk) : NULL;
  if (!end)
    return false;
  for (walk->at++; walk->at < end - 1; walk->at++) {
    if (*walk->at != '\\')
      continue;
    walk->at++;
    if (*walk->at == 'u') {
      for (int i = 0; i < 4; i++)
        if (!*++walk->at || !strchr("0123456789abcdefABCDEF", *walk->at))
          return false;
    } else if (!*walk->at || !strchr("\"\\/bfnrt", *walk->at)) {
      return false;
    }
  }
  walk->at = end;
  return true;
}

static size_t strict_digits(struct walk *walk) {
  const char *from = walk->at;
  while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9')
    walk->at++;
  return (size_t)(walk->at - from);
}

static bool next_is(const struct walk *walk, const char *any_of) {
  return walk->at < walk->end && *walk->at && strchr(any_of, *walk->at);
}

static bool strict_number(struct walk *walk) {
  walk->at += next_is(walk, "-");
  bool zero = next_is(walk, "0");
  size_t digits = strict_digits(walk);
  if (digits == 0 || (zero && digits > 1))
    return false;
  if (next_is(walk, ".")) {
    walk->at++;
    if (strict_digits(walk) == 0)
      return false;
  }
  if (next_is(walk, "eE")) {
    walk->at++;
    walk->at += next_is(walk, "+-");
    if (strict_digits(walk) == 0)
      return false;
  }
  return true;
}

static bool strict_list(struct walk *walk, unsigned depth, char closer) {
  walk->at++;
  if (keep_char(walk, closer))
    return true;
  do {
    keep_space(walk);
    if (closer == '}' && !(strict_string(walk) && keep_char(walk, ':')))
      return false;
    if (!strict_value(walk, depth))
      return false;
  } while (keep_char(walk, ','));
  return keep_char(walk, closer);
}

static bool strict_value(struct walk *walk, unsigned depth) {
  static const char *const words[] = {"true", "false", "null"};
  keep_space(walk);
  if (is_container(walk))
    return depth < DEPTH_MAX && strict_list(walk, depth + 1, *walk->at == '{' ? '}' : ']');
  if (walk->at < walk->end && *walk->at == '"')
    return strict_string(walk);
  for (size_t i = 0; i < 3; i++) {
    size_t length = strlen(words[i]);
    if ((size_t)(walk->end - walk->at) >= length && memcmp(walk->at, words[i], length) == 0) {
      walk->at += length;
      return true;
    }
  }
  return strict_number(walk);
}

static bool is_strict(const char *bytes, size_t size) {
  struct walk walk = {bytes, bytes + size, NULL};
  if (!strict_value(&walk, 0))
    return false;
  keep_space(&walk);
  return walk.at == walk.end;
}

/* ---- comparing ------------------------------------------------------------------------------------- */

static void must_be_text(const char *seen, const char *text, size_t size, size_t max,
                         const char *what) {
  char *wanted = malloc((size < max ? size : max) + 1);
  if (!wanted)
    abort();
  expstart__text_clean(wanted, text, size, max);
  must(seen && strcmp(seen, wanted) == 0, what);
  free(wanted);
}

static void must_be_value(const char *seen, struct json_object *value, size_t max,
                          const char *what) {
  if (json_object_is_type(value, json_type_string)) {
    must_be_text(seen, json_object_get_string(value), (size_t)json_object_get_string_len(value),
                 max, what);
    return;
  }
  const char *json = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
  must_be_text(seen, json, strlen(json), max, what);
}

static void must_be_string_member(const char *seen, struct json_object *object, const char *key) {
  struct json_object *value;
  if (json_object_object_get_ex(object, key, &value) &&
      json_object_is_type(value, json_type_string))
    must_be_value(seen, value, DIGEST_CHECK_MAX, key);
  else
    must(seen == NULL, key);
}

static void compare_experiment(const struct expstart__reply *reply, struct json_object *root) {
  struct json_object *experiment = NULL, *id;
  if (json_object_object_get_ex(root, "experiment", &experiment) &&
      !json_object_is_type(experiment, json_type_object))
    experiment = NULL;
  int64_t wanted =
      json_object_object_get_ex(experiment, "id", &id) && json_object_is_type(id, json_type_int)
          ? json_object_get_int64(id)
          : 0;
  must(reply->experiment_id == wanted, "experiment.id");
  must_be_string_member(reply->name, experiment, "name");
  must_be_string_member(reply->state, experiment, "state");
  must_be_string_member(reply->started_at, experiment, "start_at");
}

static void compare_words(const struct expstart__reply *reply, struct json_object *root) {
  static const char *const keys[] = {"message", "error", "detail"};
  struct json_object *errors = NULL, *value;
  size_t count = 0;
  if (json_object_object_get_ex(root, "errors", &errors) && errors)
    count = json_object_is_type(errors, json_type_array) ? json_object_array_length(errors) : 1;
  must(reply->error_count == (count < ERRORS_MAX ? count : ERRORS_MAX), "the number of errors");
  for (size_t i = 0; i < reply->error_count; i++)
    must_be_value(reply->errors[i],
                  json_object_is_type(errors, json_type_array)
                      ? json_object_array_get_idx(errors, i)
                      : errors,
                  DIGEST_CHECK_MAX, "an error");
  if (count > 0)
    return;
  for (size_t i = 0; i < 3; i++) {
    if (json_object_object_get_ex(root, keys[i], &value) && value) {
      must_be_value(reply->message, value, 500, keys[i]);
      return;
    }
  }
  must(reply->message == NULL, "no message");
}

static void compare(const struct expstart__reply *reply, const char *bytes, size_t size) {
  struct text pruned;
  prune(bytes, size, &pruned);
  struct json_object *root = tree_of(pruned.bytes, pruned.size), *ok;
  bool object = json_object_is_type(root, json_type_object);
  must(!root || is_strict(pruned.bytes, pruned.size), "the tree is of what is no JSON");
  if (!reply->readable) {
    must(!object, "it is readable");
  } else {
    must(object, "it is not readable");
    int wanted =
        json_object_object_get_ex(root, "ok", &ok) && json_object_is_type(ok, json_type_boolean)
            ? json_object_get_boolean(ok)
            : -1;
    must(reply->ok == wanted, "ok");
    compare_experiment(reply, root);
    compare_words(reply, root);
  }
  json_object_put(root);
}

static void must_be_same(const char *a, const char *b, const char *what) {
  must((a == NULL) == (b == NULL) && (!a || strcmp(a, b) == 0), what);
}

static void compare_pieces(const struct expstart__reply *a, const struct expstart__reply *b) {
  must(a->readable == b->readable && a->ok == b->ok && a->experiment_id == b->experiment_id &&
           a->error_count == b->error_count,
       "in pieces it is another");
  must_be_same(a->name, b->name, "name in pieces");
  must_be_same(a->state, b->state, "state in pieces");
  must_be_same(a->started_at, b->started_at, "start_at in pieces");
  must_be_same(a->message, b->message, "message in pieces");
  for (size_t i = 0; i < a->error_count; i++)
    must_be_same(a->errors[i], b->errors[i], "an error in pieces");
}

static void feed(struct expstart__digest *digest, const char *bytes, size_t size) {
  /* Memory of its own, so that a sanitizer sees a byte read too far. */
  char *copy = malloc(size ? size : 1);
  if (!copy)
    abort();
  memcpy(copy, bytes, size);
  if (expstart__digest_feed(digest, copy, size) != EXPSTART_OK)
    abort();
  free(copy);
}

int digest_check(const char *bytes, size_t size, uint32_t seed) {
  struct expstart__digest *digest = expstart__digest_create(false, NULL);
  struct expstart__reply whole = {.ok = -1}, pieces = {.ok = -1};
  if (!digest)
    abort();
  checked = bytes;
  checked_size = size;
  feed(digest, bytes, size);
  if (expstart__digest_finish(digest, &whole) != EXPSTART_OK)
    abort();
  compare(&whole, bytes, size);
  expstart__digest_reset(digest);
  for (size_t at = 0, part; at < size; at += part) {
    seed = seed * 1664525u + 1013904223u;
    part = 1 + (seed >> 16) % (seed >> 31 ? 3 : 150);
    part = part < size - at ? part : size - at;
    feed(digest, bytes + at, part);
  }
  if (expstart__digest_finish(digest, &pieces) != EXPSTART_OK)
    abort();
  compare_pieces(&whole, &pieces);
  int readable = whole.readable;
  expstart__digest_destroy(digest);
  expstart__reply_clear(&whole);
  expstart__reply_clear(&pieces);
  return readable;
}

#include "digest.h"

#include "expstart.h"
#include "text.h"

#include <json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
  HEAD_MAX = 1024,   /* bytes of a reply that is no JSON that are kept for its message */
  MESSAGE_MAX = 500, /* a 5xx may carry a database's dump of many lines */
  FIELD_MAX = 4096,  /* name, state, one error */
  ERRORS_MAX = 32,   /* of `errors` */
  DEPTH_MAX = 128,   /* the real reply nests 11 deep */
};

struct expstart__digest {
  struct json_tokener *tokener;
  struct json_object *root;
  bool broken; /* it is no JSON; the head tells what it is */
  size_t head_size;
  char head[HEAD_MAX];
  const char *secret;
  char *escaped_secret; /* as it is written in JSON, NULL if that is the same */
  bool keep_raw;
  char *raw;
  size_t raw_size, raw_capacity;
};

void expstart__reply_clear(struct expstart__reply *reply) {
  free(reply->name);
  free(reply->state);
  free(reply->started_at);
  free(reply->message);
  for (size_t i = 0; i < reply->error_count; i++)
    free(reply->errors[i]);
  free(reply->errors);
  free(reply->raw);
  *reply = (struct expstart__reply){.ok = -1};
}

static struct json_tokener *tokener_create(void) {
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
  if (tokener)
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
  return tokener;
}

/* A secret of printable characters as json-c writes it; NULL in *escaped if nothing needs escaping. */
static bool escape_secret(const char *secret, char **escaped) {
  *escaped = NULL;
  if (!secret || !strpbrk(secret, "\"\\"))
    return true;
  char *out = malloc(2 * strlen(secret) + 1);
  if (!out)
    return false;
  *escaped = out;
  for (; *secret; secret++) {
    if (*secret == '"' || *secret == '\\')
      *out++ = '\\';
    *out++ = *secret;
  }
  *out = '\0';
  return true;
}

struct expstart__digest *expstart__digest_create(bool keep_raw, const char *secret) {
  struct expstart__digest *digest = calloc(1, sizeof *digest);
  if (!digest)
    return NULL;
  digest->keep_raw = keep_raw;
  digest->secret = secret;
  digest->tokener = tokener_create();
  if (digest->tokener && escape_secret(secret, &digest->escaped_secret))
    return digest;
  expstart__digest_destroy(digest);
  return NULL;
}

void expstart__digest_destroy(struct expstart__digest *digest) {
  if (!digest)
    return;
  json_object_put(digest->root);
  if (digest->tokener)
    json_tokener_free(digest->tokener);
  if (digest->escaped_secret) {
    expstart__wipe(digest->escaped_secret, strlen(digest->escaped_secret));
    free(digest->escaped_secret);
  }
  free(digest->raw);
  free(digest);
}

void expstart__digest_reset(struct expstart__digest *digest) {
  json_object_put(digest->root);
  digest->root = NULL;
  json_tokener_reset(digest->tokener);
  digest->broken = false;
  digest->head_size = 0;
  free(digest->raw);
  digest->raw = NULL;
  digest->raw_size = digest->raw_capacity = 0;
}

static int keep_bytes(struct expstart__digest *digest, const char *bytes, size_t size) {
  size_t needed = digest->raw_size + size + 1;
  if (needed > digest->raw_capacity) {
    size_t capacity = digest->raw_capacity ? digest->raw_capacity : 4096;
    while (capacity < needed)
      capacity *= 2;
    char *grown = realloc(digest->raw, capacity);
    if (!grown)
      return EXPSTART_ENOMEM;
    digest->raw = grown;
    digest->raw_capacity = capacity;
  }
  memcpy(digest->raw + digest->raw_size, bytes, size);
  digest->raw_size += size;
  digest->raw[digest->raw_size] = '\0';
  return EXPSTART_OK;
}

static bool is_blank(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (!memchr(" \t\r\n", bytes[i], 4))
      return false;
  return true;
}

static void parse(struct expstart__digest *digest, const char *bytes, size_t size) {
  while (size > 0 && !digest->broken) {
    if (digest->root) { /* the document is complete: only white space may follow */
      digest->broken = !is_blank(bytes, size);
      return;
    }
    int part = size > INT_MAX ? INT_MAX : (int)size;
    digest->root = json_tokener_parse_ex(digest->tokener, bytes, part);
    enum json_tokener_error error = json_tokener_get_error(digest->tokener);
    if (error != json_tokener_success && error != json_tokener_continue) {
      digest->broken = true;
      return;
    }
    size_t used = digest->root ? json_tokener_get_parse_end(digest->tokener) : (size_t)part;
    /* A bare `null` is a success without an object: nothing here can use it. */
    if (error == json_tokener_success && !digest->root)
      digest->broken = true;
    bytes += used;
    size -= used;
  }
}

int expstart__digest_feed(struct expstart__digest *digest, const char *bytes, size_t size) {
  size_t room = HEAD_MAX - digest->head_size;
  size_t part = size < room ? size : room;
  memcpy(digest->head + digest->head_size, bytes, part);
  digest->head_size += part;
  if (digest->keep_raw && keep_bytes(digest, bytes, size) != EXPSTART_OK)
    return EXPSTART_ENOMEM;
  parse(digest, bytes, size);
  return EXPSTART_OK;
}

struct json_object *expstart__digest_tree(const char *bytes, size_t size) {
  struct json_object *root = NULL;
  struct expstart__digest *digest = expstart__digest_create(false, NULL);
  if (!digest)
    return NULL;
  parse(digest, bytes, size);
  if (!digest->broken) {
    root = digest->root;
    digest->root = NULL;
  }
  expstart__digest_destroy(digest);
  return root;
}

/* ---- reading the tree -------------------------------------------------------------------------
 */

/* A string as it is, anything else as its JSON. */
static const char *text_of(struct json_object *value, size_t *size) {
  if (json_object_is_type(value, json_type_string)) {
    *size = (size_t)json_object_get_string_len(value);
    return json_object_get_string(value);
  }
  const char *json = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
  *size = json ? strlen(json) : 0;
  return json;
}

/* A clean copy without the secret, which is looked for before the text is cut: half of it is too much. */
static int copy_bytes(const struct expstart__digest *digest, const char *text, size_t size,
                      size_t max, char **out) {
  char *whole = malloc(size + 1);
  if (!whole)
    return EXPSTART_ENOMEM;
  memcpy(whole, text, size);
  if (digest->escaped_secret)
    expstart__text_redact(whole, size, digest->escaped_secret);
  if (digest->secret)
    expstart__text_redact(whole, size, digest->secret);
  *out = expstart__text_clean(whole, size, max);
  free(whole);
  return *out ? EXPSTART_OK : EXPSTART_ENOMEM;
}

static int copy_text(const struct expstart__digest *digest, struct json_object *value, size_t max,
                     char **out) {
  size_t size;
  const char *text = text_of(value, &size);
  return text ? copy_bytes(digest, text, size, max, out) : EXPSTART_ENOMEM;
}

static int copy_string_member(const struct expstart__digest *digest, struct json_object *object,
                              const char *key, char **out) {
  struct json_object *value;
  if (!json_object_object_get_ex(object, key, &value) ||
      !json_object_is_type(value, json_type_string))
    return EXPSTART_OK;
  return copy_text(digest, value, FIELD_MAX, out);
}

static int read_experiment(const struct expstart__digest *digest, struct json_object *root,
                           struct expstart__reply *reply) {
  struct json_object *experiment, *id;
  if (!json_object_object_get_ex(root, "experiment", &experiment) ||
      !json_object_is_type(experiment, json_type_object))
    return EXPSTART_OK;
  if (json_object_object_get_ex(experiment, "id", &id) && json_object_is_type(id, json_type_int))
    reply->experiment_id = json_object_get_int64(id);
  if (copy_string_member(digest, experiment, "name", &reply->name) ||
      copy_string_member(digest, experiment, "state", &reply->state) ||
      copy_string_member(digest, experiment, "start_at", &reply->started_at))
    return EXPSTART_ENOMEM;
  return EXPSTART_OK;
}

/* `errors`: an array by the contract, one string by some proxies. */
static int read_errors(const struct expstart__digest *digest, struct json_object *root,
                       struct expstart__reply *reply) {
  struct json_object *errors;
  if (!json_object_object_get_ex(root, "errors", &errors) || !errors)
    return EXPSTART_OK;
  bool is_array = json_object_is_type(errors, json_type_array);
  size_t count = is_array ? json_object_array_length(errors) : 1;
  if (count > ERRORS_MAX)
    count = ERRORS_MAX;
  if (count == 0)
    return EXPSTART_OK;
  reply->errors = calloc(count, sizeof *reply->errors);
  if (!reply->errors)
    return EXPSTART_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    struct json_object *error = is_array ? json_object_array_get_idx(errors, i) : errors;
    if (copy_text(digest, error, FIELD_MAX, &reply->errors[i]))
      return EXPSTART_ENOMEM;
    reply->error_count++;
  }
  return EXPSTART_OK;
}

static int join_errors(struct expstart__reply *reply) {
  size_t size = 1;
  for (size_t i = 0; i < reply->error_count; i++)
    size += strlen(reply->errors[i]) + 2;
  char *joined = malloc(size);
  if (!joined)
    return EXPSTART_ENOMEM;
  char *end = joined;
  for (size_t i = 0; i < reply->error_count; i++) {
    size_t length = strlen(reply->errors[i]);
    if (i > 0) {
      memcpy(end, "; ", 2);
      end += 2;
    }
    memcpy(end, reply->errors[i], length);
    end += length;
  }
  reply->message = expstart__text_clean(joined, (size_t)(end - joined), MESSAGE_MAX);
  free(joined);
  return reply->message ? EXPSTART_OK : EXPSTART_ENOMEM;
}

/* The words of an error: where the contract puts them, else where the vendor's own client also
 * looks. */
static int read_message(const struct expstart__digest *digest, struct json_object *root,
                        struct expstart__reply *reply) {
  static const char *const keys[] = {"message", "error", "detail"};
  if (reply->error_count > 0)
    return join_errors(reply);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct json_object *value;
    if (json_object_object_get_ex(root, keys[i], &value) && value)
      return copy_text(digest, value, MESSAGE_MAX, &reply->message);
  }
  return EXPSTART_OK;
}

/* The first line of text that has something in it. */
static int read_raw_message(const struct expstart__digest *digest, struct expstart__reply *reply) {
  const char *line = digest->head, *end = digest->head + digest->head_size;
  while (line < end && memchr(" \t\r\n", *line, 4))
    line++;
  if (line == end)
    return EXPSTART_OK;
  size_t size = 0;
  while (line + size < end && line[size] != '\n' && line[size] != '\r')
    size++;
  /* The head may end within the secret. */
  size_t secret_size = digest->secret ? strlen(digest->secret) : 0;
  if (line + size == end && digest->head_size == HEAD_MAX)
    size -= secret_size < size ? secret_size : size;
  return copy_bytes(digest, line, size, MESSAGE_MAX, &reply->message);
}

static int read_root(const struct expstart__digest *digest, struct json_object *root,
                     struct expstart__reply *reply) {
  struct json_object *ok;
  reply->readable = true;
  if (json_object_object_get_ex(root, "ok", &ok) && json_object_is_type(ok, json_type_boolean))
    reply->ok = json_object_get_boolean(ok) ? 1 : 0;
  if (read_experiment(digest, root, reply) || read_errors(digest, root, reply) ||
      read_message(digest, root, reply))
    return EXPSTART_ENOMEM;
  return EXPSTART_OK;
}

int expstart__digest_finish(struct expstart__digest *digest, struct expstart__reply *reply) {
  int status;
  *reply = (struct expstart__reply){.ok = -1};
  if (!digest->broken && json_object_is_type(digest->root, json_type_object))
    status = read_root(digest, digest->root, reply);
  else if (!digest->broken && json_object_is_type(digest->root, json_type_string))
    status = copy_text(digest, digest->root, MESSAGE_MAX, &reply->message);
  else
    status = read_raw_message(digest, reply);
  if (status != EXPSTART_OK) {
    expstart__reply_clear(reply);
    return status;
  }
  reply->raw = digest->raw;
  reply->raw_size = digest->raw_size;
  digest->raw = NULL;
  digest->raw_size = digest->raw_capacity = 0;
  return EXPSTART_OK;
}

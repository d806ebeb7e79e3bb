#include "digest.h"

#include "expstart.h"
#include "json_parse.h"
#include "json_reader.h"
#include "text.h"

#include <json.h>
#include <stdlib.h>
#include <string.h>

enum {
  HEAD_MAX = 1024,   /* bytes of a reply that is no JSON that are kept for its message */
  MESSAGE_MAX = 500, /* a 5xx may carry a database's dump of many lines */
  FIELD_MAX = 4096,  /* name, state, one error */
  ERRORS_MAX = 32,   /* of `errors` */
};

/* The texts a reply can have. The last three stand in for `errors`, in this order. */
enum text_field { NAME, STATE, STARTED_AT, MESSAGE, ERROR, DETAIL, TEXT_FIELDS };

/* Whose value comes next. */
enum member { NONE, OK, EXPERIMENT, ERRORS, ERRORS_ITEM, EXPERIMENT_ID, TEXT };

enum place { AT_ROOT, IN_OBJECT, IN_EXPERIMENT, IN_ERRORS };

/* A text's place in the digest's memory; with it a NUL. */
struct span {
  size_t at, size; /* 0: there is none */
};

struct expstart__digest {
  struct expstart__json_reader reader;
  bool broken; /* it is no JSON; the head tells what it is */
  bool is_object;
  bool cut; /* a text was longer than is kept, or there were more errors */
  enum place place;
  enum member member;
  enum text_field field; /* TEXT: which */
  int ok;
  int64_t experiment_id;
  struct span fields[TEXT_FIELDS];
  struct span errors[ERRORS_MAX];
  size_t error_count;
  char *text;
  size_t text_size, text_capacity;
  size_t head_size;
  char head[HEAD_MAX];
  const char *secret;
  char *escaped_secret; /* as it is written in JSON, NULL if that is the same */
  size_t secret_room;   /* the longer of both */
  bool keep_raw;
  char *raw;
  size_t raw_size, raw_capacity;
};

/* ---- life --------------------------------------------------------------------------------------
 */

/* A secret of printable characters as it is written in JSON; NULL in *escaped if nothing needs
   escaping. */
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
  if (!escape_secret(secret, &digest->escaped_secret)) {
    free(digest);
    return NULL;
  }
  if (secret)
    digest->secret_room = strlen(digest->escaped_secret ? digest->escaped_secret : secret);
  expstart__json_reader_init(&digest->reader, FIELD_MAX + digest->secret_room);
  expstart__digest_reset(digest);
  return digest;
}

void expstart__digest_destroy(struct expstart__digest *digest) {
  if (!digest)
    return;
  if (digest->escaped_secret) {
    expstart__wipe(digest->escaped_secret, strlen(digest->escaped_secret));
    free(digest->escaped_secret);
  }
  expstart__json_reader_clear(&digest->reader);
  free(digest->text);
  free(digest->raw);
  free(digest);
}

void expstart__digest_reset(struct expstart__digest *digest) {
  expstart__json_reader_reset(&digest->reader,
                              EXPSTART__JSON_WANT_SCALAR | EXPSTART__JSON_WANT_OBJECT);
  digest->broken = digest->is_object = digest->cut = false;
  digest->place = AT_ROOT;
  digest->ok = -1;
  digest->experiment_id = 0;
  memset(digest->fields, 0, sizeof digest->fields);
  digest->error_count = 0;
  digest->text_size = 0;
  digest->head_size = 0;
  free(digest->raw);
  digest->raw = NULL;
  digest->raw_size = digest->raw_capacity = 0;
}

/* ---- texts -------------------------------------------------------------------------------------
 */

/* Memory for so many bytes more, and the room a reply needs. */
static bool reserve(struct expstart__digest *digest, size_t size) {
  size_t needed = digest->text_size + size + EXPSTART__REPLY_ROOM;
  if (needed <= digest->text_capacity)
    return true;
  size_t capacity = 2 * EXPSTART__REPLY_ROOM;
  while (capacity < needed)
    capacity *= 2;
  char *grown = realloc(digest->text, capacity);
  if (!grown)
    return false;
  digest->text = grown;
  digest->text_capacity = capacity;
  return true;
}

static void move_down(struct span *span, const struct span *gone) {
  if (span->at > gone->at)
    span->at -= gone->size;
}

/* A text that is said again replaces what was said before. */
static void drop(struct expstart__digest *digest, struct span *span) {
  struct span gone = *span;
  *span = (struct span){0};
  if (gone.size == 0)
    return;
  char *at = digest->text + gone.at;
  memmove(at, at + gone.size, digest->text_size - gone.at - gone.size);
  digest->text_size -= gone.size;
  for (size_t i = 0; i < TEXT_FIELDS; i++)
    move_down(&digest->fields[i], &gone);
  for (size_t i = 0; i < digest->error_count; i++)
    move_down(&digest->errors[i], &gone);
}

static void drop_errors(struct expstart__digest *digest) {
  while (digest->error_count > 0) {
    drop(digest, &digest->errors[digest->error_count - 1]);
    digest->error_count--;
  }
}

static void drop_experiment(struct expstart__digest *digest) {
  digest->experiment_id = 0;
  for (size_t i = NAME; i <= STARTED_AT; i++)
    drop(digest, &digest->fields[i]);
}

/* A clean copy without the secret, which is looked for before the text is cut: half of it is too much.
   The bytes are changed. */
static int keep_text(struct expstart__digest *digest, struct span *span, char *bytes, size_t size,
                     size_t max) {
  if (!reserve(digest, (size < max ? size : max) + 1))
    return EXPSTART_ENOMEM;
  if (digest->escaped_secret)
    expstart__text_redact(bytes, size, digest->escaped_secret);
  if (digest->secret)
    expstart__text_redact(bytes, size, digest->secret);
  digest->cut = digest->cut || size > max;
  span->at = digest->text_size;
  span->size = expstart__text_clean(digest->text + span->at, bytes, size, max) + 1;
  digest->text_size += span->size;
  return EXPSTART_OK;
}

/* The reader's text. One that was cut may end within the secret. */
static int keep_read_text(struct expstart__digest *digest, struct span *span, size_t max) {
  size_t size = digest->reader.size, room = digest->secret_room;
  if (digest->reader.cut) {
    size -= room < size ? room : size;
    digest->cut = true;
  }
  return keep_text(digest, span, digest->reader.text, size, max);
}

/* What is no string, as json-c writes it. */
static int keep_json(struct expstart__digest *digest, struct span *span, size_t max) {
  struct json_object *tree;
  if (digest->reader.cut)
    return keep_read_text(digest, span, max);
  enum expstart__json_parsed parsed =
      expstart__json_parse(digest->reader.text, digest->reader.size, 0, &tree, NULL);
  if (parsed == EXPSTART__JSON_UNPARSED)
    return EXPSTART_ENOMEM;
  if (parsed != EXPSTART__JSON_PARSED) {
    digest->broken = true;
    return EXPSTART_OK;
  }
  const char *json =
      json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  char *copy = json ? strdup(json) : NULL; /* the tree's own is not ours to change */
  int status = copy ? keep_text(digest, span, copy, strlen(copy), max) : EXPSTART_ENOMEM;
  free(copy);
  json_object_put(tree);
  return status;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void expect(struct expstart__digest *digest, enum member member, unsigned want) {
  digest->member = member;
  expstart__json_want(&digest->reader, want);
}

static void expect_text(struct expstart__digest *digest, enum text_field field, unsigned want) {
  drop(digest, &digest->fields[field]);
  digest->field = field;
  expect(digest, TEXT, want);
}

static void expect_item(struct expstart__digest *digest) {
  expect(digest, ERRORS_ITEM, EXPSTART__JSON_WANT_SCALAR | EXPSTART__JSON_WANT_RAW);
}

/* The key in the reader's text; as for json-c, a NUL ends it. */
static inline bool is_key(const struct expstart__digest *digest, const char *key) {
  size_t size = digest->reader.size, length = strlen(key);
  const char *text = digest->reader.text;
  return size >= length && memcmp(text, key, length) == 0 &&
         (size == length || text[length] == '\0');
}

static void take_key_of_root(struct expstart__digest *digest) {
  const unsigned any = EXPSTART__JSON_WANT_SCALAR | EXPSTART__JSON_WANT_RAW;
  if (is_key(digest, "ok")) {
    digest->ok = -1;
    expect(digest, OK, EXPSTART__JSON_WANT_SCALAR);
  } else if (is_key(digest, "errors")) {
    drop_errors(digest);
    expect(digest, ERRORS, any | EXPSTART__JSON_WANT_ARRAY);
  } else if (is_key(digest, "experiment")) {
    drop_experiment(digest);
    expect(digest, EXPERIMENT, EXPSTART__JSON_WANT_OBJECT);
  } else if (is_key(digest, "message")) {
    expect_text(digest, MESSAGE, any);
  } else if (is_key(digest, "error")) {
    expect_text(digest, ERROR, any);
  } else if (is_key(digest, "detail")) {
    expect_text(digest, DETAIL, any);
  }
}

static void take_key_of_experiment(struct expstart__digest *digest) {
  if (is_key(digest, "id")) {
    digest->experiment_id = 0;
    expect(digest, EXPERIMENT_ID, EXPSTART__JSON_WANT_SCALAR);
  } else if (is_key(digest, "name")) {
    expect_text(digest, NAME, EXPSTART__JSON_WANT_SCALAR);
  } else if (is_key(digest, "state")) {
    expect_text(digest, STATE, EXPSTART__JSON_WANT_SCALAR);
  } else if (is_key(digest, "start_at")) {
    expect_text(digest, STARTED_AT, EXPSTART__JSON_WANT_SCALAR);
  }
}

/* An integer, bounded as json-c has it; 0: it is none. */
static int64_t integer_of(const char *text, size_t size) {
  bool negative = text[0] == '-';
  int64_t value = 0; /* below 0, of which there is one more */
  for (size_t i = negative; i < size; i++) {
    int digit = text[i] - '0';
    if (digit < 0 || digit > 9)
      return 0; /* a point or an exponent */
    value = value < (INT64_MIN + digit) / 10 ? INT64_MIN : 10 * value - digit;
  }
  if (negative)
    return value;
  return value == INT64_MIN ? INT64_MAX : -value;
}

/* One of `errors`, or all of it where it is no array, as some proxies have it. */
static int take_error(struct expstart__digest *digest, enum expstart__json_token token) {
  if (digest->error_count == ERRORS_MAX) {
    digest->cut = true;
    return EXPSTART_OK;
  }
  struct span span = {0};
  int status = token == EXPSTART__JSON_STRING ? keep_read_text(digest, &span, FIELD_MAX)
                                              : keep_json(digest, &span, FIELD_MAX);
  if (status == EXPSTART_OK)
    digest->errors[digest->error_count++] = span;
  return status;
}

static int take_field(struct expstart__digest *digest, enum expstart__json_token token) {
  struct span *span = &digest->fields[digest->field];
  bool of_experiment = digest->field <= STARTED_AT;
  if (token == EXPSTART__JSON_STRING)
    return keep_read_text(digest, span, of_experiment ? FIELD_MAX : MESSAGE_MAX);
  if (of_experiment || token == EXPSTART__JSON_NULL)
    return EXPSTART_OK;
  return keep_json(digest, span, MESSAGE_MAX);
}

static int take_value(struct expstart__digest *digest, enum expstart__json_token token) {
  enum member member = digest->member;
  digest->member = NONE;
  switch (member) {
  case OK:
    if (token == EXPSTART__JSON_TRUE || token == EXPSTART__JSON_FALSE)
      digest->ok = token == EXPSTART__JSON_TRUE;
    return EXPSTART_OK;
  case EXPERIMENT_ID:
    if (token == EXPSTART__JSON_NUMBER)
      digest->experiment_id = integer_of(digest->reader.text, digest->reader.size);
    return EXPSTART_OK;
  case ERRORS:
    return token == EXPSTART__JSON_NULL ? EXPSTART_OK : take_error(digest, token);
  case ERRORS_ITEM: {
    int status = take_error(digest, token);
    expect_item(digest);
    return status;
  }
  case TEXT:
    return take_field(digest, token);
  default: /* the whole reply: a string is a message */
    return token == EXPSTART__JSON_STRING
               ? keep_read_text(digest, &digest->fields[MESSAGE], MESSAGE_MAX)
               : EXPSTART_OK;
  }
}

static void enter(struct expstart__digest *digest, enum expstart__json_token token) {
  if (digest->place == AT_ROOT) {
    digest->is_object = true;
    digest->place = IN_OBJECT;
  } else {
    digest->place = token == EXPSTART__JSON_OBJECT ? IN_EXPERIMENT : IN_ERRORS;
  }
  digest->member = NONE;
  if (digest->place == IN_ERRORS)
    expect_item(digest);
}

static int take(struct expstart__digest *digest, enum expstart__json_token token) {
  switch (token) {
  case EXPSTART__JSON_KEY:
    digest->member = NONE;
    if (digest->place == IN_OBJECT)
      take_key_of_root(digest);
    else
      take_key_of_experiment(digest);
    return EXPSTART_OK;
  case EXPSTART__JSON_OBJECT:
  case EXPSTART__JSON_ARRAY:
    enter(digest, token);
    return EXPSTART_OK;
  case EXPSTART__JSON_LEAVE:
    digest->place = digest->place == IN_OBJECT ? AT_ROOT : IN_OBJECT;
    digest->member = NONE;
    return EXPSTART_OK;
  default:
    return take_value(digest, token);
  }
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

int expstart__digest_feed(struct expstart__digest *digest, const char *bytes, size_t size) {
  size_t room = HEAD_MAX - digest->head_size;
  size_t part = size < room ? size : room;
  memcpy(digest->head + digest->head_size, bytes, part);
  digest->head_size += part;
  if (digest->keep_raw && keep_bytes(digest, bytes, size) != EXPSTART_OK)
    return EXPSTART_ENOMEM;
  const char *end = bytes + size;
  while (!digest->broken) {
    enum expstart__json_token token = expstart__json_next(&digest->reader, &bytes, end);
    if (token == EXPSTART__JSON_MORE)
      return EXPSTART_OK;
    if (token == EXPSTART__JSON_NO_MEMORY)
      return EXPSTART_ENOMEM;
    if (token == EXPSTART__JSON_BROKEN)
      digest->broken = true;
    else if (take(digest, token) != EXPSTART_OK)
      return EXPSTART_ENOMEM;
  }
  return EXPSTART_OK;
}

/* ---- what it came to ---------------------------------------------------------------------------
 */

static const char *text_at(const struct expstart__digest *digest, struct span span) {
  return span.size > 0 ? digest->text + span.at : NULL;
}

/* The first line of text that has something in it. */
static int keep_head(struct expstart__digest *digest) {
  char *line = digest->head, *end = digest->head + digest->head_size;
  while (line < end && memchr(" \t\r\n", *line, 4))
    line++;
  if (line == end)
    return EXPSTART_OK;
  size_t size = 0;
  while (line + size < end && line[size] != '\n' && line[size] != '\r')
    size++;
  /* The head may end within the secret. */
  if (line + size == end && digest->head_size == HEAD_MAX)
    size -= digest->secret_room < size ? digest->secret_room : size;
  return keep_text(digest, &digest->fields[MESSAGE], line, size, MESSAGE_MAX);
}

static int keep_joined_errors(struct expstart__digest *digest) {
  size_t size = 0;
  for (size_t i = 0; i < digest->error_count; i++)
    size += digest->errors[i].size + 1;
  char *joined = malloc(size), *end = joined;
  if (!joined)
    return EXPSTART_ENOMEM;
  for (size_t i = 0; i < digest->error_count; i++) {
    size_t length = digest->errors[i].size - 1;
    memcpy(end, digest->text + digest->errors[i].at, length);
    memcpy(end + length, "; ", 2);
    end += length + 2;
  }
  int status =
      keep_text(digest, &digest->fields[MESSAGE], joined, (size_t)(end - joined) - 2, MESSAGE_MAX);
  free(joined);
  return status;
}

/* The words of an error: where the contract puts them, else where the vendor's own client also
   looks; of what is no JSON, its beginning. */
static int settle_message(struct expstart__digest *digest, bool readable, bool is_string) {
  struct span *fields = digest->fields;
  if (readable && digest->error_count > 0) {
    drop(digest, &fields[MESSAGE]);
    bool cut = digest->cut; /* all of them are in `errors` */
    int status = keep_joined_errors(digest);
    digest->cut = cut;
    return status;
  }
  if (!readable && !is_string) {
    drop_experiment(digest);
    drop(digest, &fields[MESSAGE]);
    return keep_head(digest);
  }
  for (size_t i = ERROR; i <= DETAIL && fields[MESSAGE].size == 0; i++)
    fields[MESSAGE] = fields[i];
  return EXPSTART_OK;
}

static bool is_page(const struct expstart__digest *digest) {
  size_t at = 0;
  while (at < digest->head_size && memchr(" \t\r\n", digest->head[at], 4))
    at++;
  return at < digest->head_size && digest->head[at] == '<';
}

static int fill(struct expstart__digest *digest, struct expstart__reply *reply) {
  bool whole = !digest->broken && expstart__json_is_whole(&digest->reader);
  bool readable = whole && digest->is_object;
  if (settle_message(digest, readable, whole && digest->fields[MESSAGE].size > 0) != EXPSTART_OK ||
      !reserve(digest, 0))
    return EXPSTART_ENOMEM;
  reply->message = text_at(digest, digest->fields[MESSAGE]);
  reply->page = !readable && is_page(digest);
  reply->cut = digest->cut;
  if (!readable)
    return EXPSTART_OK;
  reply->readable = true;
  reply->ok = digest->ok;
  reply->experiment_id = digest->experiment_id;
  reply->name = text_at(digest, digest->fields[NAME]);
  reply->state = text_at(digest, digest->fields[STATE]);
  reply->started_at = text_at(digest, digest->fields[STARTED_AT]);
  if (digest->error_count == 0)
    return EXPSTART_OK;
  reply->errors = malloc(digest->error_count * sizeof *reply->errors);
  if (!reply->errors)
    return EXPSTART_ENOMEM;
  reply->error_count = digest->error_count;
  for (size_t i = 0; i < digest->error_count; i++)
    reply->errors[i] = text_at(digest, digest->errors[i]);
  return EXPSTART_OK;
}

int expstart__digest_finish(struct expstart__digest *digest, struct expstart__reply *reply) {
  expstart__reply_empty(reply);
  if (fill(digest, reply) != EXPSTART_OK) {
    expstart__reply_empty(reply);
    return EXPSTART_ENOMEM;
  }
  char *memory = reply->text;
  size_t capacity = reply->text_capacity;
  reply->text = digest->text;
  reply->text_size = digest->text_size;
  reply->text_capacity = digest->text_capacity;
  digest->text = memory;
  digest->text_capacity = capacity;
  digest->text_size = 0;
  reply->raw = digest->raw;
  reply->raw_size = digest->raw_size;
  digest->raw = NULL;
  digest->raw_size = digest->raw_capacity = 0;
  return EXPSTART_OK;
}

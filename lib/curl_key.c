#include "curl_key.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool append(struct curl_slist **list, const char *line) {
  struct curl_slist *longer = curl_slist_append(*list, line);
  if (longer)
    *list = longer;
  return longer != NULL;
}

/* The encoding is also set on the handle, for libcurl to decode; but a line of its own making libcurl formats
   twice, byte by byte. */
static bool append_common(struct curl_slist **list, const char *authorization, bool encoded) {
  return append(list, authorization) && append(list, "Accept: application/json") &&
         (!encoded || append(list, "Accept-Encoding: gzip"));
}

static bool make_headers(struct expstart__curl_key *key, bool encoded) {
  static const char scheme[] = "Authorization: Api-Key ";
  size_t size = sizeof scheme + strlen(key->text);
  char *authorization = malloc(size);
  if (!authorization)
    return false;
  snprintf(authorization, size, "%s%s", scheme, key->text);
  bool done = append_common(&key->look_headers, authorization, encoded) &&
              append_common(&key->start_headers, authorization, encoded) &&
              append(&key->start_headers, "Content-Type: application/json");
  expstart__wipe(authorization, size);
  free(authorization);
  return done;
}

static void wipe_list(struct curl_slist *list) {
  for (struct curl_slist *line = list; line; line = line->next)
    expstart__wipe(line->data, strlen(line->data));
  curl_slist_free_all(list);
}

struct expstart__curl_key *expstart__curl_key_create(const char *text, bool encoded) {
  struct expstart__curl_key *key = calloc(1, sizeof *key);
  if (!key)
    return NULL;
  key->users = 1;
  key->text = strdup(text);
  if (key->text && make_headers(key, encoded))
    return key;
  expstart__curl_key_release(key);
  return NULL;
}

void expstart__curl_key_release(struct expstart__curl_key *key) {
  if (!key || --key->users > 0)
    return;
  wipe_list(key->start_headers);
  wipe_list(key->look_headers);
  if (key->text)
    expstart__wipe(key->text, strlen(key->text));
  free(key->text);
  free(key);
}

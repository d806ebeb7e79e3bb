/* A key's memory, libcurl's lines with it included, is wiped before it is freed: the heap is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>

#include "curl_key.h"

#define KEY "sEcReT-kEy"

static unsigned told; /* blocks that were freed with the key in them */

static void look_at(const void *block) {
  size_t size = block ? malloc_usable_size((void *)(uintptr_t)block) : 0;
  for (size_t i = 0; i + strlen(KEY) <= size; i++)
    told += memcmp((const char *)block + i, KEY, strlen(KEY)) == 0;
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block) {
  look_at(block);
  __real_free(block);
}

static void free_of_curl(void *block) {
  look_at(block);
  __real_free(block);
}

static char *copy_for_curl(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = calloc(1, size);
  return copy ? memcpy(copy, text, size) : NULL;
}

static void a_key_is_wiped_when_its_last_user_lets_go(void **state) {
  (void)state;
  struct expstart__curl_key *key = expstart__curl_key_create(KEY, true);
  assert_non_null(key);
  assert_string_equal(key->text, KEY);
  assert_string_equal(key->look_headers->data, "Authorization: Api-Key " KEY);
  assert_string_equal(key->start_headers->data, "Authorization: Api-Key " KEY);
  key->users++;
  expstart__curl_key_release(key);
  assert_string_equal(key->text, KEY);
  expstart__curl_key_release(key);
  assert_int_equal(told, 0);
  expstart__curl_key_release(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_key_is_wiped_when_its_last_user_lets_go)};
  curl_global_init_mem(CURL_GLOBAL_NOTHING, malloc, free_of_curl, realloc, copy_for_curl, calloc);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

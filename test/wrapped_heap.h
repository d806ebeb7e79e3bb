/* The names that the linker's --wrap makes of malloc and the like: a test defines the __wrap_ ones, which are
   called instead. */
#ifndef EXPSTART_TEST_WRAPPED_HEAP_H
#define EXPSTART_TEST_WRAPPED_HEAP_H

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

#endif

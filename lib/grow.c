#include "grow.h"

#include <stdlib.h>

void *expstart__grow(void *items, uint32_t count, uint32_t *capacity, uint32_t first,
                     size_t item_size) {
  if (count < *capacity)
    return items;
  uint32_t larger = *capacity ? 2 * *capacity : first;
  void *grown = realloc(items, larger * item_size);
  if (grown)
    *capacity = larger;
  return grown;
}

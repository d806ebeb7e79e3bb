/* Arrays that grow by one item at a time. Pure; used by request and the carriers. */
#ifndef EXPSTART_LIB_GROW_H
#define EXPSTART_LIB_GROW_H

#include <stddef.h>
#include <stdint.h>

/* The array, moved perhaps, with room for one more than the `count` items of `item_size` bytes in it:
   *capacity is doubled, or `first`, when it is full. NULL: out of memory, and nothing has changed. */
void *expstart__grow(void *items, uint32_t count, uint32_t *capacity, uint32_t first,
                     size_t item_size);

#endif

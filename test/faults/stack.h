/* Who called a function that inject.c has put in the place of the C library's. Knows nothing of faults. */
#ifndef EXPSTART_TEST_STACK_H
#define EXPSTART_TEST_STACK_H

#include <execinfo.h>
#include <stdbool.h>

/* What takes a stack is to be no frame of it. */
#define STACK_INLINE inline __attribute__((always_inline))

enum { STACK_DEPTH = 12 };

struct stack {
  int depth;
  void *callers[STACK_DEPTH]; /* the called function's own first */
};

static STACK_INLINE void stack_take(struct stack *stack) {
  stack->depth = backtrace(stack->callers, STACK_DEPTH);
}

/* Whose doing it is: the name of the library of the innermost that is not the called function, nor the C library,
   which does what it is told. "": the program itself. */
const char *stack_doer(const struct stack *stack);

/* To stderr, for addr2line: addresses within the program or the library, or names. */
void stack_print(const char *what, const struct stack *stack);

/* A block that was taken here is kept for as long as the process or the thread is there: glibc's stacks for the next
   threads, OpenSSL's last errors. */
bool stack_is_of_what_is_kept(const struct stack *stack);

#endif

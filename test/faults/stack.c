/* See stack.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include "stack.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The name of the library that `address` is in, "" for the program itself. */
static const char *library_of(const void *address) {
  Dl_info place;
  if (!dladdr(address, &place) || !place.dli_fname)
    return "?";
  const char *slash = strrchr(place.dli_fname, '/');
  const char *name = slash ? slash + 1 : place.dli_fname;
  return strncmp(name, "lib", 3) == 0 ? name : "";
}

static bool is_c_library(const char *name) {
  return name[0] == '?' || strncmp(name, "libc.", 5) == 0 || strncmp(name, "libasan", 7) == 0;
}

/* Frames of a stack that are the called function's own, and the sanitizer's. */
#ifdef INJECT_UNDER_ASAN
enum { OWN = 2 };
#else
enum { OWN = 1 };
#endif

const char *stack_doer(const struct stack *stack) {
  for (int i = OWN; i < stack->depth; i++)
    if (!is_c_library(library_of(stack->callers[i])))
      return library_of(stack->callers[i]);
  return "";
}

void stack_print(const char *what, const struct stack *stack) {
  fprintf(stderr, "%s:", what);
  for (int i = 0; i < stack->depth; i++) {
    Dl_info place;
    if (!dladdr(stack->callers[i], &place))
      continue;
    if (place.dli_sname)
      fprintf(stderr, " %s", place.dli_sname);
    else
      fprintf(stderr, " %s+0x%tx", library_of(stack->callers[i]),
              (char *)stack->callers[i] - (char *)place.dli_fbase);
  }
  fputc('\n', stderr);
}

bool stack_is_of_what_is_kept(const struct stack *stack) {
  static const char *const keepers[] = {"_dl_allocate_tls", "ERR_set_error", "ERR_new",
                                        "ERR_add_error_vdata"};
  Dl_info place;
  for (int i = 0; i < stack->depth; i++)
    for (size_t k = 0; k < sizeof keepers / sizeof keepers[0]; k++)
      if (dladdr(stack->callers[i], &place) && place.dli_sname &&
          strcmp(place.dli_sname, keepers[k]) == 0)
        return true;
  return false;
}

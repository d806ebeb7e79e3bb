/* The public codes' names and words. Pure tables made from the header's one list; every file uses
   the codes, none prints. */
#include "expstart.h"

const char *expstart_strerror(int error) {
  switch (error) {
  case EXPSTART_OK:
    return "no error";
#define X(name, value, text)                                                                       \
  case EXPSTART_##name:                                                                            \
    return text;
    EXPSTART_ERRORS(X)
#undef X
  default:
    return "unknown error";
  }
}

const char *expstart_err_name(int error) {
  switch (error) {
  case EXPSTART_OK:
    return "OK";
#define X(name, value, text)                                                                       \
  case EXPSTART_##name:                                                                            \
    return #name;
    EXPSTART_ERRORS(X)
#undef X
  default:
    return "EUNKNOWN";
  }
}

#define STRINGIFY(x) #x
#define VERSION_STRING(major, minor, patch)                                                        \
  STRINGIFY(major) "." STRINGIFY(minor) "." STRINGIFY(patch)

const char *expstart_version(void) {
  return VERSION_STRING(EXPSTART_VERSION_MAJOR, EXPSTART_VERSION_MINOR, EXPSTART_VERSION_PATCH);
}

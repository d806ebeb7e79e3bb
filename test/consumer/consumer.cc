// Shows that the public header needs no other before it, is C++ as well, and that its functions
// link from there.
#include <expstart.h>

#include <cstdio>
#include <cstring>
#include <type_traits>

static_assert(std::is_same<decltype(&expstart_version), const char *(*)()>::value,
              "the functions have C types");

int main() {
  expstart_options options;
  expstart_options_init(&options);
  std::printf("%s\n", expstart_version());
  return options.size == sizeof options && std::strcmp(expstart_err_name(EXPSTART_EID), "EID") == 0
             ? 0
             : 1;
}

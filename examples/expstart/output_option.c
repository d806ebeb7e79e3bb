/* The option --output: whether it can be used, before anything else is done. Called by the sub-commands that
 * have it. */
#include "output_option.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "text.h"

static bool bad_output(const struct args *args, const char *why) {
  char shown[256];
  const char *name = args->output != NULL ? args->output : "-";
  (void)fprintf(stderr, "expstart: --output %s: %s\n",
                text_safe(shown, sizeof shown, name, strlen(name)), why);
  return false;
}

/* Opening the output empties it. Two that are not there yet are told apart by name. */
static bool is_output(const struct args *args, const char *input) {
  struct stat read;
  struct stat written;
  if (input == NULL || args->output == NULL || strcmp(args->output, "-") == 0) {
    return false;
  }
  if (strcmp(args->output, input) == 0) {
    return stat(input, &read) != 0 || S_ISREG(read.st_mode);
  }
  return stat(args->output, &written) == 0 && S_ISREG(written.st_mode) &&
         (strcmp(input, "-") == 0 ? fstat(fileno(stdin), &read) : stat(input, &read)) == 0 &&
         read.st_dev == written.st_dev && read.st_ino == written.st_ino;
}

bool output_option_check(const struct args *args, const char *input) {
  if (is_output(args, input)) {
    return bad_output(args, "is the file that the experiments are read from");
  }
  if (is_output(args, args->journal)) {
    return bad_output(args, "is the journal");
  }
  int error = output_check(args->output);
  return error == 0 || bad_output(args, strerror(error));
}

void output_option_say(const struct args *args, int error) {
  (void)bad_output(args, strerror(error));
}

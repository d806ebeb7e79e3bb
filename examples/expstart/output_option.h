/* The option --output: whether it can be used, before anything else is done. Called by the sub-commands that
 * have it. */
#ifndef COMMAND_OUTPUT_OPTION_H
#define COMMAND_OUTPUT_OPTION_H

#include <stdbool.h>

#include "args.h"

/* It could be written, and is neither the journal nor `input`, whose content would be lost. `input` may be NULL,
   or "-" for stdin. False: why was said. */
bool output_option_check(const struct args *args, const char *input);

/* Says that it could not be written, for this errno. */
void output_option_say(const struct args *args, int error);

#endif

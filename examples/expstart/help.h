/* The help texts of the sub-commands. Called by args.c. */
#ifndef COMMAND_HELP_H
#define COMMAND_HELP_H

#include <stdio.h>

/* Of the sub-command of that name. */
void help_print(const char *command, FILE *out);

#endif

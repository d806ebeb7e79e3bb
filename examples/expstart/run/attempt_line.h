/* One attempt in one line, for --verbose. Called by run.c. */
#ifndef COMMAND_ATTEMPT_LINE_H
#define COMMAND_ATTEMPT_LINE_H

#include <stdio.h>

#include "expstart.h"

void attempt_line_write(const expstart_attempt *attempt, FILE *to);

#endif

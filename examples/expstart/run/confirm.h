/* The question that a terminal is asked before a run. Called by start.c and resume.c. */
#ifndef COMMAND_CONFIRM_H
#define COMMAND_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

/* Asks on the terminal, or on /dev/tty if stdin held the ids. True: yes, or there is no terminal to
   ask. */
bool confirm_start(uint64_t count, const char *endpoint, bool is_stdin_taken);

#endif

/* What all sub-commands share: their shape and their exit codes.
 * Used by main.c, which calls them, and by each of them. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

struct args;

enum command_exit {
  COMMAND_ALL_RUNNING = 0,
  COMMAND_SOME_NOT = 1,
  COMMAND_USAGE = 2, /* nothing was sent */
  COMMAND_STOPPED = 3,
  COMMAND_SIGNAL = 128 /* plus the signal's number */
};

/* Each does what its name says and returns the exit code. */
int command_start(const struct args *args);
int command_resume(const struct args *args);
int command_status(const struct args *args);
int command_verify(const struct args *args);
int command_export(const struct args *args);
int command_report(const struct args *args);

#endif

/* What all sub-commands share: their shape and their exit codes.
 * Used by main.c, which calls them, and by each of them. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

enum command_exit {
  COMMAND_ALL_RUNNING = 0,
  COMMAND_SOME_NOT = 1,
  COMMAND_USAGE = 2, /* nothing was sent */
  COMMAND_STOPPED = 3,
  COMMAND_SIGNAL = 128 /* plus the signal's number */
};

/* argv[0] is the sub-command's name. Returns the exit code. */
int command_start(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_status(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_export(int argc, char **argv);
int command_report(int argc, char **argv);

#endif

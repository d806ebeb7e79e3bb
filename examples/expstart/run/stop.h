/* Why a run stopped before its end, and the words for it. Pure. */
#ifndef COMMAND_STOP_H
#define COMMAND_STOP_H

enum stop {
  STOP_NOT,
  STOP_SIGNAL,
  STOP_DEADLINE,
  STOP_REFUSED, /* the key */
  STOP_CERT,
  STOP_OUTPUT,
  STOP_JOURNAL,
  STOP_TROUBLE
};

/* What the results of those say that were not sent. */
const char *stop_not_sent(enum stop stop);

/* How the run ended, for its journal: "done", "stopped by Ctrl-C". */
const char *stop_ending(enum stop stop, int signal_number);

/* "Ctrl-C", "SIGTERM", "SIGHUP". */
const char *stop_signal_name(int signal_number);

#endif

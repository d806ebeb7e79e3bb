/* Why a run stopped before its end, and the words for it. Pure. */
#include "stop.h"

#include <signal.h>

const char *stop_not_sent(enum stop stop) {
  switch (stop) {
  case STOP_NOT:
    break;
  case STOP_SIGNAL:
    return "not sent: the run was interrupted";
  case STOP_DEADLINE:
    return "not sent: the deadline had passed";
  case STOP_REFUSED:
    return "not sent: the API had refused the key";
  case STOP_CERT:
    return "not sent: the server's certificate could not be verified";
  case STOP_OUTPUT:
    return "not sent: the results could not be written";
  case STOP_JOURNAL:
    return "not sent: the journal could not be written";
  case STOP_TROUBLE:
    return "not sent: the run was stopped by an error";
  }
  return "not sent";
}

const char *stop_ending(enum stop stop, int signal_number) {
  switch (stop) {
  case STOP_NOT:
    break;
  case STOP_SIGNAL:
    return signal_number == SIGINT    ? "stopped by Ctrl-C"
           : signal_number == SIGTERM ? "stopped by SIGTERM"
                                      : "stopped by SIGHUP";
  case STOP_DEADLINE:
    return "stopped by the deadline";
  case STOP_REFUSED:
    return "stopped: the API refused the key";
  case STOP_CERT:
    return "stopped: the server's certificate could not be verified";
  case STOP_OUTPUT:
    return "stopped: the results could not be written";
  case STOP_JOURNAL:
    return "stopped: the journal could not be written";
  case STOP_TROUBLE:
    return "stopped by an error";
  }
  return "done";
}

const char *stop_signal_name(int signal_number) {
  return signal_number == SIGINT ? "Ctrl-C" : signal_number == SIGTERM ? "SIGTERM" : "SIGHUP";
}

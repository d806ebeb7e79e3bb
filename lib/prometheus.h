/* Stats as text in Prometheus' exposition format. Pure: from a struct to text; the client has the
   public function. */
#ifndef EXPSTART_LIB_PROMETHEUS_H
#define EXPSTART_LIB_PROMETHEUS_H

#include "expstart.h"

/* As expstart_stats_prometheus, which says what is returned, of stats that are there already. */
int expstart__prometheus(const struct expstart_stats *stats, const char *labels, char *buffer,
                         size_t size);

#endif

/* What a report is drawn from: a journal as one JSON object of bounded size. Called by report.c; page.html reads
 * it. */
#ifndef COMMAND_REPORT_DATA_H
#define COMMAND_REPORT_DATA_H

#include "journal.h"
#include "problem.h"

struct json_object;

/* A new reference; NULL: why not is in `problem`. */
struct json_object *report_data_make(struct journal *journal, struct problem *problem);

#endif

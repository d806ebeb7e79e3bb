/* The page of a report without its data: page.html, and Chart.js, which draws in it. Embedded when this is
 * built. Used by report.c. */
#ifndef COMMAND_PAGE_H
#define COMMAND_PAGE_H

#include <stddef.h>

/* Has @DATA@ and @CHART_JS@ in it, in this order, to be replaced. */
extern const unsigned char page_html[];
extern const size_t page_html_length;

extern const unsigned char page_chart_js[];
extern const size_t page_chart_js_length;

#endif

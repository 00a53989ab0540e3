/* The line of `kith top` above a page of the whole network: what its rows add up to. A pure function. */
#ifndef KITH_TOP_SUMMARY_H
#define KITH_TOP_SUMMARY_H

#include "kith/status.h"
#include "kith/top_pages.h"

/* Of the nodes, the links or the problems. False if there is no memory. */
bool top_summary_print(FILE *out, const struct status *status, enum top_page page);

#endif

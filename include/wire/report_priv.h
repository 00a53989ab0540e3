/* What the files of report.h share. */
#ifndef KITH_REPORT_PRIV_H
#define KITH_REPORT_PRIV_H

#include "wire/report.h"

/* In a change, the first bytes of a nodeid may stand for it. */
enum { REPORT_PREFIX_BYTES = 4, REPORT_PREFIX_DIGITS = 8 };

/* The nodeid that begins like this one, and is zeros from there on. */
struct nodeid report_prefix(const struct nodeid *nodeid);
/* How many have these first bytes, and the first of them; NULL for none. */
size_t report_count_links(const struct report *report, const struct nodeid *prefix, const struct report_link **first);
size_t report_count_ends(const struct report *report, const struct nodeid *prefix, const struct report_end **first);

/* REASON_OTHER for a word that is not known, and for NULL. */
enum report_reason report_reason_of(const char *name);

#endif

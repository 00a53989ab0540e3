/* Reports of made-up nodes in a few words, for the tests of the mesh. */
#ifndef KITH_UNIT_SOME_REPORTS_H
#define KITH_UNIT_SOME_REPORTS_H

#include "mesh/view.h"

/* Ages in reports count from here. */
#define SOME_NOW_US INT64_C(1000000000)
/* As the setting is by default. */
#define SOME_FORGET_AFTER_US INT64_C(3600000000)

/* Numbers below 4096, in their order. "00700000" are the first digits of number 7. */
struct nodeid some_nodeid(unsigned number);
unsigned some_number(const struct nodeid *nodeid);
/* Where each listens. */
struct address some_address(unsigned number);

/*
 * A complete report. Words are separated by spaces:
 *	2		a link to number 2
 *	2!		one that is late for 3 s
 *	2/500		one with a round trip of 500 us
 *	2-silent	a link that ended 10 s ago
 *	2-silent@200	200 s ago
 *	2?timed_out	a failure to dial number 2
 *	2?timed_out@5	last tried 5 s ago; else just now
 *	?2?timed_out	the same, and nobody knows who is expected there
 *	=alpha		its name
 */
struct report *some_report(unsigned number, int64_t seq, const char *words);
/* The same with the changes since base only, for reports_take: as it is read from a message. */
struct report *some_change(unsigned number, int64_t base, int64_t seq, const char *words);

/* What number self sees, of reports that are written "NUMBER: WORDS", in order; NULL ends them. */
struct view some_view(unsigned self, const char *const *reports);

#endif

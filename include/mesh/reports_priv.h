/*
 * Inside the reports: the table of entries, which reports_table.c keeps, those without one (reports_introduced.c), and
 * the functions of reports.c use under the lock.
 */
#ifndef KITH_REPORTS_PRIV_H
#define KITH_REPORTS_PRIV_H

#include "base/keyed_table.h"
#include "base/sync.h"
#include "mesh/reports.h"

extern struct mutex reports_guard;

struct teller;

struct entry {
	struct nodeid nodeid;
	struct report *report;
	struct teller *teller;
	struct entry *prev, *next; /* what this teller has told, the one that was heard longest ago first */
	int64_t heard_us;
	int64_t reached_us; /* -1 for never */
	bool is_reached;    /* at the last reports_expire */
	bool is_old;	    /* it was gone since the report came */
	bool is_own_word;   /* its node has told it as a peer */
};

/* Who told some of the reports. */
struct teller {
	struct nodeid nodeid;
	struct entry *told;
	size_t count;
	UT_hash_handle hh;
};

/* The nodeid is repeated here so that a search reads one piece of memory. */
struct place {
	struct nodeid nodeid;
	struct entry *entry;
};

struct reports {
	/* Immutable. */
	const struct settings *settings;
	struct nodeid self;
	struct mutex mutex;
	/* Guarded. */
	struct place *places GUARDED_BY(reports_guard); /* ordered by nodeid */
	size_t count GUARDED_BY(reports_guard), room GUARDED_BY(reports_guard);
	struct teller *tellers GUARDED_BY(reports_guard);
	struct entry *own GUARDED_BY(reports_guard); /* also in places; NULL before it is set */
	size_t bytes GUARDED_BY(reports_guard);	     /* of all reports */
	struct reports_introduced *introduced GUARDED_BY(reports_guard);
	size_t introduced_count GUARDED_BY(reports_guard), introduced_room GUARDED_BY(reports_guard);
	uint64_t sums[REPORTS_PARTS] GUARDED_BY(reports_guard);
	uint64_t version GUARDED_BY(reports_guard);
};

/* NULL if there is none. */
struct entry *reports_find_entry(struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard);
/* The first place behind that nodeid. */
size_t reports_place_after(struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard);
/* Makes room for a report in the place of its entry, or for a new one; both may be NULL. False if all others must
 * stay. */
bool reports_make_room(struct reports *reports, const struct report *report, const struct entry *kept)
	REQUIRES(reports_guard);
/* Holds a complete report in the place of the one before, or in a new entry. NULL if there is no memory. */
struct entry *reports_keep(struct reports *reports, struct report *report, const struct reports_teller *from)
	REQUIRES(reports_guard);
/* Those without a report: reports_introduced.c. */
void reports_add_introduced(struct reports *reports, const struct reports_introduced *introduced)
	REQUIRES(reports_guard);
void reports_drop_introduced(struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard);
void reports_copy_introduced(const struct reports *reports, struct reports_snapshot *snapshot) REQUIRES(reports_guard);
void reports_drop_entry(struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard);
/* Frees it; its place is for the caller to close. */
void reports_free_entry(struct reports *reports, struct entry *entry) REQUIRES(reports_guard);

#endif

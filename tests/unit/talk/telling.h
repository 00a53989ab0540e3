/*
 * Node 5 with reports, on a virtual clock, and peers that the test plays: 2, 3 and so on, at 127.0.0.2 and so on. What
 * is sent to them is read as reports.
 */
#ifndef KITH_UNIT_TALK_TELLING_H
#define KITH_UNIT_TALK_TELLING_H

#include <stddef.h>
#include <stdint.h>

#include "unit/core.h"
#include "wire/message.h"
#include "wire/report.h"

/* The wall clock when it starts. */
#define TELLING_CLOCK_US (INT64_C(1732882000123) * 1000)

/* Other settings between the two. */
void telling_init(struct core *core);
void telling_start(struct core *core);
void telling_fini(struct core *core);

/* Time passes, and what is due happens. */
void telling_pass(struct core *core, int64_t duration_us);
/* A node of an old version becomes a peer, and answers its first ping. */
struct peer *telling_meet_old(struct core *core, unsigned number);
/* One that says what it is linked with: the numbers in links, 0 at the end. It was told everything, which is dropped.
 */
struct peer *telling_meet(struct core *core, unsigned number, const unsigned *links);
/* It answers each ping meanwhile, or none. What else is sent to it stays. */
void telling_tend(struct core *core, struct peer *peer, bool answers, int64_t duration_us);
/* The next dial that is due fails for this error; after as long as the back-off of the address book makes it. */
void telling_fail_dial(struct core *core, const char *address, int error);
/* It says this: a complete report with that number. */
void telling_report(struct core *core, struct peer *peer, unsigned origin, int64_t seq, const unsigned *links);

/*
 * The next message of that type that waits for the peer; others before it are dropped. NULL for none. Good until the
 * next call; telling_line has its text.
 */
const struct message *telling_take(struct core *core, struct peer *peer, enum message_type type);
/* The next report, or NULL. */
const struct report *telling_take_report(struct core *core, struct peer *peer);
const char *telling_line(void);
/* How many reports wait for the peer, which are dropped with all else. */
size_t telling_count_reports(struct core *core, struct peer *peer);
/* "2 3+ 4~": the links, those dialled with +, those late with ~. */
const char *telling_links(const struct report *report);
/* "2 closed 3 left" */
const char *telling_ends(const struct report *report);
/* "127.0.0.9:5999=9 timed_out 2" */
const char *telling_failures(const struct report *report);

#endif

/*
 * A network in a few words, and what is diagnosed of it. A text has statements, ended by ';':
 *
 *	nodes alpha beta	in this order; alpha is the one that looks; at 10.0.0.1:5999, 10.0.0.2:5999...
 *	mesh alpha beta gamma	all of these are linked, with 1 ms; each was dialled by the one before it
 *	link alpha beta		so are these; dials that fail still do
 *	apart alpha beta	these are not, and say nothing of each other
 *
 *	alpha loses beta silent 30	alpha says that the link ended 30 s ago; beta is as before
 *	alpha misses beta 8		alpha's link is late for 8 s
 *	alpha hears beta		no longer
 *	alpha fails beta refused 9 60 40	9 times in a row, the first 60 s ago and the last 40 s ago
 *	alpha reaches beta		no longer fails
 *
 *	beta dies closed 30	all who are linked with it say so, within 20 ms
 *	beta rtt 820		of all its links, in ms, as both ends say
 *	beta silent		sends no report
 *	beta new		was never within reach
 *	beta started 3		seconds ago
 *	beta stalled 4.1 10	for 4.1 s until 10 s ago
 *	beta skew 43		says that its clock is ahead by so many seconds
 *	beta clock 43		so it is
 *	beta doubts 5		accuses nobody: so many of its peers are late at once
 *	beta called gamma	is its name
 *	beta at 10.0.0.9:5999	or "at -": unknown
 *
 *	beta doubles gamma 10.0.0.3:5999 10.0.0.9:5999
 *	beta refuses 10.0.0.9 312 600 5		so often, since and until so many seconds ago
 *
 * The network keeps what was said; time passes with network_wait.
 */
#ifndef KITH_UNIT_NETWORK_H
#define KITH_UNIT_NETWORK_H

#include "mesh/diagnosis.h"

enum { NETWORK_NODES = 64, NETWORK_TEXT_BYTES = 65536 };

struct network;

struct network *network_new(const char *text);
void network_free(struct network *network);
void network_say(struct network *network, const char *text);
void network_wait(struct network *network, double seconds);
int64_t network_now(const struct network *network);

/* The caller frees it. */
struct view network_view(const struct network *network);
struct findings network_find(const struct network *network, struct diagnosis_memory *memory);

/*
 * Each finding on a line of its own: "link(beta gamma) beta and gamma can't talk: ...". A cut has its sides divided by
 * a bar. The same buffer each time.
 */
const char *network_write(const struct network *network, const struct findings *findings);
/* "link(beta gamma)" alone. */
void network_write_finding(const struct network *network, const struct finding *finding, char *out, size_t room);

/* What is found of one view, without a memory. */
struct network_case {
	const char *what;
	const char *text;
	const char *found; /* as network_write has it */
};
#define EXPECT_CASES(cases) expect_cases(__FILE__, __LINE__, cases, sizeof(cases) / sizeof *(cases))
void expect_cases(const char *file, int line, const struct network_case *cases, size_t count);

/* What is found of one view after the other, with a memory: after so many seconds something is said. */
struct network_step {
	double wait_s;
	const char *text;
	const char *found;
};
#define EXPECT_STORY(network, steps) expect_story(__FILE__, __LINE__, network, steps, sizeof(steps) / sizeof *(steps))
void expect_story(const char *file, int line, const char *text, const struct network_step *steps, size_t count);

#endif

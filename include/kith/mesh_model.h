/*
 * The whole network as one node knows it: the nodes, what is between each two of them, and the problems. It is made
 * from the rows of `info`, `nodes`, `links` and `problems`, of which those of nodes come before those of links. What
 * pictures need of a row is kept, not the row: of 4,000 nodes there can be a million links. A plain value; one thread.
 */
#ifndef KITH_MESH_MODEL_H
#define KITH_MESH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"

enum { MESH_LABEL_BYTES = 96 };

enum mesh_state {
	MESH_ALIVE,
	MESH_LATE,
	MESH_GONE,
	MESH_OUT_OF_REACH, /* out of reach, but not gone by the last that was heard */
	MESH_STATES,
};

/* What is between two nodes. From LINK_LATE on it is trouble, and the greater, the worse. */
enum mesh_link {
	LINK_NONE, /* no link, by choice */
	LINK_UP,
	LINK_GONE,    /* one of both is gone, which says it all */
	LINK_OLD,     /* it was up, but all that tells is old: a node is out of reach */
	LINK_UNKNOWN, /* neither of the two has sent a report */
	LINK_LATE,
	LINK_FADING,  /* up, but neither could dial the other again */
	LINK_ONE_WAY, /* only one can dial the other */
	LINK_DOWN,
	MESH_LINKS,
};

/* Numbers are negative where they are unknown, texts NULL. */
struct mesh_node {
	char *nodeid, *name, *address, *agent, *reason;
	char label[MESH_LABEL_BYTES]; /* its name, or the first digits of its nodeid, or both: clean UTF-8 */
	enum mesh_state state;
	bool is_self, has_report;
	double state_s, report_s, rtt_ms, hops, links;
	size_t counts[MESH_LINKS]; /* of its pairs, but for those with a node that is late itself; not of LINK_NONE */
};

struct mesh_pair {
	uint32_t one, other; /* places of nodes: one < other */
	enum mesh_link link;
	bool is_one_able; /* of LINK_ONE_WAY: the one can dial the other, not the reverse */
	double rtt_ms, down_s;
	char *one_says, *other_says;
};

struct mesh_problem {
	char *text, *advice;
	bool is_notice;
	double since_s;
};

struct mesh {
	struct mesh_node *nodes; /* ordered by name, then by nodeid: a node keeps its place while others come and go */
	struct mesh_pair *pairs; /* ordered by one, then by other */
	struct mesh_problem *problems; /* as the node orders them, notices last */
	size_t node_count, pair_count, problem_count;
	size_t node_room, pair_room, problem_room;
	uint32_t *by_nodeid; /* places of nodes, ordered by nodeid; NULL before the first link */
	size_t self;	     /* its place; SIZE_MAX for none */
	char *network;
	double now_s; /* since 1970: when it was so */
	bool lacks_memory;
};

void mesh_init(struct mesh *mesh, double now_s);
void mesh_fini(struct mesh *mesh);
/* Takes what it needs of a row, and ignores rows that it does not know. */
void mesh_take(struct mesh *mesh, struct json_object *row);
/* All rows have come. False if there was no memory. */
bool mesh_finish(struct mesh *mesh);

/* Only of one that is finished: */

/* What is between two nodes. */
enum mesh_link mesh_link_of(const struct mesh *mesh, size_t one, size_t other);
/* What is known of it: NULL for LINK_NONE and LINK_UNKNOWN, and it may be NULL for LINK_GONE. */
const struct mesh_pair *mesh_find_pair(const struct mesh *mesh, size_t one, size_t other);
/* How many nodes are in that state, and how many pairs are so. */
size_t mesh_count_nodes(const struct mesh *mesh, enum mesh_state state);
size_t mesh_count_pairs(const struct mesh *mesh, enum mesh_link link);
/* Is anything wrong with the node, or between it and another? */
bool mesh_is_troubled(const struct mesh_node *node);
/*
 * The places of the most nodes that are wanted: all, or those with the most trouble, in the order of their places or
 * the worst first. *count is how many. To be freed; NULL if there is no memory.
 */
size_t *mesh_choose(const struct mesh *mesh, size_t most, bool worst_first, size_t *count);

#endif

/*
 * Rows about the whole network. Each request looks at all of it once, in a view of its own, and writes from that: no
 * lock is held meanwhile.
 */
#ifndef KITH_ROWS_MESH_PRIV_H
#define KITH_ROWS_MESH_PRIV_H

#include "control/rows_priv.h"
#include "mesh/problems.h"

/* The caller frees it. False if there is no memory: the answer is then an error. */
bool rows_look_at_mesh(struct call *call, struct view *view);
/* The same for what is about the whole network: an error too, if this node takes no part in reports. */
bool rows_look_at_network(struct call *call, struct view *view);

/* The keys of a node, of a pair, of a problem. */
void rows_add_node(struct row *row, const struct view *view, size_t place);
/* The end, 0 or 1, is the one. */
void rows_add_link(struct row *row, const struct view *view, const struct view_pair *pair, size_t end);
void rows_add_problem(struct row *row, const struct problem_entry *problem, const struct view *view);

/* The facts about what is between the nodes of the keys "about" and "other". */
void rows_why_pair(struct call *call);

bool rows_is_subject(const struct finding *finding, const struct nodeid *nodeid);
/* How long ago; -1 for a moment that is unknown, which is below 0. */
int64_t rows_age(int64_t then_us, int64_t now_us);

#endif

/* The graph of the nodes and their READY connections, as it is at one moment. Attackers are no nodes. */
#ifndef KITH_SIM_GRAPH_H
#define KITH_SIM_GRAPH_H

#include <stddef.h>

#include "world.h"

struct graph {
	size_t nodes;
	size_t side_nodes[2];	    /* on the near and the far side of a partition; all of them without one */
	size_t components, largest; /* and how many nodes the largest of them has */
	size_t full;		    /* nodes that have all their outbound peers, or everybody of their side */
	double degree;		    /* on average */
	size_t least_degree, median_degree, most_degree;
	size_t outbound,
		outbound_attacker; /* READY connections that nodes have dialled, and those of them to attackers */
};

struct graph graph_look(struct world *world);
/* The longest of the shortest ways between any two nodes that are connected somehow. */
size_t graph_diameter(struct world *world);

#endif

/* A network on a terminal: a matrix of its nodes, or where that does not fit, the nodes with the most trouble. */
#ifndef KITH_MESH_TEXT_H
#define KITH_MESH_TEXT_H

#include "kith/mesh_model.h"
#include "kith/writing.h"

enum { MESH_TEXT_MOST = 40 }; /* nodes of a matrix */

struct mesh_text_style {
	size_t columns;	  /* of the terminal */
	bool has_colours; /* if stdout has */
};

/* The problems, the matrix or the list, and what the signs mean. */
void mesh_text_write(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style);

#endif

/*
 * A network in the language of Graphviz: nodes on a circle, in their order, and an edge for each link and each pair
 * that can't talk. Pure functions.
 */
#ifndef KITH_MESH_DOT_H
#define KITH_MESH_DOT_H

#include "kith/mesh_model.h"
#include "kith/writing.h"

void mesh_dot_write(struct writing *out, const struct mesh *mesh);

#endif

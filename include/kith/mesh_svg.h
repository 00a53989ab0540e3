/*
 * A network as a picture: a matrix in SVG, in which each node keeps its place. It has no scripts and needs nothing
 * else; shapes tell what colours tell, and the colours follow the reader's choice of dark or light. Of a mesh of 128
 * nodes it has less than 100 kB, whatever the nodes are called and however many pairs are broken. Pure functions.
 */
#ifndef KITH_MESH_SVG_H
#define KITH_MESH_SVG_H

#include "kith/mesh_model.h"
#include "kith/writing.h"

enum { MESH_SVG_MOST = 128 }; /* nodes of the matrix; of more, those with the most trouble */

/* A file of its own, with the problems above the matrix. */
void mesh_svg_write(struct writing *out, const struct mesh *mesh);
/* The elements for a page that has these styles: of so many bytes, if it can be so few without titles of cells. */
void mesh_svg_write_inline(struct writing *out, const struct mesh *mesh, size_t most_bytes);
extern const char mesh_svg_style[];

#endif

/* The parts of a network on a terminal. */
#ifndef KITH_MESH_TEXT_PRIV_H
#define KITH_MESH_TEXT_PRIV_H

#include "kith/mesh_text.h"
#include "kith/mesh_words.h"
#include "kith/table.h"

/* The matrix of all nodes, with its signs. False if it does not fit: nothing is written. */
bool mesh_text_matrix(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style);
/* The nodes with trouble, the worst first, and how many are left out. */
void mesh_text_list(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style);

/* The text in lines of at most that width, with so many spaces before each but the first. */
void mesh_text_wrap(struct writing *out, const char *text, size_t width, size_t indent);
/* Its label in at most so many cells. */
void mesh_text_label(const struct mesh_node *node, size_t cells, char out[static MESH_SHORT_BYTES]);
/* In exactly so many cells, cleaned for the terminal. */
void mesh_text_put(struct writing *out, const char *text, size_t cells, bool is_right);
/* "" where there are no colours. */
const char *mesh_text_colour(const struct mesh_text_style *style, enum table_colour colour);

#endif

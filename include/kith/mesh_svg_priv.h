/* The matrix within a picture. */
#ifndef KITH_MESH_SVG_PRIV_H
#define KITH_MESH_SVG_PRIV_H

#include "kith/mesh_svg.h"

/* The nodes that are drawn, and how large. */
struct svg_matrix {
	const struct mesh *mesh;
	size_t *places; /* of the nodes; owned, NULL if there is no memory */
	size_t count;
	size_t cell, font; /* pixels */
	size_t label;	   /* characters of a label at most */
	size_t margin;	   /* pixels for the labels, left and above */
	bool has_texts;	   /* cells have round trips in numbers */
	const char *size_class;
	size_t most_bytes;
};

struct svg_matrix svg_matrix_plan(const struct mesh *mesh, size_t most_bytes);
void svg_matrix_fini(struct svg_matrix *matrix);
/* In pixels, with the labels. */
size_t svg_matrix_size(const struct svg_matrix *matrix);

/* What a legend explains; some shapes are only in some matrices. */
enum svg_shape {
	SHAPE_NEAR, /* from here to SHAPE_UNMEASURED: up, by distance */
	SHAPE_UNMEASURED = SHAPE_NEAR + 4,
	SHAPE_NUMBER, /* up, with its round trip as a number */
	SHAPE_NONE,
	SHAPE_GONE,
	SHAPE_OLD,
	SHAPE_UNKNOWN,
	SHAPE_LATE,
	SHAPE_FADING,
	SHAPE_TO_COLUMN, /* one way: its tip points to the label of the node that can be dialled */
	SHAPE_TO_ROW,
	SHAPE_DOWN,
	SVG_SHAPES,
};

/* Titles are left out from where they would be more than most_bytes. Marks the shapes that it uses. */
void svg_matrix_write(struct writing *out, const struct svg_matrix *matrix, bool used[static SVG_SHAPES]);
/* The definitions of all shapes. */
void svg_shapes_write(struct writing *out);
/* The class of a path whose vertices have that shape. */
const char *svg_shape_name(enum svg_shape shape);
/* NULL for one that the next one explains too. */
const char *svg_shape_words(enum svg_shape shape);

#endif

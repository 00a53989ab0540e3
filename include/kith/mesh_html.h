/*
 * A network as a page: problems as sentences, the matrix, and the nodes in a table. One file, without scripts and
 * without anything from elsewhere; of 128 nodes it has less than 100 kB. Pure functions.
 */
#ifndef KITH_MESH_HTML_H
#define KITH_MESH_HTML_H

#include "kith/mesh_model.h"
#include "kith/writing.h"

/* With refresh_s > 0, the reader loads it again after so many seconds. */
void mesh_html_write(struct writing *out, const struct mesh *mesh, unsigned refresh_s);
/* A page that says that there is nothing to show, and why. */
void mesh_html_write_failure(struct writing *out, const char *why, unsigned refresh_s);

/* The value of Content-Security-Policy that lets a reader take the page's own styles, and nothing else. */
extern const char mesh_html_policy[];

#endif

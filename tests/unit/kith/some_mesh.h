/* Networks for tests of their pictures. */
#ifndef KITH_TEST_SOME_MESH_H
#define KITH_TEST_SOME_MESH_H

#include "kith/mesh_model.h"
#include "kith/writing.h"

/* Noon of 1 January 2026 in UTC. */
#define SOME_MESH_NOW_S 1767268800.0

/* Takes a row, in which ' stands for ". */
void some_mesh_row(struct mesh *mesh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "n1", the nodeid of the node that some_mesh_node makes. */
void some_mesh_node(struct mesh *mesh, int number, const char *name, const char *rest);
void some_mesh_link(struct mesh *mesh, int one, int other, const char *state, const char *rest);

/*
 * alpha, beta, gamma and delta, of which delta is gone, gamma can't talk with beta, and alpha can dial gamma, but not
 * the reverse. Not yet finished.
 */
void some_mesh_four(struct mesh *mesh);

/* A full mesh of so many nodes with names like "web-eu-007", finished. mix: which states the pairs have in turn. */
void some_mesh_full(struct mesh *mesh, int nodes, const char *const *mix);

/* How often the words are in the text. */
size_t some_mesh_count(const char *text, const char *words);

#endif

/*
 * What pictures of a network say in words: plain text, in which names are as the nodes give them. Pure functions, but
 * for the time zone.
 */
#ifndef KITH_MESH_WORDS_H
#define KITH_MESH_WORDS_H

#include "kith/mesh_model.h"
#include "kith/words.h"
#include "kith/writing.h"

/* "12 nodes: 10 alive, 1 late, 1 gone; 64 links, 1 pair can't talk" */
void mesh_words_headline(struct writing *out, const struct mesh *mesh);
/* "since 12:04:11: beta and gamma can't talk: ..." */
void mesh_words_problem(struct writing *out, const struct mesh *mesh, const struct mesh_problem *problem);
/* "delta is gone for 3 min: it crashed; report 4 min old" */
void mesh_words_node(struct writing *out, const struct mesh_node *node);
/* "alpha, beta: 0.4 ms; reports 3 s and 5 s old" */
void mesh_words_pair(struct writing *out, const struct mesh *mesh, size_t one, size_t other);

const char *mesh_state_word(enum mesh_state state);
/* As a legend says it. */
const char *mesh_link_words(enum mesh_link link);

/* A round trip in at most so many characters, 3 or more, in milliseconds but for "s": ".04", "0.4", "38", "1.2s". */
void mesh_words_rtt(double rtt_ms, size_t most, char out[static WORDS_BYTES]);

/*
 * How far away that is, in steps of ten: shorter than 1 ms, than 10 ms, than 100 ms, and longer. Less is nearer; the
 * last is for an unknown one.
 */
enum { MESH_DISTANCES = 5, MESH_DISTANCE_UNKNOWN = MESH_DISTANCES - 1 };
size_t mesh_distance(double rtt_ms);
extern const char *const mesh_distance_words[MESH_DISTANCES];

/*
 * The label in at most so many cells: its middle is left out, or all but the end that tells it from others. At least
 * one character.
 */
enum { MESH_SHORT_BYTES = MESH_LABEL_BYTES + 4 };
void mesh_words_short(const char *label, size_t cells, char out[static MESH_SHORT_BYTES]);

#endif

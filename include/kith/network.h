/* What the rows of nodes and problems say, for people. Plain values. */
#ifndef KITH_NETWORK_H
#define KITH_NETWORK_H

#include <stdio.h>

#include "kith/rows.h"
#include "kith/words.h"

/* Is it worth knowing only, with nothing broken? */
bool network_is_notice(struct json_object *problem);
/* Is it of a kind that monitoring warns of: a node or a connection that is missing? */
bool network_is_grave(struct json_object *problem);
/* Its kind as one word: "link"; "other" for one that only a newer node knows. */
const char *network_kind(struct json_object *problem);
/* Is that node among those that it is about? */
bool network_is_about(struct json_object *problem, const char *nodeid);
/* "since 12:04:11"; "found 12:04:13" for one of which nobody knows since when. */
void network_say_since(struct json_object *problem, char out[static WORDS_BYTES + 8]);

/* A sentence for each, with since when, and below it what to check; notices last. False if there is no memory. */
bool network_print_problems(FILE *out, const struct rows *problems);

/*
 * The line below a list of nodes: "2 of 30 nodes; web-01 has no connection to db-01 (kith why web-01 db-01)". The nodes
 * are all that there are, and shown those that are listed. False if there is no memory.
 */
bool network_print_foot(FILE *out, const struct rows *nodes, const struct rows *shown, const struct rows *problems);

/* The line below a list of links: "10 links: 8 up, 1 fading, 1 down". */
void network_print_links_foot(FILE *out, const struct rows *links);

/* Gives each node of the rows what its row lacks: by how many of the others it is seen, of those that can tell. False
 * if there is no memory. */
bool network_complete_nodes(const struct rows *nodes);

#endif

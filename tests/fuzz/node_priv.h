/*
 * What the files of the node share: node.c drives it, node_rules.c says what is true of it: of each line that it sends,
 * of each ending, of who is banned (said another way than access.c says it), and of the whole at each moment.
 */
#ifndef KITH_FUZZ_NODE_PRIV_H
#define KITH_FUZZ_NODE_PRIV_H

#include "node.h"

struct address node_parse(const char *text);

bool node_is_good(const struct node *node, const struct node_end *end);
bool node_is_inbound(const struct node_end *end);
bool node_is_ready(const struct node_end *end);
struct node_end *node_find_end(struct node *node, const struct peer *peer);

/* Takes what waits in the outbox, and checks it. True if there was something. */
bool node_read_outbox(struct node *node, struct node_end *end);
/* May the end have this ending? */
void node_judge(struct node *node, const struct node_end *end, const struct peer_info *info);
/* A connection from this host has ended in a protocol error. */
void node_note_error(struct node *node, const struct address *host);
bool node_is_banned(struct node *node, const struct address *host);
/* What is true at each moment. */
void node_check(struct node *node);

#endif

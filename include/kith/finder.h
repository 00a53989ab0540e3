/*
 * Finds the node to ask. Its socket is that of -s, else of KITH_CONTROL, else the one that is in the directories where
 * nodes put them (base/runtime_dir.h). -s and KITH_CONTROL may name a directory of sockets too. Of several, -n chooses
 * one by name.
 */
#ifndef KITH_FINDER_H
#define KITH_FINDER_H

#include "kith/options.h"
#include "kith/session.h"

/* Begins a conversation with it. Complains, with what to do, if there is none, or not one alone. */
enum outcome finder_connect(const struct options *options, struct session *session);

/* Prints the nodes of this machine that this user may ask. */
enum outcome finder_print_nodes(const struct options *options);

#endif

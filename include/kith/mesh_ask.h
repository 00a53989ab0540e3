/* What a node is asked for a picture of its network. */
#ifndef KITH_MESH_ASK_H
#define KITH_MESH_ASK_H

#include "kith/session.h"

/* Sends that many requests, all at once, so that the answers belong together. */
enum { MESH_REQUESTS = 4 };
bool mesh_ask(struct session *session);

#endif

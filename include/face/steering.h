/* The control socket as the main thread sees it: its place, its threads, and the commands that it hands over. */
#ifndef KITH_STEERING_H
#define KITH_STEERING_H

#include "control/control.h"
#include "node/node.h"

struct steering {
	struct place place;
	struct commands *commands;
	struct control *control; /* NULL for none */
};

/* Before the process becomes its user: makes what it may not make later. What goes wrong is logged. */
void steering_prepare(struct steering *steering, const struct settings *settings);
/* Listens, and answers about this node from now on. What goes wrong is logged: the node runs without. */
void steering_start(struct steering *steering, const struct node *node);
/* No client is there any more. */
void steering_stop(struct steering *steering);

#endif

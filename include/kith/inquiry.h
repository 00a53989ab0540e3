/*
 * Questions to a node whose answers are read as they come: a slow node holds nothing up, and each inquiry has a
 * connection of its own, so that a node that was restarted is found again. One thread.
 */
#ifndef KITH_INQUIRY_H
#define KITH_INQUIRY_H

#include <stdint.h>

#include "base/problem.h"
#include "kith/options.h"
#include "kith/session.h"

/* Whom to ask: the node that the options name, and once it has been found, the one at that socket. */
struct inquiry_node {
	const struct options *options;
	char path[SOCKET_PATH_BYTES]; /* "" before it has been found */
};

/* Looks for it, and waits for that if several run here. Complains if there is none. */
enum outcome inquiry_find(struct inquiry_node *node);

struct inquiry {
	struct session session;
	bool is_asking;
	int answers, wanted; /* how many have come, and how many are to come */
	int64_t asked_us;
	struct problem problem; /* why it failed */
};

void inquiry_init(struct inquiry *inquiry);
void inquiry_fini(struct inquiry *inquiry);

/* ask sends that many requests. False with a problem. */
bool inquiry_begin(struct inquiry *inquiry, struct inquiry_node *node, bool (*ask)(struct session *session),
		   int requests);
/* To be polled for input while it is asking; else -1. */
int inquiry_fd(const struct inquiry *inquiry);
/* When it fails if it has not ended; INT64_MAX for never. */
int64_t inquiry_deadline_us(const struct inquiry *inquiry);

enum inquired {
	INQUIRED_MORE, /* there is more to come */
	INQUIRED_ALL,
	INQUIRED_FAILED,
};

/* Takes what has come; never blocks for long. take is given the rows, and returns false if there is no memory. */
enum inquired inquiry_read(struct inquiry *inquiry, bool (*take)(void *context, struct json_object *row),
			   void *context);

#endif

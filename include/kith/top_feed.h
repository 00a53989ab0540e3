/*
 * What `kith top` asks a node, again and again. Each state comes over a connection of its own, which is read as its
 * bytes come: a slow node holds nothing up, and one that was restarted is found at the same path. One thread.
 */
#ifndef KITH_TOP_FEED_H
#define KITH_TOP_FEED_H

#include <stdint.h>

#include "kith/session.h"
#include "kith/status.h"
#include "kith/top_model.h"

struct top_feed {
	const char *path; /* of the node's socket; borrowed */
	struct session session;
	bool is_asking;
	int64_t asked_us;
	int answer; /* which of the answers comes now */
	struct status status;
	enum top_page page;	/* for which all this is */
	struct top_about about; /* whose story is asked for, too */
	struct rows facts;
	struct problem no_story;
	struct problem problem; /* why it failed */
};

void top_feed_init(struct top_feed *feed, const char *path);
void top_feed_fini(struct top_feed *feed);

/* Asks for what the model shows: a state, with the events since its last, and a story. False with a problem. */
bool top_feed_ask(struct top_feed *feed, const struct top_model *model);
/* To be polled while it is asking; else -1. */
int top_feed_fd(const struct top_feed *feed);

enum top_fed {
	TOP_FED_MORE, /* there is more to come */
	TOP_FED_DONE, /* the state is whole */
	TOP_FED_FAILED,
};

/* Takes what has come. Never blocks for long. */
enum top_fed top_feed_read(struct top_feed *feed);

#endif

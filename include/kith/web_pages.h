/*
 * The pages of `kith web`: what the node is asked for each, and what comes of its answers. A node that does not answer
 * has pages too, which say so. Plain values; one thread.
 */
#ifndef KITH_WEB_PAGES_H
#define KITH_WEB_PAGES_H

#include "kith/health_check.h"
#include "kith/inquiry.h"
#include "kith/mesh_model.h"
#include "kith/web_server.h"
#include "kith/writing.h"

struct web_pages {
	struct inquiry_node node;
	struct health_limits limits; /* of WEB_HEALTH */
	struct inquiry inquiries[WEB_PAGES];
	struct mesh mesh;
	struct rows metrics;
	struct health_check check;
};

/* The node is that of the options. */
void web_pages_init(struct web_pages *pages, const struct inquiry_node *node, const struct health_limits *limits);
void web_pages_fini(struct web_pages *pages);

/* Asks the node. False if that has failed, and the page can be written now. */
bool web_pages_begin(struct web_pages *pages, enum web_page page);
/* Takes what has come: is there nothing more to wait for, so that the page can be written? */
bool web_pages_read(struct web_pages *pages, enum web_page page);
/* Returns its HTTP status. */
unsigned web_pages_write(struct web_pages *pages, enum web_page page, struct writing *out);

#endif

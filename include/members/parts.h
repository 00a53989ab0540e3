/*
 * What the protocol and the workers of a node share. All of it is borrowed, and outlives them; the settings' numbers
 * change at a reload, listening grows, the rest is as it was at the start.
 */
#ifndef KITH_PARTS_H
#define KITH_PARTS_H

#include "book/address_book.h"
#include "link/listening.h"
#include "link/pace.h"
#include "members/access.h"
#include "members/bans.h"
#include "members/lines.h"
#include "members/registry.h"
#include "members/sources.h"
#include "settings/settings.h"
#include "telemetry/counters.h"
#include "telemetry/journal.h"

/* Of the mesh, which knows the members. */
struct reports;
struct problems;

struct parts {
	const struct settings *settings;
	const struct listening *listening;
	struct registry *registry;
	struct address_book *book;
	struct access *access;
	struct bans *bans;	   /* NULL for none */
	struct journal *journal;   /* NULL for none: nothing is noted */
	struct counters *counters; /* NULL for none: nothing is counted */
	struct sources *sources;
	struct pace *pace; /* NULL for none: each peer is pinged once in a ping_interval */
	struct lines *lines;
	struct reports *reports;   /* what all nodes say; NULL for none: there are no reports */
	struct problems *problems; /* what is wrong in the network, and lasts; NULL for none */
};

#endif

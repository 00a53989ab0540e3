/* The node: builds, starts and stops everything. Only the thread that starts it calls its functions. */
#ifndef KITH_NODE_H
#define KITH_NODE_H

#include "settings/secret.h"
#include "settings/settings.h"
#include "wire/nodeid.h"

struct node;
struct parts;
struct problem;
struct tls_context;

/*
 * Starts a node; settings are borrowed until node_stop, and node_reload alone changes them. NULL with a
 * problem: the system refused something. All threads have the caller's signal mask.
 */
struct node *node_start(struct settings *settings, struct secrets *secrets, struct problem *problem);

/* Says bye to every peer, joins every thread, frees everything. Blocks for about a second, and then for the disk. */
void node_stop(struct node *node);

enum node_reload_cause {
	NODE_RELOAD_FILE, /* the settings were read again */
	NODE_RELOAD_SET,  /* somebody has set one of them */
};

/*
 * Takes over what differs in fresh and needs no restart, with a log line for each setting that differs, and says what
 * came of each; of what was applied, fresh has what was before. No connection ends for it.
 */
void node_reload(struct node *node, struct settings *fresh, enum node_reload_cause cause,
		 enum settings_change changes[static SETTING_COUNT]);

/* Every address and name that waits is dialled now. */
void node_redial(struct node *node);

/* Takes the secrets that were read again, of a node that has some: existing connections stay. */
void node_reload_secrets(struct node *node, struct secrets *secrets);

/* For a watchdog: its threads are asked for a sign of progress; which one has given none since? NULL if all have. */
void node_ask_progress(struct node *node);
const char *node_who_hangs(const struct node *node);

/* The parts of a node that others may look at: borrowed, and valid until node_stop. */
struct node_view {
	const struct parts *parts;
	struct alarm *alarm; /* rung when there is something to dial */
	struct nodeid nodeid;
	int64_t started_us;
	struct tls_context *context; /* NULL for a network that anybody may join */
};

struct node_view node_view(const struct node *node);

#endif

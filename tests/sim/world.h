/*
 * The world that the simulated nodes live in: hosts, the connections between them, and the time that lines take. Each
 * host that runs a node has the shipped core (registry, address book, protocol), and this does for it what worker.c,
 * connector.c and acceptor.c do in kithd, without threads, sockets or a clock.
 *
 * Whose outbox has got lines, was closed or asks for its pinger is known by the linker's --wrap: to look at each peer
 * of a node after each call would take most of the time.
 *
 * A host that is frozen, as by SIGSTOP, is one whose kernel goes on: it acknowledges and keeps what comes, and accepts
 * connections. Nothing is read, said or timed until it thaws; then it reads all at once, and its timers find that they
 * are late.
 *
 * The life of a wire, which is a TCP connection: the dialling host makes it; when its SYN has arrived the far host gets
 * its end. Each end has a peer, whose outbox is emptied after each call into the core, and what was in it travels as
 * one segment. An end that has its ending says the rest and then the end of file, waits for that of the far end for at
 * most PEER_CLOSE_US, and is over. A wire with two ends that are over is used again; what is still on its way knows by
 * the generation that it comes too late.
 */
#ifndef KITH_SIM_WORLD_H
#define KITH_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"
#include "base/keyed_table.h"
#include "base/rng.h"
#include "base/sync.h"
#include "book/address_book.h"
#include "book/address_record.h"
#include "link/pace.h"
#include "link/peer.h"
#include "members/access.h"
#include "members/lines.h"
#include "members/registry.h"
#include "members/sources.h"
#include "mesh/reports.h"
#include "settings/settings.h"
#include "talk/protocol.h"
#include "wire/address.h"
#include "wire/nodeid.h"

/* Between two hosts in opposite corners, and between two in the same place. */
#define WORLD_MOST_RTT_US (300 * MS_US)
#define WORLD_LEAST_RTT_US (1 * MS_US)
/* A lost segment comes after this, as with Linux' least RTO, and twice as late for each further loss; but kithd has it
 * sent again at least this often (TCP_RTO_MAX_MS). */
#define WORLD_RETRANSMIT_US (200 * MS_US)
#define WORLD_MOST_RETRANSMIT_US (2 * SECOND_US)

enum { WORLD_ADDRESSES = 2048 }; /* that an address book holds */

struct world;
struct wire;
struct host;

enum end_state {
	END_OVER, /* or never was */
	END_DIALS,
	END_OPEN,
	END_CONCLUDES, /* it has its ending, and waits for that of the far end */
};

struct end {
	struct wire *wire;
	struct host *host;
	struct peer *peer;	/* NULL at an attacker's */
	struct address address; /* of this end */
	enum end_state state;
	bool is_ready;	    /* the peer has been READY */
	bool is_at_end;	    /* nothing more can come from the far end */
	bool is_greeted;    /* an attacker's */
	bool is_judged;	    /* closed because its node is gone, before ping_timeout */
	bool is_broken;	    /* a segment to here couldn't be delivered: nothing after it is */
	int64_t arrival_us; /* of the last segment that is on its way here: TCP keeps their order */
	int64_t unacked_us; /* the first segment to here that no acknowledgement can answer; 0 for none */
	int64_t timer_us;   /* when it is looked at; FOREVER_US for never */
	uint32_t timer_mark;
	size_t place; /* in the list of its host */
};

struct wire {
	struct world *world;
	struct end ends[2]; /* the first has dialled */
	int64_t latency_us; /* one way */
	uint32_t generation;
	struct wire *next; /* of those that are free */
};

enum host_state {
	HOST_STOPPED, /* the machine is up, and says that nobody listens */
	HOST_DEAD,    /* it says nothing */
	HOST_UP,
};

struct host {
	struct world *world;
	struct address address;
	struct listening listening;
	struct nodeid nodeid;
	double x, y; /* where it is, from 0 to 1 */
	enum host_state state;
	bool is_attacker;
	bool is_far_side;	 /* of a partition */
	int64_t frozen_until_us; /* FOREVER_US: for good */
	const struct settings *settings;
	struct alarm alarm;
	struct registry *registry;
	struct access *access;
	struct sources *sources;
	struct pace *pace;
	struct lines *lines;
	struct reports *reports;
	struct address_book *book;
	struct protocol *protocol;
	bool has_heard; /* of the address that is watched */
	struct address_records saved;
	struct end **ends;	  /* those that aren't over */
	struct outbox **outboxes; /* of their peers; NULL for none */
	size_t end_count, end_capacity;
	int64_t connector_us; /* when the connector looks again */
	uint32_t connector_mark;
	uint16_t last_port;
	int64_t up_us;	  /* since when it runs */
	uint64_t sent;	  /* bytes */
	uint64_t relayed; /* bytes of the reports of others that have arrived */
	uint64_t asked;	  /* questions about peers that are silent, where these are counted */
	uint32_t key;	  /* the host part of its address */
	UT_hash_handle hh;
};

/* Whoever plays the hosts that aren't nodes. */
struct attack {
	void (*receives)(struct end *end, const char *line, size_t length);
	void (*looks)(struct end *end); /* it was connected or accepted, or its time has come */
};

/* Messages about the whole network. */
enum world_told { WORLD_OWN, WORLD_RELAYED, WORLD_COMPARED, WORLD_TOLD };

/* What has happened so far. */
struct world_counts {
	uint64_t told_bytes[WORLD_TOLD]; /* delivered to nodes */
	uint64_t relayed, news;		 /* reports of other nodes, and those that changed what was known */
	uint64_t messages, bytes;	 /* delivered to nodes and by nodes, attackers aside */
	uint64_t dials, dials_failed;
	uint64_t victim_dials;
	uint64_t ready;		 /* ends that became READY */
	uint64_t dropped;	 /* READY ends that were closed for a time-out or as slow */
	uint64_t false_alarms;	 /* of these, where the far end and the way there were alive */
	uint64_t false_verdicts; /* of these, where witnesses were the reason, and not ping_timeout */
};

/* Nothing gets from this host to that one any more, nor do acknowledgements. Or no dial does. */
struct cut {
	const struct host *from, *to;
	bool is_of_dials;
};

enum { WORLD_CUTS = 64 };

struct world {
	struct agenda agenda;
	struct rng rng;
	struct settings first, others; /* of the bootstrap, and of those that know it */
	struct host *hosts;
	size_t host_count, host_capacity;
	struct host *by_address;
	struct wire_block *wire_blocks;
	struct wire *free_wires;
	struct segment *free_segments;
	double loss;
	int64_t retransmit_us;	       /* after which a lost segment comes */
	int64_t latency_us, jitter_us; /* one way, between any two hosts, more or less by that; 0 for their distance */
	struct cut cuts[WORLD_CUTS];
	size_t cut_count;
	bool is_parted;
	bool counts_questions;
	bool drops_addresses;		   /* what nodes tell each other of addresses is lost */
	char drop_text[PEER_ENDING_BYTES]; /* of the last READY end that was dropped */
	char watched[ADDRESS_TEXT_BYTES];  /* "" for none */
	struct address victim;		   /* dials to its host are counted; unknown for none */
	struct world_counts counts;
	size_t own_bytes;      /* of memory, for wires and what travels on them */
	struct attack *attack; /* NULL without one */
};

void world_init(struct world *world, uint64_t seed, size_t most_hosts, size_t max_outbound);
void world_fini(struct world *world);
void world_run(struct world *world, int64_t until_us);
/* From 0 to 1. */
double world_chance(struct world *world);
uint32_t world_below(struct world *world, uint32_t bound);

/* A host at a random place, stopped; its address is in a random /16, or in this one unless that is 0. */
struct host *world_add_host(struct world *world, uint32_t network);
/* Any that runs, but the first, is stopped, is killed or falls silent. */
void world_lose_one(struct world *world);
/* Each connection is pinged once in a ping_interval, however many a node has. Before the first node starts. */
void world_ping_rarely(struct world *world);
/* Nodes say nothing about themselves: max_nodes is 0. Before the first node starts. */
void world_report_nothing(struct world *world);
/* All others know this one. Before the first of them starts. */
void world_set_bootstrap(struct world *world, struct host *bootstrap);
/* The first hosts: the bootstrap, whose node starts at once, and those that know it, which start within this time. */
void world_grow(struct world *world, size_t nodes, uint32_t within_us);

/* Its node starts with what it has saved, or an empty address book. */
void host_start(struct host *host);
/* Keeps the address book, as it is now, for the next start. */
void host_save(struct host *host);
/* The process is gone, as by kill -9: the kernel resets its connections. */
void host_kill(struct host *host);
/* The machine is gone: nothing comes from it any more. */
void host_die(struct host *host);
/* The node leaves: bye, shutdown. */
void host_stop(struct host *host);
/* The process does not run until then; FOREVER_US for good. */
void host_freeze(struct host *host, int64_t until_us);
bool host_is_frozen(const struct host *host);
/* From now on nothing gets there. */
void world_cut(struct world *world, const struct host *from, const struct host *to);
/* From now on no dial gets there; connections are spared. */
void world_cut_dials(struct world *world, const struct host *from, const struct host *to);
/* There are no cuts any more; connections that were broken stay so. */
void world_heal(struct world *world);

/* An attacker's dial. */
void host_dial(struct host *host, const struct address *to);
/* Says this on an attacker's end; the bytes must stay as they are as long as anything happens. */
void end_say(struct end *end, const char *bytes, size_t length);
/* Looks at an attacker's end then. */
void end_look_at(struct end *end, int64_t at_us);
struct end *end_other(struct end *end);
/* Lines get through. */
bool wire_is_whole(const struct wire *wire);
/* A READY connection of a node that goes on. */
bool end_is_ready(const struct end *end);

#endif

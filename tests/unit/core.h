/*
 * A node's core without sockets, threads or a clock, as the tests of floors 3 and 4 drive it: they hand in every line
 * and every moment, and look at what is in the outboxes.
 */
#ifndef KITH_UNIT_CORE_H
#define KITH_UNIT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sync.h"
#include "book/address_book.h"
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

#define MS_US ((int64_t)1000)
#define SECOND_US ((int64_t)1000 * 1000)

enum { CORE_LISTENS = 4 };

struct core {
	struct settings settings;
	struct nodeid self;
	struct address listen[CORE_LISTENS];
	struct listening listening;
	struct alarm alarm;
	struct registry *registry;
	struct address_book *book;
	struct access *access;
	struct sources *sources;
	struct lines *lines;
	struct protocol *protocol;
	struct reports *reports; /* where has_reports was set before core_start */
	bool has_reports;
	struct journal *journal; /* NULL, or the test's own, like the next; set before core_start */
	struct pace *pace;
	int64_t now_us; /* tests move it */
};

/* Any will do, but the tests' runs are all alike. */
extern const struct hash_key core_secret;

/* The suites' own: logs nothing but errors meanwhile. */
int core_silence_log(void);
int core_restore_log(void);

struct address address_of(const char *text);
/* "HOST:PORT", in one of a few static buffers. */
const char *address_text(struct address address);
/* Nodeids in the order of their numbers; 0 stands for none. */
struct nodeid nodeid_of(unsigned number);
const char *nodeid_text(unsigned number);

/* Node NUMBER of the default settings, which listens there. Between the two, a test changes what it likes. */
void core_init(struct core *core, unsigned number, const char *listen);
/* It listens there too. Before core_start. */
void core_listen(struct core *core, const char *listen);
void core_start(struct core *core);
/* Ends what is still connected. */
void core_fini(struct core *core);

/*
 * A connection between these two ends, as its worker would begin it; dial is NULL where it was accepted. The registry
 * holds the peer until core_end; the test borrows it.
 */
struct peer *core_connect(struct core *core, enum peer_direction direction, const struct dial *dial, const char *local,
			  const char *remote);
/* Somebody dials the first listening address from there. */
struct peer *core_accept(struct core *core, const char *remote);
/* The dial that is due now, from this node's first listening host; NULL if none is. */
struct peer *core_dial_next(struct core *core);
/* Hears of an address and dials it; nothing else may be due. */
struct peer *core_dial(struct core *core, const char *to);
/* The worker is through with it. */
void core_end(struct core *core, struct peer *peer);

/* The peer says this line, in which ' stands for ". */
void core_say(struct core *core, struct peer *peer, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The plainest hello there is, with a listening port unless that is 0. */
void core_say_hello(struct core *core, struct peer *peer, unsigned number, unsigned listen);
/* A feeler finds the node where the peer says that it listens. */
void core_prove(struct core *core, struct peer *peer, unsigned number);
/* The node is accepted from there, says hello, is found where it listens, and what it is sent at first is dropped. */
struct peer *core_meet(struct core *core, unsigned number, const char *remote, unsigned listen);
/* The same for an address that is dialled. */
struct peer *core_reach(struct core *core, unsigned number, const char *to);

/*
 * What the peer's pinger does at this moment: sends the ping that is due, gives up after ping_timeout, and watches.
 * Returns when to look again.
 */
int64_t core_tend(struct core *core, struct peer *peer);

/* The next line for the peer, without its LF, until the next call; NULL if there is none. */
const char *take_line(struct peer *peer);
/*
 * All that waits for the peer, in short: "hello addr(127.0.0.1:5999=1) getaddr ping suspect(3=1200) unheard(3)
 * bye(full)". Takes it.
 */
const char *take_all(struct peer *peer);

/* Is this all that waits for the peer? */
#define EXPECT_SENT(peer, words) expect_text(__FILE__, __LINE__, take_all(peer), words)
#define EXPECT_TEXT(text, expected) expect_text(__FILE__, __LINE__, text, expected)
bool expect_text(const char *file, int line, const char *text, const char *expected);

/* Two cores and a connection that the first end dialled. Lines pass one at a time, in the order of each direction. */
struct link {
	struct core *cores[2];
	struct peer *peers[2]; /* NULL once it has ended */
};

void link_init(struct link *link, struct core *dialler, struct peer *dialled, struct core *acceptor,
	       const char *dialler_port);
/* Is there anything that this end would send, be it the end of the connection? */
bool link_has_line(const struct link *link, int from);
/* Passes it; true if that was a hello or a bye. */
bool link_pass(struct link *link, int from);
/* Until nobody has anything to say. */
void link_pass_all(struct link *links, size_t count);

/* What is logged at this level, from the first call to the second; borrowed until the next. */
void capture_log(enum log_level level);
const char *captured_log(void);

#endif

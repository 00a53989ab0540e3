#include "talk/protocol_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "link/allowance.h"
#include "talk/directory.h"
#include "talk/greeter.h"
#include "talk/notes_priv.h"
#include "talk/reporting_priv.h"

/* Where the peer listens: it was dialled there, or says so, which must be found out. */
static void learn_listen(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
			 const struct message_hello *hello, int64_t now_us)
{
	struct address told = info->remote;
	told.port = hello->listen;
	if (info->direction == PEER_OUTBOUND) {
		hearsay_found(protocol, peer, &peer_dial(peer)->address, now_us);
		doubles_over(protocol, &peer_dial(peer)->address);
	}
	bool is_known = info->direction == PEER_OUTBOUND && address_equals(&told, &peer_dial(peer)->address);
	if (hello->listen != 0 && !is_known && hearsay_is_believable(protocol, info, &told))
		hearsay_claim(protocol, peer, info, &told, now_us);
}

/* Of the two connections of a pair that has dialled twice, the one that was ready first is logged. */
static void log_ready(struct protocol *protocol, struct peer *peer, const struct peer_info *info, bool is_second,
		      int64_t now_us)
{
	enum log_level level = is_second ? LOG_DEBUG : LOG_INFO;
	char duration[TEXT_DURATION_BYTES], from[32] = "";
	if (info->direction == PEER_INBOUND)
		snprintf(from, sizeof from, " from port %u", (unsigned)info->remote.port);
	text_duration(now_us - info->since_us, duration);
	lines_log_peer(protocol->parts.common.lines, peer, level, now_us, "is ready after %s%s: %s%s", duration,
		       is_second ? " on a second connection" : "",
		       info->direction == PEER_INBOUND ? "it dialled this node" : "this node dialled it", from);
}

static void become_ready(struct protocol *protocol, struct peer *peer, const struct message_hello *hello, bool replaces,
			 int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);

	/* The answer is in the outbox before the peer is READY: nobody else sends to it earlier. */
	if (info.direction == PEER_INBOUND)
		greeter_say_hello(protocol->greeter, peer, &info);
	if (!peer_ready(peer, hello, protocol->parts.common.settings, &protocol->parts.secret, now_us))
		return;
	info.nodeid = hello->nodeid;
	struct arrival arrival = {.connection = peer,
				  .dial = info.direction == PEER_OUTBOUND ? peer_dial(peer) : NULL,
				  .nodeid = hello->nodeid,
				  .host = info.remote,
				  .now_us = now_us};
	bool has_other = notes_before_ready(protocol, peer, &hello->nodeid);
	address_book_arrived(protocol->parts.common.book, &arrival);
	learn_listen(protocol, peer, &info, hello, now_us);
	greeter_say_address(protocol->greeter, peer, &info);
	peer_send_type(peer, MESSAGE_GETADDR);
	allowance_expect_addresses(peer_allowance(peer));
	peer_ping(peer, now_us);
	/* The connection that is replaced may not have become ready, and has no line then. */
	log_ready(protocol, peer, &info, replaces && has_other, now_us);
	notes_peer_up(protocol, peer, now_us);
	if (info.direction == PEER_OUTBOUND)
		reporting_note_reached(protocol, &peer_dial(peer)->address);
	reporting_note_ready(protocol, peer);
}

/* Another connection says that it is a node that is connected. */
static void note_second(struct protocol *protocol, struct peer *peer, struct peer *first, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	if (info.direction == PEER_OUTBOUND)
		reporting_note_reached(protocol, &peer_dial(peer)->address);
	else if (peer_is_established(first))
		reporting_note_double(protocol, first, &info, now_us);
}

static void claim_nodeid(struct protocol *protocol, struct peer *peer, const struct message_hello *hello,
			 int64_t now_us)
{
	struct peer *other;
	switch (registry_claim(protocol->parts.common.registry, peer, &hello->nodeid, &other)) {
	case REGISTRY_READY:
		become_ready(protocol, peer, hello, false, now_us);
		break;
	case REGISTRY_REPLACES:
		become_ready(protocol, peer, hello, true, now_us);
		peer_close(other, BYE_DUPLICATE);
		break;
	case REGISTRY_EVICTS:
		peer_close(other, BYE_FULL);
		become_ready(protocol, peer, hello, false, now_us);
		break;
	case REGISTRY_DUPLICATE:
		peer_doubt(other, now_us);
		if (peer_direction(peer) == PEER_OUTBOUND)
			address_book_found(protocol->parts.common.book, peer_dial(peer), &hello->nodeid, now_us);
		note_second(protocol, peer, other, now_us);
		peer_close(peer, BYE_DUPLICATE);
		break;
	case REGISTRY_FULL:
		directory_tell(protocol->directory, peer, now_us);
		peer_close(peer, BYE_FULL);
		break;
	}
	if (other != NULL)
		peer_release(other);
}

/*
 * An outbound peer of a host or network that has more than its share of the places, held for the caller; NULL if there
 * is none.
 */
static struct peer *find_surplus(struct protocol *protocol, struct rng *rng)
{
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	struct peer *chosen = NULL;
	uint32_t count = 0;
	for (size_t i = 0; i < ready.count; i++) {
		struct peer *peer = ready.peers[i];
		if (peer_direction(peer) == PEER_OUTBOUND && !peer_is_closing(peer) &&
		    address_book_is_surplus(protocol->parts.common.book, &peer_dial(peer)->address) &&
		    rng_below(rng, ++count) == 0)
			chosen = peer;
	}
	chosen = chosen == NULL ? NULL : peer_hold(chosen);
	registry_release_snapshot(&ready);
	return chosen;
}

/*
 * The outbound peer that gives its place to another, held for the caller; NULL if there is none. A node that is back
 * takes the place of the one that was back before: an attacker whose addresses fail and answer in turn gets one place
 * by that, not all. They are compared by address, since a node may claim any nodeid.
 */
static struct peer *choose_who_gives_way(struct protocol *protocol, const struct address *back, struct rng *rng)
{
	struct peer *peer = back == NULL ? NULL : registry_find_dialled(protocol->parts.common.registry, back);
	return peer != NULL ? peer : registry_any_outbound(protocol->parts.common.registry, rng);
}

/*
 * A feeler has found a node that should have a place among the outbound peers: now and then one of them gives way, and
 * at once one of a crowded host or network.
 */
static void make_place(struct protocol *protocol, const struct address *found, enum address_book_place place,
		       int64_t now_us)
{
	bool is_full = registry_count(protocol->parts.common.registry).outbound >=
		       (size_t)protocol->parts.common.settings->max_outbound;
	bool is_back = place == ADDRESS_BOOK_BACK;
	struct rng rng; /* the choice is made without the lock */
	protocol_enter(protocol);
	bool may_swap = is_full && now_us >= protocol->next_swap_us;
	struct address before = protocol->back;
	rng_seed(&rng, rng_below(&protocol->rng, 1U << 31));
	if (is_back)
		protocol->back = *found;
	protocol_leave(protocol);
	struct peer *peer = is_full ? find_surplus(protocol, &rng) : NULL;
	if (peer == NULL && may_swap) {
		protocol_enter(protocol);
		protocol->next_swap_us = now_us + PROTOCOL_SWAP_US;
		protocol_leave(protocol);
		peer = choose_who_gives_way(protocol, is_back ? &before : NULL, &rng);
	}
	if (peer == NULL)
		return;
	peer_close(peer, BYE_FULL);
	peer_release(peer);
}

/* The feeler has found the peer that claimed the address, which holds it now. */
static void end_claim(struct protocol *protocol, const struct dial *dial, int64_t now_us)
{
	struct nodeid tenant = address_book_tenant(protocol->parts.common.book, &dial->address);
	struct peer *peer = nodeid_equals(&tenant, &dial->expected)
				    ? registry_find(protocol->parts.common.registry, &dial->expected)
				    : NULL;
	if (peer == NULL)
		return;
	hearsay_found(protocol, peer, &dial->address, now_us);
	doubles_over(protocol, &dial->address);
	peer_release(peer);
}

static void finish_feeler(struct protocol *protocol, struct peer *feeler, const struct nodeid *found, int64_t now_us)
{
	const struct dial *dial = peer_dial(feeler);
	bool is_proven = nodeid_equals(found, &dial->expected);

	peer_debug(feeler, is_proven ? "is the node that a feeler looked for" : "is a node, a feeler found");
	if (is_proven)
		hearsay_ask_tenant(protocol, &dial->address, found, now_us);
	enum address_book_place place = address_book_reached(protocol->parts.common.book, dial, found, now_us);
	reporting_note_reached(protocol, &dial->address);
	if (place != ADDRESS_BOOK_NO_PLACE)
		make_place(protocol, &dial->address, place, now_us);
	if (is_proven && dial->kind == DIAL_PROOF_CLAIM)
		end_claim(protocol, dial, now_us);
	peer_close(feeler, BYE_FEELER);
}

void handshake_handle_hello(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_hello *hello = &message->hello;
	const struct settings *settings = protocol->parts.common.settings;
	struct peer_info info = peer_look(peer, now_us);
	const char *network = hello->has_network ? hello->network : "kith";

	if (!allowance_take_hello(peer_allowance(peer))) {
		protocol_violated(protocol, peer, "a second hello", now_us);
	} else if (nodeid_equals(&hello->nodeid, &protocol->parts.self)) {
		if (info.direction == PEER_INBOUND)
			selves_note(protocol, &info.remote);
		peer_close(peer, BYE_SELF);
	} else if (strcmp(network, settings->network) != 0) {
		char what[MESSAGE_TEXT_BYTES * 2 + 64];
		snprintf(what, sizeof what, "is in network \"%s\", not in \"%s\"", network, settings->network);
		protocol_turn_away(protocol, peer, LOG_INFO, BYE_NETWORK, what, now_us);
	} else if (info.is_feeler) {
		finish_feeler(protocol, peer, &hello->nodeid, now_us);
	} else if (hello->is_feeler && info.direction == PEER_INBOUND) {
		greeter_say_hello(protocol->greeter, peer, &info);
	} else {
		claim_nodeid(protocol, peer, hello, now_us);
	}
}

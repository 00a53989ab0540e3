#include "talk/protocol_priv.h"

#include <string.h>

#include "link/allowance.h"
#include "talk/announcer.h"
#include "talk/gossip.h"

bool hearsay_is_believable(const struct protocol *protocol, const struct peer_info *info, const struct address *address)
{
	/* If the far end dialled, the port that it comes from is a random one. */
	bool is_random_port = info->direction == PEER_INBOUND && address_equals(address, &info->remote);
	return address_is_dialable(address) && !is_random_port &&
	       address_may_travel(address, &info->local, &info->remote) &&
	       access_allows(protocol->parts.common.access, address);
}

void hearsay_ask_tenant(struct protocol *protocol, const struct address *address, const struct nodeid *newcomer,
			int64_t now_us)
{
	struct nodeid tenant = address_book_tenant(protocol->parts.common.book, address);
	if (nodeid_is_none(&tenant) || nodeid_equals(&tenant, newcomer))
		return;
	struct peer *peer = registry_find(protocol->parts.common.registry, &tenant);
	if (peer == NULL)
		return;
	peer_hurry_ping(peer, now_us);
	peer_release(peer);
}

/* To look into a claim costs a dial: the one place where it is paid for. */
static bool may_claim(struct protocol *protocol, struct peer *peer, bool is_own_host, int64_t now_us)
{
	return allowance_take_claim(peer_allowance(peer), now_us, PROTOCOL_CLAIM_US) &&
	       protocol_charge(protocol, peer, is_own_host ? SOURCE_CLAIMS : SOURCE_PROOFS, 1, now_us) > 0;
}

void hearsay_claim(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		   const struct address *address, int64_t now_us)
{
	bool is_own_host = address_same_host(address, &info->remote);
	if (address_book_is_self(protocol->parts.common.book, address) ||
	    !may_claim(protocol, peer, is_own_host, now_us))
		return;
	if (is_own_host) {
		peer_set_claim(peer, address);
		hearsay_ask_tenant(protocol, address, &info->nodeid, now_us);
	}
	if (address_book_claimed(protocol->parts.common.book, peer, address, now_us))
		alarm_ring(protocol->parts.alarm);
}

void hearsay_found(struct protocol *protocol, struct peer *peer, const struct address *address, int64_t now_us)
{
	bool is_new = peer_set_listen(peer, address);
	peer_note_address(peer, address);
	/* Others are told within what they may be told of nodes at its host. */
	if (!is_new || protocol_charge(protocol, peer, SOURCE_ANNOUNCEMENTS, 1, now_us) == 0)
		return;
	gossip_note(protocol->gossip, address, now_us);
	announcer_add(protocol->announcer, peer, now_us);
}

/*
 * Passes on what the peer has told, within what others may be told on behalf of its host: otherwise it could use up
 * what they hear of this node.
 */
static void pass_on(struct protocol *protocol, const struct peer *peer, const struct message_entry *entries,
		    size_t count, size_t message_entries, int64_t now_us)
{
	enum target_standing standings[GOSSIP_ENTRIES];
	struct message_entry news[GOSSIP_ENTRIES];
	if (message_entries > GOSSIP_ENTRIES)
		return;
	memcpy(news, entries, count * sizeof *news);
	count = gossip_sift(protocol->gossip, news, count, now_us);
	if (count == 0)
		return;
	size_t most = protocol_charge(protocol, peer, SOURCE_RELAYS, count, now_us);
	address_book_weigh(protocol->parts.common.book, news, count, standings);
	struct gossip_told told = {.entries = news,
				   .standings = standings,
				   .count = count,
				   .most = most,
				   .teller = address_source(&peer_dial(peer)->address)};
	size_t passed = gossip_hear(protocol->gossip, &told, now_us);
	sources_put_back(protocol->parts.common.sources, SOURCE_RELAYS, &peer_dial(peer)->address, most - passed,
			 now_us);
}

/* The peer says itself where it listens. */
static void hear_self_announcement(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
				   const struct address *address, int64_t now_us)
{
	if (address_equals(address, &info->listen)) {
		struct message_entry entry = {.address = *address, .nodeid = info->nodeid};
		pass_on(protocol, peer, &entry, 1, 1, now_us);
	} else if (!address_equals(address, &info->claim)) {
		hearsay_claim(protocol, peer, info, address, now_us);
	}
}

/* Learns what there is to learn from an entry, except hearsay; true if it is hearsay. */
static bool sort_entry(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		       const struct message_entry *entry, bool is_alone, int64_t now_us)
{
	bool is_ready = info->state == PEER_READY;
	bool is_own = is_ready && (nodeid_equals(&entry->nodeid, &info->nodeid) ||
				   (is_alone && nodeid_is_none(&entry->nodeid) && !address_is_known(&info->listen) &&
				    !address_is_known(&info->claim)));
	if (!hearsay_is_believable(protocol, info, &entry->address))
		peer_count_useless(peer, 1);
	else if (is_own)
		hear_self_announcement(protocol, peer, info, &entry->address, now_us);
	else
		return !nodeid_equals(&entry->nodeid, &protocol->parts.self);
	return false;
}

void hearsay_handle_addr(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_addr *addr = &message->addr;
	struct peer_info info = peer_look(peer, now_us);
	size_t told = addr->count + addr->useless, heard = 0;
	peer_count_useless(peer, addr->useless);
	for (size_t i = 0; i < addr->count; i++)
		if (sort_entry(protocol, peer, &info, &addr->entries[i], told == 1, now_us))
			addr->entries[heard++] = addr->entries[i];
	if (heard == 0)
		return;
	size_t granted = allowance_take_addresses(peer_allowance(peer), heard, now_us);
	granted = protocol_charge(protocol, peer, SOURCE_ADDRESSES, granted, now_us);
	peer_count_useless(peer, heard - granted);
	heard = granted;
	peer_note_addresses(peer, addr->entries, heard);
	pass_on(protocol, peer, addr->entries, heard, told, now_us);
	if (address_book_hear(protocol->parts.common.book, addr->entries, heard, &info.remote, now_us) > 0)
		alarm_ring(protocol->parts.alarm);
}

void hearsay_handle_early_addr(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	struct allowance *allowance = peer_allowance(peer);
	if (peer_direction(peer) != PEER_OUTBOUND || !allowance_take_early_addr(allowance)) {
		peer_count_ignored(peer);
		return;
	}
	allowance->named = message->addr.count;
	hearsay_handle_addr(protocol, peer, message, now_us);
}

#include "control/who_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

bool who_parse_address(const char *text, struct address *address)
{
	return address_parse(text, address) || address_from_host(text, ADDRESS_DEFAULT_PORT, address);
}

static bool is_prefix(const char *text, const struct nodeid *nodeid)
{
	char whole[NODEID_TEXT_BYTES];
	size_t length = strlen(text);
	nodeid_format(nodeid, whole);
	return length >= WHO_PREFIX_LEAST && strncasecmp(text, whole, length) == 0;
}

enum who_sign who_matches(const char *text, const struct nodeid *nodeid, const char *name,
			  const struct address *addresses, size_t address_count)
{
	struct nodeid wanted;
	struct address address;
	bool is_address = who_parse_address(text, &address);
	if (name != NULL && name[0] != '\0' && strcmp(text, name) == 0)
		return WHO_NAME;
	if (nodeid_parse(text, &wanted) && nodeid_equals(&wanted, nodeid))
		return WHO_NODEID;
	for (size_t i = 0; i < address_count && is_address; i++)
		if (address_equals(&addresses[i], &address))
			return WHO_ADDRESS;
	return !nodeid_is_none(nodeid) && is_prefix(text, nodeid) ? WHO_PREFIX : WHO_NOBODY;
}

/*
 * 0 if the text does not name it. Of two that the same sign names, the peer counts, and not a connection that only
 * looks who is there.
 */
static unsigned rank_of(const char *text, struct peer *peer)
{
	struct peer_info info = peer_look(peer, 0);
	struct address addresses[] = {info.listen, info.remote};
	enum who_sign sign = who_matches(text, &info.nodeid, info.name, addresses, 2);
	return sign == WHO_NOBODY ? 0 : 2 * (unsigned)sign + (info.state == PEER_READY);
}

/* ---- one peer ---- */

enum { NAMED = 4 };

/* Those of the highest rank. */
struct finding {
	const char *text;
	unsigned rank;
	struct peer *first; /* held */
	size_t count;
	char labels[NAMED][PEER_LABEL_BYTES];
};

static void look_at(struct finding *finding, struct peer *peer)
{
	unsigned rank = rank_of(finding->text, peer);
	if (rank == 0 || rank < finding->rank || peer_is_closing(peer))
		return;
	if (rank > finding->rank) {
		if (finding->first != NULL)
			peer_release(finding->first);
		finding->first = NULL;
		finding->count = 0;
		finding->rank = rank;
	}
	if (finding->count < NAMED)
		peer_label(peer, finding->labels[finding->count]);
	if (finding->count++ == 0)
		finding->first = peer_hold(peer);
}

struct guess {
	const char *text;
	size_t distance;
	char *out;
};

static void guess_at(struct guess *guess, struct peer *peer)
{
	struct peer_info info = peer_look(peer, 0);
	size_t distance = info.name[0] == '\0' ? guess->distance : text_distance(guess->text, info.name);
	if (distance < guess->distance) {
		guess->distance = distance;
		snprintf(guess->out, MESSAGE_TEXT_BYTES, "%s", info.name);
	}
}

bool who_guess(struct call *call, const char *text, char out[static MESSAGE_TEXT_BYTES])
{
	/* A short word is near to every other one. */
	size_t length = strlen(text), limit = length < 3 ? 1 : length < 6 ? 2 : 4;
	struct guess guess = {.text = text, .distance = limit, .out = out};
	struct registry_visit all = {.registry = call->parts->common.registry};
	struct peer *peer;
	while (length < MESSAGE_TEXT_BYTES && (peer = registry_visit_next(&all)) != NULL)
		guess_at(&guess, peer);
	return guess.distance < limit;
}

static void fail_for_none(struct call *call, const char *text)
{
	char name[MESSAGE_TEXT_BYTES];
	if (who_guess(call, text, name))
		call_fail(call, "no_such_peer", "no peer is called \"%.64s\"; did you mean \"%s\"?", text, name);
	else
		call_fail(call, "no_such_peer",
			  "no peer is called \"%.64s\"; name one by its name, its nodeid or the first digits of it, or "
			  "its address",
			  text);
}

static void fail_for_many(struct call *call, const struct finding *finding)
{
	char list[NAMED * (PEER_LABEL_BYTES + 2) + 32] = "";
	size_t used = 0;
	for (size_t i = 0; i < finding->count && i < NAMED; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ",
					 finding->labels[i]);
	if (finding->count > NAMED)
		snprintf(list + used, sizeof list - used, ", and %zu more", finding->count - NAMED);
	call_fail(call, "ambiguous", "%zu peers are called \"%.64s\": %s; name one by its nodeid", finding->count,
		  finding->text, list);
}

struct peer *who_find_peer(struct call *call)
{
	struct finding finding = {.text = call_text(call, "peer")};
	struct registry_visit all = {.registry = call->parts->common.registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL)
		look_at(&finding, peer);
	if (finding.count == 0)
		fail_for_none(call, finding.text);
	if (finding.count > 1)
		fail_for_many(call, &finding);
	if (finding.count > 1)
		peer_release(finding.first);
	return finding.count == 1 ? finding.first : NULL;
}

/* ---- addresses ---- */

bool who_find_address(struct call *call, struct address *address)
{
	const char *text = call_text(call, "address");
	if (who_parse_address(text, address) && address->port != 0)
		return true;
	call_fail(call, "wrong_value",
		  "\"%.64s\" is not an IP address: write one as in \"192.0.2.7:5999\" or \"[2001:db8::7]:5999\"", text);
	return false;
}

bool who_find_block(struct call *call, struct address_block *block)
{
	const char *text = call_text(call, "block");
	char right[ADDRESS_BLOCK_TEXT_BYTES];
	switch (address_block_parse(text, block)) {
	case ADDRESS_BLOCK_GOOD:
		return true;
	case ADDRESS_BLOCK_HAS_HOST_BITS:
		address_block_format(block, right);
		call_fail(call, "wrong_value", "\"%.64s\" has bits set beyond its prefix: write \"%s\"", text, right);
		return false;
	default:
		call_fail(call, "wrong_value",
			  "\"%.64s\" is not a block of addresses: write one as in \"192.0.2.7\" or \"192.0.2.0/24\"",
			  text);
		return false;
	}
}

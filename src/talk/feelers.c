#include "talk/feelers_priv.h"

#include "talk/protocol_priv.h"
#include "talk/reporting_priv.h"

/* Where the peer listens, as far as this node may dial it; unknown for nowhere. */
static struct address address_of(struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	return address_is_known(&info.listen) ? info.listen : info.claim;
}

/* When it is to be dialled out of turn; FOREVER_US for never. */
static int64_t due_us(struct peer *peer)
{
	int64_t feel_us = atomic_load(&peer_reports(peer)->feel_us);
	return feel_us == 0 ? FOREVER_US : feel_us;
}

/* When it was dialled last: one that this node has dialled, when that was. */
static int64_t felt_us(struct peer *peer, int64_t now_us)
{
	int64_t felt_us = atomic_load(&peer_reports(peer)->felt_us);
	if (felt_us != 0 || peer_direction(peer) == PEER_INBOUND)
		return felt_us;
	return peer_look(peer, now_us).since_us;
}

static bool may_feel(struct peer *peer, int64_t now_us)
{
	struct address address = address_of(peer, now_us);
	return atomic_load(&peer_reports(peer)->speaks) && !peer_is_closing(peer) && address_is_known(&address);
}

/* One that is due out of turn, else the one whose turn it is; NULL for none. */
static struct peer *choose(const struct registry_snapshot *ready, bool is_turn, int64_t now_us)
{
	struct peer *first = NULL, *next = NULL;
	for (size_t i = 0; i < ready->count; i++) {
		struct peer *peer = ready->peers[i];
		if (!may_feel(peer, now_us))
			continue;
		if (due_us(peer) <= now_us && (first == NULL || due_us(peer) < due_us(first)))
			first = peer;
		if (due_us(peer) == FOREVER_US && (next == NULL || felt_us(peer, now_us) < felt_us(next, now_us)))
			next = peer;
	}
	return first != NULL ? first : is_turn ? next : NULL;
}

/* A quarter more or less. */
static int64_t draw_interval_us(struct protocol *protocol)
{
	enum { STEPS = 1024 };
	int64_t interval_us = protocol->parts.common.settings->feeler_interval_us;
	return interval_us * 3 / 4 + interval_us / 2 * (int64_t)rng_below(&protocol->feelers.rng, STEPS) / STEPS;
}

static struct next_dial begin(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct dial dial = {.kind = DIAL_FEELER_PEER,
			    .address = address_of(peer, now_us),
			    .expected = peer_look(peer, now_us).nodeid};
	if (due_us(peer) > now_us)
		protocol->feelers.turn_us = now_us + draw_interval_us(protocol);
	atomic_store(&peer_reports(peer)->felt_us, now_us);
	atomic_store(&peer_reports(peer)->feel_us, 0);
	return (struct next_dial){.is_due = true, .dial = dial};
}

struct next_dial feelers_next(struct protocol *protocol, int64_t now_us)
{
	/* While as many as may be are under way. */
	const int64_t busy_us = (int64_t)500 * 1000;
	struct feelers *feelers = &protocol->feelers;
	const struct settings *settings = protocol->parts.common.settings;
	if (!reporting_is_on(protocol))
		return (struct next_dial){.next_us = FOREVER_US};
	if (feelers->turn_us == 0 || feelers->turn_us > now_us + 2 * settings->feeler_interval_us)
		feelers->turn_us = now_us + draw_interval_us(protocol);
	if (!atomic_exchange(&feelers->is_hurried, false) && now_us < feelers->look_us)
		return (struct next_dial){.next_us = feelers->look_us};
	struct registry_counts counts = registry_count(protocol->parts.common.registry);
	if (counts.feelers >= FEELERS || counts.dials + counts.feelers >= (size_t)settings->max_dialing) {
		feelers->look_us = now_us + busy_us;
		return (struct next_dial){.next_us = feelers->look_us};
	}
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	struct peer *peer = choose(&ready, now_us >= feelers->turn_us, now_us);
	struct next_dial next = {.is_due = false};
	if (peer != NULL)
		next = begin(protocol, peer, now_us);
	else if (now_us >= feelers->turn_us)
		feelers->turn_us = now_us + draw_interval_us(protocol);
	feelers->look_us = feelers->turn_us;
	for (size_t i = 0; i < ready.count; i++)
		feelers->look_us = clock_earlier(feelers->look_us, due_us(ready.peers[i]));
	registry_release_snapshot(&ready);
	if (feelers->look_us <= now_us)
		feelers->look_us = now_us + busy_us;
	next.next_us = feelers->look_us;
	return next;
}

static void ask_for(struct protocol *protocol, struct peer *peer, int64_t then_us)
{
	atomic_store(&peer_reports(peer)->feel_us, then_us);
	if (!atomic_exchange(&protocol->feelers.is_hurried, true))
		alarm_ring(protocol->parts.alarm);
}

/* Of all nodes within what is known, so many say that they can't dial it. */
static int64_t count_who_fail(struct protocol *protocol, const struct nodeid *nodeid)
{
	struct reports_snapshot all = reports_take_snapshot(protocol->reporting->reports);
	int64_t count = 0;
	for (size_t i = 0; i < all.count; i++)
		count += report_fails_to_reach(all.entries[i].report, nodeid);
	reports_release_snapshot(&all);
	return count > 0 ? count : 1;
}

void feelers_note_failure(struct protocol *protocol, const struct address *address, const struct nodeid *nodeid,
			  uint32_t tries, int64_t now_us)
{
	struct peer *peer = nodeid_is_none(nodeid) ? NULL : registry_find(protocol->parts.common.registry, nodeid);
	if (peer == NULL)
		return;
	struct address where = address_of(peer, now_us);
	int64_t again_us = FEELERS_SURE_US;
	if (tries >= REPORTING_TRIES)
		again_us = clock_earlier(FEELERS_AGAIN_US * count_who_fail(protocol, nodeid), FEELERS_AGAIN_MOST_US);
	if (address_equals(&where, address))
		ask_for(protocol, peer, now_us + again_us);
	peer_release(peer);
}

/* Not before then, and not too soon after the last one. */
static void ask_by(struct protocol *protocol, const struct nodeid *nodeid, int64_t then_us, int64_t least_us)
{
	struct peer *peer = registry_find(protocol->parts.common.registry, nodeid);
	if (peer == NULL)
		return;
	struct peer_reports *state = peer_reports(peer);
	int64_t felt_us = atomic_load(&state->felt_us);
	if (felt_us != 0 && then_us < felt_us + least_us)
		then_us = felt_us + least_us;
	if (atomic_load(&state->feel_us) == 0)
		ask_for(protocol, peer, then_us);
	peer_release(peer);
}

static int64_t draw_us(struct protocol *protocol, int64_t most_us)
{
	protocol_enter(protocol);
	int64_t drawn_us = (int64_t)rng_below(&protocol->rng, (uint32_t)(most_us / 1000) + 1) * 1000;
	protocol_leave(protocol);
	return drawn_us;
}

static bool is_mended(const struct report *report, const struct address *address)
{
	for (size_t i = 0; i < report->mended_count; i++)
		if (address_equals(&report->mended[i].address, address))
			return true;
	return false;
}

/* Somebody can dial an address again: those who wait to try again need not wait for long. */
static void hurry(struct protocol *protocol, const struct report *report, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	for (size_t i = 0; i < ready.count; i++) {
		struct peer *peer = ready.peers[i];
		if (due_us(peer) == FOREVER_US)
			continue;
		struct address where = address_of(peer, now_us);
		int64_t soon_us = atomic_load(&peer_reports(peer)->felt_us) + FEELERS_AGAIN_US;
		if (soon_us < now_us)
			soon_us = now_us;
		soon_us += draw_us(protocol, FEELERS_SURE_US);
		if (due_us(peer) > soon_us && is_mended(report, &where))
			ask_for(protocol, peer, soon_us);
	}
	registry_release_snapshot(&ready);
}

void feelers_hear(struct protocol *protocol, const struct report *report, const struct nodeid *origin, int64_t now_us)
{
	struct registry_counts counts = registry_count(protocol->parts.common.registry);
	int64_t all_us = FEELERS_SPREAD_US * (int64_t)(counts.inbound + counts.outbound);
	if (report->mended_count > 0)
		hurry(protocol, report, now_us);
	for (size_t i = 0; i < report->failure_count; i++) {
		const struct nodeid *nodeid = &report->failures[i].nodeid;
		if (nodeid_equals(nodeid, &protocol->parts.self)) {
			ask_by(protocol, origin, now_us, FEELERS_AGAIN_US);
			continue;
		}
		ask_by(protocol, nodeid, now_us + draw_us(protocol, all_us), all_us);
	}
}

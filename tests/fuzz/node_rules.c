#include "node_priv.h"

#include <string.h>

#include "base/must.h"
#include "wire/message.h"

bool node_is_good(const struct node *node, const struct node_end *end)
{
	return end < node->ends + NODE_GOOD;
}

bool node_is_inbound(const struct node_end *end)
{
	return peer_direction(end->peer) == PEER_INBOUND;
}

bool node_is_ready(const struct node_end *end)
{
	return end->peer != NULL && !end->is_over && peer_state(end->peer) == PEER_READY;
}

struct node_end *node_find_end(struct node *node, const struct peer *peer)
{
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (peer != NULL && node->ends[i].peer == peer)
			return &node->ends[i];
	return NULL;
}

/* ---- what the node says ---- */

static void check_hello(const struct node *node, struct node_end *end, const struct message_hello *hello)
{
	struct nodeid self = node_nodeid(NODE_SELF);
	must(!end->was_told_hello && nodeid_equals(&hello->nodeid, &self));
	must(strcmp(hello->network, node->settings->network) == 0 && hello->version == MESSAGE_VERSION);
	must(hello->is_feeler == (!node_is_inbound(end) && dial_is_feeler(peer_dial(end->peer))));
	end->was_told_hello = true;
}

static void check_addr(const struct node *node, struct node_end *end, const struct message_addr *addr)
{
	struct peer_info info = peer_look(end->peer, node->now_us);
	struct nodeid self = node_nodeid(NODE_SELF);
	must(addr->useless == 0);
	/* Without a hello before it, it is for who is turned away. */
	must(end->was_told_hello || !end->was_told_early_addr);
	end->was_told_early_addr = end->was_told_early_addr || !end->was_told_hello;
	for (size_t i = 0; i < addr->count; i++) {
		const struct message_entry *entry = &addr->entries[i];
		must(address_is_dialable(&entry->address));
		must(address_may_travel(&entry->address, &info.local, &info.remote));
		must(info.state != PEER_READY || !nodeid_equals(&entry->nodeid, &info.nodeid));
		must(addr->count == 1 || !nodeid_equals(&entry->nodeid, &self));
	}
}

/* Its own reports have rising numbers, but for one that is asked for. Those of others keep to their rate. */
static void check_report(struct node *node, struct node_end *end, const struct report *report, size_t length)
{
	enum { AT_ONCE_S = 8, TARGETS = 6 };
	double seconds = (double)(node->now_us - NODE_BEGIN_US) / 1e6;
	struct nodeid self = node_nodeid(NODE_SELF);
	must(!nodeid_equals(&report->nodeid, &self));
	if (nodeid_is_none(&report->nodeid)) {
		must(report->seq >= end->told_seq && report->link_count <= NODE_ENDS);
		must(report->base == 0 || (report->base <= end->told_seq && end->told_seq > 0));
		end->told_seq = report->seq;
		return;
	}
	node->relayed_bytes += length + 1;
	must((double)node->relayed_bytes <=
	     (double)node->settings->report_rate * (seconds + AT_ONCE_S) + TARGETS * (double)FRAME_LINE_BYTES);
}

/* A line that the end is sent. */
static void check_line(struct node *node, struct node_end *end, const char *line, size_t length)
{
	struct message message;
	struct problem problem;
	must(!end->was_told_bye);
	must(length <= FRAME_LINE_BYTES && message_decode(line, length, node->now_us, &message, &problem));
	switch (message.type) {
	case MESSAGE_HELLO:
		check_hello(node, end, &message.hello);
		break;
	case MESSAGE_ADDR:
		check_addr(node, end, &message.addr);
		break;
	case MESSAGE_BYE:
		must(message.bye.reason == peer_look(end->peer, node->now_us).reason);
		end->was_told_bye = true;
		break;
	case MESSAGE_PING:
		must(end->was_told_hello && (end->pings == 0 || !node_is_good(node, end)));
		end->pings += end->answers;
		break;
	case MESSAGE_PONG:
		must(end->was_told_hello);
		end->waits_for_pong = false;
		break;
	case MESSAGE_REPORT:
		must(end->was_told_hello);
		check_report(node, end, message.report, length);
		break;
	default:
		must(end->was_told_hello && (message.type == MESSAGE_GETADDR || message.type == MESSAGE_REPORTS ||
					     message.type == MESSAGE_GETREPORT));
	}
	must(!end->was_told_early_addr || end->was_told_bye || message.type == MESSAGE_ADDR || !node_is_inbound(end));
	message_fini(&message);
}

bool node_read_outbox(struct node *node, struct node_end *end)
{
	struct outbox *outbox = peer_outbox(end->peer);
	const char *bytes;
	size_t held;
	bool has_read = false;
	must(outbox_take_turn(outbox));
	while ((held = outbox_head(outbox, &bytes)) > 0) {
		const char *lf = memchr(bytes, '\n', held);
		must(lf != NULL);
		size_t length = (size_t)(lf - bytes);
		check_line(node, end, bytes, length);
		outbox_wrote(outbox, length + 1);
		has_read = true;
	}
	outbox_return_turn(outbox);
	return has_read;
}

/* ---- how a connection may end ---- */

static bool same_network(const struct node_end *one, const struct node_end *other)
{
	struct address mine = address_network(&peer_dial(one->peer)->address);
	struct address yours = address_network(&peer_dial(other->peer)->address);
	return address_equals(&mine, &yours);
}

/*
 * May it make room for another inbound peer? Not where there is room, or where there are too many, not one of the
 * quarter that has lasted longest, the only one of its network, or one of the nearest. Those that were READY before the
 * step have an order.
 */
static bool may_be_evicted(const struct node *node, const struct node_end *end)
{
	size_t elder = 0, neighbours = 0, nearer = 0;
	if (node->inbound_before != (size_t)*node->inbound.setting || !node_is_inbound(end) || end->ready_order == 0)
		return false;
	for (size_t i = 0; i < NODE_ENDS; i++) {
		const struct node_end *other = &node->ends[i];
		if (other->peer == NULL || other->is_over || other->ready_order == 0 || !node_is_inbound(other) ||
		    other == end || other == node->actor)
			continue;
		elder += other->ready_order < end->ready_order;
		neighbours += same_network(end, other);
		nearer += other->rtt_us >= 0 && other->rtt_us <= end->rtt_us;
	}
	return elder >= (node->inbound_before + 3) / 4 && neighbours > 0 &&
	       (end->rtt_us < 0 || nearer >= REGISTRY_NEAREST);
}

/* Whom a feeler finds may need a place among the outbound peers. */
static bool may_give_place(const struct node *node, const struct node_end *end)
{
	return !node_is_inbound(end) && end->ready_order > 0 && node->actor_is_feeler;
}

static bool same_node(const struct node_end *one, const struct node_end *other)
{
	return one != other && one->ready_order > 0 && other->ready_order > 0 &&
	       nodeid_equals(&one->nodeid, &other->nodeid);
}

/*
 * Has the actor, with the same nodeid, rightly taken its place? kith-protocol(7), "One connection for a pair": only an
 * answered dial of this node itself does, if this node has the smaller nodeid, and only before a pong.
 */
static bool is_displaced(const struct node *node, const struct node_end *end)
{
	struct nodeid self = node_nodeid(NODE_SELF);
	return node->actor != NULL && same_node(node->actor, end) && node_is_ready(node->actor) &&
	       node_is_inbound(end) && !node_is_inbound(node->actor) && !end->was_established &&
	       nodeid_compare(&self, &end->nodeid) < 0;
}

static void judge_bye(struct node *node, const struct node_end *end, enum bye_reason reason)
{
	bool is_actor = end == node->actor;
	switch (reason) {
	case BYE_SHUTDOWN:
		must(node->is_stopping);
		break;
	case BYE_PROTOCOL:
	case BYE_SELF:
	case BYE_NETWORK:
	case BYE_FEELER:
		must(is_actor);
		break;
	case BYE_DUPLICATE:
		must(is_actor || is_displaced(node, end));
		break;
	case BYE_FULL:
		must((is_actor && node->inbound_before >= (size_t)*node->inbound.setting) ||
		     may_be_evicted(node, end) || may_give_place(node, end));
		break;
	case BYE_TIMEOUT:
		must(end->is_late);
		break;
	case BYE_SLOW:
		must(!end->reads);
		break;
	default:
		must(false);
	}
}

void node_judge(struct node *node, const struct node_end *end, const struct peer_info *info)
{
	bool is_actor = end == node->actor;
	/* Nothing that one says ends the established connection of another, but that this node gives its place away. */
	must(is_actor || node->actor == NULL || !end->was_established || info->reason == BYE_FULL);
	must(!node_is_good(node, end) || (info->reason != BYE_PROTOCOL && info->reason != BYE_TIMEOUT &&
					  info->reason != BYE_SLOW && info->reason != BYE_SELF));
	if (info->ending == PEER_LEFT)
		must(is_actor);
	else if (info->reason != BYE_UNKNOWN)
		judge_bye(node, end, info->reason);
	else if (info->ending == PEER_CLOSED)
		must(end->peer == node->gives_way || (node->is_stopping && peer_state(end->peer) != PEER_READY));
	else /* It broke, or couldn't be reached. */
		must(info->ending == PEER_FAILED && (is_actor || end->is_late));
	/* Who reads is told why. */
	if (end->reads && info->ending != PEER_LEFT && info->reason != BYE_UNKNOWN)
		must(end->was_told_bye);
}

/* ---- who is banned, said another way than access.c says it ---- */

static struct node_offender *find_offender(struct node *node, const struct address *host)
{
	for (size_t i = 0; i < node->offender_count; i++)
		if (address_same_host(&node->offenders[i].host, host))
			return &node->offenders[i];
	return NULL;
}

bool node_is_banned(struct node *node, const struct address *host)
{
	const struct node_offender *offender = find_offender(node, host);
	return offender != NULL && node->settings->ban_after != 0 && node->now_us < offender->banned_until_us;
}

void node_note_error(struct node *node, const struct address *host)
{
	struct address four = node_parse("127.0.0.1:0"), six = node_parse("[::1]:0");
	struct node_offender *offender = find_offender(node, host);
	size_t recent = 0;
	if (address_same_host(host, &four) || address_same_host(host, &six) || node->settings->ban_after == 0)
		return;
	if (offender == NULL && node->offender_count < NODE_OFFENDERS) {
		offender = &node->offenders[node->offender_count++];
		offender->host = *host;
	}
	must(offender != NULL);
	offender->errors_us[offender->errors++ % NODE_ERRORS] = node->now_us;
	for (size_t i = 0; i < offender->errors && i < NODE_ERRORS; i++)
		recent += node->now_us - offender->errors_us[i] < ACCESS_WINDOW_US;
	if (recent >= (size_t)node->settings->ban_after) {
		offender->errors = 0;
		offender->banned_until_us = node->now_us + node->settings->ban_time_us;
	}
}

/* ---- what holds at each moment ---- */

static void check_bound(struct node_bound *bound, size_t count, bool zero_is_none)
{
	size_t limit = (size_t)*bound->setting;
	if (limit == 0 && !zero_is_none)
		limit = NODE_ENDS;
	must(count <= limit || count <= bound->allowed);
	bound->allowed = count <= limit ? limit : count;
}

static void check_counts(struct node *node)
{
	struct registry_counts wanted = {0}, counts = registry_count(node->registry);
	for (size_t i = 0; i < NODE_ENDS; i++) {
		const struct node_end *end = &node->ends[i];
		if (end->peer == NULL)
			continue;
		bool has_been_ready = peer_state(end->peer) == PEER_READY;
		wanted.connections++;
		if (node_is_inbound(end)) {
			wanted.inbound += has_been_ready && !end->is_over;
			wanted.handshakes += !has_been_ready && !end->is_over;
		} else if (has_been_ready) {
			wanted.outbound++;
		} else {
			wanted.feelers += dial_is_feeler(peer_dial(end->peer));
			wanted.dials += !dial_is_feeler(peer_dial(end->peer));
		}
	}
	must(counts.connections == wanted.connections && counts.handshakes == wanted.handshakes);
	must(counts.inbound == wanted.inbound && counts.outbound == wanted.outbound);
	must(counts.dials == wanted.dials && counts.feelers == wanted.feelers);
	check_bound(&node->inbound, counts.inbound, true);
	check_bound(&node->outbound, counts.outbound + counts.dials, true);
	check_bound(&node->handshakes, counts.handshakes, false);
}

/* The visit and the snapshot have those that there are, each once. */
static void check_visit(struct node *node)
{
	struct registry_visit all = {.registry = node->registry};
	struct peer *peer;
	size_t visited = 0, ready = 0;
	for (; (peer = registry_visit_next(&all)) != NULL; visited++)
		must(node_find_end(node, peer) != NULL);
	must(visited == registry_count(node->registry).connections);
	struct registry_snapshot snapshot = registry_take_snapshot(node->registry, true);
	for (size_t i = 0; i < NODE_ENDS; i++)
		ready += node_is_ready(&node->ends[i]);
	must(snapshot.count == ready);
	registry_release_snapshot(&snapshot);
}

static bool is_held(const struct node *node, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (node_is_ready(&node->ends[i]) && nodeid_equals(&node->ends[i].nodeid, nodeid))
			return true;
	return false;
}

/* Each nodeid has one connection that is READY, and the book knows who is connected. */
static void check_nodeids(struct node *node)
{
	struct nodeid self = node_nodeid(NODE_SELF);
	for (size_t i = 0; i < NODE_ENDS; i++) {
		const struct node_end *end = &node->ends[i];
		if (end->peer == NULL || end->ready_order == 0)
			continue;
		must(!nodeid_equals(&end->nodeid, &self));
		must(address_book_is_connected(node->book, &end->nodeid) == is_held(node, &end->nodeid));
		struct peer *found = node_is_ready(end) ? registry_find(node->registry, &end->nodeid) : NULL;
		must(!node_is_ready(end) || found == end->peer);
		if (found != NULL)
			peer_release(found);
	}
}

static void check_ends(struct node *node)
{
	/* The bye may be beyond the limit. */
	size_t most = (size_t)node->settings->max_outbox + 64;
	for (size_t i = 0; i < NODE_ENDS; i++) {
		const struct node_end *end = &node->ends[i];
		if (end->peer == NULL)
			continue;
		must(outbox_held_bytes(peer_outbox(end->peer)) <= most);
		must(end->is_over == peer_is_closing(end->peer));
		must(end->frame.buffer.capacity <= 4 * FRAME_LINE_BYTES);
	}
}

void node_check(struct node *node)
{
	check_counts(node);
	check_visit(node);
	check_nodeids(node);
	check_ends(node);
	must(address_book_count(node->book) <= (size_t)node->settings->max_addresses);
	size_t bytes;
	must(reports_count(node->reports, &bytes) <= NODE_REPORTS);
}

#include "node_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "node/dialing.h"
#include "wire/message.h"

static const struct hash_key secret = {{1, 2, 3}};
static const unsigned good_numbers[NODE_GOOD] = {0x10, 0x60, 0x90};
static const char *const good_addresses[NODE_GOOD] = {"198.18.1.1:40001", "198.18.2.1:40002", "198.18.3.1:5999"};

struct nodeid node_nodeid(unsigned number)
{
	struct nodeid nodeid = {{(unsigned char)number, [6] = 0x40, [8] = 0x80}};
	return number == 0 ? nodeid_none : nodeid;
}

struct address node_parse(const char *text)
{
	struct address address;
	must(address_parse(text, &address));
	return address;
}

/* ---- steps ---- */

static void begin(struct node *node, struct node_end *actor)
{
	node->actor = actor;
	/* It may be over, and forgotten, before what it has caused is judged. */
	node->actor_is_feeler = actor != NULL && !node_is_inbound(actor) && dial_is_feeler(peer_dial(actor->peer));
	node->gives_way = NULL;
	node->inbound_before = registry_count(node->registry).inbound;
	for (size_t i = 0; i < NODE_ENDS; i++) {
		if (!node_is_ready(&node->ends[i]))
			continue;
		node->ends[i].rtt_us = peer_rtt_us(node->ends[i].peer);
		node->ends[i].was_established = peer_is_established(node->ends[i].peer);
	}
}

/* The worker is through with it. */
static void forget(struct node *node, struct node_end *end)
{
	protocol_forget(node->protocol, end->peer);
	peer_release(end->peer);
	frame_fini(&end->frame);
	*end = (struct node_end){0};
}

static void conclude(struct node *node, struct node_end *end)
{
	struct peer_info info = peer_look(end->peer, node->now_us);
	node_judge(node, end, &info);
	if (info.ending == PEER_CLOSED && info.reason == BYE_PROTOCOL && node_is_inbound(end))
		node_note_error(node, &end->from);
	protocol_ended(node->protocol, end->peer, node->now_us);
	end->is_over = true;
	end->over_order = ++node->over_count;
	end->forget_us = node->now_us + PEER_CLOSE_US;
	/* What is cut has no last words. */
	if (end->reads || end->peer == node->gives_way)
		forget(node, end);
}

static void note_ready(struct node *node, struct node_end *end)
{
	if (end->ready_order > 0 || peer_state(end->peer) != PEER_READY)
		return;
	end->ready_order = ++node->ready_count;
	end->ready_us = node->now_us;
	end->nodeid = peer_look(end->peer, node->now_us).nodeid;
}

static void say(struct node *node, struct node_end *end, const char *line)
{
	size_t length = strlen(line);
	peer_count_read(end->peer, length + 1, node->now_us);
	protocol_receive(node->protocol, end->peer, line, length, node->now_us);
}

static void answer_pings(struct node *node, struct node_end *end)
{
	for (; end->pings > 0 && !peer_is_closing(end->peer); end->pings--)
		say(node, end, "{\"msgtype\":\"pong\"}");
}

/* Everybody reads and answers, and who has an ending is concluded, until nothing moves any more. */
static void settle(struct node *node)
{
	bool moves = true;
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (node->ends[i].peer != NULL)
			note_ready(node, &node->ends[i]);
	while (moves) {
		moves = false;
		for (size_t i = 0; i < NODE_ENDS; i++) {
			struct node_end *end = &node->ends[i];
			if (end->peer == NULL || end->is_over)
				continue;
			if (end->reads)
				moves = node_read_outbox(node, end) || moves;
			answer_pings(node, end);
			if (!peer_is_closing(end->peer))
				continue;
			conclude(node, end);
			moves = true;
		}
	}
	node->actor = NULL;
}

static const struct address *local_end(const struct node *node, const struct address *remote)
{
	if (remote->family == ADDRESS_IPV6)
		return &node->listen[2];
	return &node->listen[address_scope_of(remote) == SCOPE_LOOPBACK ? 1 : 0];
}

static void add(struct node *node, struct node_end *end, enum peer_direction direction, const struct dial *dial)
{
	*end = (struct node_end){.from = dial->address, .begun_us = node->now_us, .reads = true, .rtt_us = -1};
	end->peer = peer_new(direction, NULL, dial, node->settings, node->now_us);
	must(end->peer != NULL && registry_add(node->registry, end->peer));
}

/* Should the registry admit it? */
static enum registry_limit expected_limit(const struct node *node, const struct address *from)
{
	const struct settings *settings = node->settings;
	struct registry_counts counts = registry_count(node->registry);
	size_t own = counts.outbound + counts.dials + counts.feelers, hosts = 0, subnets = 0;
	size_t most_own = (size_t)(settings->max_outbound + settings->max_dialing);
	struct address subnet = address_subnet(from);
	for (size_t i = 0; i < NODE_ENDS; i++) {
		if (node->ends[i].peer == NULL || !node_is_inbound(&node->ends[i]))
			continue;
		struct address other = address_subnet(&node->ends[i].from);
		bool is_stranger = peer_state(node->ends[i].peer) != PEER_READY;
		hosts += is_stranger && address_same_host(&node->ends[i].from, from);
		subnets += is_stranger && address_equals(&other, &subnet);
	}
	if (settings->max_connections != 0 &&
	    counts.connections + (most_own > own ? most_own - own : 0) >= (size_t)settings->max_connections)
		return REGISTRY_MAX_CONNECTIONS;
	if (address_scope_of(from) != SCOPE_GLOBAL)
		return REGISTRY_NO_LIMIT;
	if (settings->max_per_address != 0 && hosts >= (size_t)settings->max_per_address)
		return REGISTRY_MAX_PER_ADDRESS;
	return settings->max_per_group != 0 && subnets >= (size_t)settings->max_per_group ? REGISTRY_MAX_PER_GROUP
											  : REGISTRY_NO_LIMIT;
}

/* How many handshakes are under way from this host, one that comes from there included. */
static size_t handshakes_of(const struct node *node, const struct address *host, const struct address *from)
{
	size_t count = address_same_host(host, from);
	for (size_t i = 0; i < NODE_ENDS; i++) {
		const struct node_end *end = &node->ends[i];
		if (end->peer != NULL && !end->is_over && node_is_inbound(end) && peer_state(end->peer) != PEER_READY)
			count += address_same_host(&end->from, host);
	}
	return count;
}

/* It is a handshake of a host that has as many as any. */
static void check_who_gives_way(struct node *node, const struct address *from)
{
	const struct node_end *chosen = node_find_end(node, node->gives_way);
	size_t count = registry_count(node->registry).handshakes, most = (size_t)node->settings->max_handshakes;
	/* The one that gives way isn't counted any more. */
	must((chosen != NULL) == (most != 0 && count + (chosen != NULL) >= most));
	if (chosen == NULL)
		return;
	must(!chosen->is_over && node_is_inbound(chosen) && peer_state(chosen->peer) != PEER_READY);
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (node->ends[i].peer != NULL)
			must(handshakes_of(node, &node->ends[i].from, from) <=
			     handshakes_of(node, &chosen->from, from));
}

/* Of the inbound connections that have their ending and whose far end hasn't read it, the one that had it first. */
static struct node_end *oldest_over(struct node *node)
{
	struct node_end *oldest = NULL;
	for (size_t i = 0; i < NODE_ENDS; i++) {
		struct node_end *end = &node->ends[i];
		if (end->peer != NULL && end->is_over && node_is_inbound(end) &&
		    (oldest == NULL || end->over_order < oldest->over_order))
			oldest = end;
	}
	return oldest;
}

static bool admit(struct node *node, const struct address *from)
{
	bool banned = access_is_banned(node->access, from, node->now_us);
	must(banned == node_is_banned(node, from));
	if (banned || !access_allows(node->access, from))
		return false;
	enum registry_limit expected = expected_limit(node, from);
	struct node_end *over = oldest_over(node);
	struct peer *goes;
	enum registry_limit limit = registry_admit(node->registry, from, &goes);
	must(limit == expected);
	if (limit == REGISTRY_NO_LIMIT) {
		node->gives_way = goes;
		check_who_gives_way(node, from);
	} else {
		/* What is over but for its last words goes, so that there is room for the next. */
		must(goes == (limit == REGISTRY_MAX_CONNECTIONS && over != NULL ? over->peer : NULL));
	}
	if (goes != NULL) {
		peer_cut(goes, "it made room for another connection");
		peer_release(goes);
		if (limit != REGISTRY_NO_LIMIT)
			forget(node, over);
	}
	if (limit != REGISTRY_NO_LIMIT)
		return false;
	return true;
}

bool node_accept(struct node *node, struct node_end *end, const struct address *from)
{
	if (end->peer != NULL)
		return false;
	begin(node, NULL);
	bool is_admitted = admit(node, from);
	if (is_admitted) {
		struct dial dial = {.address = *from};
		add(node, end, PEER_INBOUND, &dial);
		protocol_connected(node->protocol, end->peer, local_end(node, from), node->now_us);
	}
	settle(node);
	node_check(node);
	return is_admitted;
}

bool node_dial(struct node *node, struct node_end *end)
{
	if (end->peer != NULL)
		return false;
	begin(node, NULL);
	struct next_dial next = dialing_next(node->settings, node->registry, node->book, node->now_us);
	must(next.is_due || next.next_us > node->now_us);
	if (next.is_due) {
		must(address_is_dialable(&next.dial.address) && next.dial.kind != DIAL_NAME);
		for (size_t i = 0; i < NODE_LISTENS; i++)
			must(!address_equals(&next.dial.address, &node->listen[i]));
		add(node, end, PEER_OUTBOUND, &next.dial);
	}
	settle(node);
	node_check(node);
	return next.is_due;
}

void node_connect(struct node *node, struct node_end *end)
{
	if (end->peer == NULL || end->is_over || node_is_inbound(end) || peer_state(end->peer) != PEER_DIAL)
		return;
	struct address local = *local_end(node, &end->from);
	local.port = 40000;
	begin(node, end);
	end->begun_us = node->now_us;
	protocol_connected(node->protocol, end->peer, &local, node->now_us);
	settle(node);
	node_check(node);
}

/* As the worker's reader does it. */
void node_hear(struct node *node, struct node_end *end, const char *bytes, size_t length)
{
	if (end->peer == NULL || end->is_over || peer_state(end->peer) == PEER_DIAL)
		return;
	while (length > 0 && end->peer != NULL && !end->is_over) {
		size_t room, line_length;
		const char *line;
		enum frame_result result = FRAME_NEED_MORE;
		char *space = frame_space(&end->frame, &room);
		must(space != NULL && room > 0);
		room = room < length ? room : length;
		memcpy(space, bytes, room);
		frame_added(&end->frame, room);
		peer_count_read(end->peer, room, node->now_us);
		bytes += room;
		length -= room;
		/* What waits is written, and read, between two lines. */
		while (end->peer != NULL && !end->is_over &&
		       (result = frame_next(&end->frame, &line, &line_length)) == FRAME_LINE) {
			begin(node, end);
			protocol_receive(node->protocol, end->peer, line, line_length, node->now_us);
			settle(node);
			node_check(node);
		}
		if (result == FRAME_TOO_LONG && end->peer != NULL && !end->is_over) {
			begin(node, end);
			protocol_violated(node->protocol, end->peer, "a line of more than 131072 bytes", node->now_us);
			settle(node);
			node_check(node);
		}
	}
}

void node_break(struct node *node, struct node_end *end)
{
	if (end->peer == NULL || end->is_over)
		return;
	begin(node, end);
	peer_fail_errno(end->peer, peer_state(end->peer) == PEER_DIAL ? ECONNREFUSED : ECONNRESET);
	settle(node);
	node_check(node);
}

/* ---- time ---- */

/* What only time brings to one connection; returns when to look again. */
static int64_t run_end(struct node *node, struct node_end *end)
{
	const struct settings *settings = node->settings;
	int64_t deadline_us = FOREVER_US, next_us = FOREVER_US;
	if (end->is_over) {
		deadline_us = end->forget_us;
		if (deadline_us <= node->now_us)
			forget(node, end);
	} else if (peer_state(end->peer) == PEER_READY) {
		next_us = peer_ping(end->peer, node->now_us);
		must(next_us > node->now_us);
		deadline_us = peer_ping_deadline_us(end->peer);
		end->is_late = deadline_us <= node->now_us;
		if (end->is_late)
			peer_close(end->peer, BYE_TIMEOUT);
	} else if (peer_state(end->peer) == PEER_DIAL) {
		deadline_us = end->begun_us + settings->connect_timeout_us;
		end->is_late = deadline_us <= node->now_us;
		if (end->is_late)
			peer_fail_errno(end->peer, ETIMEDOUT);
	} else {
		deadline_us = end->begun_us + settings->handshake_timeout_us;
		end->is_late = deadline_us <= node->now_us;
		if (end->is_late)
			peer_close(end->peer, BYE_TIMEOUT);
	}
	return clock_earlier(next_us, deadline_us);
}

/* Everything that is due now; returns when the next will be. */
static int64_t run_due(struct node *node)
{
	begin(node, NULL);
	int64_t next_us = protocol_run_timers(node->protocol, node->now_us, node->asleep_us);
	must(next_us > node->now_us);
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (node->ends[i].peer != NULL)
			next_us = clock_earlier(next_us, run_end(node, &node->ends[i]));
	settle(node);
	return next_us > node->now_us ? next_us : node->now_us + 1;
}

static void say_hello(struct node *node, struct node_end *end, unsigned number)
{
	char line[160], nodeid[NODEID_TEXT_BYTES];
	struct nodeid id = node_nodeid(number);
	nodeid_format(&id, nodeid);
	int length = snprintf(line, sizeof line, "{\"msgtype\":\"hello\",\"nodeid\":\"%s\",\"listen\":5999}\n", nodeid);
	node_hear(node, end, line, (size_t)length);
}

/* Who behaves comes back, and need not be let in. */
static void come_back(struct node *node, size_t which)
{
	struct node_end *end = &node->ends[which];
	struct address from = node_parse(good_addresses[which]);
	from.port = (uint16_t)(from.port + node->ready_count % 1000);
	if (!node_accept(node, end, &from))
		return;
	end->answers = true;
	say_hello(node, end, good_numbers[which]);
}

/* A good peer's ping is answered at once. */
static void try_good(struct node *node, size_t which)
{
	static const char ping[] = "{\"msgtype\":\"ping\"}\n", getaddr[] = "{\"msgtype\":\"getaddr\"}\n";
	struct node_end *end = &node->ends[which];
	end->waits_for_pong = true;
	node_hear(node, end, ping, sizeof ping - 1);
	must(node_is_ready(end) && !end->waits_for_pong);
	if (which == 0)
		node_hear(node, end, getaddr, sizeof getaddr - 1);
}

void node_pass(struct node *node, int64_t us)
{
	int64_t until_us = node->now_us + us, next_us = run_due(node);
	while (next_us <= until_us && node->looks++ < NODE_LOOKS) {
		node->now_us = next_us;
		next_us = run_due(node);
	}
	if (next_us > until_us)
		node->now_us = until_us;
	node_check(node);
	for (size_t i = 0; i < NODE_GOOD; i++) {
		if (node->ends[i].peer == NULL)
			come_back(node, i);
		else
			try_good(node, i);
	}
}

/* ---- a whole node ---- */

void node_settings(struct settings *settings)
{
	settings_init(settings);
	settings->max_addresses = 256;
	settings->max_outbound = 3;
	settings->max_dialing = 3;
	settings->max_inbound = 6;
	settings->max_handshakes = 4;
	settings->max_per_address = 3;
	settings->max_per_group = 5;
	settings->max_connections = 20;
	/* Below what a user may set, and more than the longest addr that a node of so few addresses says. */
	settings->max_outbox = 16384;
	settings->ban_after = 2;
	settings->max_nodes = NODE_REPORTS;
	settings->report_rate = 1024;
	settings->ping_interval_us = 300 * NODE_SECOND_US;
	strcpy(settings->texts->name, "fuzz");
}

static void build(struct node *node)
{
	alarm_init(&node->alarm);
	struct nodeid self = node_nodeid(NODE_SELF);
	node->registry = registry_new(&self, node->settings);
	node->book = address_book_new(node->settings, &secret, 1, node->now_us);
	node->access = access_new(node->settings);
	node->sources = sources_new();
	node->lines = lines_new(node->sources, node->now_us);
	node->reports = reports_new(node->settings, &self);
	must(node->registry != NULL && node->book != NULL && node->access != NULL && node->sources != NULL &&
	     node->lines != NULL && node->reports != NULL);
	struct protocol_parts parts = {.common = {.settings = node->settings,
						  .listening = &node->listening,
						  .registry = node->registry,
						  .book = node->book,
						  .access = node->access,
						  .sources = node->sources,
						  .lines = node->lines,
						  .reports = node->reports},
				       .secret = secret,
				       .self = self,
				       .alarm = &node->alarm,
				       .seed = 1};
	node->protocol = protocol_new(&parts);
	must(node->protocol != NULL);
}

static void meet_one(struct node *node, size_t which)
{
	struct node_end *end = &node->ends[which];
	struct message_entry entry = {.address = node_parse(good_addresses[which])};
	if (which < 2) {
		must(node_accept(node, end, &entry.address));
	} else {
		address_book_hear(node->book, &entry, 1, &entry.address, node->now_us);
		must(node_dial(node, end));
		node_connect(node, end);
	}
	end->answers = true;
	say_hello(node, end, good_numbers[which]);
	must(node_is_ready(end));
}

/* The last one is dialled, before there are feelers for what the others say, which come. */
static void meet_good(struct node *node)
{
	for (size_t i = NODE_GOOD; i-- > 0;)
		meet_one(node, i);
}

void node_init(struct node *node, struct settings *settings)
{
	*node = (struct node){.settings = settings,
			      .listen = {node_parse("192.0.2.80:5999"), node_parse("127.0.0.1:5999"),
					 node_parse("[2001:db8::80]:5999")},
			      .listening = {.addresses = node->listen, .count = NODE_LISTENS},
			      .now_us = NODE_BEGIN_US,
			      .inbound = {.setting = &settings->max_inbound},
			      .outbound = {.setting = &settings->max_outbound},
			      .handshakes = {.setting = &settings->max_handshakes}};
	build(node);
	meet_good(node);
	node_pass(node, settings->handshake_timeout_us + 1);
}

void node_fini(struct node *node)
{
	begin(node, NULL);
	node->is_stopping = true;
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (node->ends[i].peer != NULL && !node->ends[i].is_over) {
			if (peer_state(node->ends[i].peer) == PEER_READY)
				peer_close(node->ends[i].peer, BYE_SHUTDOWN);
			else
				peer_cut(node->ends[i].peer, "this node is stopping");
		}
	settle(node);
	node_check(node);
	for (size_t i = 0; i < NODE_ENDS; i++)
		if (node->ends[i].peer != NULL)
			forget(node, &node->ends[i]);
	struct registry_counts counts = registry_count(node->registry), none = {0};
	must(memcmp(&counts, &none, sizeof counts) == 0);
	protocol_free(node->protocol);
	reports_free(node->reports);
	address_book_free(node->book);
	access_free(node->access);
	lines_free(node->lines);
	sources_free(node->sources);
	registry_free(node->registry);
	alarm_fini(&node->alarm);
}

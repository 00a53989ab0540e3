#include "control/rows_mesh_priv.h"
#include "control/who_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { NODES = 8, ADDRESSES = 16, EVENTS = 100 };

/* Whom it is about: what is known of one whom the text names. */
struct subject {
	const char *text;
	struct address address; /* if the text is one; else unknown */
	bool by_name;		/* the text is the name of some */
	struct nodeid nodeids[NODES];
	size_t nodeid_count;
	struct address addresses[ADDRESSES];
	size_t address_count;
	bool is_connected;
};

static bool has_nodeid(const struct subject *subject, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < subject->nodeid_count; i++)
		if (nodeid_equals(&subject->nodeids[i], nodeid))
			return true;
	return false;
}

static bool has_address(const struct subject *subject, const struct address *address)
{
	for (size_t i = 0; i < subject->address_count; i++)
		if (address_equals(&subject->addresses[i], address))
			return true;
	return false;
}

static void add_nodeid(struct subject *subject, const struct nodeid *nodeid)
{
	if (!nodeid_is_none(nodeid) && !has_nodeid(subject, nodeid) && subject->nodeid_count < NODES)
		subject->nodeids[subject->nodeid_count++] = *nodeid;
}

static void add_address(struct subject *subject, const struct address *address)
{
	if (address_is_known(address) && !has_address(subject, address) && subject->address_count < ADDRESSES)
		subject->addresses[subject->address_count++] = *address;
}

/* Learns a node if the text names it. True if it does. */
static bool learn(struct subject *subject, const struct nodeid *nodeid, const char *name,
		  const struct address *addresses, size_t count)
{
	enum who_sign sign = who_matches(subject->text, nodeid, name, addresses, count);
	if (sign == WHO_NOBODY)
		return false;
	subject->by_name = subject->by_name || sign == WHO_NAME;
	add_nodeid(subject, nodeid);
	return true;
}

/* ---- connections now ---- */

static bool is_about_peer(const struct subject *subject, const struct peer_info *info)
{
	return has_nodeid(subject, &info->nodeid) || has_address(subject, &info->listen) ||
	       has_address(subject, &info->remote);
}

static void learn_peer(struct subject *subject, const struct peer_info *info)
{
	struct address addresses[] = {info->listen, info->remote};
	if (learn(subject, &info->nodeid, info->name, addresses, 2)) {
		add_address(subject, &info->listen);
		if (info->direction == PEER_OUTBOUND)
			add_address(subject, &info->remote);
	}
}

static bool add_connection(struct call *call, struct peer *peer)
{
	struct row row = call_begin_row(call, "fact");
	row_text(&row, "fact", "connection");
	rows_add_peer(&row, peer, clock_now_us());
	return call_end_row(call, &row);
}

/* Learns from all connections, or lists those that it is about. False if the client has gone. */
static bool visit_peers(struct call *call, struct subject *subject, bool lists)
{
	struct registry_visit all = {.registry = call->parts->common.registry};
	struct peer *peer;
	bool goes_on = true;
	while (goes_on && (peer = registry_visit_next(&all)) != NULL) {
		struct peer_info info = peer_look(peer, 0);
		if (!lists) {
			learn_peer(subject, &info);
		} else if (is_about_peer(subject, &info)) {
			subject->is_connected = subject->is_connected || info.state == PEER_READY;
			goes_on = add_connection(call, peer);
		}
	}
	registry_visit_stop(&all);
	return goes_on;
}

/* ---- what the nodes of the network say ---- */

static void learn_nodes(struct subject *subject, const struct view *view)
{
	for (size_t i = 0; i < view->node_count; i++) {
		const struct view_node *node = &view->nodes[i];
		const struct address *address = node->report == NULL ? NULL : &node->report->address;
		if (i != view->self && learn(subject, &node->nodeid, node->name, address, address == NULL ? 0 : 1) &&
		    address != NULL)
			add_address(subject, address);
	}
}

static bool add_nodes(struct call *call, const struct subject *subject, const struct view *view)
{
	bool goes_on = true;
	for (size_t i = 0; i < view->node_count && goes_on; i++) {
		if (i == view->self || !has_nodeid(subject, &view->nodes[i].nodeid))
			continue;
		struct row row = call_begin_row(call, "fact");
		row_text(&row, "fact", "node");
		rows_add_node(&row, view, i);
		goes_on = call_end_row(call, &row);
	}
	return goes_on;
}

static bool is_about_problem(const struct subject *subject, const struct finding *finding)
{
	for (size_t i = 0; i < subject->nodeid_count; i++)
		if (rows_is_subject(finding, &subject->nodeids[i]))
			return true;
	return false;
}

static bool add_problems(struct call *call, const struct subject *subject, const struct view *view)
{
	size_t count = 0;
	struct problem_entry *list = problems_list(call->parts->common.problems, &count);
	bool goes_on = true;
	for (size_t i = 0; i < count && goes_on; i++) {
		if (!is_about_problem(subject, &list[i].finding))
			continue;
		struct row row = call_begin_row(call, "fact");
		row_text(&row, "fact", "problem");
		rows_add_problem(&row, &list[i], view);
		goes_on = call_end_row(call, &row);
	}
	free(list);
	return goes_on;
}

/* ---- the address book ---- */

static bool add_address_fact(struct call *call, const struct address_info *info)
{
	struct row row = call_begin_row(call, "fact");
	row_text(&row, "fact", "address");
	rows_add_address(&row, info, clock_now_us());
	return call_end_row(call, &row);
}

static bool visit_addresses(struct call *call, struct subject *subject, bool lists)
{
	struct address_book *book = call->parts->common.book;
	struct address_info *infos = calloc(ADDRESS_BOOK_STEP, sizeof *infos);
	struct address_walk walk;
	size_t count;
	bool goes_on = true;
	if (infos == NULL) {
		call_fail_for_memory(call);
		return false;
	}
	address_book_begin_walk(book, &walk);
	while (goes_on && (count = address_book_walk(book, &walk, infos, clock_now_us())) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (!lists && learn(subject, &infos[i].nodeid, NULL, &infos[i].address, 1))
				add_address(subject, &infos[i].address);
			else if (lists && goes_on &&
				 (has_nodeid(subject, &infos[i].nodeid) || has_address(subject, &infos[i].address)))
				goes_on = add_address_fact(call, &infos[i]);
		}
	}
	address_book_end_walk(book, &walk);
	free(infos);
	return goes_on;
}

/* ---- the journal ---- */

static bool is_about_event(const struct subject *subject, const struct event *event)
{
	return (subject->by_name && strcmp(event->name, subject->text) == 0) || has_nodeid(subject, &event->nodeid) ||
	       has_nodeid(subject, &event->other) || has_address(subject, &event->address);
}

static bool add_event_fact(struct call *call, const struct journal_entry *entry)
{
	struct row row = call_begin_row(call, "fact");
	row_text(&row, "fact", "event");
	rows_add_event(&row, entry);
	return call_end_row(call, &row);
}

/* An event of a node, rather than of this one or of its settings. */
static bool is_of_a_node(const struct event *event)
{
	return event->kind != EVENT_STARTED && event->kind != EVENT_SETTING && event->kind != EVENT_STOPPING &&
	       event->kind != EVENT_RELOADED;
}

/*
 * Learns from all events; or lists those that it is about, but for as many of the first as skip says, and counts them.
 */
static bool visit_events(struct call *call, struct subject *subject, bool lists, size_t *skip, size_t *found)
{
	struct journal *journal = call->parts->common.journal;
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t after = 0, last = journal_last(journal), lost;
	size_t count;
	bool goes_on = true;
	while (goes_on && after < last && (count = journal_read(journal, &after, entries, &lost)) + lost > 0) {
		for (size_t i = 0; i < count; i++) {
			const struct event *event = journal_event(entries[i]);
			if (!is_of_a_node(event)) {
				journal_release(entries[i]);
				continue;
			}
			bool is_about = is_about_event(subject, event);
			if (!lists && learn(subject, &event->nodeid, event->name, &event->address, 1))
				add_address(subject, &event->address);
			if (lists && is_about && *skip > 0)
				--*skip;
			else if (lists && is_about && goes_on)
				goes_on = add_event_fact(call, entries[i]);
			*found += is_about;
			journal_release(entries[i]);
		}
	}
	return goes_on;
}

static bool add_history(struct call *call, struct subject *subject)
{
	struct subject quiet = *subject;
	size_t none = SIZE_MAX, found = 0, ignored = 0;
	/* How many there are, to list the last of them. */
	visit_events(call, &quiet, true, &none, &found);
	size_t skip = found > EVENTS ? found - EVENTS : 0;
	return visit_events(call, subject, true, &skip, &ignored);
}

/* ---- what keeps them apart ---- */

static bool add_text(struct call *call, const char *fact, const struct address *address, const char *text)
{
	struct row row = call_begin_row(call, "fact");
	row_text(&row, "fact", fact);
	row_address(&row, "address", address);
	row_text(&row, "text", text);
	return call_end_row(call, &row);
}

static bool add_bans(struct call *call, const struct subject *subject)
{
	const struct parts *parts = &call->parts->common;
	int64_t now_us = clock_now_us();
	bool goes_on = true;
	for (size_t i = 0; i < subject->address_count && goes_on; i++) {
		const struct address *address = &subject->addresses[i];
		if (!access_allows(parts->access, address))
			goes_on = add_text(call, "ban", address, "allow and deny exclude it");
		if (goes_on && bans_hold(parts->bans, address, now_us))
			goes_on = add_text(call, "ban", address, "a client of the control socket has banned it");
		if (goes_on && access_is_banned(parts->access, address, now_us))
			goes_on = add_text(call, "ban", address, "its host broke the protocol again and again");
		if (goes_on && address_book_is_self(parts->book, address))
			goes_on = add_text(call, "self", address, "it is this node itself");
	}
	return goes_on;
}

/* Limits that keep this node from dialling, or from letting it in. */
static bool add_limits(struct call *call, const struct subject *subject)
{
	const struct settings *settings = call->parts->common.settings;
	struct registry_counts counts = registry_count(call->parts->common.registry);
	int64_t outbound = settings->max_outbound, inbound = settings->max_inbound, dialing = settings->max_dialing;
	char text[160];
	bool goes_on = true;
	if (subject->is_connected)
		return true;
	if (counts.outbound >= (size_t)outbound) {
		snprintf(text, sizeof text, "this node has dialled as many peers as max_outbound = %lld allows",
			 (long long)outbound);
		goes_on = add_text(call, "limit", &subject->address, text);
	}
	if (goes_on && counts.inbound >= (size_t)inbound) {
		snprintf(text, sizeof text, "as many peers have dialled this node as max_inbound = %lld allows",
			 (long long)inbound);
		goes_on = add_text(call, "limit", &subject->address, text);
	}
	if (goes_on && counts.dials + counts.feelers >= (size_t)dialing) {
		snprintf(text, sizeof text, "as many dials are under way as max_dialing = %lld allows",
			 (long long)dialing);
		goes_on = add_text(call, "limit", &subject->address, text);
	}
	return goes_on;
}

static bool is_self(struct call *call, const char *text)
{
	const struct settings_texts *texts = settings_hold_texts(call->parts->common.settings);
	bool found = who_matches(text, &call->parts->self, texts->name, NULL, 0) != WHO_NOBODY;
	settings_release_texts(texts);
	return found;
}

static void fail_for_nobody(struct call *call, const char *text)
{
	char name[MESSAGE_TEXT_BYTES];
	if (who_guess(call, text, name))
		call_fail(call, "no_such_node", "nothing is known of \"%.64s\"; did you mean \"%s\"?", text, name);
	else
		call_fail(
			call, "no_such_node",
			"nothing is known of \"%.64s\"; name a node by its name, its nodeid or the first digits of it, "
			"or its address",
			text);
}

static void tell(struct call *call, struct subject *subject, const struct view *view)
{
	size_t none = 0, ignored = 0;
	if (who_parse_address(subject->text, &subject->address))
		add_address(subject, &subject->address);
	/* Who is gone may have its name in the journal alone, and its addresses in the book. */
	visit_peers(call, subject, false);
	learn_nodes(subject, view);
	visit_events(call, subject, false, &none, &ignored);
	if (!visit_addresses(call, subject, false))
		return;
	bool is_known = subject->nodeid_count > 0 || address_is_known(&subject->address) ||
			subject->address_count > 0 || subject->by_name;
	if (is_self(call, subject->text)) {
		if (!add_text(call, "self", &subject->address, "it is this node itself"))
			return;
	} else if (!is_known) {
		fail_for_nobody(call, subject->text);
		return;
	}
	if (add_nodes(call, subject, view) && add_problems(call, subject, view) && visit_peers(call, subject, true) &&
	    visit_addresses(call, subject, true) && add_bans(call, subject) && add_limits(call, subject))
		add_history(call, subject);
}

void rows_why(struct call *call)
{
	struct subject subject = {.text = call_text(call, "about")};
	struct view view;
	if (call_text(call, "other") != NULL) {
		rows_why_pair(call);
	} else if (rows_look_at_mesh(call, &view)) {
		tell(call, &subject, &view);
		view_free(&view);
	}
}

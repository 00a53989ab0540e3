#include "control/rows_priv.h"
#include "control/who_priv.h"

#include <stdlib.h>

#include "base/log.h"

void rows_add_address(struct row *row, const struct address_info *info, int64_t now_us)
{
	char teller[ADDRESS_TEXT_BYTES] = "";
	if (address_is_known(&info->teller))
		address_format_host(&info->teller, teller);
	row_address(row, "address", &info->address);
	row_nodeid(row, "nodeid", &info->nodeid);
	row_text(row, "kind", info->kind == ADDRESS_TRIED ? "tried" : "new");
	row_boolean(row, "bootstrap", info->is_bootstrap);
	row_boolean(row, "connected", info->is_connected);
	row_boolean(row, "dialing", info->is_dialing);
	row_text(row, "told_by", teller);
	row_seconds(row, "heard_s", rows_ago(info->heard_us, now_us));
	row_seconds(row, "tried_s", rows_ago(info->tried_us, now_us));
	row_seconds(row, "reached_s", rows_ago(info->reached_us, now_us));
	row_integer(row, "failures", info->failures);
	row_text(row, "error", info->error);
	row_seconds(row, "error_s", rows_ago(info->error_us, now_us));
	int64_t wait_us = info->due_us > now_us ? info->due_us - now_us : 0;
	row_seconds(row, "next_try_s", info->due_us == FOREVER_US ? -1 : wait_us);
}

/* It fails, or a node was there and is not now. A bootstrap where this node meets itself is all right. */
static bool is_missing(const struct address_info *info)
{
	return !info->is_self && (info->failures > 0 || (info->kind == ADDRESS_TRIED && !info->is_connected));
}

/* As many entries of the book are held at once as fit into a step: 80,000 are not copied. */
void rows_addresses(struct call *call)
{
	struct address_book *book = call->parts->common.book;
	struct address_info *infos = calloc(ADDRESS_BOOK_STEP, sizeof *infos);
	struct address_walk walk;
	struct wanted_keys wanted;
	bool goes_on = call_find_wanted(call, &wanted), only_missing = call_truth(call, "missing", false);
	size_t count;
	if (infos == NULL) {
		call_fail_for_memory(call);
		return;
	}
	address_book_begin_walk(book, &walk);
	while (goes_on && (count = address_book_walk(book, &walk, infos, clock_now_us())) > 0) {
		int64_t now_us = clock_now_us();
		for (size_t i = 0; i < count && goes_on; i++) {
			if (only_missing && !is_missing(&infos[i]))
				continue;
			struct row row = call_begin_wanted_row(call, "address", &wanted);
			rows_add_address(&row, &infos[i], now_us);
			goes_on = call_end_row(call, &row);
		}
	}
	address_book_end_walk(book, &walk);
	free(infos);
}

void rows_forget(struct call *call)
{
	struct address address;
	char text[ADDRESS_TEXT_BYTES];
	if (!who_find_address(call, &address))
		return;
	address_format(&address, text);
	switch (address_book_drop(call->parts->common.book, &address, clock_now_us())) {
	case ADDRESS_BOOK_DROPPED:
		log_info("control: %s is forgotten", text);
		break;
	case ADDRESS_BOOK_UNKNOWN:
		call_fail(call, "no_such_address", "the address book has no %s", text);
		break;
	case ADDRESS_BOOK_KEPT:
		call_fail(call, "not_allowed", "%s is a bootstrap: take it out of the setting \"bootstrap\" first",
			  text);
		break;
	case ADDRESS_BOOK_BUSY:
		call_fail(call, "not_allowed", "the node at %s is connected, or being dialled: disconnect it first",
			  text);
		break;
	}
}

/* ---- connect ---- */

/* Why this node would not dial it; false if nothing keeps it from that. */
static bool is_barred(struct call *call, const struct address *address, const char *text)
{
	const struct parts *parts = &call->parts->common;
	struct registry_counts counts = registry_count(parts->registry);
	int64_t most = parts->settings->max_outbound;
	if (!address_is_dialable(address))
		call_fail(call, "wrong_value", "nobody can be dialled at %s", text);
	else if (!access_allows(parts->access, address))
		call_fail(call, "not_allowed", "allow and deny exclude %s", text);
	else if (bans_hold(parts->bans, address, clock_now_us()))
		call_fail(call, "not_allowed", "%s is banned: unban it first", text);
	else if (counts.outbound + counts.dials >= (size_t)most)
		call_fail(call, "not_allowed",
			  "this node has dialled as many peers as max_outbound = %lld allows: raise it, or disconnect "
			  "one",
			  (long long)most);
	return call->has_failed;
}

/* Has the dial that was asked for then ended? With an error, that is the answer. */
static bool has_ended(struct call *call, const struct address *address, const char *text, int64_t asked_us)
{
	struct address_book *book = call->parts->common.book;
	struct address_info info;
	if (address_book_is_self(book, address)) {
		call_fail(call, "not_done", "%s is this node itself", text);
	} else if (!address_book_look(book, address, &info, asked_us)) {
		call_fail(call, "not_done", "%s did not answer, and is forgotten", text);
	} else if (info.is_connected) {
		return true;
	} else if (!info.is_dialing && info.tried_us >= asked_us) {
		call_fail(call, "not_done", "%s: %s", text, info.error[0] == '\0' ? "the dial has ended" : info.error);
	}
	return call->has_failed;
}

/* Until the dial has ended, for as long as one may take. */
static void await_dial(struct call *call, const struct address *address, const char *text, int64_t asked_us)
{
	enum { LOOK_US = 5000 };
	const struct settings *settings = call->parts->common.settings;
	int64_t until_us = asked_us + settings->connect_timeout_us + settings->handshake_timeout_us + INT64_C(1000000);
	while (!has_ended(call, address, text, asked_us)) {
		if (clock_now_us() >= until_us)
			call_fail(call, "not_done", "%s is not dialled yet: max_dialing dials are under way", text);
		else if (!client_rest(call->client, LOOK_US))
			call->has_failed = true;
	}
}

static void add_peer_at(struct call *call, const struct address *address)
{
	struct nodeid nodeid = address_book_tenant(call->parts->common.book, address);
	struct peer *peer = nodeid_is_none(&nodeid) ? NULL : registry_find(call->parts->common.registry, &nodeid);
	if (peer == NULL)
		return;
	struct row row = call_begin_row(call, "peer");
	rows_add_peer(&row, peer, clock_now_us());
	call_end_row(call, &row);
	peer_release(peer);
}

void rows_connect(struct call *call)
{
	struct address address;
	char text[ADDRESS_TEXT_BYTES];
	int64_t asked_us = clock_now_us();
	if (!who_find_address(call, &address))
		return;
	address_format(&address, text);
	if (is_barred(call, &address, text))
		return;
	switch (address_book_ask(call->parts->common.book, &address, asked_us)) {
	case ADDRESS_BOOK_DUE:
		alarm_ring(call->parts->alarm);
		await_dial(call, &address, text, asked_us);
		break;
	case ADDRESS_BOOK_CONNECTED:
		break;
	case ADDRESS_BOOK_SELF:
		call_fail(call, "not_done", "%s is this node itself", text);
		break;
	case ADDRESS_BOOK_CROWDED:
		call_fail(call, "not_done", "the address book has no place for %s (max_addresses)", text);
		break;
	}
	if (!call->has_failed)
		add_peer_at(call, &address);
}

#include "control/rows_priv.h"
#include "control/who_priv.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"

static bool add_ban(struct call *call, const struct address_block *block, const char *by, int64_t until_us)
{
	char text[ADDRESS_BLOCK_TEXT_BYTES];
	int64_t now_us = clock_now_us();
	address_block_format(block, text);
	struct row row = call_begin_row(call, "ban");
	row_text(&row, "block", text);
	row_text(&row, "by", by);
	row_time(&row, "until", clock_unix_us() + until_us - now_us);
	row_seconds(&row, "left_s", until_us > now_us ? until_us - now_us : 0);
	return call_end_row(call, &row);
}

/* Of what counts as one host (address_source). */
static struct address_block block_of(const struct address *host)
{
	struct address other = *host;
	struct address_block block = {.base = address_host(host), .prefix_bits = 32};
	if (host->family == ADDRESS_IPV4)
		return block;
	other.host[15] ^= 1;
	other = address_source(&other);
	block.prefix_bits = address_same_host(&other, host) ? 64 : 128;
	return block;
}

void rows_bans(struct call *call)
{
	const struct parts *parts = &call->parts->common;
	struct ban *bans = calloc(BANS_MOST, sizeof *bans);
	struct access_ban *hosts = calloc(ACCESS_HOSTS, sizeof *hosts);
	int64_t now_us = clock_now_us();
	bool goes_on = bans != NULL && hosts != NULL;
	if (!goes_on)
		call_fail_for_memory(call);
	size_t ban_count = goes_on ? bans_list(parts->bans, bans, now_us) : 0;
	size_t host_count = goes_on ? access_list_bans(parts->access, hosts, now_us) : 0;
	for (size_t i = 0; i < ban_count && goes_on; i++)
		goes_on = add_ban(call, &bans[i].block, "operator", bans[i].until_us);
	for (size_t i = 0; i < host_count && goes_on; i++) {
		struct address_block block = block_of(&hosts[i].host);
		goes_on = add_ban(call, &block, "protocol", hosts[i].until_us);
	}
	free(bans);
	free(hosts);
}

size_t rows_count_bans(const struct parts *parts)
{
	struct ban *bans = calloc(BANS_MOST, sizeof *bans);
	struct access_ban *hosts = calloc(ACCESS_HOSTS, sizeof *hosts);
	size_t count = 0;
	if (bans != NULL && hosts != NULL)
		count = bans_list(parts->bans, bans, clock_now_us()) +
			access_list_bans(parts->access, hosts, clock_now_us());
	free(bans);
	free(hosts);
	return count;
}

/* Connections with those hosts end. */
static void cut_all(struct call *call, const struct address_block *block)
{
	struct registry_visit all = {.registry = call->parts->common.registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL) {
		const struct address *far_end = &peer_dial(peer)->address;
		if (address_is_known(far_end) && address_block_holds(block, far_end))
			peer_cut(peer, "a client of the control socket has banned it");
	}
}

static void note_ban(struct call *call, const char *text, const char *duration)
{
	struct event event = {.kind = EVENT_BANNED,
			      .name = text,
			      .value = duration,
			      .reason = "a client of the control socket asks for it",
			      .lasted_us = -1};
	journal_note(call->parts->common.journal, &event);
}

void rows_ban(struct call *call)
{
	/* The longest that a time in microseconds is added to without care: 100 years. */
	static const double most_s = 100.0 * 365 * 86400;
	const struct settings *settings = call->parts->common.settings;
	double seconds = call_number(call, "seconds", (double)settings->ban_time_us / 1e6);
	char text[ADDRESS_BLOCK_TEXT_BYTES], duration[TEXT_DURATION_BYTES];
	struct address_block block;
	int64_t now_us = clock_now_us();
	if (!who_find_block(call, &block))
		return;
	if (!(seconds > 0 && seconds <= most_s)) {
		call_fail(call, "wrong_value", "seconds must be more than 0, and at most 100 years");
		return;
	}
	int64_t until_us = now_us + (int64_t)(seconds * 1e6);
	if (!bans_add(call->parts->common.bans, &block, until_us, now_us)) {
		call_fail(call, "not_done", "%d blocks are banned already: unban one, or use the setting \"deny\"",
			  BANS_MOST);
		return;
	}
	address_block_format(&block, text);
	text_duration(until_us - now_us, duration);
	log_info("control: %s is banned for %s", text, duration);
	note_ban(call, text, duration);
	cut_all(call, &block);
	add_ban(call, &block, "operator", until_us);
}

void rows_unban(struct call *call)
{
	const struct parts *parts = &call->parts->common;
	char text[ADDRESS_BLOCK_TEXT_BYTES];
	struct address_block block;
	int64_t now_us = clock_now_us();
	if (!who_find_block(call, &block))
		return;
	address_block_format(&block, text);
	bool was_banned = bans_remove(parts->bans, &block, now_us);
	size_t hosts = access_unban(parts->access, &block, now_us);
	if (was_banned || hosts > 0)
		log_info("control: %s is no longer banned", text);
	else
		call_fail(call, "no_such_ban", "%s is not banned; {\"msgtype\":\"bans\"} lists the bans", text);
}

#include "control/rows_priv.h"

static const char *state_name(const struct peer_info *info)
{
	static const char *const names[] = {[PEER_DIAL] = "dial", [PEER_HELLO] = "hello", [PEER_READY] = "ready"};
	return info->late_us >= 0 ? "late" : names[info->state];
}

/* Why this node has dialled it. NULL for an inbound peer. */
static const char *purpose_of(const struct dial *dial)
{
	static const char *const names[] = {
		[DIAL_NONE] = NULL,
		[DIAL_NAME] = "name",
		[DIAL_ENTRY] = "peer",
		[DIAL_FEELER_LOST] = "feeler_lost",
		[DIAL_FEELER_HEARSAY] = "feeler_hearsay",
		[DIAL_PROOF_CLAIM] = "proof_claim",
		[DIAL_PROOF_RIVAL] = "proof_rival",
		[DIAL_FEELER_PEER] = "feeler_peer",
	};
	return names[dial->kind];
}

int64_t rows_ago(int64_t then_us, int64_t now_us)
{
	return then_us == 0 || then_us == NEVER_US ? -1 : now_us > then_us ? now_us - then_us : 0;
}

void rows_add_peer(struct row *row, struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	char label[PEER_LABEL_BYTES] = "";
	if (row_wants(row, "label"))
		peer_label(peer, label);
	row_nodeid(row, "nodeid", &info.nodeid);
	row_text(row, "name", info.name);
	row_text(row, "label", label);
	row_text(row, "agent", info.agent);
	row_text(row, "host", info.host);
	row_address(row, "address", &info.remote);
	row_address(row, "local", &info.local);
	row_address(row, "listen", &info.listen);
	row_text(row, "direction", info.direction == PEER_INBOUND ? "in" : "out");
	row_text(row, "state", state_name(&info));
	row_text(row, "purpose", purpose_of(peer_dial(peer)));
	row_boolean(row, "closing", info.is_closing);
	row_milliseconds(row, "rtt_ms", info.answered_us);
	row_milliseconds(row, "usual_rtt_ms", info.usual_rtt_us);
	row_milliseconds(row, "waiting_ms", info.waiting_us);
	row_milliseconds(row, "late_ms", info.late_us);
	row_seconds(row, "heard_s", rows_ago(info.heard_us, now_us));
	row_seconds(row, "up_s", info.state == PEER_READY ? rows_ago(info.since_us, now_us) : -1);
	row_seconds(row, "age_s", rows_ago(info.since_us, now_us));
	row_integer(row, "messages_in", info.messages_in);
	row_integer(row, "messages_out", info.messages_out);
	row_integer(row, "bytes_in", info.bytes_in);
	row_integer(row, "bytes_out", info.bytes_out);
	row_integer(row, "ignored", info.ignored);
	row_integer(row, "useless", info.useless);
	row_boolean(row, "loses_large", info.loses_large);
}

size_t rows_count_late(struct registry *registry, int64_t at_least_us)
{
	struct registry_visit all = {.registry = registry};
	struct peer *peer;
	size_t late = 0;
	while ((peer = registry_visit_next(&all)) != NULL) {
		struct peer_info info = peer_look(peer, clock_now_us());
		late += !info.is_closing && info.late_us >= 0 && info.late_us >= at_least_us;
	}
	return late;
}

/* A few at a time: what is written to the client is written without a lock, and while few peers are held. */
void rows_peers(struct call *call)
{
	struct registry_visit all = {.registry = call->parts->common.registry};
	struct peer *peer;
	struct wanted_keys wanted;
	bool goes_on = call_find_wanted(call, &wanted);
	while (goes_on && (peer = registry_visit_next(&all)) != NULL) {
		struct row row = call_begin_wanted_row(call, "peer", &wanted);
		rows_add_peer(&row, peer, clock_now_us());
		goes_on = call_end_row(call, &row);
	}
	registry_visit_stop(&all);
}

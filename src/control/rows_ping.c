#include "control/rows_priv.h"
#include "control/who_priv.h"

#include "base/log.h"

/* As ping(8) lets those who aren't root: 0.2 s between two, and the same default of a second. */
enum { INTERVAL_LEAST_MS = 200, INTERVAL_MS = 1000, COUNT_MOST = 1000000 };

/* A lone ping has this long. */
#define WAIT_US ((int64_t)5 * 1000 * 1000)

/* How the connection of a peer that was pinged has ended; NULL if it goes on. */
static const char *ending_of(struct peer *peer)
{
	struct peer_info info = peer_look(peer, 0);
	if (info.ending == PEER_GOES_ON)
		return NULL;
	return info.ending_text[0] == '\0' ? bye_reason_name(info.reason) : info.ending_text;
}

/*
 * Waits until a pong more than that has come. The peer is asked again and again, since it takes one question in
 * PEER_ASK_US, whoever asks. False if none comes, the connection ends, or the client has left.
 */
static bool await_pong(struct call *call, struct peer *peer, uint64_t pongs, int64_t until_us)
{
	enum { LOOK_US = 1000, OFTEN_US = 50000, SELDOM_US = 10000 };
	int64_t began_us = clock_now_us(), now_us = began_us;
	while (peer_pongs(peer) == pongs) {
		if (now_us >= until_us || peer_is_closing(peer))
			return false;
		peer_ask_ping(peer, now_us);
		if (!client_rest(call->client, now_us - began_us < OFTEN_US ? LOOK_US : SELDOM_US)) {
			call->has_failed = true;
			return false;
		}
		now_us = clock_now_us();
	}
	return true;
}

static bool add_pong(struct call *call, struct peer *peer, int64_t number, bool is_answered)
{
	struct peer_info info = peer_look(peer, clock_now_us());
	const char *ending = ending_of(peer), *reason = NULL;
	char label[PEER_LABEL_BYTES];
	if (!is_answered && ending != NULL)
		reason = ending;
	else if (!is_answered)
		reason = "no answer yet";
	else if (info.answered_us < 0)
		reason = "it has sent pongs unasked, so its round trip is unknown";
	peer_label(peer, label);
	struct row row = call_begin_row(call, "pong");
	row_integer(&row, "number", number);
	row_nodeid(&row, "nodeid", &info.nodeid);
	row_text(&row, "name", info.name);
	row_text(&row, "label", label);
	row_address(&row, "address", address_is_known(&info.listen) ? &info.listen : &info.remote);
	row_boolean(&row, "answered", is_answered);
	row_milliseconds(&row, "rtt_ms", is_answered ? info.answered_us : -1);
	row_milliseconds(&row, "waiting_ms", is_answered ? -1 : info.waiting_us);
	row_text(&row, "reason", reason);
	return call_end_row(call, &row) && client_flush(call->client);
}

static void ping(struct call *call, struct peer *peer, int64_t count, int64_t interval_us)
{
	bool goes_on = true;
	for (int64_t i = 1; (count == 0 || i <= count) && goes_on; i++) {
		int64_t began_us = clock_now_us(), next_us = began_us + interval_us;
		bool is_last = i == count;
		bool is_answered = await_pong(call, peer, peer_pongs(peer),
					      is_last && interval_us < WAIT_US ? began_us + WAIT_US : next_us);
		if (call->has_failed)
			return;
		goes_on = add_pong(call, peer, i, is_answered) && !peer_is_closing(peer);
		while (goes_on && !is_last && clock_now_us() < next_us)
			goes_on = client_rest(call->client, next_us - clock_now_us());
	}
}

void rows_ping(struct call *call)
{
	double count = call_number(call, "count", 1), interval_ms = call_number(call, "interval_ms", INTERVAL_MS);
	if (!(count >= 0 && count <= COUNT_MOST)) {
		call_fail(call, "wrong_value", "count must be from 1 to %d, or 0 to go on", COUNT_MOST);
		return;
	}
	if (!(interval_ms >= INTERVAL_LEAST_MS && interval_ms <= 86400e3)) {
		call_fail(call, "wrong_value", "interval_ms must be from %d to 86400000", INTERVAL_LEAST_MS);
		return;
	}
	struct peer *peer = who_find_peer(call);
	if (peer == NULL)
		return;
	if (peer_state(peer) == PEER_READY)
		ping(call, peer, (int64_t)count, (int64_t)(interval_ms * 1e3));
	else
		call_fail(call, "no_such_peer", "\"%.64s\" is no peer yet: its handshake goes on",
			  call_text(call, "peer"));
	peer_release(peer);
}

void rows_disconnect(struct call *call)
{
	struct peer *peer = who_find_peer(call);
	char label[PEER_LABEL_BYTES];
	if (peer == NULL)
		return;
	peer_label(peer, label);
	log_info("control: %s is disconnected", label);
	struct row row = call_begin_row(call, "peer");
	rows_add_peer(&row, peer, clock_now_us());
	if (peer_state(peer) == PEER_READY)
		peer_close_because(peer, BYE_OPERATOR, "a client of the control socket asks for it");
	else
		peer_cut(peer, "a client of the control socket asks for it");
	call_end_row(call, &row);
	peer_release(peer);
}

#include "link/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "link/allowance.h"
#include "link/known_addresses.h"
#include "link/liveness.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { OUTBOX_BYTES = 1024 * 1024 };

static const int64_t start_us = 1000 * SECOND_US;
static const struct settings settings = {
	.ping_interval_us = 60 * SECOND_US, .ping_timeout_us = 20 * SECOND_US, .max_outbox = OUTBOX_BYTES};

static struct peer *new_peer(enum peer_direction direction)
{
	struct dial dial = {.address = address_of("127.0.0.2:5999")};
	struct peer *peer = peer_new(direction, NULL, &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	return peer;
}

static void connect_peer(struct peer *peer)
{
	struct address local = address_of("127.0.0.1:40000");
	CU_ASSERT(peer_connected(peer, &local));
}

static bool make_ready(struct peer *peer, int64_t now_us)
{
	struct message_hello hello = {.nodeid = nodeid_of(0x1a2b3c4d), .name = "two"};
	return peer_ready(peer, &hello, &settings, &core_secret, now_us);
}

static struct peer *new_ready_peer(void)
{
	struct peer *peer = new_peer(PEER_OUTBOUND);
	connect_peer(peer);
	CU_ASSERT(make_ready(peer, start_us));
	return peer;
}

static void a_connection_is_dialled_then_shakes_hands_then_is_ready(void)
{
	struct peer *peer = new_peer(PEER_OUTBOUND);
	struct peer_info info = peer_look(peer, start_us);
	CU_ASSERT_EQUAL(info.state, PEER_DIAL);
	EXPECT_TEXT(address_text(info.remote), "127.0.0.2:5999");
	EXPECT_TEXT(address_text(info.local), "-");
	CU_ASSERT(info.since_us == start_us && info.heard_us == 0 && info.rtt_us == -1);
	connect_peer(peer);
	info = peer_look(peer, start_us);
	CU_ASSERT_EQUAL(info.state, PEER_HELLO);
	EXPECT_TEXT(address_text(info.local), "127.0.0.1:40000");
	CU_ASSERT(nodeid_is_none(&info.nodeid));
	CU_ASSERT(make_ready(peer, start_us + SECOND_US));
	info = peer_look(peer, start_us + 2 * SECOND_US);
	CU_ASSERT_EQUAL(info.state, PEER_READY);
	CU_ASSERT_EQUAL(peer_state(peer), PEER_READY);
	CU_ASSERT_EQUAL(info.since_us, start_us + SECOND_US);
	CU_ASSERT_STRING_EQUAL(info.name, "two");
	CU_ASSERT(info.direction == PEER_OUTBOUND && !info.is_closing && info.ending == PEER_GOES_ON);
	peer_release(peer);
}

static void the_last_release_closes_the_descriptor(void)
{
	struct dial dial = {.host = strdup("two.example"), .port = 5999};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(fd >= 0 && dial.host != NULL);
	struct stream *stream = stream_from_socket(fd, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
	struct peer *peer = peer_new(PEER_OUTBOUND, stream, &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	CU_ASSERT_PTR_EQUAL(peer_hold(peer), peer);
	peer_release(peer);
	CU_ASSERT(fcntl(fd, F_GETFD) >= 0);
	CU_ASSERT_PTR_EQUAL(peer_stream(peer), stream);
	peer_release(peer);
	CU_ASSERT(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

static void a_peer_that_was_closed_meanwhile_goes_no_further(void)
{
	struct address end = address_of("127.0.0.1:1");
	struct peer *peer = new_peer(PEER_OUTBOUND);
	peer_close(peer, BYE_SHUTDOWN);
	CU_ASSERT_FALSE(peer_connected(peer, &end));
	CU_ASSERT_FALSE(make_ready(peer, start_us));
	CU_ASSERT(peer_state(peer) != PEER_READY);
	peer_release(peer);
}

static void the_bye_is_the_last_line(void)
{
	struct peer *peer = new_ready_peer();
	peer_send_type(peer, MESSAGE_PING);
	peer_close(peer, BYE_SHUTDOWN);
	CU_ASSERT(peer_is_closing(peer));
	peer_send_type(peer, MESSAGE_PONG);
	peer_close(peer, BYE_DUPLICATE);
	EXPECT_SENT(peer, "ping bye(shutdown)");
	struct peer_info info = peer_look(peer, start_us);
	CU_ASSERT(info.is_closing && info.ending == PEER_CLOSED && info.reason == BYE_SHUTDOWN);
	CU_ASSERT_EQUAL(info.messages_out, 2);
	EXPECT_TEXT(info.ending_text, "");
	peer_release(peer);
}

enum act { CLOSE, CUT, LEAVE, FAIL };

static void act_on(struct peer *peer, enum act act)
{
	if (act == CLOSE)
		peer_close(peer, BYE_FULL);
	else if (act == CUT)
		peer_cut(peer, "cut");
	else if (act == LEAVE)
		peer_note_bye(peer, BYE_DUPLICATE, "duplicate");
	else
		peer_fail(peer, 0, "broken");
}

static void the_first_ending_counts(void)
{
	static const struct {
		enum peer_ending ending;
		enum bye_reason reason;
		const char *text, *sent;
	} ends[] = {
		[CLOSE] = {PEER_CLOSED, BYE_FULL, "", "bye(full)"},
		[CUT] = {PEER_CLOSED, BYE_UNKNOWN, "cut", ""},
		[LEAVE] = {PEER_LEFT, BYE_DUPLICATE, "duplicate", ""},
		[FAIL] = {PEER_FAILED, BYE_UNKNOWN, "broken", ""},
	};
	for (int first = CLOSE; first <= FAIL; first++) {
		for (int second = CLOSE; second <= FAIL; second++) {
			struct peer *peer = new_ready_peer();
			act_on(peer, (enum act)first);
			act_on(peer, (enum act)second);
			struct peer_info info = peer_look(peer, start_us);
			EXPECT(info.ending == ends[first].ending && info.reason == ends[first].reason, "%d then %d",
			       first, second);
			EXPECT_TEXT(info.ending_text, ends[first].text);
			EXPECT_SENT(peer, ends[first].sent);
			EXPECT(info.is_closing && outbox_is_closed(peer_outbox(peer)), "%d then %d", first, second);
			peer_release(peer);
		}
	}
}

/* A peer that is silent or slow has failed; to turn one away is no failure of its. */
static void a_close_is_a_failure_where_the_peer_did_not_do_its_part(void)
{
	static const struct {
		enum bye_reason reason;
		enum peer_ending ending;
	} cases[] = {
		{BYE_SHUTDOWN, PEER_CLOSED}, {BYE_DUPLICATE, PEER_CLOSED}, {BYE_SELF, PEER_CLOSED},
		{BYE_NETWORK, PEER_CLOSED},  {BYE_FULL, PEER_CLOSED},	   {BYE_FEELER, PEER_CLOSED},
		{BYE_TIMEOUT, PEER_FAILED},  {BYE_SLOW, PEER_FAILED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer *peer = new_ready_peer();
		peer_close(peer, cases[i].reason);
		struct peer_info info = peer_look(peer, start_us);
		EXPECT(info.ending == cases[i].ending && info.reason == cases[i].reason, "%s",
		       bye_reason_name(cases[i].reason));
		peer_release(peer);
	}
}

static void a_long_reason_of_an_end_is_cut(void)
{
	struct peer *peer = new_ready_peer();
	char text[500];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	peer_fail(peer, 0, text);
	struct peer_info info = peer_look(peer, start_us);
	CU_ASSERT_EQUAL(strlen(info.ending_text), PEER_ENDING_BYTES - 1);
	peer_release(peer);
}

static void a_peer_that_takes_nothing_is_closed_as_slow(void)
{
	struct peer *peer = new_ready_peer();
	int64_t sent = 0;
	for (; !peer_is_closing(peer) && sent < OUTBOX_BYTES; sent++)
		peer_send_type(peer, MESSAGE_PING);
	struct peer_info info = peer_look(peer, start_us);
	CU_ASSERT(info.ending == PEER_FAILED && info.reason == BYE_SLOW);
	size_t ping_bytes = strlen("{\"msgtype\":\"ping\"}\n");
	CU_ASSERT_EQUAL((size_t)sent - 1, OUTBOX_BYTES / ping_bytes);
	CU_ASSERT_EQUAL(info.messages_out, sent);
	const char *last = NULL, *line;
	bool is_bye = false;
	while ((line = take_line(peer)) != NULL) {
		last = line;
		is_bye = strcmp(last, "{\"msgtype\":\"bye\",\"reason\":\"slow\"}") == 0;
	}
	CU_ASSERT(last != NULL && is_bye);
	peer_release(peer);
}

struct pipe {
	int far_end;
	struct peer *peer;
};

static void pipe_init(struct pipe *pipe)
{
	int ends[2];
	struct dial dial = {.address = address_of("127.0.0.2:5999")};
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	pipe->far_end = ends[1];
	pipe->peer = peer_new(PEER_INBOUND, stream_from_socket(ends[0], NULL), &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pipe->peer);
	connect_peer(pipe->peer);
}

/* Whether the far end sees the end now. */
static bool is_shut(const struct pipe *pipe)
{
	char byte;
	return recv(pipe->far_end, &byte, 1, MSG_DONTWAIT) == 0;
}

static void a_connection_is_shut_at_once_where_a_bye_is_in_vain(void)
{
	static const struct {
		const char *what;
		enum bye_reason reason;
		bool is_ready, is_cut, is_shut;
	} cases[] = {
		{"a slow peer", BYE_SLOW, true, false, true},
		{"a duplicate", BYE_DUPLICATE, true, false, false},
		{"a ready peer that is cut", BYE_UNKNOWN, true, true, true},
		{"a peer that is cut during the handshake", BYE_UNKNOWN, false, true, true},
		{"a peer that shakes hands, closed by its reader", BYE_NETWORK, false, false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pipe pipe;
		pipe_init(&pipe);
		if (cases[i].is_ready)
			CU_ASSERT(make_ready(pipe.peer, start_us));
		if (cases[i].is_cut)
			peer_cut(pipe.peer, "cut");
		else
			peer_close(pipe.peer, cases[i].reason);
		EXPECT(is_shut(&pipe) == cases[i].is_shut, "%s", cases[i].what);
		peer_release(pipe.peer);
		CU_ASSERT(is_shut(&pipe));
		close(pipe.far_end);
	}
}

/* ---- addresses ---- */

static struct address numbered(unsigned number)
{
	char text[ADDRESS_TEXT_BYTES];
	snprintf(text, sizeof text, "10.0.%u.%u:5999", number / 250, number % 250 + 1);
	return address_of(text);
}

static void a_peer_remembers_the_last_thousand_addresses(void)
{
	struct peer *peer = new_ready_peer();
	struct address address = numbered(0);
	CU_ASSERT_FALSE(peer_knows_address(peer, &address));
	for (unsigned i = 0; i < KNOWN_ADDRESSES; i++) {
		address = numbered(i);
		peer_note_address(peer, &address);
		EXPECT(peer_knows_address(peer, &address), "%u", i);
	}
	for (unsigned i = 0; i < KNOWN_ADDRESSES; i++) {
		address = numbered(i);
		EXPECT(peer_knows_address(peer, &address), "%u", i);
	}
	for (unsigned i = 0; i < 10; i++) {
		address = numbered(KNOWN_ADDRESSES + i);
		peer_note_address(peer, &address);
		EXPECT(peer_knows_address(peer, &address), "%u", i);
		address = numbered(i);
		EXPECT(!peer_knows_address(peer, &address), "%u", i);
		address = numbered(i + 1);
		EXPECT(peer_knows_address(peer, &address), "%u", i);
	}
	peer_release(peer);
}

static void a_new_listening_address_is_told_from_the_same_one(void)
{
	struct peer *peer = new_ready_peer();
	struct address one = address_of("127.0.0.2:5999"), other = address_of("127.0.0.2:6000");
	CU_ASSERT(peer_set_listen(peer, &one));
	CU_ASSERT_FALSE(peer_set_listen(peer, &one));
	CU_ASSERT(peer_set_listen(peer, &other));
	EXPECT_TEXT(address_text(peer_look(peer, start_us).listen), "127.0.0.2:6000");
	peer_release(peer);
}

/* ---- pings ---- */

static void a_ping_is_sent_when_it_is_due_and_not_twice(void)
{
	struct peer *peer = new_ready_peer();
	int64_t interval_us = 60 * SECOND_US;
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), FOREVER_US);
	int64_t next_us = peer_ping(peer, start_us);
	CU_ASSERT(next_us >= start_us + interval_us - interval_us / PEER_PING_JITTER);
	CU_ASSERT(next_us <= start_us + interval_us);
	EXPECT_SENT(peer, "ping");
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), start_us + 20 * SECOND_US);
	peer_ping(peer, start_us + 1);
	EXPECT_SENT(peer, "");
	CU_ASSERT(peer_pong(peer, start_us + 250));
	CU_ASSERT_EQUAL(peer_look(peer, start_us + 300).rtt_us, 250);
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), FOREVER_US);
	CU_ASSERT_FALSE(peer_pong(peer, start_us + 260));
	CU_ASSERT_EQUAL(peer_look(peer, start_us + 300).rtt_us, 250);
	peer_ping(peer, next_us - 1);
	EXPECT_SENT(peer, "");
	peer_ping(peer, next_us);
	EXPECT_SENT(peer, "ping");
	CU_ASSERT_EQUAL(peer_look(peer, next_us + 3000).rtt_us, 3000);
	peer_release(peer);
}

/* It is said with the first, kept in mind, and said again when something else holds. */
static void a_ping_says_when_the_next_comes(void)
{
	static const char first[] = "{\"msgtype\":\"ping\",\"next_ms\":60000}";
	struct peer *peer = new_ready_peer();
	int64_t now_us = start_us;
	for (int i = 0; i < 4; i++) {
		int64_t next_us = peer_ping(peer, now_us);
		EXPECT_TEXT(take_line(peer), i == 0 ? first : "{\"msgtype\":\"ping\"}");
		CU_ASSERT(next_us <= now_us + 60 * SECOND_US);
		CU_ASSERT(peer_pong(peer, now_us + 5));
		now_us = next_us;
	}
	/* Out of turn. */
	peer_ping(peer, now_us);
	take_all(peer);
	CU_ASSERT(peer_pong(peer, now_us + 5));
	peer_hurry_ping(peer, now_us + 20 * SECOND_US);
	now_us = peer_ping(peer, now_us + 20 * SECOND_US);
	EXPECT_TEXT(take_line(peer), "{\"msgtype\":\"ping\",\"next_ms\":40000}");
	CU_ASSERT(peer_pong(peer, now_us - 5));
	peer_ping(peer, now_us);
	EXPECT_TEXT(take_line(peer), first);
	peer_release(peer);
}

/* Who answers before a ping comes is caught sooner or later, since nobody knows when that will be. */
static void the_moment_of_a_ping_is_unpredictable(void)
{
	enum { PINGS = 200, PARTS = 10 };
	struct peer *peer = new_ready_peer();
	int64_t now_us = start_us, most_us = PEER_PING_EARLY_US;
	int parts[PARTS] = {0};
	for (int i = 0; i < PINGS; i++) {
		int64_t next_us = peer_ping(peer, now_us), early_us = now_us + 60 * SECOND_US - next_us;
		CU_ASSERT_FATAL(early_us >= 0 && early_us < most_us);
		parts[early_us * PARTS / most_us]++;
		take_all(peer);
		CU_ASSERT(peer_pong(peer, now_us + 100));
		now_us = next_us;
	}
	for (int i = 0; i < PARTS; i++)
		EXPECT(parts[i] > PINGS / PARTS / 3, "part %d: %d", i, parts[i]);
	peer_release(peer);
}

/* An accepted connection over loopback. */
static int accept_one(int *dialler)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*dialler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
	CU_ASSERT_FATAL(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	CU_ASSERT_FATAL(connect(*dialler, (struct sockaddr *)&address, length) == 0);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	close(listener);
	return fd;
}

/* A pong that was sent before its ping came takes no time. */
static void nobody_seems_nearer_than_the_kernel_has_found(void)
{
	int dialler, fd = accept_one(&dialler);
	struct dial dial = {.address = address_of("127.0.0.2:40000")};
	struct peer *peer = peer_new(PEER_INBOUND, stream_from_socket(fd, NULL), &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	connect_peer(peer);
	CU_ASSERT(make_ready(peer, start_us));
	peer_ping(peer, start_us);
	CU_ASSERT(peer_pong(peer, start_us));
	CU_ASSERT(peer_rtt_us(peer) > 0);
	peer_ping(peer, start_us + 60 * SECOND_US);
	CU_ASSERT(peer_pong(peer, start_us + 70 * SECOND_US));
	CU_ASSERT_EQUAL(peer_rtt_us(peer), 10 * SECOND_US);
	peer_release(peer);
	close(dialler);
}

static void a_ping_can_be_hurried_unless_one_is_outstanding(void)
{
	struct peer *peer = new_ready_peer();
	peer_ping(peer, start_us);
	peer_hurry_ping(peer, start_us + 10);
	peer_ping(peer, start_us + 10);
	EXPECT_SENT(peer, "ping");
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), start_us + 20 * SECOND_US);
	CU_ASSERT(peer_pong(peer, start_us + 20));
	peer_hurry_ping(peer, start_us + 10 + PEER_HURRY_US);
	peer_ping(peer, start_us + 10 + PEER_HURRY_US);
	EXPECT_SENT(peer, "ping");
	peer_release(peer);
}

static void a_ping_that_is_wanted_soon_is_put_off(void)
{
	struct peer *peer = new_ready_peer();
	peer_ping(peer, start_us);
	CU_ASSERT(peer_pong(peer, start_us + 5));
	peer_ping_soon(peer, start_us + 10);
	peer_ping(peer, start_us + 10);
	CU_ASSERT(peer_pong(peer, start_us + 15));
	take_all(peer);
	/* Twice in the same second: one ping, at its end, and then none for another. */
	peer_ping_soon(peer, start_us + 20);
	peer_ping_soon(peer, start_us + 30);
	CU_ASSERT_EQUAL(peer_ping(peer, start_us + 30), start_us + 10 + PEER_HURRY_US);
	EXPECT_SENT(peer, "");
	peer_ping(peer, start_us + 10 + PEER_HURRY_US);
	EXPECT_SENT(peer, "ping");
	CU_ASSERT(peer_pong(peer, start_us + 15 + PEER_HURRY_US));
	peer_hurry_ping(peer, start_us + 20 + PEER_HURRY_US);
	peer_ping(peer, start_us + 20 + PEER_HURRY_US);
	EXPECT_SENT(peer, "");
	peer_release(peer);
}

static void a_ping_is_hurried_once_in_a_while(void)
{
	static const struct {
		int64_t at_us;
		bool is_sent;
	} hurries[] = {
		{10, true},
		{20, false},
		{10 + PEER_HURRY_US - 1, false},
		{10 + PEER_HURRY_US, true},
		{10 + 2 * PEER_HURRY_US - 1, false},
	};
	struct peer *peer = new_ready_peer();
	peer_ping(peer, start_us);
	take_all(peer);
	CU_ASSERT(peer_pong(peer, start_us + 5));
	for (size_t i = 0; i < sizeof hurries / sizeof *hurries; i++) {
		int64_t now_us = start_us + hurries[i].at_us;
		peer_hurry_ping(peer, now_us);
		peer_ping(peer, now_us);
		EXPECT_SENT(peer, hurries[i].is_sent ? "ping" : "");
		CU_ASSERT(peer_pong(peer, now_us) == hurries[i].is_sent);
	}
	peer_release(peer);
}

static void a_claim_pings_like_a_hurry_and_raises_a_doubt(void)
{
	struct peer *peer = new_ready_peer();
	peer_ping(peer, start_us);
	take_all(peer);
	CU_ASSERT(peer_pong(peer, start_us + 5));
	peer_doubt(peer, start_us + 10);
	peer_ping(peer, start_us + 10);
	EXPECT_SENT(peer, "ping");
	CU_ASSERT_EQUAL(peer_doubt_us(peer), start_us + 10 + LIVENESS_DOUBT_US);
	CU_ASSERT_EQUAL(peer_doubt_again(peer, start_us + 6 * SECOND_US), start_us + 7 * SECOND_US);
	CU_ASSERT(peer_pong(peer, start_us + 6 * SECOND_US));
	CU_ASSERT_EQUAL(peer_doubt_us(peer), FOREVER_US);
	peer_doubt(peer, start_us + 7 * SECOND_US);
	peer_ping(peer, start_us + 7 * SECOND_US);
	CU_ASSERT(peer_pong(peer, start_us + 7 * SECOND_US + 5));
	/* Within PEER_HURRY_US: it has just answered. */
	peer_doubt(peer, start_us + 7 * SECOND_US + 10);
	peer_ping(peer, start_us + 7 * SECOND_US + 10);
	CU_ASSERT_EQUAL(peer_doubt_us(peer), FOREVER_US);
	EXPECT_SENT(peer, "ping");
	peer_release(peer);
}

static void a_hurry_and_a_late_pong_wake_the_pinger(void)
{
	struct peer *peer = new_ready_peer();
	int64_t deadline_us = clock_now_us() + 20 * SECOND_US;
	peer_hurry_ping(peer, start_us);
	outbox_wait(peer_outbox(peer), deadline_us);
	peer_ping(peer, start_us);
	take_all(peer);
	CU_ASSERT(peer_pong(peer, start_us + 61 * SECOND_US));
	outbox_wait(peer_outbox(peer), deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	peer_release(peer);
}

static void a_pinger_that_sleeps_past_what_is_due_is_woken(void)
{
	struct peer *peer = new_ready_peer();
	int64_t deadline_us = clock_now_us() + 20 * SECOND_US;
	peer_ping(peer, start_us);
	take_all(peer);
	CU_ASSERT(peer_pong(peer, start_us + 5));
	CU_ASSERT(peer_ping(peer, start_us + 5) > start_us + 50 * SECOND_US);
	/* The far end will ping sooner than this node would. */
	peer_note_ping(peer, SECOND_US, start_us + SECOND_US);
	outbox_wait(peer_outbox(peer), deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	/* Somebody wants a ping that is due already. */
	deadline_us = clock_now_us() + 20 * SECOND_US;
	peer_ping_soon(peer, start_us + 70 * SECOND_US);
	outbox_wait(peer_outbox(peer), deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	peer_release(peer);
}

static void other_settings_reach_a_peer_and_wake_its_pinger_for_what_comes_earlier(void)
{
	const struct settings sooner = {.ping_interval_us = 30 * SECOND_US, .ping_timeout_us = 5 * SECOND_US};
	struct peer *peer = new_peer(PEER_OUTBOUND);
	int64_t deadline_us = clock_now_us() + 20 * SECOND_US, moment_us;
	connect_peer(peer);
	peer_set_pings(peer, &sooner, start_us); /* too early: it isn't READY */
	CU_ASSERT(make_ready(peer, start_us));
	CU_ASSERT(peer_ping(peer, start_us) > start_us + 50 * SECOND_US);
	take_all(peer);
	peer_set_pings(peer, &sooner, start_us);
	outbox_wait(peer_outbox(peer), deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), start_us + 5 * SECOND_US);
	CU_ASSERT_EQUAL(peer_ping(peer, start_us), start_us + 30 * SECOND_US);
	CU_ASSERT(peer_pong(peer, start_us + 1));
	peer_set_pings(peer, &settings, start_us + 1);
	CU_ASSERT_EQUAL(peer_ping(peer, start_us + 1), start_us + 60 * SECOND_US);
	/* For what comes later nobody is woken. */
	moment_us = clock_now_us() + 20 * MS_US;
	outbox_wait(peer_outbox(peer), moment_us);
	CU_ASSERT(clock_now_us() >= moment_us);
	EXPECT_SENT(peer, "");
	peer_release(peer);
}

/* ---- the rest ---- */

static void what_a_peer_does_is_counted(void)
{
	struct peer *peer = new_ready_peer();
	peer_count_read(peer, 100, start_us + 5);
	peer_count_read(peer, 11, start_us + 7);
	peer_count_message(peer);
	peer_count_message(peer);
	peer_count_ignored(peer);
	peer_count_useless(peer, 3);
	peer_count_useless(peer, 4);
	struct peer_info info = peer_look(peer, start_us + 10);
	CU_ASSERT(info.bytes_in == 111 && info.heard_us == start_us + 7);
	CU_ASSERT(info.messages_in == 2 && info.ignored == 1 && info.useless == 7);
	peer_release(peer);
}

static struct peer *new_peer_with_socket(int *far_end)
{
	int ends[2];
	struct dial dial = {.address = address_of("127.0.0.9:40001")};
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	struct peer *peer = peer_new(PEER_INBOUND, stream_from_socket(ends[0], NULL), &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	*far_end = ends[1];
	return peer;
}

static void a_line_is_written_by_who_sends_it(void)
{
	static const char ping[] = "{\"msgtype\":\"ping\"}\n";
	char got[64] = "";
	int far_end;
	struct peer *peer = new_peer_with_socket(&far_end);
	peer_send_type(peer, MESSAGE_PING);
	CU_ASSERT_EQUAL(recv(far_end, got, sizeof got, MSG_DONTWAIT), (ssize_t)strlen(ping));
	CU_ASSERT_STRING_EQUAL(got, ping);
	CU_ASSERT_EQUAL(outbox_held_bytes(peer_outbox(peer)), 0);
	CU_ASSERT_EQUAL(peer_look(peer, start_us).bytes_out, (int64_t)strlen(ping));
	/* Not while another thread has the turn: that will write it. */
	CU_ASSERT(outbox_take_turn(peer_outbox(peer)));
	peer_send_type(peer, MESSAGE_PING);
	CU_ASSERT_EQUAL(recv(far_end, got, sizeof got, MSG_DONTWAIT), -1);
	outbox_return_turn(peer_outbox(peer));
	close(far_end);
	peer_release(peer);
}

static bool count_call(void *argument)
{
	++*(int *)argument;
	return true;
}

static void what_would_block_is_left_to_the_pinger(void)
{
	int far_end, calls = 0;
	struct peer *peer = new_peer_with_socket(&far_end);
	outbox_on_call(peer_outbox(peer), count_call, &calls);
	for (int i = 0; i < OUTBOX_BYTES && calls == 0; i++)
		peer_send_type(peer, MESSAGE_PING);
	CU_ASSERT_EQUAL(calls, 1);
	CU_ASSERT(outbox_held_bytes(peer_outbox(peer)) > 0);
	CU_ASSERT_EQUAL(peer_look(peer, start_us).ending, PEER_GOES_ON);
	close(far_end);
	peer_release(peer);
}

static void who_sends_to_a_broken_connection_ends_it(void)
{
	int far_end;
	struct peer *peer = new_peer_with_socket(&far_end);
	close(far_end);
	peer_send_type(peer, MESSAGE_PING);
	CU_ASSERT_EQUAL(peer_look(peer, start_us).ending, PEER_FAILED);
	CU_ASSERT(outbox_is_closed(peer_outbox(peer)));
	peer_release(peer);
}

static void what_may_happen_so_often_happens_no_more_often(void)
{
	struct peer *peer = new_peer(PEER_INBOUND);
	struct allowance *allowance = peer_allowance(peer);
	CU_ASSERT(allowance_take_hello(allowance) && !allowance_take_hello(allowance) &&
		  !allowance_take_hello(allowance));
	CU_ASSERT(allowance_take_early_addr(allowance) && !allowance_take_early_addr(allowance));
	CU_ASSERT(peer_take_ending(peer) && !peer_take_ending(peer));
	CU_ASSERT(allowance_take_claim(allowance, start_us, SECOND_US) &&
		  allowance_take_claim(allowance, start_us, SECOND_US));
	CU_ASSERT(allowance_take_claim(allowance, start_us, SECOND_US));
	CU_ASSERT_FALSE(allowance_take_claim(allowance, start_us + SECOND_US - 1, SECOND_US));
	CU_ASSERT(allowance_take_claim(allowance, start_us + SECOND_US, SECOND_US));
	peer_release(peer);
}

static void log_lines_name_a_peer_by_what_is_known_of_it(void)
{
	char label[PEER_LABEL_BYTES];
	struct peer *peer = new_peer(PEER_OUTBOUND);
	peer_label(peer, label);
	EXPECT_TEXT(label, "127.0.0.2:5999");
	connect_peer(peer);
	CU_ASSERT(make_ready(peer, start_us));
	peer_label(peer, label);
	EXPECT_TEXT(label, "two (1a2b3c4d, 127.0.0.2:5999)");
	struct address listen = peer_dial(peer)->address;
	listen.port = 6000;
	CU_ASSERT(peer_set_listen(peer, &listen));
	peer_label(peer, label);
	EXPECT_TEXT(label, "two (1a2b3c4d, 127.0.0.2:6000)");
	peer_release(peer);

	peer = new_peer(PEER_OUTBOUND);
	connect_peer(peer);
	struct message_hello nameless = {.nodeid = nodeid_of(0x1a2b3c4d)};
	CU_ASSERT(peer_ready(peer, &nameless, &settings, &core_secret, start_us));
	peer_label(peer, label);
	EXPECT_TEXT(label, "1a2b3c4d (127.0.0.2:5999)");
	peer_release(peer);

	struct dial dial = {.host = malloc(254), .port = 65535};
	must(dial.host != NULL);
	memset(dial.host, 'x', 253);
	dial.host[253] = '\0';
	peer = peer_new(PEER_OUTBOUND, NULL, &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	peer_label(peer, label);
	CU_ASSERT_EQUAL(strspn(label, "x"), 80);
	EXPECT_TEXT(label + 80, ":65535");
	CU_ASSERT_EQUAL(strlen(peer_look(peer, start_us).host), sizeof peer_look(peer, start_us).host - 1);
	peer_release(peer);
}

static void the_journal_gets_whole_episodes_and_not_too_many(void)
{
	struct peer *peer = new_ready_peer();
	CU_ASSERT(!peer_is_late(peer) && peer_begin_late(peer, start_us) && !peer_begin_late(peer, start_us + 1));
	CU_ASSERT(peer_is_late(peer) && !peer_take_late_noted(peer));
	peer_set_late_noted(peer);
	CU_ASSERT(peer_end_late(peer) == start_us && !peer_is_late(peer) && peer_end_late(peer) == -1);
	CU_ASSERT(peer_take_late_noted(peer) && !peer_take_late_noted(peer));
	for (int i = 0; i < PEER_LATE_EVENTS; i++)
		CU_ASSERT(peer_take_late_event(peer, start_us + i * SECOND_US));
	CU_ASSERT(!peer_take_late_event(peer, start_us + PEER_LATE_EVENTS * SECOND_US));
	CU_ASSERT(peer_take_late_event(peer, start_us + (PEER_LATE_EVENT_S + 1) * SECOND_US));
	CU_ASSERT(!peer_take_late_event(peer, start_us + (PEER_LATE_EVENT_S + 2) * SECOND_US));
	peer_release(peer);
}

static CU_TestInfo tests[] = {
	{"a claim pings like a hurry and raises a doubt", a_claim_pings_like_a_hurry_and_raises_a_doubt},
	{"a line is written by who sends it", a_line_is_written_by_who_sends_it},
	{"what would block is left to the pinger", what_would_block_is_left_to_the_pinger},
	{"who sends to a broken connection ends it", who_sends_to_a_broken_connection_ends_it},
	{"a connection is dialled, then shakes hands, then is ready",
	 a_connection_is_dialled_then_shakes_hands_then_is_ready},
	{"the last release closes the descriptor", the_last_release_closes_the_descriptor},
	{"a peer that was closed meanwhile goes no further", a_peer_that_was_closed_meanwhile_goes_no_further},
	{"the bye is the last line", the_bye_is_the_last_line},
	{"the first ending counts", the_first_ending_counts},
	{"a close is a failure where the peer did not do its part",
	 a_close_is_a_failure_where_the_peer_did_not_do_its_part},
	{"a long reason of an end is cut", a_long_reason_of_an_end_is_cut},
	{"a peer that takes nothing is closed as slow", a_peer_that_takes_nothing_is_closed_as_slow},
	{"a connection is shut at once where a bye is in vain", a_connection_is_shut_at_once_where_a_bye_is_in_vain},
	{"a peer remembers the last thousand addresses", a_peer_remembers_the_last_thousand_addresses},
	{"a new listening address is told from the same one", a_new_listening_address_is_told_from_the_same_one},
	{"a ping is sent when it is due, and not twice", a_ping_is_sent_when_it_is_due_and_not_twice},
	{"a ping is hurried once in a while", a_ping_is_hurried_once_in_a_while},
	{"a ping that is wanted soon is put off, once", a_ping_that_is_wanted_soon_is_put_off},
	{"a ping says when the next comes", a_ping_says_when_the_next_comes},
	{"the moment of a ping is unpredictable", the_moment_of_a_ping_is_unpredictable},
	{"nobody seems nearer than the kernel has found", nobody_seems_nearer_than_the_kernel_has_found},
	{"a ping can be hurried unless one is outstanding", a_ping_can_be_hurried_unless_one_is_outstanding},
	{"a hurry and a late pong wake the pinger", a_hurry_and_a_late_pong_wake_the_pinger},
	{"a pinger that sleeps past what is due is woken", a_pinger_that_sleeps_past_what_is_due_is_woken},
	{"other settings reach a peer, and wake its pinger for what comes earlier",
	 other_settings_reach_a_peer_and_wake_its_pinger_for_what_comes_earlier},
	{"what a peer does is counted", what_a_peer_does_is_counted},
	{"what may happen so often happens no more often", what_may_happen_so_often_happens_no_more_often},
	{"log lines name a peer by what is known of it", log_lines_name_a_peer_by_what_is_known_of_it},
	{"the journal gets whole episodes of being late, and not too many",
	 the_journal_gets_whole_episodes_and_not_too_many},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_peer = {.pName = "peer", .pTests = tests};

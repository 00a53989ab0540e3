#include "talk/announcer.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

/* An announcement's wait later, what waits is sent. */
static void let_announce(struct core *core)
{
	core->now_us += ANNOUNCER_DELAY_US;
	CU_ASSERT(protocol_run_timers(core->protocol, core->now_us, 0) > core->now_us + ANNOUNCER_DELAY_US);
}

/* Node NUMBER from 127.0.0.NUMBER, which listens on port 5999 there, or (listen 0) doesn't say where. */
static struct peer *meet(struct core *core, unsigned number, unsigned listen)
{
	char remote[ADDRESS_TEXT_BYTES];
	snprintf(remote, sizeof remote, "127.0.%u.%u:40000", number / 250, number % 250);
	return core_meet(core, number, remote, listen);
}

static void start(struct core *core)
{
	core_init(core, 1, "127.0.0.1:5999");
	core_start(core);
}

static void a_new_peer_is_announced_to_the_others_and_not_to_itself(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 5999), *three = meet(&core, 3, 0);
	let_announce(&core);
	EXPECT_SENT(two, "");
	EXPECT_SENT(three, "addr(127.0.0.2:5999=2)");
	struct peer *four = meet(&core, 4, 5999);
	let_announce(&core);
	EXPECT_SENT(two, "addr(127.0.0.4:5999=4)");
	EXPECT_SENT(three, "addr(127.0.0.4:5999=4)");
	EXPECT_SENT(four, "");
	core_fini(&core);
}

static void a_peer_that_was_dialled_is_announced_too(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 0);
	struct peer *three = core_reach(&core, 3, "127.0.0.3:5999");
	let_announce(&core);
	EXPECT_SENT(two, "addr(127.0.0.3:5999=3)");
	EXPECT_SENT(three, "");
	core_fini(&core);
}

static void announcements_within_ten_milliseconds_travel_as_one(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 0);
	int64_t start_us = core.now_us;
	meet(&core, 3, 5999);
	CU_ASSERT_EQUAL(protocol_run_timers(core.protocol, core.now_us, 0), start_us + 10 * MS_US);
	core.now_us = start_us + 9999;
	meet(&core, 4, 5999);
	CU_ASSERT_EQUAL(protocol_run_timers(core.protocol, core.now_us, 0), start_us + 10 * MS_US);
	EXPECT_SENT(two, "");
	core.now_us = start_us + 10 * MS_US;
	CU_ASSERT(protocol_run_timers(core.protocol, core.now_us, 0) >= start_us + 3600 * SECOND_US);
	EXPECT_SENT(two, "addr(127.0.0.3:5999=3 127.0.0.4:5999=4)");
	meet(&core, 5, 5999);
	CU_ASSERT_EQUAL(protocol_run_timers(core.protocol, core.now_us, 0), start_us + 20 * MS_US);
	let_announce(&core);
	EXPECT_SENT(two, "addr(127.0.0.5:5999=5)");
	core_fini(&core);
}

static void very_many_announcements_travel_as_one_too(void)
{
	struct core core;
	struct peer *two;
	const char *line;
	int lines = 0, entries = 0;
	start(&core);
	two = meet(&core, 2, 0);
	for (unsigned number = 3; number < 53; number++)
		meet(&core, number, 5999);
	let_announce(&core);
	for (; (line = take_line(two)) != NULL; lines++)
		for (const char *at = line; (at = strstr(at, ":5999")) != NULL; at++)
			entries++;
	CU_ASSERT_EQUAL(entries, 50);
	CU_ASSERT_EQUAL(lines, 1);
	core_fini(&core);
}

static void an_address_is_told_to_a_peer_once(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 0), *three = meet(&core, 3, 5999);
	let_announce(&core);
	EXPECT_SENT(two, "addr(127.0.0.3:5999=3)");
	core_end(&core, three);
	meet(&core, 3, 5999);
	let_announce(&core);
	EXPECT_SENT(two, "");
	struct peer *four = meet(&core, 4, 5999);
	core_say(&core, two, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(two, "addr(127.0.0.3:5999=3 127.0.0.4:5999=4)");
	let_announce(&core);
	EXPECT_SENT(two, "");
	EXPECT_SENT(four, "");
	core_fini(&core);
}

static void the_teller_of_an_address_is_not_told_of_it(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 0), *three = meet(&core, 3, 0);
	core_say(&core, two, "{'msgtype': 'addr', 'peers': [['127.0.0.4:5999', '%s']]}", nodeid_text(4));
	struct peer *four = core_dial_next(&core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(four);
	core_say_hello(&core, four, 4, 0);
	let_announce(&core);
	EXPECT_SENT(two, "");
	EXPECT_SENT(three, "addr(127.0.0.4:5999=4)");
	core_fini(&core);
}

static void a_peer_is_announced_when_it_was_found_where_it_says_that_it_listens(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 0), *three = meet(&core, 3, 0);
	let_announce(&core);
	EXPECT_SENT(two, "");
	core_say(&core, three, "{'msgtype': 'addr', 'peers': ['127.0.0.3:6000']}");
	let_announce(&core);
	EXPECT_SENT(two, "");
	five_prove(&core, 3);
	let_announce(&core);
	EXPECT_SENT(two, "addr(127.0.0.3:6000=3)");
	core_say(&core, three, "{'msgtype': 'addr', 'peers': [['127.0.0.3:6000', '%s']]}", nodeid_text(3));
	let_announce(&core);
	EXPECT_SENT(two, "");
	core_say(&core, three, "{'msgtype': 'addr', 'peers': [['127.0.0.3:7000', '%s']]}", nodeid_text(3));
	five_prove(&core, 3);
	let_announce(&core);
	EXPECT_SENT(two, "addr(127.0.0.3:7000=3)");
	EXPECT_SENT(three, "");
	core_fini(&core);
}

static void a_peer_that_has_left_meanwhile_is_not_announced(void)
{
	struct core core;
	start(&core);
	struct peer *two = meet(&core, 2, 0), *three = meet(&core, 3, 5999), *four = meet(&core, 4, 5999);
	core_say(&core, three, "{'msgtype': 'bye', 'reason': 'shutdown'}");
	core_end(&core, three);
	peer_close(four, BYE_TIMEOUT);
	let_announce(&core);
	EXPECT_SENT(two, "");
	core_fini(&core);
}

static void a_peer_that_shakes_hands_or_closes_is_told_nothing(void)
{
	struct core core;
	start(&core);
	struct peer *shaking = core_accept(&core, "127.0.0.2:40000"), *closing = meet(&core, 3, 0);
	meet(&core, 4, 5999);
	peer_close(closing, BYE_TIMEOUT);
	let_announce(&core);
	EXPECT_SENT(shaking, "");
	EXPECT_SENT(closing, "bye(timeout)");
	core_fini(&core);
}

static void an_address_is_announced_only_where_it_means_something(void)
{
	struct core core;
	core_init(&core, 1, "0.0.0.0:5999");
	core_start(&core);
	static const char *const ends[][2] = {
		{"127.0.0.1:5999", "127.0.0.2:1"}, {"10.0.0.1:5999", "10.0.0.2:1"}, {"8.8.0.1:5999", "8.8.0.2:1"}};
	static const char *const listens[][2] = {
		{"127.0.0.1:5999", "127.0.0.3:1"}, {"10.0.0.1:5999", "10.0.0.3:1"}, {"8.8.0.1:5999", "8.8.0.3:1"}};
	struct peer *peers[3];
	for (unsigned i = 0; i < 3; i++) {
		peers[i] = core_connect(&core, PEER_INBOUND, NULL, ends[i][0], ends[i][1]);
		core_say_hello(&core, peers[i], 20 + i, 0);
		take_all(peers[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		core_say_hello(&core, core_connect(&core, PEER_INBOUND, NULL, listens[i][0], listens[i][1]), 30 + i,
			       5999);
		five_prove(&core, 30 + i);
	}
	let_announce(&core);
	EXPECT_SENT(peers[0], "addr(10.0.0.3:5999=31 127.0.0.3:5999=30 8.8.0.3:5999=32)");
	EXPECT_SENT(peers[1], "addr(10.0.0.3:5999=31 8.8.0.3:5999=32)");
	EXPECT_SENT(peers[2], "addr(8.8.0.3:5999=32)");
	core_fini(&core);
}

/* How many of the peers with these numbers were told; each of them once at most. */
static size_t count_told(struct peer **peers, size_t count)
{
	size_t told = 0;
	for (size_t i = 0; i < count; i++) {
		const char *words = take_all(peers[i]);
		told += strcmp(words, "") != 0;
	}
	return told;
}

static void above_sixty_four_peers_an_announcement_goes_to_a_random_choice(void)
{
	static struct peer *peers[100];
	bool was_told[100] = {false};
	struct core core;
	size_t ever_told = 0;
	start(&core);
	for (unsigned i = 0; i < 63; i++)
		peers[i] = meet(&core, 10 + i, 0);
	meet(&core, 200, 5999);
	let_announce(&core);
	CU_ASSERT_EQUAL(count_told(peers, 63), 63);
	for (unsigned i = 63; i < 100; i++)
		peers[i] = meet(&core, 10 + i, 0);
	for (unsigned turn = 0; turn < 20; turn++) {
		size_t told = 0;
		core_end(&core, meet(&core, 300 + turn, 0));
		struct peer *announced = meet(&core, 300 + turn, 6000 + turn);
		let_announce(&core);
		for (size_t i = 0; i < 100; i++) {
			bool is_told = count_told(&peers[i], 1) == 1;
			ever_told += is_told && !was_told[i];
			was_told[i] = was_told[i] || is_told;
			told += is_told;
		}
		/* One of the choice may be the peer itself, or the one that was announced first. */
		EXPECT(told <= 64 && told >= 62, "turn %u: %zu", turn, told);
		core_end(&core, announced);
	}
	CU_ASSERT_EQUAL(ever_told, 100);
	core_fini(&core);
}

static void an_announcement_rings_the_alarm(void)
{
	struct core core;
	start(&core);
	alarm_wait_until(&core.alarm, 1);
	meet(&core, 2, 5999);
	CU_ASSERT(core.alarm.ringing);
	core_fini(&core);
}

static void announcements_that_wait_at_the_end_are_freed(void)
{
	struct core core;
	start(&core);
	meet(&core, 2, 5999);
	meet(&core, 3, 5999);
	core_fini(&core);
}

/* One that does not keep up would find its pings, and this node's, behind the news. */
static void who_answers_no_ping_is_told_so_much_and_no_more(void)
{
	enum { NEWCOMERS = 3 * PEER_NEWS };
	struct core core;
	start(&core);
	struct peer *quick = meet(&core, 2, 0), *slow = meet(&core, 3, 0);
	core_say(&core, slow, "{'msgtype': 'pong'}");
	size_t to_quick = 0, to_slow = 0, hurried = 0;
	core_say(&core, quick, "{'msgtype': 'pong'}");
	for (unsigned i = 0; i < NEWCOMERS; i++) {
		struct peer *newcomer = meet(&core, 10 + i, 5999);
		let_announce(&core);
		/* The pingers' work. */
		peer_ping(quick, core.now_us);
		peer_ping(slow, core.now_us);
		const char *to = take_all(quick);
		to_quick += strstr(to, "addr(") != NULL;
		if (strstr(to, "ping") != NULL)
			core_say(&core, quick, "{'msgtype': 'pong'}");
		const char *sent = take_all(slow);
		to_slow += strstr(sent, "addr(") != NULL;
		hurried += strstr(sent, "ping") != NULL;
		core_end(&core, newcomer);
	}
	EXPECT(to_slow == PEER_NEWS && hurried == 1, "%zu messages, %zu pings", to_slow, hurried);
	core_say(&core, slow, "{'msgtype': 'pong'}");
	meet(&core, 10 + NEWCOMERS, 5999);
	let_announce(&core);
	CU_ASSERT(strstr(take_all(slow), "addr(") != NULL);
	EXPECT(to_quick == NEWCOMERS, "%zu messages", to_quick);
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"a new peer is announced to the others and not to itself",
	 a_new_peer_is_announced_to_the_others_and_not_to_itself},
	{"a peer that was dialled is announced too", a_peer_that_was_dialled_is_announced_too},
	{"announcements within ten milliseconds travel as one", announcements_within_ten_milliseconds_travel_as_one},
	{"very many announcements travel as one too", very_many_announcements_travel_as_one_too},
	{"an address is told to a peer once", an_address_is_told_to_a_peer_once},
	{"the teller of an address is not told of it", the_teller_of_an_address_is_not_told_of_it},
	{"a peer is announced when it was found where it says that it listens",
	 a_peer_is_announced_when_it_was_found_where_it_says_that_it_listens},
	{"a peer that has left meanwhile is not announced", a_peer_that_has_left_meanwhile_is_not_announced},
	{"a peer that shakes hands or closes is told nothing", a_peer_that_shakes_hands_or_closes_is_told_nothing},
	{"an address is announced only where it means something",
	 an_address_is_announced_only_where_it_means_something},
	{"above 64 peers an announcement goes to a random choice of 64",
	 above_sixty_four_peers_an_announcement_goes_to_a_random_choice},
	{"an announcement rings the alarm", an_announcement_rings_the_alarm},
	{"announcements that wait at the end are freed", announcements_that_wait_at_the_end_are_freed},
	{"who answers no ping is told so much and no more", who_answers_no_ping_is_told_so_much_and_no_more},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_announcer = {
	.pName = "announcer", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};

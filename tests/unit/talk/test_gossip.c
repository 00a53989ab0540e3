#include "talk/gossip.h"

#include <stdio.h>
#include <string.h>

#include "book/targets.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { LISTENERS = 12 };

#define HOUR_US (3600 * SECOND_US)

/* A node with a peer that tells of others, and some that listen. None of them says where it can be dialled. */
struct circle {
	struct core core;
	struct peer *teller;
	struct peer *listeners[LISTENERS];
	size_t count;
	unsigned met; /* peers so far, to give each a nodeid */
};

static struct peer *meet(struct circle *circle)
{
	char remote[ADDRESS_TEXT_BYTES];
	unsigned number = 2 + circle->met++;
	snprintf(remote, sizeof remote, "127.0.%u.%u:40000", number / 250, number % 250 + 1);
	return core_meet(&circle->core, number, remote, 0);
}

static void gather(struct circle *circle, size_t listeners)
{
	circle->count = listeners;
	circle->teller = meet(circle);
	for (size_t i = 0; i < listeners; i++)
		circle->listeners[i] = meet(circle);
}

static void start(struct circle *circle, size_t listeners)
{
	*circle = (struct circle){.count = 0};
	core_init(&circle->core, 1, "127.0.0.1:5999");
	core_start(&circle->core);
	gather(circle, listeners);
}

static void end(struct circle *circle)
{
	core_fini(&circle->core);
}

/* The same node with other peers, which know nothing. */
static void gather_others(struct circle *circle)
{
	core_end(&circle->core, circle->teller);
	for (size_t i = 0; i < circle->count; i++)
		core_end(&circle->core, circle->listeners[i]);
	gather(circle, circle->count);
}

/* Tells of 127.1.FIRST.1 and so many after it in one message; each is node 100000 and its number. */
static void tell_by(struct circle *circle, struct peer *teller, unsigned first, unsigned count)
{
	char words[16 * 80];
	size_t used = 0;
	for (unsigned i = first; i < first + count; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s['127.%u.%u.1:5999', '%s']",
					 i == first ? "" : ", ", 1 + i / 250, i % 250 + 1, nodeid_text(100000 + i));
	core_say(&circle->core, teller, "{'msgtype': 'addr', 'peers': [%s]}", words);
}

static void tell(struct circle *circle, unsigned first, unsigned count)
{
	tell_by(circle, circle->teller, first, count);
}

static int64_t run(struct circle *circle)
{
	return protocol_run_timers(circle->core.protocol, circle->core.now_us, 0);
}

/* What was told is passed on. */
static void let_pass(struct circle *circle)
{
	circle->core.now_us += GOSSIP_DELAY_US;
	run(circle);
}

/* How many entries wait for the peer, in messages of at most GOSSIP_ENTRIES. */
static size_t count_entries(struct peer *peer)
{
	const char *line;
	size_t count = 0;
	while ((line = take_line(peer)) != NULL) {
		size_t entries = 0;
		/* What the node says of itself once a day. */
		if (strstr(line, "\"127.0.0.1:5999\"") != NULL)
			continue;
		for (const char *at = line; (at = strstr(at, ":5999")) != NULL; at++)
			entries++;
		EXPECT(entries > 0 && entries <= GOSSIP_ENTRIES, "%s", line);
		count += entries;
	}
	return count;
}

static size_t count_passed_on(struct circle *circle)
{
	size_t count = 0;
	for (size_t i = 0; i < circle->count; i++)
		count += count_entries(circle->listeners[i]);
	return count;
}

static void what_is_new_is_passed_on_a_second_later(void)
{
	struct circle circle;
	start(&circle, 1);
	int64_t start_us = circle.core.now_us;
	tell(&circle, 1, 1);
	CU_ASSERT_EQUAL(run(&circle), start_us + GOSSIP_DELAY_US);
	circle.core.now_us += GOSSIP_DELAY_US - 1;
	tell(&circle, 2, 1);
	CU_ASSERT_EQUAL(run(&circle), start_us + GOSSIP_DELAY_US);
	EXPECT_SENT(circle.listeners[0], "");
	circle.core.now_us += 1;
	CU_ASSERT(run(&circle) >= start_us + HOUR_US);
	EXPECT_SENT(circle.listeners[0], "addr(127.1.2.1:5999=100001 127.1.3.1:5999=100002)");
	let_pass(&circle);
	EXPECT_SENT(circle.listeners[0], "");
	EXPECT_SENT(circle.teller, "");
	end(&circle);
}

/* Of the two, one may be the teller, who knows it. */
static void each_address_goes_to_two_peers(void)
{
	struct circle circle;
	size_t passed_on = 0, listeners = 0;
	bool was_told[LISTENERS] = {false};
	start(&circle, LISTENERS);
	for (unsigned i = 0; i < 100; i++) {
		size_t told = 0;
		tell(&circle, i, 1);
		let_pass(&circle);
		for (size_t j = 0; j < LISTENERS; j++) {
			size_t count = count_entries(circle.listeners[j]);
			told += count;
			listeners += count > 0 && !was_told[j];
			was_told[j] = was_told[j] || count > 0;
		}
		EXPECT(told == 1 || told == GOSSIP_TARGETS, "address %u: %zu", i, told);
		passed_on += told;
		EXPECT_SENT(circle.teller, "");
	}
	EXPECT(passed_on > 170, "%zu", passed_on);
	CU_ASSERT_EQUAL(listeners, LISTENERS);
	end(&circle);
}

/* Who is told of the 100 addresses, as a number. */
static uint64_t choices_of_a_day(int64_t day)
{
	struct circle circle;
	uint64_t hash = 0;
	start(&circle, LISTENERS);
	circle.core.now_us = day * 24 * HOUR_US;
	for (unsigned i = 0; i < 100; i++) {
		tell(&circle, i, 1);
		let_pass(&circle);
		for (size_t j = 0; j < LISTENERS; j++)
			hash = hash * 31 + count_entries(circle.listeners[j]);
	}
	end(&circle);
	return hash;
}

static void the_choice_of_listeners_changes_once_a_day(void)
{
	uint64_t choices = choices_of_a_day(5);
	CU_ASSERT_EQUAL(choices_of_a_day(5), choices);
	CU_ASSERT_NOT_EQUAL(choices_of_a_day(6), choices);
}

static void a_peer_that_knows_the_address_is_not_told(void)
{
	struct circle circle;
	start(&circle, 2);
	tell(&circle, 1, 1);
	tell_by(&circle, circle.listeners[0], 1, 1);
	tell_by(&circle, circle.listeners[1], 1, 1);
	let_pass(&circle);
	EXPECT_SENT(circle.teller, "");
	CU_ASSERT_EQUAL(count_passed_on(&circle), 0);
	end(&circle);
}

static void a_peer_is_not_told_again_when_the_node_connects(void)
{
	struct circle circle;
	start(&circle, 1);
	tell(&circle, 1, 1);
	let_pass(&circle);
	EXPECT_SENT(circle.listeners[0], "addr(127.1.2.1:5999=100001)");
	struct peer *newcomer = meet(&circle);
	core_meet(&circle.core, 100001, "127.1.2.1:40000", 5999);
	let_pass(&circle);
	EXPECT_SENT(circle.listeners[0], "");
	EXPECT_SENT(newcomer, "addr(127.1.2.1:5999=100001)");
	end(&circle);
}

/* The address book, which has nothing to dial, doesn't ring it. */
static void gossip_rings_the_alarm(void)
{
	struct circle circle;
	start(&circle, 1);
	struct address address = address_of("127.0.0.8:5999");
	struct message_entry entry = {.address = address};
	address_book_hear(circle.core.book, &entry, 1, &address, circle.core.now_us);
	alarm_wait_until(&circle.core.alarm, 1);
	core_say(&circle.core, circle.teller, "{'msgtype': 'addr', 'peers': [['127.0.0.8:5999', '%s']]}",
		 nodeid_text(3));
	CU_ASSERT(circle.core.alarm.ringing);
	end(&circle);
}

static void nobody_is_told_of_itself(void)
{
	struct circle circle;
	start(&circle, 1);
	core_say(&circle.core, circle.teller, "{'msgtype': 'addr', 'peers': [['127.0.0.8:5999', '%s']]}",
		 nodeid_text(3));
	core_say(&circle.core, circle.teller, "{'msgtype': 'addr', 'peers': [['127.0.0.9:5999', '%s']]}",
		 nodeid_text(9));
	let_pass(&circle);
	EXPECT_SENT(circle.listeners[0], "addr(127.0.0.9:5999=9)");
	end(&circle);
}

static void what_was_passed_on_within_23_hours_is_not_passed_on(void)
{
	static const struct {
		int64_t after_us;
		bool is_passed_on;
	} cases[] = {
		{SECOND_US, false}, {12 * HOUR_US, false}, {23 * HOUR_US - SECOND_US, false}, {23 * HOUR_US, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct circle circle;
		start(&circle, 2);
		tell(&circle, 1, 1);
		let_pass(&circle);
		CU_ASSERT(count_passed_on(&circle) > 0);
		circle.core.now_us += cases[i].after_us - GOSSIP_DELAY_US;
		gather_others(&circle);
		tell(&circle, 1, 1);
		let_pass(&circle);
		EXPECT((count_passed_on(&circle) > 0) == cases[i].is_passed_on, "case %zu", i);
		end(&circle);
	}
}

/* Others repeat it after seconds and after hours, and it does not come at the same time each day. The teller may be one
 * of the two who are told. */
static void a_node_that_tells_its_address_every_day_is_passed_on_every_day(void)
{
	static const int64_t echoes_us[] = {3 * SECOND_US, HOUR_US, 12 * HOUR_US, 22 * HOUR_US};
	static const int64_t days_us[] = {24 * HOUR_US, 24 * HOUR_US - 5 * SECOND_US, 24 * HOUR_US + HOUR_US / 2};
	struct circle circle;
	start(&circle, 2);
	struct peer *peer = core_meet(&circle.core, 500, "127.1.0.5:40000", 5999);
	for (size_t day = 0; day < 6; day++) {
		int64_t begin_us = circle.core.now_us;
		core_say(&circle.core, peer, "{'msgtype': 'addr', 'peers': [['127.1.0.5:5999', '%s']]}",
			 nodeid_text(500));
		let_pass(&circle);
		EXPECT(count_passed_on(&circle) > 0, "day %zu", day);
		for (size_t i = 0; i < sizeof echoes_us / sizeof *echoes_us; i++) {
			circle.core.now_us = begin_us + echoes_us[i];
			gather_others(&circle);
			core_say(&circle.core, circle.teller,
				 "{'msgtype': 'addr', 'peers': [['127.1.0.5:5999', '%s']]}", nodeid_text(500));
			let_pass(&circle);
			EXPECT(count_passed_on(&circle) == 0, "day %zu, echo %zu", day, i);
		}
		circle.core.now_us = begin_us + days_us[day % 3];
		gather_others(&circle);
	}
	end(&circle);
}

static void what_the_address_book_has_forgotten_is_not_passed_on_again(void)
{
	struct circle circle;
	start(&circle, 2);
	tell(&circle, 1, 1);
	let_pass(&circle);
	CU_ASSERT(count_passed_on(&circle) > 0);
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES; i++) {
		struct peer *dialled = core_dial_next(&circle.core);
		CU_ASSERT_PTR_NOT_NULL_FATAL(dialled);
		core_end(&circle.core, dialled);
		circle.core.now_us += TARGETS_PATIENCE * circle.core.settings.retry_max_us;
	}
	CU_ASSERT_EQUAL(address_book_count(circle.core.book), 0);
	gather_others(&circle);
	tell(&circle, 1, 1);
	CU_ASSERT_EQUAL(address_book_count(circle.core.book), 1);
	let_pass(&circle);
	CU_ASSERT_EQUAL(count_passed_on(&circle), 0);
	end(&circle);
}

static void more_than_ten_are_an_answer_and_not_passed_on(void)
{
	struct circle circle;
	start(&circle, 2);
	tell(&circle, 0, GOSSIP_ENTRIES + 1);
	let_pass(&circle);
	CU_ASSERT_EQUAL(count_passed_on(&circle), 0);
	/* Nor does an answer keep the gossip of others from being passed on. */
	tell_by(&circle, circle.listeners[0], 0, GOSSIP_ENTRIES);
	let_pass(&circle);
	CU_ASSERT_EQUAL(count_passed_on(&circle), GOSSIP_ENTRIES);
	end(&circle);
}

/* What counts is what was told, not what of it is worth something. */
static void more_than_ten_are_an_answer_even_if_few_of_them_are_of_use(void)
{
	/* The last one is of this node itself. */
	static const char *const useless[] = {"'rubbish'", "'127.1.1.1:0'", "'224.0.0.1:5999'",
					      "['127.0.0.9:5999', '00000001-0000-4000-8000-000000000000']"};
	for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
		struct circle circle;
		char words[1024];
		size_t used = (size_t)snprintf(words, sizeof words, "'127.1.0.1:5999'");
		start(&circle, 2);
		for (int j = 0; j < GOSSIP_ENTRIES; j++)
			used += (size_t)snprintf(words + used, sizeof words - used, ", %s", useless[i]);
		core_say(&circle.core, circle.teller, "{'msgtype': 'addr', 'peers': [%s]}", words);
		let_pass(&circle);
		EXPECT(count_passed_on(&circle) == 0, "%s", useless[i]);
		end(&circle);
	}
}

static void a_message_has_ten_entries_at_most(void)
{
	struct circle circle;
	start(&circle, 1);
	for (unsigned i = 0; i < 5; i++)
		tell(&circle, 7 * i, 7);
	let_pass(&circle);
	for (unsigned i = 0; i < 4; i++) {
		const char *line = take_line(circle.listeners[0]);
		size_t entries = 0;
		for (const char *at = line; at != NULL && (at = strstr(at, ":5999")) != NULL; at++)
			entries++;
		EXPECT(entries == (i < 3 ? 10 : 5), "line %u: %zu", i, entries);
	}
	CU_ASSERT_PTR_NULL(take_line(circle.listeners[0]));
	end(&circle);
}

static void an_address_is_passed_on_only_where_it_means_something(void)
{
	struct core core;
	static const char *const ends[][2] = {
		{"127.0.0.1:5999", "127.0.0.2:1"}, {"10.0.0.1:5999", "10.0.0.2:1"}, {"8.8.0.1:5999", "8.8.0.2:1"}};
	static const char *const passed_on[] = {"addr(10.0.0.9:5999=0 127.0.0.9:5999=0 8.8.8.9:5999=0)",
						"addr(10.0.0.9:5999=0 8.8.8.9:5999=0)", "addr(8.8.8.9:5999=0)"};
	for (unsigned i = 0; i < 3; i++) {
		core_init(&core, 1, "0.0.0.0:5999");
		core_start(&core);
		struct peer *teller = core_connect(&core, PEER_INBOUND, NULL, "127.0.0.1:5999", "127.0.0.3:1");
		core_say_hello(&core, teller, 20, 0);
		struct peer *listener = core_connect(&core, PEER_INBOUND, NULL, ends[i][0], ends[i][1]);
		core_say_hello(&core, listener, 21, 0);
		take_all(listener);
		core_say(&core, teller,
			 "{'msgtype': 'addr', 'peers': ['127.0.0.9:5999', '10.0.0.9:5999', '8.8.8.9:5999']}");
		core.now_us += GOSSIP_DELAY_US;
		protocol_run_timers(core.protocol, core.now_us, 0);
		EXPECT_SENT(listener, passed_on[i]);
		core_fini(&core);
	}
}

/* As `meet`, from the only host of a network. */
static struct peer *meet_in(struct circle *circle, unsigned network)
{
	char remote[ADDRESS_TEXT_BYTES];
	snprintf(remote, sizeof remote, "127.9.%u.1:40000", network);
	return core_meet(&circle->core, 2 + circle->met++, remote, 0);
}

/* The queue is full of what five hosts have told: another one gets as many places, not what is left. */
static void of_a_thousand_that_wait_each_teller_has_its_share(void)
{
	enum { TELLERS = 5, EACH = 240, HONEST = 100, FIRST = TELLERS * EACH };
	struct circle circle;
	start(&circle, 1);
	for (unsigned i = 0; i < TELLERS; i++) {
		struct peer *teller = meet_in(&circle, i);
		for (unsigned j = 0; j < EACH; j += GOSSIP_ENTRIES)
			tell_by(&circle, teller, i * EACH + j, GOSSIP_ENTRIES);
		core_end(&circle.core, teller);
	}
	struct peer *honest = meet_in(&circle, TELLERS);
	for (unsigned j = 0; j < HONEST; j += GOSSIP_ENTRIES)
		tell_by(&circle, honest, FIRST + j, GOSSIP_ENTRIES);
	core_end(&circle.core, honest);
	let_pass(&circle);
	CU_ASSERT_EQUAL(count_passed_on(&circle), GOSSIP_WAITING);
	core_say(&circle.core, circle.listeners[0], "{'msgtype': 'pong'}");
	/* All of the honest one's, the first of the others', and what was dropped does not count as passed on. */
	tell(&circle, FIRST, GOSSIP_ENTRIES);
	tell(&circle, FIRST + HONEST - GOSSIP_ENTRIES, GOSSIP_ENTRIES);
	tell(&circle, 0, GOSSIP_ENTRIES);
	let_pass(&circle);
	CU_ASSERT_EQUAL(count_passed_on(&circle), 0);
	tell(&circle, EACH - GOSSIP_ENTRIES, GOSSIP_ENTRIES);
	let_pass(&circle);
	CU_ASSERT_EQUAL(count_passed_on(&circle), GOSSIP_ENTRIES);
	end(&circle);
}

/* Ports of one host, and hosts of one network, where this node has met nobody. */
static void of_a_third_party_few_addresses_are_passed_on(void)
{
	struct circle circle;
	start(&circle, 1);
	for (unsigned i = 0; i < 40; i++)
		core_say(&circle.core, circle.teller, "{'msgtype': 'addr', 'peers': ['127.8.8.8:%u', '127.8.9.%u:1']}",
			 5999 + i, 1 + i);
	let_pass(&circle);
	const char *sent = take_all(circle.listeners[0]);
	size_t ports = 0, hosts = 0;
	for (const char *at = sent; (at = strstr(at, "127.8.8.8:")) != NULL; at++)
		ports++;
	for (const char *at = sent; (at = strstr(at, "127.8.9.")) != NULL; at++)
		hosts++;
	CU_ASSERT_EQUAL(ports, TARGETS_HOST_TOLD);
	CU_ASSERT_EQUAL(hosts, TARGETS_NETWORK_TOLD);
	end(&circle);
}

/* All that the host has told: `count` new addresses from `first` on. Returns how many of them were passed on. */
static size_t flood(struct circle *circle, struct peer *teller, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i += GOSSIP_ENTRIES)
		tell_by(circle, teller, first + i, GOSSIP_ENTRIES);
	let_pass(circle);
	return count_passed_on(circle);
}

/* What peers hear from this node is bounded, and no host may use it up. */
static void a_host_has_250_passed_on_however_often_it_comes(void)
{
	struct circle circle;
	start(&circle, 1);
	CU_ASSERT_EQUAL(flood(&circle, circle.teller, 0, 400), 250);
	/* What was dropped is passed on when another host tells it. */
	CU_ASSERT_EQUAL(flood(&circle, circle.listeners[0], 300, 20), 0);
	struct peer *other = meet_in(&circle, 1);
	CU_ASSERT_EQUAL(flood(&circle, other, 380, 20), 20);
	core_end(&circle.core, circle.teller);
	circle.teller = core_meet(&circle.core, 2, "127.0.0.3:40001", 0);
	CU_ASSERT_EQUAL(flood(&circle, circle.teller, 400, 40), 0);
	circle.core.now_us += HOUR_US;
	CU_ASSERT_EQUAL(flood(&circle, circle.teller, 500, 200), 90);
	/* What is known, or is not passed on for another reason, costs nothing. */
	circle.core.now_us += HOUR_US;
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(flood(&circle, circle.teller, 0, 200), 0);
	CU_ASSERT_EQUAL(flood(&circle, circle.teller, 700, 200), 90);
	end(&circle);
}

static void what_waits_at_the_end_is_freed(void)
{
	struct circle circle;
	start(&circle, 1);
	tell(&circle, 1, 5);
	end(&circle);
}

static CU_TestInfo tests[] = {
	{"what is new is passed on a second later", what_is_new_is_passed_on_a_second_later},
	{"each address goes to two peers", each_address_goes_to_two_peers},
	{"the choice of listeners changes once a day", the_choice_of_listeners_changes_once_a_day},
	{"a peer that knows the address is not told", a_peer_that_knows_the_address_is_not_told},
	{"a peer is not told again when the node connects", a_peer_is_not_told_again_when_the_node_connects},
	{"gossip rings the alarm", gossip_rings_the_alarm},
	{"nobody is told of itself", nobody_is_told_of_itself},
	{"what was passed on within 23 hours is not passed on", what_was_passed_on_within_23_hours_is_not_passed_on},
	{"a node that tells its address every day is passed on every day",
	 a_node_that_tells_its_address_every_day_is_passed_on_every_day},
	{"what the address book has forgotten is not passed on again",
	 what_the_address_book_has_forgotten_is_not_passed_on_again},
	{"more than ten are an answer, and not passed on", more_than_ten_are_an_answer_and_not_passed_on},
	{"more than ten are an answer, even if few of them are of use",
	 more_than_ten_are_an_answer_even_if_few_of_them_are_of_use},
	{"a message has ten entries at most", a_message_has_ten_entries_at_most},
	{"an address is passed on only where it means something",
	 an_address_is_passed_on_only_where_it_means_something},
	{"of a thousand that wait each teller has its share", of_a_thousand_that_wait_each_teller_has_its_share},
	{"of a third party few addresses are passed on", of_a_third_party_few_addresses_are_passed_on},
	{"a host has 250 passed on, however often it comes", a_host_has_250_passed_on_however_often_it_comes},
	{"what waits at the end is freed", what_waits_at_the_end_is_freed},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_gossip = {
	.pName = "gossip", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};

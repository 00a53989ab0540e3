#include "book/address_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

/* ---- what comes in ---- */

static void hearsay_is_a_candidate_once(void)
{
	struct fixture fixture;
	struct dial dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.2:5999", 2));
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.2:5999", 0));
	CU_ASSERT(hear(&fixture, "127.0.0.2:6000", 0));
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	EXPECT_PICKS(&fixture, "127.0.0.2:5999 127.0.0.2:6000");
	fixture_fini(&fixture);
}

static void what_is_this_node_itself_is_never_dialled(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	struct address self = address_of("127.0.0.1:5999"), bootstrap = address_of("127.0.0.2:5999");
	fixture_init(&fixture, "127.0.0.2:5999");
	address_book_add_self(fixture.book, &self);
	address_book_add_self(fixture.book, &bootstrap);
	CU_ASSERT(address_book_is_self(fixture.book, &self));
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.1:5999", 2));
	announce(&fixture, "127.0.0.1:5999", 2);
	prove(&fixture, "127.0.0.1:5999", 2);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT(hear(&fixture, "127.0.0.1:6000", 2));
	fixture_fini(&fixture);
}

static void the_list_of_addresses_where_a_node_met_itself_is_bounded(void)
{
	struct fixture fixture;
	struct address address = address_of("10.0.0.1:1");
	fixture_init(&fixture, "");
	for (int port = 1; port <= ADDRESS_BOOK_SELVES + 1; port++) {
		address.port = (uint16_t)port;
		address_book_add_self(fixture.book, &address);
		address_book_add_self(fixture.book, &address);
		CU_ASSERT(address_book_is_self(fixture.book, &address));
	}
	address.port = 1;
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &address));
	address.port = 2;
	CU_ASSERT(address_book_is_self(fixture.book, &address));
	fixture_fini(&fixture);
}

static void what_was_advertised_before_is_an_address_like_others(void)
{
	struct fixture fixture;
	struct address first = address_of("8.8.8.8:5999"), second = address_of("8.8.4.4:5999"), none = {0};
	struct address met = address_of("10.0.0.1:5999"), bootstrap = address_of("127.0.0.2:5999");
	fixture_init(&fixture, "127.0.0.2:5999");
	address_book_set_advertised(fixture.book, &first);
	address_book_add_self(fixture.book, &met);
	address_book_add_self(fixture.book, &bootstrap);
	/* Nothing has changed. */
	address_book_set_advertised(fixture.book, &first);
	CU_ASSERT(address_book_is_self(fixture.book, &first));
	CU_ASSERT(address_book_is_self(fixture.book, &met));
	CU_ASSERT(address_book_is_self(fixture.book, &bootstrap));
	CU_ASSERT_FALSE(hear(&fixture, "8.8.8.8:5999", 7));
	address_book_set_advertised(fixture.book, &second);
	CU_ASSERT(address_book_is_self(fixture.book, &second));
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &first));
	/* Perhaps it led here by way of the first. */
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &met));
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &bootstrap));
	CU_ASSERT(hear(&fixture, "8.8.8.8:5999", 7));
	address_book_set_advertised(fixture.book, &none);
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &second));
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &none));
	fixture_fini(&fixture);
}

static void where_a_node_listens_is_not_forgotten_for_what_peers_say(void)
{
	struct fixture fixture;
	struct address own = address_of("127.0.0.1:5999"), bootstrap = address_of("127.0.0.2:5999");
	struct address address = address_of("10.0.0.1:1");
	fixture_init(&fixture, "127.0.0.2:5999");
	address_book_add_own(fixture.book, &own);
	address_book_add_self(fixture.book, &bootstrap);
	for (int port = 1; port <= 2 * ADDRESS_BOOK_SELVES; port++) {
		address.port = (uint16_t)port;
		address_book_add_self(fixture.book, &address);
	}
	CU_ASSERT(address_book_is_self(fixture.book, &own));
	CU_ASSERT(address_book_is_self(fixture.book, &bootstrap));
	fixture_fini(&fixture);
}

static void a_connected_node_is_nothing_to_dial(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	connect_node(&fixture, 2);
	connect_node(&fixture, 3);
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.3:5999", 3));
	announce(&fixture, "127.0.0.3:6000", 3);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	disconnect_node(&fixture, 2, false);
	disconnect_node(&fixture, 3, false);
	/* That this one was connected was not known to be by the address. */
	EXPECT_PICKS(&fixture, "127.0.0.2:5999");
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICKS(&fixture, "127.0.0.3:6000");
	fixture_fini(&fixture);
}

static void a_node_is_connected_until_its_last_connection_ends(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	CU_ASSERT_FALSE(address_book_is_connected(fixture.book, &two));
	connect_node(&fixture, 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	connect_node(&fixture, 2);
	disconnect_node(&fixture, 2, true);
	CU_ASSERT(address_book_is_connected(fixture.book, &two));
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 2, true);
	CU_ASSERT_FALSE(address_book_is_connected(fixture.book, &two));
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT(next_us > fixture.now_us && next_us < FOREVER_US);
	fixture_fini(&fixture);
}

/* ---- failures ---- */

static void hearsay_that_fails_three_times_is_forgotten(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	for (int i = 1; i <= ADDRESS_BOOK_NEW_FAILURES; i++) {
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fail_once(&fixture, "127.0.0.2:5999");
		fixture.now_us += fixture.settings.retry_max_us;
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	fixture_fini(&fixture);
}

static void what_was_announced_or_once_reached_is_not_forgotten_soon(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	hear(&fixture, "127.0.0.3:5999", 0);
	EXPECT_PICKS(&fixture, "127.0.0.2:5999 127.0.0.3:5999");
	reach(&fixture, &dials[1], 3);
	disconnect_node(&fixture, 3, true);
	address_book_failed(fixture.book, &dials[0], "refused", fixture.now_us);
	for (int i = 0; i < 40; i++) {
		fixture.now_us += fixture.settings.retry_max_us;
		if (strcmp(pick(&fixture, &dial, &next_us), "-") != 0)
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	fixture_fini(&fixture);
}

static void a_dial_without_a_verdict_is_no_failure_and_not_repeated_at_once(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES + 1; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		address_book_abandoned(fixture.book, &dial, fixture.now_us);
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT(is_back_off(next_us - fixture.now_us, 1));
		fixture.now_us = next_us;
	}
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 1);
	fixture_fini(&fixture);
}

static void a_dial_to_a_node_that_is_connected_another_way_is_no_failure(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 0);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

/* Two nodes dial each other, and the far end's dial stays. */
static void an_address_that_is_announced_while_it_is_dialled_is_known_to_be_its_nodes(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 0);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

/* The dial has led to a node that is connected already: the connection is closed as a duplicate. */
static void an_address_that_was_found_to_be_a_connected_nodes_is_not_dialled_again(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	address_book_found(fixture.book, &dial, &two);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 0);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 2, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

static void another_node_than_expected_replaces_the_entry(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	hear(&fixture, "127.0.0.2:6000", 2);
	EXPECT_PICK(&fixture, "-");
	reach(&fixture, &dial, 3);
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	connect_node(&fixture, 2);
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	disconnect_node(&fixture, 2, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 3, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

/* Connects and disconnects node 2; returns how long it takes until it is due. */
static int64_t reconnect(struct fixture *fixture, bool was_steady)
{
	struct dial dial;
	int64_t next_us;
	EXPECT_PICK(fixture, "127.0.0.2:5999");
	reach(fixture, &dial, 2);
	EXPECT_PICK(fixture, "-");
	disconnect_node(fixture, 2, was_steady);
	EXPECT_PICK(fixture, "-");
	return next_us - fixture->now_us;
}

static void who_comes_and_goes_is_dialled_ever_more_rarely_until_it_is_steady(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i <= 12; i++) {
		int64_t wait_us = reconnect(&fixture, false);
		EXPECT(is_back_off(wait_us, i), "%u: %lld", i, (long long)wait_us);
		fixture.now_us += wait_us;
	}
	for (int i = 0; i < 3; i++) {
		int64_t wait_us = reconnect(&fixture, true);
		EXPECT(wait_us >= SECOND_US && wait_us <= 2 * SECOND_US, "steady %d: %lld", i, (long long)wait_us);
		fixture.now_us += wait_us;
	}
	fixture_fini(&fixture);
}

/* ---- whatever happens ---- */

/* Some address of 60, in 3 groups. */
static const char *some_address(struct rng *rng)
{
	static char text[ADDRESS_TEXT_BYTES];
	snprintf(text, sizeof text, "10.%u.0.%u:5999", rng_below(rng, 3), rng_below(rng, 60) + 1);
	return text;
}

struct chaos {
	struct fixture fixture;
	struct rng rng;
	struct dial dials[MOST_PICKS];
	size_t dial_count;
	unsigned connections[10]; /* of the node with this number */
};

/* Some dial ends in some way. */
static void end_some_dial(struct chaos *chaos)
{
	struct fixture *fixture = &chaos->fixture;
	size_t which = rng_below(&chaos->rng, (uint32_t)chaos->dial_count);
	unsigned number = rng_below(&chaos->rng, 10);
	struct dial dial = chaos->dials[which];
	struct nodeid nodeid = nodeid_of(number);
	struct address address = address_of(some_address(&chaos->rng));
	uint32_t verdict = rng_below(&chaos->rng, 4);
	chaos->dials[which] = chaos->dials[--chaos->dial_count];
	if (dial.host != NULL && verdict > 0) {
		address_book_resolved(fixture->book, &dial, &address, 1, fixture->now_us);
	} else if (verdict == 0 || number == 0) {
		address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	} else if (verdict == 1) {
		address_book_abandoned(fixture->book, &dial, fixture->now_us);
	} else if (dial_is_feeler(&dial)) {
		address_book_reached(fixture->book, &dial, &nodeid, fixture->now_us);
	} else if (chaos->connections[number] > 0) {
		address_book_found(fixture->book, &dial, &nodeid);
		address_book_failed(fixture->book, &dial, "bye: duplicate", fixture->now_us);
	} else {
		chaos->connections[number]++;
		reach(fixture, &dial, number);
	}
	free(dial.host);
}

static void do_something(struct chaos *chaos)
{
	static const char *const bootstraps[] = {"", "10.0.0.1:5999 10.1.0.1:5999 10.1.0.2:5999", "kith.example:5999",
						 "10.1.0.2:5999 10.2.0.7:5999 kith.example:5999"};
	struct fixture *fixture = &chaos->fixture;
	unsigned number = rng_below(&chaos->rng, 10);
	switch (rng_below(&chaos->rng, 10)) {
	case 0:
		hear_from(fixture, some_address(&chaos->rng), number, number % 2 == 0 ? "10.8.0.1:1" : "10.9.0.1:1");
		break;
	case 1:
		if (number > 0)
			announce(fixture, some_address(&chaos->rng), number);
		break;
	case 2:
		prove(fixture, some_address(&chaos->rng), number);
		break;
	case 3:
		if (number > 0 && chaos->connections[number]++ < 2)
			connect_node(fixture, number);
		else if (number > 0)
			chaos->connections[number]--;
		break;
	case 4:
		if (number > 0 && chaos->connections[number] > 0) {
			chaos->connections[number]--;
			disconnect_node(fixture, number, rng_below(&chaos->rng, 2) == 0);
		}
		break;
	case 5:
		if (rng_below(&chaos->rng, 20) == 0)
			set_bootstraps(fixture, bootstraps[rng_below(&chaos->rng, 4)]);
		break;
	case 6:
		fixture->now_us += rng_below(&chaos->rng, number == 9 ? 1U << 31 : 100000000);
		break;
	case 7:
		if (chaos->dial_count > 0)
			end_some_dial(chaos);
		break;
	default:
		if (chaos->dial_count == MOST_PICKS)
			break;
		struct next_dial next = address_book_pick(
			fixture->book, number < 5 ? ADDRESS_BOOK_PEERS : ADDRESS_BOOK_FEELERS, fixture->now_us);
		if (next.is_due)
			chaos->dials[chaos->dial_count++] = next.dial;
		break;
	}
}

/* The counts of dials and connections, and with them what may be dialled, are in the end as they were. */
static void nothing_drifts_whatever_happens_in_which_order(void)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct chaos chaos = {.dial_count = 0};
		fixture_init_bounded(&chaos.fixture, "", SMALL);
		chaos.fixture.settings.max_dialing = 8;
		rng_seed(&chaos.rng, seed);
		for (int i = 0; i < 5000; i++)
			do_something(&chaos);
		set_bootstraps(&chaos.fixture, "");
		while (chaos.dial_count > 0)
			end_some_dial(&chaos);
		for (unsigned number = 1; number < 10; number++)
			for (; chaos.connections[number] > 0; chaos.connections[number]--)
				disconnect_node(&chaos.fixture, number, true);
		/* What is left has not been heard from for long, and fails until it is forgotten. */
		chaos.fixture.now_us += 8 * DAY_US;
		for (int i = 0; i < 10000 && address_book_count(chaos.fixture.book) > 0; i++) {
			struct next_dial next =
				address_book_pick(chaos.fixture.book, ADDRESS_BOOK_PEERS, chaos.fixture.now_us);
			if (next.is_due)
				address_book_failed(chaos.fixture.book, &next.dial, "refused", chaos.fixture.now_us);
			else if (next.next_us == FOREVER_US)
				break;
			else
				chaos.fixture.now_us = next.next_us;
		}
		EXPECT(address_book_count(chaos.fixture.book) == 0, "seed %u: %zu are lost", seed,
		       address_book_count(chaos.fixture.book));
		size_t dials = count_dials_to_hearsay(&chaos.fixture);
		EXPECT(dials == 6, "seed %u: %zu dials", seed, dials);
		fixture_fini(&chaos.fixture);
	}
}

static CU_TestInfo tests[] = {
	{"hearsay is a candidate once", hearsay_is_a_candidate_once},
	{"what is this node itself is never dialled", what_is_this_node_itself_is_never_dialled},
	{"the list of addresses where a node met itself is bounded",
	 the_list_of_addresses_where_a_node_met_itself_is_bounded},
	{"what was advertised before is an address like others", what_was_advertised_before_is_an_address_like_others},
	{"where a node listens is not forgotten for what peers say",
	 where_a_node_listens_is_not_forgotten_for_what_peers_say},
	{"a connected node is nothing to dial", a_connected_node_is_nothing_to_dial},
	{"a node is connected until its last connection ends", a_node_is_connected_until_its_last_connection_ends},
	{"hearsay that fails three times is forgotten", hearsay_that_fails_three_times_is_forgotten},
	{"what was announced or once reached is not forgotten soon",
	 what_was_announced_or_once_reached_is_not_forgotten_soon},
	{"a dial without a verdict is no failure, and not repeated at once",
	 a_dial_without_a_verdict_is_no_failure_and_not_repeated_at_once},
	{"a dial to a node that is connected another way is no failure",
	 a_dial_to_a_node_that_is_connected_another_way_is_no_failure},
	{"an address that is announced while it is dialled is known to be its node's",
	 an_address_that_is_announced_while_it_is_dialled_is_known_to_be_its_nodes},
	{"an address that was found to be a connected node's is not dialled again",
	 an_address_that_was_found_to_be_a_connected_nodes_is_not_dialled_again},
	{"another node than expected replaces the entry", another_node_than_expected_replaces_the_entry},
	{"who comes and goes is dialled ever more rarely until it is steady",
	 who_comes_and_goes_is_dialled_ever_more_rarely_until_it_is_steady},
	{"nothing drifts, whatever happens in which order", nothing_drifts_whatever_happens_in_which_order},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book = {.pName = "address_book", .pTests = tests};

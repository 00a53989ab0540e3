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
	CU_ASSERT(hear(&fixture, "127.0.0.3:5999", 0));
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	EXPECT_PICKS(&fixture, "127.0.0.2:5999 127.0.0.3:5999");
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
	CU_ASSERT_FALSE(claim(&fixture, "127.0.0.1:5999", 2));
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

/* ---- what is held by a connection ---- */

static void what_was_dialled_is_held_until_that_connection_ends(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	reach(&fixture, &dial, 2);
	/* A second connection, whatever it says of itself, ends without a trace. */
	connect_node(&fixture, 2);
	disconnect_node(&fixture, 2, false);
	fixture.now_us += 2 * ADDRESS_BOOK_DOUBLE_US;
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 2, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICKS(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

static void a_peer_holds_where_it_listens_once_a_feeler_has_found_it_there(void)
{
	struct fixture fixture;
	struct dial dial;
	struct address address = address_of("127.0.0.3:5999");
	struct nodeid three = nodeid_of(3), tenant;
	int64_t next_us;
	fixture_init(&fixture, "");
	connect_node_from(&fixture, 3, "127.0.0.3:40000");
	CU_ASSERT(claim(&fixture, "127.0.0.3:5999", 3));
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.3:5999"), "new");
	EXPECT_PICK_FEELER(&fixture, "feeler 127.0.0.3:5999");
	tenant = address_book_tenant(fixture.book, &address);
	CU_ASSERT(nodeid_is_none(&tenant));
	reach(&fixture, &dial, 3);
	tenant = address_book_tenant(fixture.book, &address);
	CU_ASSERT(nodeid_equals(&tenant, &three));
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.3:5999"), "tried");
	CU_ASSERT_FALSE(claim(&fixture, "127.0.0.3:5999", 3));
	fixture.now_us += 2 * ADDRESS_BOOK_DOUBLE_US;
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 3, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	fixture_fini(&fixture);
}

/* Somebody says that it listens where another peer was dialled: a feeler decides. */
static void a_claim_of_what_is_held_changes_nothing_before_a_feeler_has_found_it_true(void)
{
	for (unsigned found = 2; found <= 4; found++) {
		struct fixture fixture;
		struct dial dial, feeler;
		struct address_info info;
		struct address address = address_of("127.0.0.2:5999");
		struct nodeid two = nodeid_of(2);
		int64_t next_us;
		fixture_init(&fixture, "");
		hear(&fixture, "127.0.0.2:5999", 2);
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		reach(&fixture, &dial, 2);
		connect_node_from(&fixture, 3, "127.0.0.2:40000");
		CU_ASSERT(claim(&fixture, "127.0.0.2:5999", 3));
		struct nodeid tenant = address_book_tenant(fixture.book, &address);
		CU_ASSERT(nodeid_equals(&tenant, &two));
		CU_ASSERT(find(&fixture, "127.0.0.2:5999", &info) && nodeid_equals(&info.nodeid, &two));
		EXPECT_PICK(&fixture, "feeler 127.0.0.2:5999");
		feeler = dial;
		if (found == 4)
			address_book_failed(fixture.book, &feeler, "refused", fixture.now_us);
		else
			reach(&fixture, &feeler, found);
		/* It is let go by the connection that leads there, and by no other. */
		disconnect_node(&fixture, found == 3 ? 2 : 3, true);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "-");
		disconnect_node(&fixture, found == 3 ? 3 : 2, true);
		fixture.now_us += fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		fixture_fini(&fixture);
	}
}

/* ---- hints ---- */

static void a_nodeid_beside_an_address_only_puts_its_dial_off(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	connect_node(&fixture, 666);
	for (unsigned i = 1; i <= 10; i++) {
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		CU_ASSERT(hear(&fixture, text, 666));
	}
	/* What is said to lead elsewhere comes first, and however much of it there is, the others have their turn. */
	for (unsigned i = 0; i <= 10; i++) {
		snprintf(text, sizeof text, "10.100.%u.1:5999", i);
		hear(&fixture, text, 0);
		if (i > 0) {
			fixture.now_us += fixture.settings.retry_min_us;
			CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
			EXPECT(dial.address.host[1] <= 10, "turn %u: %s", i, address_text(dial.address));
		}
		EXPECT_PICK(&fixture, text);
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT(i == 10 || next_us == fixture.now_us + fixture.settings.retry_min_us);
	}
	fixture_fini(&fixture);
}

/* A liar tells as many addresses as there are places, beside the nodeid under which it is connected. */
static void a_hint_locks_no_places(void)
{
	for (int is_dialled = 0; is_dialled < 2; is_dialled++) {
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		char text[ADDRESS_TEXT_BYTES];
		fixture_init_bounded(&fixture, "", SMALL);
		connect_node(&fixture, 666);
		for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
			snprintf(text, sizeof text, "10.0.0.%u:5999", i);
			CU_ASSERT(hear(&fixture, text, 666));
		}
		/* Even if the liar answers there that it is connected. */
		for (unsigned i = 1; is_dialled && i <= ADDRESS_BUCKET_ENTRIES; i++) {
			while (strcmp(pick(&fixture, &dial, &next_us), "-") == 0)
				fixture.now_us = next_us;
			address_book_doubled(fixture.book, &dial, "duplicate", fixture.now_us);
		}
		for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
			snprintf(text, sizeof text, "10.0.1.%u:5999", i);
			EXPECT(hear_from(&fixture, text, i, "10.7.0.1:5999"), "%d: %u has no place", is_dialled, i);
		}
		disconnect_node(&fixture, 666, true);
		fixture_fini(&fixture);
	}
}

static void where_tellers_disagree_there_is_no_hint(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	connect_node(&fixture, 666);
	hear(&fixture, "10.1.0.1:5999", 666);
	hear(&fixture, "10.2.0.1:5999", 666);
	hear(&fixture, "10.3.0.1:5999", 666);
	EXPECT_PICK(&fixture, "-");
	hear_from(&fixture, "10.2.0.1:5999", 2, "10.7.0.1:5999");
	/* Nor can the liar give it back. */
	hear_from(&fixture, "10.3.0.1:5999", 3, "10.7.0.1:5999");
	hear(&fixture, "10.3.0.1:5999", 666);
	hear_from(&fixture, "10.1.0.1:5999", 0, "10.7.0.1:5999");
	EXPECT_PICKS(&fixture, "10.2.0.1:5999 10.3.0.1:5999");
	fixture.now_us += fixture.settings.retry_min_us;
	EXPECT_PICK(&fixture, "10.1.0.1:5999");
	fixture_fini(&fixture);
}

static void what_was_found_at_an_address_is_not_changed_by_what_is_heard(void)
{
	struct fixture fixture;
	struct address_info info;
	struct dial dial;
	struct nodeid two = nodeid_of(2);
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "10.1.0.1:5999", 2);
	EXPECT_PICK(&fixture, "10.1.0.1:5999");
	reach(&fixture, &dial, 2);
	for (int turn = 0; turn < 2; turn++) {
		hear_from(&fixture, "10.1.0.1:5999", 666, "10.7.0.1:5999");
		claim(&fixture, "10.1.0.1:5999", 666);
		CU_ASSERT(find(&fixture, "10.1.0.1:5999", &info) && nodeid_equals(&info.nodeid, &two));
		if (turn == 0)
			disconnect_node(&fixture, 2, true);
	}
	fixture_fini(&fixture);
}

/* A node with two addresses: the mesh is quiet, and the second address takes over when the first fails. */
static void an_address_that_leads_to_a_connected_node_is_dialled_ever_more_rarely(void)
{
	for (int is_found = 0; is_found < 2; is_found++) {
		struct fixture fixture;
		struct dial dial;
		struct nodeid two = nodeid_of(2);
		int64_t next_us, waited_us = 0;
		fixture_init(&fixture, "");
		connect_node(&fixture, 2);
		hear(&fixture, "127.0.0.2:5999", 2);
		for (unsigned turn = 0; turn < 12; turn++) {
			int64_t before_us = fixture.now_us;
			while (strcmp(pick(&fixture, &dial, &next_us), "-") == 0)
				fixture.now_us = next_us;
			waited_us = fixture.now_us - before_us;
			int64_t least_us = turn == 0 ? SECOND_US : fixture.settings.retry_max_us;
			EXPECT(waited_us >= least_us && waited_us <= ADDRESS_BOOK_DOUBLE_US + 2 * SECOND_US,
			       "turn %u: %lld", turn, (long long)waited_us);
			if (is_found)
				address_book_found(fixture.book, &dial, &two, fixture.now_us);
			CU_ASSERT_EQUAL(address_book_doubled(fixture.book, &dial, "duplicate", fixture.now_us), 0);
		}
		CU_ASSERT(waited_us > ADDRESS_BOOK_DOUBLE_US / 2);
		disconnect_node(&fixture, 2, true);
		fixture.now_us += 2 * SECOND_US;
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		fixture_fini(&fixture);
	}
}

static void a_node_is_connected_until_its_last_connection_ends(void)
{
	struct fixture fixture;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	CU_ASSERT_FALSE(address_book_is_connected(fixture.book, &two));
	connect_node(&fixture, 2);
	connect_node(&fixture, 2);
	disconnect_node(&fixture, 2, true);
	CU_ASSERT(address_book_is_connected(fixture.book, &two));
	disconnect_node(&fixture, 2, true);
	CU_ASSERT_FALSE(address_book_is_connected(fixture.book, &two));
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
		/* A host that nobody has reached waits longer. */
		fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	fixture_fini(&fixture);
}

static void what_was_reached_is_not_forgotten_soon(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	find_node_at(&fixture, "127.0.0.2:5999", 2);
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

/* A hint excuses nothing: only the address itself says that its node is connected. */
static void a_dial_that_fails_is_a_failure_whatever_nodeid_is_told(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 1);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	/* A node that is not known to be connected may well say so: it has lost its end, or the nodeid is double. */
	disconnect_node(&fixture, 2, true);
	CU_ASSERT_EQUAL(address_book_doubled(fixture.book, &dial, "duplicate", fixture.now_us), 2);
	fixture_fini(&fixture);
}

/* Two nodes dial each other, and the far end's dial stays. */
static void an_address_that_is_claimed_while_it_is_dialled_is_felt_afterwards(void)
{
	struct fixture fixture;
	struct dial dial, feeler;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	struct dial first = dial;
	connect_node_from(&fixture, 2, "127.0.0.2:40000");
	CU_ASSERT(claim(&fixture, "127.0.0.2:5999", 2));
	EXPECT_PICK(&fixture, "-");
	address_book_doubled(fixture.book, &first, "duplicate", fixture.now_us);
	EXPECT_PICK(&fixture, "feeler 127.0.0.2:5999");
	feeler = dial;
	reach(&fixture, &feeler, 2);
	fixture.now_us += 2 * ADDRESS_BOOK_DOUBLE_US;
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

static void another_node_than_expected_replaces_the_entry(void)
{
	struct fixture fixture;
	struct dial dial;
	struct address_info info;
	struct nodeid three = nodeid_of(3);
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	reach(&fixture, &dial, 3);
	CU_ASSERT(find(&fixture, "127.0.0.2:5999", &info) && nodeid_equals(&info.nodeid, &three));
	/* Whom it was said to lead to has nothing to do with it. */
	connect_node(&fixture, 2);
	disconnect_node(&fixture, 2, true);
	fixture.now_us += fixture.settings.retry_max_us;
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
	} else if (fixture->connections[number] > 0) {
		address_book_found(fixture->book, &dial, &nodeid, fixture->now_us);
		address_book_doubled(fixture->book, &dial, "bye: duplicate", fixture->now_us);
	} else {
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
	case 2:
		if (number > 0)
			claim(fixture, some_address(&chaos->rng), number);
		break;
	case 3:
		if (number > 0 && fixture->connections[number] < 2)
			connect_node_from(fixture, number, some_address(&chaos->rng));
		break;
	case 4:
		if (number > 0 && fixture->connections[number] > 0)
			disconnect_node(fixture, number, rng_below(&chaos->rng, 2) == 0);
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
			while (chaos.fixture.connections[number] > 0)
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
	{"what was dialled is held until that connection ends", what_was_dialled_is_held_until_that_connection_ends},
	{"a peer holds where it listens once a feeler has found it there",
	 a_peer_holds_where_it_listens_once_a_feeler_has_found_it_there},
	{"a claim of what is held changes nothing before a feeler has found it true",
	 a_claim_of_what_is_held_changes_nothing_before_a_feeler_has_found_it_true},
	{"a nodeid beside an address only puts its dial off", a_nodeid_beside_an_address_only_puts_its_dial_off},
	{"a hint locks no places", a_hint_locks_no_places},
	{"where tellers disagree there is no hint", where_tellers_disagree_there_is_no_hint},
	{"what was found at an address is not changed by what is heard",
	 what_was_found_at_an_address_is_not_changed_by_what_is_heard},
	{"an address that leads to a connected node is dialled ever more rarely",
	 an_address_that_leads_to_a_connected_node_is_dialled_ever_more_rarely},
	{"a node is connected until its last connection ends", a_node_is_connected_until_its_last_connection_ends},
	{"hearsay that fails three times is forgotten", hearsay_that_fails_three_times_is_forgotten},
	{"what was reached is not forgotten soon", what_was_reached_is_not_forgotten_soon},
	{"a dial without a verdict is no failure, and not repeated at once",
	 a_dial_without_a_verdict_is_no_failure_and_not_repeated_at_once},
	{"a dial that fails is a failure, whatever nodeid is told",
	 a_dial_that_fails_is_a_failure_whatever_nodeid_is_told},
	{"an address that is claimed while it is dialled is felt afterwards",
	 an_address_that_is_claimed_while_it_is_dialled_is_felt_afterwards},
	{"another node than expected replaces the entry", another_node_than_expected_replaces_the_entry},
	{"who comes and goes is dialled ever more rarely until it is steady",
	 who_comes_and_goes_is_dialled_ever_more_rarely_until_it_is_steady},
	{"nothing drifts, whatever happens in which order", nothing_drifts_whatever_happens_in_which_order},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book = {.pName = "address_book", .pTests = tests};

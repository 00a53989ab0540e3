#include "book/address_book.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

/* ---- names ---- */

static void resolve(struct fixture *fixture, struct dial *dial, char *host, const char *addresses)
{
	struct address list[ADDRESS_BOOK_NAME_ADDRESSES + 4];
	char text[1024], *next = text, *word;
	size_t count = 0;
	snprintf(text, sizeof text, "%s", addresses);
	while ((word = strtok_r(next, " ", &next)) != NULL)
		list[count++] = address_of(word);
	dial->host = host;
	address_book_resolved(fixture->book, dial, list, count, fixture->now_us);
}

static void a_name_is_looked_up_and_what_it_stands_for_is_dialled(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	EXPECT_PICK(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "-");
	resolve(&fixture, &dial, host, "127.0.0.2:6000 127.0.0.3:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	EXPECT_PICKS(&fixture, "127.0.0.2:6000 127.0.0.3:6000");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

static void a_name_is_due_again_only_when_none_of_its_addresses_is_connected_or_dialled(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	resolve(&fixture, &dial, host, "127.0.0.2:6000 127.0.0.3:6000");
	EXPECT_PICKS(&fixture, "127.0.0.2:6000 127.0.0.3:6000");
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	address_book_failed(fixture.book, &dials[1], "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "-");
	reach(&fixture, &dials[0], 2);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.3:6000");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.3:6000");
	disconnect_node(&fixture, 2, true);
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "kith.example:6000");
	fixture_fini(&fixture);
}

static void a_name_that_cannot_be_looked_up_is_tried_again_with_back_off(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	for (unsigned i = 1; i < 12; i++) {
		EXPECT_PICK(&fixture, "kith.example:6000");
		dial.host = host;
		CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), i);
		EXPECT_PICK(&fixture, "-");
		int64_t wait_us = next_us - fixture.now_us;
		EXPECT(is_back_off(wait_us, i), "%u: %lld", i, (long long)wait_us);
		fixture.now_us = next_us;
	}
	fixture_fini(&fixture);
}

static void without_a_name_server_the_wait_for_a_name_does_not_grow(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	for (unsigned i = 1; i < 12; i++) {
		EXPECT_PICK(&fixture, "kith.example:6000");
		dial.host = host;
		address_book_hindered(fixture.book, &dial, "no name server answered", fixture.now_us);
		EXPECT_PICK(&fixture, "-");
		EXPECT(is_back_off(next_us - fixture.now_us, 1), "%u", i);
		fixture.now_us = next_us;
	}
	EXPECT_PICK(&fixture, "kith.example:6000");
	dial.host = host;
	address_book_failed(fixture.book, &dial, "no such name", fixture.now_us);
	EXPECT_PICK(&fixture, "-");
	address_book_hurry(fixture.book, fixture.now_us);
	EXPECT_PICK(&fixture, "kith.example:6000");
	fixture_fini(&fixture);
}

static void a_name_that_is_configured_twice_is_looked_up_once(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "kith.example:6000 kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

static void names_with_the_same_host_and_other_ports_are_told_apart(void)
{
	struct fixture fixture;
	struct dial dial, first, dials[MOST_PICKS];
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000 kith.example:6001");
	EXPECT_PICK(&fixture, "kith.example:6000");
	first = dial;
	EXPECT_PICK(&fixture, "kith.example:6001");
	resolve(&fixture, &dial, host, "127.0.0.2:6001");
	resolve(&fixture, &first, host, "127.0.0.2:6000");
	EXPECT_PICKS(&fixture, "127.0.0.2:6000 127.0.0.2:6001");
	fixture_fini(&fixture);
}

static void a_name_that_stands_for_this_node_itself_is_looked_up_again(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char host[] = "localhost";
	struct address self = address_of("127.0.0.1:5999");
	fixture_init(&fixture, "localhost:5999");
	address_book_add_self(fixture.book, &self);
	EXPECT_PICK(&fixture, "localhost:5999");
	resolve(&fixture, &dial, host, "127.0.0.1:5999");
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "localhost:5999");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	fixture_fini(&fixture);
}

static void of_a_name_with_very_many_addresses_only_so_many_are_used(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char host[] = "kith.example", list[1024];
	size_t used = 0;
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	for (int i = 1; i <= ADDRESS_BOOK_NAME_ADDRESSES + 4; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "10.0.0.%d:6000 ", i);
	resolve(&fixture, &dial, host, list);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), ADDRESS_BOOK_NAME_ADDRESSES);
	fixture_fini(&fixture);
}

static void what_a_name_no_longer_stands_for_is_forgotten_when_it_fails(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	resolve(&fixture, &dial, host, "127.0.0.2:6000");
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:6000");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "kith.example:6000");
		resolve(&fixture, &dial, host, i + 1 < ADDRESS_BOOK_NEW_FAILURES ? "127.0.0.2:6000" : "");
	}
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	fixture_fini(&fixture);
}

static void a_bootstrap_that_a_name_stands_for_too_is_not_forgotten(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000 127.0.0.2:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	resolve(&fixture, &dial, host, "127.0.0.2:6000");
	for (int i = 0; i <= ADDRESS_BOOK_NEW_FAILURES; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:6000");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "kith.example:6000");
		resolve(&fixture, &dial, host, "127.0.0.2:6000");
	}
	fixture_fini(&fixture);
}

/* ---- the configuration changes ---- */

static void a_bootstrap_that_is_removed_may_displace_what_stands_next_to_it(void)
{
	struct fixture fixture;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(&fixture, "127.0.0.2:5999 127.0.0.3:5999", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		CU_ASSERT(hear(&fixture, text, 0));
		fixture.now_us += SECOND_US;
	}
	set_bootstraps(&fixture, "");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), ADDRESS_BUCKET_ENTRIES);
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.2:5999"), "new");
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.3:5999"), "new");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.1:5999"), "-");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.2:5999"), "-");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.3:5999"), "new");
	fixture_fini(&fixture);
}

static void a_bootstrap_is_dialled_first_from_when_it_is_one(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	for (unsigned i = 1; i <= 40; i++) {
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		hear(&fixture, text, 0);
	}
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	const char *chosen =
		strcmp(address_text(dial.address), "10.7.0.1:5999") == 0 ? "10.8.0.1:5999" : "10.7.0.1:5999";
	set_bootstraps(&fixture, chosen);
	EXPECT_PICK(&fixture, chosen);
	fixture_fini(&fixture);
}

static void the_bootstraps_that_are_there_change_with_the_configuration(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (int i = 0; i < 5; i++)
		fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
	set_bootstraps(&fixture, "127.0.0.3:5999 127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	/* Once it isn't one any more it has failed too often; the other stays. */
	set_bootstraps(&fixture, "127.0.0.3:5999");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	for (int i = 0; i < 20; i++) {
		fixture.now_us += fixture.settings.retry_max_us;
		if (strcmp(pick(&fixture, &dial, &next_us), "-") != 0)
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.2:5999"), "-");
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.3:5999"), "new");
	fixture_fini(&fixture);
}

static void a_bootstrap_may_be_removed_or_added_while_it_is_dialled(void)
{
	static const struct {
		const char *before, *after;
		bool is_kept;
	} cases[] = {{"127.0.0.2:5999", "", false},
		     {"", "127.0.0.2:5999", true},
		     {"127.0.0.2:5999", "127.0.0.2:5999", true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		fixture_init(&fixture, cases[i].before);
		hear(&fixture, "127.0.0.2:5999", 0);
		for (int j = 1; j < ADDRESS_BOOK_NEW_FAILURES; j++)
			fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		set_bootstraps(&fixture, cases[i].after);
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		EXPECT(address_book_count(fixture.book) == cases[i].is_kept, "case %zu", i);
		fixture_fini(&fixture);
	}
}

static void the_names_that_are_looked_up_change_with_the_configuration(void)
{
	struct fixture fixture;
	struct dial dial, other;
	int64_t next_us;
	char host[] = "kith.example", other_host[] = "other.example";
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	dial.host = host;
	/* It stays, and is still under way. */
	set_bootstraps(&fixture, "other.example:6000 kith.example:6000");
	EXPECT_PICK(&fixture, "other.example:6000");
	other = dial;
	dial.port = 6000;
	EXPECT_PICK(&fixture, "-");
	/* What it was looked up for is gone. */
	set_bootstraps(&fixture, "kith.example:6000");
	resolve(&fixture, &other, other_host, "127.0.0.3:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	resolve(&fixture, &other, host, "127.0.0.2:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	/* What it stands for is kept as long as the name. */
	for (int i = 0; i < 2 * ADDRESS_BOOK_NEW_FAILURES; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:6000");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "kith.example:6000");
		resolve(&fixture, &dial, host, "127.0.0.2:6000");
	}
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	set_bootstraps(&fixture, "");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

static CU_TestInfo tests[] = {
	{"a name is looked up, and what it stands for is dialled",
	 a_name_is_looked_up_and_what_it_stands_for_is_dialled},
	{"a name is due again only when none of its addresses is connected or dialled",
	 a_name_is_due_again_only_when_none_of_its_addresses_is_connected_or_dialled},
	{"a name that cannot be looked up is tried again with back-off",
	 a_name_that_cannot_be_looked_up_is_tried_again_with_back_off},
	{"without a name server the wait for a name does not grow",
	 without_a_name_server_the_wait_for_a_name_does_not_grow},
	{"a name that is configured twice is looked up once", a_name_that_is_configured_twice_is_looked_up_once},
	{"names with the same host and other ports are told apart",
	 names_with_the_same_host_and_other_ports_are_told_apart},
	{"a name that stands for this node itself is looked up again",
	 a_name_that_stands_for_this_node_itself_is_looked_up_again},
	{"of a name with very many addresses only so many are used",
	 of_a_name_with_very_many_addresses_only_so_many_are_used},
	{"what a name no longer stands for is forgotten when it fails",
	 what_a_name_no_longer_stands_for_is_forgotten_when_it_fails},
	{"a bootstrap that a name stands for too is not forgotten",
	 a_bootstrap_that_a_name_stands_for_too_is_not_forgotten},
	{"a bootstrap that is removed may displace what stands next to it",
	 a_bootstrap_that_is_removed_may_displace_what_stands_next_to_it},
	{"a bootstrap is dialled first from when it is one", a_bootstrap_is_dialled_first_from_when_it_is_one},
	{"the bootstraps that are there change with the configuration",
	 the_bootstraps_that_are_there_change_with_the_configuration},
	{"a bootstrap may be removed or added while it is dialled",
	 a_bootstrap_may_be_removed_or_added_while_it_is_dialled},
	{"the names that are looked up change with the configuration",
	 the_names_that_are_looked_up_change_with_the_configuration},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_names = {.pName = "address_book_names", .pTests = tests};

#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

static enum address_book_asked ask(struct fixture *fixture, const char *text)
{
	struct address address = address_of(text);
	return address_book_ask(fixture->book, &address, fixture->now_us);
}

static enum address_book_drop drop(struct fixture *fixture, const char *text)
{
	struct address address = address_of(text);
	return address_book_drop(fixture->book, &address, fixture->now_us);
}

static void what_is_asked_for_is_dialled_first(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "10.1.0.1:5999", 1);
	hear(&fixture, "10.2.0.1:5999", 2);
	CU_ASSERT_EQUAL(ask(&fixture, "10.3.0.1:5999"), ADDRESS_BOOK_DUE);
	EXPECT_PICK(&fixture, "10.3.0.1:5999");
	/* It is asked for again while it is dialled. */
	CU_ASSERT_EQUAL(ask(&fixture, "10.3.0.1:5999"), ADDRESS_BOOK_DUE);
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 1);
	/* It has failed, and waits; who asks does not. */
	CU_ASSERT_EQUAL(ask(&fixture, "10.3.0.1:5999"), ADDRESS_BOOK_DUE);
	EXPECT_PICK(&fixture, "10.3.0.1:5999");
	reach(&fixture, &dial, 3);
	fixture_fini(&fixture);
}

static void what_needs_no_dial_gets_none(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "");
	struct address own = address_of("10.9.0.1:5999");
	address_book_add_own(fixture.book, &own);
	CU_ASSERT_EQUAL(ask(&fixture, "10.9.0.1:5999"), ADDRESS_BOOK_SELF);
	connect_node(&fixture, 1);
	find_node_at(&fixture, "10.1.0.1:5999", 1);
	CU_ASSERT_EQUAL(ask(&fixture, "10.1.0.1:5999"), ADDRESS_BOOK_CONNECTED);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	disconnect_node(&fixture, 1, true);
	fixture_fini(&fixture);
}

static void what_is_forgotten_is_gone(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "10.5.0.1:5999");
	hear(&fixture, "10.1.0.1:5999", 1);
	CU_ASSERT_EQUAL(drop(&fixture, "10.2.0.1:5999"), ADDRESS_BOOK_UNKNOWN);
	CU_ASSERT_EQUAL(drop(&fixture, "10.5.0.1:5999"), ADDRESS_BOOK_KEPT);
	CU_ASSERT_EQUAL(drop(&fixture, "10.1.0.1:5999"), ADDRESS_BOOK_DROPPED);
	CU_ASSERT_STRING_EQUAL(kind_of(&fixture, "10.1.0.1:5999"), "-");
	EXPECT_PICK(&fixture, "10.5.0.1:5999");
	CU_ASSERT_EQUAL(drop(&fixture, "10.5.0.1:5999"), ADDRESS_BOOK_KEPT);
	hear(&fixture, "10.1.0.1:5999", 1);
	struct dial other;
	CU_ASSERT_STRING_EQUAL(pick(&fixture, &other, &next_us), "10.1.0.1:5999");
	CU_ASSERT_EQUAL(drop(&fixture, "10.1.0.1:5999"), ADDRESS_BOOK_BUSY);
	address_book_abandoned(fixture.book, &other, fixture.now_us);
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	CU_ASSERT_EQUAL(drop(&fixture, "10.1.0.1:5999"), ADDRESS_BOOK_DROPPED);
	fixture_fini(&fixture);
}

/* ---- the walk ---- */

enum { MANY = 200 };

static const char *text_of(unsigned number)
{
	struct address address = {.family = ADDRESS_IPV4, .port = 5999, .host = {10, (unsigned char)number, 0, 1}};
	return address_text(address);
}

static void a_walk_goes_over_all(void)
{
	struct fixture fixture;
	static struct address_info infos[ADDRESS_BOOK_STEP];
	struct address_walk walk;
	bool seen[MANY] = {false};
	size_t count, steps = 0, total = 0;
	fixture_init(&fixture, "");
	for (unsigned i = 0; i < MANY; i++)
		hear_from(&fixture, text_of(i), i + 1, text_of(i));
	address_book_begin_walk(fixture.book, &walk);
	while ((count = address_book_walk(fixture.book, &walk, infos, fixture.now_us)) > 0) {
		for (size_t i = 0; i < count; i++)
			seen[infos[i].address.host[1]] = true;
		steps++;
		total += count;
	}
	address_book_end_walk(fixture.book, &walk);
	CU_ASSERT_EQUAL(total, MANY);
	CU_ASSERT_EQUAL(steps, (MANY + ADDRESS_BOOK_STEP - 1) / ADDRESS_BOOK_STEP);
	for (size_t i = 0; i < MANY; i++)
		EXPECT(seen[i], "%zu", i);
	fixture_fini(&fixture);
}

/* Two walks, while every other address goes, those at which they are among them. */
static void a_walk_goes_on_while_addresses_are_removed(void)
{
	struct fixture fixture;
	static struct address_info infos[ADDRESS_BOOK_STEP];
	struct address_walk walk, other;
	bool seen[MANY] = {false};
	size_t count;
	fixture_init(&fixture, "");
	for (unsigned i = 0; i < MANY; i++)
		hear_from(&fixture, text_of(i), i + 1, text_of(i));
	address_book_begin_walk(fixture.book, &walk);
	address_book_begin_walk(fixture.book, &other);
	address_book_walk(fixture.book, &walk, infos, fixture.now_us);
	for (unsigned i = 0; i < MANY; i += 2)
		CU_ASSERT_EQUAL(drop(&fixture, text_of(i)), ADDRESS_BOOK_DROPPED);
	while ((count = address_book_walk(fixture.book, &walk, infos, fixture.now_us)) > 0)
		for (size_t i = 0; i < count; i++)
			seen[infos[i].address.host[1]] = true;
	for (size_t i = ADDRESS_BOOK_STEP; i < MANY; i++)
		EXPECT(seen[i] == (i % 2 == 1), "%zu", i);
	size_t total = 0;
	while ((count = address_book_walk(fixture.book, &other, infos, fixture.now_us)) > 0)
		total += count;
	CU_ASSERT_EQUAL(total, MANY / 2);
	address_book_end_walk(fixture.book, &other);
	address_book_end_walk(fixture.book, &walk);
	fixture_fini(&fixture);
}

static CU_TestInfo tests[] = {
	{"what is asked for is dialled first", what_is_asked_for_is_dialled_first},
	{"what needs no dial gets none", what_needs_no_dial_gets_none},
	{"what is forgotten is gone, but for what is needed", what_is_forgotten_is_gone},
	{"a walk goes over all", a_walk_goes_over_all},
	{"a walk goes on while addresses are removed", a_walk_goes_on_while_addresses_are_removed},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_operator = {.pName = "address_book_operator", .pTests = tests};

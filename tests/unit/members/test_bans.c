#include "members/bans.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static struct address_block block_of(const char *text)
{
	struct address_block block;
	CU_ASSERT_EQUAL_FATAL(address_block_parse(text, &block), ADDRESS_BLOCK_GOOD);
	return block;
}

static bool holds(struct bans *bans, const char *host, int64_t now_us)
{
	struct address address = address_of(host);
	return bans_hold(bans, &address, now_us);
}

static void a_ban_holds_until_it_ends(void)
{
	struct bans *bans = bans_new();
	struct address_block block = block_of("192.0.2.0/24"), host = block_of("198.51.100.7");
	CU_ASSERT_FALSE(holds(bans, "192.0.2.7:1", 0));
	CU_ASSERT_TRUE(bans_add(bans, &block, 10, 0));
	CU_ASSERT_TRUE(bans_add(bans, &host, 20, 0));
	CU_ASSERT_TRUE(holds(bans, "192.0.2.7:1", 9));
	CU_ASSERT_FALSE(holds(bans, "192.0.3.7:1", 9));
	CU_ASSERT_FALSE(holds(bans, "192.0.2.7:1", 10));
	CU_ASSERT_TRUE(holds(bans, "198.51.100.7:9", 10));
	bans_free(bans);
	CU_ASSERT_FALSE(holds(NULL, "192.0.2.7:1", 0));
}

static void the_same_block_is_banned_once(void)
{
	struct bans *bans = bans_new();
	struct ban list[BANS_MOST];
	struct address_block block = block_of("192.0.2.0/24"), other = block_of("192.0.2.0/25");
	CU_ASSERT_TRUE(bans_add(bans, &block, 10, 0));
	CU_ASSERT_TRUE(bans_add(bans, &block, 30, 0));
	CU_ASSERT_EQUAL(bans_list(bans, list, 0), 1);
	CU_ASSERT_EQUAL(list[0].until_us, 30);
	CU_ASSERT_FALSE(bans_remove(bans, &other, 0));
	CU_ASSERT_TRUE(bans_remove(bans, &block, 0));
	CU_ASSERT_FALSE(bans_remove(bans, &block, 0));
	CU_ASSERT_FALSE(holds(bans, "192.0.2.7:1", 0));
	bans_free(bans);
}

static void there_is_room_for_so_many(void)
{
	struct bans *bans = bans_new();
	struct ban list[BANS_MOST];
	for (int i = 0; i <= BANS_MOST; i++) {
		char text[32];
		snprintf(text, sizeof text, "10.%d.%d.0/24", i / 200, i % 200);
		struct address_block block = block_of(text);
		EXPECT(bans_add(bans, &block, 10 + i, 0) == (i < BANS_MOST), "%d", i);
	}
	/* The first have ended by then. */
	CU_ASSERT_EQUAL(bans_list(bans, list, 15), BANS_MOST - 6);
	struct address_block block = block_of("11.0.0.0/8");
	CU_ASSERT_TRUE(bans_add(bans, &block, 1000, 15));
	bans_free(bans);
}

static CU_TestInfo tests[] = {
	{"a ban holds until it ends", a_ban_holds_until_it_ends},
	{"the same block is banned once", the_same_block_is_banned_once},
	{"there is room for so many", there_is_room_for_so_many},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_bans = {.pName = "bans", .pTests = tests};

#include "book/address_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum {
	DEFAULT_MOST = 81920,
	NEW_BUCKETS = 960, /* of the default */
	BUCKETS = 1280,
	SMALL_MOST = 2 * ADDRESS_BUCKET_ENTRIES, /* one bucket for each of the two kinds */
};

/* In this suite what is dialled may not go, and all else may. */
static bool may_go(void *context, const struct address_entry *entry)
{
	(void)context;
	return !entry->is_dialing;
}

static void init(struct address_table *table, size_t most)
{
	CU_ASSERT_FATAL(address_table_init(table, most, &core_secret));
}

/* 10.GROUP.0.0 and so many hosts further. */
static struct address host_in(unsigned group, unsigned number)
{
	struct address address = address_of("10.0.0.0:5999");
	address.host[1] = (uint8_t)group;
	address.host[2] = (uint8_t)(number >> 8);
	address.host[3] = (uint8_t)number;
	return address;
}

static struct address_entry *add(struct address_table *table, struct address address, struct address teller)
{
	struct address_entry *entry = address_table_add(table, &address);
	CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
	entry->teller = teller;
	entry->heard_us = 0;
	return entry;
}

/* Somebody of the group of tellers tells of an address; NULL where there is no place for it. */
static struct address_entry *tell(struct address_table *table, unsigned tellers, struct address address)
{
	struct address_entry *entry = add(table, address, host_in(tellers, 7));
	if (address_table_place_new(table, entry, may_go, NULL))
		return entry;
	CU_ASSERT_EQUAL(entry->bucket, 0);
	address_table_remove(table, entry);
	return NULL;
}

static size_t count_told_by(const struct address_table *table, unsigned tellers)
{
	struct address teller = host_in(tellers, 7);
	size_t count = 0;
	for (const struct address_entry *entry = table->entries; entry != NULL; entry = entry->hh.next)
		count += entry->kind == ADDRESS_NEW && address_equals(&entry->teller, &teller);
	return count;
}

static void an_entry_is_found_by_its_address_until_it_is_removed(void)
{
	struct address_table table;
	struct address one = host_in(1, 1), other = host_in(1, 2);
	init(&table, DEFAULT_MOST);
	CU_ASSERT_PTR_NULL(address_table_find(&table, &one));
	struct address_entry *entry = add(&table, one, (struct address){0});
	CU_ASSERT_PTR_EQUAL(address_table_find(&table, &one), entry);
	CU_ASSERT_PTR_NULL(address_table_find(&table, &other));
	CU_ASSERT_EQUAL(address_table_count(&table), 1);
	CU_ASSERT_EQUAL(address_table_run(&table, FOREVER_US - 1), FOREVER_US);
	CU_ASSERT_EQUAL(entry->lane, LANE_NONE);
	address_table_remove(&table, entry);
	CU_ASSERT_PTR_NULL(address_table_find(&table, &one));
	CU_ASSERT_EQUAL(address_table_count(&table), 0);
	address_table_fini(&table);
}

/* ---- buckets ---- */

/* One group of tellers reaches a sixteenth of the buckets, and of these a quarter with the addresses of one group. */
static void a_group_of_tellers_has_its_share_of_the_places(void)
{
	static const struct {
		unsigned groups; /* of the addresses that they tell */
		size_t most_buckets;
	} cases[] = {{1, NEW_BUCKETS / 64}, {200, NEW_BUCKETS / 16}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_table table;
		init(&table, DEFAULT_MOST);
		for (unsigned number = 0; number < 10000; number++)
			tell(&table, 250, host_in(number % cases[i].groups, number));
		size_t used = table.kinds[ADDRESS_NEW].filled_count, most = cases[i].most_buckets;
		EXPECT(used <= most && used >= most * 2 / 3, "case %zu: %zu buckets", i, used);
		EXPECT(table.kinds[ADDRESS_TRIED].filled_count == 0, "case %zu", i);
		size_t count = address_table_count(&table);
		EXPECT(count <= most * ADDRESS_BUCKET_ENTRIES && count >= most * ADDRESS_BUCKET_ENTRIES * 6 / 10,
		       "case %zu: %zu entries", i, count);
		address_table_fini(&table);
	}
}

static void many_groups_of_tellers_share_all_the_places(void)
{
	struct address_table table;
	init(&table, DEFAULT_MOST);
	for (unsigned number = 0; number < 20000; number++)
		tell(&table, number % 200, host_in(number / 3 % 250, number));
	size_t used = table.kinds[ADDRESS_NEW].filled_count;
	EXPECT(used > NEW_BUCKETS * 99 / 100, "%zu", used);
	address_table_fini(&table);
}

static void what_was_tried_of_one_group_has_an_eighth_of_the_places(void)
{
	struct address_table table;
	struct address_entry *rival;
	size_t placed = 0, most = (BUCKETS - NEW_BUCKETS) / 8;
	init(&table, DEFAULT_MOST);
	for (unsigned number = 0; number < 20000; number++) {
		struct address_entry *entry = add(&table, host_in(1, number), (struct address){0});
		placed += address_table_place_tried(&table, entry, may_go, NULL, &rival);
	}
	size_t used = table.kinds[ADDRESS_TRIED].filled_count;
	EXPECT(used <= most && used >= most * 2 / 3, "%zu buckets", used);
	EXPECT(placed == used * ADDRESS_BUCKET_ENTRIES, "%zu entries in %zu buckets", placed, used);
	CU_ASSERT_EQUAL(table.kinds[ADDRESS_NEW].filled_count, 0);
	address_table_fini(&table);
}

static void the_bucket_depends_on_groups_and_on_the_secret(void)
{
	struct hash_key other_key = {{4, 5, 6}};
	static const char *const tellers[] = {"10.1.0.1:0", "10.1.200.9:0", "10.2.0.1:0"};
	size_t same_group = 0, other_group = 0, other_secret = 0, itself = 0;
	for (unsigned number = 0; number < 100; number++) {
		uint32_t buckets[5];
		for (size_t i = 0; i < 5; i++) {
			struct address_table table;
			struct address teller = {0};
			if (i != 3)
				teller = address_of(tellers[i < 3 ? i : 0]);
			CU_ASSERT_FATAL(address_table_init(&table, DEFAULT_MOST, i == 4 ? &other_key : &core_secret));
			struct address_entry *entry = add(&table, host_in(1, number), teller);
			CU_ASSERT(address_table_place_new(&table, entry, may_go, NULL));
			buckets[i] = entry->bucket;
			address_table_fini(&table);
		}
		same_group += buckets[1] == buckets[0];
		other_group += buckets[2] == buckets[0];
		itself += buckets[3] == buckets[0]; /* which is in the group of the address */
		other_secret += buckets[4] == buckets[0];
	}
	CU_ASSERT_EQUAL(same_group, 100);
	CU_ASSERT_EQUAL(itself, 100);
	EXPECT(other_group < 10 && other_secret < 10, "%zu and %zu", other_group, other_secret);
}

static void a_flood_displaces_only_itself(void)
{
	static const struct {
		unsigned first, second; /* told by two groups before the flood */
		unsigned left_first, left_second;
	} cases[] = {{0, 0, 0, 0}, {1, 0, 1, 0}, {16, 16, 16, 16}, {21, 21, 21, 21}, {40, 0, 32, 0}, {60, 4, 30, 4}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_table table;
		init(&table, SMALL_MOST);
		for (unsigned number = 0; number < cases[i].first; number++)
			CU_ASSERT_PTR_NOT_NULL(tell(&table, 1, host_in(11, number)));
		for (unsigned number = 0; number < cases[i].second; number++)
			CU_ASSERT_PTR_NOT_NULL(tell(&table, 2, host_in(12, number)));
		for (unsigned number = 0; number < 1000; number++)
			tell(&table, 3, host_in(number % 200, 1000 + number));
		EXPECT(count_told_by(&table, 1) == cases[i].left_first, "case %zu: %zu", i, count_told_by(&table, 1));
		EXPECT(count_told_by(&table, 2) == cases[i].left_second, "case %zu: %zu", i, count_told_by(&table, 2));
		EXPECT(address_table_count(&table) == ADDRESS_BUCKET_ENTRIES, "case %zu", i);
		address_table_fini(&table);
	}
}

static void who_failed_most_goes_and_then_who_was_heard_of_longest_ago(void)
{
	static const struct {
		unsigned failures[3];
		int64_t heard_us[3];
		unsigned gone;
	} cases[] = {
		{{0, 1, 0}, {1, 2, 3}, 1},
		{{0, 1, 2}, {1, 2, 3}, 2},
		{{0, 0, 0}, {2, 1, 3}, 1},
		{{2, 2, 1}, {5, 4, 1}, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_table table;
		init(&table, SMALL_MOST);
		for (unsigned number = 0; number < ADDRESS_BUCKET_ENTRIES; number++) {
			struct address_entry *entry = tell(&table, 1, host_in(1, number));
			CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
			entry->failures = number < 3 ? cases[i].failures[number] : 0;
			entry->heard_us = number < 3 ? cases[i].heard_us[number] : 9;
		}
		CU_ASSERT_PTR_NOT_NULL(tell(&table, 1, host_in(1, 100)));
		for (unsigned number = 0; number < ADDRESS_BUCKET_ENTRIES; number++) {
			struct address address = host_in(1, number);
			bool is_there = address_table_find(&table, &address) != NULL;
			EXPECT(is_there == (number != cases[i].gone), "case %zu: %u", i, number);
		}
		address_table_fini(&table);
	}
}

static void what_may_not_go_stays(void)
{
	static const struct {
		unsigned first, first_stay, second,
			second_stay; /* of two groups of tellers; the second tells another */
		bool is_placed;
		unsigned left_first, left_second;
	} cases[] = {
		{0, 0, 64, 64, false, 0, 64},	 {0, 0, 64, 63, true, 0, 64},	 {40, 40, 24, 0, true, 40, 24},
		{40, 40, 24, 24, false, 40, 24}, {40, 39, 24, 24, true, 39, 25}, {20, 0, 44, 44, false, 20, 44},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_table table;
		init(&table, SMALL_MOST);
		for (unsigned number = 0; number < cases[i].first; number++)
			tell(&table, 1, host_in(1, number))->is_dialing = number < cases[i].first_stay;
		for (unsigned number = 0; number < cases[i].second; number++)
			tell(&table, 2, host_in(2, number))->is_dialing = number < cases[i].second_stay;
		EXPECT((tell(&table, 2, host_in(2, 100)) != NULL) == cases[i].is_placed, "case %zu", i);
		EXPECT(count_told_by(&table, 1) == cases[i].left_first, "case %zu", i);
		EXPECT(count_told_by(&table, 2) == cases[i].left_second, "case %zu", i);
		address_table_fini(&table);
	}
}

static void where_the_tried_are_many_the_longest_unheard_is_the_rival(void)
{
	static const struct {
		unsigned unheard[2]; /* these two since long, the first one for longer */
		unsigned stay;	     /* of the first so many none may go */
		int rival;	     /* -1 for none */
	} cases[] = {{{5, 9}, 0, 5}, {{9, 5}, 0, 9}, {{5, 9}, 6, 9}, {{5, 9}, ADDRESS_BUCKET_ENTRIES, -1}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_table table;
		struct address_entry *rival, *entry;
		init(&table, SMALL_MOST);
		for (unsigned number = 0; number < ADDRESS_BUCKET_ENTRIES; number++) {
			entry = add(&table, host_in(1, number), (struct address){0});
			entry->is_dialing = number < cases[i].stay;
			entry->heard_us = number == cases[i].unheard[0]	  ? 1
					  : number == cases[i].unheard[1] ? 2
									  : 1000 - number;
			CU_ASSERT(address_table_place_tried(&table, entry, may_go, NULL, &rival));
			CU_ASSERT_PTR_NULL(rival);
			CU_ASSERT_EQUAL(entry->kind, ADDRESS_TRIED);
		}
		entry = tell(&table, 2, host_in(2, 1));
		CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
		CU_ASSERT_FALSE(address_table_place_tried(&table, entry, may_go, NULL, &rival));
		CU_ASSERT(entry->kind == ADDRESS_NEW && entry->bucket == 1);
		struct address expected = host_in(1, (unsigned)cases[i].rival);
		EXPECT(cases[i].rival < 0 ? rival == NULL : rival == address_table_find(&table, &expected), "case %zu",
		       i);
		/* Once it has made room there is a place. */
		if (rival != NULL) {
			address_table_unplace(&table, rival);
			CU_ASSERT(rival->kind == ADDRESS_TRIED && rival->bucket == 0);
			CU_ASSERT(address_table_place_tried(&table, entry, may_go, NULL, &rival));
			CU_ASSERT(entry->kind == ADDRESS_TRIED && entry->bucket == 1);
		}
		address_table_fini(&table);
	}
}

/* ---- lanes ---- */

static void what_is_due_stands_in_the_lane_of_its_kind(void)
{
	static const struct {
		bool is_bootstrap, is_anchor;
		enum address_kind kind;
		unsigned backoff;
		enum address_lane lane;
	} cases[] = {
		{false, false, ADDRESS_NEW, 0, LANE_NEW},     {false, false, ADDRESS_NEW, 1, LANE_NEW_AGAIN},
		{false, false, ADDRESS_TRIED, 0, LANE_TRIED}, {false, false, ADDRESS_TRIED, 1, LANE_TRIED_AGAIN},
		{true, false, ADDRESS_NEW, 0, LANE_FIRST},    {true, false, ADDRESS_NEW, 1, LANE_TRIED_AGAIN},
		{true, false, ADDRESS_TRIED, 0, LANE_FIRST},  {true, false, ADDRESS_TRIED, 9, LANE_TRIED_AGAIN},
		{false, true, ADDRESS_TRIED, 0, LANE_FIRST},  {false, true, ADDRESS_TRIED, 3, LANE_FIRST},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_table table;
		init(&table, SMALL_MOST);
		struct address_entry *entry = add(&table, host_in(1, 1), (struct address){0});
		address_table_set_due(&table, entry, 100);
		CU_ASSERT_EQUAL(address_table_run(&table, 100), FOREVER_US);
		CU_ASSERT_EQUAL(entry->lane, LANE_NEW);
		entry->is_bootstrap = cases[i].is_bootstrap;
		entry->is_anchor = cases[i].is_anchor;
		entry->kind = cases[i].kind;
		entry->backoff = cases[i].backoff;
		address_table_update_lane(&table, entry);
		EXPECT(entry->lane == cases[i].lane, "case %zu: %d, changed", i, (int)entry->lane);
		address_table_set_due(&table, entry, 200);
		CU_ASSERT_EQUAL(entry->lane, LANE_NONE);
		address_table_update_lane(&table, entry);
		CU_ASSERT_EQUAL(entry->lane, LANE_NONE);
		address_table_run(&table, 200);
		EXPECT(entry->lane == cases[i].lane, "case %zu: %d", i, (int)entry->lane);
		EXPECT(table.lanes[cases[i].lane].count == 1, "case %zu", i);
		address_table_fini(&table);
	}
}

static void what_is_due_later_waits_until_then(void)
{
	struct address_table table;
	struct address_entry *entries[3];
	static const int64_t due_us[] = {300, 100, 200};
	init(&table, SMALL_MOST);
	for (unsigned i = 0; i < 3; i++) {
		entries[i] = add(&table, host_in(1, i), (struct address){0});
		address_table_set_due(&table, entries[i], due_us[i]);
	}
	CU_ASSERT_EQUAL(address_table_run(&table, 99), 100);
	CU_ASSERT_EQUAL(table.lanes[LANE_NEW].count, 0);
	CU_ASSERT_EQUAL(address_table_run(&table, 100), 200);
	CU_ASSERT_EQUAL(entries[1]->lane, LANE_NEW);
	address_table_set_due(&table, entries[2], FOREVER_US);
	CU_ASSERT_EQUAL(address_table_run(&table, 250), 300);
	CU_ASSERT_EQUAL(table.lanes[LANE_NEW].count, 1);
	address_table_set_due(&table, entries[1], 400);
	CU_ASSERT_EQUAL(address_table_run(&table, 300), 400);
	CU_ASSERT(table.lanes[LANE_NEW].count == 1 && table.lanes[LANE_NEW].entries[0] == entries[0]);
	address_table_remove(&table, entries[0]);
	address_table_remove(&table, entries[1]);
	CU_ASSERT_EQUAL(table.lanes[LANE_NEW].count, 0);
	CU_ASSERT_EQUAL(address_table_run(&table, 1000), FOREVER_US);
	address_table_fini(&table);
}

/* Does each entry stand where it says, and each place hold one of these? */
static bool is_sound(const struct address_table *table)
{
	size_t waiting = 0, due = 0, in_lanes = 0;
	bool is_right = true;
	for (const struct address_entry *entry = table->entries; entry != NULL; entry = entry->hh.next) {
		if (entry->lane != LANE_NONE)
			is_right = is_right && entry->due.place < table->lanes[entry->lane].count &&
				   table->lanes[entry->lane].entries[entry->due.place] == entry;
		else if (entry->due.place != 0)
			is_right = is_right && table->waiting.items[entry->due.place] == &entry->due;
		waiting += entry->lane == LANE_NONE && entry->due.place != 0;
		due += entry->lane != LANE_NONE;
	}
	for (int lane = 0; lane < LANES; lane++)
		in_lanes += table->lanes[lane].count;
	return is_right && waiting == table->waiting.count && due == in_lanes;
}

static void it_stays_sound_whatever_comes_in_which_order(void)
{
	struct address_table table;
	struct rng rng;
	rng_seed(&rng, 1);
	init(&table, 4 * SMALL_MOST);
	for (int64_t now_us = 0; now_us < 20000; now_us++) {
		struct address address = host_in(rng_below(&rng, 4), rng_below(&rng, 100));
		struct address_entry *entry = address_table_find(&table, &address), *rival;
		if (entry == NULL)
			entry = tell(&table, rng_below(&rng, 5), address);
		if (entry == NULL)
			continue;
		entry->backoff = rng_below(&rng, 2);
		entry->heard_us = now_us;
		switch (rng_below(&rng, 6)) {
		case 0:
			address_table_remove(&table, entry);
			break;
		case 1:
			address_table_set_due(&table, entry, FOREVER_US);
			break;
		case 2:
			address_table_place_tried(&table, entry, may_go, NULL, &rival);
			address_table_update_lane(&table, entry);
			break;
		case 3:
			address_table_unplace(&table, entry);
			if (!address_table_place_new(&table, entry, may_go, NULL))
				address_table_remove(&table, entry);
			break;
		case 4:
			address_table_run(&table, now_us);
			break;
		default:
			address_table_set_due(&table, entry, now_us + rng_below(&rng, 100));
			break;
		}
		if (now_us % 100 == 0 && !EXPECT(is_sound(&table), "step %lld", (long long)now_us))
			break;
	}
	CU_ASSERT(address_table_count(&table) > 100);
	address_table_fini(&table);
}

static void entries_share_the_texts_of_their_errors(void)
{
	static char long_text[2 * ADDRESS_ERROR_BYTES];
	struct address_table table;
	init(&table, DEFAULT_MOST);
	struct address_entry *one = add(&table, host_in(1, 1), (struct address){0});
	struct address_entry *other = add(&table, host_in(1, 2), (struct address){0});
	CU_ASSERT_PTR_NULL(one->error);
	address_table_set_error(&table, one, "connection refused");
	address_table_set_error(&table, other, "connection refused");
	CU_ASSERT_PTR_EQUAL(one->error, other->error);
	EXPECT_TEXT(one->error->text, "connection refused");
	CU_ASSERT_EQUAL(HASH_COUNT(table.errors), 1);

	/* To itself; to another; to none. */
	address_table_set_error(&table, one, one->error->text);
	address_table_set_error(&table, other, "connection reset");
	address_table_set_error(&table, one, one->error->text);
	EXPECT_TEXT(one->error->text, "connection refused");
	EXPECT_TEXT(other->error->text, "connection reset");
	address_table_set_error(&table, one, NULL);
	CU_ASSERT_PTR_NULL(one->error);
	CU_ASSERT_EQUAL(HASH_COUNT(table.errors), 1);

	memset(long_text, 'x', sizeof long_text - 1);
	address_table_set_error(&table, one, long_text);
	CU_ASSERT_EQUAL(strlen(one->error->text), ADDRESS_ERROR_BYTES - 1);
	address_table_set_error(&table, other, one->error->text);
	CU_ASSERT_PTR_EQUAL(one->error, other->error);
	address_table_remove(&table, one);
	address_table_remove(&table, other);
	CU_ASSERT_PTR_NULL(table.errors);
	address_table_fini(&table);
}

static CU_TestInfo tests[] = {
	{"entries share the texts of their errors", entries_share_the_texts_of_their_errors},
	{"an entry is found by its address until it is removed", an_entry_is_found_by_its_address_until_it_is_removed},
	{"a group of tellers has its share of the places", a_group_of_tellers_has_its_share_of_the_places},
	{"many groups of tellers share all the places", many_groups_of_tellers_share_all_the_places},
	{"what was tried of one group has an eighth of the places",
	 what_was_tried_of_one_group_has_an_eighth_of_the_places},
	{"the bucket depends on groups and on the secret", the_bucket_depends_on_groups_and_on_the_secret},
	{"a flood displaces only itself", a_flood_displaces_only_itself},
	{"who failed most goes, and then who was heard of longest ago",
	 who_failed_most_goes_and_then_who_was_heard_of_longest_ago},
	{"what may not go stays", what_may_not_go_stays},
	{"where the tried are many, the longest unheard is the rival",
	 where_the_tried_are_many_the_longest_unheard_is_the_rival},
	{"what is due stands in the lane of its kind", what_is_due_stands_in_the_lane_of_its_kind},
	{"what is due later waits until then", what_is_due_later_waits_until_then},
	{"it stays sound, whatever comes in which order", it_stays_sound_whatever_comes_in_which_order},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_table = {.pName = "address_table", .pTests = tests};

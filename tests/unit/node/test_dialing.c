#include "node/dialing.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static void hear(struct core *core, const char *text)
{
	struct address address = address_of(text);
	struct message_entry entry = {.address = address};
	CU_ASSERT_EQUAL(address_book_hear(core->book, &entry, 1, &address, core->now_us), 1);
}

/* A peer says that it listens there. */
static void claim(struct core *core, const char *text, unsigned number)
{
	struct address address = address_of(text);
	struct arrival arrival = {.connection = core,
				  .nodeid = nodeid_of(number),
				  .host = address_of("127.0.0.9:40000"),
				  .now_us = core->now_us};
	address_book_arrived(core->book, &arrival);
	CU_ASSERT(address_book_claimed(core->book, core, &address, core->now_us));
}

static void nothing_is_dialled_where_nothing_is_known(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core_start(&core);
	struct next_dial next = dialing_next(&core.settings, core.registry, core.book, core.now_us);
	CU_ASSERT(!next.is_due && next.next_us == FOREVER_US);
	core_fini(&core);
}

static void only_so_many_dials_are_under_way(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core.settings.max_dialing = 2;
	core_start(&core);
	hear(&core, "127.0.0.2:5999");
	hear(&core, "127.0.0.3:5999");
	hear(&core, "127.0.0.4:5999");
	struct peer *first = core_dial_next(&core);
	struct peer *second = core_dial_next(&core);
	CU_ASSERT_FATAL(first != NULL && second != NULL);
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core_end(&core, first);
	struct peer *third = core_dial_next(&core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(third);
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core_say_hello(&core, third, 4, 0);
	CU_ASSERT_EQUAL(registry_count(core.registry).dials, 1);
	hear(&core, "127.0.0.5:5999");
	CU_ASSERT_PTR_NOT_NULL(core_dial_next(&core));
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core_fini(&core);
}

static void feelers_are_dials_under_way_too(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core.settings.max_dialing = 1;
	core_start(&core);
	claim(&core, "127.0.0.2:5999", 2);
	hear(&core, "127.0.0.3:5999");
	struct peer *feeler = core_dial_next(&core);
	CU_ASSERT_FATAL(feeler != NULL && dial_is_feeler(peer_dial(feeler)));
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core_fini(&core);
}

static void enough_peers_that_were_dialled_end_the_dialling(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core.settings.max_outbound = 2;
	core_start(&core);
	core_meet(&core, 8, "127.0.0.8:40000", 0);
	core_meet(&core, 9, "127.0.0.9:40000", 0);
	hear(&core, "127.0.0.2:5999");
	hear(&core, "127.0.0.3:5999");
	hear(&core, "127.0.0.4:5999");
	struct peer *first = core_dial_next(&core);
	struct peer *second = core_dial_next(&core);
	CU_ASSERT_FATAL(first != NULL && second != NULL);
	core_say_hello(&core, first, 2, 0);
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core_say_hello(&core, second, 3, 0);
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core_end(&core, first);
	CU_ASSERT_PTR_NOT_NULL(core_dial_next(&core));
	core_fini(&core);
}

static void feelers_go_out_though_enough_peers_were_dialled(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core.settings.max_outbound = 1;
	core_start(&core);
	core_reach(&core, 2, "127.0.0.2:5999");
	hear(&core, "127.0.0.3:5999");
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	claim(&core, "127.0.0.4:5999", 4);
	struct peer *feeler = core_dial_next(&core);
	CU_ASSERT_FATAL(feeler != NULL && dial_is_feeler(peer_dial(feeler)));
	EXPECT_TEXT(address_text(peer_dial(feeler)->address), "127.0.0.4:5999");
	core_fini(&core);
}

static void a_feeler_takes_no_place_of_a_peer(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core.settings.max_outbound = 1;
	core_start(&core);
	claim(&core, "127.0.0.4:5999", 4);
	hear(&core, "127.0.0.3:5999");
	struct peer *feeler = core_dial_next(&core);
	CU_ASSERT_FATAL(feeler != NULL && dial_is_feeler(peer_dial(feeler)));
	struct peer *peer = core_dial_next(&core);
	CU_ASSERT(peer != NULL && !dial_is_feeler(peer_dial(peer)));
	core_fini(&core);
}

static void it_is_said_when_the_next_dial_is_due(void)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core_start(&core);
	struct peer *failed = core_dial(&core, "127.0.0.2:5999");
	core_end(&core, failed);
	struct next_dial next = dialing_next(&core.settings, core.registry, core.book, core.now_us);
	CU_ASSERT_FALSE(next.is_due);
	CU_ASSERT(next.next_us >= core.now_us + core.settings.retry_min_us);
	CU_ASSERT(next.next_us <= core.now_us + 2 * core.settings.retry_min_us);
	core.now_us = next.next_us - 1;
	CU_ASSERT_PTR_NULL(core_dial_next(&core));
	core.now_us = next.next_us;
	CU_ASSERT_PTR_NOT_NULL(core_dial_next(&core));
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"nothing is dialled where nothing is known", nothing_is_dialled_where_nothing_is_known},
	{"only so many dials are under way", only_so_many_dials_are_under_way},
	{"feelers are dials under way too", feelers_are_dials_under_way_too},
	{"enough peers that were dialled end the dialling", enough_peers_that_were_dialled_end_the_dialling},
	{"feelers go out though enough peers were dialled", feelers_go_out_though_enough_peers_were_dialled},
	{"a feeler takes no place of a peer", a_feeler_takes_no_place_of_a_peer},
	{"it is said when the next dial is due", it_is_said_when_the_next_dial_is_due},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_dialing = {
	.pName = "dialing", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};

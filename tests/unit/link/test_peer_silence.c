/* Peers that are late, and their part of the pace. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/sync.h"
#include "link/pace.h"
#include "link/peer.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { OUTBOX_BYTES = 1024 * 1024 };

static const int64_t start_us = 1000 * SECOND_US;
static const struct settings settings = {.probe_interval_us = SECOND_US,
					 .ping_interval_us = 60 * SECOND_US,
					 .ping_timeout_us = 20 * SECOND_US,
					 .max_outbox = OUTBOX_BYTES};

/* Connected, and not READY yet; the pace may be NULL. */
static struct peer *new_peer(struct pace *pace)
{
	struct dial dial = {.address = address_of("127.0.0.2:5999")};
	struct address local = address_of("127.0.0.1:40000");
	struct peer *peer = peer_new(PEER_OUTBOUND, NULL, &dial, &settings, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	peer_set_pace(peer, pace);
	CU_ASSERT(peer_connected(peer, &local));
	return peer;
}

static bool make_ready(struct peer *peer)
{
	struct message_hello hello = {.nodeid = nodeid_of(2), .name = "two"};
	return peer_ready(peer, &hello, &settings, &core_secret, start_us);
}

static struct peer *new_ready_peer(struct pace *pace)
{
	struct peer *peer = new_peer(pace);
	CU_ASSERT(make_ready(peer));
	return peer;
}

static void a_peer_is_late_after_a_second_or_four_round_trips(void)
{
	static const struct {
		int64_t rtt_us, late_after_us;
	} cases[] = {
		{-1, PEER_LATE_US}, {300, PEER_LATE_US}, {PEER_LATE_US / 4, PEER_LATE_US}, {600 * MS_US, 2400 * MS_US}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer *peer = new_ready_peer(NULL);
		int64_t now_us = start_us;
		if (cases[i].rtt_us >= 0) {
			peer_ping(peer, now_us);
			CU_ASSERT(peer_pong(peer, now_us + cases[i].rtt_us));
			peer_count_read(peer, 10, now_us + cases[i].rtt_us);
			now_us += 100 * SECOND_US;
		}
		CU_ASSERT_EQUAL(peer_look(peer, now_us).usual_rtt_us, cases[i].rtt_us);
		CU_ASSERT_EQUAL(peer_silence(peer).since_us, FOREVER_US);
		peer_ping(peer, now_us);
		struct peer_silence silent = peer_silence(peer);
		EXPECT(silent.since_us == now_us && silent.late_after_us == cases[i].late_after_us, "case %zu", i);
		int64_t late_us = cases[i].late_after_us;
		EXPECT(peer_look(peer, now_us + late_us - 1).late_us == -1, "case %zu", i);
		EXPECT(peer_look(peer, now_us + late_us).late_us == late_us, "case %zu", i);
		EXPECT(peer_look(peer, now_us + late_us).waiting_us == late_us, "case %zu", i);
		/* Other bytes are no answer, but no silence either. */
		peer_count_read(peer, 10, now_us + late_us);
		EXPECT(peer_look(peer, now_us + late_us).late_us == -1, "case %zu", i);
		EXPECT(peer_silence(peer).since_us == now_us + late_us, "case %zu", i);
		EXPECT(peer_look(peer, now_us + 2 * late_us).late_us == late_us, "case %zu", i);
		peer_excuse(peer, now_us + 2 * late_us);
		EXPECT(peer_look(peer, now_us + 2 * late_us).late_us == -1, "case %zu", i);
		CU_ASSERT(peer_pong(peer, now_us + 10 * late_us));
		EXPECT(peer_look(peer, now_us + 100 * late_us).late_us == -1, "case %zu", i);
		peer_release(peer);
	}
}

static void an_episode_begins_and_ends_once(void)
{
	struct peer *peer = new_ready_peer(NULL);
	CU_ASSERT_EQUAL(peer_end_late(peer), -1);
	for (int episode = 0; episode < 2; episode++) {
		int64_t since_us = start_us + episode;
		CU_ASSERT(peer_begin_late(peer, since_us));
		CU_ASSERT_FALSE(peer_begin_late(peer, since_us + 5));
		CU_ASSERT(peer_take_late_line(peer) && !peer_take_late_line(peer));
		CU_ASSERT_EQUAL(peer_end_late(peer), since_us);
		CU_ASSERT_EQUAL(peer_end_late(peer), -1);
	}
	CU_ASSERT_FALSE(peer_is_missed(peer));
	peer_set_missed(peer, true);
	CU_ASSERT(peer_is_missed(peer));
	peer_release(peer);
}

enum act { CLOSE, CUT, LEAVE, FAIL, ACTS };

static void end(struct peer *peer, enum act act)
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

static void a_peer_has_its_part_of_the_pace_from_ready_to_its_end(void)
{
	struct pace *pace = pace_new(&settings);
	struct peer *others[2];
	CU_ASSERT_PTR_NOT_NULL_FATAL(pace);
	for (int i = 0; i < 2; i++)
		others[i] = new_ready_peer(pace);
	for (int act = CLOSE; act < ACTS; act++) {
		struct peer *peer = new_peer(pace);
		CU_ASSERT_EQUAL(pace_interval_us(pace), 2 * SECOND_US);
		CU_ASSERT(make_ready(peer));
		CU_ASSERT_EQUAL(pace_interval_us(pace), 3 * SECOND_US);
		end(peer, (enum act)act);
		CU_ASSERT_EQUAL(pace_interval_us(pace), 2 * SECOND_US);
		end(peer, FAIL);
		peer_release(peer);
		CU_ASSERT_EQUAL(pace_interval_us(pace), 2 * SECOND_US);
		/* One that was closed before it was READY. */
		peer = new_peer(pace);
		end(peer, (enum act)act);
		CU_ASSERT_FALSE(make_ready(peer));
		CU_ASSERT_EQUAL(pace_interval_us(pace), 2 * SECOND_US);
		peer_release(peer);
	}
	for (int i = 0; i < 2; i++) {
		end(others[i], CLOSE);
		peer_release(others[i]);
	}
	CU_ASSERT_EQUAL(pace_interval_us(pace), SECOND_US);
	pace_free(pace);
}

struct closing {
	struct peer *peer;
	atomic_bool goes;
};

static void *close_at_once(void *argument)
{
	struct closing *closing = argument;
	while (!atomic_load(&closing->goes))
		thread_yield();
	peer_close(closing->peer, BYE_SHUTDOWN);
	return NULL;
}

/* Its reader makes it READY while another thread closes it: whoever is first, it takes part no more. */
static void a_peer_that_is_closed_while_it_becomes_ready_leaves_the_pace(void)
{
	enum { TIMES = 300 };
	struct pace *pace = pace_new(&settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pace);
	/* Two that stay, so that a count below zero shows too. */
	pace_join(pace);
	pace_join(pace);
	for (int i = 0; i < TIMES; i++) {
		struct closing closing = {.peer = new_peer(pace)};
		pthread_t thread;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, close_at_once, &closing), 0);
		atomic_store(&closing.goes, true);
		make_ready(closing.peer);
		pthread_join(thread, NULL);
		peer_release(closing.peer);
	}
	CU_ASSERT_EQUAL(pace_interval_us(pace), 2 * SECOND_US);
	pace_free(pace);
}

static CU_TestInfo tests[] = {
	{"a peer is late after a second, or four round trips", a_peer_is_late_after_a_second_or_four_round_trips},
	{"an episode begins and ends once", an_episode_begins_and_ends_once},
	{"a peer has its part of the pace from READY to its end",
	 a_peer_has_its_part_of_the_pace_from_ready_to_its_end},
	{"a peer that is closed while it becomes READY leaves the pace",
	 a_peer_that_is_closed_while_it_becomes_ready_leaves_the_pace},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_peer_silence = {.pName = "peer_silence", .pTests = tests};

#include "kith/hook_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

static struct hook_queue *queue;

static int begin(void)
{
	queue = calloc(1, sizeof *queue);
	return queue == NULL;
}

static int end(void)
{
	free(queue);
	return 0;
}

static void put(uint64_t number, const char *kind, const char *nodeid, const char *name, const char *address)
{
	char text[512];
	struct problem problem;
	struct json_object *row = NULL;
	int length = snprintf(text, sizeof text, "{\"kind\":\"%s\",\"nodeid\":%s,\"name\":\"%s\",\"address\":\"%s\"}",
			      kind, nodeid, name, address);
	CU_ASSERT_FATAL(json_parse(text, (size_t)length, 4, &row, &problem));
	CU_ASSERT(hook_queue_put(queue, row, number));
	json_object_put(row);
}

#define A "\"aaaaaaaa-0000-4000-8000-000000000000\""
#define B "\"bbbbbbbb-0000-4000-8000-000000000000\""

/* The next event has this number, and its command begins. */
static struct hook_event take(uint64_t number)
{
	struct hook_event event = {0};
	EXPECT(hook_queue_take(queue, &event) && event.number == number, "%d instead of %d", (int)event.number,
	       (int)number);
	return event;
}

static void expect_none(void)
{
	struct hook_event event = {0};
	EXPECT(!hook_queue_take(queue, &event), "%d", (int)event.number);
}

static void one_command_runs_for_each_peer(void)
{
	put(1, "peer_up", A, "a", "1.1.1.1:1");
	put(2, "peer_up", B, "b", "1.1.1.2:1");
	struct hook_event first = take(1);
	put(3, "peer_down", A, "a", "1.1.1.1:1");
	struct hook_event other = take(2);
	expect_none();
	hook_queue_done(queue, &other);
	expect_none();
	hook_queue_done(queue, &first);
	first = take(3);
	hook_queue_done(queue, &first);
	hook_queue_fini(queue);
}

static void the_newest_state_wins(void)
{
	put(1, "peer_up", A, "a", "1.1.1.1:1");
	struct hook_event first = take(1);
	put(2, "peer_down", A, "a", "1.1.1.1:1");
	put(3, "peer_up", B, "b", "1.1.1.2:1");
	put(4, "peer_up", A, "a", "1.1.1.1:1");
	put(5, "peer_down", A, "a", "1.1.1.1:1");
	CU_ASSERT(queue->count == 2);
	hook_queue_done(queue, &first);
	struct hook_event other = take(3), newest = take(5);
	expect_none();
	hook_queue_done(queue, &other);
	hook_queue_done(queue, &newest);
	hook_queue_fini(queue);
}

static void what_is_no_state_of_the_same_is_kept_in_order(void)
{
	put(1, "peer_down", A, "a", "1.1.1.1:1");
	put(2, "dial_failed", A, "a", "1.1.1.1:1");
	put(3, "dial_failed", "null", "", "1.1.1.3:1");
	put(4, "setting", "null", "max_peers", "");
	put(5, "setting", "null", "name", "");
	put(6, "news", A, "a", "1.1.1.1:1");
	put(7, "news", A, "a", "1.1.1.1:1");
	CU_ASSERT(queue->count == 7);
	for (uint64_t number = 1; number <= 7; number++) {
		struct hook_event event = take(number);
		hook_queue_done(queue, &event);
	}
	hook_queue_fini(queue);
}

static void put_of_network(uint64_t number, const char *kind, const char *rest)
{
	char text[512];
	struct problem problem;
	struct json_object *row = NULL;
	int length = snprintf(text, sizeof text, "{\"kind\":\"%s\",\"nodeid\":" A ",%s}", kind, rest);
	CU_ASSERT_FATAL(json_parse(text, (size_t)length, 4, &row, &problem));
	CU_ASSERT(hook_queue_put(queue, row, number));
	json_object_put(row);
}

static void states_of_the_network_are_of_pairs_and_problems(void)
{
	static const uint64_t left[] = {3, 4, 6, 7, 9};
	put_of_network(1, "link_down", "\"other\":" B);
	put_of_network(2, "node_up", "\"name\":\"a\"");
	put_of_network(3, "node_gone", "\"name\":\"a\"");
	put_of_network(4, "link_up", "\"other\":" B);
	put_of_network(5, "problem", "\"problem\":1");
	put_of_network(6, "problem", "\"problem\":2");
	put_of_network(7, "problem_over", "\"problem\":1");
	put_of_network(8, "link_down", "\"other\":" A);
	put_of_network(9, "link_up", "\"other\":" A);
	CU_ASSERT(queue->count == sizeof left / sizeof *left);
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		struct hook_event event = take(left[i]);
		hook_queue_done(queue, &event);
	}
	hook_queue_fini(queue);
}

static void commands_and_events_are_bounded(void)
{
	struct hook_event events[HOOK_RUNNING_MOST];
	char nodeid[64];
	for (int i = 0; i < HOOK_QUEUE_MOST; i++) {
		CU_ASSERT(!hook_queue_is_full(queue));
		snprintf(nodeid, sizeof nodeid, "\"%08x-0000-4000-8000-000000000000\"", (unsigned)i);
		put((uint64_t)i + 1, "peer_up", nodeid, "", "");
	}
	CU_ASSERT(hook_queue_is_full(queue));
	for (uint64_t i = 0; i < HOOK_RUNNING_MOST; i++)
		events[i] = take(i + 1);
	expect_none();
	CU_ASSERT(!hook_queue_is_full(queue));
	for (int i = 0; i < HOOK_RUNNING_MOST; i++)
		hook_queue_done(queue, &events[i]);
	CU_ASSERT(queue->busy_count == 0);
	hook_queue_fini(queue);
}

static void what_waits_is_noted(void)
{
	struct cursor cursor = {0};
	put(7, "peer_up", A, "a", "");
	put(9, "peer_up", B, "b", "");
	hook_queue_note_waiting(queue, &cursor);
	CU_ASSERT(cursor.waiting_count == 2 && cursor.waiting[0] == 7 && cursor.waiting[1] == 9);
	CU_ASSERT(!cursor.is_lost_waiting && !cursor.is_initial_waiting);
	/* The numbers mean nothing any more. */
	hook_queue_note_boot(queue);
	put(2, "started", "null", "", "");
	hook_queue_note_waiting(queue, &cursor);
	CU_ASSERT(cursor.waiting_count == 1 && cursor.waiting[0] == 2 && cursor.is_lost_waiting);
	hook_queue_fini(queue);
	put(0, "peer_up", A, "a", "");
	hook_queue_note_waiting(queue, &cursor);
	CU_ASSERT(cursor.waiting_count == 0 && !cursor.is_lost_waiting && cursor.is_initial_waiting);
	put(0, "lost", "null", "", "");
	hook_queue_note_waiting(queue, &cursor);
	CU_ASSERT(cursor.is_lost_waiting);
	hook_queue_fini(queue);
}

static CU_TestInfo tests[] = {
	{"one command runs for each peer", one_command_runs_for_each_peer},
	{"the newest state wins", the_newest_state_wins},
	{"what is no state of the same is kept, in order", what_is_no_state_of_the_same_is_kept_in_order},
	{"states of the network are of pairs and of problems", states_of_the_network_are_of_pairs_and_problems},
	{"commands and events are bounded", commands_and_events_are_bounded},
	{"what waits is noted", what_waits_is_noted},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_hook_queue = {"hook_queue", begin, end, NULL, NULL, tests};

#include "link/outbox.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/sync.h"
#include "runner.h"
#include "unit/asleep.h"
#include "unit/suites.h"

/* So late that whoever waits for it instead of what it should wait for is seen to be wrong. */
enum { LATE_US = 20 * 1000 * 1000, SOON_US = 20 * 1000, LIMIT_BYTES = 64 };

static enum outbox_result put(struct outbox *outbox, const char *line)
{
	return outbox_put(outbox, line, strlen(line), false);
}

static enum outbox_result close_with(struct outbox *outbox, const char *line)
{
	return outbox_close(outbox, line, strlen(line));
}

static struct outbox *new_outbox(void)
{
	struct outbox *outbox = outbox_new(LIMIT_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(outbox);
	return outbox;
}

/* All that is in the outbox, taken out as it is written: so many bytes at a time. */
static const char *take_all(struct outbox *outbox, size_t step)
{
	static char text[4096];
	size_t length = 0, held;
	const char *bytes;
	CU_ASSERT(outbox_take_turn(outbox));
	while ((held = outbox_head(outbox, &bytes)) > 0) {
		size_t taken = held < step ? held : step;
		CU_ASSERT_FATAL(length + taken < sizeof text);
		memcpy(text + length, bytes, taken);
		length += taken;
		outbox_wrote(outbox, taken);
	}
	outbox_return_turn(outbox);
	text[length] = '\0';
	return text;
}

static void lines_come_out_in_the_order_they_went_in(void)
{
	static const size_t steps[] = {1, 3, 5, 4096};
	struct outbox *outbox = new_outbox();
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		CU_ASSERT_EQUAL(put(outbox, "one\n"), OUTBOX_TAKEN);
		CU_ASSERT_EQUAL(put(outbox, "two\n"), OUTBOX_TAKEN);
		CU_ASSERT_EQUAL(put(outbox, "three\n"), OUTBOX_TAKEN);
		const char *text = take_all(outbox, steps[i]);
		EXPECT(strcmp(text, "one\ntwo\nthree\n") == 0, "in steps of %zu: %s", steps[i], text);
	}
	CU_ASSERT_STRING_EQUAL(take_all(outbox, 1), "");
	outbox_free(outbox);
}

static void an_outbox_holds_no_more_than_its_limit(void)
{
	struct outbox *outbox = new_outbox();
	static const char line[] = "0123456789abcde\n";
	for (int i = 0; i < LIMIT_BYTES / 16; i++)
		CU_ASSERT_EQUAL(put(outbox, line), OUTBOX_TAKEN);
	CU_ASSERT_EQUAL(put(outbox, "\n"), OUTBOX_FULL);
	CU_ASSERT_EQUAL(put(outbox, line), OUTBOX_FULL);
	CU_ASSERT_EQUAL(strlen(take_all(outbox, 7)), LIMIT_BYTES);
	CU_ASSERT_EQUAL(put(outbox, line), OUTBOX_TAKEN);
	outbox_free(outbox);
}

static void what_is_being_written_counts_for_the_limit_until_it_has_gone_out(void)
{
	struct outbox *outbox = new_outbox();
	char line[LIMIT_BYTES];
	const char *bytes;
	memset(line, 'x', sizeof line);
	CU_ASSERT_EQUAL(outbox_put(outbox, line, sizeof line, false), OUTBOX_TAKEN);
	CU_ASSERT(outbox_take_turn(outbox));
	CU_ASSERT_EQUAL(outbox_head(outbox, &bytes), LIMIT_BYTES);
	CU_ASSERT_EQUAL(put(outbox, "\n"), OUTBOX_FULL);
	outbox_wrote(outbox, 10);
	CU_ASSERT_EQUAL(outbox_put(outbox, line, 11, false), OUTBOX_FULL);
	CU_ASSERT_EQUAL(outbox_put(outbox, line, 10, false), OUTBOX_TAKEN);
	outbox_return_turn(outbox);
	outbox_free(outbox);
}

static void a_closed_outbox_takes_no_more_lines(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT_FALSE(outbox_is_closed(outbox));
	CU_ASSERT_EQUAL(put(outbox, "one\n"), OUTBOX_TAKEN);
	CU_ASSERT_EQUAL(close_with(outbox, "bye\n"), OUTBOX_TAKEN);
	CU_ASSERT(outbox_is_closed(outbox));
	CU_ASSERT_EQUAL(put(outbox, "two\n"), OUTBOX_CLOSED);
	CU_ASSERT_EQUAL(close_with(outbox, "bye again\n"), OUTBOX_CLOSED);
	CU_ASSERT_STRING_EQUAL(take_all(outbox, 4096), "one\nbye\n");
	outbox_free(outbox);
}

static void an_outbox_may_be_closed_without_a_line(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT_EQUAL(put(outbox, "one\n"), OUTBOX_TAKEN);
	outbox_close(outbox, "", 0);
	CU_ASSERT(outbox_is_closed(outbox));
	CU_ASSERT_EQUAL(put(outbox, "two\n"), OUTBOX_CLOSED);
	CU_ASSERT_STRING_EQUAL(take_all(outbox, 4096), "one\n");
	outbox_free(outbox);
}

static void the_last_line_goes_into_a_full_outbox(void)
{
	struct outbox *outbox = new_outbox();
	char line[LIMIT_BYTES];
	memset(line, 'x', sizeof line);
	CU_ASSERT_EQUAL(outbox_put(outbox, line, sizeof line, false), OUTBOX_TAKEN);
	CU_ASSERT_EQUAL(close_with(outbox, "bye\n"), OUTBOX_TAKEN);
	CU_ASSERT_STRING_EQUAL(take_all(outbox, 4096) + LIMIT_BYTES, "bye\n");
	outbox_free(outbox);
}

static void one_thread_at_a_time_has_the_turn(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT(outbox_take_turn(outbox));
	CU_ASSERT_FALSE(outbox_take_turn(outbox));
	CU_ASSERT_FALSE(outbox_take_turn(outbox));
	outbox_return_turn(outbox);
	CU_ASSERT(outbox_take_turn(outbox));
	outbox_return_turn(outbox);
	outbox_free(outbox);
}

static void an_unfinished_line_stays_at_the_head(void)
{
	struct outbox *outbox = new_outbox();
	const char *bytes;
	CU_ASSERT_EQUAL(put(outbox, "unfinished\n"), OUTBOX_TAKEN);
	CU_ASSERT(outbox_take_turn(outbox));
	CU_ASSERT_EQUAL(outbox_head(outbox, &bytes), 11);
	CU_ASSERT_EQUAL(put(outbox, "later\n"), OUTBOX_TAKEN);
	outbox_wrote(outbox, 2);
	outbox_return_turn(outbox);
	CU_ASSERT(outbox_take_turn(outbox));
	CU_ASSERT_EQUAL_FATAL(outbox_head(outbox, &bytes), 9);
	CU_ASSERT(memcmp(bytes, "finished\n", 9) == 0);
	outbox_return_turn(outbox);
	CU_ASSERT_EQUAL(close_with(outbox, "bye\n"), OUTBOX_TAKEN);
	CU_ASSERT_STRING_EQUAL(take_all(outbox, 4096), "finished\nlater\nbye\n");
	outbox_free(outbox);
}

static void who_may_write_gets_the_turn_where_nothing_waits(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT_EQUAL(outbox_put(outbox, "one\n", 4, true), OUTBOX_EMPTY);
	CU_ASSERT_EQUAL(outbox_held_bytes(outbox), 0);
	CU_ASSERT_FALSE(outbox_take_turn(outbox));
	CU_ASSERT(outbox_keep(outbox, "ne\n", 3));
	CU_ASSERT_EQUAL(outbox_put(outbox, "two\n", 4, true), OUTBOX_TAKEN);
	CU_ASSERT_EQUAL(outbox_held_bytes(outbox), 7);
	outbox_return_turn(outbox);
	CU_ASSERT_EQUAL(outbox_put(outbox, "three\n", 6, true), OUTBOX_TAKEN);
	CU_ASSERT_STRING_EQUAL(take_all(outbox, 2), "ne\ntwo\nthree\n");
	CU_ASSERT_EQUAL(outbox_put(outbox, "four\n", 5, true), OUTBOX_EMPTY);
	outbox_return_turn(outbox);
	outbox_close(outbox, "", 0);
	CU_ASSERT_EQUAL(outbox_put(outbox, "five\n", 5, true), OUTBOX_CLOSED);
	outbox_free(outbox);
}

/* ---- waiting ---- */

static bool returns_at_once(struct outbox *outbox)
{
	int64_t deadline_us = clock_now_us() + LATE_US;
	outbox_wait(outbox, deadline_us);
	return clock_now_us() < deadline_us;
}

static bool waits_until_the_deadline(struct outbox *outbox)
{
	int64_t deadline_us = clock_now_us() + SOON_US;
	outbox_wait(outbox, deadline_us);
	return clock_now_us() >= deadline_us;
}

static void there_is_nothing_to_wait_for_when_a_line_is_there(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT(waits_until_the_deadline(outbox));
	put(outbox, "one\n");
	CU_ASSERT(returns_at_once(outbox));
	CU_ASSERT(returns_at_once(outbox));
	take_all(outbox, 4096);
	CU_ASSERT(waits_until_the_deadline(outbox));
	outbox_close(outbox, "", 0);
	CU_ASSERT(returns_at_once(outbox));
	outbox_free(outbox);
}

static void lines_that_somebody_else_writes_wake_nobody(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT(outbox_take_turn(outbox));
	put(outbox, "one\n");
	CU_ASSERT(waits_until_the_deadline(outbox));
	outbox_return_turn(outbox);
	CU_ASSERT(returns_at_once(outbox));
	outbox_free(outbox);
}

static void a_call_ends_one_wait(void)
{
	struct outbox *outbox = new_outbox();
	outbox_call_pinger(outbox);
	outbox_call_pinger(outbox);
	CU_ASSERT(returns_at_once(outbox));
	CU_ASSERT(waits_until_the_deadline(outbox));
	CU_ASSERT(outbox_take_turn(outbox));
	outbox_call_pinger(outbox);
	CU_ASSERT(returns_at_once(outbox));
	outbox_return_turn(outbox);
	outbox_free(outbox);
}

struct waiter {
	struct outbox *outbox;
	int64_t deadline_us;
	int64_t returned_us;
	atomic_int tid;
	void (*wait)(struct outbox *outbox, int64_t until_us);
};

static void *wait_in_thread(void *argument)
{
	struct waiter *waiter = argument;
	atomic_store(&waiter->tid, gettid());
	waiter->wait(waiter->outbox, waiter->deadline_us);
	waiter->returned_us = clock_now_us();
	return NULL;
}

static void do_write_nothing(struct outbox *outbox)
{
	put(outbox, "one\n");
	CU_ASSERT(outbox_take_turn(outbox));
	outbox_return_turn(outbox);
}

static void do_close(struct outbox *outbox)
{
	outbox_close(outbox, "", 0);
}

static void do_return_turn_with_lines(struct outbox *outbox)
{
	put(outbox, "one\n");
	outbox_return_turn(outbox);
}

static void do_return_turn_with_half_a_line(struct outbox *outbox)
{
	const char *bytes;
	put(outbox, "one\n");
	outbox_head(outbox, &bytes);
	outbox_wrote(outbox, 1);
	outbox_return_turn(outbox);
}

static void do_close_and_return_turn(struct outbox *outbox)
{
	outbox_close(outbox, "", 0);
	outbox_return_turn(outbox);
}

static void the_one_who_waits_is_woken_by_what_concerns_it(void)
{
	static const struct {
		const char *what;
		void (*act)(struct outbox *outbox);
		bool has_turn;
		void (*wait)(struct outbox *outbox, int64_t until_us);
	} cases[] = {
		{"a line that could not be written", do_write_nothing, false, outbox_wait},
		{"a close", do_close, false, outbox_wait},
		{"a call", outbox_call_pinger, false, outbox_wait},
		{"a call while another writes", outbox_call_pinger, true, outbox_wait},
		{"lines that another did not write", do_return_turn_with_lines, true, outbox_wait},
		{"half a line that another did not write", do_return_turn_with_half_a_line, true, outbox_wait},
		{"a close while another wrote", do_close_and_return_turn, true, outbox_wait},
		{"the close that is waited for", do_close, false, outbox_wait_closed},
		{"that close while another wrote", do_close_and_return_turn, true, outbox_wait_closed},
		{"the finish", outbox_finish, false, outbox_wait_finished},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outbox *outbox = new_outbox();
		struct waiter waiter = {
			.outbox = outbox, .deadline_us = clock_now_us() + LATE_US, .wait = cases[i].wait};
		struct thread thread;
		if (cases[i].has_turn)
			CU_ASSERT(outbox_take_turn(outbox));
		CU_ASSERT_EQUAL_FATAL(thread_start(&thread, wait_in_thread, &waiter), 0);
		wait_until_asleep(&waiter.tid, waiter.deadline_us);
		cases[i].act(outbox);
		thread_join(thread);
		EXPECT(waiter.returned_us < waiter.deadline_us, "%s", cases[i].what);
		if (cases[i].has_turn && cases[i].act == outbox_call_pinger)
			outbox_return_turn(outbox);
		outbox_free(outbox);
	}
}

static void the_wait_for_the_reader_ends_when_it_is_done_or_late(void)
{
	struct outbox *outbox = new_outbox();
	int64_t deadline_us = clock_now_us() + SOON_US;
	put(outbox, "one\n");
	outbox_call_pinger(outbox);
	outbox_wait_finished(outbox, deadline_us);
	CU_ASSERT(clock_now_us() >= deadline_us);
	outbox_finish(outbox);
	deadline_us = clock_now_us() + LATE_US;
	outbox_wait_finished(outbox, deadline_us);
	outbox_wait_finished(outbox, deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	outbox_free(outbox);
}

/* ---- the life of the pinger ---- */

static bool count_start(void *argument)
{
	++*(int *)argument;
	return true;
}

static void do_put_only(struct outbox *outbox)
{
	put(outbox, "one\n");
}

static void do_put_and_write(struct outbox *outbox)
{
	put(outbox, "one\n");
	take_all(outbox, 4096);
}

static void do_close_with_the_turn(struct outbox *outbox)
{
	CU_ASSERT(outbox_take_turn(outbox));
	outbox_close(outbox, "", 0);
}

static void do_retire_and_close(struct outbox *outbox)
{
	CU_ASSERT_FALSE(outbox_retire_pinger(outbox));
	outbox_close(outbox, "", 0);
}

static void a_pinger_starts_when_nobody_else_attends_to_what_waits(void)
{
	static const struct {
		const char *what;
		void (*act)(struct outbox *outbox);
		int starts;
	} cases[] = {
		{"a call", outbox_call_pinger, 1},
		{"a close", do_close, 1},
		{"a line that could not be written", do_write_nothing, 1},
		{"a line that somebody will write", do_put_only, 0},
		{"a line that its sender has written", do_put_and_write, 0},
		{"a close while somebody has the turn", do_close_with_the_turn, 0},
		{"a close after the pinger was retired", do_retire_and_close, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outbox *outbox = new_outbox();
		int starts = 0;
		outbox_on_call(outbox, count_start, &starts);
		cases[i].act(outbox);
		EXPECT(starts == cases[i].starts, "%s: %d", cases[i].what, starts);
		outbox_free(outbox);
	}
}

static void a_pinger_starts_once(void)
{
	struct outbox *outbox = new_outbox();
	int starts = 0;
	outbox_on_call(outbox, count_start, &starts);
	for (int i = 0; i < 3; i++)
		outbox_call_pinger(outbox);
	CU_ASSERT_EQUAL(starts, 1);
	CU_ASSERT(outbox_retire_pinger(outbox));
	outbox_pinger_over(outbox);
	outbox_call_pinger(outbox);
	CU_ASSERT_EQUAL(starts, 1);
	CU_ASSERT(outbox_retire_pinger(outbox));
	outbox_wait_pinger_over(outbox);
	outbox_free(outbox);
}

static bool fail_to_start(void *argument)
{
	++*(int *)argument;
	return false;
}

static void a_pinger_that_could_not_start_is_not_waited_for(void)
{
	struct outbox *outbox = new_outbox();
	int starts = 0;
	outbox_on_call(outbox, fail_to_start, &starts);
	outbox_call_pinger(outbox);
	outbox_call_pinger(outbox);
	CU_ASSERT_EQUAL(starts, 1);
	CU_ASSERT_FALSE(outbox_retire_pinger(outbox));
	outbox_wait_pinger_over(outbox);
	outbox_free(outbox);
}

static void a_retired_pinger_is_not_waited_for(void)
{
	struct outbox *outbox = new_outbox();
	CU_ASSERT_FALSE(outbox_retire_pinger(outbox));
	CU_ASSERT_FALSE(outbox_retire_pinger(outbox));
	outbox_wait_pinger_over(outbox);
	outbox_free(outbox);
}

static void *wait_for_pinger(void *argument)
{
	struct waiter *waiter = argument;
	atomic_store(&waiter->tid, gettid());
	outbox_wait_pinger_over(waiter->outbox);
	waiter->returned_us = clock_now_us();
	return NULL;
}

static void the_reader_waits_until_the_pinger_is_over(void)
{
	struct outbox *outbox = new_outbox();
	struct waiter waiter = {.outbox = outbox, .deadline_us = clock_now_us() + LATE_US};
	struct thread thread;
	int starts = 0;
	outbox_on_call(outbox, count_start, &starts);
	outbox_call_pinger(outbox);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, wait_for_pinger, &waiter), 0);
	wait_until_asleep(&waiter.tid, waiter.deadline_us);
	outbox_call_pinger(outbox); /* what is for the pinger must not end it */
	outbox_finish(outbox);
	wait_until_asleep(&waiter.tid, waiter.deadline_us);
	int64_t over_us = clock_now_us();
	outbox_pinger_over(outbox);
	thread_join(thread);
	CU_ASSERT(waiter.returned_us >= over_us);
	outbox_free(outbox);
}

/* ---- many threads ---- */

enum { SENDERS = 4, LINES_EACH = 500, NUMBER_BYTES = 9, SHARED_LIMIT_BYTES = 1024 };

struct shared {
	struct outbox *outbox;
	atomic_int next_sender;
	char written[SENDERS * LINES_EACH * NUMBER_BYTES];
	size_t length;
};

static void *send_lines(void *argument)
{
	struct shared *shared = argument;
	int sender = atomic_fetch_add(&shared->next_sender, 1);
	char line[32]; /* NUMBER_BYTES and a NUL; gcc reckons with more digits */
	for (int i = 0; i < LINES_EACH; i++) {
		snprintf(line, sizeof line, "%d:%06d\n", sender, i);
		while (put(shared->outbox, line) == OUTBOX_FULL)
			outbox_call_pinger(shared->outbox);
		outbox_call_pinger(shared->outbox);
	}
	return NULL;
}

/* Two of these share the work; only who has the turn touches what was written. */
static void *write_lines(void *argument)
{
	struct shared *shared = argument;
	int64_t deadline_us = clock_now_us() + LATE_US;
	const char *bytes;
	bool is_done = false;
	while (!is_done && clock_now_us() < deadline_us) {
		outbox_wait(shared->outbox, deadline_us);
		if (!outbox_take_turn(shared->outbox))
			continue;
		size_t held = outbox_head(shared->outbox, &bytes);
		size_t taken = held < 7 ? held : 7;
		memcpy(shared->written + shared->length, bytes, taken);
		shared->length += taken;
		outbox_wrote(shared->outbox, taken);
		is_done = held == 0 && outbox_is_closed(shared->outbox);
		outbox_return_turn(shared->outbox);
	}
	return NULL;
}

static void check_lines(const struct shared *shared)
{
	int next[SENDERS] = {0};
	CU_ASSERT_EQUAL(shared->length, sizeof shared->written);
	for (size_t at = 0; at + NUMBER_BYTES <= shared->length; at += NUMBER_BYTES) {
		const char *line = shared->written + at;
		int sender = line[0] - '0';
		bool is_whole = line[1] == ':' && line[NUMBER_BYTES - 1] == '\n' && sender >= 0 && sender < SENDERS;
		if (!EXPECT(is_whole && atoi(line + 2) == next[sender], "at %zu: %.9s", at, line))
			return;
		next[sender]++;
	}
}

static void no_line_is_torn_or_lost_when_many_threads_send_and_two_write(void)
{
	struct shared *shared = calloc(1, sizeof *shared);
	struct thread senders[SENDERS], writers[2];
	must(shared != NULL);
	shared->outbox = outbox_new(SHARED_LIMIT_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(shared->outbox);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&writers[i], write_lines, shared), 0);
	for (int i = 0; i < SENDERS; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&senders[i], send_lines, shared), 0);
	for (int i = 0; i < SENDERS; i++)
		thread_join(senders[i]);
	outbox_close(shared->outbox, "", 0);
	for (int i = 0; i < 2; i++)
		thread_join(writers[i]);
	check_lines(shared);
	outbox_free(shared->outbox);
	free(shared);
}

static CU_TestInfo tests[] = {
	{"lines come out in the order they went in", lines_come_out_in_the_order_they_went_in},
	{"an outbox holds no more than its limit", an_outbox_holds_no_more_than_its_limit},
	{"what is being written counts for the limit until it has gone out",
	 what_is_being_written_counts_for_the_limit_until_it_has_gone_out},
	{"a closed outbox takes no more lines", a_closed_outbox_takes_no_more_lines},
	{"an outbox may be closed without a line", an_outbox_may_be_closed_without_a_line},
	{"the last line goes into a full outbox", the_last_line_goes_into_a_full_outbox},
	{"one thread at a time has the turn", one_thread_at_a_time_has_the_turn},
	{"an unfinished line stays at the head", an_unfinished_line_stays_at_the_head},
	{"who may write gets the turn where nothing waits", who_may_write_gets_the_turn_where_nothing_waits},
	{"there is nothing to wait for when a line is there", there_is_nothing_to_wait_for_when_a_line_is_there},
	{"lines that somebody else writes wake nobody", lines_that_somebody_else_writes_wake_nobody},
	{"a call ends one wait", a_call_ends_one_wait},
	{"the one who waits is woken by what concerns it", the_one_who_waits_is_woken_by_what_concerns_it},
	{"the wait for the reader ends when it is done, or late", the_wait_for_the_reader_ends_when_it_is_done_or_late},
	{"a pinger starts when nobody else attends to what waits",
	 a_pinger_starts_when_nobody_else_attends_to_what_waits},
	{"a pinger starts once", a_pinger_starts_once},
	{"a pinger that could not start is not waited for", a_pinger_that_could_not_start_is_not_waited_for},
	{"a retired pinger is not waited for", a_retired_pinger_is_not_waited_for},
	{"the reader waits until the pinger is over", the_reader_waits_until_the_pinger_is_over},
	{"no line is torn or lost when many threads send and two write",
	 no_line_is_torn_or_lost_when_many_threads_send_and_two_write},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_outbox = {.pName = "outbox", .pTests = tests};

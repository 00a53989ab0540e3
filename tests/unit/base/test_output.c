#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/suites.h"

/* More than a pipe (64 KiB) or a socket pair (about 208 KiB) holds. */
enum { MUCH = 2000000, LATE_US = 20 * 1000 * 1000, SOON_US = 20 * 1000 };

static char *much;
static struct sigaction old_action;

static int set_up(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	much = malloc(MUCH);
	for (size_t i = 0; much != NULL && i < MUCH; i++)
		much[i] = (char)('a' + i % 23);
	return much == NULL || sigaction(SIGPIPE, &ignore, &old_action) != 0;
}

static int tear_down(void)
{
	free(much);
	much = NULL;
	return sigaction(SIGPIPE, &old_action, NULL);
}

/* A pipe or a pair of sockets: ends[0] is read, ends[1] written. */
static void open_ends(int ends[static 2], bool is_socket)
{
	CU_ASSERT_EQUAL_FATAL(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
}

static void close_ends(const int ends[static 2])
{
	close(ends[0]);
	close(ends[1]);
}

struct reader {
	int fd;
	size_t bytes;
	bool is_true; /* what came is what was sent */
};

static void *read_all(void *argument)
{
	struct reader *reader = argument;
	char piece[5000];
	ssize_t n;
	reader->is_true = true;
	while ((n = read(reader->fd, piece, sizeof piece)) > 0) {
		if (reader->bytes + (size_t)n > MUCH || memcmp(piece, much + reader->bytes, (size_t)n) != 0)
			reader->is_true = false;
		reader->bytes += (size_t)n;
	}
	return NULL;
}

static void all_is_written_to_a_reader_who_reads(void)
{
	for (int is_socket = 0; is_socket < 2; is_socket++) {
		int ends[2];
		struct output output;
		struct thread thread;
		open_ends(ends, is_socket);
		struct reader reader = {.fd = ends[0]};
		output_init(&output, ends[1]);
		CU_ASSERT_EQUAL_FATAL(thread_start(&thread, read_all, &reader), 0);
		EXPECT(output_write(&output, much, MUCH, clock_now_us() + LATE_US, NULL) == MUCH, "socket %d",
		       is_socket);
		output_fini(&output);
		close(ends[1]);
		thread_join(thread);
		close(ends[0]);
		EXPECT(reader.bytes == MUCH && reader.is_true, "socket %d: %zu bytes", is_socket, reader.bytes);
	}
}

static void a_file_takes_everything_at_once(void)
{
	struct output output;
	FILE *file = tmpfile();
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	output_init(&output, fileno(file));
	CU_ASSERT_EQUAL(output_write(&output, much, MUCH, 0, NULL), MUCH);
	CU_ASSERT_EQUAL(lseek(fileno(file), 0, SEEK_END), MUCH);
	output_fini(&output);
	fclose(file);
}

static void a_reader_who_stalls_keeps_nobody_waiting(void)
{
	for (int is_socket = 0; is_socket < 2; is_socket++) {
		int ends[2];
		struct output output;
		open_ends(ends, is_socket);
		output_init(&output, ends[1]);
		int64_t start_us = clock_now_us();
		size_t written = output_write(&output, much, MUCH, 0, NULL);
		EXPECT(written > 0 && written < MUCH, "socket %d: %zu", is_socket, written);
		EXPECT(output_write(&output, much, 1, 0, NULL) == 0, "socket %d", is_socket);
		EXPECT(clock_now_us() < start_us + LATE_US, "socket %d", is_socket);
		output_fini(&output);
		close_ends(ends);
	}
}

static void a_pipe_that_could_not_be_opened_again_keeps_nobody_waiting(void)
{
	int ends[2];
	open_ends(ends, false);
	struct output output = {.fd = ends[1], .is_shared = true};
	size_t written = output_write(&output, much, MUCH, 0, NULL);
	CU_ASSERT(written > 0 && written < MUCH);
	CU_ASSERT_EQUAL(output_write(&output, much, 1, 0, NULL), 0);
	close_ends(ends);
}

static void a_stalled_reader_is_waited_for_until_the_deadline(void)
{
	for (int is_socket = 0; is_socket < 2; is_socket++) {
		int ends[2];
		struct output output;
		open_ends(ends, is_socket);
		output_init(&output, ends[1]);
		int64_t start_us = clock_now_us();
		size_t written = output_write(&output, much, MUCH, start_us + SOON_US, NULL);
		int64_t took_us = clock_now_us() - start_us;
		EXPECT(written > 0 && written < MUCH, "socket %d: %zu", is_socket, written);
		EXPECT(took_us >= SOON_US && took_us < LATE_US, "socket %d: %lld us", is_socket, (long long)took_us);
		output_fini(&output);
		close_ends(ends);
	}
}

static bool always(void)
{
	return true;
}

static void a_stop_ends_the_wait_for_a_stalled_reader(void)
{
	int ends[2];
	struct output output;
	open_ends(ends, false);
	output_init(&output, ends[1]);
	int64_t deadline_us = clock_now_us() + LATE_US;
	size_t written = output_write(&output, much, MUCH, deadline_us, always);
	CU_ASSERT(written > 0 && written < MUCH);
	CU_ASSERT(clock_now_us() < deadline_us);
	output_fini(&output);
	close_ends(ends);
}

static void a_reader_who_went_away_ends_the_write(void)
{
	for (int is_socket = 0; is_socket < 2; is_socket++) {
		int ends[2];
		struct output output;
		open_ends(ends, is_socket);
		output_init(&output, ends[1]);
		close(ends[0]);
		int64_t deadline_us = clock_now_us() + LATE_US;
		EXPECT(output_write(&output, much, 10, deadline_us, NULL) == 0, "socket %d", is_socket);
		EXPECT(clock_now_us() < deadline_us, "socket %d", is_socket);
		output_fini(&output);
		close(ends[1]);
	}
}

static void a_closed_descriptor_takes_nothing(void)
{
	int ends[2];
	struct output output;
	open_ends(ends, false);
	close_ends(ends);
	output_init(&output, ends[1]);
	CU_ASSERT_EQUAL(output_write(&output, "x", 1, clock_now_us() + LATE_US, NULL), 0);
	output_fini(&output);
}

static void the_descriptor_itself_stays_as_it_was(void)
{
	for (int is_socket = 0; is_socket < 2; is_socket++) {
		int ends[2];
		struct output output;
		open_ends(ends, is_socket);
		int before = fcntl(ends[1], F_GETFL);
		output_init(&output, ends[1]);
		EXPECT(output_write(&output, "x", 1, 0, NULL) == 1, "socket %d", is_socket);
		EXPECT(fcntl(ends[1], F_GETFL) == before, "socket %d", is_socket);
		int used = output.fd;
		output_fini(&output);
		EXPECT(fcntl(ends[1], F_GETFL) == before, "socket %d", is_socket);
		EXPECT(used == ends[1] || (fcntl(used, F_GETFD) == -1 && errno == EBADF), "socket %d", is_socket);
		close_ends(ends);
	}
}

static CU_TestInfo tests[] = {
	{"all is written to a reader who reads", all_is_written_to_a_reader_who_reads},
	{"a file takes everything at once", a_file_takes_everything_at_once},
	{"a reader who stalls keeps nobody waiting", a_reader_who_stalls_keeps_nobody_waiting},
	{"a pipe that could not be opened again keeps nobody waiting",
	 a_pipe_that_could_not_be_opened_again_keeps_nobody_waiting},
	{"a stalled reader is waited for until the deadline", a_stalled_reader_is_waited_for_until_the_deadline},
	{"a stop ends the wait for a stalled reader", a_stop_ends_the_wait_for_a_stalled_reader},
	{"a reader who went away ends the write", a_reader_who_went_away_ends_the_write},
	{"a closed descriptor takes nothing", a_closed_descriptor_takes_nothing},
	{"the descriptor itself stays as it was", the_descriptor_itself_stays_as_it_was},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_output = {.pName = "output", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = tests};

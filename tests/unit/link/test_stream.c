#include "link/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/sync.h"
#include "link/tls.h"
#include "runner.h"
#include "unit/asleep.h"
#include "unit/core.h"
#include "unit/some_secrets.h"
#include "unit/suites.h"

/* So late that whoever waits for it instead of what it should wait for is seen to be wrong. */
enum { LATE_US = 20 * 1000 * 1000, SOON_US = 20 * 1000 };

static const struct address anywhere;

/* Of the suite that runs: NULL for plain streams. */
static struct tls_context *context;

static int set_up_tls(void)
{
	context = context_of(SOME_SECRET);
	return context == NULL;
}

static int tear_down_tls(void)
{
	tls_context_free(context);
	context = NULL;
	return 0;
}

static int64_t late_us(void)
{
	return clock_now_us() + LATE_US;
}

static struct address bound_address(int fd)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof bound;
	struct address address;
	CU_ASSERT_FATAL(getsockname(fd, (struct sockaddr *)&bound, &length) == 0);
	CU_ASSERT_FATAL(address_from_socket(&bound, &address));
	return address;
}

/* A socket bound to a free port of a host; it listens unless the backlog is negative. */
static int bind_socket(const char *host, int backlog, struct address *address)
{
	struct address wanted;
	struct sockaddr_storage to;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(fd >= 0 && address_from_host(host, 0, &wanted));
	socklen_t length = address_to_socket(&wanted, &to);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&to, length) == 0);
	if (backlog >= 0)
		CU_ASSERT_FATAL(listen(fd, backlog) == 0);
	*address = bound_address(fd);
	return fd;
}

static int connect_to(struct stream *stream, const struct address *to)
{
	return stream_connect(stream, to, &anywhere, late_us());
}

struct pair {
	struct stream *dialled, *accepted;
};

struct handshake {
	struct stream *stream;
	int error;
};

static void *shake_hands(void *argument)
{
	struct handshake *handshake = argument;
	handshake->error = stream_handshake(handshake->stream, late_us());
	return NULL;
}

static void pair_init(struct pair *pair)
{
	struct thread thread;
	struct address address;
	int listener = bind_socket("127.0.0.1", 8, &address);
	pair->dialled = stream_new(context);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->dialled);
	CU_ASSERT_EQUAL_FATAL(connect_to(pair->dialled, &address), 0);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	pair->accepted = stream_from_socket(fd, context);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->accepted);
	close(listener);
	struct handshake handshake = {.stream = pair->dialled};
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, shake_hands, &handshake), 0);
	CU_ASSERT_EQUAL(stream_handshake(pair->accepted, late_us()), 0);
	thread_join(thread);
	CU_ASSERT_EQUAL_FATAL(handshake.error, 0);
}

static void pair_fini(struct pair *pair)
{
	stream_free(pair->dialled);
	stream_free(pair->accepted);
}

static void bytes_go_both_ways(void)
{
	struct pair pair;
	char bytes[16] = "";
	pair_init(&pair);
	CU_ASSERT_EQUAL(stream_write(pair.dialled, "hello", 5, late_us()), 5);
	CU_ASSERT_EQUAL(stream_read(pair.accepted, bytes, sizeof bytes, late_us()), 5);
	CU_ASSERT_STRING_EQUAL(bytes, "hello");
	CU_ASSERT_EQUAL(stream_write(pair.accepted, "HELLO", 5, 0), 5);
	CU_ASSERT_EQUAL(stream_read(pair.dialled, bytes, 2, FOREVER_US), 2);
	CU_ASSERT_EQUAL(stream_read(pair.dialled, bytes + 2, 14, FOREVER_US), 3);
	CU_ASSERT_STRING_EQUAL(bytes, "HELLO");
	pair_fini(&pair);
}

static struct address far_end_of(int fd)
{
	struct sockaddr_storage remote;
	socklen_t length = sizeof remote;
	struct address address;
	CU_ASSERT_FATAL(getpeername(fd, (struct sockaddr *)&remote, &length) == 0);
	CU_ASSERT_FATAL(address_from_socket(&remote, &address));
	return address;
}

static void an_end_knows_its_own_address_once_it_is_connected(void)
{
	struct address address;
	int listener = bind_socket("127.0.0.1", 8, &address);
	struct stream *stream = stream_new(NULL);
	EXPECT_TEXT(address_text(stream_local_address(stream)), "-");
	CU_ASSERT_EQUAL_FATAL(connect_to(stream, &address), 0);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	EXPECT_TEXT(address_text(stream_local_address(stream)), address_text(far_end_of(fd)));
	close(fd);
	close(listener);
	stream_free(stream);
}

static void a_connection_comes_from_the_host_that_it_is_told(void)
{
	struct address address, from = address_of("127.0.0.9:5999");
	int listener = bind_socket("127.0.0.1", 8, &address);
	struct stream *stream = stream_new(NULL);
	CU_ASSERT_EQUAL(stream_connect(stream, &address, &from, late_us()), 0);
	struct address local = stream_local_address(stream);
	CU_ASSERT(address_same_host(&local, &from));
	CU_ASSERT(local.port != 0);
	stream_free(stream);
	close(listener);
}

static void where_nobody_listens_a_connection_is_refused(void)
{
	struct address address;
	int silent = bind_socket("127.0.0.1", -1, &address);
	struct stream *stream = stream_new(NULL);
	CU_ASSERT_EQUAL(connect_to(stream, &address), ECONNREFUSED);
	stream_free(stream);
	close(silent);
}

static void a_host_that_is_not_ones_own_is_nothing_to_dial_from(void)
{
	struct address address, from = address_of("192.0.2.1:0");
	int listener = bind_socket("127.0.0.1", 8, &address);
	struct stream *stream = stream_new(NULL);
	CU_ASSERT_EQUAL(stream_connect(stream, &address, &from, late_us()), EADDRNOTAVAIL);
	CU_ASSERT(stream_is_hindered(stream));
	stream_free(stream);
	close(listener);
}

/*
 * Dials one free port of the kernel's own range after another, until the kernel takes that very port for this end too:
 * tens of thousands of dials, each of some microseconds. connect() gets ports of the other parity than bind().
 */
static void nobody_is_found_at_a_port_that_meets_itself(void)
{
	enum { DIALS_EACH = 20000 };
	int64_t deadline_us = late_us();
	bool has_met = false;
	while (!has_met && clock_now_us() < deadline_us) {
		struct address to;
		close(bind_socket("127.0.0.1", -1, &to));
		to.port ^= 1;
		for (int i = 0; i < DIALS_EACH && !has_met; i++) {
			struct stream *stream = stream_new(NULL);
			int error = connect_to(stream, &to);
			struct address local = stream_local_address(stream);
			has_met = address_equals(&local, &to);
			stream_free(stream);
			if (has_met)
				CU_ASSERT_EQUAL(error, ECONNREFUSED);
		}
	}
	CU_ASSERT(has_met);
}

/* ---- deadlines ---- */

static void a_read_ends_at_its_deadline(void)
{
	struct pair pair;
	char byte;
	pair_init(&pair);
	int64_t deadline_us = clock_now_us() + SOON_US;
	errno = 0;
	CU_ASSERT_EQUAL(stream_read(pair.dialled, &byte, 1, deadline_us), -1);
	CU_ASSERT_EQUAL(errno, ETIMEDOUT);
	CU_ASSERT(clock_now_us() >= deadline_us);
	CU_ASSERT_EQUAL(stream_read(pair.dialled, &byte, 1, 1), -1);
	CU_ASSERT_EQUAL(errno, ETIMEDOUT);
	pair_fini(&pair);
}

/* Writes until the far end, who reads nothing, has no more room; how much it was. */
static size_t fill(struct stream *stream)
{
	static const char bytes[64 * 1024];
	size_t written = 0;
	ssize_t n;
	while ((n = stream_write(stream, bytes, sizeof bytes, 0)) > 0)
		written += (size_t)n;
	CU_ASSERT(n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK));
	return written;
}

static void a_write_without_a_deadline_does_not_block(void)
{
	struct pair pair;
	pair_init(&pair);
	fill(pair.dialled);
	pair_fini(&pair);
}

static void a_write_to_one_who_does_not_read_ends_at_its_deadline(void)
{
	struct pair pair;
	pair_init(&pair);
	fill(pair.dialled);
	int64_t deadline_us = clock_now_us() + SOON_US;
	CU_ASSERT_EQUAL(stream_write(pair.dialled, "x", 1, deadline_us), -1);
	CU_ASSERT_EQUAL(errno, ETIMEDOUT);
	CU_ASSERT(clock_now_us() >= deadline_us);
	pair_fini(&pair);
}

/* Also of the sockets that a listening one accepts. */
static void the_kernel_keeps_little_for_one_who_does_not_read(void)
{
	enum { LITTLE_BYTES = 1 << 20, RECEIVE_BYTES = 4096 };
	struct address address;
	struct sockaddr_storage to;
	int listener = bind_socket("127.0.0.1", 8, &address), receive_bytes = RECEIVE_BYTES;
	socklen_t length = address_to_socket(&address, &to);
	stream_set_options(listener);
	int reader = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(setsockopt(reader, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) == 0);
	CU_ASSERT_FATAL(connect(reader, (struct sockaddr *)&to, length) == 0);
	struct stream *stream = stream_from_socket(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
	size_t written = fill(stream);
	EXPECT(written >= 1 << 17 && written < LITTLE_BYTES, "%zu bytes", written);
	stream_free(stream);
	close(reader);
	close(listener);
}

static void an_abort_takes_back_what_was_not_read(void)
{
	struct pair pair;
	char bytes[16];
	pair_init(&pair);
	fill(pair.dialled);
	stream_abort(pair.dialled);
	CU_ASSERT_EQUAL(stream_read(pair.dialled, bytes, sizeof bytes, late_us()), 0);
	stream_free(pair.dialled);
	pair.dialled = NULL;
	ssize_t n;
	while ((n = stream_read(pair.accepted, bytes, sizeof bytes, late_us())) > 0)
		;
	CU_ASSERT(n == -1 && errno == ECONNRESET);
	pair_fini(&pair);
}

static void what_is_not_taken_by_the_deadline_is_thrown_away(void)
{
	struct pair pair;
	char bytes[16];
	ssize_t n;
	pair_init(&pair);
	fill(pair.dialled);
	stream_drain(pair.dialled, clock_now_us() + 50 * 1000);
	stream_free(pair.dialled);
	pair.dialled = NULL;
	while ((n = stream_read(pair.accepted, bytes, sizeof bytes, late_us())) > 0)
		;
	CU_ASSERT(n == -1 && errno == ECONNRESET);
	pair_fini(&pair);
}

static void a_drain_ends_when_nothing_is_left_to_wait_for(void)
{
	struct pair pair;
	/* Nearly nothing was written. */
	pair_init(&pair);
	CU_ASSERT_EQUAL(stream_write(pair.dialled, "bye", 3, 0), 3);
	stream_drain(pair.dialled, FOREVER_US);
	pair_fini(&pair);
	/* The far end has broken the connection, and takes nothing any more. */
	pair_init(&pair);
	fill(pair.dialled);
	stream_abort(pair.accepted);
	stream_free(pair.accepted);
	pair.accepted = NULL;
	stream_drain(pair.dialled, FOREVER_US);
	pair_fini(&pair);
	/* Somebody has shut it here. */
	pair_init(&pair);
	fill(pair.dialled);
	stream_shut(pair.dialled);
	stream_drain(pair.dialled, FOREVER_US);
	pair_fini(&pair);
}

/* A listener whose queue is full: to dial it is to hear nothing. */
struct silence {
	struct address address;
	int listener;
	int fillers[16];
};

static void silence_init(struct silence *silence)
{
	struct sockaddr_storage to;
	silence->listener = bind_socket("127.0.0.1", 0, &silence->address);
	socklen_t length = address_to_socket(&silence->address, &to);
	bool is_full = false;
	for (int i = 0; i < 16; i++) {
		struct pollfd connected = {.events = POLLOUT};
		silence->fillers[i] = -1;
		if (is_full)
			continue;
		silence->fillers[i] = connected.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(connected.fd, (struct sockaddr *)&to, length) != 0)
			is_full = poll(&connected, 1, SOON_US / 1000) == 0;
	}
	CU_ASSERT_FATAL(is_full);
}

static void silence_fini(struct silence *silence)
{
	for (int i = 0; i < 16; i++)
		if (silence->fillers[i] >= 0)
			close(silence->fillers[i]);
	close(silence->listener);
}

static void a_connect_that_nobody_answers_ends_at_its_deadline(void)
{
	struct silence silence;
	struct stream *stream = stream_new(NULL);
	silence_init(&silence);
	int64_t deadline_us = clock_now_us() + SOON_US;
	CU_ASSERT_EQUAL(stream_connect(stream, &silence.address, &anywhere, deadline_us), ETIMEDOUT);
	CU_ASSERT(clock_now_us() >= deadline_us);
	stream_free(stream);
	silence_fini(&silence);
}

/* ---- the end ---- */

static void what_was_written_before_the_end_is_read_before_it(void)
{
	struct pair pair;
	char bytes[8] = "";
	pair_init(&pair);
	CU_ASSERT_EQUAL(stream_write(pair.dialled, "bye", 3, late_us()), 3);
	stream_shut_writing(pair.dialled);
	CU_ASSERT_EQUAL(stream_read(pair.accepted, bytes, sizeof bytes, late_us()), 3);
	CU_ASSERT_EQUAL(stream_read(pair.accepted, bytes, sizeof bytes, late_us()), 0);
	CU_ASSERT_EQUAL(stream_read(pair.accepted, bytes, sizeof bytes, late_us()), 0);
	CU_ASSERT_EQUAL(stream_write(pair.accepted, "too", 3, late_us()), 3);
	CU_ASSERT_EQUAL(stream_read(pair.dialled, bytes, sizeof bytes, late_us()), 3);
	pair_fini(&pair);
}

static void a_write_to_one_who_is_gone_is_an_error_and_no_signal(void)
{
	struct pair pair;
	int64_t deadline_us = late_us();
	ssize_t n = 0;
	pair_init(&pair);
	stream_free(pair.accepted);
	pair.accepted = NULL;
	while (n >= 0 && clock_now_us() < deadline_us)
		n = stream_write(pair.dialled, "x", 1, deadline_us);
	CU_ASSERT_EQUAL(n, -1);
	CU_ASSERT(errno == EPIPE || errno == ECONNRESET);
	pair_fini(&pair);
}

static void one_can_see_whether_there_is_something_to_read(void)
{
	struct pair pair;
	char byte;
	pair_init(&pair);
	CU_ASSERT_FALSE(stream_has_unread(pair.accepted));
	CU_ASSERT_EQUAL(stream_write(pair.dialled, "xy", 2, late_us()), 2);
	CU_ASSERT_EQUAL(stream_read(pair.accepted, &byte, 1, late_us()), 1);
	CU_ASSERT(stream_has_unread(pair.accepted));
	CU_ASSERT_EQUAL(stream_read(pair.accepted, &byte, 1, late_us()), 1);
	CU_ASSERT_FALSE(stream_has_unread(pair.accepted));
	pair_fini(&pair);
}

static void one_can_wait_for_the_far_end_to_go(void)
{
	struct pair pair;
	char bytes[8];
	pair_init(&pair);
	CU_ASSERT_FALSE(stream_wait_gone(pair.accepted, clock_now_us() + SOON_US));
	CU_ASSERT_EQUAL(stream_write(pair.dialled, "bye", 3, late_us()), 3);
	stream_shut_writing(pair.dialled);
	CU_ASSERT(stream_wait_gone(pair.accepted, late_us()));
	CU_ASSERT_EQUAL(stream_read(pair.accepted, bytes, sizeof bytes, late_us()), 3);
	pair_fini(&pair);
}

/* ---- two directions at once ---- */

/* More than the kernel takes at its largest (tcp_wmem and tcp_rmem, tcp(7)). */
enum { FLOOD_BYTES = 16 * 1024 * 1024 };

static char flood_bytes[FLOOD_BYTES];

struct flood {
	struct stream *stream;
	size_t done;
	bool is_good;
};

/* Goes on after what has been written already. */
static void *write_flood(void *argument)
{
	struct flood *flood = argument;
	ssize_t n = 0;
	while (flood->done < FLOOD_BYTES &&
	       (n = stream_write(flood->stream, flood_bytes + flood->done, FLOOD_BYTES - flood->done, late_us())) > 0)
		flood->done += (size_t)n;
	flood->is_good = n > 0;
	return NULL;
}

static void *read_flood(void *argument)
{
	char bytes[16 * 1024];
	struct flood *flood = argument;
	ssize_t n;
	flood->is_good = true;
	while (flood->done < FLOOD_BYTES && (n = stream_read(flood->stream, bytes, sizeof bytes, late_us())) > 0)
		for (ssize_t i = 0; i < n; i++)
			flood->is_good = flood->is_good && bytes[i] == flood_bytes[flood->done++];
	flood->is_good = flood->is_good && flood->done == FLOOD_BYTES;
	return NULL;
}

/* Who can't write must read all the same, and what he has begun to write is whole in the end. */
static void two_ends_that_are_full_get_everything(void)
{
	struct pair pair;
	pair_init(&pair);
	struct flood floods[] = {{pair.dialled, 0, false},
				 {pair.accepted, 0, false},
				 {pair.dialled, 0, false},
				 {pair.accepted, 0, false}};
	struct thread threads[4];
	for (size_t i = 0; i < FLOOD_BYTES; i++)
		flood_bytes[i] = (char)(i * 7 % 251);
	/* Both are full before anybody reads. */
	for (int i = 0; i < 2; i++) {
		ssize_t n;
		while ((n = stream_write(floods[i].stream, flood_bytes + floods[i].done, FLOOD_BYTES - floods[i].done,
					 0)) > 0)
			floods[i].done += (size_t)n;
		CU_ASSERT(floods[i].done < FLOOD_BYTES);
	}
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], i < 2 ? write_flood : read_flood, &floods[i]), 0);
	for (int i = 0; i < 4; i++) {
		thread_join(threads[i]);
		EXPECT(floods[i].is_good, "%s %d: %zu bytes", i < 2 ? "writer" : "reader", i % 2, floods[i].done);
	}
	pair_fini(&pair);
}

/* ---- shut by another thread ---- */

enum wait { READS, WRITES, CONNECTS };

struct sleeper {
	enum wait wait;
	struct stream *stream;
	struct address to;
	int64_t deadline_us;
	atomic_int tid;
	ssize_t result; /* of a read or a write; an errno of a connect */
	int64_t returned_us;
};

static void *sleep_in_stream(void *argument)
{
	struct sleeper *sleeper = argument;
	char byte = 'x';
	atomic_store(&sleeper->tid, gettid());
	if (sleeper->wait == READS)
		sleeper->result = stream_read(sleeper->stream, &byte, 1, sleeper->deadline_us);
	else if (sleeper->wait == WRITES)
		sleeper->result = stream_write(sleeper->stream, &byte, 1, sleeper->deadline_us);
	else
		sleeper->result = stream_connect(sleeper->stream, &sleeper->to, &anywhere, sleeper->deadline_us);
	sleeper->returned_us = clock_now_us();
	return NULL;
}

static void a_shut_from_another_thread_ends_every_wait(void)
{
	static const char *const names[] = {"a read", "a write", "a connect"};
	for (int wait = READS; wait <= CONNECTS; wait++) {
		struct pair pair;
		struct silence silence;
		struct thread thread;
		pair_init(&pair);
		silence_init(&silence);
		fill(pair.dialled);
		struct stream *unconnected = stream_new(NULL);
		struct sleeper sleeper = {.wait = (enum wait)wait,
					  .stream = wait == CONNECTS ? unconnected : pair.dialled,
					  .to = silence.address,
					  .deadline_us = late_us()};
		CU_ASSERT_EQUAL_FATAL(thread_start(&thread, sleep_in_stream, &sleeper), 0);
		wait_until_asleep(&sleeper.tid, sleeper.deadline_us);
		stream_shut(sleeper.stream);
		stream_shut(sleeper.stream);
		thread_join(thread);
		EXPECT(sleeper.returned_us < sleeper.deadline_us, "%s", names[wait]);
		EXPECT(sleeper.result == (wait == READS	   ? 0
					  : wait == WRITES ? -1
							   : ECANCELED),
		       "%s: %zd", names[wait], sleeper.result);
		stream_free(unconnected);
		silence_fini(&silence);
		pair_fini(&pair);
	}
}

static void a_shut_at_any_moment_ends_a_connect(void)
{
	struct silence silence;
	silence_init(&silence);
	for (int i = 0; i < 100; i++) {
		struct thread thread;
		struct sleeper sleeper = {
			.wait = CONNECTS, .stream = stream_new(NULL), .to = silence.address, .deadline_us = late_us()};
		CU_ASSERT_EQUAL_FATAL(thread_start(&thread, sleep_in_stream, &sleeper), 0);
		while (i % 2 == 0 && atomic_load(&sleeper.tid) == 0)
			;
		stream_shut(sleeper.stream);
		thread_join(thread);
		if (!EXPECT(sleeper.result == ECANCELED && sleeper.returned_us < sleeper.deadline_us, "%d: %zd", i,
			    sleeper.result))
			i = 100;
		stream_free(sleeper.stream);
	}
	silence_fini(&silence);
}

static void a_stream_that_was_shut_before_connects_no_more(void)
{
	struct address address;
	int listener = bind_socket("127.0.0.1", 8, &address);
	struct stream *stream = stream_new(NULL);
	stream_shut(stream);
	struct resolver_answer answer = stream_lookup(stream, "localhost", 5999, late_us());
	CU_ASSERT_PTR_NOT_NULL(answer.problem);
	CU_ASSERT_EQUAL(answer.count, 0);
	CU_ASSERT_EQUAL(connect_to(stream, &address), ECANCELED);
	stream_free(stream);
	close(listener);
}

static void a_stream_closes_its_descriptor_when_it_is_freed_and_not_before(void)
{
	struct address address;
	int fd = bind_socket("127.0.0.1", -1, &address);
	struct stream *stream = stream_from_socket(fd, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
	stream_shut(stream);
	CU_ASSERT(fcntl(fd, F_GETFD) >= 0);
	stream_free(stream);
	CU_ASSERT(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	stream_free(NULL);
}

static CU_TestInfo tests[] = {
	{"bytes go both ways", bytes_go_both_ways},
	{"an end knows its own address once it is connected", an_end_knows_its_own_address_once_it_is_connected},
	{"a connection comes from the host that it is told", a_connection_comes_from_the_host_that_it_is_told},
	{"where nobody listens a connection is refused", where_nobody_listens_a_connection_is_refused},
	{"a host that is not one's own is nothing to dial from", a_host_that_is_not_ones_own_is_nothing_to_dial_from},
	{"nobody is found at a port that meets itself", nobody_is_found_at_a_port_that_meets_itself},
	{"a read ends at its deadline", a_read_ends_at_its_deadline},
	{"a write without a deadline does not block", a_write_without_a_deadline_does_not_block},
	{"a write to one who does not read ends at its deadline",
	 a_write_to_one_who_does_not_read_ends_at_its_deadline},
	{"the kernel keeps little for one who does not read", the_kernel_keeps_little_for_one_who_does_not_read},
	{"an abort takes back what was not read", an_abort_takes_back_what_was_not_read},
	{"what is not taken by the deadline is thrown away", what_is_not_taken_by_the_deadline_is_thrown_away},
	{"a drain ends when nothing is left to wait for", a_drain_ends_when_nothing_is_left_to_wait_for},
	{"a connect that nobody answers ends at its deadline", a_connect_that_nobody_answers_ends_at_its_deadline},
	{"what was written before the end is read before it", what_was_written_before_the_end_is_read_before_it},
	{"a write to one who is gone is an error and no signal", a_write_to_one_who_is_gone_is_an_error_and_no_signal},
	{"one can see whether there is something to read", one_can_see_whether_there_is_something_to_read},
	{"one can wait for the far end to go", one_can_wait_for_the_far_end_to_go},
	{"two ends that are full get everything", two_ends_that_are_full_get_everything},
	{"a shut from another thread ends every wait", a_shut_from_another_thread_ends_every_wait},
	{"a shut at any moment ends a connect", a_shut_at_any_moment_ends_a_connect},
	{"a stream that was shut before connects no more", a_stream_that_was_shut_before_connects_no_more},
	{"a stream closes its descriptor when it is freed and not before",
	 a_stream_closes_its_descriptor_when_it_is_freed_and_not_before},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_stream = {.pName = "stream", .pTests = tests};

/* What is the same with TLS, which begins when the connection is there. */
static CU_TestInfo tls_tests[] = {
	{"bytes go both ways", bytes_go_both_ways},
	{"a read ends at its deadline", a_read_ends_at_its_deadline},
	{"a write without a deadline does not block", a_write_without_a_deadline_does_not_block},
	{"a write to one who does not read ends at its deadline",
	 a_write_to_one_who_does_not_read_ends_at_its_deadline},
	{"an abort takes back what was not read", an_abort_takes_back_what_was_not_read},
	{"what is not taken by the deadline is thrown away", what_is_not_taken_by_the_deadline_is_thrown_away},
	{"a drain ends when nothing is left to wait for", a_drain_ends_when_nothing_is_left_to_wait_for},
	{"what was written before the end is read before it", what_was_written_before_the_end_is_read_before_it},
	{"a write to one who is gone is an error and no signal", a_write_to_one_who_is_gone_is_an_error_and_no_signal},
	{"one can see whether there is something to read", one_can_see_whether_there_is_something_to_read},
	{"one can wait for the far end to go", one_can_wait_for_the_far_end_to_go},
	{"a shut from another thread ends every wait", a_shut_from_another_thread_ends_every_wait},
	{"two ends that are full get everything", two_ends_that_are_full_get_everything},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_stream_tls = {
	.pName = "stream_tls", .pInitFunc = set_up_tls, .pCleanupFunc = tear_down_tls, .pTests = tls_tests};

#include "link/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/sync.h"
#include "link/stream.h"
#include "runner.h"
#include "tls_record.h"
#include "unit/some_secrets.h"
#include "unit/suites.h"
#include "unit/visit.h"

/* ---- who is let in ---- */

static void who_is_no_member_is_turned_away_with_the_reason(void)
{
	static const struct {
		const char *name, *priorities, *lines, *identity, *problem;
		int alert; /* that the far end gets */
	} cases[] = {
		{"another secret", node_priorities, OTHER_SECRET, NULL, "does not hold this network's secret", 115},
		{"a false claim", node_priorities, OTHER_SECRET, "0b2ac44d29d30b81ae24e100d4d21667",
		 "does not hold this network's secret", 47},
		{"no secret", "NORMAL:-VERS-ALL:+VERS-TLS1.3", SOME_SECRET, NULL, "does not hold this network's secret",
		 40},
		{"no ephemeral key", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK", SOME_SECRET, NULL, NULL, 0},
		{"TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK", SOME_SECRET, NULL,
		 "speaks a TLS other than 1.3, which private nodes speak", 70},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct visit visit;
		struct handshake handshake;
		visit_init(&visit, SOME_SECRET);
		gnutls_session_t client = client_new(visit.fd, cases[i].priorities, cases[i].lines, cases[i].identity);
		handshake_start(&handshake, visit.stream);
		int result = client_handshake(client, visit.fd);
		EXPECT(result == GNUTLS_E_FATAL_ALERT_RECEIVED, "%s: %d", cases[i].name, result);
		if (cases[i].alert != 0)
			EXPECT((int)gnutls_alert_get(client) == cases[i].alert, "%s: alert %d", cases[i].name,
			       (int)gnutls_alert_get(client));
		EXPECT(handshake_end(&handshake) == EPROTO, "%s", cases[i].name);
		const char *problem = stream_problem(visit.stream);
		EXPECT(problem != NULL && (cases[i].problem == NULL || strcmp(problem, cases[i].problem) == 0),
		       "%s: %s", cases[i].name, problem == NULL ? "-" : problem);
		gnutls_deinit(client);
		visit_fini(&visit);
	}
}

static void who_speaks_no_tls_is_told_from_who_does(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		int error;
		const char *problem;
	} cases[] = {
		{"{", 1, EPROTO, "speaks plain text, this node has a secret_file"},
		{"{\"msgtype\":\"hello\"}\n", 20, EPROTO, "speaks plain text, this node has a secret_file"},
		{"\r\n", 2, EPROTO, "speaks plain text, this node has a secret_file"},
		{"GET / HTTP/1.1\r\n\r\n", 18, EPROTO, "speaks plain text, this node has a secret_file"},
		{"\x80\x2e\x01\x00\x02", 5, EPROTO, "speaks no TLS, this node has a secret_file"},
		{"\0\0\0\0\0\0", 6, EPROTO, "speaks no TLS, this node has a secret_file"},
		/* Half a record, and none. */
		{"\x16\x03\x01\x02\x00\x01\x00", 7, ECONNRESET, NULL},
		{"", 0, ECONNRESET, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct visit visit;
		struct handshake handshake;
		visit_init(&visit, SOME_SECRET);
		handshake_start(&handshake, visit.stream);
		CU_ASSERT_EQUAL(send(visit.fd, cases[i].bytes, cases[i].length, MSG_NOSIGNAL),
				(ssize_t)cases[i].length);
		if (cases[i].error == ECONNRESET)
			shutdown(visit.fd, SHUT_WR);
		int error = handshake_end(&handshake);
		const char *problem = stream_problem(visit.stream);
		EXPECT(error == cases[i].error, "case %zu: %d", i, error);
		EXPECT(cases[i].problem == NULL ? problem == NULL
						: problem != NULL && strcmp(problem, cases[i].problem) == 0,
		       "case %zu: %s", i, problem == NULL ? "-" : problem);
		visit_fini(&visit);
	}
}

static void a_plain_stream_knows_tls_when_it_sees_it(void)
{
	static const char *const begins[] = {"\x16\x03\x01\x01", "\x15\x03\x03"};
	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		struct visit visit;
		char bytes[16];
		visit_init(&visit, NULL);
		CU_ASSERT_EQUAL(stream_handshake(visit.stream, 0), 0);
		CU_ASSERT_EQUAL(send(visit.fd, begins[i], strlen(begins[i]), MSG_NOSIGNAL), (ssize_t)strlen(begins[i]));
		CU_ASSERT_EQUAL(stream_read(visit.stream, bytes, sizeof bytes, late_us()), -1);
		CU_ASSERT_EQUAL(errno, EPROTO);
		CU_ASSERT_PTR_NOT_NULL_FATAL(stream_problem(visit.stream));
		CU_ASSERT_STRING_EQUAL(stream_problem(visit.stream), "speaks TLS, this node has no secret_file");
		/* In the midst of a conversation these bytes are the frame's business. */
		visit_fini(&visit);
		visit_init(&visit, NULL);
		CU_ASSERT_EQUAL(send(visit.fd, "{", 1, MSG_NOSIGNAL), 1);
		CU_ASSERT_EQUAL(stream_read(visit.stream, bytes, sizeof bytes, late_us()), 1);
		CU_ASSERT_EQUAL(send(visit.fd, begins[i], 3, MSG_NOSIGNAL), 3);
		CU_ASSERT_EQUAL(stream_read(visit.stream, bytes, sizeof bytes, late_us()), 3);
		visit_fini(&visit);
	}
}

static void a_handshake_ends_at_its_deadline_however_slowly_bytes_come(void)
{
	struct visit visit;
	struct handshake handshake = {.deadline_us = clock_now_us() + 4 * SOON_US};
	visit_init(&visit, SOME_SECRET);
	handshake.stream = visit.stream;
	CU_ASSERT_EQUAL_FATAL(thread_start(&handshake.thread, shake_hands, &handshake), 0);
	/* A record of 512 bytes, of which one comes now and then. */
	CU_ASSERT_EQUAL(send(visit.fd, "\x16\x03\x01\x02\x00", 5, MSG_NOSIGNAL), 5);
	while (clock_now_us() < handshake.deadline_us) {
		CU_ASSERT_EQUAL(send(visit.fd, "\x01", 1, MSG_NOSIGNAL), 1);
		poll(NULL, 0, SOON_US / 1000 / 4);
	}
	CU_ASSERT_EQUAL(handshake_end(&handshake), ETIMEDOUT);
	CU_ASSERT_PTR_NULL(stream_problem(visit.stream));
	visit_fini(&visit);
}

/* Records that mean nothing (RFC 8446, 5: change_cipher_spec), after which any more may follow. */
static void *flood(void *argument)
{
	static const char record[] = {20, 3, 3, 0, 1, 1};
	char records[100 * sizeof record] = {0};
	const int *fd = argument;
	for (size_t i = 0; i < sizeof records; i++)
		records[i] = record[i % sizeof record];
	int64_t give_up_us = late_us();
	while (clock_now_us() < give_up_us) {
		struct pollfd ready = {.fd = *fd, .events = POLLOUT};
		if (send(*fd, records, sizeof records, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		poll(&ready, 1, SOON_US / 1000);
	}
	return NULL;
}

static void a_handshake_ends_however_much_comes(void)
{
	struct visit visit;
	struct thread flooder;
	struct handshake handshake = {.deadline_us = clock_now_us() + 4 * SOON_US};
	visit_init(&visit, SOME_SECRET);
	gnutls_session_t client = client_new(visit.fd, node_priorities, SOME_SECRET, NULL);
	/* Its hello, and nothing that belongs to it. */
	CU_ASSERT_EQUAL(gnutls_handshake(client), GNUTLS_E_AGAIN);
	handshake.stream = visit.stream;
	CU_ASSERT_EQUAL_FATAL(thread_start(&handshake.thread, shake_hands, &handshake), 0);
	CU_ASSERT_EQUAL_FATAL(thread_start(&flooder, flood, &visit.fd), 0);
	int error = handshake_end(&handshake);
	EXPECT(error == ETIMEDOUT || error == EPROTO, "%d", error);
	CU_ASSERT(clock_now_us() < handshake.deadline_us + LATE_US / 2);
	stream_shut(visit.stream);
	thread_join(flooder);
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* A hello that says it is longer than any, and comes a byte a record. */
static void who_sends_too_much_before_the_handshake_is_done_is_turned_away(void)
{
	enum { HEADER_BYTES = 4 };
	static const char *const messages[] = {"\x01\x00\x1f\xf0", "\x01\x01\xff\xf0"};
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		struct visit visit;
		struct handshake handshake;
		visit_init(&visit, SOME_SECRET);
		handshake_start(&handshake, visit.stream);
		for (size_t at = 0; at < 1000; at++) {
			char record[] = {22, 3, 3, 0, 1, 'x'};
			if (at < HEADER_BYTES)
				record[sizeof record - 1] = messages[i][at];
			if (send(visit.fd, record, sizeof record, MSG_NOSIGNAL) != (ssize_t)sizeof record)
				break;
		}
		CU_ASSERT_EQUAL(handshake_end(&handshake), EPROTO);
		CU_ASSERT_PTR_NOT_NULL_FATAL(stream_problem(visit.stream));
		/* The second is more than a message may be at all. */
		EXPECT(i > 0 || strcmp(stream_problem(visit.stream),
				       "sends too much before its TLS handshake is done") == 0,
		       "%s", stream_problem(visit.stream));
		CU_ASSERT(clock_now_us() < handshake.deadline_us);
		visit_fini(&visit);
	}
}

static void who_is_turned_away_may_not_go_on_sending(void)
{
	struct visit visit;
	struct thread flooder;
	visit_init(&visit, SOME_SECRET);
	int64_t deadline_us = late_us();
	CU_ASSERT_EQUAL_FATAL(thread_start(&flooder, flood, &visit.fd), 0);
	CU_ASSERT_EQUAL(stream_handshake(visit.stream, deadline_us), EPROTO);
	stream_linger(visit.stream, deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	stream_shut(visit.stream);
	thread_join(flooder);
	visit_fini(&visit);
}

static void a_shut_ends_a_handshake(void)
{
	struct visit visit;
	struct handshake handshake;
	visit_init(&visit, SOME_SECRET);
	handshake_start(&handshake, visit.stream);
	stream_shut(visit.stream);
	CU_ASSERT_EQUAL(handshake_end(&handshake), ECANCELED);
	visit_fini(&visit);
}

/* ---- a far end that changes its keys ---- */

enum { MESSAGES = 40000, MESSAGE_BYTES = 24 };

/* GnuTLS closes for the ninth KeyUpdate within a second (lib/tls13/key_update.c, KEY_UPDATES_PER_WINDOW). */
#define KEY_UPDATE_US ((int64_t)150 * 1000)
enum { KEY_UPDATES = 14 };

static void write_message(char out[static MESSAGE_BYTES + 1], unsigned number)
{
	snprintf(out, MESSAGE_BYTES + 1, "message %14u\n", number % 100000000);
}

/* The messages of one direction as they come: how many have come, and whether each was right. */
struct arrivals {
	char partial[MESSAGE_BYTES];
	size_t length;
	unsigned count;
	bool is_good;
};

static void arrive(struct arrivals *arrivals, const char *bytes, size_t length)
{
	char expected[MESSAGE_BYTES + 1];
	for (size_t i = 0; i < length; i++) {
		arrivals->partial[arrivals->length++] = bytes[i];
		if (arrivals->length < MESSAGE_BYTES)
			continue;
		write_message(expected, arrivals->count++);
		arrivals->is_good = arrivals->is_good && memcmp(arrivals->partial, expected, MESSAGE_BYTES) == 0;
		arrivals->length = 0;
	}
}

struct side {
	struct stream *stream;
	struct arrivals arrivals;
	atomic_bool *is_over; /* the far end wants no more */
	unsigned sent;
};

static void *send_all(void *argument)
{
	struct side *side = argument;
	char message[MESSAGE_BYTES + 1];
	while (side->sent < MESSAGES || !atomic_load(side->is_over)) {
		write_message(message, side->sent);
		size_t done = 0;
		while (done < MESSAGE_BYTES) {
			/* As the outbox does: at first without waiting, and then the same bytes again. */
			ssize_t n = stream_write(side->stream, message + done, MESSAGE_BYTES - done, 0);
			if (n < 0 && errno == EAGAIN)
				n = stream_write(side->stream, message + done, MESSAGE_BYTES - done, late_us());
			if (n < 0)
				return NULL;
			done += (size_t)n;
		}
		side->sent++;
	}
	stream_shut_writing(side->stream);
	/* As the farewell does: the socket may be full. */
	stream_drain(side->stream, late_us());
	return NULL;
}

static void *receive_all(void *argument)
{
	struct side *side = argument;
	char bytes[4096];
	ssize_t n;
	while ((n = stream_read(side->stream, bytes, sizeof bytes, late_us())) > 0)
		arrive(&side->arrivals, bytes, (size_t)n);
	side->arrivals.is_good = side->arrivals.is_good && n == 0;
	return NULL;
}

/*
 * What the far end does in one thread: sends, reads little at a time so that both directions are full again and again,
 * changes its keys and asks for the node's to change. 0, or an error of GnuTLS.
 */
static int be_hostile(gnutls_session_t client, int fd, struct arrivals *arrivals, unsigned *updates, unsigned *sent)
{
	int64_t next_us = clock_now_us(), deadline_us = late_us() + LATE_US;
	char message[MESSAGE_BYTES + 1], bytes[1000];
	bool is_sending = false, is_updating = false;
	while ((*sent < MESSAGES || *updates < KEY_UPDATES) && clock_now_us() < deadline_us) {
		ssize_t n;
		if (is_updating || (!is_sending && *updates < KEY_UPDATES && clock_now_us() >= next_us)) {
			n = gnutls_session_key_update(client, *updates % 3 == 2 ? 0 : GNUTLS_KU_PEER);
			is_updating = n == GNUTLS_E_AGAIN;
			*updates += n == 0;
			next_us = n == 0 ? clock_now_us() + KEY_UPDATE_US : next_us;
		} else {
			write_message(message, *sent);
			n = is_sending ? gnutls_record_send(client, NULL, 0)
				       : gnutls_record_send(client, message, MESSAGE_BYTES);
			is_sending = n == GNUTLS_E_AGAIN;
			*sent += n > 0;
		}
		if (n < 0 && n != GNUTLS_E_AGAIN)
			return (int)n;
		struct pollfd ready = {.fd = fd, .events = POLLIN | POLLOUT};
		if (n == GNUTLS_E_AGAIN)
			poll(&ready, 1, LATE_US / 1000);
		/* Not in the midst of a write: that is what GnuTLS doesn't bear. */
		if (is_sending || is_updating)
			continue;
		n = gnutls_record_recv(client, bytes, sizeof bytes);
		if (n < 0 && n != GNUTLS_E_AGAIN)
			return (int)n;
		if (n > 0)
			arrive(arrivals, bytes, (size_t)n);
	}
	return 0;
}

/* What is left when the far end says nothing more. */
static int read_rest(gnutls_session_t client, int fd, struct arrivals *arrivals)
{
	char bytes[4096];
	ssize_t n;
	while ((n = gnutls_record_recv(client, bytes, sizeof bytes)) > 0 || n == GNUTLS_E_AGAIN) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (n > 0)
			arrive(arrivals, bytes, (size_t)n);
		else if (poll(&ready, 1, LATE_US / 1000) <= 0)
			break;
	}
	return (int)n;
}

static void key_updates_at_any_moment_cost_no_byte(void)
{
	struct visit visit;
	struct handshake handshake;
	struct thread sender, receiver;
	atomic_bool is_over = false;
	visit_init(&visit, SOME_SECRET);
	gnutls_session_t client = client_new(visit.fd, node_priorities, SOME_SECRET, NULL);
	handshake_start(&handshake, visit.stream);
	CU_ASSERT_EQUAL_FATAL(client_handshake(client, visit.fd), 0);
	CU_ASSERT_EQUAL_FATAL(handshake_end(&handshake), 0);
	struct side side = {.stream = visit.stream, .arrivals = {.is_good = true}, .is_over = &is_over};
	struct arrivals arrivals = {.is_good = true};
	unsigned updates = 0, sent = 0;
	CU_ASSERT_EQUAL_FATAL(thread_start(&sender, send_all, &side), 0);
	CU_ASSERT_EQUAL_FATAL(thread_start(&receiver, receive_all, &side), 0);
	int result = be_hostile(client, visit.fd, &arrivals, &updates, &sent);
	EXPECT(result == 0 && updates == KEY_UPDATES && sent >= MESSAGES, "%s: %u KeyUpdates, %u messages",
	       gnutls_strerror(result), updates, sent);
	atomic_store(&is_over, true);
	if (result == 0)
		result = read_rest(client, visit.fd, &arrivals);
	EXPECT(result == 0, "%s", gnutls_strerror(result));
	int64_t deadline_us = late_us();
	while (gnutls_bye(client, GNUTLS_SHUT_WR) == GNUTLS_E_AGAIN && clock_now_us() < deadline_us)
		poll(NULL, 0, 1);
	shutdown(visit.fd, SHUT_RDWR);
	thread_join(sender);
	thread_join(receiver);
	EXPECT(side.arrivals.is_good && side.arrivals.count == sent, "%u of %u came", side.arrivals.count, sent);
	EXPECT(arrivals.is_good && arrivals.count == side.sent, "%u of %u came", arrivals.count, side.sent);
	gnutls_deinit(client);
	visit_fini(&visit);
}

static void too_many_key_updates_end_the_connection_and_nothing_else(void)
{
	struct visit visit;
	struct handshake handshake;
	char byte;
	visit_init(&visit, SOME_SECRET);
	gnutls_session_t client = client_new(visit.fd, node_priorities, SOME_SECRET, NULL);
	handshake_start(&handshake, visit.stream);
	CU_ASSERT_EQUAL_FATAL(client_handshake(client, visit.fd), 0);
	CU_ASSERT_EQUAL_FATAL(handshake_end(&handshake), 0);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(gnutls_session_key_update(client, 0), 0);
	CU_ASSERT_EQUAL(stream_read(visit.stream, &byte, 1, late_us()), -1);
	CU_ASSERT_EQUAL(errno, EPROTO);
	const char *problem = stream_problem(visit.stream);
	EXPECT(problem != NULL && strncmp(problem, "breaks TLS: ", 12) == 0, "%s", problem == NULL ? "-" : problem);
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* ---- what reading costs ---- */

/* The type of what is within, and the tag of AES-128-GCM (RFC 8446, 5.2). */
enum { HEADER_BYTES = 5, AROUND_BYTES = HEADER_BYTES + 1 + 16 };

static void records_and_padding_are_counted(void)
{
	static const struct {
		size_t length, padding;
	} cases[] = {{5, 0}, {5, 1000}, {1, 15000}, {4000, 0}};
	struct visit visit;
	char bytes[4096] = "";
	size_t records;
	gnutls_session_t client = visit_as_member(&visit);
	CU_ASSERT_EQUAL(stream_taken(visit.stream, &records), 0);
	CU_ASSERT_EQUAL(records, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t length = cases[i].length, whole = length + cases[i].padding + AROUND_BYTES, taken = 0;
		CU_ASSERT_EQUAL(gnutls_record_send2(client, bytes, length, cases[i].padding, 0), (ssize_t)length);
		CU_ASSERT_EQUAL(stream_read(visit.stream, bytes, 1, late_us()), 1);
		/* What is still unread is counted when it is read. */
		taken += stream_taken(visit.stream, &records);
		EXPECT(taken == whole - (length - 1) && records == 1, "case %zu: %zu bytes, %zu records", i, taken,
		       records);
		for (size_t read = 1; read < length;)
			read += (size_t)stream_read(visit.stream, bytes, sizeof bytes, late_us());
		taken += stream_taken(visit.stream, &records);
		EXPECT(taken == whole && records == 0, "case %zu: %zu bytes, %zu records", i, taken, records);
	}
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* Each of 15,000 bytes of nothing but padding, or of a message of TLS itself that would be 16 MB long. */
static bool send_fruitless(gnutls_session_t client, int fd, bool is_padding, int number)
{
	enum { LENGTH = 15000 };
	static const unsigned char begin[LENGTH] = {24, 0xff, 0xff, 0xff}, more[LENGTH];
	return is_padding ? gnutls_record_send2(client, "", 0, LENGTH, 0) == 0
			  : tls_record_send(client, fd, TLS_RECORD_HANDSHAKE, number == 0 ? begin : more, LENGTH);
}

static void much_that_brings_nothing_ends_the_connection(void)
{
	enum { UNBEARABLE = 5 };
	for (int is_padding = 0; is_padding <= 1; is_padding++) {
		struct visit visit;
		char byte;
		size_t records;
		gnutls_session_t client = visit_as_member(&visit);
		for (int i = 0; i < UNBEARABLE; i++)
			CU_ASSERT(send_fruitless(client, visit.fd, is_padding, i));
		CU_ASSERT_EQUAL(stream_read(visit.stream, &byte, 1, FOREVER_US), -1);
		EXPECT(errno == EPROTO, "%d: errno %d", is_padding, errno);
		const char *problem = stream_problem(visit.stream);
		EXPECT(problem != NULL && strcmp(problem, "sends 64 kB of TLS without a byte of a message") == 0,
		       "%d: %s", is_padding, problem == NULL ? "-" : problem);
		CU_ASSERT_EQUAL(stream_read(visit.stream, &byte, 1, FOREVER_US), -1);
		size_t taken = stream_taken(visit.stream, &records);
		EXPECT(taken < 80 * 1024 && records <= UNBEARABLE, "%zu bytes, %zu records", taken, records);
		gnutls_deinit(client);
		visit_fini(&visit);
	}
}

static void padding_that_brings_something_now_and_then_goes_on(void)
{
	enum { TURNS = 3, BEARABLE = 4 };
	struct visit visit;
	char byte;
	gnutls_session_t client = visit_as_member(&visit);
	for (int turn = 0; turn < TURNS; turn++) {
		for (int i = 0; i < BEARABLE; i++)
			CU_ASSERT(send_fruitless(client, visit.fd, true, i));
		CU_ASSERT_EQUAL(gnutls_record_send(client, "x", 1), 1);
		CU_ASSERT_EQUAL(stream_read(visit.stream, &byte, 1, late_us()), 1);
	}
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* GnuTLS takes no data within a message of its own: a byte now and then does not make room for 16 MB. */
static void data_within_a_message_of_tls_ends_the_connection(void)
{
	struct visit visit;
	char byte;
	gnutls_session_t client = visit_as_member(&visit);
	CU_ASSERT(send_fruitless(client, visit.fd, false, 0));
	CU_ASSERT_EQUAL(gnutls_record_send(client, "x", 1), 1);
	CU_ASSERT_EQUAL(stream_read(visit.stream, &byte, 1, late_us()), -1);
	CU_ASSERT_EQUAL(errno, EPROTO);
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* ---- ends ---- */

static void an_end_within_a_record_is_an_end(void)
{
	struct visit visit;
	char byte;
	gnutls_session_t client = visit_as_member(&visit);
	CU_ASSERT_EQUAL(send(visit.fd, "\x17\x03\x03\x00\x20\x01", 6, MSG_NOSIGNAL), 6);
	shutdown(visit.fd, SHUT_WR);
	CU_ASSERT_EQUAL(stream_read(visit.stream, &byte, 1, late_us()), 0);
	CU_ASSERT_PTR_NULL(stream_problem(visit.stream));
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* Until the socket takes no more: what the next write says then. */
static void fill(struct stream *stream, size_t *written)
{
	static const char bytes[1000];
	ssize_t n;
	while ((n = stream_write(stream, bytes, sizeof bytes, 0)) > 0)
		*written += (size_t)n;
	CU_ASSERT_EQUAL(errno, EAGAIN);
}

static void other_bytes_than_those_that_are_owed_are_an_error(void)
{
	struct visit visit;
	char bytes[4096];
	size_t written = 0;
	gnutls_session_t client = visit_as_member(&visit);
	fill(visit.stream, &written);
	while (recv(visit.fd, bytes, sizeof bytes, 0) > 0)
		;
	CU_ASSERT_EQUAL(stream_write(visit.stream, bytes, 10, 0), -1);
	CU_ASSERT_EQUAL(errno, EPIPE);
	gnutls_deinit(client);
	visit_fini(&visit);
}

static void *read_once(void *argument)
{
	char byte;
	stream_read(argument, &byte, 1, late_us());
	return NULL;
}

/* Who reads sends it, since nobody else has anything to write any more. */
static void the_end_of_tls_that_finds_no_room_goes_out_when_there_is_some(void)
{
	struct visit visit;
	struct thread reader;
	struct arrivals none = {.is_good = true};
	size_t written = 0;
	gnutls_session_t client = visit_as_member(&visit);
	fill(visit.stream, &written);
	stream_shut_writing(visit.stream);
	CU_ASSERT_EQUAL_FATAL(thread_start(&reader, read_once, visit.stream), 0);
	int result = read_rest(client, visit.fd, &none);
	EXPECT(result == 0, "%s", gnutls_strerror(result));
	stream_shut(visit.stream);
	thread_join(reader);
	gnutls_deinit(client);
	visit_fini(&visit);
}

/* ---- a node that is out of memory ---- */

/*
 * The realloc of GnuTLS that is to fail, counted in the node's threads alone. What it has returned last is written
 * down, and so within LeakSanitizer's reach: at one of these failures GnuTLS 3.7.9 loses a block of 2 kB.
 */
static struct {
	pthread_t tester;
	gnutls_realloc_function usual;
	atomic_uint calls, pass;
	atomic_uint returned;
	void *blocks[1024];
} reallocs;

static void *realloc_or_not(void *memory, size_t size)
{
	if (pthread_equal(pthread_self(), reallocs.tester))
		return reallocs.usual(memory, size);
	if (atomic_fetch_add(&reallocs.calls, 1) == atomic_load(&reallocs.pass))
		return NULL;
	void *block = reallocs.usual(memory, size);
	reallocs.blocks[atomic_fetch_add(&reallocs.returned, 1) % 1024] = block;
	return block;
}

static void a_handshake_without_memory_ends_and_harms_nobody(void)
{
	bool has_failed = true;
	struct visit visit;
	struct handshake handshake;
	reallocs.tester = pthread_self();
	reallocs.usual = gnutls_realloc;
	gnutls_realloc = realloc_or_not;
	for (unsigned pass = 0; has_failed && pass < 1000; pass++) {
		visit_init(&visit, SOME_SECRET);
		gnutls_session_t client = client_new(visit.fd, node_priorities, SOME_SECRET, NULL);
		atomic_store(&reallocs.calls, 0);
		atomic_store(&reallocs.pass, pass);
		handshake_start(&handshake, visit.stream);
		client_handshake(client, visit.fd);
		int error = handshake_end(&handshake);
		has_failed = atomic_load(&reallocs.calls) > pass;
		EXPECT(has_failed == (error != 0) && (error == 0 || error == ENOMEM), "the one after %u: %d", pass,
		       error);
		gnutls_deinit(client);
		visit_fini(&visit);
	}
	CU_ASSERT_FALSE(has_failed);
	gnutls_realloc = reallocs.usual;
}

static CU_TestInfo tests[] = {
	{"who is no member is turned away with the reason", who_is_no_member_is_turned_away_with_the_reason},
	{"who speaks no TLS is told from who does", who_speaks_no_tls_is_told_from_who_does},
	{"a plain stream knows TLS when it sees it", a_plain_stream_knows_tls_when_it_sees_it},
	{"a handshake ends at its deadline, however slowly bytes come",
	 a_handshake_ends_at_its_deadline_however_slowly_bytes_come},
	{"a handshake ends, however much comes", a_handshake_ends_however_much_comes},
	{"who sends too much before the handshake is done is turned away",
	 who_sends_too_much_before_the_handshake_is_done_is_turned_away},
	{"who is turned away may not go on sending", who_is_turned_away_may_not_go_on_sending},
	{"a shut ends a handshake", a_shut_ends_a_handshake},
	{"key updates at any moment cost no byte", key_updates_at_any_moment_cost_no_byte},
	{"too many key updates end the connection and nothing else",
	 too_many_key_updates_end_the_connection_and_nothing_else},
	{"records and padding are counted", records_and_padding_are_counted},
	{"much that brings nothing ends the connection", much_that_brings_nothing_ends_the_connection},
	{"padding that brings something now and then goes on", padding_that_brings_something_now_and_then_goes_on},
	{"data within a message of TLS ends the connection", data_within_a_message_of_tls_ends_the_connection},
	{"an end within a record is an end", an_end_within_a_record_is_an_end},
	{"other bytes than those that are owed are an error", other_bytes_than_those_that_are_owed_are_an_error},
	{"the end of TLS that finds no room goes out when there is some",
	 the_end_of_tls_that_finds_no_room_goes_out_when_there_is_some},
	{"a handshake without memory ends, and harms nobody", a_handshake_without_memory_ends_and_harms_nobody},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_tls = {.pName = "tls", .pTests = tests};

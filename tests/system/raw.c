#define HARNESS_INSIDE
#include "raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kithd.h"
#include "secure.h"
#include "wire/address.h"

enum { RAWS = 2048, LINE_BYTES = 140000, USUAL_HOST = 200 };

struct raw {
	int fd;
	bool is_at_end;
	bool has_dialled;
	gnutls_session_t session; /* NULL for plain text, and before the first byte */
	char *buffer;		  /* of LINE_BYTES */
	size_t start, length;
	size_t sent_bytes, read_bytes;
	int64_t arrived_us; /* what was read last, where raw_note_arrivals was called */
	const char *address;
	struct json_object *message;
};

static struct raw *raws[RAWS];
static size_t raw_count;

static struct raw *raw_new(int fd)
{
	struct raw *raw = calloc(1, sizeof *raw);
	struct sockaddr_storage here;
	socklen_t here_bytes = sizeof here;
	struct address address;
	char text[ADDRESS_TEXT_BYTES];

	if (raw == NULL || raw_count == RAWS || getsockname(fd, (struct sockaddr *)&here, &here_bytes) != 0 ||
	    !address_from_socket(&here, &address))
		abort();
	address_format(&address, text);
	raw->fd = fd;
	raw->address = harness_text("%s", text);
	raws[raw_count++] = raw;
	return raw;
}

static int open_socket(const char *text, struct sockaddr_storage *to, socklen_t *to_bytes)
{
	struct address address;
	if (!address_parse(text, &address))
		harness_fail_here("%s is no address", text);
	*to_bytes = address_to_socket(&address, to);
	int fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		harness_fail_here("no socket: %s", strerror(errno));
	return fd;
}

static void bind_host(int fd, const char *host)
{
	struct address address;
	struct sockaddr_storage from;
	if (!address_from_host(host, 0, &address))
		harness_fail_here("%s is no host", host);
	socklen_t bytes = address_to_socket(&address, &from);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&from, bytes) != 0)
		harness_fail_here("cannot bind %s: %s", host, strerror(errno));
}

static struct raw *connect_or_not(const char *from, const char *to, int receive_buffer_bytes)
{
	struct sockaddr_storage socket_address;
	socklen_t bytes;
	int fd = open_socket(to, &socket_address, &bytes);
	if (receive_buffer_bytes > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
	if (from != NULL)
		bind_host(fd, from);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (connect(fd, (struct sockaddr *)&socket_address, bytes) == 0) {
		struct raw *raw = raw_new(fd);
		raw->has_dialled = true;
		return raw;
	}
	close(fd);
	return NULL;
}

struct raw *raw_connect_from(const char *from, const char *to, int receive_buffer_bytes)
{
	struct raw *raw = connect_or_not(from, to, receive_buffer_bytes);
	if (raw == NULL)
		harness_fail_here("cannot connect to %s: %s", to, strerror(errno));
	return raw;
}

struct raw *raw_connect(const char *to)
{
	return raw_connect_from(strncmp(to, "127.", 4) == 0 ? harness_host(USUAL_HOST) : NULL, to, 0);
}

struct raw *raw_try_connect(const char *to)
{
	return connect_or_not(NULL, to, 0);
}

struct raw *raw_listen(const char *address)
{
	struct sockaddr_storage here;
	socklen_t bytes;
	int fd = open_socket(address, &here, &bytes);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&here, bytes) != 0 || listen(fd, 64) != 0)
		harness_fail_here("cannot listen on %s: %s", address, strerror(errno));
	return raw_new(fd);
}

struct raw *raw_listen_deaf(const char *address)
{
	struct raw *listener = raw_listen(address);
	if (listen(listener->fd, 0) != 0)
		abort();
	raw_connect(address);
	return listener;
}

static bool is_ready(int fd, int64_t deadline_us)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	int64_t left_us = deadline_us - clock_now_us();
	return poll(&wanted, 1, left_us <= 0 ? 0 : (int)(left_us / 1000) + 1) == 1;
}

/* ---- over TLS, where the run is ---- */

static int64_t microseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

static ssize_t receive_plain(struct raw *raw, char *bytes, size_t size)
{
	char control[CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(_Alignof(struct cmsghdr))));
	struct iovec space = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &space, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	ssize_t got = recvmsg(raw->fd, &message, 0);
	const struct cmsghdr *stamp = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct timespec arrived;
	if (stamp != NULL && stamp->cmsg_level == SOL_SOCKET && stamp->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&arrived, CMSG_DATA(stamp), sizeof arrived);
		raw->arrived_us = microseconds(&arrived);
	}
	return got;
}

static ssize_t pull(gnutls_transport_ptr_t transport, void *bytes, size_t size)
{
	struct raw *raw = transport;
	if (is_ready(raw->fd, 0))
		return receive_plain(raw, bytes, size);
	errno = EAGAIN;
	return -1;
}

static ssize_t push(gnutls_transport_ptr_t transport, const void *bytes, size_t size)
{
	const struct raw *raw = transport;
	return send(raw->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Before the first byte. If it is refused, or nobody answers, the connection is at its end. */
static void shake_hands(struct raw *raw)
{
	int64_t deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	int result;
	if (!secure_is_on() || raw->session != NULL || raw->is_at_end)
		return;
	raw->session = secure_session(raw->has_dialled);
	gnutls_transport_set_ptr(raw->session, raw);
	gnutls_transport_set_pull_function(raw->session, pull);
	gnutls_transport_set_push_function(raw->session, push);
	while ((result = gnutls_handshake(raw->session)) == GNUTLS_E_AGAIN)
		if (!is_ready(raw->fd, deadline_us))
			harness_fail_here("no TLS handshake");
	raw->is_at_end = result != 0;
}

/* A count, or -1 with errno. */
static ssize_t send_some(struct raw *raw, const char *bytes, size_t size)
{
	if (raw->session == NULL)
		return send(raw->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	ssize_t sent = gnutls_record_send(raw->session, bytes, size);
	errno = sent == GNUTLS_E_AGAIN ? EAGAIN : EPIPE;
	return sent < 0 ? -1 : sent;
}

static bool is_readable(struct raw *raw, int64_t deadline_us)
{
	shake_hands(raw);
	return raw->is_at_end || (raw->session != NULL && gnutls_record_check_pending(raw->session) > 0) ||
	       is_ready(raw->fd, deadline_us);
}

bool raw_is_dialled(struct raw *listener)
{
	return is_ready(listener->fd, 0);
}

struct raw *raw_accept(struct raw *listener)
{
	if (!is_ready(listener->fd, harness_deadline_us(HARNESS_PATIENCE_S)))
		harness_fail_here("%s isn't dialled", listener->address);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		harness_fail_here("cannot accept: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct raw *raw = raw_new(fd);
	/* The side that has dialled waits for it. */
	shake_hands(raw);
	return raw;
}

void raw_close(struct raw *raw)
{
	if (raw->session != NULL)
		gnutls_deinit(raw->session);
	raw->session = NULL;
	if (raw->fd >= 0)
		close(raw->fd);
	raw->fd = -1;
	free(raw->buffer);
	raw->buffer = NULL;
	json_object_put(raw->message);
	raw->message = NULL;
}

void raw_close_all(void)
{
	while (raw_count > 0) {
		raw_close(raws[--raw_count]);
		free(raws[raw_count]);
	}
}

void raw_close_writing(struct raw *raw)
{
	shake_hands(raw);
	if (raw->session != NULL)
		gnutls_bye(raw->session, GNUTLS_SHUT_WR);
	shutdown(raw->fd, SHUT_WR);
}

const char *raw_address(const struct raw *raw)
{
	return raw->address;
}

int raw_fd(const struct raw *raw)
{
	return raw->fd;
}

size_t raw_bytes_sent(const struct raw *raw)
{
	return raw->sent_bytes;
}

size_t raw_bytes_read(const struct raw *raw)
{
	return raw->read_bytes;
}

/* What the other side has closed takes no bytes any more, and that is no failure of the test. */
void raw_write(struct raw *raw, const char *bytes, size_t length)
{
	int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	shake_hands(raw);
	for (size_t done = 0; done < length;) {
		ssize_t sent = send_some(raw, bytes + done, length - done);
		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent < 0) {
			if (clock_now_us() > deadline_us)
				harness_fail_here("the other side takes no bytes");
			harness_pause(since_us);
			continue;
		}
		done += (size_t)sent;
		raw->sent_bytes += (size_t)sent;
	}
}

ssize_t raw_try_write(struct raw *raw, const char *bytes, size_t length)
{
	shake_hands(raw);
	return send_some(raw, bytes, length);
}

void raw_write_slowly(struct raw *raw, const char *bytes)
{
	for (; *bytes != '\0'; bytes++) {
		raw_write(raw, bytes, 1);
		struct timespec moment = {.tv_nsec = 100000};
		nanosleep(&moment, NULL);
	}
}

void raw_send(struct raw *raw, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort();
	text[length] = '\n'; /* in place of the NUL */
	raw_write(raw, text, (size_t)length + 1);
	free(text);
}

void raw_note_arrivals(struct raw *raw)
{
	if (setsockopt(raw->fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int)) != 0)
		abort();
}

int64_t raw_arrived_us(const struct raw *raw)
{
	return raw->arrived_us;
}

int64_t raw_clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return microseconds(&now);
}

/* The same of a connection with TLS; EAGAIN where what came was none of the far end's bytes. */
static ssize_t receive(struct raw *raw, char *bytes, size_t size)
{
	if (raw->session == NULL)
		return receive_plain(raw, bytes, size);
	ssize_t got = gnutls_record_recv(raw->session, bytes, size);
	if (got == GNUTLS_E_AGAIN)
		errno = EAGAIN;
	else if (got < 0)
		return 0;
	return got == GNUTLS_E_AGAIN ? -1 : got;
}

/* Reads more bytes behind those that are there; false at the end. */
static bool read_more(struct raw *raw)
{
	shake_hands(raw);
	if (raw->is_at_end)
		return false;
	if (raw->start > 0)
		memmove(raw->buffer, raw->buffer + raw->start, raw->length);
	raw->start = 0;
	if (raw->length + 1 >= LINE_BYTES)
		harness_fail_here("a line longer than %d bytes came", LINE_BYTES);
	if (!is_readable(raw, harness_deadline_us(HARNESS_PATIENCE_S)))
		harness_fail_here("nothing came; the last message was %s, and %zu bytes wait for their LF",
				  raw->message == NULL ? "none" : json_object_to_json_string(raw->message),
				  raw->length);
	ssize_t got = receive(raw, raw->buffer + raw->length, LINE_BYTES - 1 - raw->length);
	if (got < 0 && errno == EAGAIN)
		return true;
	if (got < 0 && errno != ECONNRESET)
		harness_fail_here("cannot read: %s", strerror(errno));
	raw->is_at_end = got <= 0;
	raw->length += got > 0 ? (size_t)got : 0;
	raw->read_bytes += got > 0 ? (size_t)got : 0;
	return !raw->is_at_end;
}

static char *end_of_line(struct raw *raw)
{
	if (raw->buffer == NULL)
		raw->buffer = malloc(LINE_BYTES);
	if (raw->buffer == NULL)
		abort();
	return raw->length == 0 ? NULL : memchr(raw->buffer + raw->start, '\n', raw->length);
}

bool raw_has_line(struct raw *raw, int64_t until_us)
{
	while (end_of_line(raw) == NULL) {
		if (!raw->is_at_end && !is_readable(raw, until_us))
			return false;
		if (!read_more(raw))
			return true;
	}
	return true;
}

const char *raw_line(struct raw *raw)
{
	char *end;
	while ((end = end_of_line(raw)) == NULL)
		if (!read_more(raw))
			return NULL;
	char *line = raw->buffer + raw->start;
	*end = '\0';
	raw->start += (size_t)(end + 1 - line);
	raw->length -= (size_t)(end + 1 - line);
	return line;
}

static bool is_question_about_others(const char *line)
{
	static const char suspect[] = "{\"msgtype\":\"suspect\",";
	return strncmp(line, suspect, sizeof suspect - 1) == 0;
}

static bool is_ping(const char *line)
{
	return strstr(line, "\"msgtype\":\"ping\"") != NULL;
}

static bool is_about_reports(const char *line)
{
	static const char *const begins[] = {"{\"msgtype\":\"report\"", "{\"msgtype\":\"reports\"",
					     "{\"msgtype\":\"getreport\""};
	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
		if (strncmp(line, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/*
 * May come at any time, unless it is wanted: a ping of kithd, which is answered, a question about another peer that is
 * late, which is not, and what it says of itself and of other nodes.
 */
static bool passes_over(struct raw *raw, const char *line, bool wants_ping, bool wants_report)
{
	if (line == NULL || (is_about_reports(line) && wants_report))
		return false;
	bool is_over = is_ping(line) && !wants_ping;
	if (is_over)
		raw_send(raw, "{\"msgtype\":\"pong\"}");
	return is_over || is_about_reports(line) || is_question_about_others(line);
}

void raw_expect_line(struct raw *raw, const char *format, ...)
{
	char wanted[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(wanted, sizeof wanted, format, arguments);
	va_end(arguments);
	const char *line = raw_line(raw);
	while (passes_over(raw, line, is_ping(wanted), is_about_reports(wanted)))
		line = raw_line(raw);
	if (line == NULL || strcmp(line, wanted) != 0)
		harness_fail_here("expected the line %s\nand not %s", wanted, line == NULL ? "the end" : line);
}

/* Takes a line as the message that came last; its type, or NULL for the end. */
static const char *take_message(struct raw *raw, const char *line)
{
	struct json_object *type;
	if (line == NULL)
		return NULL;
	json_object_put(raw->message);
	raw->message = json_tokener_parse(line);
	if (!json_object_object_get_ex(raw->message, "msgtype", &type))
		harness_fail_here("this is no message: %s", line);
	return json_object_get_string(type);
}

/* Takes the next message; its type, or NULL at the end. */
static const char *next_type(struct raw *raw)
{
	return take_message(raw, raw_line(raw));
}

static const char *last_message(const struct raw *raw)
{
	return raw->message == NULL ? "nothing" : json_object_to_json_string(raw->message);
}

void raw_expect_next(struct raw *raw, const char *type)
{
	const char *line = raw_line(raw);
	while (passes_over(raw, line, strcmp(type, "ping") == 0, strstr(type, "report") != NULL))
		line = raw_line(raw);
	const char *next = take_message(raw, line);
	if (next == NULL)
		harness_fail_here("expected %s, and the end came after %s", type, last_message(raw));
	else if (strcmp(next, type) != 0)
		harness_fail_here("expected %s, and not %s", type, last_message(raw));
}

void raw_expect(struct raw *raw, const char *type)
{
	const char *next;
	while ((next = next_type(raw)) != NULL)
		if (strcmp(next, type) == 0)
			return;
	harness_fail_here("expected %s, and the end came after %s", type, last_message(raw));
}

void raw_ping_next(struct raw *raw)
{
	raw_send(raw, "{\"msgtype\":\"ping\"}");
	raw_expect_next(raw, "pong");
}

void raw_ping(struct raw *raw)
{
	raw_send(raw, "{\"msgtype\":\"ping\"}");
	raw_expect(raw, "pong");
}

void raw_expect_bye(struct raw *raw, const char *reason)
{
	raw_expect(raw, "bye");
	if (strcmp(raw_text(raw, "reason"), reason) != 0)
		harness_fail_here("expected bye %s, and not %s", reason, last_message(raw));
	if (next_type(raw) != NULL)
		harness_fail_here("expected the end after bye %s, and not %s", reason, last_message(raw));
}

void raw_expect_end(struct raw *raw)
{
	while (next_type(raw) != NULL)
		continue;
}

const char *raw_text(struct raw *raw, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(raw->message, key, &value) || !json_object_is_type(value, json_type_string))
		harness_fail_here("%s has no text %s", last_message(raw), key);
	return json_object_get_string(value);
}

int64_t raw_number(struct raw *raw, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(raw->message, key, &value) || !json_object_is_type(value, json_type_int))
		harness_fail_here("%s has no number %s", last_message(raw), key);
	return json_object_get_int64(value);
}

bool raw_has(struct raw *raw, const char *key)
{
	return json_object_object_get_ex(raw->message, key, NULL);
}

const char *raw_json(struct raw *raw, const char *key)
{
	struct json_object *value = raw->message;
	if (key != NULL && !json_object_object_get_ex(raw->message, key, &value))
		return "";
	return harness_text(
		"%s", json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static struct json_object *told_peers(struct raw *raw)
{
	struct json_object *peers;
	if (!json_object_object_get_ex(raw->message, "peers", &peers) || !json_object_is_type(peers, json_type_array))
		harness_fail_here("%s has no peers", last_message(raw));
	return peers;
}

const char *raw_told(struct raw *raw, const char *address)
{
	struct json_object *peers = told_peers(raw);
	for (size_t i = 0; i < json_object_array_length(peers); i++) {
		struct json_object *entry = json_object_array_get_idx(peers, i), *nodeid = NULL;
		if (json_object_is_type(entry, json_type_array)) {
			nodeid = json_object_array_get_idx(entry, 1);
			entry = json_object_array_get_idx(entry, 0);
		}
		if (strcmp(json_object_get_string(entry), address) == 0)
			return nodeid == NULL ? "" : json_object_get_string(nodeid);
	}
	return NULL;
}

int raw_told_count(struct raw *raw)
{
	return (int)json_object_array_length(told_peers(raw));
}

void raw_send_hello(struct raw *raw, const char *nodeid, const char *more_keys)
{
	raw_send(raw, "{\"msgtype\":\"hello\",\"nodeid\":\"%s\"%s}", nodeid, more_keys);
}

/*
 * Once kithd has read the hello it sends its first ping, and only then reads on: the pong behind the hello answers that
 * ping at once, even if this process does not run for a while.
 */
static void send_hello_and_pong(struct raw *raw, const char *nodeid, const char *more_keys)
{
	raw_send(raw, "{\"msgtype\":\"hello\",\"nodeid\":\"%s\"%s}\n{\"msgtype\":\"pong\"}", nodeid, more_keys);
}

/* What both sides get once they are ready: an address, a question and a ping. */
static void get_acquainted(struct raw *raw)
{
	raw_expect(raw, "getaddr");
	raw_expect(raw, "ping");
}

void raw_shake_hands(struct raw *raw, const char *nodeid, const char *more_keys)
{
	send_hello_and_pong(raw, nodeid, more_keys);
	raw_expect_next(raw, "hello");
	get_acquainted(raw);
}

struct raw *raw_join_from(const char *from, struct kithd *kithd, const char *nodeid, const char *more_keys)
{
	struct raw *raw = raw_connect_from(from, kithd_address(kithd), 0);
	raw_shake_hands(raw, nodeid, more_keys);
	return raw;
}

struct raw *raw_join(struct kithd *kithd, const char *nodeid, const char *more_keys)
{
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_shake_hands(raw, nodeid, more_keys);
	return raw;
}

void raw_be_found(struct raw *listener, const char *nodeid)
{
	struct raw *feeler = raw_accept(listener);
	raw_expect_next(feeler, "hello");
	if (!raw_has(feeler, "feeler"))
		harness_fail("expected a feeler at %s", raw_address(listener));
	raw_send_hello(feeler, nodeid, "");
	raw_expect_bye(feeler, "feeler");
	raw_close(feeler);
}

struct raw *raw_join_found(struct kithd *kithd, const char *nodeid, int port)
{
	struct raw *listener = raw_listen(harness_text("%s:%d", harness_host(200), port));
	struct raw *raw = raw_join(kithd, nodeid, harness_text(",\"listen\":%d", port));
	raw_be_found(listener, nodeid);
	raw_close(listener);
	return raw;
}

int raw_ask_anew(struct kithd *kithd)
{
	static unsigned asked;
	struct raw *raw = raw_join(kithd, harness_text("a5ce0000-0000-4000-8000-%012x", ++asked), "");
	raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_expect(raw, "addr");
	int count = raw_told_count(raw);
	raw_close(raw);
	return count;
}

void raw_answer_hello(struct raw *raw, const char *nodeid, const char *more_keys)
{
	raw_expect_next(raw, "hello");
	send_hello_and_pong(raw, nodeid, more_keys);
	get_acquainted(raw);
}

struct raw *raw_accept_in_time(struct raw *listener, const char *nodeid)
{
	int64_t deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	while (clock_now_us() < deadline_us) {
		const char *line;
		struct raw *raw = raw_accept(listener);
		send_hello_and_pong(raw, nodeid, "");
		while ((line = raw_line(raw)) != NULL && !is_ping(line))
			continue;
		if (line != NULL)
			return raw;
	}
	harness_fail_here("no dial to %s is answered in time", listener->address);
}

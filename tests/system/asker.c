#define HARNESS_INSIDE
#include "asker.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ASKERS = 256, ROW_BYTES = 256 * 1024 };

struct asker {
	int fd;
	char *buffer; /* of ROW_BYTES; a row of it is handed out */
	size_t start, length;
	struct json_object *row; /* borrowed from rows, or the one that was read last */
	struct json_object **rows;
	size_t row_count, row_room;
};

static struct asker *askers[ASKERS];
static size_t asker_count;

/* -1 with errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		abort();
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

bool asker_can_connect(const char *path)
{
	int fd = connect_to(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void asker_leave_dead_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		abort();
	close(fd);
}

struct asker *asker_connect(const char *path)
{
	int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	struct asker *asker = calloc(1, sizeof *asker);
	if (asker == NULL || asker_count == ASKERS || (asker->buffer = malloc(ROW_BYTES)) == NULL)
		abort();
	while ((asker->fd = connect_to(path)) < 0) {
		if (clock_now_us() > deadline_us)
			harness_fail_here("cannot connect to %s: %s", path, strerror(errno));
		harness_pause(since_us);
	}
	askers[asker_count++] = asker;
	return asker;
}

static void forget_rows(struct asker *asker)
{
	for (size_t i = 0; i < asker->row_count; i++)
		json_object_put(asker->rows[i]);
	asker->row_count = 0;
	asker->row = NULL;
}

void asker_close(struct asker *asker)
{
	size_t place = 0;
	while (place < asker_count && askers[place] != asker)
		place++;
	if (place == asker_count)
		abort();
	askers[place] = askers[--asker_count];
	close(asker->fd);
	forget_rows(asker);
	free(asker->rows);
	free(asker->buffer);
	free(asker);
}

void asker_close_all(void)
{
	while (asker_count > 0)
		asker_close(askers[asker_count - 1]);
}

int asker_fd(const struct asker *asker)
{
	return asker->fd;
}

void asker_write(struct asker *asker, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(asker->fd, bytes, length, MSG_NOSIGNAL);
		if (n <= 0)
			harness_fail_here("the request is not taken: %s", strerror(errno));
		bytes += n;
		length -= (size_t)n;
	}
}

void asker_try_send(struct asker *asker, const char *line)
{
	const char *bytes = harness_text("%s\n", line);
	for (char *at = (char *)bytes; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	(void)!send(asker->fd, bytes, strlen(bytes), MSG_NOSIGNAL);
}

static void send_line(struct asker *asker, const char *format, va_list arguments)
{
	char *line = NULL;
	int length = vasprintf(&line, format, arguments);
	if (length < 0)
		abort();
	for (char *at = line; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	line[length] = '\n'; /* in the place of the NUL */
	asker_write(asker, line, (size_t)length + 1);
	free(line);
}

void asker_send(struct asker *asker, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	send_line(asker, format, arguments);
	va_end(arguments);
}

static bool is_readable(const struct asker *asker, int64_t until_us)
{
	struct pollfd wanted = {.fd = asker->fd, .events = POLLIN};
	int64_t left_us = until_us - clock_now_us();
	return poll(&wanted, 1, left_us <= 0 ? 0 : (int)(left_us / 1000) + 1) == 1;
}

static const char *find_end(const struct asker *asker)
{
	return memchr(asker->buffer + asker->start, '\n', asker->length);
}

/* Reads until there is a whole row. False at the end, or when it takes too long. */
static bool fill(struct asker *asker, int64_t until_us)
{
	while (find_end(asker) == NULL) {
		memmove(asker->buffer, asker->buffer + asker->start, asker->length);
		asker->start = 0;
		if (asker->length == ROW_BYTES)
			harness_fail_here("a row of more than %d bytes", ROW_BYTES);
		if (!is_readable(asker, until_us))
			return false;
		ssize_t n = recv(asker->fd, asker->buffer + asker->length, ROW_BYTES - asker->length, 0);
		if (n <= 0)
			return false;
		asker->length += (size_t)n;
	}
	return true;
}

bool asker_has_row(struct asker *asker, int64_t until_us)
{
	return fill(asker, until_us);
}

static void keep_row(struct asker *asker, struct json_object *row)
{
	if (asker->row_count == asker->row_room) {
		asker->row_room = asker->row_room * 2 + 16;
		asker->rows = realloc(asker->rows, asker->row_room * sizeof *asker->rows);
		if (asker->rows == NULL)
			abort();
	}
	asker->rows[asker->row_count++] = asker->row = row;
}

/* Reads a row behind those that are kept. */
static bool take_row(struct asker *asker)
{
	int64_t deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	if (!fill(asker, deadline_us)) {
		if (clock_now_us() >= deadline_us)
			harness_fail_here("no row comes");
		return false;
	}
	char *line = asker->buffer + asker->start;
	size_t length = (size_t)(find_end(asker) - line);
	line[length] = '\0';
	asker->start += length + 1;
	asker->length -= length + 1;
	struct json_object *row = json_tokener_parse(line);
	if (!json_object_is_type(row, json_type_object))
		harness_fail_here("not an object: %s", line);
	keep_row(asker, row);
	return true;
}

bool asker_next(struct asker *asker)
{
	forget_rows(asker);
	return take_row(asker);
}

void asker_expect(struct asker *asker, const char *msgtype)
{
	if (!asker_next(asker))
		harness_fail_here("the connection has ended, not with a row \"%s\"", msgtype);
	if (!asker_is(asker, "msgtype", msgtype))
		harness_fail_here("not \"%s\": %s", msgtype, asker_row(asker));
}

void asker_expect_error(struct asker *asker, const char *code, const char *words)
{
	asker_expect(asker, "error");
	const char *text = asker_value(asker, "text");
	if (!asker_is(asker, "error", code) || text == NULL || strstr(text, words) == NULL)
		harness_fail_here("not the error %s with \"%s\": %s", code, words, asker_row(asker));
}

void asker_expect_close(struct asker *asker)
{
	while (asker_next(asker))
		continue;
}

const char *asker_value(const struct asker *asker, const char *key)
{
	struct json_object *value = NULL;
	if (asker->row == NULL || !json_object_object_get_ex(asker->row, key, &value))
		return NULL;
	if (json_object_is_type(value, json_type_string))
		return harness_text("%s", json_object_get_string(value));
	return harness_text("%s",
			    value == NULL ? "null" : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

double asker_number(const struct asker *asker, const char *key)
{
	struct json_object *value = NULL;
	bool is_number = asker->row != NULL && json_object_object_get_ex(asker->row, key, &value) &&
			 (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double));
	return is_number ? json_object_get_double(value) : -1;
}

bool asker_is(const struct asker *asker, const char *key, const char *value)
{
	const char *found = asker_value(asker, key);
	return found != NULL && strcmp(found, value) == 0;
}

const char *asker_row(const struct asker *asker)
{
	return asker->row == NULL ? "" : json_object_to_json_string_ext(asker->row, JSON_C_TO_STRING_PLAIN);
}

size_t asker_ask(struct asker *asker, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	send_line(asker, format, arguments);
	va_end(arguments);
	forget_rows(asker);
	do {
		if (!take_row(asker))
			harness_fail_here("the connection has ended in an answer");
		if (asker_is(asker, "msgtype", "error"))
			harness_fail_here("refused: %s", asker_row(asker));
	} while (!asker_is(asker, "msgtype", "end"));
	size_t count = asker->row_count - 1;
	if (asker_number(asker, "rows") != (double)count)
		harness_fail_here("%zu rows, and then: %s", count, asker_row(asker));
	return count;
}

void asker_set(struct asker *asker, const char *setting, double value)
{
	asker_ask(asker, "{'msgtype':'set','setting':'%s','value':%g}", setting, value);
}

bool asker_pick(struct asker *asker, size_t number)
{
	bool is_there = number < asker->row_count;
	asker->row = is_there ? asker->rows[number] : NULL;
	return is_there;
}

bool asker_find(struct asker *asker, const char *key, const char *value)
{
	for (size_t i = 0; asker_pick(asker, i); i++)
		if (asker_is(asker, key, value))
			return true;
	return false;
}

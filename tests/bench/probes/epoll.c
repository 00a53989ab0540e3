/* One thread for all connections. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

enum { EVENTS = 256, OUT_BYTES = 65536, CONNECTIONS = 65536 };

/* The beginning of a line whose end hasn't come, by the number of the connection's descriptor. */
static struct kept {
	char *text;
	size_t length;
} kept_of[CONNECTIONS];

static void end_connection(int fd)
{
	free(kept_of[fd].text);
	kept_of[fd] = (struct kept){0};
	close(fd);
}

static void accept_connection(int epoll_fd, int listening_fd)
{
	int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	if (fd >= 0 && (fd >= CONNECTIONS || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0))
		close(fd);
}

/* Answers the lines, and returns how many bytes they take. */
static size_t answer_lines(int fd, const char *text, size_t length)
{
	static char out[OUT_BYTES];
	size_t out_length = 0;
	const char *line = text, *lf;
	while ((lf = memchr(line, '\n', length - (size_t)(line - text))) != NULL) {
		const struct answer *answer = answer_fixed(NULL, line, (size_t)(lf - line));
		if (out_length + answer->length > sizeof out) {
			probe_send(fd, out, out_length);
			out_length = 0;
		}
		memcpy(out + out_length, answer->text, answer->length);
		out_length += answer->length;
		line = lf + 1;
	}
	probe_send(fd, out, out_length);
	return (size_t)(line - text);
}

static void keep(struct kept *kept, const char *text, size_t length)
{
	free(kept->text);
	kept->text = length == 0 ? NULL : malloc(length);
	kept->length = kept->text == NULL ? 0 : length;
	if (kept->text != NULL)
		memcpy(kept->text, text, length);
}

static void serve_connection(int fd)
{
	static char in[PROBE_LINES_BYTES];
	struct kept *kept = &kept_of[fd];
	size_t length = kept->length;
	if (length > 0)
		memcpy(in, kept->text, length);
	ssize_t got = recv(fd, in + length, sizeof in - length, 0);
	if (got <= 0) {
		end_connection(fd);
		return;
	}
	length += (size_t)got;
	size_t taken = answer_lines(fd, in, length);
	keep(kept, in + taken, length - taken);
}

void serve_with_epoll(int listening_fd)
{
	struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = listening_fd};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listening_fd, &event);
	for (;;) {
		int count = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listening_fd)
				accept_connection(epoll_fd, listening_fd);
			else
				serve_connection(events[i].data.fd);
		}
	}
}

#include "control/control_priv.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/*
 * Waits for so long, or until the client leaves or is shut down. A client that closes its writing end alone, as a shell
 * does with `echo ... | nc`, still reads.
 */
static bool look(struct client *client, int wait_ms)
{
	struct pollfd end = {.fd = client->fd, .events = client->has_said_all ? 0 : POLLRDHUP};
	bool is_quiet = poll(&end, 1, wait_ms) <= 0;
	if (!is_quiet && (end.revents & (POLLHUP | POLLERR)) == 0)
		client->has_said_all = true;
	return is_quiet || (end.revents & (POLLHUP | POLLERR)) == 0;
}

bool client_has_left(struct client *client)
{
	return client->has_gone || !look(client, 0);
}

bool client_rest(struct client *client, int64_t us)
{
	int wait_ms = us <= 0 ? 0 : us > 60 * INT64_C(1000000) ? 60000 : (int)((us + 999) / 1000);
	return !control_is_stopping(client->control) && look(client, wait_ms) && !control_is_stopping(client->control);
}

/* Blocks until the client takes more. False if it does not for CONTROL_STALL_US. */
static bool wait_writable(const struct client *client)
{
	struct pollfd ready = {.fd = client->fd, .events = POLLOUT};
	int result;
	do
		result = poll(&ready, 1, (int)(CONTROL_STALL_US / 1000));
	while (result < 0 && errno == EINTR);
	return result > 0;
}

bool client_flush(struct client *client)
{
	while (!client->has_gone && buffer_length(&client->out) > 0) {
		ssize_t n = send(client->fd, buffer_content(&client->out), buffer_length(&client->out),
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			buffer_consume(&client->out, (size_t)n);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			client->has_gone = !wait_writable(client);
		else if (errno != EINTR)
			client->has_gone = true;
	}
	return !client->has_gone;
}

/* Blocks for more bytes. False at the end. */
static bool read_more(struct client *client)
{
	size_t size;
	char *space = frame_space(&client->in, &size);
	ssize_t n;
	if (space == NULL)
		return false;
	do
		n = recv(client->fd, space, size, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		frame_added(&client->in, (size_t)n);
	return n > 0;
}

static void refuse_line(struct client *client)
{
	struct row row = row_begin(&client->out, "error");
	row_text(&row, "error", "line_too_long");
	row_text(&row, "text", "a line has at most 131072 bytes, its LF included");
	row_end(&row);
	client_flush(client);
}

/* A client that waits holds no more than usual, whatever a row of it took. */
static void give_back(struct client *client)
{
	if (client->out.capacity > CLIENT_KEPT_BYTES && buffer_length(&client->out) == 0)
		buffer_fini(&client->out);
}

void client_serve(struct client *client)
{
	bool goes_on = true;
	while (goes_on) {
		const char *line;
		size_t length;
		enum frame_result result = frame_next(&client->in, &line, &length);
		if (result == FRAME_LINE) {
			request_answer(client, line, length);
			goes_on = client_flush(client);
			give_back(client);
		} else if (result == FRAME_NEED_MORE) {
			goes_on = read_more(client);
		} else {
			refuse_line(client);
			goes_on = false;
		}
		goes_on = goes_on && !control_is_stopping(client->control);
	}
	frame_fini(&client->in);
	buffer_fini(&client->out);
}

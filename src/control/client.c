#include "control/control_priv.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

bool client_has_left(struct client *client)
{
	struct pollfd look = {.fd = client->fd, .events = POLLRDHUP};
	return client->has_gone || poll(&look, 1, 0) > 0;
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

#include "kith/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

/* Rows of newer nodes may be nested deeper than those of today. */
enum { ROW_DEPTH = 16 };

void session_init(struct session *session, int fd)
{
	*session = (struct session){.fd = fd, .patience_ms = SESSION_PATIENCE_MS};
}

void session_fini(struct session *session)
{
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
	json_object_put(session->row);
	session->row = NULL;
	frame_fini(&session->in);
}

static bool fail(struct session *session, enum outcome outcome)
{
	session->outcome = outcome;
	return false;
}

static bool send_all(struct session *session, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(session->fd, bytes, length, MSG_NOSIGNAL);
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			/* It may have said why. */
			return true;
		} else if (errno != EINTR) {
			return fail(session, complain(OUTCOME_NO_NODE, "cannot ask the node: %s", strerror(errno)));
		}
	}
	return true;
}

bool session_send(struct session *session, const char *line, size_t length)
{
	session->rows = 0;
	return send_all(session, line, length) && send_all(session, "\n", 1);
}

bool session_send_row(struct session *session, struct row *row)
{
	struct buffer *out = row->out;
	session->rows = 0;
	bool is_sent = row_end(row) ? send_all(session, buffer_content(out), buffer_length(out))
				    : fail(session, complain_no_memory());
	buffer_fini(out);
	return is_sent;
}

bool session_ask(struct session *session, const char *request)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, request);
	return session_send_row(session, &row);
}

/* ---- what comes ---- */

static enum session_result failed(struct session *session, enum outcome outcome)
{
	session->outcome = outcome;
	return SESSION_FAILED;
}

/* SESSION_ROW if there are more bytes. */
static enum session_result read_more(struct session *session)
{
	struct pollfd ready = {.fd = session->fd, .events = POLLIN};
	size_t size;
	char *space = frame_space(&session->in, &size);
	ssize_t n;
	if (space == NULL)
		return failed(session, complain_no_memory());
	do
		n = poll(&ready, 1, session->patience_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return SESSION_SILENT;
	do
		n = recv(session->fd, space, size, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		frame_added(&session->in, (size_t)n);
		return SESSION_ROW;
	}
	return failed(session,
		      complain(OUTCOME_NO_NODE,
			       session->rows == 0 && !frame_is_within_line(&session->in)
				       ? "the node closed the connection before it answered; was it stopped?"
				       : "the node stopped in the middle of its answer: the rows are not all"));
}

/* How to end after an error with this code. */
static enum outcome outcome_of(const char *code)
{
	static const struct {
		const char *code;
		enum outcome outcome;
	} outcomes[] = {
		{"not_json", OUTCOME_WRONG_USAGE},	{"not_a_request", OUTCOME_WRONG_USAGE},
		{"missing_key", OUTCOME_WRONG_USAGE},	{"wrong_type", OUTCOME_WRONG_USAGE},
		{"wrong_value", OUTCOME_WRONG_USAGE},	{"wrong_id", OUTCOME_WRONG_USAGE},
		{"line_too_long", OUTCOME_WRONG_USAGE}, {"unknown_request", OUTCOME_WRONG_USAGE},
		{"too_many_clients", OUTCOME_NO_NODE},	{"no_memory", OUTCOME_NO_NODE},
		{"no_thread", OUTCOME_NO_NODE},		{"not_allowed", OUTCOME_NOT_ALLOWED},
	};
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (strcmp(code, outcomes[i].code) == 0)
			return outcomes[i].outcome;
	return OUTCOME_NO;
}

static const char *text_of(struct json_object *row, const char *key)
{
	struct json_object *value = NULL;
	return json_object_object_get_ex(row, key, &value) ? json_string(value) : NULL;
}

/* The node names its requests as one who types them would; those are commands of kith. */
static void put_in_own_words(const char *text, char out[static PROBLEM_BYTES])
{
	static const char begin[] = "{\"msgtype\":\"", end[] = "\"}";
	const char *request = strstr(text, begin);
	const char *rest = request == NULL ? NULL : strstr(request, end);
	if (rest == NULL || strncmp(request + strlen(begin), "help", 4) == 0) {
		snprintf(out, PROBLEM_BYTES, "%s", text);
		return;
	}
	const char *name = request + strlen(begin);
	snprintf(out, PROBLEM_BYTES, "%.*skith %.*s%s", (int)(request - text), text, (int)(rest - name), name,
		 rest + strlen(end));
}

static enum session_result take_error(struct session *session)
{
	char words[PROBLEM_BYTES];
	const char *code = text_of(session->row, "error"), *text = text_of(session->row, "text");
	snprintf(session->code, sizeof session->code, "%s", code == NULL ? "" : code);
	if (session->tolerates_unknown &&
	    (strcmp(session->code, "unknown_request") == 0 || strcmp(session->code, "reports_off") == 0))
		return SESSION_END;
	put_in_own_words(text != NULL ? text : session->code, words);
	/* What it may know instead was not meant. */
	if (strcmp(session->code, "unknown_request") == 0 && !session->is_typed)
		return failed(session, complain(OUTCOME_NO_NODE, "%.*s: the node is older than this kith",
						(int)strcspn(words, ";"), words));
	return failed(session, complain(outcome_of(session->code), "%s", words));
}

static enum session_result take_line(struct session *session)
{
	struct problem problem;
	json_object_put(session->row);
	session->row = NULL;
	if (!json_parse(session->line, session->length, ROW_DEPTH, &session->row, &problem) ||
	    text_of(session->row, "msgtype") == NULL)
		return failed(session, complain(OUTCOME_NO_NODE, "this is no node of kith: it sent \"%.*s\"",
						session->length > 60 ? 60 : (int)session->length, session->line));
	const char *msgtype = text_of(session->row, "msgtype");
	if (strcmp(msgtype, "error") == 0)
		return take_error(session);
	if (strcmp(msgtype, "end") == 0) {
		session->rows = 0;
		return SESSION_END;
	}
	session->rows++;
	return SESSION_ROW;
}

enum session_result session_next(struct session *session)
{
	for (;;) {
		enum frame_result result = frame_next(&session->in, &session->line, &session->length);
		if (result == FRAME_LINE)
			return take_line(session);
		if (result == FRAME_TOO_LONG)
			return failed(session, complain(OUTCOME_NO_NODE,
							"this is no node of kith: it sent a line without an end"));
		enum session_result more = read_more(session);
		if (more != SESSION_ROW)
			return more;
	}
}

enum session_result session_expect(struct session *session)
{
	enum session_result result = session_next(session);
	if (result != SESSION_SILENT)
		return result;
	return failed(session, complain(OUTCOME_NO_NODE, "the node has not answered for %d s: is it stopped?",
					session->patience_ms / 1000));
}

bool session_has_more(const struct session *session)
{
	struct pollfd ready = {.fd = session->fd, .events = POLLIN};
	const struct buffer *buffer = &session->in.buffer;
	return buffer_length(buffer) > session->in.taken_bytes || poll(&ready, 1, 0) > 0;
}

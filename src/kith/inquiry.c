#include "kith/inquiry.h"

#include <errno.h>
#include <string.h>

#include "base/sync.h"
#include "kith/finder.h"
#include "kith/sockets.h"

enum { PATIENCE_US = 5 * 1000 * 1000 };

enum outcome inquiry_find(struct inquiry_node *node)
{
	struct session session;
	enum outcome outcome = finder_connect(node->options, &session);
	if (outcome == OUTCOME_DONE)
		strcpy(node->path, session.path);
	session_fini(&session);
	return outcome;
}

void inquiry_init(struct inquiry *inquiry)
{
	*inquiry = (struct inquiry){0};
	session_init(&inquiry->session, -1);
}

static void stop_asking(struct inquiry *inquiry)
{
	session_fini(&inquiry->session);
	inquiry->is_asking = false;
}

void inquiry_fini(struct inquiry *inquiry)
{
	stop_asking(inquiry);
}

/* The node may have been started at another socket since: one that was chosen by its name is looked for again. */
static bool connect_to(struct inquiry *inquiry, struct inquiry_node *node)
{
	int error, fd;
	if (node->path[0] == '\0' && inquiry_find(node) != OUTCOME_DONE)
		return false;
	fd = sockets_connect_at_once(node->path, &error);
	if (fd < 0 && option_is_given(node->options, OPTION_NAME) && inquiry_find(node) == OUTCOME_DONE)
		fd = sockets_connect_at_once(node->path, &error);
	else if (fd < 0)
		sockets_complain(node->path, error);
	session_init(&inquiry->session, fd);
	return fd >= 0;
}

bool inquiry_begin(struct inquiry *inquiry, struct inquiry_node *node, bool (*ask)(struct session *session),
		   int requests)
{
	stop_asking(inquiry);
	inquiry->answers = 0;
	inquiry->wanted = requests;
	inquiry->asked_us = clock_now_us();
	complain_into(&inquiry->problem);
	inquiry->is_asking = connect_to(inquiry, node) && ask(&inquiry->session);
	complain_into(NULL);
	if (!inquiry->is_asking)
		stop_asking(inquiry);
	inquiry->session.patience_ms = 0;
	return inquiry->is_asking;
}

int inquiry_fd(const struct inquiry *inquiry)
{
	return inquiry->is_asking ? inquiry->session.fd : -1;
}

int64_t inquiry_deadline_us(const struct inquiry *inquiry)
{
	return inquiry->is_asking ? inquiry->asked_us + PATIENCE_US : INT64_MAX;
}

static bool fail(struct inquiry *inquiry, enum inquired *inquired)
{
	stop_asking(inquiry);
	*inquired = INQUIRED_FAILED;
	return false;
}

/* What comes next, as far as it is there; false for nothing more. */
static bool read_next(struct inquiry *inquiry, bool (*take)(void *context, struct json_object *row), void *context,
		      enum inquired *inquired)
{
	switch (session_next(&inquiry->session)) {
	case SESSION_ROW:
		if (take(context, inquiry->session.row))
			return true;
		complain_no_memory();
		return fail(inquiry, inquired);
	case SESSION_END:
		if (++inquiry->answers < inquiry->wanted)
			return true;
		stop_asking(inquiry);
		*inquired = INQUIRED_ALL;
		return false;
	case SESSION_SILENT:
		if (clock_now_us() < inquiry_deadline_us(inquiry))
			return false;
		complain(OUTCOME_NO_NODE, "the node has not answered for %d s: is it stopped, or very busy?",
			 PATIENCE_US / 1000000);
		return fail(inquiry, inquired);
	default:
		return fail(inquiry, inquired);
	}
}

enum inquired inquiry_read(struct inquiry *inquiry, bool (*take)(void *context, struct json_object *row), void *context)
{
	enum { ROWS_AT_ONCE = 1000 };
	enum inquired inquired = INQUIRED_MORE;
	complain_into(&inquiry->problem);
	for (int rows = 0; rows < ROWS_AT_ONCE && read_next(inquiry, take, context, &inquired); rows++)
		;
	complain_into(NULL);
	return inquired;
}

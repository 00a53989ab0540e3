#include "kith/follower.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/sync.h"
#include "kith/finder.h"
#include "kith/status.h"
#include "kith/value.h"

#define RETRY_US ((int64_t)500 * 1000)
#define PATIENCE_US ((int64_t)SESSION_PATIENCE_MS * 1000)

/* Rows that are handed out in one step: commands that run have to be looked after meanwhile. */
enum { STEP_ROWS = 256 };

void follower_init(struct follower *follower, const struct options *options, const struct cursor *cursor,
		   bool wants_present, const struct follower_taker *taker)
{
	bool is_new = nodeid_is_none(&cursor->boot);
	*follower = (struct follower){.options = *options, .taker = *taker, .start = *cursor};
	follower->after = cursor_after(cursor);
	follower->lost_reason = "events were lost before this kith on was started";
	follower->wants_present = (is_new && wants_present) || cursor->is_initial_waiting;
	session_init(&follower->session, -1);
}

void follower_fini(struct follower *follower)
{
	session_fini(&follower->session);
	rows_fini(&follower->present);
}

static bool has_begun(const struct follower *follower)
{
	return !nodeid_is_none(&follower->start.boot);
}

static enum outcome go_away(struct follower *follower, const char *why)
{
	session_fini(&follower->session);
	if (!follower->was_away)
		complain(OUTCOME_NO_NODE, "%s; waiting for the node", why);
	follower->was_away = true;
	follower->phase = FOLLOWER_AWAY;
	follower->due_us = clock_now_us() + RETRY_US;
	return OUTCOME_DONE;
}

static enum outcome ask(struct follower *follower, const char *request)
{
	follower->due_us = clock_now_us() + PATIENCE_US;
	return session_ask(&follower->session, request) ? OUTCOME_DONE : go_away(follower, "the node cannot be asked");
}

/* ---- events that are in no journal ---- */

/* Parses the row that has been written to out, which is freed. NULL if there is no memory. */
static struct json_object *parse_row(struct row *row)
{
	enum { DEPTH = 4 };
	struct problem problem;
	struct json_object *object = NULL;
	if (row_end(row))
		json_parse(buffer_content(row->out), buffer_length(row->out), DEPTH, &object, &problem);
	buffer_fini(row->out);
	return object;
}

static void begin_event(struct follower *follower, struct buffer *out, struct row *row, const char *kind)
{
	*row = row_begin(out, "event");
	row_nodeid(row, "boot", &follower->boot);
	row_null(row, "number");
	row_time(row, "at", clock_unix_us());
	row_text(row, "kind", kind);
}

/* How many are lost: 0 for unknown. */
static enum outcome hand_out_lost(struct follower *follower, uint64_t events, const char *reason)
{
	struct buffer out = {0};
	struct row row;
	begin_event(follower, &out, &row, "lost");
	row_text(&row, "reason", reason);
	if (events > 0)
		row_integer(&row, "events", (int64_t)events);
	else
		row_null(&row, "events");
	struct json_object *event = parse_row(&row);
	bool is_taken = event != NULL && follower->taker.take(follower->taker.context, event, 0);
	json_object_put(event);
	return is_taken ? OUTCOME_DONE : complain_no_memory();
}

static bool keep_state(struct follower *follower, struct json_object *peer, const char *kind, const char *reason)
{
	struct buffer out = {0};
	struct row row;
	const char *listen = value_text(peer, "listen");
	begin_event(follower, &out, &row, kind);
	row_text(&row, "nodeid", value_text(peer, "nodeid"));
	row_text(&row, "name", value_text(peer, "name"));
	row_text(&row, "address", listen != NULL ? listen : value_text(peer, "address"));
	row_text(&row, "value", value_text(peer, "agent"));
	row_text(&row, "reason", reason);
	struct json_object *event = parse_row(&row);
	bool is_kept = event != NULL && rows_add(&follower->present, event);
	json_object_put(event);
	return is_kept;
}

/* A peer that is connected, as the events with which it came and became late. */
static bool keep_present(struct follower *follower, struct json_object *peer)
{
	/* What is being closed is a peer no more: that it went is an event already, or soon. */
	if (!status_is_ready(peer))
		return true;
	return keep_state(follower, peer, "peer_up", "connected already") &&
	       (!status_is_late(peer) || keep_state(follower, peer, "peer_late", "late already"));
}

/* Is that event another state of what this one is about? */
static bool follows(const char *kind, const char *before)
{
	static const char *const pairs[][2] = {
		{"peer_up", "peer_up"},	  {"peer_up", "peer_down"},   {"peer_late", "peer_late"},
		{"peer_late", "peer_ok"}, {"peer_late", "peer_down"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (strcmp(pairs[i][0], before) == 0 && strcmp(pairs[i][1], kind) == 0)
			return true;
	return false;
}

/* Did this event bring about a state that has been handed out? */
static bool is_in_present(struct follower *follower, struct json_object *event, uint64_t number)
{
	const char *kind = value_text(event, "kind"), *nodeid = value_text(event, "nodeid");
	bool is_told = false;
	if (number > follower->present_mark) {
		rows_fini(&follower->present);
		return false;
	}
	for (size_t i = 0; i < follower->present.count && kind != NULL && nodeid != NULL; i++) {
		struct json_object **state = &follower->present.list[i];
		const char *other = value_text(*state, "nodeid"), *before = value_text(*state, "kind");
		if (other == NULL || strcmp(nodeid, other) != 0 || !follows(kind, before))
			continue;
		is_told = is_told || strcmp(kind, before) == 0;
		/* Later ones of that peer are changes. */
		json_object_put(*state);
		*state = NULL;
	}
	return is_told;
}

/* ---- the steps ---- */

static enum outcome connect_to_node(struct follower *follower)
{
	struct problem problem = {0};
	complain_into(&problem);
	enum outcome outcome = finder_connect(&follower->options, &follower->session);
	complain_into(NULL);
	/* While a node starts, its socket may not be as it will be. */
	if (outcome == OUTCOME_NO_NODE || (outcome != OUTCOME_DONE && follower->path[0] != '\0'))
		return go_away(follower, problem.text);
	if (outcome != OUTCOME_DONE)
		return complain(outcome, "%s", problem.text);
	follower->session.patience_ms = 0;
	follower->phase = FOLLOWER_ASKS_INFO;
	return ask(follower, "info");
}

static enum outcome watch(struct follower *follower)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "watch");
	row_integer(&row, "since", (int64_t)follower->after);
	/* Another node of this machine is not taken for it. One with a name may have another socket after a restart. */
	if (!option_is_given(&follower->options, OPTION_NAME)) {
		strcpy(follower->path, follower->session.path);
		follower->options.values[OPTION_SOCKET] = follower->path;
	}
	if (follower->was_away)
		complain(OUTCOME_DONE, "the node answers");
	follower->was_away = false;
	follower->phase = FOLLOWER_WATCHES;
	if (!session_send_row(&follower->session, &row))
		return go_away(follower, "the node cannot be asked");
	if (!follower->start.is_lost_waiting)
		return OUTCOME_DONE;
	follower->start.is_lost_waiting = false;
	return hand_out_lost(follower, 0, follower->lost_reason);
}

static void begin_at(struct follower *follower, uint64_t number)
{
	follower->start = (struct cursor){.boot = follower->boot, .number = number};
	follower->after = number;
}

/* It is known which run of the node this is. */
static enum outcome go_on(struct follower *follower)
{
	if (nodeid_is_none(&follower->boot))
		return complain(OUTCOME_NO_NODE, "the node does not tell its boot: it is older than this kith");
	if (has_begun(follower) && !nodeid_equals(&follower->start.boot, &follower->boot)) {
		begin_at(follower, 0);
		follower->start.is_lost_waiting = true;
		follower->lost_reason = "the node was started again: what happened to it before is no longer known";
		/* All that it has done is in its new journal. */
		follower->wants_present = false;
		follower->taker.note_boot(follower->taker.context);
	}
	if (follower->wants_present) {
		follower->phase = FOLLOWER_ASKS_PEERS;
		rows_fini(&follower->present);
		return ask(follower, "peers");
	}
	/* What a node does that was waited for is new from its start on. */
	if (!has_begun(follower))
		begin_at(follower, follower->was_away ? 0 : follower->last_event);
	return watch(follower);
}

/* The answer has ended. */
static enum outcome take_end(struct follower *follower)
{
	switch (follower->phase) {
	case FOLLOWER_ASKS_INFO:
		return go_on(follower);
	case FOLLOWER_ASKS_PEERS:
		if (!has_begun(follower))
			begin_at(follower, follower->last_event);
		follower->phase = FOLLOWER_ASKS_AGAIN;
		return ask(follower, "info");
	case FOLLOWER_ASKS_AGAIN:
		follower->present_mark = follower->last_event;
		follower->present_next = 0;
		follower->wants_present = false;
		return watch(follower);
	default:
		return go_away(follower, "the node has stopped");
	}
}

static enum outcome take_event(struct follower *follower, struct json_object *row)
{
	int64_t number;
	struct json_object *value = NULL;
	json_object_object_get_ex(row, "number", &value);
	if (!json_integer(value, 1, INT64_MAX, &number))
		return OUTCOME_DONE;
	follower->after = (uint64_t)number;
	if (!cursor_wants(&follower->start, follower->after) || is_in_present(follower, row, follower->after))
		return OUTCOME_DONE;
	return follower->taker.take(follower->taker.context, row, follower->after) ? OUTCOME_DONE
										   : complain_no_memory();
}

static enum outcome take_lost(struct follower *follower, struct json_object *row)
{
	int64_t events;
	struct json_object *value = NULL;
	json_object_object_get_ex(row, "events", &value);
	if (!json_integer(value, 1, INT64_MAX - (int64_t)follower->after, &events))
		return OUTCOME_DONE;
	uint64_t last = follower->after + (uint64_t)events;
	uint64_t missed = cursor_count_wanted(&follower->start, follower->after, last);
	follower->after = last;
	return missed == 0 ? OUTCOME_DONE : hand_out_lost(follower, missed, "the journal no longer has them");
}

static void take_info(struct follower *follower, struct json_object *row)
{
	struct json_object *value = NULL;
	const char *boot = value_text(row, "boot");
	int64_t last_event = 0;
	json_object_object_get_ex(row, "last_event", &value);
	json_integer(value, 0, INT64_MAX, &last_event);
	follower->last_event = (uint64_t)last_event;
	if (boot == NULL || !nodeid_parse(boot, &follower->boot))
		follower->boot = nodeid_none;
}

static enum outcome take_row(struct follower *follower, struct json_object *row)
{
	const char *msgtype = value_text(row, "msgtype");
	follower->due_us = clock_now_us() + PATIENCE_US;
	if (strcmp(msgtype, "info") == 0)
		take_info(follower, row);
	else if (strcmp(msgtype, "peer") == 0)
		return keep_present(follower, row) ? OUTCOME_DONE : complain_no_memory();
	else if (strcmp(msgtype, "event") == 0)
		return take_event(follower, row);
	else if (strcmp(msgtype, "lost") == 0)
		return take_lost(follower, row);
	return OUTCOME_DONE;
}

static enum outcome hand_out_present(struct follower *follower)
{
	struct json_object *row = follower->present.list[follower->present_next++];
	return follower->taker.take(follower->taker.context, row, 0) ? OUTCOME_DONE : complain_no_memory();
}

static bool has_present(const struct follower *follower)
{
	return follower->phase == FOLLOWER_WATCHES && follower->present_next < follower->present.count;
}

/* A row, or the end of an answer. *is_idle if there is neither. */
static enum outcome take_next(struct follower *follower, bool *is_idle)
{
	struct session *session = &follower->session;
	struct problem problem = {0};
	complain_into(&problem);
	enum session_result result = session_next(session);
	complain_into(NULL);
	switch (result) {
	case SESSION_ROW:
		return take_row(follower, session->row);
	case SESSION_END:
		return take_end(follower);
	case SESSION_SILENT:
		*is_idle = true;
		return follower->phase != FOLLOWER_WATCHES && clock_now_us() > follower->due_us
			       ? go_away(follower, "the node does not answer")
			       : OUTCOME_DONE;
	default:
		return session->outcome == OUTCOME_NO_NODE && strcmp(session->code, "unknown_request") != 0
			       ? go_away(follower, problem.text)
			       : complain(session->outcome, "%s", problem.text);
	}
}

enum outcome follower_step(struct follower *follower, bool *has_more)
{
	enum outcome outcome = OUTCOME_DONE;
	bool is_idle = false;
	int rows = 0;
	if (follower->phase == FOLLOWER_AWAY && clock_now_us() >= follower->due_us)
		outcome = connect_to_node(follower);
	while (outcome == OUTCOME_DONE && follower->phase != FOLLOWER_AWAY && !is_idle && rows < STEP_ROWS &&
	       follower->taker.has_room(follower->taker.context)) {
		outcome = has_present(follower) ? hand_out_present(follower) : take_next(follower, &is_idle);
		rows++;
	}
	*has_more = rows == STEP_ROWS;
	return outcome;
}

int follower_fd(const struct follower *follower)
{
	return follower->session.fd;
}

int64_t follower_due_us(const struct follower *follower)
{
	return follower->phase == FOLLOWER_WATCHES ? INT64_MAX : follower->due_us;
}

void follower_note(const struct follower *follower, struct cursor *cursor)
{
	const struct cursor *start = &follower->start;
	cursor->boot = start->boot;
	cursor->number = follower->after > start->number ? follower->after : start->number;
	/* Those that have not come again yet. */
	for (size_t i = 0; i < start->waiting_count; i++)
		if (start->waiting[i] > follower->after)
			cursor->waiting[cursor->waiting_count++] = start->waiting[i];
	cursor->is_lost_waiting = cursor->is_lost_waiting || start->is_lost_waiting;
	cursor->is_initial_waiting = cursor->is_initial_waiting || follower->wants_present || has_present(follower);
}

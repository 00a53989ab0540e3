#include "control/rows_priv.h"

#include <stdlib.h>
#include <string.h>

/* While nothing happens, a client that has left is noticed after this time. */
#define LOOK_US ((int64_t)1000 * 1000)

/* "10m", "90s", "2h", "1d" or "30" (seconds). False for anything else. */
static bool parse_ago(const char *text, int64_t *us)
{
	static const struct {
		char unit;
		double seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	double number = strtod(text, &end), seconds = *end == '\0' ? 1 : 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (*end == units[i].unit && end[1] == '\0')
			seconds = units[i].seconds;
	bool is_good = end != text && number >= 0 && number <= 1e6 && seconds > 0;
	*us = is_good ? (int64_t)(number * seconds * 1e6) : 0;
	return is_good;
}

/* Where to begin. False if the request asks for what can't be: the answer is then an error. */
static bool find_start(struct call *call, uint64_t *after)
{
	struct journal *journal = call->parts->common.journal;
	struct json_object *since = NULL;
	int64_t number, ago_us;
	*after = journal_last(journal);
	if (!json_object_object_get_ex(call->keys, "since", &since) || since == NULL)
		return true;
	if (json_integer(since, 0, INT64_MAX, &number)) {
		*after = (uint64_t)number;
	} else if (json_string(since) != NULL && parse_ago(json_string(since), &ago_us)) {
		*after = journal_before(journal, clock_now_us() - ago_us);
	} else {
		call_fail(call, "wrong_value", "since is the number of an event, or how long ago, as in \"10m\"");
		return false;
	}
	if (*after <= journal_last(journal))
		return true;
	call_fail(call, "wrong_value",
		  "there is no event %llu yet; the node may have been started again: compare \"boot\"",
		  (unsigned long long)*after);
	return false;
}

/* Which kinds are wanted. False for one that doesn't exist: the answer is then an error. */
static bool find_kinds(struct call *call, bool wanted[static EVENT_KINDS])
{
	struct json_object *kinds = NULL;
	bool has_kinds = json_object_object_get_ex(call->keys, "kinds", &kinds) && kinds != NULL &&
			 json_object_array_length(kinds) > 0;
	for (int i = 0; i < EVENT_KINDS; i++)
		wanted[i] = !has_kinds;
	for (size_t i = 0; has_kinds && i < json_object_array_length(kinds); i++) {
		const char *name = json_string(json_object_array_get_idx(kinds, i));
		enum event_kind kind;
		if (!event_kind_find(name, &kind)) {
			call_fail(call, "wrong_value",
				  "there is no kind of event \"%.64s\"; kith-control(7) lists them", name);
			return false;
		}
		wanted[kind] = true;
	}
	return true;
}

void rows_add_event(struct row *row, const struct journal_entry *entry)
{
	const struct event *event = journal_event(entry);
	row_integer(row, "number", (int64_t)journal_number(entry));
	row_time(row, "at", journal_unix_us(entry));
	row_seconds(row, "ago_s", clock_now_us() - journal_at_us(entry));
	row_text(row, "kind", event_kind_name(event->kind));
	row_text(row, "ending", event_ending_name(event->ending));
	row_text(row, "direction", event_direction_name(event->direction));
	row_nodeid(row, "nodeid", &event->nodeid);
	row_text(row, "name", event->name);
	row_nodeid(row, "other", &event->other);
	row_address(row, "address", &event->address);
	row_text(row, "value", event->value);
	row_text(row, "reason", event->reason);
	row_seconds(row, "lasted_s", event->lasted_us);
	if (event->problem == 0)
		row_null(row, "problem");
	else
		row_integer(row, "problem", (int64_t)event->problem);
}

static bool send_event(struct call *call, const struct journal_entry *entry)
{
	struct nodeid boot = journal_boot(call->parts->common.journal);
	struct row row = call_begin_row(call, "event");
	row_nodeid(&row, "boot", &boot);
	rows_add_event(&row, entry);
	return call_end_row(call, &row);
}

static bool send_lost(struct call *call, uint64_t events)
{
	struct nodeid boot = journal_boot(call->parts->common.journal);
	struct row row = call_begin_row(call, "lost");
	row_nodeid(&row, "boot", &boot);
	row_integer(&row, "events", (int64_t)events);
	return call_end_row(call, &row);
}

/* Sends what the journal has after that event. False if the client has gone. */
static bool send_step(struct call *call, uint64_t *after, const bool wanted[static EVENT_KINDS], bool *is_at_end)
{
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t lost;
	size_t count = journal_read(call->parts->common.journal, after, entries, &lost);
	bool goes_on = lost == 0 || send_lost(call, lost);
	for (size_t i = 0; i < count; i++) {
		if (goes_on && wanted[journal_event(entries[i])->kind])
			goes_on = send_event(call, entries[i]);
		journal_release(entries[i]);
	}
	*is_at_end = count == 0 && lost == 0;
	return goes_on;
}

void rows_watch(struct call *call)
{
	struct client *client = call->client;
	uint64_t after;
	bool wanted[EVENT_KINDS], is_at_end, is_last, follows = call_truth(call, "follow", true);
	if (!find_start(call, &after) || !find_kinds(call, wanted))
		return;
	for (;;) {
		/* Asked for before the events are read: the node's last ones are told before it goes. */
		is_last = !follows || control_is_stopping(client->control);
		if (!send_step(call, &after, wanted, &is_at_end))
			break;
		if (!is_at_end)
			continue;
		if (is_last || !client_flush(client) || client_has_left(client))
			break;
		journal_wait(call->parts->common.journal, after, clock_now_us() + LOOK_US);
	}
	call->has_failed = call->has_failed || client->has_gone;
}

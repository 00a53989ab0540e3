#include "telling.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "runner.h"

enum { TEXT_BYTES = 8192 };

static struct message taken;
static char taken_line[131072];
static bool has_taken;

static void drop_taken(void)
{
	if (has_taken)
		message_fini(&taken);
	has_taken = false;
}

void telling_init(struct core *core)
{
	core_init(core, 5, "127.0.0.1:5999");
	core->has_reports = true;
}

static void run(struct core *core, int64_t *next_us)
{
	protocol_note_clock(core->protocol, core->now_us, TELLING_CLOCK_US + core->now_us - 1000 * SECOND_US);
	*next_us = protocol_run_timers(core->protocol, core->now_us, 0);
}

void telling_start(struct core *core)
{
	int64_t next_us;
	core_start(core);
	run(core, &next_us);
}

void telling_fini(struct core *core)
{
	drop_taken();
	core_fini(core);
}

void telling_pass(struct core *core, int64_t duration_us)
{
	int64_t end_us = core->now_us + duration_us, next_us;
	for (;;) {
		core->alarm.ringing = false;
		run(core, &next_us);
		if (core->alarm.ringing)
			continue;
		if (next_us > end_us)
			break;
		core->now_us = next_us > core->now_us ? next_us : core->now_us + 1;
	}
	core->now_us = end_us;
	run(core, &next_us);
}

struct peer *telling_meet_old(struct core *core, unsigned number)
{
	char from[ADDRESS_TEXT_BYTES];
	snprintf(from, sizeof from, "127.0.%u.%u:40000", number / 250, number % 250);
	struct peer *peer = core_meet(core, number, from, 0);
	core_say(core, peer, "{'msgtype': 'pong'}");
	return peer;
}

struct peer *telling_meet(struct core *core, unsigned number, const unsigned *links)
{
	struct peer *peer = telling_meet_old(core, number);
	telling_report(core, peer, 0, 1000, links);
	telling_pass(core, SECOND_US);
	take_all(peer);
	return peer;
}

void telling_tend(struct core *core, struct peer *peer, bool answers, int64_t duration_us)
{
	int64_t end_us = core->now_us + duration_us;
	while (core->now_us < end_us && !peer_is_closing(peer)) {
		telling_pass(core, 100 * MS_US);
		core_tend(core, peer);
		if (answers && peer_look(peer, core->now_us).waiting_us >= 0)
			core_say(core, peer, "{'msgtype': 'pong'}");
	}
}

void telling_fail_dial(struct core *core, const char *address, int error)
{
	struct peer *peer = NULL;
	for (int i = 0; i < 10000 && (peer = core_dial_next(core)) == NULL; i++)
		telling_pass(core, 10 * MS_US);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	EXPECT_TEXT(address_text(peer_dial(peer)->address), address);
	peer_fail_errno(peer, error);
	core_end(core, peer);
}

void telling_report(struct core *core, struct peer *peer, unsigned origin, int64_t seq, const unsigned *links)
{
	static char text[8 * TEXT_BYTES];
	char who[64] = "";
	size_t used = 0;
	if (origin != 0)
		snprintf(who, sizeof who, "'nodeid': '%s', ", nodeid_text(origin));
	text[0] = '\0';
	for (; *links != 0 && used < sizeof text; links++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s['%s', 1000, 0]", used == 0 ? "" : ", ",
					 nodeid_text(*links));
	core_say(core, peer, "{'msgtype': 'report', %s'seq': %lld, 'up_s': 1, 'links': [%s]}", who, (long long)seq,
		 text);
}

/* ---- what was sent ---- */

const struct message *telling_take(struct core *core, struct peer *peer, enum message_type type)
{
	struct problem problem;
	const char *line;
	drop_taken();
	while ((line = take_line(peer)) != NULL) {
		snprintf(taken_line, sizeof taken_line, "%s", line);
		has_taken = message_decode(line, strlen(line), core->now_us, &taken, &problem);
		CU_ASSERT_FATAL(has_taken);
		if (taken.type == type)
			return &taken;
		drop_taken();
	}
	return NULL;
}

const struct report *telling_take_report(struct core *core, struct peer *peer)
{
	const struct message *message = telling_take(core, peer, MESSAGE_REPORT);
	return message == NULL ? NULL : message->report;
}

const char *telling_line(void)
{
	return taken_line;
}

size_t telling_count_reports(struct core *core, struct peer *peer)
{
	size_t count = 0;
	while (telling_take_report(core, peer) != NULL)
		count++;
	return count;
}

static unsigned number_of(const struct nodeid *nodeid)
{
	const unsigned char *id = nodeid->bytes;
	return (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3];
}

const char *telling_links(const struct report *report)
{
	static char text[TEXT_BYTES];
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < report->link_count && used < sizeof text; i++) {
		const struct report_link *link = &report->links[i];
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%u%s%s", used == 0 ? "" : " ",
					 number_of(&link->nodeid), link->is_dialled ? "+" : "",
					 link->late_since_us >= 0 ? "~" : "");
	}
	return text;
}

const char *telling_ends(const struct report *report)
{
	static char text[TEXT_BYTES];
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < report->end_count && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%u %s", used == 0 ? "" : " ",
					 number_of(&report->ends[i].nodeid),
					 report_reason_name(report->ends[i].reason));
	return text;
}

const char *telling_failures(const struct report *report)
{
	static char text[TEXT_BYTES];
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < report->failure_count && used < sizeof text; i++) {
		const struct report_failure *failure = &report->failures[i];
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%u %s %u", used == 0 ? "" : " ",
					 address_text(failure->address), number_of(&failure->nodeid),
					 report_reason_name(failure->reason), failure->tries);
	}
	return text;
}

#include "quiet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/pace.h"
#include "runner.h"
#include "telemetry/journal.h"
#include "wire/message.h"

enum { EVENTS = 10000, HOUR_MS = 3600 * 1000 };

const char *quiet_name(size_t i)
{
	static const char *const greek[] = {"beta", "gamma", "delta", "epsilon"};
	static char name[32];
	snprintf(name, sizeof name, "peer %zu", i + 1);
	return i < sizeof greek / sizeof *greek ? greek[i] : name;
}

void quiet_init(struct quiet *quiet)
{
	memset(quiet, 0, sizeof *quiet);
	core_init(&quiet->core, QUIET_SELF, "127.0.0.1:5999");
	quiet->core.settings.max_inbound = QUIET_PEERS;
	quiet->core.settings.max_connections = 2 * QUIET_PEERS;
}

void quiet_connect(struct quiet *quiet, size_t i)
{
	struct core *core = &quiet->core;
	char from[ADDRESS_TEXT_BYTES];
	snprintf(from, sizeof from, "127.1.%zu.%zu:40000", i / 250, i % 250 + 1);
	struct peer *peer = core_accept(core, from);
	core_say(core, peer, "{'msgtype': 'hello', 'nodeid': '%s', 'name': '%s'}", nodeid_text((unsigned)i + 1),
		 quiet_name(i));
	CU_ASSERT_EQUAL_FATAL(peer_state(peer), PEER_READY);
	quiet->peers[i] = peer;
}

void quiet_start(struct quiet *quiet, size_t peers)
{
	quiet->core.journal = journal_new(EVENTS);
	quiet->core.pace = pace_new(&quiet->core.settings);
	core_start(&quiet->core);
	for (quiet->count = 0; quiet->count < peers; quiet->count++)
		quiet_connect(quiet, quiet->count);
	quiet_look(quiet);
}

void quiet_fini(struct quiet *quiet)
{
	for (size_t i = 0; i < quiet->count; i++)
		if (quiet->peers[i] != NULL)
			quiet_end(quiet, i);
	CU_ASSERT_EQUAL(pace_interval_us(quiet->core.pace), quiet->core.settings.probe_interval_us);
	core_fini(&quiet->core);
	pace_free(quiet->core.pace);
	journal_free(quiet->core.journal);
}

void quiet_end(struct quiet *quiet, size_t i)
{
	struct peer *peer = quiet->peers[i];
	quiet->gone_us[i] = quiet->core.now_us;
	snprintf(quiet->endings[i], sizeof quiet->endings[i], "%s", peer_look(peer, quiet->core.now_us).ending_text);
	quiet->peers[i] = NULL;
	core_end(&quiet->core, peer);
}

/* What peer i says to a line. */
static void answer(struct quiet *quiet, size_t i, const char *line)
{
	struct core *core = &quiet->core;
	struct peer *peer = quiet->peers[i];
	struct message message;
	struct problem problem;
	CU_ASSERT_FATAL(message_decode(line, strlen(line), core->now_us, &message, &problem));
	enum manner manner = quiet->manners[i];
	if (message.type == MESSAGE_PING && manner != MUTE && manner != BABBLES)
		core_say(core, peer, "{'msgtype': 'pong'}");
	quiet->told[i] += message.type == MESSAGE_UNHEARD;
	if (message.type == MESSAGE_SUSPECT) {
		const unsigned char *id = message.silence.nodeid.bytes;
		unsigned number = (unsigned)id[2] << 8 | id[3];
		quiet->asked[i]++;
		quiet->questions[number - 1]++;
		if (manner == HEARS)
			core_say(core, peer, "{'msgtype': 'heard', 'nodeid': '%s', 'ago_ms': 0}", nodeid_text(number));
		if (manner == AGREES || manner == LIES)
			core_say(core, peer, "{'msgtype': 'unheard', 'nodeid': '%s', 'silent_ms': %lld}",
				 nodeid_text(number), manner == LIES ? HOUR_MS : (long long)message.silence.ms);
		if (manner == STRANGE)
			core_say(core, peer, "{'msgtype': 'unheard', 'nodeid': '%s'}", nodeid_text(number));
	}
	message_fini(&message);
}

static bool answer_all(struct quiet *quiet, size_t i)
{
	bool has_said = false;
	const char *line;
	while (quiet->peers[i] != NULL && !peer_is_closing(quiet->peers[i]) &&
	       (line = take_line(quiet->peers[i])) != NULL) {
		answer(quiet, i, line);
		has_said = true;
	}
	if (quiet->peers[i] != NULL && peer_is_closing(quiet->peers[i]))
		quiet_end(quiet, i);
	return has_said;
}

int64_t quiet_look(struct quiet *quiet)
{
	int64_t next_us = FOREVER_US;
	unsigned before = 0, after = 0;
	bool goes_on = true;
	for (size_t i = 0; i < quiet->count; i++)
		before += quiet->asked[i];
	while (goes_on) {
		goes_on = false;
		next_us = FOREVER_US;
		for (size_t i = 0; i < quiet->count; i++)
			if (quiet->peers[i] != NULL) {
				next_us = clock_earlier(next_us, core_tend(&quiet->core, quiet->peers[i]));
				if (quiet->manners[i] == BABBLES && !peer_is_closing(quiet->peers[i]))
					core_say(&quiet->core, quiet->peers[i], "{'msgtype': 'babble'}");
			}
		for (size_t i = 0; i < quiet->count; i++)
			goes_on |= answer_all(quiet, i);
	}
	for (size_t i = 0; i < quiet->count; i++)
		after += quiet->asked[i];
	if (after - before > quiet->most_at_once)
		quiet->most_at_once = after - before;
	return next_us;
}

void quiet_pass(struct quiet *quiet, int64_t duration_us)
{
	int64_t end_us = quiet->core.now_us + duration_us;
	for (;;) {
		int64_t next_us = quiet_look(quiet), soon_us = quiet->core.now_us + MS_US;
		next_us = next_us > quiet->core.now_us ? next_us : soon_us;
		if (next_us > end_us)
			break;
		quiet->core.now_us = next_us;
	}
	quiet->core.now_us = end_us;
	quiet_look(quiet);
}

void quiet_set(struct quiet *quiet, size_t first, size_t count, enum manner manner)
{
	for (size_t i = first; i < first + count; i++)
		quiet->manners[i] = manner;
}

void quiet_mute(struct quiet *quiet, size_t i)
{
	quiet->manners[i] = MUTE;
	peer_hurry_ping(quiet->peers[i], quiet->core.now_us);
	quiet_look(quiet);
	CU_ASSERT_EQUAL(peer_silence(quiet->peers[i]).since_us, quiet->core.now_us);
}

size_t quiet_count_events(struct quiet *quiet, enum event_kind kind, size_t i, int64_t *lasted_us)
{
	struct journal_entry *entries[JOURNAL_STEP];
	struct nodeid nodeid = nodeid_of((unsigned)i + 1);
	uint64_t after = 0, lost;
	size_t count, found = 0;
	while ((count = journal_read(quiet->core.journal, &after, entries, &lost)) > 0)
		for (size_t j = 0; j < count; j++) {
			const struct event *event = journal_event(entries[j]);
			if (event->kind == kind && nodeid_equals(&event->nodeid, &nodeid)) {
				found++;
				if (lasted_us != NULL)
					*lasted_us = event->lasted_us;
			}
			journal_release(entries[j]);
		}
	return found;
}

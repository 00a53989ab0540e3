#include "members/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sync.h"
#include "base/token_bucket.h"

extern struct mutex lines_guard;

struct lines {
	/* Immutable. */
	struct sources *sources;
	struct mutex mutex;
	/* Guarded. */
	struct {
		struct token_bucket bucket;
		unsigned left_out; /* since the last line */
	} kinds[LINES_KINDS] GUARDED_BY(lines_guard);
};

/* A whole network of nodes may come or go at once. A refusal is logged once a minute: it tells the operator of a limit.
 */
static const struct {
	double burst, per_hour;
} amounts[LINES_KINDS] = {
	[LINES_PEERS] = {4000, 36000},	 [LINES_DIALLED] = {4000, 36000},   [LINES_STRANGERS] = {200, 3600},
	[LINES_DIALS] = {200, 3600},	 [LINES_PROBLEMS] = {200, 3600},    [LINES_DENIED] = {1, 60},
	[LINES_BANNED] = {1, 60},	 [LINES_MAX_CONNECTIONS] = {1, 60}, [LINES_MAX_PER_ADDRESS] = {1, 60},
	[LINES_MAX_PER_GROUP] = {1, 60},
};

static void enter(struct lines *lines) ACQUIRES(lines_guard) UNCHECKED
{
	mutex_lock(&lines->mutex);
}

static void leave(struct lines *lines) RELEASES(lines_guard) UNCHECKED
{
	mutex_unlock(&lines->mutex);
}

struct lines *lines_new(struct sources *sources, int64_t now_us) UNCHECKED
{
	struct lines *lines = calloc(1, sizeof *lines);
	if (lines == NULL)
		return NULL;
	lines->sources = sources;
	mutex_init(&lines->mutex);
	for (int i = 0; i < LINES_KINDS; i++)
		token_bucket_init(&lines->kinds[i].bucket, amounts[i].burst, now_us);
	return lines;
}

void lines_free(struct lines *lines)
{
	if (lines == NULL)
		return;
	mutex_fini(&lines->mutex);
	free(lines);
}

bool lines_take(struct lines *lines, enum lines_about about, enum log_level level, const struct address *from,
		int64_t now_us)
{
	bool is_peer = about == LINES_PEERS || about == LINES_DIALLED;
	enum source_kind kind = is_peer ? SOURCE_PEER_LINES : SOURCE_STRANGER_LINES;
	if (!log_is_on(level))
		return false;
	if (level == LOG_DEBUG)
		return true;
	bool may = from == NULL || sources_take(lines->sources, kind, from, 1, now_us) > 0;
	enter(lines);
	may = may && token_bucket_take(&lines->kinds[about].bucket, 1, amounts[about].per_hour / 3600,
				       amounts[about].burst, now_us) > 0;
	unsigned left_out = may ? lines->kinds[about].left_out : lines->kinds[about].left_out + 1;
	lines->kinds[about].left_out = may ? 0 : left_out;
	leave(lines);
	if (may && left_out > 0)
		log_line(level, "%u lines like the next one were left out", left_out);
	return may;
}

/*
 * A dial that has not become a peer is charged to nobody: whoever told of an address must not use up what is said of
 * its host.
 */
static bool may_log(struct lines *lines, struct peer *peer, enum log_level level, int64_t now_us)
{
	const struct dial *dial = peer_dial(peer);
	bool is_ready = peer_state(peer) == PEER_READY, is_inbound = peer_direction(peer) == PEER_INBOUND;
	enum lines_about about = is_ready ? LINES_PEERS : LINES_STRANGERS;
	if (!is_inbound)
		about = !is_ready && dial->is_hearsay ? LINES_DIALS : LINES_DIALLED;
	return lines_take(lines, about, level, is_ready || is_inbound ? &dial->address : NULL, now_us);
}

void lines_log_peer(struct lines *lines, struct peer *peer, enum log_level level, int64_t now_us, const char *format,
		    ...)
{
	char text[512];
	va_list arguments;
	if (!may_log(lines, peer, level, now_us))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	peer_log_line(peer, level, "%s", text);
}

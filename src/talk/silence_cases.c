#include <stdlib.h>

#include "talk/silence_priv.h"

void silence_enter(struct silence *silence) ACQUIRES(silence_guard) UNCHECKED
{
	mutex_lock(&silence->mutex);
}

void silence_leave(struct silence *silence) RELEASES(silence_guard) UNCHECKED
{
	mutex_unlock(&silence->mutex);
}

struct silence *silence_new(uint64_t seed) UNCHECKED
{
	struct silence *silence = calloc(1, sizeof *silence);
	if (silence == NULL)
		return NULL;
	mutex_init(&silence->mutex);
	silence->seed = seed;
	return silence;
}

/* ---- cases ---- */

struct silence_case *silence_find(struct silence *silence, const struct nodeid *suspect) REQUIRES(silence_guard)
{
	struct silence_case *found;
	HASH_FIND(hh, silence->cases, suspect, sizeof *suspect, found);
	return found;
}

static void remove_case(struct silence *silence, struct silence_case *one) REQUIRES(silence_guard)
{
	HASH_DEL(silence->cases, one);
	free(one);
}

/* The oldest that is over: among the first few, so that none stays for long; among all where there is no room. */
static void sweep(struct silence *silence, int64_t now_us) REQUIRES(silence_guard)
{
	enum { AT_ONCE = 4 };
	unsigned left = HASH_COUNT(silence->cases) < SILENCE_CASES ? AT_ONCE : SILENCE_CASES;
	struct silence_case *one = silence->cases;
	while (one != NULL && left > 1 && now_us - one->touched_us < SILENCE_KEPT_US) {
		one = one->hh.next;
		left--;
	}
	if (one != NULL && now_us - one->touched_us >= SILENCE_KEPT_US)
		remove_case(silence, one);
}

struct silence_case *silence_open(struct silence *silence, const struct nodeid *suspect, int64_t now_us)
	REQUIRES(silence_guard)
{
	sweep(silence, now_us);
	struct silence_case *found = silence_find(silence, suspect);
	if (found != NULL && found->closed_us != 0) {
		remove_case(silence, found);
		found = NULL;
	}
	if (found == NULL && HASH_COUNT(silence->cases) < SILENCE_CASES && (found = calloc(1, sizeof *found)) != NULL) {
		found->suspect = *suspect;
		HASH_ADD(hh, silence->cases, suspect, sizeof found->suspect, found);
		if (found->hh.tbl == NULL) {
			free(found);
			return NULL;
		}
	}
	if (found != NULL)
		found->touched_us = now_us;
	return found;
}

void silence_end(struct silence *silence, const struct nodeid *suspect, struct audience *audience)
	REQUIRES(silence_guard)
{
	struct silence_case *one = silence_find(silence, suspect);
	if (one == NULL || one->closed_us != 0)
		return;
	silence_gather(one, true, audience);
	remove_case(silence, one);
}

void silence_free(struct silence *silence) UNCHECKED
{
	if (silence == NULL)
		return;
	struct silence_case *one = silence->cases, *next;
	HASH_CLEAR(hh, silence->cases);
	for (; one != NULL; one = next) {
		next = one->hh.next;
		free(one);
	}
	mutex_fini(&silence->mutex);
	free(silence);
}

/* ---- what is said ---- */

void silence_say(struct peer *peer, enum message_type type, const struct nodeid *suspect, int64_t duration_us)
{
	struct message message = {.type = type, .silence = {.nodeid = *suspect, .ms = -1}};
	if (duration_us >= 0)
		message.silence.ms = duration_us / 1000 < MESSAGE_SILENCE_MS ? duration_us / 1000 : MESSAGE_SILENCE_MS;
	peer_send(peer, &message);
}

void silence_gather(struct silence_case *one, bool all, struct audience *audience)
{
	for (size_t i = 0; i < one->asker_count; i++)
		if (all || !one->askers[i].is_told) {
			audience->nodeids[audience->count++] = one->askers[i].nodeid;
			one->askers[i].is_told = true;
		}
}

void silence_tell(struct protocol *protocol, const struct audience *audience, enum message_type type,
		  const struct nodeid *suspect, int64_t duration_us)
{
	for (size_t i = 0; i < audience->count; i++) {
		struct peer *peer = registry_find(protocol->parts.common.registry, &audience->nodeids[i]);
		if (peer == NULL)
			continue;
		silence_say(peer, type, suspect, duration_us);
		peer_release(peer);
	}
}

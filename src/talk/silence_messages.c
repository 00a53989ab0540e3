#include "link/allowance.h"
#include "talk/silence_priv.h"

/* Remembers the asker, to tell it later; false if it asks too often, or there is no room and nothing to say. */
static bool note_asker(struct silence_case *one, const struct nodeid *nodeid, bool is_told, int64_t now_us)
{
	/* Its clock and the way here may make a second a little shorter. */
	enum { SOONEST_US = 900 * 1000 };
	struct asker *asker = NULL;
	for (size_t i = 0; i < one->asker_count && asker == NULL; i++)
		if (nodeid_equals(&one->askers[i].nodeid, nodeid))
			asker = &one->askers[i];
	if (asker != NULL && now_us - asker->asked_us < SOONEST_US)
		return false;
	/* Without room, what is known now can be said, but nothing later. */
	if (asker == NULL && one->asker_count == SILENCE_ASKERS)
		return is_told;
	if (asker == NULL) {
		asker = &one->askers[one->asker_count++];
		*asker = (struct asker){.nodeid = *nodeid};
	}
	asker->asked_us = now_us;
	asker->is_told = is_told;
	return true;
}

/* This node closed its connection for its silence a moment ago: since when it was silent; -1 if not. */
static int64_t closed_since_us(struct silence *silence, const struct nodeid *suspect, int64_t now_us)
{
	silence_enter(silence);
	const struct silence_case *one = silence_find(silence, suspect);
	bool is_recent = one != NULL && one->closed_us != 0 && now_us - one->closed_us < SILENCE_KEPT_US;
	int64_t since_us = is_recent ? one->since_us : -1;
	silence_leave(silence);
	return since_us;
}

/* The suspect is a peer that was not heard just now. What the asker says is kept: it is a witness too. */
static void investigate(struct protocol *protocol, struct peer *asker, struct peer *suspect,
			const struct message_silence *said, int64_t now_us)
{
	struct silence *silence = protocol->silence;
	struct peer_silence silent = peer_silence(suspect);
	struct nodeid witness = peer_look(asker, now_us).nodeid;
	bool is_late = silent.since_us != FOREVER_US && now_us - silent.since_us >= silent.late_after_us;
	silence_enter(silence);
	struct silence_case *one = silence_open(silence, &said->nodeid, now_us);
	bool is_taken = one != NULL && note_asker(one, &witness, is_late, now_us);
	if (is_taken)
		suspicion_tell(&one->suspicion, &witness, TESTIMONY_UNHEARD, now_us - said->ms * 1000, now_us);
	silence_leave(silence);
	if (!is_taken) {
		peer_count_ignored(asker);
		return;
	}
	/* From here on its reader says when it is heard. */
	peer_set_missed(suspect, true);
	if (is_late)
		silence_say(asker, MESSAGE_UNHEARD, &said->nodeid, now_us - silent.since_us);
	else
		peer_ping_soon(suspect, now_us);
}

void silence_handle_suspect(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_silence *said = &message->silence;
	struct nodeid asker = peer_look(peer, now_us).nodeid;
	if (nodeid_equals(&said->nodeid, &protocol->parts.self) || nodeid_equals(&said->nodeid, &asker) ||
	    !allowance_take_suspect(peer_allowance(peer), now_us)) {
		peer_count_ignored(peer);
		return;
	}
	struct peer *suspect = registry_find(protocol->parts.common.registry, &said->nodeid);
	if (suspect == NULL) {
		int64_t since_us = closed_since_us(protocol->silence, &said->nodeid, now_us);
		silence_say(peer, MESSAGE_UNHEARD, &said->nodeid, since_us < 0 ? -1 : now_us - since_us);
		return;
	}
	/* Its reader may have heard it since now_us was taken. */
	int64_t ago_us = now_us - clock_earlier(peer_silence(suspect).heard_us, now_us);
	if (ago_us < clock_earlier(SILENCE_RECENT_US, said->ms * 1000))
		silence_say(peer, MESSAGE_HEARD, &said->nodeid, ago_us);
	else
		investigate(protocol, peer, suspect, said, now_us);
	peer_release(suspect);
}

/* A word counts only where this node has seen a silence itself, from a peer that it has asked or that has asked. */
static void take_word(struct protocol *protocol, struct peer *peer, const struct nodeid *about,
		      enum testimony testimony, int64_t then_us, int64_t now_us)
{
	struct silence *silence = protocol->silence;
	struct nodeid witness = peer_look(peer, now_us).nodeid;
	silence_enter(silence);
	struct silence_case *one = silence_find(silence, about);
	bool counts = one != NULL && one->closed_us == 0 && suspicion_knows(&one->suspicion, &witness);
	if (counts)
		suspicion_tell(&one->suspicion, &witness, testimony, then_us, now_us);
	silence_leave(silence);
	if (!counts) {
		peer_count_ignored(peer);
		return;
	}
	struct peer *suspect = registry_find(protocol->parts.common.registry, about);
	if (suspect == NULL)
		return;
	peer_wake_pinger(suspect);
	peer_release(suspect);
}

void silence_handle_heard(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_silence *said = &message->silence;
	take_word(protocol, peer, &said->nodeid, TESTIMONY_HEARD, now_us - said->ms * 1000, now_us);
}

void silence_handle_unheard(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_silence *said = &message->silence;
	take_word(protocol, peer, &said->nodeid, said->ms < 0 ? TESTIMONY_STRANGER : TESTIMONY_UNHEARD,
		  now_us - (said->ms < 0 ? 0 : said->ms * 1000), now_us);
}

bool silence_look(struct protocol *protocol, const struct nodeid *suspect, struct suspicion *suspicion)
{
	silence_enter(protocol->silence);
	const struct silence_case *one = silence_find(protocol->silence, suspect);
	if (one != NULL)
		*suspicion = one->suspicion;
	silence_leave(protocol->silence);
	return one != NULL;
}

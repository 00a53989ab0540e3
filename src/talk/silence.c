#include "talk/silence_priv.h"

#include "base/text.h"
#include "talk/notes_priv.h"
#include "talk/reporting_priv.h"

/* ---- the silence of one peer, as its pinger sees it ---- */

size_t protocol_late(struct protocol *protocol)
{
	return atomic_load(&protocol->silence->late);
}

bool silence_is_me(const struct protocol *protocol)
{
	enum { LEAST = 3 };
	size_t late = atomic_load(&protocol->silence->late);
	if (late < LEAST)
		return false;
	struct registry_counts counts = registry_count(protocol->parts.common.registry);
	return late * 2 > counts.inbound + counts.outbound;
}

static void end_late(struct protocol *protocol, struct peer *peer, bool is_heard, int64_t now_us)
{
	int64_t since_us = peer_end_late(peer);
	if (since_us < 0)
		return;
	atomic_fetch_sub(&protocol->silence->late, 1);
	reporting_changed(protocol);
	if (!is_heard)
		return;
	notes_peer_ok(protocol, peer, now_us - since_us);
	if (now_us - since_us >= SILENCE_LOGGED_US) {
		char duration[TEXT_DURATION_BYTES];
		text_duration(now_us - since_us, duration);
		lines_log_peer(protocol->parts.common.lines, peer, LOG_INFO, now_us, "is heard again after %s",
			       duration);
	}
}

static void begin_late(struct protocol *protocol, struct peer *peer, const struct peer_silence *silent, int64_t now_us)
{
	if (!peer_begin_late(peer, silent->since_us))
		return;
	atomic_fetch_add(&protocol->silence->late, 1);
	reporting_changed(protocol);
	/* Another thread may have ended it before it was late, and would not end that. */
	if (peer_is_closing(peer)) {
		end_late(protocol, peer, false, now_us);
		return;
	}
	notes_peer_late(protocol, peer, now_us - silent->since_us, now_us);
	/* If its reader has heard it just now, it could not know yet that the journal has that it is late. */
	if (!peer_is_late(peer))
		notes_peer_ok(protocol, peer, now_us - silent->since_us);
}

/* Once in an episode. Returns when to look again for it. */
static int64_t log_late(struct protocol *protocol, struct peer *peer, const struct peer_silence *silent, int64_t now_us)
{
	char duration[TEXT_DURATION_BYTES];
	if (now_us - silent->since_us < SILENCE_LOGGED_US)
		return silent->since_us + SILENCE_LOGGED_US;
	if (!peer_take_late_line(peer))
		return FOREVER_US;
	text_duration(now_us - silent->since_us, duration);
	lines_log_peer(protocol->parts.common.lines, peer, LOG_INFO, now_us, "is late: no answer to a ping for %s",
		       duration);
	return FOREVER_US;
}

/* May another question be asked now? */
static bool take_question(struct silence *silence, int64_t now_us) REQUIRES(silence_guard)
{
	return token_bucket_take(&silence->questions, 1, SILENCE_QUESTIONS_PER_S, SILENCE_QUESTIONS_PER_S, now_us) > 0;
}

/* Whom to ask: these nodes. */
struct round {
	struct nodeid nodeids[SUSPICION_QUESTIONS];
	size_t count;
};

/*
 * First witnesses whose word is old, until there are enough with a fresh one, then others, at random: they too are to
 * look after the suspect.
 */
static void choose(struct silence *silence, struct silence_case *one, const struct nodeid *others, size_t count,
		   struct round *round, int64_t now_us) REQUIRES(silence_guard)
{
	struct suspicion *suspicion = &one->suspicion;
	const struct witness *stale;
	size_t fresh = suspicion_fresh(suspicion, now_us);
	while (fresh + round->count < SUSPICION_MANY && (stale = suspicion_stale(suspicion, now_us)) != NULL &&
	       take_question(silence, now_us)) {
		round->nodeids[round->count] = stale->nodeid;
		suspicion_ask(suspicion, &round->nodeids[round->count++], now_us);
	}
	for (size_t i = 0; i < count && round->count < SUSPICION_QUESTIONS; i++) {
		bool is_new = !nodeid_equals(&others[i], &one->suspect) && !suspicion_knows(suspicion, &others[i]);
		if (!is_new || suspicion->count == SUSPICION_WITNESSES || !take_question(silence, now_us))
			continue;
		round->nodeids[round->count++] = others[i];
		suspicion_ask(suspicion, &others[i], now_us);
	}
	suspicion->asked_us = now_us;
}

/* Some peers, in a random order. */
static size_t draw_others(struct protocol *protocol, struct nodeid others[static REGISTRY_STEP], int64_t now_us)
{
	struct rng rng;
	struct peer *peers[REGISTRY_STEP];
	rng_seed(&rng, protocol->silence->seed ^ (uint64_t)now_us);
	size_t count = registry_sample(protocol->parts.common.registry, &rng, peers);
	for (size_t i = 0; i < count; i++) {
		size_t place = rng_below(&rng, (uint32_t)i + 1);
		others[i] = others[place];
		others[place] = peer_look(peers[i], now_us).nodeid;
		peer_release(peers[i]);
	}
	return count;
}

/* When the next questions are due; FOREVER_US if there are too many cases. */
static int64_t next_round_us(struct silence *silence, const struct nodeid *suspect, int64_t now_us)
{
	silence_enter(silence);
	struct silence_case *one = silence_open(silence, suspect, now_us);
	int64_t round_us = one == NULL ? FOREVER_US : one->suspicion.asked_us + SUSPICION_ROUND_US;
	silence_leave(silence);
	return round_us;
}

/* Returns when the next questions are due, if that is known. */
static int64_t ask(struct protocol *protocol, const struct nodeid *suspect, int64_t silent_us, int64_t now_us)
{
	struct silence *silence = protocol->silence;
	struct nodeid others[REGISTRY_STEP];
	struct round round = {0};
	int64_t round_us = next_round_us(silence, suspect, now_us);
	if (round_us > now_us)
		return round_us;
	if (silence_is_me(protocol))
		return FOREVER_US;
	size_t count = draw_others(protocol, others, now_us);
	silence_enter(silence);
	struct silence_case *one = silence_find(silence, suspect);
	if (one != NULL && one->closed_us == 0)
		choose(silence, one, others, count, &round, now_us);
	silence_leave(silence);
	for (size_t i = 0; i < round.count; i++) {
		struct peer *witness = registry_find(protocol->parts.common.registry, &round.nodeids[i]);
		if (witness == NULL)
			continue;
		silence_say(witness, MESSAGE_SUSPECT, suspect, silent_us);
		/* If it does not answer either, that is to be known soon: it may be this node that is cut off. */
		peer_hurry_ping(witness, now_us);
		peer_release(witness);
	}
	return now_us + SUSPICION_ROUND_US;
}

static bool is_in(const struct audience *audience, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < audience->count; i++)
		if (nodeid_equals(&audience->nodeids[i], nodeid))
			return true;
	return false;
}

/* Those that have asked, and, as far as there are questions left, the others that hear nothing either: for a node that
 * has missed the suspect later than others, such a word makes the verdict. */
static void gather_for_verdict(struct silence *silence, struct silence_case *one, struct audience *audience,
			       int64_t now_us) REQUIRES(silence_guard)
{
	silence_gather(one, true, audience);
	for (size_t i = 0; i < one->suspicion.count; i++) {
		const struct witness *witness = &one->suspicion.witnesses[i];
		if (witness->testimony == TESTIMONY_UNHEARD && !is_in(audience, &witness->nodeid) &&
		    take_question(silence, now_us))
			audience->nodeids[audience->count++] = witness->nodeid;
	}
}

/* Does what is known make it certain that the node is gone? Then the case is closed, and copied. */
static bool judge(struct protocol *protocol, const struct nodeid *nodeid, const struct peer_silence *silent,
		  struct suspicion *evidence, struct audience *audience, int64_t now_us, int64_t *next_us)
{
	struct silence *silence = protocol->silence;
	struct registry_counts counts = registry_count(protocol->parts.common.registry);
	struct suspect suspect = {.since_us = silent->since_us,
				  .silent_after_us = protocol->parts.common.settings->silent_after_us,
				  .others = counts.inbound + counts.outbound - 1};
	bool accuses_nobody = silence_is_me(protocol);
	*next_us = FOREVER_US;
	silence_enter(silence);
	struct silence_case *one = silence_find(silence, nodeid);
	bool is_proven = one != NULL && one->closed_us == 0 && !accuses_nobody &&
			 suspicion_is_proven(&one->suspicion, &suspect, now_us, next_us);
	if (is_proven) {
		*evidence = one->suspicion;
		one->closed_us = one->touched_us = now_us;
		one->since_us = silent->since_us;
		gather_for_verdict(silence, one, audience, now_us);
	}
	silence_leave(silence);
	return is_proven;
}

/* Those that wait for an answer: this node hears nothing either. */
static void answer_askers(struct protocol *protocol, const struct nodeid *suspect, int64_t silent_us)
{
	struct audience audience = {.count = 0};
	silence_enter(protocol->silence);
	struct silence_case *one = silence_find(protocol->silence, suspect);
	if (one != NULL)
		silence_gather(one, false, &audience);
	silence_leave(protocol->silence);
	silence_tell(protocol, &audience, MESSAGE_UNHEARD, suspect, silent_us);
}

/* The node is there: others have heard it since this one has missed it. */
static bool is_broken(struct protocol *protocol, const struct nodeid *nodeid, const struct peer_silence *silent)
{
	struct suspicion suspicion;
	return silence_look(protocol, nodeid, &suspicion) &&
	       suspicion.heard_us >= silent->since_us + REPORTING_HEARD_US;
}

/* Pings peers a little sooner than it is their turn, so that all that is broken is known soon. */
static void look_around(struct protocol *protocol, int64_t now_us)
{
	int64_t next_us = atomic_load(&protocol->silence->around_us);
	if (now_us < next_us || silence_is_me(protocol) ||
	    !atomic_compare_exchange_strong(&protocol->silence->around_us, &next_us, now_us + SILENCE_AROUND_AGAIN_US))
		return;
	struct rng rng;
	rng_seed(&rng, protocol->silence->seed ^ (uint64_t)now_us);
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	registry_shuffle_snapshot(&ready, &rng);
	size_t count = ready.count < SILENCE_AROUND ? ready.count : SILENCE_AROUND;
	for (size_t i = 0; i < count; i++)
		peer_ping_by(ready.peers[i], now_us + SILENCE_AROUND_US * (int64_t)i / (int64_t)count, now_us);
	registry_release_snapshot(&ready);
}

/* It has been silent for long enough to ask. Returns when to look again. */
static int64_t watch_silent(struct protocol *protocol, struct peer *peer, const struct peer_silence *silent,
			    int64_t now_us)
{
	int64_t silent_us = now_us - silent->since_us, next_us, judge_us;
	struct nodeid suspect = peer_look(peer, now_us).nodeid;
	struct audience audience = {.count = 0};
	struct suspicion evidence;
	next_us = now_us + SUSPICION_ROUND_US;
	if (silent_us >= silent->late_after_us) {
		begin_late(protocol, peer, silent, now_us);
		next_us = clock_earlier(next_us, log_late(protocol, peer, silent, now_us));
		answer_askers(protocol, &suspect, silent_us);
		if (is_broken(protocol, &suspect, silent))
			look_around(protocol, now_us);
	} else {
		next_us = clock_earlier(next_us, silent->since_us + silent->late_after_us);
	}
	next_us = clock_earlier(next_us, ask(protocol, &suspect, silent_us, now_us));
	if (judge(protocol, &suspect, silent, &evidence, &audience, now_us, &judge_us)) {
		char text[PEER_ENDING_BYTES];
		counters_count(protocol->parts.common.counters, COUNTER_SILENT_WITNESSED);
		silence_say_verdict(protocol, &evidence, silent_us, text);
		peer_close_because(peer, BYE_TIMEOUT, text);
		silence_tell(protocol, &audience, MESSAGE_UNHEARD, &suspect, silent_us);
		return now_us;
	}
	return clock_earlier(next_us, judge_us);
}

int64_t protocol_watch(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	if (peer_is_closing(peer) || peer_state(peer) != PEER_READY)
		return FOREVER_US;
	struct peer_silence silent = peer_silence(peer);
	if (silent.since_us == FOREVER_US) {
		end_late(protocol, peer, true, now_us);
		return FOREVER_US;
	}
	if (now_us < silent.ask_us)
		return silent.ask_us;
	/* From here on its reader says when it is heard; it may have been between the two looks. */
	peer_set_missed(peer, true);
	silent = peer_silence(peer);
	if (now_us < silent.ask_us)
		return silent.ask_us;
	return watch_silent(protocol, peer, &silent, now_us);
}

void protocol_stalled(struct protocol *protocol, struct peer *peer, int64_t stalled_us, int64_t now_us)
{
	char duration[TEXT_DURATION_BYTES];
	text_duration(stalled_us, duration);
	peer_excuse(peer, now_us);
	peer_debug(peer, "is not blamed for its silence: this process did not run for %s", duration);
	if (stalled_us >= PROTOCOL_STALL_US)
		reporting_note_stall(protocol, stalled_us, now_us);
	int64_t logged_us = atomic_load(&protocol->silence->stall_logged_us);
	if (stalled_us < PROTOCOL_STALL_US || (logged_us != 0 && now_us - logged_us < SILENCE_KEPT_US) ||
	    !atomic_compare_exchange_strong(&protocol->silence->stall_logged_us, &logged_us, now_us))
		return;
	log_warning("this process did not run for %s: no peer is blamed for its silence meanwhile", duration);
}

/* ---- the suspect says something, or is gone ---- */

void silence_heard(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct silence *silence = protocol->silence;
	struct nodeid suspect = peer_look(peer, now_us).nodeid;
	struct audience audience = {.count = 0};
	peer_set_missed(peer, false);
	silence_enter(silence);
	silence_end(silence, &suspect, &audience);
	silence_leave(silence);
	silence_tell(protocol, &audience, MESSAGE_HEARD, &suspect, 0);
	end_late(protocol, peer, true, now_us);
}

void silence_ended(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct nodeid suspect = peer_look(peer, now_us).nodeid;
	struct audience nobody = {.count = 0};
	if (peer_is_missed(peer)) {
		silence_enter(protocol->silence);
		silence_end(protocol->silence, &suspect, &nobody);
		silence_leave(protocol->silence);
	}
	end_late(protocol, peer, false, now_us);
}

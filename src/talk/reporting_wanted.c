#include <stdlib.h>

#include "talk/reporting_priv.h"

static struct wanted *find(struct reporting *reporting, const struct nodeid *origin) REQUIRES(reporting_guard)
{
	struct wanted *one;
	HASH_FIND(hh, reporting->wanted, origin, sizeof *origin, one);
	return one;
}

static void drop(struct reporting *reporting, struct wanted *one) REQUIRES(reporting_guard)
{
	if (reporting->next_wanted == one)
		reporting->next_wanted = one->hh.next;
	HASH_DEL(reporting->wanted, one); /* NOLINT(clang-analyzer-unix.Malloc): its neighbours are there */
	free(one);
}

/*
 * When there are too many, one gives way of which a single peer tells, and that nobody is being asked for. Otherwise a
 * peer that tells of nodes that do not exist could keep this node from asking others. They are looked at in turns, so
 * that a look is short.
 */
static bool make_room(struct reporting *reporting, size_t most) REQUIRES(reporting_guard)
{
	enum { LOOKS = 64 };
	for (int i = 0; i < LOOKS && HASH_COUNT(reporting->wanted) >= most; i++) {
		struct wanted *one = reporting->next_wanted != NULL ? reporting->next_wanted : reporting->wanted;
		if (one == NULL)
			return false;
		reporting->next_wanted = one->hh.next;
		if (one->teller_count == 1 && one->asked_us == 0)
			drop(reporting, one);
	}
	return HASH_COUNT(reporting->wanted) < most;
}

/* NULL if there are too many, or no memory. */
static struct wanted *add(struct reporting *reporting, const struct nodeid *origin, size_t most, int64_t now_us)
	REQUIRES(reporting_guard)
{
	struct wanted *one = make_room(reporting, most) ? calloc(1, sizeof *one) : NULL;
	if (one == NULL)
		return NULL;
	one->origin = *origin;
	one->wanted_us = one->ask_us = now_us;
	HASH_ADD(hh, reporting->wanted, origin, sizeof one->origin, one);
	if (one->hh.tbl != NULL)
		return one;
	free(one);
	return NULL;
}

/* The place of the teller; teller_count if it is none. */
static unsigned place_of(const struct wanted *one, const struct nodeid *teller)
{
	unsigned place = 0;
	while (place < one->teller_count && !nodeid_equals(&one->tellers[place], teller))
		place++;
	return place;
}

/* One that has answered, and has more now, may be asked again. */
static void add_teller(struct wanted *one, const struct nodeid *teller, bool is_newer)
{
	unsigned place = place_of(one, teller);
	if (place == REPORTING_TELLERS)
		return;
	if (place == one->teller_count)
		one->tellers[one->teller_count++] = *teller;
	if (is_newer && (one->answered & 1U << place) != 0) {
		one->asked &= ~(1U << place);
		one->answered &= ~(1U << place);
	}
}

bool reporting_want(struct protocol *protocol, struct peer *peer, const struct report_number *number,
		    const struct nodeid *teller, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	size_t most = (size_t)protocol->parts.common.settings->max_nodes;
	bool may_come =
		reports_seq(reporting->reports, &number->nodeid) != 0 && !nodeid_equals(&number->nodeid, teller);
	reporting_enter(reporting);
	bool was_empty = reporting->wanted == NULL;
	struct wanted *one = find(reporting, &number->nodeid);
	bool is_new = one == NULL;
	if (is_new)
		one = add(reporting, &number->nodeid, most, now_us);
	if (is_new && one != NULL && may_come)
		one->ask_us = now_us + REPORTING_PATIENCE_US;
	if (one != NULL) {
		add_teller(one, teller, number->seq > one->seq);
		one->seq = number->seq > one->seq ? number->seq : one->seq;
	}
	reporting_leave(reporting);
	atomic_store(&peer_reports(peer)->may_have, true);
	if (was_empty && one != NULL)
		alarm_ring(protocol->parts.alarm);
	return is_new && one != NULL;
}

/* It has sent one; when that was all, it may be asked for more the next time. */
static void count_answer(struct peer_reports *state, int64_t now_us) REQUIRES(reporting_guard)
{
	unsigned owed = atomic_load(&state->owed), window = 2 * atomic_load(&state->window);
	atomic_store(&state->answered_us, now_us);
	if (owed == 0)
		return;
	atomic_store(&state->owed, owed - 1);
	if (owed > 1)
		return;
	atomic_store(&state->window, window < MESSAGE_GETREPORT_NODEIDS ? window : MESSAGE_GETREPORT_NODEIDS);
	atomic_store(&state->silences, 0);
}

unsigned reporting_expects(struct protocol *protocol, struct peer *peer, const struct nodeid *teller,
			   const struct nodeid *origin, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	reporting_enter(reporting);
	struct wanted *one = find(reporting, origin);
	unsigned place = one == NULL ? 0 : place_of(one, teller);
	bool expects = one != NULL && place < one->teller_count && (one->asked & ~one->answered & 1U << place) != 0;
	if (expects) {
		one->answered |= 1U << place;
		/* If that is not it, another one may be asked at once. */
		one->asked_us = 0;
		count_answer(peer_reports(peer), now_us);
	}
	unsigned count = expects ? one->teller_count : 0;
	reporting_leave(reporting);
	return count;
}

void reporting_got(struct protocol *protocol, const struct nodeid *origin, int64_t seq)
{
	struct reporting *reporting = protocol->reporting;
	reporting_enter(reporting);
	struct wanted *one = find(reporting, origin);
	if (one != NULL && one->seq <= seq)
		drop(reporting, one);
	reporting_leave(reporting);
}

/* ---- asking ---- */

/* Can this one be asked for now, for the first time or again? Before it is asked again, others have their turn. */
static bool is_due(const struct wanted *one, unsigned place, bool again, int64_t now_us)
{
	unsigned bit = 1U << place, all = (1U << one->teller_count) - 1;
	if (place == one->teller_count || (one->answered & bit) != 0 || ((one->asked & bit) != 0) != again ||
	    now_us < one->ask_us)
		return false;
	if (again && (one->asked | one->answered) != all && now_us - one->given_up_us < REPORTING_STALL_US)
		return false;
	return one->asked_us == 0 || now_us - one->asked_us >= REPORTING_ANSWER_US;
}

/*
 * What to ask this teller for, which counts as asked; how many. What it did not send before comes last. *has_more if it
 * has told of others.
 */
static size_t choose(struct reporting *reporting, const struct nodeid *teller, struct nodeid *nodeids, size_t most,
		     bool *has_more, int64_t now_us)
{
	size_t count = 0;
	*has_more = false;
	reporting_enter(reporting);
	for (int again = 0; again < 2; again++) {
		struct wanted *one = reporting->wanted;
		for (; one != NULL && count < most; one = one->hh.next) {
			unsigned place = place_of(one, teller);
			*has_more = *has_more || place < one->teller_count;
			if (!is_due(one, place, again != 0, now_us))
				continue;
			one->asked |= 1U << place;
			one->last = place;
			one->asked_us = now_us;
			nodeids[count++] = one->origin;
		}
	}
	reporting_leave(reporting);
	return count;
}

/* It sends no more of what it was asked for: others may be asked. If it won't send anything, it is not asked again. */
static void give_up(struct reporting *reporting, const struct nodeid *teller, bool for_good, int64_t now_us)
{
	reporting_enter(reporting);
	for (struct wanted *one = reporting->wanted; one != NULL; one = one->hh.next) {
		unsigned place = place_of(one, teller);
		if (place == one->teller_count)
			continue;
		if (one->asked_us != 0 && one->last == place) {
			one->asked_us = 0;
			one->given_up_us = now_us;
		}
		if (for_good)
			one->answered |= 1U << place;
	}
	reporting_leave(reporting);
}

/* The peer owes some: has it stopped sending them? Then it may be asked again. */
static bool has_stalled(struct reporting *reporting, struct peer *peer, const struct nodeid *teller, int64_t now_us)
{
	struct peer_reports *state = peer_reports(peer);
	int64_t asked_us = atomic_load(&state->asked_us), answered_us = atomic_load(&state->answered_us);
	int64_t rtt_us = peer_rtt_us(peer), patience_us = REPORTING_STALL_US + (rtt_us > 0 ? rtt_us : 0);
	unsigned window = atomic_load(&state->window), owed = atomic_load(&state->owed);
	unsigned silences = atomic_load(&state->silences);
	bool is_silent = answered_us < asked_us;
	if (now_us - (is_silent ? asked_us : answered_us) < patience_us << (is_silent ? silences : 0))
		return false;
	if (is_silent && silences < REPORTING_SILENCES)
		silences++;
	give_up(reporting, teller, is_silent && silences == REPORTING_SILENCES, now_us);
	atomic_store(&state->silences, is_silent ? silences : 0);
	atomic_store(&state->owed, 0);
	/* One more than it sent. */
	if (!is_silent && owed > 0 && window > owed)
		atomic_store(&state->window, window - owed + 1);
	return true;
}

static void ask(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct nodeid nodeids[MESSAGE_GETREPORT_NODEIDS], teller = peer_look(peer, now_us).nodeid;
	struct peer_reports *state = peer_reports(peer);
	if (!atomic_load(&state->speaks) || peer_is_closing(peer))
		return;
	if (atomic_load(&state->owed) > 0 && !has_stalled(protocol->reporting, peer, &teller, now_us))
		return;
	/* To look through all that is wanted for each peer would take long. */
	if (!atomic_exchange(&state->may_have, false))
		return;
	if (atomic_load(&state->window) == 0)
		atomic_store(&state->window, REPORTING_WINDOW);
	struct message message = {.type = MESSAGE_GETREPORT, .getreport.nodeids = nodeids};
	bool has_more;
	size_t count = choose(protocol->reporting, &teller, nodeids, atomic_load(&state->window), &has_more, now_us);
	if (has_more)
		atomic_store(&state->may_have, true);
	if (count == 0)
		return;
	message.getreport.count = count;
	atomic_store(&state->asked_us, now_us);
	atomic_store(&state->owed, (unsigned)count);
	peer_send(peer, &message);
}

/* Leaves out what all that have it have sent, or won't, and what is wanted for long. True if something is wanted. */
static bool tidy(struct reporting *reporting, int64_t now_us)
{
	struct wanted *next;
	reporting_enter(reporting);
	for (struct wanted *one = reporting->wanted; one != NULL; one = next) {
		next = one->hh.next;
		if (one->answered == (1U << one->teller_count) - 1 || now_us - one->wanted_us >= REPORTING_WANTED_US)
			drop(reporting, one);
	}
	bool wants = reporting->wanted != NULL;
	reporting_leave(reporting);
	return wants;
}

int64_t reporting_ask(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	reporting_enter(reporting);
	bool wants = reporting->wanted != NULL;
	reporting_leave(reporting);
	if (!wants)
		return FOREVER_US;
	if (now_us < reporting->ask_us)
		return reporting->ask_us;
	reporting->ask_us = now_us + REPORTING_DELAY_US;
	if (!tidy(reporting, now_us))
		return FOREVER_US;
	/* In a random order: what several have, several send. */
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	registry_shuffle_snapshot(&ready, &reporting->choices);
	for (size_t i = 0; i < ready.count; i++)
		ask(protocol, ready.peers[i], now_us);
	registry_release_snapshot(&ready);
	return reporting->ask_us;
}

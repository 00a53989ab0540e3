#include <stdlib.h>
#include <string.h>

#include "link/allowance.h"
#include "talk/reporting_priv.h"

_Static_assert((int)REPORTS_PARTS == (int)MESSAGE_SUMS, "one sum for each part");

/* How many nodes are known. */
static size_t count_nodes(const struct protocol *protocol)
{
	size_t bytes;
	return reports_count(protocol->reporting->reports, &bytes);
}

/* ---- what this node says that it knows ---- */

static void say_sums(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct message message = {.type = MESSAGE_REPORTS, .reports.has_sums = true};
	reports_sums(protocol->reporting->reports, message.reports.sums);
	atomic_store(&peer_reports(peer)->sums_us, now_us);
	atomic_store(&peer_reports(peer)->said_us, now_us);
	peer_send(peer, &message);
}

/*
 * Of these parts, as many as fit into one message, from a random one on: if there are more, another peer, or the same
 * one the next time, says others.
 */
static uint64_t draw_parts(struct protocol *protocol, uint64_t parts)
{
	const size_t about = MESSAGE_HAVE * 9 / 10;
	size_t nodes = count_nodes(protocol);
	uint64_t drawn = 0;
	if (nodes <= MESSAGE_HAVE)
		return parts;
	size_t most = about * REPORTS_PARTS / nodes;
	reporting_enter(protocol->reporting);
	uint32_t first = rng_below(&protocol->reporting->rng, REPORTS_PARTS);
	reporting_leave(protocol->reporting);
	for (uint32_t i = 0; i < REPORTS_PARTS && (most > 0 || drawn == 0); i++) {
		uint64_t part = UINT64_C(1) << ((first + i) % REPORTS_PARTS);
		drawn |= parts & part;
		most -= (parts & part) != 0 && most > 0;
	}
	return drawn;
}

/* The numbers of those in these parts. */
static void say_numbers(struct protocol *protocol, struct peer *peer, uint64_t parts, int64_t now_us)
{
	struct report_number *have = malloc(MESSAGE_HAVE * sizeof *have);
	struct nodeid after = nodeid_none;
	if (have == NULL)
		return;
	struct message message = {.type = MESSAGE_REPORTS, .reports.have = have};
	message.reports.count =
		reports_have(protocol->reporting->reports, draw_parts(protocol, parts), &after, have, MESSAGE_HAVE);
	atomic_store(&peer_reports(peer)->said_us, now_us);
	if (message.reports.count > 0)
		peer_send(peer, &message);
	free(have);
}

static void compare(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	if (count_nodes(protocol) <= REPORTING_FEW_NODES)
		say_numbers(protocol, peer, UINT64_MAX, now_us);
	else
		say_sums(protocol, peer, now_us);
}

void reporting_compare(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	if (protocol_charge(protocol, peer, SOURCE_QUESTIONS, 1, now_us) > 0)
		compare(protocol, peer, now_us);
}

/* ---- what a peer says that it knows ---- */

/* Both know different reports: the peer is told which this node has, and is asked the same, unless it was just now. */
static void answer_sums(struct protocol *protocol, struct peer *peer, const struct message_reports *theirs,
			int64_t now_us)
{
	uint64_t sums[REPORTS_PARTS], parts = 0;
	int64_t sums_us = atomic_load(&peer_reports(peer)->sums_us);
	reports_sums(protocol->reporting->reports, sums);
	for (unsigned i = 0; i < REPORTS_PARTS; i++)
		if (sums[i] != theirs->sums[i])
			parts |= UINT64_C(1) << i;
	if (parts == 0 || protocol_charge(protocol, peer, SOURCE_QUESTIONS, 1, now_us) == 0)
		return;
	say_numbers(protocol, peer, parts, now_us);
	if (sums_us == 0 || now_us - sums_us >= REPORTING_COMPARE_LEAST_US)
		say_sums(protocol, peer, now_us);
}

/* Others have a higher number of this node, perhaps of an earlier run: it should go on above that. */
void reporting_warn(struct protocol *protocol, const struct report_number *number, int64_t now_us)
{
	struct report_number have = *number;
	struct message message = {.type = MESSAGE_REPORTS, .reports = {.have = &have, .count = 1}};
	struct peer *peer = registry_find(protocol->parts.common.registry, &number->nodeid);
	if (peer == NULL)
		return;
	int64_t warned_us = atomic_load(&peer_reports(peer)->warned_us);
	if (warned_us == 0 || now_us - warned_us >= REPORTING_COMPARE_LEAST_US) {
		atomic_store(&peer_reports(peer)->warned_us, now_us);
		peer_send(peer, &message);
	}
	peer_release(peer);
}

static void take_numbers(struct protocol *protocol, struct peer *peer, const struct message_reports *theirs,
			 const struct reports_teller *teller)
{
	struct reports *reports = protocol->reporting->reports;
	int64_t now_us = teller->now_us;
	size_t lacking = 0;
	for (size_t i = 0; i < theirs->count; i++) {
		const struct report_number *number = &theirs->have[i];
		if (!reports_lacks(reports, number, teller))
			continue;
		if (nodeid_equals(&number->nodeid, &protocol->parts.self))
			reporting_hear_self(protocol, number->seq, now_us);
		else if (nodeid_equals(&number->nodeid, &teller->nodeid) ||
			 !reporting_speaks_for_itself(protocol, &number->nodeid, now_us))
			lacking += reporting_want(protocol, peer, number, &teller->nodeid, now_us);
		else
			reporting_warn(protocol, number, now_us);
	}
	if (lacking >= REPORTING_MUCH && !atomic_exchange(&protocol->reporting->is_behind, true))
		alarm_ring(protocol->parts.alarm);
}

/* It lacks something that this node has, and was not told just now what that is. */
static bool is_behind(struct protocol *protocol, struct peer *peer, const struct message_reports *theirs,
		      int64_t now_us)
{
	int64_t said_us = atomic_load(&peer_reports(peer)->said_us);
	size_t shared = 0;
	if (said_us != 0 && now_us - said_us < REPORTING_COMPARE_LEAST_US)
		return false;
	for (size_t i = 0; i < theirs->count; i++) {
		int64_t seq = reports_seq(protocol->reporting->reports, &theirs->have[i].nodeid);
		shared += seq != 0 && seq <= theirs->have[i].seq;
	}
	return shared < count_nodes(protocol);
}

void reporting_handle_reports(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	struct reports_teller teller = {.nodeid = peer_look(peer, now_us).nodeid,
					.now_us = now_us,
					.clock_us = reporting_clock_us(protocol->reporting, now_us)};
	if (!reporting_is_on(protocol) || !allowance_take_comparison(peer_allowance(peer), now_us)) {
		peer_count_ignored(peer);
		return;
	}
	bool is_first = reporting_note_that_it_speaks(protocol, peer);
	take_numbers(protocol, peer, &message->reports, &teller);
	if (message->reports.has_sums)
		answer_sums(protocol, peer, &message->reports, now_us);
	else if (is_first || is_behind(protocol, peer, &message->reports, now_us))
		reporting_compare(protocol, peer, now_us);
}

/* ---- what a peer asks for ---- */

/* The host of this peer, which asks now; count is how many have asked just now. */
static struct asking_host *find_asker(struct reporting *reporting, const struct peer *peer, int64_t now_us,
				      size_t *count) REQUIRES(reporting_guard)
{
	struct address host = address_source(&peer_dial(peer)->address);
	struct asking_host *found = &reporting->askers[0];
	*count = 0;
	for (size_t i = 0; i < REPORTING_ASKERS; i++) {
		struct asking_host *one = &reporting->askers[i];
		bool is_same = address_equals(&one->host, &host);
		if (is_same || (one->asked_us < found->asked_us && !address_equals(&found->host, &host)))
			found = one;
		*count += !is_same && one->asked_us != 0 && now_us - one->asked_us < REPORTING_ASKER_US;
	}
	/* Its bucket is full. */
	if (!address_equals(&found->host, &host))
		*found = (struct asking_host){.host = host};
	found->asked_us = now_us;
	*count += 1;
	return found;
}

/*
 * Relays come first: answers take what is left of a full half of the bucket. But a part of the rate is theirs, or else
 * a peer that tells more than can be passed on would keep others from catching up. And what is left of less than three
 * quarters is divided among the hosts that ask, or else one that asks all the time would. True if more may be sent now.
 */
static bool pay(struct protocol *protocol, const struct peer *peer, size_t bytes, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	double rate = (double)protocol->parts.common.settings->report_rate, burst = rate * REPORTING_BURST_S;
	size_t askers;
	reporting_enter(reporting);
	token_bucket_charge(&reporting->relays, 0, rate, burst, now_us);
	token_bucket_charge(&reporting->answers, 0, rate / REPORTING_ANSWER_PART, burst / REPORTING_ANSWER_PART,
			    now_us);
	struct asking_host *asker = find_asker(reporting, peer, now_us, &askers);
	token_bucket_charge(&asker->bytes, 0, rate / (double)askers, burst / 2 / (double)askers, now_us);
	bool is_much = reporting->relays.tokens > burst * 3 / 4, is_left = reporting->relays.tokens > burst / 2;
	bool is_there = is_much || (asker->bytes.tokens > 0 && (is_left || reporting->answers.tokens > 0));
	token_bucket_add(&reporting->relays, -(double)bytes);
	if (!is_much)
		token_bucket_add(&asker->bytes, -(double)bytes);
	if (!is_left)
		token_bucket_add(&reporting->answers, -(double)bytes);
	reporting_leave(reporting);
	return is_there;
}

/* False if nothing more is to be sent now. */
static bool answer(struct protocol *protocol, struct peer *peer, const struct nodeid *nodeid, int64_t now_us)
{
	struct report *report = reports_find(protocol->reporting->reports, nodeid);
	bool is_own = nodeid_equals(nodeid, &protocol->parts.self), goes_on = true;
	struct report_words words = {.now_us = now_us, .clock_us = -1, .is_own = is_own};
	struct buffer line = {0};
	if (is_own)
		words.clock_us = reporting_clock_us(protocol->reporting, now_us);
	/* First, since it costs to write one. */
	if (report != NULL)
		goes_on = pay(protocol, peer, 0, now_us);
	if (report != NULL && goes_on && report_write(report, &words, &line)) {
		pay(protocol, peer, buffer_length(&line), now_us);
		peer_send_line(peer, MESSAGE_REPORT, &line);
	}
	buffer_fini(&line);
	report_release(report);
	return goes_on;
}

void reporting_handle_getreport(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_getreport *asked = &message->getreport;
	size_t done = 0;
	/* What is not answered takes nothing: it is asked for again. */
	while (reporting_is_on(protocol) && done < asked->count && !peer_is_closing(peer) &&
	       allowance_take_asked_report(peer_allowance(peer), now_us) &&
	       answer(protocol, peer, &asked->nodeids[done], now_us))
		done++;
	if (done < asked->count)
		peer_count_ignored(peer);
}

/* ---- now and then ---- */

/* The larger the network is, the likelier is it that something was missed; and the sums are as long as ever. */
static int64_t usual_wait_us(const struct protocol *protocol)
{
	enum { SMALL = 100 };
	int64_t count = (int64_t)count_nodes(protocol);
	int64_t wait_us = count <= SMALL ? REPORTING_COMPARE_MOST_US : REPORTING_COMPARE_MOST_US * SMALL / count;
	return wait_us > REPORTING_COMPARE_LEAST_US ? wait_us : REPORTING_COMPARE_LEAST_US;
}

static void compare_with_any(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	struct peer *peers[REGISTRY_STEP];
	size_t count = registry_sample(protocol->parts.common.registry, &reporting->choices, peers);
	size_t chosen = count == 0 ? 0 : rng_below(&reporting->choices, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		if (i == chosen && atomic_load(&peer_reports(peers[i])->speaks))
			compare(protocol, peers[i], now_us);
		peer_release(peers[i]);
	}
}

int64_t reporting_compare_again(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	int64_t usual_us = usual_wait_us(protocol);
	if (reporting->compare_us == 0)
		reporting->compare_us =
			now_us + usual_us / 2 + (int64_t)rng_below(&reporting->choices, (uint32_t)(usual_us / 2));
	if (atomic_exchange(&reporting->is_behind, false)) {
		reporting->compare_wait_us = REPORTING_COMPARE_SOON_US;
		reporting->compare_us = clock_earlier(reporting->compare_us, now_us + REPORTING_COMPARE_SOON_US);
	}
	if (now_us < reporting->compare_us)
		return reporting->compare_us;
	compare_with_any(protocol, now_us);
	reporting->compare_wait_us = reporting->compare_wait_us == 0 ? usual_us : reporting->compare_wait_us * 2;
	reporting->compare_wait_us = clock_earlier(reporting->compare_wait_us, usual_us);
	reporting->compare_us = now_us + reporting->compare_wait_us;
	return reporting->compare_us;
}

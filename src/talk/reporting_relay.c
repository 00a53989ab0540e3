#include <stdlib.h>

#include "talk/reporting_priv.h"

/* ---- marks ---- */

static struct mark *find(struct reporting *reporting, const struct nodeid *origin) REQUIRES(reporting_guard)
{
	struct mark *mark;
	HASH_FIND(hh, reporting->marks, origin, sizeof *origin, mark);
	return mark;
}

/* NULL if there is no memory: the others learn of it when they compare. */
static struct mark *put(struct reporting *reporting, const struct mark *what) REQUIRES(reporting_guard)
{
	struct mark *mark = calloc(1, sizeof *mark);
	if (mark == NULL)
		return NULL;
	*mark = *what;
	HASH_ADD(hh, reporting->marks, origin, sizeof mark->origin, mark);
	if (mark->hh.tbl != NULL)
		return mark;
	free(mark);
	return NULL;
}

/*
 * When there are too many, one gives way: the one that would be passed on last, which is of the teller that has told
 * the most. Otherwise that one could keep the news of others from being marked.
 */
static void make_room(struct reporting *reporting, size_t most) REQUIRES(reporting_guard)
{
	struct mark *last = reporting->last_mark != NULL ? reporting->last_mark : reporting->marks;
	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): what is freed is in the table no more */
	while (last != NULL && HASH_COUNT(reporting->marks) >= most) {
		struct mark *before = last->hh.prev;
		HASH_DEL(reporting->marks, last);
		free(last);
		reporting->last_mark = last = before;
	}
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
}

void reporting_mark(struct protocol *protocol, const struct report *report, int64_t before,
		    const struct reports_teller *teller, bool is_news)
{
	struct reporting *reporting = protocol->reporting;
	struct mark fresh = {.origin = report->nodeid,
			     .tellers = {teller->nodeid},
			     .teller_count = 1,
			     .seq = report->seq,
			     .base = before,
			     .is_news = is_news,
			     .marked_us = teller->now_us};
	reporting_enter(reporting);
	bool is_first = reporting->marks == NULL;
	struct mark *mark = find(reporting, &report->nodeid);
	if (mark != NULL) {
		mark->tellers[0] = teller->nodeid;
		mark->teller_count = 1;
		mark->seq = report->seq;
		mark->is_news = mark->is_news || is_news;
		mark->marked_us = teller->now_us;
	} else {
		make_room(reporting, (size_t)protocol->parts.common.settings->max_nodes);
		put(reporting, &fresh);
	}
	reporting_leave(reporting);
	if (is_first)
		alarm_ring(protocol->parts.alarm);
}

static bool has_told(const struct mark *mark, const struct nodeid *nodeid)
{
	for (unsigned i = 0; i < mark->teller_count; i++)
		if (nodeid_equals(&mark->tellers[i], nodeid))
			return true;
	return false;
}

void reporting_mark_again(struct protocol *protocol, const struct nodeid *origin, int64_t seq,
			  const struct nodeid *teller)
{
	struct reporting *reporting = protocol->reporting;
	reporting_enter(reporting);
	struct mark *mark = find(reporting, origin);
	if (mark != NULL && mark->seq == seq && mark->teller_count < REPORTING_TARGETS && !has_told(mark, teller))
		mark->tellers[mark->teller_count++] = *teller;
	reporting_leave(reporting);
}

/* Of the two, what is older was passed on; what is younger is news. What has come meanwhile may leave no room for it.
 */
static void put_back(struct reporting *reporting, size_t most, const struct mark *what)
{
	reporting_enter(reporting);
	struct mark *mark = find(reporting, &what->origin);
	if (mark != NULL) {
		mark->base = what->base;
		mark->is_news = mark->is_news || what->is_news;
	} else if (HASH_COUNT(reporting->marks) < most && (mark = put(reporting, what)) != NULL) {
		reporting->last_mark = mark;
	}
	reporting_leave(reporting);
}

/* Which mark of its teller it is, the newest being the first. */
struct turn {
	struct mark mark;
	size_t place;
	uint32_t draw; /* of its teller */
};

static int newest_first(const struct turn *one, const struct turn *other)
{
	return (one->mark.marked_us < other->mark.marked_us) - (one->mark.marked_us > other->mark.marked_us);
}

static int compare_tellers(const void *one, const void *other)
{
	const struct turn *a = one, *b = other;
	int order = nodeid_compare(&a->mark.tellers[0], &b->mark.tellers[0]);
	return order != 0 ? order : newest_first(a, b);
}

static int compare_turns(const void *one, const void *other)
{
	const struct turn *a = one, *b = other;
	if (a->place != b->place)
		return (a->place > b->place) - (a->place < b->place);
	return (a->draw > b->draw) - (a->draw < b->draw);
}

/*
 * Of each teller the newest go first. But tellers have their turns, one mark each, in a random order: one that tells
 * more than can be passed on does not keep the others waiting.
 */
static void put_in_turn(struct reporting *reporting, struct turn *turns, size_t count)
{
	qsort(turns, count, sizeof *turns, compare_tellers);
	for (size_t i = 0; i < count; i++) {
		bool is_same = i > 0 && nodeid_equals(&turns[i].mark.tellers[0], &turns[i - 1].mark.tellers[0]);
		turns[i].place = is_same ? turns[i - 1].place + 1 : 0;
		turns[i].draw = is_same ? turns[i - 1].draw : rng_below(&reporting->choices, 1U << 31);
	}
	qsort(turns, count, sizeof *turns, compare_turns);
}

/* Takes out all marks, in the order in which they are passed on, for the caller to free. */
static struct turn *take_all(struct reporting *reporting, size_t *count)
{
	struct turn *taken = NULL;
	struct mark *mark = NULL, *next;
	*count = 0;
	reporting_enter(reporting);
	if (reporting->marks != NULL)
		taken = calloc(HASH_COUNT(reporting->marks), sizeof *taken);
	if (taken != NULL) {
		mark = reporting->marks;
		HASH_CLEAR(hh, reporting->marks);
		reporting->last_mark = NULL;
	}
	reporting_leave(reporting);
	for (; mark != NULL; mark = next) {
		next = mark->hh.next;
		taken[(*count)++].mark = *mark;
		free(mark);
	}
	if (*count > 0)
		put_in_turn(reporting, taken, *count);
	return taken;
}

/* ---- passing on ---- */

/* A peer that can be told of others. */
struct listener {
	struct peer *peer;
	struct nodeid nodeid;
	bool is_busy;	   /* it has yet to read what it was sent */
	bool has_few_ways; /* few others could pass it on to it */
};

struct listeners {
	struct registry_snapshot ready;
	struct listener *list;
	struct listener **chosen; /* for the report that is passed on now */
	size_t count;
};

static int compare_nodeids(const void *one, const void *other)
{
	const struct listener *a = one, *b = other;
	return nodeid_compare(&a->nodeid, &b->nodeid);
}

/* As its own report says. */
static bool has_few_ways(struct protocol *protocol, const struct nodeid *nodeid)
{
	struct report *report = reports_find(protocol->reporting->reports, nodeid);
	bool has_few = report != NULL && report->link_count <= REPORTING_FEW_WAYS;
	report_release(report);
	return has_few;
}

/* Ordered by nodeid, as the links of a report are. */
static struct listeners gather(struct protocol *protocol, int64_t now_us)
{
	struct listeners all = {.ready = registry_take_snapshot(protocol->parts.common.registry, true)};
	all.list = calloc(all.ready.count + 1, sizeof *all.list);
	all.chosen = calloc(all.ready.count + 1, sizeof(struct listener *));
	for (size_t i = 0; all.list != NULL && all.chosen != NULL && i < all.ready.count; i++) {
		struct peer *peer = all.ready.peers[i];
		struct nodeid nodeid = peer_look(peer, now_us).nodeid;
		if (atomic_load(&peer_reports(peer)->speaks) && !peer_is_closing(peer))
			all.list[all.count++] = (struct listener){.peer = peer,
								  .nodeid = nodeid,
								  .is_busy = !peer_takes_news(peer, now_us),
								  .has_few_ways = has_few_ways(protocol, &nodeid)};
	}
	if (all.count > 0)
		qsort(all.list, all.count, sizeof *all.list, compare_nodeids);
	return all;
}

static void release(struct listeners *all)
{
	free(all->list);
	free(all->chosen);
	registry_release_snapshot(&all->ready);
}

/*
 * To how many it goes: where many have it already, others pass it on as well. Where it has few ways, each of them
 * counts.
 */
static size_t most_targets(const struct mark *mark)
{
	size_t told = mark->teller_count - 1, most = mark->base == 0 ? REPORTING_TARGETS : REPORTING_CHANGE_TARGETS;
	return told + REPORTING_LEAST_TARGETS < most ? most - told : REPORTING_LEAST_TARGETS;
}

/* Those that can't have it from its node are chosen; how many. If all of these are busy, that is said. */
static size_t find_all(const struct listeners *all, const struct report *report, const struct mark *mark,
		       bool *are_busy)
{
	size_t count = 0, link = 0;
	for (size_t i = 0; i < all->count; i++) {
		struct listener *one = &all->list[i];
		int order = 1;
		while (link < report->link_count &&
		       (order = nodeid_compare(&report->links[link].nodeid, &one->nodeid)) < 0)
			link++;
		/* A link on which nothing comes does not bring it. */
		bool is_linked = order == 0 && report->links[link].late_since_us < 0;
		if (is_linked || has_told(mark, &one->nodeid) || nodeid_equals(&one->nodeid, &mark->origin))
			continue;
		*are_busy = *are_busy || one->is_busy;
		if (!one->is_busy)
			all->chosen[count++] = one;
		else if (one->has_few_ways)
			atomic_store(&peer_reports(one->peer)->is_left_out, true);
	}
	*are_busy = *are_busy && count == 0;
	return count;
}

/* Of these, some stay, at random, and behind them those that have few ways; how many in all. */
static size_t choose(struct reporting *reporting, const struct listeners *all, size_t count, size_t most)
{
	size_t kept = count < most ? count : most;
	for (size_t i = 0; i < count; i++) {
		size_t place = i + rng_below(&reporting->choices, (uint32_t)(count - i));
		struct listener *one = all->chosen[place];
		all->chosen[place] = all->chosen[i];
		if (i < most)
			all->chosen[i] = one;
		else if (one->has_few_ways)
			all->chosen[kept++] = one;
	}
	return kept;
}

/* Of so many bytes it is, nearly, as a change since base. */
static size_t about_bytes(const struct report *report, int64_t base)
{
	enum { MESSAGE = 256, ENTRY = 64 };
	size_t entries = 0;
	if (base < report->floor || (base > report->floor && base < report->hole))
		base = 0;
	for (size_t i = 0; i < report->link_count; i++)
		entries += report->links[i].seq > base;
	for (size_t i = 0; i < report->end_count; i++)
		entries += report->ends[i].seq > base;
	for (size_t i = 0; i < report->failure_count; i++)
		entries += report->failures[i].seq > base ? 2 : 0;
	return MESSAGE + ENTRY * entries;
}

/*
 * To how many of these it may go now: for no more bytes than are left, or are paid in a second. Otherwise a peer that
 * tells long reports would keep the news of others waiting. 0: not now.
 */
static size_t within_rate(struct protocol *protocol, size_t targets, size_t bytes, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	double rate = (double)protocol->parts.common.settings->report_rate, burst = rate * REPORTING_BURST_S;
	reporting_enter(reporting);
	token_bucket_charge(&reporting->relays, 0, rate, burst, now_us);
	double tokens = reporting->relays.tokens, room = tokens > rate ? tokens : rate;
	reporting_leave(reporting);
	if ((double)(targets * bytes) <= room)
		return targets;
	/* One that is longer than all that can be left. */
	size_t one = tokens >= burst ? 1 : 0;
	return (double)bytes <= room ? (size_t)room / bytes : one;
}

/* To how many more it may go then: while more than half is left, so that this keeps no others waiting either. */
static size_t how_many_besides(struct protocol *protocol, size_t targets, size_t bytes)
{
	struct reporting *reporting = protocol->reporting;
	double burst = (double)protocol->parts.common.settings->report_rate * REPORTING_BURST_S;
	reporting_enter(reporting);
	double left = reporting->relays.tokens - burst / 2 - (double)(targets * bytes);
	reporting_leave(reporting);
	return left > 0 ? (size_t)left / bytes : 0;
}

/* Returns how many bytes were sent; waits: to nobody yet, as those that it is for are busy, or it is long. */
static size_t pass_on(struct protocol *protocol, const struct listeners *all, const struct mark *mark, int64_t now_us,
		      bool *waits)
{
	struct buffer line = {0};
	size_t sent = 0;
	struct report *report = reports_find(protocol->reporting->reports, &mark->origin);
	if (report == NULL)
		return 0;
	size_t found = find_all(all, report, mark, waits), targets = mark->is_news ? most_targets(mark) : 0;
	if (targets > found)
		targets = found;
	size_t most = within_rate(protocol, targets, about_bytes(report, mark->base), now_us);
	bool is_long = targets > 0 && most == 0;
	*waits = *waits || is_long;
	size_t count = is_long ? 0 : choose(protocol->reporting, all, found, most);
	struct report_words words = {.base = mark->base, .now_us = now_us, .clock_us = -1};
	if (count > 0 && report_write(report, &words, &line)) {
		size_t last = most + how_many_besides(protocol, most, buffer_length(&line));
		for (; sent < count && sent < last; sent++) {
			struct listener *one = all->chosen[sent];
			peer_send_news_line(one->peer, MESSAGE_REPORT, &line, now_us);
			one->is_busy = !peer_takes_news(one->peer, now_us);
			counters_count(protocol->parts.common.counters, COUNTER_REPORTS_RELAYED);
		}
	}
	size_t bytes = sent * buffer_length(&line);
	buffer_fini(&line);
	report_release(report);
	return bytes;
}

/* How long to wait until the bytes that were sent are paid; 0 if more may be sent. */
static int64_t pay(struct protocol *protocol, size_t bytes, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	double rate = (double)protocol->parts.common.settings->report_rate;
	reporting_enter(reporting);
	int64_t wait_us =
		token_bucket_charge(&reporting->relays, (double)bytes, rate, rate * REPORTING_BURST_S, now_us);
	reporting_leave(reporting);
	return wait_us;
}

/* Those with few ways that were busy when others were told, and no longer are, hear what is known. */
static void make_up(struct protocol *protocol, const struct listeners *all, int64_t now_us)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct listener *one = &all->list[i];
		struct peer_reports *state = peer_reports(one->peer);
		int64_t made_up_us = atomic_load(&state->made_up_us);
		if (!atomic_load(&state->is_left_out) || one->is_busy ||
		    (made_up_us != 0 && now_us - made_up_us < REPORTING_MAKE_UP_US))
			continue;
		atomic_store(&state->is_left_out, false);
		atomic_store(&state->made_up_us, now_us);
		reporting_compare(protocol, one->peer, now_us);
	}
}

static bool some_are_left_out(const struct listeners *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (atomic_load(&peer_reports(all->list[i].peer)->is_left_out))
			return true;
	return false;
}

static void pass_all_on(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	size_t count, done = 0, most = (size_t)protocol->parts.common.settings->max_nodes;
	int64_t wait_us = pay(protocol, 0, now_us);
	struct turn *turns = take_all(reporting, &count);
	struct listeners all = gather(protocol, now_us);
	bool waits = false;
	/* First: while there is more to tell than it reads, it is busy whenever all have been told. */
	make_up(protocol, &all, now_us);
	for (; done < count && wait_us == 0; done++) {
		bool is_put_back = false;
		wait_us = pay(protocol, pass_on(protocol, &all, &turns[done].mark, now_us, &is_put_back), now_us);
		if (is_put_back)
			put_back(reporting, most, &turns[done].mark);
		waits = waits || is_put_back;
	}
	waits = waits || done < count;
	for (; done < count; done++)
		put_back(reporting, most, &turns[done].mark);
	reporting->leaves_out = some_are_left_out(&all);
	release(&all);
	free(turns);
	reporting->is_relaying = waits || reporting->leaves_out;
	reporting->relay_us = now_us + (wait_us > REPORTING_DELAY_US ? wait_us : REPORTING_DELAY_US);
}

int64_t reporting_relay(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	reporting_enter(reporting);
	bool waits = reporting->marks != NULL;
	reporting_leave(reporting);
	if (!waits && !reporting->leaves_out)
		return FOREVER_US;
	/* What comes together is passed on together. */
	if (!reporting->is_relaying) {
		reporting->is_relaying = true;
		int64_t soon_us = now_us + REPORTING_DELAY_US;
		reporting->relay_us = soon_us > reporting->relay_us ? soon_us : reporting->relay_us;
	}
	if (now_us < reporting->relay_us)
		return reporting->relay_us;
	pass_all_on(protocol, now_us);
	return reporting->relay_us;
}

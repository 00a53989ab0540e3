#include "mesh/problems.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/sync.h"

enum {
	/* Those that last, those that may become one, and those that were over a short time ago. */
	PROBLEMS = 2 * FINDINGS,
};

/*
 * Broken links of one node, and a cut, may be parts of more, which not all notice at once: they wait until that has not
 * changed for this long, but no longer than GROWTH_US. A node that learns from others that it is missed needs up to 6 s
 * to find and tell what else it misses.
 */
#define GROUP_STABLE_US ((int64_t)7 * 1000 * 1000)
#define GROWTH_US ((int64_t)30 * 1000 * 1000)
/* A notice is about something that lasts. */
#define NOTICE_STABLE_US ((int64_t)30 * 1000 * 1000)
/* The same finding within this is the same problem. */
#define OVER_KEPT_US ((int64_t)60 * 1000 * 1000)

extern struct mutex problems_guard;

/*
 * The life of a problem: it is pending while nobody knows whether it lasts, raised, and over. One that is found again
 * after that is pending again. It is forgotten when it was pending and was nothing, and some time after it was over.
 */
enum stage { STAGE_PENDING, STAGE_RAISED, STAGE_OVER };

struct trouble {
	struct problem_entry entry; /* the number is 0 until it is raised the first time */
	enum stage stage;
	int64_t first_us;   /* it was found, or found again */
	int64_t changed_us; /* it was another, or more broke around it, or may have */
	int64_t absent_us;  /* raised, but not found since; -1 while it is */
	/* In this look. */
	bool is_seen, has_changed;
	bool is_in_group; /* other links of one of its nodes are broken too */
};

struct problems {
	struct diagnosis_memory *memory;
	struct mutex mutex;
	/* Guarded. Only problems_look changes them, so it may read them without the lock. */
	struct trouble *list[PROBLEMS] GUARDED_BY(problems_guard);
	size_t count GUARDED_BY(problems_guard);
	uint64_t number GUARDED_BY(problems_guard); /* of the last one that was raised */
};

static void enter(struct problems *problems) ACQUIRES(problems_guard) UNCHECKED
{
	mutex_lock(&problems->mutex);
}

static void leave(struct problems *problems) RELEASES(problems_guard) UNCHECKED
{
	mutex_unlock(&problems->mutex);
}

struct problems *problems_new(void)
{
	struct problems *problems = calloc(1, sizeof *problems);
	if (problems == NULL || (problems->memory = diagnosis_memory_new()) == NULL) {
		free(problems);
		return NULL;
	}
	mutex_init(&problems->mutex);
	return problems;
}

void problems_free(struct problems *problems) UNCHECKED
{
	if (problems == NULL)
		return;
	for (size_t i = 0; i < problems->count; i++)
		free(problems->list[i]);
	diagnosis_memory_free(problems->memory);
	mutex_fini(&problems->mutex);
	free(problems);
}

struct diagnosis_memory *problems_memory(struct problems *problems)
{
	return problems->memory;
}

/* ---- what was found ---- */

/* When a pending one is to be raised, if nothing changes. */
static int64_t due_us(const struct trouble *trouble)
{
	if (trouble->entry.finding.is_notice)
		return trouble->first_us + NOTICE_STABLE_US;
	int64_t stable_us = trouble->is_in_group		 ? GROUP_STABLE_US
			    : trouble->entry.finding.is_complete ? PROBLEM_COMPLETE_US
								 : PROBLEM_STABLE_US;
	return clock_earlier(trouble->changed_us + stable_us, trouble->first_us + GROWTH_US);
}

/* Several of one kind may be parts of one thing that still grows. */
static bool can_grow(enum finding_kind kind)
{
	return kind == FINDING_PARTITION || kind == FINDING_CUT || kind == FINDING_LINK;
}

static struct trouble *find(struct problems *problems, const struct finding *finding) REQUIRES(problems_guard)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct finding *known = &problems->list[i]->entry.finding;
		if (known->kind == finding->kind && known->identity == finding->identity)
			return problems->list[i];
	}
	return NULL;
}

static bool names(const struct finding *finding, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < finding_listed(finding); i++)
		if (nodeid_equals(&finding->subjects[i], nodeid))
			return true;
	return false;
}

static size_t count_shared(const struct finding *one, const struct finding *other)
{
	size_t count = 0;
	for (size_t i = 0; i < finding_listed(other); i++)
		count += names(one, &other->subjects[i]);
	return count;
}

/*
 * A group that has other members than before is the same one, if most of them are the same, and the one before is not
 * found itself.
 */
static struct trouble *find_group(struct problems *problems, const struct findings *findings,
				  const struct finding *finding) REQUIRES(problems_guard)
{
	if (finding->kind != FINDING_PARTITION && finding->kind != FINDING_CUT)
		return NULL;
	for (size_t i = 0; i < problems->count; i++) {
		struct trouble *trouble = problems->list[i];
		const struct finding *known = &trouble->entry.finding;
		bool is_found = trouble->is_seen;
		if (known->kind != finding->kind)
			continue;
		for (size_t f = 0; f < findings->count && !is_found; f++)
			is_found =
				findings->list[f].kind == known->kind && findings->list[f].identity == known->identity;
		size_t most = finding_listed(known) > finding_listed(finding) ? finding_listed(known)
									      : finding_listed(finding);
		if (!is_found && 2 * count_shared(known, finding) > most)
			return trouble;
	}
	return NULL;
}

static bool has_same_subjects(const struct finding *one, const struct finding *other)
{
	return one->subject_count == other->subject_count && one->side_count == other->side_count &&
	       memcmp(one->subjects, other->subjects, finding_listed(one) * sizeof *one->subjects) == 0;
}

static void forget(struct problems *problems, size_t place) REQUIRES(problems_guard)
{
	free(problems->list[place]);
	problems->list[place] = problems->list[--problems->count];
}

/* The one that has been over for longest gives way. */
static bool make_room(struct problems *problems) REQUIRES(problems_guard)
{
	size_t oldest = PROBLEMS;
	if (problems->count < PROBLEMS)
		return true;
	for (size_t i = 0; i < problems->count; i++) {
		const struct trouble *trouble = problems->list[i];
		if (trouble->stage == STAGE_OVER &&
		    (oldest == PROBLEMS || trouble->entry.over_us < problems->list[oldest]->entry.over_us))
			oldest = i;
	}
	if (oldest != PROBLEMS)
		forget(problems, oldest);
	return oldest != PROBLEMS;
}

static struct trouble *meet(struct problems *problems, const struct finding *finding, int64_t now_us)
	REQUIRES(problems_guard)
{
	struct trouble *trouble = make_room(problems) ? calloc(1, sizeof *trouble) : NULL;
	if (trouble == NULL)
		return NULL;
	trouble->entry.finding = *finding;
	trouble->entry.raised_us = trouble->entry.over_us = trouble->absent_us = -1;
	trouble->first_us = trouble->changed_us = now_us;
	problems->list[problems->count++] = trouble;
	return trouble;
}

/* The earliest start that was said of it stays. */
static void take_over(struct trouble *trouble, const struct finding *finding)
{
	int64_t since_us = trouble->entry.finding.since_us;
	trouble->entry.finding = *finding;
	if (since_us != -1 && (finding->since_us == -1 || since_us < finding->since_us))
		trouble->entry.finding.since_us = since_us;
}

static void see(struct problems *problems, const struct findings *findings, const struct finding *finding,
		int64_t now_us) REQUIRES(problems_guard)
{
	struct trouble *trouble = find(problems, finding);
	bool is_new = false;
	if (trouble == NULL)
		trouble = find_group(problems, findings, finding);
	if (trouble == NULL) {
		trouble = meet(problems, finding, now_us);
		is_new = true;
	}
	if (trouble == NULL)
		return;
	if (trouble->stage == STAGE_OVER) {
		if (now_us - trouble->entry.over_us >= OVER_KEPT_US)
			trouble->entry.number = 0;
		trouble->stage = STAGE_PENDING;
		trouble->first_us = trouble->changed_us = now_us;
	}
	trouble->absent_us = -1;
	trouble->is_seen = true;
	trouble->has_changed = is_new || !has_same_subjects(&trouble->entry.finding, finding) ||
			       (can_grow(finding->kind) && (finding->is_growing || trouble->entry.finding.is_growing));
	if (trouble->has_changed)
		trouble->changed_us = now_us;
	take_over(trouble, finding);
}

/* ---- growth ---- */

/* The two are about one node, and may be parts of one thing. */
static bool belong_together(const struct trouble *one, const struct trouble *other)
{
	const struct finding *mine = &one->entry.finding, *yours = &other->entry.finding;
	return can_grow(mine->kind) && can_grow(yours->kind) && count_shared(mine, yours) > 0;
}

/* What is pending around something that has changed waits for it, and what is pending around that. */
static void note_growth(struct problems *problems, int64_t now_us) REQUIRES(problems_guard)
{
	struct trouble *queue[PROBLEMS];
	size_t count = 0;
	for (size_t i = 0; i < problems->count; i++)
		if (problems->list[i]->has_changed)
			queue[count++] = problems->list[i];
	for (size_t next = 0; next < count; next++)
		for (size_t i = 0; i < problems->count; i++) {
			struct trouble *trouble = problems->list[i];
			if (trouble->has_changed || trouble->stage != STAGE_PENDING ||
			    !belong_together(queue[next], trouble))
				continue;
			trouble->has_changed = true;
			trouble->changed_us = now_us;
			queue[count++] = trouble;
		}
}

static void find_groups(struct problems *problems) REQUIRES(problems_guard)
{
	for (size_t i = 0; i < problems->count; i++) {
		struct trouble *one = problems->list[i];
		if (one->stage != STAGE_PENDING)
			continue;
		one->is_in_group = one->entry.finding.kind == FINDING_CUT;
		for (size_t j = 0; j < problems->count && !one->is_in_group; j++)
			one->is_in_group = j != i && problems->list[j]->is_seen &&
					   problems->list[j]->entry.finding.kind != FINDING_PARTITION &&
					   belong_together(one, problems->list[j]);
	}
}

/* ---- what was not ---- */

static int compare_nodeids(const void *one, const void *other)
{
	return nodeid_compare(one, other);
}

/* Nothing is known about now of a node that it is about. */
static bool is_unknown(const struct findings *findings, const struct finding *finding)
{
	for (size_t i = 0; i < finding_listed(finding) && findings->unknown_count > 0; i++)
		if (bsearch(&finding->subjects[i], findings->unknown, findings->unknown_count,
			    sizeof *findings->unknown, compare_nodeids) != NULL)
			return true;
	return false;
}

/* A broken link that is part of a cut lasts until the cut is a problem in its place. */
static bool is_part(struct problems *problems, const struct finding *finding) REQUIRES(problems_guard)
{
	for (size_t i = 0; i < problems->count && finding->kind == FINDING_LINK; i++) {
		const struct trouble *whole = problems->list[i];
		if (whole->entry.finding.kind == FINDING_CUT && whole->stage == STAGE_PENDING && whole->is_seen &&
		    count_shared(&whole->entry.finding, finding) == finding_listed(finding))
			return true;
	}
	return false;
}

/* Those that were not found. What never lasted is forgotten, as is what has been over for long. */
static void miss(struct problems *problems, const struct findings *findings, int64_t now_us) REQUIRES(problems_guard)
{
	for (size_t i = problems->count; i-- > 0;) {
		struct trouble *trouble = problems->list[i];
		const struct finding *finding = &trouble->entry.finding;
		if (trouble->is_seen)
			continue;
		if (trouble->stage == STAGE_RAISED) {
			bool may_be_missing = findings->lacks_memory || findings->is_full[finding->kind];
			bool lasts = may_be_missing || is_unknown(findings, finding) || is_part(problems, finding);
			if (lasts)
				trouble->absent_us = -1;
			else if (trouble->absent_us == -1)
				trouble->absent_us = now_us;
			continue;
		}
		trouble->stage = STAGE_OVER;
		if (trouble->entry.number == 0 || now_us - trouble->entry.over_us >= OVER_KEPT_US)
			forget(problems, i);
	}
}

/* ---- the look ---- */

static void raise_problem(struct problems *problems, struct trouble *trouble, int64_t now_us) REQUIRES(problems_guard)
{
	trouble->stage = STAGE_RAISED;
	trouble->entry.over_us = -1;
	if (trouble->entry.number != 0)
		return;
	trouble->entry.number = ++problems->number;
	trouble->entry.raised_us = now_us;
}

/* What is known of it, and to be told. */
struct news {
	const struct trouble *list[PROBLEMS];
	size_t count;
	int64_t again_us; /* when to look again */
};

/* Is it time for that? Else there is another look then. */
static bool is_due(struct news *news, int64_t then_us, int64_t now_us)
{
	if (then_us > now_us)
		news->again_us = clock_earlier(news->again_us, then_us);
	return then_us <= now_us;
}

static void raise_those_due(struct problems *problems, struct news *news, int64_t now_us) REQUIRES(problems_guard)
{
	for (size_t i = 0; i < problems->count; i++) {
		struct trouble *trouble = problems->list[i];
		if (trouble->stage != STAGE_PENDING || !trouble->is_seen || !is_due(news, due_us(trouble), now_us))
			continue;
		raise_problem(problems, trouble, now_us);
		news->list[news->count++] = trouble;
	}
}

static void end_those_due(struct problems *problems, struct news *news, int64_t now_us) REQUIRES(problems_guard)
{
	for (size_t i = 0; i < problems->count; i++) {
		struct trouble *trouble = problems->list[i];
		if (trouble->stage != STAGE_RAISED || trouble->absent_us == -1 ||
		    !is_due(news, trouble->absent_us + PROBLEM_STABLE_US, now_us))
			continue;
		trouble->stage = STAGE_OVER;
		trouble->entry.over_us = now_us;
		news->list[news->count++] = trouble;
	}
}

int64_t problems_look(struct problems *problems, const struct findings *findings, int64_t now_us, problems_hear *hear,
		      void *context)
{
	struct news news = {.again_us = findings->again_us};
	enter(problems);
	for (size_t i = 0; i < problems->count; i++) {
		struct trouble *trouble = problems->list[i];
		trouble->is_seen = trouble->has_changed = trouble->is_in_group = false;
	}
	for (size_t i = 0; i < findings->count; i++)
		see(problems, findings, &findings->list[i], now_us);
	note_growth(problems, now_us);
	find_groups(problems);
	raise_those_due(problems, &news, now_us);
	miss(problems, findings, now_us);
	end_those_due(problems, &news, now_us);
	leave(problems);
	for (size_t i = 0; i < news.count; i++)
		hear(context, &news.list[i]->entry);
	return news.again_us;
}

/* ---- what others ask ---- */

static int compare_entries(const void *one, const void *other)
{
	const struct problem_entry *a = one, *b = other;
	if (a->finding.kind != b->finding.kind)
		return a->finding.kind < b->finding.kind ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

struct problem_entry *problems_list(struct problems *problems, size_t *count)
{
	*count = 0;
	enter(problems);
	size_t room = 0;
	for (size_t i = 0; i < problems->count; i++)
		room += problems->list[i]->stage == STAGE_RAISED;
	struct problem_entry *list = room == 0 ? NULL : calloc(room, sizeof *list);
	for (size_t i = 0; list != NULL && i < problems->count; i++)
		if (problems->list[i]->stage == STAGE_RAISED)
			list[(*count)++] = problems->list[i]->entry;
	leave(problems);
	if (list != NULL)
		qsort(list, *count, sizeof *list, compare_entries);
	return list;
}

size_t problems_count(struct problems *problems, size_t kinds[static FINDING_KINDS])
{
	size_t count = 0;
	memset(kinds, 0, FINDING_KINDS * sizeof *kinds);
	enter(problems);
	for (size_t i = 0; i < problems->count; i++) {
		const struct trouble *trouble = problems->list[i];
		if (trouble->stage != STAGE_RAISED)
			continue;
		kinds[trouble->entry.finding.kind]++;
		count += !trouble->entry.finding.is_notice;
	}
	leave(problems);
	return count;
}

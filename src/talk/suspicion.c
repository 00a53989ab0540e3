#include "talk/suspicion.h"

#include "base/sync.h"

static struct witness *find(struct suspicion *suspicion, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < suspicion->count; i++)
		if (nodeid_equals(&suspicion->witnesses[i].nodeid, nodeid))
			return &suspicion->witnesses[i];
	return NULL;
}

/* NULL if there is no room. */
static struct witness *find_or_add(struct suspicion *suspicion, const struct nodeid *nodeid)
{
	struct witness *witness = find(suspicion, nodeid);
	if (witness != NULL || suspicion->count == SUSPICION_WITNESSES)
		return witness;
	witness = &suspicion->witnesses[suspicion->count++];
	*witness = (struct witness){.nodeid = *nodeid};
	return witness;
}

void suspicion_tell(struct suspicion *suspicion, const struct nodeid *nodeid, enum testimony testimony, int64_t then_us,
		    int64_t now_us)
{
	struct witness *witness = find_or_add(suspicion, nodeid);
	if (witness == NULL)
		return;
	witness->testimony = testimony;
	witness->told_us = now_us;
	witness->then_us = then_us;
	if (testimony == TESTIMONY_HEARD && then_us > suspicion->heard_us)
		suspicion->heard_us = then_us;
}

void suspicion_ask(struct suspicion *suspicion, const struct nodeid *nodeid, int64_t now_us)
{
	struct witness *witness = find_or_add(suspicion, nodeid);
	if (witness != NULL)
		witness->asked_us = now_us;
	suspicion->asked_us = now_us;
}

bool suspicion_knows(const struct suspicion *suspicion, const struct nodeid *nodeid)
{
	return find((struct suspicion *)suspicion, nodeid) != NULL;
}

static bool knows_the_suspect(const struct witness *witness)
{
	return witness->testimony == TESTIMONY_UNHEARD || witness->testimony == TESTIMONY_HEARD;
}

static bool is_stale(const struct witness *witness, int64_t now_us)
{
	return now_us - witness->told_us >= SUSPICION_STALE_US;
}

size_t suspicion_fresh(const struct suspicion *suspicion, int64_t now_us)
{
	size_t fresh = 0;
	for (size_t i = 0; i < suspicion->count; i++)
		fresh += knows_the_suspect(&suspicion->witnesses[i]) && !is_stale(&suspicion->witnesses[i], now_us);
	return fresh;
}

const struct witness *suspicion_stale(const struct suspicion *suspicion, int64_t now_us)
{
	const struct witness *chosen = NULL;
	for (size_t i = 0; i < suspicion->count; i++) {
		const struct witness *witness = &suspicion->witnesses[i];
		if (knows_the_suspect(witness) && is_stale(witness, now_us) &&
		    now_us - witness->asked_us >= SUSPICION_ROUND_US &&
		    (chosen == NULL || witness->then_us < chosen->then_us))
			chosen = witness;
	}
	return chosen;
}

static int64_t later(int64_t one_us, int64_t other_us)
{
	return one_us > other_us ? one_us : other_us;
}

/* A silence from since_us on is so long: counts it now, or notes when it will be. */
static bool has_lasted(int64_t since_us, int64_t long_us, int64_t now_us, int64_t *next_us)
{
	if (now_us - since_us >= long_us)
		return true;
	*next_us = clock_earlier(*next_us, since_us + long_us);
	return false;
}

/* Has every other peer answered, or had the time to? Notes when one will have had it. */
static bool has_asked_all(const struct suspicion *suspicion, size_t others, int64_t now_us, int64_t *next_us)
{
	size_t done = 0;
	for (size_t i = 0; i < suspicion->count; i++) {
		const struct witness *witness = &suspicion->witnesses[i];
		done += witness->testimony != TESTIMONY_NONE ||
			has_lasted(witness->asked_us, SUSPICION_ANSWER_US, now_us, next_us);
	}
	return done >= others;
}

bool suspicion_is_proven(const struct suspicion *suspicion, const struct suspect *suspect, int64_t now_us,
			 int64_t *next_us)
{
	int64_t whole_us = suspect->silent_after_us, half_us = whole_us / 2;
	int64_t since_us = later(suspect->since_us, suspicion->heard_us);
	size_t existing = 0, halves = 0, wholes = 0;
	*next_us = FOREVER_US;
	bool has_half = has_lasted(since_us, half_us, now_us, next_us);
	bool has_whole = has_lasted(since_us, whole_us, now_us, next_us);
	for (size_t i = 0; i < suspicion->count; i++) {
		const struct witness *witness = &suspicion->witnesses[i];
		existing += knows_the_suspect(witness);
		if (witness->testimony != TESTIMONY_UNHEARD || now_us - witness->told_us > SUSPICION_FRESH_US)
			continue;
		int64_t then_us = later(witness->then_us, suspicion->heard_us);
		halves += has_lasted(then_us, half_us, now_us, next_us);
		wholes += has_lasted(then_us, whole_us, now_us, next_us);
	}
	bool has_enough = halves >= SUSPICION_ENOUGH || (halves >= 1 && halves == existing &&
							 has_asked_all(suspicion, suspect->others, now_us, next_us));
	return (has_whole && has_enough) || (has_half && wholes >= SUSPICION_MANY);
}

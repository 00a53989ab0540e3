#include "book/targets.h"

#include <stdlib.h>

#include "base/keyed_table.h"

enum level {
	LEVEL_HOST,
	LEVEL_NETWORK,
	LEVELS,
};

/* More would double nothing. */
enum { MOST_WAITS = 32 };

enum { LEAST_CAPACITY = 16 };

/* A host and a network may have the same first address. */
struct target_key {
	struct address first;
	uint32_t level;
};

/* There may be thousands, so that they are small, and linked by their numbers. */
struct target {
	struct address first;
	uint8_t level;
	bool is_met;
	uint8_t window;	    /* dials that may be under way */
	uint8_t waits;	    /* in a row */
	uint32_t under_way; /* on hearsay */
	uint32_t asked;	    /* in vain, since the last dial */
	int64_t used_us;    /* when that was last */
	int64_t until_us;   /* it waits until then */
	struct token_bucket told;
	uint16_t chained;    /* the next of its chain, or of those that are free */
	uint16_t prev, next; /* in the order of use */
};

_Static_assert(TARGETS_RECORDS <= UINT16_MAX, "numbers of records, from 1 on");
_Static_assert(TARGETS_MOST_DIALS <= UINT8_MAX && MOST_WAITS <= UINT8_MAX, "small counts");

static const uint8_t first_windows[LEVELS] = {
	[LEVEL_HOST] = TARGETS_HOST_DIALS,
	[LEVEL_NETWORK] = TARGETS_NETWORK_DIALS,
};

/* ---- the records ---- */

void targets_init(struct targets *targets, int64_t keep_us)
{
	*targets = (struct targets){.keep_us = keep_us};
}

void targets_fini(struct targets *targets)
{
	free(targets->records);
	free(targets->chains);
	*targets = (struct targets){0};
}

/* NULL for the number 0. */
static struct target *at(const struct targets *targets, uint16_t number)
{
	return number == 0 ? NULL : &targets->records[number - 1];
}

static uint16_t number_of(const struct targets *targets, const struct target *target)
{
	return (uint16_t)(target - targets->records + 1);
}

static struct target_key key_of(const struct address *address, enum level level)
{
	return (struct target_key){
		.first = level == LEVEL_HOST ? address_source(address) : address_subnet(address),
		.level = level,
	};
}

/* Where the number of its first record is. There are as many chains as records have room, a power of two. */
static uint16_t *chain_of(const struct targets *targets, const struct target_key *key)
{
	return &targets->chains[keyed_table_hash(key, sizeof *key) & (targets->capacity - 1)];
}

static struct target *find(const struct targets *targets, const struct address *address, enum level level)
{
	struct target_key key = key_of(address, level);
	if (targets->count == 0)
		return NULL;
	struct target *target = at(targets, *chain_of(targets, &key));
	while (target != NULL && (target->level != key.level || !address_equals(&target->first, &key.first)))
		target = at(targets, target->chained);
	return target;
}

static void append(struct targets *targets, struct target *target)
{
	uint16_t number = number_of(targets, target);
	target->prev = targets->newest;
	target->next = 0;
	if (targets->newest != 0)
		at(targets, targets->newest)->next = number;
	else
		targets->oldest = number;
	targets->newest = number;
}

static void take_off(struct targets *targets, const struct target *target)
{
	if (target->prev != 0)
		at(targets, target->prev)->next = target->next;
	else
		targets->oldest = target->next;
	if (target->next != 0)
		at(targets, target->next)->prev = target->prev;
	else
		targets->newest = target->prev;
}

static void chain(struct targets *targets, struct target *target)
{
	struct target_key key = {.first = target->first, .level = target->level};
	uint16_t *first = chain_of(targets, &key);
	target->chained = *first;
	*first = number_of(targets, target);
}

/* Moves all to memory for so many; every pointer to one is invalid then. False if there is no memory. */
static bool resize(struct targets *targets, size_t capacity)
{
	const struct targets old = *targets;
	struct target *records = calloc(capacity, sizeof *records);
	uint16_t *chains = calloc(capacity, sizeof *chains);
	if (records == NULL || chains == NULL) {
		free(records);
		free(chains);
		return false;
	}
	targets->records = records;
	targets->chains = chains;
	targets->capacity = capacity;
	targets->used = 0;
	targets->spare = targets->oldest = targets->newest = 0;
	for (const struct target *target = at(&old, old.oldest); target != NULL; target = at(&old, target->next)) {
		struct target *moved = &records[targets->used++];
		*moved = *target;
		append(targets, moved);
		chain(targets, moved);
	}
	free(old.records);
	free(old.chains);
	return true;
}

static void drop(struct targets *targets, struct target *target)
{
	struct target_key key = {.first = target->first, .level = target->level};
	uint16_t *link = chain_of(targets, &key), number = number_of(targets, target);
	while (*link != number)
		link = &at(targets, *link)->chained;
	*link = target->chained;
	take_off(targets, target);
	*target = (struct target){.chained = targets->spare};
	targets->spare = number;
	targets->count--;
}

/* A record that is in no list: a new one, or the one that was used longest ago. NULL for none. */
static struct target *make(struct targets *targets)
{
	struct target *target = at(targets, targets->oldest);
	if (targets->count == TARGETS_RECORDS) {
		while (target != NULL && target->under_way > 0)
			target = at(targets, target->next);
		if (target == NULL)
			return NULL;
		drop(targets, target);
	}
	if (targets->count == targets->capacity &&
	    !resize(targets, targets->capacity == 0 ? LEAST_CAPACITY : targets->capacity * 2))
		return NULL;
	target = at(targets, targets->spare);
	if (target != NULL)
		targets->spare = target->chained;
	else
		target = &targets->records[targets->used++];
	targets->count++;
	return target;
}

void targets_tidy(struct targets *targets, int64_t now_us)
{
	struct target *target;
	while ((target = at(targets, targets->oldest)) != NULL && target->under_way == 0 &&
	       now_us - target->used_us > targets->keep_us)
		drop(targets, target);
	if (targets->capacity > LEAST_CAPACITY && targets->count < targets->capacity / 4)
		resize(targets, targets->capacity / 2);
}

/* The record, which was used last from now on; NULL if there is no memory. It is valid until the next use of one. */
static struct target *use(struct targets *targets, const struct address *address, enum level level, int64_t now_us)
{
	struct target *target = find(targets, address, level);
	if (target != NULL) {
		target->used_us = now_us;
		take_off(targets, target);
		append(targets, target);
		return target;
	}
	targets_tidy(targets, now_us);
	target = make(targets);
	if (target == NULL)
		return NULL;
	*target = (struct target){
		.first = key_of(address, level).first,
		.level = (uint8_t)level,
		.window = first_windows[level],
		.used_us = now_us,
	};
	append(targets, target);
	chain(targets, target);
	return target;
}

/* ---- the rules ---- */

/*
 * Those that ask in vain get later and later times: otherwise all addresses of one host, which may be thousands, would
 * ask again at the same moment.
 */
static int64_t ask(struct target *target, int64_t now_us)
{
	if (target == NULL || (target->until_us <= now_us && target->under_way < target->window))
		return now_us;
	int64_t from_us = target->until_us > now_us ? target->until_us : now_us + TARGETS_QUEUE_US;
	return from_us + TARGETS_QUEUE_US * target->asked++ / target->window;
}

int64_t targets_ask(struct targets *targets, const struct address *address, int64_t now_us)
{
	int64_t host_us = ask(find(targets, address, LEVEL_HOST), now_us);
	return host_us > now_us ? host_us : ask(find(targets, address, LEVEL_NETWORK), now_us);
}

bool targets_begin(struct targets *targets, const struct address *address, int64_t now_us)
{
	struct target *host = use(targets, address, LEVEL_HOST, now_us);
	if (host == NULL)
		return false;
	/* From now on it makes room for no other. */
	host->under_way++;
	host->asked = 0;
	struct target *network = use(targets, address, LEVEL_NETWORK, now_us);
	if (network == NULL) {
		find(targets, address, LEVEL_HOST)->under_way--;
		return false;
	}
	network->under_way++;
	network->asked = 0;
	return true;
}

static void gain(struct target *target)
{
	bool is_most = target->window > TARGETS_MOST_DIALS - TARGETS_GAIN;
	target->window = (uint8_t)(is_most ? TARGETS_MOST_DIALS : target->window + TARGETS_GAIN);
	target->waits = 0;
	target->until_us = 0;
	target->is_met = true;
}

static void lose(struct target *target, int64_t wait_us, int64_t most_us, int64_t now_us)
{
	if (target->window > 1)
		target->window--;
	/* Of the dials that end while it waits, each began before. */
	if (target->window > 1 || target->until_us > now_us)
		return;
	for (unsigned i = 0; i < target->waits && wait_us < most_us; i++)
		wait_us *= 2;
	target->until_us = now_us + (wait_us < most_us ? wait_us : most_us);
	target->asked = 0;
	if (target->waits < MOST_WAITS)
		target->waits++;
}

void targets_end(struct targets *targets, const struct address *address, enum target_end end, int64_t wait_us,
		 int64_t now_us)
{
	for (enum level level = 0; level < LEVELS; level++) {
		struct target *target = use(targets, address, level, now_us);
		if (target == NULL)
			continue;
		target->under_way -= target->under_way > 0;
		if (end == TARGET_REACHED)
			gain(target);
		else if (end == TARGET_FAILED)
			lose(target, level == LEVEL_HOST ? wait_us : wait_us / TARGETS_NETWORK_HURRY,
			     wait_us * TARGETS_PATIENCE, now_us);
	}
}

void targets_meet(struct targets *targets, const struct address *address, int64_t now_us)
{
	for (enum level level = 0; level < LEVELS; level++) {
		struct target *target = use(targets, address, level, now_us);
		if (target == NULL)
			continue;
		unsigned least = first_windows[level] + TARGETS_GAIN;
		if (target->window < least)
			target->window = (uint8_t)least;
		target->waits = 0;
		target->until_us = 0;
		target->is_met = true;
	}
}

void targets_hurry(struct targets *targets)
{
	for (struct target *target = at(targets, targets->oldest); target != NULL; target = at(targets, target->next)) {
		target->waits = 0;
		target->until_us = 0;
	}
}

enum target_standing targets_weigh(const struct targets *targets, const struct address *address)
{
	const struct target *host = find(targets, address, LEVEL_HOST),
			    *network = find(targets, address, LEVEL_NETWORK);
	if (host != NULL && host->is_met)
		return TARGET_MET;
	return network != NULL && network->is_met ? TARGET_NEAR : TARGET_STRANGE;
}

/* A fresh record is full. */
static bool take(struct target *target, unsigned burst, int64_t now_us)
{
	if (target->told.filled_us == 0)
		token_bucket_init(&target->told, burst, now_us);
	return token_bucket_take(&target->told, 1, (double)burst / TARGETS_TELL_S, burst, now_us) > 0;
}

bool targets_tell(struct targets *targets, const struct address *address, enum target_standing standing, int64_t now_us)
{
	struct target *host = standing == TARGET_MET ? NULL : use(targets, address, LEVEL_HOST, now_us);
	if (host == NULL)
		return standing == TARGET_MET;
	if (!take(host, TARGETS_HOST_TOLD, now_us))
		return false;
	/* It makes room for no other meanwhile. */
	host->under_way++;
	struct target *network = use(targets, address, LEVEL_NETWORK, now_us);
	host = find(targets, address, LEVEL_HOST);
	host->under_way--;
	unsigned most = standing == TARGET_NEAR ? TARGETS_MET_NETWORK_TOLD : TARGETS_NETWORK_TOLD;
	if (network != NULL && take(network, most, now_us))
		return true;
	token_bucket_add(&host->told, 1);
	return false;
}

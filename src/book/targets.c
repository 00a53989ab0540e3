#include "book/targets.h"

#include <utlist.h>

#include "base/keyed_table.h"
#include "base/token_bucket.h"

enum level {
	LEVEL_HOST,
	LEVEL_NETWORK,
	LEVELS,
};

/* More would double nothing. */
enum { MOST_WAITS = 32 };

/* A host and a network may have the same first address. */
struct target_key {
	struct address first;
	uint32_t level;
};

struct target {
	struct target_key key;
	unsigned window;    /* dials that may be under way */
	unsigned under_way; /* on hearsay */
	unsigned waits;	    /* in a row */
	bool is_met;
	uint32_t asked;	  /* in vain, since the last dial */
	int64_t until_us; /* it waits until then */
	struct token_bucket told;
	struct target *prev, *next;
	UT_hash_handle hh;
};

static const unsigned first_windows[LEVELS] = {
	[LEVEL_HOST] = TARGETS_HOST_DIALS,
	[LEVEL_NETWORK] = TARGETS_NETWORK_DIALS,
};

void targets_init(struct targets *targets)
{
	*targets = (struct targets){0};
	slab_init(&targets->slab, sizeof(struct target));
}

void targets_fini(struct targets *targets)
{
	struct target *target, *next;
	HASH_CLEAR(hh, targets->records);
	DL_FOREACH_SAFE(targets->queue, target, next)
	{
		slab_give(&targets->slab, target);
	}
	slab_fini(&targets->slab);
	*targets = (struct targets){0};
}

static struct target_key key_of(const struct address *address, enum level level)
{
	return (struct target_key){
		.first = level == LEVEL_HOST ? address_source(address) : address_subnet(address),
		.level = level,
	};
}

static struct target *find(const struct targets *targets, const struct address *address, enum level level)
{
	struct target_key key = key_of(address, level);
	struct target *target;
	HASH_FIND(hh, targets->records, &key, sizeof key, target);
	return target;
}

/* A record that is in no list: of memory of its own, or of the one that was used longest ago. NULL for none. */
static struct target *make(struct targets *targets)
{
	if (HASH_COUNT(targets->records) < TARGETS_RECORDS)
		return slab_take(&targets->slab);
	struct target *target = targets->queue;
	while (target != NULL && target->under_way > 0)
		target = target->next;
	if (target == NULL)
		return NULL;
	HASH_DEL(targets->records, target);
	DL_DELETE(targets->queue, target);
	*target = (struct target){0};
	return target;
}

/* The record, which was used last from now on; NULL if there is no memory. */
static struct target *use(struct targets *targets, const struct address *address, enum level level)
{
	struct target *target = find(targets, address, level);
	if (target != NULL) {
		DL_DELETE(targets->queue, target);
		DL_APPEND(targets->queue, target);
		return target;
	}
	target = make(targets);
	if (target == NULL)
		return NULL;
	target->key = key_of(address, level);
	target->window = first_windows[level];
	HASH_ADD(hh, targets->records, key, sizeof target->key, target);
	if (target->hh.tbl == NULL) {
		slab_give(&targets->slab, target);
		return NULL;
	}
	DL_APPEND(targets->queue, target);
	return target;
}

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

bool targets_begin(struct targets *targets, const struct address *address)
{
	struct target *host = use(targets, address, LEVEL_HOST);
	if (host == NULL)
		return false;
	/* From now on it makes room for no other. */
	host->under_way++;
	host->asked = 0;
	struct target *network = use(targets, address, LEVEL_NETWORK);
	if (network == NULL) {
		host->under_way--;
		return false;
	}
	network->under_way++;
	network->asked = 0;
	return true;
}

static void gain(struct target *target)
{
	target->window += TARGETS_GAIN;
	if (target->window > TARGETS_MOST_DIALS)
		target->window = TARGETS_MOST_DIALS;
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
	target->waits += target->waits < MOST_WAITS;
}

void targets_end(struct targets *targets, const struct address *address, enum target_end end, int64_t wait_us,
		 int64_t now_us)
{
	for (enum level level = 0; level < LEVELS; level++) {
		struct target *target = use(targets, address, level);
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

void targets_meet(struct targets *targets, const struct address *address)
{
	for (enum level level = 0; level < LEVELS; level++) {
		struct target *target = use(targets, address, level);
		if (target == NULL)
			continue;
		unsigned least = first_windows[level] + TARGETS_GAIN;
		if (target->window < least)
			target->window = least;
		target->waits = 0;
		target->until_us = 0;
		target->is_met = true;
	}
}

void targets_hurry(struct targets *targets)
{
	struct target *target;
	DL_FOREACH(targets->queue, target)
	{
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
	struct target *host = standing == TARGET_MET ? NULL : use(targets, address, LEVEL_HOST);
	if (host == NULL)
		return standing == TARGET_MET;
	if (!take(host, TARGETS_HOST_TOLD, now_us))
		return false;
	/* It makes room for no other meanwhile. */
	host->under_way++;
	struct target *network = use(targets, address, LEVEL_NETWORK);
	host->under_way--;
	unsigned most = standing == TARGET_NEAR ? TARGETS_MET_NETWORK_TOLD : TARGETS_NETWORK_TOLD;
	if (network != NULL && take(network, most, now_us))
		return true;
	token_bucket_add(&host->told, 1);
	return false;
}

#include "members/sources.h"

#include <stdlib.h>

#include <utlist.h>

#include "base/keyed_table.h"
#include "base/slab.h"
#include "base/sync.h"
#include "base/token_bucket.h"

extern struct mutex sources_guard;

enum level {
	LEVEL_HOST,
	LEVEL_NETWORK,
	LEVELS,
};

struct amount {
	double burst, per_hour;
};

/*
 * A connection alone has 1,000 addresses and 360 an hour, and 4 questions and 360 an hour: a public host has that of 16
 * connections, a private one that of 256, a network that of 8 hosts.
 *
 * What peers are told on behalf of a host comes out of what this node may tell each of them: 1,000 and 360 an hour
 * (ALLOWANCE_ADDRESSES_BURST). No host, and no network, may use up all of that, so for those kinds networks have less
 * than 8 hosts.
 */
static const struct amount amounts[SOURCE_KINDS][2][LEVELS] = {
	/* a public host, its network; a private host, its network */
	[SOURCE_ADDRESSES] = {{{16000, 5760}, {128000, 46080}}, {{256000, 92160}, {2048000, 737280}}},
	[SOURCE_RELAYS] = {{{250, 90}, {500, 180}}, {{250, 90}, {500, 180}}},
	[SOURCE_QUESTIONS] = {{{64, 5760}, {512, 46080}}, {{1024, 92160}, {8192, 737280}}},
	[SOURCE_CLAIMS] = {{{64, 64}, {512, 512}}, {{512, 512}, {4096, 4096}}},
	/* Less than all that may wait (ADDRESS_BOOK_PROOFS). */
	[SOURCE_PROOFS] = {{{8, 8}, {32, 32}}, {{32, 32}, {48, 48}}},
	[SOURCE_ANNOUNCEMENTS] = {{{64, 32}, {250, 90}}, {{250, 90}, {500, 180}}},
	/* A part of what all have (REFUSER_ANSWERS_BURST). */
	[SOURCE_REFUSALS] = {{{20, 3600}, {100, 18000}}, {{100, 18000}, {100, 18000}}},
	/* Parts of what all hosts have (lines.c). */
	[SOURCE_PEER_LINES] = {{{500, 3600}, {2000, 14400}}, {{2000, 18000}, {3000, 27000}}},
	[SOURCE_STRANGER_LINES] = {{{100, 360}, {150, 720}}, {{100, 360}, {150, 720}}},
};

struct record {
	struct address of; /* a host, or the first of a network */
	struct token_bucket buckets[SOURCE_KINDS];
	struct intake_debt debt; /* as it was then; of hosts only */
	int64_t owed_us;
	struct record *prev, *next; /* of its layer */
	UT_hash_handle hh;
};

/* The records of one level. */
struct layer {
	struct record *records;
	struct record *queue; /* the same, the one that was used longest ago first */
};

struct sources {
	struct mutex mutex;
	/* Guarded. */
	struct layer layers[LEVELS] GUARDED_BY(sources_guard);
	struct slab slab GUARDED_BY(sources_guard); /* of records */
};

static void enter(struct sources *sources) ACQUIRES(sources_guard) UNCHECKED
{
	mutex_lock(&sources->mutex);
}

static void leave(struct sources *sources) RELEASES(sources_guard) UNCHECKED
{
	mutex_unlock(&sources->mutex);
}

struct sources *sources_new(void) UNCHECKED
{
	struct sources *sources = calloc(1, sizeof *sources);
	if (sources == NULL)
		return NULL;
	mutex_init(&sources->mutex);
	slab_init(&sources->slab, sizeof(struct record));
	return sources;
}

void sources_free(struct sources *sources) UNCHECKED
{
	if (sources == NULL)
		return;
	for (enum level i = 0; i < LEVELS; i++) {
		struct record *record = sources->layers[i].queue, *next;
		HASH_CLEAR(hh, sources->layers[i].records);
		for (; record != NULL; record = next) {
			next = record->next;
			slab_give(&sources->slab, record);
		}
	}
	slab_fini(&sources->slab);
	mutex_fini(&sources->mutex);
	free(sources);
}

static const struct amount *amount_of(enum source_kind kind, const struct address *from, enum level level)
{
	return &amounts[kind][address_scope_of(from) != SCOPE_GLOBAL][level];
}

static struct address key_of(const struct address *from, enum level level)
{
	return level == LEVEL_HOST ? address_source(from) : address_site(from);
}

/* What a record must have in common with the one that it displaces, to take over what that one has left. */
static struct address parent_of(const struct address *of, enum level level)
{
	return level == LEVEL_HOST ? address_site(of) : address_network(of);
}

static void fill(struct record *record, const struct address *from, enum level level, int64_t now_us)
{
	record->debt = (struct intake_debt){0};
	for (enum source_kind kind = 0; kind < SOURCE_KINDS; kind++)
		token_bucket_init(&record->buckets[kind], amount_of(kind, from, level)->burst, now_us);
}

/* A record that is in no layer: a fresh one, or the one that was used longest ago. NULL if there is no memory. */
static struct record *make(struct sources *sources, enum level level, const struct address *from, int64_t now_us)
	REQUIRES(sources_guard)
{
	static const size_t most[LEVELS] = {[LEVEL_HOST] = SOURCES_HOSTS, [LEVEL_NETWORK] = SOURCES_NETWORKS};
	struct layer *layer = &sources->layers[level];
	struct address key = key_of(from, level), parent = parent_of(&key, level);
	struct record *record = layer->queue;
	if (HASH_COUNT(layer->records) < most[level]) {
		record = slab_take(&sources->slab);
		if (record == NULL)
			return NULL;
	} else {
		HASH_DEL(layer->records, record);
		DL_DELETE(layer->queue, record);
	}
	struct address parent_before = parent_of(&record->of, level);
	if (!address_same_host(&parent_before, &parent))
		fill(record, from, level, now_us);
	record->of = key;
	return record;
}

/* The record of a host or a network, which was used last from now on. NULL if there is no memory. */
static struct record *use(struct sources *sources, enum level level, const struct address *from, int64_t now_us)
	REQUIRES(sources_guard)
{
	struct layer *layer = &sources->layers[level];
	struct address key = key_of(from, level);
	struct record *record;
	HASH_FIND(hh, layer->records, &key, sizeof key, record);
	if (record != NULL) {
		DL_DELETE(layer->queue, record);
	} else {
		record = make(sources, level, from, now_us);
		if (record == NULL)
			return NULL;
		HASH_ADD(hh, layer->records, of, sizeof record->of, record);
		if (record->hh.tbl == NULL) {
			slab_give(&sources->slab, record);
			return NULL;
		}
	}
	DL_APPEND(layer->queue, record);
	return record;
}

static size_t take(struct sources *sources, enum level level, enum source_kind kind, const struct address *from,
		   size_t wanted, int64_t now_us) REQUIRES(sources_guard)
{
	struct record *record = use(sources, level, from, now_us);
	const struct amount *amount = amount_of(kind, from, level);
	return record == NULL ? 0
			      : token_bucket_take(&record->buckets[kind], wanted, amount->per_hour / 3600,
						  amount->burst, now_us);
}

static void put_back(struct sources *sources, enum level level, enum source_kind kind, const struct address *from,
		     size_t unused, int64_t now_us) REQUIRES(sources_guard)
{
	struct record *record = unused == 0 ? NULL : use(sources, level, from, now_us);
	if (record != NULL)
		token_bucket_add(&record->buckets[kind], (double)unused);
}

size_t sources_take(struct sources *sources, enum source_kind kind, const struct address *from, size_t wanted,
		    int64_t now_us)
{
	enter(sources);
	size_t of_host = take(sources, LEVEL_HOST, kind, from, wanted, now_us);
	size_t granted = take(sources, LEVEL_NETWORK, kind, from, of_host, now_us);
	put_back(sources, LEVEL_HOST, kind, from, of_host - granted, now_us);
	leave(sources);
	return granted;
}

void sources_put_back(struct sources *sources, enum source_kind kind, const struct address *from, size_t unused,
		      int64_t now_us)
{
	enter(sources);
	put_back(sources, LEVEL_HOST, kind, from, unused, now_us);
	put_back(sources, LEVEL_NETWORK, kind, from, unused, now_us);
	leave(sources);
}

static struct intake_debt debt_of(const struct record *record, struct intake_debt more, const struct settings *settings,
				  int64_t now_us)
{
	return intake_add_debt(record->debt, now_us - record->owed_us, more, settings);
}

struct intake_debt sources_debt(struct sources *sources, const struct address *from, const struct settings *settings,
				int64_t now_us)
{
	struct intake_debt debt = {0};
	struct address key = key_of(from, LEVEL_HOST);
	struct record *record;
	enter(sources);
	HASH_FIND(hh, sources->layers[LEVEL_HOST].records, &key, sizeof key, record);
	if (record != NULL)
		debt = debt_of(record, debt, settings, now_us);
	leave(sources);
	return debt;
}

void sources_owe(struct sources *sources, const struct address *from, struct intake_debt debt,
		 const struct settings *settings, int64_t now_us)
{
	if (debt.messages < 1 && debt.bytes < 1)
		return;
	enter(sources);
	struct record *record = use(sources, LEVEL_HOST, from, now_us);
	if (record != NULL) {
		record->debt = debt_of(record, debt, settings, now_us);
		record->owed_us = now_us;
	}
	leave(sources);
}

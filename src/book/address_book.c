#include "book/address_book.h"

#include <stdlib.h>
#include <string.h>

#include "base/sync.h"

extern struct mutex address_book_guard;

/* A node that needs no dial now. Exists while one of its counts isn't 0. */
struct node {
	struct nodeid nodeid;
	unsigned connections;
	unsigned dials;
	struct address_entry *entries; /* where it is known to be, while it is connected; by node_next */
	UT_hash_handle hh;
};

/* A network in which nodes are connected, or being dialled. */
struct group {
	uint64_t id;
	unsigned count; /* of their entries */
	UT_hash_handle hh;
};

/* A bootstrap that is a name. */
struct name {
	struct bootstrap bootstrap;
	bool is_dialing;
	unsigned failures;
	int64_t due_us;
	struct address addresses[ADDRESS_BOOK_NAME_ADDRESSES]; /* of the last look-up */
	size_t address_count;
};

/* A feeler that waits, or is under way: does this node answer there? */
struct proof {
	struct address address;
	struct nodeid nodeid;
	struct address rival; /* who takes its place among the tried if it doesn't; unknown for a claim */
	bool is_dialing;
};

struct address_book {
	/* Immutable. */
	const struct settings *settings; /* what it holds may change */
	struct hash_key secret;
	/* Guarded. */
	struct mutex mutex;
	struct address_table table GUARDED_BY(address_book_guard);
	struct node *nodes GUARDED_BY(address_book_guard);
	struct group *groups GUARDED_BY(address_book_guard);
	struct name *names GUARDED_BY(address_book_guard);
	size_t name_count GUARDED_BY(address_book_guard);
	struct proof proofs[ADDRESS_BOOK_PROOFS] GUARDED_BY(address_book_guard);
	size_t proof_count GUARDED_BY(address_book_guard);
	struct address selves[ADDRESS_BOOK_SELVES] GUARDED_BY(address_book_guard);
	size_t self_count GUARDED_BY(address_book_guard); /* ever added; a ring */
	struct address *own GUARDED_BY(address_book_guard);
	size_t own_count GUARDED_BY(address_book_guard);
	size_t feelers GUARDED_BY(address_book_guard);	       /* dials under way */
	size_t hearsay GUARDED_BY(address_book_guard);	       /* the same, without feelers */
	int64_t next_again_us GUARDED_BY(address_book_guard);  /* of what has failed */
	int64_t next_feeler_us GUARDED_BY(address_book_guard); /* of hearsay */
	uint64_t changes GUARDED_BY(address_book_guard);
	int64_t proven GUARDED_BY(address_book_guard); /* of hearsay by feelers, as far as that got a place */
	struct rng rng GUARDED_BY(address_book_guard);
};

static void enter(struct address_book *book) ACQUIRES(address_book_guard) UNCHECKED
{
	mutex_lock(&book->mutex);
}

static void leave(struct address_book *book) RELEASES(address_book_guard) UNCHECKED
{
	mutex_unlock(&book->mutex);
}

/* Give or take a quarter, in steps of a millisecond, so that the span of any setting fits the generator. */
static int64_t jitter_us(int64_t middle_us, int64_t least_us, int64_t most_us, struct rng *rng)
{
	int64_t lowest_us = middle_us - middle_us / 4, highest_us = middle_us + middle_us / 4;
	if (lowest_us < least_us)
		lowest_us = least_us;
	if (highest_us > most_us)
		highest_us = most_us;
	return lowest_us + (int64_t)rng_below(rng, (uint32_t)((highest_us - lowest_us) / 1000) + 1) * 1000;
}

int64_t address_book_backoff_us(int64_t least_us, int64_t most_us, unsigned failures, struct rng *rng)
{
	int64_t middle_us = least_us;
	for (unsigned i = 1; i < failures && middle_us < most_us; i++)
		middle_us *= 2;
	return jitter_us(middle_us > most_us ? most_us : middle_us, least_us, most_us, rng);
}

static int64_t after_failure_us(struct address_book *book, unsigned failures, int64_t now_us)
	REQUIRES(address_book_guard)
{
	int64_t least_us = book->settings->retry_min_us, most_us = book->settings->retry_max_us;
	return now_us +
	       address_book_backoff_us(least_us, most_us > least_us ? most_us : least_us, failures, &book->rng);
}

static bool is_within(int64_t then_us, int64_t span_us, int64_t now_us)
{
	return then_us != NEVER_US && now_us - then_us <= span_us;
}

/* ---- nodes that need no dial ---- */

static struct node *find_node(struct address_book *book, const struct nodeid *nodeid) REQUIRES(address_book_guard)
{
	struct node *node;
	HASH_FIND(hh, book->nodes, nodeid, sizeof *nodeid, node);
	return node;
}

static bool is_connected(struct address_book *book, const struct nodeid *nodeid) REQUIRES(address_book_guard)
{
	const struct node *node = find_node(book, nodeid);
	return node != NULL && node->connections > 0;
}

/* Counts up or down. Without memory a node isn't counted, and may get a dial that ends as a duplicate. */
static void count_node(struct address_book *book, const struct nodeid *nodeid, int connections, int dials)
	REQUIRES(address_book_guard)
{
	struct node *node = find_node(book, nodeid);
	if (nodeid_is_none(nodeid))
		return;
	if (node == NULL) {
		node = calloc(1, sizeof *node);
		if (node == NULL)
			return;
		node->nodeid = *nodeid;
		HASH_ADD(hh, book->nodes, nodeid, sizeof node->nodeid, node);
		if (node->hh.tbl == NULL) {
			free(node);
			return;
		}
	}
	if ((int)node->connections + connections >= 0)
		node->connections += (unsigned)connections;
	if ((int)node->dials + dials >= 0)
		node->dials += (unsigned)dials;
	if (node->connections == 0 && node->dials == 0) {
		HASH_DEL(book->nodes, node);
		free(node);
	}
}

static struct group *find_group(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	uint64_t id = address_group(address);
	struct group *group;
	HASH_FIND(hh, book->groups, &id, sizeof id, group);
	return group;
}

/* Without memory a group isn't counted, and isn't avoided. */
static void count_group(struct address_book *book, const struct address *address, int change)
	REQUIRES(address_book_guard)
{
	struct group *group = find_group(book, address);
	if (group == NULL && change > 0) {
		group = calloc(1, sizeof *group);
		if (group == NULL)
			return;
		group->id = address_group(address);
		HASH_ADD(hh, book->groups, id, sizeof group->id, group);
		if (group->hh.tbl == NULL) {
			free(group);
			return;
		}
	}
	if (group != NULL && (group->count += (unsigned)change) == 0) {
		HASH_DEL(book->groups, group);
		free(group);
	}
}

/* If the entry's node is connected, it isn't due while that lasts. */
static void attach(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard)
{
	struct node *node = find_node(book, &entry->nodeid);
	if (entry->since_us != NEVER_US || node == NULL || node->connections == 0)
		return;
	entry->since_us = now_us;
	entry->node_next = node->entries;
	node->entries = entry;
	count_group(book, &entry->address, 1);
	address_table_set_due(&book->table, entry, FOREVER_US);
}

/* Until then its node was connected. */
static void detach(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard)
{
	struct node *node = find_node(book, &entry->nodeid);
	if (entry->since_us == NEVER_US)
		return;
	for (struct address_entry **link = &node->entries; node != NULL && *link != NULL; link = &(*link)->node_next) {
		if (*link == entry) {
			*link = entry->node_next;
			break;
		}
	}
	entry->since_us = NEVER_US;
	entry->heard_us = now_us;
	count_group(book, &entry->address, -1);
}

/* ---- entries ---- */

static bool is_hearsay(const struct address_entry *entry)
{
	return entry->kind == ADDRESS_NEW && !entry->is_bootstrap;
}

/* The counts of dials under way are kept by nodeid: they follow an entry that changes meanwhile. */
static void set_nodeid(struct address_book *book, struct address_entry *entry, const struct nodeid *nodeid,
		       int64_t now_us) REQUIRES(address_book_guard)
{
	if (nodeid_equals(&entry->nodeid, nodeid))
		return;
	detach(book, entry, now_us);
	if (entry->is_dialing) {
		count_node(book, &entry->nodeid, 0, -1);
		count_node(book, nodeid, 0, 1);
	}
	entry->nodeid = *nodeid;
	book->changes++;
}

static void set_error(struct address_book *book, struct address_entry *entry, const char *error, int64_t now_us)
	REQUIRES(address_book_guard)
{
	address_table_set_error(&book->table, entry, error);
	entry->error_us = error == NULL ? NEVER_US : now_us;
}

static void forget(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard)
{
	detach(book, entry, now_us);
	address_table_remove(&book->table, entry);
	book->changes++;
}

static struct proof *find_proof(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count; i++)
		if (address_equals(&book->proofs[i].address, address))
			return &book->proofs[i];
	return NULL;
}

/* A dial to it is under way, or its node needs none. */
static bool is_busy(struct address_book *book, const struct address_entry *entry) REQUIRES(address_book_guard)
{
	if (entry->is_dialing || (!nodeid_is_none(&entry->nodeid) && find_node(book, &entry->nodeid) != NULL))
		return true;
	const struct proof *proof = find_proof(book, &entry->address);
	return proof != NULL && proof->is_dialing;
}

static bool is_kept(const struct address_entry *entry)
{
	return entry->is_bootstrap || entry->is_named;
}

static bool may_go(void *context, const struct address_entry *entry) UNCHECKED
{
	return !is_kept(entry) && !is_busy(context, entry);
}

/* What is no more worth a dial. */
static bool is_hopeless(const struct address_entry *entry, int64_t now_us)
{
	int64_t good_us = entry->reached_us > entry->heard_us ? entry->reached_us : entry->heard_us;
	if (is_kept(entry) || entry->since_us != NEVER_US)
		return false;
	if (!is_within(entry->heard_us, ADDRESS_BOOK_UNHEARD_US, now_us))
		return true;
	if (entry->kind == ADDRESS_NEW)
		return entry->failures >= ADDRESS_BOOK_NEW_FAILURES;
	return entry->failures >= ADDRESS_BOOK_TRIED_FAILURES && !is_within(good_us, ADDRESS_BOOK_TRIED_US, now_us);
}

/*
 * The entry has proven itself, and takes its place among the tried. Where that is taken it stays hearsay, while a
 * feeler tests whom it could displace, if nobody is sure of that one.
 */
static void make_tried(struct address_book *book, struct address_entry *entry, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *rival;
	if (entry->kind == ADDRESS_TRIED)
		return;
	if (is_kept(entry)) {
		entry->kind = ADDRESS_TRIED;
		book->changes++;
	} else if (address_table_place_tried(&book->table, entry, may_go, book, &rival)) {
		book->changes++;
	} else if (rival != NULL && !is_within(rival->heard_us, ADDRESS_BOOK_SURE_US, now_us) &&
		   book->proof_count < ADDRESS_BOOK_PROOFS && find_proof(book, &rival->address) == NULL) {
		book->proofs[book->proof_count++] =
			(struct proof){.address = rival->address, .nodeid = rival->nodeid, .rival = entry->address};
	}
	address_table_update_lane(&book->table, entry);
}

/*
 * The tested one doesn't answer: if somebody still waits for its place, that one gets it, and the tested one is hearsay
 * again, or gone.
 */
static void give_place(struct address_book *book, const struct address *from, const struct address *to, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *loser = address_table_find(&book->table, from);
	struct address_entry *winner = address_table_find(&book->table, to);
	if (winner == NULL || winner->kind == ADDRESS_TRIED || (loser != NULL && !may_go(book, loser)))
		return;
	if (loser != NULL) {
		address_table_unplace(&book->table, loser);
		if (address_table_place_new(&book->table, loser, may_go, book))
			address_table_set_due(&book->table, loser, after_failure_us(book, loser->backoff, now_us));
		else
			forget(book, loser, now_us);
	}
	/* The newcomer could be who had to go for that. */
	winner = address_table_find(&book->table, to);
	if (winner != NULL)
		make_tried(book, winner, now_us);
}

/* A new entry, due at once; NULL where there is no memory. */
static struct address_entry *add(struct address_book *book, const struct address *address, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_add(&book->table, address);
	if (entry == NULL)
		return NULL;
	entry->heard_us = now_us;
	book->changes++;
	return entry;
}

/* ---- bootstraps ---- */

static struct name *find_name_of(struct name *names, size_t count, const char *host, uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].bootstrap.port == port && strcmp(names[i].bootstrap.host, host) == 0)
			return &names[i];
	return NULL;
}

/* A name stood for this address when it was looked up last. */
static bool is_named(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->name_count; i++)
		for (size_t j = 0; j < book->names[i].address_count; j++)
			if (address_equals(&book->names[i].addresses[j], address))
				return true;
	return false;
}

/* What an entry is to the configuration has changed: those that it keeps stand in no bucket. */
static void set_kept(struct address_book *book, struct address_entry *entry, bool is_bootstrap, int64_t now_us)
	REQUIRES(address_book_guard)
{
	bool was_kept = is_kept(entry);
	struct address_entry *rival;
	entry->is_bootstrap = is_bootstrap;
	entry->is_named = is_named(book, &entry->address);
	address_table_update_lane(&book->table, entry);
	if (is_kept(entry) == was_kept)
		return;
	if (is_kept(entry)) {
		address_table_unplace(&book->table, entry);
		return;
	}
	entry->is_self = false;
	bool has_place =
		entry->kind == ADDRESS_TRIED && address_table_place_tried(&book->table, entry, may_go, book, &rival);
	if (!has_place && !address_table_place_new(&book->table, entry, may_go, book) && may_go(book, entry))
		forget(book, entry, now_us);
	else
		address_table_update_lane(&book->table, entry);
}

static bool add_bootstrap(struct address_book *book, const struct address *address, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, address);
	if (entry == NULL) {
		entry = add(book, address, now_us);
		if (entry == NULL)
			return false;
		entry->is_bootstrap = true;
		address_table_set_due(&book->table, entry, now_us);
	} else {
		set_kept(book, entry, true, now_us);
	}
	return true;
}

/* The names of the settings, with what is known of those that were there before; NULL without memory. */
static struct name *list_names(const struct settings *settings, struct name *before, size_t before_count, size_t *count,
			       int64_t now_us)
{
	struct name *names = calloc(settings->bootstrap_count + 1, sizeof *names);
	*count = 0;
	for (size_t i = 0; names != NULL && i < settings->bootstrap_count; i++) {
		const struct bootstrap *bootstrap = &settings->bootstrap[i];
		if (address_is_known(&bootstrap->address) ||
		    find_name_of(names, *count, bootstrap->host, bootstrap->port) != NULL)
			continue;
		const struct name *known = find_name_of(before, before_count, bootstrap->host, bootstrap->port);
		names[(*count)++] = known != NULL ? *known : (struct name){.bootstrap = *bootstrap, .due_us = now_us};
	}
	return names;
}

static bool is_bootstrap(const struct settings *settings, const struct address *address)
{
	for (size_t i = 0; i < settings->bootstrap_count; i++)
		if (address_equals(&settings->bootstrap[i].address, address))
			return true;
	return false;
}

/* This entry or the first after it that the configuration keeps; NULL if there is none. */
static struct address_entry *first_kept(struct address_entry *entry)
{
	while (entry != NULL && !is_kept(entry))
		entry = entry->hh.next;
	return entry;
}

static bool set_bootstraps(struct address_book *book, const struct settings *settings, struct name *names,
			   size_t name_count, int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *next;
	bool is_done = true;
	free(book->names);
	book->names = names;
	book->name_count = name_count;
	for (struct address_entry *entry = first_kept(book->table.entries); entry != NULL; entry = next) {
		/* Who finds a place may displace others, but none that is kept. */
		next = first_kept(entry->hh.next);
		if (!is_bootstrap(settings, &entry->address))
			set_kept(book, entry, false, now_us);
	}
	for (size_t i = 0; i < settings->bootstrap_count; i++)
		if (address_is_known(&settings->bootstrap[i].address))
			is_done = add_bootstrap(book, &settings->bootstrap[i].address, now_us) && is_done;
	return is_done;
}

bool address_book_set_bootstraps(struct address_book *book, const struct settings *settings, int64_t now_us)
{
	size_t count;
	enter(book);
	struct name *names = list_names(settings, book->names, book->name_count, &count, now_us);
	bool is_done = names != NULL && set_bootstraps(book, settings, names, count, now_us);
	leave(book);
	return is_done;
}

struct address_book *address_book_new(const struct settings *settings, const struct hash_key *secret, uint64_t seed,
				      int64_t now_us) UNCHECKED
{
	struct address_book *book = calloc(1, sizeof *book);
	if (book == NULL)
		return NULL;
	mutex_init(&book->mutex);
	rng_seed(&book->rng, seed);
	book->settings = settings;
	book->secret = *secret;
	book->next_again_us = now_us;
	book->next_feeler_us = now_us + jitter_us(ADDRESS_BOOK_FEELER_US, 0, FOREVER_US, &book->rng);
	if (!address_table_init(&book->table, (size_t)settings->max_addresses, secret) ||
	    !address_book_set_bootstraps(book, settings, now_us)) {
		address_book_free(book);
		return NULL;
	}
	return book;
}

/* Frees each element of a table that is cleared first: the links between the elements outlive the table. */
#define FREE_ALL(type, head)                                                                                           \
	do {                                                                                                           \
		struct type *element = (head), *next;                                                                  \
		HASH_CLEAR(hh, head);                                                                                  \
		for (; element != NULL; element = next) {                                                              \
			next = element->hh.next;                                                                       \
			free(element);                                                                                 \
		}                                                                                                      \
	} while (0)

void address_book_free(struct address_book *book) UNCHECKED
{
	if (book == NULL)
		return;
	FREE_ALL(node, book->nodes);
	FREE_ALL(group, book->groups);
	address_table_fini(&book->table);
	mutex_fini(&book->mutex);
	free(book->names);
	free(book->own);
	free(book);
}

/* ---- over restarts ---- */

static int64_t from_unix(int64_t then_s, int64_t now_us, int64_t unix_us)
{
	int64_t ago_us = unix_us - then_s * 1000000;
	return then_s <= 0 ? NEVER_US : ago_us > 0 ? now_us - ago_us : now_us;
}

static int64_t to_unix(int64_t then_us, int64_t now_us, int64_t unix_us)
{
	return then_us == NEVER_US ? 0 : (unix_us - (now_us - then_us)) / 1000000;
}

static bool is_self(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	const struct address_entry *entry = address_table_find(&book->table, address);
	if (entry != NULL && entry->is_self)
		return true;
	for (size_t i = 0; i < book->self_count && i < ADDRESS_BOOK_SELVES; i++)
		if (address_equals(&book->selves[i], address))
			return true;
	for (size_t i = 0; i < book->own_count; i++)
		if (address_equals(&book->own[i], address))
			return true;
	return false;
}

/* Puts an imported entry into a bucket; false where there is no room. */
static bool place_import(struct address_book *book, struct address_entry *entry, enum address_kind kind)
	REQUIRES(address_book_guard)
{
	struct address_entry *rival;
	if (is_kept(entry)) {
		entry->kind = kind;
		return true;
	}
	return (kind == ADDRESS_TRIED && address_table_place_tried(&book->table, entry, may_go, book, &rival)) ||
	       address_table_place_new(&book->table, entry, may_go, book);
}

static void import(struct address_book *book, const struct address_record *record, int64_t now_us, int64_t unix_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, &record->address);
	if ((entry != NULL && !is_kept(entry)) || is_self(book, &record->address))
		return;
	if (entry == NULL)
		entry = add(book, &record->address, now_us);
	if (entry == NULL)
		return;
	entry->nodeid = record->nodeid;
	entry->teller = record->teller;
	entry->heard_us = record->heard_s <= 0 ? now_us : from_unix(record->heard_s, now_us, unix_us);
	entry->tried_us = from_unix(record->tried_s, now_us, unix_us);
	entry->reached_us = from_unix(record->reached_s, now_us, unix_us);
	entry->failures = record->failures;
	entry->is_anchor = record->is_anchor;
	if (record->error[0] != '\0')
		set_error(book, entry, record->error, from_unix(record->error_s, now_us, unix_us));
	entry->kind = record->kind;
	if (is_hopeless(entry, now_us) || !place_import(book, entry, record->kind))
		address_table_remove(&book->table, entry);
	else
		address_table_set_due(&book->table, entry, now_us);
}

void address_book_import(struct address_book *book, const struct address_records *records, int64_t now_us,
			 int64_t unix_us)
{
	enter(book);
	for (size_t i = 0; i < records->count; i++)
		import(book, &records->records[i], now_us, unix_us);
	leave(book);
}

static void export(const struct address_entry *entry, struct address_record *record, int64_t now_us, int64_t unix_us)
{
	int64_t heard_us = entry->since_us != NEVER_US ? now_us : entry->heard_us;
	*record = (struct address_record){.address = entry->address,
					  .nodeid = entry->nodeid,
					  .teller = entry->teller,
					  .kind = entry->kind,
					  .heard_s = to_unix(heard_us, now_us, unix_us),
					  .tried_s = to_unix(entry->tried_us, now_us, unix_us),
					  .reached_s = to_unix(entry->reached_us, now_us, unix_us),
					  .error_s = to_unix(entry->error_us, now_us, unix_us),
					  .failures = entry->failures};
	if (entry->error != NULL)
		strcpy(record->error, entry->error->text);
}

/* This node has dialled the connection that the entry is attached by. */
static bool is_dialled(const struct address_entry *entry)
{
	return entry->reached_us != NEVER_US && entry->reached_us >= entry->since_us;
}

static bool is_better_anchor(const struct address_entry *one, const struct address_entry *other)
{
	return is_dialled(one) != is_dialled(other) ? is_dialled(one) : one->since_us < other->since_us;
}

/*
 * The peers that have been connected longest become the anchors, those that this node has dialled before others: who
 * wants to be one can connect, but can't make a node dial him.
 */
static void mark_anchors(struct address_book *book, struct address_records *records) REQUIRES(address_book_guard)
{
	const struct address_entry *eldest[ADDRESS_BOOK_ANCHORS] = {NULL};
	for (const struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next) {
		if (entry->since_us == NEVER_US)
			continue;
		const struct address_entry *candidate = entry;
		for (size_t i = 0; i < ADDRESS_BOOK_ANCHORS && candidate != NULL; i++) {
			if (eldest[i] != NULL && !is_better_anchor(candidate, eldest[i]))
				continue;
			const struct address_entry *displaced = eldest[i];
			eldest[i] = candidate;
			candidate = displaced;
		}
	}
	for (size_t i = 0; i < records->count; i++)
		for (size_t j = 0; j < ADDRESS_BOOK_ANCHORS; j++)
			if (eldest[j] != NULL && address_equals(&records->records[i].address, &eldest[j]->address))
				records->records[i].is_anchor = true;
}

static void export_kind(struct address_book *book, struct address_records *records, enum address_kind kind,
			int64_t now_us, int64_t unix_us) REQUIRES(address_book_guard)
{
	for (struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next)
		/* What only the configuration says is there after a restart too. */
		if (entry->kind == kind && !is_self(book, &entry->address) && !is_hopeless(entry, now_us) &&
		    (kind == ADDRESS_TRIED || !is_kept(entry)))
			export(entry, &records->records[records->count++], now_us, unix_us);
}

bool address_book_export(struct address_book *book, struct address_records *records, int64_t now_us, int64_t unix_us)
{
	*records = (struct address_records){.secret = book->secret, .has_secret = true};
	enter(book);
	records->records = calloc(address_table_count(&book->table) + 1, sizeof *records->records);
	if (records->records != NULL) {
		/* The better ones first, for a book that has become smaller. */
		export_kind(book, records, ADDRESS_TRIED, now_us, unix_us);
		export_kind(book, records, ADDRESS_NEW, now_us, unix_us);
		mark_anchors(book, records);
	}
	leave(book);
	return records->records != NULL;
}

uint64_t address_book_changes(struct address_book *book)
{
	enter(book);
	uint64_t changes = book->changes;
	leave(book);
	return changes;
}

/* ---- what is heard ---- */

void address_book_add_own(struct address_book *book, const struct address *address)
{
	enter(book);
	struct address *grown = realloc(book->own, (book->own_count + 1) * sizeof *grown);
	if (grown != NULL) {
		book->own = grown;
		book->own[book->own_count++] = *address;
	}
	leave(book);
}

void address_book_add_self(struct address_book *book, const struct address *address)
{
	enter(book);
	struct address_entry *entry = address_table_find(&book->table, address);
	if (entry != NULL && entry->is_bootstrap)
		entry->is_self = true;
	else if (!is_self(book, address))
		book->selves[book->self_count++ % ADDRESS_BOOK_SELVES] = *address;
	leave(book);
}

bool address_book_is_self(struct address_book *book, const struct address *address)
{
	enter(book);
	bool found = is_self(book, address);
	leave(book);
	return found;
}

/*
 * Who is told of is up, as far as the teller knows: an address in back-off is due again as soon as one may be that has
 * failed once. What all such dials together may cost is bounded by next_again_us.
 */
static bool hurry(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard)
{
	if (entry->kind == ADDRESS_NEW)
		entry->heard_us = now_us;
	if (entry->backoff < 2 || entry->lane != LANE_NONE || entry->is_dialing || entry->since_us != NEVER_US)
		return false;
	int64_t due_us = entry->tried_us + book->settings->retry_min_us;
	address_table_set_due(&book->table, entry, due_us > now_us ? due_us : now_us);
	return true;
}

static bool hear(struct address_book *book, const struct message_entry *heard, const struct address *source,
		 int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, &heard->address);
	if (entry != NULL)
		return hurry(book, entry, now_us);
	if (is_self(book, &heard->address) || is_connected(book, &heard->nodeid))
		return false;
	entry = add(book, &heard->address, now_us);
	if (entry == NULL)
		return false;
	entry->teller = *source;
	entry->teller.port = 0;
	entry->nodeid = heard->nodeid;
	if (!address_table_place_new(&book->table, entry, may_go, book)) {
		address_table_remove(&book->table, entry);
		return false;
	}
	address_table_set_due(&book->table, entry, now_us);
	return true;
}

size_t address_book_hear(struct address_book *book, const struct message_entry *entries, size_t count,
			 const struct address *source, int64_t now_us)
{
	size_t added = 0;
	if (count == 0)
		return 0;
	enter(book);
	for (size_t i = 0; i < count; i++)
		added += hear(book, &entries[i], source, now_us);
	leave(book);
	return added;
}

void address_book_announced(struct address_book *book, const struct address *address, const struct nodeid *nodeid,
			    int64_t now_us)
{
	enter(book);
	struct address_entry *entry = address_table_find(&book->table, address);
	bool is_new = entry == NULL && !is_self(book, address);
	if (is_new)
		entry = add(book, address, now_us);
	if (entry != NULL) {
		set_nodeid(book, entry, nodeid, now_us);
		entry->heard_us = now_us;
		make_tried(book, entry, now_us);
	}
	if (is_new && entry != NULL && entry->kind == ADDRESS_NEW &&
	    !address_table_place_new(&book->table, entry, may_go, book)) {
		address_table_remove(&book->table, entry);
		entry = NULL;
	}
	if (entry != NULL) {
		attach(book, entry, now_us);
		if (entry->since_us == NEVER_US && entry->lane == LANE_NONE && entry->due.place == 0)
			address_table_set_due(&book->table, entry, now_us);
	}
	leave(book);
}

void address_book_prove(struct address_book *book, const struct address *address, const struct nodeid *nodeid)
{
	enter(book);
	if (book->proof_count < ADDRESS_BOOK_PROOFS && find_proof(book, address) == NULL && !is_self(book, address))
		book->proofs[book->proof_count++] = (struct proof){.address = *address, .nodeid = *nodeid};
	leave(book);
}

/* ---- dials ---- */

/* A feeler that looks for this node is under way. */
static bool is_proving(struct address_book *book, const struct nodeid *nodeid) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count; i++)
		if (book->proofs[i].is_dialing && nodeid_equals(&book->proofs[i].nodeid, nodeid))
			return true;
	return false;
}

/* Of max_dialing, feelers have a quarter, and together with hearsay three quarters. */
static bool may_feel(struct address_book *book) REQUIRES(address_book_guard)
{
	return book->feelers < (size_t)(book->settings->max_dialing + 3) / 4;
}

static bool may_dial_hearsay(struct address_book *book) REQUIRES(address_book_guard)
{
	return book->feelers + book->hearsay < (size_t)(book->settings->max_dialing * 3 + 3) / 4;
}

static bool pick_proof(struct address_book *book, int64_t now_us, struct peer_dial *dial) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count && may_feel(book); i++) {
		struct proof *proof = &book->proofs[i];
		struct address_entry *entry = address_table_find(&book->table, &proof->address);
		if (proof->is_dialing || (entry != NULL && entry->is_dialing) || is_proving(book, &proof->nodeid))
			continue;
		if (entry != NULL)
			entry->tried_us = now_us;
		proof->is_dialing = true;
		book->feelers++;
		*dial = (struct peer_dial){.address = proof->address, .is_feeler = true, .expected = proof->nodeid};
		return true;
	}
	return false;
}

/* Some address that the name stood for is connected or being dialled. */
static bool is_satisfied(struct address_book *book, const struct name *name) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < name->address_count; i++) {
		struct address_entry *entry = address_table_find(&book->table, &name->addresses[i]);
		if (entry != NULL && is_busy(book, entry))
			return true;
	}
	return false;
}

static bool pick_name(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->name_count; i++) {
		struct name *name = &book->names[i];
		if (name->is_dialing || is_satisfied(book, name))
			continue;
		if (name->due_us > now_us) {
			if (name->due_us < *next_us)
				*next_us = name->due_us;
			continue;
		}
		char *host = strdup(name->bootstrap.host);
		if (host == NULL)
			continue;
		name->is_dialing = true;
		*dial = (struct peer_dial){.host = host, .port = name->bootstrap.port};
		return true;
	}
	return false;
}

static bool is_eligible(struct address_book *book, const struct address_entry *entry) REQUIRES(address_book_guard)
{
	return !is_busy(book, entry) && !is_self(book, &entry->address) &&
	       (!is_hearsay(entry) || may_dial_hearsay(book));
}

/*
 * One of a bucket at random, of a group in which no node is connected or being dialled if there is one: *is_apart. NULL
 * if none of it is in that lane and may be dialled now.
 */
static struct address_entry *choose_in_bucket(struct address_book *book, enum address_lane lane,
					      const struct address_bucket *bucket, bool *is_apart)
	REQUIRES(address_book_guard)
{
	struct address_entry *chosen = NULL;
	uint32_t count = 0;
	*is_apart = false;
	for (uint32_t i = 0; i < bucket->count; i++) {
		struct address_entry *entry = bucket->slots[i].entry;
		if (entry->lane != lane || !is_eligible(book, entry))
			continue;
		bool is_better = find_group(book, &entry->address) == NULL;
		if (*is_apart && !is_better)
			continue;
		count = *is_apart == is_better ? count + 1 : 1;
		*is_apart = is_better;
		if (rng_below(&book->rng, count) == 0)
			chosen = entry;
	}
	return chosen;
}

/*
 * One of a lane by a random bucket, rather of a group in which no node is connected or being dialled: who has many
 * addresses in few networks has few buckets. NULL if that hits none.
 */
static struct address_entry *choose_by_bucket(struct address_book *book, enum address_lane lane)
	REQUIRES(address_book_guard)
{
	enum { PROBES = 32, HITS = 8 };
	const struct address_buckets *kind = &book->table.kinds[lane == LANE_NEW ? ADDRESS_NEW : ADDRESS_TRIED];
	struct address_entry *chosen = NULL;
	for (int i = 0, hits = 0; i < PROBES && hits < HITS && kind->filled_count > 0; i++) {
		uint32_t bucket = kind->filled[rng_below(&book->rng, (uint32_t)kind->filled_count)];
		bool is_apart;
		struct address_entry *entry = choose_in_bucket(book, lane, &kind->buckets[bucket], &is_apart);
		if (entry == NULL)
			continue;
		chosen = entry;
		if (is_apart)
			break;
		hits++;
	}
	return chosen;
}

/* One of a lane at random, as far as it may be dialled now; NULL if none may. */
static struct address_entry *choose(struct address_book *book, enum address_lane which) REQUIRES(address_book_guard)
{
	const struct address_lane_entries *lane = &book->table.lanes[which];
	struct address_entry *chosen = NULL;
	bool is_hearsay_alone = which == LANE_NEW || which == LANE_NEW_AGAIN;
	if (lane->count == 0 || (is_hearsay_alone && !may_dial_hearsay(book)))
		return NULL;
	if (which == LANE_NEW || which == LANE_TRIED)
		chosen = choose_by_bucket(book, which);
	size_t start = rng_below(&book->rng, (uint32_t)lane->count);
	for (size_t i = 0; i < lane->count && chosen == NULL; i++) {
		struct address_entry *entry = lane->entries[(start + i) % lane->count];
		if (is_eligible(book, entry))
			chosen = entry;
	}
	return chosen;
}

/* Half of the time a tried one, where there is one. */
static struct address_entry *choose_of_two(struct address_book *book, enum address_lane tried, enum address_lane new)
	REQUIRES(address_book_guard)
{
	bool tried_first = rng_below(&book->rng, 2) == 0;
	struct address_entry *entry = choose(book, tried_first ? tried : new);
	return entry != NULL ? entry : choose(book, tried_first ? new : tried);
}

/* The dial's own entry: it is then under way. */
static void take_out(struct address_book *book, struct address_entry *entry, bool is_feeler, int64_t now_us,
		     struct peer_dial *dial) REQUIRES(address_book_guard)
{
	address_table_set_due(&book->table, entry, FOREVER_US);
	entry->is_dialing = true;
	entry->is_anchor = false;
	entry->tried_us = now_us;
	entry->is_on_hearsay = !is_feeler && is_hearsay(entry);
	book->hearsay += entry->is_on_hearsay;
	book->feelers += is_feeler;
	count_node(book, &entry->nodeid, 0, 1);
	count_group(book, &entry->address, 1);
	*dial = (struct peer_dial){.address = entry->address, .is_feeler = is_feeler};
}

static bool pick_entry(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = choose(book, LANE_FIRST);
	if (entry == NULL)
		entry = choose_of_two(book, LANE_TRIED, LANE_NEW);
	if (entry == NULL) {
		entry = choose_of_two(book, LANE_TRIED_AGAIN, LANE_NEW_AGAIN);
		if (entry != NULL && now_us < book->next_again_us) {
			if (book->next_again_us < *next_us)
				*next_us = book->next_again_us;
			return false;
		}
		if (entry != NULL)
			book->next_again_us = now_us + book->settings->retry_min_us;
	}
	if (entry == NULL)
		return false;
	take_out(book, entry, false, now_us, dial);
	return true;
}

/* A feeler for what was tried and has failed: halves that were cut from each other find each other by it. */
static bool pick_lost(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = may_feel(book) ? choose(book, LANE_TRIED_AGAIN) : NULL;
	if (entry == NULL)
		return false;
	if (now_us < book->next_again_us) {
		*next_us = book->next_again_us < *next_us ? book->next_again_us : *next_us;
		return false;
	}
	book->next_again_us = now_us + book->settings->retry_min_us;
	take_out(book, entry, true, now_us, dial);
	return true;
}

/* A feeler for hearsay. */
static bool pick_feeler(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	if (now_us < book->next_feeler_us) {
		*next_us = book->next_feeler_us < *next_us ? book->next_feeler_us : *next_us;
		return false;
	}
	book->next_feeler_us = now_us + jitter_us(ADDRESS_BOOK_FEELER_US, 0, FOREVER_US, &book->rng);
	*next_us = book->next_feeler_us < *next_us ? book->next_feeler_us : *next_us;
	struct address_entry *entry = may_feel(book) ? choose(book, LANE_NEW) : NULL;
	if (entry == NULL && may_feel(book))
		entry = choose(book, LANE_NEW_AGAIN);
	if (entry == NULL)
		return false;
	take_out(book, entry, true, now_us, dial);
	return true;
}

bool address_book_pick(struct address_book *book, enum address_book_wanted wanted, int64_t now_us,
		       struct peer_dial *dial, int64_t *next_us)
{
	enter(book);
	*next_us = address_table_run(&book->table, now_us);
	bool picked = pick_proof(book, now_us, dial);
	if (!picked && wanted == ADDRESS_BOOK_FEELERS) {
		picked = pick_lost(book, now_us, dial, next_us) || pick_feeler(book, now_us, dial, next_us);
	} else if (!picked) {
		picked = pick_name(book, now_us, dial, next_us) || pick_entry(book, now_us, dial, next_us);
	}
	leave(book);
	return picked;
}

static struct name *find_name(struct address_book *book, const struct peer_dial *dial) REQUIRES(address_book_guard)
{
	return dial->host == NULL ? NULL : find_name_of(book->names, book->name_count, dial->host, dial->port);
}

/* The entry of a dial that is over, or NULL; and the proof, if it was one: then *proof has an address. */
static struct address_entry *take_back(struct address_book *book, const struct peer_dial *dial, struct proof *proof)
	REQUIRES(address_book_guard)
{
	struct proof *found = dial->is_feeler ? find_proof(book, &dial->address) : NULL;
	struct name *name = find_name(book, dial);
	struct address_entry *entry = dial->host == NULL ? address_table_find(&book->table, &dial->address) : NULL;
	*proof = (struct proof){0};
	if (found != NULL && found->is_dialing) {
		*proof = *found;
		*found = book->proofs[--book->proof_count];
		book->feelers--;
		return entry != NULL && !entry->is_dialing ? entry : NULL;
	}
	if (name != NULL)
		name->is_dialing = false;
	if (entry == NULL || !entry->is_dialing)
		return NULL;
	entry->is_dialing = false;
	book->hearsay -= entry->is_on_hearsay;
	book->feelers -= dial->is_feeler;
	count_node(book, &entry->nodeid, 0, -1);
	count_group(book, &entry->address, -1);
	return entry;
}

void address_book_found(struct address_book *book, const struct peer_dial *dial, const struct nodeid *nodeid)
{
	enter(book);
	struct address_entry *entry = dial->host == NULL ? address_table_find(&book->table, &dial->address) : NULL;
	if (entry != NULL)
		set_nodeid(book, entry, nodeid, entry->heard_us);
	leave(book);
}

/* Of an entry whose node a feeler has found. */
static enum address_book_place place_of(struct address_book *book, const struct address_entry *entry)
	REQUIRES(address_book_guard)
{
	bool is_lost = entry->reached_us != NEVER_US && entry->failures >= ADDRESS_BOOK_LOST;
	if (entry->kind == ADDRESS_TRIED)
		return is_lost ? ADDRESS_BOOK_BACK : ADDRESS_BOOK_NO_PLACE;
	if (book->proven >= book->settings->max_outbound / 2)
		return ADDRESS_BOOK_NO_PLACE;
	book->proven++;
	return ADDRESS_BOOK_FRESH;
}

enum address_book_place address_book_reached(struct address_book *book, const struct peer_dial *dial,
					     const struct nodeid *nodeid, int64_t now_us)
{
	struct proof proof;
	enum address_book_place place = ADDRESS_BOOK_NO_PLACE;
	enter(book);
	struct address_entry *entry = take_back(book, dial, &proof);
	if (entry != NULL) {
		if (dial->is_feeler && !address_is_known(&proof.address))
			place = place_of(book, entry);
		entry->is_anchor = place != ADDRESS_BOOK_NO_PLACE;
		set_nodeid(book, entry, nodeid, now_us);
		entry->heard_us = entry->reached_us = now_us;
		entry->failures = 0;
		/* Who only shook hands may come and go: that ends when a connection was steady. */
		if (dial->is_feeler)
			entry->backoff = 0;
		set_error(book, entry, NULL, now_us);
		make_tried(book, entry, now_us);
		if (entry->since_us == NEVER_US)
			address_table_set_due(&book->table, entry, now_us);
		attach(book, entry, now_us);
		book->changes++;
		/* Something is up again: what else has failed needn't wait. */
		book->next_again_us = now_us;
	}
	leave(book);
	return place;
}

unsigned address_book_failed(struct address_book *book, const struct peer_dial *dial, const char *error, int64_t now_us)
{
	struct proof proof;
	unsigned failures = 0;
	enter(book);
	struct name *name = find_name(book, dial);
	struct address_entry *entry = take_back(book, dial, &proof);
	if (name != NULL) {
		failures = ++name->failures;
		name->due_us = after_failure_us(book, failures, now_us);
	}
	if (entry != NULL && !is_connected(book, &entry->nodeid)) {
		failures = ++entry->failures;
		set_error(book, entry, error, now_us);
		book->changes++;
		if (is_hopeless(entry, now_us))
			forget(book, entry, now_us);
		else
			address_table_set_due(&book->table, entry, after_failure_us(book, ++entry->backoff, now_us));
	} else if (entry != NULL) {
		attach(book, entry, now_us);
	}
	if (address_is_known(&proof.rival))
		give_place(book, &proof.address, &proof.rival, now_us);
	leave(book);
	return failures;
}

void address_book_let_go(struct address_book *book, const struct peer_dial *dial, int64_t now_us)
{
	struct proof proof;
	enter(book);
	struct name *name = find_name(book, dial);
	struct address_entry *entry = take_back(book, dial, &proof);
	if (name != NULL)
		name->due_us = after_failure_us(book, 0, now_us);
	/* A feeler that proves something took nothing out. */
	if (entry != NULL && !address_is_known(&proof.address) && entry->since_us == NEVER_US)
		address_table_set_due(&book->table, entry, after_failure_us(book, 0, now_us));
	leave(book);
}

void address_book_resolved(struct address_book *book, const struct peer_dial *dial, const struct address *addresses,
			   size_t count, int64_t now_us)
{
	struct address before[ADDRESS_BOOK_NAME_ADDRESSES];
	size_t before_count = 0;
	struct proof proof;
	enter(book);
	struct name *name = find_name(book, dial);
	take_back(book, dial, &proof);
	if (name != NULL) {
		before_count = name->address_count;
		memcpy(before, name->addresses, before_count * sizeof *before);
		name->address_count = count < ADDRESS_BOOK_NAME_ADDRESSES ? count : ADDRESS_BOOK_NAME_ADDRESSES;
		memcpy(name->addresses, addresses, name->address_count * sizeof *addresses);
		/* Unless one of them becomes a peer, it was in vain. */
		name->due_us = after_failure_us(book, ++name->failures, now_us);
	}
	for (size_t i = 0; i < before_count; i++) {
		struct address_entry *entry = address_table_find(&book->table, &before[i]);
		if (entry != NULL)
			set_kept(book, entry, entry->is_bootstrap, now_us);
	}
	for (size_t i = 0; name != NULL && i < name->address_count; i++) {
		struct address_entry *entry = address_table_find(&book->table, &addresses[i]);
		if (entry != NULL) {
			set_kept(book, entry, entry->is_bootstrap, now_us);
		} else if (!is_self(book, &addresses[i]) && (entry = add(book, &addresses[i], now_us)) != NULL) {
			entry->is_named = true;
			address_table_set_due(&book->table, entry, now_us);
		}
	}
	leave(book);
}

/* ---- connections ---- */

void address_book_connected(struct address_book *book, const struct nodeid *nodeid)
{
	enter(book);
	count_node(book, nodeid, 1, 0);
	for (size_t i = 0; i < book->name_count; i++)
		if (is_satisfied(book, &book->names[i]))
			book->names[i].failures = 0;
	leave(book);
}

/* Takes back what attach did for the addresses of a node that is gone. */
static bool lose(struct address_book *book, struct node *node, bool was_steady, const char *error, int64_t now_us)
	REQUIRES(address_book_guard)
{
	bool is_dialable = node->entries != NULL;
	while (node->entries != NULL) {
		struct address_entry *entry = node->entries;
		detach(book, entry, now_us);
		if (error != NULL) {
			entry->failures = was_steady ? 1 : entry->failures + 1;
			entry->backoff = was_steady ? 1 : entry->backoff + 1;
			set_error(book, entry, error, now_us);
		}
		if (!entry->is_dialing)
			address_table_set_due(&book->table, entry, after_failure_us(book, entry->backoff, now_us));
		book->changes++;
	}
	return is_dialable;
}

bool address_book_disconnected(struct address_book *book, const struct nodeid *nodeid, bool was_steady,
			       const char *error, int64_t now_us)
{
	bool is_dialable = false;
	enter(book);
	struct node *node = find_node(book, nodeid);
	if (node != NULL && node->connections == 1)
		is_dialable = lose(book, node, was_steady, error, now_us);
	count_node(book, nodeid, -1, 0);
	leave(book);
	return is_dialable;
}

bool address_book_is_connected(struct address_book *book, const struct nodeid *nodeid)
{
	enter(book);
	bool found = is_connected(book, nodeid);
	leave(book);
	return found;
}

/* ---- to look at ---- */

/* An address that may be told, and its place in the order of the day. */
struct candidate {
	uint64_t rank;
	struct message_entry entry;
};

static int compare_ranks(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;
	return (a->rank > b->rank) - (a->rank < b->rank);
}

static struct candidate candidate_of(const struct address_book *book, const struct address_entry *entry, int64_t now_us)
{
	struct {
		struct address address;
		uint32_t zero; /* where padding would be, whose bytes count too */
		int64_t day;
	} hashed = {entry->address, 0, now_us / ADDRESS_BOOK_DAY_US};
	_Static_assert(sizeof hashed == sizeof hashed.address + sizeof hashed.zero + sizeof hashed.day, "no padding");
	return (struct candidate){keyed_hash(&book->secret, &hashed, sizeof hashed), {entry->address, entry->nodeid}};
}

size_t address_book_sample(struct address_book *book, struct message_entry *entries, size_t most, int64_t now_us)
{
	size_t count = 0;
	enter(book);
	struct candidate *candidates = calloc(address_table_count(&book->table) + 1, sizeof *candidates);
	for (struct address_entry *entry = book->table.entries; candidates != NULL && entry != NULL;
	     entry = entry->hh.next)
		if (is_within(entry->reached_us, ADDRESS_BOOK_DAY_US, now_us) && entry->failures == 0 &&
		    !is_connected(book, &entry->nodeid) && !is_self(book, &entry->address))
			candidates[count++] = candidate_of(book, entry, now_us);
	leave(book);
	if (count > 0)
		qsort(candidates, count, sizeof *candidates, compare_ranks);
	count = count * ADDRESS_BOOK_SAMPLE_PERCENT / 100;
	if (count > most)
		count = most;
	for (size_t i = 0; i < count; i++)
		entries[i] = candidates[i].entry;
	free(candidates);
	return count;
}

/* When an address was last heard of or tried. */
static int64_t touched_us(const struct address_entry *entry, int64_t now_us)
{
	if (entry->since_us != NEVER_US)
		return now_us;
	return entry->tried_us > entry->heard_us ? entry->tried_us : entry->heard_us;
}

static struct address_info look(const struct address_entry *entry, int64_t now_us)
{
	struct address_info info = {.address = entry->address,
				    .nodeid = entry->nodeid,
				    .kind = entry->kind,
				    .heard_us = entry->since_us != NEVER_US ? now_us : entry->heard_us,
				    .tried_us = entry->tried_us,
				    .error_us = entry->error_us,
				    .failures = entry->failures};
	if (entry->error != NULL)
		strcpy(info.error, entry->error->text);
	return info;
}

size_t address_book_recent(struct address_book *book, struct address_info *infos, size_t most, int64_t now_us)
{
	size_t count = 0;
	const struct address_entry **recent = calloc(most + 1, sizeof *recent);
	enter(book);
	for (struct address_entry *entry = book->table.entries; recent != NULL && entry != NULL;
	     entry = entry->hh.next) {
		size_t place = count;
		for (; place > 0 && touched_us(recent[place - 1], now_us) < touched_us(entry, now_us); place--)
			recent[place] = recent[place - 1];
		recent[place] = entry;
		count += count < most;
	}
	for (size_t i = 0; i < count; i++)
		infos[i] = look(recent[i], now_us);
	leave(book);
	free(recent);
	return count;
}

bool address_book_knows(struct address_book *book, const struct address *address)
{
	enter(book);
	bool found = address_table_find(&book->table, address) != NULL;
	leave(book);
	return found;
}

size_t address_book_count(struct address_book *book)
{
	enter(book);
	size_t count = address_table_count(&book->table);
	leave(book);
	return count;
}

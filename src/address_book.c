#include "address_book.h"

#include <stdlib.h>
#include <string.h>

/* Without memory uthash leaves hh.tbl NULL, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "sync.h"

extern struct mutex address_book_guard;

/* A host that told addresses, with how many of them are held for it. */
struct source {
	struct address host; /* port 0 */
	size_t count;
	UT_hash_handle hh;
};

struct entry {
	struct address address;
	struct nodeid nodeid;  /* of whom it led to, or is said to lead to; may be none */
	struct source *source; /* NULL for a bootstrap, and once a dial of our own has led to a node */
	bool is_bootstrap;
	bool is_hearsay; /* never reached, and not announced by its own node */
	bool is_self;	 /* a bootstrap where this node has met itself */
	bool is_dialing;
	unsigned failures;
	int64_t due_us;
	UT_hash_handle hh;
};

/* A node that needs no dial now. Exists while one of its counts isn't 0. */
struct node {
	struct nodeid nodeid;
	unsigned connections;
	unsigned dials;
	UT_hash_handle hh;
};

/* A bootstrap that is a name. */
struct name {
	const struct bootstrap *bootstrap;
	bool is_dialing;
	unsigned failures;
	int64_t due_us;
	struct address addresses[ADDRESS_BOOK_NAME_ADDRESSES]; /* of the last look-up */
	size_t address_count;
};

/* A feeler that waits, or is under way. */
struct proof {
	struct address address;
	struct nodeid nodeid;
	bool is_dialing;
};

struct address_book {
	/* Immutable. */
	int64_t retry_min_us, retry_max_us;
	size_t max_feelers, max_hearsay; /* dials under way; feelers count as hearsay too */
	struct bootstrap *bootstraps;
	size_t name_count;
	/* Guarded. */
	struct mutex mutex;
	struct entry *entries GUARDED_BY(address_book_guard);
	struct source *sources GUARDED_BY(address_book_guard);
	struct node *nodes GUARDED_BY(address_book_guard);
	struct name *names GUARDED_BY(address_book_guard);
	struct proof proofs[ADDRESS_BOOK_PROOFS] GUARDED_BY(address_book_guard);
	size_t proof_count GUARDED_BY(address_book_guard);
	struct address selves[ADDRESS_BOOK_SELVES] GUARDED_BY(address_book_guard);
	size_t self_count GUARDED_BY(address_book_guard); /* ever added; a ring */
	struct address *own GUARDED_BY(address_book_guard);
	size_t own_count GUARDED_BY(address_book_guard);
	size_t feelers GUARDED_BY(address_book_guard); /* dials under way */
	size_t hearsay GUARDED_BY(address_book_guard); /* the same, without feelers */
	int64_t next_eviction_us GUARDED_BY(address_book_guard);
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

int64_t address_book_backoff_us(int64_t least_us, int64_t most_us, unsigned failures, struct rng *rng)
{
	int64_t middle_us = least_us;
	for (unsigned i = 1; i < failures && middle_us < most_us; i++)
		middle_us *= 2;
	if (middle_us > most_us)
		middle_us = most_us;
	int64_t lowest_us = middle_us - middle_us / 4, highest_us = middle_us + middle_us / 4;
	if (lowest_us < least_us)
		lowest_us = least_us;
	if (highest_us > most_us)
		highest_us = most_us;
	/* In steps of a millisecond, so that the span of any setting fits the generator. */
	return lowest_us + (int64_t)rng_below(rng, (uint32_t)((highest_us - lowest_us) / 1000) + 1) * 1000;
}

static struct entry *find(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	struct entry *entry;
	HASH_FIND(hh, book->entries, address, sizeof *address, entry);
	return entry;
}

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

/* The counts of dials under way are kept by nodeid, and by kind: they follow an entry that changes meanwhile. */
static void set_nodeid(struct address_book *book, struct entry *entry, const struct nodeid *nodeid)
	REQUIRES(address_book_guard)
{
	if (entry->is_dialing) {
		count_node(book, &entry->nodeid, 0, -1);
		count_node(book, nodeid, 0, 1);
	}
	entry->nodeid = *nodeid;
}

static void set_hearsay(struct address_book *book, struct entry *entry, bool is_hearsay) REQUIRES(address_book_guard)
{
	if (entry->is_dialing && entry->is_hearsay != is_hearsay)
		book->hearsay += is_hearsay ? 1 : (size_t)-1;
	entry->is_hearsay = is_hearsay;
}

static struct source *hold_source(struct address_book *book, const struct address *teller) REQUIRES(address_book_guard)
{
	struct address host = *teller;
	struct source *source;
	host.port = 0;
	HASH_FIND(hh, book->sources, &host, sizeof host, source);
	if (source == NULL) {
		source = calloc(1, sizeof *source);
		if (source == NULL)
			return NULL;
		source->host = host;
		HASH_ADD(hh, book->sources, host, sizeof source->host, source);
		if (source->hh.tbl == NULL) {
			free(source);
			return NULL;
		}
	}
	source->count++;
	return source;
}

static void release_source(struct address_book *book, struct entry *entry) REQUIRES(address_book_guard)
{
	struct source *source = entry->source;
	entry->source = NULL;
	if (source != NULL && --source->count == 0) {
		HASH_DEL(book->sources, source);
		free(source);
	}
}

static void forget(struct address_book *book, struct entry *entry) REQUIRES(address_book_guard)
{
	release_source(book, entry);
	HASH_DEL(book->entries, entry);
	free(entry);
}

static struct proof *find_proof(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count; i++)
		if (address_equals(&book->proofs[i].address, address))
			return &book->proofs[i];
	return NULL;
}

/* A dial to it is under way, or its node needs none. */
static bool is_busy(struct address_book *book, const struct entry *entry) REQUIRES(address_book_guard)
{
	if (entry->is_dialing || (!nodeid_is_none(&entry->nodeid) && find_node(book, &entry->nodeid) != NULL))
		return true;
	const struct proof *proof = find_proof(book, &entry->address);
	return proof != NULL && proof->is_dialing;
}

/* The entry to forget for the sake of another: of what this source told, or (NULL) of what once worked and fails. */
static struct entry *find_victim(struct address_book *book, const struct source *source) REQUIRES(address_book_guard)
{
	struct entry *victim = NULL;
	for (struct entry *entry = book->entries; entry != NULL; entry = entry->hh.next) {
		if (entry->source != source || entry->is_bootstrap || (source == NULL && entry->failures == 0))
			continue;
		if ((victim == NULL || entry->failures > victim->failures) && !is_busy(book, entry))
			victim = entry;
	}
	return victim;
}

/* Makes room, first at the cost of the host that told most; false if that is the teller itself, or too soon. */
static bool make_room(struct address_book *book, const struct source *teller, int64_t now_us)
	REQUIRES(address_book_guard)
{
	if (now_us < book->next_eviction_us)
		return false;
	book->next_eviction_us = now_us + ADDRESS_BOOK_EVICTION_US;
	struct source *most = NULL;
	for (struct source *source = book->sources; source != NULL; source = source->hh.next)
		if (most == NULL || source->count > most->count)
			most = source;
	struct entry *victim = find_victim(book, most == teller ? NULL : most);
	if (victim == NULL)
		return false;
	forget(book, victim);
	return true;
}

/* A new entry, for a source if that is given; NULL where a bound forbids it. */
static struct entry *add(struct address_book *book, const struct address *address, const struct address *teller,
			 int64_t now_us) REQUIRES(address_book_guard)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		return NULL;
	entry->address = *address;
	entry->due_us = now_us;
	if (teller != NULL) {
		entry->source = hold_source(book, teller);
		bool is_over = entry->source == NULL || entry->source->count > ADDRESS_BOOK_PER_SOURCE;
		if (is_over ||
		    (HASH_COUNT(book->entries) >= ADDRESS_BOOK_ENTRIES && !make_room(book, entry->source, now_us))) {
			release_source(book, entry);
			free(entry);
			return NULL;
		}
	}
	HASH_ADD(hh, book->entries, address, sizeof entry->address, entry);
	if (entry->hh.tbl == NULL) {
		release_source(book, entry);
		free(entry);
		return NULL;
	}
	return entry;
}

/* Does the bootstrap of this index repeat an earlier one? */
static bool is_repeated(const struct address_book *book, size_t index)
{
	const struct bootstrap *one = &book->bootstraps[index];
	for (size_t i = 0; i < index; i++)
		if (one->port == book->bootstraps[i].port && strcmp(one->host, book->bootstraps[i].host) == 0)
			return true;
	return false;
}

static void add_bootstraps(struct address_book *book, const struct settings *settings, int64_t now_us) UNCHECKED
{
	for (size_t i = 0; i < settings->bootstrap_count; i++) {
		const struct bootstrap *bootstrap = &book->bootstraps[i];
		if (is_repeated(book, i))
			continue;
		if (!address_is_known(&bootstrap->address)) {
			book->names[book->name_count++] = (struct name){.bootstrap = bootstrap, .due_us = now_us};
		} else if (find(book, &bootstrap->address) == NULL) {
			struct entry *entry = add(book, &bootstrap->address, NULL, now_us);
			if (entry != NULL)
				entry->is_bootstrap = true;
		}
	}
}

struct address_book *address_book_new(const struct settings *settings, uint64_t seed, int64_t now_us) UNCHECKED
{
	struct address_book *book = calloc(1, sizeof *book);
	if (book == NULL)
		return NULL;
	mutex_init(&book->mutex);
	rng_seed(&book->rng, seed);
	book->retry_min_us = settings->retry_min_us;
	book->retry_max_us = settings->retry_max_us;
	book->max_feelers = (size_t)(settings->max_dialing + 3) / 4;
	book->max_hearsay = (size_t)(settings->max_dialing * 3 + 3) / 4;
	book->bootstraps = calloc(settings->bootstrap_count + 1, sizeof *book->bootstraps);
	book->names = calloc(settings->bootstrap_count + 1, sizeof *book->names);
	if (book->bootstraps == NULL || book->names == NULL) {
		address_book_free(book);
		return NULL;
	}
	if (settings->bootstrap_count > 0)
		memcpy(book->bootstraps, settings->bootstrap, settings->bootstrap_count * sizeof *book->bootstraps);
	add_bootstraps(book, settings, now_us);
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
	FREE_ALL(entry, book->entries);
	FREE_ALL(source, book->sources);
	FREE_ALL(node, book->nodes);
	mutex_fini(&book->mutex);
	free(book->bootstraps);
	free(book->names);
	free(book->own);
	free(book);
}

static bool is_self(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	const struct entry *entry = find(book, address);
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
	struct entry *entry = find(book, address);
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

static bool hear(struct address_book *book, const struct message_entry *heard, const struct address *source,
		 int64_t now_us) REQUIRES(address_book_guard)
{
	if (find(book, &heard->address) != NULL || is_self(book, &heard->address) || is_connected(book, &heard->nodeid))
		return false;
	struct entry *entry = add(book, &heard->address, source, now_us);
	if (entry == NULL)
		return false;
	entry->is_hearsay = true;
	entry->nodeid = heard->nodeid;
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
	struct entry *entry = find(book, address);
	if (entry == NULL && !is_self(book, address))
		entry = add(book, address, address, now_us);
	if (entry != NULL) {
		set_nodeid(book, entry, nodeid);
		set_hearsay(book, entry, false);
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

/* A feeler that looks for this node is under way. */
static bool is_proving(struct address_book *book, const struct nodeid *nodeid) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count; i++)
		if (book->proofs[i].is_dialing && nodeid_equals(&book->proofs[i].nodeid, nodeid))
			return true;
	return false;
}

static bool pick_proof(struct address_book *book, struct peer_dial *dial) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count && book->feelers < book->max_feelers; i++) {
		struct proof *proof = &book->proofs[i];
		const struct entry *entry = find(book, &proof->address);
		if (proof->is_dialing || (entry != NULL && entry->is_dialing) || is_proving(book, &proof->nodeid))
			continue;
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
		struct entry *entry = find(book, &name->addresses[i]);
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
		char *host = strdup(name->bootstrap->host);
		if (host == NULL)
			continue;
		name->is_dialing = true;
		*dial = (struct peer_dial){.host = host, .port = name->bootstrap->port};
		return true;
	}
	return false;
}

/* The entry that is due first, of hearsay or of the rest; NULL for none. */
static struct entry *first_due(struct address_book *book, bool is_hearsay) REQUIRES(address_book_guard)
{
	struct entry *first = NULL;
	for (struct entry *entry = book->entries; entry != NULL; entry = entry->hh.next)
		if (entry->is_hearsay == is_hearsay && (first == NULL || entry->due_us < first->due_us) &&
		    !is_busy(book, entry) && !is_self(book, &entry->address))
			first = entry;
	return first;
}

/* Bootstraps and addresses that are known to be good first, then hearsay. */
static bool pick_entry(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	struct entry *entry = first_due(book, false);
	if ((entry == NULL || entry->due_us > now_us) && book->feelers + book->hearsay < book->max_hearsay) {
		struct entry *hearsay = first_due(book, true);
		if (entry == NULL || (hearsay != NULL && hearsay->due_us < entry->due_us))
			entry = hearsay;
	}
	if (entry == NULL)
		return false;
	if (entry->due_us > now_us) {
		if (entry->due_us < *next_us)
			*next_us = entry->due_us;
		return false;
	}
	entry->is_dialing = true;
	book->hearsay += entry->is_hearsay;
	count_node(book, &entry->nodeid, 0, 1);
	*dial = (struct peer_dial){.address = entry->address};
	return true;
}

bool address_book_pick(struct address_book *book, bool only_feelers, int64_t now_us, struct peer_dial *dial,
		       int64_t *next_us)
{
	*next_us = FOREVER_US;
	enter(book);
	bool picked =
		pick_proof(book, dial) ||
		(!only_feelers && (pick_name(book, now_us, dial, next_us) || pick_entry(book, now_us, dial, next_us)));
	leave(book);
	return picked;
}

static struct name *find_name(struct address_book *book, const struct peer_dial *dial) REQUIRES(address_book_guard)
{
	for (size_t i = 0; dial->host != NULL && i < book->name_count; i++)
		if (book->names[i].bootstrap->port == dial->port &&
		    strcmp(book->names[i].bootstrap->host, dial->host) == 0)
			return &book->names[i];
	return NULL;
}

static int64_t after_failure_us(struct address_book *book, unsigned failures, int64_t now_us)
	REQUIRES(address_book_guard)
{
	return now_us + address_book_backoff_us(book->retry_min_us, book->retry_max_us, failures, &book->rng);
}

/* The entry of a dial that is over, or NULL. */
static struct entry *take_back(struct address_book *book, const struct peer_dial *dial) REQUIRES(address_book_guard)
{
	if (dial->is_feeler) {
		struct proof *proof = find_proof(book, &dial->address);
		if (proof != NULL && proof->is_dialing) {
			*proof = book->proofs[--book->proof_count];
			book->feelers--;
		}
		return NULL;
	}
	struct name *name = find_name(book, dial);
	if (name != NULL)
		name->is_dialing = false;
	struct entry *entry = dial->host == NULL ? find(book, &dial->address) : NULL;
	if (entry == NULL || !entry->is_dialing)
		return NULL;
	entry->is_dialing = false;
	book->hearsay -= entry->is_hearsay;
	count_node(book, &entry->nodeid, 0, -1);
	return entry;
}

void address_book_found(struct address_book *book, const struct peer_dial *dial, const struct nodeid *nodeid)
{
	enter(book);
	struct entry *entry = dial->host == NULL ? find(book, &dial->address) : NULL;
	if (entry != NULL)
		set_nodeid(book, entry, nodeid);
	leave(book);
}

void address_book_reached(struct address_book *book, const struct peer_dial *dial, const struct nodeid *nodeid)
{
	enter(book);
	struct entry *entry = take_back(book, dial);
	if (entry != NULL) {
		release_source(book, entry);
		entry->nodeid = *nodeid;
		entry->is_hearsay = false;
	}
	leave(book);
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

unsigned address_book_failed(struct address_book *book, const struct peer_dial *dial, int64_t now_us)
{
	unsigned failures = 0;
	enter(book);
	struct name *name = find_name(book, dial);
	struct entry *entry = take_back(book, dial);
	if (name != NULL) {
		failures = ++name->failures;
		name->due_us = after_failure_us(book, failures, now_us);
	}
	if (entry != NULL && !is_connected(book, &entry->nodeid)) {
		failures = ++entry->failures;
		entry->due_us = after_failure_us(book, failures, now_us);
		if (entry->is_hearsay && !entry->is_bootstrap && !is_named(book, &entry->address) &&
		    failures >= ADDRESS_BOOK_FAILURES)
			forget(book, entry);
	}
	leave(book);
	return failures;
}

void address_book_let_go(struct address_book *book, const struct peer_dial *dial, int64_t now_us)
{
	enter(book);
	struct name *name = find_name(book, dial);
	struct entry *entry = take_back(book, dial);
	if (name != NULL)
		name->due_us = after_failure_us(book, 0, now_us);
	if (entry != NULL)
		entry->due_us = after_failure_us(book, 0, now_us);
	leave(book);
}

void address_book_resolved(struct address_book *book, const struct peer_dial *dial, const struct address *addresses,
			   size_t count, int64_t now_us)
{
	enter(book);
	struct name *name = find_name(book, dial);
	take_back(book, dial);
	if (name != NULL) {
		name->address_count = count < ADDRESS_BOOK_NAME_ADDRESSES ? count : ADDRESS_BOOK_NAME_ADDRESSES;
		memcpy(name->addresses, addresses, name->address_count * sizeof *addresses);
		/* Unless one of them becomes a peer, it was in vain. */
		name->due_us = after_failure_us(book, ++name->failures, now_us);
	}
	for (size_t i = 0; name != NULL && i < name->address_count; i++) {
		struct entry *entry = find(book, &addresses[i]);
		if (entry == NULL && !is_self(book, &addresses[i]))
			entry = add(book, &addresses[i], NULL, now_us);
		if (entry != NULL && nodeid_is_none(&entry->nodeid))
			set_hearsay(book, entry, !entry->is_bootstrap);
	}
	leave(book);
}

void address_book_connected(struct address_book *book, const struct nodeid *nodeid)
{
	enter(book);
	count_node(book, nodeid, 1, 0);
	for (size_t i = 0; i < book->name_count; i++)
		if (is_satisfied(book, &book->names[i]))
			book->names[i].failures = 0;
	leave(book);
}

bool address_book_disconnected(struct address_book *book, const struct nodeid *nodeid, bool was_steady, int64_t now_us)
{
	bool is_dialable = false;
	enter(book);
	count_node(book, nodeid, -1, 0);
	bool is_gone = !is_connected(book, nodeid);
	for (struct entry *entry = book->entries; is_gone && entry != NULL; entry = entry->hh.next) {
		if (!nodeid_equals(&entry->nodeid, nodeid))
			continue;
		entry->failures = was_steady ? 1 : entry->failures + 1;
		entry->due_us = after_failure_us(book, entry->failures, now_us);
		is_dialable = true;
	}
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

size_t address_book_count(struct address_book *book)
{
	enter(book);
	size_t count = HASH_COUNT(book->entries);
	leave(book);
	return count;
}

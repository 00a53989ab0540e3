#include "talk/directory.h"

#include <stdatomic.h>
#include <stdlib.h>

extern struct mutex directory_guard;

/* One more than an answer may have: the asker may be among them. */
enum { PAGE_ENTRIES = MESSAGE_ADDR_ENTRIES + 1 };

/* The peers of one moment; immutable once it is in the directory. */
struct page {
	atomic_uint references;
	int64_t taken_us;
	size_t count;
	struct message_entry entries[];
};

struct directory {
	/* Immutable. */
	struct registry *registry;
	struct address_book *book;
	struct access *access;
	const struct settings *settings; /* what it holds may change */
	/* Guarded. */
	struct mutex mutex;
	struct page *page GUARDED_BY(directory_guard); /* NULL before the first question, as is the next */
	struct message_entry *sample GUARDED_BY(directory_guard);
	size_t sample_count GUARDED_BY(directory_guard);
	int64_t sampled_us GUARDED_BY(directory_guard);
	struct rng rng GUARDED_BY(directory_guard);
};

static void enter(struct directory *directory) ACQUIRES(directory_guard) UNCHECKED
{
	mutex_lock(&directory->mutex);
}

static void leave(struct directory *directory) RELEASES(directory_guard) UNCHECKED
{
	mutex_unlock(&directory->mutex);
}

static void release_page(struct page *page)
{
	if (page != NULL && atomic_fetch_sub_explicit(&page->references, 1, memory_order_acq_rel) == 1)
		free(page);
}

struct directory *directory_new(struct registry *registry, struct address_book *book, struct access *access,
				const struct settings *settings, uint64_t seed) UNCHECKED
{
	struct directory *directory = calloc(1, sizeof *directory);
	if (directory == NULL)
		return NULL;
	directory->registry = registry;
	directory->book = book;
	directory->access = access;
	directory->settings = settings;
	mutex_init(&directory->mutex);
	rng_seed(&directory->rng, seed);
	return directory;
}

void directory_free(struct directory *directory) UNCHECKED
{
	if (directory == NULL)
		return;
	release_page(directory->page);
	free(directory->sample);
	mutex_fini(&directory->mutex);
	free(directory);
}

static bool may_be_told(const struct directory *directory, const struct peer_info *info, int64_t now_us)
{
	return info->state == PEER_READY && now_us - info->heard_us <= directory->settings->share_within_us &&
	       address_is_known(&info->listen);
}

/* The first that needs a newer page makes it; the others use the old one meanwhile. */
static void renew_sample(struct directory *directory, int64_t now_us)
{
	enter(directory);
	bool is_due = directory->sample == NULL || now_us - directory->sampled_us >= DIRECTORY_SAMPLE_US;
	if (is_due)
		directory->sampled_us = now_us;
	leave(directory);
	size_t most = address_book_count(directory->book) * ADDRESS_BOOK_SAMPLE_PERCENT / 100;
	if (most > MESSAGE_ADDR_ENTRIES)
		most = MESSAGE_ADDR_ENTRIES;
	struct message_entry *sample = is_due ? calloc(most + 1, sizeof *sample) : NULL;
	if (sample == NULL)
		return;
	size_t count = address_book_sample(directory->book, sample, most, now_us);
	enter(directory);
	struct message_entry *before = directory->sample;
	directory->sample = sample;
	directory->sample_count = count;
	leave(directory);
	free(before);
}

static void append_sample(struct directory *directory, struct page *page, size_t most)
{
	enter(directory);
	for (size_t i = 0; i < directory->sample_count && page->count < most; i++)
		page->entries[page->count++] = directory->sample[i];
	leave(directory);
}

static size_t sample_size(struct directory *directory)
{
	enter(directory);
	size_t count = directory->sample_count;
	leave(directory);
	return count;
}

/* NULL if there is no memory. */
static struct page *take_page(struct directory *directory, struct rng *rng, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(directory->registry, true);
	renew_sample(directory, now_us);
	size_t most = ready.count + sample_size(directory);
	if (most > PAGE_ENTRIES)
		most = PAGE_ENTRIES;
	struct page *page = malloc(sizeof *page + most * sizeof *page->entries);
	if (page != NULL) {
		atomic_init(&page->references, 1);
		page->taken_us = now_us;
		page->count = 0;
		if (ready.count > PAGE_ENTRIES)
			registry_shuffle_snapshot(&ready, rng);
		for (size_t i = 0; i < ready.count && page->count < most; i++) {
			struct peer_info info = peer_look(ready.peers[i], now_us);
			if (may_be_told(directory, &info, now_us))
				page->entries[page->count++] =
					(struct message_entry){.address = info.listen, .nodeid = info.nodeid};
		}
		append_sample(directory, page, most);
	}
	registry_release_snapshot(&ready);
	return page;
}

/* The page of this moment, held for the caller. */
static struct page *current_page(struct directory *directory, int64_t now_us)
{
	enter(directory);
	struct page *page = directory->page;
	if (page != NULL && now_us - page->taken_us < DIRECTORY_AGE_US) {
		atomic_fetch_add_explicit(&page->references, 1, memory_order_relaxed);
		leave(directory);
		return page;
	}
	struct rng rng; /* the shuffle is done without the lock */
	rng_seed(&rng, rng_below(&directory->rng, 1U << 31));
	leave(directory);

	page = take_page(directory, &rng, now_us);
	if (page == NULL)
		return NULL;
	atomic_fetch_add_explicit(&page->references, 1, memory_order_relaxed);
	enter(directory);
	struct page *before = directory->page;
	directory->page = page;
	leave(directory);
	release_page(before);
	return page;
}

void directory_tell(struct directory *directory, struct peer *asker, int64_t now_us)
{
	struct page *page = current_page(directory, now_us);
	size_t count = page == NULL ? 0 : page->count;
	struct message_entry *entries = malloc((count + 1) * sizeof *entries);
	struct message message = {.type = MESSAGE_ADDR, .addr.entries = entries};
	struct peer_info info = peer_look(asker, now_us);

	for (size_t i = 0; entries != NULL && i < count && message.addr.count < MESSAGE_ADDR_ENTRIES; i++) {
		const struct message_entry *entry = &page->entries[i];
		if (!nodeid_equals(&entry->nodeid, &info.nodeid) &&
		    address_may_travel(&entry->address, &info.local, &info.remote) &&
		    access_allows(directory->access, &entry->address))
			entries[message.addr.count++] = *entry;
	}
	release_page(page);
	peer_note_addresses(asker, entries, message.addr.count);
	peer_send(asker, &message);
	free(entries);
}

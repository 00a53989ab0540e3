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
	struct page *page GUARDED_BY(directory_guard); /* NULL before the first question */
	bool is_renewing GUARDED_BY(directory_guard);  /* a thread walks, without the lock */
	struct condition renewed;
	struct rng choices GUARDED_BY(directory_guard); /* of the addresses for those that are refused */
	/* Of the thread that walks. */
	struct message_entry *sample; /* NULL before the first walk */
	size_t sample_count;
	int64_t sampled_us;
	struct rng rng;
};

static void enter(struct directory *directory) ACQUIRES(directory_guard) UNCHECKED
{
	mutex_lock(&directory->mutex);
}

static void leave(struct directory *directory) RELEASES(directory_guard) UNCHECKED
{
	mutex_unlock(&directory->mutex);
}

static void wait_for_renewal(struct directory *directory) REQUIRES(directory_guard) UNCHECKED
{
	condition_wait_until(&directory->renewed, &directory->mutex, FOREVER_US);
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
	condition_init(&directory->renewed);
	rng_seed(&directory->rng, seed);
	rng_seed(&directory->choices, seed + 1);
	return directory;
}

void directory_free(struct directory *directory) UNCHECKED
{
	if (directory == NULL)
		return;
	release_page(directory->page);
	free(directory->sample);
	condition_fini(&directory->renewed);
	mutex_fini(&directory->mutex);
	free(directory);
}

static bool may_be_told(const struct directory *directory, const struct peer_info *info, int64_t now_us)
{
	return info->state == PEER_READY && !info->is_spare &&
	       now_us - info->heard_us <= directory->settings->share_within_us && address_is_known(&info->listen);
}

static void renew_sample(struct directory *directory, int64_t now_us)
{
	if (directory->sample != NULL && now_us - directory->sampled_us < DIRECTORY_SAMPLE_US)
		return;
	size_t most = address_book_count(directory->book) * ADDRESS_BOOK_SAMPLE_PERCENT / 100;
	if (most > MESSAGE_ADDR_ENTRIES)
		most = MESSAGE_ADDR_ENTRIES;
	struct message_entry *sample = calloc(most + 1, sizeof *sample);
	if (sample == NULL)
		return;
	free(directory->sample);
	directory->sample = sample;
	directory->sample_count = address_book_sample(directory->book, sample, most, now_us);
	directory->sampled_us = now_us;
}

/* NULL if there is no memory. */
static struct page *take_page(struct directory *directory, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(directory->registry, true);
	renew_sample(directory, now_us);
	size_t most = ready.count + directory->sample_count;
	if (most > PAGE_ENTRIES)
		most = PAGE_ENTRIES;
	struct page *page = malloc(sizeof *page + most * sizeof *page->entries);
	if (page != NULL) {
		atomic_init(&page->references, 1);
		page->taken_us = now_us;
		page->count = 0;
		if (ready.count > PAGE_ENTRIES)
			registry_shuffle_snapshot(&ready, &directory->rng);
		for (size_t i = 0; i < ready.count && page->count < most; i++) {
			struct peer_info info = peer_look(ready.peers[i], now_us);
			if (may_be_told(directory, &info, now_us))
				page->entries[page->count++] =
					(struct message_entry){.address = info.listen, .nodeid = info.nodeid};
		}
		for (size_t i = 0; i < directory->sample_count && page->count < most; i++)
			page->entries[page->count++] = directory->sample[i];
	}
	registry_release_snapshot(&ready);
	return page;
}

static struct page *hold_page(struct page *page)
{
	atomic_fetch_add_explicit(&page->references, 1, memory_order_relaxed);
	return page;
}

/* By the thread that has set is_renewing. The new page, held for the caller; NULL if there is no memory. */
static struct page *renew_page(struct directory *directory, int64_t now_us)
{
	struct page *page = take_page(directory, now_us), *before = NULL;
	enter(directory);
	if (page != NULL) {
		before = directory->page;
		directory->page = hold_page(page);
	}
	directory->is_renewing = false;
	condition_broadcast(&directory->renewed);
	leave(directory);
	release_page(before);
	return page;
}

/* The page of this moment, held for the caller; NULL if there is no memory. */
static struct page *current_page(struct directory *directory, int64_t now_us)
{
	struct page *page = NULL;
	enter(directory);
	while (directory->is_renewing)
		wait_for_renewal(directory);
	if (directory->page != NULL && now_us - directory->page->taken_us < DIRECTORY_AGE_US)
		page = hold_page(directory->page);
	else
		directory->is_renewing = true;
	leave(directory);
	return page != NULL ? page : renew_page(directory, now_us);
}

/* What may be told of the page over a connection between these two ends; the caller frees it. NULL without memory. */
static struct message_entry *collect(struct directory *directory, const struct address *near_end,
				     const struct address *far_end, int64_t now_us, size_t *collected)
{
	struct page *page = current_page(directory, now_us);
	size_t count = page == NULL ? 0 : page->count;
	struct message_entry *entries = malloc((count + 1) * sizeof *entries);
	*collected = 0;
	for (size_t i = 0; entries != NULL && i < count; i++) {
		const struct message_entry *entry = &page->entries[i];
		if (address_may_travel(&entry->address, near_end, far_end) &&
		    access_allows(directory->access, &entry->address))
			entries[(*collected)++] = *entry;
	}
	release_page(page);
	return entries;
}

void directory_tell(struct directory *directory, struct peer *asker, int64_t now_us)
{
	struct peer_info info = peer_look(asker, now_us);
	size_t count;
	struct message_entry *entries = collect(directory, &info.local, &info.remote, now_us, &count);
	struct message message = {.type = MESSAGE_ADDR, .addr.entries = entries};

	for (size_t i = 0; i < count && message.addr.count < MESSAGE_ADDR_ENTRIES; i++)
		if (!nodeid_equals(&entries[i].nodeid, &info.nodeid))
			entries[message.addr.count++] = entries[i];
	peer_note_addresses(asker, entries, message.addr.count);
	peer_send(asker, &message);
	free(entries);
}

/* Puts a random choice of `most` of the entries first. */
static void shuffle(struct directory *directory, struct message_entry *entries, size_t count, size_t most)
{
	enter(directory);
	for (size_t i = 0; i < most; i++) {
		size_t other = i + rng_below(&directory->choices, (uint32_t)(count - i));
		struct message_entry chosen = entries[other];
		entries[other] = entries[i];
		entries[i] = chosen;
	}
	leave(directory);
}

bool directory_write(struct directory *directory, const struct address *near_end, const struct address *far_end,
		     size_t most, int64_t now_us, struct buffer *out)
{
	size_t count;
	struct message_entry *entries = collect(directory, near_end, far_end, now_us, &count);
	struct message message = {.type = MESSAGE_ADDR,
				  .addr = {.entries = entries, .count = count < most ? count : most}};
	if (entries == NULL)
		return false;
	shuffle(directory, entries, count, message.addr.count);
	bool written = message_encode(&message, out);
	free(entries);
	return written;
}

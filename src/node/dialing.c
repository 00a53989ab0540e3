#include "node/dialing.h"

#include "base/sync.h"

struct next_dial dialing_next(const struct settings *settings, struct registry *registry, struct address_book *book,
			      int64_t now_us)
{
	struct registry_counts counts = registry_count(registry);
	if (counts.dials + counts.feelers >= (size_t)settings->max_dialing)
		return (struct next_dial){.next_us = FOREVER_US};
	bool has_enough = counts.outbound + counts.dials >= (size_t)settings->max_outbound;
	return address_book_pick(book, has_enough ? ADDRESS_BOOK_FEELERS : ADDRESS_BOOK_PEERS, now_us);
}

struct address dialing_source(const struct address *listen, size_t listen_count, const struct address *target)
{
	bool is_loopback = address_scope_of(target) == SCOPE_LOOPBACK;
	for (size_t i = 0; i < listen_count; i++)
		if (listen[i].family == target->family && !address_is_wildcard(&listen[i]) &&
		    (address_scope_of(&listen[i]) == SCOPE_LOOPBACK) == is_loopback)
			return listen[i];
	return (struct address){0};
}

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

#include "link/listening.h"

void listening_add(struct listening *listening, const struct address *address)
{
	size_t count = atomic_load_explicit(&listening->count, memory_order_relaxed);
	listening->addresses[count] = *address;
	atomic_store_explicit(&listening->count, count + 1, memory_order_release);
}

size_t listening_count(const struct listening *listening)
{
	return atomic_load_explicit(&listening->count, memory_order_acquire);
}

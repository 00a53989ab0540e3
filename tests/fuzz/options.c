/*
 * How the sanitizers are to be: with a small quarantine and short stacks of allocations a target runs some five times
 * as fast, since most of what it frees is taken again before it has left the processor's caches.
 */
#include "fuzz.h"

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=8:max_malloc_fill_size=0:"
	       "allocator_release_to_os_interval_ms=-1";
}

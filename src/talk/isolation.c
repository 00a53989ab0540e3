#include "talk/isolation.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/sync.h"
#include "base/text.h"

/* "nosuch.example:5999 (unknown host), 10.0.0.7:5999 (connection refused), and 5 more" */
static void list(const struct address_trial *trials, size_t count, char *out, size_t out_bytes)
{
	size_t used = 0;
	for (size_t i = 0; i < count && i < ISOLATION_NAMED && used < out_bytes; i++)
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s (%s)", i == 0 ? "" : ", ", trials[i].label,
					 trials[i].result);
	if (count > ISOLATION_NAMED && used < out_bytes)
		snprintf(out + used, out_bytes - used, ", and %zu more", count - ISOLATION_NAMED);
}

static void warn(struct address_book *book, int64_t alone_us)
{
	char duration[TEXT_DURATION_BYTES], text[ISOLATION_NAMED * sizeof(struct address_trial) + 64];
	struct address_trial trials[ISOLATION_NAMED];
	size_t count = address_book_list_bootstraps(book, trials, ISOLATION_NAMED);
	const char *what = count == 1 ? "the bootstrap leads to no peer" : "no bootstrap leads to a peer";
	if (count == 0) {
		what = "no known address leads to a peer, and there is no bootstrap";
		count = address_book_list_known(book, trials, ISOLATION_NAMED);
	}
	text_duration(alone_us, duration);
	list(trials, count, text, sizeof text);
	log_warning("this node has been alone for %s: %s: %s", duration, what, text);
}

static void end(struct isolation *isolation, bool has_peers, int64_t now_us)
{
	if (isolation->was_told && has_peers) {
		char duration[TEXT_DURATION_BYTES];
		text_duration(now_us - isolation->since_us, duration);
		log_info("this node has a peer, after it was alone for %s", duration);
	}
	*isolation = (struct isolation){0};
}

int64_t isolation_run(struct isolation *isolation, struct registry *registry, struct address_book *book, int64_t now_us)
{
	struct registry_counts counts = registry_count(registry);
	bool has_peers = counts.inbound + counts.outbound > 0;
	if (has_peers || address_book_is_empty(book)) {
		end(isolation, has_peers, now_us);
		return FOREVER_US;
	}
	if (!isolation->is_alone)
		*isolation = (struct isolation){
			.is_alone = true, .since_us = now_us, .warn_us = now_us + ISOLATION_FIRST_US};
	if (now_us >= isolation->warn_us) {
		warn(book, now_us - isolation->since_us);
		isolation->was_told = true;
		isolation->warn_us = now_us + ISOLATION_AGAIN_US;
	}
	return isolation->warn_us;
}

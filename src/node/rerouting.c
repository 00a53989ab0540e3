#include "node/rerouting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sync.h"
#include "link/netwatch.h"
#include "link/route.h"

void rerouting_open(struct rerouting *rerouting, int64_t now_us)
{
	*rerouting = (struct rerouting){.fd = netwatch_open(),
					.redial_us = FOREVER_US,
					.judge_us = FOREVER_US,
					.fingerprint = route_fingerprint()};
	if (rerouting->fd < 0)
		log_info("changes of this machine's network are not noticed: %s", strerror(errno));
	token_bucket_init(&rerouting->redials, REROUTING_BURST, now_us);
}

void rerouting_close(struct rerouting *rerouting)
{
	if (rerouting->fd >= 0)
		close(rerouting->fd);
	rerouting->fd = -1;
}

static void redial(struct rerouting *rerouting, const struct worker_parts *parts, int64_t now_us)
{
	uint64_t fingerprint = route_fingerprint();
	if (fingerprint == rerouting->fingerprint) {
		rerouting->redial_us = FOREVER_US;
		return;
	}
	bool may = token_bucket_take(&rerouting->redials, 1, 1.0 / REROUTING_EACH_S, REROUTING_BURST, now_us) > 0;
	rerouting->redial_us = may ? FOREVER_US : now_us + REROUTING_SETTLE_US;
	if (!may)
		return;
	rerouting->fingerprint = fingerprint;
	log_debug("the network of this machine has changed: all addresses are dialled that wait");
	address_book_hurry(parts->common.book, now_us);
}

/* Each address of this machine has mostly many connections, which are asked for once in a row. */
struct end_of_connections {
	struct address host;
	bool is_gone;
};

static void visit(struct peer *peer, struct end_of_connections *last, bool is_over, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	char address[ADDRESS_TEXT_BYTES], text[PEER_ENDING_BYTES];
	if (info.is_closing || !address_is_known(&info.local))
		return;
	if (!address_same_host(&last->host, &info.local))
		*last = (struct end_of_connections){.host = info.local, .is_gone = route_host_is_gone(&info.local)};
	if (last->is_gone && is_over) {
		address_format_host(&info.local, address);
		snprintf(text, sizeof text, "%s is no longer an address of this machine", address);
		peer_cut_here(peer, text);
	} else if (last->is_gone && info.state == PEER_READY) {
		peer_hurry_ping(peer, now_us);
	}
}

/* Pings the peers whose end of the connection is gone, or ends them. */
static void visit_all(struct registry *registry, bool is_over, int64_t now_us)
{
	struct end_of_connections last = {0};
	struct registry_visit all = {.registry = registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL)
		visit(peer, &last, is_over, now_us);
}

int64_t rerouting_run(struct rerouting *rerouting, const struct worker_parts *parts, int64_t now_us)
{
	unsigned changes = rerouting->fd < 0 ? 0 : netwatch_read(rerouting->fd);
	if ((changes & NETWATCH_GAINED) != 0 && rerouting->redial_us == FOREVER_US)
		rerouting->redial_us = now_us + REROUTING_SETTLE_US;
	if ((changes & NETWATCH_LOST) != 0) {
		/* What has gone may have come back since. */
		rerouting->fingerprint = (changes & NETWATCH_GAINED) != 0 ? 0 : route_fingerprint();
		visit_all(parts->common.registry, false, now_us);
		if (rerouting->judge_us == FOREVER_US)
			rerouting->judge_us = now_us + REROUTING_BACK_US;
	}
	if (now_us >= rerouting->redial_us)
		redial(rerouting, parts, now_us);
	if (now_us >= rerouting->judge_us) {
		rerouting->judge_us = FOREVER_US;
		visit_all(parts->common.registry, true, now_us);
	}
	return clock_earlier(rerouting->redial_us, rerouting->judge_us);
}

#include "node/rerouting.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sync.h"
#include "link/netwatch.h"

void rerouting_open(struct rerouting *rerouting, int64_t now_us)
{
	*rerouting = (struct rerouting){.fd = netwatch_open(), .redial_us = FOREVER_US};
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
	bool may = token_bucket_take(&rerouting->redials, 1, 1.0 / REROUTING_EACH_S, REROUTING_BURST, now_us) > 0;
	rerouting->redial_us = may ? FOREVER_US : now_us + REROUTING_SETTLE_US;
	if (!may)
		return;
	log_debug("the network of this machine has changed: all addresses are dialled that wait");
	address_book_hurry(parts->common.book, now_us);
}

int64_t rerouting_run(struct rerouting *rerouting, const struct worker_parts *parts, int64_t now_us)
{
	unsigned changes = rerouting->fd < 0 ? 0 : netwatch_read(rerouting->fd);
	if ((changes & NETWATCH_GAINED) != 0 && rerouting->redial_us == FOREVER_US)
		rerouting->redial_us = now_us + REROUTING_SETTLE_US;
	if (now_us >= rerouting->redial_us)
		redial(rerouting, parts, now_us);
	return rerouting->redial_us;
}

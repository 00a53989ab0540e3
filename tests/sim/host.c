#include <stdlib.h>

#include "base/must.h"
#include "node/dialing.h"
#include "wire.h"
#include "world.h"

/* ---- the connector ---- */

static void run_connector(void *subject, uint32_t mark);

/* ---- a process that does not run ---- */

void host_freeze(struct host *host, int64_t until_us)
{
	host->frozen_until_us = until_us;
}

bool host_is_frozen(const struct host *host)
{
	return host->frozen_until_us > host->world->agenda.now_us;
}

bool host_keeps(struct host *host, agenda_call *call, void *subject, uint32_t mark)
{
	if (!host_is_frozen(host))
		return false;
	/* In the order in which they came, as those of one moment keep their order. */
	agenda_add(&host->world->agenda, host->frozen_until_us, call, subject, mark);
	return true;
}

/* ---- the connector's loop ---- */

static int64_t unix_us(int64_t now_us)
{
	enum { SOME_DAY_S = 1800000000 };
	return SOME_DAY_S * SECOND_US + now_us;
}

/* A stale call is told by its mark. */
static void look_at(struct host *host, int64_t at_us)
{
	if (at_us >= host->connector_us)
		return;
	host->connector_us = at_us;
	agenda_add(&host->world->agenda, at_us, run_connector, host, ++host->connector_mark);
}

void host_attend(struct host *host)
{
	wire_flush(host);
	if (host->protocol == NULL || !host->alarm.ringing)
		return;
	host->alarm.ringing = false;
	look_at(host, host->world->agenda.now_us);
}

static void start_dial(struct host *host, struct dial *dial, int64_t now_us)
{
	struct peer *peer = peer_new(PEER_OUTBOUND, NULL, dial, host->settings, now_us);
	must(peer != NULL && registry_add(host->registry, peer));
	peer_set_pace(peer, host->pace);
	wire_dial(host, &dial->address, peer);
}

static struct next_dial next_dial(struct host *host, int64_t now_us)
{
	struct next_dial next = dialing_next(host->settings, host->registry, host->book, now_us);
	if (next.is_due)
		return next;
	struct next_dial feeler = protocol_next_feeler(host->protocol, now_us);
	if (!feeler.is_due)
		feeler.next_us = clock_earlier(feeler.next_us, next.next_us);
	return feeler;
}

/* As connector.c's loop, up to where it would wait. */
static void run_connector(void *subject, uint32_t mark)
{
	struct host *host = subject;
	int64_t now_us = host->world->agenda.now_us, timers_us;
	struct next_dial next;

	if (host->state != HOST_UP || mark != host->connector_mark || host_keeps(host, run_connector, host, mark))
		return;
	host->connector_us = FOREVER_US;
	protocol_note_clock(host->protocol, now_us, unix_us(now_us));
	do {
		host->alarm.ringing = false;
		timers_us = protocol_run_timers(host->protocol, now_us, 0);
		while ((next = next_dial(host, now_us)).is_due) {
			start_dial(host, &next.dial, now_us);
			timers_us = protocol_run_timers(host->protocol, now_us, 0);
		}
		wire_flush(host);
	} while (host->alarm.ringing);
	int64_t next_us = timers_us < next.next_us ? timers_us : next.next_us;
	if (next_us != FOREVER_US)
		look_at(host, next_us > now_us ? next_us : now_us + 1);
}

/* ---- the process ---- */

static struct hash_key new_key(struct world *world)
{
	struct hash_key key = {0};
	for (size_t i = 0; i < sizeof key.bytes; i++)
		key.bytes[i] = (unsigned char)world_below(world, 256);
	return key;
}

void host_save(struct host *host)
{
	int64_t now_us = host->world->agenda.now_us;
	address_records_fini(&host->saved);
	must(address_book_export(host->book, &host->saved, now_us, unix_us(now_us)));
}

void host_start(struct host *host)
{
	struct world *world = host->world;
	struct hash_key secret = new_key(world);
	must(host->state != HOST_UP);
	host->state = HOST_UP;
	host->up_us = world->agenda.now_us;
	host->connector_us = FOREVER_US;
	if (host->is_attacker)
		return;
	alarm_init(&host->alarm);
	host->registry = registry_new(&host->nodeid, host->settings);
	if (host->saved.has_secret)
		secret = host->saved.secret;
	host->book = address_book_new(host->settings, &secret, world_below(world, 1U << 31), host->up_us);
	host->access = access_new(host->settings);
	host->sources = sources_new();
	host->pace = pace_new(host->settings);
	host->lines = lines_new(host->sources, host->up_us);
	host->reports = reports_new(host->settings, &host->nodeid);
	host->listening = (struct listening){.addresses = &host->address, .count = 1};
	struct protocol_parts parts = {.common = {.settings = host->settings,
						  .listening = &host->listening,
						  .registry = host->registry,
						  .book = host->book,
						  .access = host->access,
						  .sources = host->sources,
						  .pace = host->pace,
						  .lines = host->lines,
						  .reports = host->reports},
				       .self = host->nodeid,
				       .alarm = &host->alarm,
				       .secret = new_key(world),
				       .seed = world_below(world, 1U << 31)};
	host->protocol = protocol_new(&parts);
	must(host->access != NULL && host->sources != NULL && host->pace != NULL && host->lines != NULL);
	must(host->reports != NULL && host->protocol != NULL);
	address_book_import(host->book, &host->saved, host->up_us);
	address_records_fini(&host->saved);
	look_at(host, host->up_us);
}

static void vanish(struct host *host, enum host_state state)
{
	host->state = state;
	host->frozen_until_us = 0;
	while (host->end_count > 0)
		end_vanish(host->ends[host->end_count - 1], state == HOST_STOPPED);
	if (host->protocol == NULL)
		return;
	protocol_free(host->protocol);
	address_book_free(host->book);
	registry_free(host->registry);
	access_free(host->access);
	reports_free(host->reports);
	lines_free(host->lines);
	sources_free(host->sources);
	pace_free(host->pace);
	alarm_fini(&host->alarm);
	host->protocol = NULL;
	host->book = NULL;
	host->registry = NULL;
	host->access = NULL;
	host->sources = NULL;
	host->pace = NULL;
	host->lines = NULL;
	host->reports = NULL;
}

void host_kill(struct host *host)
{
	vanish(host, HOST_STOPPED);
}

void host_die(struct host *host)
{
	vanish(host, HOST_DEAD);
}

void host_stop(struct host *host)
{
	struct registry_snapshot all = registry_take_snapshot(host->registry, false);
	for (size_t i = 0; i < all.count; i++) {
		if (peer_state(all.peers[i]) == PEER_READY)
			peer_close(all.peers[i], BYE_SHUTDOWN);
		else
			peer_cut(all.peers[i], "this node is stopping");
	}
	registry_release_snapshot(&all);
	wire_flush(host);
	vanish(host, HOST_STOPPED);
}

void host_dial(struct host *host, const struct address *to)
{
	wire_dial(host, to, NULL);
}

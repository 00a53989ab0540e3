#include "node/connector.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "node/dialing.h"
#include "node/memory_priv.h"

/* Takes what dial points to. */
static void start_dial(const struct worker_parts *parts, struct dial *dial, int64_t now_us)
{
	static struct log_limit limit;
	struct stream *stream = stream_new(parts->context);
	struct peer *peer =
		stream == NULL ? NULL : peer_new(PEER_OUTBOUND, stream, dial, parts->common.settings, now_us);
	int error = peer == NULL ? ENOMEM : worker_start(parts, peer);
	unsigned suppressed;

	if (error != 0) {
		address_book_abandoned(parts->common.book, dial, now_us);
		if (log_limit_take(&limit, &suppressed))
			log_error("cannot dial: %s (%u more since the last such line)", strerror(error), suppressed);
	}
	if (peer == NULL) {
		stream_free(stream);
		dial_fini(dial);
	} else {
		peer_release(peer);
	}
}

/*
 * free() gives back only what lies at the end of a pool, where there is nearly always something in use. Without this a
 * node whose peers have all left but one has 1,256 private kB instead of 980 (make soak SOAK_SECONDS=300
 * SOAK_SEED=3367812523).
 */
static void give_back_memory(struct connector *connector, int64_t now_us)
{
	if (now_us < connector->trim_us)
		return;
	connector->trim_us = now_us + CONNECTOR_TRIM_US;
	memory_trim();
}

static void *connect_all(void *argument)
{
	struct connector *connector = argument;
	const struct worker_parts *parts = connector->parts;
	while (!atomic_load(&connector->is_stopping)) {
		progress_show(&connector->progress);
		int64_t now_us = clock_now_us();
		give_back_memory(connector, now_us);
		protocol_note_clock(parts->protocol, now_us, clock_unix_us());
		int64_t timers_us = protocol_run_timers(parts->protocol, now_us, clock_asleep_us());
		int64_t rerouting_us = rerouting_run(&connector->rerouting, parts, now_us);
		int64_t tick_us = clock_earlier(now_us + CONNECTOR_TICK_US, rerouting_us);
		struct next_dial next =
			dialing_next(parts->common.settings, parts->common.registry, parts->common.book, now_us);
		if (!next.is_due) {
			tick_us = clock_earlier(tick_us, next.next_us);
			next = protocol_next_feeler(parts->protocol, now_us);
		}
		if (next.is_due)
			start_dial(parts, &next.dial, now_us);
		else
			alarm_wait_until(connector->alarm,
					 clock_earlier(tick_us, clock_earlier(timers_us, next.next_us)));
	}
	return NULL;
}

int connector_start(struct connector *connector, const struct worker_parts *parts, struct alarm *alarm)
{
	connector->parts = parts;
	connector->alarm = alarm;
	connector->trim_us = clock_now_us() + CONNECTOR_TRIM_US;
	atomic_init(&connector->is_stopping, false);
	progress_show(&connector->progress);
	rerouting_open(&connector->rerouting, clock_now_us());
	int error = thread_start(&connector->thread, connect_all, connector);
	if (error != 0)
		rerouting_close(&connector->rerouting);
	return error;
}

void connector_ask_progress(struct connector *connector)
{
	progress_ask(&connector->progress);
	alarm_ring(connector->alarm);
}

bool connector_shows_progress(const struct connector *connector)
{
	return progress_is_shown(&connector->progress);
}

void connector_stop(struct connector *connector)
{
	atomic_store(&connector->is_stopping, true);
	alarm_ring(connector->alarm);
	thread_join(connector->thread);
	rerouting_close(&connector->rerouting);
}

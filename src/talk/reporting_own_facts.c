#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "talk/reporting_priv.h"
#include "talk/silence_priv.h"

/* ---- who this node is ---- */

static int rank(const struct address *address)
{
	return !address_is_known(address) ? -1 : (int)address_scope_of(address);
}

/* Where it listens, as this connection shows it; unknown if it doesn't. */
static struct address address_from(const struct protocol *protocol, const struct peer_info *info)
{
	const struct listening *listening = protocol->parts.common.listening;
	size_t count = listening_count(listening);
	for (size_t i = 0; i < count; i++) {
		struct address own = listening->addresses[i];
		if (own.family != info->local.family)
			continue;
		if (address_is_wildcard(&own))
			memcpy(own.host, info->local.host, sizeof own.host);
		if (address_same_host(&own, &info->local))
			return own;
	}
	return (struct address){0};
}

/*
 * Of what the connections show, the one that means the same machine to most. The one before stays while it is as good,
 * or nothing is shown.
 */
static struct address find_address(struct look *look)
{
	struct registry_visit all = {.registry = look->protocol->parts.common.registry};
	struct address best = {0};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL) {
		struct peer_info info = peer_look(peer, look->now_us);
		struct address shown = {0};
		if (info.state == PEER_READY)
			shown = address_from(look->protocol, &info);
		if (rank(&shown) > rank(&best) ||
		    (rank(&shown) == rank(&best) && address_equals(&shown, &look->own->address)))
			best = shown;
	}
	return address_is_known(&best) ? best : look->own->address;
}

/* The one that is advertised; else one of those where it listens, if that is no wildcard. */
static struct address own_address(struct look *look, const struct settings_texts *texts)
{
	const struct listening *listening = look->protocol->parts.common.listening;
	struct address address = texts->advertise;
	size_t count = listening_count(listening);
	for (size_t i = 0; i < count && !address_is_known(&address); i++)
		if (!address_is_wildcard(&listening->addresses[i]))
			address = listening->addresses[i];
	if (!address_is_known(&address))
		address = look->own->address = find_address(look);
	return address;
}

/* Was the fact the same before? Else it has the number of this report. */
static void settle(struct look *look, enum report_fact fact, bool is_same)
{
	look->fresh->fact_seq[fact] = look->before != NULL && is_same ? look->before->fact_seq[fact] : own_touch(look);
}

static void compare(struct look *look, enum report_fact fact)
{
	settle(look, fact, look->before != NULL && report_same_fact(look->before, look->fresh, fact));
}

static void put_identity(struct look *look)
{
	const struct settings_texts *texts = settings_hold_texts(look->protocol->parts.common.settings);
	struct report *fresh = look->fresh;
	snprintf(fresh->name, sizeof fresh->name, "%s", texts->name);
	snprintf(fresh->agent, sizeof fresh->agent, "%s", "kithd/" KITH_VERSION);
	fresh->started_us = look->own->started_us;
	fresh->address = own_address(look, texts);
	for (size_t i = 0; i < REPORT_TAGS && texts->tags[i][0] != '\0'; i++)
		snprintf(fresh->tags[fresh->tag_count++], REPORT_TEXT_BYTES, "%s", texts->tags[i]);
	settings_release_texts(texts);
	compare(look, FACT_NAME);
	compare(look, FACT_ADDRESS);
	compare(look, FACT_TAGS);
}

/* ---- how it is ---- */

static int compare_numbers(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
	return (a > b) - (a < b);
}

/* How far this node's wall clock is ahead of the median of its peers'; 0 if that can't be told. */
static int64_t skew_us(const struct look *look, const struct own_link *links, size_t count)
{
	const struct reporting *reporting = look->protocol->reporting;
	int64_t *skews = malloc((count + 1) * sizeof *skews), result = 0;
	size_t found = 0;
	for (size_t i = 0; skews != NULL && i < count; i++) {
		struct report *report = reports_find(reporting->reports, &links[i].nodeid);
		if (report != NULL && report->clock_us >= 0) {
			int64_t rtt_us = links[i].rtt_us < 0 ? 0 : links[i].rtt_us;
			int64_t theirs_us = report->clock_us + rtt_us / 2 + (look->now_us - report->read_us);
			skews[found++] = reporting_clock_us(reporting, look->now_us) - theirs_us;
		}
		report_release(report);
	}
	if (found >= REPORTING_SKEW_WITNESSES) {
		qsort(skews, found, sizeof *skews, compare_numbers);
		/* Of two in the middle the one that is nearer to 0: not to be wrong is likelier. */
		int64_t low = skews[(found - 1) / 2], high = skews[found / 2];
		result = llabs(low) < llabs(high) ? low : high;
	}
	free(skews);
	return result;
}

/* It is told from REPORTING_SKEW_US on, and again when it has changed by so much. */
static void put_skew(struct look *look, const struct own_link *links, size_t count)
{
	bool has_clock = reporting_clock_us(look->protocol->reporting, look->now_us) >= 0;
	int64_t skew = has_clock ? skew_us(look, links, count) : 0,
		told_ms = look->before == NULL ? 0 : look->before->skew_ms;
	int64_t bound_us = told_ms == 0 ? REPORTING_SKEW_US : REPORTING_SKEW_US / 2;
	int64_t skew_ms = llabs(skew) > bound_us ? skew / 1000 : 0;
	if (told_ms != 0 && skew_ms != 0 && llabs(skew_ms - told_ms) * 1000 < REPORTING_SKEW_US)
		skew_ms = told_ms;
	look->fresh->skew_ms = skew_ms;
	settle(look, FACT_SKEW, skew_ms == told_ms);
}

static void put_stall(struct look *look)
{
	const struct report *before = look->before;
	look->fresh->stalled_us = look->noted.stalled_us;
	look->fresh->stall_end_us = look->noted.stall_end_us;
	settle(look, FACT_STALLED,
	       before != NULL && before->stalled_us == look->fresh->stalled_us &&
		       before->stall_end_us == look->fresh->stall_end_us);
}

/* Told once it has been so for a while: who is cut off can't tell it anyway until that is over. */
static void put_late_peers(struct look *look)
{
	const int64_t lasts_us = REPORTING_FAILING_US;
	struct own *own = look->own;
	uint32_t told = look->before == NULL ? 0 : look->before->late_peers;
	size_t late = silence_is_me(look->protocol) ? protocol_late(look->protocol) : 0;
	if (late == 0)
		own->me_since_us = -1;
	else if (own->me_since_us < 0)
		own->me_since_us = look->now_us;
	bool lasts = late > 0 && look->now_us - own->me_since_us >= lasts_us;
	if (late > 0 && !lasts)
		look->next_us = clock_earlier(look->next_us, own->me_since_us + lasts_us);
	look->fresh->late_peers = !lasts ? 0 : told > 0 ? told : (uint32_t)late;
	settle(look, FACT_LATE_PEERS, look->fresh->late_peers == told);
}

/* ---- hosts ---- */

/* It goes on, after so many times. */
static bool goes_on(struct look *look, const struct noted_tries *tries, uint32_t enough)
{
	int64_t stops_us = reporting_stops_us(tries);
	if (tries->count < enough || look->now_us >= stops_us)
		return false;
	look->next_us = clock_earlier(look->next_us, stops_us);
	return true;
}

static void put_doubles(struct look *look)
{
	const struct report *before = look->before;
	struct report *fresh = look->fresh;
	for (size_t i = 0; i < REPORTING_NOTED_HOSTS && fresh->double_count < REPORT_DOUBLES; i++) {
		const struct noted_double *one = &look->noted.doubles[i];
		if (goes_on(look, &one->tries, REPORTING_DOUBLES))
			fresh->doubles[fresh->double_count++] = one->what;
	}
	settle(look, FACT_DOUBLES,
	       before != NULL && before->double_count == fresh->double_count &&
		       (fresh->double_count == 0 ||
			memcmp(before->doubles, fresh->doubles, fresh->double_count * sizeof *fresh->doubles) == 0));
}

/* As it was told, while that is not off by half. */
static struct report_refusal say_refusal(const struct look *look, const struct noted_refusal *noted)
{
	for (size_t i = 0; look->before != NULL && i < look->before->refusal_count; i++) {
		const struct report_refusal *told = &look->before->refusals[i];
		if (address_equals(&told->host, &noted->host) && told->since_us == noted->tries.since_us &&
		    noted->tries.count / 2 < told->count)
			return *told;
	}
	return (struct report_refusal){.host = noted->host,
				       .since_us = noted->tries.since_us,
				       .last_us = noted->tries.last_us,
				       .count = noted->tries.count};
}

static void put_refusals(struct look *look)
{
	struct report *fresh = look->fresh;
	for (size_t i = 0; i < REPORTING_NOTED_HOSTS && fresh->refusal_count < REPORT_REFUSALS; i++) {
		const struct noted_refusal *one = &look->noted.refusals[i];
		if (goes_on(look, &one->tries, REPORTING_REFUSALS))
			fresh->refusals[fresh->refusal_count++] = say_refusal(look, one);
	}
	compare(look, FACT_REFUSALS);
}

void own_put_facts(struct look *look, const struct own_link *links, size_t count)
{
	put_identity(look);
	put_skew(look, links, count);
	put_stall(look);
	put_late_peers(look);
	put_doubles(look);
	put_refusals(look);
}

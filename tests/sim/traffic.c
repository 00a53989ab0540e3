#include "traffic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "wire.h"
#include "world.h"

/*
 * To tell everybody about everybody from nothing would take most of the time and tell little: first the network grows
 * without reports. Then each node makes its own, and all get the reports of all, as if they had been told. Equal
 * reports are one piece of memory here, which 10,000 tables would not fit into otherwise.
 */

/* Nodes start within this time, and young nodes then mix their peers. */
#define START_WITHIN_US (1 * MINUTE_US)
#define MIX_MOST_US (60 * MINUTE_US)
/* Each node has then compared what it knows with a peer. */
#define SETTLE_US (6 * MINUTE_US)
#define REST_US (5 * MINUTE_US)
#define NEWCOMER_US (60 * SECOND_US)
#define KNOWN_US (2 * MINUTE_US)
#define CHURN_US (3 * MINUTE_US)

enum {
	FEW = 8,
	/* Half of the nodes are replaced in an hour. */
	CHURN_SHARE = 40,
	/* Each report that changes is a piece of memory for each node. */
	MOST_WITH_CHURN = 2000,
	/* In larger networks addresses are not told, which takes most of the time: each node knows so many, at random.
	 */
	FEW_ADDRESSES = 64,
	MOST_NODES = 16384,
};

struct run {
	const struct play *play;
	char name[RESULTS_NAME_BYTES]; /* SCENARIO-NODES */
	struct world world;
	struct results *results;
	int64_t wall_us;
};

static int64_t now_of(const struct run *run)
{
	return run->world.agenda.now_us;
}

static void pass(struct run *run, int64_t time_us)
{
	world_run(&run->world, now_of(run) + time_us);
}

static bool is_large(const struct run *run)
{
	return run->play->nodes > MOST_WITH_CHURN;
}

static void show(const struct run *run, const char *what)
{
	if (run->play->shows_progress)
		fprintf(stderr, "%-14s %s after %.0f s\n", run->name, what,
			(double)(clock_now_us() - run->wall_us) / (double)SECOND_US);
}

static void add(struct run *run, const char *what, const char *name, double value, int decimals)
{
	char full[2 * RESULTS_NAME_BYTES + 4];
	snprintf(full, sizeof full, "%s%s%s", what, what[0] == '\0' ? "" : ": ", name);
	results_add(run->results, run->name, full, value, decimals);
}

/* ---- the network ---- */

static void start_host(void *subject, uint32_t mark)
{
	(void)mark;
	host_start(subject);
}

/* As a node that is started again. */
static void save_some(struct world *world, struct host *host)
{
	struct address_records *saved = &host->saved;
	saved->records = calloc(FEW_ADDRESSES, sizeof *saved->records);
	must(saved->records != NULL);
	saved->saved_s = world->agenda.now_us / SECOND_US;
	for (; saved->count < FEW_ADDRESSES; saved->count++)
		saved->records[saved->count] = (struct address_record){
			.address = world->hosts[world_below(world, (uint32_t)world->host_count)].address,
			.kind = ADDRESS_NEW,
			.heard_s = saved->saved_s};
}

static void add_nodes(struct run *run)
{
	struct world *world = &run->world;
	struct host *bootstrap = world_add_host(world, 0);
	world_set_bootstrap(world, bootstrap);
	for (size_t i = 1; i < run->play->nodes; i++)
		agenda_add(&world->agenda, now_of(run) + world_below(world, START_WITHIN_US), start_host,
			   world_add_host(world, 0), 0);
	if (is_large(run))
		for (size_t i = 0; i < world->host_count; i++)
			save_some(world, &world->hosts[i]);
	host_start(bootstrap);
}

/* Until hardly anybody looks for other peers any more. */
static void grow(struct run *run)
{
	struct world *world = &run->world;
	uint64_t ready;
	add_nodes(run);
	int64_t until_us = now_of(run) + MIX_MOST_US;
	do {
		ready = world->counts.ready;
		pass(run, 2 * MINUTE_US);
	} while (world->counts.ready > ready && now_of(run) < until_us);
}

static int compare_nodeids(const void *one, const void *other)
{
	const struct host *const *a = one, *const *b = other;
	return nodeid_compare(&(*a)->nodeid, &(*b)->nodeid);
}

/* Somebody who has told the host of all others: what matters is that these are no strangers. */
static struct nodeid teller_of(const struct host *host)
{
	for (size_t i = 0; i < host->end_count; i++)
		if (end_is_ready(host->ends[i]))
			return end_other(host->ends[i])->host->nodeid;
	return nodeid_none;
}

static void fill_table(const struct host *host, struct report *const *all, size_t count, int64_t now_us)
{
	struct nodeid teller = teller_of(host);
	struct report *own = reports_find(host->reports, &host->nodeid), *current;
	int64_t before;
	must(own != NULL);
	for (size_t i = 0; i < count; i++) {
		bool is_peer = report_find_link(own, &all[i]->nodeid) != NULL;
		struct reports_teller from = {.nodeid = is_peer ? all[i]->nodeid : teller,
					      .is_origin = is_peer,
					      .origin_is_peer = is_peer,
					      .now_us = now_us};
		if (all[i] != own &&
		    reports_take(host->reports, report_hold(all[i]), &from, &current, &before) == REPORTS_TAKEN)
			report_release(current);
	}
	report_release(own);
}

/* All nodes make their reports, and before anybody is told, all have all of them. */
static void fill_tables(struct run *run)
{
	struct world *world = &run->world;
	size_t count = world->host_count;
	struct host **hosts = calloc(count, sizeof *hosts);
	struct report **all = calloc(count, sizeof *all);
	must(hosts != NULL && all != NULL);
	world->first.max_nodes = world->others.max_nodes = MOST_NODES;
	for (size_t i = 0; i < count; i++) {
		hosts[i] = &world->hosts[i];
		alarm_ring(&hosts[i]->alarm);
		host_attend(hosts[i]);
	}
	pass(run, 1);
	/* In this order each table grows at its end. */
	qsort(hosts, count, sizeof *hosts, compare_nodeids);
	for (size_t i = 0; i < count; i++)
		all[i] = reports_find(hosts[i]->reports, &hosts[i]->nodeid);
	for (size_t i = 0; i < count; i++)
		fill_table(hosts[i], all, count, now_of(run));
	for (size_t i = 0; i < count; i++)
		report_release(all[i]);
	free(all);
	free(hosts);
}

/* ---- what it costs ---- */

static void begin_traffic(struct run *run, struct world_counts *before)
{
	*before = run->world.counts;
	for (size_t i = 0; i < run->world.host_count; i++)
		run->world.hosts[i].relayed = 0;
}

/* What was received of each of these messages since then. */
static void add_traffic(struct run *run, const char *what, const struct world_counts *before, int64_t time_us)
{
	static const char *const names[WORLD_TOLD] = {
		[WORLD_OWN] = "own reports",
		[WORLD_RELAYED] = "reports of others",
		[WORLD_COMPARED] = "reports and getreport",
	};
	const struct world_counts *now = &run->world.counts;
	double seconds = (double)time_us / (double)SECOND_US, sum = 0, most = 0;
	for (int i = 0; i < WORLD_TOLD; i++) {
		char name[RESULTS_NAME_BYTES];
		double bytes =
			(double)(now->told_bytes[i] - before->told_bytes[i]) / ((double)run->play->nodes * seconds);
		snprintf(name, sizeof name, "%s, bytes per node and second", names[i]);
		add(run, what, name, bytes, 1);
		sum += bytes;
	}
	add(run, what, "all of these, bytes per node and second", sum, 1);
	for (size_t i = 0; i < run->world.host_count; i++)
		if ((double)run->world.hosts[i].relayed / seconds > most)
			most = (double)run->world.hosts[i].relayed / seconds;
	add(run, what, "relayed by the busiest node, bytes per second", most, 1);
	if (now->relayed > before->relayed)
		add(run, what, "relayed reports that were news, %",
		    100 * (double)(now->news - before->news) / (double)(now->relayed - before->relayed), 1);
}

/* In %, of those that run. */
static double share_that_knows(const struct run *run, const struct host *newcomer)
{
	size_t up = 0, knows = 0;
	for (size_t i = 0; i < run->world.host_count; i++) {
		const struct host *host = &run->world.hosts[i];
		if (host->state != HOST_UP)
			continue;
		up++;
		knows += reports_seq(host->reports, &newcomer->nodeid) > 0;
	}
	return 100 * (double)knows / (double)up;
}

static void watch_newcomer(struct run *run)
{
	const int64_t step_us = 100 * MS_US;
	double most_s = NAN, all_s = NAN, share = 0;
	size_t bytes, known;
	int64_t from_us = now_of(run);
	struct host *newcomer = world_add_host(&run->world, 0);
	host_start(newcomer);
	while (now_of(run) < from_us + NEWCOMER_US) {
		pass(run, step_us);
		double now_s = (double)(now_of(run) - from_us) / (double)SECOND_US;
		share = share_that_knows(run, newcomer);
		known = reports_count(newcomer->reports, &bytes);
		if (isnan(most_s) && share >= 99)
			most_s = now_s;
		if (isnan(all_s) && (double)known >= 0.99 * (double)run->play->nodes)
			all_s = now_s;
	}
	add(run, "", "99 % of the nodes know a newcomer, s", most_s, 1);
	add(run, "", "nodes that know it after a minute, %", share, 1);
	add(run, "", "it knows 99 % of the nodes, s", all_s, 1);
}

static void replace_one(struct run *run)
{
	world_lose_one(&run->world);
	host_start(world_add_host(&run->world, 0));
}

/* Of what nodes know of each other, what is the newest; in %. */
static double share_that_is_new(const struct run *run)
{
	const struct world *world = &run->world;
	size_t all = 0, fresh = 0;
	for (size_t i = 0; i < world->host_count; i++) {
		const struct host *origin = &world->hosts[i];
		int64_t seq = origin->state == HOST_UP ? reports_seq(origin->reports, &origin->nodeid) : 0;
		for (size_t j = 0; seq > 0 && j < world->host_count; j++) {
			if (world->hosts[j].state != HOST_UP)
				continue;
			all++;
			fresh += reports_seq(world->hosts[j].reports, &origin->nodeid) == seq;
		}
	}
	return 100 * (double)fresh / (double)all;
}

static void watch_churn(struct run *run)
{
	struct world_counts before;
	size_t replaced = run->play->nodes / CHURN_SHARE;
	int64_t from_us = now_of(run);
	double share = 0;
	begin_traffic(run, &before);
	for (size_t i = 0; i < replaced; i++) {
		replace_one(run);
		pass(run, CHURN_US / (int64_t)replaced);
		share += share_that_is_new(run) / (double)replaced;
	}
	add_traffic(run, "churn", &before, now_of(run) - from_us);
	add(run, "churn", "what nodes know that is the newest, mean %", share, 2);
}

static void play_reports(struct run *run)
{
	enum { SPARE = 16 };
	struct world_counts before;
	world_init(&run->world, run->play->seed, run->play->nodes * 2 + SPARE, FEW);
	world_ping_rarely(&run->world);
	world_report_nothing(&run->world);
	run->world.drops_addresses = is_large(run);
	grow(run);
	run->world.drops_addresses = false;
	show(run, "grown");
	fill_tables(run);
	show(run, "filled");
	pass(run, SETTLE_US);
	begin_traffic(run, &before);
	pass(run, REST_US);
	add_traffic(run, "quiet", &before, REST_US);
	show(run, "at rest");
	watch_newcomer(run);
	show(run, "with a newcomer");
	if (!is_large(run))
		watch_churn(run);
	add(run, "", "live peers dropped for a time-out (false alarms)", (double)run->world.counts.false_alarms, 0);
	world_fini(&run->world);
}

/* ---- from nothing ---- */

/* How many of all pairs know each other, in %. */
static double share_that_know_each_other(const struct run *run)
{
	size_t known = 0, nodes = run->play->nodes, bytes;
	for (size_t i = 0; i < run->world.host_count; i++)
		if (run->world.hosts[i].state == HOST_UP)
			known += reports_count(run->world.hosts[i].reports, &bytes);
	return 100 * (double)known / ((double)nodes * (double)nodes);
}

/* Reports are told from the beginning. */
static void play_start(struct run *run)
{
	struct world_counts before;
	double most_s = NAN, all_s = NAN;
	world_init(&run->world, run->play->seed, run->play->nodes, FEW);
	world_ping_rarely(&run->world);
	begin_traffic(run, &before);
	add_nodes(run);
	pass(run, START_WITHIN_US);
	int64_t from_us = now_of(run);
	while (now_of(run) < from_us + KNOWN_US) {
		pass(run, 100 * MS_US);
		double share = share_that_know_each_other(run),
		       now_s = (double)(now_of(run) - from_us) / (double)SECOND_US;
		if (isnan(most_s) && share >= 99)
			most_s = now_s;
		if (isnan(all_s) && share >= 100)
			all_s = now_s;
	}
	add(run, "", "99 % of all pairs know each other, s after the last start", most_s, 1);
	add(run, "", "all know all, s after the last start", all_s, 1);
	add_traffic(run, "start", &before, START_WITHIN_US + KNOWN_US);
	world_fini(&run->world);
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario {
	const char *name;
	void (*play)(struct run *run);
	const char *meaning;
} scenarios[] = {
	{"reports", play_reports, "what nodes tell about themselves: at rest, a newcomer, and with churn"},
	{"start",   play_start,   "all tell that from the beginning: how soon all know all"},
};
/* clang-format on */
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

bool traffic_play(const struct play *play, struct results *results)
{
	struct run run = {.play = play, .results = results, .wall_us = clock_now_us()};
	for (size_t i = 0; i < SCENARIOS && play->nodes >= CHURN_SHARE; i++) {
		if (strcmp(scenarios[i].name, play->scenario) != 0)
			continue;
		snprintf(run.name, sizeof run.name, "%s-%zu", play->scenario, play->nodes);
		scenarios[i].play(&run);
		fprintf(stderr, "%-14s %.1f s\n", run.name, (double)(clock_now_us() - run.wall_us) / (double)SECOND_US);
		return true;
	}
	return false;
}

void traffic_list(FILE *out)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(out, "  %-10s %s\n", scenarios[i].name, scenarios[i].meaning);
}

#include "scenarios.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attacker.h"
#include "base/must.h"
#include "graph.h"
#include "reflector.h"
#include "silence.h"
#include "traffic.h"
#include "truth.h"
#include "world.h"

/* Nodes start at random moments of this time. */
#define START_WITHIN_US (1 * MINUTE_US)
/* So long a network is at rest for the figures at rest, and so long a newcomer's address is watched. */
#define REST_US (10 * MINUTE_US)

struct run {
	const struct play *play;
	char name[RESULTS_NAME_BYTES]; /* SCENARIO-NODES */
	struct world world;
	struct results *results;
	FILE *curve; /* may be NULL */
	int64_t from_us, until_us;
	size_t heap_bytes; /* before */
	int64_t wall_us, progress_us;
	/* At the last sample. */
	int64_t sampled_us;
	struct world_counts sampled;
};

/* What a stretch of time has shown. */
struct watch {
	double one_s, full_s; /* until there was one component, and until everybody had their peers; NAN for never */
	double least_largest; /* the nodes in the largest component, in % */
	double sum_largest, sum_full; /* in %, of all samples */
	size_t samples;
	struct graph last;
};

static int64_t now_of(const struct run *run)
{
	return run->world.agenda.now_us;
}

static void add(struct run *run, const char *name, double value, int decimals)
{
	results_add(run->results, run->name, name, value, decimals);
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static double seconds(int64_t us)
{
	return (double)us / (double)SECOND_US;
}

/* ---- to watch ---- */

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void show_progress(struct run *run)
{
	int64_t wall_us = clock_now_us();
	if (!run->play->shows_progress || wall_us < run->progress_us)
		return;
	/* To ask for the size of a large heap takes 0.1 s. */
	run->progress_us = wall_us + 10 * SECOND_US;
	fprintf(stderr, "%-14s %5.1f of %.0f virtual minutes, %4.0f s, %5zu MB, %.1f million calls\n", run->name,
		seconds(now_of(run) - run->from_us) / 60, seconds(run->until_us - run->from_us) / 60,
		seconds(wall_us - run->wall_us), heap_bytes() >> 20, (double)run->world.agenda.calls / 1e6);
}

static void draw(struct run *run, const struct graph *graph)
{
	const struct world_counts *counts = &run->world.counts;
	double node_seconds = (double)graph->nodes * seconds(now_of(run) - run->sampled_us);
	if (run->curve != NULL && node_seconds > 0)
		fprintf(run->curve, "%.1f %zu %zu %.3f %.3f %.3f %.3f %.3f %.1f\n", seconds(now_of(run) - run->from_us),
			graph->nodes, graph->components, percent((double)graph->largest, (double)graph->nodes),
			percent((double)graph->full, (double)graph->nodes), graph->degree,
			percent((double)graph->outbound_attacker, (double)graph->outbound),
			(double)(counts->messages - run->sampled.messages) / node_seconds,
			(double)(counts->bytes - run->sampled.bytes) / node_seconds);
	run->sampled = *counts;
	run->sampled_us = now_of(run);
}

/* The finer, the earlier; and coarser where there is more to look at. */
static int64_t step_us(const struct run *run, int64_t since_us)
{
	if (since_us < MINUTE_US && run->world.host_capacity < 3000)
		return 100 * MS_US;
	return since_us < 5 * MINUTE_US ? SECOND_US : 10 * SECOND_US;
}

static void look(struct run *run, struct watch *watch, int64_t from_us)
{
	struct graph graph = graph_look(&run->world);
	double largest = percent((double)graph.largest, (double)graph.nodes);
	if (isnan(watch->one_s) && graph.components == 1)
		watch->one_s = seconds(now_of(run) - from_us);
	if (isnan(watch->full_s) && graph.full == graph.nodes)
		watch->full_s = seconds(now_of(run) - from_us);
	if (largest < watch->least_largest)
		watch->least_largest = largest;
	watch->sum_largest += largest;
	watch->sum_full += percent((double)graph.full, (double)graph.nodes);
	watch->samples++;
	watch->last = graph;
	draw(run, &graph);
	show_progress(run);
}

/* Lets the world go on for so long. */
static struct watch watch_for(struct run *run, int64_t time_us)
{
	struct watch watch = {.one_s = NAN, .full_s = NAN, .least_largest = 100};
	int64_t from_us = now_of(run), until_us = from_us + time_us;
	while (now_of(run) < until_us) {
		int64_t next_us = now_of(run) + step_us(run, now_of(run) - from_us);
		world_run(&run->world, next_us < until_us ? next_us : until_us);
		look(run, &watch, from_us);
	}
	return watch;
}

static void add_times(struct run *run, const struct watch *watch, const char *since)
{
	char name[RESULTS_NAME_BYTES];
	snprintf(name, sizeof name, "one component, s after %s", since);
	add(run, name, watch->one_s, 1);
	snprintf(name, sizeof name, "all have their outbound peers, s after %s", since);
	add(run, name, watch->full_s, 1);
}

static double mean_book(struct run *run)
{
	double sum = 0;
	size_t count = 0;
	for (size_t i = 0; i < run->world.host_count; i++)
		if (run->world.hosts[i].book != NULL) {
			sum += (double)address_book_count(run->world.hosts[i].book);
			count++;
		}
	return count == 0 ? 0 : sum / (double)count;
}

static void add_graph(struct run *run)
{
	struct graph graph = graph_look(&run->world);
	add(run, "components", (double)graph.components, 0);
	add(run, "nodes with all their outbound peers, %", percent((double)graph.full, (double)graph.nodes), 2);
	add(run, "degree, mean", graph.degree, 2);
	add(run, "degree, least", (double)graph.least_degree, 0);
	add(run, "degree, median", (double)graph.median_degree, 0);
	add(run, "degree, most", (double)graph.most_degree, 0);
	add(run, "addresses in a book, mean", mean_book(run), 1);
	add(run, "diameter", (double)graph_diameter(&run->world), 0);
}

static void add_false_alarms(struct run *run)
{
	add(run, "live peers dropped for a time-out (false alarms)", (double)run->world.counts.false_alarms, 0);
}

/* ---- what happens to hosts ---- */

static void start_host(void *subject, uint32_t mark)
{
	struct host *host = subject;
	(void)mark;
	if (host->state != HOST_UP)
		host_start(host);
}

static void start_at(struct run *run, struct host *host, int64_t at_us)
{
	agenda_add(&run->world.agenda, at_us, start_host, host, 0);
}

/* The bootstrap, and then the others. */
static void add_nodes(struct run *run)
{
	struct host *bootstrap = world_add_host(&run->world, 0);
	world_set_bootstrap(&run->world, bootstrap);
	host_start(bootstrap);
	for (size_t i = 1; i < run->play->nodes; i++) {
		struct host *host = world_add_host(&run->world, 0);
		start_at(run, host, now_of(run) + (int64_t)(world_chance(&run->world) * (double)START_WITHIN_US));
	}
}

/* Adds the nodes and watches them from the last start. */
static struct watch grow(struct run *run, int64_t time_us)
{
	add_nodes(run);
	watch_for(run, START_WITHIN_US);
	return watch_for(run, time_us - START_WITHIN_US);
}

static struct host *random_node(struct run *run, size_t first, size_t count)
{
	for (;;) {
		struct host *host = &run->world.hosts[first + world_below(&run->world, (uint32_t)count)];
		if (host->state == HOST_UP && !host->is_attacker)
			return host;
	}
}

/* ---- growth ---- */

struct spread {
	size_t told;  /* nodes that were told the address at some time, or it's in their book */
	size_t known; /* that have it in their book now */
};

static struct spread count_spread(struct run *run, const struct host *newcomer)
{
	struct spread spread = {0};
	for (size_t i = 0; i < run->world.host_count; i++) {
		struct host *host = &run->world.hosts[i];
		if (host == newcomer || host->state != HOST_UP || host->is_attacker)
			continue;
		bool knows = address_book_knows(host->book, &newcomer->address);
		spread.known += knows;
		spread.told += knows || host->has_heard;
	}
	return spread;
}

/* How long until the address of one who joins now has come to half and to 99 % of the nodes. */
static void watch_newcomer(struct run *run)
{
	struct host *newcomer = world_add_host(&run->world, 0);
	double nodes = (double)graph_look(&run->world).nodes, half_s = NAN, most_s = NAN;
	FILE *curve = results_open_curve(run->results, run->name, "newcomer");
	struct spread spread = {0};
	int64_t from_us = now_of(run);

	address_format(&newcomer->address, run->world.watched);
	host_start(newcomer);
	while (now_of(run) < from_us + REST_US) {
		world_run(&run->world, now_of(run) + step_us(run, now_of(run) - from_us));
		double now_s = seconds(now_of(run) - from_us);
		spread = count_spread(run, newcomer);
		double told = percent((double)spread.told, nodes);
		if (isnan(half_s) && told >= 50)
			half_s = now_s;
		if (isnan(most_s) && told >= 99)
			most_s = now_s;
		if (curve != NULL)
			fprintf(curve, "%.1f %.3f %.3f\n", now_s, told, percent((double)spread.known, nodes));
		show_progress(run);
	}
	if (curve != NULL)
		fclose(curve);
	add(run, "half of the nodes were told a newcomer's address, s", half_s, 1);
	add(run, "99 % of the nodes were told it, s", most_s, 1);
	add(run, "nodes that were told it within 10 minutes, %", percent((double)spread.told, nodes), 1);
	add(run, "nodes that have it in their book then, %", percent((double)spread.known, nodes), 1);
}

static void watch_rest(struct run *run)
{
	struct world_counts before = run->world.counts;
	struct watch watch = watch_for(run, REST_US);
	double node_seconds = (double)watch.last.nodes * seconds(REST_US);
	add(run, "at rest, messages per node and second",
	    (double)(run->world.counts.messages - before.messages) / node_seconds, 3);
	add(run, "at rest, bytes per node and second", (double)(run->world.counts.bytes - before.bytes) / node_seconds,
	    1);
	add(run, "at rest, dials per node and hour",
	    (double)(run->world.counts.dials - before.dials) / node_seconds * 3600, 2);
}

static void show_memory(struct run *run)
{
	size_t others = run->world.own_bytes + run->world.agenda.capacity * sizeof *run->world.agenda.heap;
	double bytes = (double)(heap_bytes() - run->heap_bytes - others);
	fprintf(stderr, "%-14s %.0f kB of memory per node\n", run->name, bytes / 1024 / (double)run->play->nodes);
}

static void play_growth(struct run *run)
{
	struct watch watch = grow(run, run->until_us - run->from_us - 2 * REST_US);
	add_times(run, &watch, "the last start");
	watch_rest(run);
	add_graph(run);
	show_memory(run);
	watch_newcomer(run);
	add_false_alarms(run);
}

/* ---- losses ---- */

static void play_loss(struct run *run)
{
	struct watch watch = grow(run, run->until_us - run->from_us);
	add_times(run, &watch, "the last start");
	add_graph(run);
	add(run, "connections that became READY", (double)run->world.counts.ready / 2, 0);
	add_false_alarms(run);
	add(run, "false alarms per node and hour",
	    (double)run->world.counts.false_alarms / (double)watch.last.nodes * 3600 /
		    seconds(run->until_us - run->from_us),
	    4);
}

/* ---- churn ---- */

static void replace_one(struct run *run)
{
	world_lose_one(&run->world);
	host_start(world_add_host(&run->world, 0));
}

static void play_churn(struct run *run)
{
	int64_t settle_us = REST_US, churn_us = run->until_us - run->from_us - 2 * settle_us;
	size_t replaced = run->play->nodes / 2;
	struct watch watch = {.least_largest = 100, .one_s = NAN, .full_s = NAN};
	grow(run, settle_us);
	int64_t from_us = now_of(run);
	for (size_t i = 1; i <= replaced; i++) {
		replace_one(run);
		world_run(&run->world, from_us + churn_us * (int64_t)i / (int64_t)replaced);
		look(run, &watch, from_us);
	}
	add(run, "nodes replaced", (double)replaced, 0);
	add(run, "in the largest component meanwhile, mean %", watch.sum_largest / (double)watch.samples, 2);
	add(run, "in the largest component meanwhile, least %", watch.least_largest, 2);
	add(run, "with all their outbound peers meanwhile, mean %", watch.sum_full / (double)watch.samples, 2);
	watch = watch_for(run, settle_us);
	add_times(run, &watch, "the last change");
	add_graph(run);
	add_false_alarms(run);
}

/* ---- outage ---- */

static void play_outage(struct run *run)
{
	grow(run, 2 * REST_US);
	size_t nodes = run->world.host_count;
	for (size_t i = 0; i < nodes; i++)
		host_save(&run->world.hosts[i]);
	watch_for(run, MINUTE_US);
	for (size_t i = 0; i < nodes; i++)
		host_kill(&run->world.hosts[i]);
	watch_for(run, REST_US);
	for (size_t i = 1; i < nodes; i++)
		start_at(run, &run->world.hosts[i],
			 now_of(run) + (int64_t)(world_chance(&run->world) * (double)START_WITHIN_US));
	watch_for(run, START_WITHIN_US);
	struct watch watch = watch_for(run, run->until_us - now_of(run));
	add_times(run, &watch, "the last return");
	add_graph(run);
	add_false_alarms(run);
}

/* ---- partition ---- */

static void play_partition(struct run *run)
{
	int64_t cut_us = 3 * REST_US;
	grow(run, 2 * REST_US);
	for (size_t i = 0; i < run->world.host_count; i++)
		run->world.hosts[i].is_far_side = world_below(&run->world, 2) != 0;
	run->world.is_parted = true;
	struct watch watch = watch_for(run, cut_us);
	add(run, "components at the end of the partition", (double)watch.last.components, 0);
	add(run, "all have their outbound peers, s after the cut", watch.full_s, 1);
	run->world.is_parted = false;
	watch = watch_for(run, run->until_us - now_of(run));
	add_times(run, &watch, "the cut was healed");
	add_graph(run);
	add_false_alarms(run);
}

/* ---- attack ---- */

static void add_share(struct run *run, const char *when)
{
	struct graph graph = graph_look(&run->world);
	char name[RESULTS_NAME_BYTES];
	snprintf(name, sizeof name, "the attacker has of the outbound connections %s, %%", when);
	add(run, name, percent((double)graph.outbound_attacker, (double)graph.outbound), 2);
}

static bool is_eclipsed(const struct host *host)
{
	size_t outbound = 0;
	for (size_t i = 0; i < host->end_count; i++) {
		struct end *end = host->ends[i];
		if (!end_is_ready(end) || end != &end->wire->ends[0])
			continue;
		outbound++;
		if (!end_other(end)->host->is_attacker)
			return false;
	}
	return outbound > 0;
}

static size_t count_eclipsed(struct run *run)
{
	size_t count = 0;
	for (size_t i = 0; i < run->world.host_count; i++) {
		const struct host *host = &run->world.hosts[i];
		count += host->state == HOST_UP && !host->is_attacker && is_eclipsed(host);
	}
	return count;
}

/* The nodes grow while he is there, then each is restarted once: that is when it looks for peers anew. */
static void play_attack(struct run *run, double share)
{
	size_t nodes = run->play->nodes;
	size_t hosts = (size_t)((double)nodes * share / (1 - share) + 0.5);
	int64_t settle_us = REST_US, restarts_us = run->until_us - run->from_us - 2 * settle_us;
	struct attacker *attacker = attacker_new(&run->world, hosts);
	grow(run, settle_us);
	add(run, "the attacker has of the addresses, %", percent((double)hosts, (double)(nodes + hosts)), 2);
	add_share(run, "after the growth");
	int64_t from_us = now_of(run);
	for (size_t i = 1; i < nodes; i++) {
		struct host *host = &run->world.hosts[hosts + i];
		host_save(host);
		host_kill(host);
		start_at(run, host, now_of(run) + SECOND_US);
		watch_for(run, from_us + restarts_us * (int64_t)i / (int64_t)nodes - now_of(run));
	}
	add_share(run, "after a restart of each node");
	struct watch watch = watch_for(run, run->until_us - now_of(run));
	add_share(run, "in the end");
	add(run, "nodes with no outbound peer but his, %",
	    percent((double)count_eclipsed(run), (double)watch.last.nodes), 2);
	add_graph(run);
	add_false_alarms(run);
	attacker_free(attacker);
}

static void play_attack_1(struct run *run)
{
	play_attack(run, 0.01);
}

static void play_attack_10(struct run *run)
{
	play_attack(run, 0.1);
}

/* ---- a reflector ---- */

/* SYNs of a dial where nothing answers, within the default connect_timeout: after 0, 1, 3 and 7 s. */
enum { SYNS = 4 };

static double syns(const struct run *run)
{
	return SYNS * (double)run->world.counts.victim_dials;
}

/* Tells one node so many ports of a host that nobody knows, and watches what comes of it. */
static struct reflector *reflect(struct run *run, size_t ports, uint8_t victim)
{
	char name[RESULTS_NAME_BYTES];
	struct host *node = random_node(run, 0, run->play->nodes);
	run->world.victim = (struct address){.family = ADDRESS_IPV4, .host = {250, victim, 0, 1}, .port = 10000};
	run->world.counts.victim_dials = 0;
	struct reflector *reflector = reflector_new(&run->world, node, &run->world.victim, ports);
	double told = (double)reflector_bytes(reflector);
	snprintf(name, sizeof name, "%zu ports of a host told: bytes", ports);
	add(run, name, told, 0);
	world_run(&run->world, now_of(run) + MINUTE_US);
	snprintf(name, sizeof name, "%zu ports: SYNs to the host in the first minute", ports);
	add(run, name, syns(run), 0);
	world_run(&run->world, now_of(run) + REST_US - MINUTE_US);
	show_progress(run);
	snprintf(name, sizeof name, "%zu ports: SYNs in ten minutes", ports);
	add(run, name, syns(run), 0);
	snprintf(name, sizeof name, "%zu ports: SYNs in ten minutes, for 100 bytes told", ports);
	add(run, name, syns(run) / told * 100, 2);
	return reflector;
}

static void play_reflect(struct run *run)
{
	static const size_t ports[] = {1000, 10, 2};
	enum { TIMES = sizeof ports / sizeof *ports };
	struct reflector *reflectors[TIMES];
	grow(run, REST_US);
	for (size_t i = 0; i < TIMES; i++)
		reflectors[i] = reflect(run, ports[i], (uint8_t)i);
	for (size_t i = 0; i < TIMES; i++)
		reflector_free(reflectors[i]);
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario {
	const char *name;
	void (*play)(struct run *run);
	int64_t minutes;
	double loss;
	size_t outbound;
	const char *meaning;
} scenarios[] = {
	{"growth",    play_growth,    60, 0,    8,  "nodes that know one bootstrap start within a minute; at last a newcomer"},
	{"churn",     play_churn,     80, 0,    8,  "half of the nodes are replaced, by others, within an hour"},
	{"outage",    play_outage,    60, 0,    8,  "all nodes are killed and come back within a minute, but for the bootstrap"},
	{"partition", play_partition, 90, 0,    8,  "two halves can't reach each other for half an hour"},
	{"attack1",   play_attack_1,  30, 0,    8,  "an attacker with 1 % of the addresses"},
	{"attack10",  play_attack_10, 30, 0,    8,  "an attacker with 10 % of the addresses"},
	{"loss1",     play_loss,      60, 0.01, 8,  "1 % of the segments and dials are lost"},
	{"loss5",     play_loss,      60, 0.05, 8,  "5 %"},
	{"loss20",    play_loss,      60, 0.20, 8,  "20 %"},
	{"reflect",   play_reflect,   40, 0,    64, "one host tells of a third party, so that the nodes dial that"},
};
/* clang-format on */
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

static void play_scenario(const struct scenario *scenario, const struct play *play, struct results *results)
{
	struct run run = {.play = play, .results = results, .heap_bytes = heap_bytes(), .wall_us = clock_now_us()};
	int64_t minutes = play->minutes == 0 ? scenario->minutes : play->minutes;
	snprintf(run.name, sizeof run.name, "%s-%zu", scenario->name, play->nodes);
	world_init(&run.world, play->seed, play->nodes * 2 + 16, scenario->outbound);
	/* A ping a second would take most of the time. silence.c plays those. */
	world_ping_rarely(&run.world);
	world_report_nothing(&run.world);
	run.world.loss = scenario->loss;
	run.from_us = run.sampled_us = now_of(&run);
	run.until_us = run.from_us + minutes * MINUTE_US;
	run.curve = results_open_curve(results, run.name, NULL);
	scenario->play(&run);
	if (run.curve != NULL)
		fclose(run.curve);
	fprintf(stderr, "%-14s %.1f s, %.1f million calls\n", run.name, seconds(clock_now_us() - run.wall_us),
		(double)run.world.agenda.calls / 1e6);
	world_fini(&run.world);
}

bool scenario_play(const struct play *play, struct results *results)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		if (strcmp(scenarios[i].name, play->scenario) == 0) {
			play_scenario(&scenarios[i], play, results);
			return true;
		}
	return silence_play(play, results) || truth_play(play, results) || traffic_play(play, results);
}

void scenario_list(FILE *out)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(out, "  %-10s %s\n", scenarios[i].name, scenarios[i].meaning);
	silence_list(out);
	truth_list(out);
	traffic_list(out);
}

#include "silence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "liar.h"
#include "world.h"

/* Nodes start within this time, and then the network has this to come to rest. */
#define START_WITHIN_US (20 * SECOND_US)
#define SETTLE_US (5 * MINUTE_US)
/* A process is frozen for so long, and the others then watched. */
#define FREEZE_US (3 * SECOND_US)
#define WATCH_US (27 * SECOND_US)
/* How exactly the times of a trial are known. */
#define STEP_US (20 * MS_US)
/* A trial is over after this at the latest. */
#define TRIAL_US (100 * SECOND_US)

enum { FULL_MESH = 64, FEW = 8, MOST_FULL = 100, MOST_TRIALS = 100 };

struct run {
	const struct play *play;
	char name[RESULTS_NAME_BYTES]; /* SCENARIO-NODES */
	struct world world;
	struct results *results;
};

static int64_t now_of(const struct run *run)
{
	return run->world.agenda.now_us;
}

static void pass(struct run *run, int64_t time_us)
{
	world_run(&run->world, now_of(run) + time_us);
}

static double seconds(int64_t us)
{
	return (double)us / (double)SECOND_US;
}

/* With two names, the second says more: "5 %: false verdicts". */
static void add(struct run *run, const char *what, const char *name, double value, int decimals)
{
	char full[2 * RESULTS_NAME_BYTES + 4];
	snprintf(full, sizeof full, "%s%s%s", what, what[0] == '\0' ? "" : ": ", name);
	results_add(run->results, run->name, full, value, decimals);
}

/* ---- a network ---- */

static void set_silent_after(struct run *run, int64_t silent_after_us)
{
	run->world.first.silent_after_us = run->world.others.silent_after_us = silent_after_us;
}

/* As it was before nodes were witnesses for each other. */
static void be_as_before(struct run *run)
{
	world_ping_rarely(&run->world);
	set_silent_after(run, run->world.first.ping_timeout_us);
}

static void begin(struct run *run)
{
	enum { SPARE = 16 };
	size_t nodes = run->play->nodes;
	world_init(&run->world, run->play->seed, nodes + SPARE, nodes <= MOST_FULL ? FULL_MESH : FEW);
	run->world.counts_questions = true;
}

/* The bootstrap and then the others; each is then connected with all, if there are no more than MOST_FULL. */
static void grow(struct run *run)
{
	world_grow(&run->world, run->play->nodes, START_WITHIN_US);
	pass(run, START_WITHIN_US + SETTLE_US);
}

static void end(struct run *run)
{
	world_fini(&run->world);
}

static struct host *random_node(struct run *run)
{
	return &run->world.hosts[world_below(&run->world, (uint32_t)run->play->nodes)];
}

/* How many nodes that run have this one in their tables. */
static size_t count_tables(const struct host *host)
{
	size_t tables = 0;
	for (size_t i = 0; i < host->end_count; i++) {
		const struct end *other = end_other(host->ends[i]);
		tables += end_is_ready(other) && !host_is_frozen(other->host);
	}
	return tables;
}

static bool is_late_somewhere(const struct host *host)
{
	for (size_t i = 0; i < host->end_count; i++) {
		const struct end *other = end_other(host->ends[i]);
		if (end_is_ready(other) && peer_look(other->peer, host->world->agenda.now_us).late_us >= 0)
			return true;
	}
	return false;
}

struct sums {
	uint64_t sent, asked;
	uint64_t most_asked; /* by one node */
};

static struct sums sum_up(const struct world *world)
{
	struct sums sums = {0};
	for (size_t i = 0; i < world->host_count; i++) {
		const struct host *host = &world->hosts[i];
		sums.sent += host->sent;
		sums.asked += host->asked;
		if (host->asked > sums.most_asked)
			sums.most_asked = host->asked;
	}
	return sums;
}

static void forget_sums(struct world *world)
{
	for (size_t i = 0; i < world->host_count; i++)
		world->hosts[i].sent = world->hosts[i].asked = 0;
}

static void add_false(struct run *run, const char *what, const struct world_counts *before)
{
	const struct world_counts *now = &run->world.counts;
	uint64_t verdicts = now->false_verdicts - before->false_verdicts;
	add(run, what, "false verdicts", (double)verdicts, 0);
	add(run, what, "live peers dropped by ping_timeout",
	    (double)(now->false_alarms - before->false_alarms - verdicts), 0);
}

/* ---- silent: one freezes for good ---- */

/* From the freeze on; NAN for never. */
struct trial {
	double late_s;	   /* late in some table */
	double first_s;	   /* gone from the first table */
	double all_s;	   /* gone from all tables */
	double asked;	   /* questions per node */
	double most_asked; /* by one node */
	double sent_per_s; /* bytes per node, in the time until it is gone */
	double tables;	   /* that it was in */
};

static struct trial try_silence(struct run *run, struct host *host)
{
	struct trial trial = {.late_s = NAN, .first_s = NAN, .all_s = NAN, .tables = (double)count_tables(host)};
	int64_t from_us = now_of(run);
	forget_sums(&run->world);
	host_freeze(host, FOREVER_US);
	while (isnan(trial.all_s) && now_of(run) < from_us + TRIAL_US) {
		pass(run, STEP_US);
		size_t tables = count_tables(host);
		double now_s = seconds(now_of(run) - from_us);
		if (isnan(trial.late_s) && is_late_somewhere(host))
			trial.late_s = now_s;
		if (isnan(trial.first_s) && (double)tables < trial.tables)
			trial.first_s = now_s;
		if (tables == 0)
			trial.all_s = now_s;
	}
	struct sums sums = sum_up(&run->world);
	double nodes = (double)run->play->nodes;
	trial.asked = (double)sums.asked / nodes;
	trial.most_asked = (double)sums.most_asked;
	trial.sent_per_s = (double)sums.sent / nodes / seconds(now_of(run) - from_us);
	return trial;
}

/* It comes back, as a process that was killed and started again. */
static void come_back(struct run *run, struct host *host)
{
	host_save(host);
	host_kill(host);
	host_start(host);
	pass(run, 2 * MINUTE_US);
}

static int compare(const void *one, const void *other)
{
	double first = *(const double *)one, second = *(const double *)other;
	if (isnan(first) || isnan(second))
		return isnan(first) - isnan(second);
	return (first > second) - (first < second);
}

/* Of the member of each trial that is at this offset. */
static void add_distribution(struct run *run, const char *what, const struct trial *trials, size_t count, size_t offset)
{
	double values[MOST_TRIALS] = {0};
	must(count > 0);
	for (size_t i = 0; i < count; i++)
		memcpy(&values[i], (const char *)&trials[i] + offset, sizeof values[i]);
	qsort(values, count, sizeof *values, compare);
	add(run, what, "median", values[count / 2], 1);
	add(run, what, "90 % of the trials", values[(count * 9 + 9) / 10 - 1], 1);
	add(run, what, "most", values[count - 1], 1);
}

static size_t count_trials(const struct run *run)
{
	enum { MANY_NODES = 500, FEW_TRIALS = 20 };
	return run->play->nodes < MANY_NODES ? MOST_TRIALS : FEW_TRIALS;
}

static void add_rest(struct run *run)
{
	forget_sums(&run->world);
	pass(run, MINUTE_US);
	struct sums sums = sum_up(&run->world);
	add(run, "", "at rest, bytes sent per node and second",
	    (double)sums.sent / (double)run->play->nodes / seconds(MINUTE_US), 1);
}

static void play_silent(struct run *run)
{
	struct trial trials[MOST_TRIALS], sum = {0};
	size_t count = count_trials(run);
	begin(run);
	grow(run);
	add_rest(run);
	struct world_counts before = run->world.counts;
	for (size_t i = 0; i < count; i++) {
		struct host *host = random_node(run);
		trials[i] = try_silence(run, host);
		sum.asked += trials[i].asked;
		sum.sent_per_s += trials[i].sent_per_s;
		sum.tables += trials[i].tables;
		sum.most_asked = trials[i].most_asked > sum.most_asked ? trials[i].most_asked : sum.most_asked;
		come_back(run, host);
	}
	add(run, "", "trials", (double)count, 0);
	add(run, "", "tables with the node, mean", sum.tables / (double)count, 1);
	add_distribution(run, "late in some table, s", trials, count, offsetof(struct trial, late_s));
	add_distribution(run, "gone from the first table, s", trials, count, offsetof(struct trial, first_s));
	add_distribution(run, "gone from all tables, s", trials, count, offsetof(struct trial, all_s));
	add(run, "", "questions per node and trial, mean", sum.asked / (double)count, 1);
	add(run, "", "questions of one node in a trial, most", sum.most_asked, 0);
	add(run, "", "bytes sent per node and second until it is gone", sum.sent_per_s / (double)count, 1);
	add_false(run, "", &before);
	end(run);
}

/* ---- freeze: each for a while ---- */

static void play_freeze(struct run *run)
{
	begin(run);
	grow(run);
	forget_sums(&run->world);
	struct world_counts before = run->world.counts;
	for (size_t i = 0; i < run->play->nodes; i++) {
		host_freeze(&run->world.hosts[i], now_of(run) + FREEZE_US);
		pass(run, FREEZE_US + WATCH_US);
	}
	add_false(run, "", &before);
	add(run, "", "questions per freeze", (double)sum_up(&run->world).asked / (double)run->play->nodes, 1);
	end(run);
}

/* ---- lossy: segments are lost, and nobody fails ---- */

static void add_lossy(struct run *run, int64_t minutes, const char *what)
{
	grow(run);
	forget_sums(&run->world);
	struct world_counts before = run->world.counts;
	pass(run, minutes * MINUTE_US);
	double node_hours = (double)run->play->nodes * (double)minutes / 60;
	add_false(run, what, &before);
	add(run, what, "questions per node and hour", (double)sum_up(&run->world).asked / node_hours, 0);
	end(run);
}

static void play_lossy(struct run *run)
{
	enum { HOUR = 60 };
	static const int percents[] = {1, 5, 10, 20, 30};
	int64_t minutes = run->play->minutes == 0 ? HOUR : run->play->minutes;
	for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
		char what[RESULTS_NAME_BYTES];
		for (int rule = 0; rule < 3; rule++) {
			static const char *const rules[] = {"", ", ping_timeout alone", ", pings as before too"};
			begin(run);
			run->world.loss = percents[i] / 100.0;
			if (rule == 1)
				set_silent_after(run, run->world.first.ping_timeout_us);
			else if (rule == 2)
				be_as_before(run);
			snprintf(what, sizeof what, "%d %% lost%s", percents[i], rules[rule]);
			add_lossy(run, minutes, what);
		}
	}
}

/* ---- hour: everything is bad ---- */

/* 200 +- 100 ms each way. TCP sends again after the round trip and four times its deviation (RFC 6298). */
static void be_bad(struct run *run)
{
	run->world.loss = 0.1;
	run->world.latency_us = 200 * MS_US;
	run->world.jitter_us = 100 * MS_US;
	run->world.retransmit_us = 700 * MS_US;
}

static void add_hour(struct run *run, const char *what, bool is_as_before)
{
	enum { HOUR = 60 };
	int64_t minutes = run->play->minutes == 0 ? HOUR : run->play->minutes;
	begin(run);
	be_bad(run);
	if (is_as_before)
		be_as_before(run);
	grow(run);
	struct world_counts before = run->world.counts;
	forget_sums(&run->world);
	for (int64_t i = 0; i < minutes; i++) {
		host_freeze(random_node(run), now_of(run) + FREEZE_US);
		pass(run, MINUTE_US);
	}
	struct sums sums = sum_up(&run->world);
	double node_seconds = (double)run->play->nodes * seconds(minutes * MINUTE_US);
	add_false(run, what, &before);
	add(run, what, "questions per node and minute", (double)sums.asked / node_seconds * 60, 1);
	add(run, what, "bytes sent per node and second", (double)sums.sent / node_seconds, 1);
	end(run);
}

static void play_hour(struct run *run)
{
	add_hour(run, "", false);
	add_hour(run, "pings as before", true);
}

/* ---- liar ---- */

/* So many of them, in a network where segments are lost: without failures, with freezes, and with a death. */
static void add_liars(struct run *run, size_t count, bool say_heard, const char *what)
{
	enum { TIMES = 10, MINUTES = 10 };
	struct trial trials[MOST_TRIALS];
	begin(run);
	run->world.loss = 0.05;
	grow(run);
	struct liars *liars = liars_new(&run->world, count, say_heard);
	pass(run, MINUTE_US);
	char name[2 * RESULTS_NAME_BYTES];
	struct world_counts before = run->world.counts;
	pass(run, MINUTES * MINUTE_US);
	add_false(run, what, &before);
	before = run->world.counts;
	for (int i = 0; i < TIMES; i++) {
		host_freeze(random_node(run), now_of(run) + FREEZE_US);
		pass(run, FREEZE_US + WATCH_US);
	}
	snprintf(name, sizeof name, "%s, 10 freezes of 3 s", what);
	add_false(run, name, &before);
	for (size_t i = 0; i < TIMES; i++) {
		struct host *host = random_node(run);
		trials[i] = try_silence(run, host);
		come_back(run, host);
	}
	snprintf(name, sizeof name, "%s: a frozen node is gone from all, s", what);
	add_distribution(run, name, trials, TIMES, offsetof(struct trial, all_s));
	end(run);
	liars_free(liars);
}

static void play_liar(struct run *run)
{
	add_liars(run, 1, false, "1 says unheard");
	add_liars(run, 2, false, "2 say unheard");
	add_liars(run, 1, true, "1 says heard");
}

/* ---- mass: half of the nodes are gone at once ---- */

static bool is_any_in_a_table(const struct world *world)
{
	for (size_t i = 0; i < world->host_count; i++)
		if (host_is_frozen(&world->hosts[i]) && count_tables(&world->hosts[i]) > 0)
			return true;
	return false;
}

/* Runs for a while from then on, second by second. */
static void add_mass(struct run *run, const char *what)
{
	enum { WATCHED_S = 90 };
	struct world *world = &run->world;
	uint64_t busiest = 0, most_asked = 0;
	double gone_s = NAN;
	struct world_counts before = world->counts;
	for (int i = 0; i < WATCHED_S; i++) {
		forget_sums(world);
		pass(run, SECOND_US);
		for (size_t j = 0; j < world->host_count; j++)
			busiest = world->hosts[j].sent > busiest ? world->hosts[j].sent : busiest;
		struct sums sums = sum_up(world);
		most_asked = sums.most_asked > most_asked ? sums.most_asked : most_asked;
		if (isnan(gone_s) && !is_any_in_a_table(world))
			gone_s = i + 1;
	}
	add(run, what, "bytes that the busiest node sent in its busiest second", (double)busiest, 0);
	add(run, what, "questions of one node in a second, most", (double)most_asked, 0);
	if (!world->is_parted)
		add(run, what, "all that are frozen are gone from all tables, s", gone_s, 0);
	add_false(run, what, &before);
}

/* The second half of the nodes, but for so many. */
static size_t second_half(const struct run *run, size_t fewer)
{
	return run->play->nodes / 2 + fewer;
}

/* What is sent is the questions' alone. */
static void begin_mass(struct run *run)
{
	begin(run);
	world_report_nothing(&run->world);
}

static void play_mass(struct run *run)
{
	begin_mass(run);
	grow(run);
	for (size_t i = second_half(run, 0); i < run->play->nodes; i++)
		host_freeze(&run->world.hosts[i], FOREVER_US);
	add_mass(run, "half are frozen");
	end(run);
	begin_mass(run);
	grow(run);
	for (size_t i = second_half(run, 2); i < run->play->nodes; i++)
		host_freeze(&run->world.hosts[i], FOREVER_US);
	add_mass(run, "nearly half are frozen");
	end(run);
	for (size_t fewer = 0; fewer <= 2; fewer += 2) {
		begin_mass(run);
		grow(run);
		for (size_t i = second_half(run, fewer); i < run->play->nodes; i++)
			run->world.hosts[i].is_far_side = true;
		run->world.is_parted = true;
		add_mass(run, fewer == 0 ? "half are cut off" : "nearly half are cut off");
		end(run);
	}
}

/* ---- pair: two nodes can't talk ---- */

static bool has_in_table(const struct host *host, const struct host *other)
{
	for (size_t i = 0; i < host->end_count; i++)
		if (end_is_ready(host->ends[i]) && end_other(host->ends[i])->host == other)
			return true;
	return false;
}

static void add_pair(struct run *run, bool both_ways, const char *what)
{
	begin(run);
	grow(run);
	struct host *one = &run->world.hosts[1], *other = &run->world.hosts[2];
	double one_s = NAN, other_s = NAN;
	int64_t from_us = now_of(run);
	must(has_in_table(one, other) && has_in_table(other, one));
	uint64_t dropped = run->world.counts.dropped;
	world_cut(&run->world, one, other);
	if (both_ways)
		world_cut(&run->world, other, one);
	while (now_of(run) < from_us + TRIAL_US) {
		pass(run, STEP_US);
		if (isnan(one_s) && !has_in_table(one, other))
			one_s = seconds(now_of(run) - from_us);
		if (isnan(other_s) && !has_in_table(other, one))
			other_s = seconds(now_of(run) - from_us);
	}
	fprintf(stderr, "%-14s %s: %s\n", run->name, what, run->world.drop_text);
	add(run, what, "gone from the table of the first, s", one_s, 1);
	add(run, what, "gone from the table of the other, s", other_s, 1);
	add(run, what, "peers that were dropped", (double)(run->world.counts.dropped - dropped), 0);
	end(run);
}

static void play_pair(struct run *run)
{
	add_pair(run, true, "both ways");
	add_pair(run, false, "one way");
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario {
	const char *name;
	void (*play)(struct run *run);
	const char *meaning;
} scenarios[] = {
	{"silent", play_silent, "a node freezes for good, again and again"},
	{"freeze", play_freeze, "each node is frozen for 3 s once"},
	{"lossy",  play_lossy,  "1 to 30 % of the segments are lost for an hour each, by three rules"},
	{"hour",   play_hour,   "10 % are lost, 200 +- 100 ms of delay, and each minute a node is frozen for 3 s"},
	{"liar",   play_liar,   "nodes that lie about the silence of others"},
	{"mass",   play_mass,   "half of the nodes freeze, or are cut off, at once"},
	{"pair",   play_pair,   "two nodes can't talk to each other, while all others can"},
};
/* clang-format on */
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

bool silence_play(const struct play *play, struct results *results)
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (strcmp(scenarios[i].name, play->scenario) != 0)
			continue;
		struct run run = {.play = play, .results = results};
		int64_t wall_us = clock_now_us();
		snprintf(run.name, sizeof run.name, "%s-%zu", play->scenario, play->nodes);
		scenarios[i].play(&run);
		fprintf(stderr, "%-14s %.1f s\n", run.name, seconds(clock_now_us() - wall_us));
		return true;
	}
	return false;
}

void silence_list(FILE *out)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(out, "  %-10s %s\n", scenarios[i].name, scenarios[i].meaning);
}

#include "truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "mesh/problems.h"
#include "world.h"

#define START_WITHIN_US (20 * SECOND_US)
#define SETTLE_US (3 * MINUTE_US)
/* Within this each node must have named a fault, and after it was healed have called it over. */
#define NAMED_US (300 * SECOND_US)
#define OVER_US (120 * SECOND_US)
/* Between two faults: what is forgotten a minute after it was over is forgotten. */
#define REST_US (90 * SECOND_US)

enum { FULL_MESH = 64, SIDE = 3, MOST_NODES = 64 };

/* A node that looks what is wrong, once a second. */
struct observer {
	struct host *host;
	struct problems *problems; /* NULL while its node does not run */
	int64_t up_us;		   /* the run of its node */
	int64_t next_us;	   /* when to look although nothing has changed */
	uint64_t version;	   /* of the reports, at the last look */
};

/* What is wrong, and what should be said of it. */
struct fault {
	enum finding_kind kind;
	const struct host *subjects[MOST_NODES];
	size_t subject_count;
	const struct host *others[MOST_NODES]; /* what the subjects of a partition say: the other side */
	size_t other_count;
	int64_t began_us, noticed_us; /* when it could be noticed first; -1 until then */
};

struct run {
	const struct play *play;
	char name[RESULTS_NAME_BYTES]; /* SCENARIO-NODES */
	struct world world;
	int64_t grown_us; /* since when all nodes are there */
	struct results *results;
	struct observer observers[2 * MOST_NODES];
	size_t observer_count;
	const struct fault *fault; /* NULL for none */
	size_t false_problems;
	size_t parts; /* problems that name a part of the fault */
};

static int64_t now_of(const struct run *run)
{
	return run->world.agenda.now_us;
}

static double seconds(int64_t us)
{
	return (double)us / (double)SECOND_US;
}

static void add(struct run *run, const char *what, const char *name, double value, int decimals)
{
	char full[2 * RESULTS_NAME_BYTES + 4];
	snprintf(full, sizeof full, "%s%s%s", what, what[0] == '\0' ? "" : ": ", name);
	results_add(run->results, run->name, full, value, decimals);
}

/* ---- what a node says is wrong ---- */

static bool is_about(const struct finding *finding, const struct host *const *hosts, size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i < finding->subject_count; i++)
		for (size_t j = 0; j < count; j++)
			found += nodeid_equals(&finding->subjects[i], &hosts[j]->nodeid);
	return found == count && finding->subject_count == count;
}

/* Is this what should be said of the fault? */
static bool names_fault(const struct fault *fault, const struct finding *finding)
{
	return finding->kind == fault->kind &&
	       (is_about(finding, fault->subjects, fault->subject_count) ||
		(fault->other_count > 0 && is_about(finding, fault->others, fault->other_count)));
}

/* Which side of a cut: 1 or 2; 0 for neither. */
static int side_of(const struct fault *fault, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < fault->subject_count; i++)
		if (nodeid_equals(&fault->subjects[i]->nodeid, nodeid))
			return i < SIDE ? 1 : 2;
	return 0;
}

/* Does it name nothing but pairs of the cut, which is noticed pair by pair? */
static bool is_part(const struct fault *fault, const struct finding *finding)
{
	size_t sides[3] = {0};
	if (fault->kind != FINDING_CUT || (finding->kind != FINDING_CUT && finding->kind != FINDING_LINK))
		return false;
	for (size_t i = 0; i < finding->subject_count; i++)
		sides[side_of(fault, &finding->subjects[i])]++;
	return sides[0] == 0 && sides[1] > 0 && sides[2] > 0;
}

static bool is_gone(const struct run *run, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < run->world.host_count; i++)
		if (nodeid_equals(&run->world.hosts[i].nodeid, nodeid))
			return run->world.hosts[i].state != HOST_UP;
	return true;
}

/* The callback of problems_look knows who looks. */
struct hearing {
	struct run *run;
	const struct observer *observer;
};

static void hear(void *context, const struct problem_entry *problem)
{
	const struct hearing *hearing = context;
	struct run *run = hearing->run;
	const struct finding *finding = &problem->finding;
	const struct fault *fault = run->fault;
	bool is_true = finding->is_notice || (finding->kind == FINDING_NODE && is_gone(run, &finding->subjects[0]));
	if (fault != NULL)
		/* A node that has lost most of its peers first says that it may be the one that is cut off. */
		is_true = is_true || names_fault(fault, finding) ||
			  (fault->kind == FINDING_PARTITION && finding->kind == FINDING_ME);
	if (problem->over_us >= 0 || is_true)
		return;
	bool is_piece = fault != NULL && is_part(fault, finding);
	*(is_piece ? &run->parts : &run->false_problems) += 1;
	if (run->play->shows_progress)
		fprintf(stderr, "%8.1f s node %zu: %s%s: %s\n", seconds(now_of(run)),
			(size_t)(hearing->observer->host - run->world.hosts), is_piece ? "a part: " : "",
			finding_kind_name(finding->kind), finding->text);
}

static void forget(struct observer *observer)
{
	problems_free(observer->problems);
	observer->problems = NULL;
}

static void look(struct run *run, struct observer *observer)
{
	struct host *host = observer->host;
	int64_t now_us = now_of(run);
	struct hearing hearing = {run, observer};
	if (observer->problems != NULL && (host->state != HOST_UP || observer->up_us != host->up_us))
		forget(observer);
	if (host->state != HOST_UP || host_is_frozen(host))
		return;
	if (observer->problems == NULL)
		*observer = (struct observer){.host = host, .problems = problems_new(), .up_us = host->up_us};
	must(observer->problems != NULL);
	if (reports_version(host->reports) == observer->version && now_us < observer->next_us)
		return;
	observer->version = reports_version(host->reports);
	struct reports_snapshot snapshot = reports_take_snapshot(host->reports);
	struct view view;
	must(view_build(&view, &snapshot, &host->nodeid, now_us));
	view_expire(&view, host->reports);
	struct findings findings = diagnosis_find(&view, problems_memory(observer->problems));
	int64_t again_us = problems_look(observer->problems, &findings, now_us, hear, &hearing);
	observer->next_us = clock_earlier(clock_earlier(again_us, findings.again_us), now_us + 10 * SECOND_US);
	findings_fini(&findings);
	view_free(&view);
}

/* A second passes. */
static void pass_second(struct run *run)
{
	world_run(&run->world, now_of(run) + SECOND_US);
	for (size_t i = 0; i < run->observer_count; i++)
		look(run, &run->observers[i]);
}

static void pass(struct run *run, int64_t time_us)
{
	for (int64_t until_us = now_of(run) + time_us; now_of(run) < until_us;)
		pass_second(run);
}

static bool says(const struct observer *observer, const struct fault *fault)
{
	size_t count;
	bool found = false;
	struct problem_entry *list = observer->problems == NULL ? NULL : problems_list(observer->problems, &count);
	for (size_t i = 0; list != NULL && i < count && !found; i++)
		found = names_fault(fault, &list[i].finding);
	free(list);
	return found;
}

/* How many say so, of those that can know: nodes that run and are not frozen; one that is cut off knows only itself. */
static size_t count_who_say(const struct run *run, const struct fault *fault, size_t *able)
{
	size_t count = 0;
	*able = 0;
	for (size_t i = 0; i < run->observer_count; i++) {
		const struct host *host = run->observers[i].host;
		if (host->state != HOST_UP || host_is_frozen(host))
			continue;
		++*able;
		count += says(&run->observers[i], fault);
	}
	return count;
}

/* ---- a network ---- */

static void observe(struct run *run, struct host *host)
{
	run->observers[run->observer_count++] = (struct observer){.host = host};
}

static void begin(struct run *run)
{
	enum { SPARE = 16 };
	size_t nodes = run->play->nodes;
	run->observer_count = 0;
	run->fault = NULL;
	world_init(&run->world, run->play->seed, nodes * 2 + SPARE, FULL_MESH);
	world_grow(&run->world, nodes, START_WITHIN_US);
	for (size_t i = 0; i < nodes; i++)
		observe(run, &run->world.hosts[i]);
	pass(run, START_WITHIN_US + SETTLE_US);
	run->grown_us = now_of(run);
}

static void end(struct run *run)
{
	for (size_t i = 0; i < run->observer_count; i++)
		forget(&run->observers[i]);
	world_fini(&run->world);
}

/* Draws so many different nodes, the bootstrap not among them. */
static void draw(struct run *run, const struct host **hosts, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t place = 1 + world_below(&run->world, (uint32_t)run->play->nodes - 1);
		const struct host *host = &run->world.hosts[place];
		bool is_new = true;
		for (size_t j = 0; j < i && is_new; j++)
			is_new = hosts[j] != host;
		if (is_new)
			hosts[i++] = host;
	}
}

/* A node that was not restarted yet: of others it may be said, and be true, that they are so again and again. */
static void draw_settled(struct run *run, const struct host **host)
{
	draw(run, host, 1);
	while ((*host)->up_us > run->grown_us)
		*host = *host == run->world.hosts + 1 ? run->world.hosts + run->play->nodes - 1 : *host - 1;
}

/* ---- faults ---- */

/* Some connection between the two groups is in a table. */
static bool has_link(const struct host *const *ones, size_t one_count, const struct host *const *others,
		     size_t other_count)
{
	for (size_t i = 0; i < one_count; i++)
		for (size_t e = 0; e < ones[i]->end_count; e++)
			for (size_t j = 0; j < other_count; j++)
				if (end_other(ones[i]->ends[e])->host == others[j] &&
				    (end_is_ready(ones[i]->ends[e]) || end_is_ready(end_other(ones[i]->ends[e]))))
					return true;
	return false;
}

static void cut_groups(struct run *run, const struct host *const *ones, size_t one_count,
		       const struct host *const *others, size_t other_count, bool both_ways)
{
	for (size_t i = 0; i < one_count; i++)
		for (size_t j = 0; j < other_count; j++) {
			world_cut(&run->world, ones[i], others[j]);
			if (both_ways)
				world_cut(&run->world, others[j], ones[i]);
		}
}

static void begin_pair(struct run *run, struct fault *fault)
{
	*fault = (struct fault){.kind = FINDING_LINK, .subject_count = 2};
	draw(run, fault->subjects, 2);
	cut_groups(run, &fault->subjects[0], 1, &fault->subjects[1], 1, true);
}

static void begin_one_way(struct run *run, struct fault *fault)
{
	*fault = (struct fault){.kind = FINDING_LINK, .subject_count = 2};
	draw(run, fault->subjects, 2);
	cut_groups(run, &fault->subjects[0], 1, &fault->subjects[1], 1, false);
}

static bool is_pair_broken(const struct fault *fault)
{
	return !has_link(&fault->subjects[0], 1, &fault->subjects[1], 1);
}

static void begin_wall(struct run *run, struct fault *fault, enum finding_kind kind)
{
	*fault = (struct fault){.kind = kind, .subject_count = 2};
	draw(run, fault->subjects, 2);
	world_cut_dials(&run->world, fault->subjects[0], fault->subjects[1]);
	if (kind == FINDING_FADING)
		world_cut_dials(&run->world, fault->subjects[1], fault->subjects[0]);
	/* Nodes look for that more often than by default, from now on. */
	run->world.first.feeler_interval_us = run->world.others.feeler_interval_us = SECOND_US;
}

static void begin_walled(struct run *run, struct fault *fault)
{
	begin_wall(run, fault, FINDING_ONE_WAY);
}

static void begin_fading(struct run *run, struct fault *fault)
{
	begin_wall(run, fault, FINDING_FADING);
}

static bool says_that_dials_fail(const struct host *host, const struct host *to)
{
	struct report *report = reports_find(host->reports, &host->nodeid);
	bool fails = report != NULL && report_fails_to_reach(report, &to->nodeid);
	report_release(report);
	return fails;
}

/* All who can't dial the other say so. */
static bool is_wall_felt(const struct fault *fault)
{
	const struct host *one = fault->subjects[0], *other = fault->subjects[1];
	return says_that_dials_fail(one, other) && (fault->kind != FINDING_FADING || says_that_dials_fail(other, one));
}

static void begin_groups(struct run *run, struct fault *fault)
{
	*fault = (struct fault){.kind = FINDING_CUT, .subject_count = 2 * SIDE};
	draw(run, fault->subjects, 2 * SIDE);
	cut_groups(run, fault->subjects, SIDE, &fault->subjects[SIDE], SIDE, true);
}

static bool are_groups_broken(const struct fault *fault)
{
	return !has_link(fault->subjects, SIDE, &fault->subjects[SIDE], SIDE);
}

static void end_cuts(struct run *run, struct fault *fault)
{
	(void)fault;
	world_heal(&run->world);
}

static struct host *only_subject(struct run *run, const struct fault *fault)
{
	return &run->world.hosts[fault->subjects[0] - run->world.hosts];
}

static void begin_crash(struct run *run, struct fault *fault)
{
	*fault = (struct fault){.kind = FINDING_NODE, .subject_count = 1};
	draw_settled(run, fault->subjects);
	host_kill(only_subject(run, fault));
}

static void begin_stop(struct run *run, struct fault *fault)
{
	*fault = (struct fault){.kind = FINDING_NODE, .subject_count = 1};
	draw_settled(run, fault->subjects);
	host_freeze(only_subject(run, fault), FOREVER_US);
}

/* Nobody has it in its table. */
static bool is_node_lost(const struct fault *fault)
{
	const struct host *host = fault->subjects[0];
	for (size_t i = 0; i < host->end_count; i++)
		if (end_is_ready(end_other(host->ends[i])))
			return false;
	return true;
}

static void end_node(struct run *run, struct fault *fault)
{
	struct host *host = only_subject(run, fault);
	if (host->state == HOST_UP)
		host_kill(host);
	host_start(host);
}

static void begin_partition(struct run *run, struct fault *fault)
{
	*fault = (struct fault){.kind = FINDING_PARTITION, .subject_count = run->play->nodes * 2 / 5};
	draw(run, fault->subjects, fault->subject_count);
	for (size_t i = 0; i < fault->subject_count; i++)
		run->world.hosts[fault->subjects[i] - run->world.hosts].is_far_side = true;
	for (size_t i = 0; i < run->play->nodes; i++)
		if (!run->world.hosts[i].is_far_side)
			fault->others[fault->other_count++] = &run->world.hosts[i];
	run->world.is_parted = true;
}

static bool is_parted(const struct fault *fault)
{
	return !has_link(fault->subjects, fault->subject_count, fault->others, fault->other_count);
}

static void end_partition(struct run *run, struct fault *fault)
{
	(void)fault;
	run->world.is_parted = false;
	for (size_t i = 0; i < run->world.host_count; i++)
		run->world.hosts[i].is_far_side = false;
}

static const struct kind {
	const char *name;
	void (*begin)(struct run *run, struct fault *fault);
	bool (*is_noticeable)(const struct fault *fault);
	void (*end)(struct run *run, struct fault *fault);
} kinds[] = {
	/* clang-format off */
	{"crash",     begin_crash,     is_node_lost,      end_node},
	{"stop",      begin_stop,      is_node_lost,      end_node},
	{"pair",      begin_pair,      is_pair_broken,    end_cuts},
	{"one way",   begin_one_way,   is_pair_broken,    end_cuts},
	{"groups",    begin_groups,    are_groups_broken, end_cuts},
	{"partition", begin_partition, is_parted,         end_partition},
	{"walled",    begin_walled,    is_wall_felt,      end_cuts},
	{"fading",    begin_fading,    is_wall_felt,      end_cuts},
	/* clang-format on */
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Of one kind, all trials. */
struct verdict {
	double named_s, noticed_s,
		over_s;	     /* the latest: from the beginning, from when it could be noticed; from the end */
	size_t missed, kept; /* trials in which some node did not name it, or did not call it over */
};

static double later(double one, double other)
{
	return isnan(one) || other > one ? other : one;
}

static void wait_until_named(struct run *run, const struct kind *kind, struct fault *fault, struct verdict *verdict)
{
	size_t able = 1, count = 0;
	fault->began_us = now_of(run);
	if (run->play->shows_progress)
		fprintf(stderr, "%8.1f s %s\n", seconds(now_of(run)), kind->name);
	fault->noticed_us = -1;
	run->fault = fault;
	while (count < able && now_of(run) < fault->began_us + NAMED_US) {
		pass_second(run);
		if (fault->noticed_us < 0 && kind->is_noticeable(fault))
			fault->noticed_us = now_of(run);
		count = count_who_say(run, fault, &able);
	}
	if (count < able) {
		verdict->missed++;
		fprintf(stderr, "%s: %zu of %zu nodes name it\n", kind->name, count, able);
		return;
	}
	verdict->named_s = later(verdict->named_s, seconds(now_of(run) - fault->began_us));
	verdict->noticed_s =
		later(verdict->noticed_s, fault->noticed_us < 0 ? 0 : seconds(now_of(run) - fault->noticed_us));
}

static void wait_until_over(struct run *run, const struct kind *kind, struct fault *fault, struct verdict *verdict)
{
	size_t able, count = 1;
	int64_t healed_us = now_of(run);
	kind->end(run, fault);
	while (count > 0 && now_of(run) < healed_us + OVER_US) {
		pass_second(run);
		count = count_who_say(run, fault, &able);
	}
	if (count == 0)
		verdict->over_s = later(verdict->over_s, seconds(now_of(run) - healed_us));
	else
		verdict->kept++;
	pass(run, REST_US);
	run->fault = NULL;
}

static void play_truth(struct run *run)
{
	enum { TRIALS = 3 };
	begin(run);
	for (size_t k = 0; k < KINDS; k++) {
		struct verdict verdict = {.named_s = NAN, .noticed_s = NAN, .over_s = NAN};
		run->false_problems = run->parts = 0;
		for (int i = 0; i < TRIALS; i++) {
			struct fault fault;
			kinds[k].begin(run, &fault);
			wait_until_named(run, &kinds[k], &fault, &verdict);
			wait_until_over(run, &kinds[k], &fault, &verdict);
		}
		add(run, kinds[k].name, "trials that some node did not name", (double)verdict.missed, 0);
		add(run, kinds[k].name, "named by all, s: most", verdict.named_s, 0);
		add(run, kinds[k].name, "named by all, s after all could notice it: most", verdict.noticed_s, 0);
		add(run, kinds[k].name, "trials that some node did not call over", (double)verdict.kept, 0);
		add(run, kinds[k].name, "over for all, s: most", verdict.over_s, 0);
		add(run, kinds[k].name, "problems that name a part", (double)run->parts, 0);
		add(run, kinds[k].name, "other problems", (double)run->false_problems, 0);
	}
	end(run);
}

/* ---- quiet: nodes come and go, and nothing is wrong ---- */

static void replace_one(struct run *run)
{
	world_lose_one(&run->world);
	struct host *host = world_add_host(&run->world, 0);
	observe(run, host);
	host_start(host);
}

static void play_calm(struct run *run)
{
	enum { HOUR = 60 };
	int64_t minutes = run->play->minutes == 0 ? HOUR : run->play->minutes;
	size_t replaced = run->play->nodes / 2;
	begin(run);
	run->false_problems = 0;
	for (size_t i = 0; i < replaced; i++) {
		replace_one(run);
		pass(run, minutes * MINUTE_US / (int64_t)replaced);
	}
	add(run, "", "nodes replaced", (double)replaced, 0);
	add(run, "", "false problems", (double)run->false_problems, 0);
	end(run);
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario {
	const char *name;
	void (*play)(struct run *run);
	const char *meaning;
} scenarios[] = {
	{"truth", play_truth, "faults of each kind: who names them, how soon, and what else is said"},
	{"calm",  play_calm,  "half of the nodes are replaced within an hour: false problems"},
};
/* clang-format on */
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

bool truth_play(const struct play *play, struct results *results)
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (strcmp(scenarios[i].name, play->scenario) != 0)
			continue;
		struct run run = {.play = play, .results = results};
		int64_t wall_us = clock_now_us();
		must(play->nodes <= MOST_NODES && play->nodes > 2 * SIDE + 1);
		snprintf(run.name, sizeof run.name, "%s-%zu", play->scenario, play->nodes);
		scenarios[i].play(&run);
		fprintf(stderr, "%-14s %.1f s\n", run.name, seconds(clock_now_us() - wall_us));
		return true;
	}
	return false;
}

void truth_list(FILE *out)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(out, "  %-10s %s\n", scenarios[i].name, scenarios[i].meaning);
}

#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "report.h"
#include "scenarios.h"

enum { USAGE = 64, NODES = 1000, SEED = 1 };

#define FALSE_ALARMS "live peers dropped for a time-out (false alarms)"

#define FALSE_VERDICTS "false verdicts"
#define BY_TIMEOUT "live peers dropped by ping_timeout"
#define BUSIEST "bytes that the busiest node sent in its busiest second"

/* What must hold in the small set; least and most are both allowed. */
struct bound {
	const char *run, *figure;
	double least, most;
};

/* clang-format off */
static const struct bound bounds[] = {
	{"growth-1000",   "one component, s after the last start",                       0, 10},
	{"growth-1000",   "all have their outbound peers, s after the last start",       0, 30},
	{"growth-1000",   "components",                                                  1, 1},
	{"growth-1000",   "diameter",                                                    2, 5},
	{"growth-1000",   "at rest, messages per node and second",                       0.4, 0.7},
	{"growth-1000",   "at rest, bytes per node and second",                          5, 20},
	{"growth-1000",   "half of the nodes were told a newcomer's address, s",         0, 10},
	{"growth-1000",   FALSE_ALARMS,                                                  0, 0},
	{"churn-300",     "in the largest component meanwhile, mean %",                  99.5, 100},
	{"churn-300",     "with all their outbound peers meanwhile, mean %",             97, 100},
	{"churn-300",     "one component, s after the last change",                      0, 10},
	{"churn-300",     FALSE_ALARMS,                                                  0, 0},
	{"outage-300",    "one component, s after the last return",                      0, 30},
	{"outage-300",    "all have their outbound peers, s after the last return",      0, 60},
	{"partition-700", "components at the end of the partition",                      2, 2},
	{"partition-700", "all have their outbound peers, s after the cut",              0, 900},
	{"partition-700", "one component, s after the cut was healed",                   0, 60},
	{"partition-700", "all have their outbound peers, s after the cut was healed",   0, 60},
	{"partition-700", FALSE_ALARMS,                                                  0, 0},
	{"attack10-100",  "the attacker has of the outbound connections in the end, %",  0, 25},
	{"attack10-100",  "nodes with no outbound peer but his, %",                      0, 2},
	{"attack10-100",  "components",                                                  1, 1},
	{"loss1-300",     "one component, s after the last start",                       0, 60},
	{"loss1-300",     FALSE_ALARMS,                                                  0, 0},
	{"loss5-300",     "one component, s after the last start",                       0, 60},
	{"loss5-300",     FALSE_ALARMS,                                                  0, 0},
	{"reflect-20",    "1000 ports: SYNs to the host in the first minute",            0, 200},
	{"reflect-20",    "1000 ports: SYNs in ten minutes, for 100 bytes told",         0, 3},
	{"reflect-20",    "10 ports: SYNs to the host in the first minute",              0, 200},
	{"silent-5",      "late in some table, s: median",                               1, 2},
	{"silent-5",      "gone from all tables, s: median",                             5, 6.5},
	{"silent-5",      "gone from all tables, s: most",                               5, 8},
	{"silent-20",     "at rest, bytes sent per node and second",                     20, 60},
	{"silent-20",     "late in some table, s: median",                               1, 2},
	{"silent-20",     "late in some table, s: most",                                 1, 6},
	{"silent-20",     "gone from all tables, s: median",                             5, 7},
	{"silent-20",     "gone from all tables, s: most",                               5, 10},
	{"silent-20",     "questions of one node in a trial, most",                      3, 30},
	{"silent-20",     FALSE_VERDICTS,                                                0, 0},
	{"freeze-20",     FALSE_VERDICTS,                                                0, 0},
	{"freeze-20",     BY_TIMEOUT,                                                    0, 0},
	{"hour-20",       FALSE_VERDICTS,                                                0, 0},
	{"mass-60",       "half are frozen: " BUSIEST,                                   0, 20000},
	{"mass-60",       "nearly half are frozen: " BUSIEST,                            0, 20000},
	{"mass-60",       "half are cut off: " BUSIEST,                                  0, 20000},
	{"mass-60",       "nearly half are cut off: " BUSIEST,                           0, 20000},
	{"mass-60",       "half are cut off: " FALSE_VERDICTS,                           0, 0},
	{"pair-20",       "both ways: gone from the table of the first, s",              20, 60},
	{"pair-20",       "both ways: peers that were dropped",                          2, 2},
	{"pair-20",       "one way: gone from the table of the first, s",                20, 60},
	{"pair-20",       "one way: peers that were dropped",                            2, 2},
};

static const struct set {
	const char *scenario;
	size_t nodes;
	int64_t minutes;
} small_set[] = {
	{"churn", 300, 0}, /* the first is played twice */
	{"growth", 1000, 36},
	{"outage", 300, 0},
	{"partition", 700, 52}, /* smaller halves meet again also without feelers to lost peers */
	{"attack10", 100, 0},
	{"loss1", 300, 0},
	{"loss5", 300, 0},
	{"reflect", 20, 0},
	{"silent", 5, 0},
	{"silent", 20, 0},
	{"freeze", 20, 0},
	{"hour", 20, 0},
	{"mass", 60, 0},
	{"pair", 20, 0},
}, full_set[] = {
	{"growth", 100, 0},
	{"growth", 1000, 0},
	{"growth", 10000, 0},
	{"churn", 1000, 0},
	{"outage", 1000, 0},
	{"partition", 1000, 0},
	{"attack1", 1000, 0},
	{"attack10", 1000, 0},
	{"loss1", 1000, 0},
	{"loss5", 1000, 0},
	{"loss20", 1000, 0},
	{"reflect", 20, 0},
	{"reflect", 1000, 0},
	{"silent", 5, 0},
	{"silent", 20, 0},
	{"silent", 100, 0},
	{"silent", 1000, 0},
	{"freeze", 20, 0},
	{"lossy", 20, 0},
	{"hour", 20, 0},
	{"liar", 20, 0},
	{"mass", 60, 0},
	{"pair", 20, 0},
};
/* clang-format on */
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void play_set(const struct set *set, size_t count, const struct play *like, struct report *report)
{
	for (size_t i = 0; i < count; i++) {
		struct play play = *like;
		play.scenario = set[i].scenario;
		play.nodes = set[i].nodes;
		play.minutes = set[i].minutes;
		scenario_play(&play, report);
	}
}

static size_t count_broken(const struct report *report)
{
	size_t broken = 0;
	for (size_t i = 0; i < COUNT(bounds); i++) {
		const struct bound *bound = &bounds[i];
		double value = report_find(report, bound->run, bound->figure);
		if (value >= bound->least && value <= bound->most)
			continue;
		printf("BROKEN: %s: %s: %g is not within %g and %g\n", bound->run, bound->figure, value, bound->least,
		       bound->most);
		broken++;
	}
	return broken;
}

/* The first of the set once more: another report from the same seed would mean that something isn't from the seed. */
static bool is_repeatable(const struct play *like, const struct report *report)
{
	struct report again = {0}, first = *report;
	play_set(small_set, 1, like, &again);
	first.count = again.count;
	bool same = again.count <= report->count && report_equals(&first, &again);
	if (!same)
		printf("BROKEN: %s: the same seed gave another report\n", small_set[0].scenario);
	report_fini(&again);
	return same;
}

static int play_small(const struct play *like, struct report *report)
{
	play_set(small_set, COUNT(small_set), like, report);
	report_print(report, stdout);
	size_t broken = count_broken(report) + !is_repeatable(like, report);
	printf("sim: %zu passed, %zu failed\n", COUNT(bounds) + 1 - broken, broken);
	return broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(FILE *out)
{
	fprintf(out, "usage: sim [--seed N] [--output DIR] [--progress] --small | --all |\n"
		     "           --scenario NAME [--nodes N] [--minutes M]\n");
	scenario_list(out);
	return USAGE;
}

static const struct option options[] = {
	{"scenario", required_argument, NULL, 'c'},
	{"nodes", required_argument, NULL, 'n'},
	{"minutes", required_argument, NULL, 'm'},
	{"seed", required_argument, NULL, 's'},
	{"output", required_argument, NULL, 'o'},
	{"small", no_argument, NULL, 'S'},
	{"all", no_argument, NULL, 'A'},
	{"progress", no_argument, NULL, 'p'},
	{0},
};

int main(int argc, char **argv)
{
	struct play play = {.nodes = NODES, .seed = SEED};
	struct report report = {0};
	bool is_small = false, is_all = false;
	int option, status = EXIT_SUCCESS;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			play.scenario = optarg;
			break;
		case 'n':
			play.nodes = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			play.minutes = strtol(optarg, NULL, 10);
			break;
		case 's':
			play.seed = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			report.directory = optarg;
			break;
		case 'p':
			play.shows_progress = true;
			break;
		case 'S':
			is_small = true;
			break;
		case 'A':
			is_all = true;
			break;
		default:
			return usage(stderr);
		}
	}
	if (is_small + is_all + (play.scenario != NULL) != 1 || optind < argc || play.nodes < 2)
		return usage(stderr);
	log_set_level(LOG_ERROR);
	if (is_small)
		status = play_small(&play, &report);
	else if (is_all)
		play_set(full_set, COUNT(full_set), &play, &report);
	else if (!scenario_play(&play, &report))
		return usage(stderr);
	if (!is_small)
		report_print(&report, stdout);
	report_fini(&report);
	return status;
}

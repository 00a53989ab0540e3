#include "unit/mesh/some_reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

enum { WORDS_BYTES = 16384 };
#define SECOND_US INT64_C(1000000)

struct nodeid some_nodeid(unsigned number)
{
	struct nodeid nodeid = {.bytes = {(unsigned char)(number >> 4), (unsigned char)(number << 4 & 0xff)}};
	nodeid.bytes[NODEID_BYTES - 1] = 1;
	return nodeid;
}

unsigned some_number(const struct nodeid *nodeid)
{
	return (unsigned)nodeid->bytes[0] << 4 | nodeid->bytes[1] >> 4;
}

struct address some_address(unsigned number)
{
	struct address address;
	char text[ADDRESS_TEXT_BYTES];
	snprintf(text, sizeof text, "10.0.%u.%u:5999", number / 256, number % 256);
	CU_ASSERT_TRUE_FATAL(address_parse(text, &address));
	return address;
}

static enum report_reason reason_of(const char *name)
{
	enum report_reason reason = REASON_OTHER;
	while (reason + 1 < REASONS && strcmp(report_reason_name(reason), name) != 0)
		reason++;
	EXPECT(strcmp(report_reason_name(reason), name) == 0, "%s is no reason", name);
	return reason;
}

static void add_link(struct report *report, const char *word)
{
	struct report_link *link = &report->links[report->link_count++];
	*link = (struct report_link){.seq = report->seq, .late_since_us = -1, .rtt_us = 1000};
	link->nodeid = some_nodeid((unsigned)strtoul(word, NULL, 10));
	if (strchr(word, '!') != NULL)
		link->late_since_us = SOME_NOW_US - 3 * SECOND_US;
	if (strchr(word, '/') != NULL)
		link->rtt_us = atoi(strchr(word, '/') + 1);
}

static void add_word(struct report *report, const char *word)
{
	unsigned number;
	char reason[32];
	int ago_s = 10, used = 0;
	bool is_unknown = word[0] == '?';
	if (word[0] == '=') {
		snprintf(report->name, sizeof report->name, "%s", word + 1);
		report->fact_seq[FACT_NAME] = report->seq;
	} else if (sscanf(word, "%u-%31[a-z_]%n@%d", &number, reason, &used, &ago_s) >= 2) {
		report->ends[report->end_count++] = (struct report_end){.nodeid = some_nodeid(number),
									.seq = report->seq,
									.ended_us = SOME_NOW_US - ago_s * SECOND_US,
									.reason = reason_of(reason)};
	} else if (sscanf(word + is_unknown, "%u?%31[a-z_]%n@%d", &number, reason, &used, &ago_s) >= 2) {
		int64_t last_us = SOME_NOW_US - (word[is_unknown + used] == '@' ? ago_s : 0) * SECOND_US;
		report->failures[report->failure_count++] =
			(struct report_failure){.address = some_address(number),
						.nodeid = is_unknown ? nodeid_none : some_nodeid(number),
						.seq = report->seq,
						.since_us = last_us - 60 * SECOND_US,
						.last_us = last_us,
						.reached_us = -1,
						.tries = 5,
						.reason = reason_of(reason)};
	} else {
		add_link(report, word);
	}
}

struct report *some_report(unsigned number, int64_t seq, const char *words)
{
	char copy[WORDS_BYTES];
	size_t count = 1;
	for (const char *c = words; *c != '\0'; c++)
		count += *c == ' ';
	struct report *report = report_new(&(struct report_room){.links = count, .ends = count, .failures = count});
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	report->nodeid = some_nodeid(number);
	report->seq = report->floor = seq;
	report->address = some_address(number);
	report->started_us = SOME_NOW_US - 500 * SECOND_US;
	CU_ASSERT_TRUE_FATAL(strlen(words) < sizeof copy);
	strcpy(copy, words);
	for (char *rest = copy, *word; (word = strsep(&rest, " ")) != NULL;)
		if (word[0] != '\0')
			add_word(report, word);
	report_order(report);
	return report;
}

struct report *some_change(unsigned number, int64_t base, int64_t seq, const char *words)
{
	struct report *change = some_report(number, seq, words);
	change->base = change->floor = base;
	return change;
}

struct view some_view(unsigned self, const char *const *reports)
{
	struct reports_snapshot snapshot = {.forget_after_us = SOME_FORGET_AFTER_US};
	struct nodeid nodeid = some_nodeid(self);
	struct view view;
	while (reports[snapshot.count] != NULL)
		snapshot.count++;
	snapshot.entries = calloc(snapshot.count + 1, sizeof *snapshot.entries);
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot.entries);
	for (size_t i = 0; i < snapshot.count; i++) {
		char *words;
		unsigned number = (unsigned)strtoul(reports[i], &words, 10);
		snapshot.entries[i] = (struct reports_entry){.report = some_report(number, 7, words + 1),
							     .teller = some_nodeid(number),
							     .heard_us = SOME_NOW_US - SECOND_US,
							     .reached_us = -1};
	}
	CU_ASSERT_TRUE_FATAL(view_build(&view, &snapshot, &nodeid, SOME_NOW_US));
	return view;
}

#include "wire/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "runner.h"
#include "unit/suites.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

/* Reports to and from lines. Lines have ' for ". */

#define A "0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7"
#define B "5a1ecd62-7f8b-4736-9802-d898470b1805"
#define NIL "00000000-0000-0000-0000-000000000000"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define HEAD "{'msgtype':'report','seq':7,"
#define COMPLETE HEAD "'up_s':1"

static const int64_t now_us = INT64_C(1000) * 3600 * 1000 * 1000;

/* A copy with ", which the caller frees. */
static char *quoted(const char *line)
{
	char *text = strdup(line);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (char *quote = text; (quote = strchr(quote, '\'')) != NULL;)
		*quote = '"';
	return text;
}

/* NULL if it is refused, or is not JSON. */
static struct report *read_text(const char *line, int64_t read_us, struct problem *problem)
{
	struct json_object *object;
	struct report *report = NULL;
	memset(problem, 'E', sizeof *problem);
	if (json_parse(line, strlen(line), MESSAGE_JSON_DEPTH, &object, problem) &&
	    !report_read(object, read_us, &report, problem))
		CU_ASSERT_PTR_NULL(report);
	json_object_put(object);
	return report;
}

static struct report *read_good(const char *line)
{
	struct problem problem;
	char *text = quoted(line);
	struct report *report = read_text(text, now_us, &problem);
	EXPECT(report != NULL, "%s: %.*s", line, PROBLEM_BYTES, problem.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	free(text);
	return report;
}

static void expect_line(const struct report *report, const struct report_words *words, const char *expected)
{
	struct buffer line = {0};
	char *text = quoted(expected);
	size_t length = strlen(text);
	CU_ASSERT_FATAL(report_write(report, words, &line));
	EXPECT(buffer_length(&line) == length + 1 && memcmp(buffer_content(&line), text, length) == 0 &&
		       buffer_content(&line)[length] == '\n',
	       "%.*s is not %s", (int)buffer_length(&line), buffer_content(&line), text);
	buffer_fini(&line);
	free(text);
}

static struct report_words words_of(const struct report *report)
{
	return (struct report_words){
		.now_us = now_us, .clock_us = report->clock_us, .is_own = nodeid_is_none(&report->nodeid)};
}

/* What is read, and written again; NULL where it is written as it was. */
static void a_report_is_read_and_written(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"{'msgtype':'report','seq':1,'up_s':0}", NULL},
		{"{'msgtype':'report','nodeid':'" A "','seq':9007199254740992,'up_s':3153600000}", NULL},
		{"{'msgtype':'report','seq':1,'up_s':9e99}", "{'msgtype':'report','seq':1,'up_s':3153600000}"},
		{HEAD
		 "'name':'alpha','agent':'kithd/0.1.0','address':'[2001:db8::7]:5999','up_s':1.5,'time':1732882000124}",
		 NULL},
		{HEAD "'name':'" X64 "','agent':'" X64 "','up_s':1}", NULL},
		{HEAD "'name':null,'agent':'','address':null,'up_s':1}", COMPLETE "}"},
		{COMPLETE ",'tags':['role=db','" X64 "'],'skew_ms':-43000,'stalled':[4.1,30],'late':5}", NULL},
		{COMPLETE ",'tags':[],'skew_ms':0,'stalled':null,'late':0,'doubles':[],'refusals':[]}", COMPLETE "}"},
		{COMPLETE ",'stalled':[0,5]}", COMPLETE "}"},
		{COMPLETE ",'doubles':[['" A "','10.0.0.7:1','10.0.0.9:2']],'refusals':[['10.0.0.9',312,900,0.004],"
			  "['2001:db8::1',1,0,0]]}",
		 NULL},
		{COMPLETE ",'links':[['" A "',540,1],['" B "',null,0,1.25]]}", NULL},
		{COMPLETE ",'links':[['" B "',0,0,null],['" A "',2147483647,1]]}",
		 COMPLETE ",'links':[['" A "',2147483647,1],['" B "',0,0]]}"},
		{COMPLETE ",'drop':[['" A "','timed_out'],['" B "','silent',12.345]]}", NULL},
		{COMPLETE ",'drop':[['" A "','meteorite',0.0001]]}", COMPLETE ",'drop':[['" A "','other']]}"},
		{COMPLETE ",'failing':[['10.0.0.7:5999',null,'refused',1,0.5,0,null],"
			  "['[2001:db8::7]:5999','" A "','timed_out',4294967295,700,60,86400]]}",
		 NULL},
		{COMPLETE ",'failing':[['10.0.0.7:5999',null,'refused',1,5,9]]}",
		 COMPLETE ",'failing':[['10.0.0.7:5999',null,'refused',1,9,9,null]]}"},
		{COMPLETE ",'base':'x','mended':7,'sig':'later','Links':1}", COMPLETE "}"},
		{COMPLETE ",'links':[['" A "',1,1,null,'more']],'drop':[['" B "','left',1,'more']]}",
		 COMPLETE ",'links':[['" A "',1,1]],'drop':[['" B "','left',1]]}"},
		{COMPLETE ",'links':[['" A "',1,1],['" A "',1,1]],'drop':[['" A "','left']]}",
		 COMPLETE ",'links':[['" A "',1,1]]}"},
		{"{'msgtype':'report','seq':2}", NULL},
		{"{'msgtype':'report','seq':2,'base':1}", "{'msgtype':'report','seq':2}"},
		{HEAD "'base':3,'drop':[['0123ABCD','closed'],['" B "','closed',0.304]]}",
		 HEAD "'base':3,'drop':[['0123abcd','closed'],['" B "','closed',0.304]]}"},
		{HEAD "'base':3,'drop':[['0123abcd','closed',0.2]]}", HEAD "'base':3,'drop':[['0123abcd','closed']]}"},
		{HEAD "'links':[['" A "',7,1]],'drop':[['0123abcd','closed']]}", NULL},
		{HEAD "'name':null,'address':null,'tags':[],'skew_ms':0,'stalled':null,'late':0,'doubles':[],"
		      "'refusals':[]}",
		 NULL},
		{HEAD "'agent':'x','failing':[['10.0.0.7:1',null,'full',1,0,0,null]],'mended':['10.0.0.8:1']}",
		 HEAD "'failing':[['10.0.0.7:1',null,'full',1,0,0,null]],'mended':['10.0.0.8:1']}"},
		{HEAD "'failing':[['10.0.0.7:1',null,'full',1,0,0,null]],'mended':['10.0.0.7:1']}",
		 HEAD "'failing':[['10.0.0.7:1',null,'full',1,0,0,null]]}"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct report *report = read_good(cases[i].in);
		struct report_words words = words_of(report);
		expect_line(report, &words, cases[i].out != NULL ? cases[i].out : cases[i].in);
		report_release(report);
	}
}

static void a_wrong_report_is_refused(void)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"{'msgtype':'report','up_s':1}", "'seq' is missing"},
		{"{'msgtype':'report','seq':0,'up_s':1}", "'seq' must be"},
		{"{'msgtype':'report','seq':-5,'up_s':1}", "'seq' must be"},
		{"{'msgtype':'report','seq':1.5,'up_s':1}", "'seq' must be"},
		{"{'msgtype':'report','seq':'7','up_s':1}", "'seq' must be"},
		{"{'msgtype':'report','seq':9007199254740993,'up_s':1}", "'seq' must be"},
		{"{'msgtype':'report','seq':1}", "'base' must be"},
		{HEAD "'base':7}", "'base' must be"},
		{HEAD "'base':0}", "'base' must be"},
		{HEAD "'base':null}", "'base' must be"},
		{HEAD "'up_s':-1}", "'up_s' must be"},
		{HEAD "'up_s':null}", "'up_s' must be"},
		{HEAD "'up_s':'1'}", "'up_s' must be"},
		{COMPLETE ",'nodeid':'" NIL "'}", "'nodeid' must be"},
		{COMPLETE ",'nodeid':'0123abcd'}", "'nodeid' must be"},
		{COMPLETE ",'nodeid':null}", "'nodeid' must be"},
		{COMPLETE ",'name':'" X64 "x'}", "'name' must be"},
		{COMPLETE ",'name':7}", "'name' must be"},
		{COMPLETE ",'agent':'a\\u0000'}", "'agent' must be"},
		{COMPLETE ",'agent':'a\\n'}", "'agent' must be"},
		{COMPLETE ",'address':'db.example:5999'}", "'address' must be"},
		{COMPLETE ",'time':-1}", "'time' must be"},
		{COMPLETE ",'time':null}", "'time' must be"},
		{COMPLETE ",'skew_ms':9007199254740993}", "'skew_ms' must be"},
		{COMPLETE ",'skew_ms':0.5}", "'skew_ms' must be"},
		{COMPLETE ",'late':-1}", "'late' must be"},
		{COMPLETE ",'late':4294967296}", "'late' must be"},
		{COMPLETE ",'stalled':[1]}", "'stalled' must be"},
		{COMPLETE ",'stalled':[-1,5]}", "'stalled' must be"},
		{COMPLETE ",'tags':'role=db'}", "'tags' must be a list"},
		{COMPLETE ",'tags':null}", "'tags' must be a list"},
		{COMPLETE ",'tags':['']}", "entry 1 of 'tags'"},
		{COMPLETE ",'tags':['a','" X64 "x']}", "entry 2 of 'tags'"},
		{COMPLETE ",'doubles':[['" A "','10.0.0.7:1']]}", "entry 1 of 'doubles'"},
		{COMPLETE ",'doubles':[['" NIL "','10.0.0.7:1','10.0.0.8:1']]}", "entry 1 of 'doubles'"},
		{COMPLETE ",'refusals':[['10.0.0.7:1',1,0,0]]}", "entry 1 of 'refusals'"},
		{COMPLETE ",'refusals':[['10.0.0.7',0,0,0]]}", "entry 1 of 'refusals'"},
		{COMPLETE ",'refusals':[['10.0.0.7',1,0,-1]]}", "entry 1 of 'refusals'"},
		{COMPLETE ",'links':{}}", "'links' must be a list"},
		{COMPLETE ",'links':['" A "']}", "entry 1 of 'links'"},
		{COMPLETE ",'links':[['" A "',1,1],['" NIL "',1,1]]}", "entry 2 of 'links'"},
		{COMPLETE ",'links':[['0123abcd',1,1]]}", "entry 1 of 'links'"},
		{COMPLETE ",'links':[['" A "',-1,1]]}", "entry 1 of 'links'"},
		{COMPLETE ",'links':[['" A "',2147483648,1]]}", "entry 1 of 'links'"},
		{COMPLETE ",'links':[['" A "',1,2]]}", "entry 1 of 'links'"},
		{COMPLETE ",'links':[['" A "',1,true]]}", "entry 1 of 'links'"},
		{COMPLETE ",'links':[['" A "',1,1,-0.5]]}", "entry 1 of 'links'"},
		{COMPLETE ",'drop':[['" A "']]}", "entry 1 of 'drop'"},
		{COMPLETE ",'drop':[['" A "',7]]}", "entry 1 of 'drop'"},
		{COMPLETE ",'drop':[['" A "','left',-1]]}", "entry 1 of 'drop'"},
		{COMPLETE ",'drop':[['0123abcd','left']]}", "entry 1 of 'drop'"},
		{HEAD "'drop':[['00000000','left']]}", "entry 1 of 'drop'"},
		{HEAD "'drop':[['" NIL "','left']]}", "entry 1 of 'drop'"},
		{HEAD "'drop':[['0123abc','left']]}", "entry 1 of 'drop'"},
		{HEAD "'drop':[['0123abcg','left']]}", "entry 1 of 'drop'"},
		{HEAD "'drop':[['0123abcd-4567','left']]}", "entry 1 of 'drop'"},
		{COMPLETE ",'failing':[['10.0.0.7:1',null,'refused',1,0]]}", "entry 1 of 'failing'"},
		{COMPLETE ",'failing':[['10.0.0.7',null,'refused',1,0,0]]}", "entry 1 of 'failing'"},
		{COMPLETE ",'failing':[['10.0.0.7:1','','refused',1,0,0]]}", "entry 1 of 'failing'"},
		{COMPLETE ",'failing':[['10.0.0.7:1',null,null,1,0,0]]}", "entry 1 of 'failing'"},
		{COMPLETE ",'failing':[['10.0.0.7:1',null,'refused',0,0,0]]}", "entry 1 of 'failing'"},
		{COMPLETE ",'failing':[['10.0.0.7:1',null,'refused',1,-1,0]]}", "entry 1 of 'failing'"},
		{COMPLETE ",'failing':[['10.0.0.7:1',null,'refused',1,0,0,-1]]}", "entry 1 of 'failing'"},
		{HEAD "'mended':[null]}", "entry 1 of 'mended'"},
		{HEAD "'mended':'10.0.0.7:1'}", "'mended' must be a list"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem;
		char *line = quoted(cases[i].line), *says = quoted(cases[i].says);
		struct report *report = read_text(line, now_us, &problem);
		if (EXPECT(report == NULL, "%s", line)) {
			EXPECT(!problem.lacks_memory && strstr(problem.text, says) != NULL, "%s: \"%s\"", line,
			       problem.text);
			EXPECT(strncmp(problem.text, "report: ", 8) == 0, "%s: \"%s\"", line, problem.text);
		}
		report_release(report);
		free(line);
		free(says);
	}
}

static void an_age_becomes_a_moment(void)
{
	struct report *report =
		read_good("{'msgtype':'report','nodeid':'" A "','seq':7,'up_s':10,'time':5000,'stalled':[4.1,30],"
			  "'links':[['" A "',1,1,0.25],['" B "',1,0]],"
			  "'failing':[['10.0.0.7:1',null,'refused',3,60,1.5,3600]]}");
	CU_ASSERT_EQUAL(report->started_us, now_us - 10000000);
	CU_ASSERT_EQUAL(report->read_us, now_us);
	CU_ASSERT_EQUAL(report->clock_us, -1);
	CU_ASSERT_EQUAL(report->stalled_us, 4100000);
	CU_ASSERT_EQUAL(report->stall_end_us, now_us - 30000000);
	CU_ASSERT_EQUAL(report->links[0].late_since_us, now_us - 250000);
	CU_ASSERT_EQUAL(report->links[1].late_since_us, -1);
	CU_ASSERT_EQUAL(report->failures[0].since_us, now_us - 60000000);
	CU_ASSERT_EQUAL(report->failures[0].last_us, now_us - 1500000);
	CU_ASSERT_EQUAL(report->failures[0].reached_us, now_us - INT64_C(3600) * 1000 * 1000);
	/* Told later by another node, all of it is older. */
	struct report_words words = {.now_us = now_us + 1000000, .clock_us = 9000000};
	expect_line(report, &words,
		    "{'msgtype':'report','nodeid':'" A "','seq':7,'up_s':11,'stalled':[4.1,31],"
		    "'links':[['" A "',1,1,1.25],['" B "',1,0]],"
		    "'failing':[['10.0.0.7:1',null,'refused',3,61,2.5,3601]]}");
	words = (struct report_words){.now_us = now_us + INT64_C(600123456), .clock_us = -1};
	expect_line(report, &words,
		    "{'msgtype':'report','nodeid':'" A "','seq':7,'up_s':610,'stalled':[4.1,630],"
		    "'links':[['" A "',1,1,600],['" B "',1,0]],"
		    "'failing':[['10.0.0.7:1',null,'refused',3,660,602,4200]]}");
	report_release(report);
}

static void the_own_clock_counts_alone(void)
{
	struct report *own = read_good(COMPLETE ",'time':1732882000124}");
	CU_ASSERT_EQUAL(own->clock_us, INT64_C(1732882000124000));
	report_release(own);
	own = read_good(HEAD "'time':1732882000124}");
	CU_ASSERT_EQUAL(own->clock_us, INT64_C(1732882000124000));
	report_release(own);
}

/* On a machine that has started just now. */
static void what_was_before_this_machine_started_is_no_minus_one(void)
{
	struct problem problem;
	char *line = quoted(COMPLETE ",'links':[['" A "',1,1,0.000001]],'drop':[['" B "','left',5]],"
				     "'failing':[['10.0.0.7:1',null,'refused',1,5,5,50]]}");
	struct report *report = read_text(line, 0, &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->links[0].late_since_us, 0);
	CU_ASSERT_EQUAL(report->ends[0].ended_us, -5000000);
	CU_ASSERT_EQUAL(report->failures[0].reached_us, 0);
	report_release(report);
	free(line);
}

/* Those whose links end tell it all at once. */
static void a_death_costs_each_witness_80_bytes(void)
{
	enum { MOST_BYTES = 80 };
	struct report *report = read_good("{'msgtype':'report','seq':1732882000123,'up_s':10,'links':[['" A
					  "',1,1],['" B "',1,0]],'drop':[]}");
	struct report *change = read_good("{'msgtype':'report','seq':1732882000124,'drop':[['" A "','closed',0.104]]}");
	struct report *result = report_apply(report, change);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	struct buffer line = {0};
	struct report_words words = {.base = report->seq, .now_us = now_us, .clock_us = 1, .is_own = true};
	CU_ASSERT_FATAL(report_write(result, &words, &line));
	EXPECT(buffer_length(&line) <= MOST_BYTES, "%zu bytes: %.*s", buffer_length(&line), (int)buffer_length(&line),
	       buffer_content(&line));
	buffer_fini(&line);
	words.now_us -= 104000;
	expect_line(result, &words, "{'msgtype':'report','seq':1732882000124,'drop':[['0123abcd','closed']]}");
	report_release(report);
	report_release(change);
	report_release(result);
}

/* ---- limits ---- */

static void fill_links(struct report *report)
{
	for (unsigned i = 0; i < REPORT_LINKS; i++)
		report->links[report->link_count++] = (struct report_link){
			.nodeid = {{[0] = 0xff, [14] = (unsigned char)(i >> 8), [15] = (unsigned char)i}},
			.late_since_us = 1,
			.rtt_us = INT32_MAX};
	for (unsigned i = 0; i < REPORT_ENDS; i++)
		report->ends[report->end_count++] =
			(struct report_end){.nodeid = {{[0] = 0xfe, [15] = (unsigned char)(i + 1)}},
					    .ended_us = 1,
					    .reason = REASON_UNREACHABLE};
	for (unsigned i = 0; i < REPORT_FAILURES; i++) {
		struct report_failure failure = {.nodeid = {{[0] = 0xff, [15] = (unsigned char)i}},
						 .since_us = 1,
						 .last_us = 1,
						 .reached_us = 1,
						 .tries = UINT32_MAX,
						 .reason = REASON_UNREACHABLE,
						 .address = {.port = 59999, .family = ADDRESS_IPV6}};
		memset(failure.address.host, 0xee, sizeof failure.address.host);
		failure.address.host[15] = (uint8_t)(0x80 + i);
		report->failures[report->failure_count++] = failure;
	}
}

static void fill_facts(struct report *report)
{
	struct address address = {.port = 59999, .family = ADDRESS_IPV6};
	memset(address.host, 0xee, sizeof address.host);
	memset(report->name, '"', REPORT_TEXT_BYTES - 1);
	memset(report->agent, '"', REPORT_TEXT_BYTES - 1);
	report->address = address;
	report->skew_ms = -REPORT_SEQ_MOST;
	report->stalled_us = report->stall_end_us = 1000000;
	report->late_peers = UINT32_MAX;
	for (report->tag_count = 0; report->tag_count < REPORT_TAGS; report->tag_count++)
		memset(report->tags[report->tag_count], '"', REPORT_TEXT_BYTES - 1);
	for (report->double_count = 0; report->double_count < REPORT_DOUBLES; report->double_count++)
		report->doubles[report->double_count] =
			(struct report_double){.nodeid = report->nodeid, .one = address, .other = address};
	for (report->refusal_count = 0; report->refusal_count < REPORT_REFUSALS; report->refusal_count++)
		report->refusals[report->refusal_count] =
			(struct report_refusal){.host = address, .since_us = 1, .last_us = 1, .count = UINT32_MAX};
	for (int i = 0; i < REPORT_FACTS; i++)
		report->fact_seq[i] = report->seq;
}

static struct report *fullest_report(void)
{
	struct report *report = report_new(&(struct report_room){.tags = REPORT_TAGS,
								 .doubles = REPORT_DOUBLES,
								 .refusals = REPORT_REFUSALS,
								 .links = REPORT_LINKS,
								 .ends = REPORT_ENDS,
								 .failures = REPORT_FAILURES,
								 .mended = REPORT_MENDED});
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	memset(report->nodeid.bytes, 0xff, sizeof report->nodeid.bytes);
	report->seq = report->floor = REPORT_SEQ_MOST;
	fill_facts(report);
	fill_links(report);
	report_order(report);
	return report;
}

static void the_fullest_report_fits_in_a_line(void)
{
	struct report *report = fullest_report();
	struct report_words words = {.now_us = REPORT_AGE_US * 2, .clock_us = REPORT_SEQ_MOST, .is_own = true};
	struct buffer line = {0};
	CU_ASSERT_FATAL(report_write(report, &words, &line));
	size_t length = buffer_length(&line);
	EXPECT(length <= FRAME_LINE_BYTES, "%zu bytes", length);
	size_t values = json_count_values(buffer_content(&line), length);
	EXPECT(values <= MESSAGE_JSON_VALUES, "%zu values", values);
	char *text = strndup(buffer_content(&line), length - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	struct problem problem;
	struct report *again = read_text(text, REPORT_AGE_US * 2, &problem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(again);
	CU_ASSERT_EQUAL(again->link_count, REPORT_LINKS);
	CU_ASSERT_EQUAL(again->end_count, REPORT_ENDS);
	CU_ASSERT_EQUAL(again->failure_count, REPORT_FAILURES);
	CU_ASSERT_EQUAL(again->tag_count, REPORT_TAGS);
	CU_ASSERT_EQUAL(again->double_count, REPORT_DOUBLES);
	CU_ASSERT_EQUAL(again->refusal_count, REPORT_REFUSALS);
	CU_ASSERT(report_bytes(again) <= report_bytes(report));
	report_release(again);
	report_release(report);
	buffer_fini(&line);
	free(text);
}

/* A list of so many entries in a complete report, or in a change; in each, # counts up from 100, and ~ down from 900.
 */
static struct report *with_list(const char *head, const char *key, const char *entry, unsigned count)
{
	static char line[200000];
	char *at = line + sprintf(line, "%s,'%s':[", head, key);
	for (unsigned i = 0; i < count; i++) {
		at = stpcpy(at, i == 0 ? "" : ",");
		for (const char *from = entry; *from != '\0'; from++)
			if (*from == '#')
				at += sprintf(at, "%u", 100 + i);
			else if (*from == '~')
				at += sprintf(at, "%u", 900 - i);
			else
				*at++ = *from;
	}
	strcpy(at, "]}");
	return read_good(line);
}

static void what_is_too_many_is_left_out(void)
{
	struct report *report = with_list(COMPLETE, "tags", "'#'", REPORT_TAGS + 1);
	CU_ASSERT_EQUAL(report->tag_count, REPORT_TAGS);
	CU_ASSERT_STRING_EQUAL(report->tags[REPORT_TAGS - 1], "115");
	report_release(report);
	report = with_list(COMPLETE, "doubles", "['" A "','10.0.0.1:#','10.0.0.2:1']", REPORT_DOUBLES + 1);
	CU_ASSERT_EQUAL(report->double_count, REPORT_DOUBLES);
	report_release(report);
	report = with_list(COMPLETE, "refusals", "['10.0.0.#',1,0,0]", REPORT_REFUSALS + 1);
	CU_ASSERT_EQUAL(report->refusal_count, REPORT_REFUSALS);
	report_release(report);
	report = with_list(COMPLETE, "links", "['11111111-2222-4333-8444-555555555#',1,1]", REPORT_LINKS + 1);
	CU_ASSERT_EQUAL(report->link_count, REPORT_LINKS);
	report_release(report);
	report = with_list(HEAD "'base':1", "mended", "'10.0.0.1:#'", REPORT_MENDED + 1);
	CU_ASSERT_EQUAL(report->mended_count, REPORT_MENDED);
	report_release(report);
}

static void the_youngest_ends_and_the_longest_failures_are_read(void)
{
	static const struct {
		const char *ends, *failures;
		int64_t oldest_end_s, latest_failure_s;
	} cases[] = {
		{"['11111111-2222-4333-8444-555555555#','left',#]", "['10.0.0.1:#',null,'full',1,#,0,null]",
		 100 + REPORT_ENDS - 1, 100 + 9},
		{"['11111111-2222-4333-8444-555555555#','left',~]", "['10.0.0.1:#',null,'full',1,~,0,null]", 900 - 9,
		 900 - (REPORT_FAILURES - 1)},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct report *report = with_list(COMPLETE, "drop", cases[i].ends, REPORT_ENDS + 9);
		CU_ASSERT_EQUAL(report->end_count, REPORT_ENDS);
		for (size_t j = 0; j < report->end_count; j++)
			CU_ASSERT(report->ends[j].ended_us >= now_us - cases[i].oldest_end_s * 1000000);
		report_release(report);
		report = with_list(COMPLETE, "failing", cases[i].failures, REPORT_FAILURES + 9);
		CU_ASSERT_EQUAL(report->failure_count, REPORT_FAILURES);
		for (size_t j = 0; j < report->failure_count; j++)
			CU_ASSERT(report->failures[j].since_us <= now_us - cases[i].latest_failure_s * 1000000);
		report_release(report);
	}
}

/* ---- the beginnings of nodeids ---- */

#define SAME(rest) "0123abcd-" rest "-4000-8000-000000000000"

/* A change that ends the connection of 0123abcd..., and what is then known. */
static void eight_digits_mean_the_one_link_that_begins_so(void)
{
	static const struct {
		const char *known, *change, *result;
	} cases[] = {
		{"'links':[['" A "',1,1],['" B "',1,1]]", "'drop':[['0123abcd','closed']]",
		 "'links':[['" B "',1,1]],'drop':[['" A "','closed']]"},
		{"'drop':[['" A "','silent',5]]", "'drop':[['0123abcd','closed']]", "'drop':[['" A "','closed']]"},
		{"'links':[['" A "',1,1]],'drop':[['" SAME("1111") "','silent',5]]", "'drop':[['0123abcd','closed']]",
		 "'drop':[['" SAME("1111") "','silent',5],['" A "','closed']]"},
		{"'links':[['0123abcd-0000-0000-0000-000000000000',1,1]]", "'drop':[['0123abcd','closed']]",
		 "'drop':[['0123abcd-0000-0000-0000-000000000000','closed']]"},
		{"'links':[['0123abcd-0000-0000-0000-000000000000',1,1],['" A "',1,1]]",
		 "'drop':[['0123abcd','closed']]",
		 "'links':[['0123abcd-0000-0000-0000-000000000000',1,1],['" A "',1,1]]"},
		/* Not one, or nobody: nothing ends. */
		{"'links':[['" SAME("1111") "',1,1],['" A "',1,1]]", "'drop':[['0123abcd','closed']]",
		 "'links':[['" SAME("1111") "',1,1],['" A "',1,1]]"},
		{"'links':[['" B "',1,1]]", "'drop':[['0123abcd','closed']]", "'links':[['" B "',1,1]]"},
		/* The same message says that it is linked again. */
		{"'links':[['" A "',1,1]]", "'links':[['" A "',2,0]],'drop':[['0123abcd','closed']]",
		 "'links':[['" A "',2,0]]"},
		/* In full, it need not be known, and is not the beginning of another one. */
		{"'links':[['" A "',1,1]]", "'drop':[['0123abcd-0000-0000-0000-000000000000','closed']]",
		 "'links':[['" A "',1,1]],'drop':[['0123abcd-0000-0000-0000-000000000000','closed']]"},
		{"'links':[['" B "',1,1]]", "'drop':[['" A "','closed']]",
		 "'links':[['" B "',1,1]],'drop':[['" A "','closed']]"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[512];
		snprintf(line, sizeof line, "{'msgtype':'report','seq':6,'up_s':1,%s}", cases[i].known);
		struct report *known = read_good(line);
		snprintf(line, sizeof line, HEAD "%s}", cases[i].change);
		struct report *change = read_good(line), *result = report_apply(known, change);
		CU_ASSERT_PTR_NOT_NULL_FATAL(result);
		snprintf(line, sizeof line, COMPLETE ",%s}", cases[i].result);
		struct report_words words = words_of(result);
		expect_line(result, &words, line);
		report_release(known);
		report_release(change);
		report_release(result);
	}
}

/* Who is told by its first digits has to be known by the receiver, and has to be the only one. */
static void eight_digits_are_written_where_they_are_enough(void)
{
	static const struct {
		const char *known, *first, *second, *written;
	} cases[] = {
		{"'links':[['" A "',1,1]]", "'drop':[['" A "','left']]", "'late':1",
		 "'late':1,'drop':[['0123abcd','left']]"},
		{"'links':[]", "'links':[['" A "',1,1]]", "'drop':[['" A "','left']]", "'drop':[['" A "','left']]"},
		{"'links':[['" A "',1,1]]", "'drop':[['" A "','left']]", "'links':[['" SAME("1111") "',1,1]]",
		 "'links':[['" SAME("1111") "',1,1]],'drop':[['" A "','left']]"},
		{"'links':[['" A "',1,1]],'drop':[['" SAME("1111") "','silent',5]]", "'drop':[['" A "','left']]",
		 "'late':1", "'late':1,'drop':[['" A "','left']]"},
		{"'links':[['00000000-1111-4000-8000-000000000000',1,1]]",
		 "'drop':[['00000000-1111-4000-8000-000000000000','left']]", "'late':1",
		 "'late':1,'drop':[['00000000-1111-4000-8000-000000000000','left']]"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[512];
		snprintf(line, sizeof line, "{'msgtype':'report','seq':5,'up_s':1,%s}", cases[i].known);
		struct report *known = read_good(line);
		snprintf(line, sizeof line, "{'msgtype':'report','seq':6,%s}", cases[i].first);
		struct report *first = read_good(line);
		snprintf(line, sizeof line, HEAD "%s}", cases[i].second);
		struct report *second = read_good(line);
		struct report *between = report_apply(known, first);
		CU_ASSERT_PTR_NOT_NULL_FATAL(between);
		struct report *result = report_apply(between, second);
		CU_ASSERT_PTR_NOT_NULL_FATAL(result);
		struct report_words words = words_of(result);
		words.base = 5;
		snprintf(line, sizeof line, HEAD "'base':5,%s}", cases[i].written);
		expect_line(result, &words, line);
		report_release(known);
		report_release(first);
		report_release(second);
		report_release(between);
		report_release(result);
	}
}

/* ---- words, and references ---- */

static void every_reason_has_a_name_and_words(void)
{
	for (int i = 0; i < REASONS; i++) {
		char line[256];
		enum report_reason reason = (enum report_reason)i;
		snprintf(line, sizeof line, COMPLETE ",'drop':[['" A "','%s']]}", report_reason_name(reason));
		struct report *report = read_good(line);
		EXPECT(report->end_count == 1 && report->ends[0].reason == reason, "%s", line);
		report_release(report);
		EXPECT(report_reason_words(reason)[0] != '\0', "%s", line);
		for (int j = 0; j < i; j++)
			EXPECT(strcmp(report_reason_words(reason), report_reason_words((enum report_reason)j)) != 0,
			       "%s", line);
	}
	CU_ASSERT_STRING_EQUAL(report_reason_words(REASON_TIMED_OUT), "timed out");
}

static void the_last_release_frees_it(void)
{
	struct report *report = read_good(COMPLETE "}");
	CU_ASSERT_PTR_EQUAL(report_hold(report), report);
	report_release(report);
	CU_ASSERT_EQUAL(report->seq, 7);
	report_release(report);
	report_release(NULL);
}

static CU_TestInfo tests[] = {
	{"a report is read and written", a_report_is_read_and_written},
	{"a wrong report is refused", a_wrong_report_is_refused},
	{"an age becomes a moment", an_age_becomes_a_moment},
	{"the own clock counts alone", the_own_clock_counts_alone},
	{"what was before this machine started is no -1", what_was_before_this_machine_started_is_no_minus_one},
	{"a death costs each witness 80 bytes", a_death_costs_each_witness_80_bytes},
	{"the fullest report fits in a line", the_fullest_report_fits_in_a_line},
	{"what is too many is left out", what_is_too_many_is_left_out},
	{"the youngest ends and the longest failures are read", the_youngest_ends_and_the_longest_failures_are_read},
	{"eight digits mean the one link that begins so", eight_digits_mean_the_one_link_that_begins_so},
	{"eight digits are written where they are enough", eight_digits_are_written_where_they_are_enough},
	{"every reason has a name and words", every_reason_has_a_name_and_words},
	{"the last release frees it", the_last_release_frees_it},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_report = {.pName = "report", .pTests = tests};

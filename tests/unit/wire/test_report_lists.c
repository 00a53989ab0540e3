#include "wire/report_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"
#include "wire/frame.h"
#include "wire/message.h"

/* `reports` and `getreport`, and a report as one of the messages. Lines have ' for ". */

#define A "0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7"
#define B "5a1ecd62-7f8b-4736-9802-d898470b1805"
#define NIL "00000000-0000-0000-0000-000000000000"
#define SUMS_8(text) "'" text "','" text "','" text "','" text "','" text "','" text "','" text "','" text "'"
#define SUMS_56(text)                                                                                                  \
	SUMS_8(text)                                                                                                   \
	"," SUMS_8(text) "," SUMS_8(text) "," SUMS_8(text) "," SUMS_8(text) "," SUMS_8(text) "," SUMS_8(text)
#define SUM "0123456789abcdef"
#define SUMS "'sums':[" SUMS_56(SUM) "," SUMS_8("fedcba9876543210") "]"
#define REPORTS "{'msgtype':'reports',"
#define GETREPORT "{'msgtype':'getreport',"

static bool decode(const char *line, struct message *message, struct problem *problem)
{
	char *text = strdup(line);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (char *quote = text; (quote = strchr(quote, '\'')) != NULL;)
		*quote = '"';
	bool is_good = message_decode(text, strlen(text), 0, message, problem);
	free(text);
	return is_good;
}

static void expect_written(const struct message *message, const char *expected)
{
	struct buffer line = {0};
	CU_ASSERT_FATAL(message_encode(message, &line) && buffer_append(&line, "", 1));
	char *text = strdup(buffer_content(&line));
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (char *quote = text; (quote = strchr(quote, '"')) != NULL;)
		*quote = '\'';
	size_t length = strlen(expected);
	EXPECT(strncmp(text, expected, length) == 0 && strcmp(text + length, "\n") == 0, "%s is not %s", text,
	       expected);
	free(text);
	buffer_fini(&line);
}

static void lists_are_read_and_written(void)
{
	static const struct {
		const char *in, *out; /* NULL: as it was */
		size_t count;
	} cases[] = {
		{REPORTS "'have':[]}", NULL, 0},
		{REPORTS "'have':[['" A "',1],['" B "',9007199254740992]]}", NULL, 2},
		{REPORTS "'have':[['" A "',7,'more']],'sig':1}", REPORTS "'have':[['" A "',7]]}", 1},
		{REPORTS SUMS "}", NULL, 0},
		{REPORTS SUMS ",'have':[['" A "',7]]}", NULL, 1},
		{REPORTS SUMS ",'have':[]}", REPORTS SUMS "}", 0},
		{GETREPORT "'nodeids':[]}", NULL, 0},
		{GETREPORT "'nodeids':['" A "','" B "']}", NULL, 2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message;
		struct problem problem;
		if (!EXPECT(decode(cases[i].in, &message, &problem), "%s: %s", cases[i].in, problem.text))
			continue;
		size_t count = message.type == MESSAGE_REPORTS ? message.reports.count : message.getreport.count;
		EXPECT(count == cases[i].count, "%s: %zu", cases[i].in, count);
		expect_written(&message, cases[i].out != NULL ? cases[i].out : cases[i].in);
		message_fini(&message);
	}
}

static void sums_are_numbers(void)
{
	struct message message;
	struct problem problem;
	CU_ASSERT_FATAL(decode(REPORTS "'sums':[" SUMS_56("00000000000000fF") "," SUMS_8("FEDCBA9876543210") "]}",
			       &message, &problem));
	CU_ASSERT(message.reports.has_sums);
	CU_ASSERT_EQUAL(message.reports.sums[0], 255);
	CU_ASSERT_EQUAL(message.reports.sums[MESSAGE_SUMS - 1], UINT64_C(0xfedcba9876543210));
	message_fini(&message);
}

static void wrong_lists_are_refused(void)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{REPORTS "'Have':[]}", "reports: \"have\" is missing"},
		{REPORTS "'have':{}}", "reports: \"have\" must be a list"},
		{REPORTS "'have':null}", "reports: \"have\" must be a list"},
		{REPORTS "'have':['" A "']}", "reports: entry 1 of \"have\""},
		{REPORTS "'have':[['" A "',1],['" B "']]}", "reports: entry 2 of \"have\""},
		{REPORTS "'have':[['" NIL "',1]]}", "reports: entry 1 of \"have\""},
		{REPORTS "'have':[[7,1]]}", "reports: entry 1 of \"have\""},
		{REPORTS "'have':[['" A "',0]]}", "reports: entry 1 of \"have\""},
		{REPORTS "'have':[['" A "',9007199254740993]]}", "reports: entry 1 of \"have\""},
		{REPORTS "'have':[['" A "','1']]}", "reports: entry 1 of \"have\""},
		{REPORTS "'sums':[]}", "reports: \"sums\" must be a list of 64"},
		{REPORTS "'sums':'" SUM "'}", "reports: \"sums\" must be a list of 64"},
		{REPORTS "'sums':[" SUMS_56(SUM) "]}", "reports: \"sums\" must be a list of 64"},
		{REPORTS "'sums':[" SUMS_56(SUM) "," SUMS_8(SUM) ",'" SUM "']}", "must be a list of 64"},
		{REPORTS "'sums':[" SUMS_56(SUM) "," SUMS_8("0123456789abcde") "]}", "entry 57 of \"sums\""},
		{REPORTS "'sums':[" SUMS_56(SUM) "," SUMS_8("0123456789abcdefa") "]}", "entry 57 of \"sums\""},
		{REPORTS "'sums':[" SUMS_56(SUM) "," SUMS_8("0x23456789abcdef") "]}", "entry 57 of \"sums\""},
		{REPORTS "'sums':[" SUMS_56(SUM) ",1,2,3,4,5,6,7,8]}", "entry 57 of \"sums\""},
		{REPORTS SUMS ",'have':7}", "reports: \"have\" must be a list"},
		{GETREPORT "'nodeid':'" A "'}", "getreport: \"nodeids\" is missing"},
		{GETREPORT "'nodeids':'" A "'}", "getreport: \"nodeids\" must be a list"},
		{GETREPORT "'nodeids':['" A "','0123abcd']}", "getreport: entry 2 of \"nodeids\""},
		{GETREPORT "'nodeids':[['" A "']]}", "getreport: entry 1 of \"nodeids\""},
		{"{'msgtype':'report','seq':1}", "report: \"base\" must be"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message;
		struct problem problem;
		if (EXPECT(!decode(cases[i].line, &message, &problem), "%s", cases[i].line))
			EXPECT(!problem.lacks_memory && strstr(problem.text, cases[i].says) != NULL, "%s: %s",
			       cases[i].line, problem.text);
		else
			message_fini(&message);
	}
}

/* A list of so many, as long as they get. */
static bool decode_many(const char *head, bool is_pair, unsigned count, struct message *message,
			struct problem *problem)
{
	static char line[FRAME_LINE_BYTES];
	char *at = stpcpy(line, head);
	for (unsigned i = 0; i < count; i++)
		at += sprintf(at,
			      is_pair ? "%s['11111111-2222-4333-8444-55555555%04u',9007199254740992]"
				      : "%s'11111111-2222-4333-8444-55555555%04u'",
			      i == 0 ? "" : ",", i);
	strcpy(at, "]}");
	return decode(line, message, problem);
}

static void lists_have_limits(void)
{
	static const char have[] = REPORTS SUMS ",'have':[", nodeids[] = GETREPORT "'nodeids':[";
	struct message message;
	struct problem problem;
	CU_ASSERT_FATAL(decode_many(have, true, MESSAGE_HAVE, &message, &problem));
	CU_ASSERT_EQUAL(message.reports.count, MESSAGE_HAVE);
	struct buffer line = {0};
	CU_ASSERT_FATAL(message_encode(&message, &line));
	CU_ASSERT(buffer_length(&line) <= FRAME_LINE_BYTES);
	buffer_fini(&line);
	message_fini(&message);
	CU_ASSERT_FALSE(decode_many(have, true, MESSAGE_HAVE + 1, &message, &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "reports: \"have\" has 1001 entries, and may have 1000"));
	CU_ASSERT_FATAL(decode_many(nodeids, false, MESSAGE_GETREPORT_NODEIDS, &message, &problem));
	CU_ASSERT_EQUAL(message.getreport.count, MESSAGE_GETREPORT_NODEIDS);
	message_fini(&message);
	CU_ASSERT_FALSE(decode_many(nodeids, false, MESSAGE_GETREPORT_NODEIDS + 1, &message, &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "getreport: \"nodeids\" has 65 entries, and may have 64"));
}

static void a_report_outlives_its_message_where_it_is_held(void)
{
	struct message message;
	struct problem problem;
	CU_ASSERT_FATAL(decode("{'msgtype':'report','nodeid':'" A "','seq':7,'up_s':0}", &message, &problem));
	struct report *report = report_hold(message.report);
	message_fini(&message);
	CU_ASSERT_EQUAL(report->seq, 7);
	report_release(report);
}

static CU_TestInfo tests[] = {
	{"lists are read and written", lists_are_read_and_written},
	{"sums are numbers", sums_are_numbers},
	{"wrong lists are refused", wrong_lists_are_refused},
	{"lists have limits", lists_have_limits},
	{"a report outlives its message where it is held", a_report_outlives_its_message_where_it_is_held},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_report_lists = {.pName = "report_lists", .pTests = tests};

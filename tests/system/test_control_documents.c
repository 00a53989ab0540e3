#include <ctype.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"
#include "telemetry/event.h"
#include "telemetry/metric.h"

/* kith-control(7) against what the program sends. It is found from the top of the source tree. */

#define PAGE "man/kith-control.7"

static const char *page(void)
{
	const char *text = harness_read_file(PAGE);
	if (text == NULL)
		harness_fail("cannot read " PAGE ": run this at the top of the source tree");
	return text;
}

/* The part from a heading's line to the next line that begins with one of these; "" if there is none. */
static const char *part_of(const char *text, const char *heading, const char *end)
{
	const char *start = strstr(text, harness_text("\n%s\n", heading));
	if (start == NULL)
		return "";
	start += strlen(heading) + 2;
	size_t length = strlen(start);
	for (const char *at = start; (at = strstr(at, "\n.S")) != NULL; at++) {
		if (strncmp(at + 1, ".Sh", 3) == 0 || strncmp(at + 1, end, strlen(end)) == 0) {
			length = (size_t)(at - start);
			break;
		}
	}
	return harness_text("%.*s", (int)length, start);
}

static const char *section(const char *heading)
{
	return part_of(page(), harness_text(".Sh %s", heading), ".Sh");
}

/* The keys of a kind of row. */
static const char *row_part(const char *row)
{
	return part_of(harness_text("\n%s", section("ROWS")), harness_text(".Ss %s", row), ".Ss");
}

/* Is there an item of this name? */
static bool has_item(const char *text, const char *name)
{
	const char *marked = harness_text("\n%s", text);
	const char *const forms[] = {harness_text("\n.It Ic %s\n", name), harness_text("\n.It Ic %s Pq ", name),
				     harness_text("\n.It Li %s\n", name)};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (strstr(marked, forms[i]) != NULL)
			return true;
	return false;
}

/* The names of the items, the next one after each other; NULL at the end. *at begins with the text. */
static const char *next_item(const char **at)
{
	static const char *const marks[] = {".It Ic ", ".It Li "};
	for (const char *line = *at; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		for (size_t i = 0; i < 2; i++) {
			size_t length = strlen(marks[i]);
			if (strncmp(line, marks[i], length) != 0)
				continue;
			const char *name = harness_text("%.*s", (int)strcspn(line + length, " \n"), line + length);
			line += strcspn(line, "\n");
			*at = line + (*line == '\n');
			return name;
		}
	}
	return NULL;
}

/* ---- the keys that were sent ---- */

enum { SENT = 512 };

/* "ROW KEY" of each key that has come. */
static struct {
	const char *pairs[SENT];
	size_t count;
} sent;

static bool was_sent(const char *pair)
{
	for (size_t i = 0; i < sent.count; i++)
		if (strcmp(sent.pairs[i], pair) == 0)
			return true;
	return false;
}

static void note_key(const char *row, const char *key)
{
	const char *pair = harness_text("%s %s", row, key);
	if (was_sent(pair))
		return;
	if (sent.count == SENT)
		harness_fail("too many keys");
	sent.pairs[sent.count++] = pair;
}

/* The facts about a connection, an address and an event have the keys of these rows. */
static const char *row_of_fact(const char *row, const char *fact, const char *key)
{
	if (strcmp(key, "fact") == 0)
		return row;
	if (strcmp(fact, "connection") == 0)
		return "peer";
	if (strcmp(fact, "link") == 0 && strcmp(key, "common") == 0)
		return row;
	static const char *const rows[] = {"address", "event", "node", "link", "problem"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(fact, rows[i]) == 0)
			return fact;
	return row;
}

/* Notes the keys of the row, but for those that each has. They are read from the text of it, at its top level. */
static void note_row(const struct asker *asker)
{
	const char *row = asker_value(asker, "msgtype"), *fact = asker_value(asker, "fact"), *at = asker_row(asker);
	int depth = 0;
	while (*at != '\0') {
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		if (*at != '"') {
			at++;
			continue;
		}
		const char *start = ++at;
		while (*at != '"')
			at += *at == '\\' ? 2 : 1;
		const char *word = harness_text("%.*s", (int)(at - start), start);
		at++;
		if (depth != 1 || *at != ':' || strcmp(word, "msgtype") == 0 || strcmp(word, "id") == 0)
			continue;
		/* An address of a fact of another kind is an address, as in the row of that name. */
		if (fact != NULL && strcmp(row_of_fact(row, fact, word), "fact") == 0 && strcmp(word, "address") == 0)
			continue;
		note_key(fact == NULL ? row : row_of_fact(row, fact, word), word);
	}
}

static void note_answer(struct asker *asker, const char *request)
{
	asker_send(asker, "%s", request);
	do {
		if (!asker_next(asker))
			harness_fail("the connection has ended in the answer to %s", request);
		note_row(asker);
	} while (!asker_is(asker, "msgtype", "end") && !asker_is(asker, "msgtype", "error"));
}

/* A node crashes, and the network knows. */
static void make_problem(struct kithd *kithd, struct asker *asker)
{
	struct kithd *beta = kithd_start("-o name=beta -b %s", kithd_address(kithd));
	AWAIT((asker_ask(asker, "{'msgtype':'nodes'}"), asker_find(asker, "nodeid", kithd_nodeid(beta))) &&
	      asker_is(asker, "has_report", "true"));
	kithd_signal(beta, SIGKILL);
	kithd_wait(beta);
	AWAIT(asker_ask(asker, "{'msgtype':'problems'}") == 1);
	AWAIT(asker_ask(asker, "{'msgtype':'links'}") == 1);
}

static void send_everything(void)
{
	const char *path = harness_text("%s/sock", harness_make_folder()), *file = harness_write_file("");
	struct kithd *kithd =
		kithd_start(RARE_PINGS " -o name=alpha -c %s -o control=%s -o journal_events=4", file, path);
	struct asker *asker = asker_connect(path);
	struct raw *alice = raw_join(kithd, ALICE, ",\"name\":\"alice\",\"listen\":7");
	static const char *const requests[] = {
		"{'msgtype':'help','id':1}",
		"{'msgtype':'info'}",
		"{'msgtype':'peers'}",
		"{'msgtype':'addresses'}",
		"{'msgtype':'settings'}",
		"{'msgtype':'metrics'}",
		"{'msgtype':'nodes'}",
		"{'msgtype':'links'}",
		"{'msgtype':'problems'}",
		"{'msgtype':'why','about':'alpha','other':'a11ce000'}",
		"{'msgtype':'ban','block':'10.0.0.0/8'}",
		"{'msgtype':'bans'}",
		"{'msgtype':'set','setting':'max_outbound','value':0}",
		"{'msgtype':'why','about':'alice'}",
		"{'msgtype':'why','about':'10.0.0.1:7'}",
		"{'msgtype':'reload'}",
		"{'msgtype':'reload'}",
		"{'msgtype':'nothing'}",
	};
	make_problem(kithd, asker);
	sent.count = 0;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		note_answer(asker, requests[i]);
	asker_send(asker, "{'msgtype':'ping','peer':'alice'}");
	raw_expect(alice, "ping");
	raw_send(alice, "{\"msgtype\":\"pong\"}");
	asker_expect(asker, "pong");
	note_row(asker);
	asker_expect(asker, "end");
	asker_send(asker, "{'msgtype':'watch','since':0}");
	asker_expect(asker, "lost");
	note_row(asker);
	asker_expect(asker, "event");
	note_row(asker);
}

static void test_keys(void)
{
	send_everything();
	for (size_t i = 0; i < sent.count; i++) {
		size_t length = strcspn(sent.pairs[i], " ");
		const char *row = harness_text("%.*s", (int)length, sent.pairs[i]);
		EXPECT(has_item(row_part(row), sent.pairs[i] + length + 1), PAGE " does not have: %s", sent.pairs[i]);
	}
	const char *rows = section("ROWS");
	for (const char *at = strstr(rows, ".Ss "); at != NULL; at = strstr(at + 1, "\n.Ss ")) {
		at += *at == '\n';
		const char *row = harness_text("%.*s", (int)strcspn(at + 4, "\n"), at + 4);
		const char *item = row_part(row), *key;
		while ((key = next_item(&item)) != NULL)
			EXPECT(was_sent(harness_text("%s %s", row, key)), PAGE " has what is not sent: %s %s", row,
			       key);
	}
}

static void test_requests(void)
{
	const char *path = harness_text("%s/sock", harness_make_folder()), *text = section("REQUESTS");
	kithd_start("-o control=%s", path);
	struct asker *asker = asker_connect(path);
	size_t count = asker_ask(asker, "{'msgtype':'help'}");
	const char *at = text, *name;
	for (size_t i = 0; i < count; i++) {
		asker_pick(asker, i);
		const char *request = asker_value(asker, "request"), *keys = asker_value(asker, "keys");
		EXPECT(has_item(text, request), PAGE " has no request %s", request);
		const char *start = strstr(text, harness_text(".It Ic %s\n", request));
		for (const char *key = keys; (key = strstr(key, "{\"key\":\"")) != NULL;) {
			key += strlen("{\"key\":\"");
			const char *word = harness_text("%.*s", (int)strcspn(key, "\""), key);
			EXPECT(start != NULL && has_item(start, word), PAGE " has no key %s of %s", word, request);
		}
	}
	while ((name = next_item(&at)) != NULL) {
		bool is_there = asker_find(asker, "request", name);
		for (size_t i = 0; i < count && !is_there; i++) {
			asker_pick(asker, i);
			is_there = strstr(asker_value(asker, "keys"), harness_text("{\"key\":\"%s\"", name)) != NULL;
		}
		EXPECT(is_there, PAGE " has a request or key that is not: %s", name);
	}
}

static void test_events(void)
{
	const char *text = section("EVENTS"), *at = text, *name;
	enum event_kind kind;
	for (int i = 0; i < EVENT_KINDS; i++)
		EXPECT(has_item(text, event_kind_name((enum event_kind)i)), PAGE " has no event %s",
		       event_kind_name((enum event_kind)i));
	while ((name = next_item(&at)) != NULL)
		EXPECT(event_kind_find(name, &kind), PAGE " has an event that is not: %s", name);
}

static void test_metrics(void)
{
	const char *text = section("METRICS"), *at = text, *name;
	for (int i = 0; i < METRICS; i++)
		EXPECT(has_item(text, metric_table[i].name) && strstr(text, metric_table[i].help) != NULL,
		       PAGE " has not, or not with its help: %s", metric_table[i].name);
	while ((name = next_item(&at)) != NULL) {
		bool found = false;
		for (int i = 0; i < METRICS; i++)
			found = found || strcmp(name, metric_table[i].name) == 0;
		EXPECT(found, PAGE " has a metric that is not: %s", name);
	}
}

/* The code of an error at each call that makes one; the text after these words is its name in quotes. */
static void find_codes(const char *source, const char *words, const char **codes, size_t *count, size_t most)
{
	for (const char *at = source; (at = strstr(at, words)) != NULL;) {
		at += strlen(words);
		at += strspn(at, " \t\n");
		if (*at != '"')
			continue;
		if (*count == most)
			harness_fail("too many codes");
		codes[(*count)++] = harness_text("%.*s", (int)strcspn(at + 1, "\""), at + 1);
	}
}

static void test_errors(void)
{
	enum { MOST = 256 };
	const char *codes[MOST], *text = section("ERROR CODES"), *at = text, *name;
	size_t count = 0;
	glob_t sources;
	if (glob("src/control/*.c", 0, NULL, &sources) != 0)
		abort(); /* this runs at the top of the source tree */
	for (size_t i = 0; i < sources.gl_pathc; i++) {
		const char *source = harness_read_file(sources.gl_pathv[i]);
		if (source == NULL)
			continue;
		find_codes(source, "call_fail(call,", codes, &count, MOST);
		find_codes(source, "turn_away(fd,", codes, &count, MOST);
		find_codes(source, "row_text(&row, \"error\",", codes, &count, MOST);
	}
	globfree(&sources);
	CU_ASSERT(count > 30);
	for (size_t i = 0; i < count; i++)
		EXPECT(has_item(text, codes[i]), PAGE " has no error %s", codes[i]);
	while ((name = next_item(&at)) != NULL) {
		bool found = false;
		for (size_t i = 0; i < count; i++)
			found = found || strcmp(name, codes[i]) == 0;
		EXPECT(found, PAGE " has an error that is not: %s", name);
	}
}

static CU_TestInfo tests[] = {
	{"each key of each row is documented, and sent", test_keys},
	{"each request with its keys is documented", test_requests},
	{"each kind of event is documented", test_events},
	{"each metric is documented with its help", test_metrics},
	{"each error is documented", test_errors},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_control_documents = {
	.pName = "control_documents", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};

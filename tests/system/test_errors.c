#include <stdio.h>
#include <stdlib.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"
#include "wire/frame.h"

#define HELLO_WITH(keys) "{\"msgtype\":\"hello\",\"nodeid\":\"" BOB "\"," keys "}"
#define TEN "0123456789"
#define SIXTY_FIVE TEN TEN TEN TEN TEN TEN "01234"
#define NEST_9(open) open open open open open open open open open

static const char *const bad_anywhere[] = {
	"hello",
	"GET / HTTP/1.1",
	"{",
	"}",
	"{}",
	"[]",
	"null",
	"17",
	"\"hello\"",
	"[{\"msgtype\":\"ping\"}]",
	"{\"msgtype\":\"ping\"",
	"{\"msgtype\":\"ping\"} {\"msgtype\":\"ping\"}",
	"{\"msgtype\":\"ping\"},",
	"{\"msgtype\":\"ping\",}",
	"{'msgtype':'ping'}",
	"{msgtype:\"ping\"}",
	"{\"msgtype\":\"ping\"} # comment",
	"{\"type\":\"ping\"}",
	"{\"msgtype\":null}",
	"{\"msgtype\":7}",
	"{\"msgtype\":[\"ping\"]}",
	"{\"msgtype\":\"ping\",\"x\":\"\xff\xfe\"}",
	"{\"msgtype\":\"ping\",\"x\":01}",
	"{\"msgtype\":\"ping\",\"x\":" NEST_9("[") NEST_9("[") NEST_9("]") NEST_9("]") "}",
	"{\"msgtype\":\"hello\"}",
	"{\"msgtype\":\"hello\",\"nodeid\":7}",
	"{\"msgtype\":\"hello\",\"nodeid\":null}",
	"{\"msgtype\":\"hello\",\"nodeid\":\"\"}",
	"{\"msgtype\":\"hello\",\"nodeid\":\"b0b\"}",
	"{\"msgtype\":\"hello\",\"nodeid\":\"00000000-0000-0000-0000-000000000000\"}",
	"{\"msgtype\":\"hello\",\"nodeid\":\"{b0b00000-0000-4000-8000-000000000002}\"}",
	"{\"msgtype\":\"hello\",\"nodeid\":\"b0b00000-0000-4000-8000-00000000000g\"}",
	HELLO_WITH("\"version\":\"1\""),
	HELLO_WITH("\"version\":1.5"),
	HELLO_WITH("\"version\":null"),
	HELLO_WITH("\"network\":7"),
	HELLO_WITH("\"network\":null"),
	HELLO_WITH("\"network\":\"" SIXTY_FIVE "\""),
	HELLO_WITH("\"name\":[]"),
	HELLO_WITH("\"name\":\"" SIXTY_FIVE "\""),
	HELLO_WITH("\"name\":\"a\\nb\""),
	HELLO_WITH("\"name\":\"a\\u0000b\""),
	HELLO_WITH("\"name\":\"a\\u009bb\""),
	HELLO_WITH("\"name\":\"a\\u007fb\""),
	HELLO_WITH("\"agent\":true"),
	HELLO_WITH("\"agent\":\"" SIXTY_FIVE "\""),
	HELLO_WITH("\"listen\":0"),
	HELLO_WITH("\"listen\":-1"),
	HELLO_WITH("\"listen\":65536"),
	HELLO_WITH("\"listen\":4294967297"),
	HELLO_WITH("\"listen\":\"5999\""),
	HELLO_WITH("\"listen\":5999.0"),
	HELLO_WITH("\"feeler\":1"),
	HELLO_WITH("\"feeler\":\"true\""),
	"{\"msgtype\":\"addr\"}",
	"{\"msgtype\":\"addr\",\"peers\":null}",
	"{\"msgtype\":\"addr\",\"peers\":\"127.0.0.1:5999\"}",
	"{\"msgtype\":\"addr\",\"peers\":{}}",
	"{\"msgtype\":\"addr\",\"peers\":[7]}",
	"{\"msgtype\":\"addr\",\"peers\":[null]}",
	"{\"msgtype\":\"addr\",\"peers\":[[]]}",
	"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:5999\"]]}",
	"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:5999\",7]]}",
	"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:5999\",\"" BOB "\",\"\"]]}",
	"{\"msgtype\":\"bye\"}",
	"{\"msgtype\":\"bye\",\"reason\":7}",
	"{\"msgtype\":\"bye\",\"reason\":null}",
};

enum { BAD_ANYWHERE = sizeof bad_anywhere / sizeof *bad_anywhere };

/* A node with two peers that should notice nothing. */
struct scene {
	struct kithd *kithd;
	struct raw *one, *other;
	size_t warnings; /* in the log so far */
};

static struct scene scene_set(void)
{
	struct kithd *kithd = kithd_start("-o ban_after=0 -o max_nodes=0");
	return (struct scene){kithd, raw_join(kithd, CAROL, ""), raw_join(kithd, DAVE, ""), 0};
}

static void scene_is_undisturbed(const struct scene *scene)
{
	raw_ping_next(scene->one);
	raw_ping_next(scene->other);
	CU_ASSERT(kithd_has_peer(scene->kithd, CAROL));
	CU_ASSERT(kithd_has_peer(scene->kithd, DAVE));
}

/*
 * Its connection ends as the protocol says, with one line in the log that says what was wrong. A later connection may
 * have the same port, so an address alone doesn't tell whose line it is.
 */
static void gets_thrown_out(struct scene *scene, struct raw *raw, const char *what)
{
	raw_expect_bye(raw, "protocol");
	AWAIT(kithd_rows(scene->kithd, "ADDRESS", raw_address(raw)) == 0);
	size_t warnings = kithd_log_lines(scene->kithd, " warning ");
	if (warnings != ++scene->warnings || kithd_log_count(scene->kithd, " warning ", raw_address(raw)) == 0)
		harness_fail("after %s, said by %s, the log has %zu warnings, not %zu", what, raw_address(raw),
			     warnings, scene->warnings);
	raw_ping_next(scene->one);
	raw_close(raw);
}

static void test_bad_lines_after_the_hello(void)
{
	struct scene scene = scene_set();
	for (int i = 0; i < BAD_ANYWHERE; i++) {
		struct raw *raw = raw_join(scene.kithd, ALICE, "");
		raw_send(raw, "%s", bad_anywhere[i]);
		gets_thrown_out(&scene, raw, bad_anywhere[i]);
		AWAIT(kithd_peers(scene.kithd) == 2);
	}
	scene_is_undisturbed(&scene);
}

static void test_bad_lines_before_the_hello(void)
{
	struct scene scene = scene_set();
	for (int i = 0; i < BAD_ANYWHERE; i++) {
		struct raw *raw = raw_connect(kithd_address(scene.kithd));
		raw_send(raw, "%s", bad_anywhere[i]);
		gets_thrown_out(&scene, raw, bad_anywhere[i]);
	}
	scene_is_undisturbed(&scene);
}

static void test_bad_lines_of_the_dialled(void)
{
	static const char *const bad[] = {"HTTP/1.1 400 Bad Request", "{\"msgtype\":\"hello\"}", "{\"msgtype\":7}"};
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o retry_min=0.02 -o retry_max=0.02 -b %s", raw_address(listener));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct raw *raw = raw_accept(listener);
		raw_expect_next(raw, "hello");
		raw_send(raw, "%s", bad[i]);
		raw_expect_bye(raw, "protocol");
	}
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static void test_second_hello(void)
{
	struct scene scene = scene_set();
	struct raw *raw = raw_join(scene.kithd, ALICE, "");
	raw_send_hello(raw, ALICE, "");
	gets_thrown_out(&scene, raw, "a second hello");
	raw = raw_join(scene.kithd, BOB, "");
	raw_send_hello(raw, ALICE, "");
	gets_thrown_out(&scene, raw, "a second hello with another nodeid");
	scene_is_undisturbed(&scene);
}

static void test_nul(void)
{
	static const char line[] = "{\"msgtype\":\"ping\"}\0{\"msgtype\":\"ping\"}\n";
	struct scene scene = scene_set();
	struct raw *raw = raw_join(scene.kithd, ALICE, "");
	raw_write(raw, line, sizeof line - 1);
	gets_thrown_out(&scene, raw, "a NUL");
	scene_is_undisturbed(&scene);
}

/* A message of an unknown type, padded to a length that counts its LF. */
static char *padded_line(size_t length)
{
	static const char begin[] = "{\"msgtype\":\"padding\",\"x\":\"", end[] = "\"}\n";
	char *line = malloc(length + 1);
	if (line == NULL)
		abort();
	memset(line, 'x', length);
	memcpy(line, begin, sizeof begin - 1);
	memcpy(line + length - (sizeof end - 1), end, sizeof end);
	return line;
}

static void test_longest_line(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	char *line = padded_line(FRAME_LINE_BYTES);
	raw_write(raw, line, FRAME_LINE_BYTES);
	raw_write(raw, line, FRAME_LINE_BYTES);
	free(line);
	raw_ping_next(raw);
}

static void test_line_too_long(void)
{
	struct scene scene = scene_set();
	char *line = padded_line(FRAME_LINE_BYTES + 1);
	struct raw *raw = raw_join(scene.kithd, ALICE, "");
	raw_write(raw, line, FRAME_LINE_BYTES + 1);
	gets_thrown_out(&scene, raw, "a line too long");
	raw = raw_join(scene.kithd, BOB, "");
	/* All but the LF: nothing more needs to come. */
	raw_write(raw, line, FRAME_LINE_BYTES);
	raw_write(raw, "x", 1);
	gets_thrown_out(&scene, raw, "a line that goes on and on");
	raw = raw_connect(kithd_address(scene.kithd));
	raw_write(raw, line, FRAME_LINE_BYTES);
	raw_write(raw, "x", 1);
	gets_thrown_out(&scene, raw, "a line that goes on and on before the hello");
	free(line);
	scene_is_undisturbed(&scene);
}

/* An addr of entries that are well-formed and worth nothing. */
static void send_entries(struct raw *raw, int count)
{
	static const char begin[] = "{\"msgtype\":\"addr\",\"peers\":[", entry[] = "\"localhost:1\"";
	char *line = malloc(sizeof begin + (size_t)count * sizeof entry + 8), *end;
	if (line == NULL)
		abort();
	end = stpcpy(line, begin);
	for (int i = 0; i < count; i++)
		end = stpcpy(stpcpy(end, i == 0 ? "" : ","), entry);
	end = stpcpy(end, "]}\n");
	raw_write(raw, line, (size_t)(end - line));
	free(line);
}

static void test_entries(void)
{
	struct scene scene = scene_set();
	struct raw *raw = raw_join(scene.kithd, ALICE, "");
	send_entries(raw, 1000);
	raw_ping_next(raw);
	send_entries(raw, 1001);
	gets_thrown_out(&scene, raw, "1,001 entries");
	scene_is_undisturbed(&scene);
}

static void test_useless_entries(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	raw_send(raw,
		 "{\"msgtype\":\"addr\",\"peers\":[\"\",\"localhost:5999\",\"127.0.0.1\",\"127.0.0.1:0\","
		 "\"127.0.0.1:65536\",\"127.0.0.1:x\",\"0.0.0.0:5999\",\"224.0.0.1:5999\",\"255.255.255.255:5999\","
		 "\"::1:5999\",\"[::]:5999\",\"[ff02::1]:5999\",\"[fe80::1%%lo]:5999\",\"127.0.0.1:5999\\u0000\","
		 "[\"127.0.0.1:1\",\"nobody\"],[\"127.0.0.1:1\",\"00000000-0000-0000-0000-000000000000\"]]}");
	raw_ping_next(raw);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "known"), "0");
}

static void test_text_is_escaped_in_the_log(void)
{
	struct kithd *kithd = kithd_start("-o log_level=debug");
	struct raw *raw = raw_join(kithd, ALICE,
				   ",\"name\":\"\xe2\x80\xae"
				   "evil\"");
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"\\u001b[31m\\n2026 error forged\"}");
	raw_expect_end(raw);
	AWAIT(kithd_peers(kithd) == 0);
	CU_ASSERT_PTR_NULL(strchr(kithd_log(kithd), '\033'));
	CU_ASSERT_PTR_NULL(strstr(kithd_log(kithd), "\n2026 error"));
	CU_ASSERT_PTR_NULL(strstr(kithd_log(kithd), "\xe2\x80\xae"));
}

static CU_TestInfo tests[] = {
	{"a bad line from a peer ends its connection with one log line, and others notice nothing",
	 test_bad_lines_after_the_hello},
	{"a bad line before the hello ends the connection with one log line", test_bad_lines_before_the_hello},
	{"a bad line from who was dialled ends the connection, and it is dialled again", test_bad_lines_of_the_dialled},
	{"a second hello ends the connection", test_second_hello},
	{"a NUL byte ends the connection", test_nul},
	{"a line of 131,072 bytes is understood", test_longest_line},
	{"a longer line ends the connection before it has come to its end", test_line_too_long},
	{"1,000 addresses in a message are welcome, 1,001 end the connection", test_entries},
	{"useless addresses are dropped and do no harm", test_useless_entries},
	{"what a peer says cannot forge a log line", test_text_is_escaped_in_the_log},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_errors = {
	.pName = "errors", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};

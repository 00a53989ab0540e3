#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What nodes find out together about one that falls silent. */

/* Pings and a verdict soon; without a verdict only after PATIENT_S. */
#define SOON "-o probe_interval=0.1 -o silent_after=1 -o retry_min=0.1 -o retry_max=0.5"
#define PATIENT " -o ping_timeout=120 -o share_within=240"
#define ABRUPT " -o ping_timeout=3"

/* ---- real nodes ---- */

enum { NODES = 5 };

static bool are_whole(struct kithd *const *nodes, int count)
{
	for (int i = 0; i < count; i++)
		if (kithd_peers(nodes[i]) != count - 1)
			return false;
	return true;
}

static void test_verdict(void)
{
	static const char *const names[NODES] = {"alpha", "beta", "gamma", "delta", "epsilon"};
	struct kithd *nodes[NODES] = {kithd_start(SOON PATIENT " -o name=alpha")};
	for (int i = 1; i < NODES; i++)
		nodes[i] = kithd_start(SOON PATIENT " -o name=%s -b %s", names[i], kithd_address(nodes[0]));
	AWAIT(are_whole(nodes, NODES));
	struct kithd *hung = nodes[NODES - 1];
	const char *nodeid = kithd_nodeid(hung);
	kithd_signal(hung, SIGSTOP);
	for (int i = 0; i < NODES - 1; i++) {
		AWAIT(!kithd_has_peer(nodes[i], nodeid));
		/* It is logged once it is in no table. */
		AWAIT(kithd_log_count(nodes[i], "epsilon (", " failed: silent for ") >= 1);
		AWAIT(kithd_log_count(nodes[i], " failed: silent for ", " s, also to ") >= 1);
	}
	kithd_signal(hung, SIGCONT);
	AWAIT(are_whole(nodes, NODES));
}

/* Why it ended this peer, which it logs once the peer is in no table. A node that did not run for a while blames nobody
 * for that, and ping_timeout decides; if it was a short while, only -v tells. */
static void await_why(struct kithd *kithd, const char *peer, const char *words)
{
	AWAIT(kithd_log_count(kithd, peer, words) == 1 || kithd_log_count(kithd, " did not run for ", "") > 0);
}

static void test_two_nodes(void)
{
	struct kithd *alpha = kithd_start("-v " SOON ABRUPT);
	struct kithd *beta = kithd_start(SOON ABRUPT " -o name=beta -b %s", kithd_address(alpha));
	AWAIT(kithd_peers(alpha) == 1 && kithd_peers(beta) == 1);
	const char *nodeid = kithd_nodeid(beta);
	kithd_signal(beta, SIGSTOP);
	AWAIT(!kithd_has_peer(alpha, nodeid));
	await_why(alpha, "beta (", " s; no witness");
	kithd_signal(beta, SIGCONT);
	AWAIT(kithd_peers(alpha) == 1 && kithd_peers(beta) == 1);
}

/* ---- raw peers ---- */

/* A raw peer that answers pings, and questions as it is told to. */
struct witness {
	struct raw *raw;
	const char *answer; /* a format for the nodeid and the duration it was asked with; NULL for none */
	int asked;
	const char *question; /* the last; "" before the first */
	const char *told;     /* the last heard or unheard; "" before the first */
	long long unheard_ms; /* of the last unheard that says for how long */
	int tellings;
	bool has_ended;
	int64_t served_us, longest_us; /* when it was served last, and how long it has waited for that at the most */
};

#define HEARD "{\"msgtype\":\"heard\",\"nodeid\":\"%s\",\"ago_ms\":0}"
#define UNHEARD "{\"msgtype\":\"unheard\",\"nodeid\":\"%s\",\"silent_ms\":%lld}"
#define STRANGER "{\"msgtype\":\"unheard\",\"nodeid\":\"%s\"}"

static struct witness join(struct kithd *kithd, const char *nodeid, const char *name, const char *answer)
{
	return (struct witness){.raw = raw_join(kithd, nodeid, harness_text(",\"name\":\"%s\"", name)),
				.answer = answer,
				.question = "",
				.told = ""};
}

static bool is_of(const char *line, const char *type)
{
	return strstr(line, harness_text("\"msgtype\":\"%s\"", type)) != NULL;
}

/* A number of a line; -1 without one. */
static long long number_of(const char *line, const char *key)
{
	const char *quoted = harness_text("\"%s\":", key), *found = strstr(line, quoted);
	return found == NULL ? -1 : strtoll(found + strlen(quoted), NULL, 10);
}

static void answer(struct witness *witness)
{
	long long silent_ms = number_of(witness->question, "silent_ms");
	if (witness->answer == NULL)
		return;
	if (strcmp(witness->answer, UNHEARD) == 0)
		raw_send(witness->raw, UNHEARD, ALICE, silent_ms);
	else
		raw_send(witness->raw, strcmp(witness->answer, HEARD) == 0 ? HEARD : STRANGER, ALICE);
}

static void take_line(struct witness *witness, const char *line)
{
	if (line == NULL || is_of(line, "bye")) {
		witness->has_ended = true;
	} else if (is_of(line, "ping")) {
		raw_send(witness->raw, "{\"msgtype\":\"pong\"}");
	} else if (is_of(line, "suspect")) {
		witness->asked++;
		witness->question = harness_text("%s", line);
		answer(witness);
	} else if (is_of(line, "heard") || is_of(line, "unheard")) {
		witness->tellings++;
		witness->told = harness_text("%s", line);
		if (is_of(line, "unheard"))
			witness->unheard_ms = number_of(line, "silent_ms");
	}
}

/* Each of them does what is to be done now. Always true. */
static bool serve(struct witness *witnesses, int count)
{
	enum { WAIT_US = 10 * 1000 };
	for (int i = 0; i < count; i++) {
		struct witness *witness = &witnesses[i];
		int64_t waited_us = witness->served_us == 0 ? 0 : clock_now_us() - witness->served_us;
		witness->longest_us = waited_us > witness->longest_us ? waited_us : witness->longest_us;
		while (!witness->has_ended && raw_has_line(witness->raw, clock_now_us() + WAIT_US))
			take_line(witness, raw_line(witness->raw));
		witness->served_us = clock_now_us();
	}
	return true;
}

/* As AWAIT, without its pauses, which would make them late. */
#define AWAIT_SERVED(witnesses, count, condition)                                                                      \
	do {                                                                                                           \
		int64_t served_until_us = harness_deadline_us(HARNESS_PATIENCE_S);                                     \
		while (serve(witnesses, count) && !(condition))                                                        \
			if (clock_now_us() > served_until_us)                                                          \
				harness_fail("waited in vain for: %s", #condition);                                    \
	} while (0)

static void test_witness_hears_it(void)
{
	struct kithd *kithd = kithd_start("-v " SOON ABRUPT);
	struct witness bob = join(kithd, BOB, "bob", HEARD);
	struct raw *alice = raw_join(kithd, ALICE, ",\"name\":\"alice\"");
	AWAIT_SERVED(&bob, 1, bob.asked > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(bob.question, "\"nodeid\":\"" ALICE "\""));
	CU_ASSERT(number_of(bob.question, "silent_ms") >= 250);
	AWAIT_SERVED(&bob, 1, !kithd_has_peer(kithd, ALICE));
	await_why(kithd, "alice (", " s; bob still hears it");
	raw_expect_bye(alice, "timeout");
	CU_ASSERT(kithd_has_peer(kithd, BOB));
}

/* A node takes a witness that is silent for 2.5 s for one that does not know the question; and this process may not
 * have run for as long. */
static bool was_slow(const struct witness *witness)
{
	return witness->longest_us >= 2 * 1000 * 1000;
}

static void test_witnesses_agree(void)
{
	struct kithd *kithd = kithd_start(SOON PATIENT);
	struct witness witnesses[] = {join(kithd, BOB, "bob", UNHEARD), join(kithd, CAROL, "carol", UNHEARD)};
	struct raw *alice = raw_join(kithd, ALICE, ",\"name\":\"alice\"");
	AWAIT_SERVED(witnesses, 2, !kithd_has_peer(kithd, ALICE));
	CU_ASSERT(witnesses[0].asked > 0 && witnesses[1].asked > 0);
	AWAIT(kithd_log_count(kithd, "alice (", " failed: silent for ") == 1);
	CU_ASSERT(kithd_log_count(kithd, " failed: silent for ", ", also to bob and carol") == 1 ||
		  kithd_log_count(kithd, " failed: silent for ", ", also to carol and bob") == 1 ||
		  was_slow(&witnesses[0]) || was_slow(&witnesses[1]));
	raw_expect_bye(alice, "timeout");
}

/* One that is no peer of the suspect, and one that doesn't know the question, as one of version 0.1.0. */
static void test_no_witness(void)
{
	static const char *const answers[] = {STRANGER, NULL};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct kithd *kithd = kithd_start("-v " SOON ABRUPT);
		struct witness bob = join(kithd, BOB, "bob", answers[i]);
		raw_join(kithd, ALICE, ",\"name\":\"alice\"");
		AWAIT_SERVED(&bob, 1, !kithd_has_peer(kithd, ALICE));
		CU_ASSERT(bob.asked > 0);
		await_why(kithd, "alice (", " s; no witness");
		CU_ASSERT(kithd_has_peer(kithd, BOB));
	}
}

/* A witness that knows the question, and one that doesn't: it is not waited for in vain. */
static void test_mixed_witnesses(void)
{
	struct kithd *kithd = kithd_start(SOON PATIENT);
	struct witness witnesses[] = {join(kithd, BOB, "bob", UNHEARD), join(kithd, CAROL, "carol", NULL)};
	raw_join(kithd, ALICE, ",\"name\":\"alice\"");
	AWAIT_SERVED(witnesses, 2, !kithd_has_peer(kithd, ALICE));
	AWAIT(kithd_log_count(kithd, " failed: silent for ", " s, also to bob") == 1);
	CU_ASSERT(witnesses[1].asked > 0);
}

/* ---- questions to a node ---- */

static void ask(struct raw *raw, const char *nodeid)
{
	raw_send(raw, "{\"msgtype\":\"suspect\",\"nodeid\":\"%s\",\"silent_ms\":1200}", nodeid);
}

/* The asker is told that Alice is heard; at first otherwise only if she kept the node waiting for a second. */
static void ask_and_hear(struct witness *asker, struct witness *alice)
{
	int before = asker->tellings;
	ask(asker->raw, ALICE);
	AWAIT_SERVED(asker, 1, serve(alice, 1) && asker->tellings > before && is_of(asker->told, "heard"));
	CU_ASSERT(asker->tellings == before + 1 || (asker->tellings == before + 2 && asker->unheard_ms >= 1000));
	CU_ASSERT_PTR_NOT_NULL(strstr(asker->told, "\"nodeid\":\"" ALICE "\""));
	CU_ASSERT(number_of(asker->told, "ago_ms") >= 0);
}

static void test_is_asked(void)
{
	struct kithd *kithd = kithd_start(RARE_PINGS);
	struct witness bob = join(kithd, BOB, "bob", NULL), alice = join(kithd, ALICE, "alice", NULL);
	struct witness *asker = &bob;
	/* One that talks. */
	raw_ping(alice.raw);
	ask_and_hear(asker, &alice);
	/* One that has not talked for a while is pinged, and answers. */
	AWAIT_SERVED(asker, 1, kithd_cell_number(kithd, ALICE, "HEARD_S") >= 1);
	ask_and_hear(asker, &alice);
	/* The same, and it does not answer. */
	AWAIT_SERVED(asker, 1, kithd_cell_number(kithd, ALICE, "HEARD_S") >= 1);
	int before = asker->tellings;
	ask(asker->raw, ALICE);
	AWAIT_SERVED(asker, 1, asker->tellings == before + 1);
	CU_ASSERT(is_of(asker->told, "unheard"));
	CU_ASSERT(number_of(asker->told, "silent_ms") >= 1000);
	/* She answers late: the asker, who was told otherwise, is told. */
	AWAIT_SERVED(asker, 1, serve(&alice, 1) && asker->tellings == before + 2);
	CU_ASSERT(is_of(asker->told, "heard"));
}

static void test_is_asked_about_others(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *bob = raw_join(kithd, BOB, "");
	ask(bob, CAROL);
	raw_expect_line(bob, "{\"msgtype\":\"unheard\",\"nodeid\":\"" CAROL "\"}");
	/* About itself, and about the one that asks. */
	ask(bob, kithd_nodeid(kithd));
	ask(bob, BOB);
	raw_ping_next(bob);
}

/* What a node has ignored of the one peer. */
static double ignored(const char *path)
{
	struct asker *asker = asker_connect(path);
	asker_ask(asker, "{'msgtype':'peers'}");
	double count = asker_pick(asker, 0) ? asker_number(asker, "ignored") : -1;
	asker_close(asker);
	return count;
}

static void test_too_many_questions(void)
{
	enum { ASKED = 400, ANSWERED_AT_ONCE = 60, MORE_PER_S = 20 };
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start("-o control=%s", path);
	struct witness bob = join(kithd, BOB, "bob", NULL);
	int64_t began_us = clock_now_us();
	for (int i = 0; i < ASKED; i++)
		ask(bob.raw, harness_text("ca201000-0000-4000-8000-%012x", (unsigned)i));
	AWAIT_SERVED(&bob, 1, bob.tellings + ignored(path) == ASKED);
	double seconds = (double)(clock_now_us() - began_us) / 1e6;
	CU_ASSERT(bob.tellings >= ANSWERED_AT_ONCE);
	CU_ASSERT(bob.tellings <= ANSWERED_AT_ONCE + 1 + MORE_PER_S * seconds);
	raw_ping(bob.raw);
}

/* About a peer that answers nothing: the first question of a second is taken, and the others are not. */
static void test_same_question(void)
{
	enum { ASKED = 10 };
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start(RARE_PINGS " -o control=%s", path);
	struct witness bob = join(kithd, BOB, "bob", NULL);
	raw_join(kithd, ALICE, "");
	AWAIT_SERVED(&bob, 1, kithd_cell_number(kithd, ALICE, "HEARD_S") >= 1);
	int64_t began_us = clock_now_us();
	for (int i = 0; i < ASKED; i++)
		ask(bob.raw, ALICE);
	raw_ping(bob.raw);
	int64_t lasted_us = clock_now_us() - began_us;
	struct asker *asker = asker_connect(path);
	asker_ask(asker, "{'msgtype':'peers'}");
	CU_ASSERT_FATAL(asker_find(asker, "nodeid", BOB));
	CU_ASSERT(asker_number(asker, "ignored") <= ASKED - 1);
	CU_ASSERT(asker_number(asker, "ignored") >= ASKED - 2 - (double)lasted_us / 900e3);
}

static void test_garbage(void)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"{\"msgtype\":\"suspect\"}", "suspect: \"nodeid\" is missing"},
		{"{\"msgtype\":\"heard\",\"ago_ms\":1}", "heard: \"nodeid\" is missing"},
		{"{\"msgtype\":\"suspect\",\"nodeid\":7,\"silent_ms\":1}", "suspect: \"nodeid\" must be a UUID"},
		{"{\"msgtype\":\"unheard\",\"nodeid\":\"00000000-0000-0000-0000-000000000000\"}",
		 "unheard: \"nodeid\" must be a UUID of 36 characters that is not nil"},
		{"{\"msgtype\":\"suspect\",\"nodeid\":\"" ALICE "\"}", "suspect: \"silent_ms\" is missing"},
		{"{\"msgtype\":\"heard\",\"nodeid\":\"" ALICE "\"}", "heard: \"ago_ms\" is missing"},
		{"{\"msgtype\":\"heard\",\"nodeid\":\"" ALICE "\",\"ago_ms\":-1}",
		 "heard: \"ago_ms\" must be a whole number from 0 to 86400000"},
		{"{\"msgtype\":\"suspect\",\"nodeid\":\"" ALICE "\",\"silent_ms\":86400001}",
		 "suspect: \"silent_ms\" must be a whole number from 0 to 86400000"},
		{"{\"msgtype\":\"unheard\",\"nodeid\":\"" ALICE "\",\"silent_ms\":1.5}",
		 "unheard: \"silent_ms\" must be a whole number"},
		{"{\"msgtype\":\"unheard\",\"nodeid\":\"" ALICE "\",\"silent_ms\":\"1\"}",
		 "unheard: \"silent_ms\" must be a whole number"},
	};
	struct kithd *kithd = kithd_start("-o ban_after=0");
	struct raw *other = raw_join(kithd, CAROL, "");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct raw *raw = raw_join(kithd, BOB, "");
		raw_send(raw, "%s", cases[i].line);
		raw_expect_bye(raw, "protocol");
		AWAIT(kithd_log_count(kithd, " broke the protocol: ", cases[i].words) >= 1);
		AWAIT(kithd_peers(kithd) == 1);
	}
	raw_ping(other);
}

/* Before the handshake, the messages are nothing. */
static void test_too_early(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	ask(raw, CAROL);
	raw_send(raw, HEARD, CAROL);
	raw_send(raw, STRANGER, CAROL);
	raw_send_hello(raw, BOB, "");
	raw_expect_next(raw, "hello");
	raw_expect(raw, "ping");
}

/* ---- reload ---- */

static void rewrite(struct kithd *kithd, const char *path, const char *content, const char *line)
{
	FILE *file = fopen(path, "w");
	if (file == NULL || fputs(content, file) == EOF || fclose(file) != 0)
		harness_fail("cannot write %s", path);
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, line, "") == 1);
}

static void test_reload_probe_interval(void)
{
	const char *path = harness_write_file("probe_interval = 600; ping_interval = 600; share_within = 900;");
	struct kithd *kithd = kithd_start("-c %s", path);
	struct raw *raw = raw_join(kithd, ALICE, "");
	rewrite(kithd, path, "probe_interval = 0.1; ping_interval = 600; share_within = 900;",
		"probe_interval: 600 is now 0.1");
	for (int i = 0; i < 5; i++) {
		raw_expect(raw, "ping");
		raw_send(raw, "{\"msgtype\":\"pong\"}");
	}
}

static void test_reload_silent_after(void)
{
	const char *path = harness_write_file("silent_after = 600;");
	struct kithd *kithd = kithd_start("-c %s -o probe_interval=0.1" PATIENT, path);
	struct witness witnesses[] = {join(kithd, BOB, "bob", UNHEARD), join(kithd, CAROL, "carol", UNHEARD)};
	raw_join(kithd, ALICE, "");
	/* Asked again: the silence has lasted for longer than what silent_after will be. */
	AWAIT_SERVED(witnesses, 2, number_of(witnesses[0].question, "silent_ms") > 1000);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
	rewrite(kithd, path, "silent_after = 1;", "silent_after: 600 is now 1");
	AWAIT_SERVED(witnesses, 2, !kithd_has_peer(kithd, ALICE));
	AWAIT(kithd_log_count(kithd, " failed: silent for ", " s, also to ") == 1);
}

static CU_TestInfo tests[] = {
	{"a node that hangs leaves every table by the verdict, and comes back", test_verdict},
	{"of two nodes neither has a witness: ping_timeout decides", test_two_nodes},
	{"a peer that a witness still hears stays until ping_timeout", test_witness_hears_it},
	{"a peer that two witnesses do not hear is gone", test_witnesses_agree},
	{"who does not know the peer, or the question, is no witness", test_no_witness},
	{"who does not know the question is not waited for", test_mixed_witnesses},
	{"who asks is told what becomes of a ping", test_is_asked},
	{"who asks about a stranger is told so", test_is_asked_about_others},
	{"too many questions are ignored and counted", test_too_many_questions},
	{"one question a second is taken about a node", test_same_question},
	{"questions and answers that are malformed are protocol errors", test_garbage},
	{"before the handshake they are ignored", test_too_early},
	{"SIGHUP changes probe_interval", test_reload_probe_interval},
	{"SIGHUP changes silent_after", test_reload_silent_after},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_silence = {
	.pName = "silence", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* kith on: which commands run for which events, and what survives restarts. */

/* A node, and the files of a kith on that follows it. */
struct scene {
	struct kithd *kithd;
	const char *folder, *path, *cursor, *log, *gate;
};

static struct scene prepare(void)
{
	const char *folder = harness_make_folder();
	return (struct scene){.folder = folder,
			      .path = harness_text("%s/sock", folder),
			      .cursor = harness_text("%s/cursor", folder),
			      .log = harness_text("%s/log", folder),
			      .gate = harness_text("%s/gate", folder)};
}

/* Without reports no event of the network comes between. */
static struct scene start(const char *options)
{
	struct scene scene = prepare();
	scene.kithd = kithd_start(RARE_PINGS " -o name=alpha -o max_nodes=0 -o control=%s %s", scene.path, options);
	return scene;
}

static const char *text_of(const char *path)
{
	const char *text = harness_read_file(path);
	return text == NULL ? "" : text;
}

static bool log_has(const struct scene *scene, const char *words)
{
	return strstr(text_of(scene->log), words) != NULL;
}

static bool log_is(const struct scene *scene, const char *text)
{
	return EXPECT(strcmp(text_of(scene->log), text) == 0, "the log is: %s", text_of(scene->log));
}

static bool cursor_has(const struct scene *scene, const char *words)
{
	return strstr(text_of(scene->cursor), words) != NULL;
}

/* A kith on that has come to its node. For each event it runs the script, after it has written a line. */
static struct kith *follow(const struct scene *scene, const char *words, const char *script)
{
	struct kith *kith =
		kith_spawn("-s %s on %s --cursor %s -- sh -c 'echo $KITH_KIND $KITH_NAME $KITH_SEQ >>%s; %s'",
			   scene->path, words, scene->cursor, scene->log, script);
	AWAIT(cursor_has(scene, "boot "));
	return kith;
}

/* The script goes on when there is a gate. */
static struct kith *follow_through_gate(const struct scene *scene, const char *words)
{
	return follow(scene, words,
		      harness_text("while [ ! -e %s ]; do sleep 0.02; done; echo end $KITH_SEQ >>%s", scene->gate,
				   scene->log));
}

static void open_gate(const struct scene *scene)
{
	FILE *file = fopen(scene->gate, "we");
	if (file == NULL || fclose(file) != 0)
		harness_fail("cannot open the gate");
}

static struct kith_run stop(struct kith *kith, int signal)
{
	kill(kith_pid(kith), signal);
	return kith_wait(kith);
}

static void stop_well(struct kith *kith)
{
	struct kith_run run = stop(kith, SIGTERM);
	EXPECT(run.status == 0, "status %d: %s", run.status, run.err);
}

static struct raw *join(const struct scene *scene, const char *nodeid, const char *name)
{
	return raw_join(scene->kithd, nodeid, harness_text(",\"name\":\"%s\"", name));
}

/* The number of the node's last event. */
static int last_event(const struct scene *scene)
{
	struct asker *asker = asker_connect(scene->path);
	asker_ask(asker, "{'msgtype':'info'}");
	int number = asker_pick(asker, 0) ? (int)asker_number(asker, "last_event") : -1;
	asker_close(asker);
	return number;
}

/* The node has noticed that it is gone, with that event. */
static void leave(const struct scene *scene, struct raw *raw, int number)
{
	raw_close(raw);
	AWAIT(last_event(scene) == number);
}

/* kith on has come to that event. */
static void await_event(const struct scene *scene, int number)
{
	AWAIT(cursor_has(scene, harness_text("number %d\n", number)));
}

/* ---- what is run ---- */

static void test_event(void)
{
	struct scene scene = start("");
	const char *json = harness_text("%s/json", scene.folder);
	struct kith *kith =
		follow(&scene, "down",
		       harness_text("echo $KITH_NODEID,$KITH_ADDRESS,$KITH_ENDING,$KITH_REASON >>%s; cat >%s",
				    scene.log, json));
	struct raw *raw = join(&scene, ALICE, "alice");
	const char *address = raw_address(raw);
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
	await_event(&scene, 3);
	AWAIT(strchr(text_of(json), '\n') != NULL);
	log_is(&scene, harness_text("peer_down alice 3\n" ALICE ",%s,left,it is shutting down\n", address));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of(json), "\"number\":3,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of(json), "\"kind\":\"peer_down\""));
	stop_well(kith);
}

static void test_words_are_no_shell(void)
{
	struct scene scene = start("");
	const char *odd = harness_text("%s/odd", scene.folder);
	struct kith *kith = kith_spawn("-s %s on up --cursor %s -- printf '%%s;' '$(touch %s)' 'a  b'", scene.path,
				       scene.cursor, odd);
	AWAIT(cursor_has(&scene, "boot "));
	join(&scene, ALICE, "alice");
	AWAIT(strcmp(kith_output(kith), harness_text("$(touch %s);a  b;", odd)) == 0);
	CU_ASSERT(access(odd, F_OK) != 0);
	stop_well(kith);
}

static void test_newest_wins(void)
{
	struct scene scene = start("");
	struct kith *kith = follow_through_gate(&scene, "up down");
	struct raw *alice = join(&scene, ALICE, "alice");
	AWAIT(log_has(&scene, "peer_up alice 2\n"));
	leave(&scene, alice, 3);
	leave(&scene, join(&scene, ALICE, "alice"), 5);
	leave(&scene, join(&scene, ALICE, "alice"), 7);
	/* Another peer does not wait for it. */
	join(&scene, BOB, "bob");
	AWAIT(log_has(&scene, "peer_up bob 8\n"));
	CU_ASSERT(cursor_has(&scene, "number 8\nwaiting 7\nend\n"));
	open_gate(&scene);
	AWAIT(log_has(&scene, "end 7\n") && log_has(&scene, "end 8\n"));
	/* One after the other. */
	const char *end = strstr(text_of(scene.log), "end 2\n"),
		   *next = strstr(text_of(scene.log), "peer_down alice 7\n");
	CU_ASSERT(end != NULL && next != NULL && strlen(end) > strlen(next));
	for (int number = 3; number <= 6; number++)
		CU_ASSERT(!log_has(&scene, harness_text("alice %d\n", number)));
	stop_well(kith);
}

static bool is_gone(const char *pid)
{
	const char *status = harness_read_file(harness_text("/proc/%s/status", pid));
	return status == NULL || strstr(status, "State:\tZ") != NULL || strstr(status, "State:\tX") != NULL;
}

static void test_timeout(void)
{
	struct scene scene = start("");
	const char *child = harness_text("%s/child", scene.folder);
	/* The child of the command ignores SIGTERM. */
	struct kith *kith = follow(&scene, "up --timeout 2",
				   harness_text("(trap \"\" TERM; exec sleep 1000) & echo $! >%s; wait", child));
	join(&scene, ALICE, "alice");
	AWAIT(strchr(text_of(child), '\n') != NULL);
	const char *pid = harness_text("%d", atoi(text_of(child)));
	CU_ASSERT(!is_gone(pid));
	AWAIT(is_gone(pid));
	struct kith_run run = stop(kith, SIGTERM);
	CU_ASSERT_EQUAL(run.status, 0);
	EXPECT(strstr(run.err, "peer_up of alice (event 2): the command takes longer than --timeout") != NULL, "%s",
	       run.err);
}

static void test_failures(void)
{
	struct scene scene = start("");
	const char *script = harness_text("%s/script", scene.folder);
	FILE *file = fopen(script, "we");
	fprintf(file, "#!/bin/sh\nrm %s\nexit 7\n", script);
	fclose(file);
	CU_ASSERT(chmod(script, 0700) == 0);
	struct kith *kith = kith_spawn("-s %s on up down --cursor %s -- %s", scene.path, scene.cursor, script);
	AWAIT(cursor_has(&scene, "boot "));
	struct raw *raw = join(&scene, ALICE, "alice");
	AWAIT(access(script, F_OK) != 0);
	leave(&scene, raw, 3);
	await_event(&scene, 3);
	struct kith_run run = stop(kith, SIGTERM);
	CU_ASSERT_EQUAL(run.status, 0);
	EXPECT(strstr(run.err, "peer_up of alice (event 2): the command ended with status 7") != NULL, "%s", run.err);
	EXPECT(strstr(run.err, "No such file") != NULL || cursor_has(&scene, "waiting 3"), "%s", run.err);
}

static void test_usage(void)
{
	struct scene scene = start("");
	static const struct {
		const char *words, *complaint;
	} cases[] = {
		{"on up -- no-such-command", "there is no command \"no-such-command\""},
		{"on up -- /no/such/command", "cannot run /no/such/command"},
		{"on up true", "write the kinds, then --"},
		{"on -- true true", "write the kinds, then --"},
		{"on upp -- true", "there is no kind of event \"upp\""},
		{"on up --timeout 0 -- true", "--timeout"},
		{"on up --cursor / -- true", "cannot read /"},
		{"on up --cursor /proc/self/stat -- true", "line 1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kith_run run = kith_run("-s %s %s", scene.path, cases[i].words);
		EXPECT(run.status == 64 && strstr(run.err, cases[i].complaint) != NULL, "%s: %d %s", cases[i].words,
		       run.status, run.err);
	}
}

/* ---- restarts of kith on ---- */

static void test_restart(void)
{
	struct scene scene = start("");
	struct kith *kith = follow(&scene, "up down", ":");
	struct raw *alice = join(&scene, ALICE, "alice");
	AWAIT(log_has(&scene, "peer_up alice 2\n"));
	stop_well(kith);
	leave(&scene, alice, 3);
	struct raw *bob = join(&scene, BOB, "bob");
	kith = follow(&scene, "up down", ":");
	AWAIT(log_has(&scene, "peer_down alice 3\n") && log_has(&scene, "peer_up bob 4\n"));
	/* A crash comes without a farewell. */
	stop(kith, SIGKILL);
	leave(&scene, bob, 5);
	kith = follow(&scene, "up down", ":");
	AWAIT(log_has(&scene, "peer_down bob 5\n"));
	stop_well(kith);
	for (int number = 2; number <= 5; number++) {
		const char *line = harness_text(" %d\n", number), *found = strstr(text_of(scene.log), line);
		EXPECT(found != NULL && strstr(found + 1, line) == NULL, "event %d in: %s", number, text_of(scene.log));
	}
}

static void test_waiting_survives(void)
{
	struct scene scene = start("");
	struct kith *kith = follow_through_gate(&scene, "up down");
	struct raw *alice = join(&scene, ALICE, "alice");
	AWAIT(log_has(&scene, "peer_up alice 2\n"));
	leave(&scene, alice, 3);
	struct raw *bob = join(&scene, BOB, "bob");
	AWAIT(log_has(&scene, "peer_up bob 4\n"));
	/* It waits for the commands that run, and starts no other. */
	kill(kith_pid(kith), SIGTERM);
	leave(&scene, bob, 5);
	open_gate(&scene);
	CU_ASSERT_EQUAL(kith_wait(kith).status, 0);
	CU_ASSERT(log_has(&scene, "end 2\n") && log_has(&scene, "end 4\n"));
	CU_ASSERT(!log_has(&scene, "alice 3\n"));
	CU_ASSERT(cursor_has(&scene, "waiting 3\n"));
	/* Event 4 comes again with event 3, but has been handled. */
	unlink(scene.log);
	kith = follow(&scene, "up down", ":");
	AWAIT(log_has(&scene, "peer_down bob 5\n"));
	stop_well(kith);
	CU_ASSERT(log_has(&scene, "peer_down alice 3\n") && !log_has(&scene, "bob 4\n"));
}

static void test_second_stop(void)
{
	struct scene scene = start("");
	struct kith *kith = follow_through_gate(&scene, "up");
	join(&scene, ALICE, "alice");
	AWAIT(log_has(&scene, "peer_up alice 2\n"));
	kill(kith_pid(kith), SIGTERM);
	/* Two signals that wait are one. */
	const char *pending = harness_text("/proc/%d/status", (int)kith_pid(kith));
	AWAIT(strstr(text_of(pending), "ShdPnd:\t0000000000000000") != NULL);
	stop_well(kith);
	log_is(&scene, "peer_up alice 2\n");
}

static void test_ring(void)
{
	enum { KEPT = 100, CHANGES = 120 };
	struct scene scene = start(harness_text("-o journal_events=%d", KEPT));
	const char *json = harness_text("%s/json", scene.folder);
	stop_well(follow(&scene, "set", ":"));
	int first = last_event(&scene) + 1;
	struct asker *asker = asker_connect(scene.path);
	for (int i = 1; i <= CHANGES; i++)
		asker_ask(asker, "{'msgtype':'set','setting':'ping_interval','value':%d}", i);
	int lost = last_event(&scene) + 1 - KEPT - first;
	struct kith *kith = follow(&scene, "set", harness_text("cat >>%s", json));
	AWAIT(strstr(text_of(json), harness_text("\"events\":%d", lost)) != NULL);
	AWAIT(strstr(text_of(json), harness_text("\"value\":\"%d\"", CHANGES)) != NULL);
	stop_well(kith);
}

/* ---- restarts of the node ---- */

static void test_node_restarts(void)
{
	struct scene scene = start("");
	struct kith *kith = follow(&scene, "up down started", ":");
	raw_close(join(&scene, ALICE, "alice"));
	AWAIT(log_has(&scene, "peer_down alice 3\n"));
	const char *address = kithd_address(scene.kithd);
	kithd_stop(scene.kithd, SIGTERM);
	scene.kithd = kithd_start_at(address, RARE_PINGS " -o name=alpha -o max_nodes=0 -o control=%s", scene.path);
	AWAIT(log_has(&scene, "lost\n") && log_has(&scene, "started"));
	join(&scene, BOB, "bob");
	AWAIT(log_has(&scene, "peer_up bob 2\n"));
	struct kith_run run = stop(kith, SIGTERM);
	CU_ASSERT_EQUAL(run.status, 0);
	EXPECT(strstr(run.err, "waiting for the node") != NULL && strstr(run.err, "the node answers") != NULL, "%s",
	       run.err);
	/* Also if it was started again while nobody followed it. */
	kithd_stop(scene.kithd, SIGTERM);
	scene.kithd = kithd_start_at(address, RARE_PINGS " -o name=alpha -o max_nodes=0 -o control=%s", scene.path);
	unlink(scene.log);
	kith = kith_spawn("-s %s on up --cursor %s -- sh -c 'echo $KITH_KIND $KITH_REASON >>%s'", scene.path,
			  scene.cursor, scene.log);
	AWAIT(log_has(&scene, "lost the node was started again"));
	stop_well(kith);
}

static void test_waits_for_node(void)
{
	struct scene scene = prepare();
	struct kith *kith =
		kith_spawn("-s %s on started up -- sh -c 'echo $KITH_KIND $KITH_SEQ >>%s'", scene.path, scene.log);
	/* It has looked in vain. */
	AWAIT(strstr(text_of(harness_text("/proc/%d/status", (int)kith_pid(kith))), "SigBlk:\t0000000000000000") ==
	      NULL);
	scene.kithd = kithd_start(RARE_PINGS " -o name=alpha -o max_nodes=0 -o control=%s", scene.path);
	join(&scene, ALICE, "alice");
	AWAIT(log_has(&scene, "peer_up 2\n"));
	stop_well(kith);
}

static void test_initial(void)
{
	struct scene scene = start("");
	struct raw *alice = join(&scene, ALICE, "alice");
	leave(&scene, join(&scene, BOB, "bob"), 4);
	struct kith *kith = follow(&scene, "up down --initial", ":");
	AWAIT(log_has(&scene, "peer_up alice\n"));
	raw_close(alice);
	AWAIT(log_has(&scene, "peer_down alice 5\n"));
	log_is(&scene, "peer_up alice\npeer_down alice 5\n");
	stop_well(kith);
	/* What it has come to is its state; it is not asked for again. */
	join(&scene, CAROL, "carol");
	kith = follow(&scene, "up down --initial", ":");
	AWAIT(log_has(&scene, "peer_up carol 6\n"));
	stop_well(kith);
	log_is(&scene, "peer_up alice\npeer_down alice 5\npeer_up carol 6\n");
}

/* A peer that is being closed is gone already: its event came before. */
static void test_initial_leaves_out_who_goes(void)
{
	struct scene scene = start("");
	join(&scene, ALICE, "alice");
	raw_send(join(&scene, BOB, "bob"), "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
	AWAIT(last_event(&scene) == 4);
	struct kith *kith = follow(&scene, "up down --initial", ":");
	AWAIT(log_has(&scene, "peer_up alice\n"));
	join(&scene, CAROL, "carol");
	AWAIT(log_has(&scene, "peer_up carol 5\n"));
	log_is(&scene, "peer_up alice\npeer_up carol 5\n");
	stop_well(kith);
}

/* Two would overwrite what the other remembers. */
static void test_cursor_is_of_one(void)
{
	struct scene scene = start("");
	const char *words = harness_text("-s %s on up --cursor %s -- true", scene.path, scene.cursor);
	/* A command that outlives it does not keep the file. It ends with the gate, or with the folder. */
	struct kith *kith = follow(&scene, "up",
				   harness_text("sh -c \"while [ ! -e %s ] && [ -e %s ]; do sleep 0.02; done\" &",
						scene.gate, scene.folder));
	join(&scene, ALICE, "alice");
	AWAIT(log_has(&scene, "peer_up alice 2\n"));
	struct kith_run run = kith_run("%s", words);
	CU_ASSERT_EQUAL(run.status, 71);
	EXPECT(strstr(run.err, harness_text("another kith on (pid %d) uses the cursor", kith_pid(kith))) != NULL, "%s",
	       run.err);
	kill(kith_pid(kith), SIGKILL);
	kith_wait(kith);
	kith = follow(&scene, "up", ":");
	join(&scene, BOB, "bob");
	AWAIT(log_has(&scene, "peer_up bob 3\n"));
	stop_well(kith);
	open_gate(&scene);
	/* Where there can be no cursor, nothing is begun. */
	run = kith_run("-s %s on up --cursor %s/none/cursor -- true", scene.path, scene.folder);
	EXPECT(run.status == 71 && strstr(run.err, "No such file") != NULL, "%d %s", run.status, run.err);
}

static CU_TestInfo tests[] = {
	{"the command finds the event in its environment and on its stdin", test_event},
	{"words of the command go through no shell", test_words_are_no_shell},
	{"one command runs for a peer, and the newest state wins", test_newest_wins},
	{"a command that takes too long ends, with its children", test_timeout},
	{"a command that fails, or is gone, is told", test_failures},
	{"wrong words are told", test_usage},
	{"a restart misses nothing, and runs nothing twice", test_restart},
	{"events that wait survive a stop, which waits for commands", test_waiting_survives},
	{"a second stop ends the commands", test_second_stop},
	{"what the journal no longer has is told as lost", test_ring},
	{"a restart of the node is told as lost", test_node_restarts},
	{"a node that is down is waited for", test_waits_for_node},
	{"the present state comes first with --initial", test_initial},
	{"a peer that goes is not of the present state", test_initial_leaves_out_who_goes},
	{"a cursor is of one kith on", test_cursor_is_of_one},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_hooks = {"hooks", NULL, NULL, harness_begin, harness_end, tests};

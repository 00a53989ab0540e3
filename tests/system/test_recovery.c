#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "secure.h"
#include "suites.h"

/* How fast a test's nodes save, and try again. */
#define QUICK "-o save_interval=0.05 -o retry_min=0.05 -o retry_max=0.2"

/* ---- the table of addresses ---- */

/* The line of an address in the second table, from its NODEID on; NULL if it isn't there. */
static const char *address_line(const char *table, const char *address)
{
	const char *line = strstr(table, "\n# addresses\n");
	if (line != NULL)
		line = strstr(line, harness_text("\n%s ", address));
	return line == NULL ? NULL : harness_text("%.*s", (int)strcspn(line + 1, "\n"), line + 1);
}

static int failures_of(struct kithd *kithd, const char *address)
{
	const char *line = address_line(kithd_table(kithd), address);
	int failures = 0;
	if (line != NULL && sscanf(line, "%*s %*s %*s %*s %*s %d", &failures) != 1)
		harness_fail("no FAILURES in: %s", line);
	return failures;
}

static bool address_says(struct kithd *kithd, const char *address, const char *words)
{
	const char *line = address_line(kithd_table(kithd), address);
	return line != NULL && strstr(line, words) != NULL;
}

static void test_reasons(void)
{
	struct raw *deaf = raw_listen_deaf(harness_address()), *full = raw_listen(harness_address());
	const char *nobody = harness_address(), *own = harness_address();
	struct kithd *kithd = kithd_start_at(own, QUICK " -o connect_timeout=0.1 -b %s -b %s -b %s", nobody,
					     raw_address(deaf), raw_address(full));
	struct raw *raw = raw_accept(full);
	raw_expect_next(raw, "hello");
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"full\"}");
	AWAIT(address_says(kithd, nobody, " connection refused, "));
	AWAIT(address_says(kithd, raw_address(deaf), " timed out, "));
	AWAIT(address_says(kithd, raw_address(full), " is full, "));
	AWAIT(address_says(kithd, nobody, " new "));
}

static void test_self(void)
{
	int port = harness_wildcard_port();
	const char *bootstrap = harness_text("%s:%d", harness_host(7), port);
	struct kithd *kithd = kithd_start_at(harness_text("0.0.0.0:%d", port), QUICK " -b %s", bootstrap);
	AWAIT(address_says(kithd, bootstrap, " is this node itself, "));
}

static void test_what_was_reached_has_no_error(void)
{
	struct kithd *one = kithd_plain();
	struct kithd *other = kithd_start("-b %s", kithd_address(one));
	AWAIT(address_says(other, kithd_address(one), harness_text("%s  tried ", kithd_nodeid(one))));
	const char *line = address_line(kithd_table(other), kithd_address(one));
	CU_ASSERT_STRING_EQUAL(line + strlen(line) - 3, "  -");
	AWAIT(address_says(one, kithd_address(other), harness_text("%s  tried ", kithd_nodeid(other))));
}

/* ---- what is kept ---- */

static bool file_holds(const char *folder, const char *text)
{
	const char *content = harness_read_file(harness_text("%s/addresses.json", folder));
	return content != NULL && strstr(content, text) != NULL;
}

static bool is_there(const char *folder, const char *name)
{
	return access(harness_text("%s/%s", folder, name), F_OK) == 0;
}

static void die(struct kithd *kithd)
{
	kithd_signal(kithd, SIGKILL);
	kithd_wait(kithd);
}

static bool has_peers(struct kithd *kithd, int count)
{
	return kithd_peers(kithd) == count;
}

/* It comes back at another address: the others can't find it, so it finds them. */
static void test_restart(void)
{
	const char *folder = harness_make_folder();
	struct kithd *one = kithd_plain(), *other = kithd_start("-b %s", kithd_address(one));
	struct kithd *third = kithd_start(QUICK " -o state_dir=%s -b %s", folder, kithd_address(one));
	AWAIT(file_holds(folder, kithd_nodeid(one)) && file_holds(folder, kithd_nodeid(other)));
	die(third);
	AWAIT(has_peers(one, 1) && has_peers(other, 1));
	third = kithd_start(QUICK " -o state_dir=%s", folder);
	AWAIT(kithd_has_peer(third, kithd_nodeid(one)) && kithd_has_peer(third, kithd_nodeid(other)));
	CU_ASSERT_EQUAL(kithd_log_count(third, "2 addresses are known from before", ""), 1);
	CU_ASSERT_FALSE(is_there(folder, "addresses.json.bad"));
}

static void test_nodeid_is_kept(void)
{
	const char *folder = harness_make_folder();
	struct kithd *kithd = kithd_start("-o nodeid=keep -o state_dir=%s", folder);
	const char *nodeid = kithd_nodeid(kithd);
	die(kithd);
	kithd = kithd_start("-o nodeid=keep -o state_dir=%s", folder);
	CU_ASSERT_STRING_EQUAL(kithd_nodeid(kithd), nodeid);
	kithd_stop(kithd, SIGTERM);
	kithd = kithd_start("-o state_dir=%s", folder);
	CU_ASSERT_STRING_EQUAL(kithd_nodeid(kithd), nodeid);
	kithd_stop(kithd, SIGTERM);
	kithd = kithd_start("-o nodeid=session -o state_dir=%s", folder);
	CU_ASSERT_STRING_NOT_EQUAL(kithd_nodeid(kithd), nodeid);
}

static bool go_to(const void *folder)
{
	return chdir(folder) == 0;
}

static void test_nothing_is_written_without_a_folder(void)
{
	const char *folder = harness_make_folder();
	struct kithd *one = kithd_plain();
	const char *argv[] = {"-l", harness_address(), "-b", kithd_address(one), "-o", "save_interval=0.01", NULL};
	struct kithd *other = kithd_launch(&(struct launch){.argv = argv, .prepare = go_to, .given = folder});
	AWAIT(has_peers(one, 1));
	kithd_stop(other, SIGTERM);
	CU_ASSERT_FALSE(is_there(folder, "addresses.json"));
}

static void test_one_folder_for_two(void)
{
	const char *folder = harness_make_folder();
	struct kithd *one = kithd_start("-o state_dir=%s", folder);
	struct kithd *other = kithd_run("-l %s -o state_dir=%s", harness_address(), folder);
	CU_ASSERT_EQUAL(kithd_wait(other), 71);
	CU_ASSERT_PTR_NOT_NULL(strstr(kithd_log(other), "another kithd uses it"));
	kithd_stop(one, SIGTERM);
	kithd_start("-o state_dir=%s", folder);
}

static void test_folder_is_replaced(void)
{
	const char *folder = harness_make_folder(), *moved = harness_make_folder();
	struct kithd *one = kithd_plain();
	struct kithd *other = kithd_start(QUICK " -o state_dir=%s -b %s", folder, kithd_address(one));
	AWAIT(file_holds(folder, kithd_nodeid(one)));
	const char *nodeid = kithd_nodeid(other);
	if (rename(folder, moved) != 0 || mkdir(folder, 0700) != 0)
		harness_fail("cannot replace %s", folder);
	AWAIT(file_holds(folder, kithd_nodeid(one)));
	CU_ASSERT_EQUAL(kithd_log_count(other, "is another folder than before", ""), 1);
	struct kithd *third = kithd_run("-l %s -o state_dir=%s", harness_address(), folder);
	CU_ASSERT_EQUAL(kithd_wait(third), 71);
	kithd_stop(other, SIGTERM);
	CU_ASSERT_STRING_EQUAL(kithd_nodeid(kithd_start("-o state_dir=%s", folder)), nodeid);
}

static void test_port_is_kept(void)
{
	const char *folder = harness_make_folder();
	const char *zero = harness_text("%s:0", harness_host(8));
	struct kithd *kithd = kithd_start_at(zero, "-o state_dir=%s", folder);
	const char *address = kithd_address(kithd);
	kithd_stop(kithd, SIGTERM);
	kithd = kithd_start_at(zero, "-o state_dir=%s", folder);
	CU_ASSERT_STRING_EQUAL(kithd_address(kithd), address);
	kithd_stop(kithd, SIGTERM);
	struct kithd *other = kithd_start_at(address, "-o name=other");
	kithd = kithd_start_at(zero, "-o state_dir=%s", folder);
	CU_ASSERT_STRING_NOT_EQUAL(kithd_address(kithd), address);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " warning cannot listen on ", "as before: Address already in use"), 1);
	raw_ping_next(raw_join(other, BOB, ""));
}

static void test_no_such_folder(void)
{
	struct kithd *kithd = kithd_run("-l %s -o state_dir=/nonexistent/kith/state", harness_address());
	CU_ASSERT_EQUAL(kithd_wait(kithd), 71);
	CU_ASSERT_PTR_NOT_NULL(strstr(kithd_log(kithd), "/nonexistent/kith/state"));
}

static void write_addresses(const char *folder, const char *content)
{
	int fd = open(harness_text("%s/addresses.json", folder), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool is_written = fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content);
	if (fd >= 0)
		close(fd);
	if (!is_written)
		harness_fail("cannot write into %s", folder);
}

static void test_damaged_file(void)
{
	const char *folder = harness_make_folder();
	struct raw *listener = raw_listen(harness_address());
	write_addresses(folder, harness_text("{\"format\":\"kith addresses\",\"version\":1,\n\"addresses\":[\n"
					     "{\"address\":\"%s\",\"kind\":\"tried\"},\n{\"address\":\"127.",
					     raw_address(listener)));
	struct kithd *kithd = kithd_start(QUICK " -o state_dir=%s", folder);
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " warning ", "addresses.json.bad"), 1);
	CU_ASSERT(is_there(folder, "addresses.json.bad"));
	kithd_stop(kithd, SIGTERM);
	CU_ASSERT(file_holds(folder, ALICE));
}

static void test_old_file(void)
{
	const char *folder = harness_make_folder();
	struct raw *listener = raw_listen(harness_address());
	/* Saved at the beginning of 2020. */
	write_addresses(folder,
			harness_text("{\"format\":\"kith addresses\",\"version\":1,\"saved\":1577836800,\n"
				     "\"addresses\":[\n"
				     "{\"address\":\"%s\",\"kind\":\"tried\",\"heard\":1500000000},\n"
				     "{\"address\":\"127.0.0.9:9\",\"kind\":\"new\",\"heard\":1577836700},\n"
				     "{\"address\":\"127.0.0.8:9\",\"kind\":\"new\",\"heard\":1575000000}\n]}\n",
				     raw_address(listener)));
	struct kithd *kithd = kithd_start(QUICK " -o state_dir=%s", folder);
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "2 addresses are known from before; dropped: 1 because nobody has told",
					"for 30 days"),
			1);
	kithd_stop(kithd, SIGTERM);
	CU_ASSERT(file_holds(folder, ALICE));
}

/* Peers that were connected longest are dialled first: with one dial at a time, all of them before any other. */
static void test_anchors(void)
{
	enum { PEERS = 6 };
	static const char *const nodeids[PEERS] = {ALICE, BOB, CAROL, DAVE, SMALLEST, GREATEST};
	const char *folder = harness_make_folder();
	struct raw *listeners[PEERS], *peers[PEERS];
	const char *bootstraps = "";
	struct kithd *kithd = kithd_start(QUICK " -o state_dir=%s", folder);
	for (int i = 0; i < PEERS; i++) {
		listeners[i] = raw_listen(harness_address());
		bootstraps = harness_text("%s -b %s", bootstraps, raw_address(listeners[i]));
	}
	struct raw *teller = raw_join(kithd, "77777777-0000-4000-8000-000000000007", "");
	for (int i = 0; i < PEERS; i++) {
		raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", raw_address(listeners[i]),
			 nodeids[i]);
		peers[i] = raw_accept(listeners[i]);
		raw_answer_hello(peers[i], nodeids[i], "");
		AWAIT(kithd_has_peer(kithd, nodeids[i]));
	}
	kithd_stop(kithd, SIGTERM);
	for (int i = 0; i < PEERS; i++)
		raw_close(peers[i]);
	kithd_start("-o max_dialing=1 -o state_dir=%s", folder);
	AWAIT(raw_is_dialled(listeners[0]) || raw_is_dialled(listeners[1]));
	int first = raw_is_dialled(listeners[0]) ? 0 : 1;
	raw_answer_hello(raw_accept(listeners[first]), nodeids[first], "");
	AWAIT(raw_is_dialled(listeners[1 - first]));
	for (int i = 2; i < PEERS; i++)
		CU_ASSERT_FALSE(raw_is_dialled(listeners[i]));
}

/* ---- outages ---- */

static void shuffle(int *order, int count, unsigned seed)
{
	for (int i = count - 1; i > 0; i--) {
		int other = rand_r(&seed) % (i + 1), held = order[i];
		order[i] = order[other];
		order[other] = held;
	}
}

static void test_total_outage(void)
{
	enum { NODES = 6 };
	struct kithd *nodes[NODES];
	const char *addresses[NODES], *folders[NODES];
	for (int i = 0; i < NODES; i++) {
		addresses[i] = harness_address();
		folders[i] = harness_make_folder();
		nodes[i] = kithd_start_at(addresses[i], QUICK " -o state_dir=%s -o nodeid=keep%s", folders[i],
					  i == 0 ? "" : harness_text(" -b %s", addresses[0]));
	}
	for (int i = 0; i < NODES; i++)
		for (int j = 0; j < NODES; j++)
			AWAIT(i == j || file_holds(folders[i], kithd_nodeid(nodes[j])));
	for (int i = 0; i < NODES; i++)
		die(nodes[i]);
	/* The first was everybody's bootstrap. */
	int order[NODES - 1];
	for (int i = 1; i < NODES; i++)
		order[i - 1] = i;
	shuffle(order, NODES - 1, 4);
	for (int i = 0; i < NODES - 1; i++) {
		int node = order[i];
		nodes[node] = kithd_start_at(addresses[node], QUICK " -o state_dir=%s -o nodeid=keep", folders[node]);
	}
	for (int i = 1; i < NODES; i++)
		AWAIT(has_peers(nodes[i], NODES - 2));
}

/* Two hosts on one cable, with some nodes on each. */
enum { HALF = 3 };

struct halves {
	int namespaces[2];
	struct kithd *nodes[2 * HALF];
};

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) != 0)
		harness_fail("no network namespace");
}

static bool enter_before(const void *namespace)
{
	return setns(*(const int *)namespace, CLONE_NEWNET) == 0;
}

static struct kithd *start_half(int namespace, int half, int number)
{
	const char *argv[] = {"-l", harness_text("10.98.0.%d:%d", half + 1, 6000 + number),
			      "-b", "10.98.0.1:6000",
			      "-o", "ping_interval=0.1",
			      "-o", "ping_timeout=0.1",
			      "-o", "connect_timeout=0.1",
			      "-o", "retry_min=0.05",
			      "-o", "retry_max=0.8",
			      NULL};
	struct kithd *kithd =
		kithd_launch(&(struct launch){.argv = argv, .prepare = enter_before, .given = &namespace});
	kithd_await_listening(kithd);
	return kithd;
}

static void set_up_halves(struct halves *halves)
{
	harness_isolate();
	halves->namespaces[0] = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	if (unshare(CLONE_NEWNET) != 0)
		harness_fail("no second network namespace");
	halves->namespaces[1] = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	harness_ip("link set lo up");
	harness_ip("link add cable type veth peer name cable netns /proc/%d/fd/%d", (int)getpid(),
		   halves->namespaces[0]);
	harness_ip("address add 10.98.0.2/24 dev cable");
	harness_ip("link set cable up");
	enter(halves->namespaces[0]);
	harness_ip("address add 10.98.0.1/24 dev cable");
	harness_ip("link set cable up");
	for (int i = 0; i < 2 * HALF; i++)
		halves->nodes[i] = start_half(halves->namespaces[i / HALF], i / HALF, i);
}

static void everybody_has(const struct halves *halves, int peers)
{
	for (int i = 0; i < 2 * HALF; i++)
		AWAIT(has_peers(halves->nodes[i], peers));
}

/* Where only the other end says that it listens, a node that is out of reach is dialled far more rarely. */
static void everybody_is_found(const struct halves *halves)
{
	for (int i = 0; i < 2 * HALF; i++)
		AWAIT(kithd_rows(halves->nodes[i], "LISTEN", "-") == 0);
}

static bool is_whole(const struct halves *halves)
{
	for (int i = 0; i < 2 * HALF; i++)
		if (!has_peers(halves->nodes[i], 2 * HALF - 1))
			return false;
	return true;
}

static void fail_often(const struct halves *halves)
{
	for (int i = 0; i < 2 * HALF; i++)
		for (int j = 0; j < 2 * HALF; j++)
			AWAIT(i / HALF == j / HALF ||
			      failures_of(halves->nodes[i], kithd_address(halves->nodes[j])) >= 5);
}

/*
 * Cut until all wait as long as they may between two tries, the halves are whole again. How soon is measured by
 * tests/chaos.
 */
static void test_partition(void)
{
	enum { ROUNDS = 3 };
	struct halves halves;
	if (!harness_is_root("two halves that were cut from each other find each other again"))
		return;
	set_up_halves(&halves);
	everybody_has(&halves, 2 * HALF - 1);
	for (int round = 0; round < ROUNDS; round++) {
		everybody_is_found(&halves);
		/* What one side sends to an address that no card has is lost, of which neither node's machine knows. */
		harness_ip("neigh replace 10.98.0.2 lladdr 02:00:00:00:00:01 nud permanent dev cable");
		everybody_has(&halves, HALF - 1);
		fail_often(&halves);
		harness_ip("neigh del 10.98.0.2 dev cable");
		AWAIT(is_whole(&halves));
	}
}

/* The time of a log line, in seconds of its day. */
static double time_of(const char *line)
{
	int hours, minutes;
	double seconds;
	if (sscanf(line, "%*[^T]T%d:%d:%lfZ", &hours, &minutes, &seconds) != 3)
		harness_fail("no time in: %s", line);
	return hours * 3600 + minutes * 60 + seconds;
}

/* Once all addresses have failed, one dial goes out in retry_min, however many there are. */
static void test_effort(void)
{
	enum { DEAD = 40, TRIES = 40, LATE = 4 };
	const char *entries = "";
	struct kithd *kithd = kithd_start("-o retry_min=0.1 -o retry_max=0.2 -o log_level=debug");
	struct raw *raw = raw_join(kithd, ALICE, "");
	/* Of its own host: what it tells of others is dialled more rarely still. */
	for (int i = 0; i < DEAD; i++)
		entries = harness_text("%s%s\"%s:%d\"", entries, i == 0 ? "" : ",", harness_host(200), i + 1);
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[%s]}", entries);
	AWAIT(kithd_log_count(kithd, " cannot be reached: ", "") >= DEAD + TRIES);
	double before = -1, since = -1;
	int number = 0;
	char *log = strdup(kithd_log(kithd)), *rest = NULL;
	for (char *line = strtok_r(log, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		if (strstr(line, " cannot be reached: ") == NULL || ++number <= DEAD)
			continue;
		before = before < 0 ? time_of(line) : before;
		since = time_of(line) - before;
	}
	/* A dial's end is logged, which may come late for one and not for the next. */
	CU_ASSERT(since < 0 || since >= (number - DEAD - LATE) * 0.1);
	free(log);
}

/* ---- more nodes than one dials ---- */

static void mark_from(struct kithd *const *nodes, int count, int from, bool *is_marked)
{
	is_marked[from] = true;
	for (int i = 0; i < count; i++)
		if (!is_marked[i] && kithd_has_peer(nodes[from], kithd_nodeid(nodes[i])))
			mark_from(nodes, count, i, is_marked);
}

static bool is_one_component(struct kithd *const *nodes, int count)
{
	bool is_marked[64] = {false};
	mark_from(nodes, count, 0, is_marked);
	for (int i = 0; i < count; i++)
		if (!is_marked[i])
			return false;
	return true;
}

static void test_sparse(void)
{
	enum { NODES = 30, OUTBOUND = 5 };
	struct kithd *nodes[NODES];
	nodes[0] = kithd_start("-o max_outbound=%d", OUTBOUND);
	for (int i = 1; i < NODES; i++)
		nodes[i] = kithd_spawn_at(harness_address(), "-o max_outbound=%d -b %s", OUTBOUND,
					  kithd_address(nodes[0]));
	for (int i = 0; i < NODES; i++)
		kithd_await_listening(nodes[i]);
	AWAIT(is_one_component(nodes, NODES));
	for (int i = 1; i < NODES; i++)
		AWAIT(atoi(kithd_header(nodes[i], "peers")) >= OUTBOUND);
	for (int i = 0; i < NODES; i++)
		CU_ASSERT(atoi(kithd_header(nodes[i], "outbound")) <= OUTBOUND);
}

static void everybody_has_dialled(struct kithd *const *nodes, int count, const char *peers)
{
	for (int i = 0; i < count; i++)
		AWAIT(strcmp(kithd_header(nodes[i], "outbound"), peers) == 0);
}

/* A peer that is lost is replaced. */
static void test_replacement(void)
{
	enum { NODES = 12 };
	struct kithd *nodes[NODES];
	nodes[0] = kithd_start(QUICK " -o max_outbound=2");
	for (int i = 1; i < NODES; i++)
		nodes[i] = kithd_start(QUICK " -o max_outbound=2 -b %s", kithd_address(nodes[0]));
	/* A node that all others have dialled has nobody left to dial. */
	everybody_has_dialled(nodes + 1, NODES - 1, "2");
	const char *lost = kithd_nodeid(nodes[0]);
	die(nodes[0]);
	for (int i = 1; i < NODES; i++)
		AWAIT(!kithd_has_peer(nodes[i], lost));
	everybody_has_dialled(nodes + 1, NODES - 1, "2");
}

/* ---- a crash ---- */

/* How many addresses the node has found when it started. */
static unsigned known_from_before(struct kithd *kithd)
{
	const char *line = strstr(kithd_log(kithd), " addresses are known from before");
	if (line == NULL)
		return 0;
	while (line[-1] >= '0' && line[-1] <= '9')
		line--;
	return (unsigned)strtoul(line, NULL, 10);
}

/* Killed at whatever moment, many of them while it saves: what was saved is whole. */
static void test_crash(void)
{
	enum { MANY = 200, FEW = 20, TOLD = 20 };
	/* A crash leaves a file in the same state whatever the build and the connections are, so many of them once are
	 * enough. */
	unsigned crashes = harness_slowness() > 1 || secure_is_on() ? FEW : MANY;
	const char *folder = harness_make_folder();
	unsigned seed = 7, most = 0;
	for (unsigned i = 0; i < crashes; i++) {
		struct kithd *kithd = kithd_start("-o save_interval=0.01 -o max_outbound=0 -o state_dir=%s", folder);
		struct raw *raw = raw_join(kithd, ALICE, "");
		unsigned known = known_from_before(kithd);
		if (is_there(folder, "addresses.json.bad"))
			harness_fail("after crash %u the file is damaged", i);
		if (known < most)
			harness_fail("after crash %u there are %u addresses, not %u", i, known, most);
		most = known;
		for (int j = 0; j < TOLD; j++)
			raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"127.%u.%u.%d:5999\",\"" BOB "\"]]}",
				 128 + i % 100, i, j);
		struct timespec moment = {.tv_nsec = rand_r(&seed) % 50000000};
		nanosleep(&moment, NULL);
		die(kithd);
		raw_close(raw);
	}
	CU_ASSERT(most > crashes);
}

static CU_TestInfo tests[] = {
	{"the table of addresses says what went wrong", test_reasons},
	{"the table of addresses says where a node has met itself", test_self},
	{"what was reached has no error", test_what_was_reached_has_no_error},
	{"a node that restarts without a bootstrap finds its peers", test_restart},
	{"a nodeid is kept", test_nodeid_is_kept},
	{"nothing is written without a state_dir", test_nothing_is_written_without_a_folder},
	{"two nodes can't share a state_dir", test_one_folder_for_two},
	{"a state_dir that is replaced is used from then on", test_folder_is_replaced},
	{"port 0 is the same port after a restart, if that is free", test_port_is_kept},
	{"a state_dir that can't be made is an error", test_no_such_folder},
	{"of a damaged file what is left is used", test_damaged_file},
	{"in an old file only old hearsay is dropped, with a word", test_old_file},
	{"the peers that were connected longest are dialled first", test_anchors},
	{"after a total outage the nodes find each other without their bootstrap", test_total_outage},
	{"halves that were cut from each other find each other again", test_partition},
	{"the effort for what is out of reach is bounded", test_effort},
	{"30 nodes that dial 5 each are one network", test_sparse},
	{"a lost peer is replaced", test_replacement},
	{"killed while it saves, again and again, a node always finds what it saved", test_crash},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_recovery = {
	.pName = "recovery", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};

/*
 * A node that three others are peers of, in whose life each call of each kind is made to fail in turn, while they talk
 * and something goes on: newcomers come and go, the table is asked for, the settings are read again, peers are dialled,
 * names looked up, addresses saved. One thread of the node after the other meets the failure.
 *
 * What one failed call may cost those who were peers before it:
 *
 *	a call for a socket of its own (recv, send, setsockopt)	the connection of that socket, and no other
 *	memory, threads, poll, which a peer of theirs may need	one connection at most
 *	all else (accept, socket, open, fsync, rename, ...)	nothing
 *
 * A peer that lost its connection is back by itself. What went on (the newcomer's talk, the table, the reload, the
 * dial, the save) may fail that once, and is good when it is tried again. In the end there are as many descriptors and
 * threads as before, and the node stops with status 0, with no memory left behind where LeakSanitizer looks for it.
 *
 * When a kind fails for a while, as on a machine that is out of it, newcomers are refused and the table can't be had;
 * when that is over, all is as before. Of the kinds that cost nothing above, that costs nothing either; threads
 * neither, since peers that stay have theirs. Without memory all peers may be lost.
 */
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book/state.h"
#include "faults.h"
#include "suites.h"
#include "system/raw.h"
#include "system/secure.h"

enum { PEERS = 3 };

/* A node parks no more threads than that; so many more than before may be there in the end. */
enum { PARKED = 1 };

#define NODE_OPTIONS                                                                                                   \
	"ping_interval = 0.01; save_interval = 0.02; retry_min = 0.01; max_parked = 1; "                               \
	"max_addresses = 256;"
/* The peers listen nowhere and may dial the node alone, so that one that lost it comes back to it. */
#define PEER_OPTIONS "-o listen= -o max_outbound=1 -o ping_interval=0.02 -o retry_min=0.02 -o retry_max=0.1"

static const char *const peer_ids[PEERS] = {"00000000-0000-4000-8000-000000000001",
					    "77777777-7777-4777-8777-777777777777",
					    "ffffffff-ffff-4fff-bfff-fffffffffff0"};

/* What the table says of a good peer. */
struct sight {
	const char *address;
	double bytes_in, messages_in;
	bool is_ready;
};

/* What the node has open. */
struct holding {
	int fds, threads;
};

struct net {
	struct seam *seam;
	struct kithd *node;
	const char *folder, *settings;
	size_t asked; /* where in the node's output the next table begins */
	struct sight before[PEERS];
	struct holding idle; /* after the rehearsal */
	unsigned strangers;  /* addresses that nobody has told before */
	unsigned reloads;
	const char *bootstraps[2]; /* where the test listens, and is dialled again and again */
	struct raw *listeners[2];
};

/* ---- the node as it is seen from outside ---- */

/* The last whole table that came after those asked for before; NULL if there is none. */
static const char *new_table(struct net *net)
{
	const char *output = kithd_output(net->node) + net->asked, *end = NULL, *begin = output;
	for (const char *found = output; (found = strstr(found, "# end\n")) != NULL; found++)
		end = found;
	if (end == NULL)
		return NULL;
	for (const char *found = output; (found = strstr(found, "# kithd ")) != NULL && found < end; found++)
		begin = found;
	net->asked += (size_t)(end - output) + strlen("# end\n");
	return harness_text("%.*s", (int)(end - begin), begin);
}

/* Asks until there is one: a table may be lost to a fault. */
static const char *table_of(struct net *net)
{
	int64_t since_us = clock_now_us(), again_us = 0, deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	const char *table;
	while ((table = new_table(net)) == NULL) {
		if (kithd_has_ended(net->node))
			harness_fail("the node has ended with status %d", kithd_wait(net->node));
		if (clock_now_us() > deadline_us)
			harness_fail("the node shows no table");
		if (clock_now_us() > again_us) {
			kithd_signal(net->node, SIGUSR1);
			again_us = harness_deadline_us(0.2);
		}
		harness_pause(since_us);
	}
	return table;
}

static struct sight look_for(const char *table, const char *nodeid)
{
	struct sight sight = {.address = ""};
	const char *id;
	for (int row = 0; (id = shown_cell(table, row, "NODEID")) != NULL; row++) {
		if (strcmp(id, nodeid) != 0 || strcmp(shown_cell(table, row, "STATE"), "READY") != 0)
			continue;
		sight.is_ready = strcmp(shown_cell(table, row, "RTT_MS"), "-") != 0;
		sight.address = shown_cell(table, row, "ADDRESS");
		sight.bytes_in = strtod(shown_cell(table, row, "BYTES_IN"), NULL);
		sight.messages_in = strtod(shown_cell(table, row, "MSGS_IN"), NULL);
	}
	return sight;
}

static bool is_same(const struct sight *now, const struct sight *before)
{
	return strcmp(now->address, before->address) == 0 && now->bytes_in >= before->bytes_in;
}

/* All three are peers; each has answered a ping, and one more since it was last seen. */
static bool all_talk(struct net *net, struct sight sights[static PEERS])
{
	const char *table = table_of(net);
	for (size_t i = 0; i < PEERS; i++) {
		sights[i] = look_for(table, peer_ids[i]);
		if (!sights[i].is_ready ||
		    (is_same(&sights[i], &net->before[i]) && sights[i].messages_in <= net->before[i].messages_in))
			return false;
	}
	return true;
}

static void look_at_all(struct net *net)
{
	struct sight now[PEERS];
	AWAIT(all_talk(net, now));
	memcpy(net->before, now, sizeof now);
}

/* ---- the net ---- */

static void write_settings(const struct net *net, const char *more)
{
	FILE *file = fopen(net->settings, "w");
	if (file == NULL || fprintf(file, "%s state_dir = \"%s\"; %s\n", NODE_OPTIONS, net->folder, more) < 0 ||
	    fclose(file) != 0)
		harness_fail("cannot write %s", net->settings);
}

static void start(struct net *net)
{
	*net = (struct net){.seam = faults_open(), .folder = harness_make_folder(), .settings = harness_write_file("")};
	write_settings(net, "");
	net->node = kithd_launch(
		&(struct launch){.argv = (const char *const[]){"-c", net->settings, "-l", harness_address(), NULL},
				 .prepare = faults_prepare,
				 .given = net->seam});
	const char *address = kithd_address(net->node);
	for (size_t i = 0; i < PEERS; i++) {
		kithd_run("-b %s -o nodeid=%s -o allow=%.*s " PEER_OPTIONS, address, peer_ids[i],
			  (int)strcspn(address, ":"), address);
		net->before[i].address = "";
	}
	look_at_all(net);
}

/* ---- what the node holds when nobody but the three is there ---- */

static bool is_alone(struct net *net)
{
	const char *table = table_of(net);
	return shown_cell(table, PEERS - 1, "NODEID") != NULL && shown_cell(table, PEERS, "NODEID") == NULL;
}

static struct holding count_holding(const struct net *net)
{
	return (struct holding){.fds = kithd_entries(net->node, "fd"), .threads = kithd_entries(net->node, "task")};
}

/*
 * Several looks find nobody else, and the same number of things each time: those who left are gone with all they had.
 * Between two looks each peer is pinged, so that the thread that pings it has been started.
 */
static bool is_idle(struct net *net, struct holding *idle)
{
	enum { LOOKS = 4 };
	*idle = count_holding(net);
	for (int i = 0; i < LOOKS; i++) {
		look_at_all(net);
		struct holding now = count_holding(net);
		if (!is_alone(net) || now.fds != idle->fds || now.threads != idle->threads)
			return false;
	}
	return true;
}

static void close_all(struct net *net)
{
	raw_close_all();
	net->listeners[0] = net->listeners[1] = NULL;
}

/* The play before anything is made to fail: what it takes for good is there when descriptors are counted. */
static void rehearse(struct net *net, void (*play)(struct net *net))
{
	play(net);
	close_all(net);
	look_at_all(net);
	AWAIT(is_idle(net, &net->idle));
}

/* At some moment: addresses that nobody listens at are dialled again and again. */
static bool holds_as_much(const struct net *net)
{
	struct holding now = count_holding(net);
	return now.fds == net->idle.fds && now.threads >= net->idle.threads - PARKED &&
	       now.threads <= net->idle.threads + PARKED;
}

static void finish(struct net *net)
{
	faults_disarm(net->seam);
	close_all(net);
	AWAIT(holds_as_much(net));
	kithd_stop(net->node, SIGTERM);
	faults_close(net->seam);
}

/* ---- one fault after the other ---- */

static bool may_cost(const struct net *net, const struct fault *fault, const struct sight *lost, int losses)
{
	const char *port = strrchr(lost->address, ':');
	switch (fault->cost) {
	case COSTS_NOBODY:
		return false;
	case COSTS_ITS_SOCKET:
		return port != NULL && (int)strtol(port + 1, NULL, 10) == atomic_load(&net->seam->port);
	case COSTS_ONE:
		return losses == 1;
	}
	return false;
}

/* Two looks: one that was hit a moment ago may still stand in the table at the first, but it talks no more. */
static void judge(struct net *net, const struct fault *fault, unsigned pass)
{
	struct sight before[PEERS];
	int losses = 0;
	memcpy(before, net->before, sizeof before);
	look_at_all(net);
	look_at_all(net);
	for (size_t i = 0; i < PEERS; i++) {
		bool is_lost = !is_same(&net->before[i], &before[i]);
		losses += is_lost;
		if (is_lost && !may_cost(net, fault, &before[i], losses))
			harness_fail("%s, %s, the one after %u: %s has lost its connection", fault->call, fault->result,
				     pass, before[i].address);
	}
	faults_tell(fault, losses > 0 ? OUTCOME_LOST : OUTCOME_NONE);
}

/* Fails each call of a kind in turn, until the play is over without the one that was to fail. */
static void fail_each(struct net *net, const struct fault *fault, void (*play)(struct net *net))
{
	for (unsigned pass = 0;; pass++) {
		faults_arm(net->seam, fault, pass, 1);
		play(net);
		faults_disarm(net->seam);
		if (!faults_has_hit(net->seam))
			break;
		judge(net, fault, pass);
	}
}

/* SEAM_NOTHING stands for all kinds. */
static void fail_kind(enum seam_kind kind, void (*play)(struct net *net))
{
	struct net net;
	start(&net);
	rehearse(&net, play);
	for (size_t i = 0; i < fault_count; i++) {
		if (kind == SEAM_NOTHING || kind == faults[i].kind)
			fail_each(&net, &faults[i], play);
		close_all(&net);
	}
	finish(&net);
}

static void fail_all_kinds(void (*play)(struct net *net))
{
	fail_kind(SEAM_NOTHING, play);
}

/* ---- what goes on meanwhile ---- */

static const char *stranger(struct net *net)
{
	net->strangers++;
	return harness_text("127.200.%u.%u:%u", net->strangers / 250, 1 + net->strangers % 250, 9);
}

/* All that a newcomer has to say at once; then it reads until the end, which comes soon: it says bye. */
static void say_all(struct net *net, const char *lines)
{
	struct raw *raw = raw_try_connect(kithd_address(net->node));
	if (raw == NULL)
		return;
	raw_write(raw, lines, strlen(lines));
	while (raw_line(raw) != NULL)
		continue;
	raw_close(raw);
}

#define HELLO(nodeid, more) "{\"msgtype\":\"hello\",\"nodeid\":\"" nodeid "\"" more "}\n"
#define LINE(type) "{\"msgtype\":\"" type "\"}\n"
#define BYE(reason) "{\"msgtype\":\"bye\",\"reason\":\"" reason "\"}\n"

static void newcomers(struct net *net)
{
	say_all(net, harness_text(HELLO(ALICE, ",\"name\":\"alice\",\"listen\":9") "{\"msgtype\":\"addr\",\"peers\":["
										   "\"%s\", [\"%s\",\"" BOB
										   "\"]]}\n" LINE("getaddr")
											   LINE("ping") BYE("shutdown"),
				  stranger(net), stranger(net)));
	say_all(net, HELLO(CAROL, ",\"feeler\":true") BYE("feeler"));
	say_all(net, HELLO(DAVE, "") "this is no JSON\n");
}

/* One that has something to tell, asks, and stays until it has been pinged twice. */
static void guest(struct net *net)
{
	struct raw *raw = raw_try_connect(kithd_address(net->node));
	const char *line;
	int pings = 0;
	if (raw == NULL)
		return;
	raw_send_hello(raw, ALICE, ",\"listen\":9");
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[\"%s\",\"%s\"]}", stranger(net), stranger(net));
	raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_send(raw, "{\"msgtype\":\"report\",\"seq\":1,\"up_s\":1,\"links\":[[\"" BOB "\",540,1]]}");
	raw_send(raw, "{\"msgtype\":\"report\",\"seq\":2,\"drop\":[[\"" BOB "\",\"closed\"]]}");
	raw_send(raw, "{\"msgtype\":\"reports\",\"have\":[[\"" BOB "\",1]]}");
	raw_send(raw, "{\"msgtype\":\"getreport\",\"nodeids\":[\"" BOB "\"]}");
	while ((line = raw_line(raw)) != NULL) {
		if (strstr(line, "\"ping\"") == NULL)
			continue;
		raw_send(raw, "{\"msgtype\":\"pong\"}");
		if (++pings == 2)
			raw_write(raw, BYE("shutdown"), strlen(BYE("shutdown")));
	}
	raw_close(raw);
}

static void table(struct net *net)
{
	table_of(net);
}

/* A file with other settings is read again until they are in force. */
static void reload(struct net *net, const char *more)
{
	const char *name = harness_text("node%u", ++net->reloads);
	write_settings(net, harness_text("name = \"%s\"; %s", name, more));
	const char *now = NULL;
	AWAIT((kithd_signal(net->node, SIGHUP), now = shown_field(table_of(net), "name")) != NULL &&
	      strcmp(now, name) == 0);
}

static void reloads(struct net *net)
{
	reload(net, net->reloads % 2 == 0 ? "log_level = \"debug\"; advertise = \"127.0.0.1:1\"; max_inbound = 100;"
					  : "ping_timeout = 30; share_within = 100;");
	/* Who comes now is greeted by the new name. */
	say_all(net, HELLO(ALICE, "") BYE("shutdown"));
}

/* Answers a dial as a peer does, until it is pinged: then it leaves. False if there is none, or it failed. */
static bool be_dialled(struct raw *listener, const char *nodeid)
{
	if (!raw_is_dialled(listener))
		return false;
	struct raw *raw = raw_accept(listener);
	const char *line = raw_line(raw);
	if (line != NULL)
		raw_send_hello(raw, nodeid, "");
	while (line != NULL && strstr(line, "\"ping\"") == NULL)
		line = raw_line(raw);
	raw_close(raw);
	return line != NULL;
}

/* A dial that failed comes again by itself; where the log says so, SIGHUP is what it takes. */
static void await_dial(struct net *net, struct raw *listener, const char *nodeid)
{
	int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	int64_t again_us = harness_deadline_us(1);
	while (!be_dialled(listener, nodeid)) {
		if (clock_now_us() > deadline_us)
			harness_fail("%s isn't dialled", raw_address(listener));
		if (clock_now_us() > again_us && strstr(kithd_log(net->node), "the next SIGHUP tries again") != NULL) {
			kithd_signal(net->node, SIGHUP);
			again_us = harness_deadline_us(1);
		}
		harness_pause(since_us);
	}
}

/* Two bootstraps, one by its name, which are dialled again when they have left. */
static void dials(struct net *net)
{
	if (net->bootstraps[0] == NULL) {
		net->bootstraps[0] = harness_address();
		net->bootstraps[1] = harness_text("127.0.0.1:%d", harness_wildcard_port());
		reload(net, harness_text("retry_max = 0.05; bootstrap = [\"%s\", \"localhost%s\"];", net->bootstraps[0],
					 strchr(net->bootstraps[1], ':')));
	}
	for (size_t i = 0; i < 2; i++)
		if (net->listeners[i] == NULL)
			net->listeners[i] = raw_listen(net->bootstraps[i]);
	await_dial(net, net->listeners[0], GREATEST);
	await_dial(net, net->listeners[1], BOB);
}

/* Two bootstraps that are new, one by its name. */
static void new_bootstraps(struct net *net)
{
	int port = harness_wildcard_port();
	struct raw *by_address = raw_listen(harness_address());
	struct raw *by_name = raw_listen(harness_text("127.0.0.1:%d", port));
	reload(net, harness_text("bootstrap = [\"%s\", \"localhost:%d\"];", raw_address(by_address), port));
	await_dial(net, by_address, GREATEST);
	await_dial(net, by_name, BOB);
	raw_close(by_address);
	raw_close(by_name);
}

/* What the file holds is whole at any moment; tells whether both addresses are in it. It is looked at too often to
 * keep. */
static bool are_saved(const struct net *net, const char *one, const char *other)
{
	static char content[256 * 1024];
	FILE *file = fopen(harness_text("%s/" STATE_ADDRESSES_FILE, net->folder), "re");
	if (file == NULL)
		return false;
	content[fread(content, 1, sizeof content - 1, file)] = '\0';
	fclose(file);
	struct json_object *root = json_tokener_parse(content);
	if (root == NULL)
		harness_fail("a torn file of addresses: %s", content);
	json_object_put(root);
	return strstr(content, one) != NULL && strstr(content, other) != NULL;
}

/* The addresses that a peer tells of; they are told again where the telling failed. */
static void saves(struct net *net)
{
	enum { AGAIN_US = 250000 };
	const char *address = stranger(net), *other = stranger(net);
	int64_t since_us = clock_now_us(), again_us = 0, deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	while (!are_saved(net, address, other)) {
		if (clock_now_us() > deadline_us)
			harness_fail("%s and %s are not saved", address, other);
		if (clock_now_us() > again_us) {
			say_all(net,
				harness_text(HELLO(ALICE, "") "{\"msgtype\":\"addr\",\"peers\":[\"%s\",\"%s\"]}\n" BYE(
						     "shutdown"),
					     address, other));
			again_us = clock_now_us() + AGAIN_US;
		}
		harness_pause(since_us);
	}
}

/* ---- a kind that fails for a while ---- */

enum { CROWD = 5 };

static const struct drought {
	const char *call, *result;
	bool costs_peers;
	const char *says; /* in the node's log */
} droughts[] = {
	{"malloc, strdup, ...", "ENOMEM", true, "Cannot allocate memory"},
	/* Pings need none, but reports do: a peer that tells its own then is lost, and says it all when it is back. */
	{"json-c's makers", "no memory", true, "annot allocate memory"},
	{"pthread_create", "EAGAIN", false, "refused a connection: Resource temporarily unavailable"},
	{"socket", "EMFILE", false, "cannot be dialled from this machine: too many open files"},
	{"accept4", "EMFILE", false, "refused a connection: Too many open files"},
	{"poll, ppoll", "ENOMEM", true, ""},
	{"open, openat, fopen", "EMFILE", false, "settings are not read again: cannot read"},
	{"fsync", "EIO", false, STATE_ADDRESSES_FILE " cannot be saved: Input/output error"},
	{"renameat", "ENOSPC", false, STATE_ADDRESSES_FILE " cannot be saved: No space left on device"},
	{"write", "ENOSPC", false, ""}, /* of the log too */
};

static const struct fault *find_fault(const struct drought *drought)
{
	for (size_t i = 0; i < fault_count; i++)
		if (strcmp(faults[i].call, drought->call) == 0 && strcmp(faults[i].result, drought->result) == 0)
			return &faults[i];
	abort();
}

/* A crowd comes, talks, and doesn't wait for answers; the node is asked for its table, and has a new address to dial.
 */
static void crowd_in(struct net *net, const struct fault *fault, struct raw *crowd[static CROWD])
{
	/* Over TLS nobody can say anything who isn't accepted. */
	bool can_talk = !secure_is_on() || fault->kind != SEAM_ACCEPT;
	for (size_t i = 0; i < CROWD; i++) {
		const char *lines = harness_text(
			HELLO(ALICE, "") "{\"msgtype\":\"addr\",\"peers\":[\"%s\",\"%s\"]}\n" LINE("getaddr"),
			stranger(net), stranger(net));
		crowd[i] = raw_try_connect(kithd_address(net->node));
		if (crowd[i] != NULL && can_talk)
			raw_write(crowd[i], lines, strlen(lines));
	}
	write_settings(net, harness_text("bootstrap = [\"%s\"];", harness_address()));
	kithd_signal(net->node, SIGHUP);
	kithd_signal(net->node, SIGUSR1);
}

static void run_dry(const struct drought *drought)
{
	struct net net;
	struct raw *crowd[CROWD];
	struct sight now[PEERS];
	const struct fault *fault = find_fault(drought);
	start(&net);
	rehearse(&net, newcomers);
	faults_arm(net.seam, fault, 0, UINT_MAX);
	crowd_in(&net, fault, crowd);
	AWAIT(atomic_load(&net.seam->failed) >= CROWD);
	AWAIT(strstr(kithd_log(net.node), drought->says) != NULL);
	faults_disarm(net.seam);
	for (size_t i = 0; i < CROWD; i++)
		if (crowd[i] != NULL)
			raw_close(crowd[i]);
	AWAIT(all_talk(&net, now));
	for (size_t i = 0; i < PEERS && !drought->costs_peers; i++)
		if (!is_same(&now[i], &net.before[i]))
			harness_fail("%s, %s for a while: %s has lost its connection", fault->call, fault->result,
				     net.before[i].address);
	memcpy(net.before, now, sizeof now);
	newcomers(&net);
	saves(&net);
	look_at_all(&net);
	finish(&net);
}

static void test_droughts(void)
{
	for (size_t i = 0; i < sizeof droughts / sizeof *droughts; i++)
		run_dry(&droughts[i]);
}

static void test_newcomers(void)
{
	fail_all_kinds(newcomers);
}

static void test_guest(void)
{
	fail_all_kinds(guest);
}

static void test_tables(void)
{
	fail_all_kinds(table);
}

static void test_reloads(void)
{
	fail_all_kinds(reloads);
}

static void test_dials(void)
{
	fail_all_kinds(dials);
}

static void test_bootstraps(void)
{
	fail_kind(SEAM_MEMORY, new_bootstraps);
}

static void test_saves(void)
{
	fail_all_kinds(saves);
}

/* Each is a suite, so that they can run beside each other. */
#define SUITE(name, words)                                                                                             \
	static CU_TestInfo tests_of_##name[] = {{words, test_##name}, CU_TEST_INFO_NULL};                              \
	CU_SuiteInfo suite_##name = {                                                                                  \
		.pName = #name, .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests_of_##name}

SUITE(newcomers, "newcomers come and go");
SUITE(tables, "the table is asked for");
SUITE(bootstraps, "new bootstraps are dialled");
SUITE(saves, "the addresses are saved");
SUITE(guest, "a newcomer stays");
SUITE(reloads, "the settings are read again");
SUITE(dials, "peers are dialled and names looked up");
SUITE(droughts, "all calls of a kind fail for a while");

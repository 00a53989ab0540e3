/*
 * A node with a control socket and a peer, in whose life each call of each kind is made to fail in turn, while a client
 * asks for everything. The client may get an error, or be disconnected, that once. The peer may lose its connection
 * where the call was for something that it needs too, and is back by itself. The next client gets all answers, and in
 * the end the node has as many descriptors as before and stops with status 0.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults.h"
#include "suites.h"
#include "system/asker.h"
#include "system/raw.h"

enum { ANSWER_BYTES = 1 << 20 };

static const char *const requests[] = {
	"{'msgtype':'help','id':[1]}",
	"{'msgtype':'info'}",
	"{'msgtype':'peers'}",
	"{'msgtype':'addresses'}",
	"{'msgtype':'settings'}",
	"{'msgtype':'set','setting':'name','value':'two words'}",
	"{'msgtype':'set','setting':'deny','value':['10.0.0.0/8']}",
	"{'msgtype':'ban','block':'10.0.0.0/8'}",
	"{'msgtype':'bans'}",
	"{'msgtype':'ping','peer':'beta'}",
	"{'msgtype':'why','about':'beta'}",
	"{'msgtype':'watch','since':0,'follow':false}",
	"{'msgtype':'metrics'}",
	"{'msgtype':'nodes'}",
	"{'msgtype':'links','peer':'beta'}",
	"{'msgtype':'problems'}",
	"{'msgtype':'reload'}",
};

/* And why, for both nodes. */
enum { REQUESTS = sizeof requests / sizeof *requests + 1 };

struct net {
	struct seam *seam;
	struct kithd *node, *peer;
	const char *path, *address;
};

static size_t count_of(const char *text, const char *words)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

/* All that comes until the end of the connection. */
static const char *read_all(int fd)
{
	static char answer[ANSWER_BYTES];
	size_t length = 0;
	int64_t deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (poll(&ready, 1, 100) == 0) {
			if (clock_now_us() > deadline_us)
				harness_fail("an answer has no end:\n%.*s", (int)length, answer);
			continue;
		}
		ssize_t n = recv(fd, answer + length, sizeof answer - 1 - length, 0);
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	answer[length] = '\0';
	return answer;
}

/* Asks for everything. How many answers were whole and good; each line is whole. */
static size_t ask_all(struct net *net)
{
	struct asker *asker = asker_connect(net->path);
	asker_try_send(asker, harness_text("{'msgtype':'why','about':'beta','other':'%s'}", net->address));
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		asker_try_send(asker, requests[i]);
	shutdown(asker_fd(asker), SHUT_WR);
	const char *answer = read_all(asker_fd(asker));
	/* The last line may be cut, by one who goes. */
	CU_ASSERT_EQUAL(count_of(answer, "\n"), count_of(answer, "}\n"));
	asker_close(asker);
	return count_of(answer, "{\"msgtype\":\"end\"");
}

static bool is_peer(struct net *net)
{
	return kithd_peers(net->peer) == 1;
}

static void start(struct net *net)
{
	*net = (struct net){.seam = faults_open(),
			    .path = harness_text("%s/sock", harness_make_folder()),
			    .address = harness_address()};
	const char *file = harness_write_file("name = \"alpha\"; ping_interval = 60; journal_events = 50;");
	const char *option = harness_text("control=%s", net->path);
	net->node = kithd_launch(
		&(struct launch){.argv = (const char *const[]){"-c", file, "-l", net->address, "-o", option, NULL},
				 .prepare = faults_prepare,
				 .given = net->seam});
	kithd_await_listening(net->node);
	net->peer = kithd_start("-o name=beta -o retry_min=0.02 -o retry_max=0.1 -b %s", net->address);
	AWAIT(is_peer(net));
	/* Both know the report of the other soon. */
	AWAIT(ask_all(net) == REQUESTS);
}

/* Each is a suite, so that they can run beside each other: of all calls of a kind, each has every SHARES-th. */
enum { SHARES = 4 };

/* These calls of a kind in turn, until everything is asked for without the one that was to fail. */
static void fail_each(struct net *net, const struct fault *fault, unsigned share)
{
	bool hit = true;
	for (unsigned pass = share; hit; pass += SHARES) {
		faults_arm(net->seam, fault, pass, 1);
		size_t good = ask_all(net);
		hit = faults_has_hit(net->seam);
		faults_disarm(net->seam);
		if (kithd_has_ended(net->node))
			harness_fail("%s, %s, the one after %u: the node has ended:\n%s", fault->call, fault->result,
				     pass, kithd_log(net->node));
		AWAIT(is_peer(net));
		if (hit)
			faults_tell(fault, OUTCOME_NONE);
		else
			CU_ASSERT_EQUAL(good, REQUESTS);
		/* What was set, or banned, is so already; nothing else is left of the failure. */
		AWAIT(ask_all(net) == REQUESTS);
	}
}

static void fail_share(unsigned share)
{
	struct net net;
	start(&net);
	int fds = kithd_entries(net.node, "fd");
	for (size_t i = 0; i < fault_count; i++)
		if (faults[i].kind < SEAM_OF_PRIVATE)
			fail_each(&net, &faults[i], share);
	/* That of the last client, and of a feeler of the peer's, may still be there. */
	AWAIT(kithd_entries(net.node, "fd") <= fds);
	kithd_stop(net.node, SIGTERM);
	faults_close(net.seam);
}

#define SHARE(number)                                                                                                  \
	static void test_share_##number(void)                                                                          \
	{                                                                                                              \
		fail_share(number);                                                                                    \
	}                                                                                                              \
	static CU_TestInfo tests_of_share_##number[] = {                                                               \
		{"each call for a client fails: it, and no other, is the one to notice", test_share_##number},         \
		CU_TEST_INFO_NULL,                                                                                     \
	};                                                                                                             \
	CU_SuiteInfo suite_controls_##number = {.pName = "controls-" #number,                                          \
						.pSetUpFunc = harness_begin,                                           \
						.pTearDownFunc = harness_end,                                          \
						.pTests = tests_of_share_##number}

SHARE(0);
SHARE(1);
SHARE(2);
SHARE(3);

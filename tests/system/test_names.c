#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

#define EAGER "-o retry_min=0.05 -o retry_max=0.1"

/* Bootstraps by name. A name server of the test's own, in a mount namespace where /etc/resolv.conf leads to it. */
struct name_server {
	int fd;
	const char *resolv_conf;
	const char *hosts; /* instead of /etc/hosts, if not NULL */
	bool drops_aaaa;   /* questions for IPv6 addresses get no answer */
	int questions;
};

enum { DNS_HEADER = 12, DNS_A = 1, DNS_AAAA = 28 };

static bool opens_name_server_at(struct name_server *server, const char *host, const char *test)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(53)};
	if (!harness_is_root(test))
		return false;
	inet_pton(AF_INET, host, &here.sin_addr);
	*server = (struct name_server){
		.fd = harness_keep_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
	if (!harness_can(bind(server->fd, (struct sockaddr *)&here, sizeof here) == 0, test, "port 53 is taken"))
		return false;
	server->resolv_conf = harness_write_file(harness_text("nameserver %s\n", host));
	return true;
}

static bool opens_name_server(struct name_server *server, const char *test)
{
	return opens_name_server_at(server, harness_host(53), test);
}

static bool use_name_server(const void *given)
{
	const struct name_server *server = given;
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(server->resolv_conf, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0 &&
	       (server->hosts == NULL || mount(server->hosts, "/etc/hosts", NULL, MS_BIND, NULL) == 0);
}

static struct kithd *start_with_names(const struct name_server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static struct kithd *start_with_names(const struct name_server *server, const char *format, ...)
{
	const char *argv[24];
	char text[512], *rest = NULL;
	size_t count = 0;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	argv[count++] = "-l";
	argv[count++] = harness_address();
	for (char *word = strtok_r(text, " ", &rest); word != NULL && count < 23; word = strtok_r(NULL, " ", &rest))
		argv[count++] = word;
	argv[count] = NULL;
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = use_name_server, .given = server});
	kithd_await_listening(kithd);
	return kithd;
}

/* Answers the questions that have come: those for IPv4 addresses with these hosts, others without one. */
static void answer(struct name_server *server, const char *const *hosts, size_t host_count)
{
	unsigned char packet[1024];
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof from;
	ssize_t got;
	while ((got = recvfrom(server->fd, packet, 512, 0, (struct sockaddr *)&from, &from_bytes)) > DNS_HEADER) {
		size_t at = DNS_HEADER;
		while (at < (size_t)got && packet[at] != 0)
			at += packet[at] + 1u;
		at += 5; /* the end of the name, the type and the class */
		if (server->drops_aaaa && packet[at - 3] == DNS_AAAA)
			continue;
		size_t answers = packet[at - 3] == DNS_A ? host_count : 0;
		static const unsigned char counts[] = {0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
		memcpy(packet + 2, counts, sizeof counts);
		packet[7] = (unsigned char)answers;
		for (size_t i = 0; i < answers; i++) {
			static const unsigned char record[] = {0xc0, DNS_HEADER, 0, DNS_A, 0, 1, 0, 0, 0, 0, 0, 4};
			memcpy(packet + at, record, sizeof record);
			inet_pton(AF_INET, hosts[i], packet + at + sizeof record);
			at += sizeof record + 4;
		}
		server->questions++;
		sendto(server->fd, packet, at, 0, (struct sockaddr *)&from, from_bytes);
	}
}

static bool was_asked(const struct name_server *server)
{
	char byte;
	return recv(server->fd, &byte, 1, MSG_PEEK | MSG_TRUNC) > 0;
}

static void test_localhost(void)
{
	int port = harness_wildcard_port();
	struct kithd *one = kithd_run("-l 127.0.0.1:%d", port);
	kithd_await_listening(one);
	struct kithd *two = kithd_run("-l 127.0.0.1:0 -b localhost:%d " EAGER, port);
	kithd_await_listening(two);
	AWAIT(kithd_has_peer(one, kithd_nodeid(two)));
}

static void test_all_addresses_of_a_name(void)
{
	struct name_server server;
	if (!opens_name_server(&server, "a name stands for all its addresses"))
		return;
	struct raw *one = raw_listen(harness_text("%s:7000", harness_host(1)));
	struct raw *two = raw_listen(harness_text("%s:7000", harness_host(2)));
	struct kithd *kithd = start_with_names(&server, "-b nodes.kith.test:7000");
	const char *hosts[] = {harness_host(1), harness_host(2)};
	AWAIT((answer(&server, hosts, 2), raw_is_dialled(one) && raw_is_dialled(two)));
	raw_answer_hello(raw_accept(one), ALICE, "");
	raw_answer_hello(raw_accept(two), BOB, "");
	AWAIT(kithd_peers(kithd) == 2);
}

static void test_looked_up_again(void)
{
	struct name_server server;
	if (!opens_name_server(&server, "a name is looked up again at each try"))
		return;
	struct raw *listener = raw_listen(harness_text("%s:7000", harness_host(2)));
	struct kithd *kithd = start_with_names(&server, EAGER " -b moving.kith.test:7000");
	const char *first = harness_host(1), *then = harness_host(2);
	AWAIT((answer(&server, &first, 1), server.questions >= 4));
	CU_ASSERT_FALSE(raw_is_dialled(listener));
	AWAIT((answer(&server, &then, 1), raw_is_dialled(listener)));
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static void test_unknown_name(void)
{
	struct name_server server;
	if (!opens_name_server(&server, "a name without an address is looked up again until it has one"))
		return;
	struct raw *listener = raw_listen(harness_text("%s:7000", harness_host(2)));
	struct kithd *kithd = start_with_names(&server, EAGER " -b late.kith.test:7000");
	const char *host = harness_host(2);
	AWAIT((answer(&server, &host, 0), server.questions >= 6));
	AWAIT((answer(&server, &host, 1), raw_is_dialled(listener)));
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static void test_silent_name_server(void)
{
	struct name_server server;
	if (!opens_name_server(&server, "a name server that never answers delays neither the others nor a stop"))
		return;
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd =
		start_with_names(&server, "-b silence.kith.test -b hush.kith.test -b %s", raw_address(listener));
	AWAIT(was_asked(&server));
	struct raw *dialled = raw_accept(listener);
	raw_answer_hello(dialled, ALICE, "");
	struct raw *peer = raw_join(kithd, BOB, "");
	raw_ping(peer);
	kithd_stop(kithd, SIGTERM);
	raw_expect_bye(peer, "shutdown");
	raw_expect_bye(dialled, "shutdown");
}

static void test_dropped_aaaa(void)
{
	struct name_server server;
	if (!opens_name_server(&server, "lost questions for IPv6 addresses don't cost the IPv4 ones"))
		return;
	server.drops_aaaa = true;
	struct raw *listener = raw_listen(harness_text("%s:7000", harness_host(1)));
	struct kithd *kithd = start_with_names(&server, "-b half.kith.test:7000 -o connect_timeout=300");
	const char *host = harness_host(1);
	AWAIT((answer(&server, &host, 1), raw_is_dialled(listener)));
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static void test_hosts(void)
{
	struct name_server server;
	if (!opens_name_server(&server, "a name in /etc/hosts does not wait for a name server"))
		return;
	struct raw *listener = raw_listen(harness_text("%s:7000", harness_host(1)));
	server.hosts = harness_write_file(harness_text("%s listed.kith.test\n", harness_host(1)));
	start_with_names(&server, "-b listed.kith.test:7000 -o connect_timeout=300");
	raw_answer_hello(raw_accept(listener), ALICE, "");
	CU_ASSERT(was_asked(&server));
}

/* Two sockets that answer nothing, then the name server; resolv.conf asks for time-outs that no look-up survives. */
static void test_third_name_server(void)
{
	struct name_server server, silent[2];
	const char *test = "of three name servers, two silent, the third is asked";
	if (!opens_name_server(&server, test))
		return;
	for (int i = 0; i < 2; i++)
		if (!opens_name_server_at(&silent[i], harness_host(54 + i), test))
			return;
	server.resolv_conf = harness_write_file(harness_text("nameserver %s\nnameserver %s\nnameserver %s\n"
							     "options timeout:30 attempts:5\n",
							     harness_host(54), harness_host(55), harness_host(53)));
	struct raw *listener = raw_listen(harness_text("%s:7000", harness_host(1)));
	struct kithd *kithd = start_with_names(&server, "-b third.kith.test:7000 -o connect_timeout=5");
	const char *host = harness_host(1);
	AWAIT((answer(&server, &host, 1), raw_is_dialled(listener)));
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "third.kith.test", "no name server"), 0);
}

/* More addresses than are used, of which one answers: sooner or later it is among those chosen. */
static void test_many_addresses(void)
{
	enum { ADDRESSES = 21 };
	struct name_server server;
	const char *hosts[ADDRESSES];
	if (!opens_name_server(&server, "of a name with too many addresses each is tried in the end"))
		return;
	for (int i = 0; i < ADDRESSES; i++)
		hosts[i] = harness_host(i + 1);
	struct raw *listener = raw_listen(harness_text("%s:7000", hosts[ADDRESSES - 1]));
	struct kithd *kithd = start_with_names(&server, EAGER " -b many.kith.test:7000");
	AWAIT((answer(&server, hosts, ADDRESSES), raw_is_dialled(listener)));
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static CU_TestInfo tests[] = {
	{"a bootstrap may be a name", test_localhost},
	{"a name stands for all its addresses", test_all_addresses_of_a_name},
	{"a name is looked up again at each try", test_looked_up_again},
	{"a name without an address is looked up again until it has one", test_unknown_name},
	{"a name server that never answers delays neither the others nor a stop", test_silent_name_server},
	{"lost questions for IPv6 addresses don't cost the IPv4 ones", test_dropped_aaaa},
	{"a name in /etc/hosts does not wait for a name server", test_hosts},
	{"of three name servers, two silent, the third is asked", test_third_name_server},
	{"of a name with too many addresses each is tried in the end", test_many_addresses},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_names = {
	.pName = "names", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};

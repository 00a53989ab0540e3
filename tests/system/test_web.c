#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "runner.h"
#include "suites.h"

/* kith web, spoken to over sockets, byte for byte. */

#define END "{'msgtype':'end','rows':1}\n"

static const struct fake_answer answers[] = {
	{"info", "{'msgtype':'info','network':'prod','peers':1,'problems':[]}\n" END},
	{"nodes",
	 "{'msgtype':'node','nodeid':'n1','name':'alpha','state':'alive','is_self':true,'has_report':true,"
	 "'report_s':1}\n"
	 "{'msgtype':'node','nodeid':'n2','name':'<script>','state':'alive','has_report':true,'report_s':2}\n" END},
	{"links", "{'msgtype':'link','one':'n1','other':'n2','state':'up','rtt_ms':0.4}\n" END},
	{"problems", "{'msgtype':'problem','kind':'slow','text':'a & b are slow','since_s':60}\n" END},
	{"peers", END},
	{"metrics", "{'msgtype':'metric','name':'kith_uptime_seconds','type':'gauge','help':'h','value':7}\n" END},
	{NULL, NULL},
};

struct web {
	struct kith *kith;
	const char *path; /* of the node's socket */
	int port;
};

static struct web start_at(const char *path, const char *options)
{
	static const char scheme[] = "http://127.0.0.1:";
	struct web web = {.path = path, .kith = kith_spawn("-s %s web -l 127.0.0.1:0 %s", path, options)};
	AWAIT(strstr(kith_output(web.kith), "/\n") != NULL);
	const char *url = kith_output(web.kith);
	CU_ASSERT_FATAL(strncmp(url, scheme, strlen(scheme)) == 0);
	web.port = (int)strtol(url + strlen(scheme), NULL, 10);
	return web;
}

/* Of a fake node. */
static struct web start(const char *options)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, answers, false);
	return start_at(path, options);
}

static void stop(const struct web *web, int signal)
{
	kill(kith_pid(web->kith), signal);
	struct kith_run run = kith_wait(web->kith);
	EXPECT(run.status == 0, "%d %s", run.status, run.err);
}

/* ---- HTTP ---- */

struct reply {
	int status; /* 0 for none */
	const char *head, *body;
};

static int connect_to(const struct web *web)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)web->port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		harness_fail("cannot connect to port %d", web->port);
	return fd;
}

static void send_text(int fd, const char *text)
{
	size_t length = strlen(text);
	while (length > 0) {
		ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

/* What comes until the end, which closes it. */
static struct reply receive(int fd)
{
	static char bytes[1 << 20];
	size_t length = 0;
	int64_t deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n = 1;
	while (n > 0 && length + 1 < sizeof bytes) {
		int64_t left_ms = (deadline_us - clock_now_us()) / 1000;
		if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0)
			harness_fail("no end of the answer; %zu bytes have come", length);
		n = recv(fd, bytes + length, sizeof bytes - 1 - length, 0);
		length += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	bytes[length] = '\0';
	char *end = strstr(bytes, "\r\n\r\n");
	if (strncmp(bytes, "HTTP/1.", 7) != 0 || end == NULL)
		return (struct reply){0, "", ""};
	*end = '\0';
	return (struct reply){(int)strtol(bytes + strlen("HTTP/1.1 "), NULL, 10), harness_text("%s\r\n", bytes),
			      harness_text("%s", end + 4)};
}

static struct reply ask_raw(const struct web *web, const char *request)
{
	int fd = connect_to(web);
	send_text(fd, request);
	return receive(fd);
}

static struct reply ask(const struct web *web, const char *method, const char *path, const char *headers)
{
	return ask_raw(web, harness_text("%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, path, headers));
}

static struct reply get(const struct web *web, const char *path)
{
	return ask(web, "GET", path, "");
}

static bool has(const char *text, const char *words)
{
	return strstr(text, words) != NULL;
}

/* ---- pages ---- */

static void test_pages(void)
{
	static const char *const headers[] = {
		"Content-Security-Policy: default-src 'none'; style-src 'sha256-",
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
		"X-Content-Type-Options: nosniff\r\n",
		"Referrer-Policy: no-referrer\r\n",
		"Cross-Origin-Resource-Policy: same-origin\r\n",
		"Cache-Control: no-store\r\n",
		"Connection: close\r\n",
	};
	static const char *const paths[] = {"/", "/metrics", "/healthz", "/nothing"};
	struct web web = start("");
	struct reply page = get(&web, "/");
	EXPECT(page.status == 200 && has(page.head, "Content-Type: text/html; charset=utf-8\r\n"), "%d %s", page.status,
	       page.head);
	CU_ASSERT(has(page.body, "<h1>prod</h1>") && has(page.body, "<svg") && has(page.body, "</html>\n"));
	CU_ASSERT(has(page.body, "a &amp; b are slow") && has(page.body, "&lt;script&gt;"));
	CU_ASSERT(has(page.body, "<meta http-equiv='refresh'") && !has(page.body, "<script"));
	struct reply metrics = get(&web, "/metrics");
	EXPECT(metrics.status == 200 && has(metrics.head, "Content-Type: text/plain; version=0.0.4;"), "%s",
	       metrics.head);
	CU_ASSERT_STRING_EQUAL(metrics.body, kith_run("-s %s metrics", web.path).out);
	CU_ASSERT(has(metrics.body, "kith_up 1\n") && has(metrics.body, "\nkith_uptime_seconds 7\n"));
	struct reply health = get(&web, "/healthz");
	CU_ASSERT_EQUAL(health.status, 200);
	CU_ASSERT_STRING_EQUAL(health.body, kith_run("-s %s check", web.path).out);
	CU_ASSERT_EQUAL(get(&web, "/nothing").status, 404);
	CU_ASSERT_EQUAL(get(&web, "/../etc/passwd").status, 404);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct reply reply = get(&web, paths[i]);
		for (size_t j = 0; j < sizeof headers / sizeof *headers; j++)
			EXPECT(has(reply.head, headers[j]), "%s: %s in %s", paths[i], headers[j], reply.head);
	}
	stop(&web, SIGTERM);
}

static void test_health(void)
{
	struct web web = start("--min-peers 2"), critical = start("--min-peers-critical 2");
	struct reply reply = get(&web, "/healthz");
	EXPECT(reply.status == 200 && has(reply.body, "KITH WARNING - 1 peer (fewer than 2)"), "%s", reply.body);
	reply = get(&critical, "/healthz");
	EXPECT(reply.status == 503 && has(reply.body, "KITH CRITICAL - 1 peer (fewer than 2)"), "%s", reply.body);
	CU_ASSERT(strchr(reply.body, '\n') == reply.body + strlen(reply.body) - 1);
}

static void test_metrics_of_a_node(void)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	kithd_start("-o name=alpha -o control=%s", path);
	struct web web = start_at(path, "");
	struct reply reply = get(&web, "/metrics");
	CU_ASSERT(reply.status == 200 && has(reply.body, "\nkith_up 1\n") && has(reply.body, "\nkith_uptime_seconds "));
	bool can = access("/usr/bin/promtool", X_OK) == 0;
	EXPECT(can || getenv("CI") == NULL, "there is no promtool: make deps-dev installs it");
	if (harness_can(can, "promtool finds nothing in /metrics", "there is no promtool (Debian: prometheus)"))
		/* NOLINTNEXTLINE(cert-env33-c): the test's own */
		CU_ASSERT_EQUAL(system(harness_text("promtool check metrics <%s", harness_write_file(reply.body))), 0);
}

/* ---- who is answered ---- */

static void test_hosts(void)
{
	static const struct {
		const char *headers;
		int status;
	} cases[] = {
		{"Host: localhost\r\n", 200},
		{"Host: LocalHost:7999\r\n", 200},
		{"Host: 127.0.0.1\r\n", 200},
		{"Host: 127.0.0.1:1\r\n", 200},
		{"host:   graph.example:80\r\n", 200},
		{"Host: kith.example\r\n", 200},
		{"Host: evil.example\r\n", 421},
		{"Host: graph.example.evil\r\n", 421},
		{"Host: example\r\n", 421},
		{"Host: localhost.\r\n", 421},
		{"Host: 127.0.0.2\r\n", 421},
		{"Host: 10.0.0.1\r\n", 421},
		{"Host: [::1]\r\n", 421},
		{"Host: ::1\r\n", 421},
		{"Host: [127.0.0.1\r\n", 421},
		{"Host: 127.0.0.1:80:80\r\n", 421},
		{"Host: 127.0.0.1:http\r\n", 421},
		{"Host: localhost evil.example\r\n", 421},
		{"Host: localhost, evil.example\r\n", 421},
		{"Host: graph.example,kith.example\r\n", 421},
		{"Host: \r\n", 421},
		{"Host: localhost\r\nHost: evil.example\r\n", 421},
		{"Host: localhost\r\nHost: localhost\r\n", 421},
		{"X-Forwarded-Host: localhost\r\nHost: evil.example\r\n", 421},
	};
	struct web web = start("--host graph.example,kith.example");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reply reply = ask_raw(&web, harness_text("GET / HTTP/1.1\r\n%s\r\n", cases[i].headers));
		EXPECT(reply.status == cases[i].status, "%s: %d", cases[i].headers, reply.status);
		EXPECT(reply.status == 200 || !has(reply.body, "prod"), "%s: %s", cases[i].headers, reply.body);
	}
	CU_ASSERT(ask_raw(&web, "GET / HTTP/1.1\r\n\r\n").status >= 400);
	CU_ASSERT(ask_raw(&web, "GET / HTTP/1.0\r\n\r\n").status >= 400);
	CU_ASSERT_EQUAL(ask_raw(&web, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").status, 200);
	/* The name is not in the header, but in the request itself. */
	CU_ASSERT(ask_raw(&web, "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n").status >= 400);
}

static void test_methods(void)
{
	static const char *const methods[] = {"POST",	 "PUT",	  "DELETE", "OPTIONS", "PATCH",
					      "CONNECT", "TRACE", "get",    "X"};
	struct web web = start("");
	struct reply page = get(&web, "/healthz"), head = ask(&web, "HEAD", "/healthz", "");
	CU_ASSERT(head.status == 200 && head.body[0] == '\0');
	CU_ASSERT(has(head.head, harness_text("Content-Length: %zu\r\n", strlen(page.body))));
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		struct reply reply = ask(&web, methods[i], "/", "Content-Length: 0\r\n");
		EXPECT(reply.status == 405 && has(reply.head, "Allow: GET, HEAD\r\n"), "%s: %d", methods[i],
		       reply.status);
	}
	/* A body is not waited for. */
	CU_ASSERT_EQUAL(ask(&web, "GET", "/", "Content-Length: 1000000000\r\n").status, 200);
	CU_ASSERT_EQUAL(ask(&web, "POST", "/", "Content-Length: 1000000000\r\n").status, 405);
}

/* ---- what it costs ---- */

/* How many requests of that kind the node has answered. */
static double count_requests(struct asker *asker)
{
	asker_ask(asker, "{'msgtype':'metrics'}");
	asker_find(asker, "name", "kith_control_requests_total");
	return asker_number(asker, "value");
}

static void test_many_requests_ask_once(void)
{
	enum { REQUESTS = 1000 };
	const char *path = harness_text("%s/sock", harness_make_folder());
	kithd_start("-o name=alpha -o control=%s", path);
	struct asker *asker = asker_connect(path);
	struct web web = start_at(path, "");
	double before = count_requests(asker);
	int64_t since_us = clock_now_us();
	for (int i = 0; i < REQUESTS; i++)
		CU_ASSERT_EQUAL(get(&web, "/metrics").status, 200);
	double seconds = (double)(clock_now_us() - since_us) / 1e6;
	/* The asker's own is one of them. */
	double asked = count_requests(asker) - before - 1;
	EXPECT(asked >= 1 && asked <= seconds + 1, "%.0f requests in %.1f s", asked, seconds);
}

/* Connections that say nothing, or never come to an end, keep others waiting for less than the time of one alone. */
static void test_idle_connections(void)
{
	enum { IDLE = 64, PATIENCE_S = 8 };
	int idle[IDLE];
	struct web web = start("");
	for (int i = 0; i < IDLE; i++)
		send_text(idle[i] = connect_to(&web), i % 2 == 0 ? "" : "GET / HTTP/1.1\r\nHost: local");
	int fd = connect_to(&web);
	send_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	CU_ASSERT(poll(&ready, 1, (int)(PATIENCE_S * harness_slowness() * 1000)) == 1);
	CU_ASSERT_EQUAL(receive(fd).status, 200);
	for (int i = 0; i < IDLE; i++)
		close(idle[i]);
}

static void test_large_requests(void)
{
	enum { LARGE = 1 << 20 };
	struct web web = start("");
	char *text = malloc(LARGE + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'a', LARGE);
	text[LARGE] = '\0';
	int fds[8];
	for (size_t i = 0; i < 8; i++) {
		fds[i] = connect_to(&web);
		send_text(fds[i], i % 2 == 0 ? "GET /" : "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
		send_text(fds[i], text);
	}
	for (size_t i = 0; i < 8; i++) {
		struct reply reply = receive(fds[i]);
		EXPECT(reply.status != 200, "%d", reply.status);
	}
	free(text);
	CU_ASSERT_EQUAL(get(&web, "/").status, 200);
}

/* ---- nodes that are down, and ends ---- */

static void test_a_node_that_is_down(void)
{
	const char *path = harness_text("%s/<sock>", harness_make_folder());
	struct web web = start_at(path, "");
	struct reply reply = get(&web, "/");
	EXPECT(reply.status == 503 && has(reply.body, "No node answers") && has(reply.body, "/&lt;sock&gt;: "), "%d %s",
	       reply.status, reply.body);
	CU_ASSERT(has(reply.body, "<meta http-equiv='refresh'"));
	reply = get(&web, "/metrics");
	EXPECT(reply.status == 200 && has(reply.body, "\nkith_up 0\n"), "%d %s", reply.status, reply.body);
	reply = get(&web, "/healthz");
	EXPECT(reply.status == 503 && strncmp(reply.body, "KITH UNKNOWN - ", 15) == 0, "%d %s", reply.status,
	       reply.body);
	fake_node(path, answers, false);
	AWAIT(get(&web, "/healthz").status == 200);
	AWAIT(get(&web, "/").status == 200);
	stop(&web, SIGINT);
}

static void test_a_node_that_is_stopped(void)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start("-o name=alpha -o control=%s", path);
	struct web web = start_at(path, "");
	kithd_signal(kithd, SIGSTOP);
	int fd = connect_to(&web);
	send_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	/* Others are not held up. */
	CU_ASSERT_EQUAL(get(&web, "/nothing").status, 404);
	struct reply reply = receive(fd);
	EXPECT(reply.status == 503 && has(reply.body, "has not answered for 5 s"), "%d %s", reply.status, reply.body);
	/* It ends while somebody waits. */
	fd = harness_keep_fd(connect_to(&web));
	send_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CU_ASSERT_EQUAL(get(&web, "/nothing").status, 404);
	int64_t since_us = clock_now_us();
	stop(&web, SIGTERM);
	double seconds = (double)(clock_now_us() - since_us) / 1e6;
	EXPECT(seconds < 2 * harness_slowness(), "%.1f s", seconds);
	kithd_signal(kithd, SIGCONT);
}

static void test_wrong_usage(void)
{
	static const struct {
		const char *options;
		int status;
		const char *words;
	} cases[] = {
		{"-l localhost:80", 64, "\"localhost:80\" is not an IP address with a port: write 127.0.0.1:7999"},
		{"-l 127.0.0.1:99999", 64, "is not an IP address"},
		{"--host a.example:80", 64, "is not a host name without a port"},
		{"--host a,,b", 64, "is not a host name"},
		{"--max-rtt fast", 64, "--max-rtt"},
		{"nonsense", 64, "takes no operands"},
	};
	struct web web = start("");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kith_run run = kith_run("-s %s web %s", web.path, cases[i].options);
		EXPECT(run.status == cases[i].status && has(run.err, cases[i].words), "%s: %d %s", cases[i].options,
		       run.status, run.err);
	}
	struct kith_run run = kith_run("-s %s web -l 127.0.0.1:%d", web.path, web.port);
	EXPECT(run.status == 71 && has(run.err, "is already in use, perhaps by another kith web"), "%d %s", run.status,
	       run.err);
}

static void test_other_addresses(void)
{
	struct web web = start("");
	struct kith *kith = kith_spawn("-s %s web -l 0.0.0.0:0", web.path);
	AWAIT(has(kith_output(kith), "http://0.0.0.0:"));
	struct web open = {.kith = kith};
	open.port = (int)strtol(strrchr(kith_output(kith), ':') + 1, NULL, 10);
	/* The address of this connection, not any. */
	CU_ASSERT_EQUAL(ask_raw(&open, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status, 200);
	CU_ASSERT_EQUAL(ask_raw(&open, "GET / HTTP/1.1\r\nHost: 0.0.0.0\r\n\r\n").status, 421);
	kill(kith_pid(kith), SIGHUP);
	struct kith_run run = kith_wait(kith);
	EXPECT(run.status == 0 && has(run.err, "warning: anyone who can reach 0.0.0.0:"), "%d %s", run.status, run.err);
	run = kith_run("-s %s web -l [::ffff:10.255.255.1]:0", web.path);
	CU_ASSERT(run.status == 71);
}

static CU_TestInfo tests[] = {
	{"/, /metrics and /healthz, with headers that bind browsers", test_pages},
	{"/healthz is 503 if it is critical", test_health},
	{"promtool finds nothing in /metrics", test_metrics_of_a_node},
	{"only known hosts are answered", test_hosts},
	{"only GET and HEAD are answered", test_methods},
	{"a thousand requests ask the node once a second", test_many_requests_ask_once},
	{"connections that say nothing give way", test_idle_connections},
	{"large requests are refused", test_large_requests},
	{"a node that is down has pages that say so", test_a_node_that_is_down},
	{"a node that is stopped holds nothing up", test_a_node_that_is_stopped},
	{"wrong usage is explained", test_wrong_usage},
	{"addresses for others come with a warning", test_other_addresses},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_web = {"web", NULL, NULL, harness_begin, harness_end, tests};

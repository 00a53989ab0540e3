/*
 * The load generator of the benchmarks: one thread that plays many peers of one target, and prints what it measured as
 * one line of key=value. Exit status 0 if nothing went wrong, 1 if connections failed or time ran out, 64 if it was
 * used wrongly. README.md tells what each mode measures.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "histogram.h"
#include "process.h"

#define SECOND_NS INT64_C(1000000000)

enum {
	OPENING_AT_ONCE = 64, /* handshakes under way */
	OPENING_LIMIT_S = 60, /* until all connections are READY */
	ANSWER_LIMIT_S = 20,  /* until the last answer; kithd's ping_timeout */
	WARM_UP_MS = 200,     /* that don't count, at the beginning of storm and ping */
	FLOOD_ENTRIES = 1000, /* in one addr */
	FLOOD_BYTES = 131072, /* room for it */
	WINDOW_MOST = 1024,   /* pings in flight on one connection */
	CONNECTIONS_MOST = 100000,
};

struct options {
	struct sockaddr_in target;
	size_t connections;
	size_t window;
	double settle_s; /* from the last handshake to the first look at the target */
	double seconds;
	pid_t pid;
	const char *secret_file; /* NULL without TLS */
};

struct run {
	const struct options *options;
	struct clients *clients;
	size_t opened, ready, lost; /* connections; those lost ended though nobody wanted it */
	int64_t slowest_ns;	    /* from a connection's start to its hello */
	uint64_t counted;	    /* handshakes or pongs since counts_since_ns */
	int64_t counts_since_ns, ends_ns;
	size_t awaited; /* pongs */
	struct histogram times;
	int64_t *sent_ns;  /* of each connection's pings in flight: a ring of options->window */
	size_t *next_pong; /* where in its ring each connection's oldest ping stands */
	char *flood;	   /* the addr that is sent over and over */
	size_t flood_length;
	uint64_t flood_lines;
	char refusal[32]; /* what the target said to a connection too many; "none" where that was hello */
	bool opened_one_more;
	size_t evicted; /* connections that made room for it */
};

static const char ping[] = "{\"msgtype\":\"ping\"}\n";
static const char getaddr[] = "{\"msgtype\":\"getaddr\"}\n";

static int64_t seconds_ns(double seconds)
{
	return (int64_t)(seconds * (double)SECOND_NS);
}

static double since_s(int64_t start_ns)
{
	return (double)(clients_clock_ns() - start_ns) / (double)SECOND_NS;
}

static void wait_for(struct run *run, double seconds)
{
	int64_t deadline_ns = clients_clock_ns() + seconds_ns(seconds);
	while (clients_clock_ns() < deadline_ns)
		clients_wait(run->clients, deadline_ns);
}

/* ---- opening many connections ---- */

static void open_more(struct run *run)
{
	while (run->opened < run->options->connections && run->opened < run->ready + run->lost + OPENING_AT_ONCE) {
		if (!client_open(clients_get(run->clients, run->opened++)))
			run->lost++;
	}
}

static void opening_got(void *owner, struct client *client, enum client_message message, const char *line,
			size_t length)
{
	struct run *run = owner;
	(void)line, (void)length;
	if (message == CLIENT_HELLO) {
		int64_t took_ns = clients_now_ns(run->clients) - client->opened_ns;
		if (took_ns > run->slowest_ns)
			run->slowest_ns = took_ns;
		run->ready++;
		open_more(run);
	}
}

static void opening_closed(void *owner, struct client *client, bool has_finished)
{
	struct run *run = owner;
	(void)client, (void)has_finished;
	run->lost++;
	open_more(run);
}

static double slowest_hello_ms(const struct run *run)
{
	return (double)run->slowest_ns / 1e6;
}

/* True if all connections are READY. */
static bool open_all(struct run *run)
{
	int64_t deadline_ns = clients_clock_ns() + OPENING_LIMIT_S * SECOND_NS;
	open_more(run);
	while (run->ready + run->lost < run->options->connections && clients_clock_ns() < deadline_ns)
		clients_wait(run->clients, deadline_ns);
	return run->ready == run->options->connections && run->lost == 0;
}

/* ---- storm: open, shake hands, ask for addresses, close ---- */

static void storm_got(void *owner, struct client *client, enum client_message message, const char *line, size_t length)
{
	(void)owner, (void)line, (void)length;
	if (message == CLIENT_HELLO)
		client_send(client, getaddr, sizeof getaddr - 1);
	else if (message == CLIENT_ADDR && client->addrs == 2) /* the first was the target's own address */
		client_finish(client);
}

static void storm_closed(void *owner, struct client *client, bool has_finished)
{
	struct run *run = owner;
	int64_t now_ns = clients_clock_ns();
	if (!has_finished)
		run->lost++;
	else if (now_ns >= run->counts_since_ns && now_ns < run->ends_ns)
		run->counted++;
	if (now_ns < run->ends_ns && !client_open(client))
		run->lost++;
}

static int run_storm(struct run *run)
{
	run->counts_since_ns = clients_clock_ns() + WARM_UP_MS * (SECOND_NS / 1000);
	run->ends_ns = run->counts_since_ns + seconds_ns(run->options->seconds);
	for (size_t i = 0; i < run->options->connections; i++)
		if (!client_open(clients_get(run->clients, i)))
			run->lost++;
	while (clients_clock_ns() < run->ends_ns)
		clients_wait(run->clients, run->ends_ns);
	printf("mode=storm at_once=%zu seconds=%.2f handshakes=%llu failed=%zu handshakes_per_s=%.0f\n",
	       run->options->connections, run->options->seconds, (unsigned long long)run->counted, run->lost,
	       (double)run->counted / run->options->seconds);
	return run->counted > 0 && run->lost == 0 ? 0 : 1;
}

/* ---- keep: open and keep ---- */

static int run_keep(struct run *run)
{
	int64_t start_ns = clients_clock_ns();
	bool is_good = open_all(run);
	double seconds = since_s(start_ns);
	printf("mode=keep connections=%zu ready=%zu lost=%zu slowest_hello_ms=%.1f seconds=%.3f opened_per_s=%.0f\n",
	       run->options->connections, run->ready, run->lost, slowest_hello_ms(run), seconds,
	       (double)run->ready / seconds);
	return is_good ? 0 : 1;
}

/* ---- ping: so many in flight on each connection ---- */

static void send_ping(struct run *run, struct client *client, size_t slot, int64_t now_ns)
{
	run->sent_ns[client->index * run->options->window + slot] = now_ns;
	client_send(client, ping, sizeof ping - 1);
}

/* Pongs come in the order of the pings: each is the oldest's, and the new ping takes its place in the ring. */
static void ping_got(void *owner, struct client *client, enum client_message message, const char *line, size_t length)
{
	struct run *run = owner;
	if (message != CLIENT_PONG) {
		opening_got(owner, client, message, line, length);
		return;
	}
	int64_t now_ns = clients_now_ns(run->clients);
	size_t *slot = &run->next_pong[client->index];
	if (now_ns >= run->counts_since_ns && now_ns < run->ends_ns) {
		histogram_add(&run->times, now_ns - run->sent_ns[client->index * run->options->window + *slot]);
		run->counted++;
	}
	send_ping(run, client, *slot, now_ns);
	*slot = (*slot + 1) % run->options->window;
}

static void ping_all(struct run *run)
{
	run->counts_since_ns = clients_clock_ns() + WARM_UP_MS * (SECOND_NS / 1000);
	run->ends_ns = run->counts_since_ns + seconds_ns(run->options->seconds);
	for (size_t i = 0; i < run->options->connections; i++)
		for (size_t slot = 0; slot < run->options->window; slot++)
			send_ping(run, clients_get(run->clients, i), slot, clients_clock_ns());
	while (clients_clock_ns() < run->ends_ns)
		clients_wait(run->clients, run->ends_ns);
}

static int run_ping(struct run *run)
{
	size_t connections = run->options->connections;
	run->sent_ns = calloc(connections * run->options->window, sizeof *run->sent_ns);
	run->next_pong = calloc(connections, sizeof *run->next_pong);
	if (run->sent_ns == NULL || run->next_pong == NULL)
		return 1;
	if (open_all(run))
		ping_all(run);
	printf("mode=ping connections=%zu in_flight=%zu seconds=%.2f lost=%zu pongs=%llu pongs_per_s=%.0f "
	       "p50_us=%.1f p99_us=%.1f p999_us=%.1f\n",
	       connections, run->options->window, run->options->seconds, run->lost, (unsigned long long)run->counted,
	       (double)run->counted / run->options->seconds, histogram_quantile_us(&run->times, 0.5),
	       histogram_quantile_us(&run->times, 0.99), histogram_quantile_us(&run->times, 0.999));
	return run->counted > 0 && run->lost == 0 ? 0 : 1;
}

/* ---- flood: one long addr after another ---- */

/* Always the same entries, so that the target knows them from the second line on. */
static bool make_flood(struct run *run)
{
	size_t length = 0;
	run->flood = malloc(FLOOD_BYTES);
	if (run->flood == NULL)
		return false;
	length += (size_t)snprintf(run->flood, FLOOD_BYTES, "{\"msgtype\":\"addr\",\"peers\":[");
	for (unsigned i = 0; i < FLOOD_ENTRIES; i++) {
		uint64_t number = clients_random(run->clients);
		length += (size_t)snprintf(run->flood + length, FLOOD_BYTES - length,
					   "%s[\"127.3.%u.%u:5999\",\"%08x-5e6f-4071-8a9b-%012llx\"]",
					   i == 0 ? "" : ",", i / 250, i % 250 + 1, (unsigned)(number >> 32),
					   (unsigned long long)(number & 0xffffffff));
	}
	length += (size_t)snprintf(run->flood + length, FLOOD_BYTES - length, "]}\n");
	run->flood_length = length;
	return true;
}

static void flood_got(void *owner, struct client *client, enum client_message message, const char *line, size_t length)
{
	struct run *run = owner;
	if (message == CLIENT_PONG && run->awaited > 0)
		run->awaited--;
	else
		opening_got(owner, client, message, line, length);
}

/* Waits for the answer to a ping, which says that everything before it has been handled. */
static bool wait_for_pongs(struct run *run)
{
	int64_t deadline_ns = clients_clock_ns() + ANSWER_LIMIT_S * SECOND_NS;
	while (run->awaited > 0 && run->lost == 0 && clients_clock_ns() < deadline_ns)
		clients_wait(run->clients, deadline_ns);
	return run->awaited == 0;
}

/* A line goes out whenever the socket has taken the one before. */
static void send_flood(struct run *run, double seconds)
{
	struct client *client = clients_get(run->clients, 0);
	run->ends_ns = clients_clock_ns() + seconds_ns(seconds);
	while (run->lost == 0 && clients_clock_ns() < run->ends_ns) {
		if (client->pending_length == 0) {
			client_send(client, run->flood, run->flood_length);
			run->flood_lines++;
		}
		clients_wait(run->clients, 0);
		if (client->pending_length > 0)
			clients_wait(run->clients, run->ends_ns);
	}
}

/* True if the target has handled all of it, which the answer to a ping says. */
static bool flood_target(struct run *run, double seconds)
{
	run->flood_lines = 0;
	send_flood(run, seconds);
	if (run->lost > 0)
		return false;
	client_send(clients_get(run->clients, 0), ping, sizeof ping - 1);
	run->awaited = 1;
	return wait_for_pongs(run);
}

static int run_flood(struct run *run)
{
	if (!make_flood(run) || !open_all(run) || !flood_target(run, WARM_UP_MS / 1000.0)) {
		puts("mode=flood failed=1");
		return 1;
	}
	int64_t start_ns = clients_clock_ns();
	bool is_good = flood_target(run, run->options->seconds);
	double seconds = since_s(start_ns), bytes = (double)run->flood_lines * (double)run->flood_length;
	printf("mode=flood lines=%llu line_bytes=%zu seconds=%.3f failed=%d mb_per_s=%.2f\n",
	       (unsigned long long)run->flood_lines, run->flood_length, seconds, is_good ? 0 : 1,
	       bytes / 1e6 / seconds);
	return is_good ? 0 : 1;
}

/* ---- idle: what peers cost that do nothing but answer pings ---- */

static int run_idle(struct run *run)
{
	pid_t pid = run->options->pid;
	long before_kb = process_private_kb(pid), threads_before = process_threads(pid);
	bool is_good = open_all(run);
	wait_for(run, run->options->settle_s);
	long after_kb = process_private_kb(pid), threads = process_threads(pid);
	int64_t cpu_ns = process_cpu_ns(pid), start_ns = clients_clock_ns();
	wait_for(run, run->options->seconds);
	double seconds = since_s(start_ns), cpu_s = (double)(process_cpu_ns(pid) - cpu_ns) / (double)SECOND_NS;
	printf("mode=idle connections=%zu ready=%zu lost=%zu slowest_hello_ms=%.1f before_kb=%ld after_kb=%ld "
	       "kb_per_peer=%.2f "
	       "threads_before=%ld threads=%ld seconds=%.1f cpu_percent=%.3f\n",
	       run->options->connections, run->ready, run->lost, slowest_hello_ms(run), before_kb, after_kb,
	       (double)(after_kb - before_kb) / (double)run->options->connections, threads_before, threads, seconds,
	       seconds > 0 ? 100 * cpu_s / seconds : 0);
	return is_good && run->lost == 0 && before_kb >= 0 ? 0 : 1;
}

/* ---- hold: as many as the target wants, and one more ---- */

/* The words of a bye. */
static void note_refusal(struct run *run, const char *line, size_t length)
{
	static const char key[] = "\"reason\":";
	const char *reason = memmem(line, length, key, sizeof key - 1), *limit = line + length;
	size_t noted = 0;
	if (reason == NULL)
		return;
	for (reason += sizeof key - 1; reason < limit && (*reason == ' ' || *reason == '"'); reason++)
		;
	for (; reason < limit && *reason != '"' && noted < sizeof run->refusal - 1; reason++)
		run->refusal[noted++] = *reason;
}

static void hold_got(void *owner, struct client *client, enum client_message message, const char *line, size_t length)
{
	struct run *run = owner;
	if (message == CLIENT_PONG && run->awaited > 0) {
		histogram_add(&run->times, clients_now_ns(run->clients) - run->counts_since_ns);
		run->awaited--;
	} else if (client->index < run->options->connections) {
		opening_got(owner, client, message, line, length);
	} else if (message == CLIENT_HELLO) {
		snprintf(run->refusal, sizeof run->refusal, "none");
	} else if (message == CLIENT_BYE) {
		note_refusal(run, line, length);
	}
}

static void hold_closed(void *owner, struct client *client, bool has_finished)
{
	struct run *run = owner;
	if (client->index < run->options->connections && run->opened_one_more)
		run->evicted++;
	else if (client->index < run->options->connections)
		opening_closed(owner, client, has_finished);
	else if (run->refusal[0] == '\0')
		snprintf(run->refusal, sizeof run->refusal, "closed");
}

static bool ping_each(struct run *run)
{
	run->counts_since_ns = clients_clock_ns();
	run->awaited = run->options->connections;
	for (size_t i = 0; i < run->options->connections; i++)
		client_send(clients_get(run->clients, i), ping, sizeof ping - 1);
	return wait_for_pongs(run);
}

static bool is_let_in(const struct run *run)
{
	return strcmp(run->refusal, "none") == 0;
}

/* There are as many as before: the one more is turned away, or one has made room for it. */
static bool is_bounded(const struct run *run)
{
	return is_let_in(run) ? run->evicted == 1 : strcmp(run->refusal, "full") == 0 && run->evicted == 0;
}

static void open_one_more(struct run *run)
{
	int64_t deadline_ns = clients_clock_ns() + ANSWER_LIMIT_S * SECOND_NS;
	run->opened_one_more = client_open(clients_get(run->clients, run->options->connections));
	if (!run->opened_one_more)
		return;
	while ((run->refusal[0] == '\0' || (is_let_in(run) && run->evicted == 0)) && clients_clock_ns() < deadline_ns)
		clients_wait(run->clients, deadline_ns);
}

static int run_hold(struct run *run)
{
	int64_t start_ns = clients_clock_ns();
	bool is_good = open_all(run);
	double seconds = since_s(start_ns);
	if (is_good)
		is_good = ping_each(run);
	if (is_good)
		open_one_more(run);
	if (is_good)
		wait_for(run, run->options->seconds);
	printf("mode=hold connections=%zu ready=%zu lost=%zu slowest_hello_ms=%.1f seconds=%.2f answered=%llu "
	       "slowest_ms=%.1f "
	       "next=%s next_is_bounded=%d\n",
	       run->options->connections, run->ready, run->lost, slowest_hello_ms(run), seconds,
	       (unsigned long long)run->times.total, histogram_quantile_us(&run->times, 1) / 1000,
	       run->refusal[0] == '\0' ? "-" : run->refusal, is_bounded(run));
	return is_good && run->lost == 0 ? 0 : 1;
}

/* ---- arguments ---- */

static const struct mode {
	const char *name;
	int (*run)(struct run *run);
	struct client_events events;
	size_t connections; /* unless -c says otherwise */
} modes[] = {
	{"storm", run_storm, {storm_got, storm_closed}, 64},
	{"keep", run_keep, {opening_got, opening_closed}, 2000},
	{"ping", run_ping, {ping_got, opening_closed}, 16},
	{"flood", run_flood, {flood_got, opening_closed}, 1},
	{"idle", run_idle, {opening_got, opening_closed}, 1000},
	{"hold", run_hold, {hold_got, hold_closed}, 16000},
};

static int usage_error(void)
{
	fputs("usage: load storm|keep|ping|flood|idle|hold HOST:PORT [-c CONNECTIONS] [-w PINGS_IN_FLIGHT]\n"
	      "            [-s SECONDS_TO_SETTLE] [-t SECONDS] [-p PID_OF_THE_TARGET]\n",
	      stderr);
	return 64;
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

static bool parse_target(const char *text, struct sockaddr_in *target)
{
	char host[INET_ADDRSTRLEN] = "";
	unsigned port;
	*target = (struct sockaddr_in){.sin_family = AF_INET};
	if (sscanf(text, "%15[0-9.]:%u", host, &port) != 2 || port > UINT16_MAX)
		return false;
	target->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &target->sin_addr) == 1;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	int option;
	while ((option = getopt(argc, argv, "c:w:s:t:p:k:")) != -1) {
		if (option == 'c')
			options->connections = strtoul(optarg, NULL, 10);
		else if (option == 'w')
			options->window = strtoul(optarg, NULL, 10);
		else if (option == 's')
			options->settle_s = strtod(optarg, NULL);
		else if (option == 't')
			options->seconds = strtod(optarg, NULL);
		else if (option == 'p')
			options->pid = (pid_t)strtol(optarg, NULL, 10);
		else if (option == 'k')
			options->secret_file = optarg;
		else
			return false;
	}
	return optind == argc && options->connections >= 1 && options->connections <= CONNECTIONS_MOST &&
	       options->window >= 1 && options->window <= WINDOW_MOST && options->settle_s >= 0 &&
	       options->seconds >= 0;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct options options = {.window = 1, .settle_s = 1, .seconds = 1};
	const struct mode *mode = argc < 3 ? NULL : find_mode(argv[1]);

	if (mode == NULL || !parse_target(argv[2], &options.target))
		return usage_error();
	options.connections = mode->connections;
	if (!parse_options(argc - 2, argv + 2, &options))
		return usage_error();
	run.options = &options;
	run.clients = clients_new(&options.target, options.connections + 1, &mode->events, &run);
	if (run.clients == NULL)
		return 1;
	if (options.secret_file != NULL && !clients_use_secret(run.clients, options.secret_file)) {
		fprintf(stderr, "load: %s holds no secret\n", options.secret_file);
		return 1;
	}
	int status = mode->run(&run);
	clients_free(run.clients);
	free(run.sent_ns);
	free(run.next_pong);
	free(run.flood);
	return status;
}

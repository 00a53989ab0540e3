/*
 * A client of the control socket sends any bytes to a node with a journal, three peers, some addresses, and a network
 * beyond its peers in which something is wrong. The whole
 * way is there: a real socket, the threads of the control, and one in the place of the main thread, for commands.
 *
 * The input is what the client sends. Whatever that is: each line that comes back is an object with a msgtype; each
 * line that was sent is answered by one end or one error, as far as the client waits for it; and when it has gone, its
 * thread goes too.
 */
#include "fuzz.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "control/control.h"
#include "mesh/problems.h"
#include "talk/protocol.h"
#include "wire/frame.h"
#include "wire/json.h"

enum {
	PEERS = 3,
	ANSWER_BYTES = 4 * 1024 * 1024,
	PATIENCE_MS = 30, /* a client of one that waits, as `watch` does, goes after this time */
	LEAVE_MS = 30000,
};

struct node {
	struct settings settings;
	struct address here[1];
	struct listening listening;
	struct alarm alarm;
	struct counters counters;
	struct protocol_parts parts;
	struct protocol *protocol;
	struct peer *peers[PEERS];
	struct commands *commands;
	struct control *control;
	struct thread main;
	atomic_bool is_stopping;
};

static char path[64];
static struct wakeup command_waits;

static void ring(void)
{
	wakeup_ring(&command_waits);
}

static struct address parse(const char *text)
{
	struct address address;
	must(address_parse(text, &address));
	return address;
}

/* ---- what the main thread does ---- */

static bool set(struct node *node, struct command *command)
{
	struct settings_report *report = &command->report;
	enum setting_id id;
	if (!settings_copy(&report->now, &node->settings) || !settings_copy(&report->other, &node->settings))
		return !problem_set_lacks_memory(&command->problem);
	if (!settings_set_live(&report->now, command->option, &id, &command->problem) ||
	    !settings_check(&report->now, &command->problem)) {
		settings_report_fini(report);
		return false;
	}
	report->changes[id] = setting_needs_restart(id) ? SETTINGS_NEED_RESTART : SETTINGS_APPLIED;
	return true;
}

static void *obey(void *argument)
{
	struct node *node = argument;
	while (!node->is_stopping) {
		struct pollfd wanted = {.fd = command_waits.fd, .events = POLLIN};
		poll(&wanted, 1, -1);
		wakeup_clear(&command_waits);
		struct command *command = commands_take(node->commands);
		if (command == NULL)
			continue;
		if (command->kind == COMMAND_SET)
			command->has_failed = !set(node, command);
		else if (command->kind == COMMAND_SETTINGS)
			must(settings_copy(&command->report.now, &node->settings));
		commands_finish(node->commands, command);
	}
	return NULL;
}

/* ---- the node ---- */

static void meet(struct node *node, size_t number, const char *from, const char *hello)
{
	struct dial dial = {.address = parse(from)};
	struct peer *peer = peer_new(PEER_INBOUND, NULL, &dial, &node->settings, clock_now_us());
	must(peer != NULL && registry_add(node->parts.common.registry, peer));
	protocol_connected(node->protocol, peer, &node->here[0], clock_now_us());
	protocol_receive(node->protocol, peer, hello, strlen(hello), clock_now_us());
	must(peer_state(peer) == PEER_READY);
	node->peers[number] = peer;
}

#define BOB "b0b00000-0000-4000-8000-000000000002"
#define OTHER_BOB "b0b00000-0000-4000-8000-000000000003"
#define CAROL "ca401000-0000-4000-8000-000000000004"

/* The peers say what they know: Carol, whom this node has never met, has crashed, and the two Bobs can't talk. */
static void hear(struct node *node)
{
	static const struct {
		size_t peer;
		const char *line;
	} reports[] = {
		{0, "{\"msgtype\":\"report\",\"seq\":5,\"name\":\"alice\",\"agent\":\"fuzz/1\",\"address\":"
		    "\"192.0.2.1:5999\",\"up_s\":900,\"tags\":[\"role=a\"],\"links\":[[\"" BOB "\",400,1],[\"" OTHER_BOB
		    "\",400,1]],\"drop\":[[\"" CAROL "\",\"closed\",9]]}"},
		{1, "{\"msgtype\":\"report\",\"seq\":5,\"name\":\"bob\",\"address\":\"192.0.2.2:5999\",\"up_s\":900,"
		    "\"links\":[[\"a11ce000-0000-4000-8000-000000000001\",400,0]],\"drop\":[[\"" OTHER_BOB
		    "\",\"silent\",30],[\"" CAROL "\",\"closed\",9]],\"failing\":[[\"192.0.2.3:5999\",\"" OTHER_BOB
		    "\",\"timed_out\",9,29,1,60]]}"},
		{2, "{\"msgtype\":\"report\",\"seq\":5,\"name\":\"bob\",\"address\":\"192.0.2.3:5999\",\"up_s\":900,"
		    "\"links\":[[\"a11ce000-0000-4000-8000-000000000001\",400,0]],\"drop\":[[\"" BOB
		    "\",\"silent\",30]]}"},
		{0, "{\"msgtype\":\"report\",\"nodeid\":\"" CAROL "\",\"seq\":5,\"name\":\"carol\",\"address\":"
		    "\"192.0.2.4:5999\",\"up_s\":900}"},
	};
	const int64_t step_us = 500000;
	int64_t now_us = clock_now_us();
	size_t kinds[FINDING_KINDS];
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
		protocol_receive(node->protocol, node->peers[reports[i].peer], reports[i].line, strlen(reports[i].line),
				 now_us);
	for (int i = 0; i < 10; i++)
		protocol_run_timers(node->protocol, now_us + i * step_us, 0);
	must(problems_count(node->parts.common.problems, kinds) > 0 && kinds[FINDING_NODE] == 1 &&
	     kinds[FINDING_LINK] == 1);
}

static void start(struct node *node)
{
	struct problem problem;
	must(settings_init(&node->settings));
	must(settings_set_option(&node->settings, "bootstrap=192.0.2.9:5999,nosuch.example:7", &problem));
	node->settings.connect_timeout_us = node->settings.handshake_timeout_us = 1000;
	node->here[0] = parse("192.0.2.80:5999");
	node->listening.addresses = node->here;
	node->listening.count = 1;
	alarm_init(&node->alarm);
	struct nodeid self = nodeid_random();
	struct hash_key key = {0};
	node->parts =
		(struct protocol_parts){.common = {.settings = &node->settings,
						   .listening = &node->listening,
						   .registry = registry_new(&self, &node->settings),
						   .book = address_book_new(&node->settings, &key, 1, clock_now_us()),
						   .access = access_new(&node->settings),
						   .bans = bans_new(),
						   .sources = sources_new(),
						   .journal = journal_new(20),
						   .reports = reports_new(&node->settings, &self),
						   .problems = problems_new(),
						   .counters = &node->counters},
					.self = self,
					.alarm = &node->alarm,
					.seed = 1};
	node->parts.common.lines = lines_new(node->parts.common.sources, clock_now_us());
	node->protocol = protocol_new(&node->parts);
	must(node->protocol != NULL);
	meet(node, 0, "192.0.2.1:4001",
	     "{\"msgtype\":\"hello\",\"nodeid\":\"a11ce000-0000-4000-8000-000000000001\",\"name\":\"alice\","
	     "\"agent\":\"fuzz/1\",\"listen\":5999}");
	meet(node, 1, "192.0.2.2:4001",
	     "{\"msgtype\":\"hello\",\"nodeid\":\"b0b00000-0000-4000-8000-000000000002\",\"name\":\"bob\"}");
	meet(node, 2, "192.0.2.3:4001",
	     "{\"msgtype\":\"hello\",\"nodeid\":\"b0b00000-0000-4000-8000-000000000003\",\"name\":\"bob\"}");
	hear(node);
	node->commands = commands_new(ring);
	must(node->commands != NULL && thread_start(&node->main, obey, node) == 0);
	struct place place = {.fd = -1};
	char option[sizeof path + 16];
	snprintf(option, sizeof option, "control=%s", path);
	must(settings_set_option(&node->settings, option, &problem));
	must(place_prepare(&place, &node->settings, &problem));
	must(place_bind(&place, &node->settings, &node->here[0], &problem));
	struct control_parts parts = {.common = node->parts.common,
				      .commands = node->commands,
				      .alarm = &node->alarm,
				      .self = self,
				      .started_us = clock_now_us()};
	node->control = control_start(&parts, &place, &problem);
	must(node->control != NULL);
}

static void stop(struct node *node)
{
	commands_close(node->commands);
	control_stop(node->control);
	node->is_stopping = true;
	ring();
	thread_join(node->main);
	commands_free(node->commands);
	for (size_t i = 0; i < PEERS; i++) {
		peer_cut(node->peers[i], "this node is stopping");
		protocol_ended(node->protocol, node->peers[i], clock_now_us());
		protocol_forget(node->protocol, node->peers[i]);
		peer_release(node->peers[i]);
	}
	must(registry_count(node->parts.common.registry).connections == 0);
	protocol_free(node->protocol);
	reports_free(node->parts.common.reports);
	problems_free(node->parts.common.problems);
	journal_free(node->parts.common.journal);
	bans_free(node->parts.common.bans);
	access_free(node->parts.common.access);
	lines_free(node->parts.common.lines);
	sources_free(node->parts.common.sources);
	address_book_free(node->parts.common.book);
	registry_free(node->parts.common.registry);
	alarm_fini(&node->alarm);
	settings_fini(&node->settings);
}

/* ---- the client ---- */

static int connect_to(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

/* Checks a row; true if it is the last one of an answer. */
static bool check_row(const char *row, size_t length)
{
	struct json_object *object;
	struct json_object *msgtype = NULL;
	struct problem problem;
	must(json_parse(row, length, 16, &object, &problem));
	must(json_object_object_get_ex(object, "msgtype", &msgtype) && json_string(msgtype) != NULL);
	const char *text = json_string(msgtype);
	bool is_last = strcmp(text, "end") == 0 || strcmp(text, "error") == 0;
	json_object_put(object);
	return is_last;
}

/* How many of the lines are answered: not those of white space. */
static size_t count_requests(const uint8_t *bytes, size_t length)
{
	size_t count = 0;
	bool is_blank = true;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\n') {
			is_blank = is_blank && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r');
			continue;
		}
		count += !is_blank;
		is_blank = true;
	}
	return count;
}

/* Sends what there is, and reads what comes. True if the answer has an end. *answers is how many there are. */
static bool talk(int fd, const uint8_t *bytes, size_t length, size_t *answers)
{
	static char answer[ANSWER_BYTES];
	size_t sent = 0, got = 0, checked = 0;
	bool has_ended = false;
	*answers = 0;
	while (!has_ended) {
		struct pollfd wanted = {.fd = fd, .events = (short)(POLLIN | (sent < length ? POLLOUT : 0))};
		if (poll(&wanted, 1, PATIENCE_MS) == 0)
			return false;
		if ((wanted.revents & POLLOUT) != 0) {
			ssize_t n = send(fd, bytes + sent, length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
			sent = n < 0 ? length : sent + (size_t)n;
			if (sent == length)
				shutdown(fd, SHUT_WR);
		}
		if ((wanted.revents & (POLLIN | POLLHUP)) == 0)
			continue;
		ssize_t n = recv(fd, answer + got, sizeof answer - got, 0);
		has_ended = n <= 0;
		got += n > 0 ? (size_t)n : 0;
		char *end;
		while ((end = memchr(answer + checked, '\n', got - checked)) != NULL) {
			*answers += check_row(answer + checked, (size_t)(end - answer) - checked);
			checked = (size_t)(end - answer) + 1;
		}
		memmove(answer, answer + checked, got - checked);
		got -= checked;
		checked = 0;
	}
	must(got == 0);
	return true;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	snprintf(path, sizeof path, "/tmp/kith-fuzz-%d", (int)getpid());
	must(wakeup_init(&command_waits) == 0);
	log_set_level(LOG_ERROR);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct node node;
	size_t answers;
	memset(&node, 0, sizeof node);
	start(&node);
	int fd = connect_to();
	if (length > 0 && talk(fd, bytes, length, &answers))
		must(answers == count_requests(bytes, length) || memchr(bytes, '\n', length) == NULL ||
		     length > FRAME_LINE_BYTES);
	close(fd);
	for (int i = 0; control_clients(node.control) > 0; i++) {
		must(i < LEAVE_MS);
		poll(NULL, 0, 1);
	}
	stop(&node);
	return 0;
}

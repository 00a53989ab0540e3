#include "core.h"

#include <CUnit/CUnit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "node/dialing.h"
#include "runner.h"
#include "wire/frame.h"
#include "wire/message.h"

enum { TEXTS = 8, LOG_BYTES = 1 << 20, SUMMARY_BYTES = 96 * 1024 };

const struct hash_key core_secret = {{1, 2, 3}};

int core_silence_log(void)
{
	log_set_level(LOG_ERROR);
	return 0;
}

int core_restore_log(void)
{
	log_set_level(LOG_INFO);
	return 0;
}

struct address address_of(const char *text)
{
	struct address address;
	if (!EXPECT(address_parse(text, &address), "%s", text))
		abort();
	return address;
}

const char *address_text(struct address address)
{
	static char texts[TEXTS][ADDRESS_TEXT_BYTES];
	static unsigned next;
	char *text = texts[next++ % TEXTS];
	address_format(&address, text);
	return text;
}

const char *nodeid_text(unsigned number)
{
	static char texts[TEXTS][NODEID_TEXT_BYTES];
	static unsigned next;
	char *text = texts[next++ % TEXTS];
	snprintf(text, NODEID_TEXT_BYTES, "%08x-0000-4000-8000-000000000000", number);
	return text;
}

struct nodeid nodeid_of(unsigned number)
{
	struct nodeid nodeid = {{(unsigned char)(number >> 24), (unsigned char)(number >> 16),
				 (unsigned char)(number >> 8), (unsigned char)number, [6] = 0x40, [8] = 0x80}};
	return number == 0 ? nodeid_none : nodeid;
}

void core_listen(struct core *core, const char *listen)
{
	struct address address = address_of(listen);
	listening_add(&core->listening, &address);
}

void core_init(struct core *core, unsigned number, const char *listen)
{
	*core = (struct core){.self = nodeid_of(number), .now_us = 1000 * SECOND_US};
	core->listening.addresses = core->listen;
	core_listen(core, listen);
	settings_init(&core->settings);
	snprintf(core->settings.texts->name, sizeof core->settings.texts->name, "node %u", number);
}

void core_start(struct core *core)
{
	alarm_init(&core->alarm);
	core->registry = registry_new(&core->self, &core->settings);
	core->book = address_book_new(&core->settings, &core_secret, 1, core->now_us);
	core->access = access_new(&core->settings);
	core->sources = sources_new();
	core->lines = lines_new(core->sources, core->now_us);
	core->reports = core->has_reports ? reports_new(&core->settings, &core->self) : NULL;
	struct protocol_parts parts = {.common = {.settings = &core->settings,
						  .listening = &core->listening,
						  .registry = core->registry,
						  .book = core->book,
						  .access = core->access,
						  .sources = core->sources,
						  .journal = core->journal,
						  .pace = core->pace,
						  .lines = core->lines,
						  .reports = core->reports},
				       .secret = core_secret,
				       .self = core->self,
				       .alarm = &core->alarm,
				       .seed = 1};
	core->protocol = protocol_new(&parts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(core->protocol);
}

void core_fini(struct core *core)
{
	struct registry_snapshot all = registry_take_snapshot(core->registry, false);
	for (size_t i = 0; i < all.count; i++) {
		peer_close(all.peers[i], BYE_SHUTDOWN);
		core_end(core, all.peers[i]);
	}
	registry_release_snapshot(&all);
	CU_ASSERT_EQUAL(registry_count(core->registry).connections, 0);
	protocol_free(core->protocol);
	reports_free(core->reports);
	address_book_free(core->book);
	access_free(core->access);
	lines_free(core->lines);
	sources_free(core->sources);
	registry_free(core->registry);
	alarm_fini(&core->alarm);
	settings_fini(&core->settings);
}

struct peer *core_connect(struct core *core, enum peer_direction direction, const struct dial *dial, const char *local,
			  const char *remote)
{
	struct address here = address_of(local);
	struct dial accepted = {.address = address_of(remote)};
	struct peer *peer = peer_new(direction, NULL, dial == NULL ? &accepted : dial, &core->settings, core->now_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	peer_set_pace(peer, core->pace);
	CU_ASSERT_FATAL(registry_add(core->registry, peer));
	protocol_connected(core->protocol, peer, &here, core->now_us);
	peer_release(peer);
	return peer;
}

struct peer *core_accept(struct core *core, const char *remote)
{
	return core_connect(core, PEER_INBOUND, NULL, address_text(core->listen[0]), remote);
}

struct peer *core_dial_next(struct core *core)
{
	struct address from = core->listen[0];
	struct next_dial next = dialing_next(&core->settings, core->registry, core->book, core->now_us);
	if (!next.is_due)
		return NULL;
	from.port = 40000;
	return core_connect(core, PEER_OUTBOUND, &next.dial, address_text(from), address_text(next.dial.address));
}

struct peer *core_dial(struct core *core, const char *to)
{
	struct address address = address_of(to);
	struct message_entry entry = {.address = address};
	address_book_hear(core->book, &entry, 1, &address, core->now_us);
	struct peer *peer = core_dial_next(core);
	CU_ASSERT_FATAL(peer != NULL && address_equals(&peer_dial(peer)->address, &address));
	return peer;
}

void core_end(struct core *core, struct peer *peer)
{
	peer_hold(peer);
	peer_fail(peer, 0, "it closed the connection without a bye");
	protocol_ended(core->protocol, peer, core->now_us);
	protocol_forget(core->protocol, peer);
	peer_release(peer);
}

void core_say(struct core *core, struct peer *peer, const char *format, ...)
{
	static char line[FRAME_LINE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	CU_ASSERT_FATAL(length > 0 && (size_t)length < sizeof line);
	for (char *quote = line; (quote = strchr(quote, '\'')) != NULL;)
		*quote = '"';
	peer_count_read(peer, (size_t)length + 1, core->now_us);
	protocol_receive(core->protocol, peer, line, (size_t)length, core->now_us);
}

void core_say_hello(struct core *core, struct peer *peer, unsigned number, unsigned listen)
{
	if (listen == 0)
		core_say(core, peer, "{'msgtype': 'hello', 'nodeid': '%s'}", nodeid_text(number));
	else
		core_say(core, peer, "{'msgtype': 'hello', 'nodeid': '%s', 'listen': %u}", nodeid_text(number), listen);
}

void core_prove(struct core *core, struct peer *peer, unsigned number)
{
	struct address claim = peer_look(peer, core->now_us).claim;
	struct peer *feeler = core_dial_next(core);
	CU_ASSERT_FATAL(feeler != NULL && peer_dial(feeler)->kind == DIAL_PROOF_CLAIM &&
			address_equals(&peer_dial(feeler)->address, &claim));
	core_say_hello(core, feeler, number, 0);
	take_all(feeler);
	core_end(core, feeler);
}

int64_t core_tend(struct core *core, struct peer *peer)
{
	if (peer_is_closing(peer))
		return FOREVER_US;
	int64_t next_us = peer_ping(peer, core->now_us), deadline_us = peer_ping_deadline_us(peer);
	if (deadline_us <= core->now_us) {
		char text[PEER_ENDING_BYTES];
		protocol_say_timeout(core->protocol, peer, core->now_us, text);
		peer_close_because(peer, BYE_TIMEOUT, text);
		return core->now_us;
	}
	int64_t watch_us = protocol_watch(core->protocol, peer, core->now_us);
	return clock_earlier(clock_earlier(next_us, deadline_us), watch_us);
}

static void become_ready(struct core *core, struct peer *peer, unsigned number, unsigned listen)
{
	core_say_hello(core, peer, number, listen);
	CU_ASSERT_EQUAL(peer_state(peer), PEER_READY);
	struct address claim = peer_look(peer, core->now_us).claim;
	if (address_is_known(&claim))
		core_prove(core, peer, number);
	take_all(peer);
}

struct peer *core_meet(struct core *core, unsigned number, const char *remote, unsigned listen)
{
	struct peer *peer = core_accept(core, remote);
	become_ready(core, peer, number, listen);
	return peer;
}

struct peer *core_reach(struct core *core, unsigned number, const char *to)
{
	struct peer *peer = core_dial(core, to);
	become_ready(core, peer, number, 0);
	return peer;
}

/* ---- what was sent ---- */

const char *take_line(struct peer *peer)
{
	static char line[FRAME_LINE_BYTES];
	struct outbox *outbox = peer_outbox(peer);
	const char *bytes;
	CU_ASSERT_FATAL(outbox_take_turn(outbox));
	size_t held = outbox_head(outbox, &bytes);
	const char *end = held == 0 ? NULL : memchr(bytes, '\n', held);
	CU_ASSERT(held == 0 || end != NULL);
	size_t length = end == NULL ? 0 : (size_t)(end - bytes);
	CU_ASSERT_FATAL(length < sizeof line);
	memcpy(line, bytes, length);
	line[length] = '\0';
	if (held > 0)
		outbox_wrote(outbox, length + 1);
	outbox_return_turn(outbox);
	return held == 0 ? NULL : line;
}

static int compare_texts(const void *one, const void *other)
{
	return strcmp(one, other);
}

/* Nodeids are those of nodeid_of. */
static unsigned number_of(const struct nodeid *nodeid)
{
	const unsigned char *id = nodeid->bytes;
	return (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3];
}

/* The entries in the order of their texts, since they are sent in none. */
static size_t summarize_addr(char *out, size_t room, const struct message_addr *addr)
{
	enum { ENTRY_BYTES = 80 };
	char(*texts)[ENTRY_BYTES] = calloc(addr->count + 1, sizeof *texts);
	size_t used = (size_t)snprintf(out, room, "addr(");
	must(texts != NULL);
	for (size_t i = 0; i < addr->count; i++) {
		snprintf(texts[i], ENTRY_BYTES, "%s=%u", address_text(addr->entries[i].address),
			 number_of(&addr->entries[i].nodeid));
	}
	qsort(texts, addr->count, sizeof *texts, compare_texts);
	for (size_t i = 0; i < addr->count && used < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%s", i == 0 ? "" : " ", texts[i]);
	free(texts);
	return used < room ? used + (size_t)snprintf(out + used, room - used, ")") : room;
}

static size_t summarize_silence(char *out, size_t room, const struct message *message)
{
	const char *name = message_type_name(message->type);
	unsigned number = number_of(&message->silence.nodeid);
	if (message->silence.ms < 0)
		return (size_t)snprintf(out, room, "%s(%u)", name, number);
	return (size_t)snprintf(out, room, "%s(%u=%lld)", name, number, (long long)message->silence.ms);
}

static size_t summarize(char *out, size_t room, const char *line)
{
	struct message message;
	struct problem problem;
	size_t used;
	if (!EXPECT(message_decode(line, strlen(line), 0, &message, &problem), "%s: %s", problem.text, line))
		return 0;
	if (message.type == MESSAGE_ADDR)
		used = summarize_addr(out, room, &message.addr);
	else if (message.type == MESSAGE_SUSPECT || message.type == MESSAGE_HEARD || message.type == MESSAGE_UNHEARD)
		used = summarize_silence(out, room, &message);
	else if (message.type == MESSAGE_BYE)
		used = (size_t)snprintf(out, room, "bye(%s)", message.bye.text);
	else
		used = (size_t)snprintf(out, room, "%s", message_type_name(message.type));
	message_fini(&message);
	return used;
}

const char *take_all(struct peer *peer)
{
	static char words[SUMMARY_BYTES];
	size_t used = 0;
	const char *line;
	words[0] = '\0';
	while ((line = take_line(peer)) != NULL && used < sizeof words - 1) {
		if (used > 0)
			words[used++] = ' ';
		used += summarize(words + used, sizeof words - used, line);
	}
	CU_ASSERT_FATAL(used < sizeof words);
	return words;
}

bool expect_text(const char *file, int line, const char *text, const char *expected)
{
	return expect(strcmp(text, expected) == 0, file, line, "not as expected", "%s, not %s", text, expected);
}

/* ---- two cores ---- */

void link_init(struct link *link, struct core *dialler, struct peer *dialled, struct core *acceptor,
	       const char *dialler_port)
{
	const char *listen = address_text(peer_dial(dialled)->address);
	*link = (struct link){.cores = {dialler, acceptor}, .peers = {dialled}};
	link->peers[1] = core_connect(acceptor, PEER_INBOUND, NULL, listen, dialler_port);
}

static bool has_bytes(struct peer *peer)
{
	const char *bytes;
	CU_ASSERT_FATAL(outbox_take_turn(peer_outbox(peer)));
	size_t held = outbox_head(peer_outbox(peer), &bytes);
	outbox_return_turn(peer_outbox(peer));
	return held > 0;
}

bool link_has_line(const struct link *link, int from)
{
	struct peer *peer = link->peers[from];
	return peer != NULL && (peer_is_closing(peer) || has_bytes(peer));
}

static void end(struct link *link, int which)
{
	struct peer *peer = link->peers[which];
	link->peers[which] = NULL;
	if (peer != NULL)
		core_end(link->cores[which], peer);
}

bool link_pass(struct link *link, int from)
{
	int to = 1 - from;
	const char *line = take_line(link->peers[from]);
	struct peer *receiver = link->peers[to];
	bool matters = line != NULL && (strstr(line, "\"hello\"") != NULL || strstr(line, "\"bye\"") != NULL);
	if (line == NULL) {
		end(link, from);
		if (receiver != NULL && !peer_is_closing(receiver))
			peer_fail(receiver, 0, "it closed the connection without a bye");
	} else if (receiver != NULL && !peer_is_closing(receiver)) {
		core_say(link->cores[to], receiver, "%s", line);
	}
	return matters;
}

void link_pass_all(struct link *links, size_t count)
{
	bool passed = true;
	while (passed) {
		passed = false;
		for (size_t i = 0; i < count * 2; i++)
			while (link_has_line(&links[i / 2], (int)(i % 2))) {
				link_pass(&links[i / 2], (int)(i % 2));
				passed = true;
			}
	}
}

/* ---- the log ---- */

static int saved_stderr = -1;

void capture_log(enum log_level level)
{
	int file = memfd_create("log", MFD_CLOEXEC);
	saved_stderr = dup(STDERR_FILENO);
	CU_ASSERT_FATAL(file >= 0 && saved_stderr >= 0 && dup2(file, STDERR_FILENO) >= 0);
	close(file);
	log_set_level(level);
}

const char *captured_log(void)
{
	static char text[LOG_BYTES];
	ssize_t length = pread(STDERR_FILENO, text, sizeof text - 1, 0);
	log_set_level(LOG_ERROR);
	CU_ASSERT_FATAL(length >= 0 && dup2(saved_stderr, STDERR_FILENO) >= 0);
	close(saved_stderr);
	text[length] = '\0';
	return text;
}

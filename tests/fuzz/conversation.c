/*
 * A node talks with three peers that behave and with whoever else the input brings, and each step leaves it in order:
 * node.h has the rules. The clock is virtual.
 *
 * The input is text, one step a line. A line begins with a letter that says what happens; a second one, from `a` to
 * `p`, says at which connection; then come its words. What makes no sense in its place is passed over.
 *
 *	ca 10.0.0.7:4000    somebody dials the node from there, over connection a
 *	da                  the node dials who is due
 *	ka                  ... and is connected
 *	ha 7 5999           the far end says hello as node 7 (1 to 255; the good ones are 16, 96 and 144, this node
 *	                    is 80), listening on that port
 *	fa 7                the same as a feeler
 *	ga / pa / oa        it says getaddr, ping, or pong
 *	aa 40 203.0.1.0     it tells 40 addresses from there on, of as many networks
 *	ta 203.0.1.7:80 9   it tells one address, of node 9 or of nobody
 *	ba shutdown         it says bye
 *	sa LINE             it says any line
 *	ra BYTES            it sends any bytes, and ends no line
 *	wa X 200            it sends 200 times 1,024 of the character X
 *	xa                  it closes, or refuses the dial
 *	qa                  it stops to read what it is sent, or reads again
 *	ya                  it answers pings from now on, or no longer
 *	+ 1500              so many milliseconds pass (at most a day)
 *	z 30                the machine was asleep for so many seconds
 *	l i 4               the limit i becomes 4: i max_inbound, o max_outbound, d max_dialing, h max_handshakes,
 *	                    n max_connections, a max_per_address, g max_per_group, b ban_after
 *	e 192.0.2.9:5999    the node now advertises that address
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "node.h"
#include "wire/message.h"

enum { STEPS = 200, DAY_MS = 24 * 3600 * 1000, ADDRESSES = 200, KILOBYTES = 200 };

/* What a step has after its letter. */
struct words {
	struct node_end *end; /* NULL where there is no such connection */
	const char *text;     /* the rest of the line, ended by NUL */
	size_t length;
};

/* The number at the beginning of the text, within these bounds; *rest is what follows it. */
static long number(const char *text, long least, long most, const char **rest)
{
	char *end;
	long value = strtol(text, &end, 10);
	if (rest != NULL)
		*rest = *end == ' ' ? end + 1 : end;
	return value < least ? least : value > most ? most : value;
}

static void say(struct node *node, const struct words *words, const char *line, size_t length)
{
	node_hear(node, words->end, line, length);
}

/* ---- what a connection does ---- */

static void come(struct node *node, const struct words *words)
{
	struct address from;
	if (address_parse(words->text, &from) && address_is_dialable(&from))
		node_accept(node, words->end, &from);
}

static void dial(struct node *node, const struct words *words)
{
	node_dial(node, words->end);
}

static void connect_dial(struct node *node, const struct words *words)
{
	node_connect(node, words->end);
}

static void hello(struct node *node, const struct words *words, bool is_feeler)
{
	char line[200], nodeid[NODEID_TEXT_BYTES], listen[32] = "";
	const char *rest;
	struct nodeid id = node_nodeid((unsigned)number(words->text, 1, 255, &rest));
	long port = number(rest, 0, 65535, NULL);
	nodeid_format(&id, nodeid);
	if (port > 0)
		snprintf(listen, sizeof listen, ",\"listen\":%ld", port);
	int length = snprintf(line, sizeof line, "{\"msgtype\":\"hello\",\"nodeid\":\"%s\"%s%s}\n", nodeid, listen,
			      is_feeler ? ",\"feeler\":true" : "");
	say(node, words, line, (size_t)length);
}

static void hello_as_peer(struct node *node, const struct words *words)
{
	hello(node, words, false);
}

static void hello_as_feeler(struct node *node, const struct words *words)
{
	hello(node, words, true);
}

static void say_bare(struct node *node, const struct words *words, enum message_type type)
{
	const char *line = message_bare_line(type);
	say(node, words, line, strlen(line));
}

static void getaddr(struct node *node, const struct words *words)
{
	say_bare(node, words, MESSAGE_GETADDR);
}

static void ping(struct node *node, const struct words *words)
{
	say_bare(node, words, MESSAGE_PING);
}

static void pong(struct node *node, const struct words *words)
{
	say_bare(node, words, MESSAGE_PONG);
}

static void tell(struct node *node, const struct words *words, struct message_entry *entries, size_t count)
{
	struct message message = {.type = MESSAGE_ADDR, .addr = {.entries = entries, .count = count}};
	struct buffer line = {0};
	must(message_encode(&message, &line));
	say(node, words, buffer_content(&line), buffer_length(&line));
	buffer_fini(&line);
}

static void tell_many(struct node *node, const struct words *words)
{
	static struct message_entry entries[ADDRESSES];
	const char *rest;
	size_t count = (size_t)number(words->text, 0, ADDRESSES, &rest);
	struct in_addr first;
	if (inet_aton(rest, &first) == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		uint32_t host = htonl(ntohl(first.s_addr) + (uint32_t)(i << 16));
		entries[i] = (struct message_entry){.address = {.family = ADDRESS_IPV4, .port = 5999}};
		memcpy(entries[i].address.host, &host, sizeof host);
	}
	tell(node, words, entries, count);
}

static void tell_one(struct node *node, const struct words *words)
{
	struct message_entry entry = {0};
	char text[ADDRESS_TEXT_BYTES];
	size_t length = strcspn(words->text, " ");
	if (length >= sizeof text)
		return;
	memcpy(text, words->text, length);
	text[length] = '\0';
	if (!address_parse(text, &entry.address))
		return;
	entry.nodeid = node_nodeid((unsigned)number(words->text + length, 0, 255, NULL));
	tell(node, words, &entry, 1);
}

static void bye(struct node *node, const struct words *words)
{
	char line[128];
	int length = snprintf(line, sizeof line, "{\"msgtype\":\"bye\",\"reason\":\"%.40s\"}\n", words->text);
	say(node, words, line, (size_t)length);
}

static void say_line(struct node *node, const struct words *words)
{
	say(node, words, words->text, words->length);
	say(node, words, "\n", 1);
}

static void say_bytes(struct node *node, const struct words *words)
{
	say(node, words, words->text, words->length);
}

static void say_much(struct node *node, const struct words *words)
{
	char kilobyte[1024];
	long count = words->length < 3 ? 0 : number(words->text + 2, 0, KILOBYTES, NULL);
	memset(kilobyte, words->text[0], sizeof kilobyte);
	for (long i = 0; i < count; i++)
		say(node, words, kilobyte, sizeof kilobyte);
}

static void close_connection(struct node *node, const struct words *words)
{
	node_break(node, words->end);
}

/* Who reads again first reads what waits. */
static void toggle_reading(struct node *node, const struct words *words)
{
	if (words->end->peer == NULL || words->end->is_over)
		return;
	words->end->reads = !words->end->reads;
	node_pass(node, 0);
}

static void toggle_answering(struct node *node, const struct words *words)
{
	(void)node;
	words->end->answers = words->end->peer != NULL && !words->end->answers;
}

/* ---- what happens to the node ---- */

static void pass(struct node *node, const struct words *words)
{
	node_pass(node, (int64_t)number(words->text, 0, DAY_MS, NULL) * 1000);
}

static void sleep_machine(struct node *node, const struct words *words)
{
	node->asleep_us += (int64_t)number(words->text, 0, DAY_MS, NULL) * NODE_SECOND_US;
	node_pass(node, 0);
}

static void set_limit(struct node *node, const struct words *words)
{
	struct settings *settings = node->settings;
	/* clang-format off */
	const struct {
		char letter;
		_Atomic int64_t *setting;
		long least, most;
	} limits[] = {
		{'i', &settings->max_inbound,     0, NODE_ENDS},
		{'o', &settings->max_outbound,    0, NODE_ENDS},
		{'d', &settings->max_dialing,     1, NODE_ENDS},
		{'h', &settings->max_handshakes,  0, NODE_ENDS},
		{'n', &settings->max_connections, 0, 2 * NODE_ENDS},
		{'a', &settings->max_per_address, 0, NODE_ENDS},
		{'g', &settings->max_per_group,   0, NODE_ENDS},
		{'b', &settings->ban_after,       0, NODE_ERRORS},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (words->length > 2 && words->text[0] == limits[i].letter)
			*limits[i].setting = number(words->text + 2, limits[i].least, limits[i].most, NULL);
	node_pass(node, 0);
}

static void advertise(struct node *node, const struct words *words)
{
	struct address address;
	if (address_parse(words->text, &address) && address_is_dialable(&address))
		protocol_introduce_as(node->protocol, "fuzz", &address);
}

/* ---- the input ---- */

/* clang-format off */
static const struct {
	char letter;
	void (*step)(struct node *node, const struct words *words);
	bool is_of_connection;
} steps[] = {
	{'c', come,             true},
	{'d', dial,             true},
	{'k', connect_dial,     true},
	{'h', hello_as_peer,    true},
	{'f', hello_as_feeler,  true},
	{'g', getaddr,          true},
	{'p', ping,             true},
	{'o', pong,             true},
	{'a', tell_many,        true},
	{'t', tell_one,         true},
	{'b', bye,              true},
	{'s', say_line,         true},
	{'r', say_bytes,        true},
	{'w', say_much,         true},
	{'x', close_connection, true},
	{'q', toggle_reading,   true},
	{'y', toggle_answering, true},
	{'+', pass,             false},
	{'z', sleep_machine,    false},
	{'l', set_limit,        false},
	{'e', advertise,        false},
};
/* clang-format on */

/* The line is ended by NUL. */
static void take_step(struct node *node, const char *line, size_t length)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (length == 0 || line[0] != steps[i].letter)
			continue;
		size_t skipped = steps[i].is_of_connection ? 2 : 1;
		if (length < skipped)
			return;
		struct words words = {.text = line + skipped, .length = length - skipped};
		if (steps[i].is_of_connection) {
			unsigned which = (unsigned)(unsigned char)line[1] - 'a';
			if (which >= NODE_ENDS - NODE_GOOD)
				return;
			words.end = &node->ends[NODE_GOOD + which];
		}
		if (words.length > 0 && words.text[0] == ' ') {
			words.text++;
			words.length--;
		}
		steps[i].step(node, &words);
		return;
	}
}

static struct settings pristine; /* to read the defaults anew for each input would take most of the time */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	log_set_level(LOG_ERROR);
	node_settings(&pristine);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct settings settings;
	struct node node;
	char *text = malloc(length + 1);
	must(text != NULL);
	memcpy(text, bytes, length);
	text[length] = '\0';
	memcpy(&settings, &pristine, sizeof settings);
	node_init(&node, &settings);
	for (size_t at = 0, count = 0; at < length && count < STEPS && node.looks < NODE_LOOKS; count++) {
		char *lf = memchr(text + at, '\n', length - at);
		size_t line_length = lf == NULL ? length - at : (size_t)(lf - text) - at;
		text[at + line_length] = '\0';
		take_step(&node, text + at, line_length);
		at += line_length + 1;
	}
	node_fini(&node);
	free(text);
	return 0;
}

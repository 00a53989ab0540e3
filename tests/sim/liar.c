#include "liar.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/must.h"
#include "wire/message.h"

/* How often they look where they have no connection, and how often they lie unasked. */
#define DIAL_ROUND_US (10 * SECOND_US)
#define LIE_ROUND_US (5 * SECOND_US)
#define CLAIMED_MS ((int64_t)3600 * 1000)

/* About one node. */
struct lie {
	char nodeid[NODEID_TEXT_BYTES];
	struct buffer answer;
};

struct liars {
	struct attack attack; /* the first member: whoever has it has the liars */
	struct world *world;
	size_t first, count; /* of the hosts */
	struct buffer *hellos;
	struct lie *lies;
	size_t lie_count;
	struct buffer unasked;
};

static struct liars *liars_of(const struct end *end)
{
	return (struct liars *)end->wire->world->attack;
}

static void say(struct end *end, const struct buffer *lines)
{
	end_say(end, buffer_content(lines), buffer_length(lines));
}

static void receive(struct end *end, const char *line, size_t length)
{
	const struct liars *liars = liars_of(end);
	const char *pong = message_bare_line(MESSAGE_PONG);
	if (memmem(line, length, "\"ping\"", 6) != NULL)
		end_say(end, pong, strlen(pong));
	if (memmem(line, length, "\"suspect\"", 9) == NULL)
		return;
	for (size_t i = 0; i < liars->lie_count; i++)
		if (memmem(line, length, liars->lies[i].nodeid, NODEID_TEXT_BYTES - 1) != NULL)
			say(end, &liars->lies[i].answer);
}

static void look(struct end *end)
{
	const struct liars *liars = liars_of(end);
	if (end->is_greeted)
		say(end, &liars->unasked);
	else
		say(end, &liars->hellos[end->host - &liars->world->hosts[liars->first]]);
	end->is_greeted = true;
	end_look_at(end, liars->world->agenda.now_us + LIE_ROUND_US);
}

static bool is_connected(const struct host *liar, const struct host *node)
{
	for (size_t i = 0; i < liar->end_count; i++)
		if (end_other(liar->ends[i])->host == node)
			return true;
	return false;
}

static void dial_nodes(void *subject, uint32_t mark)
{
	struct liars *liars = subject;
	struct world *world = liars->world;
	for (size_t i = 0; i < liars->count; i++)
		for (size_t j = 0; j < liars->first; j++)
			if (!is_connected(&world->hosts[liars->first + i], &world->hosts[j]))
				host_dial(&world->hosts[liars->first + i], &world->hosts[j].address);
	agenda_add(&world->agenda, world->agenda.now_us + DIAL_ROUND_US, dial_nodes, liars, mark);
}

static void add_liar(struct liars *liars, size_t place)
{
	struct host *host = world_add_host(liars->world, 0);
	host->is_attacker = true;
	host_start(host);
	struct message hello = {
		.type = MESSAGE_HELLO,
		.hello = {.nodeid = host->nodeid, .version = MESSAGE_VERSION, .network = "kith", .has_network = true}};
	must(message_encode(&hello, &liars->hellos[place]));
}

/* To ask makes one a witness too. */
static void make_lie(struct liars *liars, const struct host *node, bool say_heard)
{
	struct lie *lie = &liars->lies[liars->lie_count++];
	struct message answer = {.type = say_heard ? MESSAGE_HEARD : MESSAGE_UNHEARD,
				 .silence = {.nodeid = node->nodeid, .ms = say_heard ? 0 : CLAIMED_MS}};
	struct message question = {.type = MESSAGE_SUSPECT, .silence = {.nodeid = node->nodeid, .ms = CLAIMED_MS}};
	nodeid_format(&node->nodeid, lie->nodeid);
	must(message_encode(&answer, &lie->answer));
	must(message_encode(&answer, &liars->unasked));
	must(say_heard || message_encode(&question, &liars->unasked));
}

struct liars *liars_new(struct world *world, size_t count, bool say_heard)
{
	struct liars *liars = calloc(1, sizeof *liars);
	must(liars != NULL);
	liars->attack = (struct attack){.receives = receive, .looks = look};
	liars->world = world;
	liars->first = world->host_count;
	liars->count = count;
	liars->hellos = calloc(count, sizeof *liars->hellos);
	liars->lies = calloc(liars->first, sizeof *liars->lies);
	must(liars->hellos != NULL && liars->lies != NULL);
	for (size_t i = 0; i < liars->first; i++)
		make_lie(liars, &world->hosts[i], say_heard);
	for (size_t i = 0; i < count; i++)
		add_liar(liars, i);
	world->attack = &liars->attack;
	dial_nodes(liars, 0);
	return liars;
}

void liars_free(struct liars *liars)
{
	for (size_t i = 0; i < liars->count; i++)
		buffer_fini(&liars->hellos[i]);
	for (size_t i = 0; i < liars->lie_count; i++)
		buffer_fini(&liars->lies[i].answer);
	buffer_fini(&liars->unasked);
	free(liars->hellos);
	free(liars->lies);
	free(liars);
}

/*
 * Two nodes that dial each other, in every order in which what they say can arrive: kith-protocol(7), "One connection
 * for a pair". Two real cores, and far ends of an attacker who claims their nodeids.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

enum { WIRES = 6, LINES = 16, LINE_BYTES = 320, STEPS = 96, SEEN = 1 << 18 };

/* One direction of a connection: what was sent and has not arrived. */
struct way {
	char lines[LINES][LINE_BYTES];
	int first, count;
	bool is_ended; /* after these lines comes the end */
	bool is_heard; /* which has arrived */
};

/* A connection between two nodes, or of one with an attacker, whose lines are known from the beginning. */
struct wire {
	struct core *cores[2]; /* who dialled first; NULL for an attacker */
	struct peer *peers[2]; /* NULL once it is over */
	struct way ways[2];    /* from each end */
};

struct world {
	struct core cores[2];
	struct wire wires[WIRES];
	int count;
	int64_t now_us;
};

/* ---- what moves ---- */

static void push(struct way *way, const char *line)
{
	CU_ASSERT_FATAL(way->first + way->count < LINES && strlen(line) < LINE_BYTES);
	strcpy(way->lines[way->first + way->count++], line);
}

/* What an end has sent so far is on its way. */
static void collect(struct world *world)
{
	for (int i = 0; i < world->count * 2; i++) {
		struct wire *wire = &world->wires[i / 2];
		struct peer *peer = wire->peers[i % 2];
		const char *line;
		while (peer != NULL && (line = take_line(peer)) != NULL)
			push(&wire->ways[i % 2], line);
	}
}

static bool hears(const struct wire *wire, int end)
{
	return wire->peers[end] != NULL && !peer_is_closing(wire->peers[end]);
}

/* What nobody hears any more changes nothing, whenever it comes; what an attacker is told, neither. */
static void drop_unheard(struct world *world)
{
	for (int i = 0; i < world->count * 2; i++) {
		struct wire *wire = &world->wires[i / 2];
		struct way *way = &wire->ways[i % 2];
		if (hears(wire, 1 - i % 2))
			continue;
		way->count = 0;
		way->is_heard = way->is_ended;
	}
}

static bool has_something(const struct way *way)
{
	return way->count > 0 || (way->is_ended && !way->is_heard);
}

/* Lines arrive, up to one that matters for the pair. */
static void deliver(struct wire *wire, int from)
{
	static const char *const matters[] = {"\"hello\"", "\"bye\"", "\"ping\"", "\"pong\""};
	struct way *way = &wire->ways[from];
	int to = 1 - from;
	bool is_over = way->count == 0;
	if (is_over) {
		way->is_heard = true;
		peer_fail(wire->peers[to], 0, "it closed the connection without a bye");
	}
	while (!is_over && way->count > 0 && hears(wire, to)) {
		const char *line = way->lines[way->first++];
		way->count--;
		for (size_t i = 0; i < sizeof matters / sizeof *matters; i++)
			is_over = is_over || strstr(line, matters[i]) != NULL;
		core_say(wire->cores[to], wire->peers[to], "%s", line);
	}
}

/* The threads of a connection that has its ending notice it. */
static void conclude(struct wire *wire, int end)
{
	core_end(wire->cores[end], wire->peers[end]);
	wire->peers[end] = NULL;
	wire->ways[end].is_ended = true;
}

/* Step 4 w + 2 e is that something from end e of wire w arrives; the one after it, that the end is concluded. */
static int list_steps(struct world *world, int steps[static WIRES * 4])
{
	int count = 0;
	collect(world);
	drop_unheard(world);
	for (int i = 0; i < world->count * 2; i++) {
		const struct wire *wire = &world->wires[i / 2];
		if (has_something(&wire->ways[i % 2]))
			steps[count++] = 2 * i;
		if (wire->peers[i % 2] != NULL && peer_is_closing(wire->peers[i % 2]))
			steps[count++] = 2 * i + 1;
	}
	return count;
}

static void take_step(struct world *world, int step)
{
	struct wire *wire = &world->wires[step / 4];
	world->cores[0].now_us += 10;
	world->cores[1].now_us = world->cores[0].now_us;
	if (step % 2 == 0)
		deliver(wire, step / 2 % 2);
	else
		conclude(wire, step / 2 % 2);
}

static void run_to_the_end(struct world *world)
{
	int steps[WIRES * 4];
	while (list_steps(world, steps) > 0)
		take_step(world, steps[0]);
}

/* ---- every order ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
	return hash;
}

/* All that what comes next depends on, times aside. */
static uint64_t signature(const struct world *world)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (int i = 0; i < world->count * 2; i++) {
		const struct wire *wire = &world->wires[i / 2];
		const struct way *way = &wire->ways[i % 2];
		struct peer *peer = wire->peers[i % 2];
		for (int j = 0; j < way->count; j++)
			hash = mix(hash, way->lines[way->first + j], strlen(way->lines[way->first + j]) + 1);
		unsigned char facts[] = {
			way->is_ended, way->is_heard, peer == NULL ? 9 : (unsigned char)peer_state(peer),
			peer != NULL && peer_is_closing(peer), peer != NULL && peer_is_established(peer)};
		hash = mix(hash, facts, sizeof facts);
	}
	return hash;
}

/* True once for each signature. */
static bool is_new(uint64_t *seen, uint64_t hash)
{
	size_t at = hash % SEEN, probes = 0;
	for (; seen[at] != 0 && seen[at] != hash; at = (at + 1) % SEEN)
		must(++probes < SEEN);
	bool was_there = seen[at] == hash;
	seen[at] = hash;
	return !was_there;
}

struct game {
	void (*begin)(struct world *world, int variant);
	bool (*is_well)(struct world *world); /* at each step */
	bool (*ends_well)(struct world *world);
};

struct order {
	int choices[STEPS], options[STEPS], length;
};

static void print_order(const struct order *order)
{
	for (int i = 0; i < order->length; i++)
		printf("%d ", order->choices[i]);
	printf("\n");
}

/* Plays one order, as far as it is given, and goes on with the first of all choices until there is nothing new. */
static bool play(const struct game *game, int variant, struct order *order, uint64_t *seen, int *ends)
{
	static struct world world;
	int steps[WIRES * 4], depth = 0, count;
	bool is_well = true;
	memset(&world, 0, sizeof world);
	game->begin(&world, variant);
	while (is_well && (count = list_steps(&world, steps)) > 0) {
		if (depth == order->length) {
			if (!is_new(seen, signature(&world)))
				break;
			CU_ASSERT_FATAL(order->length < STEPS);
			order->choices[order->length] = 0;
			order->options[order->length++] = count;
		}
		take_step(&world, steps[order->choices[depth++]]);
		is_well = game->is_well(&world);
	}
	if (is_well && list_steps(&world, steps) == 0) {
		++*ends;
		is_well = game->ends_well(&world);
	}
	core_fini(&world.cores[0]);
	core_fini(&world.cores[1]);
	return is_well;
}

static bool next_order(struct order *order)
{
	while (order->length > 0 && ++order->choices[order->length - 1] >= order->options[order->length - 1])
		order->length--;
	return order->length > 0;
}

/* Plays every order; returns how many ends they have, or -1 after one that is bad. */
static int play_all(const struct game *game, int variant)
{
	struct order order = {.length = 0};
	uint64_t *seen = calloc(SEEN, sizeof *seen);
	int ends = 0;
	bool is_well;
	CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
	do
		is_well = play(game, variant, &order, seen, &ends);
	while (is_well && next_order(&order));
	free(seen);
	if (!is_well)
		print_order(&order);
	return EXPECT(is_well, "variant %d", variant) ? ends : -1;
}

/* ---- who is there ---- */

static const char *const listens[] = {"127.0.0.1:5999", "127.0.0.2:5999"};

/* Nodes 1 and 2, or 2 and 1. */
static void begin_cores(struct world *world, bool is_turned)
{
	for (int i = 0; i < 2; i++) {
		core_init(&world->cores[i], (i == 0) == is_turned ? 2 : 1, listens[i]);
		world->cores[i].settings.max_addresses = 100;
		core_start(&world->cores[i]);
	}
}

/* Node i dials the other one, to which it comes from that port. */
static void add_dial(struct world *world, int i, struct peer *dialled, const char *from)
{
	struct core *other = &world->cores[1 - i];
	struct wire *wire = &world->wires[world->count++];
	*wire = (struct wire){.cores = {&world->cores[i], other}, .peers = {dialled}};
	wire->peers[1] = core_connect(other, PEER_INBOUND, NULL, listens[1 - i], from);
}

/* Of an address that the book need not know. */
static struct peer *dial(struct world *world, int i, const char *to)
{
	struct dial dial = {.kind = DIAL_ENTRY, .address = address_of(to)};
	struct address from = world->cores[i].listen[0];
	from.port = 40000;
	return core_connect(&world->cores[i], PEER_OUTBOUND, &dial, address_text(from), to);
}

/* An attacker connects with node i, or is dialled by it, and says hello with the nodeid of the other node. */
static void add_attacker(struct world *world, int i, bool is_dialled, const char *address)
{
	struct core *core = &world->cores[i];
	struct wire *wire = &world->wires[world->count++];
	char hello[LINE_BYTES], nodeid[NODEID_TEXT_BYTES];
	int own = is_dialled ? 0 : 1;
	*wire = (struct wire){0};
	wire->cores[own] = core;
	wire->peers[own] = is_dialled ? dial(world, i, address) : core_accept(core, address);
	nodeid_format(&world->cores[1 - i].self, nodeid);
	snprintf(hello, sizeof hello, "{'msgtype': 'hello', 'nodeid': '%s'}", nodeid);
	push(&wire->ways[1 - own], hello);
	push(&wire->ways[1 - own], "{'msgtype': 'pong'}");
}

static bool is_up(const struct wire *wire, int end)
{
	return wire->peers[end] != NULL && !peer_is_closing(wire->peers[end]) &&
	       peer_state(wire->peers[end]) == PEER_READY;
}

static bool is_gone(const struct wire *wire)
{
	return wire->peers[0] == NULL && wire->peers[1] == NULL;
}

/* Both ends have the connection, find it by the nodeid, and have it alone. */
static bool is_the_one(struct world *world, const struct wire *wire)
{
	for (int end = 0; end < 2; end++) {
		struct core *core = wire->cores[end];
		struct peer *found = registry_find(core->registry, &wire->cores[1 - end]->self);
		struct registry_snapshot ready = registry_take_snapshot(core->registry, true);
		bool is_right =
			is_up(wire, end) && found == wire->peers[end] && ready.count == 1 && ready.peers[0] == found;
		registry_release_snapshot(&ready);
		if (found != NULL)
			peer_release(found);
		if (!is_right)
			return false;
	}
	(void)world;
	return true;
}

/* Whom the nodes dial in the end, where all should be well. */
static bool nobody_is_dialled(struct world *world)
{
	for (int i = 0; i < 2; i++) {
		five_prove(&world->cores[i], world->cores[1 - i].self.bytes[3]);
		world->cores[i].now_us += 2 * world->cores[i].settings.retry_max_us;
		const char *dialled = five_dials_next(&world->cores[i]);
		if (!EXPECT(strcmp(dialled, "-") == 0, "%s is dialled again", dialled))
			return false;
	}
	return true;
}

static bool anything_is_well(struct world *world)
{
	(void)world;
	return true;
}

/* ---- crossed dials ---- */

enum { CROSSINGS = 8 };

/* The first bit turns the nodeids; the next two say of whom the dial comes from another host than it listens on. */
static void begin_crossing(struct world *world, int variant)
{
	struct peer *dials[2];
	begin_cores(world, (variant & 1) != 0);
	for (int i = 0; i < 2; i++)
		dials[i] = core_dial(&world->cores[i], listens[1 - i]);
	add_dial(world, 0, dials[0], (variant & 2) != 0 ? "127.0.1.1:40000" : "127.0.0.1:40000");
	add_dial(world, 1, dials[1], (variant & 4) != 0 ? "127.0.1.2:40000" : "127.0.0.2:40000");
}

static bool one_stays(struct world *world)
{
	const struct wire *wires = world->wires;
	return (is_the_one(world, &wires[0]) && is_gone(&wires[1])) ||
	       (is_the_one(world, &wires[1]) && is_gone(&wires[0]));
}

/* Where each comes from the host that it listens on, the other end knows whom it has dialled in vain. */
static bool one_stays_for_good(struct world *world)
{
	return one_stays(world) && nobody_is_dialled(world);
}

static void of_two_dials_that_cross_the_same_one_stays_at_both_ends_and_neither_is_repeated(void)
{
	for (int variant = 0; variant < CROSSINGS; variant++) {
		struct game game = {begin_crossing, anything_is_well, variant < 2 ? one_stays_for_good : one_stays};
		int ends = play_all(&game, variant);
		EXPECT(ends > 1, "variant %d: %d ends", variant, ends);
	}
}

/* ---- claims ---- */

/*
 * The nodes are connected, by a dial of node 0, and each has had a pong. Then node 1 dials too, and attackers claim to
 * be either: they connect, from the host of the other node or from another one (the third bit), or are dialled.
 */
static void begin_claims(struct world *world, int variant)
{
	bool is_near = (variant & 2) != 0;
	begin_cores(world, (variant & 1) != 0);
	add_dial(world, 0, core_dial(&world->cores[0], listens[1]), "127.0.0.1:40000");
	run_to_the_end(world);
	add_dial(world, 1, dial(world, 1, listens[0]), "127.0.0.2:40000");
	add_attacker(world, 0, false, is_near ? "127.0.0.2:40001" : "127.0.0.66:40000");
	add_attacker(world, 1, true, "127.0.0.66:5999");
	add_attacker(world, 0, true, "127.0.0.66:6000");
}

static bool first_is_up(struct world *world)
{
	return is_up(&world->wires[0], 0) && is_up(&world->wires[0], 1);
}

static bool first_is_the_one(struct world *world)
{
	bool all_are_gone = true;
	for (int i = 1; i < world->count; i++)
		all_are_gone = all_are_gone && is_gone(&world->wires[i]);
	return is_the_one(world, &world->wires[0]) && all_are_gone;
}

static void no_claim_ends_an_established_connection(void)
{
	static const struct game game = {begin_claims, first_is_up, first_is_the_one};
	for (int variant = 0; variant < 4; variant++) {
		int ends = play_all(&game, variant);
		EXPECT(ends > 0, "variant %d: %d ends", variant, ends);
	}
}

/*
 * Before a pong has come, an attacker may be quicker than a node, and then that one is turned away as long as he stays.
 * But there are never two connections, and none of which one end knows nothing.
 */
static void begin_race(struct world *world, int variant)
{
	begin_crossing(world, variant % 2);
	if (variant / 2 == 0)
		add_attacker(world, 0, false, "127.0.0.66:40000");
	else
		add_attacker(world, 0, true, "127.0.0.66:5999");
}

static bool at_most_one_stays(struct world *world)
{
	const struct wire *wires = world->wires, *attacker = &wires[2];
	bool has_attacker = !is_gone(attacker);
	if (!has_attacker)
		return one_stays(world);
	/* The attacker is at node 0. */
	return is_gone(&wires[0]) && is_gone(&wires[1]) && is_up(attacker, attacker->peers[0] != NULL ? 0 : 1);
}

static void who_is_quicker_than_a_node_leaves_no_half_connection(void)
{
	static const struct game game = {begin_race, anything_is_well, at_most_one_stays};
	for (int variant = 0; variant < 4; variant++) {
		int ends = play_all(&game, variant);
		EXPECT(ends > 1, "variant %d: %d ends", variant, ends);
	}
}

static CU_TestInfo tests[] = {
	{"of two dials that cross, the same one stays at both ends, and neither is repeated",
	 of_two_dials_that_cross_the_same_one_stays_at_both_ends_and_neither_is_repeated},
	{"no claim ends an established connection", no_claim_ends_an_established_connection},
	{"who is quicker than a node leaves no half connection", who_is_quicker_than_a_node_leaves_no_half_connection},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_pairs = {
	.pName = "pairs", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};

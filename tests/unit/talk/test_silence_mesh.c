/* Real cores, each connected with each, one of which hangs, or two of which cannot talk. A virtual clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/pace.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { NODES = 8, LINKS = NODES * (NODES - 1) / 2 };

struct mesh {
	int count, links;
	struct core cores[NODES];
	struct link wires[LINKS];
	bool is_frozen[NODES];
	bool is_old[NODES];	 /* it neither asks nor answers */
	bool is_cut[LINKS];	 /* nothing passes, either way */
	int64_t late_us;	 /* when the first of them was late somewhere; 0 for not yet */
	int64_t ended_us[LINKS]; /* when an end went */
	char endings[LINKS][PEER_ENDING_BYTES];
	int64_t now_us;
};

static const char *host(int i)
{
	static char texts[2][ADDRESS_TEXT_BYTES];
	static unsigned next;
	char *text = texts[next++ % 2];
	snprintf(text, ADDRESS_TEXT_BYTES, "127.0.0.%d:5999", i + 1);
	return text;
}

static int node_at(const struct mesh *mesh, const struct link *wire, int end)
{
	return (int)(wire->cores[end] - mesh->cores);
}

/* ---- what passes ---- */

static bool is_up(const struct mesh *mesh, const struct link *wire, int end)
{
	return wire->peers[end] != NULL && !mesh->is_frozen[node_at(mesh, wire, end)];
}

/* The threads of an end that is closing notice that. */
static bool conclude(struct mesh *mesh, int i, int end)
{
	struct link *wire = &mesh->wires[i];
	struct peer *peer = wire->peers[end];
	if (!is_up(mesh, wire, end) || !peer_is_closing(peer))
		return false;
	if (mesh->ended_us[i] == 0) {
		mesh->ended_us[i] = mesh->now_us;
		snprintf(mesh->endings[i], PEER_ENDING_BYTES, "%s", peer_look(peer, mesh->now_us).ending_text);
	}
	wire->peers[end] = NULL;
	core_end(wire->cores[end], peer);
	return true;
}

static bool is_question(const char *line)
{
	return strstr(line, "\"suspect\"") != NULL || strstr(line, "\"heard\"") != NULL ||
	       strstr(line, "\"unheard\"") != NULL;
}

/* A line from this end arrives, or the end of the connection. */
static bool deliver(struct mesh *mesh, int i, int from)
{
	struct link *wire = &mesh->wires[i];
	struct peer *receiver = wire->peers[1 - from];
	const char *line;
	if (mesh->is_cut[i] || !is_up(mesh, wire, 1 - from) || peer_is_closing(receiver))
		return false;
	if (wire->peers[from] == NULL) {
		peer_fail(receiver, 0, "it closed the connection without a bye");
		return true;
	}
	if ((line = take_line(wire->peers[from])) == NULL)
		return false;
	bool is_old = mesh->is_old[node_at(mesh, wire, 0)] || mesh->is_old[node_at(mesh, wire, 1)];
	core_say(wire->cores[1 - from], receiver, "%s", is_old && is_question(line) ? "{'msgtype': 'later'}" : line);
	return true;
}

/* What happens at this moment; when to look again. */
static int64_t look(struct mesh *mesh)
{
	int64_t next_us;
	bool goes_on;
	do {
		goes_on = false;
		next_us = FOREVER_US;
		for (int i = 0; i < mesh->links * 2; i++) {
			struct link *wire = &mesh->wires[i / 2];
			if (is_up(mesh, wire, i % 2))
				next_us = clock_earlier(next_us, core_tend(wire->cores[i % 2], wire->peers[i % 2]));
		}
		for (int i = 0; i < mesh->links * 2; i++) {
			while (deliver(mesh, i / 2, i % 2))
				goes_on = true;
			goes_on |= conclude(mesh, i / 2, i % 2);
		}
	} while (goes_on);
	for (int i = 0; i < mesh->count && mesh->late_us == 0; i++)
		mesh->late_us = protocol_late(mesh->cores[i].protocol) > 0 ? mesh->now_us : 0;
	return next_us;
}

static void set_clock(struct mesh *mesh, int64_t now_us)
{
	mesh->now_us = now_us;
	for (int i = 0; i < mesh->count; i++)
		mesh->cores[i].now_us = now_us;
}

static void pass(struct mesh *mesh, int64_t duration_us)
{
	int64_t end_us = mesh->now_us + duration_us, next_us;
	while ((next_us = look(mesh)) <= end_us)
		set_clock(mesh, next_us > mesh->now_us ? next_us : mesh->now_us + MS_US);
	set_clock(mesh, end_us);
	look(mesh);
}

/* ---- who is there ---- */

static void join(struct mesh *mesh, int one, int other)
{
	struct core *dialler = &mesh->cores[one], *acceptor = &mesh->cores[other];
	struct dial dial = {.kind = DIAL_ENTRY, .address = address_of(host(other))};
	struct address from = dialler->listen[0];
	from.port = (uint16_t)(40000 + mesh->links);
	struct peer *dialled =
		core_connect(dialler, PEER_OUTBOUND, &dial, address_text(from), address_text(dial.address));
	link_init(&mesh->wires[mesh->links++], dialler, dialled, acceptor, address_text(from));
}

/* They have been up for a minute, and joined one after the other. */
static void begin(struct mesh *mesh, int count)
{
	memset(mesh, 0, sizeof *mesh);
	mesh->count = count;
	for (int i = 0; i < count; i++) {
		core_init(&mesh->cores[i], (unsigned)i + 1, host(i));
		mesh->cores[i].pace = pace_new(&mesh->cores[i].settings);
		core_start(&mesh->cores[i]);
	}
	mesh->now_us = mesh->cores[0].now_us;
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < i; j++)
			join(mesh, i, j);
		pass(mesh, 1234 * MS_US);
	}
	pass(mesh, 60 * SECOND_US);
	for (int i = 0; i < mesh->links * 2; i++)
		CU_ASSERT_FATAL(peer_state(mesh->wires[i / 2].peers[i % 2]) == PEER_READY);
	CU_ASSERT_EQUAL(mesh->late_us, 0);
}

static void fini(struct mesh *mesh)
{
	memset(mesh->is_frozen, 0, sizeof mesh->is_frozen);
	for (int i = 0; i < mesh->links * 2; i++) {
		struct link *wire = &mesh->wires[i / 2];
		if (wire->peers[i % 2] != NULL)
			peer_close(wire->peers[i % 2], BYE_SHUTDOWN);
		conclude(mesh, i / 2, i % 2);
	}
	for (int i = 0; i < mesh->count; i++) {
		core_fini(&mesh->cores[i]);
		pace_free(mesh->cores[i].pace);
	}
}

static bool has(const struct mesh *mesh, int i, int node)
{
	const struct link *wire = &mesh->wires[i];
	return node_at(mesh, wire, 0) == node || node_at(mesh, wire, 1) == node;
}

static int link_between(const struct mesh *mesh, int one, int other)
{
	for (int i = 0; i < mesh->links; i++)
		if (has(mesh, i, one) && has(mesh, i, other))
			return i;
	abort();
}

/* When the last of the links of that node went, and the first; of the others none may have. */
static void expect_gone(struct mesh *mesh, int node, int64_t since_us, int64_t least_us, int64_t most_us,
			const char *words)
{
	for (int i = 0; i < mesh->links; i++) {
		int64_t after_us = mesh->ended_us[i] - since_us;
		if (!has(mesh, i, node)) {
			EXPECT(mesh->ended_us[i] == 0, "%d nodes: link %d went after %lld ms: %s", mesh->count, i,
			       (long long)(after_us / MS_US), mesh->endings[i]);
			continue;
		}
		EXPECT(mesh->ended_us[i] != 0 && after_us >= least_us && after_us <= most_us,
		       "%d nodes: link %d after %lld ms: %s", mesh->count, i, (long long)(after_us / MS_US),
		       mesh->endings[i]);
		EXPECT(strstr(mesh->endings[i], words) != NULL, "%d nodes: %s", mesh->count, mesh->endings[i]);
	}
}

/* ---- a node hangs ---- */

static void a_node_that_hangs_is_late_and_gone_everywhere_in_seconds(void)
{
	static struct mesh mesh;
	for (int count = 3; count <= NODES; count++)
		for (int victim = 0; victim < count; victim += count - 1) {
			begin(&mesh, count);
			int64_t since_us = mesh.now_us;
			mesh.is_frozen[victim] = true;
			pass(&mesh, 30 * SECOND_US);
			EXPECT(mesh.late_us - since_us <= 3 * SECOND_US, "%d nodes: late after %lld ms", count,
			       (long long)((mesh.late_us - since_us) / MS_US));
			expect_gone(&mesh, victim, since_us, 4 * SECOND_US, 7000 * MS_US, ", also to node ");
			fini(&mesh);
		}
}

static void of_two_nodes_ping_timeout_decides(void)
{
	static struct mesh mesh;
	begin(&mesh, 2);
	int64_t since_us = mesh.now_us;
	mesh.is_frozen[1] = true;
	pass(&mesh, 60 * SECOND_US);
	expect_gone(&mesh, 1, since_us, 20 * SECOND_US, 22 * SECOND_US, "silent for 20 s; no witness");
	fini(&mesh);
}

static void old_nodes_are_no_witnesses_and_hurt_nobody(void)
{
	enum { COUNT = 5, VICTIM = COUNT - 1 };
	static struct mesh mesh;
	for (int old = 1; old < COUNT; old++) {
		begin(&mesh, COUNT);
		for (int i = 0; i < old; i++)
			mesh.is_old[i] = true;
		int64_t since_us = mesh.now_us;
		mesh.is_frozen[VICTIM] = true;
		pass(&mesh, 30 * SECOND_US);
		for (int i = 0; i < VICTIM; i++) {
			int wire = link_between(&mesh, i, VICTIM);
			int64_t after_us = mesh.ended_us[wire] - since_us;
			bool is_alone = mesh.is_old[i] || old >= VICTIM - 1;
			EXPECT(mesh.ended_us[wire] != 0 && (after_us > 19 * SECOND_US) == is_alone &&
				       (after_us < 10000 * MS_US) != is_alone,
			       "%d old: %d after %lld ms", old, i, (long long)(after_us / MS_US));
		}
		for (int i = 0; i < mesh.links; i++)
			EXPECT(mesh.ended_us[i] == 0 || has(&mesh, i, VICTIM), "%d old: link %d", old, i);
		fini(&mesh);
	}
}

/* ---- nobody is gone ---- */

static void a_node_that_hangs_for_three_seconds_stays(void)
{
	static struct mesh mesh;
	begin(&mesh, 6);
	for (int round = 0; round < 12; round++) {
		int victim = round % mesh.count;
		int64_t since_us = mesh.now_us;
		mesh.is_frozen[victim] = true;
		pass(&mesh, 3 * SECOND_US);
		mesh.is_frozen[victim] = false;
		/* Its pingers wake late, and say so. */
		for (int i = 0; i < mesh.links * 2; i++)
			if (node_at(&mesh, &mesh.wires[i / 2], i % 2) == victim)
				protocol_stalled(mesh.cores[victim].protocol, mesh.wires[i / 2].peers[i % 2],
						 mesh.now_us - since_us, mesh.now_us);
		pass(&mesh, (5 + round % 3) * SECOND_US + round * 77 * MS_US);
	}
	for (int i = 0; i < mesh.links; i++)
		EXPECT(mesh.ended_us[i] == 0, "link %d: %s", i, mesh.endings[i]);
	for (int i = 0; i < mesh.count; i++)
		CU_ASSERT_EQUAL(protocol_late(mesh.cores[i].protocol), 0);
	fini(&mesh);
}

static void a_connection_that_is_cut_is_no_node_that_is_gone(void)
{
	static struct mesh mesh;
	for (int count = 3; count <= 6; count += 3) {
		begin(&mesh, count);
		int cut = link_between(&mesh, 0, 2);
		int64_t since_us = mesh.now_us;
		mesh.is_cut[cut] = true;
		pass(&mesh, 40 * SECOND_US);
		for (int i = 0; i < mesh.links; i++)
			EXPECT((mesh.ended_us[i] != 0) == (i == cut), "%d nodes: link %d: %s", count, i,
			       mesh.endings[i]);
		int64_t after_us = mesh.ended_us[cut] - since_us;
		EXPECT(after_us >= 19 * SECOND_US && after_us <= 28 * SECOND_US, "%d nodes: after %lld ms", count,
		       (long long)(after_us / MS_US));
		EXPECT(strstr(mesh.endings[cut], "still hear") != NULL, "%d nodes: %s", count, mesh.endings[cut]);
		fini(&mesh);
	}
}

/* The others agree about it in 7 s; it accuses nobody itself, and its peers go by ping_timeout. */
static void a_node_that_is_cut_off_accuses_nobody(void)
{
	static struct mesh mesh;
	begin(&mesh, 6);
	for (int i = 0; i < mesh.links; i++)
		mesh.is_cut[i] = has(&mesh, i, 3);
	int64_t since_us = mesh.now_us;
	pass(&mesh, 8 * SECOND_US);
	expect_gone(&mesh, 3, since_us, 4 * SECOND_US, 7000 * MS_US, ", also to node ");
	for (int i = 0; i < mesh.links * 2; i++) {
		struct link *wire = &mesh.wires[i / 2];
		bool is_own = node_at(&mesh, wire, i % 2) == 3, is_of_it = has(&mesh, i / 2, 3);
		EXPECT((wire->peers[i % 2] == NULL) == (is_of_it && !is_own), "end %d of link %d", i % 2, i / 2);
	}
	pass(&mesh, 20 * SECOND_US);
	CU_ASSERT_EQUAL(registry_count(mesh.cores[3].registry).connections, 0);
	fini(&mesh);
}

static CU_TestInfo tests[] = {
	{"a node that hangs is late, and gone everywhere in seconds",
	 a_node_that_hangs_is_late_and_gone_everywhere_in_seconds},
	{"of two nodes, ping_timeout decides", of_two_nodes_ping_timeout_decides},
	{"old nodes are no witnesses, and hurt nobody", old_nodes_are_no_witnesses_and_hurt_nobody},
	{"a node that hangs for three seconds stays", a_node_that_hangs_for_three_seconds_stays},
	{"a connection that is cut is no node that is gone", a_connection_that_is_cut_is_no_node_that_is_gone},
	{"a node that is cut off accuses nobody", a_node_that_is_cut_off_accuses_nobody},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_silence_mesh = {
	.pName = "silence_mesh", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};

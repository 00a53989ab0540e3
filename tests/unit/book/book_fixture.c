#include "unit/book/book_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* bootstraps: separated by spaces. */
static void add_bootstraps(struct settings *settings, const char *bootstraps)
{
	struct problem problem;
	char list[512], *next = list, *word;
	snprintf(list, sizeof list, "%s", bootstraps);
	while ((word = strtok_r(next, " ", &next)) != NULL)
		CU_ASSERT_FATAL(settings_add_bootstrap(settings, word, "-b", &problem));
}

void fixture_init_bounded(struct fixture *fixture, const char *bootstraps, int64_t most)
{
	*fixture = (struct fixture){.now_us = START_US};
	settings_init(&fixture->settings);
	fixture->settings.max_dialing = 1000;
	fixture->settings.max_addresses = most;
	add_bootstraps(&fixture->settings, bootstraps);
	fixture->book = address_book_new(&fixture->settings, &core_secret, 1, START_US);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->book);
}

void fixture_init(struct fixture *fixture, const char *bootstraps)
{
	fixture_init_bounded(fixture, bootstraps, 81920);
}

void set_bootstraps(struct fixture *fixture, const char *bootstraps)
{
	struct settings settings;
	settings_init(&settings);
	add_bootstraps(&settings, bootstraps);
	address_book_set_bootstraps(fixture->book, &settings, fixture->now_us);
	settings_fini(&settings);
}

void fixture_fini(struct fixture *fixture)
{
	address_book_free(fixture->book);
	settings_fini(&fixture->settings);
}

bool hear_from(struct fixture *fixture, const char *text, unsigned number, const char *source)
{
	struct message_entry entry = {.address = address_of(text), .nodeid = nodeid_of(number)};
	struct address teller = address_of(source);
	return address_book_hear(fixture->book, &entry, 1, &teller, fixture->now_us) == 1;
}

bool hear(struct fixture *fixture, const char *text, unsigned number)
{
	return hear_from(fixture, text, number, "10.9.9.9:40000");
}

/* Tells the connections of all nodes apart. */
static const void *key_of(unsigned number, unsigned connection)
{
	enum { NODES = sizeof((struct fixture *)NULL)->connections, CONNECTIONS = 16 };
	static const char keys[NODES][CONNECTIONS];
	CU_ASSERT_FATAL(number < NODES && connection < CONNECTIONS);
	return &keys[number][connection];
}

static void arrive(struct fixture *fixture, unsigned number, const struct dial *dial, const char *host)
{
	struct arrival arrival = {.connection = key_of(number, fixture->connections[number]++),
				  .dial = dial,
				  .nodeid = nodeid_of(number),
				  .host = address_of(host),
				  .now_us = fixture->now_us};
	address_book_arrived(fixture->book, &arrival);
}

void connect_node_from(struct fixture *fixture, unsigned number, const char *host)
{
	arrive(fixture, number, NULL, host);
}

void connect_node(struct fixture *fixture, unsigned number)
{
	connect_node_from(fixture, number, "10.8.8.8:40000");
}

void disconnect_node(struct fixture *fixture, unsigned number, bool was_steady)
{
	CU_ASSERT_FATAL(fixture->connections[number] > 0);
	address_book_disconnected(fixture->book, key_of(number, --fixture->connections[number]), was_steady,
				  "bye: timeout", fixture->now_us);
}

bool let_node_go(struct fixture *fixture, unsigned number)
{
	CU_ASSERT_FATAL(fixture->connections[number] > 0);
	return address_book_disconnected(fixture->book, key_of(number, --fixture->connections[number]), true, NULL,
					 fixture->now_us);
}

bool claim(struct fixture *fixture, const char *text, unsigned number)
{
	struct address address = address_of(text);
	if (fixture->connections[number] == 0)
		connect_node(fixture, number);
	return address_book_claimed(fixture->book, key_of(number, fixture->connections[number] - 1U), &address,
				    fixture->now_us);
}

void find_node_at(struct fixture *fixture, const char *text, unsigned number)
{
	if (fixture->connections[number] == 0) {
		struct address_record record = record_of(text, ADDRESS_TRIED, 0, START_US - fixture->now_us, 0);
		record.reached_s = record.heard_s;
		record.nodeid = nodeid_of(number);
		import(fixture, &record, 1);
	} else if (claim(fixture, text, number)) {
		struct next_dial next = address_book_pick(fixture->book, ADDRESS_BOOK_FEELERS, fixture->now_us);
		CU_ASSERT_FATAL(next.is_due && next.dial.kind == DIAL_PROOF_CLAIM);
		reach(fixture, &next.dial, number);
	}
}

void reach(struct fixture *fixture, const struct dial *dial, unsigned number)
{
	struct nodeid nodeid = nodeid_of(number);
	if (dial_is_feeler(dial))
		address_book_reached(fixture->book, dial, &nodeid, fixture->now_us);
	else
		arrive(fixture, number, dial, address_text(dial->address));
}

static const char *pick_some(struct fixture *fixture, enum address_book_wanted wanted, struct dial *dial,
			     int64_t *next_us)
{
	static char text[SETTINGS_HOST_BYTES + 8];
	struct next_dial next = address_book_pick(fixture->book, wanted, fixture->now_us);
	if (!next.is_due) {
		*next_us = next.next_us;
		return "-";
	}
	*dial = next.dial;
	if (dial->host == NULL)
		snprintf(text, sizeof text, "%s%s", dial_is_feeler(dial) ? "feeler " : "", address_text(dial->address));
	else
		snprintf(text, sizeof text, "%s:%u", dial->host, (unsigned)dial->port);
	dial_fini(dial);
	return text;
}

const char *pick(struct fixture *fixture, struct dial *dial, int64_t *next_us)
{
	return pick_some(fixture, ADDRESS_BOOK_PEERS, dial, next_us);
}

const char *pick_where_peers_are_enough(struct fixture *fixture, struct dial *dial, int64_t *next_us)
{
	return pick_some(fixture, ADDRESS_BOOK_FEELERS, dial, next_us);
}

static int compare_dials(const void *one, const void *other)
{
	const struct dial *a = one, *b = other;
	return strcmp(address_text(a->address), address_text(b->address));
}

const char *pick_all(struct fixture *fixture, struct dial dials[static MOST_PICKS], int64_t *next_us)
{
	static char words[MOST_PICKS * ADDRESS_TEXT_BYTES];
	size_t count = 0, used = 0;
	words[0] = '\0';
	while (count < MOST_PICKS && strcmp(pick(fixture, &dials[count], next_us), "-") != 0)
		count++;
	qsort(dials, count, sizeof *dials, compare_dials);
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", i == 0 ? "" : " ",
					 address_text(dials[i].address));
	return words;
}

bool find(struct fixture *fixture, const char *text, struct address_info *info)
{
	size_t most = address_book_count(fixture->book);
	struct address_info *infos = calloc(most + 1, sizeof *infos);
	struct address address = address_of(text);
	bool found = false;
	CU_ASSERT_PTR_NOT_NULL_FATAL(infos);
	CU_ASSERT_EQUAL(address_book_recent(fixture->book, infos, most, fixture->now_us), most);
	for (size_t i = 0; i < most && !found; i++) {
		found = address_equals(&infos[i].address, &address);
		*info = infos[i];
	}
	free(infos);
	return found;
}

const char *kind_of(struct fixture *fixture, const char *text)
{
	struct address_info info;
	return !find(fixture, text, &info) ? "-" : info.kind == ADDRESS_TRIED ? "tried" : "new";
}

int64_t fail_once(struct fixture *fixture, const char *expected)
{
	struct dial dial;
	int64_t next_us = 0;
	EXPECT_PICK(fixture, expected);
	address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	EXPECT_PICK(fixture, "-");
	return next_us - fixture->now_us;
}

bool is_back_off(int64_t wait_us, unsigned failures)
{
	int64_t middle_us = SECOND_US;
	for (unsigned i = 1; i < failures && middle_us < 60 * SECOND_US; i++)
		middle_us *= 2;
	if (middle_us > 60 * SECOND_US)
		middle_us = 60 * SECOND_US;
	return wait_us >= SECOND_US && wait_us >= middle_us * 3 / 4 && wait_us <= middle_us * 5 / 4 &&
	       wait_us <= 60 * SECOND_US;
}

size_t count_dials_to_hearsay(struct fixture *fixture)
{
	struct dial dials[MOST_PICKS];
	int64_t next_us;
	size_t count = 0;
	for (unsigned i = 1; i <= 20; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.3.%u.1:5999", i);
		hear(fixture, text, 0);
	}
	const char *words = pick_all(fixture, dials, &next_us);
	for (const char *word = words; (word = strstr(word, "10.3.")) != NULL; word++)
		count++;
	return count;
}

struct address_record record_of(const char *text, enum address_kind kind, unsigned failures, int64_t heard_ago_us,
				int64_t reached_ago_us)
{
	struct address_record record = {.address = address_of(text), .kind = kind, .failures = failures};
	record.heard_s = (UNIX_US - heard_ago_us) / SECOND_US;
	record.reached_s = reached_ago_us == 0 ? 0 : (UNIX_US - reached_ago_us) / SECOND_US;
	if (kind == ADDRESS_NEW)
		record.teller = address_of("10.9.9.9:0");
	return record;
}

struct address_book_import import(struct fixture *fixture, struct address_record *records, size_t count)
{
	int64_t elapsed_us = fixture->now_us - START_US;
	struct address_records all = {
		.saved_s = (UNIX_US + elapsed_us) / SECOND_US, .records = records, .count = count};
	return address_book_import(fixture->book, &all, fixture->now_us);
}

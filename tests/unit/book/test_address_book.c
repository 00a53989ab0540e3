#include "book/address_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/some_records.h"
#include "unit/suites.h"

static const int64_t start_us = 1000 * SECOND_US;

#define HOUR_US (3600 * SECOND_US)

/* max_addresses of a book with one bucket for each of the two kinds. */
enum { SMALL = 2 * ADDRESS_BUCKET_ENTRIES };

/* A book with settings of its own, at a moment that tests move. */
struct fixture {
	struct settings settings;
	struct address_book *book;
	int64_t now_us;
};

/* bootstraps: separated by spaces. */
static void add_bootstraps(struct settings *settings, const char *bootstraps)
{
	char error[SETTINGS_ERROR_BYTES], list[512], *next = list, *word;
	snprintf(list, sizeof list, "%s", bootstraps);
	while ((word = strtok_r(next, " ", &next)) != NULL)
		CU_ASSERT_FATAL(settings_add_bootstrap(settings, word, "-b", error));
}

/* most: max_addresses */
static void fixture_init_bounded(struct fixture *fixture, const char *bootstraps, int64_t most)
{
	*fixture = (struct fixture){.now_us = start_us};
	settings_init(&fixture->settings);
	fixture->settings.max_dialing = 1000;
	fixture->settings.max_addresses = most;
	add_bootstraps(&fixture->settings, bootstraps);
	fixture->book = address_book_new(&fixture->settings, &core_secret, 1, start_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->book);
}

static void fixture_init(struct fixture *fixture, const char *bootstraps)
{
	fixture_init_bounded(fixture, bootstraps, 81920);
}

/* The configuration names other ones now. */
static void set_bootstraps(struct fixture *fixture, const char *bootstraps)
{
	struct settings settings;
	settings_init(&settings);
	add_bootstraps(&settings, bootstraps);
	address_book_set_bootstraps(fixture->book, &settings, fixture->now_us);
	settings_fini(&settings);
}

static void fixture_fini(struct fixture *fixture)
{
	address_book_free(fixture->book);
	settings_fini(&fixture->settings);
}

static bool hear_from(struct fixture *fixture, const char *text, unsigned number, const char *source)
{
	struct message_entry entry = {.address = address_of(text), .nodeid = nodeid_of(number)};
	struct address teller = address_of(source);
	return address_book_hear(fixture->book, &entry, 1, &teller, fixture->now_us) == 1;
}

static bool hear(struct fixture *fixture, const char *text, unsigned number)
{
	return hear_from(fixture, text, number, "10.9.9.9:40000");
}

static void announce(struct fixture *fixture, const char *text, unsigned number)
{
	struct address address = address_of(text);
	struct nodeid nodeid = nodeid_of(number);
	address_book_announced(fixture->book, &address, &nodeid, fixture->now_us);
}

static void prove(struct fixture *fixture, const char *text, unsigned number)
{
	struct address address = address_of(text);
	struct nodeid nodeid = nodeid_of(number);
	address_book_prove(fixture->book, &address, &nodeid);
}

static void connect_node(struct fixture *fixture, unsigned number)
{
	struct nodeid nodeid = nodeid_of(number);
	address_book_connected(fixture->book, &nodeid);
}

static void disconnect_node(struct fixture *fixture, unsigned number, bool was_steady)
{
	struct nodeid nodeid = nodeid_of(number);
	address_book_disconnected(fixture->book, &nodeid, was_steady, "bye: timeout", fixture->now_us);
}

static void reach(struct fixture *fixture, const struct peer_dial *dial, unsigned number)
{
	struct nodeid nodeid = nodeid_of(number);
	address_book_connected(fixture->book, &nodeid);
	address_book_reached(fixture->book, dial, &nodeid, fixture->now_us);
}

/* What is dialled now: an address, a name with its port, "feeler ADDRESS", or "-". */
static const char *pick(struct fixture *fixture, struct peer_dial *dial, int64_t *next_us)
{
	static char text[SETTINGS_HOST_BYTES + 8];
	if (!address_book_pick(fixture->book, ADDRESS_BOOK_PEERS, fixture->now_us, dial, next_us))
		return "-";
	if (dial->host == NULL)
		snprintf(text, sizeof text, "%s%s", dial->is_feeler ? "feeler " : "", address_text(dial->address));
	else
		snprintf(text, sizeof text, "%s:%u", dial->host, (unsigned)dial->port);
	free(dial->host);
	return text;
}

#define EXPECT_PICK(fixture, expected) expect_text(__FILE__, __LINE__, pick(fixture, &dial, &next_us), expected)

enum { MOST_PICKS = 64 };

static int compare_dials(const void *one, const void *other)
{
	const struct peer_dial *a = one, *b = other;
	return strcmp(address_text(a->address), address_text(b->address));
}

/* Everything that is dialled now, in the order of the texts: which of several is taken first is left to chance. */
static const char *pick_all(struct fixture *fixture, struct peer_dial dials[static MOST_PICKS], int64_t *next_us)
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

#define EXPECT_PICKS(fixture, expected) expect_text(__FILE__, __LINE__, pick_all(fixture, dials, &next_us), expected)

/* What the book knows of an address; false if it isn't there. */
static bool find(struct fixture *fixture, const char *text, struct address_info *info)
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

/* "new", "tried", or "-" where it isn't in the book. */
static const char *kind_of(struct fixture *fixture, const char *text)
{
	struct address_info info;
	return !find(fixture, text, &info) ? "-" : info.kind == ADDRESS_TRIED ? "tried" : "new";
}

/* ---- back-off ---- */

static void the_back_off_doubles_within_its_bounds_with_jitter(void)
{
	static const struct {
		int64_t least_us, most_us;
		unsigned failures;
		int64_t lowest_us, highest_us;
	} cases[] = {
		{1 * SECOND_US, 300 * SECOND_US, 0, 1000000, 1250000},
		{1 * SECOND_US, 300 * SECOND_US, 1, 1000000, 1250000},
		{1 * SECOND_US, 300 * SECOND_US, 2, 1500000, 2500000},
		{1 * SECOND_US, 300 * SECOND_US, 3, 3 * SECOND_US, 5 * SECOND_US},
		{1 * SECOND_US, 300 * SECOND_US, 8, 96 * SECOND_US, 160 * SECOND_US},
		{1 * SECOND_US, 300 * SECOND_US, 9, 192 * SECOND_US, 300 * SECOND_US},
		{1 * SECOND_US, 300 * SECOND_US, 4000000000, 225 * SECOND_US, 300 * SECOND_US},
		{5 * SECOND_US, 5 * SECOND_US, 7, 5 * SECOND_US, 5 * SECOND_US},
		{5 * SECOND_US, 6 * SECOND_US, 7, 5 * SECOND_US, 6 * SECOND_US},
		{1000, 8000, 3, 3000, 5000},
	};
	struct rng rng;
	rng_seed(&rng, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t lowest_us = INT64_MAX, highest_us = 0;
		for (int turn = 0; turn < 1000; turn++) {
			int64_t us =
				address_book_backoff_us(cases[i].least_us, cases[i].most_us, cases[i].failures, &rng);
			lowest_us = us < lowest_us ? us : lowest_us;
			highest_us = us > highest_us ? us : highest_us;
		}
		EXPECT(lowest_us >= cases[i].lowest_us && highest_us <= cases[i].highest_us, "case %zu: %lld to %lld",
		       i, (long long)lowest_us, (long long)highest_us);
		int64_t span_us = cases[i].highest_us - cases[i].lowest_us;
		EXPECT(highest_us - lowest_us >= span_us * 9 / 10, "case %zu: %lld to %lld", i, (long long)lowest_us,
		       (long long)highest_us);
	}
}

/* Lets what is due fail once; returns how long the next try is away. */
static int64_t fail_once(struct fixture *fixture, const char *expected)
{
	struct peer_dial dial;
	int64_t next_us;
	EXPECT_PICK(fixture, expected);
	address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	EXPECT_PICK(fixture, "-");
	return next_us - fixture->now_us;
}

/* Is this a wait after so many failures in a row, with the default settings? */
static bool is_back_off(int64_t wait_us, unsigned failures)
{
	int64_t middle_us = SECOND_US;
	for (unsigned i = 1; i < failures && middle_us < 300 * SECOND_US; i++)
		middle_us *= 2;
	if (middle_us > 300 * SECOND_US)
		middle_us = 300 * SECOND_US;
	return wait_us >= SECOND_US && wait_us >= middle_us * 3 / 4 && wait_us <= middle_us * 5 / 4 &&
	       wait_us <= 300 * SECOND_US;
}

static void a_failing_bootstrap_is_tried_for_ever_with_back_off(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i <= 40; i++) {
		int64_t wait_us = fail_once(&fixture, "127.0.0.2:5999");
		EXPECT(is_back_off(wait_us, i), "failure %u: %lld", i, (long long)wait_us);
		fixture.now_us += wait_us;
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	fixture_fini(&fixture);
}

static void failures_in_a_row_are_told(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i < 5; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), i);
		fixture.now_us += fixture.settings.retry_max_us;
	}
	fixture_fini(&fixture);
}

/* ---- what comes in ---- */

static void hearsay_is_a_candidate_once(void)
{
	struct fixture fixture;
	struct peer_dial dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.2:5999", 2));
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.2:5999", 0));
	CU_ASSERT(hear(&fixture, "127.0.0.2:6000", 0));
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	EXPECT_PICKS(&fixture, "127.0.0.2:5999 127.0.0.2:6000");
	fixture_fini(&fixture);
}

static void what_is_this_node_itself_is_never_dialled(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	struct address self = address_of("127.0.0.1:5999"), bootstrap = address_of("127.0.0.2:5999");
	fixture_init(&fixture, "127.0.0.2:5999");
	address_book_add_self(fixture.book, &self);
	address_book_add_self(fixture.book, &bootstrap);
	CU_ASSERT(address_book_is_self(fixture.book, &self));
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.1:5999", 2));
	announce(&fixture, "127.0.0.1:5999", 2);
	prove(&fixture, "127.0.0.1:5999", 2);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT(hear(&fixture, "127.0.0.1:6000", 2));
	fixture_fini(&fixture);
}

static void the_list_of_addresses_where_a_node_met_itself_is_bounded(void)
{
	struct fixture fixture;
	struct address address = address_of("10.0.0.1:1");
	fixture_init(&fixture, "");
	for (int port = 1; port <= ADDRESS_BOOK_SELVES + 1; port++) {
		address.port = (uint16_t)port;
		address_book_add_self(fixture.book, &address);
		address_book_add_self(fixture.book, &address);
		CU_ASSERT(address_book_is_self(fixture.book, &address));
	}
	address.port = 1;
	CU_ASSERT_FALSE(address_book_is_self(fixture.book, &address));
	address.port = 2;
	CU_ASSERT(address_book_is_self(fixture.book, &address));
	fixture_fini(&fixture);
}

static void where_a_node_listens_is_not_forgotten_for_what_peers_say(void)
{
	struct fixture fixture;
	struct address own = address_of("127.0.0.1:5999"), bootstrap = address_of("127.0.0.2:5999");
	struct address address = address_of("10.0.0.1:1");
	fixture_init(&fixture, "127.0.0.2:5999");
	address_book_add_own(fixture.book, &own);
	address_book_add_self(fixture.book, &bootstrap);
	for (int port = 1; port <= 2 * ADDRESS_BOOK_SELVES; port++) {
		address.port = (uint16_t)port;
		address_book_add_self(fixture.book, &address);
	}
	CU_ASSERT(address_book_is_self(fixture.book, &own));
	CU_ASSERT(address_book_is_self(fixture.book, &bootstrap));
	fixture_fini(&fixture);
}

static void a_connected_node_is_nothing_to_dial(void)
{
	struct fixture fixture;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	connect_node(&fixture, 2);
	connect_node(&fixture, 3);
	CU_ASSERT_FALSE(hear(&fixture, "127.0.0.3:5999", 3));
	announce(&fixture, "127.0.0.3:6000", 3);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	disconnect_node(&fixture, 2, false);
	disconnect_node(&fixture, 3, false);
	/* That this one was connected was not known to be by the address. */
	EXPECT_PICKS(&fixture, "127.0.0.2:5999");
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICKS(&fixture, "127.0.0.3:6000");
	fixture_fini(&fixture);
}

static void a_node_is_connected_until_its_last_connection_ends(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	CU_ASSERT_FALSE(address_book_is_connected(fixture.book, &two));
	connect_node(&fixture, 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	connect_node(&fixture, 2);
	disconnect_node(&fixture, 2, true);
	CU_ASSERT(address_book_is_connected(fixture.book, &two));
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 2, true);
	CU_ASSERT_FALSE(address_book_is_connected(fixture.book, &two));
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT(next_us > fixture.now_us && next_us < FOREVER_US);
	fixture_fini(&fixture);
}

/* ---- one dial at a time ---- */

static void one_dial_at_a_time_goes_to_an_address(void)
{
	struct fixture fixture;
	struct peer_dial dial, first;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	first = dial;
	hear(&fixture, "127.0.0.2:5999", 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	prove(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	address_book_let_go(fixture.book, &first, fixture.now_us);
	fixture.now_us += 2 * SECOND_US;
	EXPECT_PICK(&fixture, "feeler 127.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	address_book_let_go(fixture.book, &dial, fixture.now_us);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

static void one_dial_at_a_time_goes_to_a_nodeid(void)
{
	struct fixture fixture;
	struct peer_dial dials[MOST_PICKS];
	int64_t next_us;
	char other[] = "127.0.0.2:5999";
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	hear(&fixture, "127.0.0.2:6000", 2);
	hear(&fixture, "127.0.0.2:6001", 0);
	hear(&fixture, "127.0.0.2:6002", 0);
	const char *words = pick_all(&fixture, dials, &next_us);
	bool is_first = strcmp(words, "127.0.0.2:5999 127.0.0.2:6001 127.0.0.2:6002") == 0;
	CU_ASSERT(is_first || strcmp(words, "127.0.0.2:6000 127.0.0.2:6001 127.0.0.2:6002") == 0);
	address_book_failed(fixture.book, &dials[0], "refused", fixture.now_us);
	if (is_first)
		strcpy(other, "127.0.0.2:6000");
	EXPECT_PICKS(&fixture, other);
	fixture_fini(&fixture);
}

static void what_is_not_due_waits(void)
{
	struct fixture fixture;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 0);
	fixture.now_us += SECOND_US;
	hear(&fixture, "127.0.0.3:5999", 0);
	fixture.now_us -= SECOND_US;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, start_us + SECOND_US);
	fixture.now_us += 30 * SECOND_US;
	hear(&fixture, "127.0.0.4:5999", 0);
	EXPECT_PICKS(&fixture, "127.0.0.3:5999 127.0.0.4:5999");
	fixture_fini(&fixture);
}

/* Of eight dials at most six go to hearsay, and two are feelers. */
static void addresses_that_lead_nowhere_leave_room_for_others(void)
{
	struct fixture fixture;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "127.0.0.2:5999 127.0.0.3:5999");
	fixture.settings.max_dialing = 8;
	for (unsigned i = 1; i <= 20; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		hear(&fixture, text, 0);
		snprintf(text, sizeof text, "10.0.1.%u:5999", i);
		prove(&fixture, text, 100 + i);
	}
	EXPECT_PICK(&fixture, "feeler 10.0.1.1:5999");
	EXPECT_PICK(&fixture, "feeler 10.0.1.2:5999");
	struct peer_dial feeler = dial;
	const char *words = pick_all(&fixture, dials, &next_us);
	CU_ASSERT_PTR_NOT_NULL(strstr(words, "127.0.0.2:5999 127.0.0.3:5999"));
	size_t hearsay = 0;
	for (const char *word = words; (word = strstr(word, "10.0.0.")) != NULL; word++)
		hearsay++;
	CU_ASSERT_EQUAL(hearsay, 4);
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	address_book_failed(fixture.book, &dials[0], "refused", fixture.now_us);
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	reach(&fixture, &dial, 5);
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	CU_ASSERT_FALSE(dial.is_feeler);
	address_book_let_go(fixture.book, &feeler, fixture.now_us);
	EXPECT_PICK(&fixture, "feeler 10.0.1.20:5999");
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

/* Of the hearsay that is told now, this many are dialled before the dials end. */
static size_t count_dials_to_hearsay(struct fixture *fixture)
{
	struct peer_dial dials[MOST_PICKS];
	int64_t next_us;
	size_t count = 0;
	for (unsigned i = 1; i <= 20; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.3.0.%u:5999", i);
		hear(fixture, text, 0);
	}
	const char *words = pick_all(fixture, dials, &next_us);
	for (const char *word = words; (word = strstr(word, "10.3.0.")) != NULL; word++)
		count++;
	return count;
}

/* The kind of an address may change while it is dialled or felt; what is counted of dials under way doesn't drift. */
static void the_counts_of_dials_survive_what_becomes_of_an_address_meanwhile(void)
{
	enum change { ANNOUNCED, BECOMES_BOOTSTRAP, IS_BOOTSTRAP_NO_MORE, CHANGES };
	static const char *const names[] = {"announced", "becomes a bootstrap", "is a bootstrap no more"};
	for (int i = 0; i < CHANGES * 2 * 3; i++) {
		enum change change = (enum change)(i % CHANGES);
		bool is_feeler = i / CHANGES % 2 == 1;
		int verdict = i / CHANGES / 2;
		struct fixture fixture;
		struct peer_dial dial;
		int64_t next_us;
		fixture_init(&fixture, change == IS_BOOTSTRAP_NO_MORE && !is_feeler ? "127.0.0.2:5999" : "");
		fixture.settings.max_dialing = 8;
		fixture.now_us += 200 * SECOND_US;
		hear(&fixture, "127.0.0.2:5999", 0);
		CU_ASSERT(address_book_pick(fixture.book, is_feeler ? ADDRESS_BOOK_FEELERS : ADDRESS_BOOK_PEERS,
					    fixture.now_us, &dial, &next_us));
		if (change == ANNOUNCED)
			announce(&fixture, "127.0.0.2:5999", 2);
		else
			set_bootstraps(&fixture, change == BECOMES_BOOTSTRAP ? "127.0.0.2:5999" : "");
		if (verdict == 0)
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		else if (verdict == 1)
			address_book_let_go(fixture.book, &dial, fixture.now_us);
		else
			reach(&fixture, &dial, 2);
		EXPECT(count_dials_to_hearsay(&fixture) == 6, "%s, feeler %d, verdict %d", names[change], is_feeler,
		       verdict);
		fixture_fini(&fixture);
	}
}

/* ---- failures ---- */

static void hearsay_that_fails_three_times_is_forgotten(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	for (int i = 1; i <= ADDRESS_BOOK_NEW_FAILURES; i++) {
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fail_once(&fixture, "127.0.0.2:5999");
		fixture.now_us += fixture.settings.retry_max_us;
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 2));
	fixture_fini(&fixture);
}

static void what_was_announced_or_once_reached_is_not_forgotten_soon(void)
{
	struct fixture fixture;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	hear(&fixture, "127.0.0.3:5999", 0);
	EXPECT_PICKS(&fixture, "127.0.0.2:5999 127.0.0.3:5999");
	reach(&fixture, &dials[1], 3);
	disconnect_node(&fixture, 3, true);
	address_book_failed(fixture.book, &dials[0], "refused", fixture.now_us);
	for (int i = 0; i < 40; i++) {
		fixture.now_us += fixture.settings.retry_max_us;
		if (strcmp(pick(&fixture, &dial, &next_us), "-") != 0)
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	fixture_fini(&fixture);
}

static void a_dial_without_a_verdict_is_no_failure_and_not_repeated_at_once(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES + 1; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		address_book_let_go(fixture.book, &dial, fixture.now_us);
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT(is_back_off(next_us - fixture.now_us, 1));
		fixture.now_us = next_us;
	}
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 1);
	fixture_fini(&fixture);
}

static void a_dial_to_a_node_that_is_connected_another_way_is_no_failure(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 0);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

/* Two nodes dial each other, and the far end's dial stays. */
static void an_address_that_is_announced_while_it_is_dialled_is_known_to_be_its_nodes(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	announce(&fixture, "127.0.0.2:5999", 2);
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 0);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

/* The dial has led to a node that is connected already: the connection is closed as a duplicate. */
static void an_address_that_was_found_to_be_a_connected_nodes_is_not_dialled_again(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "127.0.0.2:5999");
	connect_node(&fixture, 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	address_book_found(fixture.book, &dial, &two);
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), 0);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 2, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

static void another_node_than_expected_replaces_the_entry(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	hear(&fixture, "127.0.0.2:6000", 2);
	EXPECT_PICK(&fixture, "-");
	reach(&fixture, &dial, 3);
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	connect_node(&fixture, 2);
	address_book_let_go(fixture.book, &dial, fixture.now_us);
	disconnect_node(&fixture, 2, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	EXPECT_PICK(&fixture, "-");
	disconnect_node(&fixture, 3, true);
	fixture.now_us += fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

/* Connects and disconnects node 2; returns how long it takes until it is due. */
static int64_t reconnect(struct fixture *fixture, bool was_steady)
{
	struct peer_dial dial;
	int64_t next_us;
	EXPECT_PICK(fixture, "127.0.0.2:5999");
	reach(fixture, &dial, 2);
	EXPECT_PICK(fixture, "-");
	disconnect_node(fixture, 2, was_steady);
	EXPECT_PICK(fixture, "-");
	return next_us - fixture->now_us;
}

static void who_comes_and_goes_is_dialled_ever_more_rarely_until_it_is_steady(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i <= 12; i++) {
		int64_t wait_us = reconnect(&fixture, false);
		EXPECT(is_back_off(wait_us, i), "%u: %lld", i, (long long)wait_us);
		fixture.now_us += wait_us;
	}
	for (int i = 0; i < 3; i++) {
		int64_t wait_us = reconnect(&fixture, true);
		EXPECT(wait_us >= SECOND_US && wait_us <= 2 * SECOND_US, "steady %d: %lld", i, (long long)wait_us);
		fixture.now_us += wait_us;
	}
	fixture_fini(&fixture);
}

/* ---- names ---- */

static void resolve(struct fixture *fixture, struct peer_dial *dial, char *host, const char *addresses)
{
	struct address list[ADDRESS_BOOK_NAME_ADDRESSES + 4];
	char text[1024], *next = text, *word;
	size_t count = 0;
	snprintf(text, sizeof text, "%s", addresses);
	while ((word = strtok_r(next, " ", &next)) != NULL)
		list[count++] = address_of(word);
	dial->host = host;
	address_book_resolved(fixture->book, dial, list, count, fixture->now_us);
}

static void a_name_is_looked_up_and_what_it_stands_for_is_dialled(void)
{
	struct fixture fixture;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	EXPECT_PICK(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "-");
	resolve(&fixture, &dial, host, "127.0.0.2:6000 127.0.0.3:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	EXPECT_PICKS(&fixture, "127.0.0.2:6000 127.0.0.3:6000");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

static void a_name_is_due_again_only_when_none_of_its_addresses_is_connected_or_dialled(void)
{
	struct fixture fixture;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	resolve(&fixture, &dial, host, "127.0.0.2:6000 127.0.0.3:6000");
	EXPECT_PICKS(&fixture, "127.0.0.2:6000 127.0.0.3:6000");
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	address_book_failed(fixture.book, &dials[1], "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "-");
	reach(&fixture, &dials[0], 2);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.3:6000");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "127.0.0.3:6000");
	disconnect_node(&fixture, 2, true);
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "kith.example:6000");
	fixture_fini(&fixture);
}

static void a_name_that_cannot_be_looked_up_is_tried_again_with_back_off(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	for (unsigned i = 1; i < 12; i++) {
		EXPECT_PICK(&fixture, "kith.example:6000");
		dial.host = host;
		CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), i);
		EXPECT_PICK(&fixture, "-");
		int64_t wait_us = next_us - fixture.now_us;
		EXPECT(is_back_off(wait_us, i), "%u: %lld", i, (long long)wait_us);
		fixture.now_us = next_us;
	}
	fixture_fini(&fixture);
}

static void a_name_that_is_configured_twice_is_looked_up_once(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "kith.example:6000 kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

static void names_with_the_same_host_and_other_ports_are_told_apart(void)
{
	struct fixture fixture;
	struct peer_dial dial, first, dials[MOST_PICKS];
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000 kith.example:6001");
	EXPECT_PICK(&fixture, "kith.example:6000");
	first = dial;
	EXPECT_PICK(&fixture, "kith.example:6001");
	resolve(&fixture, &dial, host, "127.0.0.2:6001");
	resolve(&fixture, &first, host, "127.0.0.2:6000");
	EXPECT_PICKS(&fixture, "127.0.0.2:6000 127.0.0.2:6001");
	fixture_fini(&fixture);
}

static void a_name_that_stands_for_this_node_itself_is_looked_up_again(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char host[] = "localhost";
	struct address self = address_of("127.0.0.1:5999");
	fixture_init(&fixture, "localhost:5999");
	address_book_add_self(fixture.book, &self);
	EXPECT_PICK(&fixture, "localhost:5999");
	resolve(&fixture, &dial, host, "127.0.0.1:5999");
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "localhost:5999");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	fixture_fini(&fixture);
}

static void of_a_name_with_very_many_addresses_only_so_many_are_used(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char host[] = "kith.example", list[1024];
	size_t used = 0;
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	for (int i = 1; i <= ADDRESS_BOOK_NAME_ADDRESSES + 4; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "10.0.0.%d:6000 ", i);
	resolve(&fixture, &dial, host, list);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), ADDRESS_BOOK_NAME_ADDRESSES);
	fixture_fini(&fixture);
}

static void what_a_name_no_longer_stands_for_is_forgotten_when_it_fails(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	resolve(&fixture, &dial, host, "127.0.0.2:6000");
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:6000");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "kith.example:6000");
		resolve(&fixture, &dial, host, i + 1 < ADDRESS_BOOK_NEW_FAILURES ? "127.0.0.2:6000" : "");
	}
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	fixture_fini(&fixture);
}

static void a_bootstrap_that_a_name_stands_for_too_is_not_forgotten(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char host[] = "kith.example";
	fixture_init(&fixture, "kith.example:6000 127.0.0.2:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	resolve(&fixture, &dial, host, "127.0.0.2:6000");
	for (int i = 0; i <= ADDRESS_BOOK_NEW_FAILURES; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:6000");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "kith.example:6000");
		resolve(&fixture, &dial, host, "127.0.0.2:6000");
	}
	fixture_fini(&fixture);
}

/* ---- the configuration changes ---- */

static void a_bootstrap_that_is_removed_may_displace_what_stands_next_to_it(void)
{
	struct fixture fixture;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(&fixture, "127.0.0.2:5999 127.0.0.3:5999", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		CU_ASSERT(hear(&fixture, text, 0));
		fixture.now_us += SECOND_US;
	}
	set_bootstraps(&fixture, "");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), ADDRESS_BUCKET_ENTRIES);
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.2:5999"), "new");
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.3:5999"), "new");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.1:5999"), "-");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.2:5999"), "-");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.3:5999"), "new");
	fixture_fini(&fixture);
}

static void a_bootstrap_is_dialled_first_from_when_it_is_one(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	for (unsigned i = 1; i <= 40; i++) {
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		hear(&fixture, text, 0);
	}
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	const char *chosen =
		strcmp(address_text(dial.address), "10.7.0.1:5999") == 0 ? "10.8.0.1:5999" : "10.7.0.1:5999";
	set_bootstraps(&fixture, chosen);
	EXPECT_PICK(&fixture, chosen);
	fixture_fini(&fixture);
}

static void the_bootstraps_that_are_there_change_with_the_configuration(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (int i = 0; i < 5; i++)
		fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
	set_bootstraps(&fixture, "127.0.0.3:5999 127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	/* Once it isn't one any more it has failed too often; the other stays. */
	set_bootstraps(&fixture, "127.0.0.3:5999");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	for (int i = 0; i < 20; i++) {
		fixture.now_us += fixture.settings.retry_max_us;
		if (strcmp(pick(&fixture, &dial, &next_us), "-") != 0)
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.2:5999"), "-");
	EXPECT_TEXT(kind_of(&fixture, "127.0.0.3:5999"), "new");
	fixture_fini(&fixture);
}

static void a_bootstrap_may_be_removed_or_added_while_it_is_dialled(void)
{
	static const struct {
		const char *before, *after;
		bool is_kept;
	} cases[] = {{"127.0.0.2:5999", "", false},
		     {"", "127.0.0.2:5999", true},
		     {"127.0.0.2:5999", "127.0.0.2:5999", true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct peer_dial dial;
		int64_t next_us;
		fixture_init(&fixture, cases[i].before);
		hear(&fixture, "127.0.0.2:5999", 0);
		for (int j = 1; j < ADDRESS_BOOK_NEW_FAILURES; j++)
			fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		set_bootstraps(&fixture, cases[i].after);
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		EXPECT(address_book_count(fixture.book) == cases[i].is_kept, "case %zu", i);
		fixture_fini(&fixture);
	}
}

static void the_names_that_are_looked_up_change_with_the_configuration(void)
{
	struct fixture fixture;
	struct peer_dial dial, other;
	int64_t next_us;
	char host[] = "kith.example", other_host[] = "other.example";
	fixture_init(&fixture, "kith.example:6000");
	EXPECT_PICK(&fixture, "kith.example:6000");
	dial.host = host;
	/* It stays, and is still under way. */
	set_bootstraps(&fixture, "other.example:6000 kith.example:6000");
	EXPECT_PICK(&fixture, "other.example:6000");
	other = dial;
	dial.port = 6000;
	EXPECT_PICK(&fixture, "-");
	/* What it was looked up for is gone. */
	set_bootstraps(&fixture, "kith.example:6000");
	resolve(&fixture, &other, other_host, "127.0.0.3:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	resolve(&fixture, &other, host, "127.0.0.2:6000");
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	/* What it stands for is kept as long as the name. */
	for (int i = 0; i < 2 * ADDRESS_BOOK_NEW_FAILURES; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:6000");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		EXPECT_PICK(&fixture, "kith.example:6000");
		resolve(&fixture, &dial, host, "127.0.0.2:6000");
	}
	EXPECT_PICK(&fixture, "127.0.0.2:6000");
	set_bootstraps(&fixture, "");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

/* ---- feelers ---- */

static void a_feeler_goes_out_once_and_makes_no_entry(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	prove(&fixture, "10.0.0.2:5999", 2);
	prove(&fixture, "10.0.0.2:5999", 3);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	CU_ASSERT(address_book_pick(fixture.book, ADDRESS_BOOK_FEELERS, fixture.now_us, &dial, &next_us));
	struct nodeid two = nodeid_of(2);
	CU_ASSERT(dial.is_feeler && dial.host == NULL && nodeid_equals(&dial.expected, &two));
	EXPECT_TEXT(address_text(dial.address), "10.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	hear(&fixture, "10.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "-");
	address_book_let_go(fixture.book, &dial, fixture.now_us);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "10.0.0.2:5999");
	fixture_fini(&fixture);
}

static void where_only_feelers_may_go_out_nothing_else_does(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us = 0;
	fixture_init(&fixture, "127.0.0.2:5999 kith.example:5999");
	CU_ASSERT_FALSE(address_book_pick(fixture.book, ADDRESS_BOOK_FEELERS, fixture.now_us, &dial, &next_us));
	/* For these it is a feeler's time. */
	CU_ASSERT(next_us > fixture.now_us && next_us < FOREVER_US);
	prove(&fixture, "10.0.0.3:5999", 3);
	CU_ASSERT(address_book_pick(fixture.book, ADDRESS_BOOK_FEELERS, fixture.now_us, &dial, &next_us));
	CU_ASSERT(dial.is_feeler);
	fixture_fini(&fixture);
}

static void too_many_feelers_do_not_wait(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	int picked = 0;
	struct address address = address_of("10.0.0.2:1");
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	for (int port = 1; port <= ADDRESS_BOOK_PROOFS + 10; port++) {
		address.port = (uint16_t)port;
		address_book_prove(fixture.book, &address, &two);
	}
	while (picked <= ADDRESS_BOOK_PROOFS + 10 && strcmp(pick(&fixture, &dial, &next_us), "-") != 0) {
		address_book_let_go(fixture.book, &dial, fixture.now_us);
		picked++;
	}
	CU_ASSERT_EQUAL(picked, ADDRESS_BOOK_PROOFS);
	prove(&fixture, "10.0.0.3:5999", 3);
	EXPECT_PICK(&fixture, "feeler 10.0.0.3:5999");
	fixture_fini(&fixture);
}

/* Fills the places for what was tried: 10.0.0.I has node I, and was heard from I seconds after the start. */
static void fill_tried(struct fixture *fixture)
{
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(fixture, "", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		fixture->now_us = start_us + i * SECOND_US;
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		announce(fixture, text, i);
		EXPECT_TEXT(kind_of(fixture, text), "tried");
	}
}

static bool pick_feeler(struct fixture *fixture, struct peer_dial *dial)
{
	int64_t next_us;
	return address_book_pick(fixture->book, ADDRESS_BOOK_FEELERS, fixture->now_us, dial, &next_us) &&
	       dial->is_feeler;
}

/* Feelers go to the address, which must be the only one of hearsay, until it is forgotten. */
static void forget_hearsay(struct fixture *fixture, const char *text)
{
	struct peer_dial dial;
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES; i++) {
		fixture->now_us += 2 * fixture->settings.retry_max_us;
		CU_ASSERT_FATAL(pick_feeler(fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), text);
		address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	}
	EXPECT_TEXT(kind_of(fixture, text), "-");
}

static void what_was_tried_is_tested_before_it_is_displaced(void)
{
	enum meanwhile { NOTHING, IS_CONNECTED, NEWCOMER_IS_FORGOTTEN };
	enum verdict { ANSWERS, IS_LET_GO, FAILS };
	static const struct {
		int64_t after_us;
		enum meanwhile meanwhile;
		enum verdict verdict;
		const char *tested, *newcomer;
	} cases[] = {
		{5 * HOUR_US, NOTHING, ANSWERS, "tried", "new"},
		{5 * HOUR_US, NOTHING, IS_LET_GO, "tried", "new"},
		{5 * HOUR_US, NOTHING, FAILS, "new", "tried"},
		{5 * HOUR_US, IS_CONNECTED, FAILS, "tried", "new"},
		{5 * HOUR_US, NEWCOMER_IS_FORGOTTEN, FAILS, "tried", "-"},
		{31 * 24 * HOUR_US, NOTHING, FAILS, "-", "tried"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct peer_dial dial;
		fill_tried(&fixture);
		fixture.now_us += cases[i].after_us;
		announce(&fixture, "10.0.1.1:5999", 100);
		EXPECT_TEXT(kind_of(&fixture, "10.0.1.1:5999"), "new");
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), "10.0.0.1:5999");
		struct address_info info;
		CU_ASSERT(find(&fixture, "10.0.0.1:5999", &info) && info.tried_us == fixture.now_us);
		if (cases[i].meanwhile == IS_CONNECTED)
			connect_node(&fixture, 1);
		else if (cases[i].meanwhile == NEWCOMER_IS_FORGOTTEN)
			forget_hearsay(&fixture, "10.0.1.1:5999");
		if (cases[i].verdict == ANSWERS)
			reach(&fixture, &dial, 1);
		else if (cases[i].verdict == IS_LET_GO)
			address_book_let_go(fixture.book, &dial, fixture.now_us);
		else
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		EXPECT(strcmp(kind_of(&fixture, "10.0.0.1:5999"), cases[i].tested) == 0, "case %zu: tested", i);
		EXPECT(strcmp(kind_of(&fixture, "10.0.1.1:5999"), cases[i].newcomer) == 0, "case %zu: newcomer", i);
		EXPECT_TEXT(kind_of(&fixture, "10.0.0.2:5999"), "tried");
		fixture_fini(&fixture);
	}
}

static void what_was_heard_from_within_four_hours_is_not_even_tested(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	fill_tried(&fixture);
	fixture.now_us = start_us + SECOND_US + 4 * HOUR_US;
	announce(&fixture, "10.0.1.1:5999", 100);
	CU_ASSERT(pick_feeler(&fixture, &dial));
	EXPECT_TEXT(address_text(dial.address), "10.0.1.1:5999");
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	fixture.now_us += 1;
	announce(&fixture, "10.0.1.1:5999", 100);
	announce(&fixture, "10.0.1.3:5999", 103);
	CU_ASSERT(pick_feeler(&fixture, &dial));
	EXPECT_TEXT(address_text(dial.address), "10.0.0.1:5999");
	/* One test of an address at a time. */
	announce(&fixture, "10.0.1.2:5999", 101);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	address_book_let_go(fixture.book, &dial, fixture.now_us);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	fixture_fini(&fixture);
}

static void what_is_announced_displaces_no_hearsay_while_there_is_room_among_the_tried(void)
{
	struct fixture fixture;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(&fixture, "", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		CU_ASSERT(hear(&fixture, text, 0));
	}
	announce(&fixture, "10.0.1.1:5999", 100);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), ADDRESS_BUCKET_ENTRIES + 1);
	EXPECT_TEXT(kind_of(&fixture, "10.0.1.1:5999"), "tried");
	fixture_fini(&fixture);
}

/* ---- what is forgotten ---- */

#define DAY_US (24 * HOUR_US)

/* The wall clock at the start. */
static const int64_t unix_us = 1764000000 * SECOND_US;

/* What an earlier run kept of an address that was heard of, and reached, so long ago (0: never). */
static struct address_record record_of(const char *text, enum address_kind kind, unsigned failures,
				       int64_t heard_ago_us, int64_t reached_ago_us)
{
	struct address_record record = {.address = address_of(text), .kind = kind, .failures = failures};
	record.heard_s = (unix_us - heard_ago_us) / SECOND_US;
	record.reached_s = reached_ago_us == 0 ? 0 : (unix_us - reached_ago_us) / SECOND_US;
	if (kind == ADDRESS_NEW)
		record.teller = address_of("10.9.9.9:0");
	return record;
}

static void import(struct fixture *fixture, struct address_record *records, size_t count)
{
	struct address_records all = {.records = records, .count = count};
	int64_t elapsed_us = fixture->now_us - start_us;
	address_book_import(fixture->book, &all, fixture->now_us, unix_us + elapsed_us);
}

/* What has failed is tried once more, and fails. */
static void what_fails_for_long_enough_is_forgotten(void)
{
	static const struct {
		const char *bootstrap;
		enum address_kind kind;
		unsigned failures;
		int64_t heard_ago_us, reached_ago_us;
		bool is_forgotten;
	} cases[] = {
		{"", ADDRESS_NEW, 0, HOUR_US, 0, false},
		{"", ADDRESS_NEW, 1, HOUR_US, 0, false},
		{"", ADDRESS_NEW, 2, HOUR_US, 0, true},
		{"", ADDRESS_NEW, 2, HOUR_US, HOUR_US, true},
		{"", ADDRESS_NEW, 0, 29 * DAY_US, 0, false},
		{"", ADDRESS_NEW, 0, 30 * DAY_US - SECOND_US, 0, true},
		{"", ADDRESS_TRIED, 0, HOUR_US, HOUR_US, false},
		{"", ADDRESS_TRIED, 8, 8 * DAY_US, 8 * DAY_US, false},
		{"", ADDRESS_TRIED, 9, 8 * DAY_US, 8 * DAY_US, true},
		{"", ADDRESS_TRIED, 9, 8 * DAY_US, 0, true},
		{"", ADDRESS_TRIED, 9, 8 * DAY_US, 6 * DAY_US, false},
		{"", ADDRESS_TRIED, 9, 6 * DAY_US, 8 * DAY_US, false},
		{"", ADDRESS_TRIED, 500, 6 * DAY_US, 6 * DAY_US, false},
		{"", ADDRESS_TRIED, 0, 29 * DAY_US, 29 * DAY_US, false},
		{"", ADDRESS_TRIED, 0, 30 * DAY_US - SECOND_US, 0, true},
		{"127.0.0.2:5999", ADDRESS_NEW, 500, 40 * DAY_US, 0, false},
		{"127.0.0.2:5999", ADDRESS_TRIED, 500, 40 * DAY_US, 40 * DAY_US, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct peer_dial dial;
		int64_t next_us;
		fixture_init(&fixture, cases[i].bootstrap);
		struct address_record record = record_of("127.0.0.2:5999", cases[i].kind, cases[i].failures,
							 cases[i].heard_ago_us, cases[i].reached_ago_us);
		import(&fixture, &record, 1);
		EXPECT(address_book_count(fixture.book) == 1, "case %zu: imported", i);
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		fixture.now_us += 10 * SECOND_US;
		unsigned failures = address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		EXPECT(failures == cases[i].failures + 1, "case %zu: %u", i, failures);
		EXPECT(address_book_count(fixture.book) == !cases[i].is_forgotten, "case %zu", i);
		fixture_fini(&fixture);
	}
}

/* ---- over restarts ---- */

static void what_is_hopeless_is_not_imported(void)
{
	static const struct {
		const char *text;
		enum address_kind kind;
		unsigned failures;
		int64_t heard_ago_us, reached_ago_us;
		bool is_imported;
	} cases[] = {
		{"127.0.0.2:5999", ADDRESS_NEW, 2, HOUR_US, 0, true},
		{"127.0.0.2:5999", ADDRESS_NEW, 3, HOUR_US, 0, false},
		{"127.0.0.2:5999", ADDRESS_NEW, 0, 31 * DAY_US, 0, false},
		{"127.0.0.2:5999", ADDRESS_TRIED, 10, 6 * DAY_US, 6 * DAY_US, true},
		{"127.0.0.2:5999", ADDRESS_TRIED, 10, 8 * DAY_US, 8 * DAY_US, false},
		{"127.0.0.2:5999", ADDRESS_TRIED, 0, 31 * DAY_US, 0, false},
		/* What the wall clock says is in the future is now, and what it doesn't say too. */
		{"127.0.0.2:5999", ADDRESS_NEW, 0, -5 * DAY_US, 0, true},
		{"127.0.0.2:5999", ADDRESS_NEW, 0, unix_us, 0, true},
		/* Where this node listens. */
		{"127.0.0.1:5999", ADDRESS_TRIED, 0, HOUR_US, HOUR_US, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct address own = address_of("127.0.0.1:5999");
		fixture_init(&fixture, "");
		address_book_add_own(fixture.book, &own);
		struct address_record record = record_of(cases[i].text, cases[i].kind, cases[i].failures,
							 cases[i].heard_ago_us, cases[i].reached_ago_us);
		import(&fixture, &record, 1);
		struct address_info info;
		EXPECT(find(&fixture, cases[i].text, &info) == cases[i].is_imported, "case %zu", i);
		EXPECT(!cases[i].is_imported || info.heard_us <= fixture.now_us, "case %zu: heard of in the future", i);
		fixture_fini(&fixture);
	}
}

static int compare_records(const void *one, const void *other)
{
	const struct address_record *a = one, *b = other;
	return strcmp(address_text(a->address), address_text(b->address));
}

/* The later moment of a second run has the same distance from all that was. */
static void what_is_kept_comes_back_as_it_was(void)
{
	struct fixture fixture, after;
	struct address_records exported, again;
	struct address_record records[] = {
		record_of("10.0.0.1:5999", ADDRESS_NEW, 0, HOUR_US, 0),
		record_of("10.0.0.2:5999", ADDRESS_NEW, 2, 29 * DAY_US, 3 * DAY_US),
		record_of("10.0.0.3:5999", ADDRESS_TRIED, 0, SECOND_US, SECOND_US),
		record_of("10.0.0.4:5999", ADDRESS_TRIED, 12, 20 * DAY_US, 6 * DAY_US),
		record_of("[2001:db8::5]:5999", ADDRESS_TRIED, 1, HOUR_US, 0),
	};
	size_t count = sizeof records / sizeof *records;
	records[1].nodeid = nodeid_of(2);
	records[1].tried_s = records[1].error_s = unix_us / SECOND_US - 77;
	strcpy(records[1].error, "connection refused");
	records[3].nodeid = nodeid_of(4);
	records[4].tried_s = unix_us / SECOND_US - 5;
	memset(records[4].error, 'x', ADDRESS_ERROR_BYTES - 1);
	records[4].error_s = unix_us / SECOND_US - 4;
	fixture_init(&fixture, "");
	import(&fixture, records, count);
	CU_ASSERT(address_book_changes(fixture.book) > 0);
	CU_ASSERT(address_book_export(fixture.book, &exported, start_us + 5 * SECOND_US, unix_us + 5 * SECOND_US));
	fixture_init(&after, "");
	address_book_import(after.book, &exported, start_us, unix_us + 9 * SECOND_US);
	CU_ASSERT(address_book_export(after.book, &again, start_us + HOUR_US, unix_us + 9 * SECOND_US + HOUR_US));
	CU_ASSERT(again.has_secret && memcmp(&again.secret, &core_secret, sizeof core_secret) == 0);
	CU_ASSERT_EQUAL_FATAL(again.count, count);
	qsort(again.records, count, sizeof *again.records, compare_records);
	for (size_t i = 0; i < count; i++)
		EXPECT(record_equals(&again.records[i], &records[i]), "record %zu", i);
	address_records_fini(&exported);
	address_records_fini(&again);
	fixture_fini(&fixture);
	fixture_fini(&after);
}

static bool is_exported(struct fixture *fixture, const char *text, struct address_record *record)
{
	struct address_records records;
	struct address address = address_of(text);
	bool found = false;
	CU_ASSERT_FATAL(address_book_export(fixture->book, &records, fixture->now_us, unix_us));
	for (size_t i = 0; i < records.count && !found; i++) {
		found = address_equals(&records.records[i].address, &address);
		*record = records.records[i];
	}
	address_records_fini(&records);
	return found;
}

static void what_the_configuration_says_anyway_is_not_kept_before_it_was_reached(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	struct address_record record = {.failures = 0};
	int64_t next_us;
	struct address self = address_of("10.0.0.3:5999");
	fixture_init(&fixture, "127.0.0.2:5999");
	hear(&fixture, "10.0.0.3:5999", 3);
	hear(&fixture, "10.0.0.4:5999", 4);
	address_book_add_self(fixture.book, &self);
	CU_ASSERT_FALSE(is_exported(&fixture, "127.0.0.2:5999", &record));
	CU_ASSERT_FALSE(is_exported(&fixture, "10.0.0.3:5999", &record));
	CU_ASSERT(is_exported(&fixture, "10.0.0.4:5999", &record));
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	reach(&fixture, &dial, 2);
	/* While it is connected it is heard from. */
	fixture.now_us += 40 * DAY_US;
	CU_ASSERT_FATAL(is_exported(&fixture, "127.0.0.2:5999", &record));
	CU_ASSERT(record.kind == ADDRESS_TRIED && record.heard_s == unix_us / SECOND_US);
	CU_ASSERT_FALSE(is_exported(&fixture, "10.0.0.4:5999", &record));
	fixture_fini(&fixture);
}

static void the_peers_that_were_connected_longest_are_dialled_first_after_a_restart(void)
{
	struct fixture before, after;
	struct address_records records;
	struct peer_dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&before, "");
	for (unsigned i = 1; i <= 30; i++) {
		before.now_us = start_us + (i * 7 % 31) * SECOND_US;
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		connect_node(&before, i);
		announce(&before, text, i);
	}
	before.now_us = start_us + HOUR_US;
	CU_ASSERT(address_book_export(before.book, &records, before.now_us, unix_us));
	fixture_init(&after, "");
	address_book_import(after.book, &records, start_us, unix_us);
	/* The first two, in any order. */
	CU_ASSERT_STRING_NOT_EQUAL(pick(&after, &dial, &next_us), "-");
	bool is_first = dial.address.host[1] == 9;
	EXPECT_TEXT(address_text(dial.address), is_first ? "10.9.0.1:5999" : "10.18.0.1:5999");
	EXPECT_PICK(&after, is_first ? "10.18.0.1:5999" : "10.9.0.1:5999");
	/* That is so once. */
	address_book_failed(after.book, &dial, "refused", after.now_us);
	after.now_us += after.settings.retry_max_us;
	CU_ASSERT_STRING_NOT_EQUAL(pick(&after, &dial, &next_us), "-");
	CU_ASSERT(dial.address.host[1] != 9 && dial.address.host[1] != 18);
	pick_all(&after, dials, &next_us);
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&after);
	address_records_fini(&records);
	fixture_fini(&before);
}

static void an_import_adds_to_what_the_configuration_says(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	struct address_info info;
	int64_t next_us;
	struct address_record records[] = {
		record_of("127.0.0.2:5999", ADDRESS_TRIED, 2, 40 * DAY_US, 40 * DAY_US),
		record_of("127.0.0.3:5999", ADDRESS_TRIED, 0, HOUR_US, HOUR_US),
		/* Twice in a file: the first counts. */
		record_of("127.0.0.3:5999", ADDRESS_TRIED, 5, HOUR_US, HOUR_US),
	};
	records[0].nodeid = nodeid_of(2);
	records[0].error_s = unix_us / SECOND_US - 60;
	strcpy(records[0].error, "connection refused");
	fixture_init(&fixture, "127.0.0.2:5999");
	import(&fixture, records, 3);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	CU_ASSERT_FATAL(find(&fixture, "127.0.0.3:5999", &info));
	CU_ASSERT_EQUAL(info.failures, 0);
	CU_ASSERT_FATAL(find(&fixture, "127.0.0.2:5999", &info));
	CU_ASSERT(info.failures == 2 && info.kind == ADDRESS_TRIED && info.error_us == start_us - 60 * SECOND_US);
	CU_ASSERT(nodeid_equals(&info.nodeid, &records[0].nodeid));
	EXPECT_TEXT(info.error, "connection refused");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	fixture_fini(&fixture);
}

/* ---- the pace of what has failed ---- */

enum { DEAD = 1000 };

/* So many addresses that were tried have failed and are all due again: 10.G.0.N, each fourth in a group of its own. */
static void fixture_init_dead(struct fixture *fixture)
{
	struct peer_dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(fixture, "");
	for (unsigned i = 0; i < DEAD; i++) {
		snprintf(text, sizeof text, "10.%u.0.%u:5999", i / 4, i % 4 + 1);
		announce(fixture, text, i + 1);
	}
	for (unsigned i = 0; i < DEAD; i++) {
		CU_ASSERT_FATAL(strcmp(pick(fixture, &dial, &next_us), "-") != 0);
		address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	}
	EXPECT_PICK(fixture, "-");
	fixture->now_us += 2 * fixture->settings.retry_max_us;
}

static void of_many_dead_addresses_one_is_tried_in_retry_min(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us, picked_us = 0;
	fixture_init_dead(&fixture);
	for (int i = 0; i < 500; i++) {
		while (strcmp(pick(&fixture, &dial, &next_us), "-") == 0) {
			CU_ASSERT_FATAL(next_us > fixture.now_us &&
					next_us <= picked_us + fixture.settings.retry_min_us);
			fixture.now_us = next_us;
		}
		EXPECT(i == 0 || fixture.now_us == picked_us + fixture.settings.retry_min_us, "pick %d", i);
		picked_us = fixture.now_us;
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	fixture_fini(&fixture);
}

/* One of a thousand that are drawn at random takes a thousand draws, on average. */
static void one_that_is_back_is_found_among_a_thousand_dead_ones_as_fast_as_chance_says(void)
{
	enum { TURNS = 30 };
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	int draws = 0;
	fixture_init_dead(&fixture);
	for (int turn = 0; turn < TURNS; turn++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.%d.0.1:5999", 7 * turn);
		struct address back = address_of(text);
		for (bool is_found = false; !is_found && draws < 10 * TURNS * DEAD;) {
			if (strcmp(pick(&fixture, &dial, &next_us), "-") == 0) {
				fixture.now_us = next_us;
				continue;
			}
			draws++;
			is_found = address_equals(&dial.address, &back);
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		}
	}
	EXPECT(draws > TURNS * DEAD / 3 && draws < TURNS * DEAD * 2, "%d", draws / TURNS);
	fixture_fini(&fixture);
}

static void once_something_is_reached_what_has_failed_need_not_wait(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init_dead(&fixture);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		struct peer_dial first = dial;
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT_EQUAL(next_us, fixture.now_us + fixture.settings.retry_min_us);
		reach(&fixture, &first, 5000 + i);
	}
	/* What has not failed never waits for that. */
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	hear(&fixture, "10.255.0.1:5999", 0);
	EXPECT_PICK(&fixture, "10.255.0.1:5999");
	fixture_fini(&fixture);
}

static void what_is_told_of_again_is_due_as_soon_as_after_one_failure(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (int i = 0; i < 8; i++)
		fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
	CU_ASSERT(fail_once(&fixture, "127.0.0.2:5999") > 60 * SECOND_US);
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 0));
	/* The pace of all that has failed is not what it waits for. */
	hear(&fixture, "127.0.0.3:5999", 3);
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	reach(&fixture, &dial, 3);
	fixture.now_us += fixture.settings.retry_min_us - 1;
	EXPECT_PICK(&fixture, "-");
	fixture.now_us += 1;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

/* ---- whom to choose ---- */

static void half_of_the_time_a_tried_one_is_chosen(void)
{
	static const struct {
		unsigned tried, new, least, most; /* of 200 picks, so many are of tried ones */
	} cases[] = {
		{300, 300, 75, 125}, {300, 1000, 75, 125}, {1000, 300, 75, 125}, {300, 0, 200, 200}, {0, 300, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct peer_dial dial;
		int64_t next_us;
		char text[ADDRESS_TEXT_BYTES];
		unsigned tried = 0;
		fixture_init(&fixture, "");
		for (unsigned j = 0; j < cases[i].tried; j++) {
			snprintf(text, sizeof text, "10.%u.0.%u:5999", j % 250, j / 250 + 1);
			announce(&fixture, text, j + 1);
		}
		for (unsigned j = 0; j < cases[i].new; j++) {
			snprintf(text, sizeof text, "11.%u.0.%u:5999", j % 250, j / 250 + 1);
			hear_from(&fixture, text, 0, text);
		}
		for (int turn = 0; turn < 200; turn++) {
			CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
			tried += dial.address.host[0] == 10;
		}
		EXPECT(tried >= cases[i].least && tried <= cases[i].most, "case %zu: %u", i, tried);
		fixture_fini(&fixture);
	}
}

static void a_group_in_which_no_node_is_connected_is_preferred(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	unsigned same = 0;
	fixture_init(&fixture, "");
	connect_node(&fixture, 1);
	announce(&fixture, "10.1.255.1:5999", 1);
	for (unsigned i = 1; i <= 200; i++) {
		snprintf(text, sizeof text, "10.%u.0.%u:5999", i % 2 + 1, i);
		hear(&fixture, text, 0);
	}
	for (int turn = 0; turn < 50; turn++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		same += dial.address.host[1] == 1;
		address_book_let_go(fixture.book, &dial, fixture.now_us);
	}
	EXPECT(same <= 5, "%u", same);
	/* Once it isn't any more, its group is like the others. */
	disconnect_node(&fixture, 1, true);
	for (int turn = 0; turn < 50; turn++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		same += dial.address.host[1] == 1;
		address_book_let_go(fixture.book, &dial, fixture.now_us);
	}
	EXPECT(same >= 15, "%u", same);
	/* Nor is a group in which one is being dialled as good as another. */
	fixture.now_us += 2 * SECOND_US;
	for (int turn = 0; turn < 20; turn++) {
		struct peer_dial first;
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &first, &next_us), "-");
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		CU_ASSERT_NOT_EQUAL(first.address.host[1], dial.address.host[1]);
		address_book_let_go(fixture.book, &first, fixture.now_us);
		address_book_let_go(fixture.book, &dial, fixture.now_us);
	}
	fixture.now_us += 2 * SECOND_US;
	/* A preference, no condition. */
	connect_node(&fixture, 1);
	announce(&fixture, "10.1.255.1:5999", 1);
	connect_node(&fixture, 2);
	announce(&fixture, "10.2.255.1:5999", 2);
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	fixture_fini(&fixture);
}

/* ---- feelers for hearsay ---- */

static void once_no_more_peers_are_wanted_one_of_hearsay_is_felt_every_two_minutes(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "127.0.0.2:5999");
	announce(&fixture, "10.0.1.1:5999", 500);
	for (unsigned i = 1; i <= 100; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		hear(&fixture, text, i);
	}
	for (int i = 0; i < 60; i++) {
		CU_ASSERT_FALSE(address_book_pick(fixture.book, ADDRESS_BOOK_FEELERS, fixture.now_us, &dial, &next_us));
		int64_t wait_us = next_us - fixture.now_us;
		EXPECT(wait_us >= 90 * SECOND_US && wait_us <= 150 * SECOND_US, "%d: %lld", i, (long long)wait_us);
		fixture.now_us = next_us - 1;
		CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
		fixture.now_us = next_us;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		snprintf(text, sizeof text, "%s", address_text(dial.address));
		/* Neither bootstraps nor what was tried, and none twice: all of these answer. */
		EXPECT(strncmp(text, "10.0.0.", 7) == 0, "%s", text);
		EXPECT_TEXT(kind_of(&fixture, text), "new");
		struct nodeid nodeid = nodeid_of(dial.address.host[3]);
		address_book_reached(fixture.book, &dial, &nodeid, fixture.now_us);
		EXPECT_TEXT(kind_of(&fixture, text), "tried");
	}
	fixture_fini(&fixture);
}

/* What was tried, and has failed a few times since. */
static void lose(struct fixture *fixture, const char *text, unsigned number, unsigned failures)
{
	struct peer_dial dial;
	int64_t next_us;
	hear(fixture, text, number);
	EXPECT_PICK(fixture, text);
	reach(fixture, &dial, number);
	disconnect_node(fixture, number, true);
	for (unsigned i = 1; i < failures; i++) {
		fixture->now_us += 2 * fixture->settings.retry_max_us;
		CU_ASSERT_FATAL(pick_feeler(fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), text);
		address_book_failed(fixture->book, &dial, "timed out", fixture->now_us);
	}
}

static void what_is_lost_is_felt_and_dialled_first_when_it_is_back(void)
{
	static const struct {
		unsigned failures;
		bool is_back;
	} cases[] = {{1, false}, {ADDRESS_BOOK_LOST - 1, false}, {ADDRESS_BOOK_LOST, true}, {7, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct peer_dial dial;
		int64_t next_us;
		struct nodeid two = nodeid_of(2);
		fixture_init(&fixture, "");
		lose(&fixture, "10.1.0.2:5999", 2, cases[i].failures);
		hear(&fixture, "10.2.0.3:5999", 3);
		hear(&fixture, "10.3.0.4:5999", 4);
		fixture.now_us += fixture.settings.retry_max_us;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), "10.1.0.2:5999");
		enum address_book_place place = address_book_reached(fixture.book, &dial, &two, fixture.now_us);
		EXPECT(place == (cases[i].is_back ? ADDRESS_BOOK_BACK : ADDRESS_BOOK_NO_PLACE), "case %zu", i);
		if (cases[i].is_back)
			EXPECT_PICK(&fixture, "10.1.0.2:5999");
		fixture_fini(&fixture);
	}
}

/* Who only says that it listens there could let it fail, and answer, as often as it likes. */
static void what_was_never_reached_is_not_lost(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	connect_node(&fixture, 2);
	announce(&fixture, "10.1.0.2:5999", 2);
	disconnect_node(&fixture, 2, true);
	for (int i = 0; i < ADDRESS_BOOK_LOST; i++) {
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		if (i < ADDRESS_BOOK_LOST - 1)
			address_book_failed(fixture.book, &dial, "timed out", fixture.now_us);
	}
	CU_ASSERT_EQUAL(address_book_reached(fixture.book, &dial, &two, fixture.now_us), ADDRESS_BOOK_NO_PLACE);
	fixture_fini(&fixture);
}

/* A young node mixes its peers: the first of what its feelers find get a place. */
static void the_first_of_hearsay_that_is_true_gets_a_place(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	fixture.settings.max_outbound = 6;
	for (unsigned i = 1; i <= 6; i++) {
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		hear(&fixture, text, i);
	}
	for (unsigned i = 1; i <= 6; i++) {
		fixture.now_us += 2 * ADDRESS_BOOK_FEELER_US;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		struct nodeid nodeid = nodeid_of(dial.address.host[1]);
		enum address_book_place place = address_book_reached(fixture.book, &dial, &nodeid, fixture.now_us);
		EXPECT(place == (i <= 3 ? ADDRESS_BOOK_FRESH : ADDRESS_BOOK_NO_PLACE), "%u", i);
	}
	fixture_fini(&fixture);
}

static void what_is_lost_is_felt_at_the_pace_of_what_has_failed(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	for (unsigned i = 2; i < 30; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		connect_node(&fixture, i);
		announce(&fixture, text, i);
	}
	for (unsigned i = 2; i < 30; i++)
		disconnect_node(&fixture, i, true);
	fixture.now_us += 2 * SECOND_US;
	for (unsigned i = 2; i < 30; i++) {
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		address_book_failed(fixture.book, &dial, "timed out", fixture.now_us);
		CU_ASSERT_FALSE(address_book_pick(fixture.book, ADDRESS_BOOK_FEELERS, fixture.now_us, &dial, &next_us));
		CU_ASSERT(next_us <= fixture.now_us + fixture.settings.retry_min_us);
		fixture.now_us += fixture.settings.retry_min_us;
	}
	fixture_fini(&fixture);
}

/* It was closed to make place for another. */
static void who_gave_way_has_not_failed(void)
{
	struct fixture fixture;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	connect_node(&fixture, 2);
	announce(&fixture, "10.1.0.2:5999", 2);
	CU_ASSERT(address_book_disconnected(fixture.book, &two, true, NULL, fixture.now_us));
	struct address_info info;
	CU_ASSERT_EQUAL_FATAL(address_book_recent(fixture.book, &info, 1, fixture.now_us), 1);
	CU_ASSERT(info.failures == 0 && info.error[0] == '\0');
	fixture_fini(&fixture);
}

static void hearsay_that_feelers_do_not_reach_is_forgotten(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "");
	hear(&fixture, "10.0.0.2:5999", 2);
	forget_hearsay(&fixture, "10.0.0.2:5999");
	fixture_fini(&fixture);
}

static void where_peers_are_wanted_no_hearsay_is_felt(void)
{
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "10.0.0.2:5999", 2);
	fixture.now_us += HOUR_US;
	EXPECT_PICK(&fixture, "10.0.0.2:5999");
	CU_ASSERT_FALSE(dial.is_feeler);
	fixture_fini(&fixture);
}

/* ---- the sample ---- */

static size_t sample(struct fixture *fixture, struct message_entry *entries, size_t most)
{
	return address_book_sample(fixture->book, entries, most, fixture->now_us);
}

/* 10.G.0.N: reached so long ago. */
static void import_many(struct fixture *fixture, unsigned count, int64_t reached_ago_us)
{
	for (unsigned i = 0; i < count; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.%u.0.%u:5999", i % 250, i / 250 + 1);
		struct address_record record = record_of(text, ADDRESS_TRIED, 0, HOUR_US, reached_ago_us);
		record.nodeid = nodeid_of(i + 1);
		import(fixture, &record, 1);
	}
}

static void a_sample_is_at_most_23_percent_of_what_was_reached_within_a_day(void)
{
	static const struct {
		unsigned reached;
		int64_t ago_us;
		size_t most, sampled;
	} cases[] = {
		{0, HOUR_US, 1000, 0},	     {4, HOUR_US, 1000, 0},	    {5, HOUR_US, 1000, 1},
		{100, HOUR_US, 1000, 23},    {1000, HOUR_US, 1000, 230},    {1000, HOUR_US, 100, 100},
		{5000, HOUR_US, 1000, 1000}, {100, 24 * HOUR_US, 1000, 23}, {100, 24 * HOUR_US + SECOND_US, 1000, 0},
		{100, 0, 1000, 0},
	};
	static struct message_entry entries[1000];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		fixture_init(&fixture, "");
		import_many(&fixture, cases[i].reached, cases[i].ago_us);
		size_t count = sample(&fixture, entries, cases[i].most);
		EXPECT(count == cases[i].sampled, "case %zu: %zu", i, count);
		for (size_t j = 0; j < count; j++) {
			struct address_info info;
			EXPECT(find(&fixture, address_text(entries[j].address), &info) &&
				       nodeid_equals(&info.nodeid, &entries[j].nodeid),
			       "case %zu: entry %zu", i, j);
			if (cases[i].reached > 1000)
				break;
		}
		fixture_fini(&fixture);
	}
}

static void the_sample_is_the_same_for_a_day_and_another_the_next(void)
{
	static const struct {
		int64_t at_us;
		bool is_same;
	} cases[] = {{1000 * SECOND_US, true}, {20 * HOUR_US, true}, {DAY_US - 1, true}, {DAY_US, false}};
	struct message_entry first[23], other[23];
	struct fixture fixture;
	fixture_init(&fixture, "");
	import_many(&fixture, 100, SECOND_US);
	CU_ASSERT_EQUAL(sample(&fixture, first, 23), 23);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_same = true;
		fixture.now_us = cases[i].at_us;
		CU_ASSERT_EQUAL(sample(&fixture, other, 23), 23);
		for (size_t j = 0; j < 23; j++)
			is_same = is_same && address_equals(&first[j].address, &other[j].address);
		EXPECT(is_same == cases[i].is_same, "case %zu", i);
	}
	fixture_fini(&fixture);
}

static void what_is_connected_failed_or_only_hearsay_is_not_sampled(void)
{
	static struct message_entry entries[1000];
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	bool is_gone[250] = {false};
	fixture_init(&fixture, "");
	import_many(&fixture, 200, HOUR_US);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "11.%u.0.1:5999", i);
		hear(&fixture, text, 1000 + i);
		snprintf(text, sizeof text, "12.%u.0.1:5999", i);
		announce(&fixture, text, 2000 + i);
	}
	CU_ASSERT_EQUAL(sample(&fixture, entries, 1000), 46);
	/* Half of them are connected, and some fail. */
	for (unsigned i = 0; i < 100; i++) {
		connect_node(&fixture, i + 1);
		is_gone[i] = true;
	}
	for (int i = 0; i < 150; i++) {
		if (strcmp(pick(&fixture, &dial, &next_us), "-") == 0)
			break;
		if (dial.address.host[0] == 10)
			is_gone[dial.address.host[1]] = true;
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	size_t left = 0;
	for (unsigned i = 0; i < 200; i++)
		left += !is_gone[i];
	CU_ASSERT(left < 100 && left > 10);
	size_t count = sample(&fixture, entries, 1000);
	CU_ASSERT_EQUAL(count, left * ADDRESS_BOOK_SAMPLE_PERCENT / 100);
	for (size_t i = 0; i < count; i++)
		EXPECT(entries[i].address.host[0] == 10 && !is_gone[entries[i].address.host[1]], "%s",
		       address_text(entries[i].address));
	fixture_fini(&fixture);
}

/* ---- to look at ---- */

static void what_was_heard_of_or_tried_last_is_shown_first(void)
{
	static const char *const order[] = {"10.0.0.2:5999", "10.0.0.5:5999", "10.0.0.1:5999", "10.0.0.4:5999",
					    "10.0.0.3:5999"};
	struct address_info infos[8];
	struct fixture fixture;
	struct peer_dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT_EQUAL(address_book_recent(fixture.book, infos, 8, fixture.now_us), 0);
	hear(&fixture, "10.0.0.1:5999", 1);
	EXPECT_PICK(&fixture, "10.0.0.1:5999");
	connect_node(&fixture, 2);
	announce(&fixture, "10.0.0.2:5999", 2);
	fixture.now_us = start_us + 1 * SECOND_US;
	hear(&fixture, "10.0.0.3:5999", 3);
	fixture.now_us = start_us + 2 * SECOND_US;
	announce(&fixture, "10.0.0.4:5999", 4);
	fixture.now_us = start_us + 3 * SECOND_US;
	address_book_failed(fixture.book, &dial, "no route to host", fixture.now_us);
	fixture.now_us = start_us + 20 * SECOND_US;
	/* What has failed waits while something else is due: these two are under way meanwhile. */
	struct peer_dial dials[MOST_PICKS];
	EXPECT_PICKS(&fixture, "10.0.0.1:5999 10.0.0.3:5999 10.0.0.4:5999");
	fixture.now_us = start_us + 30 * SECOND_US;
	hear(&fixture, "10.0.0.5:5999", 0);
	fixture.now_us = start_us + 40 * SECOND_US;
	size_t count = address_book_recent(fixture.book, infos, 8, fixture.now_us);
	CU_ASSERT_EQUAL_FATAL(count, 5);
	EXPECT_TEXT(address_text(infos[0].address), order[0]);
	EXPECT_TEXT(address_text(infos[1].address), order[1]);
	CU_ASSERT(infos[0].kind == ADDRESS_TRIED && infos[0].heard_us == fixture.now_us);
	CU_ASSERT(infos[0].tried_us == NEVER_US && infos[0].error_us == NEVER_US && infos[0].error[0] == '\0');
	for (size_t i = 2; i < 5; i++) {
		CU_ASSERT_EQUAL(infos[i].tried_us, start_us + 20 * SECOND_US);
		if (infos[i].address.host[3] != 1)
			continue;
		struct nodeid one = nodeid_of(1);
		CU_ASSERT(nodeid_equals(&infos[i].nodeid, &one) && infos[i].kind == ADDRESS_NEW);
		CU_ASSERT(infos[i].heard_us == start_us && infos[i].error_us == start_us + 3 * SECOND_US);
		CU_ASSERT_EQUAL(infos[i].failures, 1);
		EXPECT_TEXT(infos[i].error, "no route to host");
	}
	CU_ASSERT_EQUAL(address_book_recent(fixture.book, infos, 2, fixture.now_us), 2);
	EXPECT_TEXT(address_text(infos[0].address), order[0]);
	EXPECT_TEXT(address_text(infos[1].address), order[1]);
	fixture_fini(&fixture);
}

/* ---- whatever happens ---- */

/* Some address of 60, in 3 groups. */
static const char *some_address(struct rng *rng)
{
	static char text[ADDRESS_TEXT_BYTES];
	snprintf(text, sizeof text, "10.%u.0.%u:5999", rng_below(rng, 3), rng_below(rng, 60) + 1);
	return text;
}

struct chaos {
	struct fixture fixture;
	struct rng rng;
	struct peer_dial dials[MOST_PICKS];
	size_t dial_count;
	unsigned connections[10]; /* of the node with this number */
};

/* Some dial ends in some way. */
static void end_some_dial(struct chaos *chaos)
{
	struct fixture *fixture = &chaos->fixture;
	size_t which = rng_below(&chaos->rng, (uint32_t)chaos->dial_count);
	unsigned number = rng_below(&chaos->rng, 10);
	struct peer_dial dial = chaos->dials[which];
	struct nodeid nodeid = nodeid_of(number);
	struct address address = address_of(some_address(&chaos->rng));
	uint32_t verdict = rng_below(&chaos->rng, 4);
	chaos->dials[which] = chaos->dials[--chaos->dial_count];
	if (dial.host != NULL && verdict > 0) {
		address_book_resolved(fixture->book, &dial, &address, 1, fixture->now_us);
	} else if (verdict == 0 || number == 0) {
		address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	} else if (verdict == 1) {
		address_book_let_go(fixture->book, &dial, fixture->now_us);
	} else if (dial.is_feeler) {
		address_book_reached(fixture->book, &dial, &nodeid, fixture->now_us);
	} else if (chaos->connections[number] > 0) {
		address_book_found(fixture->book, &dial, &nodeid);
		address_book_failed(fixture->book, &dial, "bye: duplicate", fixture->now_us);
	} else {
		chaos->connections[number]++;
		reach(fixture, &dial, number);
	}
	free(dial.host);
}

static void do_something(struct chaos *chaos)
{
	static const char *const bootstraps[] = {"", "10.0.0.1:5999 10.1.0.1:5999 10.1.0.2:5999", "kith.example:5999",
						 "10.1.0.2:5999 10.2.0.7:5999 kith.example:5999"};
	struct fixture *fixture = &chaos->fixture;
	unsigned number = rng_below(&chaos->rng, 10);
	int64_t next_us;
	switch (rng_below(&chaos->rng, 10)) {
	case 0:
		hear_from(fixture, some_address(&chaos->rng), number, number % 2 == 0 ? "10.8.0.1:1" : "10.9.0.1:1");
		break;
	case 1:
		if (number > 0)
			announce(fixture, some_address(&chaos->rng), number);
		break;
	case 2:
		prove(fixture, some_address(&chaos->rng), number);
		break;
	case 3:
		if (number > 0 && chaos->connections[number]++ < 2)
			connect_node(fixture, number);
		else if (number > 0)
			chaos->connections[number]--;
		break;
	case 4:
		if (number > 0 && chaos->connections[number] > 0) {
			chaos->connections[number]--;
			disconnect_node(fixture, number, rng_below(&chaos->rng, 2) == 0);
		}
		break;
	case 5:
		if (rng_below(&chaos->rng, 20) == 0)
			set_bootstraps(fixture, bootstraps[rng_below(&chaos->rng, 4)]);
		break;
	case 6:
		fixture->now_us += rng_below(&chaos->rng, number == 9 ? 1U << 31 : 100000000);
		break;
	case 7:
		if (chaos->dial_count > 0)
			end_some_dial(chaos);
		break;
	default:
		if (chaos->dial_count < MOST_PICKS &&
		    address_book_pick(fixture->book, number < 5 ? ADDRESS_BOOK_PEERS : ADDRESS_BOOK_FEELERS,
				      fixture->now_us, &chaos->dials[chaos->dial_count], &next_us))
			chaos->dial_count++;
		break;
	}
}

/* The counts of dials and connections, and with them what may be dialled, are in the end as they were. */
static void nothing_drifts_whatever_happens_in_which_order(void)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct chaos chaos = {.dial_count = 0};
		fixture_init_bounded(&chaos.fixture, "", SMALL);
		chaos.fixture.settings.max_dialing = 8;
		rng_seed(&chaos.rng, seed);
		for (int i = 0; i < 5000; i++)
			do_something(&chaos);
		set_bootstraps(&chaos.fixture, "");
		while (chaos.dial_count > 0)
			end_some_dial(&chaos);
		for (unsigned number = 1; number < 10; number++)
			for (; chaos.connections[number] > 0; chaos.connections[number]--)
				disconnect_node(&chaos.fixture, number, true);
		/* What is left has not been heard from for long, and fails until it is forgotten. */
		chaos.fixture.now_us += 8 * DAY_US;
		for (int i = 0; i < 10000 && address_book_count(chaos.fixture.book) > 0; i++) {
			struct peer_dial dial;
			int64_t next_us;
			if (address_book_pick(chaos.fixture.book, ADDRESS_BOOK_PEERS, chaos.fixture.now_us, &dial,
					      &next_us))
				address_book_failed(chaos.fixture.book, &dial, "refused", chaos.fixture.now_us);
			else if (next_us == FOREVER_US)
				break;
			else
				chaos.fixture.now_us = next_us;
		}
		EXPECT(address_book_count(chaos.fixture.book) == 0, "seed %u: %zu are lost", seed,
		       address_book_count(chaos.fixture.book));
		size_t dials = count_dials_to_hearsay(&chaos.fixture);
		EXPECT(dials == 6, "seed %u: %zu dials", seed, dials);
		fixture_fini(&chaos.fixture);
	}
}

static CU_TestInfo tests[] = {
	{"the back-off doubles within its bounds, with jitter", the_back_off_doubles_within_its_bounds_with_jitter},
	{"a failing bootstrap is tried for ever, with back-off", a_failing_bootstrap_is_tried_for_ever_with_back_off},
	{"failures in a row are told", failures_in_a_row_are_told},
	{"hearsay is a candidate once", hearsay_is_a_candidate_once},
	{"what is this node itself is never dialled", what_is_this_node_itself_is_never_dialled},
	{"the list of addresses where a node met itself is bounded",
	 the_list_of_addresses_where_a_node_met_itself_is_bounded},
	{"where a node listens is not forgotten for what peers say",
	 where_a_node_listens_is_not_forgotten_for_what_peers_say},
	{"a connected node is nothing to dial", a_connected_node_is_nothing_to_dial},
	{"a node is connected until its last connection ends", a_node_is_connected_until_its_last_connection_ends},
	{"one dial at a time goes to an address", one_dial_at_a_time_goes_to_an_address},
	{"one dial at a time goes to a nodeid", one_dial_at_a_time_goes_to_a_nodeid},
	{"what is not due waits", what_is_not_due_waits},
	{"addresses that lead nowhere leave room for others", addresses_that_lead_nowhere_leave_room_for_others},
	{"the counts of dials survive what becomes of an address meanwhile",
	 the_counts_of_dials_survive_what_becomes_of_an_address_meanwhile},
	{"hearsay that fails three times is forgotten", hearsay_that_fails_three_times_is_forgotten},
	{"what was announced or once reached is not forgotten soon",
	 what_was_announced_or_once_reached_is_not_forgotten_soon},
	{"a dial without a verdict is no failure, and not repeated at once",
	 a_dial_without_a_verdict_is_no_failure_and_not_repeated_at_once},
	{"a dial to a node that is connected another way is no failure",
	 a_dial_to_a_node_that_is_connected_another_way_is_no_failure},
	{"an address that is announced while it is dialled is known to be its node's",
	 an_address_that_is_announced_while_it_is_dialled_is_known_to_be_its_nodes},
	{"an address that was found to be a connected node's is not dialled again",
	 an_address_that_was_found_to_be_a_connected_nodes_is_not_dialled_again},
	{"another node than expected replaces the entry", another_node_than_expected_replaces_the_entry},
	{"who comes and goes is dialled ever more rarely until it is steady",
	 who_comes_and_goes_is_dialled_ever_more_rarely_until_it_is_steady},
	{"a name is looked up, and what it stands for is dialled",
	 a_name_is_looked_up_and_what_it_stands_for_is_dialled},
	{"a name is due again only when none of its addresses is connected or dialled",
	 a_name_is_due_again_only_when_none_of_its_addresses_is_connected_or_dialled},
	{"a name that cannot be looked up is tried again with back-off",
	 a_name_that_cannot_be_looked_up_is_tried_again_with_back_off},
	{"a name that is configured twice is looked up once", a_name_that_is_configured_twice_is_looked_up_once},
	{"names with the same host and other ports are told apart",
	 names_with_the_same_host_and_other_ports_are_told_apart},
	{"a name that stands for this node itself is looked up again",
	 a_name_that_stands_for_this_node_itself_is_looked_up_again},
	{"of a name with very many addresses only so many are used",
	 of_a_name_with_very_many_addresses_only_so_many_are_used},
	{"what a name no longer stands for is forgotten when it fails",
	 what_a_name_no_longer_stands_for_is_forgotten_when_it_fails},
	{"a bootstrap that a name stands for too is not forgotten",
	 a_bootstrap_that_a_name_stands_for_too_is_not_forgotten},
	{"a bootstrap that is removed may displace what stands next to it",
	 a_bootstrap_that_is_removed_may_displace_what_stands_next_to_it},
	{"a bootstrap is dialled first from when it is one", a_bootstrap_is_dialled_first_from_when_it_is_one},
	{"a feeler goes out once and makes no entry", a_feeler_goes_out_once_and_makes_no_entry},
	{"where only feelers may go out, nothing else does", where_only_feelers_may_go_out_nothing_else_does},
	{"too many feelers do not wait", too_many_feelers_do_not_wait},
	{"what was tried is tested before it is displaced", what_was_tried_is_tested_before_it_is_displaced},
	{"what was heard from within four hours is not even tested",
	 what_was_heard_from_within_four_hours_is_not_even_tested},
	{"what is announced displaces no hearsay while there is room among the tried",
	 what_is_announced_displaces_no_hearsay_while_there_is_room_among_the_tried},
	{"the bootstraps that are there change with the configuration",
	 the_bootstraps_that_are_there_change_with_the_configuration},
	{"a bootstrap may be removed or added while it is dialled",
	 a_bootstrap_may_be_removed_or_added_while_it_is_dialled},
	{"the names that are looked up change with the configuration",
	 the_names_that_are_looked_up_change_with_the_configuration},
	{"what fails for long enough is forgotten", what_fails_for_long_enough_is_forgotten},
	{"what is hopeless is not imported", what_is_hopeless_is_not_imported},
	{"what is kept comes back as it was", what_is_kept_comes_back_as_it_was},
	{"what the configuration says anyway is not kept before it was reached",
	 what_the_configuration_says_anyway_is_not_kept_before_it_was_reached},
	{"the peers that were connected longest are dialled first after a restart",
	 the_peers_that_were_connected_longest_are_dialled_first_after_a_restart},
	{"an import adds to what the configuration says", an_import_adds_to_what_the_configuration_says},
	{"of many dead addresses one is tried in retry min", of_many_dead_addresses_one_is_tried_in_retry_min},
	{"one that is back is found among a thousand dead ones as fast as chance says",
	 one_that_is_back_is_found_among_a_thousand_dead_ones_as_fast_as_chance_says},
	{"once something is reached what has failed need not wait",
	 once_something_is_reached_what_has_failed_need_not_wait},
	{"what is told of again is due as soon as after one failure",
	 what_is_told_of_again_is_due_as_soon_as_after_one_failure},
	{"half of the time a tried one is chosen", half_of_the_time_a_tried_one_is_chosen},
	{"a group in which no node is connected is preferred", a_group_in_which_no_node_is_connected_is_preferred},
	{"once no more peers are wanted one of hearsay is felt every two minutes",
	 once_no_more_peers_are_wanted_one_of_hearsay_is_felt_every_two_minutes},
	{"what is lost is felt, and dialled first when it is back",
	 what_is_lost_is_felt_and_dialled_first_when_it_is_back},
	{"what was never reached is not lost", what_was_never_reached_is_not_lost},
	{"the first of hearsay that is true gets a place", the_first_of_hearsay_that_is_true_gets_a_place},
	{"what is lost is felt at the pace of what has failed", what_is_lost_is_felt_at_the_pace_of_what_has_failed},
	{"who gave way has not failed", who_gave_way_has_not_failed},
	{"hearsay that feelers do not reach is forgotten", hearsay_that_feelers_do_not_reach_is_forgotten},
	{"where peers are wanted no hearsay is felt", where_peers_are_wanted_no_hearsay_is_felt},
	{"a sample is at most 23 % of what was reached within a day",
	 a_sample_is_at_most_23_percent_of_what_was_reached_within_a_day},
	{"the sample is the same for a day and another the next",
	 the_sample_is_the_same_for_a_day_and_another_the_next},
	{"what is connected failed or only hearsay is not sampled",
	 what_is_connected_failed_or_only_hearsay_is_not_sampled},
	{"what was heard of or tried last is shown first", what_was_heard_of_or_tried_last_is_shown_first},
	{"nothing drifts, whatever happens in which order", nothing_drifts_whatever_happens_in_which_order},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book = {.pName = "address_book", .pTests = tests};

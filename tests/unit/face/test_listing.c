#include "face/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static const int64_t now_us = 1000 * SECOND_US;

/* Node 3 without peers, which has run for 12.345 s. */
static struct listing_header new_header(void)
{
	return (struct listing_header){
		.nodeid = nodeid_of(0x6f0c0000), .name = "alpha", .network = "kith", .uptime_us = 12345678, .known = 5};
}

static struct peer_info new_peer_info(unsigned number, const char *name)
{
	struct peer_info info = {.direction = PEER_INBOUND,
				 .state = PEER_READY,
				 .nodeid = nodeid_of(number),
				 .remote = address_of("127.0.0.1:52114"),
				 .local = address_of("127.0.0.1:5999"),
				 .listen = address_of("127.0.0.1:5998"),
				 .since_us = now_us - 11900000,
				 .heard_us = now_us - 400000,
				 .rtt_us = 113,
				 .late_us = -1,
				 .messages_in = 9,
				 .messages_out = 10,
				 .bytes_in = 512,
				 .bytes_out = 498};
	info.name = name;
	info.agent = "kithd/1";
	return info;
}

static const char *render_of(struct listing_header header, struct peer_info *peers, size_t count)
{
	static char text[16 * 1024];
	struct buffer out = {0};
	CU_ASSERT(listing_render(&header, peers, count, NULL, 0, now_us, &out));
	CU_ASSERT_FATAL(buffer_length(&out) < sizeof text);
	memcpy(text, buffer_content(&out), buffer_length(&out));
	text[buffer_length(&out)] = '\0';
	buffer_fini(&out);
	return text;
}

static const char *render(struct peer_info *peers, size_t count)
{
	return render_of(new_header(), peers, count);
}

/* The nth line, the header being the first, until the next call. */
static const char *line_of(const char *table, size_t n)
{
	static char line[2048];
	for (; n > 0; n--) {
		table += strcspn(table, "\n");
		CU_ASSERT_FATAL(*table == '\n');
		table++;
	}
	snprintf(line, sizeof line, "%.*s", (int)strcspn(table, "\n"), table);
	return line;
}

/* The words of a line with one space between them. */
static const char *words_of(const char *line)
{
	static char words[2048];
	size_t used = 0;
	for (; *line != '\0'; line++)
		if (*line != ' ' || (used > 0 && words[used - 1] != ' '))
			words[used++] = *line;
	words[used] = '\0';
	return words;
}

#define HEADER                                                                                                         \
	"# kithd " KITH_VERSION " node 6f0c0000-0000-4000-8000-000000000000 name alpha network kith uptime_s 12.3"

#define ADDRESS_HEADS "ADDRESS  NODEID  KIND  HEARD_S  TRIED_S  FAILURES  LAST_ERROR\n"
#define NO_ADDRESSES "# addresses\n" ADDRESS_HEADS "# end\n"

static void a_node_without_peers_shows_an_empty_table(void)
{
	EXPECT_TEXT(render(NULL, 0),
		    HEADER " peers 0 outbound 0 inbound 0 known 5 late 0\n"
			   "NODEID  NAME  ADDRESS  LISTEN  DIR  STATE  RTT_MS  HEARD_S  UP_S  MSGS_IN  MSGS_OUT  "
			   "BYTES_IN  BYTES_OUT  AGENT  LATE_S\n" NO_ADDRESSES);
}

static void a_table_looks_as_it_is_documented(void)
{
	struct peer_info peers[2] = {new_peer_info(1, "beta"), new_peer_info(2, "a much longer name")};
	peers[1].direction = PEER_OUTBOUND;
	peers[1].remote = address_of("[fe80::1]:5999");
	peers[1].listen = (struct address){0};
	peers[1].rtt_us = 12345678;
	peers[1].bytes_out = 123456789012;
	peers[0].agent = "a b";
	peers[0].late_us = 1234567;
	EXPECT_TEXT(render(peers, 2),
		    HEADER " peers 2 outbound 1 inbound 1 known 5 late 1\n"
			   "NODEID                                NAME                         ADDRESS          "
			   "LISTEN          DIR  STATE  RTT_MS     HEARD_S  UP_S  MSGS_IN  MSGS_OUT  BYTES_IN  "
			   "BYTES_OUT     AGENT    LATE_S\n"
			   "00000002-0000-4000-8000-000000000000  a\\x20much\\x20longer\\x20name  [fe80::1]:5999   "
			   "-               out  READY  12345.678  0.4      11.9  9        10        512       "
			   "123456789012  kithd/1  -\n"
			   "00000001-0000-4000-8000-000000000000  beta                         127.0.0.1:52114  "
			   "127.0.0.1:5998  in   LATE   0.113      0.4      11.9  9        10        512       "
			   "498           a\\x20b   1.2\n" NO_ADDRESSES);
}

static void what_is_not_known_is_a_dash(void)
{
	struct peer_info peers[2] = {new_peer_info(1, ""), new_peer_info(2, "")};
	for (int i = 0; i < 2; i++) {
		peers[i].listen = peers[i].local = (struct address){0};
		peers[i].nodeid = nodeid_none;
		peers[i].agent = "";
		peers[i].heard_us = 0;
		peers[i].rtt_us = -1;
		peers[i].since_us = now_us - (2 - i) * SECOND_US;
		peers[i].messages_in = peers[i].messages_out = peers[i].bytes_in = peers[i].bytes_out = 0;
	}
	peers[0].direction = PEER_OUTBOUND;
	peers[0].state = PEER_DIAL;
	peers[1].state = PEER_HELLO;
	const char *table = render(peers, 2);
	EXPECT_TEXT(words_of(line_of(table, 2)), "- - 127.0.0.1:52114 - out DIAL - - 2.0 0 0 0 0 - -");
	EXPECT_TEXT(words_of(line_of(table, 3)), "- - 127.0.0.1:52114 - in HELLO - - 1.0 0 0 0 0 - -");
}

static void a_connection_that_is_not_ready_counts_for_no_peer(void)
{
	struct peer_info peers[3] = {new_peer_info(1, "a"), new_peer_info(2, "b"), new_peer_info(3, "c")};
	peers[0].state = PEER_DIAL;
	peers[1].state = PEER_HELLO;
	EXPECT_TEXT(line_of(render(peers, 3), 0), HEADER " peers 1 outbound 0 inbound 1 known 5 late 0");
}

static void a_name_that_is_looked_up_stands_for_the_address(void)
{
	struct peer_info peer = new_peer_info(1, "");
	peer.state = PEER_DIAL;
	peer.remote = (struct address){0};
	strcpy(peer.host, "a host\n.example:5999");
	EXPECT_TEXT(words_of(line_of(render(&peer, 1), 2)),
		    "- - a\\x20host\\x0a.example:5999 127.0.0.1:5998 in DIAL 0.113 0.4 11.9 9 10 512 498 kithd/1 -");
}

/* Names come from peers, of valid UTF-8 at most; the rest is for the case that one doesn't. */
static void no_name_breaks_a_row(void)
{
	static const struct {
		const char *name, *cell;
	} cases[] = {
		{"two words", "two\\x20words"},
		{"a\ttab", "a\\x09tab"},
		{"a\nline", "a\\x0aline"},
		{"\x1b[31mred", "\\x1b[31mred"},
		{"back\\slash", "back\\x5cslash"},
		{"\xc3\xa4pfel", "\xc3\xa4pfel"},
		{"\xff", "\\xff"},
		{"\xc2\xa0", "\\xc2\\xa0"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer_info peer = new_peer_info(1, cases[i].name);
		char row[256];
		snprintf(row, sizeof row,
			 "00000001-0000-4000-8000-000000000000 %s 127.0.0.1:52114 127.0.0.1:5998 in READY 0.113 0.4 "
			 "11.9 "
			 "9 10 512 498 kithd/1 -",
			 cases[i].cell);
		EXPECT_TEXT(words_of(line_of(render(&peer, 1), 2)), row);
	}
}

static void the_longest_name_of_all_escapes_is_shown_whole(void)
{
	struct peer_info peer = new_peer_info(1, "");
	char expected[64 * 4 + 1], name[65];
	for (size_t i = 0; i < 64; i++) {
		name[i] = '\t';
		memcpy(&expected[i * 4], "\\x09", 4);
	}
	name[64] = expected[sizeof expected - 1] = '\0';
	peer.name = name;
	const char *cell = strstr(line_of(render(&peer, 1), 2), "\\x09");
	CU_ASSERT_PTR_NOT_NULL_FATAL(cell);
	CU_ASSERT(strncmp(cell, expected, sizeof expected - 1) == 0 && cell[sizeof expected - 1] == ' ');
}

static void a_nodes_own_name_and_network_are_escaped(void)
{
	struct listing_header header = new_header();
	header.name = "my node";
	header.network = "my net\n# end";
	EXPECT_TEXT(line_of(render_of(header, NULL, 0), 0),
		    "# kithd " KITH_VERSION " node 6f0c0000-0000-4000-8000-000000000000 name my\\x20node network "
		    "my\\x20net\\x0a#\\x20end uptime_s 12.3 peers 0 outbound 0 inbound 0 known 5 late 0");
	header.name = "";
	CU_ASSERT_PTR_NOT_NULL(strstr(render_of(header, NULL, 0), " name - network "));
}

static void columns_line_up_under_wide_characters_of_many_bytes(void)
{
	struct peer_info peers[2] = {new_peer_info(1, "\xc3\xa4\xc3\xb6\xc3\xbc"), new_peer_info(2, "abc")};
	const char *table = render(peers, 2);
	EXPECT_TEXT(line_of(table, 2),
		    "00000002-0000-4000-8000-000000000000  abc   127.0.0.1:52114  127.0.0.1:5998  in   "
		    "READY  0.113   0.4      11.9  9        10        512       498        kithd/1  -");
	EXPECT_TEXT(line_of(table, 3),
		    "00000001-0000-4000-8000-000000000000  \xc3\xa4\xc3\xb6\xc3\xbc   127.0.0.1:52114  127.0.0.1:5998  "
		    "in   READY  0.113   0.4      11.9  9        10        512       498        kithd/1  -");
}

static void rows_stand_in_the_order_of_names_then_nodeids_then_ages(void)
{
	struct peer_info peers[] = {new_peer_info(9, "b"), new_peer_info(0xff000000, "a"), new_peer_info(2, "a"),
				    new_peer_info(1, "c"), new_peer_info(5, ""),	   new_peer_info(5, "")};
	static const char *const expected[] = {"00000005-", "00000005-", "00000002-",
					       "ff000000-", "00000009-", "00000001-"};
	enum { COUNT = sizeof peers / sizeof *peers };
	peers[4].since_us = now_us - 3 * SECOND_US;
	peers[5].since_us = now_us - 7 * SECOND_US;
	for (size_t turn = 0; turn < COUNT; turn++) {
		struct peer_info turned[COUNT];
		for (size_t i = 0; i < COUNT; i++)
			turned[(i + turn) % COUNT] = peers[i];
		const char *table = render(turned, COUNT);
		for (size_t i = 0; i < COUNT; i++)
			EXPECT(strncmp(line_of(table, i + 2), expected[i], 9) == 0, "turn %zu, row %zu: %s", turn, i,
			       line_of(table, i + 2));
		CU_ASSERT_PTR_NOT_NULL(strstr(line_of(table, 2), " 7.0 "));
		CU_ASSERT_PTR_NOT_NULL(strstr(line_of(table, 3), " 3.0 "));
	}
}

static void closing_connections_are_left_out(void)
{
	struct peer_info peers[] = {new_peer_info(1, "a"), new_peer_info(2, "b"), new_peer_info(3, "c")};
	peers[0].is_closing = peers[2].is_closing = true;
	const char *table = render(peers, 3);
	EXPECT_TEXT(line_of(table, 0), HEADER " peers 1 outbound 0 inbound 1 known 5 late 0");
	CU_ASSERT(strncmp(line_of(table, 2), "00000002-", 9) == 0);
	EXPECT_TEXT(line_of(table, 3), "# addresses");
}

static void no_time_is_negative(void)
{
	struct peer_info peer = new_peer_info(1, "a");
	peer.heard_us = peer.since_us = now_us + 5 * SECOND_US;
	EXPECT_TEXT(words_of(line_of(render(&peer, 1), 2)),
		    "00000001-0000-4000-8000-000000000000 a 127.0.0.1:52114 "
		    "127.0.0.1:5998 in READY 0.113 0.0 0.0 9 10 512 498 kithd/1 -");
}

static void a_table_is_appended_to_what_is_there(void)
{
	struct listing_header header = new_header();
	struct buffer out = {0};
	CU_ASSERT(buffer_append(&out, "before\n", 7));
	CU_ASSERT(listing_render(&header, NULL, 0, NULL, 0, now_us, &out));
	CU_ASSERT(strncmp(buffer_content(&out), "before\n# kithd ", 15) == 0);
	buffer_fini(&out);
}

static CU_TestInfo tests[] = {
	{"a node without peers shows an empty table", a_node_without_peers_shows_an_empty_table},
	{"a table looks as it is documented", a_table_looks_as_it_is_documented},
	{"what is not known is a dash", what_is_not_known_is_a_dash},
	{"a connection that is not ready counts for no peer", a_connection_that_is_not_ready_counts_for_no_peer},
	{"a name that is looked up stands for the address", a_name_that_is_looked_up_stands_for_the_address},
	{"no name breaks a row", no_name_breaks_a_row},
	{"the longest name of all escapes is shown whole", the_longest_name_of_all_escapes_is_shown_whole},
	{"a node's own name and network are escaped", a_nodes_own_name_and_network_are_escaped},
	{"columns line up under characters of many bytes", columns_line_up_under_wide_characters_of_many_bytes},
	{"rows stand in the order of names, then nodeids, then ages",
	 rows_stand_in_the_order_of_names_then_nodeids_then_ages},
	{"closing connections are left out", closing_connections_are_left_out},
	{"no time is negative", no_time_is_negative},
	{"a table is appended to what is there", a_table_is_appended_to_what_is_there},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_listing = {.pName = "listing", .pTests = tests};

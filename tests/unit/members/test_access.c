#include "members/access.h"

#include <malloc.h>
#include <stdio.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static const int64_t start_us = 1000 * SECOND_US;
static struct settings settings;

static int set_up(void)
{
	settings_init(&settings);
	return 0;
}

static int tear_down(void)
{
	settings_fini(&settings);
	return 0;
}

static void set(const char *option)
{
	struct problem problem;
	EXPECT(settings_set_option(&settings, option, &problem), "%s: %s", option, problem.text);
}

static struct access *new_access(void)
{
	set("allow=");
	set("deny=");
	set("ban_after=3");
	set("ban_time=600");
	struct access *access = access_new(&settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(access);
	return access;
}

static bool allows(struct access *access, const char *host)
{
	struct address address = address_of(host);
	return access_allows(access, &address);
}

static bool errs(struct access *access, struct address address, int64_t now_us)
{
	return access_note_error(access, &address, now_us);
}

static bool is_banned(struct access *access, struct address address, int64_t now_us)
{
	return access_is_banned(access, &address, now_us);
}

static void the_lists_decide(void)
{
	static const struct {
		const char *allow, *deny, *host;
		bool allowed;
	} cases[] = {
		{"allow=", "deny=", "192.0.2.7:1", true},
		{"allow=", "deny=192.0.2.0/24", "192.0.2.7:1", false},
		{"allow=", "deny=192.0.2.0/24", "192.0.3.7:1", true},
		{"allow=10.0.0.0/8", "deny=", "10.1.2.3:1", true},
		{"allow=10.0.0.0/8", "deny=", "11.1.2.3:1", false},
		{"allow=10.0.0.0/8", "deny=", "[::1]:1", false},
		{"allow=10.0.0.0/8,::1", "deny=", "[::1]:1", true},
		{"allow=10.0.0.0/8", "deny=10.1.0.0/16", "10.1.2.3:1", false},
		{"allow=10.0.0.0/8", "deny=10.1.0.0/16", "10.2.2.3:1", true},
		{"allow=0.0.0.0/0", "deny=", "[2001:db8::1]:1", false},
		{"allow=", "deny=::/0", "192.0.2.7:1", true},
	};
	struct access *access = new_access();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set(cases[i].allow);
		set(cases[i].deny);
		CU_ASSERT(access_set_lists(access, &settings));
		EXPECT(allows(access, cases[i].host) == cases[i].allowed, "%s %s %s", cases[i].allow, cases[i].deny,
		       cases[i].host);
	}
	access_free(access);
}

static void so_many_errors_within_an_hour_are_a_ban(void)
{
	struct access *access = new_access();
	struct address host = address_of("127.0.0.2:1"), port = address_of("127.0.0.2:2");
	struct address other = address_of("127.0.0.3:1");
	CU_ASSERT_FALSE(errs(access, host, start_us));
	CU_ASSERT_FALSE(errs(access, other, start_us));
	CU_ASSERT_FALSE(errs(access, port, start_us + ACCESS_WINDOW_US - 2));
	CU_ASSERT_FALSE(is_banned(access, host, start_us + ACCESS_WINDOW_US - 2));
	CU_ASSERT(errs(access, host, start_us + ACCESS_WINDOW_US - 1));
	int64_t banned_us = start_us + ACCESS_WINDOW_US - 1;
	CU_ASSERT(is_banned(access, port, banned_us));
	CU_ASSERT(is_banned(access, host, banned_us + 600 * SECOND_US - 1));
	CU_ASSERT_FALSE(is_banned(access, host, banned_us + 600 * SECOND_US));
	CU_ASSERT_FALSE(is_banned(access, other, banned_us));
	/* Afterwards it begins anew. */
	CU_ASSERT_FALSE(errs(access, host, banned_us + 601 * SECOND_US));
	CU_ASSERT_FALSE(errs(access, host, banned_us + 601 * SECOND_US));
	CU_ASSERT(errs(access, host, banned_us + 601 * SECOND_US));
	access_free(access);
}

static void errors_of_more_than_an_hour_are_forgotten(void)
{
	struct access *access = new_access();
	struct address host = address_of("[::2]:1");
	for (int i = 0; i < 200; i++)
		EXPECT(!errs(access, host, start_us + i * ACCESS_WINDOW_US / 2), "error %d", i);
	access_free(access);
}

static void the_operator_is_never_banned(void)
{
	struct access *access = new_access();
	struct address hosts[] = {address_of("127.0.0.1:1"), address_of("[::1]:1"), address_of("[::ffff:127.0.0.1]:1")};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		for (int j = 0; j < 10; j++)
			CU_ASSERT_FALSE(errs(access, hosts[i], start_us));
		CU_ASSERT_FALSE(is_banned(access, hosts[i], start_us));
	}
	access_free(access);
}

static void zero_bans_nobody(void)
{
	static const char *const off[] = {"ban_after=0", "ban_time=0"};
	struct address host = address_of("10.0.0.1:1"), other = address_of("10.0.0.2:1");
	for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
		struct access *access = new_access();
		for (int j = 0; j < 3; j++)
			errs(access, host, start_us);
		CU_ASSERT(is_banned(access, host, start_us));
		set(off[i]);
		CU_ASSERT_FALSE(is_banned(access, host, start_us));
		for (int j = 0; j < 10; j++)
			CU_ASSERT_FALSE(errs(access, other, start_us));
		access_free(access);
	}
}

static void the_longest_ban_after_counts_exactly(void)
{
	struct access *access = new_access();
	struct address host = address_of("10.0.0.1:1");
	set("ban_after=64");
	CU_ASSERT_EQUAL(settings.ban_after, SETTINGS_BAN_AFTER);
	for (int i = 1; i <= SETTINGS_BAN_AFTER; i++)
		EXPECT(errs(access, host, start_us + i) == (i == SETTINGS_BAN_AFTER), "error %d", i);
	access_free(access);
}

static struct address numbered(unsigned number)
{
	struct address address = address_of("10.0.0.0:1");
	address.host[2] = (uint8_t)(number >> 8);
	address.host[3] = (uint8_t)number;
	return address;
}

static void the_host_that_has_been_quiet_for_longest_is_forgotten(void)
{
	struct access *access = new_access();
	for (unsigned i = 0; i < ACCESS_HOSTS; i++)
		for (int error = 0; error < 3; error++)
			errs(access, numbered(i), start_us);
	CU_ASSERT(is_banned(access, numbered(0), start_us));
	/* The first errs again, so that the second one has been quiet for longest. */
	errs(access, numbered(0), start_us);
	errs(access, numbered(ACCESS_HOSTS), start_us);
	CU_ASSERT(is_banned(access, numbered(0), start_us));
	CU_ASSERT_FALSE(is_banned(access, numbered(1), start_us));
	CU_ASSERT(is_banned(access, numbered(2), start_us));
	CU_ASSERT_FALSE(is_banned(access, numbered(ACCESS_HOSTS), start_us));
	access_free(access);
}

static void ban(struct access *access, struct address host)
{
	for (int error = 0; error < 3; error++)
		errs(access, host, start_us);
}

static void a_ban_is_for_a_host(void)
{
	static const struct {
		const char *banned, *other;
		bool is_banned;
	} cases[] = {
		{"192.0.2.7:1", "192.0.2.7:2", true},
		{"192.0.2.7:1", "192.0.2.8:1", false},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:1:2:3]:1", true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		{"[fd00:1:2:3::1]:1", "[fd00:1:2:3::2]:1", true},
		{"[fe80::1]:1", "[fe80::2]:1", false},
		{"[::2]:1", "[::1]:1", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct access *access = new_access();
		ban(access, address_of(cases[i].banned));
		CU_ASSERT(is_banned(access, address_of(cases[i].banned), start_us));
		EXPECT(is_banned(access, address_of(cases[i].other), start_us) == cases[i].is_banned, "%s, %s",
		       cases[i].banned, cases[i].other);
		access_free(access);
	}
	/* Errors from all of a /64 are counted together. */
	struct access *access = new_access();
	CU_ASSERT_FALSE(errs(access, address_of("[2001:db8::1]:1"), start_us));
	CU_ASSERT_FALSE(errs(access, address_of("[2001:db8::2]:1"), start_us));
	CU_ASSERT(errs(access, address_of("[2001:db8::3]:1"), start_us));
	access_free(access);
}

static void a_network_pushes_out_only_its_own_bans(void)
{
	static const char *const forms[] = {"[2001:db8:%x:%x::1]:1", "[2001:db8:%x::%x]:1", "198.51.%u.%u:1"};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct access *access = new_access();
		struct address first = address_of("192.0.2.7:1"), other = address_of("[2001:db9::1]:1");
		ban(access, first);
		ban(access, other);
		for (unsigned j = 0; j < 4 * ACCESS_HOSTS; j++) {
			char host[ADDRESS_TEXT_BYTES];
			snprintf(host, sizeof host, forms[i], j / 250, j % 250 + 1);
			ban(access, address_of(host));
		}
		EXPECT(is_banned(access, first, start_us) && is_banned(access, other, start_us), "%s", forms[i]);
		access_free(access);
	}
}

/* kith-internals(7) has the figure. A sanitizer's malloc tells nothing here. */
static void a_ban_takes_800_bytes(void)
{
	struct access *access = new_access();
	size_t before = mallinfo2().uordblks;
	for (unsigned i = 0; i < ACCESS_HOSTS; i++) {
		char host[ADDRESS_TEXT_BYTES];
		snprintf(host, sizeof host, "%u.%u.0.1:1", 11 + i / 250, i % 250);
		errs(access, address_of(host), start_us);
	}
	size_t bytes = (mallinfo2().uordblks - before) / ACCESS_HOSTS;
	EXPECT(bytes <= 800, "%zu bytes", bytes);
	access_free(access);
}

static void bans_are_listed_and_ended(void)
{
	static const struct {
		const char *offender, *block;
		size_t ended;
	} cases[] = {
		{"192.0.2.7:1", "192.0.2.7", 1},
		{"192.0.2.7:1", "192.0.0.0/16", 1},
		{"192.0.2.7:1", "192.0.2.8", 0},
		{"[2001:db8::7]:1", "2001:db8::/64", 1},
		{"[2001:db8::7]:1", "2001:db8::7", 1},
		{"[2001:db8::7]:1", "2001:db8::8", 1},
		{"[2001:db8::7]:1", "2001:db8:0:1::/64", 0},
	};
	static struct access_ban list[ACCESS_HOSTS];
	set("ban_after=1");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct access *access = access_new(&settings);
		struct address host = address_of(cases[i].offender);
		struct address_block block;
		CU_ASSERT_EQUAL(address_block_parse(cases[i].block, &block), ADDRESS_BLOCK_GOOD);
		CU_ASSERT_EQUAL(access_list_bans(access, list, start_us), 0);
		CU_ASSERT_TRUE(access_note_error(access, &host, start_us));
		CU_ASSERT_EQUAL(access_list_bans(access, list, start_us), 1);
		CU_ASSERT_EQUAL(list[0].until_us, start_us + settings.ban_time_us);
		CU_ASSERT_EQUAL(access_list_bans(access, list, list[0].until_us), 0);
		EXPECT(access_unban(access, &block, start_us) == cases[i].ended, "%s", cases[i].block);
		EXPECT(access_is_banned(access, &host, start_us) == (cases[i].ended == 0), "%s", cases[i].block);
		access_free(access);
	}
	set("ban_after=5");
}

static CU_TestInfo tests[] = {
	{"the lists decide", the_lists_decide},
	{"a ban is for a host", a_ban_is_for_a_host},
	{"a ban takes 800 bytes", a_ban_takes_800_bytes},
	{"a network pushes out only its own bans", a_network_pushes_out_only_its_own_bans},
	{"so many errors within an hour are a ban", so_many_errors_within_an_hour_are_a_ban},
	{"errors of more than an hour are forgotten", errors_of_more_than_an_hour_are_forgotten},
	{"the operator is never banned", the_operator_is_never_banned},
	{"0 bans nobody", zero_bans_nobody},
	{"the longest ban_after counts exactly", the_longest_ban_after_counts_exactly},
	{"the host that has been quiet for longest is forgotten",
	 the_host_that_has_been_quiet_for_longest_is_forgotten},
	{"bans are listed and ended", bans_are_listed_and_ended},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_access = {.pName = "access", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = tests};

#include "members/sources.h"

#include <malloc.h>
#include <stdio.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

#define HOUR_US (3600 * SECOND_US)

static const int64_t start_us = 1000 * SECOND_US;

static struct sources *new_sources(void)
{
	struct sources *sources = sources_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(sources);
	return sources;
}

static size_t take(struct sources *sources, enum source_kind kind, const char *from, size_t wanted, int64_t now_us)
{
	struct address address = address_of(from);
	return sources_take(sources, kind, &address, wanted, now_us);
}

static void a_host_has_so_much(void)
{
	static const struct {
		const char *name;
		enum source_kind kind;
		size_t burst, per_hour, private_burst, private_per_hour;
	} cases[] = {
		{"addresses", SOURCE_ADDRESSES, 16000, 5760, 256000, 92160},
		{"relays", SOURCE_RELAYS, 250, 90, 250, 90},
		{"questions", SOURCE_QUESTIONS, 64, 64, 1024, 1024},
		{"claims", SOURCE_CLAIMS, 64, 64, 512, 512},
		{"proofs", SOURCE_PROOFS, 8, 8, 32, 32},
		{"refusals", SOURCE_REFUSALS, 20, 20, 100, 100},
		{"announcements", SOURCE_ANNOUNCEMENTS, 64, 32, 250, 90},
	};
	static const char *const public[] = {"8.8.8.8:1", "[2001:db8::1]:1"};
	static const char *const private[] = {"127.0.0.1:1", "10.0.0.1:1", "100.64.0.1:1", "[::1]:1", "[fd00::1]:1"};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sources *sources = new_sources();
		for (size_t j = 0; j < sizeof public / sizeof *public; j++) {
			size_t burst = take(sources, cases[i].kind, public[j], SIZE_MAX, start_us);
			size_t more = take(sources, cases[i].kind, public[j], SIZE_MAX, start_us + HOUR_US);
			EXPECT(burst == cases[i].burst, "%s %s: %zu", cases[i].name, public[j], burst);
			EXPECT(more == cases[i].per_hour, "%s %s: %zu", cases[i].name, public[j], more);
		}
		for (size_t j = 0; j < sizeof private / sizeof *private; j++) {
			size_t burst = take(sources, cases[i].kind, private[j], SIZE_MAX, start_us);
			size_t more = take(sources, cases[i].kind, private[j], SIZE_MAX, start_us + HOUR_US);
			EXPECT(burst == cases[i].private_burst, "%s %s: %zu", cases[i].name, private[j], burst);
			EXPECT(more == cases[i].private_per_hour, "%s %s: %zu", cases[i].name, private[j], more);
		}
		sources_free(sources);
	}
}

static void what_is_one_host_has_one_allowance(void)
{
	static const struct {
		const char *one, *other;
		bool is_one;
	} cases[] = {
		{"8.8.8.8:1", "8.8.8.8:2", true},
		{"8.8.8.8:1", "8.8.8.9:1", false},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::1]:1", true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		{"[fe80::1]:1", "[fe80::2]:1", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sources *sources = new_sources();
		CU_ASSERT(take(sources, SOURCE_CLAIMS, cases[i].one, SIZE_MAX, start_us) > 0);
		size_t left = take(sources, SOURCE_CLAIMS, cases[i].other, 1, start_us);
		EXPECT(left == (cases[i].is_one ? 0 : 1), "%s, %s: %zu", cases[i].one, cases[i].other, left);
		sources_free(sources);
	}
}

/* Each host of 20 takes what it can: how much is that in all? */
static size_t drain_hosts(struct sources *sources, enum source_kind kind, const char *form)
{
	size_t taken = 0;
	for (unsigned i = 1; i <= 20; i++) {
		char from[ADDRESS_TEXT_BYTES];
		snprintf(from, sizeof from, form, i);
		taken += take(sources, kind, from, SIZE_MAX, start_us);
	}
	return taken;
}

static void a_network_has_that_of_some_hosts(void)
{
	static const struct {
		enum source_kind kind;
		const char *form;
		size_t in_all;
	} cases[] = {
		{SOURCE_CLAIMS, "8.8.8.%u:1", 8 * 64},	     {SOURCE_CLAIMS, "[2001:db8:1:%x::1]:1", 8 * 64},
		{SOURCE_CLAIMS, "8.8.%u.8:1", 20 * 64},	     {SOURCE_CLAIMS, "[2001:db8:%x::1]:1", 20 * 64},
		{SOURCE_ADDRESSES, "8.8.8.%u:1", 8 * 16000}, {SOURCE_RELAYS, "8.8.8.%u:1", 500},
		{SOURCE_RELAYS, "127.0.0.%u:1", 500},	     {SOURCE_ANNOUNCEMENTS, "8.8.8.%u:1", 250},
		{SOURCE_ANNOUNCEMENTS, "10.0.0.%u:1", 500},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sources *sources = new_sources();
		size_t taken = drain_hosts(sources, cases[i].kind, cases[i].form);
		EXPECT(taken == cases[i].in_all, "%s: %zu", cases[i].form, taken);
		sources_free(sources);
	}
}

static void what_the_network_refuses_costs_the_host_nothing(void)
{
	struct sources *sources = new_sources();
	for (unsigned i = 1; i <= 8; i++) {
		char from[ADDRESS_TEXT_BYTES];
		snprintf(from, sizeof from, "8.8.8.%u:1", i);
		CU_ASSERT_EQUAL(take(sources, SOURCE_CLAIMS, from, 64, start_us), 64);
	}
	CU_ASSERT_EQUAL(take(sources, SOURCE_CLAIMS, "8.8.8.9:1", 64, start_us), 0);
	/* A minute brings one to the host, and eight to its network. */
	CU_ASSERT_EQUAL(take(sources, SOURCE_CLAIMS, "8.8.8.9:1", 64, start_us + 60 * SECOND_US), 8);
	sources_free(sources);
}

static void one_kind_is_not_taken_from_another(void)
{
	struct sources *sources = new_sources();
	for (enum source_kind kind = 0; kind < SOURCE_KINDS; kind++)
		EXPECT(take(sources, kind, "8.8.8.8:1", SIZE_MAX, start_us) >= 8, "kind %d", kind);
	sources_free(sources);
}

static void what_was_taken_for_nothing_comes_back(void)
{
	struct sources *sources = new_sources();
	struct address from = address_of("8.8.8.8:1");
	CU_ASSERT_EQUAL(sources_take(sources, SOURCE_CLAIMS, &from, 60, start_us), 60);
	sources_put_back(sources, SOURCE_CLAIMS, &from, 50, start_us);
	CU_ASSERT_EQUAL(sources_take(sources, SOURCE_CLAIMS, &from, 100, start_us), 54);
	CU_ASSERT_EQUAL(drain_hosts(sources, SOURCE_CLAIMS, "8.8.8.%u:1"), 8 * 64 - 64);
	sources_free(sources);
}

/* The attacker has a /32, so 65,536 networks. Each newcomer takes over what an earlier network of his has left. */
static void displacing_records_renews_nothing(void)
{
	enum { NETWORKS = 20000 };
	struct sources *sources = new_sources();
	size_t taken = 0;
	for (unsigned i = 0; i < NETWORKS; i++) {
		char from[ADDRESS_TEXT_BYTES];
		snprintf(from, sizeof from, "[2001:db8:%x::1]:1", i);
		taken += take(sources, SOURCE_CLAIMS, from, SIZE_MAX, start_us);
	}
	EXPECT(taken == (size_t)SOURCES_NETWORKS * 8 * 64, "%zu", taken);
	/* A host of another provider is none of his. */
	CU_ASSERT_EQUAL(take(sources, SOURCE_CLAIMS, "8.8.8.8:1", SIZE_MAX, start_us), 64);
	sources_free(sources);
}

/* In one network there are more hosts than records: its own record stays, and bounds them all. */
static void a_network_with_endless_hosts_has_no_more_than_others(void)
{
	struct sources *sources = new_sources();
	size_t taken = 0;
	for (unsigned i = 0; i < 3 * SOURCES_HOSTS; i++) {
		char from[ADDRESS_TEXT_BYTES];
		snprintf(from, sizeof from, "[2001:db8:1:%x::1]:1", i);
		taken += take(sources, SOURCE_CLAIMS, from, SIZE_MAX, start_us);
	}
	EXPECT(taken == 8 * 64, "%zu", taken);
	CU_ASSERT_EQUAL(take(sources, SOURCE_CLAIMS, "[2001:db9:1:2::1]:1", SIZE_MAX, start_us), 64);
	sources_free(sources);
}

static void who_is_used_last_stays(void)
{
	struct sources *sources = new_sources();
	CU_ASSERT_EQUAL(take(sources, SOURCE_CLAIMS, "8.8.8.8:1", SIZE_MAX, start_us), 64);
	for (unsigned i = 0; i < 3 * SOURCES_NETWORKS; i++) {
		char from[ADDRESS_TEXT_BYTES];
		snprintf(from, sizeof from, "9.%u.%u.1:1", i / 250, i % 250);
		take(sources, SOURCE_CLAIMS, from, 1, start_us);
		EXPECT(take(sources, SOURCE_CLAIMS, "8.8.8.8:1", 1, start_us) == 0, "after %u", i);
	}
	sources_free(sources);
}

/* kith-internals(7) has the figure. A sanitizer's malloc tells nothing here. */
static void a_record_takes_295_bytes(void)
{
	struct sources *sources = new_sources();
	size_t before = mallinfo2().uordblks;
	for (unsigned i = 0; i < SOURCES_HOSTS; i++) {
		char from[ADDRESS_TEXT_BYTES];
		snprintf(from, sizeof from, "9.%u.%u.%u:1", i / 1000, i / 4 % 250, i % 4);
		take(sources, SOURCE_CLAIMS, from, 1, start_us);
	}
	size_t bytes = (mallinfo2().uordblks - before) / (SOURCES_HOSTS + SOURCES_NETWORKS);
	EXPECT(bytes <= 295, "%zu bytes", bytes);
	sources_free(sources);
}

/* ---- debts of its connections ---- */

static const struct settings rates = {.max_message_rate = 200, .max_byte_rate = 1000};

static void owe(struct sources *sources, const char *from, double messages, double bytes, int64_t now_us)
{
	struct address address = address_of(from);
	sources_owe(sources, &address, (struct intake_debt){messages, bytes}, &rates, now_us);
}

static struct intake_debt debt_of(struct sources *sources, const char *from, int64_t now_us)
{
	struct address address = address_of(from);
	return sources_debt(sources, &address, &rates, now_us);
}

static void a_debt_is_of_the_host_and_is_paid_off(void)
{
	struct sources *sources = new_sources();
	owe(sources, "127.0.0.1:1", 1500, 100, start_us);
	owe(sources, "[2001:db8::1]:1", 0, 4000, start_us);
	static const struct {
		const char *from;
		int64_t after_us;
		struct intake_debt debt;
	} cases[] = {
		{"127.0.0.1:1", 0, {1500, 100}},
		{"127.0.0.1:2", 0, {1500, 100}},
		{"127.0.0.2:1", 0, {0, 0}},
		{"127.0.0.1:1", SECOND_US, {1300, 0}},
		{"127.0.0.1:1", 8 * SECOND_US, {0, 0}},
		{"[2001:db8::1]:1", 2 * SECOND_US, {0, 2000}},
		{"[2001:db8::ffff:2]:1", 2 * SECOND_US, {0, 2000}},
		{"[2001:db8:0:1::1]:1", 2 * SECOND_US, {0, 0}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct intake_debt debt = debt_of(sources, cases[i].from, start_us + cases[i].after_us);
		EXPECT(debt.messages == cases[i].debt.messages && debt.bytes == cases[i].debt.bytes,
		       "%s: %f messages, %f bytes", cases[i].from, debt.messages, debt.bytes);
	}
	sources_free(sources);
}

static void debts_add_up_to_one_burst(void)
{
	struct sources *sources = new_sources();
	owe(sources, "10.0.0.1:1", 300, 0, start_us);
	owe(sources, "10.0.0.1:2", 300, 0, start_us + SECOND_US);
	struct intake_debt debt = debt_of(sources, "10.0.0.1:3", start_us + SECOND_US);
	EXPECT(debt.messages == 400, "%f messages", debt.messages);
	for (int i = 0; i < 8; i++)
		owe(sources, "10.0.0.1:1", 300, 0, start_us + SECOND_US);
	debt = debt_of(sources, "10.0.0.1:3", start_us + SECOND_US);
	EXPECT(debt.messages == 2000, "%f messages", debt.messages);
	sources_free(sources);
}

static CU_TestInfo tests[] = {
	{"a host has so much", a_host_has_so_much},
	{"what is one host has one allowance", what_is_one_host_has_one_allowance},
	{"a network has that of some hosts", a_network_has_that_of_some_hosts},
	{"what the network refuses costs the host nothing", what_the_network_refuses_costs_the_host_nothing},
	{"one kind is not taken from another", one_kind_is_not_taken_from_another},
	{"what was taken for nothing comes back", what_was_taken_for_nothing_comes_back},
	{"displacing records renews nothing", displacing_records_renews_nothing},
	{"a network with endless hosts has no more than others", a_network_with_endless_hosts_has_no_more_than_others},
	{"a record takes 295 bytes", a_record_takes_295_bytes},
	{"a debt is of the host and is paid off", a_debt_is_of_the_host_and_is_paid_off},
	{"debts add up to one burst", debts_add_up_to_one_burst},
	{"who is used last stays", who_is_used_last_stays},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_sources = {.pName = "sources", .pTests = tests};

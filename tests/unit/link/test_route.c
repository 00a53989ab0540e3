#include "link/route.h"

#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

/* What needs interfaces and routes is tested between hosts: tests/system/test_hosts.c. */
static void loopback_and_wildcards_are_decided_without_the_kernel(void)
{
	static const struct {
		const char *listen[CORE_LISTENS];
		const char *target, *from; /* "-": the kernel chooses */
	} cases[] = {
		{{"127.0.0.7:5999"}, "127.0.0.2:5999", "127.0.0.7:5999"},
		{{"127.0.0.7:5999"}, "192.0.2.2:5999", "-"},
		{{"127.0.0.7:5999"}, "[::1]:5999", "-"},
		{{"192.0.2.7:5999"}, "127.0.0.2:5999", "-"},
		{{"0.0.0.0:5999"}, "127.0.0.2:5999", "-"},
		{{"0.0.0.0:5999", "127.0.0.7:5999"}, "192.0.2.2:5999", "-"},
		{{"[::]:5999"}, "[fe80::1]:5999", "-"},
		{{"[::1]:5999"}, "[::1]:6000", "[::1]:5999"},
		{{"[::1]:5999"}, "[2001:db8::1]:6000", "-"},
		{{"192.0.2.7:5999", "127.0.0.7:5999", "127.0.0.8:5999"}, "127.0.0.2:5999", "127.0.0.7:5999"},
		{{NULL}, "127.0.0.2:5999", "-"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address listen[CORE_LISTENS], target = address_of(cases[i].target);
		size_t count = 0;
		for (; count < CORE_LISTENS && cases[i].listen[count] != NULL; count++)
			listen[count] = address_of(cases[i].listen[count]);
		const char *from = address_text(route_source(listen, count, &target));
		EXPECT(strcmp(from, cases[i].from) == 0, "case %zu: %s", i, from);
	}
}

static void an_address_that_this_machine_does_not_have_is_never_chosen(void)
{
	struct address listen = address_of("192.0.2.7:5999"), target = address_of("192.0.2.8:5999");
	struct address from = route_source(&listen, 1, &target);
	CU_ASSERT_FALSE(address_is_known(&from));
}

static void one_knows_the_hosts_of_this_machine(void)
{
	static const struct {
		const char *address;
		bool is_local;
	} cases[] = {
		{"127.0.0.1:5999", true},  {"127.0.0.1:1", true}, {"127.200.0.9:5999", true},
		{"192.0.2.1:5999", false}, {"8.8.8.8:1", false},  {"[2001:db8::1]:5999", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address = address_of(cases[i].address);
		EXPECT(route_host_is_gone(&address) != cases[i].is_local, "%s", cases[i].address);
	}
}

static CU_TestInfo tests[] = {
	{"loopback and wildcards are decided without the kernel",
	 loopback_and_wildcards_are_decided_without_the_kernel},
	{"an address that this machine does not have is never chosen",
	 an_address_that_this_machine_does_not_have_is_never_chosen},
	{"one knows the hosts of this machine", one_knows_the_hosts_of_this_machine},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_route = {.pName = "route", .pTests = tests};

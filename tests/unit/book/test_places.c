#include "book/places.h"

#include <stdio.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

/* With these places taken, of so many in all, what would another one be, and what is the first of them? */
static void places_are_spread_over_public_hosts_and_networks(void)
{
	static const struct {
		const char *taken[4], *another;
		size_t most;
		bool is_crowded, is_first_surplus;
	} cases[] = {
		{{"8.8.8.8:1"}, "8.8.8.8:2", 64, true, false},
		{{"8.8.8.8:1"}, "8.8.4.4:1", 64, false, false},
		{{"8.8.8.8:1", "8.8.8.8:2"}, "9.9.9.9:1", 64, false, true},
		{{"8.8.1.1:1", "8.8.2.2:1"}, "8.8.3.3:1", 8, true, false},
		{{"8.8.1.1:1", "8.8.2.2:1"}, "8.8.3.3:1", 12, false, false},
		{{"8.8.1.1:1", "8.8.2.2:1", "8.8.3.3:1"}, "9.9.9.9:1", 8, false, true},
		{{"8.8.1.1:1"}, "8.8.2.2:1", 1, true, false},
		{{"[2001:db8::1]:1"}, "[2001:db8::2]:1", 64, true, false},
		{{"[2001:db8::1]:1"}, "[2001:db8:0:1::1]:1", 64, false, false},
		{{"[2001:db8::1]:1", "[2001:db8:1::1]:1"}, "[2001:db8:2::1]:1", 8, true, false},
		{{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"}, "10.0.0.1:4", 8, false, false},
		{{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, "127.0.0.1:4", 8, false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct places places;
		struct address another = address_of(cases[i].another), first = address_of(cases[i].taken[0]);
		places_init(&places);
		for (size_t j = 0; j < 4 && cases[i].taken[j] != NULL; j++) {
			struct address address = address_of(cases[i].taken[j]);
			places_take(&places, &address);
		}
		EXPECT(places_is_crowded(&places, &another, cases[i].most) == cases[i].is_crowded, "case %zu", i);
		EXPECT(places_is_surplus(&places, &first, cases[i].most) == cases[i].is_first_surplus, "case %zu", i);
		EXPECT(places_has_surplus(&places, cases[i].most) == cases[i].is_first_surplus, "case %zu", i);
		for (size_t j = 0; j < 4 && cases[i].taken[j] != NULL; j++) {
			struct address address = address_of(cases[i].taken[j]);
			places_give_back(&places, &address);
		}
		CU_ASSERT_PTR_NULL(places.records);
		CU_ASSERT_FALSE(places_has_surplus(&places, cases[i].most));
		places_fini(&places);
	}
}

static CU_TestInfo tests[] = {
	{"places are spread over public hosts and networks", places_are_spread_over_public_hosts_and_networks},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_places = {.pName = "places", .pTests = tests};

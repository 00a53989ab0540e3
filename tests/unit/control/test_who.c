#include "control/who_priv.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static void a_text_names_a_node(void)
{
	struct nodeid nodeid = nodeid_of(0xa11ce000);
	struct address addresses[] = {address_of("192.0.2.7:5999"), address_of("[2001:db8::7]:7")};
	static const struct {
		const char *text;
		enum who_sign sign;
	} cases[] = {
		{"alice", WHO_NAME},
		{"Alice", WHO_NOBODY},
		{"ali", WHO_NOBODY},
		{"", WHO_NOBODY},
		{"a11ce000-0000-4000-8000-000000000000", WHO_NODEID},
		{"A11CE000-0000-4000-8000-000000000000", WHO_NODEID},
		{"a11ce000-0000", WHO_PREFIX},
		{"a11c", WHO_PREFIX},
		{"a11", WHO_NOBODY},
		{"a11d", WHO_NOBODY},
		{"192.0.2.7:5999", WHO_ADDRESS},
		{"192.0.2.7", WHO_ADDRESS},
		{"192.0.2.7:6000", WHO_NOBODY},
		{"[2001:db8::7]:7", WHO_ADDRESS},
		{"2001:db8::7", WHO_NOBODY},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		EXPECT(who_matches(cases[i].text, &nodeid, "alice", addresses, 2) == cases[i].sign, "%s",
		       cases[i].text);
	CU_ASSERT_EQUAL(who_matches("0000", &nodeid_none, NULL, NULL, 0), WHO_NOBODY);
	CU_ASSERT_EQUAL(who_matches("", &nodeid_none, "", NULL, 0), WHO_NOBODY);
	/* A name that looks like the beginning of a nodeid is a name first. */
	CU_ASSERT_EQUAL(who_matches("a11c", &nodeid, "a11c", NULL, 0), WHO_NAME);
}

static CU_TestInfo tests[] = {
	{"a text names a node in many ways, a name first", a_text_names_a_node},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_who = {.pName = "who", .pTests = tests};

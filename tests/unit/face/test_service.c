#include "face/service.h"

#include <string.h>

#include "runner.h"
#include "unit/suites.h"

static void a_node_in_one_line(void)
{
	static const struct {
		const char *name, *listen, *network;
		bool is_private;
		size_t peers;
		const char *expected;
	} cases[] = {
		{"web-03", "10.0.0.3:5999", "prod", true, 29,
		 "web-03 (6f0c21aa) 10.0.0.3:5999, network \"prod\", private, 29 peers"},
		{"", "[::1]:7", "kith", false, 1, "(6f0c21aa) [::1]:7, network \"kith\", open, 1 peer"},
		{"a\u202e", NULL, "k", false, 0, "a\\xe2\\x80\\xae (6f0c21aa) -, network \"k\", open, 0 peers"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct service_facts facts = {.name = cases[i].name,
					      .network = cases[i].network,
					      .is_private = cases[i].is_private,
					      .peers = cases[i].peers};
		char line[SERVICE_STATUS_BYTES];
		CU_ASSERT(nodeid_parse("6f0c21aa-0000-4000-8000-000000000001", &facts.nodeid));
		CU_ASSERT(cases[i].listen == NULL || address_parse(cases[i].listen, &facts.listen));
		service_describe(&facts, line);
		EXPECT(strcmp(line, cases[i].expected) == 0, "%s", line);
	}
}

/* The longest that can be: each byte of the texts escaped to four. */
static void the_longest_line_fits(void)
{
	char text[MESSAGE_TEXT_BYTES], line[SERVICE_STATUS_BYTES];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i == sizeof text - 1 ? 0 : 0xff);
	struct service_facts facts = {.name = text, .network = text, .peers = 1000000};
	service_describe(&facts, line);
	EXPECT(strstr(line, ", open, 1000000 peers") != NULL, "%s", line);
}

static CU_TestInfo tests[] = {
	{"a node in one line", a_node_in_one_line},
	{"the longest line fits", the_longest_line_fits},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_service = {.pName = "service", .pTests = tests};

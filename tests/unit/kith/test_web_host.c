#include "kith/web_host.h"
#include "runner.h"
#include "unit/suites.h"

static void hosts(void)
{
	static const struct {
		const char *header, *local, *names;
		bool is_allowed;
	} cases[] = {
		{"localhost", "127.0.0.1:7999", NULL, true},
		{"LOCALHOST:80", "127.0.0.1:7999", NULL, true},
		{"localhost:", "127.0.0.1:7999", NULL, true},
		{"127.0.0.1:7999", "127.0.0.1:7999", NULL, true},
		{"127.0.0.1", "10.0.0.1:7999", NULL, false},
		{"10.0.0.1", "10.0.0.1:80", NULL, true},
		{"[::1]:7999", "[::1]:7999", NULL, true},
		{"[::1]", "[::1]:7999", NULL, true},
		{"[0:0::1]", "[::1]:7999", NULL, true},
		{"[::ffff:10.0.0.1]", "10.0.0.1:80", NULL, true},
		{"::1", "[::1]:7999", NULL, false},
		{"[::1", "[::1]:7999", NULL, false},
		{"[::1]x", "[::1]:7999", NULL, false},
		{"[::2]", "[::1]:7999", NULL, false},
		{"a.example", "127.0.0.1:7999", NULL, false},
		{"a.example", "127.0.0.1:7999", "", false},
		{"a.example", "127.0.0.1:7999", "a.example", true},
		{"A.Example:80", "127.0.0.1:7999", "b.example,a.example", true},
		{"a.example.", "127.0.0.1:7999", "a.example", false},
		{"a.exampl", "127.0.0.1:7999", "a.example", false},
		{"b.example,a.example", "127.0.0.1:7999", "b.example,a.example", false},
		{"localhost:80:80", "127.0.0.1:7999", NULL, false},
		{"localhost:-1", "127.0.0.1:7999", NULL, false},
		{"localhost localhost", "127.0.0.1:7999", NULL, false},
		{"", "127.0.0.1:7999", NULL, false},
		{":7999", "127.0.0.1:7999", NULL, false},
		{"[]", "127.0.0.1:7999", NULL, false},
		{NULL, "127.0.0.1:7999", "a.example", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address local;
		CU_ASSERT(address_parse(cases[i].local, &local));
		EXPECT(web_host_is_allowed(cases[i].header, &local, cases[i].names) == cases[i].is_allowed, "%s",
		       cases[i].header == NULL ? "none" : cases[i].header);
	}
}

static void names(void)
{
	CU_ASSERT(web_host_are_names("a"));
	CU_ASSERT(web_host_are_names("graph.example,b-2.example"));
	CU_ASSERT(!web_host_are_names(""));
	CU_ASSERT(!web_host_are_names("a,"));
	CU_ASSERT(!web_host_are_names(",a"));
	CU_ASSERT(!web_host_are_names("a,,b"));
	CU_ASSERT(!web_host_are_names("a:80"));
	CU_ASSERT(!web_host_are_names("a b"));
	CU_ASSERT(!web_host_are_names("http://a"));
}

static CU_TestInfo tests[] = {
	{"which hosts are answered", hosts},
	{"which names can be given", names},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_web_host = {.pName = "web_host", .pTests = tests};

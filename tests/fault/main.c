#include "faults.h"
#include "runner.h"
#include "suites.h"
#include "system/secure.h"

static void test_table(void)
{
	faults_print_table();
	CU_ASSERT_TRUE(faults_are_all_dealt());
}

static CU_TestInfo tests[] = {
	{"each fault has hit", test_table},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_table = {.pName = "table", .pTests = tests};

/* With an argument: the one suite of that name. With the environment variable TLS, over TLS. */
int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {suite_plain, suite_start, suite_peers, suite_table, CU_SUITE_INFO_NULL};
	const char *only = argc > 1 ? argv[1] : NULL;
	return secure_is_on() ? run_suites("fault over TLS", suites + 1, only) : run_suites("fault", suites, only);
}

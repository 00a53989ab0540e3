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

/* The last one: it counts what the others did. */
static CU_SuiteInfo suite_sum = {.pName = "sum", .pTests = tests};

/* With an argument: the one suite of that name. With the environment variable TLS, over TLS. */
int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		/* What over TLS would add nothing to the others. */
		suite_newcomers,
		suite_tables,
		suite_bootstraps,
		suite_saves,
		suite_controls_0,
		suite_controls_1,
		suite_controls_2,
		suite_controls_3,
		/* Over TLS too. */
		suite_guest,
		suite_reloads,
		suite_dials,
		suite_droughts,
		suite_start,
		suite_sum,
		CU_SUITE_INFO_NULL,
	};
	enum { PLAIN = 8 };
	const char *only = argc > 1 ? argv[1] : NULL;
	return secure_is_on() ? run_suites("fault over TLS", suites + PLAIN, only) : run_suites("fault", suites, only);
}

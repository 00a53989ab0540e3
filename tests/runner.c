#include "runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/sync.h"
#include "base/text.h"

bool expect(bool condition, const char *file, int line, const char *text, const char *format, ...)
{
	char raw[400], detail[600], message[800];
	va_list arguments;

	if (!condition) {
		va_start(arguments, format);
		vsnprintf(raw, sizeof raw, format, arguments);
		va_end(arguments);
		text_escape(detail, sizeof detail, raw, strlen(raw), TEXT_LINE);
		snprintf(message, sizeof message, "%s [%s]", text, detail);
		text = message;
	}
	CU_assertImplementation(condition, (unsigned)line, text, file, "", CU_FALSE);
	return condition;
}

static int64_t begun_us;

static void print_suite(const CU_pSuite suite)
{
	printf("suite %s\n", suite->pName);
}

static void note_begin(const CU_pTest test, const CU_pSuite suite)
{
	(void)test, (void)suite;
	begun_us = clock_now_us();
}

/* failure is the first one of this test; those that follow it in the list are of this test too. */
static void print_result(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	(void)suite;
	printf("%s %8.3f s  %s\n", failure == NULL ? "passed" : "FAILED", (double)(clock_now_us() - begun_us) / 1e6,
	       test->pName);
	for (CU_pFailureRecord each = failure; each != NULL; each = each->pNext)
		printf("    %s:%u: %s\n", each->strFileName, each->uiLineNumber, each->strCondition);
}

static void print_suite_failure(const CU_pSuite suite)
{
	printf("FAILED: the suite %s could not be set up or cleaned up\n", suite->pName);
}

static int count_tests(const CU_SuiteInfo *suite)
{
	int tests = 0;
	while (suite->pTests[tests].pName != NULL)
		tests++;
	return tests;
}

/* A line `SUITE TESTS` for each. */
static void list_suites(const CU_SuiteInfo *suites)
{
	for (; suites->pName != NULL; suites++)
		printf("%s %d\n", suites->pName, count_tests(suites));
}

/* What only ("SUITE" or "SUITE/TEST", NULL for all) wants of a suite: that test, or with NULL as its name all of them.
 */
static bool is_wanted(const CU_SuiteInfo *suite, const char *only, const char **test)
{
	*test = only == NULL ? NULL : strchr(only, '/');
	size_t length = *test == NULL ? only == NULL ? 0 : strlen(only) : (size_t)(*test - only);
	*test += *test != NULL;
	return only == NULL || (strlen(suite->pName) == length && strncmp(suite->pName, only, length) == 0);
}

/* How many tests were registered; -1 if CUnit refuses. */
static int register_suite(const CU_SuiteInfo *suite, const char *test)
{
	CU_SuiteInfo one[] = {*suite, CU_SUITE_INFO_NULL};
	CU_TestInfo one_test[] = {CU_TEST_INFO_NULL, CU_TEST_INFO_NULL};
	for (const CU_TestInfo *each = suite->pTests; test != NULL && each->pName != NULL; each++)
		if (strcmp(each->pName, test) == 0)
			one_test[0] = *each;
	if (test != NULL)
		one[0].pTests = one_test;
	if (one[0].pTests[0].pName == NULL)
		return 0;
	if (CU_register_suites(one) == CUE_SUCCESS)
		return count_tests(one);
	fprintf(stderr, "%s: %s\n", suite->pName, CU_get_error_msg());
	return -1;
}

/* Registers what is wanted and returns how many tests that is; -1 if CUnit refuses or there is nothing of that name. */
static int register_suites(const CU_SuiteInfo *suites, const char *only)
{
	const char *test;
	int tests = 0;
	for (const CU_SuiteInfo *suite = suites; suite->pName != NULL; suite++) {
		if (!is_wanted(suite, only, &test))
			continue;
		int count = register_suite(suite, test);
		if (count < 0)
			return -1;
		tests += count;
	}
	if (tests > 0)
		return tests;
	fprintf(stderr, "there is no suite or test \"%s\"; the suites are:", only == NULL ? "" : only);
	for (const CU_SuiteInfo *suite = suites; suite->pName != NULL; suite++)
		fprintf(stderr, " %s", suite->pName);
	fprintf(stderr, "\n");
	return -1;
}

static void set_handlers(void)
{
	CU_set_suite_start_handler(print_suite);
	CU_set_test_start_handler(note_begin);
	CU_set_test_complete_handler(print_result);
	CU_set_suite_init_failure_handler(print_suite_failure);
	CU_set_suite_cleanup_failure_handler(print_suite_failure);
}

int run_suites(const char *name, CU_SuiteInfo *suites, const char *only)
{
	if (only != NULL && strcmp(only, "--list") == 0) {
		list_suites(suites);
		return EXIT_SUCCESS;
	}
	/* What was printed before a test that aborts must not be lost with it, nor printed again by a child. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS) {
		fprintf(stderr, "%s: %s\n", name, CU_get_error_msg());
		return EXIT_FAILURE;
	}
	int tests = register_suites(suites, only);
	if (tests < 0) {
		CU_cleanup_registry();
		return EX_USAGE;
	}
	set_handlers();
	CU_ErrorCode error = CU_run_all_tests();
	int passed = (int)(CU_get_number_of_tests_run() - CU_get_number_of_tests_failed());
	unsigned suites_failed = CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	printf("%s: %d passed, %d failed\n", name, passed, tests - passed);
	return error == CUE_SUCCESS && passed == tests && suites_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

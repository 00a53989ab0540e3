#include "runner.h"

#include <CUnit/Basic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

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

/* Registers the wanted suites and returns how many tests they have; -1 if CUnit refuses or there is no such suite. */
static int register_suites(CU_SuiteInfo *suites, const char *only)
{
	int tests = 0;
	bool found = false;
	for (CU_SuiteInfo *suite = suites; suite->pName != NULL; suite++) {
		if (only != NULL && strcmp(suite->pName, only) != 0)
			continue;
		CU_SuiteInfo one[] = {*suite, CU_SUITE_INFO_NULL};
		if (CU_register_suites(one) != CUE_SUCCESS) {
			fprintf(stderr, "%s: %s\n", suite->pName, CU_get_error_msg());
			return -1;
		}
		for (const CU_TestInfo *test = suite->pTests; test->pName != NULL; test++)
			tests++;
		found = true;
	}
	if (found)
		return tests;
	fprintf(stderr, "there is no suite \"%s\"; there are:", only == NULL ? "" : only);
	for (const CU_SuiteInfo *suite = suites; suite->pName != NULL; suite++)
		fprintf(stderr, " %s", suite->pName);
	fprintf(stderr, "\n");
	return -1;
}

int run_suites(const char *name, CU_SuiteInfo *suites, const char *only)
{
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
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_ErrorCode error = CU_basic_run_tests();
	int passed = (int)(CU_get_number_of_tests_run() - CU_get_number_of_tests_failed());
	unsigned suites_failed = CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	printf("%s: %d passed, %d failed\n", name, passed, tests - passed);
	return error == CUE_SUCCESS && passed == tests && suites_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

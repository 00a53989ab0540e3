/*
 * Runs CUnit suites and says how they went: what unit and system tests have in common. A suite is an object that its
 * file defines and the binary's main puts into one list:
 *
 *	CU_SuiteInfo suite_text = {.pName = "text", .pTests = tests};
 */
#ifndef KITH_RUNNER_H
#define KITH_RUNNER_H

#include <CUnit/CUnit.h>
#include <stdbool.h>

/*
 * Runs the suites, or only "SUITE" or "SUITE/TEST" (NULL: all), with each test, its time and its failed assertions on
 * lines of their own. The last line is `NAME: N passed, N failed`, which counts tests; a test whose suite couldn't be
 * set up has failed. suites ends with CU_SUITE_INFO_NULL. The result is main's: 0 if all passed, 64 if there is nothing
 * of that name. With "--list" it prints a line `SUITE TESTS` for each suite instead.
 */
int run_suites(const char *name, CU_SuiteInfo *suites, const char *only);

/* CU_ASSERT for a table of cases: a failure also says, with a printf format, which case it was. */
#define EXPECT(condition, ...) expect((condition), __FILE__, __LINE__, #condition, __VA_ARGS__)

/* EXPECT's work. The result is the condition, for what only makes sense if it holds. */
bool expect(bool condition, const char *file, int line, const char *text, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif

/* The suites of fault injection. */
#ifndef KITH_TEST_FAULT_SUITES_H
#define KITH_TEST_FAULT_SUITES_H

#include <CUnit/CUnit.h>

extern CU_SuiteInfo suite_newcomers, suite_tables, suite_bootstraps, suite_saves, suite_guest, suite_reloads,
	suite_dials, suite_droughts, suite_start, suite_controls_0, suite_controls_1, suite_controls_2,
	suite_controls_3;

#endif

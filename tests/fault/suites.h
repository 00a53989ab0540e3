/* The suites of fault injection, each in its file. */
#ifndef KITH_TEST_FAULT_SUITES_H
#define KITH_TEST_FAULT_SUITES_H

#include <CUnit/CUnit.h>

extern CU_SuiteInfo suite_plain, suite_start, suite_peers, suite_table;

#endif

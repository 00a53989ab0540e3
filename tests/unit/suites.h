/* The unit suites: each tests/unit/test_MODULE.c defines suite_MODULE, and main.c runs those that stand here. */
#ifndef KITH_UNIT_SUITES_H
#define KITH_UNIT_SUITES_H

#include <CUnit/CUnit.h>

extern CU_SuiteInfo suite_address;
extern CU_SuiteInfo suite_buffer;
extern CU_SuiteInfo suite_frame;
extern CU_SuiteInfo suite_liveness;
extern CU_SuiteInfo suite_log;
extern CU_SuiteInfo suite_message;
extern CU_SuiteInfo suite_nodeid;
extern CU_SuiteInfo suite_output;
extern CU_SuiteInfo suite_rng;
extern CU_SuiteInfo suite_settings;
extern CU_SuiteInfo suite_sync;
extern CU_SuiteInfo suite_text;

#endif

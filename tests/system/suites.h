/* The suites of the system tests, each in its file. */
#ifndef KITH_TEST_SUITES_H
#define KITH_TEST_SUITES_H

#include <CUnit/CUnit.h>

extern CU_SuiteInfo suite_handshake, suite_errors, suite_identity, suite_addresses, suite_liveness, suite_mesh,
	suite_names, suite_stop, suite_table, suite_settings, suite_limits, suite_hosts, suite_reload, suite_recovery,
	suite_bounds, suite_private, suite_attack, suite_documents, suite_binary, suite_privileges, suite_signals,
	suite_listening, suite_lan, suite_control, suite_control_place, suite_systemd;

#endif

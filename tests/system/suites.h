/* The suites of the system tests, each in its file. */
#ifndef KITH_TEST_SUITES_H
#define KITH_TEST_SUITES_H

#include <CUnit/CUnit.h>

extern CU_SuiteInfo suite_handshake;
extern CU_SuiteInfo suite_errors;
extern CU_SuiteInfo suite_identity;
extern CU_SuiteInfo suite_addresses;
extern CU_SuiteInfo suite_liveness;
extern CU_SuiteInfo suite_silence;
extern CU_SuiteInfo suite_reports;
extern CU_SuiteInfo suite_late;
extern CU_SuiteInfo suite_mesh;
extern CU_SuiteInfo suite_names;
extern CU_SuiteInfo suite_stop;
extern CU_SuiteInfo suite_table;
extern CU_SuiteInfo suite_settings;
extern CU_SuiteInfo suite_limits;
extern CU_SuiteInfo suite_hooks;
extern CU_SuiteInfo suite_hosts;
extern CU_SuiteInfo suite_monitoring;
extern CU_SuiteInfo suite_reload;
extern CU_SuiteInfo suite_recovery;
extern CU_SuiteInfo suite_bounds;
extern CU_SuiteInfo suite_private;
extern CU_SuiteInfo suite_attack;
extern CU_SuiteInfo suite_attack_addr;
extern CU_SuiteInfo suite_attack_getaddr;
extern CU_SuiteInfo suite_attack_unread;
extern CU_SuiteInfo suite_documents;
extern CU_SuiteInfo suite_binary;
extern CU_SuiteInfo suite_privileges;
extern CU_SuiteInfo suite_signals;
extern CU_SuiteInfo suite_listening;
extern CU_SuiteInfo suite_lan;
extern CU_SuiteInfo suite_control;
extern CU_SuiteInfo suite_control_place;
extern CU_SuiteInfo suite_control_events;
extern CU_SuiteInfo suite_control_rows;
extern CU_SuiteInfo suite_control_documents;
extern CU_SuiteInfo suite_systemd;
extern CU_SuiteInfo suite_kith;
extern CU_SuiteInfo suite_kith_commands;
extern CU_SuiteInfo suite_kith_network;
extern CU_SuiteInfo suite_nodes;
extern CU_SuiteInfo suite_broken;
extern CU_SuiteInfo suite_claims_pairs;
extern CU_SuiteInfo suite_claims_hints;
extern CU_SuiteInfo suite_claims_sources;
extern CU_SuiteInfo suite_claims_rates;
extern CU_SuiteInfo suite_top;
extern CU_SuiteInfo suite_claims_targets;
extern CU_SuiteInfo suite_map;
extern CU_SuiteInfo suite_web;

#endif

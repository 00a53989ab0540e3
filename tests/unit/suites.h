/* The unit suites: each tests/unit/test_MODULE.c defines suite_MODULE, and main.c runs those that stand here. */
#ifndef KITH_UNIT_SUITES_H
#define KITH_UNIT_SUITES_H

#include <CUnit/CUnit.h>

extern CU_SuiteInfo suite_addr_line;
extern CU_SuiteInfo suite_address;
extern CU_SuiteInfo suite_address_book;
extern CU_SuiteInfo suite_address_book_dials;
extern CU_SuiteInfo suite_address_book_names;
extern CU_SuiteInfo suite_address_book_proofs;
extern CU_SuiteInfo suite_address_book_records;
extern CU_SuiteInfo suite_address_book_view;
extern CU_SuiteInfo suite_address_record;
extern CU_SuiteInfo suite_address_table;
extern CU_SuiteInfo suite_targets;
extern CU_SuiteInfo suite_access;
extern CU_SuiteInfo suite_lines;
extern CU_SuiteInfo suite_sources;
extern CU_SuiteInfo suite_announcer;
extern CU_SuiteInfo suite_black_holes;
extern CU_SuiteInfo suite_path;
extern CU_SuiteInfo suite_buffer;
extern CU_SuiteInfo suite_dialing;
extern CU_SuiteInfo suite_command;
extern CU_SuiteInfo suite_directory;
extern CU_SuiteInfo suite_endings;
extern CU_SuiteInfo suite_eviction;
extern CU_SuiteInfo suite_frame;
extern CU_SuiteInfo suite_gossip;
extern CU_SuiteInfo suite_isolation;
extern CU_SuiteInfo suite_journal;
extern CU_SuiteInfo suite_row;
extern CU_SuiteInfo suite_handshake;
extern CU_SuiteInfo suite_pairs;
extern CU_SuiteInfo suite_heap;
extern CU_SuiteInfo suite_hearsay;
extern CU_SuiteInfo suite_intake;
extern CU_SuiteInfo suite_json;
extern CU_SuiteInfo suite_keyed_hash;
extern CU_SuiteInfo suite_keyed_table;
extern CU_SuiteInfo suite_listing;
extern CU_SuiteInfo suite_liveness;
extern CU_SuiteInfo suite_log;
extern CU_SuiteInfo suite_notify;
extern CU_SuiteInfo suite_service;
extern CU_SuiteInfo suite_message;
extern CU_SuiteInfo suite_message_encoding;
extern CU_SuiteInfo suite_nodeid;
extern CU_SuiteInfo suite_outbox;
extern CU_SuiteInfo suite_output;
extern CU_SuiteInfo suite_peer;
extern CU_SuiteInfo suite_privilege;
extern CU_SuiteInfo suite_protocol;
extern CU_SuiteInfo suite_place;
extern CU_SuiteInfo suite_pool;
extern CU_SuiteInfo suite_problem;
extern CU_SuiteInfo suite_recent;
extern CU_SuiteInfo suite_registry;
extern CU_SuiteInfo suite_request;
extern CU_SuiteInfo suite_claims;
extern CU_SuiteInfo suite_rng;
extern CU_SuiteInfo suite_runtime_dir;
extern CU_SuiteInfo suite_secret;
extern CU_SuiteInfo suite_setting_addresses;
extern CU_SuiteInfo suite_settings;
extern CU_SuiteInfo suite_settings_file;
extern CU_SuiteInfo suite_settings_texts;
extern CU_SuiteInfo suite_slab;
extern CU_SuiteInfo suite_state;
extern CU_SuiteInfo suite_route;
extern CU_SuiteInfo suite_netwatch;
extern CU_SuiteInfo suite_stream;
extern CU_SuiteInfo suite_stream_tls;
extern CU_SuiteInfo suite_sync;
extern CU_SuiteInfo suite_saver;
extern CU_SuiteInfo suite_text;
extern CU_SuiteInfo suite_tls;
extern CU_SuiteInfo suite_tls_context;
extern CU_SuiteInfo suite_tls_crew;
extern CU_SuiteInfo suite_token_bucket;
extern CU_SuiteInfo suite_cells;
extern CU_SuiteInfo suite_top_layout;
extern CU_SuiteInfo suite_top_model;

#endif

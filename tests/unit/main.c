#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "runner.h"
#include "suites.h"

/* A test that hangs ends the run. Under AddressSanitizer all take 70 s on two idle cores, on busy ones five times that.
 */
enum { DEADLINE_S = 900 };

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		suite_sync,
		suite_problem,
		suite_runtime_dir,
		suite_text,
		suite_output,
		suite_log,
		suite_notify,
		suite_service,
		suite_rng,
		suite_keyed_hash,
		suite_keyed_table,
		suite_heap,
		suite_slab,
		suite_recent,
		suite_journal,
		suite_counters,
		suite_row,
		suite_token_bucket,
		suite_cells,
		suite_top_layout,
		suite_top_model,
		suite_nodeid,
		suite_address,
		suite_buffer,
		suite_frame,
		suite_json,
		suite_message,
		suite_message_encoding,
		suite_addr_line,
		suite_settings,
		suite_settings_file,
		suite_settings_texts,
		suite_setting_addresses,
		suite_address_record,
		suite_liveness,
		suite_intake,
		suite_outbox,
		suite_secret,
		suite_route,
		suite_netwatch,
		suite_stream,
		suite_tls,
		suite_tls_context,
		suite_tls_crew,
		suite_stream_tls,
		suite_state,
		suite_pool,
		suite_path,
		suite_peer,
		suite_registry,
		suite_claims,
		suite_eviction,
		suite_access,
		suite_bans,
		suite_sources,
		suite_lines,
		suite_address_table,
		suite_targets,
		suite_places,
		suite_address_book,
		suite_address_book_dials,
		suite_address_book_names,
		suite_address_book_operator,
		suite_address_book_proofs,
		suite_address_book_records,
		suite_address_book_view,
		suite_dialing,
		suite_announcer,
		suite_black_holes,
		suite_directory,
		suite_gossip,
		suite_isolation,
		suite_protocol,
		suite_handshake,
		suite_pairs,
		suite_hearsay,
		suite_endings,
		suite_command,
		suite_place,
		suite_request,
		suite_words,
		suite_value,
		suite_options,
		suite_sockets,
		suite_who,
		suite_listing,
		suite_saver,
		suite_privilege,
		suite_cursor,
		suite_hook_queue,
		suite_monitoring,
		CU_SUITE_INFO_NULL,
	};
	if (argc > 2) {
		fprintf(stderr, "usage: %s [SUITE]\n", argv[0]);
		return EX_USAGE;
	}
	alarm(DEADLINE_S);
	return run_suites("unit", suites, argc > 1 ? argv[1] : NULL);
}

#include <unistd.h>

#include "harness.h"
#include "runner.h"
#include "secure.h"
#include "suites.h"

/*
 * Over TLS those that are about connections between kithds and raws: the others start kithds as other users, choose for
 * themselves who has a secret, or attack with sockets of their own.
 */
static int run_over_tls(const char *only)
{
	CU_SuiteInfo suites[] = {
		suite_handshake,      suite_errors,	  suite_identity,	suite_addresses,    suite_liveness,
		suite_mesh,	      suite_names,	  suite_stop,		suite_table,	    suite_hosts,
		suite_reload,	      suite_recovery,	  suite_bounds,		suite_claims_pairs, suite_claims_hints,
		suite_claims_sources, suite_claims_rates, suite_claims_targets, suite_silence,	    suite_reports,
		suite_limits,	      CU_SUITE_INFO_NULL,
	};
	enum { LIMITS = sizeof suites / sizeof *suites - 2 };
	if (!harness_can(geteuid() == 0, "limits", "only root can count the descriptors of a kithd that has a secret"))
		suites[LIMITS] = suites[LIMITS + 1];
	return run_suites("system over TLS", suites, only);
}

/* With an argument: the one suite of that name. */
int main(int argc, char **argv)
{
	/* clang-format off */
	CU_SuiteInfo suites[] = {
		suite_handshake,
		suite_errors,
		suite_identity,
		suite_addresses,
		suite_liveness,
		suite_silence,
		suite_reports,
		suite_late,
		suite_mesh,
		suite_names,
		suite_stop,
		suite_table,
		suite_settings,
		suite_limits,
		suite_hosts,
		suite_reload,
		suite_recovery,
		suite_bounds,
		suite_private,
		suite_attack,
		suite_attack_addr,
		suite_attack_getaddr,
		suite_attack_unread,
		suite_documents,
		suite_binary,
		suite_privileges,
		suite_signals,
		suite_listening,
		suite_lan,
		suite_control,
		suite_control_place,
		suite_control_events,
		suite_control_rows,
		suite_control_documents,
		suite_systemd,
		suite_top,
		suite_kith,
		suite_kith_commands,
		suite_kith_network,
		suite_nodes,
		suite_broken,
		suite_claims_pairs,
		suite_claims_hints,
		suite_claims_sources,
		suite_claims_rates,
		suite_claims_targets,
		suite_hooks,
		suite_monitoring,
		suite_map,
		suite_web,
		CU_SUITE_INFO_NULL,
	};
	/* clang-format on */
	const char *only = argc > 1 ? argv[1] : NULL;
	return secure_is_on() ? run_over_tls(only) : run_suites("system", suites, only);
}

#include "../runner.h"
#include "secure.h"
#include "suites.h"

/*
 * With an argument: the one suite of that name. Over TLS those that are about connections between kithds and raws: the
 * others start kithds as other users, choose for themselves who has a secret, or attack with sockets of their own.
 */
int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		suite_handshake, suite_errors,	   suite_identity,     suite_addresses, suite_liveness, suite_mesh,
		suite_names,	 suite_stop,	   suite_table,	       suite_settings,	suite_limits,	suite_hosts,
		suite_reload,	 suite_recovery,   suite_bounds,       suite_private,	suite_attack,	suite_documents,
		suite_binary,	 suite_privileges, CU_SUITE_INFO_NULL,
	};
	CU_SuiteInfo over_tls[] = {
		suite_handshake, suite_errors, suite_identity, suite_addresses, suite_liveness,
		suite_mesh,	 suite_names,  suite_stop,     suite_table,	suite_limits,
		suite_hosts,	 suite_reload, suite_recovery, suite_bounds,	CU_SUITE_INFO_NULL,
	};
	if (secure_is_on())
		return run_suites("system over TLS", over_tls, argc > 1 ? argv[1] : NULL);
	return run_suites("system", suites, argc > 1 ? argv[1] : NULL);
}

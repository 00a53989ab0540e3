#include "kith/command.h"

#include <unistd.h>

#include "kith/finder.h"
#include "kith/repeat.h"

static enum outcome print_once(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = list_print(kind->list, options, &session);
	session_fini(&session);
	return outcome;
}

enum outcome run_list(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_once);
}

enum outcome run_local(const struct command_kind *kind, const struct options *options)
{
	(void)kind;
	return finder_print_nodes(options);
}

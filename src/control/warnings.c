#include "control/warnings_priv.h"

#include <stdio.h>

#include "base/privilege.h"
#include "base/text.h"
#include "control/rows_priv.h"
#include "mesh/problems.h"

/* For each the text, or false if it doesn't hold now. */

static bool is_open(const struct control_parts *parts, struct problem *problem)
{
	const struct listening *listening = parts->common.listening;
	size_t count = listening_count(listening);
	char text[ADDRESS_TEXT_BYTES];
	for (size_t i = 0; i < count && parts->context == NULL; i++) {
		if (address_scope_of(&listening->addresses[i]) == SCOPE_LOOPBACK)
			continue;
		address_format(&listening->addresses[i], text);
		problem_set(problem,
			    "anyone who can reach %s can join, and traffic is not encrypted: set secret_file, or "
			    "listen on 127.0.0.1 only",
			    text);
		return true;
	}
	return false;
}

static bool is_secluded(const struct control_parts *parts, struct problem *problem)
{
	return settings_is_secluded(parts->common.settings, problem);
}

static bool is_root(const struct control_parts *parts, struct problem *problem)
{
	(void)parts;
	if (!privilege_is_root())
		return false;
	problem_set(problem, "running as root without need: set user = \"kithd\", a user of its own");
	return true;
}

static bool listens_nowhere(const struct control_parts *parts, struct problem *problem)
{
	size_t wanted = parts->common.settings->listen_count, count = listening_count(parts->common.listening);
	/* Of the default with a secret_file, IPv6 may be missing. */
	if (count > 0 || wanted == 0)
		return false;
	problem_set(problem, "it listens nowhere yet: this machine does not have the addresses of the setting listen");
	return true;
}

/* It has no peer, although it knows where others could be. */
static bool is_alone(const struct control_parts *parts, struct problem *problem)
{
	struct registry_counts counts = registry_count(parts->common.registry);
	struct address_trial trial;
	if (counts.inbound + counts.outbound > 0 || address_book_is_empty(parts->common.book))
		return false;
	size_t count = address_book_list_bootstraps(parts->common.book, &trial, 1);
	if (count == 0)
		count = address_book_list_known(parts->common.book, &trial, 1);
	if (count == 0)
		return false;
	problem_set(problem, "it has no peer: of %zu address%s, the first is %s (%s)", count, count == 1 ? "" : "es",
		    trial.label, trial.result);
	return true;
}

/*
 * Most of its peers are silent at once, as by the rule with which the node then accuses none of them (talk/silence.c).
 * Single ones are told by the rows of peers: they are no problem of this node. If the problems of the network say so
 * already, this says nothing.
 */
static bool is_cut_off(const struct control_parts *parts, struct problem *problem)
{
	enum { LEAST = 3 };
	const int64_t lasting_us = (int64_t)2 * 1000 * 1000;
	size_t kinds[FINDING_KINDS];
	struct registry_counts counts = registry_count(parts->common.registry);
	size_t peers = counts.inbound + counts.outbound;
	size_t late = peers < LEAST ? 0 : rows_count_late(parts->common.registry, lasting_us);
	if (late < LEAST || late * 2 <= peers)
		return false;
	problems_count(parts->common.problems, kinds);
	if (kinds[FINDING_ME] > 0)
		return false;
	problem_set(problem, "it may be cut off: %zu of %zu peers are late", late, peers);
	return true;
}

size_t warnings_list(const struct control_parts *parts, warnings_tell *tell, void *context)
{
	static bool (*const checks[])(const struct control_parts *, struct problem *) = {
		is_alone, is_cut_off, listens_nowhere, is_open, is_secluded, is_root};
	struct problem problem;
	size_t count = 0;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		if (!checks[i](parts, &problem))
			continue;
		count++;
		if (tell != NULL)
			tell(context, problem.text);
	}
	return count;
}

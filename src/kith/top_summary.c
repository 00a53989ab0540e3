#include "kith/top_summary.h"

#include "kith/network.h"

static void print_problems(FILE *out, const struct rows *problems)
{
	char count[WORDS_BYTES], count_of_notices[WORDS_BYTES];
	size_t notices = 0;
	for (size_t i = 0; i < problems->count; i++)
		notices += network_is_notice(problems->list[i]);
	words_count(problems->count - notices, "problem", "problems", count);
	words_count(notices, "notice", "notices", count_of_notices);
	fprintf(out, "%s%s%s\n", problems->count == notices ? "no known problems" : count, notices > 0 ? ", " : "",
		notices > 0 ? count_of_notices : "");
}

bool top_summary_print(FILE *out, const struct status *status, enum top_page page)
{
	if (page == TOP_NODES && status->nodes.count > 0)
		return network_print_foot(out, &status->nodes, &status->nodes, &status->problems);
	if (page == TOP_NODES)
		fputs("this node tells nothing of the network\n", out);
	else if (page == TOP_LINKS)
		network_print_links_foot(out, &status->links);
	else if (page == TOP_PROBLEMS)
		print_problems(out, &status->problems);
	return true;
}

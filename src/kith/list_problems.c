#include "kith/list.h"

static const struct list_column columns[] = {
	{"NUMBER", "number", NULL, FORM_PLAIN, TABLE_RIGHT, true, "counts up since the node started"},
	{"KIND", "kind", NULL, FORM_PLAIN, 0, true, "the kind of problem, as in kith-control(7)"},
	{"NOTICE", "is_notice", NULL, FORM_YES, 0, false, "yes: worth knowing, and nothing is broken"},
	{"SINCE", "since_s", "raised_s", FORM_SINCE, 0, true, "since when it has been so"},
	{"NODES", "names", NULL, FORM_PLAIN, TABLE_SHRINKS, false, "the nodes that it is about"},
	{"EVIDENCE", "evidence_s", NULL, FORM_AGO, TABLE_RIGHT, false, "when the youngest report of it came"},
	{"TEXT", "text", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "what is wrong"},
	{"ADVICE", "advice", NULL, FORM_PLAIN, TABLE_SHRINKS, false, "what to check"},
	{.name = NULL},
};

const struct list list_problems = {
	.request = "problems",
	.row = "problem",
	.none = "no known problems",
	.columns = columns,
};

#include "kith/list.h"

static const struct list_column columns[] = {
	{"BLOCK", "block", NULL, FORM_PLAIN, 0, true, "the addresses that are refused and not dialled"},
	{"LEFT", "left_s", NULL, FORM_SECONDS, TABLE_RIGHT, true, "for how long"},
	{"UNTIL", "until", NULL, FORM_TIME, 0, false, "until when"},
	{"BY", "by", NULL, FORM_PLAIN, 0, true, "operator: kith ban; protocol: it broke the protocol too often"},
	{.name = NULL},
};

const struct list list_bans = {
	.request = "bans",
	.row = "ban",
	.sort_keys = {"block"},
	.none = "no bans",
	.columns = columns,
};

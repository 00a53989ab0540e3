#include "control/who_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { LISTED = 4 };

/* 0 if the text does not name it. */
static unsigned rank_of(const char *text, const struct view_node *node)
{
	const struct address *address = node->report == NULL ? NULL : &node->report->address;
	enum who_sign sign = who_matches(text, &node->nodeid, node->name, address, address == NULL ? 0 : 1);
	return sign == WHO_NOBODY ? 0 : 2 * (unsigned)sign + (node->state != NODE_GONE);
}

/* As people call it, and its nodeid, so that one can be chosen. */
static void fail_for_many(struct call *call, const struct view *view, const char *text, unsigned rank, size_t count)
{
	char list[LISTED * (VIEW_LABEL_BYTES + NODEID_TEXT_BYTES + 8)] = "";
	size_t used = 0, listed = 0;
	for (size_t i = 0; i < view->node_count && listed < LISTED; i++) {
		char label[VIEW_LABEL_BYTES];
		if (rank_of(text, &view->nodes[i]) != rank)
			continue;
		view_label(view, i, label);
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", listed == 0 ? "" : ", ", label);
		listed++;
	}
	if (count > listed)
		snprintf(list + used, sizeof list - used, ", and %zu more", count - listed);
	call_fail(call, "ambiguous", "%zu nodes are called \"%.64s\": %s; name one by its nodeid", count, text, list);
}

static void fail_for_none(struct call *call, const struct view *view, const char *text)
{
	/* A short word is near to every other one. */
	size_t length = strlen(text), least = length < 3 ? 1 : length < 6 ? 2 : 4;
	const char *nearest = NULL;
	for (size_t i = 0; i < view->node_count && length < REPORT_TEXT_BYTES; i++) {
		const char *name = view->nodes[i].name;
		size_t distance = name[0] == '\0' ? least : text_distance(text, name);
		if (distance >= least)
			continue;
		least = distance;
		nearest = name;
	}
	if (nearest != NULL)
		call_fail(call, "no_such_node", "no node is called \"%.64s\"; did you mean \"%s\"?", text, nearest);
	else
		call_fail(call, "no_such_node",
			  "no node is called \"%.64s\"; name one by its name, its nodeid or the first digits of it, or "
			  "its address; kith nodes lists them",
			  text);
}

size_t who_find_node(struct call *call, const struct view *view, const char *key)
{
	const char *text = call_text(call, key);
	unsigned highest = 1;
	size_t count = 0, place = SIZE_MAX;
	for (size_t i = 0; i < view->node_count; i++) {
		unsigned rank = rank_of(text, &view->nodes[i]);
		if (rank < highest)
			continue;
		count = rank == highest ? count + 1 : 1;
		highest = rank;
		place = i;
	}
	if (count == 0)
		fail_for_none(call, view, text);
	else if (count > 1)
		fail_for_many(call, view, text, highest, count);
	return count == 1 ? place : SIZE_MAX;
}

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "mesh/diagnosis_priv.h"

struct phrase phrase_of(char *out, size_t room)
{
	out[0] = '\0';
	return (struct phrase){.out = out, .room = room};
}

/* Ends with the last whole character that leaves room for the dots. */
static void cut_short(struct phrase *phrase)
{
	static const char dots[] = "...";
	size_t end = phrase->room - sizeof dots;
	while (end > 0 && ((unsigned char)phrase->out[end] & 0xc0) == 0x80)
		end--;
	memcpy(phrase->out + end, dots, sizeof dots);
	phrase->length = phrase->room;
}

void phrase_add(struct phrase *phrase, const char *format, ...)
{
	size_t left = phrase->room - phrase->length;
	va_list arguments;
	if (left == 0)
		return;
	va_start(arguments, format);
	int length = vsnprintf(phrase->out + phrase->length, left, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < left)
		phrase->length += (size_t)length;
	else
		cut_short(phrase);
}

/* What a node calls itself may be made to mislead: what can't be seen is escaped. */
static void add_label(struct phrase *phrase, const char *label)
{
	char safe[2 * VIEW_LABEL_BYTES];
	text_escape_marked(safe, sizeof safe, label, strlen(label), false);
	phrase_add(phrase, "%s", safe);
}

void phrase_add_node(const struct look *look, struct phrase *phrase, size_t node)
{
	char label[VIEW_LABEL_BYTES];
	view_label(look->view, node, label);
	add_label(phrase, label);
}

size_t phrase_first_end(const struct look *look, const struct view_pair *pair)
{
	char labels[2][VIEW_LABEL_BYTES];
	view_label(look->view, pair->first, labels[0]);
	view_label(look->view, pair->second, labels[1]);
	return strverscmp(labels[0], labels[1]) <= 0 ? 0 : 1;
}

/* Of a longer list, the first ones of those that come first in it. */
enum { SORTED = 64 };

/* Nodes by name, as people look for them. */
struct sorted {
	char labels[SORTED][VIEW_LABEL_BYTES]; /* as they came */
	size_t order[SORTED];		       /* which label is where */
};

static void sort_by_name(const struct look *look, const size_t *nodes, size_t count, struct sorted *sorted)
{
	count = count < SORTED ? count : SORTED;
	for (size_t i = 0; i < count; i++) {
		size_t at = i;
		view_label(look->view, nodes[i], sorted->labels[i]);
		for (; at > 0 && strverscmp(sorted->labels[sorted->order[at - 1]], sorted->labels[i]) > 0; at--)
			sorted->order[at] = sorted->order[at - 1];
		sorted->order[at] = i;
	}
}

static void add_sorted(struct phrase *phrase, const struct sorted *sorted, size_t place)
{
	add_label(phrase, sorted->labels[sorted->order[place]]);
}

void phrase_add_nodes(const struct look *look, struct phrase *phrase, const size_t *nodes, size_t count, size_t total,
		      size_t most)
{
	/* Instead of "1 other" its name. */
	size_t named = count == total && count <= most + 1 ? count : count < most ? count : most;
	size_t others = total - named;
	struct sorted sorted;
	sort_by_name(look, nodes, count, &sorted);
	for (size_t i = 0; i < named; i++) {
		if (i > 0)
			phrase_add(phrase, "%s", i + 1 == named && others == 0 ? " and " : ", ");
		add_sorted(phrase, &sorted, i);
	}
	if (others > 0)
		phrase_add(phrase, "%s%zu other%s", named > 0 ? " and " : "", others, others == 1 ? "" : "s");
}

void phrase_add_side(const struct look *look, struct phrase *phrase, const size_t *nodes, size_t count)
{
	enum { NAMED = 6 };
	size_t named = count <= NAMED ? count : NAMED;
	struct sorted sorted;
	sort_by_name(look, nodes, count, &sorted);
	for (size_t i = 0; i < named; i++) {
		phrase_add(phrase, "%s", i == 0 ? "" : " ");
		add_sorted(phrase, &sorted, i);
	}
	if (count > named)
		phrase_add(phrase, " and %zu other%s", count - named, count - named == 1 ? "" : "s");
}

/* Some reasons are words about the other node. */
static bool needs_subject(enum report_reason reason)
{
	switch (reason) {
	case REASON_LEFT:
	case REASON_REMOVED:
	case REASON_CLOSED:
	case REASON_FULL:
	case REASON_NETWORK:
	case REASON_SECRET:
	case REASON_PROTOCOL:
	case REASON_SLOW:
		return true;
	default:
		return false;
	}
}

void phrase_add_claim(const struct look *look, struct phrase *phrase, size_t node, size_t about,
		      enum report_reason reason)
{
	phrase_add_node(look, phrase, node);
	phrase_add(phrase, " says ");
	if (needs_subject(reason)) {
		phrase_add_node(look, phrase, about);
		phrase_add(phrase, " ");
	}
	phrase_add(phrase, "%s", report_reason_words(reason));
}

void phrase_add_witnesses(struct look *look, struct phrase *phrase, size_t one, size_t other)
{
	enum { NAMED = 2 };
	size_t witnesses[NAMED + 1];
	size_t total = diagnosis_find_witnesses(look, one, other, witnesses, NAMED + 1);
	if (total == 0)
		return;
	phrase_add(phrase, "; both talk to ");
	phrase_add_nodes(look, phrase, witnesses, total <= NAMED + 1 ? total : NAMED + 1, total, NAMED);
}

void phrase_add_rtt(struct phrase *phrase, int64_t rtt_us)
{
	enum { MS_US = 1000, SECOND_MS = 1000, SMALL_MS = 10 };
	int64_t ms = rtt_us / MS_US, tenths = rtt_us % MS_US / (MS_US / 10);
	if (ms < SMALL_MS && tenths > 0)
		phrase_add(phrase, "%lld.%lld ms", (long long)ms, (long long)tenths);
	else if (ms < SECOND_MS)
		phrase_add(phrase, "%lld ms", (long long)ms);
	else
		phrase_add(phrase, "%lld.%lld s", (long long)(ms / SECOND_MS), (long long)(ms % SECOND_MS / 100));
}

/* ---- where it is ---- */

/* Where a node says that it listens; NULL if it does not. */
static const struct address *address_of(const struct look *look, size_t node)
{
	const struct address *address = look->view->nodes[node].address;
	return address == NULL || address_is_wildcard(address) ? NULL : address;
}

void phrase_add_host(const struct look *look, struct phrase *phrase, size_t node)
{
	char text[ADDRESS_TEXT_BYTES];
	const struct address *address = address_of(look, node);
	if (address == NULL) {
		phrase_add_node(look, phrase, node);
		return;
	}
	address_format_host(address, text);
	phrase_add(phrase, "%s", text);
}

void phrase_add_way(const struct look *look, struct phrase *phrase, size_t one, size_t other)
{
	const struct address *from = address_of(look, one), *to = address_of(look, other);
	if (from != NULL && to != NULL && address_same_host(from, to)) {
		phrase_add(phrase, "on ");
		phrase_add_host(look, phrase, one);
	} else {
		phrase_add(phrase, "between ");
		phrase_add_host(look, phrase, one);
		phrase_add(phrase, " and ");
		phrase_add_host(look, phrase, other);
	}
	if (from != NULL && to != NULL && from->port != to->port)
		phrase_add(phrase, ", TCP ports %u and %u", (unsigned)from->port, (unsigned)to->port);
	else if (from != NULL || to != NULL)
		phrase_add(phrase, ", TCP port %u", (unsigned)(to != NULL ? to : from)->port);
}

void phrase_add_port(const struct look *look, struct phrase *phrase, size_t node)
{
	const struct address *address = address_of(look, node);
	if (address != NULL)
		phrase_add(phrase, ": TCP port %u", (unsigned)address->port);
}

void phrase_add_address(const struct look *look, struct phrase *phrase, size_t node)
{
	char text[ADDRESS_TEXT_BYTES] = "the address that others dial";
	const struct address *address = address_of(look, node);
	if (address != NULL)
		address_format(address, text);
	phrase_add(phrase, "%s", text);
}

#include "mesh/pair.h"

#include <stdio.h>

#include "base/text.h"

/* Nobody broke it: one of the two wanted it so. */
static bool is_by_choice(enum report_reason reason)
{
	return reason == REASON_LEFT || reason == REASON_REMOVED || reason == REASON_FULL;
}

static bool is_late(const struct view_words *words)
{
	return words->link != NULL && words->link->late_since_us >= 0;
}

/* A connection that was there, and failed. */
static bool has_failed(const struct view_words *words)
{
	return words->end != NULL && !is_by_choice(words->end->reason);
}

static bool cannot_dial(const struct view_words *words)
{
	return words->failure != NULL && !is_by_choice(words->failure->reason);
}

static enum pair_state state_of_connected(const struct view_words *one, const struct view_words *other)
{
	if (is_late(one) || is_late(other))
		return PAIR_LATE;
	if (cannot_dial(one) && cannot_dial(other))
		return PAIR_FADING;
	return cannot_dial(one) || cannot_dial(other) ? PAIR_ONE_WAY : PAIR_UP;
}

enum pair_state pair_state(const struct view *view, const struct view_pair *pair)
{
	const struct view_words *one = &pair->words[0], *other = &pair->words[1];
	if (view->nodes[pair->first].state == NODE_GONE || view->nodes[pair->second].state == NODE_GONE)
		return PAIR_APART;
	if (pair->is_up)
		return state_of_connected(one, other);
	return has_failed(one) || has_failed(other) || cannot_dial(one) || cannot_dial(other) ? PAIR_DOWN : PAIR_APART;
}

const char *pair_state_name(enum pair_state state)
{
	static const char *const names[PAIR_STATES] = {
		[PAIR_UP] = "up",	  [PAIR_LATE] = "late", [PAIR_ONE_WAY] = "one_way",
		[PAIR_FADING] = "fading", [PAIR_DOWN] = "down", [PAIR_APART] = "apart",
	};
	return names[state];
}

/* The connection has ended when the second end noticed; one that never was is missed since the first dial. */
int64_t pair_down_since(const struct view *view, const struct view_pair *pair)
{
	int64_t ended_us = -1, failing_us = -1;
	if (pair_state(view, pair) != PAIR_DOWN)
		return -1;
	for (int i = 0; i < 2; i++) {
		const struct view_words *words = &pair->words[i];
		if (has_failed(words) && words->end->ended_us > ended_us)
			ended_us = words->end->ended_us;
		if (cannot_dial(words) && (failing_us < 0 || words->failure->since_us < failing_us))
			failing_us = words->failure->since_us;
	}
	return ended_us >= 0 ? ended_us : failing_us;
}

size_t pair_count_down(const struct view *view)
{
	size_t count = 0;
	for (size_t i = 0; i < view->pair_count; i++)
		count += pair_state(view, &view->pairs[i]) == PAIR_DOWN;
	return count;
}

/* ---- words ---- */

static void format_since(int64_t then_us, int64_t now_us, char out[static TEXT_DURATION_BYTES])
{
	text_duration(now_us > then_us ? now_us - then_us : 0, out);
}

static void say_failure(const struct report_failure *failure, int64_t now_us, char out[static PAIR_WORDS_BYTES])
{
	char ago[TEXT_DURATION_BYTES];
	format_since(failure->last_us, now_us, ago);
	if (failure->tries > 1)
		snprintf(out, PAIR_WORDS_BYTES, "%s, %u times, last %s ago", report_reason_words(failure->reason),
			 (unsigned)failure->tries, ago);
	else
		snprintf(out, PAIR_WORDS_BYTES, "%s, %s ago", report_reason_words(failure->reason), ago);
}

/* What is out of reach from here is true no longer, or nobody knows. */
static void say_connected(const struct view *view, const struct view_pair *pair, int end,
			  char out[static PAIR_WORDS_BYTES])
{
	const struct view_node *node = &view->nodes[end == 0 ? pair->first : pair->second];
	char ago[TEXT_DURATION_BYTES];
	format_since(node->heard_us, view->now_us, ago);
	if (node->state == NODE_OUT_OF_REACH)
		snprintf(out, PAIR_WORDS_BYTES, "connected, as it said %s ago", ago);
	else
		snprintf(out, PAIR_WORDS_BYTES, "%s", pair->is_up ? "" : "connected");
}

void pair_say(const struct view *view, const struct view_pair *pair, int end, char out[static PAIR_WORDS_BYTES])
{
	const struct view_words *words = &pair->words[end];
	char ago[TEXT_DURATION_BYTES], failure[PAIR_WORDS_BYTES] = "";
	out[0] = '\0';
	if (words->failure != NULL)
		say_failure(words->failure, view->now_us, failure);
	if (is_late(words)) {
		format_since(words->link->late_since_us, view->now_us, ago);
		snprintf(out, PAIR_WORDS_BYTES, "connected, but no answer for %s", ago);
	} else if (words->link != NULL && words->failure != NULL) {
		snprintf(out, PAIR_WORDS_BYTES, "connected, but to dial it fails: %.150s", failure);
	} else if (words->link != NULL) {
		say_connected(view, pair, end, out);
	} else if (words->failure != NULL) {
		snprintf(out, PAIR_WORDS_BYTES, "%s", failure);
	} else if (words->end != NULL) {
		format_since(words->end->ended_us, view->now_us, ago);
		snprintf(out, PAIR_WORDS_BYTES, "%s, %s ago", report_reason_words(words->end->reason), ago);
	}
}

#include "kith/command.h"

#include <stdlib.h>

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/value.h"
#include "kith/words.h"

enum { USUAL_COUNT = 4, COUNT_MOST = 1000000 };

struct pings {
	double *rtts;
	size_t count, answered, capacity;
};

static bool keep_rtt(struct pings *pings, double rtt_ms)
{
	if (pings->answered == pings->capacity) {
		size_t capacity = pings->capacity == 0 ? 64 : 2 * pings->capacity;
		double *grown = reallocarray(pings->rtts, capacity, sizeof *grown);
		if (grown == NULL)
			return false;
		pings->rtts = grown;
		pings->capacity = capacity;
	}
	pings->rtts[pings->answered++] = rtt_ms;
	return true;
}

static bool tell_pong(void *context, struct json_object *row)
{
	struct pings *pings = context;
	char words[WORDS_BYTES];
	double rtt_ms;
	bool is_good = true;
	char *label = value_format(row, "label", FORM_PLAIN, false),
	     *reason = value_format(row, "reason", FORM_PLAIN, false);
	if (label == NULL || reason == NULL) {
		is_good = false;
	} else if (value_is_true(row, "answered") && value_number(row, "rtt_ms", &rtt_ms)) {
		words_rtt(rtt_ms, words);
		printf("%s: %s\n", label, words);
		is_good = keep_rtt(pings, rtt_ms);
	} else {
		printf("%s: %s\n", label, reason[0] == '\0' ? "no answer" : reason);
	}
	pings->count++;
	free(label);
	free(reason);
	return is_good;
}

static void print_summary(struct pings *pings)
{
	char least[WORDS_BYTES], median[WORDS_BYTES], most[WORDS_BYTES];
	printf("%zu of %zu answered", pings->answered, pings->count);
	if (pings->answered > 1) {
		words_rtt(words_median(pings->rtts, pings->answered), median);
		words_rtt(pings->rtts[0], least);
		words_rtt(pings->rtts[pings->answered - 1], most);
		printf("; least %s, median %s, most %s", least, median, most);
	}
	putchar('\n');
}

static bool ask(struct session *session, const char *peer, double count)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "ping");
	row_text(&row, "peer", peer);
	row_integer(&row, "count", (int64_t)count);
	return session_send_row(session, &row);
}

enum outcome run_ping(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	struct problem problem;
	struct pings pings = {0};
	double count;
	bool is_json = option_is_given(options, OPTION_JSON);
	(void)kind;
	if (!option_number(options, OPTION_COUNT, 0, COUNT_MOST, USUAL_COUNT, &count, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = ask(&session, options->operands[0], count) ? answer_read(&session, options, tell_pong, &pings)
							     : session.outcome;
	if (outcome == OUTCOME_DONE && !is_json) {
		print_summary(&pings);
		outcome = pings.answered > 0 ? OUTCOME_DONE : OUTCOME_NO;
	}
	free(pings.rtts);
	session_fini(&session);
	return outcome;
}

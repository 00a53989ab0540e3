#include "kith/repeat.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void pause_for(double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds};
	left.tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
	nanosleep(&left, NULL);
}

enum outcome repeat(const struct command_kind *kind, const struct options *options,
		    enum outcome (*run)(const struct command_kind *kind, const struct options *options))
{
	static const char clear_screen[] = "\033[H\033[2J";
	enum { USUAL_S = 2, LONGEST_S = 86400 };
	struct problem problem;
	double seconds;
	bool is_terminal = isatty(STDOUT_FILENO);
	if (!option_is_given(options, OPTION_WATCH))
		return run(kind, options);
	if (!option_number(options, OPTION_WATCH, 0.1, LONGEST_S, USUAL_S, &seconds, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	for (bool is_first = true;; is_first = false) {
		if (is_terminal)
			fputs(clear_screen, stdout);
		else if (!is_first && !option_is_given(options, OPTION_JSON))
			putchar('\n');
		enum outcome outcome = run(kind, options);
		if (outcome != OUTCOME_DONE || !outcome_flush(stdout))
			return outcome;
		pause_for(seconds);
	}
}

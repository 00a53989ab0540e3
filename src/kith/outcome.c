#include "kith/outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/problem.h"
#include "base/text.h"

static struct problem *taker;

void complain_into(struct problem *problem)
{
	taker = problem;
}

bool complaints_are_shown(void)
{
	return taker == NULL;
}

enum outcome complain(enum outcome outcome, const char *format, ...)
{
	char text[PROBLEM_BYTES], line[PROBLEM_BYTES * 2];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (taker != NULL) {
		*taker = (struct problem){0};
		strcpy(taker->text, text);
		return outcome;
	}
	text_escape_marked(line, sizeof line, text, strlen(text), false);
	fflush(stdout);
	fprintf(stderr, "kith: %s\n", line);
	return outcome;
}

enum outcome complain_no_memory(void)
{
	return complain(OUTCOME_SYSTEM_FAILS, "out of memory");
}

bool outcome_flush(FILE *out)
{
	if (fflush(out) == 0 && ferror(out) == 0)
		return true;
	if (errno != EPIPE)
		complain(OUTCOME_SYSTEM_FAILS, "cannot write: %s", strerror(errno));
	return false;
}

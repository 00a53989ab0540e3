/*
 * What is wrong, in one line for the person who can put it right: what, where, and what to write instead; without a
 *full stop. It may quote a text of a peer or of a file, so it is escaped where it is shown. A plain value. What finds a
 * problem takes one from its caller and returns false:
 *
 *	if (port == 0)
 *		return problem_set(problem, "\"%s\" has no port: write \"%s:5999\"", text, text);
 *
 * and who knows more puts that in front:
 *
 *	return check(text, problem) || problem_prefix(problem, "%s:%d: ", path, line);
 */
#ifndef KITH_PROBLEM_H
#define KITH_PROBLEM_H

#include <stdbool.h>

/* Room for a line as long as log.h writes. A longer one loses its middle: it begins with the place, and ends with what
 * to do. */
enum { PROBLEM_BYTES = 1024 };

struct problem {
	bool lacks_memory; /* memory ran out; nothing is known to be wrong with the input */
	char text[PROBLEM_BYTES];
};

/* These return false, so that a function can return with them. */
bool problem_set(struct problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool problem_set_lacks_memory(struct problem *problem);
/* Puts a text in front of the one that was set. */
bool problem_prefix(struct problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

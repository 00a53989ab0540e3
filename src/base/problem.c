#include "base/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is this byte within a character of UTF-8, and not the first of it? */
static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Copies a line that is too long without its middle. */
static void shorten(char out[static PROBLEM_BYTES], const char *line)
{
	static const char gap[] = " ... ";
	size_t length = strlen(line), kept = PROBLEM_BYTES - sizeof gap, head = kept / 2, tail = length - (kept - head);
	while (head > 0 && is_continuation(line[head]))
		head--;
	while (is_continuation(line[tail]))
		tail++;
	snprintf(out, PROBLEM_BYTES, "%.*s%s%s", (int)head, line, gap, line + tail);
}

/* Without memory for the whole of a long line, its end is lost. */
static void write_line(struct problem *problem, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	/* cppcheck-suppress ctuuninitvar; it is written there */
	int length = vsnprintf(problem->text, PROBLEM_BYTES, format, arguments);
	char *line = NULL;
	if (length >= PROBLEM_BYTES && vasprintf(&line, format, again) >= 0) {
		shorten(problem->text, line);
		free(line);
	}
	va_end(again);
}

bool problem_set(struct problem *problem, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_line(problem, format, arguments);
	va_end(arguments);
	problem->lacks_memory = false;
	return false;
}

bool problem_set_lacks_memory(struct problem *problem)
{
	problem_set(problem, "%s", strerror(ENOMEM));
	problem->lacks_memory = true;
	return false;
}

bool problem_prefix(struct problem *problem, const char *format, ...)
{
	struct problem rest = *problem, front;
	va_list arguments;
	va_start(arguments, format);
	write_line(&front, format, arguments);
	va_end(arguments);
	problem_set(problem, "%s%s", front.text, rest.text);
	problem->lacks_memory = rest.lacks_memory;
	return false;
}

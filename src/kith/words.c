#include "kith/words.h"

#include <langinfo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double longest_s = 1e9;

void words_duration(double seconds, char out[static WORDS_BYTES])
{
	char text[TEXT_DURATION_BYTES];
	seconds = seconds > 0 ? seconds : 0;
	text_duration((int64_t)((seconds < longest_s ? seconds : longest_s) * 1e6 + 0.5), text);
	snprintf(out, WORDS_BYTES, "%s", text);
}

void words_ago(double seconds, char out[static WORDS_BYTES])
{
	if (seconds < 1) {
		strcpy(out, "just now");
		return;
	}
	words_duration(seconds, out);
	strcat(out, " ago");
}

void words_rtt(double milliseconds, char out[static WORDS_BYTES])
{
	if (milliseconds < 0.095)
		snprintf(out, WORDS_BYTES, "%.2f ms", milliseconds);
	else if (milliseconds < 9.95)
		snprintf(out, WORDS_BYTES, "%.1f ms", milliseconds);
	else if (milliseconds < 999.5)
		snprintf(out, WORDS_BYTES, "%.0f ms", milliseconds);
	else
		snprintf(out, WORDS_BYTES, "%.1f s", milliseconds / 1000);
}

void words_bytes(double bytes, char out[static WORDS_BYTES])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t unit = 0;
	while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
		bytes /= 1000;
		unit++;
	}
	snprintf(out, WORDS_BYTES, unit > 0 && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

bool words_parse_time(const char *rfc3339, double *seconds)
{
	struct tm parts = {0};
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &parts);
	if (rest == NULL)
		return false;
	char *end = NULL;
	double fraction = *rest == '.' ? strtod(rest, &end) : 0;
	*seconds = (double)timegm(&parts) + fraction;
	return strcmp(end == NULL ? rest : end, "Z") == 0;
}

void words_time(const char *rfc3339, int64_t now_s, bool has_milliseconds, char out[static WORDS_BYTES])
{
	double seconds;
	struct tm then, today;
	time_t now = (time_t)now_s;
	if (!words_parse_time(rfc3339, &seconds)) {
		text_escape(out, WORDS_BYTES, rfc3339, strlen(rfc3339), TEXT_LINE);
		return;
	}
	/* Half a millisecond, so that 0.114 s isn't 0.11399 s. */
	double whole = floor(seconds + 0.0005);
	time_t at = (time_t)whole;
	localtime_r(&at, &then);
	localtime_r(&now, &today);
	bool is_today = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
	size_t length = strftime(out, WORDS_BYTES, is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
	if (has_milliseconds)
		snprintf(out + length, WORDS_BYTES - length, ".%03d", (int)((seconds + 0.0005 - whole) * 1000));
}

double words_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void words_since(double seconds, double now_s, char out[static WORDS_BYTES])
{
	char rfc3339[WORDS_BYTES];
	time_t then = (time_t)(now_s - (seconds < longest_s ? seconds : longest_s));
	struct tm parts;
	gmtime_r(&then, &parts);
	strftime(rfc3339, sizeof rfc3339, "%Y-%m-%dT%H:%M:%SZ", &parts);
	words_time(rfc3339, (int64_t)now_s, false, out);
}

bool words_are_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

char *words_clean(const char *text, enum text_style style)
{
	size_t length = strlen(text), room = 4 * length + 1;
	char *clean = malloc(room);
	if (clean == NULL)
		return NULL;
	length = text_escape(clean, room, text, length, style);
	if (words_are_utf8())
		return clean;
	/* An escape takes four bytes for one of those that are left, and none for those that are escaped already. */
	char *ascii = malloc(4 * length + 1), *to = ascii;
	for (const char *from = clean; ascii != NULL && *from != '\0'; from++) {
		if ((unsigned char)*from < 0x80)
			*to++ = *from;
		else
			to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*from);
	}
	if (ascii != NULL)
		*to = '\0';
	free(clean);
	return ascii;
}

static int compare_numbers(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;
	return (a > b) - (a < b);
}

double words_median(double *numbers, size_t count)
{
	if (count == 0)
		return 0;
	qsort(numbers, count, sizeof *numbers, compare_numbers);
	double upper = numbers[count / 2];
	return count % 2 == 1 ? upper : (numbers[count / 2 - 1] + upper) / 2;
}

void words_count(size_t count, const char *one, const char *many, char out[static WORDS_BYTES])
{
	snprintf(out, WORDS_BYTES, "%zu %s", count, count == 1 ? one : many);
}

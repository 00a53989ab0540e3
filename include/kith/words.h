/* Values as people read them. Pure functions, but for words_now, the time zone and the locale. */
#ifndef KITH_WORDS_H
#define KITH_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Room for one of the short ones. */
enum { WORDS_BYTES = 48 };

/* "3 ms", "2.5 s", "3 min". */
void words_duration(double seconds, char out[static WORDS_BYTES]);
/* "3 min ago", "just now". */
void words_ago(double seconds, char out[static WORDS_BYTES]);
/* A round trip: "0.04 ms", "0.4 ms", "38 ms", "1.2 s". */
void words_rtt(double milliseconds, char out[static WORDS_BYTES]);
/* "512 B", "1.2 kB", "38 MB": by powers of 1,000. */
void words_bytes(double bytes, char out[static WORDS_BYTES]);

/*
 * The local time of an RFC 3339 time in UTC: "12:03:58.114", with the date in front if that isn't today's. The text
 * itself if it is none.
 */
void words_time(const char *rfc3339, int64_t now_s, bool has_milliseconds, char out[static WORDS_BYTES]);
/* The local time so long ago, as above. */
void words_since(double seconds, double now_s, char out[static WORDS_BYTES]);
/* The seconds since 1970, by the clock. */
double words_now(void);
/* The seconds since 1970 of an RFC 3339 time in UTC; false if it is none. */
bool words_parse_time(const char *rfc3339, double *seconds);

/*
 * Any text, as a terminal can show it: escaped (text_escape), and in ASCII if the locale has no UTF-8. To be freed;
 * NULL if there is no memory.
 */
char *words_clean(const char *text, enum text_style style);

/* Does the locale have UTF-8? */
bool words_are_utf8(void);

/* The middle one; of an even number, the mean of the two. The numbers are sorted; 0 for none. */
double words_median(double *numbers, size_t count);

/* "5 peers", "1 peer". */
void words_count(size_t count, const char *one, const char *many, char out[static WORDS_BYTES]);

#endif

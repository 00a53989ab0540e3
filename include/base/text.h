/*
 * Text that people read: what is UTF-8 without control characters, and what any bytes look like when they must be
 * shown. Pure functions.
 */
#ifndef KITH_TEXT_H
#define KITH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_style {
	TEXT_LINE, /* for a line of its own: spaces stay */
	TEXT_WORD, /* for a column of a table: white space is escaped too */
};

/* Valid UTF-8 with no control character (Unicode's category Cc). */
bool text_is_plain(const char *bytes, size_t length);

/*
 * Writes bytes into out, ended by NUL, with what could disturb a terminal or a reader of lines (control characters,
 * what is not UTF-8, what is invisible or changes the line or its direction) as \xHH a byte. In TEXT_WORD a backslash
 * is escaped as well, so that the text can be told from its escape. What doesn't fit is left off, never in the middle
 * of a character or of an escape. Returns the length of what was written.
 */
size_t text_escape(char *out, size_t out_bytes, const char *bytes, size_t length, enum text_style style);

/* In TEXT_LINE, with "..." at the end if not all of it fits, or if it is cut already; out_bytes is at least 4. */
size_t text_escape_marked(char *out, size_t out_bytes, const char *bytes, size_t length, bool is_cut);

/*
 * What stands between the quotes of a string of JSON (RFC 8259, 7): the same text when it is read, but for U+FFFD in
 * place of what is not UTF-8, and with nothing in it that could disturb a terminal. "..." as above.
 */
size_t text_json(char *out, size_t out_bytes, const char *bytes, size_t length, bool is_cut);

/* What an errno means, in words that stand within a sentence. */
enum { TEXT_ERROR_BYTES = 96 };
void text_error(int error, char out[static TEXT_ERROR_BYTES]);

/* How long something took, for people: "3 ms", "2.5 s", "95 s", "3 min", "5 h", "12 d"; rounded down. */
enum { TEXT_DURATION_BYTES = 32 };
void text_duration(int64_t us, char out[static TEXT_DURATION_BYTES]);

/* How many cells of a terminal the text takes: two for most characters of East Asia, none for an accent of its own. */
size_t text_width(const char *text);

/* How many single-character edits turn one word into the other (Levenshtein, 1966), for "did you mean". */
size_t text_distance(const char *one, const char *other);

#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings_priv.h"

/* Where the check is, and what it expects. */
enum expected {
	NAME,	    /* or the end */
	ASSIGNMENT, /* = or : */
	VALUE,
	END_OF_VALUE,  /* ; or , or none, and then a name */
	FIRST_ELEMENT, /* or the end of the list */
	ELEMENT,
	COMMA,	  /* or the end of the list */
	ANYTHING, /* an error is found, or what no setting has */
};

struct check {
	const char *path;
	const char *at;
	unsigned line;
	enum expected expected;
	unsigned wrong_line; /* 0 for none */
	struct problem *problem;
};

/* A word, a text in quotes ('"'), a sign, or the end ('\0'). */
struct token {
	const char *text;
	size_t length;
	unsigned line;
	char kind; /* 'w' for a word */
};

#define WORD "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-+*"

static bool refuse(const struct check *check, const struct token *token, const char *what)
{
	int shown = token->length > 40 ? 40 : (int)token->length;
	return problem_set(check->problem, "%s:%u: %.*s%s", check->path, token->line, shown, token->text, what);
}

static void pass(struct check *check, size_t bytes)
{
	for (const char *end = check->at + bytes; check->at < end; check->at++)
		check->line += *check->at == '\n';
}

/* False for a comment that has no end, which libconfig takes for one to the end of the file. */
static bool pass_blanks(struct check *check)
{
	for (;;) {
		const char *at = check->at;
		size_t bytes = strspn(at, " \t\r\n\f");
		if (at[0] == '#' || (at[0] == '/' && at[1] == '/')) {
			bytes = strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			const char *end = strstr(at + 2, "*/");
			struct token start = {.line = check->line, .text = ""};
			if (end == NULL)
				return refuse(check, &start, "the comment that begins here has no end: write */");
			bytes = (size_t)(end + 2 - at);
		}
		if (bytes == 0)
			return true;
		pass(check, bytes);
	}
}

/* False for a text that goes on after its line: its end has been forgotten, since no setting has a line feed. */
static bool next_token(struct check *check, struct token *token)
{
	if (!pass_blanks(check))
		return false;
	size_t word = strspn(check->at, WORD);
	*token = (struct token){.text = check->at, .length = word, .line = check->line, .kind = 'w'};
	if (word == 0) {
		token->kind = *check->at;
		token->length = *check->at != '\0';
	}
	if (*check->at == '"') {
		const char *end = check->at + 1;
		while (*end != '\0' && *end != '"' && *end != '\n')
			end += *end == '\\' && end[1] != '\0' && end[1] != '\n' ? 2 : 1;
		if (*end != '"') {
			token->length = 0;
			return refuse(check, token, "a text has no end: write \" after it");
		}
		token->length = (size_t)(end + 1 - check->at);
	}
	pass(check, token->length);
	return true;
}

static bool is_word(const struct token *token, const char *word)
{
	return token->kind == 'w' && token->length == strlen(word) &&
	       strncasecmp(token->text, word, token->length) == 0;
}

static bool is_scalar(const struct token *token)
{
	return token->kind == '"' || is_word(token, "true") || is_word(token, "false") ||
	       (token->kind == 'w' && strspn(token->text, "0123456789+-.") > 0);
}

/* Does a setting begin here? Then what precedes it is unfinished. */
static bool begins_setting(const struct check *check, const struct token *token)
{
	const char *next = check->at + strspn(check->at, " \t");
	return token->kind == 'w' && (*next == '=' || *next == ':');
}

/* The line of what is wrong: that of the token, or of the one before it, which is unfinished. */
static void note_wrong(struct check *check, const struct token *token, unsigned before)
{
	bool is_unfinished = check->expected == ASSIGNMENT || token->kind == '\0' ||
			     (check->expected != NAME && check->expected != END_OF_VALUE &&
			      (token->kind == ';' || begins_setting(check, token)));
	check->wrong_line = is_unfinished ? before : token->line;
	check->expected = ANYTHING;
}

/* What libconfig's grammar has, as far as settings need it. */
static void follow(struct check *check, const struct token *token, unsigned before, bool is_after_text)
{
	bool closes = token->kind == ']' || token->kind == ')', continues = is_after_text && token->kind == '"';
	switch (check->expected) {
	case END_OF_VALUE:
		if (continues)
			return;
		if (token->kind == ';' || token->kind == ',') {
			check->expected = NAME;
			return;
		}
		/* fall through */
	case NAME:
		if (token->kind == 'w' && !is_scalar(token))
			check->expected = ASSIGNMENT;
		else if (token->kind != '\0')
			note_wrong(check, token, before);
		return;
	case ASSIGNMENT:
		if (token->kind == '=' || token->kind == ':')
			check->expected = VALUE;
		else
			note_wrong(check, token, before);
		return;
	case COMMA:
		if (token->kind == ',')
			check->expected = ELEMENT;
		else if (closes)
			check->expected = END_OF_VALUE;
		else if (!continues)
			note_wrong(check, token, before);
		return;
	case VALUE:
	case FIRST_ELEMENT:
	case ELEMENT:
		if (is_scalar(token))
			check->expected = check->expected == VALUE ? END_OF_VALUE : COMMA;
		else if (closes && check->expected == FIRST_ELEMENT)
			check->expected = END_OF_VALUE;
		else if (check->expected == VALUE && (token->kind == '[' || token->kind == '('))
			check->expected = FIRST_ELEMENT;
		else if (token->kind == '[' || token->kind == '(' || token->kind == '{')
			check->expected = ANYTHING;
		else
			note_wrong(check, token, before);
		return;
	case ANYTHING:
		return;
	}
}

/* libconfig 1.5 takes the lower 32 bits of a number that is larger, and reads 010 as 8. */
static bool check_number(const struct check *check, const struct token *token)
{
	size_t sign = strspn(token->text, "+-");
	const char *digits = token->text + sign;
	bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	size_t count = is_hex ? 2 + strspn(digits + 2, "0123456789abcdefABCDEF") : strspn(digits, "0123456789");
	size_t end = sign + count + strspn(digits + count, "L");
	if (count == 0 || is_scalar(token) == false)
		return true;
	if (digits[0] == '0' && strchr("bBoO", digits[1]) != NULL && digits[1] != '\0')
		return refuse(check, token, ": write this number in decimal");
	if (end != token->length)
		return true;
	if (!is_hex && digits[0] == '0' && count > 1)
		return refuse(check, token, ": write this number without a leading zero");
	/* What is beyond 64 bits becomes the largest number. */
	if (strtoull(digits, NULL, is_hex ? 16 : 10) > 1000000000)
		return refuse(check, token, " is too large: no setting takes more than 1000000000");
	return true;
}

bool settings_check_syntax(const char *content, const char *path, unsigned *wrong_line, struct problem *problem)
{
	struct check check = {.path = path, .at = content, .line = 1, .problem = problem};
	struct token token = {.line = 1, .kind = ';'};
	bool good = true;
	while (good && token.kind != '\0') {
		unsigned before = token.line;
		bool is_after_text = token.kind == '"';
		good = next_token(&check, &token);
		if (!good)
			break;
		if (token.kind == '@')
			/* For a file that it can't read, libconfig calls exit(). */
			good = refuse(&check, &token,
				      ": a file can't include another: write all settings into this one");
		else if (token.kind == 'w')
			good = check_number(&check, &token);
		follow(&check, &token, before, is_after_text);
	}
	*wrong_line = check.wrong_line;
	return good;
}

#include "kith/writing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void writing_fini(struct writing *writing)
{
	buffer_fini(&writing->out);
	*writing = (struct writing){0};
}

size_t writing_length(const struct writing *writing)
{
	return buffer_length(&writing->out);
}

const char *writing_content(struct writing *writing)
{
	char *end = buffer_reserve(&writing->out, 1);
	if (end == NULL) {
		writing->lacks_memory = true;
		return "";
	}
	*end = '\0';
	return buffer_content(&writing->out);
}

void writing_cut(struct writing *writing, size_t length)
{
	const char *content = buffer_content(&writing->out);
	if (length >= writing_length(writing))
		return;
	while (length > 0 && ((unsigned char)content[length] & 0xc0) == 0x80)
		length--;
	writing->out.end = writing->out.start + length;
}

static void append(struct writing *writing, const char *bytes, size_t length)
{
	if (!writing->lacks_memory)
		writing->lacks_memory = !buffer_append(&writing->out, bytes, length);
}

void writing_print(struct writing *writing, const char *format, ...)
{
	va_list arguments, again;
	char text[256], *all = NULL;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(text, sizeof text, format, arguments);
	if (length >= 0 && length < (int)sizeof text) {
		append(writing, text, (size_t)length);
	} else if (length >= 0 && vasprintf(&all, format, again) >= 0) {
		append(writing, all, (size_t)length);
		free(all);
	} else {
		writing->lacks_memory = true;
	}
	va_end(again);
	va_end(arguments);
}

/* ---- escapes ---- */

struct escape {
	const char *from, *to; /* from is NULL at the end */
};

/* U+FFFE and U+FFFF are no characters of XML. */
static const struct escape markup[] = {
	{"&", "&amp;"},
	{"<", "&lt;"},
	{">", "&gt;"},
	{"\"", "&quot;"},
	{"'", "&#39;"},
	{"\xef\xbf\xbe", "\xef\xbf\xbd"},
	{"\xef\xbf\xbf", "\xef\xbf\xbd"},
	{NULL, NULL},
};

static const struct escape graphviz[] = {{"\"", "\\\""}, {"\\", "\\\\"}, {NULL, NULL}};
static const struct escape none[] = {{NULL, NULL}};

static void append_escaped(struct writing *writing, const char *text, const struct escape *escapes)
{
	size_t length = strlen(text), room = 4 * length + 1;
	char *clean = malloc(room);
	if (clean == NULL) {
		writing->lacks_memory = true;
		return;
	}
	text_escape(clean, room, text, length, TEXT_LINE);
	const char *from = clean, *at = clean;
	while (*at != '\0') {
		const struct escape *escape = escapes;
		while (escape->from != NULL && strncmp(at, escape->from, strlen(escape->from)) != 0)
			escape++;
		if (escape->from == NULL) {
			at++;
			continue;
		}
		append(writing, from, (size_t)(at - from));
		append(writing, escape->to, strlen(escape->to));
		at += strlen(escape->from);
		from = at;
	}
	append(writing, from, (size_t)(at - from));
	free(clean);
}

void writing_text(struct writing *writing, const char *text)
{
	append_escaped(writing, text, none);
}

void writing_markup(struct writing *writing, const char *text)
{
	append_escaped(writing, text, markup);
}

void writing_graphviz(struct writing *writing, const char *text)
{
	append_escaped(writing, text, graphviz);
}

#include "kith/cells.h"

#include <string.h>

#include "base/text.h"

static size_t character_bytes(const char *text)
{
	size_t bytes = 1;
	while (((unsigned char)text[bytes] & 0xc0) == 0x80)
		bytes++;
	return bytes;
}

size_t cells_step(const char *text, size_t *width)
{
	enum { LONGEST = 4 };
	char character[LONGEST + 1];
	*width = 0;
	if (text[0] == '\0')
		return 0;
	if (text[0] == '\033') {
		size_t bytes = strcspn(text, "m");
		return bytes + (text[bytes] == 'm');
	}
	size_t bytes = character_bytes(text);
	bytes = bytes > LONGEST ? LONGEST : bytes;
	memcpy(character, text, bytes);
	character[bytes] = '\0';
	*width = text_width(character);
	return bytes;
}

size_t cells_width(const char *text)
{
	size_t all = 0, width, bytes;
	for (; (bytes = cells_step(text, &width)) > 0; text += bytes)
		all += width;
	return all;
}

size_t cells_fit(const char *text, size_t width)
{
	size_t at = 0, used = 0, more, bytes;
	while ((bytes = cells_step(text + at, &more)) > 0 && used + more <= width) {
		at += bytes;
		used += more;
	}
	return at;
}

static bool put_spaces(struct buffer *out, size_t count)
{
	bool is_good = true;
	for (size_t i = 0; i < count && is_good; i++)
		is_good = buffer_append(out, " ", 1);
	return is_good;
}

bool cells_put(struct buffer *out, const char *text, size_t width, bool is_right)
{
	size_t all = cells_width(text), bytes = cells_fit(text, width);
	size_t spaces = width - all;
	/* Half of a wide character may be left. */
	if (all > width) {
		size_t used = 0, more;
		for (size_t at = 0; at < bytes; at += cells_step(text + at, &more), used += more)
			;
		spaces = width - used;
	}
	return (!is_right || put_spaces(out, spaces)) && buffer_append(out, text, bytes) &&
	       (is_right || put_spaces(out, spaces));
}

size_t cells_wrap(const char *text, size_t width, const char **next)
{
	size_t bytes = cells_fit(text, width), ignored;
	if (text[bytes] == '\0') {
		*next = text + bytes;
		return bytes;
	}
	size_t first = strspn(text, " "), end = bytes;
	while (end > first && text[end] != ' ')
		end--;
	if (end > first) {
		*next = text + end + strspn(text + end, " ");
		return end;
	}
	bytes = bytes == 0 ? cells_step(text, &ignored) : bytes;
	*next = text + bytes;
	return bytes;
}

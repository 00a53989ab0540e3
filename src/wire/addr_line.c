#include "wire/addr_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* The longest: two texts, their quotes, the brackets and the commas. */
enum { ENTRY_BYTES = ADDRESS_TEXT_BYTES + NODEID_TEXT_BYTES + 8 };

/* Neither text has a character that JSON would escape. */
static size_t format_entry(const struct message_entry *entry, char out[static ENTRY_BYTES])
{
	char address[ADDRESS_TEXT_BYTES], nodeid[NODEID_TEXT_BYTES];
	address_format(&entry->address, address);
	if (nodeid_is_none(&entry->nodeid))
		return (size_t)snprintf(out, ENTRY_BYTES, "\"%s\"", address);
	nodeid_format(&entry->nodeid, nodeid);
	return (size_t)snprintf(out, ENTRY_BYTES, "[\"%s\",\"%s\"]", address, nodeid);
}

/*
 * Room is made once: to grow entry by entry takes seven allocations for an answer to getaddr, and where hundreds of
 * threads answer at once they wait for each other in malloc.
 */
bool addr_line_write(const struct message_addr *addr, struct buffer *out)
{
	static const char head[] = "{\"msgtype\":\"addr\",\"peers\":[", tail[] = "]}\n";
	bool written = buffer_reserve(out, sizeof head + addr->count * (1 + ENTRY_BYTES) + sizeof tail) != NULL &&
		       buffer_append(out, head, sizeof head - 1);
	for (size_t i = 0; written && i < addr->count; i++) {
		char text[1 + ENTRY_BYTES] = ",";
		size_t length = format_entry(&addr->entries[i], text + 1);
		written = i == 0 ? buffer_append(out, text + 1, length) : buffer_append(out, text, length + 1);
	}
	return written && buffer_append(out, tail, sizeof tail - 1);
}

/* ---- reading ---- */

/* ["10.0.0.1:5999","NODEID"] and a comma; an entry without a nodeid is shorter. */
enum { USUAL_ENTRY_BYTES = 58 };

/* What is left of the line. */
struct rest {
	const char *at;
	const char *end;
};

static bool is_next(const struct rest *rest, char character)
{
	return rest->at < rest->end && *rest->at == character;
}

/* Takes these characters off the rest, where a space may be missing; false if it begins otherwise. */
static bool take(struct rest *rest, const char *form)
{
	for (; *form != '\0'; form++) {
		if (is_next(rest, *form))
			rest->at++;
		else if (*form != ' ')
			return false;
	}
	return true;
}

/* Takes a string of plain ASCII without escapes; false for any other, and for one that is too long to be useful. */
static bool take_string(struct rest *rest, char *out, size_t size)
{
	if (!take(rest, "\""))
		return false;
	for (size_t length = 0; length < size && rest->at < rest->end; length++) {
		char character = *rest->at++;
		if (character == '"') {
			out[length] = '\0';
			return true;
		}
		if (character < ' ' || character > '~' || character == '\\')
			return false;
		out[length] = character;
	}
	return false;
}

static bool take_entry(struct rest *rest, struct message_entry *entry, bool *is_useful)
{
	char address[ADDRESS_TEXT_BYTES], nodeid[NODEID_TEXT_BYTES];
	entry->nodeid = nodeid_none;
	if (!is_next(rest, '[')) {
		if (!take_string(rest, address, sizeof address))
			return false;
		*is_useful = address_parse(address, &entry->address);
		return true;
	}
	rest->at++;
	if (!take_string(rest, address, sizeof address) || !take(rest, ", ") ||
	    !take_string(rest, nodeid, sizeof nodeid) || !take(rest, "]"))
		return false;
	*is_useful = address_parse(address, &entry->address) && nodeid_parse(nodeid, &entry->nodeid);
	return true;
}

/*
 * Room for one entry more, *room being what there is; false if that is too many, or there is no memory. At first there
 * is as much as usual entries of this many bytes need, so that a flood of them is not a flood of allocations too.
 */
static bool make_room(struct message_addr *addr, size_t *room, size_t bytes)
{
	size_t more = *room == 0 ? 2 + bytes / USUAL_ENTRY_BYTES : *room * 2;
	if (addr->count < *room)
		return true;
	if (more > MESSAGE_ADDR_ENTRIES)
		more = MESSAGE_ADDR_ENTRIES;
	struct message_entry *grown = more == *room ? NULL : realloc(addr->entries, more * sizeof *grown);
	if (grown == NULL)
		return false;
	addr->entries = grown;
	*room = more;
	return true;
}

static bool take_entries(struct rest *rest, struct message_addr *addr)
{
	size_t room = 0;
	if (is_next(rest, ']'))
		return true;
	do {
		bool is_useful;
		if (addr->count + addr->useless == MESSAGE_ADDR_ENTRIES ||
		    !make_room(addr, &room, (size_t)(rest->end - rest->at)) ||
		    !take_entry(rest, &addr->entries[addr->count], &is_useful))
			return false;
		if (is_useful)
			addr->count++;
		else
			addr->useless++;
	} while (is_next(rest, ',') && take(rest, ", "));
	return true;
}

/*
 * Without a tree of objects in between: a line of 1,000 entries takes 0.65 ms of a processor, and 1.85 ms with json-c.
 * A flood of such lines is taken in 2.5 times as fast (tests/bench/README.md, flood).
 */
bool addr_line_read(const char *line, size_t length, struct message_addr *addr)
{
	struct rest rest = {.at = line, .end = line + length};
	if (!take(&rest, "{\"msgtype\": \"addr\", \"peers\": ["))
		return false;
	struct message_addr taken = {0};
	if (take_entries(&rest, &taken) && take(&rest, "]}") && rest.at == rest.end) {
		*addr = taken;
		return true;
	}
	free(taken.entries);
	return false;
}

/*
 * What decodes, encodes and decodes again to the same; what doesn't decode says why; and the lines that are decoded
 * the fast way mean what json-c makes of them. The input is one line, without its LF.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "wire/addr_line.h"
#include "wire/message.h"

static bool same_entries(const struct message_addr *one, const struct message_addr *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (!address_equals(&one->entries[i].address, &other->entries[i].address) ||
		    !nodeid_equals(&one->entries[i].nodeid, &other->entries[i].nodeid))
			return false;
	return true;
}

/* An empty text isn't sent, and no node has an empty network. */
static bool same_hello(const struct message_hello *one, const struct message_hello *other)
{
	return nodeid_equals(&one->nodeid, &other->nodeid) && one->version == other->version &&
	       strcmp(one->network, other->network) == 0 && strcmp(one->name, other->name) == 0 &&
	       strcmp(one->agent, other->agent) == 0 && one->listen == other->listen &&
	       one->is_feeler == other->is_feeler &&
	       (one->has_network == other->has_network || one->network[0] == '\0');
}

static bool same_message(const struct message *one, const struct message *other)
{
	if (one->type != other->type)
		return false;
	switch (one->type) {
	case MESSAGE_HELLO:
		return same_hello(&one->hello, &other->hello);
	case MESSAGE_ADDR:
		return same_entries(&one->addr, &other->addr);
	case MESSAGE_BYE:
		return one->bye.reason == other->bye.reason;
	default:
		return true;
	}
}

/* What holds for every message, whatever was in the line. */
static void check_values(const struct message *message)
{
	must(message->type >= MESSAGE_UNKNOWN && message->type < MESSAGE_TYPES);
	if (message->type == MESSAGE_HELLO) {
		const struct message_hello *hello = &message->hello;
		const char *const texts[] = {hello->network, hello->name, hello->agent};
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			must(memchr(texts[i], '\0', MESSAGE_TEXT_BYTES) != NULL &&
			     text_is_plain(texts[i], strlen(texts[i])));
		must(!nodeid_is_none(&hello->nodeid));
	} else if (message->type == MESSAGE_ADDR) {
		const struct message_addr *addr = &message->addr;
		must(addr->count + addr->useless <= MESSAGE_ADDR_ENTRIES);
		for (size_t i = 0; i < addr->count; i++)
			must(address_is_known(&addr->entries[i].address));
	} else if (message->type == MESSAGE_BYE) {
		must(memchr(message->bye.text, '\0', MESSAGE_TEXT_BYTES) != NULL &&
		     text_is_plain(message->bye.text, strlen(message->bye.text)));
	}
}

static void check_round_trip(const struct message *message)
{
	struct message again;
	struct buffer line = {0};
	struct problem problem;
	must(message_encode(message, &line));
	size_t length = buffer_length(&line);
	const char *content = buffer_content(&line);
	must(length > 0 && memchr(content, '\n', length) == content + length - 1);
	must(message_decode(content, length - 1, &again, &problem));
	must(same_message(message, &again));
	message_fini(&again);
	buffer_fini(&line);
}

/* With a space before it no line has the form of the fast way, so json-c decodes it. */
static void check_fast_way(const char *line, size_t length, const struct message *message)
{
	struct message_addr addr;
	struct message slow;
	struct problem problem;
	char *spaced = malloc(length + 1);
	must(spaced != NULL);
	spaced[0] = ' ';
	memcpy(spaced + 1, line, length);
	bool decodes = message_decode(spaced, length + 1, &slow, &problem);
	must(decodes == (message != NULL));
	if (decodes) {
		must(same_message(message, &slow));
		must(slow.type != MESSAGE_ADDR || slow.addr.useless == message->addr.useless);
		message_fini(&slow);
	}
	if (addr_line_read(line, length, &addr)) {
		must(message != NULL && message->type == MESSAGE_ADDR && same_entries(&addr, &message->addr) &&
		     addr.useless == message->addr.useless);
		free(addr.entries);
	}
	free(spaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct message message;
	struct problem problem;
	const char *line = (const char *)bytes;
	bool decodes = length > 0 && message_decode(line, length, &message, &problem);
	if (length > 0)
		check_fast_way(line, length, decodes ? &message : NULL);
	if (!decodes) {
		must(length == 0 ||
		     (problem.text[0] != '\0' && memchr(problem.text, '\0', sizeof problem.text) != NULL));
		return 0;
	}
	check_values(&message);
	if (message.type != MESSAGE_UNKNOWN)
		check_round_trip(&message);
	message_fini(&message);
	return 0;
}

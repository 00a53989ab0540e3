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
#include "wire/report.h"

/* When the line came. */
static const int64_t now_us = INT64_C(1000) * 3600 * 1000 * 1000;

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

/* How it is written tells all of it. */
static void write_message(const struct message *message, struct buffer *line)
{
	if (message->type != MESSAGE_REPORT) {
		must(message_encode(message, line));
		return;
	}
	struct report_words words = {.now_us = now_us,
				     .clock_us = message->report->clock_us,
				     .is_own = nodeid_is_none(&message->report->nodeid)};
	must(report_write(message->report, &words, line));
}

static bool is_written_the_same(const struct message *one, const struct message *other)
{
	struct buffer first = {0}, second = {0};
	write_message(one, &first);
	write_message(other, &second);
	bool same = buffer_length(&first) == buffer_length(&second) &&
		    memcmp(buffer_content(&first), buffer_content(&second), buffer_length(&first)) == 0;
	buffer_fini(&first);
	buffer_fini(&second);
	return same;
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
	case MESSAGE_REPORT:
	case MESSAGE_REPORTS:
	case MESSAGE_GETREPORT:
		return is_written_the_same(one, other);
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
	} else if (message->type == MESSAGE_PING) {
		must(message->ping.next_ms >= 0 && message->ping.next_ms <= MESSAGE_NEXT_MS);
	} else if (message->type == MESSAGE_ADDR) {
		const struct message_addr *addr = &message->addr;
		must(addr->count + addr->useless <= MESSAGE_ADDR_ENTRIES);
		for (size_t i = 0; i < addr->count; i++)
			must(address_is_known(&addr->entries[i].address));
	} else if (message->type == MESSAGE_BYE) {
		must(memchr(message->bye.text, '\0', MESSAGE_TEXT_BYTES) != NULL &&
		     text_is_plain(message->bye.text, strlen(message->bye.text)));
	} else if (message->type == MESSAGE_REPORTS) {
		must(message->reports.has_sums || message->reports.have != NULL);
		must(message->reports.count <= MESSAGE_HAVE);
	} else if (message->type == MESSAGE_GETREPORT) {
		must(message->getreport.count <= MESSAGE_GETREPORT_NODEIDS);
	}
}

static void check_round_trip(const struct message *message)
{
	struct message again;
	struct buffer line = {0};
	struct problem problem;
	write_message(message, &line);
	size_t length = buffer_length(&line);
	const char *content = buffer_content(&line);
	must(length > 0 && memchr(content, '\n', length) == content + length - 1);
	must(message_decode(content, length - 1, now_us, &again, &problem));
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
	bool decodes = message_decode(spaced, length + 1, now_us, &slow, &problem);
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
	bool decodes = length > 0 && message_decode(line, length, now_us, &message, &problem);
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

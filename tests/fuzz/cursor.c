/*
 * The file in which kith on remembers how far it has come. A text that is read is written again as the same, byte for
 * byte, so a damaged file is refused or is another good one; and what is wanted of the journal is what was not handled.
 */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "fuzz.h"
#include "kith/cursor.h"

/* Numbers around those of the cursor. */
static void check_wanted(const struct cursor *cursor)
{
	uint64_t after = cursor_after(cursor), count = 0;
	must(after <= cursor->number);
	for (uint64_t number = after + 1; number < after + 50; number++) {
		bool is_waiting = false;
		for (size_t i = 0; i < cursor->waiting_count; i++)
			is_waiting = is_waiting || cursor->waiting[i] == number;
		must(cursor_wants(cursor, number) == (is_waiting || number > cursor->number));
		count += cursor_wants(cursor, number);
		must(cursor_count_wanted(cursor, after, number) == count);
	}
	must(cursor_count_wanted(cursor, after, cursor->number) == cursor->waiting_count);
	must(!cursor_wants(cursor, after));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct cursor cursor;
	struct problem problem = {0};
	struct buffer text = {0};
	if (!cursor_parse((const char *)bytes, length, &cursor, &problem)) {
		must(problem.text[0] != '\0' && strlen(problem.text) < sizeof problem.text);
		return 0;
	}
	must(cursor.waiting_count <= CURSOR_WAITING);
	must(cursor_format(&cursor, &text));
	/* In a nodeid letters of either case are read. */
	must(buffer_length(&text) == length && strncasecmp(buffer_content(&text), (const char *)bytes, length) == 0);
	check_wanted(&cursor);
	buffer_fini(&text);
	return 0;
}

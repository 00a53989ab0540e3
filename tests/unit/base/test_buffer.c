#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/suites.h"

static bool holds(const struct buffer *buffer, const char *bytes, size_t length)
{
	return buffer_length(buffer) == length && (length == 0 || memcmp(buffer_content(buffer), bytes, length) == 0);
}

static void bytes_leave_in_the_order_they_came(void)
{
	struct buffer buffer = {0};
	CU_ASSERT_EQUAL(buffer_length(&buffer), 0);
	CU_ASSERT(buffer_append(&buffer, "hello ", 6) && buffer_append(&buffer, "wor\0ld", 6));
	CU_ASSERT(holds(&buffer, "hello wor\0ld", 12));
	buffer_consume(&buffer, 7);
	CU_ASSERT(holds(&buffer, "or\0ld", 5));
	CU_ASSERT(buffer_append(&buffer, "!", 1));
	CU_ASSERT(holds(&buffer, "or\0ld!", 6));
	buffer_consume(&buffer, 0);
	CU_ASSERT(holds(&buffer, "or\0ld!", 6));
	buffer_fini(&buffer);
	CU_ASSERT_EQUAL(buffer_length(&buffer), 0);
}

static void an_empty_buffer_keeps_its_memory(void)
{
	struct buffer buffer = {0};
	CU_ASSERT(buffer_append(&buffer, "abc", 3));
	size_t capacity = buffer.capacity;
	buffer_consume(&buffer, 3);
	CU_ASSERT_EQUAL(buffer_room(&buffer), capacity);
	CU_ASSERT(buffer_append(&buffer, "de", 2));
	CU_ASSERT_EQUAL(buffer.capacity, capacity);
	CU_ASSERT(holds(&buffer, "de", 2));
	buffer_fini(&buffer);
	CU_ASSERT_PTR_NULL(buffer.bytes);
	buffer_fini(&buffer);
}

static void to_append_nothing_always_works(void)
{
	struct buffer buffer = {0};
	CU_ASSERT(buffer_append(&buffer, "", 0));
	CU_ASSERT_EQUAL(buffer_length(&buffer), 0);
	CU_ASSERT(buffer_append(&buffer, "abc", 3));
	CU_ASSERT(buffer_append(&buffer, "", 0));
	CU_ASSERT(holds(&buffer, "abc", 3));
	buffer_fini(&buffer);
}

static void as_much_fits_as_was_reserved(void)
{
	static const size_t sizes[] = {1, 511, 512, 513, 4096, 131072, 1000000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buffer buffer = {0};
		CU_ASSERT(buffer_append(&buffer, "0123456789", 10));
		buffer_consume(&buffer, 4);
		char *room = buffer_reserve(&buffer, sizes[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(room);
		EXPECT(buffer_room(&buffer) >= sizes[i], "%zu", sizes[i]);
		EXPECT(holds(&buffer, "456789", 6), "%zu", sizes[i]);
		CU_ASSERT_PTR_EQUAL(room, buffer_content(&buffer) + 6);
		memset(room, 'x', sizes[i]);
		buffer_commit(&buffer, sizes[i]);
		EXPECT(buffer_length(&buffer) == 6 + sizes[i], "%zu", sizes[i]);
		EXPECT(buffer_content(&buffer)[5] == '9' && buffer_content(&buffer)[5 + sizes[i]] == 'x', "%zu",
		       sizes[i]);
		buffer_fini(&buffer);
	}
}

static void a_queue_that_is_always_moving_does_not_grow(void)
{
	struct buffer buffer = {0};
	char piece[100];
	memset(piece, 'p', sizeof piece);
	CU_ASSERT(buffer_append(&buffer, piece, sizeof piece));
	for (int i = 0; i < 10000; i++) {
		CU_ASSERT(buffer_append(&buffer, piece, sizeof piece));
		buffer_consume(&buffer, sizeof piece);
	}
	CU_ASSERT_EQUAL(buffer_length(&buffer), sizeof piece);
	CU_ASSERT(buffer.capacity <= 4096);
	buffer_fini(&buffer);
}

static void any_mix_of_appending_and_consuming_keeps_the_bytes(void)
{
	enum { TOTAL = 200000 };
	struct buffer buffer = {0};
	struct rng rng;
	char *source = malloc(TOTAL);
	size_t in = 0, out = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(source);
	rng_seed(&rng, 4);
	for (size_t i = 0; i < TOTAL; i++)
		source[i] = (char)rng_below(&rng, 256);
	while (out < TOTAL) {
		size_t bytes = rng_below(&rng, 1500);
		if (rng_below(&rng, 2) == 0 && in < TOTAL) {
			bytes = 1 + (bytes < TOTAL - in ? bytes : TOTAL - in - 1);
			CU_ASSERT_FATAL(buffer_append(&buffer, source + in, bytes));
			in += bytes;
		} else {
			bytes = bytes < in - out ? bytes : in - out;
			buffer_consume(&buffer, bytes);
			out += bytes;
		}
		if (!EXPECT(holds(&buffer, source + out, in - out), "%zu in, %zu out", in, out))
			break;
	}
	buffer_fini(&buffer);
	free(source);
}

static CU_TestInfo tests[] = {
	{"bytes leave in the order they came", bytes_leave_in_the_order_they_came},
	{"an empty buffer keeps its memory", an_empty_buffer_keeps_its_memory},
	{"to append nothing always works", to_append_nothing_always_works},
	{"as much fits as was reserved", as_much_fits_as_was_reserved},
	{"a queue that is always moving does not grow", a_queue_that_is_always_moving_does_not_grow},
	{"any mix of appending and consuming keeps the bytes", any_mix_of_appending_and_consuming_keeps_the_bytes},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_buffer = {.pName = "buffer", .pTests = tests};

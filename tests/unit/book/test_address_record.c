#include "book/address_record.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/some_records.h"
#include "unit/suites.h"

enum { SOME = 20, MANY = 1000, MARKER = 1764000000 };

/* Ended by a NUL, which is not part of it. */
static struct buffer written(const struct address_records *records)
{
	struct buffer text = {0};
	CU_ASSERT_FATAL(address_records_write(records, &text) && buffer_append(&text, "", 1));
	text.end--;
	return text;
}

static struct buffer written_some(size_t count)
{
	struct address_records records = some_records(count, MARKER);
	struct buffer text = written(&records);
	address_records_fini(&records);
	return text;
}

static const char *const health_names[] = {"good", "damaged", "foreign"};

/* Reads a text that lies in memory of exactly its length, where a sanitizer sees what is read beyond. */
static enum address_records_health read_copy(const char *text, size_t length, size_t most,
					     struct address_records *records)
{
	char *copy = malloc(length == 0 ? 1 : length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, text, length);
	enum address_records_health health = address_records_read(copy, length, most, records);
	free(copy);
	for (size_t i = 0; i < records->count; i++)
		EXPECT(record_is_well_formed(&records->records[i]), "record %zu", i);
	return health;
}

/* Reads a text, and expects this of it. */
static void expect_reading(const char *name, const char *text, size_t length, enum address_records_health health,
			   size_t count)
{
	struct address_records records;
	enum address_records_health found = read_copy(text, length, MANY, &records);
	EXPECT(found == health, "%s: %s", name, health_names[found]);
	EXPECT(records.count == count, "%s: %zu", name, records.count);
	address_records_fini(&records);
	CU_ASSERT(records.records == NULL && records.count == 0);
}

static void what_is_written_is_read(void)
{
	static const size_t counts[] = {0, 1, 2, SOME, MANY};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		for (int has_secret = 0; has_secret < 2; has_secret++) {
			struct address_records records = some_records(counts[i], MARKER), again;
			if (!has_secret)
				records.secret = (struct hash_key){0};
			records.has_secret = has_secret;
			struct buffer text = written(&records);
			enum address_records_health health =
				read_copy(buffer_content(&text), buffer_length(&text), MANY, &again);
			EXPECT(health == ADDRESS_RECORDS_GOOD, "%zu: %s", counts[i], health_names[health]);
			EXPECT(records_equal(&records, &again), "%zu", counts[i]);
			buffer_fini(&text);
			address_records_fini(&records);
			address_records_fini(&again);
		}
	}
}

static void a_text_has_a_line_for_each_address(void)
{
	struct address_records records = some_records(2, MARKER);
	struct address_record *second = &records.records[1];
	second->kind = ADDRESS_TRIED;
	second->tried_s = second->reached_s = 1;
	second->failures = 7;
	second->is_anchor = true;
	second->error_s = 5;
	CU_ASSERT(address_from_host("::1", 0, &second->teller));
	struct buffer text = written(&records);
	CU_ASSERT_STRING_EQUAL(buffer_content(&text),
			       "{\"format\":\"kith addresses\",\"version\":1,\"saved\":1764000000,\n"
			       "\"secret\":\"00112233445566778899aabbccddeeff\",\n"
			       "\"addresses\":[\n"
			       "{\"address\":\"10.0.0.0:5999\",\"kind\":\"new\",\"heard\":1764000000,"
			       "\"told_by\":\"192.0.2.9\"},\n"
			       "{\"address\":\"[2001:db8::1]:5999\",\"kind\":\"tried\","
			       "\"nodeid\":\"02020202-0202-0202-0202-020202020202\",\"heard\":1764000000,\"tried\":1,"
			       "\"reached\":1,\"failures\":7,\"told_by\":\"::1\",\"error\":\"connection refused\","
			       "\"error_at\":5,\"anchor\":true}\n"
			       "]}\n");
	buffer_fini(&text);
	address_records_fini(&records);
}

static void what_could_not_be_read_is_not_written(void)
{
	static const char *const errors[] = {"\x1b[2J", "cut \xc3", "two\nlines", "\xff"};
	struct address_records records = some_records(sizeof errors / sizeof *errors, MARKER), again;
	for (size_t i = 0; i < records.count; i++) {
		strcpy(records.records[i].error, errors[i]);
		records.records[i].heard_s = i % 2 == 0 ? -1 : ADDRESS_LATEST_S + 1;
		records.records[i].failures = ADDRESS_FAILURES + 1;
	}
	struct buffer text = written(&records);
	CU_ASSERT_EQUAL(read_copy(buffer_content(&text), buffer_length(&text), MANY, &again), ADDRESS_RECORDS_GOOD);
	CU_ASSERT_EQUAL(again.count, records.count);
	for (size_t i = 0; i < again.count; i++) {
		EXPECT(again.records[i].error[0] == '\0', "%zu", i);
		EXPECT(again.records[i].heard_s == 0, "%zu", i);
		EXPECT(again.records[i].failures == ADDRESS_FAILURES, "%zu", i);
	}
	buffer_fini(&text);
	address_records_fini(&records);
	address_records_fini(&again);
}

#define ADDRESS "\"address\":\"10.0.0.7:5999\""

static void an_entry_counts_if_all_of_it_is_good(void)
{
	static const struct {
		const char *entry;
		bool is_good;
	} cases[] = {
		{"{" ADDRESS "}", true},
		{"{" ADDRESS ",\"kind\":\"new\"}", true},
		{"{" ADDRESS ",\"kind\":\"tried\",\"heard\":0,\"tried\":0,\"reached\":1099511627776}", true},
		{"{" ADDRESS ",\"failures\":1000000}", true},
		{"{" ADDRESS ",\"anchor\":false}", true},
		{"{" ADDRESS ",\"told_by\":\"::1\"}", true},
		{"{" ADDRESS ",\"unknown\":{\"of\":[\"a\",\"later\",\"version\"]}}", true},
		{"{" ADDRESS ",\"error\":\"\\u001b[2J\"}", true},
		{"{" ADDRESS ",\"error\":\"nul \\u0000\"}", true},
		{"{" ADDRESS ",\"error\":7}", true},
		{"{\"address\":\"[2001:DB8::7]:1\"}", true},
		{"{}", false},
		{"null", false},
		{"7", false},
		{"\"10.0.0.7:5999\"", false},
		{"[{" ADDRESS "}]", false},
		{"{\"address\":\"\"}", false},
		{"{\"address\":7}", false},
		{"{\"address\":null}", false},
		{"{\"address\":\"10.0.0.7\"}", false},
		{"{\"address\":\"10.0.0.7:0\"}", false},
		{"{\"address\":\"0.0.0.0:5999\"}", false},
		{"{\"address\":\"224.0.0.1:5999\"}", false},
		{"{\"address\":\"255.255.255.255:5999\"}", false},
		{"{\"address\":\"[ff02::1]:5999\"}", false},
		{"{\"address\":\"node.example:5999\"}", false},
		{"{\"address\":\"10.0.0.7:5999\\u0000\"}", false},
		{"{" ADDRESS ",\"kind\":\"known\"}", false},
		{"{" ADDRESS ",\"kind\":1}", false},
		{"{" ADDRESS ",\"nodeid\":\"\"}", false},
		{"{" ADDRESS ",\"nodeid\":\"00000000-0000-0000-0000-000000000000\"}", false},
		{"{" ADDRESS ",\"nodeid\":null}", false},
		{"{" ADDRESS ",\"told_by\":\"node.example\"}", false},
		{"{" ADDRESS ",\"told_by\":\"10.0.0.9:5999\"}", false},
		{"{" ADDRESS ",\"told_by\":false}", false},
		{"{" ADDRESS ",\"heard\":-1}", false},
		{"{" ADDRESS ",\"heard\":1099511627777}", false},
		{"{" ADDRESS ",\"heard\":18446744073709551617}", false},
		{"{" ADDRESS ",\"heard\":1e9}", false},
		{"{" ADDRESS ",\"heard\":NaN}", false},
		{"{" ADDRESS ",\"tried\":1.5}", false},
		{"{" ADDRESS ",\"reached\":\"1\"}", false},
		{"{" ADDRESS ",\"error_at\":[1]}", false},
		{"{" ADDRESS ",\"failures\":1000001}", false},
		{"{" ADDRESS ",\"failures\":-1}", false},
		{"{" ADDRESS ",\"anchor\":1}", false},
		{"{" ADDRESS ",\"anchor\":\"true\"}", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];
		int length = snprintf(text, sizeof text,
				      "{\"format\":\"kith addresses\",\"version\":1,\"addresses\":"
				      "[{\"address\":\"10.0.0.8:5999\"},%s]}",
				      cases[i].entry);
		expect_reading(cases[i].entry, text, (size_t)length,
			       cases[i].is_good ? ADDRESS_RECORDS_GOOD : ADDRESS_RECORDS_DAMAGED, 1 + cases[i].is_good);
	}
}

static void an_error_that_nobody_should_see_is_dropped(void)
{
	static const struct {
		const char *json, *error;
	} cases[] = {
		{"\"refused\"", "refused"},
		{"\"\\u001b[2J\"", ""},
		{"\"a\\nb\"", ""},
		{"\"\\u00e9\"", "\xc3\xa9"},
		{"[\"refused\"]", ""},
		{"\"a\\u0000\"", ""},
		{"null", ""},
		{"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123\"",
		 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"},
		{"\"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		 "012345\"",
		 ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_records records;
		char text[512];
		int length = snprintf(text, sizeof text,
				      "{\"format\":\"kith addresses\",\"addresses\":[{" ADDRESS ",\"error\":%s}]}",
				      cases[i].json);
		CU_ASSERT_EQUAL(read_copy(text, (size_t)length, MANY, &records), ADDRESS_RECORDS_GOOD);
		if (EXPECT(records.count == 1, "%s", cases[i].json))
			EXPECT(strcmp(records.records[0].error, cases[i].error) == 0, "%s", cases[i].json);
		address_records_fini(&records);
	}
}

#define HEAD "{\"format\":\"kith addresses\",\"version\":1,"
#define NESTED "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

static void a_text_of_any_kind_is_judged(void)
{
	static const struct {
		const char *text;
		enum address_records_health health;
		size_t count;
	} cases[] = {
		{"", ADDRESS_RECORDS_FOREIGN, 0},
		{"\n\n\n", ADDRESS_RECORDS_FOREIGN, 0},
		{"kith\n", ADDRESS_RECORDS_FOREIGN, 0},
		{"null", ADDRESS_RECORDS_FOREIGN, 0},
		{"7", ADDRESS_RECORDS_FOREIGN, 0},
		{"[]", ADDRESS_RECORDS_FOREIGN, 0},
		{"[{" ADDRESS "}]", ADDRESS_RECORDS_FOREIGN, 0},
		{"{}", ADDRESS_RECORDS_FOREIGN, 0},
		{"{\"addresses\":[]}", ADDRESS_RECORDS_FOREIGN, 0},
		{"{\"format\":\"other\",\"addresses\":[]}", ADDRESS_RECORDS_FOREIGN, 0},
		{"{\"format\":7,\"addresses\":[{" ADDRESS "}]}", ADDRESS_RECORDS_FOREIGN, 0},
		{HEAD "\"addresses\":[]}", ADDRESS_RECORDS_GOOD, 0},
		{HEAD "\"addresses\":[]}\r\n\r\n", ADDRESS_RECORDS_GOOD, 0},
		{HEAD "\"addresses\":[]} {}", ADDRESS_RECORDS_FOREIGN, 0},
		{HEAD "\"addresses\":[],}", ADDRESS_RECORDS_FOREIGN, 0},
		{HEAD "\"addresses\":{}}", ADDRESS_RECORDS_FOREIGN, 0},
		{HEAD "\"addresses\":[{" ADDRESS "},{" ADDRESS ",\"failures\":1}]}", ADDRESS_RECORDS_GOOD, 1},
		{HEAD "\"addresses\":[{" ADDRESS "}],\"later\":" NESTED "1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		 ADDRESS_RECORDS_FOREIGN, 0},
		{NESTED NESTED NESTED NESTED NESTED NESTED NESTED NESTED, ADDRESS_RECORDS_FOREIGN, 0},
		{"{" ADDRESS ",\"later\":" NESTED "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", ADDRESS_RECORDS_FOREIGN, 0},
		{"{" ADDRESS "}", ADDRESS_RECORDS_DAMAGED, 1},
		{"{" ADDRESS "},\r\n{\"address\":\"10.0.0.8:1\"}", ADDRESS_RECORDS_DAMAGED, 2},
		{"\t{" ADDRESS "}, \r\n", ADDRESS_RECORDS_DAMAGED, 1},
		{"\"secret\":\"00112233445566778899aabbccddeeff\"", ADDRESS_RECORDS_DAMAGED, 0},
		{"\"secret\":\"00112233445566778899aabbccddeef\"", ADDRESS_RECORDS_FOREIGN, 0},
		{"\"secret\":\"00112233445566778899aabbccddeef \"", ADDRESS_RECORDS_FOREIGN, 0},
		{"\"secret\":\"0x112233445566778899aabbccddeeff\"", ADDRESS_RECORDS_FOREIGN, 0},
		{HEAD "\"secret\":\"00112233445566778899AABBCCDDEEFF\",\"addresses\":[]}", ADDRESS_RECORDS_GOOD, 0},
		{HEAD "\"secret\":7,\"addresses\":[{" ADDRESS "}]}", ADDRESS_RECORDS_DAMAGED, 1},
		{"{\"format\":\"kith addresses\",\"version\":\"1\",\"addresses\":[]}", ADDRESS_RECORDS_FOREIGN, 0},
		{"{\"format\":\"kith addresses\",\"version\":2,\"addresses\":[{" ADDRESS "},{\"name\":\"a:1\"}]}",
		 ADDRESS_RECORDS_GOOD, 1},
		{"{\"format\":\"kith addresses\",\"version\":99999999999999999999,\"addresses\":[{" ADDRESS "}]}",
		 ADDRESS_RECORDS_GOOD, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_reading(cases[i].text, cases[i].text, strlen(cases[i].text), cases[i].health, cases[i].count);
	static const char with_nul[] = HEAD "\"addresses\":[]}\0";
	expect_reading("NUL", with_nul, sizeof with_nul, ADDRESS_RECORDS_FOREIGN, 0);
}

static void the_first_of_two_counts_and_no_more_than_are_wanted(void)
{
	struct address_records records = some_records(SOME, MARKER), again;
	records.records[7].address = records.records[3].address;
	struct buffer text = written(&records);
	CU_ASSERT_EQUAL(read_copy(buffer_content(&text), buffer_length(&text), MANY, &again), ADDRESS_RECORDS_GOOD);
	CU_ASSERT_EQUAL(again.count, SOME - 1);
	CU_ASSERT(record_equals(&again.records[3], &records.records[3]));
	CU_ASSERT(record_equals(&again.records[7], &records.records[8]));
	address_records_fini(&again);
	for (size_t most = 0; most <= SOME; most++) {
		CU_ASSERT_EQUAL(read_copy(buffer_content(&text), buffer_length(&text), most, &again),
				ADDRESS_RECORDS_GOOD);
		EXPECT(again.count == (most < SOME ? most : SOME - 1), "%zu: %zu", most, again.count);
		address_records_fini(&again);
	}
	buffer_fini(&text);
	address_records_fini(&records);
}

/* What another program has made of a text of ours. */
static void a_text_that_was_laid_out_anew_is_good(void)
{
	static const int layouts[] = {JSON_C_TO_STRING_PLAIN, JSON_C_TO_STRING_SPACED, JSON_C_TO_STRING_PRETTY};
	struct buffer text = written_some(SOME);
	struct json_object *root = json_tokener_parse(buffer_content(&text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		const char *anew = json_object_to_json_string_ext(root, layouts[i]);
		expect_reading("anew", anew, strlen(anew), ADDRESS_RECORDS_GOOD, SOME);
	}
	json_object_put(root);
	buffer_fini(&text);
}

static void a_text_with_other_ends_of_lines_is_good(void)
{
	struct buffer text = written_some(SOME), crlf = {0};
	for (const char *c = buffer_content(&text); *c != '\0'; c++)
		CU_ASSERT_FATAL(buffer_append(&crlf, *c == '\n' ? "\r\n" : c, *c == '\n' ? 2 : 1));
	expect_reading("CRLF", buffer_content(&crlf), buffer_length(&crlf), ADDRESS_RECORDS_GOOD, SOME);
	expect_reading("CRLF, cut", buffer_content(&crlf), buffer_length(&crlf) - 5, ADDRESS_RECORDS_DAMAGED, SOME);
	buffer_fini(&crlf);
	buffer_fini(&text);
}

/* How many of these records are in the text up to this byte with all of their line but for its comma. */
static size_t whole_lines(const char *text, size_t length)
{
	size_t count = 0;
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		const char *end = strchr(line, '\n');
		if (strncmp(line, "{\"address\"", 10) == 0 && end != NULL &&
		    (size_t)(end - text) <= length + (end[-1] == ','))
			count++;
	}
	return count;
}

static void of_a_text_that_was_cut_every_whole_line_is_salvaged(void)
{
	struct address_records records = some_records(SOME, MARKER), again;
	struct buffer text = written(&records);
	const char *content = buffer_content(&text);
	/* But for its LF it is still whole. */
	size_t whole = buffer_length(&text) - 1, secret = (size_t)(strstr(content, "\"secret\"") - content);
	size_t secret_end = secret + strcspn(content + secret, ",");
	for (size_t length = 0; length <= whole; length++) {
		enum address_records_health health = read_copy(content, length, MANY, &again);
		size_t lines = whole_lines(content, length);
		EXPECT(again.count == lines, "%zu bytes: %zu of %zu", length, again.count, lines);
		for (size_t i = 0; i < again.count && i < SOME; i++)
			EXPECT(record_equals(&again.records[i], &records.records[i]), "%zu bytes: %zu", length, i);
		EXPECT(again.has_secret == (length >= secret_end), "%zu bytes", length);
		enum address_records_health wanted = length == whole	    ? ADDRESS_RECORDS_GOOD
						     : length >= secret_end ? ADDRESS_RECORDS_DAMAGED
									    : ADDRESS_RECORDS_FOREIGN;
		EXPECT(health == wanted, "%zu bytes: %s", length, health_names[health]);
		address_records_fini(&again);
	}
	buffer_fini(&text);
	address_records_fini(&records);
}

/* How many lines of two texts of the same length differ; a line feed belongs to the lines on both of its sides. */
static size_t damaged_lines(const char *one, const char *other, size_t length)
{
	size_t count = 0;
	bool is_damaged = false;
	for (size_t i = 0; i < length; i++) {
		is_damaged = is_damaged || one[i] != other[i];
		if (one[i] == '\n') {
			count += is_damaged;
			is_damaged = one[i] != other[i];
		}
	}
	return count + is_damaged;
}

static void of_a_text_with_wrong_bytes_every_good_line_is_read(void)
{
	enum { VARIANTS = 6000, SEED = 7 };
	struct buffer text = written_some(SOME);
	size_t length = buffer_length(&text), lost = 0;
	char *damaged = malloc(length);
	struct rng rng;
	CU_ASSERT_PTR_NOT_NULL_FATAL(damaged);
	rng_seed(&rng, SEED);
	for (unsigned variant = 0; variant < VARIANTS; variant++) {
		struct address_records records;
		memcpy(damaged, buffer_content(&text), length);
		for (unsigned flips = 1 + rng_below(&rng, 4); flips > 0; flips--) {
			size_t at = rng_below(&rng, (uint32_t)length);
			/* One bit, or any byte. */
			damaged[at] = (char)(variant % 2 == 0 ? damaged[at] ^ 1 << rng_below(&rng, 8)
							      : (int)rng_below(&rng, 256));
		}
		read_copy(damaged, length, MANY, &records);
		size_t lines = damaged_lines(buffer_content(&text), damaged, length);
		EXPECT(records.count + lines >= SOME, "variant %u: %zu, %zu lines damaged", variant, records.count,
		       lines);
		lost += SOME - (records.count < SOME ? records.count : SOME);
		address_records_fini(&records);
	}
	CU_ASSERT(lost > 0);
	free(damaged);
	buffer_fini(&text);
}

static void bytes_that_mean_nothing_are_foreign(void)
{
	enum { VARIANTS = 500, SEED = 11 };
	static const char alphabet[] = "{}[]:,\"\\\n 017eE-+.tfnau\r\t";
	struct rng rng;
	rng_seed(&rng, SEED);
	for (unsigned variant = 0; variant < VARIANTS; variant++) {
		char text[700];
		size_t length = rng_below(&rng, sizeof text);
		for (size_t i = 0; i < length; i++) {
			text[i] = alphabet[rng_below(&rng, sizeof alphabet - 1)];
			if (variant % 2 == 0)
				text[i] = (char)rng_below(&rng, 256);
		}
		expect_reading("noise", text, length, ADDRESS_RECORDS_FOREIGN, 0);
	}
}

static CU_TestInfo tests[] = {
	{"what is written is read", what_is_written_is_read},
	{"a text has a line for each address", a_text_has_a_line_for_each_address},
	{"what could not be read is not written", what_could_not_be_read_is_not_written},
	{"an entry counts if all of it is good", an_entry_counts_if_all_of_it_is_good},
	{"an error that nobody should see is dropped", an_error_that_nobody_should_see_is_dropped},
	{"a text of any kind is judged", a_text_of_any_kind_is_judged},
	{"the first of two counts, and no more than are wanted", the_first_of_two_counts_and_no_more_than_are_wanted},
	{"a text that was laid out anew is good", a_text_that_was_laid_out_anew_is_good},
	{"a text with other ends of lines is good", a_text_with_other_ends_of_lines_is_good},
	{"of a text that was cut every whole line is salvaged", of_a_text_that_was_cut_every_whole_line_is_salvaged},
	{"of a text with wrong bytes every good line is read", of_a_text_with_wrong_bytes_every_good_line_is_read},
	{"bytes that mean nothing are foreign", bytes_that_mean_nothing_are_foreign},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_record = {.pName = "address_record", .pTests = tests};

#include "wire/nodeid.h"

#include <stddef.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

#define LOWER "0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7"
static const struct nodeid lower = {
	{0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x89, 0xef, 0xa0, 0xb1, 0xc2, 0xd3, 0xe4, 0xf5, 0xa6, 0xb7}};

static void a_nodeid_is_any_uuid_of_36_characters_but_nil(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{LOWER, true},
		{"0123ABCD-4567-89EF-A0B1-C2D3E4F5A6B7", true},
		{"0123aBcD-4567-89Ef-A0b1-c2D3e4F5a6B7", true},
		{"00000000-0000-0000-0000-000000000001", true},
		{"11111111-1111-1111-1111-111111111111", true},
		{"ffffffff-ffff-ffff-ffff-ffffffffffff", true},
		{"00000000-0000-0000-0000-000000000000", false},
		{"", false},
		{"alpha", false},
		{"0123abcd-4567-89ef-a0b1-c2d3e4f5a6b", false},
		{"0123abcd-4567-89ef-a0b1-c2d3e4f5a6b77", false},
		{" " LOWER, false},
		{LOWER " ", false},
		{LOWER "\n", false},
		{" 123abcd-4567-89ef-a0b1-c2d3e4f5a6b7", false},
		{"{" LOWER "}", false},
		{"urn:uuid:" LOWER, false},
		{"0123abcd456789efa0b1c2d3e4f5a6b7", false},
		{"0123abcd-4567-89ef-a0b1-c2d3e4f5a6bg", false},
		{"0123abcd-4567-89ef-a0b1c-2d3e4f5a6b7", false},
		{"0123abcd 4567 89ef a0b1 c2d3e4f5a6b7", false},
		{"0123abcd-4567-89ef-a0b1--2d3e4f5a6b7", false},
		{"0x23abcd-4567-89ef-a0b1-c2d3e4f5a6b7", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nodeid nodeid;
		EXPECT(nodeid_parse(cases[i].text, &nodeid) == cases[i].good, "%s", cases[i].text);
	}
}

static void upper_case_is_the_same_nodeid_and_is_written_in_lower_case(void)
{
	struct nodeid upper;
	char text[NODEID_TEXT_BYTES];
	CU_ASSERT_FATAL(nodeid_parse("0123ABCD-4567-89EF-A0B1-C2D3E4F5A6B7", &upper));
	CU_ASSERT(nodeid_equals(&upper, &lower));
	nodeid_format(&upper, text);
	CU_ASSERT_STRING_EQUAL(text, LOWER);
}

static void random_nodeids_differ_and_survive_their_text(void)
{
	struct nodeid ids[64];
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct nodeid again;
		char text[NODEID_TEXT_BYTES];
		ids[i] = nodeid_random();
		CU_ASSERT_FALSE(nodeid_is_none(&ids[i]));
		nodeid_format(&ids[i], text);
		CU_ASSERT_EQUAL(strlen(text), NODEID_TEXT_BYTES - 1);
		CU_ASSERT_FATAL(nodeid_parse(text, &again));
		EXPECT(nodeid_equals(&again, &ids[i]), "%s", text);
		for (size_t j = 0; j < i; j++)
			EXPECT(!nodeid_equals(&ids[i], &ids[j]), "%s", text);
	}
}

static void nodeids_are_ordered_by_their_bytes_as_unsigned_numbers(void)
{
	static const char *const ascending[] = {
		"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000080",
		"00000000-0000-0000-0000-000000000100", "00000000-0000-0000-0001-000000000000",
		"01000000-0000-0000-0000-000000000000", "7fffffff-ffff-ffff-ffff-ffffffffffff",
		"80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
	};
	enum { COUNT = sizeof ascending / sizeof *ascending };
	for (int i = 0; i < COUNT; i++) {
		for (int j = 0; j < COUNT; j++) {
			struct nodeid one, other;
			CU_ASSERT_FATAL(nodeid_parse(ascending[i], &one) && nodeid_parse(ascending[j], &other));
			int order = nodeid_compare(&one, &other);
			EXPECT((order > 0) - (order < 0) == (i > j) - (i < j), "%s, %s", ascending[i], ascending[j]);
			EXPECT(nodeid_equals(&one, &other) == (i == j), "%s, %s", ascending[i], ascending[j]);
		}
	}
}

static void only_the_nil_uuid_is_nobody(void)
{
	CU_ASSERT(nodeid_is_none(&nodeid_none));
	for (int i = 0; i < NODEID_BYTES; i++) {
		struct nodeid nodeid = nodeid_none;
		nodeid.bytes[i] = 1;
		EXPECT(!nodeid_is_none(&nodeid), "byte %d", i);
	}
}

static CU_TestInfo tests[] = {
	{"a nodeid is any UUID of 36 characters but nil", a_nodeid_is_any_uuid_of_36_characters_but_nil},
	{"upper case is the same nodeid and is written in lower case",
	 upper_case_is_the_same_nodeid_and_is_written_in_lower_case},
	{"random nodeids differ and survive their text", random_nodeids_differ_and_survive_their_text},
	{"nodeids are ordered by their bytes as unsigned numbers",
	 nodeids_are_ordered_by_their_bytes_as_unsigned_numbers},
	{"only the nil UUID is nobody", only_the_nil_uuid_is_nobody},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_nodeid = {.pName = "nodeid", .pTests = tests};

#include "base/keyed_hash.h"

#include "runner.h"
#include "unit/suites.h"

/* The key 00..0f and the input 00..0e: the test vectors of the reference implementation of SipHash-2-4. */
static struct hash_key reference_key(void)
{
	struct hash_key key;
	for (unsigned i = 0; i < HASH_KEY_BYTES; i++)
		key.bytes[i] = (unsigned char)i;
	return key;
}

static void it_is_siphash(void)
{
	static const struct {
		size_t length;
		uint64_t hash;
	} cases[] = {
		{0, 0x726fdb47dd0e0e31},
		{1, 0x74f839c593dc67fd},
		{8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5},
	};
	unsigned char input[15];
	struct hash_key key = reference_key();
	for (unsigned i = 0; i < sizeof input; i++)
		input[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t hash = keyed_hash(&key, input, cases[i].length);
		EXPECT(hash == cases[i].hash, "%zu bytes: %llx", cases[i].length, (unsigned long long)hash);
	}
}

static void each_byte_of_the_key_counts(void)
{
	struct hash_key key = reference_key();
	uint64_t hash = keyed_hash(&key, "kith", 4);
	for (unsigned i = 0; i < HASH_KEY_BYTES; i++) {
		struct hash_key other = key;
		other.bytes[i] ^= 1;
		EXPECT(keyed_hash(&other, "kith", 4) != hash, "byte %u", i);
	}
}

static void two_random_keys_differ(void)
{
	struct hash_key one, other;
	CU_ASSERT_FATAL(hash_key_draw(&one) && hash_key_draw(&other));
	CU_ASSERT(keyed_hash(&one, "kith", 4) != keyed_hash(&other, "kith", 4));
}

static CU_TestInfo tests[] = {
	{"it is SipHash-2-4", it_is_siphash},
	{"each byte of the key counts", each_byte_of_the_key_counts},
	{"two random keys differ", two_random_keys_differ},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_keyed_hash = {.pName = "keyed_hash", .pTests = tests};
